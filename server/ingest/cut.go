package ingest

import (
	"thonsync/server/store"
	"thonsync/syncproto"
)

// span tells how far one held run lies before a cut: up to change last, which is
// below the run's first where none of it does.
type span struct {
	run  store.Run
	last uint64
}

// reach is what a cut covers of an origin's held runs.
type reach []span

// covers tells whether change seq of a branch lies before the cut.
func (c reach) covers(branch uint32, seq uint64) bool {
	for _, s := range c {
		if s.run.Branch == branch && s.run.First <= seq && seq <= s.run.Last.Seq {
			return seq <= s.last
		}
	}
	return false
}

// reachOf works out what a cut covers of what is held of an origin. A head that
// is held covers its change and all that precede it, along the branches and, as
// far as is known, across gaps. A head that is not held covers what ends before
// it: that is its beginning unless something that arrives later says otherwise,
// and then this is worked out again.
func (ses *session) reachOf(o *store.Origin, cut []syncproto.CutHead) (reach, error) {
	t, err := ses.topology(o.ID)
	if err != nil {
		return nil, err
	}
	out := make(reach, len(t.runs))
	for i, r := range t.runs {
		out[i] = span{r, r.First - 1}
	}
	for _, h := range cut {
		at, err := ses.runWith(o, t, h)
		if err != nil {
			return nil, err
		}
		if at != nil {
			out.line(t, at, h.Seq)
			continue
		}
		for i := range out {
			if r := &out[i].run; r.Last.Seq < h.Seq {
				out[i].last = r.Last.Seq
			}
		}
	}
	return out, nil
}

// runWith finds the run that holds a head.
func (ses *session) runWith(o *store.Origin, t topology, h syncproto.CutHead) (*store.Run, error) {
	for i := range t.runs {
		r := &t.runs[i]
		if h.Seq < r.First || h.Seq > r.Last.Seq {
			continue
		}
		open := r.Last.Open
		if h.Seq != r.Last.Seq {
			state, err := ses.stateAt(o, t, r, h.Seq)
			if err != nil {
				return nil, err
			}
			open = state.open
		}
		if open.Prefix() == h.Open {
			return r, nil
		}
	}
	return nil, nil
}

// line extends the cover to change seq of a run and to all that precedes it.
func (c reach) line(t topology, at *store.Run, seq uint64) {
	branch := at.Branch
	for range len(t.runs) + 1 {
		var first *store.Run // the beginning of the branch, as far as is known
		for i := range c {
			r := &c[i].run
			if r.Branch != branch || r.First > seq {
				continue
			}
			c[i].last = max(c[i].last, min(seq, r.Last.Seq))
			if first == nil || r.First < first.First {
				first = r
			}
		}
		if first == nil || branch == 0 || !first.Linked || first.Parent == branch {
			return
		}
		branch, seq = first.Parent, first.After
	}
}

// endsOf gives the cut that covers all that is held of an origin.
func endsOf(t topology) []syncproto.CutHead {
	var out []syncproto.CutHead
	for _, r := range t.runs {
		if len(out) < syncproto.MaxCut {
			out = append(out, syncproto.CutHead{Seq: r.Last.Seq, Open: r.Last.Open.Prefix()})
		}
	}
	return out
}

// same tells whether two covers say the same of the runs that were held before.
// Where a run went into another or changed its branch, they differ: it is then
// looked at again, which does no harm.
func (c reach) same(before reach) bool {
	for _, old := range before {
		for _, seq := range [...]uint64{old.run.First, old.last, min(old.last+1, old.run.Last.Seq), old.run.Last.Seq} {
			if seq >= old.run.First && c.covers(old.run.Branch, seq) != (seq <= old.last) {
				return false
			}
		}
	}
	return true
}
