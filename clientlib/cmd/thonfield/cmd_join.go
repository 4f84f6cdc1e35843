package main

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/clientlib/cmd/thonfield/internal/view"
	"thonsync/syncproto"
)

type joinCmd struct {
	URI    string   `arg:"" name:"uri" help:"${help_uri}"`
	Label  string   `help:"${help_label}" placeholder:"TEXT"`
	Server []string `help:"${help_join_server}" placeholder:"URL"`
	NoWait bool     `name:"no-wait" help:"${help_join_nowait}"`
}

// joined is what --json writes for join.
type joined struct {
	Waiting bool          `json:"waiting"` // for the officer to compare the digits; only with --no-wait
	Role    string        `json:"role"`
	Unit    string        `json:"unit"`
	Team    uuid.UUID     `json:"team"`
	Digits  string        `json:"digits"` // officer and phone compare them; "" where none were asked for
	Centre  string        `json:"centre"`
	People  []view.Person `json:"people"`
}

// Run takes the device in.
func (c *joinCmd) Run(a *app) error {
	return a.with(func(d device) error {
		uri, err := a.oneLine(c.URI)
		if err != nil {
			return err
		}
		if isPicture(uri) {
			if uri, err = readPicture(uri); err != nil {
				return err
			}
		}
		j, err := c.ask(a, d, uri)
		switch {
		case syncproto.CodeOf(err) == syncproto.CodeInvalidInput:
			return failed(syncproto.CodeInvalidInput, "error.not-code")
		case err != nil && !(c.NoWait && j.Waiting):
			return a.reach(err)
		}
		if err := a.addServers(d, c.Server, false); err != nil {
			return err
		}
		people, err := d.People(a.ctx)
		if err != nil {
			return err
		}
		out := joined{j.Waiting, j.Welcome.Role, j.Welcome.Unit, j.Welcome.Team, j.Digits, j.Centre, view.People(people)}
		a.show(out, func() {
			if out.Waiting {
				a.say("join.digits", "digits", out.Digits)
				return
			}
			a.say("join.done", "unit", out.Unit)
			a.people(out.People)
			a.say("join.next")
		})
		return nil
	})
}

// How often and how long a join asks whether the officer has confirmed: the code
// lives ten minutes.
const (
	joinPause = 2 * time.Second
	joinTries = 330
)

// ask joins, shows the digits once they are known, and goes on asking until the
// officer has said that they agree. A hotspot that goes away for a moment ends
// nothing.
func (c *joinCmd) ask(a *app, d device, uri string) (clientlib.Joined, error) {
	shown := ""
	for range joinTries {
		j, err := d.Join(a.ctx, uri, c.Label)
		if err == nil || c.NoWait {
			return j, err
		}
		if !j.Waiting && (shown == "" || syncproto.CodeOf(err) != syncproto.CodeUpstream) {
			return j, err
		}
		if j.Waiting && j.Digits != shown {
			shown = j.Digits
			w := a.out
			if a.json {
				w = a.errOut
			}
			fmt.Fprintln(w, a.lang.T("join.digits", "digits", shown))
			fmt.Fprintln(w, a.lang.T("join.waiting"))
		}
		if err := a.pause(a.ctx, joinPause); err != nil {
			return j, err
		}
	}
	return clientlib.Joined{}, syncproto.Errorf(syncproto.CodeCodeSpent, "nobody confirmed the digits in time")
}
