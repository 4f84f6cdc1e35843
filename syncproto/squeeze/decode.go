package squeeze

import "fmt"

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
	flat, err := c.decodeColumns(&d, make([]byte, 0, min(total, 16*len(src)+64)))
	if err != nil {
		return nil, err
	}
	if !d.closed() {
		return nil, corrupt("the end is not where it belongs")
	}
	cols := make([][]byte, len(c.lengths))
	for i, n := range c.lengths {
		cols[i], flat = flat[:n:n], flat[n:]
	}
	return cols, nil
}

func corrupt(what string) error { return fmt.Errorf("%w: %s", ErrCorrupt, what) }

// decodeHeader fills c.lengths and c.stored and returns the sum of the
// lengths.
func (c *codec) decodeHeader(d *decoder, lim Limits) (total int, err error) {
	c.lengths, c.stored = c.lengths[:0], c.stored[:0]
	c.model.begin(0)
	count, err := c.decodeUvarint(d)
	if err != nil {
		return 0, err
	}
	if count > uint64(max(lim.MaxColumns, 0)) {
		return 0, fmt.Errorf("%w: %d columns, %d allowed", ErrLimit, count, lim.MaxColumns)
	}
	for range count {
		n, stored, err := c.decodeLength(d)
		if err != nil {
			return 0, err
		}
		if n > lim.MaxColumnBytes || n > lim.MaxTotalBytes-total {
			return 0, fmt.Errorf("%w: column %d of %d bytes, %d a column and %d in total allowed",
				ErrLimit, len(c.lengths), n, lim.MaxColumnBytes, lim.MaxTotalBytes)
		}
		total += n
		if total/MaxExpansion > len(d.src)+8 {
			return 0, fmt.Errorf("%w: %d bytes cannot hold %d", ErrLimit, len(d.src), total)
		}
		c.lengths, c.stored = append(c.lengths, n), append(c.stored, stored)
	}
	return total, nil
}

// decodeLength reads what the header says of one column.
func (c *codec) decodeLength(d *decoder) (n int, stored bool, err error) {
	v, err := c.decodeUvarint(d)
	if err == nil && v == 0 {
		stored = true
		v, err = c.decodeUvarint(d)
	}
	switch {
	case err != nil:
		return 0, false, err
	case v == 0:
		return 0, false, corrupt("a column is marked twice")
	case v-1 > maxLength:
		return 0, false, corrupt("a length is out of range")
	}
	return int(v - 1), stored, nil
}

// decodeUvarint reads a value of at most 35 bits in its only spelling.
func (c *codec) decodeUvarint(d *decoder) (uint64, error) {
	v := uint64(0)
	for shift := 0; shift < 35; shift += 7 {
		b := decodeByte(&c.model, d, noByte)
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
func (c *codec) decodeColumns(d *decoder, flat []byte) ([]byte, error) {
	m := &c.model
	last := 0
	for i, n := range c.lengths {
		m.begin(uint32(i + 1))
		stored := c.stored[i]
		for range n {
			var b byte
			switch {
			case stored:
				b = d.plain()
			case n == last:
				b = decodeByte(m, d, uint32(flat[len(flat)-n]))
			default:
				b = decodeByte(m, d, noByte)
			}
			if d.over() {
				return nil, corrupt("cut short")
			}
			flat = append(flat, b)
		}
		last = n
	}
	return flat, nil
}

func decodeByte(m *model, d *decoder, beside uint32) byte {
	m.startByte(beside)
	first := m.decodeNibble(d)
	m.startNibble(first)
	b := first<<4&0xf0 | m.decodeNibble(d)&0x0f
	m.endByte(byte(b))
	return byte(b)
}

func (d *decoder) plain() byte {
	b := uint32(0)
	for range 8 {
		b = b<<1 | d.bit(1<<15)
	}
	return byte(b)
}
