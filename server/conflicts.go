package server

import (
	"context"

	"github.com/google/uuid"

	"thonsync/server/audit"
	"thonsync/server/reconcile/conflicts"
	"thonsync/server/store"
	"thonsync/syncproto/credential"
)

// openConflicts makes the queue of conflicts. At a point it only shows what is
// contested among operational fields: what settles a conflict, and above all what
// undoes it, are the centre's.
func (n *Node) openConflicts() {
	cfg := conflicts.Config{
		View: n.store.View, Update: func(ctx context.Context, f func(store.Tx) error) error { return n.ingest.Do(ctx, f) },
		Ingest: n.ingest, Own: n.own.Owns, Rule: n.Rule, Audit: n.audit, Now: n.opts.Now, Random: n.opts.Random,
	}
	if n.role == credential.RoleCentre {
		cfg.Write = n.WriteOwn
	}
	n.conflicts = conflicts.New(cfg)
}

// Conflicts gives the queue.
func (n *Node) Conflicts() *conflicts.Service { return n.conflicts }

// atConsole is who sits at the machine: he could read everything anyway, and what
// he looks at is in the access log.
func (n *Node) atConsole() conflicts.Viewer {
	return conflicts.Viewer{Actor: audit.Console, Personal: n.role == credential.RoleCentre}
}

// ConflictList lists the queue.
var ConflictList = Register(Command[conflicts.Query, conflicts.QueuePage]{
	Name: "conflict.list",
	Do: func(ctx context.Context, n *Node, in conflicts.Query) (conflicts.QueuePage, error) {
		return n.conflicts.List(ctx, n.atConsole(), in)
	},
})

// ConflictSummary counts it by shape.
var ConflictSummary = Register(Command[conflicts.Query, conflicts.QueueSummary]{
	Name: "conflict.summary",
	Do: func(ctx context.Context, n *Node, in conflicts.Query) (conflicts.QueueSummary, error) {
		return n.conflicts.Summary(ctx, n.atConsole(), in)
	},
})

// ConflictRecord names a record.
type ConflictRecord struct {
	Record uuid.UUID `json:"record"`
}

// ConflictShow shows one record.
var ConflictShow = Register(Command[ConflictRecord, conflicts.ContestedRecord]{
	Name: "conflict.show",
	Do: func(ctx context.Context, n *Node, in ConflictRecord) (conflicts.ContestedRecord, error) {
		return n.conflicts.Show(ctx, n.atConsole(), in.Record)
	},
})

// ConflictSettle settles one conflict.
var ConflictSettle = Register(Command[conflicts.SettleChoice, conflicts.SettleResult]{
	Name: "conflict.settle",
	Do: func(ctx context.Context, n *Node, in conflicts.SettleChoice) (conflicts.SettleResult, error) {
		return n.conflicts.Settle(ctx, n.atConsole(), in)
	},
})

// ConflictShape names what conflicts have in common.
type ConflictShape struct {
	Shape string `json:"shape"`
}

// ConflictPreview lists what would be settled alike.
var ConflictPreview = Register(Command[ConflictShape, conflicts.QueuePage]{
	Name: "conflict.preview",
	Do: func(ctx context.Context, n *Node, in ConflictShape) (conflicts.QueuePage, error) {
		return n.conflicts.Preview(ctx, n.atConsole(), in.Shape)
	},
})

// ConflictSettleAlike settles what a preview showed.
var ConflictSettleAlike = Register(Command[conflicts.AlikeChoice, conflicts.SettleResult]{
	Name: "conflict.settle-alike",
	Do: func(ctx context.Context, n *Node, in conflicts.AlikeChoice) (conflicts.SettleResult, error) {
		return n.conflicts.SettleAlike(ctx, n.atConsole(), in)
	},
})

// ConflictSettling names a settling, or a batch of them.
type ConflictSettling struct {
	ID uuid.UUID `json:"id"`
}

// ConflictUndo takes a settling back.
var ConflictUndo = Register(Command[ConflictSettling, conflicts.SettleResult]{
	Name: "conflict.undo",
	Do: func(ctx context.Context, n *Node, in ConflictSettling) (conflicts.SettleResult, error) {
		return n.conflicts.Undo(ctx, n.atConsole(), in.ID)
	},
})

// ConflictPast asks for what was settled, before an id.
type ConflictPast struct {
	Before uuid.UUID `json:"before"`
	Limit  int       `json:"limit"`
}

// ConflictSettled lists what was settled, newest first.
var ConflictSettled = Register(Command[ConflictPast, []conflicts.Settling]{
	Name: "conflict.settled",
	Do: func(ctx context.Context, n *Node, in ConflictPast) ([]conflicts.Settling, error) {
		return n.conflicts.Settled(ctx, n.atConsole(), in.Before, in.Limit)
	},
})

// ConflictAsk asks the team back.
var ConflictAsk = Register(Command[conflicts.TeamQuestion, conflicts.AskedBack]{
	Name: "conflict.ask",
	Do: func(ctx context.Context, n *Node, in conflicts.TeamQuestion) (conflicts.AskedBack, error) {
		return n.conflicts.Ask(ctx, n.atConsole(), in)
	},
})
