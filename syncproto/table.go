package syncproto

import (
	"math/bits"
	"slices"
)

// A table is the columnar form of a list of rows: one shape (which fields with
// which types) per row from a dictionary of shapes, then one column per field
// number and type. Table encoding is reversible to the letter and needs no
// schema, so fields of newer versions travel through older replicas.
//
// The streams of a table go, in a fixed order, to a columnWriter; the segment
// codec compresses them together.

// Bounds of a table and of the columns that are compressed together.
const (
	maxColumns = 1024
	maxKeys    = 512               // column keys of one table
	maxShapes  = MaxSegmentChanges // shapes of one table
	// maxJoined bounds the octets that texts in words make in one compressed
	// block: a dictionary must not blow a small segment up into a large one.
	maxJoined = MaxSegmentRawBytes
)

// columnWriter collects byte columns in order.
type columnWriter struct {
	cols   [][]byte
	joined int   // octets that texts in words make so far
	err    error // the rows do not fit the bounds of a table
}

func (w *columnWriter) put(b []byte) { w.cols = append(w.cols, b) }

func (w *columnWriter) fail(format string, args ...any) {
	if w.err == nil {
		w.err = Errorf(CodeTooLarge, format, args...)
	}
}

// columnReader hands the columns out in the same order.
type columnReader struct {
	cols   [][]byte
	next   int
	joined int
	err    error
}

func (r *columnReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = Errorf(CodeMalformed, format, args...)
	}
}

// get gives the next column; want >= 0 is its length in bytes.
func (r *columnReader) get(want int) []byte {
	if r.err != nil {
		return nil
	}
	if r.next >= len(r.cols) {
		r.fail("column %d is missing", r.next)
		return nil
	}
	c := r.cols[r.next]
	r.next++
	if want >= 0 && len(c) != want {
		r.fail("column %d has %d bytes, want %d", r.next-1, len(c), want)
		return nil
	}
	return c
}

// fieldKey names a column: field number and type.
type fieldKey struct {
	num uint32
	typ Type
}

func compareKeys(a, b fieldKey) int {
	if a.num != b.num {
		return int(int64(a.num) - int64(b.num))
	}
	return int(a.typ) - int(b.typ)
}

// shapesOf gives each row's shape number and the dictionary of shapes.
func shapesOf(rows []Row) (index []uint64, shapes [][]fieldKey) {
	seen := make(map[string]uint64)
	var key []byte
	index = make([]uint64, len(rows))
	for i, row := range rows {
		key = key[:0]
		for _, f := range row {
			key = append(appendUvarint(key, uint64(f.Num)), byte(f.Value.typ))
		}
		n, ok := seen[string(key)]
		if !ok {
			n = uint64(len(shapes))
			seen[string(key)] = n
			shape := make([]fieldKey, len(row))
			for j, f := range row {
				shape[j] = fieldKey{f.Num, f.Value.typ}
			}
			shapes = append(shapes, shape)
		}
		index[i] = n
	}
	return index, shapes
}

func keysOf(shapes [][]fieldKey) []fieldKey {
	var keys []fieldKey
	for _, s := range shapes {
		keys = append(keys, s...)
	}
	slices.SortFunc(keys, compareKeys)
	return slices.Compact(keys)
}

// special lets the caller of a table encode one column in its own way: the
// header table does so for record ids.
type special struct {
	key    fieldKey
	encode func(w *columnWriter, rows []int, values []Value)
	decode func(r *columnReader, rows []int) []Value
}

// encodeTable writes rows. The control column comes first and holds the shapes
// and the mode bytes; they are gathered while the columns are made.
func encodeTable(w *columnWriter, rows []Row, sp *special) {
	index, shapes := shapesOf(rows)
	keys := keysOf(shapes)
	control := appendUvarint(appendUvarint(nil, uint64(len(shapes))), uint64(len(keys)))
	for _, k := range keys {
		control = append(appendUvarint(control, uint64(k.num)), byte(k.typ))
	}
	if len(shapes) > maxShapes || len(keys) > maxKeys {
		w.fail("rows of %d shapes with %d different fields, at most %d and %d are allowed", len(shapes), len(keys), maxShapes, maxKeys)
		return
	}
	lead, body := &columnWriter{}, &columnWriter{joined: w.joined}
	if len(shapes) > 1 {
		control = putInts(lead, control, index)
	}
	var modes []byte
	for _, k := range keys {
		at, values := gather(rows, k)
		switch {
		case sp != nil && k == sp.key:
			sp.encode(body, at, values)
		case alignable(k.typ, values, len(rows)):
			modes = encodeAligned(lead, body, append(modes, modeAligned), k.typ, at, values, len(rows))
		default:
			modes = encodeColumn(body, modes, k.typ, values)
		}
	}
	aligned := len(lead.cols)
	if len(shapes) > 1 {
		aligned -= widthOf(index)
	}
	w.put(append(appendUvarint(control, uint64(aligned)), modes...))
	if len(shapes) > 1 {
		putShapes(w, shapes, keys)
	}
	w.cols = append(append(w.cols, lead.cols...), body.cols...)
	w.joined = body.joined
}

