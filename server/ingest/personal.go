package ingest

import (
	"bytes"

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
	store.LinkWriter
	store.MetaWriter
	store.RegisterWriter
	store.ReorganisationWriter
	store.ConflictWriter
	store.TallyWriter
	store.WatchWriter
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

// HoldsNumber tells whether any change of the record ever gave the identity
// number, shown or not, so that a citizen is found under an old value, too. The
// record must have been read with its history. False at a point.
func (s *Service) HoldsNumber(rec *store.Record, number syncproto.IDNumber) (bool, error) {
	entries, err := s.opened(rec)
	if err != nil {
		return false, err
	}
	for i := range entries {
		v := entries[i].Change.Personal.Value(syncproto.PersonIDNumber).Text()
		if held, err := syncproto.ParseIDNumber(v); v != "" && err == nil && held == number {
			return true, nil
		}
	}
	return false, nil
}

// WrotePersonal tells whether an origin wrote personal values of the record that
// are still kept here. The record must have been read with its history.
func (s *Service) WrotePersonal(rec *store.Record, origin syncproto.OriginID) (bool, error) {
	entries, err := s.opened(rec)
	if err != nil {
		return false, err
	}
	for i := range entries {
		if entries[i].Change.Origin == origin && len(entries[i].Change.Personal) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// Secret is a value that an erasure has to remove.
type Secret struct {
	Name  string // of the field, "salt" or "encrypted row"
	Value []byte
	// Shared tells that the value may stand in another citizen's record, too.
	Shared bool
}

// Secrets lists everything personal that is kept of a record: all values of all
// its changes that are long enough to be told from chance, their salts, and their
// rows as they lie encrypted. It is for looking whether an erasure has removed
// them. Whoever calls it must not keep them.
func (s *Service) Secrets(r store.Reader, rec *store.Record) ([]Secret, error) {
	entries, err := s.opened(rec)
	if err != nil {
		return nil, err
	}
	ses := newSession(s, readOnly{Reader: r})
	coll, _ := syncproto.CollectionOf(rec.Collection)
	var out []Secret
	for i := range entries {
		for _, f := range entries[i].Change.Personal {
			if v := []byte(f.Value.Text()); len(v) >= minSecret {
				name := "field"
				if def, ok := coll.Field(syncproto.Personal, f.Num); ok {
					name = def.Name
				}
				out = append(out, Secret{name, v, true})
			}
		}
		if c := entries[i].cipher; len(c) > vaultOverhead {
			out = append(out, Secret{"encrypted row", c[:vaultOverhead], false})
		}
		err := ses.eachHolding(&entries[i], func(row store.Segment, at int) error {
			if end := (at + 1) * saltBytes; len(row.Salts) >= end {
				if salt := row.Salts[end-saltBytes : end]; !zero(salt) {
					out = append(out, Secret{"salt", salt, false})
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Unmentioned gives those of the secrets that no personal value of the record
// contains. The record must have been read with its history.
func (s *Service) Unmentioned(rec *store.Record, secrets []Secret) ([]Secret, error) {
	entries, err := s.opened(rec)
	if err != nil {
		return nil, err
	}
	out := secrets[:0:0]
	for _, x := range secrets {
		if !x.Shared || !mentions(entries, x.Value) {
			out = append(out, x)
		}
	}
	return out, nil
}

func mentions(entries []Entry, text []byte) bool {
	for i := range entries {
		for _, f := range entries[i].Change.Personal {
			if bytes.Contains([]byte(f.Value.Text()), text) {
				return true
			}
		}
	}
	return false
}

// minSecret is the length from which a value says something by being found.
// "male" and "female" are everywhere.
const minSecret = 8

func zero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// Standing names the changes whose values a new change of the centre replaces
// when it sets these fields of a record, per compartment. except is the origin
// that writes it, whose own earlier values need no naming.
func (s *Service) Standing(r store.Reader, rec *store.Record, operational, personal syncproto.Row, except syncproto.OriginID) ([2][]syncproto.Ref, error) {
	var refs [2][]syncproto.Ref
	entries, err := s.opened(rec)
	if err != nil {
		return refs, err
	}
	state, err := newSession(s, readOnly{Reader: r}).merge(&file{rec: *rec, entries: entries})
	if err != nil {
		return refs, err
	}
	left := syncproto.MaxRefs
	for comp, row := range [...]syncproto.Row{operational, personal} {
		numbers := make([]uint32, len(row))
		for i, f := range row {
			numbers[i] = f.Num
		}
		for _, id := range state.Targets(syncproto.Compartment(comp), numbers...) {
			if id.Origin != except && left > 0 {
				refs[comp], left = append(refs[comp], syncproto.Ref(id)), left-1
			}
		}
	}
	return refs, nil
}
