package main

import (
	"fmt"

	"github.com/google/uuid"

	"thonsync/server"
	"thonsync/server/httpapi"
	"thonsync/syncproto"
)

type healthCmd struct {
	List    healthListCmd    `cmd:"" default:"withargs" help:"What is wrong on the way from phones to the centre, and what to do next."`
	Device  healthDeviceCmd  `cmd:"" help:"One device: where its changes were last seen, and what is wrong."`
	Dismiss healthDismissCmd `cmd:"" help:"Put a finding aside with a reason, as long as it stands."`
	Undo    healthUndoCmd    `cmd:"" help:"Have a dismissed finding stand again."`
}

type healthListCmd struct {
	Unit      string `placeholder:"LIST:CODE" help:"Only this unit and what lies in it."`
	Kind      string `placeholder:"KIND" help:"Only one kind: backup-failed, request-due, fork, restored, gap, quarantine, held, at-point, backlog, quiet, never-heard, point-behind, clock, team-stopped, conflict."`
	Dismissed bool   `help:"Also what was dismissed."`
	Lang      string `enum:"vi,en" default:"vi" help:"Language: vi or en."`
}

// Run lists findings.
func (c *healthListCmd) Run(a *app) error {
	q := httpapi.HealthQuery{Kind: c.Kind, Dismissed: c.Dismissed}
	if c.Unit != "" {
		q.Units = []string{c.Unit}
	}
	l, err := server.HealthCommand.Run(a.ctx, a.cfg, a.quiet(), q)
	if err != nil {
		return err
	}
	return a.show(l, func() {
		if len(l.Items) == 0 {
			a.say("%s", map[string]string{"vi": "Không có gì sai.", "en": "Nothing is wrong."}[c.Lang])
			return
		}
		a.findings(l.Items, c.Lang)
	})
}

func (a *app) findings(list []httpapi.HealthFinding, lang string) {
	for i := range list {
		f := &list[i]
		mark := " "
		if f.Urgent {
			mark = "!"
		}
		about := f.Label
		if f.TeamName != "" {
			about = f.TeamName + ", " + about
		}
		if f.UnitName != "" {
			about += " (" + f.UnitName + ")"
		}
		a.say("%s %s  %s  %s", mark, f.Kind, about, inLang(f.What, lang))
		a.say("    -> %s", inLang(f.Next, lang))
		a.say("    %s  %s", when(f.SinceMS), f.Key)
		if f.DismissedMS > 0 {
			a.say("    x %s: %s", when(f.DismissedMS), f.Reason)
		}
	}
}

func inLang(t httpapi.BothTexts, lang string) string {
	if lang == "en" {
		return t.EN
	}
	return t.VI
}

type healthDeviceCmd struct {
	Device string `arg:"" placeholder:"UUID" help:"Origin of the phone or point."`
	Lang   string `enum:"vi,en" default:"vi" help:"Language: vi or en."`
}

// Run shows one device.
func (c *healthDeviceCmd) Run(a *app) error {
	id, err := uuid.Parse(c.Device)
	if err != nil {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "the device is named by its UUID: copy it from `thonsync health`")
	}
	d, err := server.HealthDeviceCommand.Run(a.ctx, a.cfg, a.quiet(), server.HealthDeviceQuery{Origin: id})
	if err != nil {
		return err
	}
	return a.show(d, func() {
		a.say("%s %s  %s  %s", d.Role, d.Label, d.TeamName, d.UnitName)
		if d.Clock != nil {
			a.say("%s", inLang(*d.Clock, c.Lang))
		}
		var rows [][]string
		for _, x := range d.Custody {
			rows = append(rows, []string{x.Where, x.Label, fmt.Sprint(x.Changes), when(x.SinceMS)})
		}
		a.table([]string{"WHERE", "POINT", "CHANGES", "SINCE"}, rows)
		a.findings(d.Findings, c.Lang)
	})
}

type healthDismissCmd struct {
	Key    string `arg:"" help:"Key of the finding, from thonsync health."`
	Reason string `required:"" help:"Why it is put aside."`
}

// Run puts it aside.
func (c *healthDismissCmd) Run(a *app) error {
	done, err := server.HealthDismiss.Run(a.ctx, a.cfg, a.quiet(), server.FindingMark{Key: c.Key, Reason: c.Reason})
	if err != nil {
		return err
	}
	return a.show(done, func() { a.say("Put aside. `thonsync health undo %s` takes that back.", c.Key) })
}

type healthUndoCmd struct {
	Key string `arg:"" help:"Key of the finding, from thonsync health list --dismissed."`
}

// Run takes it back.
func (c *healthUndoCmd) Run(a *app) error {
	done, err := server.HealthUndo.Run(a.ctx, a.cfg, a.quiet(), server.FindingMark{Key: c.Key})
	if err != nil {
		return err
	}
	return a.show(done, func() { a.say("It stands again.") })
}
