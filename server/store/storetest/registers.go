package storetest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
)

func registers(t *testing.T, s store.Store) {
	reg := store.Register{ID: id(1), Name: "CCCD", Document: []byte("{}"), MadeMS: 5}
	hash := func(n byte) store.KeyedHash { return store.KeyedHash{n} }
	row := store.RegisterRow{Register: id(1), Key: hash(1), Number: hash(9), Unit: "l:1", Commune: "l:2", Kind: "CC", Day: "2026-05-04", Done: true, Import: id(2), Content: hash(7), Sealed: []byte("sealed")}
	lone := store.RegisterRow{Register: id(1), Key: hash(2), Commune: "l:2", Import: id(2), Content: hash(8), Sealed: []byte("other")}
	changed := row
	changed.Done, changed.Import, changed.Content, changed.Sealed = false, id(3), hash(6), []byte("again")
	rows := func(q store.RegisterRowQuery) (out []store.RegisterRow) {
		view(t, s, func(r store.Reader) error {
			return r.EachRegisterRow(q, func(v store.RegisterRow) error {
				out = append(out, v)
				return nil
			})
		})
		return out
	}
	update(t, s, func(tx store.Tx) error {
		return errors.Join(tx.PutRegister(reg), tx.PutRegisterProfile(store.RegisterProfile{Name: "p", Document: []byte("{}")}),
			tx.PutRegisterImport(store.RegisterImport{ID: id(2), Register: id(1), AtMS: 6, Actor: "a", State: store.RegisterDone, Document: []byte("{}")}),
			tx.PutRegisterImport(store.RegisterImport{ID: id(3), Register: id(1), AtMS: 6, Actor: "a", State: store.RegisterRunning, Document: []byte("{}")}),
			tx.PutRegisterRow(row), tx.PutRegisterRow(lone), tx.PutRegisterRow(changed), tx.PutRegisterRow(changed))
	})
	if diff := cmp.Diff([]store.RegisterRow{changed, lone}, rows(store.RegisterRowQuery{Register: id(1)})); diff != "" {
		t.Errorf("rows: %s", diff)
	}
	for name, q := range map[string]store.RegisterRowQuery{"by number": {Number: hash(9)}, "by import": {Import: id(3)}, "a page": {Register: id(1), Limit: 1}} {
		if diff := cmp.Diff([]store.RegisterRow{changed}, rows(q)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	view(t, s, func(r store.Reader) error {
		list, err := r.RegisterImports(id(1))
		if err != nil || len(list) != 2 || list[0].ID != id(3) {
			t.Errorf("the newest import comes first: %+v, %v", list, err)
		}
		return nil
	})
	registerFindings(t, s, changed, lone)
	update(t, s, func(tx store.Tx) error {
		was, err := tx.UndoRegisterRows(id(1), id(3), 10)
		if diff := cmp.Diff([]store.RegisterRow{row}, was); diff != "" {
			t.Errorf("undone: %s", diff)
		}
		return err
	})
	if diff := cmp.Diff([]store.RegisterRow{row, lone}, rows(store.RegisterRowQuery{})); diff != "" {
		t.Errorf("after undoing: %s", diff)
	}
	update(t, s, func(tx store.Tx) error {
		gone, err := tx.EraseRegisterRows(hash(9), uuid.Nil, store.KeyedHash{})
		if len(gone) != 1 {
			t.Errorf("erased %d rows", len(gone))
		}
		return errors.Join(err, tx.PutRegisterErased(hash(5)), tx.PutRegisterErased(hash(5)))
	})
	view(t, s, func(r store.Reader) error {
		yes, err1 := r.RegisterErased(hash(5))
		no, err2 := r.RegisterErased(hash(6))
		if !yes || no {
			t.Errorf("erased: %v, %v", yes, no)
		}
		return errors.Join(err1, err2)
	})
	update(t, s, func(tx store.Tx) error {
		sealed, err := tx.DeleteRegister(id(1))
		if len(sealed) != 1 {
			t.Errorf("%d rows went with the register", len(sealed))
		}
		return errors.Join(err, tx.PutRegisterProfile(store.RegisterProfile{Name: "p"}))
	})
	view(t, s, func(r store.Reader) error {
		regs, err1 := r.Registers()
		profiles, err2 := r.RegisterProfiles()
		if len(regs)+len(profiles)+len(rows(store.RegisterRowQuery{})) != 0 {
			t.Errorf("left: %v %v", regs, profiles)
		}
		return errors.Join(err1, err2)
	})
}

// registerFindings: findings of records that are there, and what they say of rows.
func registerFindings(t *testing.T, s store.Store, found, lone store.RegisterRow) {
	activity := store.Record{ID: id(20), Collection: syncproto.CollectionActivity, Unit: "l:1", Exists: true, History: []byte{1}}
	f := store.RegisterFinding{Register: id(1), Activity: id(20), Verdict: store.RegisterConfirmed, Row: found.Key, Unit: "l:1", Commune: "l:2", Team: id(4), Kind: "CC", Occurred: "2026-05-04", Exact: true, Score: 7}
	absent := f
	absent.Activity = id(21)
	update(t, s, func(tx store.Tx) error {
		return errors.Join(tx.PutRecord(&activity), tx.PutRegisterFinding(f), tx.PutRegisterFinding(absent),
			tx.QueueRegisterWork(store.RegisterWork{Commune: "l:2"}), tx.QueueRegisterWork(store.RegisterWork{Records: []uuid.UUID{id(20), id(21)}}))
	})
	view(t, s, func(r store.Reader) error {
		var got []store.RegisterFinding
		err := r.EachRegisterFinding(store.RegisterFindingQuery{Register: id(1), Verdict: store.RegisterConfirmed, Commune: "l:2"}, func(v store.RegisterFinding) error {
			got = append(got, v)
			return nil
		})
		if diff := cmp.Diff([]store.RegisterFinding{f}, got); diff != "" {
			t.Errorf("findings: %s", diff)
		}
		sums, err1 := r.RegisterSums(id(1))
		if diff := cmp.Diff([]store.RegisterSum{{Unit: "l:1", Commune: "l:2", Team: id(4), Verdict: store.RegisterConfirmed, Number: 1}}, sums); diff != "" {
			t.Errorf("sums: %s", diff)
		}
		rows, err2 := r.RegisterRowSums(id(1))
		if diff := cmp.Diff([]store.RegisterRowSum{{Commune: "l:2", Found: 1, Only: 1}}, rows); diff != "" {
			t.Errorf("sums of rows: %s", diff)
		}
		err3 := r.EachRegisterRow(store.RegisterRowQuery{Register: id(1), State: "only"}, func(v store.RegisterRow) error {
			if v.Key != lone.Key {
				t.Errorf("%v is only in the register", v.Key)
			}
			return nil
		})
		queue, err4 := r.RegisterQueue(0)
		if len(queue) != 2 || queue[0].Commune != "l:2" || len(queue[1].Records) != 2 {
			t.Errorf("queue %+v", queue)
		}
		return errors.Join(err, err1, err2, err3, err4)
	})
	update(t, s, func(tx store.Tx) error {
		queue, err := tx.RegisterQueue(1)
		return errors.Join(err, tx.UnqueueRegisterWork(queue[0].ID), tx.DropRegisterFindings(id(20)))
	})
	view(t, s, func(r store.Reader) error {
		queue, err := r.RegisterQueue(0)
		sums, err2 := r.RegisterSums(id(1))
		if len(queue) != 1 || len(sums) != 0 {
			t.Errorf("left: %v %v", queue, sums)
		}
		return errors.Join(err, err2)
	})
}
