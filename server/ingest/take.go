package ingest

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"thonsync/server/store"
	"thonsync/syncproto"
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
	return len(b.Segments) == 0 || len(b.Receipts)+len(b.Pages)+len(b.Rulings) > 0 || b.Beacon != (syncproto.BeaconMark{})
}

// first takes in what segments may need: credentials, pages, receipts.
func (t *taking) first(ctx context.Context) error {
	b := t.batch
	if len(t.grants)+len(b.Receipts)+len(b.Pages)+len(b.Rulings) == 0 && b.Beacon == (syncproto.BeaconMark{}) {
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
		for _, list := range []struct {
			parts  [][]byte
			accept func([]byte) error
		}{{b.Pages, ses.acceptPage}, {b.Rulings, ses.acceptRulingData}, {b.Receipts, ses.acceptReceipt}} {
			for _, data := range list.parts {
				if err := list.accept(data); err != nil {
					if !foreign(err) {
						return err
					}
					refused = append(refused, err)
				}
			}
		}
		return nil
	})
	if err == nil {
		t.res.Refused = refused
		// What fails here is made up for by the next call or start.
		_ = t.s.Purge(ctx)
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
	for n, octets := 0, 0; *next < len(t.batch.Segments) && n < chunkChanges && octets < chunkOctets; *next++ {
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
		n, octets = n+len(p.changes), octets+p.octets
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
	var receipts [][]byte
	err := t.s.submit(ctx, func(ses *session) error {
		fresh, repeats, receipts = 0, 0, nil
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
			if f > 0 {
				continue
			}
			list, err := ses.repeated(p)
			if err != nil {
				return err
			}
			receipts = append(receipts, list...)
		}
		return nil
	})
	if err == nil {
		t.res.New, t.res.Repeats = t.res.New+fresh, t.res.Repeats+repeats
		for _, p := range part {
			t.res.Octets += p.octets
		}
		t.res.Receipts = append(t.res.Receipts, receipts...)
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
	teaches, err := ses.teaches(p, pl, o)
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
func (ses *session) teaches(p *prepared, pl *placement, o *store.Origin) (bool, error) {
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
