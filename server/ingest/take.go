package ingest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// taking is one batch on its way in.
type taking struct {
	s       *Service
	batch   *Batch
	grants  map[syncproto.OriginID]*grant
	origins map[syncproto.OriginID]bool
	res     Result
}

// alone tells whether what segments may need has to be there before they are
// read. Credentials have not: segments are read with those that came along, so
// they go into the store in one transaction with the first segments.
func (t *taking) alone() bool {
	b := t.batch
	return len(b.Segments) == 0 || len(b.Receipts)+len(b.Pages) > 0 || b.Beacon != (syncproto.BeaconMark{})
}

// first takes in what segments may need: credentials, pages, receipts.
func (t *taking) first(ctx context.Context) error {
	b := t.batch
	if len(t.grants)+len(b.Receipts)+len(b.Pages) == 0 && b.Beacon == (syncproto.BeaconMark{}) {
		return nil
	}
	var refused []error
	err := t.s.submit(ctx, func(ses *session) error {
		refused = nil
		if err := ses.admit(t.grants); err != nil {
			return err
		}
		if err := ses.hear(b.Beacon); err != nil {
			return err
		}
		for _, data := range b.Pages {
			if err := ses.acceptPage(data); err != nil {
				if !foreign(err) {
					return err
				}
				refused = append(refused, err)
			}
		}
		for _, data := range b.Receipts {
			if err := ses.acceptReceipt(data); err != nil {
				if !foreign(err) {
					return err
				}
				refused = append(refused, err)
			}
		}
		return nil
	})
	if err == nil {
		t.res.Refused = refused
	}
	return err
}

