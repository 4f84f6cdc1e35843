package server

import (
	"bytes"
	"context"
	"errors"

	"github.com/google/uuid"

	"thonsync/server/accounts"
	"thonsync/server/audit"
	"thonsync/server/reconcile/reorganise"
	"thonsync/server/report"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// eventReorganisation tells open pages that a reorganisation has got further.
const eventReorganisation = "reorganisation"

// openReorganise makes the service that reorganises the units, at the centre.
func (n *Node) openReorganise() {
	if n.role != credential.RoleCentre {
		return
	}
	n.reorganise = reorganise.New(reorganise.Config{
		View: n.store.View, Update: func(ctx context.Context, f func(store.Tx) error) error { return n.ingest.Do(ctx, f) },
		Definitions: n.ingest.Definitions, Write: n.WriteOwn, MovePoint: n.MovePoint,
		Accounts: n.boundAccounts, Requests: n.openRequestRecords, Now: n.opts.Now, Random: n.opts.Random,
	})
}

// Reorganise gives the service that reorganises the units; an error at a point.
func (n *Node) Reorganise() (*reorganise.Service, error) {
	if n.reorganise == nil {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "only the centre reorganises units: run this there")
	}
	return n.reorganise, nil
}

func (n *Node) boundAccounts(ctx context.Context) ([]reorganise.Account, error) {
	list, err := n.accts.List(ctx)
	var out []reorganise.Account
	for _, a := range list {
		if a.Role == accounts.Officer {
			out = append(out, reorganise.Account{Name: a.Name, Units: a.Units})
		}
	}
	return out, err
}

func (n *Node) openRequestRecords(context.Context) ([]reorganise.Request, error) {
	log, c, err := n.queue()
	if err != nil {
		return nil, err
	}
	var out []reorganise.Request
	for _, r := range log.List(c) {
		if r.Open() {
			out = append(out, reorganise.Request{Number: r.Number, Records: r.Records})
		}
	}
	return out, nil
}

// ReorganiseProposal asks for a plan; with Format also for what it touches as a
// file, csv or xlsx.
type ReorganiseProposal struct {
	reorganise.Proposal
	Format string `json:"format,omitempty"`
	Lang   string `json:"lang,omitempty"`
}

// ReorganisePlanned is the plan.
type ReorganisePlanned struct {
	reorganise.PlanResult
	File []byte `json:"file,omitempty"`
}

// ReorganisePlan plans a reorganisation from its two tables.
var ReorganisePlan = Register(Command[ReorganiseProposal, ReorganisePlanned]{
	Name: "reorganise.plan",
	Do: func(ctx context.Context, n *Node, in ReorganiseProposal) (out ReorganisePlanned, err error) {
		s, err := n.Reorganise()
		if err != nil {
			return out, err
		}
		asked := in.List
		in.List = asked || in.Format != ""
		if out.PlanResult, err = s.Plan(ctx, in.Proposal); err != nil || in.Format == "" {
			return out, err
		}
		out.File, err = touchedFile(reorganise.Table(out.Touched, n.opts.Now()), in.Format, in.Lang)
		if !asked {
			out.Touched = nil
		}
		return out, err
	},
})

// ReorganiseList lists reorganisations.
var ReorganiseList = Register(Command[None, []reorganise.Reorganisation]{
	Name: "reorganise.list",
	Do: func(ctx context.Context, n *Node, _ None) ([]reorganise.Reorganisation, error) {
		s, err := n.Reorganise()
		if err != nil {
			return nil, err
		}
		return s.List(ctx)
	},
})

// ReorganisationID names a reorganisation.
type ReorganisationID struct {
	ID uuid.UUID `json:"id"`
}

// ReorganiseDrop forgets a plan that was not applied.
var ReorganiseDrop = Register(Command[ReorganisationID, None]{
	Name: "reorganise.drop",
	Do: func(ctx context.Context, n *Node, in ReorganisationID) (None, error) {
		s, err := n.Reorganise()
		if err != nil {
			return None{}, err
		}
		return None{}, s.Drop(ctx, in.ID)
	},
})

