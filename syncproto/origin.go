package syncproto

import (
	"crypto/ed25519"
	"crypto/sha256"

	"github.com/google/uuid"
)

// OriginID names one incarnation of a replica that writes changes. It is
// derived from the origin's Ed25519 public key, so nobody can claim the id
// without the key.
type OriginID = uuid.UUID

const domainOrigin = "thonsync/1/origin\x00"

// OriginOf derives the id of the origin that signs with pub: the first 16 bytes
// of SHA-256(domain, key), marked as UUID version 8 (RFC 9562 section 5.8).
func OriginOf(pub ed25519.PublicKey) OriginID {
	sum := sha256.Sum256(append([]byte(domainOrigin), pub...))
	return uuidV8(sum[:16])
}

// uuidV8 copies 16 octets into a UUID and sets version 8 and the RFC variant.
func uuidV8(b []byte) uuid.UUID {
	var u uuid.UUID
	copy(u[:], b)
	u[6] = u[6]&0x0f | 0x80
	u[8] = u[8]&0x3f | 0x80
	return u
}

const domainRecord = "thonsync/1/record\x00"

// RecordID derives the id of the record that a change creates, from the
// change's stamp and its open chain hash. The id is time-ordered for the sake
// of indexes (48 bits of stamp first, as in UUID version 7) and needs no bytes
// on the wire. Stamps outside 48 bits are cut; order suffers, identity does not.
func RecordID(stampMS int64, open Hash) uuid.UUID {
	h := sha256.New()
	h.Write([]byte(domainRecord))
	h.Write(open[:])
	sum := h.Sum(nil)
	var b [16]byte
	for i := range 6 {
		b[i] = byte(uint64(stampMS) >> (40 - 8*i))
	}
	copy(b[6:], sum)
	return uuidV8(b[:])
}
