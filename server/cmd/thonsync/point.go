package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"thonsync/server"
	"thonsync/syncproto"
)

type pointCmd struct {
	List  pointListCmd  `cmd:"" help:"List points, what they may issue and how much of it is used."`
	Renew pointRenewCmd `cmd:"" help:"Let a point take phones in for longer, or more of them."`
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
