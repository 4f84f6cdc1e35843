package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"thonsync/server"
	"thonsync/syncproto"
)

type pointCmd struct {
	List    pointListCmd    `cmd:"" help:"List points, what they may issue and how much of it is used."`
	Renew   pointRenewCmd   `cmd:"" help:"Let a point take phones in for longer, or more of them."`
	Replace pointReplaceCmd `cmd:"" help:"Make the joining code for a machine that takes the place of a point whose machine is gone."`
}

type pointListCmd struct{}

// Run lists points.
func (pointListCmd) Run(a *app) error {
	list, err := server.PointList.Run(a.ctx, a.cfg, a.quiet(), server.None{})
	if err != nil {
		return err
	}
	return a.show(list, func() { a.points(list) })
}

func (a *app) points(list []server.PointState) {
	var rows [][]string
	for _, p := range list {
		phones := strconv.Itoa(p.Counted)
		if p.Phones > 0 {
			phones += " of " + strconv.Itoa(p.Phones)
		}
		if p.Surplus > 0 {
			phones += fmt.Sprintf(", %d WAIT", p.Surplus)
		}
		until := "no end"
		if p.ExpiresMS > 0 {
			until = when(p.ExpiresMS)
		}
		rows = append(rows, []string{p.Origin.String(), p.Label, strings.Join(p.Units, ","), phones, until, when(p.ContactMS)})
	}
	a.table([]string{"POINT", "NAME", "UNITS", "PHONES", "MAY ISSUE UNTIL", "LAST CONTACT"}, rows)
}

type pointRenewCmd struct {
	Point  string        `arg:"" help:"Origin of the point, from point list."`
	Unit   []string      `placeholder:"LIST:CODE" help:"Units that it serves from now on; those it has by default."`
	Valid  time.Duration `default:"8760h" help:"How long it may take phones in, from now on; 0 for no end."`
	Phones int           `default:"100" help:"How many further phones it may take in; 0 for no limit."`
}

// Run renews.
func (c *pointRenewCmd) Run(a *app) error {
	id, err := uuid.Parse(c.Point)
	if err != nil {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "the point is no UUID: copy it from `thonsync point list`")
	}
	st, err := server.PointRenew.Run(a.ctx, a.cfg, a.quiet(), server.PointRenewal{Point: id, Units: c.Unit, Valid: c.Valid, Phones: c.Phones})
	if err != nil {
		return err
	}
	return a.show(st, func() {
		a.points([]server.PointState{st})
		a.say("The point gets this with its next exchange; without a line: `thonsync bundle export --for %s FILE`.", st.Origin)
	})
}

type pointReplaceCmd struct {
	Point   string        `arg:"" placeholder:"UUID" help:"Origin of the old point, from thonsync point list."`
	Valid   time.Duration `default:"8760h" help:"How long the new point may take phones in."`
	Phones  int           `default:"100" help:"How many phones it may take in; 0 for no limit."`
	Confirm bool          `default:"true" negatable:"" help:"Let it in only after its six digits were compared; --no-confirm trusts whoever has the code."`
	Wait    bool          `default:"true" negatable:"" help:"Follow the code until the point has joined; never with --json."`
	Host    string        `help:"How others call this machine, if --public-url is not set." placeholder:"NAME"`
}

// Run makes the code on the running centre.
func (c *pointReplaceCmd) Run(a *app) error {
	old, err := uuid.Parse(c.Point)
	if err != nil {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "the point is named by its UUID: copy it from `thonsync point list`")
	}
	q := server.CodeRequest{Replaces: old, Valid: c.Valid, Phones: c.Phones, Confirm: c.Confirm, Host: c.Host}
	if q.Host == "" {
		q.Host, _ = os.Hostname() // the server then uses its listen address
	}
	made, err := server.PointReplace.Run(a.ctx, a.cfg, a.quiet(), q)
	if err != nil {
		return err
	}
	err = a.show(made, func() {
		a.say("On the new machine, within %d minutes:", made.Seconds/60)
		a.say("  thonsync --data NEW serve --join '%s'", made.URI)
		a.say("It serves the same units. When it has joined, the old point is revoked: what it still carries is taken should it")
		a.say("come back, and it takes no phones in any more. Give the new machine the old one's address, and phones go on by")
		a.say("themselves: they learn its key, which the centre has signed, and bring again what the old one had not passed on.")
	})
	if err != nil || a.json || !c.Wait {
		return err
	}
	return a.watch(made.Code)
}
