package merge_test

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/google/uuid"

	"thonsync/syncproto"
	"thonsync/syncproto/merge"
)

// world is one record's random history as its authors wrote it: who wrote after
// what on which branch, the rulings, and the truth about precedence.
type world struct {
	rng     *rand.Rand
	changes []merge.Change
	// parent is the index of the change before on the same branch, or -1.
	parent  []int
	rulings merge.Rulings
}

const base = int64(1_780_000_000_000)

func newWorld(seed uint64) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 7))}
	origins := 1 + w.rng.IntN(4)
	forks := w.rng.IntN(3) == 0
	for range 1 + w.rng.IntN(14) {
		w.write(byte(1+w.rng.IntN(origins)), forks)
	}
	w.rule()
	w.rulings.Erased = w.rng.IntN(8) == 0
	return w
}

// write appends one change to a branch of an origin. Origins that may fork
// continue any of their changes.
func (w *world) write(origin byte, forks bool) {
	parent := w.last(origin)
	if forks && parent >= 0 && w.rng.IntN(3) == 0 {
		if parent = w.pick(origin); w.rng.IntN(8) == 0 {
			parent = -1
		}
	}
	c := merge.Change{ID: merge.ID{Origin: uuid.UUID{origin}, Seq: 1}, PersonalKnown: w.rng.IntN(9) > 0}
	if parent >= 0 {
		// Numbers between belong to other records.
		c.Seq = w.changes[parent].Seq + 1 + uint64(w.rng.IntN(2))
	}
	// Few leading octets, so that ties are decided by later ones.
	c.Open = [16]byte{byte(w.rng.IntN(3)) * 127, 15: byte(len(w.changes))}
	c.Closed = [16]byte{byte(w.rng.IntN(255)), 15: 1}
	c.Op = []syncproto.Op{syncproto.OpCreate, syncproto.OpSet, syncproto.OpSet, syncproto.OpSet, syncproto.OpVoid}[w.rng.IntN(5)]
	c.NoAuthority = w.rng.IntN(10) == 0
	w.stamp(&c)
	c.Operational, c.Personal = w.row(4), w.row(3)
	c.Refs = [2][]syncproto.Ref{w.refs(), w.refs()}
	if w.rng.IntN(20) == 0 {
		c.Refs[0] = append(c.Refs[0], syncproto.Ref(c.ID)) // forged
	}
	w.changes, w.parent = append(w.changes, c), append(w.parent, parent)
	if w.rng.IntN(12) == 0 {
		// A branch that differs in personal values only.
		twin := c
		twin.Closed[0]++
		twin.Personal = w.row(3)
		w.changes, w.parent = append(w.changes, twin), append(w.parent, parent)
	}
}

func (w *world) last(origin byte) int {
	for i := len(w.changes) - 1; i >= 0; i-- {
		if w.changes[i].Origin[0] == origin {
			return i
		}
	}
	return -1
}

func (w *world) pick(origin byte) int {
	var own []int
	for i, c := range w.changes {
		if c.Origin[0] == origin {
			own = append(own, i)
		}
	}
	return own[w.rng.IntN(len(own))]
}

func (w *world) stamp(c *merge.Change) {
	c.StampMS = base + int64(w.rng.IntN(4))
	c.BeaconMS = base - 1000
	switch w.rng.IntN(12) {
	case 0:
		c.BeaconMS = 0
	case 1:
		c.StampMS += 75 * 365 * 86_400_000
	case 2:
		c.BeaconMS = c.StampMS + 86_400_000 + int64(w.rng.IntN(3)) - 1
	case 3:
		c.BeaconMS = c.StampMS - 366*86_400_000 + int64(w.rng.IntN(3)) - 1
	case 4:
		edges := []int64{math.MinInt64, math.MaxInt64, 0, 1, -1}
		c.StampMS, c.BeaconMS = edges[w.rng.IntN(5)], edges[w.rng.IntN(5)]
	}
}

func (w *world) row(fields int) syncproto.Row {
	var r []syncproto.Field
	for num := range uint32(fields) {
		if w.rng.IntN(2) == 0 {
			v := syncproto.IntValue(int64(w.rng.IntN(3)))
			if w.rng.IntN(5) == 0 {
				v = syncproto.Null()
			}
			r = append(r, syncproto.Field{Num: num + 1, Value: v})
		}
	}
	return r
}

