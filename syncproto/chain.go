package syncproto

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
)

// Hash is a SHA-256 value.
type Hash [sha256.Size]byte

// String gives the hash in hex.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Prefix gives the leading part that references and merging use.
func (h Hash) Prefix() (p [RefOpenBytes]byte) {
	copy(p[:], h[:])
	return p
}

// Salt blinds the commitment to a personal row: HMAC output cut to 128 bits.
// Without it a 12-digit number could be guessed from the commitment.
type Salt [16]byte

// SaltSecret is the random secret that at most MaxSaltedChanges changes share.
type SaltSecret [32]byte

const (
	domainOpen    = "thonsync/1/open\x00"
	domainClosed  = "thonsync/1/closed\x00"
	domainGenesis = "thonsync/1/genesis\x00"
	domainSalt    = "thonsync/1/salt\x00"
	domainCommit  = "thonsync/1/commit\x00"
)

// Heads is a position in both chains of one origin: the state after change Seq.
type Heads struct {
	Seq    uint64
	Open   Hash // o(Seq)
	Closed Hash // p(Seq)
}

// Genesis gives the state before an origin's first change: Seq 0, and hashes
// bound to the origin.
func Genesis(origin OriginID) Heads {
	return Heads{
		Open:   sumParts(domainGenesis, []byte{0}, origin[:]),
		Closed: sumParts(domainGenesis, []byte{1}, origin[:]),
	}
}

func sumParts(domain string, parts ...[]byte) Hash {
	h := sha256.New()
	h.Write([]byte(domain))
	for _, p := range parts {
		h.Write(p)
	}
	var out Hash
	h.Sum(out[:0])
	return out
}

// OpenHash computes o(n) = SHA-256(domain, o(n-1), origin, seq, len(header),
// header, operational row). seq is 8 octets and the length 4, big-endian.
func OpenHash(prev Hash, origin OriginID, seq uint64, header, operational []byte) Hash {
	buf := make([]byte, 0, len(domainOpen)+32+16+8+4+len(header)+len(operational))
	buf = append(buf, domainOpen...)
	buf = append(buf, prev[:]...)
	buf = append(buf, origin[:]...)
	buf = binary.BigEndian.AppendUint64(buf, seq)
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(header)))
	buf = append(buf, header...)
	buf = append(buf, operational...)
	return sha256.Sum256(buf)
}

// ClosedHash computes p(n) = SHA-256(domain, p(n-1), c(n)).
func ClosedHash(prev, commitment Hash) Hash {
	var buf [len(domainClosed) + 64]byte
	n := copy(buf[:], domainClosed)
	n += copy(buf[n:], prev[:])
	copy(buf[n:], commitment[:])
	return sha256.Sum256(buf[:])
}

// ExpandSalt computes salt(n) = HMAC-SHA-256(secret, domain, origin, seq) cut
// to 16 octets.
func ExpandSalt(secret SaltSecret, origin OriginID, seq uint64) Salt {
	return expander{hmac.New(sha256.New, secret[:])}.salt(origin, seq)
}

// expander gives salts of one secret, for a run of changes: the key is set up
// once.
type expander struct{ hash.Hash }

func (e expander) salt(origin OriginID, seq uint64) Salt {
	e.Reset()
	var buf [len(domainSalt) + 24]byte
	n := copy(buf[:], domainSalt)
	n += copy(buf[n:], origin[:])
	binary.BigEndian.PutUint64(buf[n:], seq)
	e.Write(buf[:])
	var sum Hash
	e.Sum(sum[:0])
	return Salt(sum[:16])
}

// Commitment computes c(n) = HMAC-SHA-256(salt, domain, personal row). It never
// travels; the centre recomputes it, keeps it, and still has it after the
// personal row is erased.
func Commitment(salt Salt, personal []byte) Hash {
	m := hmac.New(sha256.New, salt[:])
	m.Write([]byte(domainCommit))
	m.Write(personal)
	var sum Hash
	m.Sum(sum[:0])
	return sum
}

// Next gives the heads after one more change, from its canonical bytes.
func (h Heads) Next(origin OriginID, header, operational []byte, commitment Hash) Heads {
	return Heads{
		Seq:    h.Seq + 1,
		Open:   OpenHash(h.Open, origin, h.Seq+1, header, operational),
		Closed: ClosedHash(h.Closed, commitment),
	}
}

// Equal reports whether both name the same position of the same branch.
func (h Heads) Equal(g Heads) bool {
	return h.Seq == g.Seq && bytes.Equal(h.Open[:], g.Open[:]) && bytes.Equal(h.Closed[:], g.Closed[:])
}