// putShapes writes which keys each shape has: one column for every eight keys,
// one octet for each shape, the first key the lowest bit.
func putShapes(w *columnWriter, shapes [][]fieldKey, keys []fieldKey) {
	planes := make([][]byte, (len(keys)+7)/8)
	for p := range planes {
		planes[p] = make([]byte, len(shapes))
		w.put(planes[p])
	}
	for i, s := range shapes {
		for _, k := range s {
			n, _ := slices.BinarySearchFunc(keys, k, compareKeys)
			planes[n/8][i] |= 1 << (n % 8)
		}
	}
}

// gather collects the values of column k and the rows they stand in.
func gather(rows []Row, k fieldKey) (at []int, values []Value) {
	at, values = make([]int, 0, len(rows)), make([]Value, 0, len(rows))
	for i, row := range rows {
		if v, ok := row.Get(k.num); ok && v.typ == k.typ {
			at = append(at, i)
			values = append(values, v)
		}
	}
	return at, values
}

// decodeTable reads n rows.
func decodeTable(r *columnReader, n int, sp *special) []Row {
	c := &reader{buf: r.get(-1)}
	keys, shapes := readShapes(c, r)
	if r.err != nil {
		return nil
	}
	index := make([]uint64, n)
	if len(shapes) > 1 {
		index = getInts(r, c, n)
	} else if len(shapes) == 0 && n > 0 {
		r.fail("no shape for %d rows", n)
	}
	rows := make([]Row, n)
	for i, s := range index {
		if s >= uint64(len(shapes)) {
			r.fail("shape %d of %d", s, len(shapes))
			return nil
		}
		if len(shapes[s]) > 0 {
			rows[i] = make(Row, 0, len(shapes[s]))
		}
	}
	lead := readLead(r, c, n)
	var at []int
	for _, k := range keys {
		at = rowsWith(at[:0], index, shapes, k)
		var values []Value
		switch {
		case sp != nil && k == sp.key:
			values = sp.decode(r, at)
		case c.peek(modeAligned) && stringLike(k.typ):
			values = decodeAligned(r, c, lead, k.typ, at, n)
		default:
			values = decodeColumn(r, c, k.typ, len(at))
		}
		if r.err != nil {
			return nil
		}
		for j, i := range at {
			rows[i] = append(rows[i], Field{k.num, values[j]})
		}
	}
	if err := c.end(); err != nil && r.err == nil {
		r.err = err
	}
	if r.err == nil && len(lead.cols) != lead.next {
		r.fail("%d aligned columns too many", len(lead.cols)-lead.next)
	}
	return rows
}

func rowsWith(at []int, index []uint64, shapes [][]fieldKey, k fieldKey) []int {
	has := make([]bool, len(shapes))
	for s, shape := range shapes {
		_, has[s] = slices.BinarySearchFunc(shape, k, compareKeys)
	}
	for i, s := range index {
		if has[s] {
			at = append(at, i)
		}
	}
	return at
}

// readShapes reads the keys of a table and which of them each shape has.
func readShapes(c *reader, r *columnReader) (keys []fieldKey, shapes [][]fieldKey) {
	count := c.count(maxShapes, "shapes")
	for range c.count(maxKeys, "fields of a table") {
		k := fieldKey{typ: typeOwnRecord}
		if num := c.uvarint(); num <= 1<<31 {
			k = fieldKey{uint32(num), Type(c.byte())}
		}
		if c.err == nil && (k.typ == typeOwnRecord || len(keys) > 0 && compareKeys(keys[len(keys)-1], k) >= 0) {
			c.fail(CodeMalformed, "table with field %d of type %d out of order", k.num, k.typ)
		}
		keys = append(keys, k)
	}
	switch {
	case c.err != nil:
	case count == 1:
		shapes = [][]fieldKey{keys}
	case count > 1:
		shapes = readPlanes(r, keys, count)
	case len(keys) > 0:
		r.fail("fields without a shape")
	}
	if c.err != nil && r.err == nil {
		r.err = c.err
	}
	for _, s := range shapes {
		checkShape(r, s)
	}
	return keys, shapes
}

// readPlanes undoes putShapes. Every key must be in some shape.
func readPlanes(r *columnReader, keys []fieldKey, count int) [][]fieldKey {
	shapes := make([][]fieldKey, count)
	for at := 0; at < len(keys); at += 8 {
		some := byte(0)
		for i, set := range r.get(count) {
			some |= set
			for ; set != 0; set &= set - 1 {
				if n := at + bits.TrailingZeros8(set); n < len(keys) {
					shapes[i] = append(shapes[i], keys[n])
				}
			}
		}
		if want := byte(1<<min(8, len(keys)-at) - 1); r.err == nil && some != want {
			r.fail("shapes with fields %08b from field %d on, want %08b", some, at, want)
		}
	}
	return shapes
}

// checkShape refuses a shape that no row has.
func checkShape(r *columnReader, s []fieldKey) {
	if len(s) > MaxRowFields && r.err == nil {
		r.err = Errorf(CodeTooLarge, "shape of %d fields, at most %d are allowed", len(s), MaxRowFields)
	}
	for i := 1; i < len(s); i++ {
		if s[i].num == s[i-1].num {
			r.fail("shape with field %d twice", s[i].num)
		}
	}
}
