package syncproto

import (
	"cmp"
	"slices"
)

// Field is a numbered value. Numbers are given per collection and compartment
// and are never reused.
type Field struct {
	Num   uint32
	Value Value
}

// Row is one compartment of a change: fields in strictly ascending order of
// their numbers. Use NewRow to build one.
type Row []Field

// NewRow sorts the fields by number. Of two fields with one number the later
// in the argument list wins.
func NewRow(fields ...Field) Row {
	r := make(Row, 0, len(fields))
	for _, f := range fields {
		if i := slices.IndexFunc(r, func(g Field) bool { return g.Num == f.Num }); i >= 0 {
			r[i] = f
			continue
		}
		r = append(r, f)
	}
	slices.SortFunc(r, func(a, b Field) int { return cmp.Compare(a.Num, b.Num) })
	return r
}

// Get gives the value of field num and whether the row sets it.
func (r Row) Get(num uint32) (Value, bool) {
	i, ok := slices.BinarySearchFunc(r, num, func(f Field, n uint32) int { return cmp.Compare(f.Num, n) })
	if !ok {
		return Value{}, false
	}
	return r[i].Value, true
}

// Value gives the value of field num, null if the row does not set it.
func (r Row) Value(num uint32) Value {
	v, _ := r.Get(num)
	return v
}

// Octets is about how much memory the row takes, for those who bound how much
// they hold or store.
func (r Row) Octets() int {
	n := 0
	for i := range r {
		n += fieldOctets + len(r[i].Value.str)
	}
	return n
}

// fieldOctets is what a field takes beside its text.
const fieldOctets = 8

// AppendRow appends the canonical encoding of r: uvarint count, then per field
// uvarint number, type tag, payload. It is the encoding that is hashed.
func AppendRow(dst []byte, r Row) []byte {
	dst = appendUvarint(dst, uint64(len(r)))
	for _, f := range r {
		dst = appendUvarint(dst, uint64(f.Num))
		dst = append(dst, byte(f.Value.typ))
		dst = appendPayload(dst, f.Value)
	}
	return dst
}

func appendPayload(dst []byte, v Value) []byte {
	switch v.typ {
	case TypeNull:
		return dst
	case TypeInt:
		return appendUvarint(dst, zigzag(v.num))
	case TypeBool:
		return append(dst, byte(v.num))
	case TypeDate:
		return appendUvarint(dst, uint64(v.num))
	case TypeUUID:
		return append(dst, v.str...)
	default:
		return append(appendUvarint(dst, uint64(len(v.str))), v.str...)
	}
}

// DecodeRow reads exactly one canonical row. Only canonical bytes are taken:
// numbers ascend, varints are shortest, nothing follows. Text is not judged
// here; CheckText does that, so that odd text is quarantined and not lost.
func DecodeRow(b []byte) (Row, error) {
	if len(b) > MaxRowBytes {
		return nil, Errorf(CodeTooLarge, "row of %d bytes is over the limit of %d", len(b), MaxRowBytes)
	}
	r := reader{buf: b}
	row := r.row()
	if err := r.end(); err != nil {
		return nil, err
	}
	return row, nil
}

func (r *reader) row() Row {
	n := r.count(MaxRowFields, "fields in a row")
	if r.err != nil || n == 0 {
		return nil
	}
	row := make(Row, 0, min(n, r.left()))
	last := int64(-1)
	for range n {
		num := r.uvarint()
		if r.err == nil && (num > 1<<31 || int64(num) <= last) {
			r.fail(CodeMalformed, "field numbers do not ascend")
		}
		v := r.value()
		if r.err != nil {
			return nil
		}
		last = int64(num)
		row = append(row, Field{uint32(num), v})
	}
	return row
}

func (r *reader) value() Value {
	return r.payload(Type(r.byte()))
}

// payload reads what follows the tag t.
func (r *reader) payload(t Type) Value {
	switch t {
	case TypeNull:
		return Value{}
	case TypeInt:
		return Value{typ: TypeInt, num: unzigzag(r.uvarint())}
	case TypeBool:
		b := r.byte()
		if b > 1 {
			r.fail(CodeMalformed, "truth value %d", b)
		}
		return Value{typ: TypeBool, num: int64(b)}
	case TypeDate:
		n := r.uvarint()
		if n > maxPackedDate {
			r.fail(CodeMalformed, "date out of range")
			return Value{}
		}
		return Value{typ: TypeDate, num: int64(n)}
	case TypeUUID:
		return Value{typ: TypeUUID, str: string(r.take(16))}
	case typeOwnRecord:
		r.fail(CodeMalformed, "type tag %d is not for the wire", t)
		return Value{}
	case TypeList:
		s := string(r.bytes(MaxValueBytes))
		if r.err == nil {
			r.checkList(s)
		}
		return Value{typ: TypeList, str: s}
	default:
		return Value{typ: t, str: string(r.bytes(MaxValueBytes))}
	}
}

const maxPackedDate = 9999<<9 | 15<<5 | 31

// checkList refuses a list that is not a sorted set, because a set must have
// one encoding.
func (r *reader) checkList(s string) {
	in := reader{buf: []byte(s)}
	n := in.count(MaxListItems, "items in a list")
	var last []byte
	for i := range n {
		item := in.bytes(MaxValueBytes)
		if in.err == nil && i > 0 && string(item) <= string(last) {
			in.fail(CodeMalformed, "list items do not ascend")
		}
		last = item
	}
	if err := in.end(); err != nil {
		r.err = err
	}
}
