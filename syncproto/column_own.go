package syncproto

import "github.com/google/uuid"

// ownRecords encodes the record column of the header table: how many changes
// back, within this segment, the record was made; 0 means that the id follows.
// Ids of records made here are derived while the chain is computed, so they
// need no bytes.
func ownRecords(made func(i int) uuid.UUID) *special {
	return &special{
		key: fieldKey{hRecord, TypeUUID},
		encode: func(w *columnWriter, at []int, values []Value) {
			encodeOwn(w, made, at, values)
		},
		decode: decodeOwn,
	}
}

func encodeOwn(w *columnWriter, made func(i int) uuid.UUID, at []int, values []Value) {
	madeAt := make(map[uuid.UUID]int)
	next := 0
	back := make([]uint64, len(at))
	var rest []string
	for j, i := range at {
		for ; next < i; next++ {
			if id := made(next); id != uuid.Nil {
				madeAt[id] = next
			}
		}
		if m, ok := madeAt[values[j].UUID()]; ok {
			back[j] = uint64(i - m)
			continue
		}
		rest = append(rest, values[j].str)
	}
	body := &columnWriter{}
	control := putInts(body, nil, back)
	control = encodeDict(body, control, rest, 16)
	w.put(control)
	w.cols = append(w.cols, body.cols...)
}

// decodeOwn gives, for records made in this segment, a marker value that
// resolveOwn replaces once the id is known.
func decodeOwn(r *columnReader, at []int) []Value {
	c := &reader{buf: r.get(-1)}
	back := getInts(r, c, len(at))
	if r.err != nil {
		return nil
	}
	values := make([]Value, len(at))
	literals := 0
	for j, b := range back {
		if b > uint64(at[j]) {
			r.fail("record made %d changes back at change %d", b, at[j])
			return nil
		}
		if b == 0 {
			literals++
		}
	}
	rest := decodeDict(r, c, literals, 16)
	if err := c.end(); err != nil && r.err == nil {
		r.err = err
	}
	if r.err != nil {
		return nil
	}
	for j, b := range back {
		if b == 0 {
			values[j] = Value{typ: TypeUUID, str: rest[0]}
			rest = rest[1:]
			continue
		}
		values[j] = Value{typ: typeOwnRecord, num: int64(b)}
	}
	return values
}

// typeOwnRecord marks, inside the decoder only, a record id still to be
// derived: num is how many changes back its creation stands.
const typeOwnRecord Type = 255
