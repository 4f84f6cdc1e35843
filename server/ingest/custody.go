package ingest

import (
	"slices"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// centreReceipt keeps a receipt of the centre for its origin.
func (ses *session) centreReceipt(r *syncproto.Receipt, data []byte) error {
	if _, err := ses.s.cfg.Trust.Centre().VerifyReceipt(r); err != nil {
		return err
	}
	lost, err := ses.ofLostHistory(r)
	if err != nil || lost {
		return err
	}
	run, held, err := ses.placeOf(r)
	if err != nil {
		return err
	}
	if !held {
		return ses.keepUnplaced(r, data)
	}
	return ses.placeReceipt(r, data, run, ses.s.centre)
}

// placeOf finds the run that a receipt ends on. A run beyond a gap may be of
// another branch than the one below the gap, for whose continuation it is taken,
// so a receipt from below the gap has no place there.
func (ses *session) placeOf(r *syncproto.Receipt) (*store.Run, bool, error) {
	run, held, err := ses.holding(r.Origin, syncproto.Heads{Seq: r.Last, Open: r.Open, Closed: r.Closed})
	if err != nil || !held || r.First >= run.First {
		return run, held, err
	}
	below := slices.ContainsFunc(ses.topo[r.Origin].runs, func(o store.Run) bool { return o.Branch == run.Branch && o.First < run.First })
	return run, !below || ses.topo[r.Origin].whole(run), nil
}

// placeReceipt keeps a receipt that ends on a run. Where the centre gave it, sealed
// bytes go that are safe there. One over less than a receipt that is kept
// already says nothing new: where an outcome changes, all receipts come anew.
func (ses *session) placeReceipt(r *syncproto.Receipt, data []byte, run *store.Run, issuer syncproto.OriginID) error {
	key := store.ReceiptKey{Origin: r.Origin, Branch: run.Branch, First: r.First, Mark: r.Mark, Issuer: issuer}
	old, found, err := ses.tx.Receipt(key)
	if err != nil {
		return err
	}
	if found {
		have, err := syncproto.DecodeReceipt(old.Data)
		if err != nil {
			return err
		}
		lost, err := ses.ofLostHistory(have)
		if err != nil {
			return err
		}
		if !lost && have.Last > r.Last || have.Last == r.Last && have.IssuedMS > r.IssuedMS {
			return nil // came late, by a slower way
		}
	}
	if _, err := ses.tx.PutReceipt(store.Receipt{ReceiptKey: key, Last: r.Last, Data: data}); err != nil {
		return err
	}
	if issuer == ses.s.id {
		return nil
	}
	return ses.dropSealed(r, run)
}

// ofLostHistory tells whether a receipt is of a history that the centre has lost
// the end of, as far as its feeds tell here.
func (ses *session) ofLostHistory(r *syncproto.Receipt) (bool, error) {
	head, err := ses.tx.FeedHead(syncproto.CommonFeed)
	return r.OfLostHistory(head.Epoch), err
}

// maxUnplaced is how many receipts of one mark a point keeps for one origin that
// end where it holds nothing.
const maxUnplaced = 4

// keepUnplaced keeps a receipt of which it is not known here which branch it is
// about. It is passed on, and counts once its end is held.
func (ses *session) keepUnplaced(r *syncproto.Receipt, data []byte) error {
	list, err := ses.copies(r.Origin, false)
	if err != nil {
		return err
	}
	key := store.ReceiptKey{Origin: r.Origin, Branch: store.Unplaced, First: r.First, Mark: r.Mark, Issuer: ses.s.centre}
	oldest, used := r.IssuedMS, make(map[uint32]bool)
	full := true
	for _, u := range list {
		if u.receipt.Mark != r.Mark {
			continue
		}
		if u.receipt.Last == r.Last && u.receipt.Open == r.Open && u.receipt.Closed == r.Closed && u.row.First == r.First {
			if u.receipt.IssuedMS > r.IssuedMS {
				return nil
			}
			key, full = u.row.ReceiptKey, false
			break
		}
		used[u.row.Branch] = true
		if u.receipt.IssuedMS < oldest {
			oldest, key = u.receipt.IssuedMS, u.row.ReceiptKey
		}
	}
	if full && len(used) < maxUnplaced {
		key = store.ReceiptKey{Origin: r.Origin, Branch: store.Unplaced, First: r.First, Mark: r.Mark, Issuer: ses.s.centre}
		for used[key.Branch] {
			key.Branch++
		}
	} else if full {
		if oldest == r.IssuedMS {
			return nil
		}
		if err := ses.tx.DeleteReceipt(key); err != nil {
			return err
		}
		key.First = r.First
	}
	_, err = ses.tx.PutReceipt(store.Receipt{ReceiptKey: key, Last: r.Last, Data: data})
	return err
}

// kept is a stored receipt.
type kept struct {
	row     store.Receipt
	receipt *syncproto.Receipt
}

// copies lists the receipts that are kept for an origin: all, or those whose
// branch is not known.
func (ses *session) copies(id syncproto.OriginID, all bool) ([]kept, error) {
	rows, err := ses.tx.Receipts(store.ReceiptQuery{Origins: []syncproto.OriginID{id}})
	if err != nil {
		return nil, err
	}
	var out []kept
	for _, row := range rows {
		if !all && row.Branch < store.Unplaced {
			continue
		}
		r, err := syncproto.DecodeReceipt(row.Data)
		if err != nil {
			return nil, err
		}
		out = append(out, kept{row, r})
	}
	return out, nil
}

// placeLate gives receipts their branch whose end has come to be held; all of
// them, where branches were numbered anew.
func (ses *session) placeLate(id syncproto.OriginID) error {
	list, err := ses.copies(id, ses.moved[id])
	if err != nil {
		return err
	}
	for _, u := range list {
		if ses.moved[id] {
			if err := ses.tx.DeleteReceipt(u.row.ReceiptKey); err != nil {
				return err
			}
		}
	}
	for _, u := range list {
		run, held, err := ses.placeOf(u.receipt)
		if err != nil {
			return err
		}
		if !held {
			if ses.moved[id] {
				err = ses.keepUnplaced(u.receipt, u.row.Data)
			}
			if err != nil {
				return err
			}
			continue
		}
		if err := ses.tx.DeleteReceipt(u.row.ReceiptKey); err != nil {
			return err
		}
		if err := ses.placeReceipt(u.receipt, u.row.Data, run, u.row.Issuer); err != nil {
			return err
		}
	}
	return nil
}

// dropSealed lets the sealed part of stored segments go that the receipt calls
// safe from the first change to the last, and of those with an erased record
// what it calls received.
func (ses *session) dropSealed(r *syncproto.Receipt, run *store.Run) error {
	t := ses.topo[r.Origin]
	rows, err := ses.tx.Segments(store.SegmentQuery{Origin: r.Origin, From: r.First, To: r.Last, HeadersOnly: true})
	if err != nil {
		return err
	}
	for _, row := range rows {
		if !row.Sealed || t.home(row.Branch, row.Last) != t.home(run.Branch, row.Last) || !coversAll(r, row.First, row.Last) {
			continue
		}
		if r.Mark < syncproto.MarkSafe {
			if due, err := ses.sealsErased(row); err != nil || !due {
				if err != nil {
					return err
				}
				continue
			}
		}
		full, ok, err := ses.tx.Segment(row.ID)
		if err != nil || !ok {
			return err
		}
		if err := ses.unseal(full); err != nil {
			return err
		}
	}
	return nil
}

func coversAll(r *syncproto.Receipt, first, last uint64) bool {
	for seq := first; seq <= last; seq++ {
		if !r.Covers(seq) {
			return false
		}
	}
	return true
}
