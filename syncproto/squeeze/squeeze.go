// Package squeeze compresses the byte columns of one segment: it predicts each
// bit from several contexts, mixes the predictions and codes the bit
// arithmetically. It is made for 100 bytes to 64 KB, where a general-purpose
// compressor has not yet learnt anything.
//
// Columns do best when each holds one thing, when a number of fixed width is
// cut into one column per byte or digit, and when columns that depend on each
// other lie side by side: each byte is also predicted from the byte at the
// same place of the column before, if both have the same length. Bits that are
// the same in a whole column are not coded at all, and columns that look random
// within their range are packed: the model is where the time goes.
//
// The arithmetic is exact integers throughout; SPEC.md in this folder is
// enough to write the same thing in another language. The package does no I/O.
package squeeze

import (
	"errors"
	"sync"
)

// MaxExpansion bounds what a stream can claim: columns with more than
// 8*MaxExpansion*(len(src)+8) coded bits in total are refused before anything
// is decoded. No encoder's output comes near it, for a bit costs at least
// 1/1976 of a bit. Columns of equal bytes cost nothing, but are short.
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
	model  model
	shapes []shape
	small  *small // made by the first Compress
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
	c.choose(cols)
	c.encodeHeader(&e)
	var beside []byte
	for i, col := range cols {
		s := &c.shapes[i]
		if s.constant() {
			continue
		}
		if s.flat == 0 {
			encodeColumn(m, &e, uint32(i+1), s, col, beside)
		}
		beside = col
	}
	e.finish()
	for i, col := range cols {
		if c.shapes[i].flat != 0 {
			e.out = c.shapes[i].pack(e.out, col)
		}
	}
	return e.out
}

// choose fills c.shapes.
func (c *codec) choose(cols [][]byte) {
	if c.small == nil {
		c.small = new(small)
	}
	c.shapes = c.shapes[:0]
	var beside []byte
	for _, col := range cols {
		if len(col) > maxLength {
			panic("squeeze: column longer than 2^31-1 bytes")
		}
		s := c.small.shapeOf(col, beside)
		if !s.constant() {
			beside = col
		}
		c.shapes = append(c.shapes, s)
	}
}

// encodeColumn codes a column; beside is the one before it that is not constant.
func encodeColumn(m *model, e *encoder, number uint32, s *shape, col, beside []byte) {
	if len(beside) != len(col) {
		m.begin(number, 0)
		for _, b := range col {
			encodeByte(m, e, b, s.mask, 0)
		}
		return
	}
	m.begin(number, 1)
	for i, b := range col {
		encodeByte(m, e, b, s.mask, uint32(beside[i]))
	}
}

// encodeHeader codes the number of columns and the shape of each.
func (c *codec) encodeHeader(e *encoder) {
	c.model.begin(0, 0)
	c.encodeUvarint(e, uint64(len(c.shapes)))
	for i := range c.shapes {
		s := &c.shapes[i]
		if s.flat != 0 {
			c.encodeUvarint(e, 0)
		}
		c.encodeUvarint(e, uint64(s.length)+1)
		if s.length < minMasked {
			continue
		}
		c.encodeOctet(e, s.mask)
		if s.mask != 0xff {
			c.encodeOctet(e, s.base)
		}
		if s.flat != 0 {
			c.encodeOctet(e, byte(s.flat-1))
		}
	}
}

func (c *codec) encodeOctet(e *encoder, b byte) { encodeByte(&c.model, e, b, 0xff, 0) }

func (c *codec) encodeUvarint(e *encoder, v uint64) {
	for v >= 0x80 {
		c.encodeOctet(e, byte(v)|0x80)
		v >>= 7
	}
	c.encodeOctet(e, byte(v))
}

// encodeByte codes the bits of b that are in mask.
func encodeByte(m *model, e *encoder, b, mask byte, beside uint32) {
	m.startByte(beside)
	if mask>>4 != 0 {
		m.startNibble(0)
		encodeNibble(m, e, uint32(b>>4), uint32(mask>>4))
	}
	if mask&15 != 0 {
		m.startNibble(16 | uint32(b>>4))
		encodeNibble(m, e, uint32(b&15), uint32(mask&15))
	}
	m.endByte(b)
}

func encodeNibble(m *model, e *encoder, nibble, mask uint32) {
	node := uint32(1)
	for i := 3; i >= 0; i-- {
		bit := nibble >> i & 1
		if mask>>i&1 != 0 {
			m.predict(node)
			e.bit(bit, m.p)
			m.learn(bit)
		}
		node = node<<1 | bit
	}
}