// refs names some changes written before, sometimes wrongly or twice.
func (w *world) refs() (out []syncproto.Ref) {
	for range w.rng.IntN(4) {
		if len(w.changes) == 0 {
			return out
		}
		ref := syncproto.Ref(w.changes[w.rng.IntN(len(w.changes))].ID)
		switch w.rng.IntN(10) {
		case 0:
			ref.Open[14] ^= 0x80
		case 1:
			ref.Seq += 100
		case 2:
			ref.Origin[15] ^= 1
		case 3:
			out = append(out, ref)
		}
		out = append(out, ref)
	}
	return out
}

func (w *world) rule() {
	for range w.rng.IntN(4) {
		id := w.changes[w.rng.IntN(len(w.changes))].ID
		if w.rng.IntN(6) == 0 {
			id.Open[13] ^= 1 // about a change that is not here
		}
		act := merge.Hold
		if w.rng.IntN(3) == 0 {
			act = merge.Release
		}
		w.rulings.Changes = append(w.rulings.Changes, merge.Ruling{Change: id, Number: uint64(1 + w.rng.IntN(3)), Act: act})
	}
}

// precedes is the truth about branches, from what was written after what.
func (w *world) precedes(a, b merge.ID) bool {
	for i, c := range w.changes {
		if c.ID != b {
			continue
		}
		for p := w.parent[i]; p >= 0; p = w.parent[p] {
			if w.changes[p].ID == a {
				return true
			}
		}
	}
	return false
}

func (w *world) held(id merge.ID) bool {
	number, held := uint64(0), false
	for _, r := range w.rulings.Changes {
		if r.Change != id {
			continue
		}
		if r.Number > number {
			number, held = r.Number, r.Act == merge.Hold
		} else if r.Number == number && r.Act == merge.Hold {
			held = true
		}
	}
	return held
}

// forkMap builds the branches as a replica would that learned of the changes in
// the given order: the first known continuation of a change stays on its branch,
// each further one opens a branch with the next free number.
func (w *world) forkMap(order []int) *merge.ForkMap {
	m := new(merge.ForkMap)
	branch := map[merge.ID]uint32{}
	taken := map[merge.ID]bool{}
	rooted := map[uuid.UUID]bool{}
	next := map[uuid.UUID]uint32{}
	var place func(i int)
	place = func(i int) {
		c := w.changes[i]
		if _, done := branch[c.ID]; done {
			return
		}
		p := w.parent[i]
		if p < 0 {
			if rooted[c.Origin] {
				next[c.Origin]++
				branch[c.ID] = next[c.Origin]
				m.Fork(c.Origin, branch[c.ID], branch[c.ID], 0)
			}
			rooted[c.Origin] = true
		} else {
			place(p)
			parent := w.changes[p].ID
			branch[c.ID] = branch[parent]
			if taken[parent] {
				next[c.Origin]++
				branch[c.ID] = next[c.Origin]
				m.Fork(c.Origin, branch[c.ID], branch[parent], parent.Seq)
			}
			taken[parent] = true
		}
		if _, ok := branch[c.ID]; !ok {
			branch[c.ID] = 0
		}
		m.Assign(c.ID, branch[c.ID])
	}
	for _, i := range order {
		place(i)
	}
	return m
}

// forked tells whether some origin has two branches.
func (w *world) forked() bool {
	for i, a := range w.changes {
		for j, b := range w.changes {
			if i < j && a.ID != b.ID && a.Origin == b.Origin && !w.precedes(a.ID, b.ID) && !w.precedes(b.ID, a.ID) {
				return true
			}
		}
	}
	return false
}

// branches gives the precedence that a replica would use which learned of the
// changes in the given order.
func (w *world) branches(order []int) merge.Branches {
	if !w.forked() {
		return nil
	}
	return w.forkMap(order)
}

func (w *world) order() []int { return w.rng.Perm(len(w.changes)) }

func (w *world) oracle() *oracle {
	o := &oracle{held: w.held, erased: w.rulings.Erased, precedes: w.precedes}
	o.all = slices.Clone(w.changes)
	return o
}