// ReorganiseTouch asks for what a reorganisation touches; with Format also as a
// file, csv or xlsx.
type ReorganiseTouch struct {
	ID     uuid.UUID `json:"id"`
	Kind   string    `json:"kind,omitempty"`
	Format string    `json:"format,omitempty"`
	Lang   string    `json:"lang,omitempty"`
}

// ReorganiseTouched is the answer.
type ReorganiseTouched struct {
	Plan    reorganise.Reorganisation `json:"plan"`
	Touched []reorganise.Touched      `json:"touched"`
	File    []byte                    `json:"file,omitempty"`
}

// ReorganiseShow shows a reorganisation and what it touches.
var ReorganiseShow = Register(Command[ReorganiseTouch, ReorganiseTouched]{
	Name: "reorganise.show",
	Do: func(ctx context.Context, n *Node, in ReorganiseTouch) (out ReorganiseTouched, err error) {
		s, err := n.Reorganise()
		if err != nil {
			return out, err
		}
		if out.Plan, err = s.Get(ctx, in.ID); err != nil {
			return out, err
		}
		if out.Touched, _, err = s.Touched(ctx, in.ID, reorganise.TouchedQuery{Kind: in.Kind}); err != nil || in.Format == "" {
			return out, err
		}
		out.File, err = touchedFile(reorganise.Table(out.Touched, n.opts.Now()), in.Format, in.Lang)
		return out, err
	},
})

func touchedFile(t *report.Table, format, lang string) ([]byte, error) {
	var buf bytes.Buffer
	var err error
	switch format {
	case report.FormatCSV:
		err = t.WriteCSV(&buf, true)
	case report.FormatXLSX:
		err = t.WriteXLSX(&buf, lang)
	default:
		err = syncproto.Errorf(syncproto.CodeInvalidInput, "the file is of the form csv or xlsx")
	}
	return buf.Bytes(), err
}

// ReorganiseApply carries a plan out.
var ReorganiseApply = Register(Command[ReorganisationID, reorganise.Reorganisation]{
	Name: "reorganise.apply",
	Do: func(ctx context.Context, n *Node, in ReorganisationID) (reorganise.Reorganisation, error) {
		return n.applyReorganisation(ctx, in.ID, audit.Console)
	},
})

// applyReorganisation writes down who does it before it is done.
func (n *Node) applyReorganisation(ctx context.Context, id uuid.UUID, actor string) (reorganise.Reorganisation, error) {
	s, err := n.Reorganise()
	if err != nil {
		return reorganise.Reorganisation{}, err
	}
	return noted(ctx, n, audit.Event{Actor: actor, Action: audit.Reorganised, Object: id.String(), Result: "apply"}, func() (reorganise.Reorganisation, error) { return s.Apply(ctx, id) })
}

// noted writes down what is done before it is done, and if it was refused, that.
func noted[T any](ctx context.Context, n *Node, e audit.Event, do func() (T, error)) (out T, err error) {
	if err := n.audit.Write(ctx, e); err != nil {
		return out, err
	}
	if out, err = do(); err != nil {
		e.Result = audit.Refused
		return out, errors.Join(err, n.audit.Write(ctx, e))
	}
	n.events.Publish(eventReorganisation)
	return out, nil
}

// ReorganiseUndo takes it back.
var ReorganiseUndo = Register(Command[ReorganisationID, reorganise.Reversal]{
	Name: "reorganise.undo",
	Do: func(ctx context.Context, n *Node, in ReorganisationID) (reorganise.Reversal, error) {
		return n.undoReorganisation(ctx, in.ID, audit.Console)
	},
})

func (n *Node) undoReorganisation(ctx context.Context, id uuid.UUID, actor string) (reorganise.Reversal, error) {
	s, err := n.Reorganise()
	if err != nil {
		return reorganise.Reversal{}, err
	}
	return noted(ctx, n, audit.Event{Actor: actor, Action: audit.Reorganised, Object: id.String(), Result: "undo"}, func() (reorganise.Reversal, error) { return s.Undo(ctx, id) })
}

// ReorganiseQueueQuery asks for what has to be placed.
type ReorganiseQueueQuery struct {
	ID   uuid.UUID `json:"id"`
	From string    `json:"from,omitempty"`
	Open bool      `json:"open,omitempty"`
}

