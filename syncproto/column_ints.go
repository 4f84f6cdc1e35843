package syncproto

import (
	"math"
	"math/bits"
)

// encodeInts picks the cheapest of plain, delta and dictionary by order-0
// entropy.
func encodeInts(w *columnWriter, control []byte, typ Type, values []Value) []byte {
	plain, delta := make([]uint64, len(values)), make([]uint64, len(values))
	last := int64(0)
	for i, v := range values {
		if plain[i] = uint64(v.num); typ == TypeInt {
			plain[i] = zigzag(v.num)
		}
		delta[i] = zigzag(v.num - last)
		last = v.num
	}
	first := uint64(0)
	if len(delta) > 0 { // most differ little from the one before, but the first is large
		first, delta[0] = delta[0], 0
	}
	dict, literals := dictIndex(plain)
	dictCost := planesCost(dict) + planesCost(literals) + 2
	plainCost, deltaCost := planesCost(plain), planesCost(delta)+8
	switch {
	case dictCost < min(plainCost, deltaCost):
		control = putInts(w, append(control, modeDict), dict)
		control = appendUvarint(control, uint64(len(literals)))
		return putInts(w, control, literals)
	case deltaCost < plainCost:
		return putInts(w, appendUvarint(append(control, modeDelta), first), delta)
	default:
		return putInts(w, append(control, modePlain), plain)
	}
}

func decodeInts(r *columnReader, c *reader, typ Type, values []Value) {
	var raw []uint64
	mode := c.byte()
	switch mode {
	case modePlain:
		raw = getInts(r, c, len(values))
	case modeDelta:
		raw = getDeltas(r, c, len(values))
	case modeDict:
		index := getInts(r, c, len(values))
		literals := getInts(r, c, c.count(len(values), "dictionary"))
		raw = resolveDict(r, index, literals)
	default:
		r.fail("mode %d for integers", mode)
	}
	if r.err != nil || c.err != nil {
		return
	}
	last := int64(0)
	for i, u := range raw {
		switch {
		case mode == modeDelta:
			last += unzigzag(u)
		case typ == TypeInt:
			last = unzigzag(u)
		default:
			last = int64(u)
		}
		if typ == TypeDate && (last < 0 || last > maxPackedDate) {
			r.fail("date out of range")
			return
		}
		values[i] = Value{typ: typ, num: last}
	}
}

// getDeltas reads n differences, of which the first stands apart.
func getDeltas(r *columnReader, c *reader, n int) []uint64 {
	first := c.uvarint()
	raw := getInts(r, c, n)
	switch {
	case r.err != nil || c.err != nil:
		return nil
	case n == 0 || raw[0] != 0:
		r.fail("differences of %d integers do not begin with 0", n)
		return nil
	}
	raw[0] = first
	return raw
}

// putInts writes integers as one column per byte, most significant first, and
// appends the width in bytes to control.
func putInts(w *columnWriter, control []byte, ints []uint64) []byte {
	width := widthOf(ints)
	for p := range width {
		shift := 8 * (width - 1 - p)
		plane := make([]byte, len(ints))
		for i, u := range ints {
			plane[i] = byte(u >> shift)
		}
		w.put(plane)
	}
	return append(control, byte(width))
}

func getInts(r *columnReader, c *reader, n int) []uint64 {
	width := int(c.byte())
	if width > 8 {
		r.fail("integers of %d bytes", width)
	}
	if c.err != nil && r.err == nil {
		r.err = c.err
	}
	if r.err != nil {
		return nil
	}
	ints := make([]uint64, n)
	for range width {
		for i, b := range r.get(n) {
			ints[i] = ints[i]<<8 | uint64(b)
		}
	}
	if r.err != nil {
		return nil
	}
	return ints
}

func widthOf(ints []uint64) int {
	var all uint64
	for _, u := range ints {
		all |= u
	}
	return (bits.Len64(all) + 7) / 8
}

// planesCost estimates the compressed bytes of putInts by order-0 entropy of
// each plane, with the cost of learning a symbol.
func planesCost(ints []uint64) float64 {
	cost := 0.0
	for p := range widthOf(ints) {
		var hist [256]int
		for _, u := range ints {
			hist[byte(u>>(8*p))]++
		}
		cost += entropyBytes(hist[:], len(ints))
	}
	return cost
}

// entropyBytes is the order-0 entropy in bytes plus one byte per distinct
// symbol, which a model must learn first.
func entropyBytes(hist []int, n int) float64 {
	cost := 0.0
	for _, h := range hist {
		if h > 0 {
			cost += float64(h)*math.Log2(float64(n)/float64(h))/8 + 1
		}
	}
	return cost
}
