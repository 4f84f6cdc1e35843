package merge_test

import (
	"slices"
	"testing"

	"thonsync/syncproto"
	"thonsync/syncproto/merge"
)

// TestStateAccessorsAgree holds every way of asking a State against Fields.
func TestStateAccessorsAgree(t *testing.T) {
	for seed := range uint64(seeds) {
		w := newWorld(seed)
		br := w.branches(w.order())
		for _, changes := range [][]merge.Change{w.changes, w.changes[:1]} {
			state := merge.Record(changes, w.rulings, br)
			for k := range syncproto.Compartment(2) {
				checkAccessors(t, seed, &state, k)
			}
		}
	}
}

func checkAccessors(t *testing.T, seed uint64, state *merge.State, k syncproto.Compartment) {
	t.Helper()
	var row syncproto.Row
	var conflicts []uint32
	for num := range uint32(8) {
		var at []merge.Standing
		var targets []merge.ID
		for _, v := range state.Fields(k) {
			if v.Num == num {
				at = append(at, v)
				targets = append(targets, v.By...)
			}
		}
		slices.SortFunc(targets, merge.ID.Compare)
		if diff := differ(at, state.At(k, num)); diff != "" {
			t.Fatalf("seed %d, field %d: At (-want +got):\n%s", seed, num, diff)
		}
		if diff := differ(slices.Compact(targets), state.Targets(k, num)); diff != "" {
			t.Fatalf("seed %d, field %d: Targets (-want +got):\n%s", seed, num, diff)
		}
		shown, ok := state.Shown(k, num)
		if ok != (len(at) > 0) || !ok && !shown.IsNull() || ok && shown != at[0].Value {
			t.Fatalf("seed %d, field %d: Shown gives %v, %v", seed, num, shown, ok)
		}
		if ok {
			row = append(row, syncproto.Field{Num: num, Value: shown})
		}
		if len(at) > 1 {
			conflicts = append(conflicts, num)
		}
	}
	if diff := differ(row, state.Row(k)); diff != "" {
		t.Fatalf("seed %d: Row (-want +got):\n%s", seed, diff)
	}
	if diff := differ(conflicts, state.Conflicts(k)); diff != "" {
		t.Fatalf("seed %d: Conflicts (-want +got):\n%s", seed, diff)
	}
}

// TestConflictOnFirstField has nothing but one conflict, so that it lies at the
// very start of the list.
func TestConflictOnFirstField(t *testing.T) {
	a, b := madeBy(1, 1), madeBy(2, 1)
	a.Operational = syncproto.NewRow(syncproto.Field{Num: 4, Value: syncproto.IntValue(1)})
	b.Operational = syncproto.NewRow(syncproto.Field{Num: 4, Value: syncproto.IntValue(2)})
	state := merge.Record([]merge.Change{a, b}, merge.Rulings{}, nil)
	if got := state.Conflicts(syncproto.Operational); !slices.Equal(got, []uint32{4}) {
		t.Errorf("Conflicts = %v, want [4]", got)
	}
	if got := state.Targets(syncproto.Operational, 4, 4); !slices.Equal(got, []merge.ID{a.ID, b.ID}) {
		t.Errorf("Targets = %v", got)
	}
}

// madeBy gives a create with a distinct id and no values.
func madeBy(origin byte, seq uint64) merge.Change {
	c := merge.Change{Op: syncproto.OpCreate, StampMS: base, BeaconMS: base, PersonalKnown: true}
	c.Origin[0], c.Seq = origin, seq
	c.Open[0], c.Open[1] = origin, byte(seq)
	return c
}
