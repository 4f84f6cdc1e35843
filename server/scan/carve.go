package scan

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"

	"thonsync/syncproto"
)

// blockKey decrypts AES-GCM without checking its tag: a deleted row has often
// lost its end, its place and so its associated data, and can be read all the
// same by whoever has the key.
type blockKey struct {
	block   cipher.Block
	counter []byte // of the block that is decrypted; kept, because it is needed so often
}

func newBlockKey(raw []byte) (blockKey, error) {
	if len(raw) != 32 {
		return blockKey{}, syncproto.Errorf(syncproto.CodeInvalidInput, "key of %d octets to scan with, want 32", len(raw))
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return blockKey{}, syncproto.Wrap(syncproto.CodeInternal, err, "key to scan with cannot be used")
	}
	return blockKey{block, make([]byte, aes.BlockSize)}, nil
}

const (
	gcmNonce = 12
	// peekBytes is how much is decrypted of every place: short values, such as a
	// salt, a name or the last digits of a number, lie within.
	peekBytes = 48
	// rowBytes is how much is decrypted where a row seems to begin.
	rowBytes = 4096
)

// decrypt fills dst with what src, which begins with a nonce, decrypts to. It
// gives how much it could.
func (k blockKey) decrypt(dst, src []byte) int {
	if len(src) <= gcmNonce {
		return 0
	}
	copy(k.counter, src[:gcmNonce])
	src = src[gcmNonce:]
	n := min(len(dst), len(src)) &^ (aes.BlockSize - 1)
	for off := 0; off < n; off += aes.BlockSize {
		binary.BigEndian.PutUint32(k.counter[gcmNonce:], uint32(off/aes.BlockSize)+2)
		k.block.Encrypt(dst[off:off+aes.BlockSize], k.counter)
	}
	subtle.XORBytes(dst[:n], dst[:n], src[:n])
	return n
}

// carve decrypts from every single offset of b with every key, so that free
// space, half-overwritten pages and unknown formats hide nothing.
func (s *Scanner) carve(b []byte, at string) {
	padded := append(b[:len(b):len(b)], make([]byte, aes.BlockSize)...) // the last value may fill no block
	buf := make([]byte, rowBytes)
	for _, k := range s.blocks {
		for off := 0; off+gcmNonce < len(b); off++ {
			n := k.decrypt(buf[:peekBytes], padded[off:])
			if looksLikeRow(buf[:n]) {
				n = k.decrypt(buf, padded[off:])
				if syncproto.RowLength(buf[:n]) > 0 {
					s.report.Rows++
				}
			}
			if s.pairs.any(buf[:n]) {
				s.look(buf[:n], within(at, "decrypted value"))
			}
		}
	}
}

// looksLikeRow tells whether bytes may begin a row with a field: a small count,
// a field number, a type.
func looksLikeRow(b []byte) bool {
	return len(b) > 4 && b[0] >= 1 && b[0] <= 64 && b[2] >= 1 && b[2] <= 16
}

// pairs are the leading two octets of all marks: they tell fast that none of
// them is there.
type pairs [1 << 16]bool

func (p *pairs) any(b []byte) bool {
	for i := 1; i < len(b); i++ {
		if p[uint16(b[i-1])<<8|uint16(b[i])] {
			return true
		}
	}
	return false
}
