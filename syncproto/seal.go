package syncproto

import (
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/sha256"
)

// The one HPKE suite of version 1 (RFC 9180): DHKEM(X25519, HKDF-SHA256),
// HKDF-SHA256, ChaCha20-Poly1305. ChaCha20 because cheap phones and
// WebAssembly have no AES instructions.
func hpkeSuite() (hpke.KEM, hpke.KDF, hpke.AEAD) {
	return hpke.DHKEM(ecdh.X25519()), hpke.HKDFSHA256(), hpke.ChaCha20Poly1305()
}

// SealKeyBytes is the length of a sealing public or private key.
const SealKeyBytes = 32

// KeyID names a sealing key on the wire: the first 4 octets of
// SHA-256(domain, public key).
type KeyID [4]byte

const domainKey = "thonsync/1/key\x00"

// SealPublic is a key to seal to.
type SealPublic struct {
	ID  KeyID
	raw [SealKeyBytes]byte
	key hpke.PublicKey
}

// NewSealPublic reads a raw X25519 public key.
func NewSealPublic(raw []byte) (SealPublic, error) {
	kem, _, _ := hpkeSuite()
	k, err := kem.NewPublicKey(raw)
	if err != nil || len(raw) != SealKeyBytes {
		return SealPublic{}, Errorf(CodeMalformed, "sealing key of %d bytes is no X25519 key", len(raw))
	}
	p := SealPublic{key: k}
	copy(p.raw[:], raw)
	sum := sha256.Sum256(append([]byte(domainKey), raw...))
	copy(p.ID[:], sum[:])
	return p, nil
}

// Bytes gives the raw public key.
func (p SealPublic) Bytes() []byte { return p.raw[:] }

// SealPrivate opens what was sealed to its public half.
type SealPrivate struct {
	Public SealPublic
	raw    [SealKeyBytes]byte
	key    hpke.PrivateKey
}

// NewSealPrivate makes the key pair that belongs to 32 random octets.
func NewSealPrivate(raw []byte) (SealPrivate, error) {
	kem, _, _ := hpkeSuite()
	k, err := kem.NewPrivateKey(raw)
	if err != nil || len(raw) != SealKeyBytes {
		return SealPrivate{}, Errorf(CodeMalformed, "sealing key of %d bytes is no X25519 key", len(raw))
	}
	pub, err := NewSealPublic(k.PublicKey().Bytes())
	if err != nil {
		return SealPrivate{}, err
	}
	p := SealPrivate{Public: pub, key: k}
	copy(p.raw[:], raw)
	return p, nil
}

// Bytes gives the raw private key, to be stored under the owner's protection.
func (k SealPrivate) Bytes() []byte { return k.raw[:] }

// seal gives encapsulated key and ciphertext of plain for to.
func seal(to SealPublic, info, aad, plain []byte) (enc, ct []byte, err error) {
	_, kdf, aead := hpkeSuite()
	enc, s, err := hpke.NewSender(to.key, kdf, aead, info)
	if err != nil {
		return nil, nil, Wrap(CodeInternal, err, "sealing failed")
	}
	ct, err = s.Seal(aad, plain)
	if err != nil {
		return nil, nil, Wrap(CodeInternal, err, "sealing failed")
	}
	return enc, ct, nil
}

// openSeal undoes seal.
func openSeal(k SealPrivate, info, aad, enc, ct []byte) ([]byte, error) {
	_, kdf, aead := hpkeSuite()
	r, err := hpke.NewRecipient(enc, k.key, kdf, aead, info)
	if err != nil {
		return nil, Wrap(CodeUnreadable, err, "encapsulated key is damaged")
	}
	plain, err := r.Open(aad, ct)
	if err != nil {
		return nil, Wrap(CodeUnreadable, err, "seal does not open with this key")
	}
	return plain, nil
}

// Keyring finds a private sealing key by its id. The second result is false
// for a key that is not or no longer held.
type Keyring func(KeyID) (SealPrivate, bool)
