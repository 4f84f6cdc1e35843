package syncproto

import (
	"crypto/ed25519"
)

// KeyNotice is a server's signed word about its current keys: the Ed25519 key
// it signs with (its origin), the key to encapsulate requests to, the centre's
// line of keys with its sealing key, and, where the server is a point, the
// credential chain by which the centre vouches for it. It is served in the clear
// at /v1/keys and comes back when a request used an old key.
type KeyNotice struct {
	Sign        ed25519.PublicKey
	Exchange    []byte // raw X25519 key for requests
	Serial      uint64 // rises with every change of key
	Seal        SealStatement
	Centre      *Centre
	Credentials []string
	Signature   [ed25519.SignatureSize]byte
}

// SealStatement is the centre's own word for its sealing key, so that a point
// cannot put its key there. Of several, the one under the newest of the centre's
// keys counts, and of these the one made last.
type SealStatement struct {
	Key       []byte // raw X25519 key for personal compartments
	MadeMS    int64  // centre's clock
	Signature [ed25519.SignatureSize]byte
}

const (
	domainNotice  = "thonsync/1/keys\x00"
	domainSealKey = "thonsync/1/seal-key\x00"
)

func (s *SealStatement) signed() []byte {
	return append(appendUvarint([]byte(domainSealKey), uint64(s.MadeMS)), s.Key...)
}

// StateSeal makes the centre's statement about a sealing key.
func StateSeal(centre ed25519.PrivateKey, key []byte, madeMS int64) SealStatement {
	s := SealStatement{Key: key, MadeMS: madeMS}
	copy(s.Signature[:], ed25519.Sign(centre, s.signed()))
	return s
}

// Newer tells whether s, under key number n of the centre, counts rather than a
// statement made at otherMS under key number other.
func (s *SealStatement) Newer(n, other uint64, otherMS int64) bool {
	if n != other {
		return n > other
	}
	return s.MadeMS > otherMS
}

var noticeMagic = [4]byte{'T', 'S', 'K', Version}

func (n *KeyNotice) body() []byte {
	b := append([]byte(nil), noticeMagic[:]...)
	b = append(b, n.Sign...)
	b = append(b, n.Exchange...)
	b = appendUvarint(b, n.Serial)
	b = append(b, n.Centre.Encode()...)
	b = appendUvarint(b, uint64(n.Seal.MadeMS))
	b = append(b, n.Seal.Key...)
	b = append(b, n.Seal.Signature[:]...)
	b = appendUvarint(b, uint64(len(n.Credentials)))
	for _, c := range n.Credentials {
		b = appendBytes(b, []byte(c))
	}
	return b
}

// SignWith signs the notice with the server's key.
func (n *KeyNotice) SignWith(key ed25519.PrivateKey) {
	copy(n.Signature[:], ed25519.Sign(key, append([]byte(domainNotice), n.body()...)))
}

// Encode gives the notice's bytes.
func (n *KeyNotice) Encode() []byte { return append(n.body(), n.Signature[:]...) }

// OfCentre tells whether the notice is the centre's own, not a point's.
func (n *KeyNotice) OfCentre() bool { return n.Sign.Equal(n.Centre.Key()) }

// DecodeKeyNotice reads a notice and checks what it says of itself: the server's
// signature over all, the line of the centre's keys, the newest key's signature
// over the sealing key. Whether the line is that of the pinned centre and the
// credentials hold is the caller's to check.
func DecodeKeyNotice(b []byte) (*KeyNotice, error) {
	r := reader{buf: append([]byte(nil), b...)}
	n := &KeyNotice{}
	magic := r.take(4)
	if r.err == nil && string(magic[:3]) != string(noticeMagic[:3]) {
		return nil, Errorf(CodeMalformed, "not a key notice")
	}
	if r.err == nil && magic[3] != Version {
		return nil, Errorf(CodeVersion, "key notice of protocol version %d; this program reads version %d", magic[3], Version)
	}
	n.Sign = r.take(ed25519.PublicKeySize)
	n.Exchange = r.take(SealKeyBytes)
	n.Serial = r.uvarint()
	n.Centre = r.centre()
	n.Seal.MadeMS = int64(r.uvarint())
	n.Seal.Key = r.take(SealKeyBytes)
	copy(n.Seal.Signature[:], r.take(ed25519.SignatureSize))
	for range r.count(maxCredentials, "credential chain") {
		n.Credentials = append(n.Credentials, string(r.bytes(maxJWTBytes)))
	}
	body := r.buf[:r.off]
	copy(n.Signature[:], r.take(ed25519.SignatureSize))
	if err := r.end(); err != nil {
		return nil, err
	}
	if !ed25519.Verify(n.Sign, append([]byte(domainNotice), body...), n.Signature[:]) {
		return nil, Errorf(CodeSignature, "key notice: signature does not verify")
	}
	if !ed25519.Verify(n.Centre.Key(), n.Seal.signed(), n.Seal.Signature[:]) {
		return nil, Errorf(CodeSignature, "key notice: the centre did not sign the sealing key")
	}
	return n, nil
}
