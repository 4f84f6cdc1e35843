package syncproto

import (
	"crypto/ed25519"
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/google/uuid"

	"thonsync/syncproto/squeeze"
)

func init() {
	vectorMakers = append(vectorMakers,
		vectorMaker{"statement/statements.json", "signed is the statement under segment's signature by key's origin. With error, checking key and signature fails so.", makeStatements},
		vectorMaker{"segment/tables.json", "columns are the byte columns of one table of count rows (not the header table of a segment). With error, decoding fails so, surplus columns included.", makeTables},
		vectorMaker{"segment/segments.json", "segment verifies under key and its seal opens with seal_private. open_columns and personal_columns are the columns before compression, sealed_plain is what is inside the seal. A change without salt travelled by its commitment. Segments without sealed_plain are open only.", makeSegments},
		vectorMaker{"segment/refused.json", "parsing, verifying under key or opening the seal with seal_private fails with error, in that order.", makeSegmentsRefused},
		vectorMaker{"feed/pages.json", "bytes is a page signed by key, the centre's. columns are those of the content before compression. The pages without error follow each other. With error, decoding fails so.", makePages})
}

func vecSealKey(t testing.TB, n byte) SealPrivate {
	t.Helper()
	seed := vecKey(n).Seed()
	k, err := NewSealPrivate(seed)
	must(t, err)
	return k
}

func ringOf(keys ...SealPrivate) Keyring {
	return func(id KeyID) (SealPrivate, bool) {
		for _, k := range keys {
			if k.Public.ID == id {
				return k, true
			}
		}
		return SealPrivate{}, false
	}
}

// vecInput is a segment over changes first..last of the history.
func vecInput(t testing.TB, key ed25519.PrivateKey, first, last uint64) SegmentInput {
	t.Helper()
	origin := OriginOf(public(key))
	in := SegmentInput{Origin: origin, Before: Genesis(origin), Key: key, To: vecSealKey(t, 50).Public}
	for _, c := range vecChanges(origin) {
		if c.Seq < first {
			salt := ExpandSalt(vecSecret, origin, c.Seq)
			changeForm(c, &in.Before, &salt, Hash{})
		} else if c.Seq <= last {
			in.Changes = append(in.Changes, c)
		}
	}
	secret := vecSecret
	in.Salts = []SaltRun{{Count: len(in.Changes), Secret: &secret}}
	return in
}

func encodeVec(t testing.TB, in SegmentInput) *Segment {
	t.Helper()
	s, err := EncodeSegment(in)
	must(t, err)
	return s
}

func makeStatements(t *testing.T) any {
	key := vecKey(0)
	s := encodeVec(t, vecInput(t, key, 1, 5))
	good := s.EncodeOpen()
	form := func(name string, key ed25519.PublicKey, b []byte, code Code) vecStatement {
		p, err := ParseSegment(b)
		must(t, err)
		return vecStatement{name, octets(key), b, p.signed(), append(octets{}, p.Signature[:]...), code}
	}
	sig := 4 + 16 + 2 + 4*32
	return []vecStatement{
		form("five changes, open only", public(key), good, ""),
		form("two changes from the third", public(key), encodeVec(t, vecInput(t, key, 3, 4)).EncodeOpen(), ""),
		form("key of another origin", public(vecKey(1)), good, CodeForeignKey),
		form("origin changed", public(key), flipped(good, 8*4), CodeForeignKey),
		form("first changed", public(key), flipped(good, 8*20+1), CodeSignature),
		form("count changed", public(key), flipped(good, 8*21), CodeSignature),
		form("o before changed", public(key), flipped(good, 8*22), CodeSignature),
		form("p after changed", public(key), flipped(good, 8*(sig-1)+7), CodeSignature),
		form("signature changed", public(key), flipped(good, 8*sig+3), CodeSignature),
		form("open compartment changed", public(key), flipped(good, 8*(sig+64+10)), CodeSignature),
		form("hash of the sealed compartment changed", public(key), flipped(good, 8*(len(good)-1)), CodeSignature),
	}
}

// flipped gives b with one bit changed.
func flipped(b []byte, bit int) []byte {
	out := append([]byte{}, b...)
	out[bit/8] ^= 1 << (bit % 8)
	return out
}

