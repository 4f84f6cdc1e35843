package syncproto

import (
	"crypto/ed25519"

	"github.com/google/uuid"
)

// RulingKind is what a ruling decides.
type RulingKind uint8

// The kinds of ruling.
const (
	RulingHold      RulingKind = 1 // the change neither stands nor supersedes
	RulingRelease   RulingKind = 2 // undoes a hold
	RulingErase     RulingKind = 3 // personal data of the record are gone, for ever
	RulingAuthority RulingKind = 4 // the change's author lacks (Grant false) or has (Grant true) authority
	RulingRevoke    RulingKind = 5 // the device is no longer served; its work up to Cut stands, later work is held
)

// CutHead is one head of a cut: change Seq of the branch whose open hash there
// begins with Open. It covers that change and all that precede it on the branch.
type CutHead struct {
	Seq  uint64
	Open [RefOpenBytes]byte
}

// MaxCut is how many heads a cut has at most: an origin with more branches and
// gaps than that has no honest explanation.
const MaxCut = 64

// Ruling is a signed decision of the centre about one change, one record or one
// device. Numbers rise by one; of two rulings on the same target the higher
// number counts, so the set of rulings has one meaning in any order. Releases
// with a cut are the exception: they add up.
type Ruling struct {
	Number    uint64
	IssuedMS  int64
	Kind      RulingKind
	Target    Ref       // hold, release, authority; of revoke and of a release with a cut only the origin
	Record    uuid.UUID // erase
	Grant     bool      // authority
	Cut       []CutHead // revoke; release of all that was held because its device was revoked
	Unit      string    // the feed it belongs to; empty for the common feed
	Reason    Reason
	Signature [ed25519.SignatureSize]byte
}

const domainRuling = "thonsync/1/ruling\x00"

func (r *Ruling) body() []byte {
	b := appendUvarint(nil, r.Number)
	b = appendUvarint(b, uint64(r.IssuedMS))
	b = append(b, byte(r.Kind))
	b = append(b, r.Target.Origin[:]...)
	b = appendUvarint(b, r.Target.Seq)
	b = append(b, r.Target.Open[:]...)
	b = append(b, r.Record[:]...)
	b = append(b, boolByte(r.Grant))
	b = appendBytes(b, []byte(r.Unit))
	b = appendBytes(b, []byte(r.Reason))
	b = appendUvarint(b, uint64(len(r.Cut)))
	for _, h := range r.Cut {
		b = append(appendUvarint(b, h.Seq), h.Open[:]...)
	}
	return b
}

// OfDevice tells whether r is about a device and not about one change of it.
func (r *Ruling) OfDevice() bool {
	return r.Kind == RulingRevoke || r.Kind == RulingRelease && r.Target.Seq == 0
}

func boolByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// Sign signs r with the centre's key.
func (r *Ruling) Sign(key ed25519.PrivateKey) {
	copy(r.Signature[:], ed25519.Sign(key, append([]byte(domainRuling), r.body()...)))
}

// Verify checks that the centre, whose key is pub, signed r.
func (r *Ruling) Verify(pub ed25519.PublicKey) error {
	if len(pub) != ed25519.PublicKeySize || !ed25519.Verify(pub, append([]byte(domainRuling), r.body()...), r.Signature[:]) {
		return Errorf(CodeSignature, "ruling %d: signature does not verify", r.Number)
	}
	return nil
}

// Encode gives the ruling's bytes.
func (r *Ruling) Encode() []byte { return append(r.body(), r.Signature[:]...) }

// DecodeRuling reads one ruling; it does not verify it.
func DecodeRuling(b []byte) (*Ruling, error) {
	in := reader{buf: b}
	r := &Ruling{Number: in.uvarint(), IssuedMS: int64(in.uvarint()), Kind: RulingKind(in.byte())}
	copy(r.Target.Origin[:], in.take(16))
	r.Target.Seq = in.uvarint()
	copy(r.Target.Open[:], in.take(RefOpenBytes))
	copy(r.Record[:], in.take(16))
	grant := in.byte()
	r.Grant = grant == 1
	r.Unit = string(in.bytes(128))
	r.Reason = Reason(in.bytes(64))
	for range in.count(MaxCut, "heads of a cut") {
		h := CutHead{Seq: in.uvarint()}
		copy(h.Open[:], in.take(RefOpenBytes))
		r.Cut = append(r.Cut, h)
	}
	copy(r.Signature[:], in.take(len(r.Signature)))
	if err := in.end(); err != nil {
		return nil, err
	}
	if grant > 1 || r.Kind < RulingHold || r.Kind > RulingRevoke {
		return nil, Errorf(CodeMalformed, "ruling %d of kind %d", r.Number, r.Kind)
	}
	if len(r.Cut) > 0 && !r.OfDevice() {
		return nil, Errorf(CodeMalformed, "ruling %d of kind %d with a cut", r.Number, r.Kind)
	}
	return r, nil
}
