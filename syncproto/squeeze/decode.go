package squeeze

import (
	"fmt"
	"math/bits"
)

// Decompress returns the columns of a stream made by Compress; src must hold
// that and nothing behind it. It checks every length against lim before it
// allocates, and memory grows only with what is really decoded. An error is
// ErrCorrupt or ErrLimit, wrapped. The columns share one array, each capped to
// its own bytes. It never panics and is safe for concurrent use.
func Decompress(src []byte, lim Limits) ([][]byte, error) {
	c := codecs.Get().(*codec)
	defer codecs.Put(c)
	d := newDecoder(src)
	c.model.reset()
	total, err := c.decodeHeader(&d, lim)
	if err != nil {
		return nil, err
	}
	packed, err := c.packed(&d)
	if err != nil {
		return nil, err
	}
	flat, err := c.decodeColumns(&d, packed, make([]byte, 0, min(total, 16*len(src)+64)))
	if err != nil {
		return nil, err
	}
	if !d.closed() {
		return nil, corrupt("the end is not where it belongs")
	}
	cols := make([][]byte, len(c.shapes))
	for i := range c.shapes {
		n := c.shapes[i].length
		cols[i], flat = flat[:n:n], flat[n:]
	}
	return cols, nil
}

func corrupt(what string) error { return fmt.Errorf("%w: %s", ErrCorrupt, what) }

// packed cuts the packed columns off the stream; the coder reads what is before
// them.
func (c *codec) packed(d *decoder) ([]byte, error) {
	size := 0
	for i := range c.shapes {
		if s := &c.shapes[i]; s.flat != 0 {
			size += packedSize(s.length, s.flat)
		}
	}
	if size > len(d.src) {
		return nil, corrupt("cut short before its packed columns")
	}
	return d.cut(len(d.src) - size), nil
}

// decodeHeader fills c.shapes and returns the sum of the lengths.
func (c *codec) decodeHeader(d *decoder, lim Limits) (total int, err error) {
	c.shapes = c.shapes[:0]
	c.model.begin(0, 0)
	count, err := c.decodeUvarint(d)
	if err != nil {
		return 0, err
	}
	if count > uint64(max(lim.MaxColumns, 0)) {
		return 0, fmt.Errorf("%w: %d columns, %d allowed", ErrLimit, count, lim.MaxColumns)
	}
	modelled := 0 // bits that the model codes
	for range count {
		s, err := c.decodeShape(d)
		if err != nil {
			return 0, err
		}
		if s.length > lim.MaxColumnBytes || s.length > lim.MaxTotalBytes-total {
			return 0, fmt.Errorf("%w: column %d of %d bytes, %d a column and %d in total allowed",
				ErrLimit, len(c.shapes), s.length, lim.MaxColumnBytes, lim.MaxTotalBytes)
		}
		total += s.length
		modelled += s.length * bits.OnesCount8(s.mask)
		if modelled/(8*MaxExpansion) > len(d.src)+8 {
			return 0, fmt.Errorf("%w: %d bytes cannot hold %d", ErrLimit, len(d.src), total)
		}
		c.shapes = append(c.shapes, s)
	}
	return total, nil
}

// decodeShape reads what the header says of one column.
func (c *codec) decodeShape(d *decoder) (s shape, err error) {
	v, err := c.decodeUvarint(d)
	if err == nil && v == 0 {
		s.flat = 1
		v, err = c.decodeUvarint(d)
	}
	switch {
	case err != nil:
		return s, err
	case v == 0:
		return s, corrupt("a column is marked twice")
	case v-1 > maxLength:
		return s, corrupt("a length is out of range")
	}
	s.mask = 0xff
	if s.length = int(v - 1); s.length < minMasked {
		if s.flat != 0 {
			return s, corrupt("a column's shape is none")
		}
		return s, nil
	}
	octet := func() byte { return decodeByte(&c.model, d, 0xff, 0, 0) }
	if s.mask = octet(); s.mask != 0xff {
		s.base = octet()
	}
	if s.flat != 0 {
		s.flat += int(octet())
	}
	switch {
	case d.over():
		return s, corrupt("cut short in its header")
	case s.base&s.mask != 0, s.flat == 1, s.flat > 1<<bits.OnesCount8(s.mask), s.mask == 0 && s.length > maxConstant:
		return s, corrupt("a column's shape is none")
	}
	return s, nil
}

// decodeUvarint reads a value of at most 35 bits in its only spelling.
func (c *codec) decodeUvarint(d *decoder) (uint64, error) {
	v := uint64(0)
	for shift := 0; shift < 35; shift += 7 {
		b := decodeByte(&c.model, d, 0xff, 0, 0)
		if d.over() {
			return 0, corrupt("cut short in its header")
		}
		v |= uint64(b&0x7f) << shift
		if b >= 0x80 {
			continue
		}
		if b == 0 && shift > 0 {
			break
		}
		return v, nil
	}
	return 0, corrupt("a header number is not in its shortest form")
}

// decodeColumns appends all columns to flat.
func (c *codec) decodeColumns(d *decoder, packed, flat []byte) ([]byte, error) {
	var beside []byte
	for i := range c.shapes {
		s := &c.shapes[i]
		at := len(flat)
		switch {
		case s.constant():
			for range s.length {
				flat = append(flat, s.base)
			}
			continue
		case s.flat != 0:
			size := packedSize(s.length, s.flat)
			var ok bool
			if flat, ok = s.unpack(flat, packed[:size]); !ok {
				return nil, corrupt("a packed number is too large")
			}
			packed = packed[size:]
		default:
			var err error
			if flat, err = c.decodeColumn(d, uint32(i+1), s, beside, flat); err != nil {
				return nil, err
			}
		}
		beside = flat[at:]
	}
	return flat, nil
}

// decodeColumn appends a column that the model codes to flat.
func (c *codec) decodeColumn(d *decoder, number uint32, s *shape, beside, flat []byte) ([]byte, error) {
	m := &c.model
	if len(beside) != s.length {
		beside = nil
		m.begin(number, 0)
	} else {
		m.begin(number, 1)
	}
	for i := range s.length {
		next := uint32(0)
		if beside != nil {
			next = uint32(beside[i])
		}
		b := decodeByte(m, d, uint32(s.mask), uint32(s.base), next)
		if d.over() {
			return nil, corrupt("cut short")
		}
		flat = append(flat, b)
	}
	return flat, nil
}

func decodeByte(m *model, d *decoder, mask, base, beside uint32) byte {
	m.startByte(beside)
	high := base >> 4
	if mask>>4 != 0 {
		m.startNibble(0)
		high = m.decodeNibble(d, mask>>4, base>>4) & 15
	}
	low := base & 15
	if mask&15 != 0 {
		m.startNibble(16 | high)
		low = m.decodeNibble(d, mask&15, base&15) & 15
	}
	b := byte(high<<4 | low)
	m.endByte(b)
	return b
}
