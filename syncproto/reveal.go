package syncproto

import (
	"thonsync/syncproto/squeeze"
)

// Revealed is what whoever holds some sealing keys can read of a segment.
type Revealed struct {
	Operational []Row
	Personal    []Row
	Salts       []Salt
	// Plain is the opened seal as it was before decompression, with the salt
	// secrets in it. It is nil if no key opened the seal.
	Plain []byte
}

// Reveal reads as much of a segment as the keys allow and checks nothing, not
// even the signature: it is for those who look for what should be gone, and a
// copy that was tampered with can still give it away. Nothing else may use it.
func (s *Segment) Reveal(keys Keyring) Revealed {
	var out Revealed
	if cols, err := squeeze.Decompress(s.open, squeezeLimits()); err == nil {
		r := &columnReader{cols: cols}
		headers := decodeTable(r, s.Count(), ownRecords(nil))
		out.Operational = append(headers, decodeTable(r, s.Count(), nil)...)
	}
	if s.sealed == nil {
		return out
	}
	key, ok := keys(s.SealKey())
	if !ok {
		return out
	}
	plain, err := openSeal(key, []byte(domainSegment), s.sealContext(), s.sealed[4:36], s.sealed[36:])
	if err != nil {
		return out
	}
	out.Plain = plain
	if p, err := s.decodePersonals(plain); err == nil {
		out.Personal, out.Salts = p.Rows, p.Salts
	}
	return out
}

// SegmentLength gives how many of the leading octets of b make up a segment,
// and false if they are none. It checks the frame only.
func SegmentLength(b []byte) (int, bool) {
	r := reader{buf: b}
	if magic := r.take(4); r.err != nil || string(magic) != string(segmentMagic[:]) {
		return 0, false
	}
	r.take(16)
	r.uvarint()
	r.count(MaxSegmentChanges, "changes in a segment")
	r.take(4*len(Hash{}) + 64)
	r.bytes(MaxSegmentBytes)
	switch r.byte() {
	case sealFormHash:
		r.take(len(Hash{}))
	case sealFormBytes:
		r.bytes(MaxSegmentBytes)
	default:
		return 0, false
	}
	return len(b) - r.left(), r.err == nil
}

// RowLength gives how many of the leading octets of b make up a canonical row
// of at least one field, 0 if they are none.
func RowLength(b []byte) int {
	r := reader{buf: b}
	if row := r.row(); r.err != nil || len(row) == 0 {
		return 0
	}
	return len(b) - r.left()
}
