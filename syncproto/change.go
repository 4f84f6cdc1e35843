package syncproto

import (
	"slices"

	"github.com/google/uuid"
)

// Op is what a change does to its record.
type Op uint8

// The operations.
const (
	OpCreate Op = 1 // makes a new record; its id follows from the change itself
	OpSet    Op = 2 // sets fields of an existing record
	OpVoid   Op = 3 // retracts the record; the reason is in the operational row
)

// Compartment is one of the two parts of a change.
type Compartment uint8

// The compartments.
const (
	Operational Compartment = 0 // what was done, where, by whom, when, with what result
	Personal    Compartment = 1 // who the citizen is; sealed to the centre
)

// RefOpenBytes is how much of the target's open hash a reference carries.
const RefOpenBytes = 16

// Ref points at a change of another origin, or of another branch of one's own.
// Because it carries the target's hash it proves that its author saw the target
// and it can only point backwards.
type Ref struct {
	Origin OriginID
	Seq    uint64
	Open   [RefOpenBytes]byte
}

// BeaconMark says which signed time beacon an author had last seen: the
// centre's time in Unix ms and a tag that nobody can guess beforehand. The zero
// mark means none.
type BeaconMark struct {
	MS  int64
	Tag [8]byte
}

// Header is the operational frame of a change.
type Header struct {
	Schema     uint32     // version of the collection definitions the author's program knew
	Collection uint32     // see the Collection constants
	Op         Op         //
	Record     uuid.UUID  // uuid.Nil for OpCreate
	StampMS    int64      // the phone's own wall time, Unix ms; never decides anything alone
	Author     uuid.UUID  // the member who acted, as the device claims
	Nonce      []byte     // 8 random bytes in the first change after each opening of a store
	Beacon     BeaconMark // last signed time the author had seen
	Refs       [2][]Ref   // superseded changes, by compartment
	Extra      Row        // header fields of newer versions, kept and hashed as they are
}

// Change is one entry of a change log.
type Change struct {
	Origin      OriginID
	Seq         uint64
	Header      Header
	Operational Row
	// Personal is nil where the replica cannot read it.
	Personal Row
}

// Header field numbers. Numbers from headerKnown on are unknown here.
const (
	hSchema     = 1
	hCollection = 2
	hOp         = 3
	hRecord     = 4
	hStamp      = 5
	hAuthor     = 6
	hNonce      = 7
	hBeaconMS   = 8
	hBeaconTag  = 9
	hRefs       = 10 // operational; hRefs+1 is personal
	headerKnown = 12
)

// NonceBytes is the length of Header.Nonce where it is present.
const NonceBytes = 8

// Row gives the canonical row of the header: the form that is hashed and
// travels. Zero values are left out, so there is one form per header.
func (h *Header) Row() Row {
	r := make(Row, 0, 8+len(h.Extra))
	add := func(num uint32, v Value) { r = append(r, Field{num, v}) }
	add(hSchema, IntValue(int64(h.Schema)))
	add(hCollection, IntValue(int64(h.Collection)))
	add(hOp, IntValue(int64(h.Op)))
	if h.Record != uuid.Nil {
		add(hRecord, UUIDValue(h.Record))
	}
	add(hStamp, IntValue(h.StampMS))
	if h.Author != uuid.Nil {
		add(hAuthor, UUIDValue(h.Author))
	}
	if len(h.Nonce) > 0 {
		add(hNonce, BytesValue(h.Nonce))
	}
	if h.Beacon != (BeaconMark{}) {
		add(hBeaconMS, IntValue(h.Beacon.MS))
		add(hBeaconTag, BytesValue(h.Beacon.Tag[:]))
	}
	for c, refs := range h.Refs {
		if len(refs) > 0 {
			add(hRefs+uint32(c), BytesValue(appendRefs(nil, refs)))
		}
	}
	return append(r, h.Extra...)
}

