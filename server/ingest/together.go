package ingest

import (
	"cmp"
	"slices"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/merge"
)

// Stood is a personal value that stands in one or more of several records.
type Stood struct {
	Num     uint32
	Value   syncproto.Value
	Records []uuid.UUID // in which it stands, in the order in which they were given
}

// Together gives the personal values that stand in records that say the same
// person, by field, the shown one first: each record keeps its own standing
// values, and the one rule ranks them, so the latest word on either is shown. It
// reads only. The records must have been read with their histories; one that is
// void or erased says nothing. Whoever calls it answers for who gets to see it.
func (s *Service) Together(r store.Reader, records []*store.Record) ([]Stood, error) {
	var all []stoodBy
	for _, rec := range records {
		if rec.Erased || rec.Void || !rec.Exists {
			continue
		}
		list, err := s.standingOf(r, rec)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	slices.SortStableFunc(all, func(a, b stoodBy) int {
		return cmp.Or(cmp.Compare(a.num, b.num), merge.Rank(&a.by, &b.by))
	})
	var out []Stood
	for _, x := range all {
		i := slices.IndexFunc(out, func(o Stood) bool { return o.Num == x.num && o.Value == x.value })
		switch {
		case i < 0:
			out = append(out, Stood{x.num, x.value, []uuid.UUID{x.record}})
		case !slices.Contains(out[i].Records, x.record):
			out[i].Records = append(out[i].Records, x.record)
		}
	}
	return out, nil
}

type stoodBy struct {
	num    uint32
	value  syncproto.Value
	record uuid.UUID
	by     merge.Change
}

func (s *Service) standingOf(r store.Reader, rec *store.Record) ([]stoodBy, error) {
	entries, err := s.opened(rec)
	if err != nil {
		return nil, err
	}
	state, err := newSession(s, readOnly{Reader: r}).merge(&file{rec: *rec, entries: entries})
	if err != nil {
		return nil, err
	}
	var out []stoodBy
	for _, st := range state.Fields(syncproto.Personal) {
		i := slices.IndexFunc(entries, func(e Entry) bool { return e.ID() == st.By[0] })
		if i < 0 {
			return nil, damagedHistory()
		}
		e := &entries[i]
		by := merge.Change{ID: e.ID(), Closed: e.Closed, StampMS: e.Change.Header.StampMS, BeaconMS: e.Change.Header.Beacon.MS}
		out = append(out, stoodBy{st.Num, st.Value, rec.ID, by})
	}
	return out, nil
}
