package syncproto

import (
	"crypto/ed25519"
	"strings"
	"testing"

	"github.com/google/uuid"
)

func init() {
	vectorMakers = append(vectorMakers,
		vectorMaker{"row/rows.json", "fields encode to row and row decodes to fields.", makeRows},
		vectorMaker{"row/refused.json", "bytes are no canonical row: decoding fails with error.", makeRowsRefused},
		vectorMaker{"row/text.json", "input (UTF-8 octets) becomes hashed by NFC before its author hashes it; clean tells whether the input as it is would pass as clean text.", makeTexts},
		vectorMaker{"chain/chain.json", "An origin's first changes. seed is the Ed25519 seed of its key, secret the salt secret of all changes; rows are the canonical header, operational and personal row; o, p, commitment, salt and record as in PROTOCOL.md section 4. o0 and p0 are the genesis.", makeChains},
		vectorMaker{"refs/refs.json", "bytes is the value of header field 10 or 11.", makeRefs})
}

var vecID = uuid.MustParse("0199aa00-1111-8222-9333-444455556666")

func opaque(t Type, s string) Value { return Value{typ: t, str: s} }

func makeRows(*testing.T) any {
	rows := []struct {
		name string
		row  Row
	}{
		{"empty", Row{}},
		{"null", Row{{1, Null()}}},
		{"int 0", Row{{1, IntValue(0)}}},
		{"int -1", Row{{1, IntValue(-1)}}},
		{"int 64, two octets", Row{{1, IntValue(64)}}},
		{"int greatest", Row{{1, IntValue(1<<63 - 1)}}},
		{"int least", Row{{1, IntValue(-1 << 63)}}},
		{"text empty", Row{{1, TextValue("")}}},
		{"text Vietnamese", Row{{2, TextValue("Sùng Thị Mỷ, thôn Nà Xá")}}},
		{"bytes", Row{{3, BytesValue([]byte{0, 0x80, 0xff})}}},
		{"bool", Row{{1, BoolValue(false)}, {2, BoolValue(true)}}},
		{"uuid", Row{{1, UUIDValue(vecID)}}},
		{"date full", Row{{1, DateValue(Date{2026, 5, 31})}}},
		{"date without day", Row{{1, DateValue(Date{1951, 2, 0})}}},
		{"date year only", Row{{1, DateValue(Date{Year: 1948})}}},
		{"date zero", Row{{1, DateValue(Date{})}}},
		{"date of no calendar decodes, to be quarantined", Row{{1, DateValue(Date{2026, 2, 30})}}},
		{"list empty", Row{{1, ListValue()}}},
		{"list sorted bytewise", Row{{1, ListValue("ơn", "an", "z", "", "ân")}}},
		{"text that is not clean decodes, to be quarantined", Row{{1, opaque(TypeText, "a\u202eb")}}},
		{"type of a newer version", Row{{1, opaque(9, "\x01\x02")}, {2, opaque(254, "")}}},
		{"field numbers of several octets", Row{{127, IntValue(1)}, {128, IntValue(2)}, {1 << 31, IntValue(3)}}},
		{"activity", NewRow(Field{FieldUnit, TextValue("thon-2025:00988-01")}, Field{ActivityKind, TextValue("CC")},
			Field{ActivityOccurred, DateValue(Date{2026, 5, 17})}, Field{ActivityTeam, UUIDValue(vecID)}, Field{ActivityResult, TextValue("submitted")})},
	}
	out := make([]vecRow, len(rows))
	for i, r := range rows {
		out[i] = vecRow{r.name, rowForm(r.row), AppendRow(nil, r.row)}
	}
	return out
}

