package demo

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// everything exports all changes of a phone, also those long received.
var everything = clientlib.BundleOptions{All: true}

// receivedRecord finds a record that its phone believes to be at the centre.
func (s *stage) receivedRecord(ctx context.Context) (uuid.UUID, error) {
	for _, p := range s.phones {
		for _, id := range p.made {
			c, err := p.dev.Custody(ctx, id)
			if err != nil {
				return uuid.Nil, err
			}
			if c.Stage == clientlib.StageAtCentre {
				return id, nil
			}
		}
	}
	return uuid.Nil, errors.New("no phone has a record at the centre")
}

// alterRecord changes a received record at the centre, behind its back.
// It is put right after the check, so that only one promise is broken.
func (s *stage) alterRecord(ctx context.Context, d *day, change func(*store.Record)) error {
	id, err := s.receivedRecord(ctx)
	if err != nil {
		return err
	}
	return s.centre.node.Store().Update(ctx, func(tx store.Tx) error {
		rec, ok, err := tx.Record(id)
		if err != nil || !ok {
			return errors.Join(err, errors.New("the record is not at the centre"))
		}
		old := rec
		d.restore = func(ctx context.Context) error {
			return s.centre.node.Store().Update(ctx, func(tx store.Tx) error { return tx.PutRecord(&old) })
		}
		change(&rec)
		return tx.PutRecord(&rec)
	})
}

// breakKept empties a record that a phone believes to be at the centre.
func breakKept(ctx context.Context, s *stage, d *day) error {
	return s.alterRecord(ctx, d, func(rec *store.Record) { rec.Exists = false })
}

// breakSame alters a result.
func breakSame(ctx context.Context, s *stage, d *day) error {
	return s.alterRecord(ctx, d, func(rec *store.Record) { rec.Result += "?" })
}

// breakLedger has the index claim five changes more than there are.
func breakLedger(ctx context.Context, s *stage, d *day) error {
	return s.centre.node.Store().Update(ctx, func(tx store.Tx) error {
		runs, err := tx.Runs(s.phones[2].dev.Origin())
		if err != nil || len(runs) == 0 {
			return errors.Join(err, errors.New("the third phone is not known at the centre"))
		}
		run := runs[0]
		d.restore = func(ctx context.Context) error {
			return s.centre.node.Store().Update(ctx, func(tx store.Tx) error { return tx.PutRun(runs[0]) })
		}
		run.Last.Seq += 5
		return tx.PutRun(run)
	})
}

// breakGaps hides the gap while the check looks, and gives it back afterwards.
func breakGaps(ctx context.Context, s *stage, d *day) error {
	st := s.centre.node.Store()
	return st.Update(ctx, func(tx store.Tx) error {
		runs, err := tx.Runs(s.cast.late.dev.Origin())
		if err != nil || len(runs) == 0 {
			return errors.Join(err, errors.New("the late phone is not known at the centre"))
		}
		old := runs[0]
		forged := old
		forged.First, forged.Before, forged.Linked = 1, syncproto.Genesis(old.Origin), true
		d.restore = func(ctx context.Context) error {
			return st.Update(ctx, func(tx store.Tx) error {
				return errors.Join(tx.DeleteRun(forged.Origin, forged.Branch, forged.First), tx.PutRun(old))
			})
		}
		return errors.Join(tx.DeleteRun(old.Origin, old.Branch, old.First), tx.PutRun(forged))
	})
}

// breakScope gives the spy of checkScope the whole province.
func breakScope(_ context.Context, _ *stage, d *day) error {
	d.spyEverywhere = true
	return nil
}
