package ingest

import (
	"slices"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// Lines tells where positions of one origin lie among the branches that are
// held of it. It reads one snapshot and is good as long as that is.
type Lines struct {
	o *store.Origin
	t topology
	l lookup
}

// OpenLines reads the branches of an origin.
func OpenLines(r store.Reader, o *store.Origin) (*Lines, error) {
	runs, err := r.Runs(o.ID)
	return &Lines{o: o, t: topology{runs}, l: lookup{r, make(map[int64]*unpacked)}}, err
}

// Ends gives the ends of all branches below which nothing is missing, lowest
// branch first.
func (l *Lines) Ends() []syncproto.Heads {
	var out []syncproto.Heads
	for i := range l.t.runs {
		if r := &l.t.runs[i]; l.t.whole(r) {
			out = append(out, r.Last)
		}
	}
	return out
}

// Holds reports whether a position is held and nothing is missing below it.
func (l *Lines) Holds(h syncproto.Heads) (bool, error) {
	r, err := l.run(h)
	return r != nil, err
}

// run finds the run that a position lies in, nil for none. Where the closed hash
// is not known here the position is not recognised.
func (l *Lines) run(h syncproto.Heads) (*store.Run, error) {
	for i := range l.t.runs {
		r := &l.t.runs[i]
		if h.Seq < r.First || h.Seq > r.Last.Seq || !l.t.whole(r) {
			continue
		}
		same := r.Last.Equal(h)
		if h.Seq < r.Last.Seq {
			var err error
			if same, err = l.inside(r, h); err != nil {
				return nil, err
			}
		}
		if same {
			return r, nil
		}
	}
	return nil, nil
}

// inside tells whether a position is a run's: by the end of a stored segment,
// which costs little, or by what lies in one.
func (l *Lines) inside(r *store.Run, h syncproto.Heads) (bool, error) {
	rows, err := l.l.r.Segments(store.SegmentQuery{Origin: l.o.ID, From: h.Seq, To: h.Seq, HeadersOnly: true})
	if err != nil {
		return false, err
	}
	for _, row := range rows {
		if row.After.Equal(h) && l.t.home(row.Branch, h.Seq) == r.Branch {
			return true, nil
		}
	}
	at, err := l.l.stateAt(l.o, l.t, r, h.Seq)
	return err == nil && at.same(headsHashes(h)), err
}

// Missing gives the segments that somebody lacks who has named these positions,
// without their data. A position that lies beyond all that is held of an origin
// that has not forked is taken for its continuation.
func (l *Lines) Missing(named []syncproto.Heads) ([]store.Segment, error) {
	known, err := l.known(named)
	if err != nil {
		return nil, err
	}
	var out []store.Segment
	seen := make(map[int64]bool)
	for i := range l.t.runs {
		r := &l.t.runs[i]
		if known[i] >= r.Last.Seq {
			continue
		}
		rows, err := l.l.r.Segments(store.SegmentQuery{Origin: l.o.ID, From: known[i] + 1, To: r.Last.Seq, HeadersOnly: true})
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if !seen[row.ID] && l.t.home(row.Branch, min(row.Last, r.Last.Seq)) == r.Branch {
				seen[row.ID] = true
				out = append(out, row)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b store.Segment) int { return int(a.First) - int(b.First) })
	return out, nil
}

// known gives, for every run, up to which change the positions cover it.
func (l *Lines) known(named []syncproto.Heads) ([]uint64, error) {
	out := make([]uint64, len(l.t.runs))
	for i := range out {
		out[i] = l.t.runs[i].First - 1
	}
	forked := l.t.forked()
	for _, h := range named {
		r, err := l.run(h)
		if err != nil {
			return nil, err
		}
		seq := h.Seq
		if n := len(l.t.runs); r == nil && !forked && n > 0 && seq > l.t.runs[n-1].Last.Seq {
			r = &l.t.runs[n-1]
		}
		for r != nil {
			i := slices.IndexFunc(l.t.runs, func(o store.Run) bool { return o.Branch == r.Branch && o.First == r.First })
			out[i] = max(out[i], min(seq, r.Last.Seq))
			seq, r = r.After, l.t.parent(r)
		}
	}
	return out, nil
}
