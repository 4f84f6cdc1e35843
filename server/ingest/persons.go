package ingest

import (
	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// notePerson has the person of an activity read again by whoever keeps the index
// of persons, after this transaction. Only the record's id is kept for it: one
// row for all records of a transaction, which costs bulk intake next to nothing.
func (ses *session) notePerson(rec *store.Record) {
	if !ses.s.atCentre() || rec.Collection != syncproto.CollectionActivity || ses.noted[rec.ID] {
		return
	}
	if ses.noted == nil {
		ses.noted = make(map[uuid.UUID]bool)
	}
	ses.noted[rec.ID] = true
	ses.persons = append(ses.persons, rec.ID)
}

// forgetPerson removes an erased record from the index of persons and from all
// pairs, in the transaction that erases it. What its row held is looked for in
// the files afterwards; the hash of its number only if nobody else has it.
func (ses *session) forgetPerson(record uuid.UUID) error {
	p, indexed, err := ses.tx.Person(record)
	if err != nil {
		return err
	}
	if indexed {
		if _, err := ses.tx.DropPerson(record); err != nil {
			return err
		}
		ses.gone(p.Sealed)
		for _, q := range []store.PersonQuery{{Number: p.Number, Limit: 1}, {Phone: p.Phone, Limit: 1}} {
			if err := ses.goneHash(q); err != nil {
				return err
			}
		}
	}
	pairs, err := ses.tx.PairsOf(record)
	for i := range pairs {
		if err = ses.partErased(&pairs[i]); err != nil {
			return err
		}
	}
	return err
}

// goneHash notes a hash as deleted for ever unless a person still has it.
func (ses *session) goneHash(q store.PersonQuery) error {
	hash := q.Number
	if hash == (store.KeyedHash{}) {
		hash = q.Phone
	}
	if hash == (store.KeyedHash{}) {
		return nil
	}
	held := false
	err := ses.tx.EachPerson(q, func(store.Person) error {
		held = true
		return nil
	})
	if err == nil && !held {
		ses.gone(hash[:])
	}
	return err
}

// partErased drops a pair one of whose records was erased. Who was linked is
// written down, by record ids only.
func (ses *session) partErased(p *store.Pair) error {
	if err := ses.tx.DropPair(p.A, p.B); err != nil || p.State == store.PairSuggested {
		return err
	}
	return ses.tx.AddLinkEvent(store.LinkEvent{AtMS: ses.nowMS, Actor: store.LinkByCentre, Act: store.LinkErased, A: p.A, B: p.B})
}
