package ingest

import (
	"bytes"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
)

const saltBytes = len(syncproto.Salt{})

// eraseRecord drops the personal rows and salts of a record and leaves a
// tombstone that covers changes still to come. The chains still verify: their
// commitments stay, and without the salt nothing can be guessed from them.
func (ses *session) eraseRecord(id uuid.UUID) error {
	if err := ses.erasing(); err != nil {
		return err
	}
	f, err := ses.openFile(id)
	if err != nil {
		return err
	}
	if err := ses.eraseInRegisters(f); err != nil {
		return err
	}
	f.rec.Erased = true
	for i := range f.entries {
		e := &f.entries[i]
		ses.gone(e.cipher)
		if err := ses.eachHolding(e, ses.dropPersonal); err != nil {
			return err
		}
		if err := ses.dropTwins(e); err != nil {
			return err
		}
	}
	return ses.settle(f, true)
}

// eachHolding calls do for every stored segment that holds the change, with its
// place in it.
func (ses *session) eachHolding(e *Entry, do func(row store.Segment, at int) error) error {
	o, err := ses.origin(e.Change.Origin)
	if err != nil || o == nil {
		return err
	}
	seq := e.Change.Seq
	rows, err := ses.tx.Segments(store.SegmentQuery{Origin: o.ID, From: seq, To: seq})
	if err != nil {
		return err
	}
	for _, row := range rows {
		u, err := ses.unpacked(row.ID, o.Key)
		if err != nil {
			return err
		}
		at := int(seq - row.First)
		if u.changes[at].Open.Prefix() != e.Open {
			continue
		}
		if err := do(row, at); err != nil {
			return err
		}
	}
	return nil
}

// dropTwins lets go of the salts at the number of an erased change on the other
// branches of its origin: see clearErased.
func (ses *session) dropTwins(e *Entry) error {
	t, err := ses.topology(e.Change.Origin)
	if err != nil || !t.forked() {
		return err
	}
	seq := e.Change.Seq
	rows, err := ses.tx.Segments(store.SegmentQuery{Origin: e.Change.Origin, From: seq, To: seq})
	if err != nil {
		return err
	}
	for _, row := range rows {
		at := int(seq-row.First) * saltBytes
		if len(row.Salts) < at+saltBytes || bytes.Equal(row.Salts[at:at+saltBytes], make([]byte, saltBytes)) {
			continue
		}
		if err := ses.erasing(); err != nil {
			return err
		}
		ses.gone(row.Salts[at : at+saltBytes])
		clear(row.Salts[at : at+saltBytes])
		if err := ses.tx.SetSegment(row); err != nil {
			return err
		}
		delete(ses.cache, row.ID)
	}
	return nil
}

// dropPersonal lets go of what a stored segment has of the personal row of one
// change: its salt at the centre, and at a point the sealed bytes, as soon as the
// centre has received what else is sealed with it.
func (ses *session) dropPersonal(row store.Segment, at int) error {
	if end := (at + 1) * saltBytes; len(row.Salts) >= end {
		salt := row.Salts[end-saltBytes : end]
		ses.gone(salt)
		clear(salt)
		if err := ses.tx.SetSegment(row); err != nil {
			return err
		}
		delete(ses.cache, row.ID)
	}
	if !row.Sealed || ses.s.atCentre() {
		return nil
	}
	covered, err := ses.underReceipt(&row, syncproto.MarkReceived)
	if err != nil || !covered {
		return err
	}
	return ses.unseal(row)
}

// unseal lets go of the sealed bytes of a stored segment.
func (ses *session) unseal(row store.Segment) error {
	seg, err := syncproto.ParseSegment(row.Data)
	if err != nil {
		return err
	}
	row.Data, row.Sealed = seg.EncodeOpen(), false
	delete(ses.cache, row.ID)
	return ses.tx.SetSegment(row)
}

// underReceipt tells whether the centre's receipts say of every change of a
// segment that it is held under mark or a higher one.
func (ses *session) underReceipt(row *store.Segment, mark syncproto.Mark) (bool, error) {
	t, err := ses.topology(row.Origin)
	if err != nil {
		return false, err
	}
	branch := t.home(row.Branch, row.Last)
	list, err := ses.tx.Receipts(store.ReceiptQuery{Origins: []syncproto.OriginID{row.Origin}})
	if err != nil {
		return false, err
	}
	for _, stored := range list {
		if stored.Issuer != ses.s.centre || stored.Branch != branch || stored.Mark < mark {
			continue
		}
		r, err := syncproto.DecodeReceipt(stored.Data)
		if err != nil {
			return false, err
		}
		if coversAll(r, row.First, row.Last) {
			return true, nil
		}
	}
	return false, nil
}

// holdsErased tells whether one of the changes belongs to an erased record.
func (ses *session) holdsErased(changes []syncproto.OpenChange) bool {
	if len(ses.s.rulings.erased) == 0 {
		return false
	}
	for i := range changes {
		if ses.s.rulings.erased[recordOf(&changes[i])] {
			return true
		}
	}
	return false
}

// forgetSalts leaves out of a segment's salts those of changes whose record was
// erased: they must not come with a late change or come back with a copy.
func (ses *session) forgetSalts(p *prepared, row *store.Segment, o *store.Origin) error {
	if row.Salts == nil || len(ses.s.rulings.erased) == 0 {
		return nil
	}
	row.Salts = append([]byte(nil), row.Salts...)
	ses.clearErased(row, p.changes, p.in.first)
	t, err := ses.topology(o.ID)
	if err != nil || !t.forked() {
		return err
	}
	rows, err := ses.tx.Segments(store.SegmentQuery{Origin: o.ID, From: p.in.first, To: p.in.last, HeadersOnly: true})
	if err != nil {
		return err
	}
	for _, other := range rows {
		u, err := ses.unpacked(other.ID, o.Key)
		if err != nil {
			return err
		}
		ses.clearErased(row, u.changes, other.First)
	}
	return nil
}

// clearErased drops the salts of a segment at the numbers of changes from first
// on that belong to erased records. These may be of another branch: copies of a
// device share the secret of their salts, so at one number they have one salt.
func (ses *session) clearErased(row *store.Segment, changes []syncproto.OpenChange, first uint64) {
	for i := range changes {
		seq := first + uint64(i)
		if seq < row.First || seq > row.Last || !ses.s.rulings.erased[recordOf(&changes[i])] {
			continue
		}
		at := int(seq-row.First) * saltBytes
		clear(row.Salts[at : at+saltBytes])
	}
}

// keepSealed tells whether sealed bytes that were not opened are to be kept. The
// centre keeps those that wait for a key; what does not open with a key that is
// at hand never will. A point keeps them until they are safe at the centre, or
// received there if an erased record is among them.
func (ses *session) keepSealed(p *prepared, row *store.Segment) (bool, error) {
	if ses.s.atCentre() {
		return *p.unreadable != "", nil
	}
	mark := syncproto.MarkSafe
	if ses.holdsErased(p.changes) {
		mark = syncproto.MarkReceived
	}
	covered, err := ses.underReceipt(row, mark)
	return !covered, err
}

// sealsErased tells whether a stored segment seals a change of an erased record.
// If so it is about to be let go.
func (ses *session) sealsErased(row store.Segment) (bool, error) {
	o, err := ses.origin(row.Origin)
	if err != nil || o == nil || len(ses.s.rulings.erased) == 0 {
		return false, err
	}
	u, err := ses.unpacked(row.ID, o.Key)
	if err != nil || !ses.holdsErased(u.changes) {
		return false, err
	}
	return true, ses.erasing()
}
