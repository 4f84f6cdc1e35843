package server

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"thonsync/server/audit"
	"thonsync/server/httpapi"
	"thonsync/server/keys"
	"thonsync/server/reconcile/links"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// openLinks opens the index of persons and what was decided of pairs; centre
// only.
func (n *Node) openLinks(ctx context.Context) error {
	if n.role != credential.RoleCentre {
		return nil
	}
	hashKey, box, err := n.personKeys()
	if err != nil {
		return err
	}
	n.links = links.New(links.Config{Store: n.store, Ingest: n.ingest, HashKey: hashKey, Box: box, Now: n.opts.Now})
	return n.links.Open(ctx)
}

// personKeys gives what persons are found and kept by: the key of their hashes,
// and the box that their fields lie in. Both are made at the first start, so that
// every backup has them.
func (n *Node) personKeys() (hashKey []byte, box *keys.Box, err error) {
	if hashKey, err = n.keys.PersonHashKey(); err != nil {
		return nil, nil, err
	}
	rowKey, err := n.keys.PersonalKey()
	if err != nil {
		return nil, nil, err
	}
	box, err = keys.NewBox(rowKey, n.opts.Random)
	return hashKey, box, err
}

// Links gives the service that finds records about the same citizen; it fails at
// a point, which cannot know.
func (n *Node) Links() (*links.Service, error) {
	if n.links == nil {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "who a record is about is known at the centre only: run this there")
	}
	return n.links, nil
}

// stepsAtOnce bounds how many communes one turn of the background work compares.
const stepsAtOnce = 20

// compareRecords does some of what waits to be compared.
func (n *Node) compareRecords(ctx context.Context) error {
	for range stepsAtOnce {
		if _, more, err := n.links.Step(ctx); err != nil || !more || ctx.Err() != nil {
			return err
		}
	}
	return nil
}

// PairQuery asks for one pair as a caller may see it. Unit narrows to pairs both
// of whose records lie in it; "" for everywhere.
type PairQuery struct {
	A    uuid.UUID `json:"a"`
	B    uuid.UUID `json:"b"`
	Unit string    `json:"unit,omitempty"`
}

func within(unit string) []string {
	if unit == "" {
		return nil
	}
	return []string{unit}
}

// pairInScope gives a pair, or CodeScope as for one that is not there.
func (n *Node) pairInScope(ctx context.Context, q PairQuery) (links.PairView, error) {
	s, err := n.Links()
	if err != nil {
		return links.PairView{}, err
	}
	v, err := s.Pair(ctx, q.A, q.B)
	if err == nil && !s.InScope(v, within(q.Unit)) {
		return links.PairView{}, syncproto.Errorf(syncproto.CodeScope, "no such pair")
	}
	return v, err
}

// showPair shows a pair with its personal fields, once that is in the access log.
func (n *Node) showPair(ctx context.Context, q PairQuery) (out httpapi.LinkDetail, err error) {
	if out.PairView, err = n.pairInScope(ctx, q); err != nil {
		return out, err
	}
	a, b := out.A.Record, out.B.Record
	err = n.audit.Write(ctx, audit.Event{Actor: actor(ctx), Action: audit.View, Object: "pair " + a.String() + " " + b.String(), Unit: q.Unit, Count: 2})
	if err != nil {
		return httpapi.LinkDetail{}, err
	}
	rows, err := n.links.Shown(ctx, a, b)
	if err != nil {
		return httpapi.LinkDetail{}, err
	}
	var together links.Together
	if out.State == links.Linked {
		if together, err = n.links.Together(ctx, a); err != nil {
			return httpapi.LinkDetail{}, err
		}
		out.Survivor = together.Survivor.String()
	}
	out.Persons = sideBySide(rows, together)
	return out, nil
}

// compared lists the personal fields that are laid side by side. Notes are not:
// they do not tell who somebody is.
var compared = []uint32{syncproto.PersonFullName, syncproto.PersonBirthDate, syncproto.PersonSex, syncproto.PersonIDNumber, syncproto.PersonPhone, syncproto.PersonAddress}

func sideBySide(rows [2]syncproto.Row, t links.Together) []httpapi.LinkField {
	coll, _ := syncproto.CollectionOf(syncproto.CollectionActivity)
	out := []httpapi.LinkField{}
	for _, num := range compared {
		def, _ := coll.Field(syncproto.Personal, num)
		f := httpapi.LinkField{Field: def.Name, A: valueText(rows[0].Value(num)), B: valueText(rows[1].Value(num))}
		for _, v := range t.Values {
			if v.Num == num {
				f.Together = append(f.Together, valueText(v.Value))
			}
		}
		if f.A != "" || f.B != "" || len(f.Together) > 0 {
			out = append(out, f)
		}
	}
	return out
}

