package keys

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"io"

	"thonsync/syncproto"
)

// Box encrypts values at rest: AES-256-GCM with a random nonce in front. It is
// safe for concurrent use if its randomness is.
type Box struct {
	aead   cipher.AEAD
	random io.Reader
}

// NewBox takes a key of 32 octets.
func NewBox(key []byte, random io.Reader) (*Box, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("key of %d octets: %w", len(key), err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("key of %d octets: %w", len(key), err)
	}
	return &Box{aead, random}, nil
}

// Seal encrypts plain, bound to aad.
func (b *Box) Seal(plain, aad []byte) ([]byte, error) {
	nonce := make([]byte, b.aead.NonceSize(), b.aead.NonceSize()+len(plain)+b.aead.Overhead())
	if _, err := io.ReadFull(b.random, nonce); err != nil {
		return nil, fmt.Errorf("no randomness to encrypt with: %w", err)
	}
	return b.aead.Seal(nonce, nonce, plain, aad), nil
}

// Open undoes Seal; it fails with CodeUnreadable.
func (b *Box) Open(sealed, aad []byte) ([]byte, error) {
	n := b.aead.NonceSize()
	if len(sealed) < n {
		return nil, syncproto.Errorf(syncproto.CodeUnreadable, "an encrypted value is cut short")
	}
	plain, err := b.aead.Open(nil, sealed[:n], sealed[n:], aad)
	if err != nil {
		return nil, syncproto.Wrap(syncproto.CodeUnreadable, err, "an encrypted value does not open: the keys folder belongs to another data folder")
	}
	return plain, nil
}
