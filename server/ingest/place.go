package ingest

import (
	"cmp"
	"slices"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// hashes is the state of both chains after some change, as far as it is known:
// where a seal was not opened, the closed hash is known at the ends only.
type hashes struct {
	open, closed syncproto.Hash
	closedKnown  bool
}

func headsHashes(h syncproto.Heads) hashes {
	return hashes{open: h.Open, closed: h.Closed, closedKnown: true}
}

// same tells whether both are known to be the same position of one branch.
func (a hashes) same(b hashes) bool {
	return a.open == b.open && a.closedKnown && b.closedKnown && a.closed == b.closed
}

// differ tells whether both are known to be of different branches.
func (a hashes) differ(b hashes) bool {
	return a.open != b.open || a.closedKnown && b.closedKnown && a.closed != b.closed
}

// arrival is a segment as placing sees it: at[i] is the state after change
// first-1+i, so at has one more element than the segment has changes.
type arrival struct {
	first, last uint64
	at          []hashes
}

func (a *arrival) state(seq uint64) hashes { return a.at[seq-(a.first-1)] }

// stretch is a run of changes of an arrival, on the branch that holds it.
type stretch struct {
	branch      uint32
	first, last uint64
}

// move says that a held run changed its branch.
type move struct {
	from, to    uint32
	first, last uint64
}

// placement is what an arrival does to the runs of its origin.
type placement struct {
	fresh []stretch   // changes that were not held before
	held  []stretch   // changes that were
	put   []store.Run // runs to write
	drop  []store.Run // runs that went into others or changed branch, as they were
	moves []move      // in order
	// reordered says that which change precedes which may have changed for
	// changes that were held before.
	reordered bool
}

// inside finds the state of a run after a change in it. It is called only where
// the ends of the run do not answer.
type inside func(r *store.Run, seq uint64) (hashes, error)

// spot is a run while an arrival is being placed.
type spot struct {
	run, old store.Run
	fresh    bool // not in the store yet
	gone     bool // absorbed by another
	dirty    bool
	// upto is the last state, at or above the run's beginning, that the arrival
	// agrees with in everything that is known; openUpto the same for the open
	// hash alone. none where there is no such state.
	upto, openUpto int64
}

const none = int64(-1)

// place tells where an arrival belongs. Two statements agree where their hashes
// do, and because hashes chain, agreement at one change means agreement at all
// before it. Changes that follow on an agreed state extend the run or, if the
// run goes on differently, begin a branch of their own; changes after a gap are
// a run beyond it. All statements are signed, so a branch is a fact, whatever
// the order in which its parts arrive.
func place(runs []store.Run, in *arrival, look inside) (*placement, error) {
	p := &placer{in: in, next: 0}
	for _, r := range runs {
		p.next = max(p.next, r.Branch+1)
		s := &spot{run: r, old: r, upto: none, openUpto: none}
		if err := s.relate(in, look); err != nil {
			return nil, err
		}
		p.spots = append(p.spots, s)
	}
	p.walk()
	p.children()
	return p.result(), nil
}

// relate fills in how far an arrival agrees with a run.
func (s *spot) relate(in *arrival, look inside) error {
	lo, hi := max(in.first-1, s.run.Before.Seq), min(in.last, s.run.Last.Seq)
	if lo > hi {
		return nil
	}
	state := func(seq uint64) (hashes, error) {
		switch seq {
		case s.run.Last.Seq:
			return headsHashes(s.run.Last), nil
		case s.run.Before.Seq:
			return headsHashes(s.run.Before), nil
		}
		return look(&s.run, seq)
	}
	top, err := state(hi)
	if err != nil {
		return err
	}
	if top.same(in.state(hi)) {
		s.upto, s.openUpto = int64(hi), int64(hi)
		return nil
	}
	split := false
	certain := none // last state where nothing is left unknown
	for seq := lo; seq <= hi; seq++ {
		h, err := state(seq)
		if err != nil {
			return err
		}
		g := in.state(seq)
		if h.open != g.open {
			split = true
			break
		}
		s.openUpto = int64(seq)
		switch {
		case split:
		case h.differ(g):
			split = true
		case h.same(g):
			certain = int64(seq)
		}
	}
	if s.upto = int64(hi); split {
		s.upto = certain
	}
	return nil
}

// holds tells whether the arrival's change seq is the run's change seq.
func (s *spot) holds(seq uint64) bool {
	return !s.gone && seq >= s.run.First && int64(seq) <= s.upto && seq <= s.run.Last.Seq
}

type placer struct {
	in    *arrival
	spots []*spot
	next  uint32 // a branch number that is not in use
	out   placement
}

// walk goes through the arrival's changes in order, as stretches that one run
// holds or that none does.
func (p *placer) walk() {
	p.sort()
	for seq := p.in.first; seq <= p.in.last; {
		if s := p.holder(seq); s != nil {
			end := min(p.in.last, uint64(s.upto), s.run.Last.Seq)
			p.out.held = append(p.out.held, stretch{s.run.Branch, seq, end})
			seq = end + 1
			continue
		}
		end := p.in.last
		for _, s := range p.spots {
			if !s.gone && s.run.First > seq && s.holds(s.run.First) {
				end = min(end, s.run.First-1)
			}
		}
		c := p.attach(seq, end)
		p.out.fresh = append(p.out.fresh, stretch{c.run.Branch, seq, end})
		p.join(c, seq, end)
		p.evict(c)
		seq = end + 1
	}
}

// sort puts low branches first: who came first keeps the low number.
func (p *placer) sort() {
	slices.SortStableFunc(p.spots, func(a, b *spot) int {
		return cmp.Or(cmp.Compare(a.run.Branch, b.run.Branch), cmp.Compare(a.run.First, b.run.First))
	})
}

func (p *placer) holder(seq uint64) *spot {
	for _, s := range p.spots {
		if s.holds(seq) {
			return s
		}
	}
	return nil
}

// attach makes the new changes first..last part of a run.
func (p *placer) attach(first, last uint64) *spot {
	before := p.holder(first - 1)
	end := p.heads(last)
	if before != nil && before.run.Last.Seq == first-1 {
		before.run.Last, before.dirty = end, true
		before.upto, before.openUpto = int64(last), int64(last)
		return before
	}
	s := &spot{fresh: true, dirty: true, upto: int64(last), openUpto: int64(last)}
	s.run = store.Run{First: first, Before: p.heads(first - 1), Last: end}
	switch {
	case before != nil:
		p.fork(s, before)
	case first == 1:
		p.root(s)
	default:
		p.float(s)
	}
	p.spots = append(p.spots, s)
	return s
}

func (p *placer) heads(seq uint64) syncproto.Heads {
	h := p.in.state(seq)
	return syncproto.Heads{Seq: seq, Open: h.open, Closed: h.closed}
}

// fork starts a branch that leaves the run parent after s.Before.
func (p *placer) fork(s, parent *spot) {
	s.run.Branch, s.run.Parent = p.number(), parent.run.Branch
	s.run.After, s.run.Linked = s.run.Before.Seq, true
	s.run.OpenAfter = s.run.After
	if parent.openUpto > int64(s.run.After) {
		s.run.OpenAfter = uint64(parent.openUpto)
	}
}

func (p *placer) number() uint32 {
	n := p.next
	p.next++
	return n
}

// root places changes from the very first on. Where another run begins there
// too, the origin forked before its first change.
func (p *placer) root(s *spot) {
	s.run.Linked = true
	for _, o := range p.spots {
		if !o.gone && o.run.First == 1 {
			p.fork(s, o)
			return
		}
	}
	if q := p.successor(s.run.Last.Seq); q != nil {
		s.run.Branch = q.run.Branch
		return
	}
	s.run.Branch = p.room(s)
}

// float places changes beyond a gap. If s is about to be joined to a run beyond
// it, it takes that one's branch.
func (p *placer) float(s *spot) {
	if q := p.successor(s.run.Last.Seq); q != nil {
		s.run.Branch, s.run.Parent, s.run.After, s.run.OpenAfter = q.run.Branch, q.run.Parent, q.run.After, q.run.OpenAfter
		return
	}
	p.guess(s)
}

// successor finds the first run beyond a gap that continues state end.
func (p *placer) successor(end uint64) *spot {
	for _, q := range p.spots {
		if q.continues(end) {
			return q
		}
	}
	return nil
}

// continues tells whether a run beyond a gap begins right after state end of
// the arrival.
func (s *spot) continues(end uint64) bool {
	return !s.gone && !s.run.Linked && s.run.Before.Seq == end && s.upto >= int64(end)
}

// guess gives a run beyond a gap to the first branch that has room for it: it
// is taken for the continuation until hashes say otherwise.
func (p *placer) guess(s *spot) {
	s.run.Linked = false
	s.run.Branch = p.room(s)
	p.adopt(s)
}

// adopt copies where the branch began from the branch's other runs.
func (p *placer) adopt(s *spot) {
	s.run.Parent, s.run.After, s.run.OpenAfter = 0, 0, 0
	for _, o := range p.spots {
		if o != s && !o.gone && o.run.Branch == s.run.Branch {
			s.run.Parent, s.run.After, s.run.OpenAfter = o.run.Parent, o.run.After, o.run.OpenAfter
		}
	}
}

// room finds the lowest branch none of whose runs overlaps or touches s.
func (p *placer) room(s *spot) uint32 {
	for b := range p.next {
		used, free := false, true
		for _, o := range p.spots {
			if o == s || o.gone || o.run.Branch != b {
				continue
			}
			used = true
			if o.run.Before.Seq <= s.run.Last.Seq && s.run.Before.Seq <= o.run.Last.Seq || s.run.Before.Seq < o.run.After {
				free = false
			}
		}
		if used && free {
			return b
		}
	}
	return p.number()
}

// join takes into c the runs beyond a gap that begin in or after the new changes
// first..last. The first that begins where c now ends becomes part of it; all
// others turn out to be branches that leave c.
func (p *placer) join(c *spot, first, last uint64) {
	for _, q := range slices.Clone(p.spots) {
		if q != c && q.run.Before.Seq >= first-1 && q.run.Before.Seq < last && q.continues(q.run.Before.Seq) {
			p.link(q, c, q.run.Before.Seq)
		}
	}
	joined := false
	for _, q := range slices.Clone(p.spots) {
		switch {
		case q == c || !q.continues(last):
		case joined:
			p.link(q, c, last)
		default:
			joined = true
			p.absorb(c, q)
		}
	}
}

// link makes a run beyond a former gap a branch that leaves c after change end.
func (p *placer) link(q, c *spot, end uint64) {
	if q.run.Branch == c.run.Branch {
		p.transfer(q, p.number())
	}
	q.run.Parent, q.run.After, q.run.OpenAfter, q.run.Linked, q.dirty = c.run.Branch, end, end, true, true
	p.out.reordered = true
}

// transfer gives a run to another branch.
func (p *placer) transfer(q *spot, to uint32) {
	if !q.fresh {
		p.out.moves = append(p.out.moves, move{q.run.Branch, to, q.run.First, q.run.Last.Seq})
		p.out.reordered = true
	}
	q.run.Branch, q.dirty = to, true
}

// absorb appends run q to c. What hung on q's branch beyond it follows.
func (p *placer) absorb(c, q *spot) {
	from, to := q.run.Branch, c.run.Branch
	if from != to {
		p.transfer(q, to)
		p.out.reordered = true
	}
	q.gone = true
	c.run.Last, c.dirty = q.run.Last, true
	c.run.BeaconMS = max(c.run.BeaconMS, q.run.BeaconMS)
	c.upto, c.openUpto = max(c.upto, q.upto), max(c.openUpto, q.openUpto)
	if from == to {
		return
	}
	for _, o := range p.spots {
		switch {
		case o.gone || o == c:
		case o.run.Linked && o.run.Parent == from && o.run.Branch != from && o.run.After >= q.run.First && o.run.After <= q.run.Last.Seq:
			o.run.Parent, o.dirty = to, true
		case !o.run.Linked && o.run.Branch == from && o.run.First > q.run.Last.Seq:
			p.transfer(o, to)
			o.run.Parent, o.run.After, o.run.OpenAfter = c.run.Parent, c.run.After, c.run.OpenAfter
		}
	}
}

// evict moves away runs beyond a gap that were taken for the continuation of
// c's branch and now turn out not to be.
func (p *placer) evict(c *spot) {
	for _, o := range p.spots {
		if o == c || o.gone || o.run.Linked || o.run.Branch != c.run.Branch {
			continue
		}
		if o.run.Before.Seq <= c.run.Last.Seq && c.run.Before.Seq <= o.run.Last.Seq {
			p.transfer(o, p.room(o))
			p.adopt(o)
		}
	}
}

// children raises OpenAfter where more of a parent or child has come to light:
// branches that differ in personal values only share open hashes beyond After.
func (p *placer) children() {
	for _, k := range p.spots {
		if k.gone || !k.run.Linked || k.run.Branch == k.run.Parent {
			continue
		}
		for _, parent := range p.spots {
			if parent.gone || parent.run.Branch != k.run.Parent {
				continue
			}
			if both := min(parent.openUpto, k.openUpto); both > int64(k.run.OpenAfter) {
				k.run.OpenAfter, k.dirty = uint64(both), true
				p.out.reordered = true
			}
		}
	}
}

// result lists what to write: old rows whose key changed go first.
func (p *placer) result() *placement {
	for _, s := range p.spots {
		moved := s.old.Branch != s.run.Branch || s.old.First != s.run.First
		if !s.fresh && (s.gone || moved) {
			p.out.drop = append(p.out.drop, s.old)
		}
		if s.dirty && !s.gone {
			p.out.put = append(p.out.put, s.run)
		}
	}
	// Stretches were noted with the branch of the moment.
	for i := range p.out.fresh {
		p.out.fresh[i].branch = p.branchOf(p.out.fresh[i])
	}
	for i := range p.out.held {
		p.out.held[i].branch = p.branchOf(p.out.held[i])
	}
	return &p.out
}

func (p *placer) branchOf(s stretch) uint32 {
	for _, o := range p.spots {
		if !o.gone && s.first >= o.run.First && s.last <= o.run.Last.Seq && o.upto >= int64(s.last) {
			return o.run.Branch
		}
	}
	return s.branch
}
