package links

import (
	"context"

	"github.com/google/uuid"

	"thonsync/server/ingest"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// Together is what linked records say of one person. It is made when it is
// looked at and kept nowhere.
type Together struct {
	Survivor uuid.UUID   // the earliest of the records
	Records  []uuid.UUID // by id
	// Values are the standing personal values, by field, the shown one first.
	Values []ingest.Stood
}

// Together gives the survivor's view of a record: the personal fields of all
// records that are linked with it, with the latest word on each field shown. A
// correction of any of them is in it at once, and it is as before when the link
// is undone. Whoever calls it answers for who gets to see it.
func (s *Service) Together(ctx context.Context, record uuid.UUID) (Together, error) {
	var out Together
	return out, s.cfg.Store.View(ctx, func(r store.Reader) error {
		list, err := group(r, record)
		if err != nil {
			return err
		}
		out = Together{Survivor: list[0], Records: list}
		recs := make([]*store.Record, 0, len(list))
		for _, id := range list {
			rec, there, err := r.Record(id)
			if err != nil || !there {
				return orNoPair(err)
			}
			recs = append(recs, &rec)
		}
		out.Values, err = s.cfg.Ingest.Together(r, recs)
		return err
	})
}

// Survivors tells of each linked record which record survives; records without a
// link are not in it.
func Survivors(r store.Reader) (map[uuid.UUID]uuid.UUID, error) {
	linked, err := r.Pairs(store.PairQuery{State: store.PairLinked})
	if err != nil {
		return nil, err
	}
	first := make(map[uuid.UUID]uuid.UUID, len(linked))
	find := func(id uuid.UUID) uuid.UUID {
		for {
			up, ok := first[id]
			if !ok || up == id {
				return id
			}
			id = up
		}
	}
	for _, p := range linked {
		a, b := keyOrder(find(p.A), find(p.B))
		first[a], first[b] = a, a
	}
	for id := range first {
		first[id] = find(id)
	}
	return first, nil
}

func keyOrder(a, b uuid.UUID) (uuid.UUID, uuid.UUID) {
	k := keyOf(a, b)
	return k.a, k.b
}

// Helped counts activities about a person, and the distinct persons that they
// are about: linked records count once. Suggested pairs count twice until
// somebody decides.
type Helped struct {
	Activities int `json:"activities"`
	Persons    int `json:"persons"`
}

// Helped counts in a unit and all below it. A person who was helped in two units
// counts in both, and once above them.
func (s *Service) Helped(ctx context.Context, unit string) (Helped, error) {
	if err := s.CatchUp(ctx); err != nil {
		return Helped{}, err
	}
	defs := s.cfg.Ingest.Definitions()
	if !defs.UnitKnown(unit) {
		return Helped{}, syncproto.Errorf(syncproto.CodeScope, "no such unit")
	}
	var out Helped
	return out, s.cfg.Store.View(ctx, func(r store.Reader) error {
		first, err := Survivors(r)
		if err != nil {
			return err
		}
		out = Helped{}
		counted := make(map[uuid.UUID]bool)
		for key := range defs.Units() {
			if !defs.Within(key, []string{unit}) {
				continue
			}
			err := r.EachPerson(store.PersonQuery{Unit: key}, func(p store.Person) error {
				out.Activities++
				who, linked := first[p.Record]
				if !linked || !counted[who] {
					out.Persons++
				}
				if linked {
					counted[who] = true
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Alike links all suggested pairs that look like one with the same identity
// number: the same number, and every field compares alike. within narrows to
// pairs both of whose records lie in these units, nil for all. It gives how many
// were linked; those that would join records said to be apart are passed over.
func (s *Service) Alike(ctx context.Context, d Decision, within []string) (int, error) {
	like, err := s.Pair(ctx, d.A, d.B)
	if err != nil {
		return 0, err
	}
	if !like.Exact {
		return 0, syncproto.Errorf(syncproto.CodeInvalidInput, "only pairs with one identity number are linked alike: decide on this one alone")
	}
	linked := 0
	for q := (Query{State: Suggested, Exact: true, Within: within, Limit: 200}); ; {
		page, err := s.List(ctx, q)
		if err != nil {
			return linked, err
		}
		for i := range page.Items {
			p := &page.Items[i]
			if !sameLevels(p, &like) {
				continue
			}
			_, err := s.Confirm(ctx, Decision{A: p.A.Record, B: p.B.Record, Reason: d.Reason, Actor: d.Actor})
			switch {
			case err == nil:
				linked++
			case syncproto.CodeOf(err) != syncproto.CodeInvalidInput && syncproto.CodeOf(err) != syncproto.CodeScope:
				return linked, err
			}
		}
		if q.Cursor = page.Next; page.Next == "" {
			return linked, nil
		}
	}
}

func sameLevels(a, b *PairView) bool {
	if len(a.Evidence) != len(b.Evidence) {
		return false
	}
	for i := range a.Evidence {
		if a.Evidence[i].Level != b.Evidence[i].Level {
			return false
		}
	}
	return true
}

// Shown gives the shown personal fields of two records, for looking at them side
// by side. Whoever calls it answers for who gets to see them.
func (s *Service) Shown(ctx context.Context, a, b uuid.UUID) (rows [2]syncproto.Row, err error) {
	return rows, s.cfg.Store.View(ctx, func(r store.Reader) error {
		for i, id := range [...]uuid.UUID{a, b} {
			rec, there, err := r.Record(id)
			if err != nil || !there || rec.Erased {
				return orNoPair(err)
			}
			if rows[i], err = s.cfg.Ingest.Personal(r, &rec); err != nil {
				return err
			}
		}
		return nil
	})
}
