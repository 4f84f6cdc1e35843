package syncproto

import (
	"testing"

	"github.com/google/uuid"
)

func columnsForm(cols [][]byte) []octets {
	out := make([]octets, len(cols))
	for i, c := range cols {
		out[i] = append(octets{}, c...)
	}
	return out
}

func rowsOf(num uint32, values ...Value) []Row {
	rows := make([]Row, len(values))
	for i, v := range values {
		rows[i] = Row{{num, v}}
	}
	return rows
}

func valuesOf[T any](f func(T) Value, in ...T) []Value {
	out := make([]Value, len(in))
	for i, x := range in {
		out[i] = f(x)
	}
	return out
}

func makeTables(t *testing.T) any {
	ids := []uuid.UUID{{1}, {2}, {1}, {1}}
	plain := []struct {
		name string
		rows []Row
	}{
		{"no row", nil},
		{"one empty row", []Row{{}}},
		{"ints", rowsOf(1, valuesOf(IntValue, 900, -40000, 7, 1<<40)...)},
		{"ints that rise", rowsOf(1, valuesOf(IntValue, 1_000_000, 1_000_010, 1_000_020, 1_000_025, 1_000_031, 1_000_040, 1_000_052, 1_000_061)...)},
		{"ints that repeat", rowsOf(1, valuesOf(IntValue, -1<<63, 1<<63-1, -1<<63, 1<<63-1, -1<<63, 1<<63-1, 5, 5, -1<<63, 5, 5, 5)...)},
		{"zeros", rowsOf(1, valuesOf(IntValue, 0, 0, 0)...)},
		{"bools", rowsOf(1, valuesOf(BoolValue, true, false, true)...)},
		{"nulls", rowsOf(1, Null(), Null())},
		{"dates", rowsOf(1, valuesOf(DateValue, Date{2026, 5, 30}, Date{2026, 5, 31}, Date{Year: 1948}, Date{})...)},
		{"uuids", rowsOf(1, valuesOf(UUIDValue, ids...)...)},
		{"one text", rowsOf(1, TextValue("xã Minh Ngọc"))},
		{"texts that repeat", rowsOf(1, valuesOf(TextValue, "CC", "TT", "CC", "CC", "")...)},
		{"texts of one length", rowsOf(1, valuesOf(TextValue, "002190000001", "002190000002", "002090000003")...)},
		{"texts of repeating words", rowsOf(1, valuesOf(TextValue, "thôn Nà Xá", "thôn Nà Cau", " thôn  Nà ", "Nà thôn", "thôn Xá Nà Cau")...)},
		{"aligned texts, not in all rows", []Row{{{1, TextValue("CC")}, {2, IntValue(9)}}, {{2, IntValue(9)}}, {{1, TextValue("TT")}, {2, IntValue(8)}}, {{1, TextValue("CC")}, {2, IntValue(9)}}, {{1, TextValue("CC")}, {2, IntValue(7)}}}},
		{"an aligned text that is always the same", rowsOf(1, valuesOf(TextValue, "CC", "CC", "CC")...)},
		{"aligned uuids", rowsOf(1, valuesOf(UUIDValue, ids[0], ids[0], ids[1], ids[1])...)},
		{"texts that repeat and are of repeating words", rowsOf(1, valuesOf(TextValue, "Ma Thị Lan", "Lý Thị Lan", "Ma Thị Lan", "Ma Thị Mai", "Lý Thị Mai", "Lý Thị Lan", "Ma Thị Mai")...)},
		{"more shapes of more than 8 fields", []Row{manyFields(1, 9), manyFields(3, 8), manyFields(1, 9)}},
		{"other texts", rowsOf(1, valuesOf(TextValue, "hẹn lại tháng sau", "", "đã hướng dẫn")...)},
		{"lists and octets", []Row{{{1, ListValue("a", "b")}, {2, BytesValue([]byte{0, 1})}}, {{1, ListValue()}, {2, BytesValue([]byte{9, 8, 7})}}}},
		{"type of a newer version", rowsOf(1, opaque(9, "xyz"), opaque(9, ""))},
		{"several shapes, one field with two types", []Row{{{1, TextValue("a")}, {2, IntValue(1)}}, {}, {{1, Null()}, {2, IntValue(2)}}, {{2, IntValue(3)}}, {{1, TextValue("b")}, {2, IntValue(4)}}}},
	}
	var out []vecTable
	for _, p := range plain {
		w := &columnWriter{}
		encodeTable(w, p.rows, nil)
		v := vecTable{Name: p.name, Count: len(p.rows), Columns: columnsForm(w.cols)}
		for _, r := range p.rows {
			v.Rows = append(v.Rows, rowForm(r))
		}
		out = append(out, v)
	}
	return append(out, handTables()...)
}

