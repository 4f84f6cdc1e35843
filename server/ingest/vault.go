package ingest

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"io"

	"github.com/google/uuid"

	"thonsync/syncproto"
)

// vault encrypts personal rows at rest with AES-256-GCM: a random nonce of 96
// bits in front of each, the record, origin and seq as associated data, so that
// a row cannot be put in another's place. A point has no vault.
//
// Random nonces stay safe up to 2^32 rows under one key.
type vault struct {
	aead   cipher.AEAD
	random io.Reader
}

const (
	vaultNonce    = 12
	vaultOverhead = vaultNonce + 16
	vaultKey      = 32
)

func newVault(key []byte, random io.Reader) (*vault, error) {
	if len(key) != vaultKey {
		return nil, syncproto.Errorf(syncproto.CodeInternal, "data key of %d bytes, want %d: check the key file", len(key), vaultKey)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, syncproto.Wrap(syncproto.CodeInternal, err, "data key cannot be used")
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, syncproto.Wrap(syncproto.CodeInternal, err, "data key cannot be used")
	}
	return &vault{aead, random}, nil
}

// nonces draws the nonces of n rows at once.
func (v *vault) nonces(n int) ([]byte, error) {
	b := make([]byte, n*vaultNonce)
	if _, err := io.ReadFull(v.random, b); err != nil {
		return nil, syncproto.Wrap(syncproto.CodeInternal, err, "no randomness to encrypt with")
	}
	return b, nil
}

func associated(record uuid.UUID, c *syncproto.Change) []byte {
	var b [40]byte
	copy(b[:], record[:])
	copy(b[16:], c.Origin[:])
	binary.BigEndian.PutUint64(b[32:], c.Seq)
	return b[:]
}

func (v *vault) seal(record uuid.UUID, c *syncproto.Change, nonce []byte, row syncproto.Row) []byte {
	plain := syncproto.AppendRow(make([]byte, 0, 256), row)
	out := append(make([]byte, 0, len(plain)+vaultOverhead), nonce...)
	return v.aead.Seal(out, nonce, plain, associated(record, c))
}

func (v *vault) open(record uuid.UUID, e *Entry) (syncproto.Row, error) {
	if len(e.cipher) < vaultOverhead {
		return nil, damagedHistory()
	}
	plain, err := v.aead.Open(nil, e.cipher[:vaultNonce], e.cipher[vaultNonce:], associated(record, &e.Change))
	if err != nil {
		return nil, syncproto.Wrap(syncproto.CodeUnreadable, err, "a personal row of record %s does not open: the data key is another one, or the row is damaged", record)
	}
	return syncproto.DecodeRow(plain)
}