func TestVectorsStatement(t *testing.T) {
	for _, v := range readVectors[vecStatement](t, "statement/statements.json") {
		t.Run(v.Name, func(t *testing.T) {
			s, err := ParseSegment(v.Segment)
			must(t, err)
			wantBytes(t, "signed octets", s.signed(), v.Signed)
			wantBytes(t, "signature", s.Signature[:], v.Signature)
			wantCode(t, s.VerifySignature(ed25519.PublicKey(v.Key)), v.Error)
		})
	}
}

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
	// one gives a control column of one shape of one field with number 1 and no
	// aligned column.
	one := func(typ, rest string) string { return "\x01\x01\x01" + typ + "\x00" + rest }
	return []vecTable{
		h("wider ints than needed", 2, "", rowsOf(1, valuesOf(IntValue, 1, 2)...), one("\x01", "\x00\x02"), "\x00\x00", "\x02\x04"),
		h("delta of dates", 2, "", rowsOf(1, valuesOf(DateValue, Date{2026, 5, 30}, Date{2026, 5, 29})...), one("\x06", "\x01\x03"), "\x1f\x00", "\xa9\x00", "\x7c\x01"),
		h("two shapes of which one is not used", 1, "", rowsOf(1, Null()), "\x02\x01\x01\x00\x01\x02\x00\x00\x00"),
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
		h("fields of a shape descend", 1, CodeMalformed, nil, "\x01\x02\x02\x00\x01\x00\x00"),
		h("a field twice in a shape", 1, CodeMalformed, nil, "\x01\x02\x01\x00\x01\x00\x00"),
		h("words that make a text of over 16,384 octets", 1, CodeTooLarge, nil, one("\x02", "\x04\x01\x00\x01\x02"), "\x03", "\x1f", "\x40", repeated("a", 8000)),
		h("a field of type 255", 1, CodeMalformed, nil, one("\xff", "")),
		h("rows without a shape", 1, CodeMalformed, nil, "\x00\x00"),
		h("a shape out of range", 1, CodeMalformed, nil, "\x02\x00\x01\x01\x00\x01\x00", "\x02"),
		h("a date number too high", 1, CodeMalformed, nil, one("\x06", "\x00\x04"), "\x00", "\x4e", "\x20", "\x00"),
		h("a delta below the first date", 1, CodeMalformed, nil, one("\x06", "\x01\x01"), "\x01"),
		h("a text of no words", 1, CodeMalformed, nil, one("\x02", "\x04\x00\x00\x00\x00"), ""),
		h("an unsorted list", 1, CodeMalformed, nil, one("\x07", "\x00\x01"), "\x05", "\x02\x01b\x01a"),
		h("fixed texts of 33 octets", 1, CodeTooLarge, nil, one("\x02", "\x03\x21")),
		h("text of 16,385 octets", 1, CodeTooLarge, nil, one("\x02", "\x00\x02"), "\x40", "\x01", repeated("a", 16385)),
		h("aligned, absent where the row has the field", 2, CodeMalformed, nil, "\x01\x01\x01\x02\x01\x05\x02\x01", "\x01\x00", "\x01\x01", "ab"),
		h("aligned, present where the row lacks the field", 3, CodeMalformed, nil, "\x02\x00\x01\x01\x02\x01\x01\x05\x02\x01", "\x00\x01\x01", "\x01\x01\x02", "\x01\x01", "ab"),
		h("aligned column that no field takes", 1, CodeMalformed, nil, "\x01\x01\x01\x02\x01\x05\x01\x01", "\x01", "\x01", "a"),
		h("aligned column missing", 2, CodeMalformed, nil, "\x01\x01\x01\x02\x00\x05\x02\x01", "\x01\x01", "ab"),
		h("513 different fields", 1, CodeTooLarge, nil, manyShapes()),
	}
}

