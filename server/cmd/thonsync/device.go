package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"thonsync/server"
	"thonsync/syncproto"
)

type deviceCmd struct {
	List    deviceListCmd    `cmd:"" help:"List phones and points: who is served, who is revoked, what is missing or held."`
	Show    deviceShowCmd    `cmd:"" help:"Show one device: what was never received from it, where it was last seen, what is held."`
	Revoke  deviceRevokeCmd  `cmd:"" help:"Revoke a lost device: what it wrote until now counts, later work is held. A point stops serving it and asks the centre."`
	Release deviceReleaseCmd `cmd:"" help:"Let go what is held of a revoked device, all or one change. At a point: end the point's own block."`
	Replace deviceReplaceCmd `cmd:"" help:"Revoke a phone and make the joining code for the one that takes its place."`
}

// deviceName is the name of a device. A person's name in it would stand in the
// list of processes, so it can be typed or piped instead.
type deviceName struct {
	Name string `arg:"" optional:"" help:"Its label, its team or the beginning of its id. Without it, or with -, it is read from standard input, where it may also be the name of a member of its team."`
}

func (d *deviceName) read(a *app) (string, error) {
	if d.Name != "" && d.Name != "-" {
		return d.Name, nil
	}
	if d.Name == "" {
		fmt.Fprint(a.err, "Which device (label, team, member or beginning of the id)? ")
	}
	line, err := bufio.NewReader(a.in).ReadString('\n')
	if line = strings.TrimSpace(line); line == "" {
		return "", syncproto.Errorf(syncproto.CodeInvalidInput, "no device was named: %v", err)
	}
	return line, nil
}

type deviceListCmd struct {
	Unit  string `placeholder:"LIST:CODE" help:"Only in this unit and below it."`
	State string `enum:",active,revoked,blocked,retired" default:"" help:"Only in this state: active, revoked, blocked or retired."`
	Held  bool   `help:"Only those with work that waits for a release."`
	Asked bool   `help:"Only those whose revocation a point asks for."`
}

// Run lists devices.
func (c *deviceListCmd) Run(a *app) error {
	list, err := server.DeviceList.Run(a.ctx, a.cfg, a.quiet(), server.DeviceQuery{Unit: c.Unit, State: c.State, Held: c.Held, Asked: c.Asked})
	if err != nil {
		return err
	}
	return a.show(list, func() {
		var rows [][]string
		for _, d := range list {
			rows = append(rows, []string{
				d.Origin.String()[:13], d.Role, d.Label, d.UnitName, d.TeamName, stateOf(d), strconv.FormatUint(d.Changes, 10),
				strconv.FormatUint(d.Missing, 10), strconv.FormatUint(d.Held, 10), strconv.Itoa(d.Waiting), when(d.LastContactMS), placeOf(d),
			})
		}
		a.table([]string{"ID", "ROLE", "DEVICE", "UNIT", "TEAM", "STATE", "HERE", "MISSING", "HELD", "ON IT", "LAST CONTACT", "AT"}, rows)
	})
}

func stateOf(d *server.Device) string {
	s := d.State
	if d.Reason != "" {
		s += " (" + string(d.Reason) + ")"
	}
	if d.Asked != "" && d.State != server.DeviceRevoked {
		s += ", a point asks to revoke it (" + d.Asked + ")"
	}
	return s
}

func placeOf(d *server.Device) string {
	switch {
	case d.LastContactMS == 0:
		return ""
	case d.LastPoint == uuid.Nil:
		return "here"
	case d.LastPointName != "":
		return d.LastPointName
	}
	return d.LastPoint.String()[:13]
}

type deviceShowCmd struct{ deviceName }

// Run shows one device.
func (c *deviceShowCmd) Run(a *app) error {
	name, err := c.read(a)
	if err != nil {
		return err
	}
	d, err := server.DeviceShow.Run(a.ctx, a.cfg, a.quiet(), server.DeviceOrder{Name: name})
	if err != nil {
		return err
	}
	return a.show(d, func() { a.printDevice(d) })
}

