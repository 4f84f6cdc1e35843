package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/uuid"

	"thonsync/server/store"
)

// tallies puts, replaces, adds up and drops what is counted ahead.
func tallies(t *testing.T, s store.Store) {
	one := store.Tally{Month: 24310, Team: id(1), Unit: "l:1", Data: []byte("a")}
	two := store.Tally{Month: 24311, Team: id(1), Unit: "l:1", Data: []byte("b")}
	three := store.Tally{Month: 24311, Unit: "l:2", Data: []byte("c")}
	update(t, s, func(tx store.Tx) error {
		old := two
		old.Data = []byte("older")
		gone := store.Tally{Month: 24312, Team: id(2), Unit: "l:1", Data: []byte("d")}
		deleted := gone
		deleted.Data = nil
		return errors.Join(tx.PutTally(old), tx.PutTally(two), tx.PutTally(one), tx.PutTally(three), tx.PutTally(gone), tx.PutTally(deleted),
			tx.AddMembers(id(2), 3, 4), tx.PutTeamTally(store.TeamTally{Team: id(2), Unit: "l:1", Name: "Tổ", Standing: true}), tx.AddMembers(id(2), -1, 1),
			tx.AddMembers(id(1), 1, 0),
			tx.PutArrival(store.Arrival{Origin: id(1), Last: 5, FirstMS: 9}), tx.PutArrival(store.Arrival{Origin: id(1), Last: 4, FirstMS: 1}),
			tx.PutArrival(store.Arrival{Origin: id(1), Last: 5, FirstMS: 8}), tx.PutArrival(store.Arrival{Origin: id(1), Last: 5, FirstMS: 10}))
	})
	view(t, s, func(r store.Reader) error {
		for q, want := range map[store.TallyQuery][]store.Tally{
			{}: {one, three, two}, {From: 24311}: {three, two}, {To: 24310}: {one}, {Team: id(1)}: {one, two}, {From: 24311, To: 24311, Team: id(1)}: {two},
		} {
			var got []store.Tally
			err := r.EachTally(q, func(row store.Tally) error { got = append(got, row); return nil })
			if fmt.Sprint(got) != fmt.Sprint(want) || err != nil {
				t.Errorf("%+v: %v, want %v (%v)", q, got, want, err)
			}
		}
		if data, err := r.TallyOf(24311, uuid.Nil, "l:2"); string(data) != "c" || err != nil {
			t.Errorf("one tally %q, %v", data, err)
		}
		if data, err := r.TallyOf(24312, id(2), "l:1"); data != nil || err != nil {
			t.Errorf("a deleted tally %q, %v", data, err)
		}
		teams, err := r.TeamTallies()
		if want := "[{" + id(1).String() + "   false 1 0} {" + id(2).String() + " l:1 Tổ true 2 5}]"; fmt.Sprint(teams) != want || err != nil {
			t.Errorf("teams %v, want %s (%v)", teams, want, err)
		}
		arrivals, err := r.Arrivals()
		if len(arrivals) != 1 || arrivals[0] != (store.Arrival{Origin: id(1), Last: 5, FirstMS: 8}) || err != nil {
			t.Errorf("arrivals %v, %v", arrivals, err)
		}
		return nil
	})
	update(t, s, func(tx store.Tx) error { return tx.DropTallies() })
	view(t, s, func(r store.Reader) error {
		teams, err := r.TeamTallies()
		arrivals, err2 := r.Arrivals()
		err3 := r.EachTally(store.TallyQuery{}, func(row store.Tally) error { t.Errorf("left %v", row); return nil })
		if len(teams)+len(arrivals) > 0 || errors.Join(err, err2, err3) != nil {
			t.Errorf("left %v, %v (%v)", teams, arrivals, errors.Join(err, err2, err3))
		}
		return nil
	})
}
