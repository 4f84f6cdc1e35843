package squeeze

import "math/bits"

// shape is what the header says of one column.
type shape struct {
	length int
	mask   byte // the bits that are coded
	base   byte // the value of all others
	// flat is 0 for a column that the model codes. Else each byte is one of flat
	// equally likely ones, and the column is packed behind the coded ones.
	flat int
}

// maxConstant is the longest column that may be described by its shape alone:
// without a bound, a short stream could claim any length for nothing.
const maxConstant = 4096

// minMasked is the shortest column whose shape says more than its length: for a
// shorter one, more words would cost more than they save.
const minMasked = 80

// packMargin is by how many bits a small model must beat packing for the real
// one, which is far slower, to code a column.
const packMargin = 24

// constant reports whether the shape alone describes the column.
func (s *shape) constant() bool { return s.mask == 0 }

// shapeOf chooses how a column is coded; beside is the one before it that is
// not constant.
func (m *small) shapeOf(col, beside []byte) shape {
	s := shape{length: len(col), mask: 0xff}
	if len(col) < minMasked {
		return s
	}
	every, some := byte(0xff), byte(0)
	for _, b := range col {
		every, some = every&b, some|b
	}
	if s.mask, s.base = some&^every, every; s.mask == 0 {
		if len(col) > maxConstant {
			s.mask, s.base = 1, s.base&^1 // one bit is coded all the same
		}
		return s
	}
	most := 0
	for _, b := range col {
		most = max(most, s.gather(b))
	}
	if m.looksRandom(&s, col, beside, most+1) {
		s.flat = most + 1
	}
	return s
}

// gather brings the masked bits of b together at the low end.
func (s *shape) gather(b byte) int {
	v := 0
	for m := uint(s.mask); m != 0; m &= m - 1 {
		v |= int(b>>bits.TrailingZeros(m)&1) << bits.OnesCount(uint(s.mask)&(m&-m-1))
	}
	return v
}

// scatter undoes gather.
func (s *shape) scatter(v int) byte {
	b := s.base
	for m := uint(s.mask); m != 0; m &= m - 1 {
		b |= byte(v&1) << bits.TrailingZeros(m)
		v >>= 1
	}
	return b
}

// small is the model that tells which columns to pack: slots alone, by one
// context and the bits of the byte so far.
type small [256 << 8]uint32

// spent gives the bits that col costs under a small model, which starts from
// nothing; context gives the context of each byte.
func (m *small) spent(s *shape, col []byte, contexts int, context func(i int) uint32) int {
	slots := m[:contexts<<8]
	for i := range slots {
		slots[i] = evenChance
	}
	low, high, shifts := uint32(0), uint32(0xffffffff), 0
	for at, b := range col {
		line := slots[context(at)<<8:][:256]
		node := uint32(1)
		for i := 7; i >= 0; i-- {
			bit := uint32(b>>i) & 1
			if s.mask>>i&1 != 0 {
				slot := &line[node&0xff]
				mid := split(low, high, int64(min(max(*slot>>16, leastChance), 1<<16-leastChance)))
				if bit == 1 {
					high = mid
				} else {
					low = mid + 1
				}
				for (low^high)>>24 == 0 {
					low, high, shifts = low<<8, high<<8|0xff, shifts+1
				}
				*slot = adapted(*slot, bit)
			}
			node = node<<1 | bit
		}
	}
	return 8*shifts + bits.LeadingZeros32(high-low)
}

// looksRandom reports whether small models hardly find the column cheaper than
// packing values below k does: one knows how many bytes >= 128 came just
// before, the other the byte of the column beside it, if there is one.
func (m *small) looksRandom(s *shape, col, beside []byte, k int) bool {
	limit := 8*packedSize(len(col), k) - packMargin
	before := uint32(0)
	cost := m.spent(s, col, 4, func(i int) uint32 {
		if i > 0 {
			before = nextHigh(before, col[i-1])
		}
		return before
	})
	if cost <= limit || len(beside) != len(col) {
		return cost > limit
	}
	return m.spent(s, col, 256, func(i int) uint32 { return uint32(beside[i]) }) > limit
}