// HeaderOf reads a header from its canonical row. It refuses rows that Row
// would not have written, except for fields of newer versions, which go to
// Extra.
func HeaderOf(row Row) (Header, error) {
	var h Header
	for i, f := range row {
		if f.Num >= headerKnown {
			h.Extra = row[i:]
			break
		}
		if err := h.set(f); err != nil {
			return Header{}, err
		}
	}
	if !slices.Equal(h.Row(), row) {
		return Header{}, Errorf(CodeMalformed, "header is not in its canonical form")
	}
	return h, nil
}

func (h *Header) set(f Field) error {
	v := f.Value
	switch f.Num {
	case hSchema:
		h.Schema = uint32(v.num)
	case hCollection:
		h.Collection = uint32(v.num)
	case hOp:
		h.Op = Op(v.num)
	case hRecord:
		h.Record = v.UUID()
	case hStamp:
		h.StampMS = v.Int()
	case hAuthor:
		h.Author = v.UUID()
	case hNonce:
		h.Nonce = v.Bytes()
		if len(h.Nonce) != NonceBytes {
			return Errorf(CodeMalformed, "opening nonce of %d bytes, want %d", len(h.Nonce), NonceBytes)
		}
	case hBeaconMS:
		h.Beacon.MS = v.Int()
	case hBeaconTag:
		copy(h.Beacon.Tag[:], v.str)
	case hRefs, hRefs + 1:
		refs, err := decodeRefs([]byte(v.str))
		if err != nil {
			return err
		}
		h.Refs[f.Num-hRefs] = refs
	default:
		return Errorf(CodeMalformed, "header field %d", f.Num)
	}
	return nil
}

func appendRefs(dst []byte, refs []Ref) []byte {
	dst = appendUvarint(dst, uint64(len(refs)))
	for _, r := range refs {
		dst = append(dst, r.Origin[:]...)
		dst = appendUvarint(dst, r.Seq)
		dst = append(dst, r.Open[:]...)
	}
	return dst
}

func decodeRefs(b []byte) ([]Ref, error) {
	r := reader{buf: b}
	n := r.count(MaxRefs, "references of a change")
	refs := make([]Ref, 0, min(n, len(b)/(17+RefOpenBytes)+1))
	for range n {
		var ref Ref
		copy(ref.Origin[:], r.take(16))
		ref.Seq = r.uvarint()
		copy(ref.Open[:], r.take(RefOpenBytes))
		if r.err != nil {
			break
		}
		refs = append(refs, ref)
	}
	return refs, r.end()
}

// Check tells whether the frame makes sense on its own: an operation that is
// known, a record id exactly where one is due, references within the limit.
// A change that fails is still kept in the log; it is quarantined.
func (h *Header) Check() error {
	switch {
	case h.Op < OpCreate || h.Op > OpVoid:
		return Errorf(CodeMalformed, "operation %d is unknown", h.Op)
	case (h.Op == OpCreate) != (h.Record == uuid.Nil):
		return Errorf(CodeMalformed, "operation %d with record %s", h.Op, h.Record)
	case len(h.Refs[0])+len(h.Refs[1]) > MaxRefs:
		return Errorf(CodeTooLarge, "%d references, at most %d are allowed", len(h.Refs[0])+len(h.Refs[1]), MaxRefs)
	}
	return nil
}

// CheckSize tells whether c keeps the limits of the format and its header is
// canonical. A change log must refuse what does not before it signs it: such a
// change could never travel. Errors have CodeTooLarge or CodeMalformed.
func (c *Change) CheckSize() error {
	header, operational := AppendRow(nil, c.Header.Row()), AppendRow(nil, c.Operational)
	if n := len(header) + len(operational); n > MaxRowBytes {
		return Errorf(CodeTooLarge, "change %d has %d operational bytes, at most %d are allowed", c.Seq, n, MaxRowBytes)
	}
	for _, b := range [...][]byte{header, operational, AppendRow(nil, c.Personal)} {
		if _, err := DecodeRow(b); err != nil {
			return err
		}
	}
	_, err := HeaderOf(c.Header.Row())
	return err
}
