package main

import (
	"strconv"
	"strings"

	"thonsync/server"
	"thonsync/syncproto"
)

type auditCmd struct {
	List   auditListCmd   `cmd:"" help:"List who signed in, who saw personal fields, and which accounts changed."`
	Verify auditVerifyCmd `cmd:"" help:"Prove that no entry was changed, removed or added."`
}

type auditListCmd struct {
	Last   int    `default:"100" help:"The last so many entries; 0 for all."`
	Actor  string `placeholder:"ID" help:"Only this account or device, or console, api-token, nobody."`
	Action string `placeholder:"NAME" help:"Only this, such as view, export, sign-in, sign-in-failed, foreign-id, role-changed."`
}

// Run lists entries.
func (c auditListCmd) Run(a *app) error {
	if c.Last < 0 {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "--last is a number of entries, 0 for all")
	}
	list, err := server.AuditList.Run(a.ctx, a.cfg, a.quiet(), server.AuditQuery{Last: c.Last, Actor: c.Actor, Action: c.Action})
	if err != nil {
		return err
	}
	return a.show(list, func() {
		var rows [][]string
		for _, e := range list {
			count := ""
			if e.Count > 0 {
				count = strconv.Itoa(e.Count)
			}
			rows = append(rows, []string{
				strconv.FormatUint(e.Number, 10), when(e.AtMS), e.Actor, string(e.Action), e.Result,
				strings.TrimSpace(e.Object + " " + e.Unit), count, e.From,
			})
		}
		a.table([]string{"ENTRY", "TIME", "WHO", "WHAT", "RESULT", "OF", "COUNT", "FROM"}, rows)
	})
}

type auditVerifyCmd struct {
	Head []string `placeholder:"NUMBER:HASH" help:"A head that was noted elsewhere; the log must still hold it."`
}

// Run verifies, and fails if anything does not fit.
func (c auditVerifyCmd) Run(a *app) error {
	v, err := server.AuditVerify.Run(a.ctx, a.cfg, a.quiet(), server.AuditHeads{Noted: c.Head})
	if err != nil {
		return err
	}
	err = a.show(v, func() {
		a.say("%d entries, signed up to entry %d.", v.Entries, v.Signed)
		if v.Lost > 0 {
			a.say("%d entries were lost when this server was restored from a backup.", v.Lost)
		}
		a.say("Head, to be noted elsewhere: %s", v.Head)
	})
	if err == nil && !v.OK() {
		err = syncproto.Errorf(syncproto.CodeChain, "the access log is broken at entry %d: %s; keep a copy of the data folder for whoever looks into it", v.Broken, v.Why)
	}
	return err
}
