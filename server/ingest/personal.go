package ingest

import (
	"thonsync/server/store"
	"thonsync/syncproto"
)

// readOnly lets a session that only reads run on a snapshot: its writers are
// nil and must not be called.
type readOnly struct {
	store.Reader
	store.OriginWriter
	store.LogWriter
	store.RecordWriter
	store.FeedWriter
	store.CustodyWriter
	store.MetaWriter
}

// Personal gives the shown personal values of a record that was read with its
// history through r. It is nil at a point and for an erased record. Whoever
// calls it answers for who gets to see the values.
func (s *Service) Personal(r store.Reader, rec *store.Record) (syncproto.Row, error) {
	entries, err := s.opened(rec)
	if err != nil {
		return nil, err
	}
	ses := newSession(s, readOnly{Reader: r})
	state, err := ses.merge(&file{rec: *rec, entries: entries})
	if err != nil {
		return nil, err
	}
	return state.Row(syncproto.Personal), nil
}

// PersonalHeld tells how many changes of the record still hold a personal row
// that this server can open.
func (s *Service) PersonalHeld(rec *store.Record) (int, error) {
	entries, err := s.opened(rec)
	n := 0
	for i := range entries {
		if len(entries[i].Change.Personal) > 0 {
			n++
		}
	}
	return n, err
}

func (s *Service) opened(rec *store.Record) ([]Entry, error) {
	entries, err := DecodeHistory(rec.History)
	if err != nil || s.vault == nil {
		return entries, err
	}
	for i := range entries {
		e := &entries[i]
		if e.form != personalEncrypted {
			continue
		}
		if e.Change.Personal, err = s.vault.open(rec.ID, e); err != nil {
			return nil, err
		}
	}
	return entries, nil
}