func (a *app) printDevice(d *server.DeviceDetail) {
	a.say("%s %s, %s", d.Role, d.Origin, d.Label)
	a.say("Unit: %s %s. Team: %s.", d.Unit, d.UnitName, d.TeamName)
	a.say("State: %s. Last contact: %s %s", stateOf(&d.Device), when(d.LastContactMS), placeOf(&d.Device))
	a.say("It still had %d changes to send then.", d.Waiting)
	for _, b := range d.Branches {
		a.say("Branch %d: up to change %d, nothing missing up to %d.", b.Branch, b.Head, b.Unbroken)
		for _, g := range b.Missing {
			a.say("  never received: changes %d to %d", g.First, g.Last)
		}
		for _, o := range b.Outcomes {
			a.say("  %-12s %-20s %d", o.Outcome, o.Reason, o.Changes)
		}
	}
	for _, s := range d.Seen {
		a.say("Seen up to change %d at point %s %s, %s by its clock.", s.Last, s.Point.String()[:13], s.PointName, when(s.AtMS))
	}
	for _, c := range d.Cut {
		a.say("What counts: up to change %d (%s).", c.Seq, c.Open[:8])
	}
	if len(d.HeldWork) > 0 {
		a.say("Held:")
		var rows [][]string
		for _, h := range d.HeldWork {
			rows = append(rows, []string{strconv.FormatUint(h.Seq, 10), when(h.StampMS), h.Op, h.Kind, h.Record.String()})
		}
		a.table([]string{"CHANGE", "BY ITS CLOCK", "OP", "KIND", "RECORD"}, rows)
	}
}

type deviceRevokeCmd struct {
	deviceName
	Reason string `default:"lost" help:"A short word, such as lost, stolen, broken or left."`
}

// Run revokes a device.
func (c *deviceRevokeCmd) Run(a *app) error {
	name, err := c.read(a)
	if err != nil {
		return err
	}
	r, err := server.DeviceRevoke.Run(a.ctx, a.cfg, a.quiet(), server.DeviceOrder{Name: name, Reason: syncproto.Reason(c.Reason)})
	if err != nil {
		return err
	}
	return a.show(r, func() { a.printRevoked(r) })
}

func (a *app) printRevoked(r *server.DeviceRuled) {
	if r.Asked {
		a.say("Only the centre revokes. This point has stopped serving the device, still takes what it brings, and asks the centre:")
		a.say("the request goes up with the next exchange or file.")
	} else if r.Before {
		a.say("It was revoked before. What is named below counts; what comes later is held until `thonsync device release`.")
	} else {
		a.say("Revoked. What is named below counts; what comes later is held until `thonsync device release`.")
	}
	a.printDevice(r.Device)
}

type deviceReleaseCmd struct {
	deviceName
	Change uint64 `help:"Only this change; all that is held until now if it is left out." placeholder:"NUMBER"`
	Reason string `help:"A short word." placeholder:"WORD"`
}

// Run releases held work.
func (c *deviceReleaseCmd) Run(a *app) error {
	name, err := c.read(a)
	if err != nil {
		return err
	}
	o := server.DeviceOrder{Name: name, Reason: syncproto.Reason(c.Reason), Change: c.Change}
	r, err := server.DeviceRelease.Run(a.ctx, a.cfg, a.quiet(), o)
	if err != nil {
		return err
	}
	return a.show(r, func() {
		a.say("Released.")
		a.printDevice(r.Device)
	})
}

type deviceReplaceCmd struct {
	deviceName
	Reason string `default:"lost" help:"A short word, such as lost, stolen or broken."`
	QR     bool   `name:"qr" help:"Draw the code for the new phone's camera."`
	Wait   bool   `default:"true" negatable:"" help:"Follow the code until the new phone has joined; never with --json."`
	Host   string `help:"How others call this machine, if --public-url is not set." placeholder:"NAME"`
}

// Run replaces a phone.
func (c *deviceReplaceCmd) Run(a *app) error {
	name, err := c.read(a)
	if err != nil {
		return err
	}
	in := server.DeviceReplacement{Host: c.Host}
	if in.Host == "" {
		in.Host, _ = os.Hostname() // the server then uses its listen address
	}
	in.DeviceOrder = server.DeviceOrder{Name: name, Reason: syncproto.Reason(c.Reason)}
	r, err := server.DeviceReplace.Run(a.ctx, a.cfg, a.quiet(), in)
	if err != nil {
		return err
	}
	err = a.show(r, func() {
		a.printRevoked(r.Old)
		a.say("For the new phone: %s", r.Code.Code)
		a.say("URI:    %s", r.Code.URI)
		a.say("Good for %d minutes, for one device. It gets the team's history when it has joined.", r.Code.Seconds/60)
		if c.QR {
			a.drawQR(r.Code.URI)
		}
	})
	if err != nil || a.json || !c.Wait {
		return err
	}
	return a.watch(r.Code.Code)
}
