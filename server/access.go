package server

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"path/filepath"

	"thonsync/server/accounts"
	"thonsync/server/audit"
	"thonsync/server/httpapi"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// openAudit opens the access log. It comes before everything that could show
// somebody something.
func (n *Node) openAudit(context.Context) (err error) {
	n.audit, err = audit.Open(audit.Config{
		Path: n.path(accessName), Heads: n.path(headsName), Key: n.trust.Key, Now: n.opts.Now,
		Trusted: func(k ed25519.PublicKey) bool {
			// Heads from before a replacement of the centre's key stay good.
			_, own := n.trust.Centre().KeyNumber(k)
			return own && n.role == credential.RoleCentre || k.Equal(n.trust.Public())
		},
	})
	return err
}

// Audit gives the access log, for whatever shows personal fields or turns
// somebody away.
func (n *Node) Audit() audit.Writer { return n.audit }

// actor names in the access log who does what ctx is about: the caller of a
// request, else whoever gives commands on the server's own machine.
func actor(ctx context.Context) string {
	if c, ok := httpapi.CallerOf(ctx); ok {
		return c.Actor()
	}
	return audit.Console
}

// AuditQuery asks for entries of the access log.
type AuditQuery struct {
	Last   int    `json:"last"` // the last so many; 0 for all
	Actor  string `json:"actor,omitempty"`
	Action string `json:"action,omitempty"`
}

// AuditList lists the access log; that it was read stands in it, too.
var AuditList = Register(Command[AuditQuery, []audit.Entry]{
	Name: "audit.list",
	Do: func(ctx context.Context, n *Node, in AuditQuery) ([]audit.Entry, error) {
		return n.readAudit(ctx, audit.Console, audit.Query{Last: in.Last, Actor: in.Actor, Action: audit.Action(in.Action)})
	},
})

// readAudit reads the log also when it can no longer be written: that is when it
// is needed most, and it holds nobody's personal fields.
func (n *Node) readAudit(ctx context.Context, reader string, q audit.Query) ([]audit.Entry, error) {
	if err := n.audit.Write(ctx, audit.Event{Actor: reader, Action: audit.LogRead}); err != nil {
		n.log.WarnContext(ctx, "reading of the access log could not be written down", "code", syncproto.CodeOf(err))
	}
	return n.audit.List(q)
}

// verifyAudit proves the log, also against the heads beside the backups.
func (n *Node) verifyAudit(noted []string) (*audit.Verdict, error) {
	var files []string
	if n.cfg.BackupFolder != "" {
		files = append(files, filepath.Join(n.cfg.BackupFolder, headsName))
	}
	return n.audit.Verify(files, noted)
}

// gatekeeper tells the HTTP side who sends a request, and lets auditors read.
type gatekeeper struct {
	n     *Node
	token string
}

// Token compares with the API token in constant time, and asks for tokens of
// other programs otherwise.
func (g *gatekeeper) Token(ctx context.Context, token string) (accounts.Caller, error) {
	want, got := sha256.Sum256([]byte(g.token)), sha256.Sum256([]byte(token))
	if subtle.ConstantTimeCompare(want[:], got[:]) == 1 {
		return accounts.Machine(), nil
	}
	return g.n.accts.TokenCaller(ctx, token)
}

// Session finds who holds a session.
func (g *gatekeeper) Session(ctx context.Context, token string) (accounts.Caller, error) {
	return g.n.accts.Caller(ctx, token)
}

// Within tells whether a unit lies in one of units.
func (g *gatekeeper) Within(unit string, units []string) bool {
	return g.n.ingest.Definitions().Within(unit, units)
}

// Whole tells whether everything that this server holds lies in units. What a
// centre holds is never only one officer's.
func (g *gatekeeper) Whole(units []string) bool {
	if g.n.role != credential.RolePoint {
		return false
	}
	for _, u := range g.n.grant.Units {
		if !g.Within(u, units) {
			return false
		}
	}
	return len(g.n.grant.Units) > 0
}

// Entries lists the access log.
func (g *gatekeeper) Entries(ctx context.Context, reader string, q audit.Query) ([]audit.Entry, error) {
	return g.n.readAudit(ctx, reader, q)
}

// Verdict proves it.
func (g *gatekeeper) Verdict(context.Context) (*audit.Verdict, error) { return g.n.verifyAudit(nil) }

// AuditHeads are heads noted elsewhere, as number:hash.
type AuditHeads struct {
	Noted []string `json:"noted,omitempty"`
}

// AuditVerify proves the access log, also against the heads beside the backups.
var AuditVerify = Register(Command[AuditHeads, *audit.Verdict]{
	Name: "audit.verify",
	Do: func(_ context.Context, n *Node, in AuditHeads) (*audit.Verdict, error) {
		return n.verifyAudit(in.Noted)
	},
})

// checkAccess proves the access log.
func (n *Node) checkAccess(context.Context) Check {
	v, err := n.verifyAudit(nil)
	switch {
	case err != nil:
		return Check{"access log", false, "it cannot be read: " + err.Error(), "check the disk, then run `thonsync audit verify`"}
	case !v.OK():
		return Check{"access log", false, fmt.Sprintf("broken at entry %d: %s", v.Broken, v.Why), "keep a copy of the data folder for whoever looks into it, and run `thonsync audit verify`"}
	}
	return Check{Name: "access log", OK: true, Detail: fmt.Sprintf("%d entries, all in their places", v.Entries)}
}
