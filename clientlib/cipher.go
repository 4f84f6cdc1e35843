package clientlib

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"io"

	"thonsync/syncproto"
)

// box encrypts what lies on disk: AES-256-GCM with a random nonce in front,
// under a key derived from the device's secret. It is safe for concurrent use
// if its randomness is.
type box struct {
	aead cipher.AEAD
	rand io.Reader
}

// StoreKey derives from a device's secret the AES-256 key under which everything
// encrypted in its database lies, 32 octets.
func StoreKey(secret [32]byte) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, secret[:], nil, "thonsync device store 1", 32)
	if err != nil {
		return nil, fmt.Errorf("deriving the store's key: %w", err)
	}
	return key, nil
}

func newBox(secret [32]byte, random io.Reader) (*box, error) {
	key, err := StoreKey(secret)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("deriving the store's key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("deriving the store's key: %w", err)
	}
	return &box{aead: aead, rand: random}, nil
}

// Seal encrypts plain, bound to aad.
func (b *box) Seal(plain, aad []byte) ([]byte, error) {
	nonce := make([]byte, b.aead.NonceSize(), b.aead.NonceSize()+len(plain)+b.aead.Overhead())
	if _, err := io.ReadFull(b.rand, nonce); err != nil {
		return nil, fmt.Errorf("no randomness to encrypt with: %w", err)
	}
	return b.aead.Seal(nonce, nonce, plain, aad), nil
}

// Open undoes Seal; it fails with CodeUnreadable.
func (b *box) Open(sealed, aad []byte) ([]byte, error) {
	n := b.aead.NonceSize()
	if len(sealed) < n {
		return nil, syncproto.Errorf(syncproto.CodeUnreadable, "an encrypted value in the database is cut short")
	}
	plain, err := b.aead.Open(nil, sealed[:n], sealed[n:], aad)
	if err != nil {
		return nil, syncproto.Wrap(syncproto.CodeUnreadable, err, "an encrypted value in the database does not open with this device's secret")
	}
	return plain, nil
}
