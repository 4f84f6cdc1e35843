package syncproto

import "strings"

// Aligned columns. The index column of a small dictionary is written for all
// rows of the table, with 0 where a row lacks the field, and these columns
// stand first and side by side, the column of shapes before them. The
// compressor predicts a byte from the byte at the same place of the column
// before, so what one such field says about the next (the kind about the shape,
// the result about the kind) costs next to nothing. A dictionary of one entry
// needs no index column at all.

// modeAligned is the mode byte of an aligned column.
const modeAligned = 5

// maxAligned is the largest dictionary of an aligned column: its indexes,
// counted from 1, fit one byte.
const maxAligned = 255

// stringLike reports whether values of t are kept as octets.
func stringLike(t Type) bool {
	switch t {
	case TypeNull, TypeInt, TypeBool, TypeDate:
		return false
	default:
		return true
	}
}

// alignable reports whether a column is worth aligning: a small dictionary in
// at least half of the rows. It only chooses; any choice decodes.
func alignable(t Type, values []Value, rows int) bool {
	if !stringLike(t) || len(values) < 2 || 2*len(values) < rows {
		return false
	}
	seen := make(map[string]struct{}, 16)
	limit := min(maxAligned, len(values)/2)
	for _, v := range values {
		seen[v.str] = struct{}{}
		if len(seen) > limit {
			return false
		}
	}
	return true
}

func encodeAligned(lead, body *columnWriter, control []byte, t Type, at []int, values []Value, rows int) []byte {
	index, literals := dictIndex(payloads(values))
	control = appendUvarint(control, uint64(len(literals)))
	if len(literals) > 1 {
		col := make([]byte, rows)
		for j, i := range at {
			col[i] = byte(index[j] + 1)
		}
		lead.put(col)
	}
	if t == TypeUUID {
		body.put([]byte(strings.Join(literals, "")))
		return control
	}
	return putStrings(body, control, literals)
}

// readLead takes the aligned columns of a table, which precede all others.
func readLead(r *columnReader, c *reader, rows int) *columnReader {
	lead := &columnReader{}
	for range c.count(maxKeys, "aligned columns") {
		lead.cols = append(lead.cols, r.get(rows))
	}
	return lead
}

// peek reports whether b is the next byte.
func (r *reader) peek(b byte) bool { return r.err == nil && r.left() > 0 && r.buf[r.off] == b }

func decodeAligned(r *columnReader, c *reader, lead *columnReader, t Type, at []int, rows int) []Value {
	c.byte()
	count := c.count(min(maxAligned, len(at)), "dictionary")
	index := make([]uint64, len(at))
	if count > 1 {
		present := 0
		col := lead.get(rows)
		for _, b := range col {
			if b != 0 {
				present++
			}
		}
		for j, i := range at {
			if lead.err != nil || col[i] == 0 {
				r.fail("aligned column does not fit its rows")
				return nil
			}
			index[j] = uint64(col[i] - 1)
		}
		if present != len(at) {
			r.fail("aligned column names %d rows, want %d", present, len(at))
		}
	}
	var literals []string
	if t == TypeUUID {
		col := string(r.get(16 * count))
		for len(col) >= 16 {
			literals, col = append(literals, col[:16]), col[16:]
		}
	} else {
		literals = getStrings(r, c, count)
	}
	values := make([]Value, len(at))
	if r.err == nil && c.err == nil {
		setTexts(r, values, t, resolveDict(r, index, literals))
	}
	return values
}
