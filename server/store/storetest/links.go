package storetest

import (
	"context"
	"slices"
	"testing"

	"github.com/google/uuid"

	"thonsync/server/store"
)

// persons: the queue keeps its order, the index follows records and leaves out
// those that are absent or erased.
func persons(t *testing.T, s store.Store) {
	update(t, s, func(tx store.Tx) error {
		for n := byte(1); n <= 4; n++ {
			if err := tx.PutRecord(&store.Record{ID: id(n), Collection: 7, Erased: n == 4, History: []byte{1}}); err != nil {
				return err
			}
		}
		if err := tx.QueuePersons([]uuid.UUID{id(2), id(1)}); err != nil {
			return err
		}
		return tx.QueuePersons([]uuid.UUID{id(3)})
	})
	view(t, s, func(r store.Reader) error {
		q, err := r.PersonQueue(0)
		if err != nil || len(q) != 2 || !slices.Equal(q[0].Records, []uuid.UUID{id(2), id(1)}) || q[1].ID <= q[0].ID {
			t.Errorf("queue %+v, %v", q, err)
		}
		return err
	})
	n1, n2 := store.KeyedHash{1}, store.KeyedHash{2}
	update(t, s, func(tx store.Tx) error {
		q, err := tx.PersonQueue(1)
		if err != nil {
			return err
		}
		if err := tx.UnqueuePersons(q[0].ID); err != nil {
			return err
		}
		return tx.PutPersons([]store.Person{
			{Record: id(1), Unit: "l:1", Number: n1, Phone: n2, Sealed: []byte("a"), Fresh: true},
			{Record: id(2), Unit: "l:2", Number: n1, Sealed: []byte("b")},
			{Record: id(3), Unit: "l:1", Phone: n2, Sealed: []byte("c"), Fresh: true},
			{Record: id(4), Unit: "l:1", Number: n1, Sealed: []byte("erased")},
			{Record: id(9), Unit: "l:1", Number: n1, Sealed: []byte("absent")},
		})
	})
	checkPersons(t, s, n1, n2)
	update(t, s, func(tx store.Tx) error {
		if had, err := tx.DropPerson(id(1)); !had || err != nil {
			t.Errorf("dropping a person: %v, %v", had, err)
		}
		if had, err := tx.DropPerson(id(1)); had || err != nil {
			t.Errorf("dropping it again: %v, %v", had, err)
		}
		if err := tx.Compared([]uuid.UUID{id(3)}); err != nil {
			return err
		}
		// One row replaces another, whole.
		return tx.PutPersons([]store.Person{{Record: id(2), Unit: "l:3", Sealed: []byte("d")}})
	})
	view(t, s, func(r store.Reader) error {
		p, _, err := r.Person(id(2))
		if err != nil || p.Unit != "l:3" || p.Number != (store.KeyedHash{}) || string(p.Sealed) != "d" {
			t.Errorf("replaced by %+v, %v", p, err)
		}
		all, fresh, queued, err := r.PersonCounts()
		if err != nil || all != 2 || fresh != 0 || queued != 1 {
			t.Errorf("%d persons, %d fresh, %d queued, %v", all, fresh, queued, err)
		}
		return err
	})
	update(t, s, func(tx store.Tx) error { return tx.ClearPersons() })
	view(t, s, func(r store.Reader) error {
		all, _, queued, err := r.PersonCounts()
		if all != 0 || queued != 0 || err != nil {
			t.Errorf("%d persons and %d queued after all were forgotten, %v", all, queued, err)
		}
		return err
	})
}

