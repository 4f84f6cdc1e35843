package main

import (
	"github.com/google/uuid"

	"thonsync/server"
	"thonsync/syncproto"
)

type pinCmd struct {
	Reset pinResetCmd `cmd:"" help:"Answer the challenge that a phone shows for a forgotten PIN; no line to the phone is needed."`
}

type pinResetCmd struct {
	Challenge string `arg:"" help:"The twelve letters and digits that the phone shows."`
	Device    string `placeholder:"UUID" help:"Origin of the phone, where several could show this challenge."`
}

// Run answers.
func (c *pinResetCmd) Run(a *app) error {
	q := server.PINReset{Challenge: c.Challenge}
	if c.Device != "" {
		var err error
		if q.Device, err = uuid.Parse(c.Device); err != nil {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "--device is no UUID: copy it from `thonsync status`")
		}
	}
	got, err := server.PINResetCommand.Run(a.ctx, a.cfg, a.quiet(), q)
	if err != nil {
		return err
	}
	return a.show(got, func() {
		a.say("Phone:  %s  %s, unit %s, team %s", got.Device, got.Label, got.Unit, got.Team)
		if got.Member == uuid.Nil {
			a.say("Person: somebody whom only the phone knows; ask who it is.")
		} else {
			a.say("Person: member %s, %s", got.Member, got.Role)
		}
		a.say("Is it this person who asks? Then read out:  %s", got.Answer)
	})
}
