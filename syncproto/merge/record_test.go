package merge_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"thonsync/syncproto"
	"thonsync/syncproto/merge"
)

const seeds = 1000

// TestAgainstOracle compares the rule with its second, plain form.
func TestAgainstOracle(t *testing.T) {
	for seed := range uint64(seeds) {
		w := newWorld(seed)
		got := viewOf(merge.Record(w.changes, w.rulings, w.branches(w.order())))
		if diff := differ(w.oracle().view(), got); diff != "" {
			t.Fatalf("seed %d (-oracle +rule):\n%s", seed, diff)
		}
	}
}

// TestConverges delivers one history to several replicas in different orders,
// with repeats and rulings in between. Each merges after every arrival, and all
// come to equal states.
func TestConverges(t *testing.T) {
	for seed := range uint64(seeds) {
		w := newWorld(seed)
		want := merge.Record(w.changes, w.rulings, w.branches(w.order()))
		for replica := range 3 {
			order := w.order()
			br := w.branches(order)
			var log []merge.Change
			var known merge.Rulings
			var got merge.State
			for n, i := range order {
				log = append(log, w.changes[i])
				if w.rng.IntN(3) == 0 {
					log = append(log, log[w.rng.IntN(len(log))])
				}
				if n < len(w.rulings.Changes) {
					known.Changes = append(known.Changes, w.rulings.Changes[n])
				}
				got = merge.Record(log, known, br)
			}
			known = merge.Rulings{Changes: shuffled(w.rng, append(w.rulings.Changes, w.rulings.Changes...)), Erased: w.rulings.Erased}
			got = merge.Record(log, known, br)
			if diff := differ(viewOf(want), viewOf(got)); diff != "" {
				t.Fatalf("seed %d, replica %d (-want +got):\n%s", seed, replica, diff)
			}
		}
	}
}

func shuffled[T any](rng *rand.Rand, list []T) []T {
	out := slices.Clone(list)
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// TestPointAgreesWithCentre takes personal rows and closed hashes away and finds
// everything else unchanged.
func TestPointAgreesWithCentre(t *testing.T) {
	for seed := range uint64(seeds) {
		w := newWorld(seed)
		br := w.branches(w.order())
		centre := viewOf(merge.Record(w.changes, w.rulings, br)).withoutPersonal()
		point := viewOf(merge.Record(blind(w.changes), w.rulings, br)).withoutPersonal()
		if diff := differ(centre, point); diff != "" {
			t.Fatalf("seed %d (-centre +point):\n%s", seed, diff)
		}
	}
}

// TestErasureTouchesNothingElse merges with and without the erase ruling.
func TestErasureTouchesNothingElse(t *testing.T) {
	for seed := range uint64(seeds) {
		w := newWorld(seed)
		br := w.branches(w.order())
		w.rulings.Erased = false
		before := viewOf(merge.Record(w.changes, w.rulings, br)).withoutPersonal()
		w.rulings.Erased = true
		erased := viewOf(merge.Record(w.changes, w.rulings, br))
		if len(erased.Personal) > 0 || erased.Partial || !erased.Erased {
			t.Fatalf("seed %d: %d personal values after erasure", seed, len(erased.Personal))
		}
		after := erased.withoutPersonal()
		after.Erased = false
		if diff := differ(before, after); diff != "" {
			t.Fatalf("seed %d (-before +after):\n%s", seed, diff)
		}
	}
}

// TestUnrelatedFieldsStay adds one change to a history: only fields that it
// sets may change, and a void changes none.
func TestUnrelatedFieldsStay(t *testing.T) {
	for seed := range uint64(seeds) {
		w := newWorld(seed)
		br := w.branches(w.order())
		last := len(w.changes) - 1
		before := merge.Record(w.changes[:last], w.rulings, br)
		after := merge.Record(w.changes, w.rulings, br)
		added := w.changes[last]
		for k := range syncproto.Compartment(2) {
			for num := range uint32(6) {
				if _, sets := rowOf(added, k).Get(num); sets && added.Op != syncproto.OpVoid {
					continue
				}
				if diff := differ(before.At(k, num), after.At(k, num)); diff != "" {
					t.Fatalf("seed %d, compartment %d, field %d (-before +after):\n%s", seed, k, num, diff)
				}
			}
		}
	}
}

// TestSettling writes, for random histories, the change that a person would
// write to settle everything, and finds no conflict left.
func TestSettling(t *testing.T) {
	conflicts := 0
	for seed := range uint64(seeds) {
		w := newWorld(seed)
		br := w.branches(w.order())
		state := merge.Record(w.changes, w.rulings, br)
		c := merge.Change{Op: syncproto.OpSet, PersonalKnown: true}
		c.Origin[0], c.Seq = 99, 1
		for k := range syncproto.Compartment(2) {
			conflicts += len(state.Conflicts(k))
			for _, num := range state.Conflicts(k) {
				v, _ := state.Shown(k, num)
				row := append(slices.Clone(rowOf(c, k)), syncproto.Field{Num: num, Value: v})
				if k == syncproto.Personal {
					c.Personal = row
				} else {
					c.Operational = row
				}
			}
			for _, id := range state.Targets(k, state.Conflicts(k)...) {
				c.Refs[k] = append(c.Refs[k], syncproto.Ref(id))
			}
		}
		settled := merge.Record(append(slices.Clone(w.changes), c), w.rulings, br)
		for k := range syncproto.Compartment(2) {
			if left := settled.Conflicts(k); len(left) > 0 {
				t.Fatalf("seed %d: compartment %d still has conflicts in %v", seed, k, left)
			}
			if diff := differ(state.Row(k), settled.Row(k)); diff != "" {
				t.Fatalf("seed %d: settling changed what is shown (-before +after):\n%s", seed, diff)
			}
		}
	}
	if conflicts < seeds/10 {
		t.Errorf("only %d conflicts in %d histories: the test does not test", conflicts, seeds)
	}
}

// TestVoiding writes the void that covers what is live, and then the change that
// takes it back.
func TestVoiding(t *testing.T) {
	for seed := range uint64(seeds) {
		w := newWorld(seed)
		br := w.branches(w.order())
		state := merge.Record(w.changes, w.rulings, br)
		v := merge.Change{Op: syncproto.OpVoid, PersonalKnown: true}
		v.Origin[0], v.Seq = 99, 1
		for _, id := range state.Live {
			v.Refs[0] = append(v.Refs[0], syncproto.Ref(id))
		}
		voided := merge.Record(append(slices.Clone(w.changes), v), w.rulings, br)
		if !voided.Void || voided.VoidConflict {
			t.Fatalf("seed %d: a void of everything live left the record standing", seed)
		}
		back := merge.Change{Op: syncproto.OpSet, PersonalKnown: true}
		back.Origin[0], back.Seq = 98, 1
		for _, id := range voided.VoidBy {
			back.Refs[0] = append(back.Refs[0], syncproto.Ref(id))
		}
		again := merge.Record(append(slices.Clone(w.changes), v, back), w.rulings, br)
		if again.Void || again.VoidConflict || len(again.VoidBy) > 0 {
			t.Fatalf("seed %d: the record is still void after all voids were named", seed)
		}
	}
}
