package links

import (
	"context"

	"github.com/google/uuid"

	"thonsync/server/reconcile/linkage"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// batchRecords is about how many records are read in one view and written in one
// transaction: few enough for others not to wait.
const batchRecords = 500

// Rebuild makes the whole index anew: it forgets all persons and queues every
// activity. Decisions stay. CatchUp does the work.
func (s *Service) Rebuild(ctx context.Context) error {
	s.working.Lock()
	defer s.working.Unlock()
	err := s.cfg.Ingest.Do(ctx, func(tx store.Tx) error {
		if err := tx.ClearPersons(); err != nil {
			return err
		}
		return tx.SetMeta(metaIndex, nil)
	})
	if err != nil {
		return err
	}
	for last := (uuid.UUID{}); ; {
		var ids []uuid.UUID
		q := store.RecordQuery{After: last, Collection: syncproto.CollectionActivity, ExistsOnly: true, WithoutHistory: true, Limit: 10 * batchRecords}
		err := s.cfg.Store.View(ctx, func(r store.Reader) error {
			return r.EachRecord(q, func(rec store.Record) error {
				ids = append(ids, rec.ID)
				return nil
			})
		})
		if err != nil {
			return err
		}
		done := len(ids) < q.Limit
		err = s.cfg.Ingest.Do(ctx, func(tx store.Tx) error {
			for at := 0; at < len(ids); at += batchRecords {
				if err := tx.QueuePersons(ids[at:min(len(ids), at+batchRecords)]); err != nil {
					return err
				}
			}
			if !done {
				return nil
			}
			return tx.SetMeta(metaIndex, s.form())
		})
		if err != nil || done {
			return err
		}
		last = ids[len(ids)-1]
	}
}

// CatchUp works off what is queued, so that the index speaks of all records that
// are there. Lookups call it first.
func (s *Service) CatchUp(ctx context.Context) error {
	s.working.Lock()
	defer s.working.Unlock()
	return s.catchUp(ctx)
}

func (s *Service) catchUp(ctx context.Context) error {
	for {
		more, err := s.indexSome(ctx)
		if err != nil || !more {
			return err
		}
	}
}

// indexSome reads the persons of the oldest queued records and writes them. A
// record that changes in between is queued again behind them, and one that is
// erased in between is left out by PutPersons.
func (s *Service) indexSome(ctx context.Context) (more bool, err error) {
	var batch indexBatch
	err = s.cfg.Store.View(ctx, func(r store.Reader) error {
		queue, err := r.PersonQueue(queueLook)
		if err != nil {
			return err
		}
		batch = indexBatch{s: s, seen: make(map[uuid.UUID]bool)}
		for _, q := range queue {
			if err := batch.add(r, q.Records); err != nil {
				return err
			}
			batch.upTo = q.ID
			if len(batch.seen) >= batchRecords {
				break
			}
		}
		return nil
	})
	if err != nil || batch.upTo == 0 {
		return false, err
	}
	return true, s.cfg.Ingest.Do(ctx, func(tx store.Tx) error {
		for _, id := range batch.gone {
			if err := forget(tx, id); err != nil {
				return err
			}
		}
		if err := tx.PutPersons(batch.put); err != nil {
			return err
		}
		return tx.UnqueuePersons(batch.upTo)
	})
}

// queueLook bounds how many batches are looked at together: most hold the few
// records of one exchange.
const queueLook = 200

// indexBatch is what one step of indexing gathers.
type indexBatch struct {
	s    *Service
	seen map[uuid.UUID]bool
	put  []store.Person
	gone []uuid.UUID // records that are about nobody any more
	upTo int64
}

func (b *indexBatch) add(r store.Reader, records []uuid.UUID) error {
	for _, id := range records {
		if b.seen[id] {
			continue
		}
		b.seen[id] = true
		rec, found, err := r.Record(id)
		if err != nil {
			return err
		}
		if !found || rec.Erased {
			continue // the erasure has removed it
		}
		var row syncproto.Row
		if rec.Exists && !rec.Void {
			if row, err = b.s.cfg.Ingest.Personal(r, &rec); err != nil {
				return err
			}
		}
		p, about, err := b.s.indexed(&rec, row)
		switch {
		case err != nil:
			return err
		case about:
			b.put = append(b.put, p)
		default:
			b.gone = append(b.gone, id)
		}
	}
	return nil
}

// forget drops what nobody decided about a record that is about nobody now.
func forget(tx store.Tx, record uuid.UUID) error {
	had, err := tx.DropPerson(record)
	if err != nil || !had {
		return err
	}
	pairs, err := tx.PairsOf(record)
	for i := range pairs {
		if pairs[i].State == store.PairSuggested {
			if err := tx.DropPair(pairs[i].A, pairs[i].B); err != nil {
				return err
			}
		}
	}
	return err
}

// indexed gives what the index keeps of a record's shown personal fields; false
// if they name nobody.
func (s *Service) indexed(rec *store.Record, row syncproto.Row) (store.Person, bool, error) {
	p := store.Person{Record: rec.ID, Unit: rec.Unit, Fresh: true}
	if n, err := syncproto.ParseIDNumber(row.Value(syncproto.PersonIDNumber).Text()); err == nil {
		p.Number = store.KeyedHash(s.NumberHash(n))
	}
	p.Phone = store.KeyedHash(s.PhoneHash(row.Value(syncproto.PersonPhone).Text()))
	if p.Number == (store.KeyedHash{}) && row.Value(syncproto.PersonFullName).Text() == "" {
		return p, false, nil
	}
	var compared syncproto.Row
	for _, num := range [...]uint32{syncproto.PersonFullName, syncproto.PersonBirthDate, syncproto.PersonSex} {
		if v, ok := row.Get(num); ok {
			compared = append(compared, syncproto.Field{Num: num, Value: v})
		}
	}
	var err error
	p.Sealed, err = s.cfg.Box.Seal(syncproto.AppendRow(nil, compared), sealedFor(rec.ID))
	return p, true, err
}

// sealedFor binds a sealed row to its record and to this use of the key.
func sealedFor(record uuid.UUID) []byte { return append([]byte("thonsync person\x00"), record[:]...) }

// Read gives an indexed person as linkage compares it, prepared; commune is the
// one it is compared in. It names a citizen: whoever calls it answers for who gets
// to see that.
func (s *Service) Read(p *store.Person, commune string) (linkage.Person, error) {
	return s.open(p, commune)
}

// open gives an indexed person as linkage compares it, prepared.
func (s *Service) open(p *store.Person, commune string) (linkage.Person, error) {
	out := linkage.Person{Number: linkage.Hash(p.Number), Phone: linkage.Hash(p.Phone), Village: p.Unit, Commune: commune}
	plain, err := s.cfg.Box.Open(p.Sealed, sealedFor(p.Record))
	if err != nil {
		return out, syncproto.Wrap(syncproto.CodeUnreadable, err, "the index of persons does not open: make it anew with `thonsync link scan --rebuild`")
	}
	row, err := syncproto.DecodeRow(plain)
	if err != nil {
		return out, err
	}
	fillPerson(&out, row)
	return out, nil
}

// fillPerson takes name, birth and sex over from a personal row.
func fillPerson(p *linkage.Person, row syncproto.Row) {
	p.Name, p.Sex = row.Value(syncproto.PersonFullName).Text(), row.Value(syncproto.PersonSex).Text()
	if v, ok := row.Get(syncproto.PersonBirthDate); ok && v.Type() == syncproto.TypeDate {
		p.Birth = v.Date()
	}
	p.Prepare()
}
