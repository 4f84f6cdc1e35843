package syncproto

import (
	"strings"
	"testing"

	"github.com/google/uuid"
)

const caseKind = `{"code":"CC","name_vi":"Căn cước","name_en":"Identity card","person":true,
 "results":[{"value":"submitted"},{"value":"refused"}],
 "fields":[
  {"num":32,"name":"stage","type":"choice","options":[{"value":"first"},{"value":"second"}]},
  {"num":33,"name":"topics","type":"choices","options":[{"value":"a"},{"value":"b"}]},
  {"num":34,"name":"people","type":"int","min":0,"max":500},
  {"num":35,"name":"done","type":"bool"},
  {"num":36,"name":"when","type":"date"},
  {"num":32,"name":"remark","type":"text","personal":true}]}`

// knownThings knows one kind and the units of one list.
type knownThings struct{}

func (knownThings) Kind(code string) (*Kind, bool) {
	k, err := ParseKind(caseKind)
	if err != nil {
		panic(err)
	}
	return k, code == k.Code
}

func (knownThings) UnitKnown(key string) bool { return strings.HasPrefix(key, "known:") }

func activity(op Op, fields ...Field) *Change {
	c := &Change{Header: Header{Schema: Schema, Collection: CollectionActivity, Op: op}}
	if op != OpCreate {
		c.Header.Record = vecID
	}
	c.Operational = NewRow(fields...)
	return c
}

func TestJudge(t *testing.T) {
	unit, kind := Field{FieldUnit, TextValue("known:1")}, Field{ActivityKind, TextValue("CC")}
	create := func(more ...Field) *Change { return activity(OpCreate, append([]Field{unit, kind}, more...)...) }
	personal := func(f ...Field) *Change { c := create(); c.Personal = NewRow(f...); return c }
	with := func(f func(*Change)) *Change { c := create(); f(c); return c }
	newer := with(func(c *Change) { c.Header.Schema = Schema + 1 })
	newer.Operational = append(newer.Operational, Field{29, IntValue(1)})
	cases := []struct {
		name   string
		change *Change
		kind   string
		reason Reason
		needs  string
	}{
		{"create", create(), "", "", ""},
		{"all kind fields", create(Field{32, TextValue("first")}, Field{33, ListValue("a", "b")}, Field{34, IntValue(500)}, Field{35, BoolValue(true)}, Field{36, DateValue(Date{Year: 2026})}), "", "", ""},
		{"nulls", create(Field{32, Null()}, Field{ActivityResult, Null()}, Field{ActivityTeam, Null()}), "", "", ""},
		{"set of a record whose kind is not known here", activity(OpSet, Field{ActivityResult, TextValue("anything")}), "", "", ""},
		{"void", activity(OpVoid, Field{VoidReason, TextValue("test")}), "CC", "", ""},
		{"personal fields", personal(Field{PersonFullName, TextValue("Bàn Thị Thử")}, Field{PersonBirthDate, DateValue(Date{Year: 1950})}, Field{32, TextValue("free")}), "", "", ""},

		{"operation 9", with(func(c *Change) { c.Header.Op = 9 }), "", ReasonBadFrame, ""},
		{"create with a record", with(func(c *Change) { c.Header.Record = vecID }), "", ReasonBadFrame, ""},
		{"set without a record", with(func(c *Change) { c.Header.Op = OpSet }), "", ReasonBadFrame, ""},
		{"65 references", with(func(c *Change) { c.Header.Refs = [2][]Ref{make([]Ref, 32), make([]Ref, 33)} }), "", ReasonBadFrame, ""},
		{"create without unit", activity(OpCreate, kind), "", ReasonBadFrame, ""},
		{"create without kind", activity(OpCreate, unit), "", ReasonBadFrame, ""},
		{"collection 99", with(func(c *Change) { c.Header.Collection = 99 }), "", ReasonUnknownCollection, ""},
		{"collection 99 of a newer program", with(func(c *Change) { c.Header.Collection, c.Header.Schema = 99, 2 }), "", ReasonUnknownCollection, "schema"},
		{"field 29", create(Field{29, IntValue(1)}), "", ReasonUnknownField, ""},
		{"field 29 of a newer program", newer, "", ReasonUnknownField, "schema"},
		{"personal field 29", personal(Field{29, IntValue(1)}), "", ReasonUnknownField, ""},
		{"control character", personal(Field{PersonNote, TextValue("a\x00b")}), "", ReasonBadText, ""},
		{"direction override in a list", create(Field{33, ListValue("a\u202e")}), "", ReasonBadText, ""},
		{"30 February", create(Field{ActivityOccurred, DateValue(Date{2026, 2, 30})}), "", ReasonBadValue, ""},
		{"type of a common field", create(Field{ActivityOccurred, TextValue("2026")}), "", ReasonBadValue, ""},
		{"type of a newer version", create(Field{ActivityOccurred, opaque(9, "")}), "", ReasonBadValue, ""},
		{"unit without list", activity(OpCreate, kind, Field{FieldUnit, TextValue("00991")}), "", ReasonBadValue, ""},
		{"unit not known", activity(OpCreate, kind, Field{FieldUnit, TextValue("new:1")}), "", ReasonUnknownUnit, "unit:new:1"},
		{"kind not known", activity(OpCreate, unit, Field{ActivityKind, TextValue("ZZ")}), "", ReasonUnknownKind, "kind:ZZ"},
		{"result not listed", create(Field{ActivityResult, TextValue("other")}), "", ReasonUnknownField, "kind:CC"},
		{"result not listed, by the record's kind", activity(OpSet, Field{ActivityResult, TextValue("other")}), "CC", ReasonUnknownField, "kind:CC"},
		{"kind field not defined", create(Field{99, IntValue(1)}), "", ReasonUnknownField, "kind:CC"},
		{"kind field in the other compartment", personal(Field{34, IntValue(1)}), "", ReasonUnknownField, "kind:CC"},
		{"option not listed", create(Field{32, TextValue("third")}), "", ReasonUnknownField, "kind:CC"},
		{"one of the options not listed", create(Field{33, ListValue("a", "z")}), "", ReasonUnknownField, "kind:CC"},
		{"type of a kind field", create(Field{34, TextValue("5")}), "", ReasonBadValue, ""},
		{"int over its bound", create(Field{34, IntValue(501)}), "", ReasonBadValue, ""},
		{"int below its bound", create(Field{34, IntValue(-1)}), "", ReasonBadValue, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := Judge(c.change, c.kind, knownThings{})
			if got == nil {
				got = &Finding{}
			}
			if got.Reason != c.reason || got.Needs != c.needs {
				t.Errorf("got %+v, want %s %q", *got, c.reason, c.needs)
			}
		})
	}
}

