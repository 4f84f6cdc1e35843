package squeeze

import "sync"

// A flat column is packed in groups: its values, below flat, are the digits of
// a number in that base, the first the highest, which takes whole bytes, the
// highest first.

// maxGroupBytes keeps a group's number within 64 bits.
const maxGroupBytes = 7

// bytesFor is the fewest bytes that hold any n digits in base k; more than
// maxGroupBytes if they do not fit a group.
func bytesFor(n, k int) int {
	need := 0
	v, held := uint64(1), uint64(1) // how many numbers there are, and how many need bytes hold
	for ; n > 0; n-- {
		v *= uint64(k)
		for held < v && need <= maxGroupBytes {
			held, need = held<<8, need+1
		}
		if need > maxGroupBytes || v == 1<<(8*maxGroupBytes) && n > 1 {
			return maxGroupBytes + 1
		}
	}
	return need
}

// groups[k] is how many digits in base k go into one group: the number that
// wastes least, the smaller one on a tie.
var groups = sync.OnceValue(func() (out [257]int) {
	for k := 2; k <= 256; k++ {
		best, bestBytes := 1, 1
		for n := 2; ; n++ {
			b := bytesFor(n, k)
			if b > maxGroupBytes {
				break
			}
			if n*bestBytes > best*b {
				best, bestBytes = n, b
			}
		}
		out[k] = best
	}
	return out
})

// packedSize is the number of bytes that n values below k take.
func packedSize(n, k int) int {
	g := groups()[k]
	return n/g*bytesFor(g, k) + bytesFor(n%g, k)
}

// pack appends the packed column to dst.
func (s *shape) pack(dst, col []byte) []byte {
	g := groups()[s.flat]
	for len(col) > 0 {
		n := min(g, len(col))
		v := uint64(0)
		for _, b := range col[:n] {
			v = v*uint64(s.flat) + uint64(s.gather(b))
		}
		for i := bytesFor(n, s.flat) - 1; i >= 0; i-- {
			dst = append(dst, byte(v>>(8*i)))
		}
		col = col[n:]
	}
	return dst
}

// unpack appends the column whose packed form is src to dst; false if a group's
// number is too large.
func (s *shape) unpack(dst, src []byte) ([]byte, bool) {
	var table [256]byte
	for v := range s.flat {
		table[v] = s.scatter(v)
	}
	g, k := groups()[s.flat], uint64(s.flat)
	whole := bytesFor(g, s.flat)
	for left := s.length; left > 0; {
		n, size := g, whole
		if left < g {
			n, size = left, bytesFor(left, s.flat)
		}
		v := uint64(0)
		for _, b := range src[:size] {
			v = v<<8 | uint64(b)
		}
		at := len(dst)
		dst = append(dst, table[:n]...)
		for i := n - 1; i >= 0; i-- {
			dst[at+i] = table[v%k]
			v /= k
		}
		if v != 0 {
			return dst, false
		}
		src, left = src[size:], left-n
	}
	return dst, true
}
