package merge_test

import (
	"testing"

	"github.com/google/uuid"

	"thonsync/syncproto/merge"
)

func forkID(origin byte, seq uint64, open byte) merge.ID {
	return merge.ID{Origin: uuid.UUID{origin}, Seq: seq, Open: [16]byte{open}}
}

// TestForkMapWithoutForks: origins that have not forked go by number, whatever
// is known of others.
func TestForkMapWithoutForks(t *testing.T) {
	var none *merge.ForkMap
	other := new(merge.ForkMap)
	other.Fork(uuid.UUID{9}, 1, 0, 3)
	for name, m := range map[string]*merge.ForkMap{"nil": none, "zero": new(merge.ForkMap), "other origin": other} {
		a, b := forkID(1, 1, 1), forkID(1, 2, 2)
		if !m.Precedes(a, b) {
			t.Errorf("%s: number 1 does not precede number 2", name)
		}
		if m.Precedes(b, a) || m.Precedes(a, a) || m.Precedes(a, forkID(1, 1, 7)) {
			t.Errorf("%s: a change precedes one that is not later", name)
		}
		if m.Precedes(a, forkID(2, 2, 2)) {
			t.Errorf("%s: a change precedes one of another origin", name)
		}
	}
}

// TestForkMapUnknown: in a forked origin what is not assigned precedes nothing
// and follows nothing.
func TestForkMapUnknown(t *testing.T) {
	m := new(merge.ForkMap)
	m.Fork(uuid.UUID{1}, 1, 0, 3)
	known, later, lost := forkID(1, 1, 1), forkID(1, 5, 5), forkID(1, 3, 3)
	m.Assign(known, 0)
	m.Assign(later, 0)
	if !m.Precedes(known, later) {
		t.Error("the trunk does not precede itself")
	}
	if m.Precedes(lost, later) || m.Precedes(known, lost) {
		t.Error("a change without a branch takes part")
	}
}

// TestForkMapLoop: a map that makes no sense still gives an answer.
func TestForkMapLoop(t *testing.T) {
	m := new(merge.ForkMap)
	m.Fork(uuid.UUID{1}, 1, 2, 10)
	m.Fork(uuid.UUID{1}, 2, 1, 10)
	a, b := forkID(1, 1, 1), forkID(1, 11, 2)
	m.Assign(a, 0)
	m.Assign(b, 1)
	if m.Precedes(a, b) {
		t.Error("a branch that goes round in circles comes from the trunk")
	}
}

// TestForkMapIgnoresArrivalOrder builds the branches of random histories in
// many orders of arrival; all agree with who wrote after what.
func TestForkMapIgnoresArrivalOrder(t *testing.T) {
	forked := 0
	for seed := range uint64(seeds) {
		w := newWorld(seed)
		if w.forked() {
			forked++
		}
		for range 3 {
			m := w.forkMap(w.order())
			for _, a := range w.changes {
				for _, b := range w.changes {
					if got := m.Precedes(a.ID, b.ID); got != w.precedes(a.ID, b.ID) {
						t.Fatalf("seed %d: Precedes(%v, %v) = %v", seed, a.ID, b.ID, got)
					}
				}
			}
		}
	}
	if forked < seeds/10 {
		t.Errorf("only %d of %d histories have forked: the test does not test", forked, seeds)
	}
}
