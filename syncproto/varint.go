package syncproto

import (
	"encoding/binary"
	"math/bits"
)

// appendUvarint appends the shortest LEB128 form of n.
func appendUvarint(dst []byte, n uint64) []byte { return binary.AppendUvarint(dst, n) }

func zigzag(n int64) uint64   { return uint64(n)<<1 ^ uint64(n>>63) }
func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

func uvarintLen(n uint64) int { return max(1, (bits.Len64(n)+6)/7) }

// reader walks over encoded bytes. The first failure sticks; later calls give
// zero values, so decoders check err once at the end of a group.
type reader struct {
	buf []byte
	off int
	err error
}

func (r *reader) fail(code Code, format string, args ...any) {
	if r.err == nil {
		r.err = Errorf(code, format, args...)
	}
}

func (r *reader) left() int { return len(r.buf) - r.off }

// uvarint reads a varint and refuses any but the shortest form, so that one
// number has one encoding.
func (r *reader) uvarint() uint64 {
	if r.err != nil {
		return 0
	}
	n, k := binary.Uvarint(r.buf[r.off:])
	if k <= 0 {
		r.fail(CodeMalformed, "number cut short or over 64 bits at byte %d", r.off)
		return 0
	}
	if k != uvarintLen(n) {
		r.fail(CodeMalformed, "number not in its shortest form at byte %d", r.off)
		return 0
	}
	r.off += k
	return n
}

// count reads a varint that must not exceed limit.
func (r *reader) count(limit int, what string) int {
	n := r.uvarint()
	if n > uint64(limit) {
		r.fail(CodeTooLarge, "%s: %d is over the limit of %d", what, n, limit)
		return 0
	}
	return int(n)
}

func (r *reader) byte() byte {
	b := r.take(1)
	if b == nil {
		return 0
	}
	return b[0]
}

// take gives the next n bytes without copying them.
func (r *reader) take(n int) []byte {
	if r.err != nil {
		return nil
	}
	if n < 0 || r.left() < n {
		r.fail(CodeMalformed, "%d bytes wanted at byte %d, %d left", n, r.off, r.left())
		return nil
	}
	b := r.buf[r.off : r.off+n : r.off+n]
	r.off += n
	return b
}

// bytes reads a length of at most limit and that many bytes, without copying.
func (r *reader) bytes(limit int) []byte {
	return r.take(r.count(limit, "length"))
}

// end fails if anything is left.
func (r *reader) end() error {
	if r.err == nil && r.left() != 0 {
		r.fail(CodeMalformed, "%d bytes too many", r.left())
	}
	return r.err
}

func appendBytes(dst, b []byte) []byte {
	return append(appendUvarint(dst, uint64(len(b))), b...)
}
