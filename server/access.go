package server

import (
	"context"
	"crypto/ed25519"
	"path/filepath"

	"thonsync/server/audit"
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
		if err := n.audit.Write(ctx, audit.Event{Actor: audit.Console, Action: audit.LogRead}); err != nil {
			n.log.WarnContext(ctx, "reading of the access log could not be written down", "code", syncproto.CodeOf(err))
		}
		return n.audit.List(audit.Query{Last: in.Last, Actor: in.Actor, Action: audit.Action(in.Action)})
	},
})

// AuditHeads are heads noted elsewhere, as number:hash.
type AuditHeads struct {
	Noted []string `json:"noted,omitempty"`
}

// AuditVerify proves the access log, also against the heads beside the backups.
var AuditVerify = Register(Command[AuditHeads, *audit.Verdict]{
	Name: "audit.verify",
	Do: func(_ context.Context, n *Node, in AuditHeads) (*audit.Verdict, error) {
		var files []string
		if n.cfg.BackupFolder != "" {
			files = append(files, filepath.Join(n.cfg.BackupFolder, headsName))
		}
		return n.audit.Verify(files, in.Noted)
	},
})