// manyFields is a row of fields first to last.
func manyFields(first, last uint32) Row {
	var r Row
	for n := first; n <= last; n++ {
		r = append(r, Field{n, IntValue(int64(n))})
	}
	return r
}

// handTables are tables that this package's writer would not write.
func handTables() []vecTable {
	h := func(name string, count int, code Code, rows []Row, cols ...string) vecTable {
		v := vecTable{Name: name, Count: count, Error: code}
		for _, r := range rows {
			v.Rows = append(v.Rows, rowForm(r))
		}
		for _, c := range cols {
			v.Columns = append(v.Columns, octets(c))
		}
		return v
	}
	// one gives a control column of one shape and one field, with number 1, and no
	// aligned column.
	one := func(typ, rest string) string { return "\x01\x01\x01" + typ + "\x00" + rest }
	return []vecTable{
		h("wider ints than needed", 2, "", rowsOf(1, valuesOf(IntValue, 1, 2)...), one("\x01", "\x00\x02"), "\x00\x00", "\x02\x04"),
		h("delta of dates", 2, "", rowsOf(1, valuesOf(DateValue, Date{2026, 5, 30}, Date{2026, 5, 29})...), one("\x06", "\x01\xfc\xd2\x7e\x01"), "\x00\x01"),
		h("two shapes of which one is not used", 1, "", rowsOf(1, Null()), "\x02\x02\x01\x00\x02\x00\x00\x00", "\x01\x02"),
		h("a literal that is not used", 2, CodeMalformed, nil, one("\x01", "\x02\x00\x02\x01"), "\x02\x04"),
		h("an index that jumps", 2, CodeMalformed, nil, one("\x01", "\x02\x01\x02\x01"), "\x00\x02", "\x02\x04"),
		h("an index that jumps within the literals", 3, CodeMalformed, nil, one("\x01", "\x02\x01\x02\x01"), "\x01\x00\x01", "\x02\x04"),
		h("an index out of range", 2, CodeMalformed, nil, one("\x01", "\x02\x01\x01\x01"), "\x00\x01", "\x02"),
		h("more literals than values", 1, CodeTooLarge, nil, one("\x01", "\x02\x00\x02\x01"), "\x02\x04"),
		h("mode 5 for ints", 1, CodeMalformed, nil, one("\x01", "\x05\x00")),
		h("mode 1 for texts", 1, CodeMalformed, nil, one("\x02", "\x01\x00")),
		h("mode 0 for uuids", 1, CodeMalformed, nil, one("\x05", "\x00\x00")),
		h("ints of 9 octets", 1, CodeMalformed, nil, one("\x01", "\x00\x09")),
		h("truth value 2", 1, CodeMalformed, nil, one("\x04", ""), "\x02"),
		h("a column is missing", 1, CodeMalformed, nil, one("\x01", "\x00\x01")),
		h("a column too many", 1, CodeMalformed, nil, one("\x00", ""), ""),
		h("a column of another length", 2, CodeMalformed, nil, one("\x04", ""), "\x01"),
		h("an octet too many in the control column", 1, CodeMalformed, nil, one("\x00", "\x00")),
		h("fields descend", 1, CodeMalformed, nil, "\x01\x02\x02\x00\x01\x00\x00"),
		h("a field twice", 1, CodeMalformed, nil, "\x01\x02\x01\x00\x01\x00\x00"),
		h("a field twice in a shape, of two types", 1, CodeMalformed, nil, "\x01\x02\x01\x00\x01\x04\x00", "\x01"),
		h("a field in no shape", 1, CodeMalformed, nil, "\x02\x02\x01\x00\x02\x00\x00\x00", "\x01\x01"),
		h("a bit beyond the last field", 1, CodeMalformed, nil, "\x02\x02\x01\x00\x02\x00\x00\x00", "\x01\x06"),
		h("shapes missing", 1, CodeMalformed, nil, "\x02\x01\x01\x00\x00\x00"),
		h("differences that do not begin with 0", 1, CodeMalformed, nil, one("\x01", "\x01\x02\x01"), "\x02"),
		h("literals of texts in mode 3", 2, CodeMalformed, nil, one("\x02", "\x02\x01\x02\x03\x01"), "\x00\x01", "ab"),
		h("129 fields of one shape", 1, CodeTooLarge, nil, manyKeys(129)),
		h("words that make a text of over 16,384 octets", 1, CodeTooLarge, nil, one("\x02", "\x04\x01\x00\x01\x02"), "\x03", "\x1f", "\x40", repeated("a", 8000)),
		h("a field of type 255", 1, CodeMalformed, nil, one("\xff", "")),
		h("rows without a shape", 1, CodeMalformed, nil, "\x00\x00\x00"),
		h("fields without a shape", 0, CodeMalformed, nil, "\x00\x01\x01\x00\x00"),
		h("a shape out of range", 1, CodeMalformed, nil, "\x02\x01\x01\x00\x01\x00", "\x00\x01", "\x02"),
		h("a date number too high", 1, CodeMalformed, nil, one("\x06", "\x00\x04"), "\x00", "\x4e", "\x20", "\x00"),
		h("a delta below the first date", 1, CodeMalformed, nil, one("\x06", "\x01\x01\x00")),
		h("a text of no words", 1, CodeMalformed, nil, one("\x02", "\x04\x00\x00\x00\x00"), ""),
		h("an unsorted list", 1, CodeMalformed, nil, one("\x07", "\x00\x01"), "\x05", "\x02\x01b\x01a"),
		h("fixed texts of 33 octets", 1, CodeTooLarge, nil, one("\x02", "\x03\x21")),
		h("text of 16,385 octets", 1, CodeTooLarge, nil, one("\x02", "\x00\x02"), "\x40", "\x01", repeated("a", 16385)),
		h("aligned, absent where the row has the field", 2, CodeMalformed, nil, "\x01\x01\x01\x02\x01\x05\x02\x01", "\x01\x00", "\x01\x01", "ab"),
		h("aligned, present where the row lacks the field", 3, CodeMalformed, nil, "\x02\x01\x01\x02\x01\x01\x05\x02\x01", "\x00\x01", "\x00\x01\x01", "\x01\x01\x02", "\x01\x01", "ab"),
		h("aligned column that no field takes", 1, CodeMalformed, nil, "\x01\x01\x01\x02\x01\x05\x01\x01", "\x01", "\x01", "a"),
		h("aligned column missing", 2, CodeMalformed, nil, "\x01\x01\x01\x02\x00\x05\x02\x01", "\x01\x01", "ab"),
		h("513 different fields", 1, CodeTooLarge, nil, manyKeys(513)),
	}
}

// manyKeys is a control column of one shape with n fields.
func manyKeys(n int) string {
	control := appendUvarint([]byte{1}, uint64(n))
	for num := range n {
		control = append(appendUvarint(control, uint64(num+1)), byte(TypeNull))
	}
	return string(append(control, 0))
}

func TestVectorsTables(t *testing.T) {
	for _, v := range readVectors[vecTable](t, "segment/tables.json") {
		t.Run(v.Name, func(t *testing.T) {
			rows, err := readTable(v)
			wantCode(t, err, v.Error)
			if v.Error != "" {
				return
			}
			if len(rows) != len(v.Rows) {
				t.Fatalf("%d rows, want %d", len(rows), len(v.Rows))
			}
			for i := range rows {
				wantBytes(t, "row", AppendRow(nil, rows[i]), AppendRow(nil, formRow(t, v.Rows[i])))
			}
		})
	}
}

func readTable(v vecTable) ([]Row, error) {
	r := &columnReader{}
	for _, c := range v.Columns {
		r.cols = append(r.cols, c)
	}
	rows := decodeTable(r, v.Count, nil)
	if r.err == nil && r.next != len(r.cols) {
		r.fail("columns too many")
	}
	return rows, r.err
}
