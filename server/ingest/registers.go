package ingest

import (
	"context"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// Eraser deletes what else is kept about the citizen of a record that is being
// erased, in the same transaction. numbers are all identity numbers that changes
// of the record gave. It gives the values that have to be gone from the files, and
// may be called again on a new transaction.
type Eraser func(tx store.Tx, record uuid.UUID, numbers []syncproto.IDNumber) (traces [][]byte, err error)

// SetEraser has e called at every erasure from now on.
func (s *Service) SetEraser(e Eraser) { s.eraser.Store(&e) }

// eraseInRegisters has the citizen of a record erased from what is kept beside
// the records. It must run before the record's personal rows go.
func (ses *session) eraseInRegisters(f *file) error {
	erase := ses.s.eraser.Load()
	if erase == nil {
		return nil
	}
	if err := ses.openPersonals(f); err != nil {
		return err
	}
	seen := make(map[syncproto.IDNumber]bool)
	var numbers []syncproto.IDNumber
	for i := range f.entries {
		n, err := syncproto.ParseIDNumber(f.entries[i].Change.Personal.Value(syncproto.PersonIDNumber).Text())
		if err == nil && !seen[n] {
			seen[n], numbers = true, append(numbers, n)
		}
	}
	traces, err := (*erase)(ses.tx, f.rec.ID, numbers)
	for _, t := range traces {
		ses.gone(t)
	}
	return err
}

// noteRegisters has the activities of this transaction compared with the
// registers again, if there are any.
func (ses *session) noteRegisters() error {
	if len(ses.persons) == 0 {
		return nil
	}
	list, err := ses.tx.Registers()
	if err != nil || len(list) == 0 {
		return err
	}
	return ses.tx.QueueRegisterWork(store.RegisterWork{Records: ses.persons})
}

// Forget is Do for what deletes personal data. The values that f gives are looked
// for by the next Purge and removed from the files.
func (s *Service) Forget(ctx context.Context, f func(store.Tx) (traces [][]byte, err error)) error {
	return s.submit(ctx, func(ses *session) error {
		traces, err := f(ses.tx)
		if err != nil || len(traces) == 0 {
			return err
		}
		for _, t := range traces {
			ses.gone(t)
		}
		return ses.erasing()
	})
}