// ReorganiseQueue lists what has to be placed.
var ReorganiseQueue = Register(Command[ReorganiseQueueQuery, []reorganise.ToBePlaced]{
	Name: "reorganise.queue",
	Do: func(ctx context.Context, n *Node, in ReorganiseQueueQuery) ([]reorganise.ToBePlaced, error) {
		s, err := n.Reorganise()
		if err != nil {
			return nil, err
		}
		out, _, err := s.Queue(ctx, in.ID, reorganise.Queue{From: in.From, Open: in.Open})
		return out, err
	},
})

// ReorganisePlacement places things of split communes.
type ReorganisePlacement struct {
	ID    uuid.UUID              `json:"id"`
	Place []reorganise.Placement `json:"place"`
}

// ReorganisePlace places villages, teams and points of split communes.
var ReorganisePlace = Register(Command[ReorganisePlacement, reorganise.Reorganisation]{
	Name: "reorganise.place",
	Do: func(ctx context.Context, n *Node, in ReorganisePlacement) (reorganise.Reorganisation, error) {
		return n.placeReorganised(ctx, in.ID, "", in.Place, audit.Console)
	},
})

func (n *Node) placeReorganised(ctx context.Context, id uuid.UUID, unit string, list []reorganise.Placement, actor string) (reorganise.Reorganisation, error) {
	s, err := n.Reorganise()
	if err != nil {
		return reorganise.Reorganisation{}, err
	}
	return noted(ctx, n, audit.Event{Actor: actor, Action: audit.Reorganised, Object: id.String(), Unit: unit, Result: "place", Count: len(list)}, func() (reorganise.Reorganisation, error) { return s.Place(ctx, id, unit, list, actor) })
}

// reorganiser serves reorganisations over the JSON API.
type reorganiser struct {
	n *Node
	s *reorganise.Service
}

// Reorganisations lists all.
func (r reorganiser) Reorganisations(ctx context.Context) ([]reorganise.Reorganisation, error) {
	return r.s.List(ctx)
}

// Reorganisation gives one.
func (r reorganiser) Reorganisation(ctx context.Context, id uuid.UUID) (reorganise.Reorganisation, error) {
	return r.s.Get(ctx, id)
}

// PlanReorganisation plans.
func (r reorganiser) PlanReorganisation(ctx context.Context, p reorganise.Proposal) (reorganise.PlanResult, error) {
	return r.s.Plan(ctx, p)
}

// TouchedBy lists what one touches.
func (r reorganiser) TouchedBy(ctx context.Context, id uuid.UUID, q reorganise.TouchedQuery) ([]reorganise.Touched, string, error) {
	return r.s.Touched(ctx, id, q)
}

// TouchedFile gives it as a file.
func (r reorganiser) TouchedFile(ctx context.Context, id uuid.UUID, format, lang string) ([]byte, error) {
	list, _, err := r.s.Touched(ctx, id, reorganise.TouchedQuery{})
	if err != nil {
		return nil, err
	}
	return touchedFile(reorganise.Table(list, r.n.opts.Now()), format, lang)
}

// QueueOf lists what has to be placed.
func (r reorganiser) QueueOf(ctx context.Context, id uuid.UUID, q reorganise.Queue) ([]reorganise.ToBePlaced, string, error) {
	return r.s.Queue(ctx, id, q)
}

// ApplyReorganisation carries a plan out.
func (r reorganiser) ApplyReorganisation(ctx context.Context, id uuid.UUID, actor string) (reorganise.Reorganisation, error) {
	return r.n.applyReorganisation(ctx, id, actor)
}

// Place places what was split.
func (r reorganiser) Place(ctx context.Context, id uuid.UUID, unit string, list []reorganise.Placement, actor string) (reorganise.Reorganisation, error) {
	return r.n.placeReorganised(ctx, id, unit, list, actor)
}

// UndoReorganisation takes one back.
func (r reorganiser) UndoReorganisation(ctx context.Context, id uuid.UUID, actor string) (reorganise.Reversal, error) {
	return r.n.undoReorganisation(ctx, id, actor)
}

// DropReorganisation forgets a plan.
func (r reorganiser) DropReorganisation(ctx context.Context, id uuid.UUID) error {
	return r.s.Drop(ctx, id)
}
