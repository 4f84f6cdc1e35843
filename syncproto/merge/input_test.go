package merge_test

import (
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"

	"thonsync/syncproto"
	"thonsync/syncproto/merge"
)

// TestInputStays: nothing handed in is changed, and what came out stays as it is
// when the working memory is used again, by many at once.
func TestInputStays(t *testing.T) {
	var wait sync.WaitGroup
	for worker := range uint64(4) {
		wait.Go(func() {
			for seed := worker; seed < seeds; seed += 4 {
				w, same := newWorld(seed), newWorld(seed)
				br := w.branches(w.order())
				state := merge.Record(w.changes, w.rulings, br)
				before := fmt.Sprint(viewOf(state))
				next := newWorld(seed + seeds)
				merge.Record(next.changes, next.rulings, next.branches(next.order()))
				if after := fmt.Sprint(viewOf(state)); after != before {
					t.Errorf("seed %d: the state changed later:\n%s\n%s", seed, before, after)
				}
				if diff := differ(same.changes, w.changes); diff != "" {
					t.Errorf("seed %d: the changes were changed:\n%s", seed, diff)
				}
				if diff := differ(same.rulings, w.rulings); diff != "" {
					t.Errorf("seed %d: the rulings were changed:\n%s", seed, diff)
				}
			}
		})
	}
	wait.Wait()
}

// TestCopiesThatKnowDifferently: of copies of one change the one with the
// personal row counts, and among these one that has no authority.
func TestCopiesThatKnowDifferently(t *testing.T) {
	full := madeBy(1, 1)
	full.Closed = [16]byte{5}
	full.Personal = syncproto.NewRow(syncproto.Field{Num: 1, Value: syncproto.TextValue("Phan Mẫu")})
	dropped := full
	dropped.Personal, dropped.PersonalKnown = nil, false
	barred := full
	barred.NoAuthority = true
	droppedBarred := dropped
	droppedBarred.NoAuthority = true

	for _, list := range [][]merge.Change{{full, dropped}, {dropped, full}, {droppedBarred, full}, {full, droppedBarred}} {
		state := merge.Record(list, merge.Rulings{}, nil)
		if v, ok := state.Shown(syncproto.Personal, 1); !ok || v.Text() != "Phan Mẫu" || state.Partial {
			t.Errorf("a copy without the personal row hides it: %v", v)
		}
	}
	for _, list := range [][]merge.Change{{full, barred}, {barred, full}, {barred, full, dropped}} {
		if state := merge.Record(list, merge.Rulings{}, nil); state.Exists || len(state.Unauthorised) != 1 {
			t.Errorf("a copy that was judged loses to one that was not")
		}
	}
}

// TestManyStandingValues ranks more values than fit any special case for few,
// among them many that only the closed hash tells apart.
func TestManyStandingValues(t *testing.T) {
	w := newWorld(1)
	w.changes, w.parent, w.rulings = nil, nil, merge.Rulings{}
	for i := range 120 {
		c := madeBy(byte(1+i%3), 1)
		c.StampMS += int64(i % 2)
		c.Open = [16]byte{byte(i % 3), byte(i % 2)}
		c.Closed = [16]byte{byte(i * 37), byte(i), 1}
		c.Personal = syncproto.NewRow(syncproto.Field{Num: 1, Value: syncproto.IntValue(int64(i))})
		w.changes, w.parent = append(w.changes, c), append(w.parent, -1)
	}
	want := w.oracle().view()
	if len(want.Personal) != 120 {
		t.Fatalf("%d standing values, want 120", len(want.Personal))
	}
	for range 3 {
		got := viewOf(merge.Record(shuffled(w.rng, w.changes), w.rulings, w.forkMap(w.order())))
		if diff := differ(want, got); diff != "" {
			t.Fatalf("(-oracle +rule):\n%s", diff)
		}
	}
}

// TestEqualSetsGiveEqualStates: repeats, and rulings that change nothing, leave
// no trace in a State, not even in what only this package can see.
func TestEqualSetsGiveEqualStates(t *testing.T) {
	for seed := range uint64(seeds) {
		w := newWorld(seed)
		order := w.order()
		br := w.branches(order)
		list := w.changes[:1+w.rng.IntN(len(w.changes))]
		want := merge.Record(list, w.rulings, br)
		rulings := w.rulings
		rulings.Changes = append(slices.Clone(rulings.Changes), merge.Ruling{Change: madeBy(200, 1).ID, Number: 1, Act: merge.Hold})
		got := merge.Record(shuffled(w.rng, append(slices.Clone(list), list...)), rulings, br)
		if !reflect.DeepEqual(want, got) {
			t.Fatalf("seed %d: %+v\n%+v", seed, want, got)
		}
	}
}

// TestNothing: no changes make a record that does not exist.
func TestNothing(t *testing.T) {
	state := merge.Record(nil, merge.Rulings{Erased: true}, nil)
	if diff := differ(view{Erased: true}, viewOf(state)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestAllocations keeps the common cases cheap.
func TestAllocations(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector makes sync.Pool forget at random")
	}
	for _, c := range []struct {
		name    string
		changes []merge.Change
		most    float64
	}{
		{"one create", []merge.Change{activity(1)}, 1},
		{"three changes", threeChanges(), 6},
	} {
		merge.Record(c.changes, merge.Rulings{}, nil)
		got := testing.AllocsPerRun(200, func() { merge.Record(c.changes, merge.Rulings{}, nil) })
		if got > c.most {
			t.Errorf("%s: %v allocations, at most %v are due", c.name, got, c.most)
		}
	}
}

// TestManyChangesOfOneRecord: a device that writes to one record without end, on
// several branches and naming all it may, slows nobody down for long. The bound
// is in steps of the rule's own work, so it is the same on every machine.
func TestManyChangesOfOneRecord(t *testing.T) {
	const n, branches = 4000, 4
	counter := &countingBranches{ForkMap: new(merge.ForkMap)}
	var changes []merge.Change
	for i := range n {
		c := activity(uint64(1 + i/branches))
		c.Open = [16]byte{byte(i >> 8), byte(i), 1}
		for back := 1; back <= 32 && back <= i; back++ {
			c.Refs[0] = append(c.Refs[0], syncproto.Ref(changes[i-back].ID))
			c.Refs[1] = append(c.Refs[1], syncproto.Ref(changes[i-back].ID))
		}
		counter.Fork(c.Origin, uint32(1+i%branches), uint32(1+i%branches), 0)
		counter.Assign(c.ID, uint32(1+i%branches))
		changes = append(changes, c)
	}
	slices.Reverse(changes)
	state := merge.Record(changes, merge.Rulings{}, counter)
	if got := state.At(syncproto.Operational, 1); len(got) != 1 || got[0].By[0] != changes[0].ID {
		t.Errorf("the last change does not stand alone: %d values", len(got))
	}
	fields := len(changes[0].Operational) + len(changes[0].Personal) + 1
	if most := n * branches * fields; counter.asked > most {
		t.Errorf("the order on branches was asked for %d times, at most %d are due", counter.asked, most)
	}
}

type countingBranches struct {
	*merge.ForkMap
	asked int
}

func (c *countingBranches) Precedes(a, b merge.ID) bool {
	c.asked++
	return c.ForkMap.Precedes(a, b)
}
