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
	moves []move      // in order; some go over a number that is not in use
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
	dirty    bool
	into     *spot // the run that absorbed this one
	parent   *spot // the run that a linked branch leaves, nil for the root
	// upto is the last state, at or above the run's beginning, that the arrival
	// agrees with; none where there is no such state.
	upto int64
	// split is the first state that the arrival is known to differ in, 0 if none.
	split uint64
}

const none = int64(-1)

// place tells where an arrival belongs. Two statements agree where their hashes
// do, and because hashes chain, agreement at one change means agreement at all
// before it. Changes that follow on an agreed state extend the run or, if the
// run goes on differently, begin a branch of their own; changes after a gap are
// a run beyond it. All statements are signed, so a branch is a fact, whatever
// the order in which its parts arrive.
func place(runs []store.Run, in *arrival, look inside) (*placement, error) {
	p := &placer{in: in}
	for _, r := range runs {
		p.next = max(p.next, r.Branch+1)
		s := &spot{run: r, old: r, upto: none}
		if err := s.relate(in, look); err != nil {
			return nil, err
		}
		p.spots = append(p.spots, s)
	}
	p.parents()
	p.reason()
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
		s.upto = int64(hi)
		return nil
	}
	s.upto = int64(hi)
	certain := none // last state where nothing is left unknown
	for seq := lo; seq <= hi; seq++ {
		h, err := state(seq)
		if err != nil {
			return err
		}
		switch g := in.state(seq); {
		case h.differ(g):
			// Where exactly they parted is known as far as the closed hashes are.
			s.upto, s.split = certain, seq
			return nil
		case h.same(g):
			certain = int64(seq)
		}
	}
	return nil
}

// holds tells whether the arrival's change seq is the run's change seq.
func (s *spot) holds(seq uint64) bool {
	return s.into == nil && seq >= s.run.First && int64(seq) <= s.upto && seq <= s.run.Last.Seq
}