// manyShapes is a control column whose shapes have 513 different fields.
func manyShapes() string {
	control := appendUvarint(nil, 9)
	num := uint64(0)
	for range 9 {
		control = appendUvarint(control, 57)
		for range 57 {
			num++
			control = append(appendUvarint(control, num), byte(TypeNull))
		}
	}
	return string(append(control, 0, 0))
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

// segmentForm describes a segment with all that its vector says.
func segmentForm(t *testing.T, name string, in SegmentInput, openOnly bool) vecSegment {
	s := encodeVec(t, in)
	key := vecSealKey(t, 50)
	v := vecSegment{Name: name, Key: octets(public(in.Key)), SealPrivate: key.Bytes(), SealPublic: key.Public.Bytes(), Segment: s.Encode()}
	cols, err := squeeze.Decompress(s.open, squeezeLimits())
	must(t, err)
	v.OpenColumns = columnsForm(cols)
	if openOnly {
		v.Segment = s.EncodeOpen()
	} else {
		v.Plain, err = personalPlain(in)
		must(t, err)
		w := &columnWriter{}
		var rows []Row
		for _, c := range in.Changes {
			rows = append(rows, c.Personal)
		}
		encodeTable(w, rows, nil)
		v.PersonalColumns = columnsForm(w.cols)
	}
	heads, i := in.Before, 0
	for _, run := range in.Salts {
		for j := range run.Count {
			if run.Secret == nil && run.Salts == nil {
				v.Changes = append(v.Changes, changeForm(in.Changes[i], &heads, nil, run.Commitments[j]))
			} else {
				salt := run.salt(in.Origin, in.Changes[i].Seq, j)
				v.Changes = append(v.Changes, changeForm(in.Changes[i], &heads, &salt, Hash{}))
			}
			i++
		}
	}
	return v
}

// afterErasure is a history whose second change's personal row is gone.
func afterErasure(t testing.TB, key ed25519.PrivateKey) SegmentInput {
	in := vecInput(t, key, 1, 5)
	salt := func(seq uint64) Salt { return ExpandSalt(vecSecret, in.Origin, seq) }
	gone := Commitment(salt(2), AppendRow(nil, in.Changes[1].Personal))
	in.Changes[1].Personal = nil
	other := SaltSecret([]byte("another secret of thirty-two oct"))
	in.Salts = []SaltRun{{Count: 1, Salts: []Salt{salt(1)}}, {Count: 1, Commitments: []Hash{gone}},
		{Count: 2, Salts: []Salt{salt(3), salt(4)}}, {Count: 1, Secret: &other}}
	return in
}

func makeSegments(t *testing.T) any {
	key := vecKey(0)
	many := vecInput(t, key, 1, 1)
	for i := uint64(2); i <= 40; i++ {
		c := many.Changes[0]
		c.Seq, c.Header.Nonce = i, nil
		c.Header.StampMS += int64(i) * 93_000
		c.Personal = NewRow(Field{PersonIDNumber, TextValue("0021900000" + string(rune('0'+i/10)) + string(rune('0'+i%10)))},
			Field{PersonFullName, TextValue([]string{"Giàng Thị Thử", "Nông Văn Thử", "Lý Thị Thử"}[i%3])}, Field{PersonBirthDate, DateValue(Date{Year: 1950 + int(i)})})
		many.Changes = append(many.Changes, c)
	}
	many.Salts[0].Count = 40
	return []vecSegment{
		segmentForm(t, "one change", vecInput(t, key, 1, 1), false),
		segmentForm(t, "history", vecInput(t, key, 1, 5), false),
		segmentForm(t, "cut anew, from the third", vecInput(t, key, 3, 5), false),
		segmentForm(t, "open only", vecInput(t, key, 1, 5), true),
		segmentForm(t, "after an erasure: all salt forms", afterErasure(t, key), false),
		segmentForm(t, "forty creates", many, false),
	}
}

// resign puts the owner's signature under what s now says.
func resign(s *Segment, key ed25519.PrivateKey) []byte {
	s.OpenSum = sha256.Sum256(s.open)
	if s.sealed != nil {
		s.SealedSum = sha256.Sum256(s.sealed)
	}
	copy(s.Signature[:], ed25519.Sign(key, s.signed()))
	return s.Encode()
}

func makeSegmentsRefused(t *testing.T) any {
	key := vecKey(0)
	good := encodeVec(t, vecInput(t, key, 1, 5))
	b := good.Encode()
	v := func(name string, code Code, b []byte) vecSegment {
		seal := vecSealKey(t, 50)
		return vecSegment{Name: name, Key: octets(public(key)), SealPrivate: seal.Bytes(), SealPublic: seal.Public.Bytes(), Segment: b, Error: code}
	}
	edit := func(name string, code Code, f func(s *Segment)) vecSegment {
		s, err := ParseSegment(b)
		must(t, err)
		f(s)
		return v(name, code, resign(s, key))
	}
	tables := func(name string, code Code, f func(headers, rows []Row)) vecSegment {
		return edit(name, code, func(s *Segment) {
			in := vecInput(t, key, 1, 5)
			commits, err := commitmentsOf(in)
			must(t, err)
			headers, rows, _ := openRows(in, commits, &Heads{})
			f(headers, rows)
			w := &columnWriter{}
			encodeTable(w, headers, ownRecords(func(int) uuid.UUID { return uuid.Nil }))
			encodeTable(w, rows, nil)
			s.open, err = compress(w)
			must(t, err)
		})
	}
	// own says that the record of the fourth change was made back changes before.
	own := func(name string, back int) vecSegment {
		return edit(name, CodeMalformed, func(s *Segment) {
			in := vecInput(t, key, 1, 5)
			commits, err := commitmentsOf(in)
			must(t, err)
			headers, rows, _ := openRows(in, commits, &Heads{})
			w := &columnWriter{}
			encodeTable(w, headers, wrongRecords(back))
			encodeTable(w, rows, nil)
			s.open, err = compress(w)
			must(t, err)
		})
	}
	wrongKey := vecInput(t, key, 1, 5)
	wrongKey.To = vecSealKey(t, 51).Public
	version := append([]byte{}, b...)
	version[3] = 2
	longCount := append(append(append([]byte{}, b[:21]...), 0x80+b[21], 0), b[22:]...)
	overCount := append(append(append([]byte{}, b[:21]...), 0xe9, 0x07), b[22:]...)
	return []vecSegment{
		v("nothing at all", CodeMalformed, []byte{}),
		v("another magic", CodeMalformed, append([]byte("TSX\x01"), b[4:]...)),
		v("a newer version", CodeVersion, version),
		v("cut short by an octet", CodeMalformed, b[:len(b)-1]),
		v("cut short to the frame", CodeMalformed, b[:100]),
		v("octet behind the end", CodeMalformed, append(append([]byte{}, b...), 0)),
		v("count not in its shortest form", CodeMalformed, longCount),
		v("1001 changes", CodeTooLarge, overCount),
		v("from change 0", CodeMalformed, append(append(append([]byte{}, b[:20]...), 0), b[21:]...)),
		v("over 64 KB", CodeTooLarge, append(append([]byte{}, b...), make([]byte, MaxSegmentBytes)...)),
		v("seal form 2", CodeMalformed, func() []byte {
			o := good.EncodeOpen()
			o[len(o)-33] = 2
			return o
		}()),
		v("a bit of the sealed compartment", CodeSignature, flipped(b, 8*(len(b)-20))),
		edit("sealed compartment changed and signed anew", CodeUnreadable, func(s *Segment) { s.sealed[len(s.sealed)-1] ^= 1 }),
		edit("o after changed and signed anew", CodeChain, func(s *Segment) { s.After.Open[0] ^= 1 }),
		edit("p before changed and signed anew", CodeUnreadable, func(s *Segment) { s.Before.Closed[0] ^= 1 }),
		edit("open compartment that is no stream", CodeMalformed, func(s *Segment) { s.open = []byte{1, 2, 3} }),
		v("sealed to a key not held", CodeOldKey, encodeVec(t, wrongKey).Encode()),
		edit("sealed over another closed chain", CodeUnreadable, func(s *Segment) { sealPlain(t, s, flipPlain(t, key)) }),
		edit("salt runs that cover too few", CodeUnreadable, func(s *Segment) { sealPlain(t, s, shortRuns(t, key)) }),
		tables("an operational value changed and signed anew", CodeChain, func(_, rows []Row) { rows[1][0].Value = TextValue("refused") }),
		tables("a header without stamp", CodeMalformed, func(h, _ []Row) { h[0] = append(append(Row{}, h[0][:3]...), h[0][4:]...) }),
		tables("a header with a nonce of 7 octets", CodeMalformed, func(h, _ []Row) { h[0][5].Value = BytesValue(make([]byte, 7)) }),
		tables("a header with a nil record id", CodeMalformed, func(h, _ []Row) { h[1][3].Value = UUIDValue(uuid.Nil) }),
		tables("a header whose op is text", CodeMalformed, func(h, _ []Row) { h[4][2].Value = TextValue("create") }),
		edit("a personal row of over 32 KB", CodeUnreadable, func(s *Segment) { sealPlain(t, s, longPersonal(t, s, key)) }),
		own("a record made by a change that makes none", 1),
		own("a record made before the segment", 4),
		tables("a row of over 32 KB", CodeTooLarge, func(_, rows []Row) {
			x := TextValue(strings.Repeat("a", 12000))
			rows[2] = Row{{1, x}, {2, x}, {3, x}}
		}),
	}
}

func sealPlain(t *testing.T, s *Segment, plain []byte) {
	must(t, s.seal(vecSealKey(t, 50).Public, plain))
}

func flipPlain(t *testing.T, key ed25519.PrivateKey) []byte {
	in := vecInput(t, key, 1, 5)
	in.Changes[0].Personal = NewRow(Field{PersonFullName, TextValue("Somebody Else")})
	plain, err := personalPlain(in)
	must(t, err)
	return plain
}

// wrongRecords is ownRecords with the record of the fourth change made back
// changes before it.
func wrongRecords(back int) *special {
	sp := ownRecords(nil)
	sp.encode = func(w *columnWriter, at []int, _ []Value) {
		n := make([]uint64, len(at))
		for j, i := range at {
			if n[j] = uint64(i); i == 3 {
				n[j] = uint64(back)
			}
		}
		body := &columnWriter{}
		control := encodeDict(body, putInts(body, nil, n), nil, 16)
		w.put(control)
		w.cols = append(w.cols, body.cols...)
	}
	return sp
}

// longPersonal gives a seal's inside with a personal row over the limit, and
// puts the closed chain that belongs to it into s.
func longPersonal(t *testing.T, s *Segment, key ed25519.PrivateKey) []byte {
	in := vecInput(t, key, 1, 5)
	x := TextValue(strings.Repeat("a", 12000))
	in.Changes[0].Personal = Row{{1, x}, {2, x}, {3, x}}
	commits, err := commitmentsOf(in)
	must(t, err)
	s.After.Closed = s.Before.Closed
	for _, c := range commits {
		s.After.Closed = ClosedHash(s.After.Closed, c)
	}
	plain, err := personalPlain(in)
	must(t, err)
	return plain
}

func shortRuns(t *testing.T, key ed25519.PrivateKey) []byte {
	in := vecInput(t, key, 1, 5)
	in.Salts[0].Count = 4
	plain, err := personalPlain(in)
	must(t, err)
	return plain
}

// openAll parses, verifies and opens, and gives the first failure.
func openAll(v vecSegment, key SealPrivate) (*Segment, []OpenChange, *Personals, error) {
	s, err := ParseSegment(v.Segment)
	if err != nil {
		return nil, nil, nil, err
	}
	changes, err := s.Verify(ed25519.PublicKey(v.Key))
	if err != nil {
		return nil, nil, nil, err
	}
	if !s.Sealed() && v.Error == "" {
		return s, changes, nil, nil
	}
	p, err := s.OpenSeal(ringOf(key))
	return s, changes, p, err
}

func TestVectorsSegment(t *testing.T) {
	for _, v := range append(readVectors[vecSegment](t, "segment/segments.json"), readVectors[vecSegment](t, "segment/refused.json")...) {
		t.Run(v.Name, func(t *testing.T) {
			key, err := NewSealPrivate(v.SealPrivate)
			must(t, err)
			wantBytes(t, "public sealing key", key.Public.Bytes(), v.SealPublic)
			s, changes, p, err := openAll(v, key)
			wantCode(t, err, v.Error)
			if err == nil && v.Error == "" {
				checkSegment(t, v, s, changes, p)
			}
		})
	}
}

func checkSegment(t *testing.T, v vecSegment, s *Segment, changes []OpenChange, p *Personals) {
	cols, err := squeeze.Decompress(s.open, squeezeLimits())
	must(t, err)
	checkColumns(t, "open", cols, v.OpenColumns)
	if p != nil {
		key, _ := NewSealPrivate(v.SealPrivate)
		plain, err := openSeal(key, []byte(domainSegment), s.sealContext(), s.sealed[4:36], s.sealed[36:])
		must(t, err)
		wantBytes(t, "inside of the seal", plain, v.Plain)
	}
	if len(changes) != len(v.Changes) {
		t.Fatalf("%d changes, want %d", len(changes), len(v.Changes))
	}
	heads := s.Before
	for i, c := range v.Changes {
		var salt []byte
		if p != nil && !p.Missing[i] {
			salt = p.Salts[i][:]
			wantBytes(t, "personal row", AppendRow(nil, p.Rows[i]), c.Rows[2])
		}
		checkChange(t, s.Origin, c, &heads, salt)
		wantBytes(t, "header", AppendRow(nil, changes[i].Header.Row()), c.Rows[0])
		wantBytes(t, "operational row", AppendRow(nil, changes[i].Operational), c.Rows[1])
		wantBytes(t, "o", changes[i].Open[:], c.Open)
		if changes[i].Record != c.Record || changes[i].Seq != c.Seq {
			t.Errorf("change %d of record %s, want %d of %s", changes[i].Seq, changes[i].Record, c.Seq, c.Record)
		}
	}
	if !heads.Equal(s.After) {
		t.Errorf("chains end at %v, statement says %v", heads, s.After)
	}
}

func checkColumns(t *testing.T, what string, got [][]byte, want []octets) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d columns of the %s compartment, want %d", len(got), what, len(want))
	}
	for i := range got {
		wantBytes(t, "column", got[i], want[i])
	}
}