func TestJudgeOtherCollections(t *testing.T) {
	own := &Change{Header: Header{Collection: CollectionUnit, Op: OpCreate}, Operational: NewRow(Field{FieldUnit, TextValue("new:1")}, Field{UnitName, TextValue("Minh Ngọc")})}
	if f := Judge(own, "", knownThings{}); f != nil {
		t.Errorf("a unit need not be known before it is made: %+v", f)
	}
	kind := &Change{Header: Header{Collection: CollectionKind, Op: OpCreate}, Operational: NewRow(Field{FieldUnit, TextValue("known:1")}, Field{KindDefinition, TextValue(caseKind)})}
	if f := Judge(kind, "", knownThings{}); f != nil {
		t.Errorf("a good kind: %+v", f)
	}
	kind.Operational = NewRow(Field{FieldUnit, TextValue("known:1")}, Field{KindDefinition, TextValue("{}")})
	if f := Judge(kind, "", knownThings{}); f == nil || f.Reason != ReasonBadValue {
		t.Errorf("a bad kind: %+v", f)
	}
}

func TestParseKind(t *testing.T) {
	bad := map[string][2]string{
		"no JSON":               {caseKind, "{"},
		"no code":               {`"code":"CC"`, `"code":""`},
		"no Vietnamese name":    {`"name_vi":"Căn cước"`, `"name_vi":""`},
		"reserved number":       {`"num":34`, `"num":31`},
		"number used twice":     {`"num":34`, `"num":33`},
		"unknown type":          {`"type":"bool"`, `"type":"float"`},
		"open free text":        {`"type":"bool"`, `"type":"text"`},
		"optional name of none": {`"person":true`, `"name_optional":true`},
		"choice without option": {`"options":[{"value":"first"},{"value":"second"}]`, `"options":[]`},
	}
	for name, edit := range bad {
		_, err := ParseKind(strings.Replace(caseKind, edit[0], edit[1], 1))
		if CodeOf(err) != CodeInvalidInput {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDates(t *testing.T) {
	good := map[string]Date{"2026": {Year: 2026}, "0001-12": {1, 12, 0}, "2024-02-29": {2024, 2, 29}, "2000-02-29": {2000, 2, 29}, "9999-12-31": {9999, 12, 31}}
	for s, want := range good {
		d, err := ParseDate(s)
		if err != nil || d != want || d.String() != s || DateValue(d).Date() != d {
			t.Errorf("%s reads as %+v, %v", s, d, err)
		}
	}
	for _, s := range []string{"", "26", "0000", "2026-13", "2026-00", "2026-02-30", "2023-02-29", "1900-02-29", "2026-04-31", "2026-00-01",
		"2026-01-00", "2026-1-1", "2026/01/01", " 2026", "+026", "-001", "2026-01-1 ", "２０２６", "20260101", "2026-01-01T00:00"} {
		if d, err := ParseDate(s); CodeOf(err) != CodeInvalidInput {
			t.Errorf("%q reads as %+v, %v", s, d, err)
		}
	}
	ordered := []Date{{}, {Year: 1}, {1948, 0, 0}, {1948, 1, 0}, {1948, 1, 31}, {1948, 2, 0}, {1949, 0, 0}}
	for i := 1; i < len(ordered); i++ {
		if DateValue(ordered[i-1]).Compare(DateValue(ordered[i])) >= 0 {
			t.Errorf("%v does not come before %v", ordered[i-1], ordered[i])
		}
	}
}

// TestHeaderHasOneForm: every row but the canonical one is refused.
func TestHeaderHasOneForm(t *testing.T) {
	c := vecChanges(vecID)
	for i := range c {
		row := c[i].Header.Row()
		h, err := HeaderOf(row)
		must(t, err)
		wantBytes(t, "header", AppendRow(nil, h.Row()), AppendRow(nil, row))
		for j, f := range row {
			without := append(append(Row{}, row[:j]...), row[j+1:]...)
			_, err := HeaderOf(without)
			mayLack := f.Num == hRecord || f.Num == hAuthor || f.Num == hNonce || f.Num >= hRefs
			if (err == nil) != mayLack {
				t.Errorf("change %d without field %d: %v", i, f.Num, err)
			}
		}
	}
	bad := map[string]Row{
		"empty":            {},
		"field 0":          {{0, Null()}, {1, IntValue(1)}, {2, IntValue(1)}, {3, IntValue(1)}, {5, IntValue(1)}},
		"schema too large": {{1, IntValue(1 << 32)}, {2, IntValue(1)}, {3, IntValue(1)}, {5, IntValue(1)}},
		"negative op":      {{1, IntValue(1)}, {2, IntValue(1)}, {3, IntValue(-1)}, {5, IntValue(1)}},
		"stamp as text":    {{1, IntValue(1)}, {2, IntValue(1)}, {3, IntValue(1)}, {5, TextValue("1")}},
		"null author":      {{1, IntValue(1)}, {2, IntValue(1)}, {3, IntValue(1)}, {5, IntValue(1)}, {6, UUIDValue(uuid.Nil)}},
		"no references":    {{1, IntValue(1)}, {2, IntValue(1)}, {3, IntValue(1)}, {5, IntValue(1)}, {10, BytesValue([]byte{0})}},
		"long beacon tag":  {{1, IntValue(1)}, {2, IntValue(1)}, {3, IntValue(1)}, {5, IntValue(1)}, {8, IntValue(1)}, {9, BytesValue(make([]byte, 9))}},
		"zero beacon":      {{1, IntValue(1)}, {2, IntValue(1)}, {3, IntValue(1)}, {5, IntValue(1)}, {8, IntValue(0)}, {9, BytesValue(make([]byte, 8))}},
	}
	for name, row := range bad {
		if _, err := HeaderOf(row); CodeOf(err) != CodeMalformed {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestReceiptCovers: what is unreadable does not count as received; whatever
// else became of a change, it is held.
func TestReceiptCovers(t *testing.T) {
	r := &Receipt{First: 101, Last: 300, Exceptions: []Exception{
		{110, 112, OutcomeQuarantined, ReasonUnreadable}, {120, 121, OutcomeHeld, ReasonRevoked}, {130, 130, OutcomeRefused, ReasonNoAuthority}}}
	for seq, want := range map[uint64]bool{100: false, 101: true, 109: true, 110: false, 111: false, 112: false, 113: true, 120: true, 130: true, 300: true, 301: false} {
		if r.Covers(seq) != want {
			t.Errorf("change %d covered: %v, want %v", seq, !want, want)
		}
	}
}

func TestRows(t *testing.T) {
	r := NewRow(Field{5, IntValue(1)}, Field{2, IntValue(2)}, Field{5, IntValue(3)})
	if len(r) != 2 || r[0].Num != 2 || r.Value(5).Int() != 3 || !r.Value(9).IsNull() {
		t.Errorf("row is %v", r)
	}
	v := IntValue(7)
	if v.Text() != "" || v.Bool() || v.Bytes() != nil || v.UUID() != uuid.Nil || v.Date() != (Date{}) || v.List() != nil || TextValue("7").Int() != 0 {
		t.Error("a value reads as another type")
	}
	_, err := DecodeRow([]byte{1, 1, byte(typeOwnRecord)})
	wantCode(t, err, CodeMalformed)
	if l := ListValue("b", "a", "b").List(); len(l) != 2 || l[0] != "a" {
		t.Errorf("list is %v", l)
	}
}
