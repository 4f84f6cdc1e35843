package ingest

import (
	"thonsync/server/store"
	"thonsync/syncproto/merge"
)

// Merged is what the changes of a record add up to, with the changes.
type Merged struct {
	State   merge.State
	Entries []Entry
}

// Merged merges a record that was read with its history through r, personal rows
// opened as far as this server can. Whoever calls it answers for who gets to see
// the values.
func (s *Service) Merged(r store.Reader, rec *store.Record) (*Merged, error) {
	entries, err := s.opened(rec)
	if err != nil {
		return nil, err
	}
	state, err := newSession(s, readOnly{Reader: r}).merge(&file{rec: *rec, entries: entries})
	if err != nil {
		return nil, err
	}
	return &Merged{State: *state, Entries: entries}, nil
}

// Entry finds a change by its name; nil if it is not here.
func (m *Merged) Entry(id merge.ID) *Entry {
	for i := range m.Entries {
		if m.Entries[i].ID() == id {
			return &m.Entries[i]
		}
	}
	return nil
}
