// Package exchange is the exchange as a pure state machine: which ranges of
// which origins to offer, how much at a time, what an answer means, when to try
// again. Phone, point, centre and simulator step the same machine; they bring
// storage, transport, clock and randomness.
package exchange

import (
	"math/rand/v2"
	"time"

	"thonsync/syncproto"
)

// Chunk sizes in bytes. A chunk is what one request carries up, and what one
// answer is asked to carry down. They start small, because a cut costs the
// chunk in flight, and grow while the link is good.
const (
	FirstChunk = 16 << 10
	MinChunk   = 4 << 10
	MaxChunk   = 512 << 10

	// goodChunk is how long a chunk may take for the next to be larger.
	goodChunk = 4 * time.Second
	// firstBackoff and maxBackoff bound the pause after failures.
	firstBackoff = 2 * time.Second
	maxBackoff   = 15 * time.Minute
)

// Relation is how our position in an origin compares with a peer's.
type Relation int

// The relations.
const (
	Same   Relation = iota
	Ahead           // we hold more: offer what follows the peer's head
	Behind          // the peer holds more than we do
	Split           // the hashes differ at a common seq: a fork
)

// HashAt gives an origin's heads after change seq as stored here, on the branch
// that we follow; false if we do not hold that change.
type HashAt func(origin syncproto.OriginID, seq uint64) (syncproto.Heads, bool)

// Compare relates our head of an origin to the peer's. at must find our heads at
// any seq up to ours. Heads alone are hearsay: a Split only tells where to look
// for two signed statements.
func Compare(ours, theirs syncproto.Heads, origin syncproto.OriginID, at HashAt) Relation {
	switch {
	case ours.Seq == theirs.Seq:
		if ours.Equal(theirs) {
			return Same
		}
		return Split
	case ours.Seq < theirs.Seq:
		return Behind
	}
	if theirs.Seq == 0 {
		return Ahead
	}
	if h, ok := at(origin, theirs.Seq); ok && !h.Equal(theirs) {
		return Split
	}
	return Ahead
}

// Range is a run of an origin's changes to send: those after After, up to To.
type Range struct {
	Origin syncproto.OriginID
	After  uint64
	To     uint64
}

// Asker is one replica's side towards one upstream peer. It is not safe for
// concurrent use.
type Asker struct {
	chunk    int
	failures int
	known    map[syncproto.OriginID]syncproto.Heads // how far the peer holds what we hold
}

// NewAsker starts with the small chunk and no knowledge of the peer.
func NewAsker() *Asker {
	return &Asker{chunk: FirstChunk, known: make(map[syncproto.OriginID]syncproto.Heads)}
}

// Remember sets what the peer is believed to hold, from storage.
func (a *Asker) Remember(origin syncproto.OriginID, h syncproto.Heads) { a.known[origin] = h }

// Known gives how far the peer holds an own origin as we hold it, by its last
// word. Of other origins it gives the first head that the peer named.
func (a *Asker) Known(origin syncproto.OriginID) (syncproto.Heads, bool) {
	h, ok := a.known[origin]
	return h, ok
}

// Chunk is how many bytes the next request should carry at most, and the budget
// to ask for.
func (a *Asker) Chunk() int { return a.chunk }

// Plan lists what to offer, given our heads: for each origin the changes after
// the peer's head, from the start where the peer has not told one.
func (a *Asker) Plan(ours []syncproto.OriginHeads) []Range {
	var out []Range
	for _, o := range ours {
		if after := a.known[o.Origin].Seq; after < o.Seq {
			out = append(out, Range{o.Origin, after, o.Seq})
		}
	}
	return out
}

// Finding is something that heads gave away and that the caller must act on.
type Finding struct {
	Kind   FindingKind
	Origin syncproto.OriginID
	Ours   syncproto.Heads
	Theirs syncproto.Heads
}

// FindingKind tells findings apart.
type FindingKind int

