package ingest

import (
	"cmp"
	"slices"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// keep stores the segment and its place, then works on its changes.
func (ses *session) keep(p *prepared, pl *placement, cured []stretch, o *store.Origin) error {
	carry := ses.carry(p, pl)
	before, err := ses.coverBefore(o)
	if err != nil {
		return err
	}
	if err := ses.arrange(p, pl, o); err != nil {
		return err
	}
	row := store.Segment{
		Origin: p.origin, Branch: branchAt(pl, p.in.last), First: p.in.first, Last: p.in.last, Before: p.seg.Before, After: p.seg.After,
		ArrivedMS: p.nowMS, Via: p.via, Commits: p.commits, Salts: p.salts,
	}
	opened := ses.s.atCentre() && p.unreadable == nil
	row.Readable, row.Sealed = opened, p.seg.Sealed() && !opened
	if row.Sealed {
		var err error
		if row.Sealed, err = ses.keepSealed(p, &row); err != nil {
			return err
		}
	}
	if row.Data = p.seg.Encode(); !row.Sealed {
		row.Data = p.seg.EncodeOpen()
	}
	if err := ses.forgetSalts(p, &row, o); err != nil {
		return err
	}
	if _, err := ses.tx.AddSegment(row); err != nil {
		return err
	}
	ses.tally.Arrived(row.Origin, row.Last, row.ArrivedMS)
	if err := ses.recut(o, before); err != nil {
		return err
	}
	todo := append(slices.Clone(pl.fresh), cured...)
	slices.SortFunc(todo, func(a, b stretch) int { return cmp.Compare(a.first, b.first) })
	if err := ses.work(p, todo, carry); err != nil {
		return err
	}
	if len(cured) > 0 {
		return ses.strip(o, p.in.first, p.in.last)
	}
	return nil
}

func branchAt(pl *placement, seq uint64) uint32 {
	for _, list := range [...][]stretch{pl.fresh, pl.held} {
		for _, s := range list {
			if s.first <= seq && s.last >= seq {
				return s.branch
			}
		}
	}
	return 0
}

// carry gives the last valid beacon before the segment, on the run that it
// continues.
func (ses *session) carry(p *prepared, pl *placement) int64 {
	for _, r := range ses.topo[p.origin].runs {
		for _, put := range pl.put {
			if r.Branch == put.Branch && r.First == put.First && r.Last.Seq == p.in.first-1 {
				return r.BeaconMS
			}
		}
	}
	return 0
}

// arrange writes the runs as placing left them.
func (ses *session) arrange(p *prepared, pl *placement, o *store.Origin) error {
	if len(pl.moves) > 0 {
		if err := ses.flush(); err != nil {
			return err
		}
	}
	for _, r := range pl.drop {
		if err := ses.tx.DeleteRun(o.ID, r.Branch, r.First); err != nil {
			return err
		}
		if err := ses.dropReceipts(o.ID, &r); err != nil {
			return err
		}
	}
	for _, r := range pl.put {
		r.Origin = o.ID
		if p.beacon > r.BeaconMS && branchAt(pl, p.in.last) == r.Branch {
			r.BeaconMS = p.beacon
		}
		if err := ses.tx.PutRun(r); err != nil {
			return err
		}
	}
	for _, m := range pl.moves {
		if err := ses.tx.MoveBranch(o.ID, m.from, m.to, m.first, m.last); err != nil {
			return err
		}
	}
	if len(pl.drop)+len(pl.moves) > 0 {
		ses.moved[o.ID] = true
	}
	delete(ses.topo, o.ID)
	delete(ses.covers, o.ID)
	clear(ses.cache) // branches of cached segments may have changed
	ses.touched[o.ID] = true
	if pl.reordered {
		return ses.remerge(o, pl)
	}
	return nil
}

// remerge works again on records whose changes are now known to follow each
// other in another way, and settles who is on a forked branch.
func (ses *session) remerge(o *store.Origin, pl *placement) error {
	runs, err := ses.tx.Runs(o.ID)
	if err != nil {
		return err
	}
	from := ^uint64(0)
	for _, m := range pl.moves {
		from = min(from, m.first)
	}
	for _, r := range pl.put {
		from = min(from, r.After+1)
	}
	for _, r := range runs {
		lines, err := ses.tx.Outcomes(o.ID, r.Branch)
		if err != nil {
			return err
		}
		for _, l := range lines {
			forked := r.Branch != 0
			switch {
			case l.Outcome == syncproto.OutcomeAccepted && forked:
				l.Outcome, l.Reason = syncproto.OutcomeForked, syncproto.ReasonFork
			case l.Outcome == syncproto.OutcomeForked && !forked:
				l.Outcome, l.Reason = syncproto.OutcomeAccepted, ""
			default:
				continue
			}
			if err := ses.tx.SetOutcome(l); err != nil {
				return err
			}
		}
	}
	ses.stale = append(ses.stale, staleRun{origin: o.ID, from: from})
	return nil
}

// staleRun says from which change of an origin on records have to be merged
// again.
type staleRun struct {
	origin  syncproto.OriginID
	from    uint64
	rejudge bool // what acts may have to stop
}

// strip drops sealed bytes of segments all of whose changes are readable now.
func (ses *session) strip(o *store.Origin, first, last uint64) error {
	if err := ses.flush(); err != nil {
		return err
	}
	t, err := ses.topology(o.ID)
	if err != nil {
		return err
	}
	rows, err := ses.tx.Segments(store.SegmentQuery{Origin: o.ID, From: first, To: last})
	if err != nil {
		return err
	}
	for _, row := range rows {
		if !row.Sealed {
			continue
		}
		waits, err := ses.anyUnreadable(t, &row)
		if err != nil {
			return err
		}
		if waits {
			continue
		}
		if err := ses.unseal(row); err != nil {
			return err
		}
	}
	return nil
}

// anyUnreadable tells whether a change of a stored segment waits for a readable
// copy.
func (ses *session) anyUnreadable(t topology, row *store.Segment) (bool, error) {
	for _, branch := range []uint32{t.home(row.Branch, row.First), row.Branch} {
		lines, err := ses.tx.Outcomes(row.Origin, branch)
		if err != nil {
			return false, err
		}
		for _, l := range lines {
			if l.Reason == syncproto.ReasonUnreadable && l.First <= row.Last && l.Last >= row.First {
				return true, nil
			}
		}
	}
	return false, nil
}
