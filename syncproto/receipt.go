package syncproto

import (
	"crypto/ed25519"
)

// Mark says how safe changes are.
type Mark uint8

// The marks of custody, in rising order.
const (
	MarkCommune  Mark = 1 // durable at a point, not yet at the centre
	MarkReceived Mark = 2 // durable at the centre, opened, matching
	MarkSafe     Mark = 3 // also inside a verified backup or a standby off the machine
)

// Outcome says what became of a change at the centre.
type Outcome uint8

// The outcomes. Every change ends in exactly one; only the first is silent.
const (
	OutcomeAccepted    Outcome = 1 // took part in merging
	OutcomeQuarantined Outcome = 2 // kept, waits for a definition, a record or a person
	OutcomeForked      Outcome = 3 // kept on a second branch of its origin
	OutcomeErased      Outcome = 4 // belongs to an erased record
	OutcomeRefused     Outcome = 5 // kept as evidence, will never become a record
	OutcomeHeld        Outcome = 6 // quarantined by a ruling; one tap releases it
)

var outcomeNames = map[Outcome]string{
	OutcomeAccepted: "accepted", OutcomeQuarantined: "quarantined", OutcomeForked: "forked",
	OutcomeErased: "erased", OutcomeRefused: "refused", OutcomeHeld: "held",
}

// String gives the word for o.
func (o Outcome) String() string { return outcomeNames[o] }

var markNames = map[Mark]string{MarkCommune: "commune", MarkReceived: "received", MarkSafe: "safe"}

// String gives the word for m.
func (m Mark) String() string { return markNames[m] }

// Reason is why an outcome is not plain acceptance. Reasons are stable codes;
// programs translate them for people.
type Reason string

// The reasons.
const (
	ReasonUnknownCollection Reason = "unknown-collection"
	ReasonUnknownField      Reason = "unknown-field"
	ReasonUnknownKind       Reason = "unknown-kind"
	ReasonUnknownUnit       Reason = "unknown-unit"
	ReasonUnknownRecord     Reason = "unknown-record"
	ReasonUnknownSchema     Reason = "unknown-schema"
	ReasonUnreadable        Reason = "unreadable"
	ReasonBadText           Reason = "bad-text"
	ReasonBadValue          Reason = "bad-value"
	ReasonBadFrame          Reason = "bad-frame"
	ReasonNoAuthority       Reason = "no-authority"
	ReasonRevoked           Reason = "revoked"
	ReasonFork              Reason = "fork"
	ReasonErased            Reason = "erased"
	ReasonHeld              Reason = "held"
	ReasonUnlisted          Reason = "unlisted" // its issuer's log, as far as it is here, does not name the device
	ReasonSurplus           Reason = "surplus"  // its issuer took in more devices, or for longer, than it may
	ReasonHandover          Reason = "handover" // its origin rests on a handover and has not been enrolled
)

// Exception names a run of changes inside a receipt whose outcome is not plain
// acceptance.
type Exception struct {
	First, Last uint64
	Outcome     Outcome
	Reason      Reason
}

// Receipt is a signed statement of custody over a run of one origin's changes:
// the issuer holds First..Last, and the branch it means ends in Open and
// Closed. A change under an exception with ReasonUnreadable does not count as
// received.
type Receipt struct {
	Issuer      OriginID
	IssuedMS    int64 // issuer's clock, Unix ms
	Mark        Mark
	Ruled       uint64 // highest number of the rulings that the issuer had taken in
	Origin      OriginID
	First, Last uint64
	Open        Hash // o(Last)
	Closed      Hash // p(Last)
	Exceptions  []Exception
	Signature   [ed25519.SignatureSize]byte
}

// maxExceptions bounds a receipt; more are told in further receipts.
const maxExceptions = 1000

const domainReceipt = "thonsync/1/receipt\x00"

func (r *Receipt) body() []byte {
	b := append([]byte(nil), r.Issuer[:]...)
	b = appendUvarint(b, uint64(r.IssuedMS))
	b = append(b, byte(r.Mark))
	b = appendUvarint(b, r.Ruled)
	b = append(b, r.Origin[:]...)
	b = appendUvarint(b, r.First)
	b = appendUvarint(b, r.Last)
	b = append(append(b, r.Open[:]...), r.Closed[:]...)
	b = appendUvarint(b, uint64(len(r.Exceptions)))
	for _, e := range r.Exceptions {
		b = appendUvarint(appendUvarint(b, e.First), e.Last)
		b = append(b, byte(e.Outcome))
		b = appendBytes(b, []byte(e.Reason))
	}
	return b
}

// Sign fills in the issuer from key and signs.
func (r *Receipt) Sign(key ed25519.PrivateKey) {
	r.Issuer = OriginOf(key.Public().(ed25519.PublicKey))
	copy(r.Signature[:], ed25519.Sign(key, append([]byte(domainReceipt), r.body()...)))
}

// Verify checks that pub is the issuer's key and signed r.
func (r *Receipt) Verify(pub ed25519.PublicKey) error {
	if len(pub) != ed25519.PublicKeySize || OriginOf(pub) != r.Issuer {
		return Errorf(CodeForeignKey, "receipt of issuer %s is not under the given key", r.Issuer)
	}
	if !ed25519.Verify(pub, append([]byte(domainReceipt), r.body()...), r.Signature[:]) {
		return Errorf(CodeSignature, "receipt for origin %s: signature does not verify", r.Origin)
	}
	return nil
}

// Encode gives the receipt's bytes.
func (r *Receipt) Encode() []byte { return append(r.body(), r.Signature[:]...) }

// DecodeReceipt reads one receipt; it does not verify it.
func DecodeReceipt(b []byte) (*Receipt, error) {
	in := reader{buf: b}
	r := &Receipt{}
	copy(r.Issuer[:], in.take(16))
	r.IssuedMS = int64(in.uvarint())
	r.Mark = Mark(in.byte())
	r.Ruled = in.uvarint()
	copy(r.Origin[:], in.take(16))
	r.First, r.Last = in.uvarint(), in.uvarint()
	copy(r.Open[:], in.take(len(r.Open)))
	copy(r.Closed[:], in.take(len(r.Closed)))
	for range in.count(maxExceptions, "exceptions of a receipt") {
		e := Exception{First: in.uvarint(), Last: in.uvarint(), Outcome: Outcome(in.byte())}
		e.Reason = Reason(in.bytes(64))
		if in.err != nil {
			break
		}
		r.Exceptions = append(r.Exceptions, e)
	}
	copy(r.Signature[:], in.take(len(r.Signature)))
	if err := in.end(); err != nil {
		return nil, err
	}
	if r.First == 0 || r.Last < r.First || markNames[r.Mark] == "" {
		return nil, Errorf(CodeMalformed, "receipt over changes %d-%d with mark %d", r.First, r.Last, r.Mark)
	}
	return r, nil
}

// Covers reports whether the receipt says that change seq is held under its
// mark: inside the range and not unreadable.
func (r *Receipt) Covers(seq uint64) bool {
	if seq < r.First || seq > r.Last {
		return false
	}
	for _, e := range r.Exceptions {
		if e.Reason == ReasonUnreadable && seq >= e.First && seq <= e.Last {
			return false
		}
	}
	return true
}
