package links

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// Reasons of decisions. Free text could name somebody, so there is none.
const (
	ReasonNumber = "same-number" // one identity number, nothing speaks against it
	ReasonCard   = "card-seen"   // somebody has seen the cards
	ReasonAsked  = "asked"       // the citizen or the team was asked
	ReasonScore  = "compared"    // the fields were compared
	ReasonFamily = "relatives"   // two persons of one family
	ReasonSlip   = "mistake"     // the decision before was a slip
)

// Reasons lists them in the order in which they are offered.
func Reasons() []string {
	return []string{ReasonScore, ReasonCard, ReasonAsked, ReasonNumber, ReasonFamily, ReasonSlip}
}

// Decision is what somebody decides of two records.
type Decision struct {
	A      uuid.UUID `json:"a"`
	B      uuid.UUID `json:"b"`
	Reason string    `json:"reason,omitempty"`
	Actor  string    `json:"-"`
}

func (d *Decision) check() (pairKey, error) {
	if d.A == d.B || d.A == uuid.Nil || d.B == uuid.Nil {
		return pairKey{}, syncproto.Errorf(syncproto.CodeInvalidInput, "a pair is two different records")
	}
	if d.Reason == "" {
		d.Reason = ReasonScore
	}
	if !slices.Contains(Reasons(), d.Reason) {
		return pairKey{}, syncproto.Errorf(syncproto.CodeInvalidInput, "no such reason: choose one of %v", Reasons())
	}
	return keyOf(d.A, d.B), nil
}

// errNoPair is the answer for records that are not about a known person. It is
// the same for absent ones.
func errNoPair() error {
	return syncproto.Errorf(syncproto.CodeScope, "no such pair: one of the records is not there, names nobody or was erased")
}

// Confirm links two records: they are about one person. Records that are linked
// with either are about that person then, too; so it fails if any two of them
// were said not to be the same. Confirming again does nothing.
func (s *Service) Confirm(ctx context.Context, d Decision) (PairView, error) {
	return s.decide(ctx, &d, func(tx store.Tx, key pairKey, p *store.Pair) (bool, error) {
		if p.State == store.PairLinked {
			return false, nil
		}
		return true, s.mayJoin(tx, key)
	}, store.PairLinked, store.LinkMade)
}

// mayJoin fails if linking would bring two together who were said to be apart.
func (s *Service) mayJoin(tx store.Tx, key pairKey) error {
	left, err := group(tx, key.a)
	if err != nil {
		return err
	}
	right, err := group(tx, key.b)
	if err != nil {
		return err
	}
	for _, a := range left {
		for _, b := range right {
			other := keyOf(a, b)
			p, known, err := tx.Pair(other.a, other.b)
			if err != nil {
				return err
			}
			if known && p.State == store.PairApart && other != key {
				return syncproto.Errorf(syncproto.CodeInvalidInput, "records %s and %s were said not to be the same person: take that back first", other.a, other.b)
			}
		}
	}
	return nil
}

// Reject says that two records are not about the same person, so the pair is not
// suggested again. It fails while others link the two.
func (s *Service) Reject(ctx context.Context, d Decision) (PairView, error) {
	return s.decide(ctx, &d, func(tx store.Tx, key pairKey, p *store.Pair) (bool, error) {
		if p.State == store.PairApart {
			return false, nil
		}
		linked, err := groupWithout(tx, key.a, key)
		if err == nil && slices.Contains(linked, key.b) {
			err = syncproto.Errorf(syncproto.CodeInvalidInput, "other links say that the two are one person: undo one of those first, see `thonsync link show`")
		}
		return true, err
	}, store.PairApart, store.LinkApart)
}

// Undo takes the last decision on a pair back. The pair is a suggestion again if
// the records still look alike, and nothing otherwise.
func (s *Service) Undo(ctx context.Context, d Decision) (PairView, error) {
	return s.decide(ctx, &d, func(_ store.Tx, _ pairKey, p *store.Pair) (bool, error) {
		return p.State != store.PairSuggested && p.State != 0, nil
	}, store.PairSuggested, store.LinkUndone)
}

// decide carries one decision out. may tells whether it changes anything.
func (s *Service) decide(ctx context.Context, d *Decision, may func(store.Tx, pairKey, *store.Pair) (bool, error), to store.PairState, act string) (PairView, error) {
	key, err := d.check()
	if err != nil {
		return PairView{}, err
	}
	if err := s.CatchUp(ctx); err != nil {
		return PairView{}, err
	}
	c, err := s.comparisonOf(ctx, key)
	if err != nil {
		return PairView{}, err
	}
	err = s.cfg.Ingest.Do(ctx, func(tx store.Tx) error {
		p, known, err := tx.Pair(key.a, key.b)
		if err != nil {
			return err
		}
		for _, id := range []uuid.UUID{key.a, key.b} {
			if _, there, err := tx.Person(id); err != nil || !there && !known {
				return orNoPair(err)
			}
		}
		changes, err := may(tx, key, &p)
		if err != nil || !changes {
			return err
		}
		if err := s.event(tx, d.Actor, act, d.Reason, key); err != nil {
			return err
		}
		if !known {
			p = store.Pair{A: key.a, B: key.b, Exact: c.exact(), Score: c.score()}
		}
		if to == store.PairSuggested && !c.suggests() {
			return tx.DropPair(key.a, key.b)
		}
		p.State = to
		return tx.PutPair(p)
	})
	if err != nil {
		return PairView{}, err
	}
	return s.Pair(ctx, key.a, key.b)
}

func orNoPair(err error) error {
	if err != nil {
		return err
	}
	return errNoPair()
}

func (s *Service) event(tx store.Tx, actor, act, reason string, key pairKey) error {
	return tx.AddLinkEvent(store.LinkEvent{AtMS: s.cfg.Now().UnixMilli(), Actor: actor, Act: act, Reason: reason, A: key.a, B: key.b})
}

// group lists the records that are linked with one, itself included, by id.
func group(r store.Reader, record uuid.UUID) ([]uuid.UUID, error) {
	return groupWithout(r, record, pairKey{})
}

// groupWithout is group if one link were not there.
func groupWithout(r store.Reader, record uuid.UUID, without pairKey) ([]uuid.UUID, error) {
	seen := map[uuid.UUID]bool{record: true}
	for todo := []uuid.UUID{record}; len(todo) > 0; todo = todo[1:] {
		pairs, err := r.PairsOf(todo[0])
		if err != nil {
			return nil, err
		}
		for _, p := range pairs {
			if p.State != store.PairLinked || (pairKey{p.A, p.B}) == without {
				continue
			}
			for _, id := range []uuid.UUID{p.A, p.B} {
				if !seen[id] {
					seen[id] = true
					todo = append(todo, id)
				}
			}
		}
	}
	out := make([]uuid.UUID, 0, len(seen))
	for id := range seen {
		out = append(out, id)
	}
	slices.SortFunc(out, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return out, nil
}