func makeRowsRefused(*testing.T) any {
	many := AppendRow(nil, Row{})[:0]
	many = appendUvarint(many, MaxRowFields+1)
	long := append(appendUvarint([]byte{1, 1, byte(TypeText)}, MaxValueBytes+1), make([]byte, MaxValueBytes+1)...)
	return []vecRefused{
		{"nothing at all", octets{}, CodeMalformed},
		{"octet behind the end", octets{0, 0}, CodeMalformed},
		{"number not in its shortest form", octets{0x81, 0x00, 1, 0}, CodeMalformed},
		{"int not in its shortest form", octets{1, 1, 1, 0x80, 0x00}, CodeMalformed},
		{"int over 64 bits", octets{1, 1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}, CodeMalformed},
		{"fields descend", octets{2, 2, 0, 1, 0}, CodeMalformed},
		{"field twice", octets{2, 1, 0, 1, 0}, CodeMalformed},
		{"field number over 2^31", octets{1, 0x81, 0x80, 0x80, 0x80, 0x08, 0}, CodeMalformed},
		{"truth value 2", octets{1, 1, 4, 2}, CodeMalformed},
		{"date number too high", octets{1, 1, 6, 0x80, 0xc0, 0xb8, 0x02}, CodeMalformed},
		{"uuid cut short", octets{1, 1, 5, 1, 2, 3}, CodeMalformed},
		{"text cut short", octets{1, 1, 2, 5, 'a'}, CodeMalformed},
		{"list unsorted", octets{1, 1, 7, 5, 2, 1, 'b', 1, 'a'}, CodeMalformed},
		{"list with a repeat", octets{1, 1, 7, 5, 2, 1, 'a', 1, 'a'}, CodeMalformed},
		{"list with an octet behind its end", octets{1, 1, 7, 2, 0, 0}, CodeMalformed},
		{"type 255", octets{1, 1, 255, 0}, CodeMalformed},
		{"129 fields", many, CodeTooLarge},
		{"text too long", long, CodeTooLarge},
		{"fewer fields than announced", octets{2, 1, 0}, CodeMalformed},
	}
}

func makeTexts(*testing.T) any {
	in := []struct{ name, text string }{
		{"already NFC", "Nguyễn Thị Hương"},
		{"decomposed", "Nguye\u0302\u0303n Thi\u0323 Hu\u031bo\u031bng"},
		{"tone before the horn", "u\u0301\u031b"},
		{"marks in another order", "e\u0323\u0302"},
		{"tab and newline", "a\tb\nc"},
		{"zero", "a\x00b"}, {"escape", "a\x1bb"}, {"delete", "a\x7fb"}, {"C1 control", "a\u0085b"},
		{"left-to-right mark", "a\u200eb"}, {"right-to-left override", "a\u202eb"}, {"isolate", "a\u2066b"}, {"Arabic letter mark", "a\u061cb"},
		{"noncharacter U+FFFE", "a\ufffeb"}, {"noncharacter U+FDD0", "a\ufdd0b"}, {"noncharacter U+1FFFF", "a\U0001ffffb"},
		{"private use is allowed", "a\ue000b"}, {"zero width joiner is allowed", "a\u200db"},
		{"Angstrom sign", "\u212b"}, {"not UTF-8", "a\xffb"}, {"surrogate", "a\xed\xa0\x80b"}, {"empty", ""},
	}
	out := make([]vecText, len(in))
	for i, v := range in {
		out[i] = vecText{v.name, octets(v.text), octets(TextValue(v.text).str), CleanText(v.text)}
	}
	return out
}

func TestVectorsRow(t *testing.T) {
	for _, v := range readVectors[vecRow](t, "row/rows.json") {
		t.Run(v.Name, func(t *testing.T) {
			row, err := DecodeRow(v.Row)
			must(t, err)
			wantBytes(t, "row encoded again", AppendRow(nil, row), v.Row)
			wantBytes(t, "row from its fields", AppendRow(nil, formRow(t, v.Fields)), v.Row)
		})
	}
	for _, v := range readVectors[vecRefused](t, "row/refused.json") {
		t.Run(v.Name, func(t *testing.T) {
			_, err := DecodeRow(v.Bytes)
			wantCode(t, err, v.Error)
		})
	}
	for _, v := range readVectors[vecText](t, "row/text.json") {
		t.Run(v.Name, func(t *testing.T) {
			wantBytes(t, "text as hashed", []byte(TextValue(string(v.Input)).Text()), v.Hashed)
			if CleanText(string(v.Input)) != v.Clean {
				t.Errorf("CleanText = %v, want %v", !v.Clean, v.Clean)
			}
		})
	}
}

func vecKey(n byte) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	for i := range seed {
		seed[i] = n + byte(i)
	}
	return ed25519.NewKeyFromSeed(seed)
}

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

