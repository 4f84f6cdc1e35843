package ingest

import (
	"bytes"
	"context"
	"math"
	"slices"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// ownMark is the mark that this server gives for what it has just stored.
func (s *Service) ownMark() syncproto.Mark {
	if s.atCentre() {
		return syncproto.MarkReceived
	}
	return syncproto.MarkCommune
}

// receipts signs a receipt for every run of the origins that this transaction
// touched. The newest receipt of a run covers the older ones and tells the
// present outcome of all its changes.
func (ses *session) receipts() error {
	ids := make([]syncproto.OriginID, 0, len(ses.touched))
	for id := range ses.touched {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b syncproto.OriginID) int { return bytes.Compare(a[:], b[:]) })
	for _, id := range ids {
		t, err := ses.topology(id)
		if err != nil {
			return err
		}
		if !ses.s.atCentre() {
			if err := ses.placeLate(id); err != nil {
				return err
			}
		}
		for i := range t.runs {
			if err := ses.give(&t.runs[i], t.runs[i].Last, ses.s.ownMark()); err != nil {
				return err
			}
		}
	}
	return nil
}

// readBegin finds out when this history began: no receipt of it is older, also
// where the clock was set back.
func (ses *session) readBegin() error {
	if ses.beganMS != 0 {
		return nil
	}
	epoch, err := ses.epoch()
	ses.beganMS = max(1, syncproto.EpochStart(epoch))
	return err
}

// Reissue gives new receipts for all that is held, after a new history has begun
// in which the old ones do not count.
func (s *Service) Reissue(ctx context.Context) error {
	var ids []syncproto.OriginID
	err := s.cfg.Store.View(ctx, func(r store.Reader) error {
		return r.EachRun(func(run store.Run) error {
			if n := len(ids); n == 0 || ids[n-1] != run.Origin {
				ids = append(ids, run.Origin)
			}
			return nil
		})
	})
	for some := range slices.Chunk(ids, originsAtOnce) {
		if err != nil {
			break
		}
		err = s.submit(ctx, func(ses *session) error {
			for _, id := range some {
				ses.touched[id] = true
			}
			return nil
		})
	}
	return err
}

// originsAtOnce bounds how many origins one transaction gives receipts for.
const originsAtOnce = 200

// maxExceptions is how many exceptions fit one receipt.
const maxExceptions = 1000

// give signs what is held of a run up to the given heads. Where there are more
// exceptions than one receipt can name, it gives several that end where stored
// segments end.
func (ses *session) give(r *store.Run, to syncproto.Heads, mark syncproto.Mark) error {
	list, err := ses.sign(r, to, mark)
	if err != nil {
		return err
	}
	for _, rc := range list {
		if err := ses.put(r.Branch, rc); err != nil {
			return err
		}
	}
	return nil
}

// sign makes the receipts of give.
func (ses *session) sign(r *store.Run, to syncproto.Heads, mark syncproto.Mark) ([]*syncproto.Receipt, error) {
	if err := ses.readBegin(); err != nil {
		return nil, err
	}
	r, lines, err := ses.fromTheStart(r)
	if err != nil {
		return nil, err
	}
	var all []syncproto.Exception
	for _, l := range lines {
		if l.Outcome != syncproto.OutcomeAccepted && l.First <= to.Seq && l.Last >= r.First {
			all = append(all, syncproto.Exception{First: max(l.First, r.First), Last: min(l.Last, to.Seq), Outcome: l.Outcome, Reason: l.Reason})
		}
	}
	first, err := ses.afterWitness(r, mark)
	if err != nil || first > to.Seq {
		return nil, err
	}
	_, all = splitExceptions(all, first-1)
	var out []*syncproto.Receipt
	for len(all) > maxExceptions {
		end, err := ses.cutBefore(r, first, all[maxExceptions].First)
		if err != nil {
			return nil, err
		}
		var here []syncproto.Exception
		here, all = splitExceptions(all, end.Seq)
		out = append(out, ses.receipt(r.Origin, first, end, mark, here))
		first = end.Seq + 1
	}
	return append(out, ses.receipt(r.Origin, first, to, mark, all)), nil
}

