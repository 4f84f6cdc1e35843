package storetest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"thonsync/server/store"
)

func reorganisations(t *testing.T, s store.Store) {
	first := store.Reorganisation{ID: id(1), Name: "Một", FromList: "a", ToList: "b", Effective: "2025-07-01", State: "planned", PlannedMS: 5, Document: []byte("{}")}
	second := store.Reorganisation{ID: id(2), Name: "Hai", FromList: "b", ToList: "c", Effective: "2027-01-01", State: "planned", PlannedMS: 9, Document: []byte("[]")}
	village := store.Placement{Reorganisation: id(1), Subject: "thon:1", From: "a:1", To: "b:2", Actor: "account", AtMS: 7}
	point := store.Placement{Reorganisation: id(1), Subject: "point:x", From: "a:1", To: "b:2", Before: "a:1", Actor: "account", AtMS: 7}
	record := store.Reorganised{Reorganisation: id(1), Record: id(7), Was: []byte{1}, WasVoid: true, Wrote: []byte{2}}
	update(t, s, func(tx store.Tx) error {
		for _, r := range []store.Reorganisation{first, second} {
			if err := tx.PutReorganisation(r); err != nil {
				return err
			}
		}
		for _, p := range []store.Placement{village, point} {
			if err := tx.PutPlacement(p); err != nil {
				return err
			}
		}
		return tx.PutReorganised(record)
	})
	update(t, s, func(tx store.Tx) error {
		first.State, first.AppliedMS = "applied", 6
		if err := tx.PutReorganisation(first); err != nil {
			return err
		}
		later := record
		later.Was, later.WasVoid, later.Made, later.Wrote = []byte{9}, false, true, []byte{3}
		if err := tx.PutReorganised(later); err != nil {
			return err
		}
		again := point
		again.Before, again.To, again.AtMS = "b:2", "b:3", 8
		return tx.PutPlacement(again)
	})
	record.Wrote, point.To, point.AtMS = []byte{3}, "b:3", 8
	view(t, s, func(r store.Reader) error {
		got, ok, err := r.Reorganisation(id(1))
		if diff := cmp.Diff(first, got); diff != "" || !ok || err != nil {
			t.Errorf("reorganisation: %v %v %s", ok, err, diff)
		}
		all, err := r.Reorganisations()
		if diff := cmp.Diff([]store.Reorganisation{second, first}, all); diff != "" || err != nil {
			t.Errorf("the one planned last comes first: %v %s", err, diff)
		}
		records, err := r.Reorganised(id(1))
		if diff := cmp.Diff([]store.Reorganised{record}, records); diff != "" || err != nil {
			t.Errorf("what a record was before stays: %v %s", err, diff)
		}
		placed, err := r.Placements(id(1))
		if diff := cmp.Diff([]store.Placement{point, village}, placed); diff != "" || err != nil {
			t.Errorf("placements: %v %s", err, diff)
		}
		return nil
	})
	update(t, s, func(tx store.Tx) error {
		if err := tx.DeletePlacement(id(1), village.Subject); err != nil {
			return err
		}
		if err := tx.DeleteReorganised(id(1), record.Record); err != nil {
			return err
		}
		return tx.DeleteReorganisation(id(2))
	})
	view(t, s, func(r store.Reader) error {
		_, there, err := r.Reorganisation(id(2))
		if err != nil || there {
			t.Errorf("a deleted one is there: %v, %v", there, err)
		}
		placed, err := r.Placements(id(1))
		records, err2 := r.Reorganised(id(1))
		if err != nil || err2 != nil || len(placed) != 1 || len(records) != 0 {
			t.Errorf("after deleting: %d placements, %d records, %v, %v", len(placed), len(records), err, err2)
		}
		return nil
	})
}
