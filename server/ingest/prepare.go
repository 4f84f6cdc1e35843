package ingest

import (
	"context"
	"encoding/hex"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// prepared is a segment after all work that needs no write transaction:
// verified, opened, judged as far as it can be judged alone, encrypted.
type prepared struct {
	seg     *syncproto.Segment
	origin  syncproto.OriginID
	via     syncproto.OriginID
	repeat  bool // held already, to the letter
	octets  int  // of its rows, unpacked
	changes []syncproto.OpenChange
	in      arrival
	commits []byte
	salts   []byte
	// unreadable is the reason's cure, "" if there is none; nil for a segment
	// that was opened, or at a point.
	unreadable *string
	nowMS      int64
	witnesses  []store.Witness

	entries []Entry           // one per change, unless unreadable
	many    map[uuid.UUID]int // records with several changes here
	ready   []*store.Record   // rows of creating changes that can go in as they are
	defs    uint64            // version of the definitions they were judged by
	since   int64             // Origin.SinceMS they were judged by
	beacon  int64             // last valid beacon in the segment
}

// chunkChanges is after how many changes a batch is cut into several
// transactions, so that memory does not grow with the size of a batch.
// A thousand changes of some text each are a fraction of chunkOctets; only
// segments made to swell reach it.
const (
	chunkChanges = 2000
	chunkOctets  = 4 << 20
)

// readInTurn reads a segment when a processor is to be had.
func (s *Service) readInTurn(ctx context.Context, raw []byte, via syncproto.OriginID, grants map[syncproto.OriginID]*grant) (*prepared, error) {
	select {
	case s.prepare <- struct{}{}:
		defer func() { <-s.prepare }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return s.read(ctx, raw, via, grants)
}

// read verifies, opens and judges one segment. A problem is told to the sender.
func (s *Service) read(ctx context.Context, raw []byte, via syncproto.OriginID, grants map[syncproto.OriginID]*grant) (*prepared, error) {
	seg, err := syncproto.ParseSegment(raw)
	if err != nil {
		return nil, err
	}
	p := &prepared{seg: seg, origin: seg.Origin, via: via, nowMS: s.cfg.Now().UnixMilli()}
	var o store.Origin
	err = s.cfg.Store.View(ctx, func(r store.Reader) (err error) {
		o, err = s.look(r, p, grants)
		return err
	})
	if err != nil || p.repeat {
		return p, err
	}
	if p.changes, err = seg.Verify(o.Key); err != nil {
		return nil, err
	}
	p.since = o.SinceMS
	for i := range p.changes {
		p.octets += p.changes[i].Operational.Octets()
	}
	return p, s.open(p, &o)
}

// look asks the store what it knows of a segment's origin and of the segment
// itself. Nothing is asked on behalf of a segment without a valid signature.
func (s *Service) look(r store.Reader, p *prepared, grants map[syncproto.OriginID]*grant) (store.Origin, error) {
	seg := p.seg
	o, known, err := s.author(r, seg.Origin, grants)
	if err != nil {
		return o, err
	}
	if !known {
		return o, syncproto.Errorf(syncproto.CodeUnknownPeer, "origin %s has no credential known here: send its credentials along", seg.Origin)
	}
	if err := seg.VerifySignature(o.Key); err != nil {
		return o, err
	}
	if seg.First() == 1 && !seg.Before.Equal(syncproto.Genesis(seg.Origin)) {
		return o, syncproto.Errorf(syncproto.CodeChain, "segment of origin %s begins with the first change but not with the genesis", seg.Origin)
	}
	if p.repeat, err = s.heldExactly(r, seg); err != nil || p.repeat {
		return o, err
	}
	p.witnesses, err = r.Witnesses(p.origin, seg.First())
	return o, err
}

// author finds the origin of a segment: its credentials may have come along.
func (s *Service) author(r store.Reader, id syncproto.OriginID, grants map[syncproto.OriginID]*grant) (store.Origin, bool, error) {
	o, known, err := r.Origin(id)
	if err != nil {
		return o, false, err
	}
	if g := grants[id]; g != nil && !(known && s.aged(g)) {
		if shown := originOf(g.Grant, g.chain, s.Definitions()); !known || replaces(&shown, &o) {
			shown.Listed = countsAtOnce(&g.Grant, g.chain) && !s.aged(g) || known && o.Listed && equalStrings(o.Credentials, g.chain)
			return shown, true, nil
		}
	}
	return o, known, nil
}

// heldExactly tells whether all changes of a segment are held and readable
// already. What is held stays held, so the writer need not ask again. This
// makes repeats cheap: nothing is unpacked or opened.
func (s *Service) heldExactly(r store.Reader, seg *syncproto.Segment) (bool, error) {
	runs, err := r.Runs(seg.Origin)
	if err != nil {
		return false, err
	}
	for _, run := range runs {
		if seg.First() < run.First || seg.Last() > run.Last.Seq {
			continue
		}
		same := seg.Last() == run.Last.Seq && seg.After.Equal(run.Last)
		if !same {
			if same, err = s.endsThere(r, seg, topology{runs}.line(&run)); err != nil {
				return false, err
			}
		}
		if !same {
			continue
		}
		if !s.atCentre() {
			return s.statementKnown(r, seg)
		}
		return s.readable(r, seg, run.Branch)
	}
	return false, nil
}

// endsThere tells whether a stored segment of a branch ends in the very same
// state.
func (s *Service) endsThere(r store.Reader, seg *syncproto.Segment, home func(store.Segment) bool) (bool, error) {
	rows, err := r.Segments(store.SegmentQuery{Origin: seg.Origin, From: seg.Last(), To: seg.Last(), HeadersOnly: true})
	for _, row := range rows {
		if row.After.Equal(seg.After) && home(row) {
			return true, err
		}
	}
	return false, err
}

// statementKnown tells whether the very same run was stored. At a point other
// cuts of the same changes are no mere repeats: it cannot open the seals, so it
// cannot know that they hold the same.
func (s *Service) statementKnown(r store.Reader, seg *syncproto.Segment) (bool, error) {
	rows, err := r.Segments(store.SegmentQuery{Origin: seg.Origin, From: seg.First(), To: seg.First(), HeadersOnly: true})
	for _, row := range rows {
		if row.Before.Equal(seg.Before) && row.After.Equal(seg.After) {
			return true, err
		}
	}
	return false, err
}

// readable tells whether no change of the segment waits for a readable copy.
func (s *Service) readable(r store.Reader, seg *syncproto.Segment, branch uint32) (bool, error) {
	lines, err := r.Outcomes(seg.Origin, branch)
	for _, l := range lines {
		if l.Reason == syncproto.ReasonUnreadable && l.First <= seg.Last() && l.Last >= seg.First() {
			return false, err
		}
	}
	return err == nil, err
}

// open opens the seal, at the centre, and makes entries of the changes.
func (s *Service) open(p *prepared, o *store.Origin) error {
	var personals *syncproto.Personals
	var commits []syncproto.Hash
	if s.atCentre() {
		var err error
		personals, err = p.seg.OpenSeal(s.cfg.Keys)
		if err != nil {
			needs := ""
			if syncproto.CodeOf(err) == syncproto.CodeOldKey {
				id := p.seg.SealKey()
				needs = needsKey(id)
			}
			p.unreadable = &needs
		} else {
			for _, row := range personals.Rows {
				p.octets += row.Octets()
			}
			commits = personals.Commitments
			p.commits, p.salts = joinSecrets(personals)
		}
	}
	at, err := states(p.seg, p.changes, commits)
	if err != nil {
		return err
	}
	p.in = arrival{first: p.seg.First(), last: p.seg.Last(), at: at}
	if p.unreadable != nil {
		return nil
	}
	return s.makeEntries(p, personals, o)
}

func needsKey(id syncproto.KeyID) string { return "key:" + hex.EncodeToString(id[:]) }

// joinSecrets gives commitments and salts as they are stored. Where a sender no
// longer had row and salt, the salt stays zero.
func joinSecrets(p *syncproto.Personals) (commits, salts []byte) {
	for i := range p.Commitments {
		commits = append(commits, p.Commitments[i][:]...)
		salts = append(salts, p.Salts[i][:]...)
	}
	return commits, salts
}

// makeEntries turns the changes into what histories hold.
func (s *Service) makeEntries(p *prepared, personals *syncproto.Personals, o *store.Origin) error {
	n := len(p.changes)
	p.entries, p.many = make([]Entry, n), make(map[uuid.UUID]int, n)
	latest := latestOf(p)
	var nonces []byte
	if s.vault != nil {
		var err error
		if nonces, err = s.vault.nonces(n); err != nil {
			return err
		}
	}
	beacons := beaconChecker{s: s}
	for i := range p.changes {
		c, e := &p.changes[i], &p.entries[i]
		record := recordOf(c)
		p.many[record]++
		*e = Entry{Change: c.Change, Open: c.Open.Prefix()}
		if h := p.in.at[i+1]; h.closedKnown {
			e.Closed = h.closed.Prefix()
		}
		if beacons.check(c.Header.Beacon) {
			p.beacon = max(p.beacon, c.Header.Beacon.MS)
		}
		// A point's clock may be wrong; what a beacon proves is stronger.
		e.EarliestMS, e.LatestMS = p.beacon, max(latest[i], p.beacon)
		switch {
		case personals == nil:
		case personals.Missing[i]:
			e.form = personalGone
		default:
			e.form, e.Change.Personal = personalEncrypted, personals.Rows[i]
			if e.Change.Personal == nil {
				e.Change.Personal = syncproto.Row{} // known to be empty
			}
			e.cipher = s.vault.seal(record, &c.Change, nonces[i*vaultNonce:(i+1)*vaultNonce], personals.Rows[i])
		}
	}
	s.makeRows(p, o)
	return nil
}

// latestOf gives the time before which each change was written: its arrival
// here, or at a point that has witnessed it or a successor.
func latestOf(p *prepared) []int64 {
	out := make([]int64, len(p.changes))
	for i := range out {
		seq := p.in.first + uint64(i)
		out[i] = p.nowMS
		for _, w := range p.witnesses {
			if w.First <= seq && w.Last >= seq {
				out[i] = min(out[i], w.IssuedMS)
			}
		}
	}
	return out
}

// makeRows readies the rows of records that have one change only, a creating
// one that fits the definitions: by far most.
func (s *Service) makeRows(p *prepared, o *store.Origin) {
	defs := s.Definitions()
	p.defs = defs.version
	p.ready = make([]*store.Record, len(p.changes))
	if s.atCentre() && (provisional(o) || !o.Listed) {
		return // the writer holds them
	}
	for i := range p.entries {
		e, c := &p.entries[i], &p.changes[i]
		if c.Header.Op != syncproto.OpCreate || p.many[c.Record] > 1 || c.Header.Collection != syncproto.CollectionActivity {
			continue
		}
		if c.Operational.Value(syncproto.ActivityConsent).Text() == syncproto.ConsentWithdrawn {
			continue // opens a request
		}
		if judgeLone(s.judge, s.cfg.Authority, o, &e.Change, defs) != nil {
			continue
		}
		e.Acts = true
		p.ready[i] = loneRecord(c.Record, e)
		e.Acts = false
	}
}

// loneRecord is what merging makes of a creating change alone.
func loneRecord(id uuid.UUID, e *Entry) *store.Record {
	rec := &store.Record{
		ID: id, Collection: e.Change.Header.Collection, Author: e.Change.Header.Author, Origin: e.Change.Origin, StampMS: e.Change.Header.StampMS,
		EarliestMS: e.EarliestMS, LatestMS: e.LatestMS, Exists: true, Changes: 1,
	}
	setColumns(rec, e.Change.Operational)
	rec.History = encodeHistory([]Entry{*e})
	return rec
}

// Submit takes a batch in and returns once it is durable. It fails with
// *Overload, CodeDiskFull or CodeInternal; a large batch is taken in parts, and
// what was taken before a failure stays, so repeating the batch is safe. What is
// wrong with single parts is told in the Result.
func (s *Service) Submit(ctx context.Context, b Batch) (Result, error) {
	select {
	case s.held <- struct{}{}:
		defer func() { <-s.held }()
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
	t := &taking{s: s, batch: &b, grants: s.verifyChains(b.Credentials), origins: make(map[syncproto.OriginID]bool)}
	if t.alone() {
		if err := t.first(ctx); err != nil {
			return t.res, err
		}
	}
	for next := 0; next < len(b.Segments); {
		part, err := t.part(ctx, &next)
		if err != nil {
			return t.res, err
		}
		if err := t.write(ctx, part); err != nil {
			return t.res, err
		}
	}
	return t.res, t.heads(ctx)
}