// foreign tells whether an error is about what somebody sent, and not about
// this server.
func foreign(err error) bool {
	switch syncproto.CodeOf(err) {
	case syncproto.CodeInternal, syncproto.CodeDiskFull, syncproto.CodeOverload, syncproto.CodeInUse, syncproto.CodeNewerSchema:
		return false
	}
	return !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// part prepares the next segments of the batch, up to some thousand changes.
func (t *taking) part(ctx context.Context, next *int) ([]*prepared, error) {
	var part []*prepared
	for n := 0; *next < len(t.batch.Segments) && n < chunkChanges; *next++ {
		p, err := t.s.readInTurn(ctx, t.batch.Segments[*next], t.batch.Via, t.grants)
		if err != nil {
			if !foreign(err) {
				return nil, err
			}
			t.problem(*next, err)
			continue
		}
		t.origins[p.origin] = true
		part = append(part, p)
		n += len(p.changes)
	}
	return part, nil
}

func (t *taking) problem(index int, err error) {
	p := syncproto.Problem{Index: index, Code: syncproto.CodeOf(err)}
	if e, ok := errors.AsType[*syncproto.Error](err); ok {
		p.Message = e.Message
	}
	t.res.Problems = append(t.res.Problems, p)
}

// write hands the prepared segments to the writer.
func (t *taking) write(ctx context.Context, part []*prepared) error {
	if len(part)+len(t.grants) == 0 {
		return nil
	}
	var fresh, repeats int
	err := t.s.submit(ctx, func(ses *session) error {
		fresh, repeats = 0, 0
		// Admitting again what is admitted already writes nothing.
		if err := ses.admit(t.grants); err != nil {
			return err
		}
		for _, p := range part {
			f, r, err := ses.take(p)
			if err != nil {
				return err
			}
			fresh, repeats = fresh+f, repeats+r
		}
		return nil
	})
	if err == nil {
		t.res.New, t.res.Repeats = t.res.New+fresh, t.res.Repeats+repeats
	}
	return err
}

// heads fills in how far each origin has got.
func (t *taking) heads(ctx context.Context) error {
	if len(t.origins) == 0 {
		return nil
	}
	return t.s.cfg.Store.View(ctx, func(r store.Reader) error {
		for id := range t.origins {
			runs, err := r.Runs(id)
			if err != nil {
				return err
			}
			head := syncproto.Genesis(id)
			for _, run := range runs {
				if run.Branch == 0 && run.First == 1 {
					head = run.Last
				}
			}
			t.res.Heads = append(t.res.Heads, syncproto.OriginHeads{Origin: id, Heads: head})
		}
		slices.SortFunc(t.res.Heads, func(a, b syncproto.OriginHeads) int { return bytes.Compare(a.Origin[:], b.Origin[:]) })
		return nil
	})
}

// take puts one prepared segment into the log and its changes into records.
func (ses *session) take(p *prepared) (fresh, repeats int, err error) {
	count := p.seg.Count()
	if p.repeat {
		return 0, count, ses.tx.AddRepeats(p.origin, count)
	}
	o, err := ses.origin(p.origin)
	if err != nil {
		return 0, 0, err
	}
	if o == nil {
		return 0, 0, syncproto.Errorf(syncproto.CodeInternal, "origin %s vanished while its segment was read", p.origin)
	}
	topo, err := ses.topology(o.ID)
	if err != nil {
		return 0, 0, err
	}
	look := func(r *store.Run, seq uint64) (hashes, error) { return ses.stateAt(o, topo, r, seq) }
	pl, err := place(topo.runs, &p.in, look)
	if err != nil {
		return 0, 0, err
	}
	cured, err := ses.curable(p, pl)
	if err != nil {
		return 0, 0, err
	}
	fresh = length(pl.fresh)
	if repeats = count - fresh - length(cured); repeats > 0 {
		if err := ses.tx.AddRepeats(o.ID, repeats); err != nil {
			return 0, 0, err
		}
	}
	teaches, err := ses.teaches(p, pl, o, topo)
	if err != nil || fresh+len(cured) == 0 && !teaches {
		return 0, repeats, err
	}
	return fresh, repeats, ses.keep(p, pl, cured, o)
}

func length(list []stretch) (n int) {
	for _, s := range list {
		n += int(s.last - s.first + 1)
	}
	return n
}

// teaches tells whether a segment of held changes is worth keeping all the
// same: a point cannot open seals, so another cut of the same changes is all it
// has to tell later whether their personal parts agree.
func (ses *session) teaches(p *prepared, pl *placement, o *store.Origin, topo topology) (bool, error) {
	if ses.s.atCentre() || len(pl.held) == 0 {
		return false, nil
	}
	rows, err := ses.tx.Segments(store.SegmentQuery{Origin: o.ID, From: p.in.first, To: p.in.first, HeadersOnly: true})
	for _, row := range rows {
		if row.Before.Equal(p.seg.Before) && row.After.Equal(p.seg.After) {
			return false, err
		}
	}
	return true, err
}

// curable lists the held changes that were unreadable and of which p is a
// readable copy.
func (ses *session) curable(p *prepared, pl *placement) ([]stretch, error) {
	if p.unreadable != nil || !ses.s.atCentre() || len(pl.held) == 0 {
		return nil, nil
	}
	if err := ses.flush(); err != nil {
		return nil, err
	}
	var out []stretch
	for _, h := range pl.held {
		lines, err := ses.tx.Outcomes(p.origin, h.branch)
		if err != nil {
			return nil, err
		}
		for _, l := range lines {
			if l.Reason == syncproto.ReasonUnreadable && l.First <= h.last && l.Last >= h.first {
				out = append(out, stretch{h.branch, max(l.First, h.first), min(l.Last, h.last)})
			}
		}
	}
	return out, nil
}

// keep stores the segment and its place, then works on its changes.
func (ses *session) keep(p *prepared, pl *placement, cured []stretch, o *store.Origin) error {
	carry := ses.carry(p, pl)
	if err := ses.arrange(p, pl, o); err != nil {
		return err
	}
	row := store.Segment{
		Origin: p.origin, Branch: branchAt(pl, p.in.last), First: p.in.first, Last: p.in.last, Before: p.seg.Before, After: p.seg.After,
		ArrivedMS: p.nowMS, Via: p.via, Commits: p.commits, Salts: p.salts,
	}
	opened := ses.s.atCentre() && p.unreadable == nil
	row.Readable, row.Sealed = opened, p.seg.Sealed() && !opened
	if row.Data = p.seg.Encode(); opened {
		row.Data = p.seg.EncodeOpen()
	}
	if err := ses.forgetSalts(p, pl.held, &row); err != nil {
		return err
	}
	if _, err := ses.tx.AddSegment(row); err != nil {
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

// forgetSalts leaves out of a segment's salts those of changes that are held
// already and whose record was erased: they must not come back with a copy.
func (ses *session) forgetSalts(p *prepared, held []stretch, row *store.Segment) error {
	if row.Salts == nil {
		return nil
	}
	for _, h := range held {
		for seq := h.first; seq <= h.last; seq++ {
			rec, found, err := ses.tx.Record(recordOf(&p.changes[seq-p.in.first]))
			if err != nil {
				return err
			}
			if found && rec.Erased {
				row.Salts = bytes.Clone(row.Salts)
				at := int(seq-p.in.first) * saltBytes
				clear(row.Salts[at : at+saltBytes])
			}
		}
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
		if err := ses.dropReceipts(&r); err != nil {
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
	delete(ses.topo, o.ID)
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
	ses.stale = append(ses.stale, staleRun{o.ID, from})
	return nil
}

// staleRun says from which change of an origin on records have to be merged
// again.
type staleRun struct {
	origin syncproto.OriginID
	from   uint64
}

// work turns changes of the segment into record changes and ledger lines.
func (ses *session) work(p *prepared, todo []stretch, carry int64) error {
	if p.unreadable != nil {
		for _, t := range todo {
			l := store.Outcome{Origin: p.origin, Branch: t.branch, First: t.first, Last: t.last,
				Outcome: syncproto.OutcomeQuarantined, Reason: syncproto.ReasonUnreadable, Needs: *p.unreadable}
			if err := ses.line(l); err != nil {
				return err
			}
		}
		return nil
	}
	o, err := ses.origin(p.origin)
	if err != nil {
		return err
	}
	topo, err := ses.topology(p.origin)
	if err != nil {
		return err
	}
	// What the centre writes goes into a feed as well, so it takes the long way.
	current := p.defs == ses.defs.version && p.since == o.SinceMS && o.Role != credential.RoleCentre && !topo.forked()
	w := &working{ses: ses, p: p, carry: carry, group: make(map[uuid.UUID][]Entry)}
	for _, t := range todo {
		if err := w.stretch(t, current); err != nil {
			return err
		}
	}
	for _, id := range w.later {
		if err := ses.update(id, w.group[id], false); err != nil {
			return err
		}
	}
	return nil
}

// working is the changes of one segment on their way into records.
type working struct {
	ses   *session
	p     *prepared
	carry int64
	later []uuid.UUID // records that need merging, in order
	group map[uuid.UUID][]Entry
}

// stretch writes what can be written as it is, in bulk, and leaves the rest for
// merging.
func (w *working) stretch(t stretch, current bool) error {
	var ready []*store.Record
	var at []int
	for seq := t.first; seq <= t.last; seq++ {
		i := int(seq - w.p.in.first)
		if current && w.fast(i, t.branch) {
			ready, at = append(ready, w.p.ready[i]), append(at, i)
		} else {
			w.slow(i, t.branch)
		}
	}
	n, err := w.ses.tx.InsertRecords(ready)
	if err != nil {
		return err
	}
	for j, i := range at {
		inserted := j < n
		if !inserted {
			if inserted, err = w.ses.tx.InsertRecord(ready[j]); err != nil {
				return err
			}
		}
		if !inserted {
			w.slow(i, t.branch)
			continue
		}
		seq := w.p.in.first + uint64(i)
		if err := w.ses.line(store.Outcome{Origin: w.p.origin, Branch: t.branch, First: seq, Last: seq, Outcome: syncproto.OutcomeAccepted}); err != nil {
			return err
		}
	}
	return nil
}

// fast tells whether a change was judged and encoded beforehand and nothing
// that happened since can matter to it.
func (w *working) fast(i int, branch uint32) bool {
	e := &w.p.entries[i]
	return w.p.ready[i] != nil && branch == 0 && w.carry <= e.EarliestMS && !w.ses.s.rulings.ruledOn(e.ID())
}

// slow puts a change aside for merging.
func (w *working) slow(i int, branch uint32) {
	e := w.p.entries[i]
	e.EarliestMS = max(e.EarliestMS, w.carry)
	e.branch, e.placed = branch, true
	id := recordOf(&w.p.changes[i])
	if w.group[id] == nil {
		w.later = append(w.later, id)
	}
	w.group[id] = append(w.group[id], e)
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
		seg, err := syncproto.ParseSegment(row.Data)
		if err != nil {
			return err
		}
		row.Data, row.Sealed = seg.EncodeOpen(), false
		if err := ses.tx.SetSegment(row); err != nil {
			return err
		}
		delete(ses.cache, row.ID)
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
