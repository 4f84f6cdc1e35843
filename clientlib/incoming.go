package clientlib

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
	"thonsync/syncproto/exchange"
)

// intake applies what an answer or a bundle brought, inside one transaction.
type intake struct {
	d       *Device
	q       changelog.Querier
	link    link
	peer    *server // who answered; nil for a bundle
	touched map[uuid.UUID]struct{}
	seenOf  map[syncproto.OriginID]struct{} // origins of which changes arrived
	renewed bool                            // a new origin began
	lost    bool                            // the centre was restored and may have lost what it had receipted
	kinds   bool                            // a definition of a kind changed
	erased  bool

	receipts, pages, segments, cargo int
	notes                            []string // what could not be used, without personal data
}

func (d *Device) newIntake(q changelog.Querier, l link, peer *server) *intake {
	return &intake{d: d, q: q, link: l, peer: peer, touched: make(map[uuid.UUID]struct{}), seenOf: make(map[syncproto.OriginID]struct{})}
}

// note records that something was left out and goes on: a bad item never blocks
// its neighbours.
func (in *intake) note(what string, err error) {
	in.notes = append(in.notes, fmt.Sprintf("%s: %s", what, err))
}

func (in *intake) gained() bool { return in.receipts+in.pages+in.segments+in.cargo > 0 }

// finish merges every record that something arrived for.
func (in *intake) finish(ctx context.Context) error {
	if err := in.mergeForked(ctx); err != nil {
		return err
	}
	for id := range in.touched {
		err := in.d.rebuild(ctx, in.q, id)
		if syncproto.CodeOf(err) == syncproto.CodeChain {
			in.note("record", err)
			continue
		}
		if err != nil {
			return err
		}
	}
	if in.kinds {
		return in.d.loadKinds(ctx, in.q)
	}
	return nil
}

// settle runs after the transaction: what was erased leaves the write-ahead log
// as well, and what was cached is read again where the transaction failed.
func (d *Device) settle(ctx context.Context, in *intake, failed error) error {
	if failed != nil {
		return d.view(context.WithoutCancel(ctx), func(ctx context.Context, q changelog.Querier) error {
			if err := d.log.Reload(ctx, q); err != nil || d.sendOnly {
				return err
			}
			return d.loadKinds(ctx, q)
		})
	}
	if !in.erased {
		return nil
	}
	return d.clearFiles(ctx)
}

// clearFiles rewrites the database and empties its write-ahead log, so that what
// was deleted is in no file any more. secure_delete alone would leave what lay in
// a page before its rows moved to another. Where there is no room to rewrite, the
// log is emptied all the same.
func (d *Device) clearFiles(ctx context.Context) error {
	return d.view(ctx, func(ctx context.Context, q changelog.Querier) error {
		if _, err := q.ExecContext(ctx, `VACUUM`); err != nil && syncproto.CodeOf(storageError(err)) != syncproto.CodeDiskFull {
			return fmt.Errorf("rewriting the database: %w", err)
		}
		var busy, logged, moved int
		if err := q.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &logged, &moved); err != nil {
			return fmt.Errorf("emptying the write-ahead log: %w", err)
		}
		return nil
	})
}

// take applies an answer. It reports whether anything was gained.
func (se *session) take(ctx context.Context, out *outgoing, a *syncproto.Answer, took time.Duration, nowMS int64) (bool, error) {
	var in *intake
	var moved bool
	apply := func(part func(context.Context, *intake) error) error {
		err := se.d.update(ctx, func(ctx context.Context, q changelog.Querier) error {
			in = se.d.newIntake(q, se.link, &se.server)
			if err := part(ctx, in); err != nil {
				return err
			}
			return in.finish(ctx)
		})
		if settled := se.d.settle(ctx, in, err); err == nil {
			err = settled
		}
		return err
	}
	se.more = a.More
	bad := se.problems(out, a)
	whole := func(ctx context.Context, in *intake) (err error) {
		if err := se.takeParts(ctx, in, a); err != nil {
			return err
		}
		moved, err = se.takeHeads(ctx, in, out, a, bad, took)
		if err != nil {
			return err
		}
		return se.takeState(ctx, in, a, nowMS)
	}
	if se.d.sendOnly {
		whole = func(ctx context.Context, in *intake) error { return in.takeReceipts(ctx, a.Receipts) }
	}
	err := apply(whole)
	if syncproto.CodeOf(err) == syncproto.CodeDiskFull {
		// Room may still be found to note what has arrived.
		err = apply(func(ctx context.Context, in *intake) error { return in.takeReceipts(ctx, a.Receipts) })
		se.full, se.report.DiskFull, se.more = true, true, false
		if syncproto.CodeOf(err) == syncproto.CodeDiskFull {
			in, err = &intake{}, nil
		}
	}
	if err != nil {
		return false, err
	}
	if in.link.centre != nil {
		se.link.centre = in.link.centre
	}
	acked := se.acknowledge(out, bad)
	se.tally(in)
	if a.SealKey != nil && string(a.SealKey) != string(se.server.notice.Seal.Key) {
		err = se.takeSealKey(ctx)
	}
	return in.gained() || moved || acked && (se.full || se.d.sendOnly), err
}

