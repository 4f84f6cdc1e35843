package ingest

import (
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/merge"
)

// order tells the merge rule which change of a forked origin precedes which. It
// asks the hashes themselves: a precedes b if b's branch has a's open hash at
// a's number. So branches that differ in personal values only, which the rule
// does not tell apart, need no care.
type order struct {
	forked map[syncproto.OriginID]bool
	branch map[merge.ID]uint32
	open   map[position][syncproto.RefOpenBytes]byte
}

// position is a position on a branch.
type position struct {
	origin syncproto.OriginID
	branch uint32
	seq    uint64
}

// Precedes implements merge.Branches.
func (o *order) Precedes(a, b merge.ID) bool {
	if a.Origin != b.Origin || a.Seq >= b.Seq {
		return false
	}
	if !o.forked[a.Origin] {
		return true
	}
	branch, known := o.branch[b]
	if !known {
		return false
	}
	open, known := o.open[position{a.Origin, branch, a.Seq}]
	return known && open == a.Open
}

// order gives the order of a record's changes, nil where no origin of the
// record has forked.
func (ses *session) order(f *file) (merge.Branches, error) {
	var out *order
	for i := range f.entries {
		e := &f.entries[i]
		t, err := ses.topology(e.Change.Origin)
		if err != nil {
			return nil, err
		}
		o, err := ses.origin(e.Change.Origin)
		if err != nil {
			return nil, err
		}
		if o == nil || e.page || !t.forked() {
			continue
		}
		if out == nil {
			out = &order{forked: make(map[syncproto.OriginID]bool), branch: make(map[merge.ID]uint32), open: make(map[position][syncproto.RefOpenBytes]byte)}
		}
		out.forked[o.ID] = true
		branch, err := ses.branchOf(o, t, e)
		if err != nil {
			return nil, err
		}
		out.branch[e.ID()] = branch
		if err := ses.orderBelow(out, f, o, t, branch, e.Change.Seq); err != nil {
			return nil, err
		}
	}
	if out == nil {
		return nil, nil
	}
	return out, nil
}

// orderBelow notes the open hashes that a branch has at the numbers of the
// record's other changes below seq.
func (ses *session) orderBelow(out *order, f *file, o *store.Origin, t topology, branch uint32, seq uint64) error {
	for i := range f.entries {
		a := &f.entries[i]
		at := position{o.ID, branch, a.Change.Seq}
		if _, done := out.open[at]; done || a.Change.Origin != o.ID || a.Change.Seq >= seq {
			continue
		}
		r := t.run(t.home(branch, at.seq), at.seq)
		if r == nil {
			continue // in a gap: nobody knows
		}
		h, err := ses.stateAt(o, t, r, at.seq)
		if err != nil {
			return err
		}
		out.open[at] = h.open.Prefix()
	}
	return nil
}

// run finds the run of a branch that holds a change, nil if none does.
func (t topology) run(branch uint32, seq uint64) *store.Run {
	for i := range t.runs {
		if r := &t.runs[i]; r.Branch == branch && r.First <= seq && seq <= r.Last.Seq {
			return r
		}
	}
	return nil
}