func checkPersons(t *testing.T, s store.Store, n1, n2 store.KeyedHash) {
	t.Helper()
	for name, c := range map[string]struct {
		q    store.PersonQuery
		want []uuid.UUID
	}{
		"all":       {store.PersonQuery{}, []uuid.UUID{id(1), id(2), id(3)}},
		"a unit":    {store.PersonQuery{Unit: "l:1"}, []uuid.UUID{id(1), id(3)}},
		"a number":  {store.PersonQuery{Number: n1}, []uuid.UUID{id(1), id(2)}},
		"a phone":   {store.PersonQuery{Phone: n2}, []uuid.UUID{id(1), id(3)}},
		"the fresh": {store.PersonQuery{FreshOnly: true, Limit: 1}, []uuid.UUID{id(1)}},
		"nobody's":  {store.PersonQuery{Number: store.KeyedHash{7}}, nil},
	} {
		view(t, s, func(r store.Reader) error {
			var got []uuid.UUID
			err := r.EachPerson(c.q, func(p store.Person) error { got = append(got, p.Record); return nil })
			if !slices.Equal(got, c.want) || err != nil {
				t.Errorf("%s: %v, %v", name, got, err)
			}
			return err
		})
	}
}

// pairs: present states, by weight; events stay.
func pairs(t *testing.T, s store.Store) {
	list := []store.Pair{
		{A: id(1), B: id(2), State: store.PairSuggested, Score: 900},
		{A: id(1), B: id(3), State: store.PairLinked, Exact: true, Score: 2500},
		{A: id(2), B: id(3), State: store.PairSuggested, Score: 900},
		{A: id(3), B: id(4), State: store.PairApart, Score: -100},
	}
	update(t, s, func(tx store.Tx) error {
		for _, p := range list {
			if err := tx.PutPair(p); err != nil {
				return err
			}
			if err := tx.AddLinkEvent(store.LinkEvent{AtMS: int64(p.Score), Actor: "x", Act: store.LinkMade, Reason: "r", A: p.A, B: p.B}); err != nil {
				return err
			}
		}
		return nil
	})
	if err := s.Update(context.Background(), func(tx store.Tx) error {
		return tx.PutPair(store.Pair{A: id(5), B: id(4), State: store.PairLinked})
	}); err == nil {
		t.Error("a pair the wrong way round was taken")
	}
	for name, c := range map[string]struct {
		q    store.PairQuery
		want []store.Pair
	}{
		"all":       {store.PairQuery{}, []store.Pair{list[1], list[0], list[2], list[3]}},
		"suggested": {store.PairQuery{State: store.PairSuggested}, []store.Pair{list[0], list[2]}},
		"exact":     {store.PairQuery{ExactOnly: true}, []store.Pair{list[1]}},
		"a page":    {store.PairQuery{Before: &list[0], Limit: 1}, []store.Pair{list[2]}},
	} {
		view(t, s, func(r store.Reader) error {
			got, err := r.Pairs(c.q)
			if !slices.Equal(got, c.want) || err != nil {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
			return err
		})
	}
	update(t, s, func(tx store.Tx) error { return tx.DropPair(id(1), id(2)) })
	view(t, s, func(r store.Reader) error {
		of, err := r.PairsOf(id(3))
		if err != nil || !slices.Equal(of, list[1:]) {
			t.Errorf("pairs of a record: %+v, %v", of, err)
		}
		if _, there, err := r.Pair(id(1), id(2)); there || err != nil {
			t.Errorf("a dropped pair is there: %v", err)
		}
		n, err := r.PairCounts()
		if err != nil || n[store.PairSuggested] != 1 || n[store.PairLinked] != 1 || n[store.PairApart] != 1 {
			t.Errorf("counts %v, %v", n, err)
		}
		events, err := r.LinkEvents(id(1), id(2), 5)
		if err != nil || len(events) != 1 || events[0].AtMS != 900 || events[0].Act != store.LinkMade {
			t.Errorf("events %+v, %v", events, err)
		}
		all, err := r.LinkEvents(uuid.Nil, uuid.Nil, 2)
		if err != nil || len(all) != 2 || all[0].AtMS != -100 {
			t.Errorf("newest events %+v, %v", all, err)
		}
		return err
	})
}
