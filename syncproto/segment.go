package syncproto

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"

	"github.com/google/uuid"

	"thonsync/syncproto/squeeze"
)

// Statement is what an origin signs about a run of its changes. It outlives an
// erasure of the personal part.
type Statement struct {
	Origin    OriginID
	Before    Heads // state before the first change; Before.Seq+1 is the first seq
	After     Heads // state after the last change
	OpenSum   Hash  // SHA-256 of the compressed open compartment
	SealedSum Hash  // SHA-256 of the sealed compartment
	Signature [ed25519.SignatureSize]byte
}

// First is the seq of the first change, Last that of the last.
func (s *Statement) First() uint64 { return s.Before.Seq + 1 }

// Last is the seq of the last change.
func (s *Statement) Last() uint64 { return s.After.Seq }

// Count is the number of changes.
func (s *Statement) Count() int { return int(s.After.Seq - s.Before.Seq) }

const domainStatement = "thonsync/1/statement\x00"

// signed gives the octets under the signature. It has a fixed layout.
func (s *Statement) signed() []byte {
	b := append([]byte(nil), domainStatement...)
	b = append(b, s.Origin[:]...)
	b = binary.BigEndian.AppendUint64(b, s.First())
	b = binary.BigEndian.AppendUint64(b, s.Last())
	for _, h := range [...]*Hash{&s.Before.Open, &s.Before.Closed, &s.After.Open, &s.After.Closed, &s.OpenSum, &s.SealedSum} {
		b = append(b, h[:]...)
	}
	return b
}

// VerifySignature checks that pub belongs to the origin and signed s. Nothing
// else of a segment may be read before this holds.
func (s *Statement) VerifySignature(pub ed25519.PublicKey) error {
	if len(pub) != ed25519.PublicKeySize || OriginOf(pub) != s.Origin {
		return Errorf(CodeForeignKey, "segment of origin %s is not under the given key", s.Origin)
	}
	if !ed25519.Verify(pub, s.signed(), s.Signature[:]) {
		return Errorf(CodeSignature, "segment %d-%d of origin %s: signature does not verify", s.First(), s.Last(), s.Origin)
	}
	return nil
}

// Segment is a run of consecutive changes of one origin as it travels.
type Segment struct {
	Statement
	open   []byte // compressed open compartment
	sealed []byte // key id, encapsulated key, ciphertext; nil where only its hash came along
}

// Sealed reports whether the sealed compartment came along.
func (s *Segment) Sealed() bool { return s.sealed != nil }

// SealKey names the key that the personal compartment is sealed to.
func (s *Segment) SealKey() (id KeyID) {
	copy(id[:], s.sealed)
	return id
}

var segmentMagic = [4]byte{'T', 'S', 'G', Version}

const (
	sealFormHash  = 0
	sealFormBytes = 1
	sealOverhead  = 4 + 32 + 16 // key id, encapsulated key, tag
)

// Encode gives the segment's bytes, with the sealed compartment if it is held.
func (s *Segment) Encode() []byte { return s.encode(s.sealed != nil) }

// EncodeOpen gives the segment's bytes without the sealed compartment, of which
// only the hash travels: for readers who may see the operational part only. The
// signature stays verifiable.
func (s *Segment) EncodeOpen() []byte { return s.encode(false) }

func (s *Segment) encode(withSeal bool) []byte {
	b := make([]byte, 0, 256+len(s.open)+len(s.sealed))
	b = append(b, segmentMagic[:]...)
	b = append(b, s.Origin[:]...)
	b = appendUvarint(b, s.First())
	b = appendUvarint(b, uint64(s.Count()))
	for _, h := range [...]*Hash{&s.Before.Open, &s.Before.Closed, &s.After.Open, &s.After.Closed} {
		b = append(b, h[:]...)
	}
	b = append(b, s.Signature[:]...)
	b = appendBytes(b, s.open)
	if withSeal {
		return appendBytes(append(b, sealFormBytes), s.sealed)
	}
	return append(append(b, sealFormHash), s.SealedSum[:]...)
}