func (se *session) tally(in *intake) {
	r := se.report
	r.Receipts += in.receipts
	r.Pages += in.pages
	r.Segments += in.segments
	r.NewOrigin = r.NewOrigin || in.renewed
	r.PeerBehind = r.PeerBehind || in.lost
	r.Notes = append(r.Notes, in.notes...)
}

// problems notes what the server found wrong with segments, and gives their
// indexes.
func (se *session) problems(out *outgoing, a *syncproto.Answer) map[int]bool {
	bad := make(map[int]bool)
	for _, p := range a.Problems {
		if p.Index >= len(out.parts) {
			continue
		}
		bad[p.Index] = true
		at := out.parts[p.Index]
		se.report.Problems = append(se.report.Problems, SegmentProblem{Origin: at.origin, First: at.first, Last: at.last, Code: p.Code, Message: p.Message})
	}
	return bad
}

// acknowledge remembers for this session what need not be sent again in it. It
// reports whether anything new was.
func (se *session) acknowledge(out *outgoing, bad map[int]bool) bool {
	found := false
	for i, p := range out.parts {
		switch {
		case p.cargo != 0:
			se.carried[p.cargo] = true
		case p.again:
			se.resent[p.origin] = max(se.resent[p.origin], p.last)
		case !bad[i] && (se.full || se.d.sendOnly) && p.last > se.acks[p.origin]:
			se.acks[p.origin] = p.last
			found = true
		}
	}
	return found
}