// vecChanges is a small history: create, correct, a change with references and
// with fields and types of newer versions, void, create without personal row.
func vecChanges(origin OriginID) []Change {
	const start = 1_780_000_000_000
	author := uuid.MustParse("0199bb00-aaaa-8bbb-8ccc-ddddeeeeffff")
	unit := Field{FieldUnit, TextValue("thon-2025:00988-01")}
	other := OriginOf(public(vecKey(99)))
	seen := Ref{Origin: other, Seq: 300, Open: Hash{1, 2, 3}.Prefix()}
	beacon := BeaconMark{start - 86_400_000, [8]byte{1, 2, 3, 4, 5, 6, 7, 8}}
	c := []Change{
		{Header: Header{Op: OpCreate, Nonce: []byte("\x00\x01\x02\x03\xfc\xfd\xfe\xff"), Author: author},
			Operational: NewRow(unit, Field{ActivityKind, TextValue("CC")}, Field{ActivityOccurred, DateValue(Date{2026, 5, 28})}),
			Personal: NewRow(Field{PersonIDNumber, TextValue("002190000001")}, Field{PersonFullName, TextValue("Vàng Mí Thử")},
				Field{PersonBirthDate, DateValue(Date{Year: 1990})}, Field{PersonSex, TextValue("male")})},
		{Header: Header{Op: OpSet, Author: author, Beacon: beacon},
			Operational: NewRow(Field{ActivityResult, TextValue("submitted")}),
			Personal:    NewRow(Field{PersonPhone, TextValue("0912000001")}, Field{PersonNote, Null()})},
		{Header: Header{Op: OpSet, Author: author, Refs: [2][]Ref{{seen}, {seen, {other, 301, seen.Open}}},
			Extra: Row{{12, IntValue(-5)}, {40, opaque(9, "newer")}}},
			Operational: NewRow(Field{40, ListValue("b", "a")}, Field{41, opaque(8, "\x00\x01")}, Field{42, BoolValue(true)}),
			Personal:    NewRow(Field{200, BytesValue([]byte{0xff})})},
		{Header: Header{Op: OpVoid, Author: author}, Operational: NewRow(Field{VoidReason, TextValue("duplicate")}),
			Personal: NewRow(Field{VoidNote, TextValue("ghi hai lần")})},
		{Header: Header{Op: OpCreate}, Operational: NewRow(unit, Field{ActivityKind, TextValue("TT")})},
	}
	heads, made := Genesis(origin), uuid.Nil
	for i := range c {
		c[i].Origin, c[i].Seq = origin, uint64(i+1)
		h := &c[i].Header
		h.Schema, h.Collection, h.StampMS = Schema, CollectionActivity, start+int64(i)*61_000
		if h.Op != OpCreate {
			h.Record = made
		}
		heads = heads.Next(origin, AppendRow(nil, h.Row()), AppendRow(nil, c[i].Operational), Hash{})
		if h.Op == OpCreate {
			made = RecordID(h.StampMS, heads.Open)
		}
	}
	return c
}

var vecSecret = SaltSecret([]byte("a salt secret of 32 octets, ok? "))

// changeForm runs one change through the chain.
func changeForm(c Change, heads *Heads, salt *Salt, commitment Hash) vecChange {
	hb, ob, pb := AppendRow(nil, c.Header.Row()), AppendRow(nil, c.Operational), AppendRow(nil, c.Personal)
	v := vecChange{Seq: c.Seq, Header: rowForm(c.Header.Row()), Operational: rowForm(c.Operational), Personal: rowForm(c.Personal),
		Rows: [3]octets{hb, ob, pb}, Record: c.Header.Record}
	if salt != nil {
		v.Salt = salt[:]
		commitment = Commitment(*salt, pb)
	}
	v.Commitment = commitment[:]
	*heads = heads.Next(c.Origin, hb, ob, commitment)
	v.Open, v.Closed = append(octets{}, heads.Open[:]...), append(octets{}, heads.Closed[:]...)
	if c.Header.Op == OpCreate {
		v.Record = RecordID(c.Header.StampMS, heads.Open)
	}
	return v
}

func makeChains(*testing.T) any {
	var out []vecChain
	for n, name := range []string{"history", "another origin"} {
		key := vecKey(byte(10 * n))
		origin := OriginOf(public(key))
		heads := Genesis(origin)
		v := vecChain{Name: name, Seed: octets(key.Seed()), Key: octets(public(key)), Origin: origin, Secret: vecSecret[:],
			StartOpen: append(octets{}, heads.Open[:]...), StartClos: append(octets{}, heads.Closed[:]...)}
		for _, c := range vecChanges(origin) {
			salt := ExpandSalt(vecSecret, origin, c.Seq)
			v.Changes = append(v.Changes, changeForm(c, &heads, &salt, Hash{}))
		}
		out = append(out, v)
	}
	return out
}

