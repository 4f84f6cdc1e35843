package syncproto

import (
	"crypto/ed25519"
	"crypto/sha256"
)

// SuccessionBy says whose word makes a key the centre's.
type SuccessionBy uint8

// The authorities of a succession.
const (
	ByFounding SuccessionBy = 0 // the first key speaks for itself: it is pinned
	ByOldKey   SuccessionBy = 1 // the key that is replaced
	ByRecovery SuccessionBy = 2 // the offline recovery key, when the old one is lost or stolen
)

// Succession is the signed statement that one signing key of the centre follows
// another. Number 0 founds the centre. Both the authority and the new key sign:
// the old vouches for the new to whoever pinned the old, the new for the old to
// whoever joined later.
type Succession struct {
	Number   uint64
	IssuedMS int64 // centre's clock; later than that of the one before
	Old      ed25519.PublicKey
	New      ed25519.PublicKey
	// Recovery is the SHA-256 of the Ed25519 key that may name a successor when
	// New is lost; zero for none.
	Recovery Hash
	By       SuccessionBy
	// RecoveryKey is the key that signed where By is ByRecovery, else nil.
	RecoveryKey ed25519.PublicKey
	signature   [ed25519.SignatureSize]byte // of the authority; zero for the founding
	newSig      [ed25519.SignatureSize]byte // of New
}

const domainSuccession = "thonsync/1/succession\x00"

// RecoveryHash names a recovery key in a succession.
func RecoveryHash(key ed25519.PublicKey) Hash { return sha256.Sum256(key) }

func (s *Succession) body() []byte {
	b := appendUvarint(nil, s.Number)
	b = appendUvarint(b, uint64(s.IssuedMS))
	b = append(b, byte(s.By))
	if s.By != ByFounding {
		b = append(b, s.Old...)
	}
	b = append(b, s.New...)
	b = append(b, s.Recovery[:]...)
	if s.By == ByRecovery {
		b = append(b, s.RecoveryKey...)
	}
	return b
}

// Encode gives the succession's octets.
func (s *Succession) Encode() []byte {
	b := s.body()
	if s.By != ByFounding {
		b = append(b, s.signature[:]...)
	}
	return append(b, s.newSig[:]...)
}

func (s *Succession) sign(authority, next ed25519.PrivateKey) {
	msg := append([]byte(domainSuccession), s.body()...)
	if s.By != ByFounding {
		copy(s.signature[:], ed25519.Sign(authority, msg))
	}
	copy(s.newSig[:], ed25519.Sign(next, msg))
}

// DecodeSuccession reads a succession and checks its own signatures. Whether its
// authority had the right to it, only the line of the centre's keys can tell.
func DecodeSuccession(b []byte) (*Succession, error) {
	r := reader{buf: append([]byte(nil), b...)}
	s := &Succession{Number: r.uvarint(), IssuedMS: int64(r.uvarint()), By: SuccessionBy(r.byte())}
	if r.err == nil && s.By > ByRecovery {
		return nil, Errorf(CodeMalformed, "succession by an unknown authority %d", s.By)
	}
	if s.By != ByFounding {
		s.Old = r.take(ed25519.PublicKeySize)
	}
	s.New = r.take(ed25519.PublicKeySize)
	copy(s.Recovery[:], r.take(len(s.Recovery)))
	if s.By == ByRecovery {
		s.RecoveryKey = r.take(ed25519.PublicKeySize)
	}
	body := r.buf[:r.off]
	if s.By != ByFounding {
		copy(s.signature[:], r.take(len(s.signature)))
	}
	copy(s.newSig[:], r.take(len(s.newSig)))
	if err := r.end(); err != nil {
		return nil, err
	}
	if (s.By == ByFounding) != (s.Number == 0) {
		return nil, Errorf(CodeMalformed, "succession %d by authority %d: exactly the first founds", s.Number, s.By)
	}
	return s, s.verify(append([]byte(domainSuccession), body...))
}

func (s *Succession) verify(msg []byte) error {
	authority := s.Old
	if s.By == ByRecovery {
		authority = s.RecoveryKey
	}
	if s.By != ByFounding && !ed25519.Verify(authority, msg, s.signature[:]) {
		return Errorf(CodeSignature, "succession %d: signature of its authority does not verify", s.Number)
	}
	if !ed25519.Verify(s.New, msg, s.newSig[:]) {
		return Errorf(CodeSignature, "succession %d: signature of the new key does not verify", s.Number)
	}
	return nil
}
