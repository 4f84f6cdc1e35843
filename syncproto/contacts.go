package syncproto

import (
	"crypto/ed25519"
)

// Contacts is a point's signed word about when phones were last there. Changes
// do not tell: a phone that has nothing new to send is not a quiet phone.
type Contacts struct {
	Issuer    OriginID // origin of the signing key
	IssuedMS  int64    // by the issuer's clock
	List      []Contact
	Signature [ed25519.SignatureSize]byte
}

// Contact is the last exchange of one origin at the issuer.
type Contact struct {
	Origin  OriginID
	AtMS    int64 // by the issuer's clock
	Waiting int   // changes that it still had to send there afterwards, as it said
}

// MaxContacts bounds one list.
const MaxContacts = 1000

const domainContacts = "thonsync/1/contacts\x00"

func (c *Contacts) body() []byte {
	b := append([]byte(nil), c.Issuer[:]...)
	b = appendUvarint(b, uint64(c.IssuedMS))
	b = appendUvarint(b, uint64(len(c.List)))
	for _, k := range c.List {
		b = append(b, k.Origin[:]...)
		b = appendUvarint(b, uint64(k.AtMS))
		b = appendUvarint(b, uint64(k.Waiting))
	}
	return b
}

// Sign fills Issuer and Signature.
func (c *Contacts) Sign(key ed25519.PrivateKey) {
	c.Issuer = OriginOf(key.Public().(ed25519.PublicKey))
	copy(c.Signature[:], ed25519.Sign(key, append([]byte(domainContacts), c.body()...)))
}

// Verify checks that the key is the issuer's and made the signature: else
// CodeForeignKey or CodeSignature.
func (c *Contacts) Verify(key ed25519.PublicKey) error {
	if OriginOf(key) != c.Issuer {
		return Errorf(CodeForeignKey, "contacts of %s under the key of another", c.Issuer)
	}
	if !ed25519.Verify(key, append([]byte(domainContacts), c.body()...), c.Signature[:]) {
		return Errorf(CodeSignature, "contacts of %s: signature does not verify", c.Issuer)
	}
	return nil
}

// Encode gives the bytes that travel.
func (c *Contacts) Encode() []byte { return append(c.body(), c.Signature[:]...) }

// DecodeContacts reads contacts; the signature is not checked.
func DecodeContacts(b []byte) (*Contacts, error) {
	r := reader{buf: b}
	c := &Contacts{}
	copy(c.Issuer[:], r.take(len(c.Issuer)))
	c.IssuedMS = int64(r.uvarint())
	for range r.count(MaxContacts, "contacts") {
		var k Contact
		copy(k.Origin[:], r.take(len(k.Origin)))
		k.AtMS = int64(r.uvarint())
		k.Waiting = r.count(maxWaiting, "waiting changes")
		if r.err != nil {
			return nil, r.err
		}
		c.List = append(c.List, k)
	}
	copy(c.Signature[:], r.take(len(c.Signature)))
	if err := r.end(); err != nil {
		return nil, err
	}
	return c, nil
}
