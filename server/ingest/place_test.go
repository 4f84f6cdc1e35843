package ingest

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/merge"
)

// twig is one signed change in a model of an origin's branches.
type twig struct {
	seq          uint64
	open, closed syncproto.Hash
	parent       *twig
}

var treeOrigin = syncproto.OriginID{9}

func rootTwig() *twig {
	g := syncproto.Genesis(treeOrigin)
	return &twig{open: g.Open, closed: g.Closed}
}

// grow adds a change with the given content in both compartments.
func (p *twig) grow(open, personal uint64) *twig {
	b := binary.BigEndian.AppendUint64(nil, open)
	return &twig{
		seq: p.seq + 1, parent: p,
		open:   syncproto.OpenHash(p.open, treeOrigin, p.seq+1, b, nil),
		closed: syncproto.ClosedHash(p.closed, syncproto.Hash{byte(personal), byte(personal >> 8)}),
	}
}

// path gives the changes from the first to t.
func (t *twig) path() []*twig {
	var out []*twig
	for ; t.seq > 0; t = t.parent {
		out = append(out, t)
	}
	slices.Reverse(out)
	return out
}

// arrivalOf cuts changes first..last out of a path.
func arrivalOf(path []*twig, first, last uint64, opened bool) *arrival {
	a := &arrival{first: first, last: last}
	before := rootTwig()
	if first > 1 {
		before = path[first-2]
	}
	a.at = append(a.at, hashes{before.open, before.closed, true})
	for seq := first; seq <= last; seq++ {
		t := path[seq-1]
		h := hashes{open: t.open}
		if opened || seq == last {
			h.closed, h.closedKnown = t.closed, true
		}
		a.at = append(a.at, h)
	}
	return a
}

// ground is the runs and segments of one origin in memory.
type ground struct {
	t    *testing.T
	runs []store.Run
	kept []keptArrival
}

type keptArrival struct {
	in     *arrival
	branch uint32
}

func (g *ground) look(r *store.Run, seq uint64) (hashes, error) {
	best, spare, found, spared := hashes{}, hashes{}, false, false
	for _, k := range g.kept {
		if k.in.first > seq || k.in.last < seq {
			continue
		}
		h := k.in.state(seq)
		if (topology{g.runs}).home(k.branch, seq) == r.Branch {
			if !found || h.closedKnown {
				best, found = h, true
			}
		} else if mayHold(r, k.in.first, seq, k.in.at) {
			spare, spared = hashes{open: h.open}, true
		}
	}
	if !found && !spared {
		return best, fmt.Errorf("change %d of branch %d is in no arrival", seq, r.Branch)
	}
	if !found {
		best = spare
	}
	return best, nil
}

// arrive places an arrival and keeps it if it brought anything.
func (g *ground) arrive(in *arrival, keepAll bool) *placement {
	g.t.Helper()
	pl, err := place(g.runs, in, g.look)
	if err != nil {
		g.t.Fatal(err)
	}
	for _, d := range pl.drop {
		g.runs = slices.DeleteFunc(g.runs, func(r store.Run) bool { return r.Branch == d.Branch && r.First == d.First })
	}
	for _, put := range pl.put {
		g.runs = slices.DeleteFunc(g.runs, func(r store.Run) bool { return r.Branch == put.Branch && r.First == put.First })
		g.runs = append(g.runs, put)
	}
	for _, m := range pl.moves {
		for i := range g.kept {
			if k := &g.kept[i]; k.branch == m.from && k.in.last >= m.first && k.in.last <= m.last {
				k.branch = m.to
			}
		}
	}
	if len(pl.fresh) > 0 || keepAll {
		g.kept = append(g.kept, keptArrival{in, branchAt(pl, in.last)})
	}
	return pl
}