// afterWitness gives the first change of a run that a new receipt is to cover. A
// point keeps the receipt that it gave a device before it knew that the device
// was revoked: it proves what lies before the cut. Later changes get their own,
// and none while the point itself blocks the device.
func (ses *session) afterWitness(r *store.Run, mark syncproto.Mark) (uint64, error) {
	rv := ses.s.rulings.revocation(r.Origin)
	switch {
	case ses.s.atCentre():
		return r.First, nil
	case rv == nil && ses.isBlocked(r.Origin):
		return math.MaxUint64, nil
	case rv == nil:
		return r.First, nil
	}
	row, found, err := ses.tx.Receipt(store.ReceiptKey{Origin: r.Origin, Branch: r.Branch, First: r.First, Mark: mark, Issuer: ses.s.id})
	if err != nil || !found {
		return r.First, err
	}
	old, err := syncproto.DecodeReceipt(row.Data)
	if err != nil || old.Ruled >= rv.first {
		return r.First, err
	}
	return old.Last + 1, nil
}

// splitExceptions parts exceptions after a change.
func splitExceptions(all []syncproto.Exception, after uint64) (left, right []syncproto.Exception) {
	for _, e := range all {
		if e.First <= after {
			l := e
			l.Last = min(l.Last, after)
			left = append(left, l)
		}
		if e.Last > after {
			e.First = max(e.First, after+1)
			right = append(right, e)
		}
	}
	return left, right
}

// cutBefore finds the last end of a stored segment of the run below seq.
func (ses *session) cutBefore(r *store.Run, from, seq uint64) (syncproto.Heads, error) {
	var best syncproto.Heads
	rows, err := ses.tx.Segments(store.SegmentQuery{Origin: r.Origin, From: from, To: seq, HeadersOnly: true})
	if err != nil {
		return best, err
	}
	t := ses.topo[r.Origin]
	for _, row := range rows {
		if row.Last >= from && row.Last < seq && row.Last > best.Seq && t.home(row.Branch, row.Last) == t.home(r.Branch, row.Last) {
			best = row.After
		}
	}
	if best.Seq == 0 {
		// A segment has at most maxExceptions changes, so one ends in between.
		return best, syncproto.Errorf(syncproto.CodeInternal, "no segment of origin %s ends between changes %d and %d: verify the database", r.Origin, from, seq)
	}
	return best, nil
}

func (ses *session) receipt(id syncproto.OriginID, first uint64, to syncproto.Heads, mark syncproto.Mark, exceptions []syncproto.Exception) *syncproto.Receipt {
	r := &syncproto.Receipt{
		IssuedMS: max(ses.nowMS, ses.beganMS), Mark: mark, Ruled: ses.s.rulings.last, Origin: id, First: first, Last: to.Seq, Open: to.Open, Closed: to.Closed, Exceptions: exceptions,
	}
	r.Sign(ses.s.cfg.Trust.Key())
	return r
}

func (ses *session) put(branch uint32, r *syncproto.Receipt) error {
	_, err := ses.tx.PutReceipt(store.Receipt{
		ReceiptKey: store.ReceiptKey{Origin: r.Origin, Branch: branch, First: r.First, Mark: r.Mark, Issuer: ses.s.id},
		Last:       r.Last, Data: r.Encode(),
	})
	return err
}

// repeated gives receipts for a segment all of which was held already, where the
// receipts that are stored end beyond it: who sent it may not know what follows,
// and so cannot tell whether they are about its changes.
func (ses *session) repeated(p *prepared) ([][]byte, error) {
	r, held, err := ses.holding(p.origin, p.seg.After)
	if err != nil || !held || r.Last.Seq == p.seg.Last() {
		return nil, err
	}
	if err := ses.flush(); err != nil {
		return nil, err
	}
	list, err := ses.sign(r, p.seg.After, ses.s.ownMark())
	var out [][]byte
	for _, rc := range list {
		out = append(out, rc.Encode())
	}
	return out, err
}

// dropReceipts forgets the receipts of a run that is no more. Those of a branch
// begin before its run, with what it shares. A point keeps them, because the
// oldest prove what came before a revocation: it finds their branch anew.
func (ses *session) dropReceipts(origin syncproto.OriginID, r *store.Run) error {
	if !ses.s.atCentre() {
		return nil
	}
	rows, err := ses.tx.Receipts(store.ReceiptQuery{Origins: []syncproto.OriginID{origin}})
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.Issuer != ses.s.id || row.Branch != r.Branch || row.First > r.Last.Seq || row.Last < r.First {
			continue
		}
		if err := ses.tx.DeleteReceipt(row.ReceiptKey); err != nil {
			return err
		}
	}
	return nil
}

