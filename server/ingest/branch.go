package ingest

import (
	"slices"

	"thonsync/server/store"
)

// fromTheStart gives a run of a branch together with what lies before it on the
// runs that it left, and the outcomes of all that: whoever is on the branch has
// no other receipt for the changes that it shares, since one that ends on
// another branch is not about them. What lies beyond a gap stays as it is.
func (ses *session) fromTheStart(r *store.Run) (*store.Run, []store.Outcome, error) {
	lines, err := ses.tx.Outcomes(r.Origin, r.Branch)
	if err != nil || !r.Linked || r.Branch == 0 {
		return r, lines, err
	}
	t, err := ses.topology(r.Origin)
	if err != nil {
		return r, lines, err
	}
	whole, at := *r, r
	for at.First > 1 {
		parent := t.parent(at)
		if parent == nil {
			return r, lines, nil
		}
		more, err := ses.tx.Outcomes(r.Origin, parent.Branch)
		if err != nil {
			return r, lines, err
		}
		lines = append(within(more, parent.First, at.First-1), lines...)
		at, whole.First = parent, parent.First
	}
	return &whole, lines, nil
}

// line tells of stored segments whether their end lies on a run's branch.
func (t topology) line(r *store.Run) func(store.Segment) bool {
	return func(row store.Segment) bool {
		return row.Last >= r.First && t.home(row.Branch, row.Last) == r.Branch
	}
}

// parent finds the run that a linked one leaves, nil if it is not known.
func (t topology) parent(r *store.Run) *store.Run {
	if !r.Linked || r.After != r.First-1 {
		return nil
	}
	i := slices.IndexFunc(t.runs, func(o store.Run) bool {
		return o.Branch == r.Parent && o.First <= r.After && o.Last.Seq >= r.After
	})
	if i < 0 {
		return nil
	}
	return &t.runs[i]
}

// whole tells whether nothing is missing below a run.
func (t topology) whole(r *store.Run) bool {
	for range len(t.runs) {
		if r.First == 1 {
			return true
		}
		if r = t.parent(r); r == nil {
			return false
		}
	}
	return false
}

// within gives the parts of ledger lines that lie in first..last.
func within(lines []store.Outcome, first, last uint64) []store.Outcome {
	var out []store.Outcome
	for _, l := range lines {
		if l.First <= last && l.Last >= first {
			l.First, l.Last = max(l.First, first), min(l.Last, last)
			out = append(out, l)
		}
	}
	return out
}