// takeParts applies credentials, receipts, pages and segments, in the order in
// which they lean on each other.
func (se *session) takeParts(ctx context.Context, in *intake, a *syncproto.Answer) error {
	for _, c := range a.Credentials {
		if err := in.takeCredential(ctx, c); err != nil {
			return err
		}
	}
	if err := in.takeReceipts(ctx, a.Receipts); err != nil {
		return err
	}
	for _, b := range a.Pages {
		if err := in.takePage(ctx, b); err != nil {
			return err
		}
	}
	if err := in.takeLoneRulings(ctx, a.Rulings); err != nil {
		return err
	}
	for _, b := range a.Segments {
		if err := in.takeSegment(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// takeHeads compares what the server holds of this device's origins with what
// is here, and acts on what that gives away.
func (se *session) takeHeads(ctx context.Context, in *intake, out *outgoing, a *syncproto.Answer, bad map[int]bool, took time.Duration) (moved bool, err error) {
	d, peer := se.d, se.server.origin()
	own, err := d.log.AllHeads(ctx, in.q)
	if err != nil {
		return false, err
	}
	before := make(map[syncproto.OriginID]syncproto.Heads)
	for _, o := range own {
		before[o.Origin], _ = se.asker.Known(o.Origin)
	}
	var failed error
	at := func(id syncproto.OriginID, seq uint64) (syncproto.Heads, bool) {
		h, ok, err := d.log.HeadsAt(ctx, in.q, id, seq)
		if err != nil {
			failed = err
		}
		return h, ok
	}
	signed := func(id syncproto.OriginID) uint64 {
		last, err := signedUpTo(ctx, in.q, id, peer)
		if err != nil {
			failed = err
		}
		return last
	}
	findings := se.asker.Answered(a.Heads, own, at, signed, took)
	if failed != nil {
		return false, failed
	}
	for _, f := range findings {
		if err := se.act(ctx, in, f); err != nil {
			return false, err
		}
	}
	for _, o := range own {
		known, ok := se.asker.Known(o.Origin)
		if !ok || known == before[o.Origin] {
			continue
		}
		moved = true
		if err := putPeerHead(ctx, in.q, peer, o.Origin, known); err != nil {
			return false, err
		}
	}
	return moved, se.dropDelivered(ctx, in, out, a, bad)
}

// act does what a finding asks for.
func (se *session) act(ctx context.Context, in *intake, f exchange.Finding) error {
	d := se.d
	switch f.Kind {
	case exchange.WeWereRestored:
		if f.Origin != d.Origin() {
			return nil
		}
		in.renewed = true
		return d.beginOrigin(ctx, in.q, &se.link)
	case exchange.PeerWasRestored:
		se.report.PeerBehind = true
		return se.peerLost(ctx, in, f)
	}
	return nil
}

// peerLost takes back what a peer had signed for and no longer holds: its
// receipts, and the custody that rests on them.
func (se *session) peerLost(ctx context.Context, in *intake, f exchange.Finding) error {
	peer := se.server.origin()
	if err := dropReceipts(ctx, in.q, f.Origin, peer, f.Theirs.Seq); err != nil {
		return err
	}
	lost := []changelog.Run{{First: f.Theirs.Seq + 1, Last: f.Ours.Seq}}
	if peer != se.link.centreOrigin() {
		// A point says nothing about what has reached the centre.
		var err error
		if lost, err = se.d.log.Below(ctx, in.q, f.Origin, syncproto.MarkReceived); err != nil {
			return err
		}
	}
	for _, r := range lost {
		if r.First = max(r.First, f.Theirs.Seq+1); r.First > r.Last {
			continue
		}
		if err := se.d.lower(ctx, in.q, f.Origin, r); err != nil {
			return err
		}
	}
	return nil
}

// beginOrigin opens a new origin for new changes. The old origins keep their
// changes, which are still sent; the identity that the credential is for goes on
// signing requests and vouches for the new origin.
func (d *Device) beginOrigin(ctx context.Context, q changelog.Querier, l *link) error {
	id, err := d.log.NewOrigin(ctx, q)
	if err != nil {
		return err
	}
	next, _ := d.log.Key(id)
	old, _ := d.log.Key(l.identity)
	chain, err := credential.Handover(old, l.chain, l.centre, publicOf(next))
	if err != nil {
		return err
	}
	if err := putChain(ctx, q, id, chain); err != nil {
		return err
	}
	if _, err := q.ExecContext(ctx, `UPDATE device SET restored = restored + 1`); err != nil {
		return fmt.Errorf("noting a new origin: %w", err)
	}
	return nil
}

func putPeerHead(ctx context.Context, q changelog.Querier, peer, origin syncproto.OriginID, h syncproto.Heads) error {
	_, err := q.ExecContext(ctx, `INSERT INTO peer_head (peer, origin, seq, open, closed) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (peer, origin) DO UPDATE SET seq = excluded.seq, open = excluded.open, closed = excluded.closed`,
		peer[:], origin[:], int64(h.Seq), h.Open[:], h.Closed[:])
	if err != nil {
		return fmt.Errorf("noting what the server holds: %w", err)
	}
	return nil
}

// takeState notes the newest signed time and how far the clocks differ.
func (se *session) takeState(ctx context.Context, in *intake, a *syncproto.Answer, nowMS int64) error {
	_, err := in.q.ExecContext(ctx, `UPDATE device SET clock_offset_ms = $1`, nowMS-a.NowMS)
	if err == nil && a.Beacon != (syncproto.BeaconMark{}) {
		_, err = in.q.ExecContext(ctx, `UPDATE device SET beacon_ms = $1, beacon_tag = $2 WHERE beacon_ms < $1`, a.Beacon.MS, a.Beacon.Tag[:])
	}
	if err != nil {
		return fmt.Errorf("noting the server's time: %w", err)
	}
	return nil
}

// takeSealKey follows a hint that the centre's keys changed: only the server's
// notice counts, in which the centre signed them.
func (se *session) takeSealKey(ctx context.Context) error {
	if se.resealed {
		return nil
	}
	se.resealed = true
	return se.takeNotice(ctx, nil)
}
