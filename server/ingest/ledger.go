package ingest

import (
	"slices"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/exchange"
)

// BranchLedger is the account of one branch of one origin:
//
//	Head - After = Changes + missing
//
// where Changes sums the ledger and missing the lengths of Gaps. Nothing that
// an origin signed is ever outside this account.
type BranchLedger struct {
	Origin syncproto.OriginID
	Branch uint32
	// Parent and After say where the branch left another; both 0 for branch 0 and
	// for a branch of which nobody knows yet where it began.
	Parent uint32
	After  uint64
	// Contiguous is the end of the unbroken run from After on; its Seq is After if
	// there is none.
	Contiguous syncproto.Heads
	// Head is the highest signed head heard of: by the origin's own statements or,
	// on branch 0, by a point's receipt.
	Head    uint64
	Changes uint64
	Counts  []store.OutcomeCount
	Gaps    []exchange.Gap
}

// Missing counts the changes in gaps.
func (l *BranchLedger) Missing() (n uint64) {
	for _, g := range l.Gaps {
		n += g.Last - g.First + 1
	}
	return n
}

// Balanced tells whether the account adds up.
func (l *BranchLedger) Balanced() bool { return l.Head-l.After == l.Changes+l.Missing() }

// Ledger gives the accounts of all branches of an origin, by branch.
func Ledger(r store.Reader, origin syncproto.OriginID) ([]BranchLedger, error) {
	runs, err := r.Runs(origin)
	if err != nil {
		return nil, err
	}
	var out []BranchLedger
	for _, run := range runs {
		if n := len(out); n == 0 || out[n-1].Branch != run.Branch {
			out = append(out, BranchLedger{Origin: origin, Branch: run.Branch, Parent: run.Parent, After: run.After})
		}
		out[len(out)-1].add(&run)
	}
	if err := addWitnesses(r, origin, &out); err != nil {
		return nil, err
	}
	counts, err := r.OutcomeCounts(&origin)
	if err != nil {
		return nil, err
	}
	for i := range out {
		l := &out[i]
		for _, c := range counts {
			if c.Branch == l.Branch {
				l.Counts, l.Changes = append(l.Counts, c), l.Changes+c.Changes
			}
		}
	}
	return out, nil
}

// add takes the branch's next run in.
func (l *BranchLedger) add(r *store.Run) {
	next := max(l.Head, l.After) + 1
	if r.First > next {
		l.Gaps = append(l.Gaps, exchange.Gap{Origin: l.Origin, First: next, Last: r.First - 1})
	}
	if r.First == l.After+1 {
		l.Contiguous = r.Last
	} else if l.Head == 0 {
		l.Contiguous.Seq = l.After
	}
	l.Head = r.Last.Seq
}

// addWitnesses names what points have receipted and what has not arrived here.
func addWitnesses(r store.Reader, origin syncproto.OriginID, out *[]BranchLedger) error {
	from := uint64(1)
	if len(*out) > 0 {
		from = (*out)[0].Head + 1
	}
	list, err := r.Witnesses(origin, from)
	if err != nil || len(list) == 0 {
		return err
	}
	var last uint64
	for i := range list {
		held := false
		if list[i].Last >= from {
			if held, err = heldOnBranch(r, &list[i], *out); err != nil {
				return err
			}
		}
		if !held {
			last = max(last, list[i].Last)
		}
	}
	if last == 0 {
		return nil
	}
	if len(*out) == 0 || (*out)[0].Branch != 0 {
		*out = append([]BranchLedger{{Origin: origin, Contiguous: syncproto.Genesis(origin)}}, *out...)
		from = 1
	}
	l := &(*out)[0]
	if last >= from {
		l.Gaps, l.Head = append(l.Gaps, exchange.Gap{Origin: origin, First: from, Last: last}), last
	}
	return nil
}

// heldOnBranch tells whether what a point has witnessed is held on a branch
// that left the trunk: then nothing of it is missing.
func heldOnBranch(r store.Reader, w *store.Witness, accounts []BranchLedger) (bool, error) {
	forked := slices.ContainsFunc(accounts, func(l BranchLedger) bool { return l.Branch != 0 && l.Head >= w.Last })
	if !forked {
		return false, nil
	}
	rc, err := syncproto.DecodeReceipt(w.Data)
	if err != nil {
		return false, err
	}
	o, ok, err := r.Origin(w.Origin)
	if err != nil || !ok {
		return false, err
	}
	rows, err := r.Segments(store.SegmentQuery{Origin: w.Origin, From: w.Last, To: w.Last})
	if err != nil {
		return false, err
	}
	for _, row := range rows {
		u, err := unpack(row, o.Key)
		if err != nil {
			return false, err
		}
		if u.at[w.Last-(row.First-1)].same(hashes{rc.Open, rc.Closed, true}) {
			return true, nil
		}
	}
	return false, nil
}