func TestVectorsChain(t *testing.T) {
	for _, v := range readVectors[vecChain](t, "chain/chain.json") {
		t.Run(v.Name, func(t *testing.T) {
			origin := OriginOf(public(ed25519.NewKeyFromSeed(v.Seed)))
			if origin != v.Origin {
				t.Fatalf("origin %s, want %s", origin, v.Origin)
			}
			heads := Genesis(origin)
			wantBytes(t, "o(0)", heads.Open[:], v.StartOpen)
			wantBytes(t, "p(0)", heads.Closed[:], v.StartClos)
			for _, c := range v.Changes {
				salt := ExpandSalt(SaltSecret(v.Secret), origin, c.Seq)
				checkChange(t, origin, c, &heads, salt[:])
			}
		})
	}
}

// checkChange compares a change of a vector with what this package computes,
// and advances heads.
func checkChange(t *testing.T, origin OriginID, c vecChange, heads *Heads, salt []byte) {
	t.Helper()
	var rows [3]Row
	for i, form := range [3][]vecField{c.Header, c.Operational, c.Personal} {
		rows[i] = formRow(t, form)
		wantBytes(t, "row", AppendRow(nil, rows[i]), c.Rows[i])
	}
	h, err := HeaderOf(rows[0])
	must(t, err)
	commitment := Hash(c.Commitment)
	if salt != nil {
		wantBytes(t, "salt", salt, c.Salt)
		commitment = Commitment(Salt(salt), c.Rows[2])
		wantBytes(t, "commitment", commitment[:], c.Commitment)
	}
	*heads = heads.Next(origin, c.Rows[0], c.Rows[1], commitment)
	wantBytes(t, "o", heads.Open[:], c.Open)
	wantBytes(t, "p", heads.Closed[:], c.Closed)
	record := h.Record
	if h.Op == OpCreate {
		record = RecordID(h.StampMS, heads.Open)
	}
	if record != c.Record {
		t.Errorf("record of change %d is %s, want %s", c.Seq, record, c.Record)
	}
}

func makeRefs(*testing.T) any {
	ref := func(n byte, seq uint64) Ref {
		return Ref{OriginOf(public(vecKey(n))), seq, Hash{n, n + 1, n + 2}.Prefix()}
	}
	full := make([]Ref, MaxRefs)
	for i := range full {
		full[i] = ref(byte(i), uint64(i)*1000+1)
	}
	var out []vecRefs
	for _, v := range []struct {
		name string
		refs []Ref
	}{{"one", []Ref{ref(1, 1)}}, {"two, seq of several octets", []Ref{ref(2, 1<<40), ref(1, 128)}}, {"as many as there may be", full}} {
		f := vecRefs{Name: v.name, Bytes: appendRefs(nil, v.refs)}
		for _, r := range v.refs {
			f.Refs = append(f.Refs, vecRef{r.Origin, r.Seq, octets(r.Open[:])})
		}
		out = append(out, f)
	}
	one := appendRefs(nil, []Ref{ref(1, 1)})
	return append(out,
		vecRefs{Name: "65 references", Bytes: octets(appendRefs(nil, append(full, ref(200, 1)))), Error: CodeTooLarge},
		vecRefs{Name: "cut short", Bytes: octets(one[:len(one)-1]), Error: CodeMalformed},
		vecRefs{Name: "octet behind the end", Bytes: octets(append(one, 0)), Error: CodeMalformed},
		vecRefs{Name: "count too high", Bytes: octets(append([]byte{2}, one[1:]...)), Error: CodeMalformed})
}

func TestVectorsRefs(t *testing.T) {
	for _, v := range readVectors[vecRefs](t, "refs/refs.json") {
		t.Run(v.Name, func(t *testing.T) {
			refs, err := decodeRefs(v.Bytes)
			wantCode(t, err, v.Error)
			if v.Error != "" {
				return
			}
			if len(refs) != len(v.Refs) {
				t.Fatalf("%d references, want %d", len(refs), len(v.Refs))
			}
			for i, r := range refs {
				if w := v.Refs[i]; r.Origin != w.Origin || r.Seq != w.Seq || string(r.Open[:]) != string(w.Open) {
					t.Errorf("reference %d is %v, want %v", i, r, w)
				}
			}
			wantBytes(t, "references", appendRefs(nil, refs), v.Bytes)
		})
	}
}

func repeated(s string, n int) string { return strings.Repeat(s, n) }