type placer struct {
	in    *arrival
	spots []*spot
	next  uint32 // a branch number that is not in use
	out   placement

	second []move // the second halves of moves
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
			if s.into == nil && s.run.First > seq && s.holds(s.run.First) {
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
		before.upto = int64(last)
		return before
	}
	s := &spot{fresh: true, dirty: true, upto: int64(last)}
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

// parents finds the run that every linked branch leaves.
func (p *placer) parents() {
	for _, k := range p.spots {
		if !k.run.Linked || k.run.Branch == 0 {
			continue
		}
		for _, o := range p.spots {
			if o != k && o.run.Branch == k.run.Parent && o.run.Before.Seq <= k.run.After && o.run.Last.Seq >= k.run.After {
				k.parent = o
			}
		}
	}
}

// reason carries agreement along the branches, because hashes chain. It matters
// where closed hashes are not known everywhere. An arrival that parted from a
// run before a branch left it cannot be of that branch; one that is of a branch
// is of its parent as well, up to where the branch left it.
func (p *placer) reason() {
	for again := true; again; {
		again = false
		for _, k := range p.spots {
			if k.parent == nil || k.upto == none {
				continue
			}
			switch parent := k.parent; {
			case parent.split > 0 && parent.split <= k.run.After:
				k.upto, k.split, again = none, k.run.First, true
			case p.in.first-1 <= k.run.After && k.upto >= int64(k.run.After) && parent.upto < int64(k.run.After):
				parent.upto, again = int64(k.run.After), true
			}
		}
	}
}

// end gives the run that s is part of now.
func (s *spot) end() *spot {
	for s.into != nil {
		s = s.into
	}
	return s
}

// fork starts a branch that leaves the run parent after s.Before.
func (p *placer) fork(s, parent *spot) {
	s.run.Branch, s.parent = p.number(), parent
	s.run.After, s.run.Linked = s.run.Before.Seq, true
}

func (p *placer) number() uint32 {
	n := p.next
	p.next++
	return n
}

// root places changes from the very first on: on branch 0, because the trunk
// has to begin at the beginning. Where another run begins there too, the origin
// forked before its first change.
func (p *placer) root(s *spot) {
	s.run.Linked = true
	for _, o := range p.spots {
		if o.into == nil && o.run.First == 1 {
			p.fork(s, o)
			return
		}
	}
	p.next = max(p.next, 1)
}

// float places changes beyond a gap. If s is about to be joined to a run beyond
// it, it takes that one's branch.
func (p *placer) float(s *spot) {
	if q := p.successor(s.run.Last.Seq); q != nil {
		s.run.Branch, s.run.Parent, s.run.After = q.run.Branch, q.run.Parent, q.run.After
		return
	}
	s.run.Branch = p.room(s)
	p.adopt(s)
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
	return s.into == nil && !s.run.Linked && s.run.Before.Seq == end && s.upto >= int64(end)
}

// adopt gives a run beyond a gap what is known of its branch's beginning.
func (p *placer) adopt(s *spot) {
	s.run.Parent, s.run.After = 0, 0
	for _, o := range p.spots {
		if o != s && o.into == nil && o.run.Branch == s.run.Branch {
			s.run.Parent, s.run.After = o.run.Parent, o.run.After
		}
	}
}

// touches tells whether two runs cannot be parts of one branch with a gap in
// between.
func (s *spot) touches(o *spot) bool {
	return o.run.Before.Seq <= s.run.Last.Seq && s.run.Before.Seq <= o.run.Last.Seq
}

// fits tells whether a run beyond a gap has room on a branch: it is taken for
// the continuation until hashes say otherwise.
func (p *placer) fits(s *spot, branch uint32) bool {
	used := false
	for _, o := range p.spots {
		if o == s || o.into != nil || o.run.Branch != branch {
			continue
		}
		used = true
		if s.touches(o) || s.run.Before.Seq < o.run.After {
			return false
		}
	}
	return used
}

// room finds the lowest branch that has room for s.
func (p *placer) room(s *spot) uint32 {
	for b := range p.next {
		if p.fits(s, b) {
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
		if q != c && q.run.Before.Seq >= max(first-1, c.run.First) && q.run.Before.Seq < last && q.continues(q.run.Before.Seq) {
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
	if p.shared(q) {
		p.transfer(q, p.number())
	}
	q.parent, q.run.After, q.run.Linked, q.dirty = c, end, true, true
	p.out.reordered = true
}

// shared tells whether q's branch is the trunk or has other runs.
func (p *placer) shared(q *spot) bool {
	for _, o := range p.spots {
		if o != q && o.into == nil && o.run.Branch == q.run.Branch {
			return true
		}
	}
	return q.run.Branch == 0
}

// transfer gives a run to another branch.
func (p *placer) transfer(q *spot, to uint32) {
	q.run.Branch, q.dirty = to, true
	p.out.reordered = true
}

// absorb appends run q to c. What was taken for the continuation of q follows.
func (p *placer) absorb(c, q *spot) {
	from := q.run.Branch
	q.into = c
	c.run.Last, c.dirty = q.run.Last, true
	c.run.BeaconMS = max(c.run.BeaconMS, q.run.BeaconMS)
	c.upto = max(c.upto, q.upto)
	if from == c.run.Branch {
		return
	}
	p.out.reordered = true
	for _, o := range p.spots {
		if o.into == nil && o != c && !o.run.Linked && o.run.Branch == from && o.run.First > q.run.Last.Seq && p.fits(o, c.run.Branch) {
			p.transfer(o, c.run.Branch)
			p.adopt(o)
		}
	}
}

// evict parts runs that were taken for pieces of one branch and now turn out
// not to be: c, which has just grown, and others beyond a gap.
func (p *placer) evict(c *spot) {
	for _, o := range p.spots {
		if o == c || o.into != nil || o.run.Branch != c.run.Branch || !c.touches(o) {
			continue
		}
		loose := o
		if o.run.Linked {
			loose = c
		}
		p.transfer(loose, p.room(loose))
		p.adopt(loose)
	}
}

// children renames parents that have changed their branch.
func (p *placer) children() {
	for _, k := range p.spots {
		if k.into != nil || k.parent == nil {
			continue
		}
		if b := k.parent.end().run.Branch; k.run.Parent != b {
			k.run.Parent, k.dirty = b, true
		}
	}
}

// result lists what to write: old rows whose key changed go first.
func (p *placer) result() *placement {
	for i, s := range p.spots {
		now := s.end()
		if !s.fresh && (s != now || s.old.Branch != s.run.Branch || s.old.First != s.run.First) {
			p.out.drop = append(p.out.drop, s.old)
		}
		if s.dirty && s == now {
			p.out.put = append(p.out.put, s.run)
		}
		if !s.fresh && s.old.Branch != now.run.Branch {
			p.move(s, now.run.Branch, ^uint32(0)-uint32(i))
		}
	}
	p.out.moves = append(p.out.moves, p.second...)
	// Stretches were noted with the branch of the moment.
	for _, list := range [...][]stretch{p.out.fresh, p.out.held} {
		for i := range list {
			list[i].branch = p.branchOf(list[i])
		}
	}
	return &p.out
}

// move notes that a stored run changes its branch. It goes over a number of its
// own, because two runs may change places.
func (p *placer) move(s *spot, to, over uint32) {
	p.out.moves = append(p.out.moves, move{s.old.Branch, over, s.old.First, s.old.Last.Seq})
	p.second = append(p.second, move{over, to, s.old.First, s.old.Last.Seq})
}

func (p *placer) branchOf(s stretch) uint32 {
	for _, o := range p.spots {
		if o.into == nil && s.first >= o.run.First && s.last <= o.run.Last.Seq && o.upto >= int64(s.last) {
			return o.run.Branch
		}
	}
	return s.branch
}