// sound checks what must hold at any time.
func (g *ground) sound(what string, held int) {
	g.t.Helper()
	total := 0
	for i, a := range g.runs {
		total += int(a.Last.Seq - a.First + 1)
		if a.Before.Seq != a.First-1 || a.Last.Seq < a.First {
			g.t.Errorf("%s: run %d-%d with before %d", what, a.First, a.Last.Seq, a.Before.Seq)
		}
		if a.Linked && a.Branch != 0 && a.First != a.After+1 {
			g.t.Errorf("%s: branch %d begins at %d but left its parent after %d", what, a.Branch, a.First, a.After)
		}
		for _, b := range g.runs[i+1:] {
			if a.Branch == b.Branch && a.First-1 <= b.Last.Seq && b.First-1 <= a.Last.Seq {
				g.t.Errorf("%s: runs %d-%d and %d-%d of branch %d touch", what, a.First, a.Last.Seq, b.First, b.Last.Seq, a.Branch)
			}
		}
	}
	if held >= 0 && total != held {
		g.t.Errorf("%s: runs hold %d changes, want %d", what, total, held)
	}
}

// order checks that the runs tell exactly what precedes what.
func (g *ground) order(what string, all []*twig) {
	g.t.Helper()
	topo := topology{g.runs}
	id := func(t *twig) merge.ID { return merge.ID{Origin: treeOrigin, Seq: t.seq, Open: t.open.Prefix()} }
	o := &order{forked: map[syncproto.OriginID]bool{treeOrigin: topo.forked()}, branch: make(map[merge.ID]uint32), open: make(map[position][syncproto.RefOpenBytes]byte)}
	for _, r := range g.runs {
		for seq := r.First; seq <= r.Last.Seq; seq++ {
			h, err := g.look(&r, seq)
			if err != nil {
				g.t.Fatal(err)
			}
			o.branch[merge.ID{Origin: treeOrigin, Seq: seq, Open: h.open.Prefix()}] = r.Branch
			for below := uint64(1); below < seq; below++ {
				if under := topo.run(topo.home(r.Branch, below), below); under != nil {
					h, err := g.look(under, below)
					if err != nil {
						g.t.Fatal(err)
					}
					o.open[position{treeOrigin, r.Branch, below}] = h.open.Prefix()
				}
			}
		}
	}
	for _, a := range all {
		for _, b := range all {
			want := false
			for x := b; x.seq > 0; x = x.parent {
				want = want || x != b && x.open == a.open
			}
			if got := o.Precedes(id(a), id(b)); got != want {
				g.t.Fatalf("%s: change %d precedes %d: %v, want %v\nruns %+v", what, a.seq, b.seq, got, want, g.runs)
			}
		}
	}
}

// wood makes a random tree: a trunk and branches, some of which differ from
// their sibling in personal values only.
func wood(rng *rand.Rand, branches int) (tips []*twig, all []*twig) {
	next := uint64(1)
	add := func(p *twig, open, personal uint64) *twig {
		t := p.grow(open, personal)
		all = append(all, t)
		return t
	}
	tip := rootTwig()
	for range 3 + rng.IntN(8) {
		next++
		tip = add(tip, next, next)
	}
	tips = []*twig{tip}
	for range branches {
		path := tips[rng.IntN(len(tips))].path()
		at := rng.IntN(len(path))
		p := rootTwig()
		if at > 0 {
			p = path[at-1]
		}
		if rng.IntN(3) == 0 { // differs in personal values, then perhaps altogether
			sibling := path[at]
			next++
			t := &twig{seq: sibling.seq, parent: p, open: sibling.open, closed: syncproto.ClosedHash(p.closed, syncproto.Hash{1, byte(next)})}
			all = append(all, t)
			p = t
		}
		for range 1 + rng.IntN(5) {
			next++
			p = add(p, next, next)
		}
		tips = append(tips, p)
	}
	return tips, all
}

func TestPlaceRandomTrees(t *testing.T) {
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 5))
		tips, all := wood(rng, rng.IntN(4))
		var parts []*arrival
		for _, tip := range tips {
			path := tip.path()
			for range 4 {
				for first := uint64(1); first <= tip.seq; {
					last := min(tip.seq, first+uint64(rng.IntN(4)))
					parts = append(parts, arrivalOf(path, first, last, true))
					first = last + 1
				}
			}
		}
		rng.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		g := &ground{t: t}
		seen := make(map[[64]byte]bool)
		for i, in := range parts {
			for seq := in.first; seq <= in.last; seq++ {
				h := in.state(seq)
				seen[[64]byte(append(slices.Clone(h.open[:]), h.closed[:]...))] = true
			}
			g.arrive(in, false)
			g.sound(fmt.Sprintf("seed %d, arrival %d", seed, i), len(seen))
			if t.Failed() {
				t.FailNow()
			}
		}
		what := fmt.Sprintf("seed %d", seed)
		g.order(what, all)
		for _, r := range g.runs {
			if !r.Linked {
				t.Fatalf("%s: run %d-%d of branch %d is loose although nothing is missing", what, r.First, r.Last.Seq, r.Branch)
			}
		}
	}
}

