package storetest

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
)

func conflicted(t *testing.T, s store.Store) {
	record := func(n byte, contested bool) *store.Record {
		return &store.Record{ID: id(n), Collection: syncproto.CollectionActivity, Unit: "a:1", Exists: true, Conflict: contested, Changes: 2, History: []byte{n}}
	}
	one := store.Settlement{
		ID: id(1), Batch: id(9), Record: id(3), Unit: "a:1", Compartment: syncproto.Personal, Field: 4, Name: "sex", How: "chosen", Actor: "account", AtMS: 7,
	}
	two := one
	two.ID, two.Record, two.Field, two.Name = id(2), id(5), 0, "void"
	update(t, s, func(tx store.Tx) error {
		for _, r := range []*store.Record{record(3, true), record(4, false), record(5, true), record(6, true)} {
			if err := tx.PutRecord(r); err != nil {
				return err
			}
		}
		if err := tx.PutRecord(record(6, false)); err != nil { // settled
			return err
		}
		if err := tx.PutSettlement(one); err != nil {
			return err
		}
		return tx.PutSettlement(two)
	})
	one.Changes = []syncproto.Ref{{Origin: id(7), Seq: 1 << 40, Open: [syncproto.RefOpenBytes]byte{1, 2}}, {Origin: id(7), Seq: 2}}
	one.UndoneBy, one.UndoneMS = "other", 8
	update(t, s, func(tx store.Tx) error { return tx.PutSettlement(one) })
	view(t, s, func(r store.Reader) error {
		contestedRecords(t, r)
		settledRecords(t, r, one, two)
		return nil
	})
}

func contestedRecords(t *testing.T, r store.Reader) {
	ids := func(after uuid.UUID, limit int) (out []uuid.UUID) {
		list, err := r.Conflicts(after, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range list {
			out = append(out, rec.ID)
			if len(rec.History) == 0 {
				t.Error("a contested record comes without its history")
			}
		}
		return out
	}
	if got := ids(uuid.Nil, 9); !slices.Equal(got, []uuid.UUID{id(3), id(5)}) {
		t.Errorf("contested: %v", got)
	}
	if got := append(ids(uuid.Nil, 1), ids(id(3), 9)...); !slices.Equal(got, []uuid.UUID{id(3), id(5)}) {
		t.Errorf("contested, by pages: %v", got)
	}
}

// settledRecords expects one, and two which is newer.
func settledRecords(t *testing.T, r store.Reader, one, two store.Settlement) {
	got, ok, err := r.Settlement(id(1))
	if diff := cmp.Diff(one, got); diff != "" || !ok || err != nil {
		t.Errorf("settlement: %v %v %s", ok, err, diff)
	}
	if _, ok, err := r.Settlement(id(8)); ok || err != nil {
		t.Errorf("a settlement that there is not: %v %v", ok, err)
	}
	all, err := r.Settlements(uuid.Nil, 9)
	if diff := cmp.Diff([]store.Settlement{two, one}, all); diff != "" || err != nil {
		t.Errorf("newest first: %v %s", err, diff)
	}
	older, err := r.Settlements(id(2), 9)
	if diff := cmp.Diff([]store.Settlement{one}, older); diff != "" || err != nil {
		t.Errorf("before one: %v %s", err, diff)
	}
	of, err := r.SettlementsOf(id(5))
	if diff := cmp.Diff([]store.Settlement{two}, of); diff != "" || err != nil {
		t.Errorf("of a record: %v %s", err, diff)
	}
}
