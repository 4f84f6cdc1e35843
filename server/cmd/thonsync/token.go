package main

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"thonsync/server"
	"thonsync/server/accounts"
	"thonsync/syncproto"
)

type tokenCmd struct {
	New    tokenNewCmd    `cmd:"" help:"Make a token for another program; it is shown once."`
	List   tokenListCmd   `cmd:"" help:"List tokens: whose they are, what they may read, when they were used."`
	Revoke tokenRevokeCmd `cmd:"" help:"End a token at once."`
}

type tokenNewCmd struct {
	Name  string   `arg:"" help:"Which system it is for."`
	Part  []string `required:"" placeholder:"PART" help:"What it may read: reports, health, changes, status. Several are separated by commas."`
	Unit  []string `placeholder:"LIST:CODE" help:"Only these units; the whole server by default."`
	Valid int      `default:"365" help:"Days for which it is valid."`
}

// Run makes a token.
func (c *tokenNewCmd) Run(a *app) error {
	d := accounts.TokenDraft{Name: c.Name, Units: c.Unit, Valid: time.Duration(c.Valid) * 24 * time.Hour}
	for _, p := range c.Part {
		d.Parts = append(d.Parts, accounts.Part(p))
	}
	made, err := server.TokenNew.Run(a.ctx, a.cfg, a.quiet(), d)
	if err != nil {
		return err
	}
	return a.show(made, func() {
		a.say("%s", made.Secret)
		a.say("Give it to %s now: it is not kept here and not shown again. Valid until %s.", made.Name, when(made.EndsMS))
		a.say("  curl -H 'Authorization: Bearer TOKEN' SERVER/v1/changes")
	})
}

type tokenListCmd struct{}

// Run lists tokens.
func (tokenListCmd) Run(a *app) error {
	list, err := server.TokenList.Run(a.ctx, a.cfg, a.quiet(), server.None{})
	if err != nil {
		return err
	}
	return a.show(list, func() {
		var rows [][]string
		for _, t := range list {
			state := "until " + when(t.EndsMS)
			if t.RevokedMS > 0 {
				state = "revoked " + when(t.RevokedMS)
			}
			units := strings.Join(t.Units, ",")
			if units == "" {
				units = "all"
			}
			parts := make([]string, len(t.Parts))
			for i, p := range t.Parts {
				parts[i] = string(p)
			}
			rows = append(rows, []string{t.ID.String(), t.Name, strings.Join(parts, ","), units, state, when(t.UsedMS)})
		}
		a.table([]string{"TOKEN", "NAME", "READS", "UNITS", "VALID", "LAST USED"}, rows)
	})
}

type tokenRevokeCmd struct {
	Token string `arg:"" placeholder:"UUID" help:"The token's id, from thonsync token list."`
}

// Run ends a token.
func (c *tokenRevokeCmd) Run(a *app) error {
	id, err := uuid.Parse(c.Token)
	if err != nil {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "the token is named by its id: copy it from `thonsync token list`")
	}
	done, err := server.TokenRevoke.Run(a.ctx, a.cfg, a.quiet(), server.OutwardID{ID: id})
	if err != nil {
		return err
	}
	return a.show(done, func() { a.say("The token opens nothing any more.") })
}