// The kinds of finding.
const (
	// WeWereRestored: the peer holds more of our own origin than we do, or
	// another branch of it. Open a new origin; renumber nothing.
	WeWereRestored FindingKind = iota + 1
	// PeerWasRestored: the peer holds less than it had signed for. Offer
	// everything past its head again.
	PeerWasRestored
)

// Answered takes in what the peer holds, and how the round went. An origin that
// forked at the peer has several heads; it also repeats heads of ours that it
// holds. own are our own origins; signed is the highest seq of each origin for
// which we hold the peer's receipt. One origin can give both findings: a peer
// that was restored may have got another branch of ours since.
func (a *Asker) Answered(heads, own []syncproto.OriginHeads, at HashAt, signed func(syncproto.OriginID) uint64, took time.Duration) []Finding {
	a.failures = 0
	if took <= goodChunk {
		a.chunk = min(a.chunk*2, MaxChunk)
	} else {
		a.chunk = max(a.chunk/2, MinChunk)
	}
	mine := make(map[syncproto.OriginID]syncproto.Heads, len(own))
	for _, o := range own {
		mine[o.Origin] = o.Heads
	}
	named := make(map[syncproto.OriginID][]syncproto.Heads)
	var order []syncproto.OriginID
	for _, h := range heads {
		if named[h.Origin] == nil {
			order = append(order, h.Origin)
		}
		named[h.Origin] = append(named[h.Origin], h.Heads)
	}
	var out []Finding
	for _, id := range order {
		ours, own := mine[id]
		if !own {
			a.known[id] = named[id][0]
			continue
		}
		common, strange := sides(named[id], ours, id, at)
		if strange != nil {
			out = append(out, Finding{WeWereRestored, id, ours, *strange})
		}
		if common.Seq < signed(id) {
			out = append(out, Finding{PeerWasRestored, id, ours, common})
		}
		a.known[id] = common
	}
	return out
}

// sides parts a peer's heads of an own origin: common is the furthest that lies
// on our own branch, zero for none, and strange one that does not.
func sides(theirs []syncproto.Heads, ours syncproto.Heads, id syncproto.OriginID, at HashAt) (common syncproto.Heads, strange *syncproto.Heads) {
	for i, h := range theirs {
		switch Compare(ours, h, id, at) {
		case Same, Ahead:
			if h.Seq >= common.Seq {
				common = h
			}
		case Behind, Split:
			if strange == nil || h.Seq > strange.Seq {
				strange = &theirs[i]
			}
		}
	}
	return common, strange
}

// Failed takes in a round that brought no answer and gives the pause before
// the next try: exponential with full jitter, and never less than what the
// server asked for.
func (a *Asker) Failed(rng *rand.Rand, retryAfter time.Duration) time.Duration {
	a.failures++
	a.chunk = max(a.chunk/2, MinChunk)
	limit := min(firstBackoff<<min(a.failures-1, 10), maxBackoff)
	pause := time.Duration(rng.Int64N(int64(limit))) + firstBackoff/4
	return max(pause, retryAfter)
}

// Gap is a run of missing changes.
type Gap struct {
	Origin      syncproto.OriginID
	First, Last uint64
}

// Gaps lists what is missing below head, given the held runs in ascending
// order.
func Gaps(origin syncproto.OriginID, held []Range, head uint64) []Gap {
	var out []Gap
	next := uint64(1)
	for _, r := range held {
		if r.After+1 > next {
			out = append(out, Gap{origin, next, r.After})
		}
		next = max(next, r.To+1)
	}
	if next <= head {
		out = append(out, Gap{origin, next, head})
	}
	return out
}

// Budget decides how many items fit an answer. At least one item always fits,
// so that progress is certain on the smallest chunk.
type Budget struct {
	left  int
	taken int
}

// NewBudget allows about bytes, within the limits of a message.
func NewBudget(bytes int) *Budget {
	return &Budget{left: min(max(bytes, MinChunk), syncproto.MaxMessageBytes*3/4)}
}

// Take reports whether an item of n bytes may still be put in.
func (b *Budget) Take(n int) bool {
	if b.taken > 0 && n > b.left {
		return false
	}
	b.left -= n
	b.taken++
	return true
}