// At a point closed hashes are known at the ends of segments only. Nothing may
// be lost then: every statement that differs from what is held is kept.
func TestPlaceBlind(t *testing.T) {
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 6))
		tips, _ := wood(rng, rng.IntN(3))
		g := &ground{t: t}
		for i := range 30 {
			path := tips[rng.IntN(len(tips))].path()
			first := 1 + rng.Uint64N(uint64(len(path)))
			last := first + rng.Uint64N(uint64(len(path))-first+1)
			in := arrivalOf(path, first, last, false)
			pl := g.arrive(in, true)
			if length(pl.fresh)+length(pl.held) != int(last-first+1) {
				t.Fatalf("seed %d, arrival %d: %d new and %d held of %d", seed, i, length(pl.fresh), length(pl.held), last-first+1)
			}
			g.sound(fmt.Sprintf("seed %d, arrival %d", seed, i), -1)
			if t.Failed() {
				t.FailNow()
			}
		}
	}
}

// Agreement with a branch is agreement with what it left, even where the closed
// hashes in between are not known.
func TestPlaceBlindReasonsAlongBranches(t *testing.T) {
	first := rootTwig().grow(1, 1).grow(2, 2)
	left, right := first.grow(3, 3), first.grow(4, 4).grow(5, 5)
	g := &ground{t: t}
	g.arrive(arrivalOf(left.path(), 2, 3, false), true)
	g.arrive(arrivalOf(left.path(), 2, 2, false), true)
	g.arrive(arrivalOf(right.path(), 3, 4, false), true)
	pl := g.arrive(arrivalOf(right.path(), 1, 4, false), true)
	if want := []stretch{{0, 1, 1}}; !slices.Equal(pl.fresh, want) {
		t.Errorf("new changes %+v, want %+v: 2 is held before the fork, 3 and 4 on the branch", pl.fresh, want)
	}
	g.sound("in the end", 5)
}

func TestPlaceForkPointIsExact(t *testing.T) {
	tip := rootTwig()
	for i := range uint64(10) {
		tip = tip.grow(i, i)
	}
	path := tip.path()
	other := path[5]
	for i := range uint64(4) {
		other = other.grow(100+i, 100+i)
	}
	g := &ground{t: t}
	g.arrive(arrivalOf(path, 1, 10, true), false)
	pl := g.arrive(arrivalOf(other.path(), 3, 10, true), false)
	if want := []stretch{{1, 7, 10}}; !slices.Equal(pl.fresh, want) {
		t.Errorf("new changes %+v, want %+v", pl.fresh, want)
	}
	i := slices.IndexFunc(g.runs, func(r store.Run) bool { return r.Branch == 1 })
	if r := g.runs[i]; r.Parent != 0 || r.After != 6 || !r.Linked {
		t.Errorf("branch %+v, want one that leaves 0 after 6", r)
	}
}

func TestPlaceGapThenFill(t *testing.T) {
	tip := rootTwig()
	for i := range uint64(20) {
		tip = tip.grow(i, i)
	}
	path := tip.path()
	g := &ground{t: t}
	g.arrive(arrivalOf(path, 1, 5, true), false)
	g.arrive(arrivalOf(path, 11, 15, true), false)
	if len(g.runs) != 2 || g.runs[0].Branch != 0 || g.runs[1].Branch != 0 || g.runs[1].Linked {
		t.Fatalf("runs %+v, want a second one beyond the gap on branch 0", g.runs)
	}
	pl := g.arrive(arrivalOf(path, 4, 12, true), false)
	if want := []stretch{{0, 6, 10}}; !slices.Equal(pl.fresh, want) {
		t.Errorf("new changes %+v, want %+v", pl.fresh, want)
	}
	if len(g.runs) != 1 || g.runs[0].Last.Seq != 15 {
		t.Errorf("runs %+v, want one to 15", g.runs)
	}
	if len(pl.moves) != 0 || pl.reordered {
		t.Errorf("filling a gap of an origin without forks reordered something: %+v", pl)
	}
}
