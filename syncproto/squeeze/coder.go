package squeeze

// encoder is a carryless binary arithmetic coder over 32-bit bounds.
type encoder struct {
	out  []byte
	low  uint32
	high uint32 // inclusive
}

// split returns the last code that means 1 when the chance of 1 is p of 65536.
func split(low, high uint32, p int64) uint32 {
	r := high - low
	return low + r>>16*uint32(p) + (r&0xffff*uint32(p))>>16
}

func (e *encoder) bit(bit uint32, p int64) {
	mid := split(e.low, e.high, p)
	if bit == 1 {
		e.high = mid
	} else {
		e.low = mid + 1
	}
	for (e.low^e.high)>>24 == 0 {
		e.out = append(e.out, byte(e.high>>24))
		e.low <<= 8
		e.high = e.high<<8 | 0xff
	}
}

// tail returns the fewest bytes that lie within low and high whatever follows
// them: they end the stream. So no stream is the beginning of another, and a
// cut one or one with bytes behind it is always noticed.
func tail(low, high uint32) (code uint32, n int) {
	if low == 0 && high == 0xffffffff {
		return 0, 0
	}
	for n = 1; n < 4; n++ {
		unit := uint32(1) << (32 - 8*n)
		code = low
		if rest := low & (unit - 1); rest != 0 {
			code = low - rest + unit
		}
		if code >= low && code|(unit-1) <= high {
			return code, n
		}
	}
	return low, 4
}

func (e *encoder) finish() {
	code, n := tail(e.low, e.high)
	for range n {
		e.out = append(e.out, byte(code>>24))
		code <<= 8
	}
}

// decoder mirrors encoder. Behind the end of src it reads zeros, which decide
// nothing in a whole stream; over says that whole bytes of them were used up.
type decoder struct {
	src    []byte
	next   int
	low    uint32
	high   uint32
	code   uint32
	shifts int
}

func newDecoder(src []byte) decoder {
	d := decoder{src: src, high: 0xffffffff}
	for range 4 {
		d.code = d.code<<8 | d.read()
	}
	return d
}

func (d *decoder) read() uint32 {
	d.next++
	if d.next > len(d.src) {
		return 0
	}
	return uint32(d.src[d.next-1])
}

// cut ends the coded part of the source after n bytes and returns the rest. What
// was read from there already is not part of it.
func (d *decoder) cut(n int) []byte {
	rest := d.src[n:]
	for i := n; i < min(d.next, len(d.src)); i++ {
		d.code &^= 0xff << (8 * (d.next - 1 - i))
	}
	d.src = d.src[:n]
	return rest
}

func (d *decoder) over() bool { return d.shifts > len(d.src) }

// closed reports whether src ends exactly as an encoder ends it.
func (d *decoder) closed() bool {
	code, n := tail(d.low, d.high)
	return d.shifts+n == len(d.src) && d.code == code
}