// LinkOrder is a decision on a pair: act is link, apart, undo or alike.
type LinkOrder struct {
	PairQuery
	Act    string `json:"act"`
	Reason string `json:"reason,omitempty"`
}

// decidePair carries out a decision, written down before it is made.
func (n *Node) decidePair(ctx context.Context, in LinkOrder) (out httpapi.LinkDecided, err error) {
	v, err := n.pairInScope(ctx, in.PairQuery)
	if err != nil {
		return out, err
	}
	if !slices.Contains([]string{"link", "apart", "undo", "alike"}, in.Act) {
		return out, syncproto.Errorf(syncproto.CodeInvalidInput, "on a pair can be decided: link, apart, undo or alike")
	}
	d := links.Decision{A: v.A.Record, B: v.B.Record, Reason: in.Reason, Actor: actor(ctx)}
	event := audit.Event{Actor: d.Actor, Action: audit.PairDecided, Object: "pair " + d.A.String() + " " + d.B.String(), Unit: in.Unit, Result: in.Act}
	return noted(ctx, n, event, func() (out httpapi.LinkDecided, err error) {
		switch in.Act {
		case "link":
			out.Pair, err = n.links.Confirm(ctx, d)
		case "apart":
			out.Pair, err = n.links.Reject(ctx, d)
		case "undo":
			out.Pair, err = n.links.Undo(ctx, d)
		default:
			if out.Alike, err = n.links.Alike(ctx, d, within(in.Unit)); err == nil {
				out.Pair, err = n.links.Pair(ctx, d.A, d.B)
			}
		}
		return out, err
	})
}

// LinkList lists pairs. It names nobody.
var LinkList = Register(Command[links.Query, links.List]{
	Name: "link.list",
	Do: func(ctx context.Context, n *Node, in links.Query) (links.List, error) {
		s, err := n.Links()
		if err != nil {
			return links.List{}, err
		}
		return s.List(ctx, in)
	},
})

// LinkShow shows one pair with its personal fields.
var LinkShow = Register(Command[PairQuery, httpapi.LinkDetail]{
	Name: "link.show",
	Do: func(ctx context.Context, n *Node, in PairQuery) (httpapi.LinkDetail, error) {
		return n.showPair(ctx, in)
	},
})

// LinkDecide decides on a pair.
var LinkDecide = Register(Command[LinkOrder, httpapi.LinkDecided]{
	Name: "link.decide",
	Do: func(ctx context.Context, n *Node, in LinkOrder) (httpapi.LinkDecided, error) {
		return n.decidePair(ctx, in)
	},
})

// LinkScan says how to scan.
type LinkScan struct {
	Rebuild bool `json:"rebuild,omitempty"` // make the index of persons anew first
}

// LinkScanCommand compares all that is new or has changed.
var LinkScanCommand = Register(Command[LinkScan, links.Scanned]{
	Name: "link.scan",
	Do: func(ctx context.Context, n *Node, in LinkScan) (links.Scanned, error) {
		s, err := n.Links()
		if err != nil {
			return links.Scanned{}, err
		}
		if in.Rebuild {
			if err := s.Rebuild(ctx); err != nil {
				return links.Scanned{}, err
			}
		}
		return s.Scan(ctx)
	},
})

// UnitQuery names a unit.
type UnitQuery struct {
	Unit string `json:"unit"`
}

// LinkHelped counts the distinct persons that a unit has helped.
var LinkHelped = Register(Command[UnitQuery, links.Helped]{
	Name: "link.helped",
	Do: func(ctx context.Context, n *Node, in UnitQuery) (links.Helped, error) {
		s, err := n.Links()
		if err != nil {
			return links.Helped{}, err
		}
		return s.Helped(ctx, in.Unit)
	},
})

// linker serves links over the JSON API.
type linker struct{ n *Node }

// Pairs lists pairs.
func (l linker) Pairs(ctx context.Context, q links.Query) (links.List, error) {
	return l.n.links.List(ctx, q)
}

// PairDetail shows one with its personal fields.
func (l linker) PairDetail(ctx context.Context, a, b uuid.UUID, unit string) (httpapi.LinkDetail, error) {
	return l.n.showPair(ctx, PairQuery{a, b, unit})
}

// DecidePair decides on one.
func (l linker) DecidePair(ctx context.Context, a, b uuid.UUID, unit, act, reason string) (httpapi.LinkDecided, error) {
	return l.n.decidePair(ctx, LinkOrder{PairQuery{a, b, unit}, act, reason})
}

// ScanPairs compares what waits.
func (l linker) ScanPairs(ctx context.Context) (links.Scanned, error) { return l.n.links.Scan(ctx) }

// HelpedPersons counts distinct persons.
func (l linker) HelpedPersons(ctx context.Context, unit string) (links.Helped, error) {
	return l.n.links.Helped(ctx, unit)
}