// MarkSafe gives safe receipts for what the heads cover, after a backup that
// holds it was verified. Heads that are not held here are passed over. Centre
// only.
func (s *Service) MarkSafe(ctx context.Context, heads []syncproto.OriginHeads) error {
	if !s.atCentre() {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "only the centre calls changes safe")
	}
	for some := range slices.Chunk(heads, originsAtOnce) {
		err := s.submit(ctx, func(ses *session) error {
			for _, h := range some {
				if err := ses.markSafe(h); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (ses *session) markSafe(h syncproto.OriginHeads) error {
	r, ok, err := ses.holding(h.Origin, h.Heads)
	if err != nil || !ok {
		return err
	}
	if err := ses.flush(); err != nil {
		return err
	}
	return ses.give(r, h.Heads, syncproto.MarkSafe)
}

// holding finds the run that a position lies in.
func (ses *session) holding(origin syncproto.OriginID, h syncproto.Heads) (*store.Run, bool, error) {
	o, err := ses.origin(origin)
	if err != nil || o == nil {
		return nil, false, err
	}
	t, err := ses.topology(origin)
	if err != nil {
		return nil, false, err
	}
	for i := range t.runs {
		r := &t.runs[i]
		if h.Seq < r.First || h.Seq > r.Last.Seq {
			continue
		}
		state := headsHashes(r.Last)
		if h.Seq != r.Last.Seq {
			if state, err = ses.stateAt(o, t, r, h.Seq); err != nil {
				return nil, false, err
			}
		}
		if !state.differ(headsHashes(h)) {
			return r, true, nil
		}
	}
	return nil, false, nil
}

// acceptReceipt takes a receipt of another server in: the centre's to be passed
// on, a point's as a witness of arrival.
func (ses *session) acceptReceipt(data []byte) error {
	r, err := syncproto.DecodeReceipt(data)
	if err != nil {
		return err
	}
	_, _, centres := ses.s.cfg.Trust.Centre().KeyOf(r.Issuer)
	switch {
	case r.Issuer == ses.s.id, centres && ses.s.atCentre():
		return ses.ownReceipt(r)
	case centres:
		return ses.centreReceipt(r, data)
	}
	issuer, err := ses.origin(r.Issuer)
	if err != nil {
		return err
	}
	if issuer == nil || issuer.Role != credential.RolePoint {
		return syncproto.Errorf(syncproto.CodeUnknownPeer, "receipt of issuer %s, which is no point known here", r.Issuer)
	}
	if err := r.Verify(issuer.Key); err != nil {
		return err
	}
	if r.Mark != syncproto.MarkCommune {
		return syncproto.Errorf(syncproto.CodeForeignKey, "receipt of point %s with the mark of the centre", r.Issuer)
	}
	w := store.Witness{Issuer: r.Issuer, Origin: r.Origin, First: r.First, Last: r.Last, IssuedMS: r.IssuedMS, Data: data}
	if err := ses.tx.AddWitness(w); err != nil {
		return err
	}
	if err := ses.witnessed(r); err != nil {
		return err
	}
	o, err := ses.origin(r.Origin)
	if err != nil || o == nil {
		return err
	}
	return ses.extendCut(o)
}

// CounterRestored counts receipts that carry our signature but that we do not
// remember: we were restored from a backup.
const CounterRestored = "receipts-of-lost-history"

// ownReceipt looks at a receipt that we signed ourselves.
func (ses *session) ownReceipt(r *syncproto.Receipt) error {
	if ses.s.atCentre() {
		if _, err := ses.s.cfg.Trust.Centre().VerifyReceipt(r); err != nil {
			return err
		}
	}
	_, held, err := ses.holding(r.Origin, syncproto.Heads{Seq: r.Last, Open: r.Open, Closed: r.Closed})
	if err != nil || held {
		return err
	}
	_, err = ses.tx.AddCounter(CounterRestored, 1)
	return err
}

// witnessed lowers the latest time of changes that a point has witnessed
// earlier than they were known here.
func (ses *session) witnessed(r *syncproto.Receipt) error {
	o, err := ses.origin(r.Origin)
	if err != nil || o == nil {
		return err
	}
	t, err := ses.topology(r.Origin)
	if err != nil || len(t.runs) == 0 {
		return err
	}
	others, err := ses.tx.Witnesses(r.Origin, r.First)
	if err != nil {
		return err
	}
	from := unwitnessed(others, r, r.First)
	for i := range t.runs {
		first, last := max(t.runs[i].First, from), min(t.runs[i].Last.Seq, r.Last)
		if first > last {
			continue
		}
		if err := ses.lowerLatest(o, t.runs[i].Branch, first, last, r.IssuedMS); err != nil {
			return err
		}
	}
	return nil
}
