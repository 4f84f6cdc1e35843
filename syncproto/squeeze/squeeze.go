// Package squeeze compresses the byte columns of one segment: it predicts each
// bit from several contexts, mixes the predictions and codes the bit
// arithmetically. It is made for 100 bytes to 64 KB, where a general-purpose
// compressor has not yet learnt anything.
//
// Columns do best when each holds one thing, when a number of fixed width is
// cut into one column per byte or digit, and when columns that depend on each
// other lie side by side: each byte is also predicted from the byte at the
// same place of the column before, if both have the same length.
//
// The arithmetic is exact integers throughout; SPEC.md in this folder is
// enough to write the same thing in another language. The package does no I/O.
package squeeze

import (
	"errors"
	"math/bits"
	"sync"
)

// MaxExpansion bounds what a stream can claim: columns of more than
// MaxExpansion*(len(src)+8) bytes in total are refused before anything is
// decoded. No encoder's output comes near it, for a bit costs at least 1/1976
// of a bit.
const MaxExpansion = 4096

// maxLength is the longest column that the format can state.
const maxLength = 1<<31 - 1

// Errors of Decompress, to be tested with errors.Is. None carries content of
// the columns.
var (
	// ErrCorrupt says that src is not what Compress writes: cut short, changed,
	// or with bytes behind its end. Ask the sender for it again.
	ErrCorrupt = errors.New("squeeze: stream is damaged; fetch it again from its sender")
	// ErrLimit says that src claims more than the caller's Limits allow, or more
	// than MaxExpansion. Raise the limit only if the sender is trusted.
	ErrLimit = errors.New("squeeze: stream claims more than the limit")
)

// Limits bounds what Decompress may produce. A zero field allows nothing of
// its kind.
type Limits struct {
	MaxColumns     int // number of columns
	MaxColumnBytes int // bytes of any one column
	MaxTotalBytes  int // bytes of all columns together
}

// codec is everything that one call needs; calls borrow it from a pool, so
// that the tables are allocated once per running call.
type codec struct {
	model   model
	stored  []bool
	lengths []int
}

var codecs = sync.Pool{New: func() any { return new(codec) }}

// Compress appends the compressed form of cols to dst and returns it. Equal
// columns give equal bytes. It panics if a column is longer than 2^31-1 bytes,
// and is safe for concurrent use as long as each call has its own dst.
func Compress(dst []byte, cols [][]byte) []byte {
	c := codecs.Get().(*codec)
	defer codecs.Put(c)
	m := &c.model
	m.reset()
	e := encoder{out: dst, high: 0xffffffff}
	c.stored = c.stored[:0]
	for _, col := range cols {
		c.stored = append(c.stored, looksRandom(col))
	}
	c.encodeHeader(&e, cols)
	var beside []byte
	for i, col := range cols {
		m.begin(uint32(i + 1))
		if c.stored[i] {
			for _, b := range col {
				e.plain(b)
			}
		} else {
			encodeColumn(m, &e, col, beside)
		}
		beside = col
	}
	e.finish()
	return e.out
}

// looksRandom reports whether the model's first context alone, starting from
// nothing, would swell col markedly. Such a column is stored. The threshold
// lies below what random bytes cost from about 50 of them on, and above what
// any index or text column was seen to cost.
func looksRandom(col []byte) bool {
	var slots [4 << 8]uint32 // by the count of bytes >= 128 just before, and node
	for i := range slots {
		slots[i] = evenChance
	}
	// An encoder that only counts, in local variables because it sees every
	// byte that the real one sees.
	low, high, shifts := uint32(0), uint32(0xffffffff), int64(0)
	before := uint32(0)
	for _, b := range col {
		node := before<<8 | 1
		for i := 7; i >= 0; i-- {
			bit := uint32(b>>i) & 1
			s := slots[node&(4<<8-1)]
			mid := split(low, high, int64(min(max(s>>16, leastChance), 1<<16-leastChance)))
			if bit == 1 {
				high = mid
			} else {
				low = mid + 1
			}
			for (low^high)>>24 == 0 {
				low, high, shifts = low<<8, high<<8|0xff, shifts+1
			}
			slots[node&(4<<8-1)] = adapted(s, bit)
			node = before<<8 | (node<<1|bit)&0xff
		}
		before = nextHigh(before, b)
	}
	n := int64(len(col))
	return 8*shifts+int64(bits.LeadingZeros32(high-low)) > 8*n+16+min(n/2, 512)
}

func encodeColumn(m *model, e *encoder, col, beside []byte) {
	if len(beside) != len(col) {
		for _, b := range col {
			encodeByte(m, e, b, noByte)
		}
		return
	}
	for i, b := range col {
		encodeByte(m, e, b, uint32(beside[i]))
	}
}

// encodeHeader codes the number of columns and each column's length plus one,
// with a 0 before it if the column is stored.
func (c *codec) encodeHeader(e *encoder, cols [][]byte) {
	c.model.begin(0)
	c.encodeUvarint(e, uint64(len(cols)))
	for i, col := range cols {
		if len(col) > maxLength {
			panic("squeeze: column longer than 2^31-1 bytes")
		}
		if c.stored[i] {
			c.encodeUvarint(e, 0)
		}
		c.encodeUvarint(e, uint64(len(col))+1)
	}
}

func (c *codec) encodeUvarint(e *encoder, v uint64) {
	for v >= 0x80 {
		encodeByte(&c.model, e, byte(v)|0x80, noByte)
		v >>= 7
	}
	encodeByte(&c.model, e, byte(v), noByte)
}

func encodeByte(m *model, e *encoder, b byte, beside uint32) {
	m.startByte(beside)
	node := uint32(1)
	for i := 7; i >= 0; i-- {
		bit := uint32(b>>i) & 1
		m.predict(node)
		e.bit(bit, m.p)
		m.learn(bit)
		node = node<<1 | bit
		if i == 4 {
			m.startNibble(node)
			node = 1
		}
	}
	m.endByte(b)
}

// plain codes b at even chances, outside the model.
func (e *encoder) plain(b byte) {
	for i := 7; i >= 0; i-- {
		e.bit(uint32(b>>i)&1, 1<<15)
	}
}