// ParseSegment reads the frame of a segment. It verifies nothing; it checks
// every length against its limit before it allocates.
func ParseSegment(b []byte) (*Segment, error) {
	if len(b) > MaxSegmentBytes {
		return nil, Errorf(CodeTooLarge, "segment of %d bytes, at most %d are allowed", len(b), MaxSegmentBytes)
	}
	r := reader{buf: b}
	magic := r.take(4)
	if r.err == nil && string(magic[:3]) != string(segmentMagic[:3]) {
		return nil, Errorf(CodeMalformed, "not a segment")
	}
	if r.err == nil && magic[3] != Version {
		return nil, Errorf(CodeVersion, "segment of protocol version %d; this program reads version %d", magic[3], Version)
	}
	s := &Segment{}
	copy(s.Origin[:], r.take(16))
	first := r.uvarint()
	count := r.count(MaxSegmentChanges, "changes in a segment")
	if r.err == nil && (first == 0 || count == 0 || first > 1<<62) {
		return nil, Errorf(CodeMalformed, "segment of %d changes from %d", count, first)
	}
	s.Before.Seq, s.After.Seq = first-1, first-1+uint64(count)
	for _, h := range [...]*Hash{&s.Before.Open, &s.Before.Closed, &s.After.Open, &s.After.Closed} {
		copy(h[:], r.take(len(h)))
	}
	copy(s.Signature[:], r.take(ed25519.SignatureSize))
	s.open = append([]byte(nil), r.bytes(MaxSegmentBytes)...)
	s.OpenSum = sha256.Sum256(s.open)
	switch form := r.byte(); form {
	case sealFormHash:
		copy(s.SealedSum[:], r.take(len(s.SealedSum)))
	case sealFormBytes:
		s.sealed = append([]byte{}, r.bytes(MaxSegmentBytes)...)
		s.SealedSum = sha256.Sum256(s.sealed)
		if r.err == nil && len(s.sealed) < sealOverhead {
			r.fail(CodeMalformed, "sealed compartment of %d bytes", len(s.sealed))
		}
	default:
		r.fail(CodeMalformed, "seal form %d", form)
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return s, nil
}

// OpenChange is a change of a verified segment, as far as its operational
// compartment goes.
type OpenChange struct {
	Change
	Record uuid.UUID // the record it acts on; derived for a creating change
	Open   Hash      // o(n)
}

func squeezeLimits() squeeze.Limits {
	return squeeze.Limits{MaxColumns: maxColumns, MaxColumnBytes: MaxSegmentRawBytes, MaxTotalBytes: MaxSegmentRawBytes}
}

// Verify checks signature and open chain and gives the changes with their open
// hashes. Personal rows are nil.
func (s *Segment) Verify(pub ed25519.PublicKey) ([]OpenChange, error) {
	if err := s.VerifySignature(pub); err != nil {
		return nil, err
	}
	return s.decodeOpen()
}

func (s *Segment) decodeOpen() ([]OpenChange, error) {
	cols, err := squeeze.Decompress(s.open, squeezeLimits())
	if err != nil {
		return nil, Wrap(CodeMalformed, err, "open compartment of segment %d-%d of origin %s does not decompress", s.First(), s.Last(), s.Origin)
	}
	r := &columnReader{cols: cols}
	n := s.Count()
	headers := decodeTable(r, n, ownRecords(nil))
	rows := decodeTable(r, n, nil)
	if r.err == nil && r.next != len(r.cols) {
		r.fail("%d columns too many", len(r.cols)-r.next)
	}
	if r.err != nil {
		return nil, r.err
	}
	return s.chainOpen(headers, rows)
}

// chainOpen rebuilds the changes and their open hashes and compares the end
// with the statement.
func (s *Segment) chainOpen(headers, rows []Row) ([]OpenChange, error) {
	out := make([]OpenChange, len(headers))
	prev := s.Before.Open
	var hb, ob []byte
	for i := range out {
		c := &out[i]
		if err := resolveOwn(headers[i], out[:i]); err != nil {
			return nil, err
		}
		h, err := HeaderOf(headers[i])
		if err != nil {
			return nil, err
		}
		hb, ob = AppendRow(hb[:0], headers[i]), AppendRow(ob[:0], rows[i])
		if len(hb)+len(ob) > MaxRowBytes {
			return nil, Errorf(CodeTooLarge, "change %d has %d bytes, at most %d are allowed", s.First()+uint64(i), len(hb)+len(ob), MaxRowBytes)
		}
		seq := s.First() + uint64(i)
		prev = OpenHash(prev, s.Origin, seq, hb, ob)
		c.Change = Change{Origin: s.Origin, Seq: seq, Header: h, Operational: rows[i]}
		c.Open = prev
		if c.Record = h.Record; h.Op == OpCreate {
			c.Record = RecordID(h.StampMS, prev)
		}
	}
	if prev != s.After.Open {
		return nil, Errorf(CodeChain, "segment %d-%d of origin %s: operational content and signed head disagree", s.First(), s.Last(), s.Origin)
	}
	return out, nil
}

func resolveOwn(header Row, before []OpenChange) error {
	for j, f := range header {
		if f.Value.typ != typeOwnRecord {
			continue
		}
		made := before[len(before)-int(f.Value.num)]
		if made.Header.Op != OpCreate {
			return Errorf(CodeMalformed, "record column points at a change that makes no record")
		}
		header[j].Value = UUIDValue(made.Record)
	}
	return nil
}
