package ingest

import (
	"slices"

	"thonsync/server/feed"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// leaving gives the feed that a village leaves in this transaction, "" for none.
func (ses *session) leaving(village string) string {
	for _, m := range slices.Backward(ses.moves) {
		if m.moved == village {
			return m.from
		}
	}
	return ""
}

// followMoves makes the feed of the commune that a village came to whole: it gets
// what the feed before told of the village, changes and rulings, so that whoever
// may read the new one needs nothing of the old, where other villages stand. It
// also notes the new commune with the village's devices.
func (ses *session) followMoves() error {
	for _, m := range ses.moves {
		if err := ses.moveOrigins(m); err != nil {
			return err
		}
		if !ses.s.atCentre() {
			continue
		}
		entries, err := ses.toldOf(m.moved)
		if err != nil {
			return err
		}
		for _, data := range entries {
			if err := ses.feedItem(m.to, data); err != nil {
				return err
			}
		}
	}
	ses.moves = nil
	return nil
}

// toldOf gives the feed entries about the records whose home unit a village is:
// its own record first, then the others, then the rulings.
func (ses *session) toldOf(village string) (entries [][]byte, err error) {
	for _, unitsOnly := range [...]bool{true, false} {
		err := ses.tx.EachRecord(store.RecordQuery{Unit: village}, func(rec store.Record) error {
			if (rec.Collection == syncproto.CollectionUnit) != unitsOnly {
				return nil
			}
			history, err := DecodeHistory(rec.History)
			for i := range history {
				if e := &history[i]; e.Acts && e.fed {
					entries = append(entries, tell(rec.ID, e))
				}
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	rulings, err := ses.tx.Rulings(0, 0)
	if err != nil {
		return nil, err
	}
	for _, row := range rulings {
		r, err := syncproto.DecodeRuling(row.Data)
		if err != nil {
			return nil, err
		}
		if r.Unit == village {
			entries = append(entries, feed.RulingEntry(r))
		}
	}
	return entries, nil
}

// followRecord does the same for one record whose home unit was moved to another
// commune: the new feed gets what the old one told of it. It gives the feed that
// the record left, where the news of it belongs as well.
func (ses *session) followRecord(f *file) (left []string, err error) {
	if !f.stored || f.was.Unit == "" || f.was.Unit == f.rec.Unit || f.rec.Collection == syncproto.CollectionUnit {
		return nil, nil
	}
	from, to := ses.feedOf(f.rec.Collection, f.was.Unit), ses.feedOf(f.rec.Collection, f.rec.Unit)
	if from == to {
		return nil, nil
	}
	for i := range f.entries {
		e := &f.entries[i]
		if !e.Acts || !e.fed {
			continue
		}
		if err := ses.feedItem(to, tell(f.rec.ID, e)); err != nil {
			return nil, err
		}
	}
	return []string{from}, nil
}

func (ses *session) moveOrigins(m learned) error {
	list, err := ses.tx.Origins(store.OriginQuery{Commune: m.from})
	if err != nil {
		return err
	}
	for _, o := range list {
		if len(o.Units) == 0 || o.Units[0] != m.moved {
			continue
		}
		o.Commune = m.to
		if err := ses.tx.PutOrigin(o); err != nil {
			return err
		}
		delete(ses.origins, o.ID)
	}
	return nil
}
