package registers_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/uuid"
	"github.com/xuri/excelize/v2"
	_ "modernc.org/sqlite" // tables are compared as they lie in the file

	"thonsync/server/keys"
	"thonsync/server/reconcile/links/linkstest"
	"thonsync/server/reconcile/registers"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/testdata/province"
	"thonsync/testdata/units"
)

// bench is a centre with a service of registers and one phone.
type bench struct {
	*linkstest.World
	t       *testing.T
	s       *registers.Service
	phone   *linkstest.Phone
	now     time.Time
	updates int // transactions
}

func open(t *testing.T) *bench {
	t.Helper()
	w := linkstest.Open(t, province.Small(1, 2, 3))
	b := &bench{World: w, t: t, now: time.UnixMilli(linkstest.StartMS)}
	box, err := keys.NewBox(bytes.Repeat([]byte{7}, 32), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b.s = registers.New(registers.Config{
		View: w.Store.View, Update: func(ctx context.Context, f func(store.Tx) error) error {
			b.updates++
			return w.Ingest.Do(ctx, f)
		},
		Definitions: w.Ingest.Definitions, Persons: w.Links, Forget: w.Ingest.Forget,
		Erased: func() (func(syncproto.IDNumber) (bool, error), error) {
			return func(syncproto.IDNumber) (bool, error) { return false, nil }, nil
		},
		HashKey: bytes.Repeat([]byte{9}, 32), Box: box, Now: func() time.Time { return b.now }, After: time.After, Random: rand.Reader,
	})
	w.Ingest.SetEraser(b.s.Erase)
	b.phone = w.Phone(0)
	return b
}

func kind() string { return units.Kinds()[2].Code } // CC, about one citizen

func (b *bench) source(register string) registers.FileSource {
	return registers.FileSource{
		Register: register, Units: []string{b.Ingest.Definitions().Commune(b.phone.Village)},
		Adjusted: &registers.RegisterProfile{Name: "test", Rule: registers.RegisterRule{Kinds: []string{kind()}, WindowDays: 30}},
	}
}

func (b *bench) imported(file string, src registers.FileSource) *registers.ImportResult {
	b.t.Helper()
	res, err := b.s.Import(b.t.Context(), []byte(file), src, false, "test", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.s.Match(b.t.Context(), nil); err != nil {
		b.t.Fatal(err)
	}
	return res
}

// helped records that a citizen was helped with a card on a day.
func (b *bench) helped(p *linkstest.Phone, m *province.Sighting, day syncproto.Date, result string) uuid.UUID {
	return p.Create(syncproto.CollectionActivity, syncproto.NewRow(
		syncproto.Field{Num: syncproto.FieldUnit, Value: syncproto.TextValue(p.Village)},
		syncproto.Field{Num: syncproto.ActivityKind, Value: syncproto.TextValue(kind())},
		syncproto.Field{Num: syncproto.ActivityOccurred, Value: syncproto.DateValue(day)},
		syncproto.Field{Num: syncproto.ActivityResult, Value: syncproto.TextValue(result)}), syncproto.NewRow(linkstest.Fields(m)...))
}

func person(number, name, sex string, y, m, d int) *province.Sighting {
	return &province.Sighting{Name: name, Sex: sex, Number: number, Birth: province.Date{Y: y, M: m, D: d}}
}

var may = syncproto.Date{Year: 2026, Month: 5, Day: 4}

// verdict gives what the only register says of an activity: verdict and reasons.
func (b *bench) verdict(id uuid.UUID) string {
	b.t.Helper()
	if err := b.s.Match(b.t.Context(), nil); err != nil {
		b.t.Fatal(err)
	}
	out := ""
	err := b.Store.View(b.t.Context(), func(r store.Reader) error {
		return r.EachRegisterFinding(store.RegisterFindingQuery{Activity: id}, func(f store.RegisterFinding) error {
			out += fmt.Sprint(int(f.Verdict), " ", f.Reasons)
			return nil
		})
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

const header = "Số CCCD,Họ và tên,Ngày sinh,Giới tính,Ngày cấp,Kết quả\n"

// TestVerdicts: each way in which a record and a register can agree or not.
func TestVerdicts(t *testing.T) {
	b := open(t)
	day := func(m, d int) syncproto.Date { return syncproto.Date{Year: 2026, Month: m, Day: d} }
	cases := []struct {
		name   string
		who    *province.Sighting
		on     syncproto.Date
		result string
		row    string
		want   string
	}{
		{"same number", person("002161004321", "Vàng Thị Mỷ", "female", 1961, 4, 7), may, "done", "002161004321,Vang Thi My,07/04/1961,Nữ,10/05/2026,Đã cấp", "1 "},
		{"nobody", person("002161004322", "Lò Thị Pà", "female", 1971, 2, 9), may, "done", "", "2 "},
		{"another birth date", person("002162004323", "Giàng Thị Say", "female", 1962, 3, 3), may, "done", "002162004323,Giàng Thị Say,09/11/1975,Nữ,10/05/2026,Đã cấp", "3 birth_date"},
		{"another sex", person("002063004324", "Sùng Mí Pó", "male", 1963, 3, 8), may, "done", "002063004324,Sùng Mí Pó,08/03/1963,Nữ,10/05/2026,Đã cấp", "3 sex"},
		{"not issued", person("002064004325", "Thào Mí Lử", "male", 1964, 6, 8), may, "done", "002064004325,Thào Mí Lử,08/06/1964,Nam,10/05/2026,Chưa cấp", "3 outcome"},
		{"long before", person("002065004326", "Hầu Mí Sính", "male", 1965, 6, 8), may, "done", "002065004326,Hầu Mí Sính,08/06/1965,Nam,10/05/2021,Đã cấp", "3 day"},
		{"no number in the record", person("", "Cháng Thị Dợ", "female", 1966, 7, 19), may, "done", "002166004327,Chang Thi Do,19/07/1966,Nữ,10/05/2026,Đã cấp", "1 "},
		{"a name alone", person("", "Ly Thị Mái", "", 0, 0, 0), may, "done", "002167004328,Ly Thị Mái,19/07/1967,Nữ,10/05/2026,Đã cấp", "2 "},
		{"claims nothing", person("002068004329", "Vừ Mí Say", "male", 1968, 7, 19), may, "refused", "002068004329,Vừ Mí Say,19/07/1968,Nam,10/05/2026,Đã cấp", ""},
		{"outside the period", person("002069004330", "Già Mí Pó", "male", 1969, 7, 19), day(1, 2), "done", "002069004330,Già Mí Pó,19/07/1969,Nam,03/01/2026,Đã cấp", "4 "},
	}
	var ids []uuid.UUID
	file := header
	for _, c := range cases {
		ids = append(ids, b.helped(b.phone, c.who, c.on, c.result))
		if c.row != "" {
			file += c.row + "\n"
		}
	}
	file += "002170004331,Người Không Ai Ghi,01/02/1970,Nữ,10/05/2026,Đã cấp\n"
	b.phone.Send()
	src := b.source("Thẻ căn cước 2026")
	src.From, src.To = "2026-02-01", "2026-12-31"
	res := b.imported(file, src)
	if res.LeftOut != 0 || res.New != len(cases) {
		t.Fatalf("imported %+v %v", res, res.Bad)
	}
	for i, c := range cases {
		if got := b.verdict(ids[i]); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	o, err := b.s.Get(t.Context(), src.Register, "")
	if err != nil || o.Sums.Confirmed != 2 || o.Sums.Unconfirmed != 2 || o.Sums.Contradicted != 4 || o.Sums.NotCovered != 1 || o.Sums.Share != 25 {
		t.Errorf("sums %+v, %v", o.Sums, err)
	}
	if o.Sums.Found != 6 || o.Sums.Only != 4 {
		t.Errorf("rows %+v", o.Sums)
	}
}

// TestLateSides: whichever side comes late, is corrected, voided or undone, the
// verdict follows.
func TestLateSides(t *testing.T) {
	b := open(t)
	m := person("002161004321", "Vàng Thị Mỷ", "female", 1961, 4, 7)
	src := b.source("CCCD")
	first := b.imported(header+"002161004321,Vàng Thị Mỷ,07/04/1961,Nữ,10/05/2026,Đã cấp\n", src)
	far := b.Phone(len(b.Province.Villages) - 1)
	late := b.helped(b.phone, m, may, "done")
	b.phone.Send()
	if got := b.verdict(late); got != "1 " {
		t.Fatalf("a late activity: %q", got)
	}
	b.phone.Correct(late, syncproto.Field{Num: syncproto.PersonIDNumber, Value: syncproto.TextValue("002161009999")},
		syncproto.Field{Num: syncproto.PersonFullName, Value: syncproto.TextValue("Lục Văn Khác")})
	b.phone.Send()
	if got := b.verdict(late); got != "2 " {
		t.Errorf("after the person was corrected: %q", got)
	}
	away := b.helped(far, m, may, "done")
	far.Send()
	want := ""
	if b.Ingest.Definitions().Commune(far.Village) == b.Ingest.Definitions().Commune(b.phone.Village) {
		want = "1 "
	}
	if got := b.verdict(away); got != want {
		t.Errorf("outside the covered commune: %q, want %q", got, want)
	}
	again := b.helped(b.phone, m, may, "done")
	b.phone.Send()
	res := b.imported(header+"002161004321,Vàng Thị Mỷ,07/04/1961,Nữ,10/05/2026,Chưa cấp\n", src)
	if got := b.verdict(again); got != "3 outcome" || res.Changed != 1 {
		t.Errorf("after the row changed: %q, %+v", got, res)
	}
	if err := b.s.Undo(t.Context(), "CCCD", first.Import); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
		t.Errorf("an import below another was undone: %v", err)
	}
	if err := b.s.Undo(t.Context(), "CCCD", res.Import); err != nil {
		t.Fatal(err)
	}
	if got := b.verdict(again); got != "1 " {
		t.Errorf("after undoing the change: %q", got)
	}
	if err := b.s.Undo(t.Context(), "CCCD", first.Import); err != nil {
		t.Fatal(err)
	}
	if got := b.verdict(again); got != "2 " {
		t.Errorf("after undoing everything: %q", got)
	}
	if err := b.s.Remove(t.Context(), "CCCD"); err != nil {
		t.Fatal(err)
	}
	if got := b.verdict(again); got != "" {
		t.Errorf("after removing the register: %q", got)
	}
}

// TestWholeFile: rows that a whole register does not list any more stop to
// confirm.
func TestWholeFile(t *testing.T) {
	b := open(t)
	one, two := person("002161004321", "Vàng Thị Mỷ", "female", 1961, 4, 7), person("002062004322", "Lò Văn Pà", "male", 1962, 4, 7)
	a, c := b.helped(b.phone, one, may, "done"), b.helped(b.phone, two, may, "done")
	b.phone.Send()
	row1, row2 := "002161004321,Vàng Thị Mỷ,07/04/1961,Nữ,10/05/2026,Đã cấp\n", "002062004322,Lò Văn Pà,07/04/1962,Nam,10/05/2026,Đã cấp\n"
	src := b.source("CCCD")
	b.imported(header+row1+row2, src)
	if res := b.imported(header+row1, src); res.Gone != 1 || b.verdict(c) != "1 " {
		t.Errorf("a file that adds has taken away: %+v", res)
	}
	src.Whole = true
	if res := b.imported(header+row1, src); res.Gone != 1 || b.verdict(c) != "2 " || b.verdict(a) != "1 " {
		t.Errorf("a whole file: %+v", res)
	}
	if res := b.imported(header+row1+row2, src); res.Changed != 1 || b.verdict(c) != "1 " {
		t.Errorf("a row that came back: %+v", res)
	}
}

// dump gives all rows of all tables of registers.
func (b *bench) dump() string {
	b.t.Helper()
	db, err := sql.Open("sqlite", "file:"+b.Path+"?mode=ro")
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var out strings.Builder
	for _, table := range []string{"register_profiles", "registers", "register_imports", "register_rows", "register_past", "register_findings", "register_queue", "register_erased", "sqlite_sequence", "records"} {
		rows, err := db.QueryContext(b.t.Context(), "SELECT * FROM "+table)
		if err != nil {
			b.t.Fatal(err)
		}
		columns, _ := rows.Columns()
		for rows.Next() {
			values, into := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			if err := rows.Scan(into...); err != nil {
				b.t.Fatal(err)
			}
			fmt.Fprintln(&out, table, values)
		}
		if err := errorsOf(rows); err != nil {
			b.t.Fatal(err)
		}
	}
	return out.String()
}

func errorsOf(rows *sql.Rows) error {
	if err := rows.Err(); err != nil {
		return err
	}
	return rows.Close()
}

// TestRepeatChangesNothing: the same file again leaves every table as it was, and
// so does a dry run.
func TestRepeatChangesNothing(t *testing.T) {
	b := open(t)
	b.helped(b.phone, person("002161004321", "Vàng Thị Mỷ", "female", 1961, 4, 7), may, "done")
	b.phone.Send()
	file := header + "002161004321,Vàng Thị Mỷ,07/04/1961,Nữ,10/05/2026,Đã cấp\n002062004322,Lò Văn Pà,1962,Nam,10/05/2026,Đã cấp\n"
	b.imported(file, b.source("CCCD"))
	before := b.dump()
	b.now = b.now.Add(time.Hour)
	res := b.imported(file, b.source("CCCD"))
	if res.Same != 2 || res.New+res.Changed+res.Gone != 0 || res.Import != uuid.Nil {
		t.Errorf("repeated: %+v", res)
	}
	changed := strings.ReplaceAll(file, "1962", "1963")
	if res, err := b.s.Import(t.Context(), []byte(changed+"002064004325,Thào Mí Lử,08/06/1964,Nam,10/05/2026,\n"), b.source("CCCD"), true, "test", nil); err != nil || res.Changed != 1 || res.New != 1 || res.Same != 1 {
		t.Errorf("dry run: %+v, %v", res, err)
	}
	if after := b.dump(); after != before {
		t.Errorf("tables changed:\n%s\n%s", before, after)
	}
}

// tcvn3 writes the letters that the test files need in the old font.
func tcvn3(t *testing.T, s string) []byte {
	t.Helper()
	codes := map[rune]byte{'ố': 0xE8, 'ọ': 0xE4, 'à': 0xB5, 'ê': 0xAA, 'ớ': 0xED, 'í': 0xDD, 'ấ': 0xCA, 'ị': 0xDE, 'ữ': 0xF7, 'ỷ': 0xFB, 'ế': 0xD5, 'ả': 0xB6, 'Đ': 0xA7, 'ã': 0xB7}
	var out []byte
	for _, r := range s {
		switch c, ok := codes[r]; {
		case r < 0x80:
			out = append(out, byte(r))
		case ok:
			out = append(out, c)
		default:
			t.Fatalf("%q is not in the table", r)
		}
	}
	return out
}

// cp1258 writes Windows-1258, where tones follow their letters.
func cp1258(t *testing.T, s string) []byte {
	t.Helper()
	codes := map[rune]string{'ố': "\xf4\xec", 'ọ': "o\xf2", 'à': "\xe0", 'ê': "\xea", 'ớ': "\xf5\xec", 'í': "\xed", 'ấ': "\xe2\xec", 'ị': "i\xf2", 'ữ': "\xfd\xde", 'ỷ': "y\xd2", 'ế': "\xea\xec", 'ả': "a\xd2", 'Đ': "\xd0", 'ã': "a\xde"}
	var out []byte
	for _, r := range s {
		switch c, ok := codes[r]; {
		case r < 0x80:
			out = append(out, byte(r))
		case ok:
			out = append(out, c...)
		default:
			t.Fatalf("%q is not in the table", r)
		}
	}
	return out
}

func utf16le(s string) []byte {
	out := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return out
}

// TestFilesOfOffices: the preview says what a file is, good rows land, bad rows
// come back with their reasons.
func TestFilesOfOffices(t *testing.T) {
	const plain = "Số CCCD,Họ tên,Ngày sinh,Giới tính,Ngày cấp,Kết quả\n002161004321,Vàng Thị Mỷ,07/04/1961,Nữ,10/05/2026,Đã cấp\n"
	book := workbook(t)
	for _, c := range []struct {
		name, encoding string
		file           []byte
		good           int
		bad            []string
	}{
		{"UTF-8", "utf-8", []byte(plain), 1, nil},
		{"UTF-8 with its mark", "utf-8", []byte("\ufeff" + plain), 1, nil},
		{"UTF-16", "utf-16", utf16le(plain), 1, nil},
		{"TCVN3", "tcvn3", tcvn3(t, plain), 1, nil},
		{"Windows-1258", "windows-1258", cp1258(t, plain), 1, nil},
		{"semicolons, a title above, numbered columns", "utf-8", []byte("DANH SÁCH CẤP CĂN CƯỚC;;\n;;\nSTT;Số CCCD;Họ và tên\n(1);(2);(3)\n1;002161004321;Vàng Thị Mỷ\n"), 1, nil},
		{"merged cells", "utf-8", book, 2, nil},
		{"dates in four forms", "utf-8", []byte("CCCD,Họ tên,Ngày sinh\n002161004321,A Mỷ,07/04/1961\n002161004322,B Mỷ,7-4-1961\n002161004323,C Mỷ,1961-04-07\n002161004324,D Mỷ,22378\n"), 4, nil},
		{"the same row twice", "utf-8", []byte(plain + "002161004321,Vàng Thị Mỷ,07/04/1961,Nữ,10/05/2026,Đã cấp\n"), 1, []string{"3 twice 2"}},
		{"one person, other values", "utf-8", []byte(plain + "002161004321,Vàng Thị Mỷ,07/04/1961,Nữ,11/05/2026,Đã cấp\n"), 1, []string{"3 twice_other 2"}},
		{"bad cells", "utf-8", []byte(header + "12,Vàng,07/04/1961,Nữ,10/05/2026,Đã cấp\n,,,,,x\n002161004321,A,31/02/1961,Nữ,10/05/2026,x\n002161004322,A,1961,?,10/05/2026,x\n" +
			"002161004323,A,1961,Nữ,hôm qua,x\n002161004324,A,1961,Nữ,10/05/2099,x\n002161004325,A,1961,Nữ,10/05/2026,lạ\n002161004326,A,1961,Nữ,10/05/2026,x\n"), 1,
			[]string{"2 id_number 0", "3 nobody 0", "4 birth_date 0", "5 sex 0", "6 day 0", "7 day_future 0", "8 outcome 0"}},
		{"numbers as spreadsheets mangle them", "utf-8", []byte("CCCD,Họ tên\n2161004321,A\n2.161004322E+9,B\n'002161004323,C\n"), 3, nil},
		{"old numbers", "utf-8", []byte("CMND,Họ tên,Ngày sinh\n073123456,Vàng Thị Mỷ,07/04/1961\n073123457,Vàng Thị Sua,\n"), 1, []string{"3 id_number 0"}},
	} {
		b := open(t)
		p, err := b.s.Preview(t.Context(), c.file, b.source("CCCD"))
		if err != nil || p.Encoding != c.encoding || p.Good != c.good || len(p.Missing) != 0 {
			t.Errorf("%s: preview %+v, %v", c.name, p, err)
			continue
		}
		res, err := b.s.Import(t.Context(), c.file, b.source("CCCD"), false, "test", nil)
		if err != nil || res.New != c.good {
			t.Errorf("%s: imported %+v, %v", c.name, res, err)
			continue
		}
		var bad []string
		for _, x := range res.Bad {
			bad = append(bad, fmt.Sprint(x.Row, " ", x.Code, " ", x.Other))
			if x.VI == "" || x.EN == "" {
				t.Errorf("%s: row %d is left out without a reason", c.name, x.Row)
			}
		}
		if !slices.Equal(bad, c.bad) {
			t.Errorf("%s: left out %v, want %v", c.name, bad, c.bad)
		}
	}
}

func workbook(t *testing.T) []byte {
	t.Helper()
	f := excelize.NewFile()
	for at, v := range map[string]string{
		"A1": "Danh sách", "A2": "Giới tính", "B2": "Số CCCD", "C2": "Họ tên", "A3": "Nữ", "B3": "002161004321", "C3": "Vàng Thị Mỷ", "B4": "002161004322", "C4": "Lò Thị Pà",
	} {
		if err := f.SetCellStr("Sheet1", at, v); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range [][2]string{{"A1", "C1"}, {"A3", "A4"}} {
		if err := f.MergeCell("Sheet1", m[0], m[1]); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := f.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestWrongColumns: a file without the columns that are needed is previewed and
// refused, and a mapping by position takes it in.
func TestWrongColumns(t *testing.T) {
	b := open(t)
	file := []byte("x,y,z\n002161004321,Vàng Thị Mỷ,1961\n")
	src := b.source("CCCD")
	p, err := b.s.Preview(t.Context(), file, src)
	if err != nil || !slices.Equal(p.Missing, []registers.Column{registers.ColNumber}) {
		t.Errorf("preview %+v, %v", p, err)
	}
	if _, err := b.s.Import(t.Context(), file, src, false, "test", nil); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
		t.Errorf("taken in without columns: %v", err)
	}
	src.Adjusted.HeaderRow = 1
	src.Adjusted.Columns = map[registers.Column]registers.ColumnPlace{registers.ColNumber: {Position: 1}, registers.ColName: {Header: "Y"}, registers.ColBirth: {Position: 3}}
	if res := b.imported(string(file), src); res.New != 1 || res.LeftOut != 0 {
		t.Errorf("by position: %+v %v", res, res.Bad)
	}
}

// TestBadRowsAsFiles: they hold the row as it was, the reason in both languages,
// and no formula.
func TestBadRowsAsFiles(t *testing.T) {
	b := open(t)
	file := []byte(header + "12,=HYPERLINK(\"x\"),07/04/1961,Nữ,10/05/2026,Đã cấp\n")
	res, err := b.s.Import(t.Context(), file, b.source("CCCD"), true, "test", nil)
	if err != nil {
		t.Fatal(err)
	}
	out, err := registers.BadRows(file, res.Bad, "csv", "")
	if s := string(out); err != nil || !strings.Contains(s, "'=HYPERLINK") || !strings.Contains(s, "không đủ 12 chữ số") || !strings.Contains(s, "does not have 12 digits") || !strings.Contains(s, "Số CCCD") {
		t.Errorf("%v\n%s", err, s)
	}
	out, err = registers.BadRows(file, res.Bad, "xlsx", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := f.GetRows("Thonsync")
	if err != nil || len(rows) != 2 || !strings.Contains(rows[1][4], "=HYPERLINK") {
		t.Errorf("rows %v, %v", rows, err)
	}
	if formula, _ := f.GetCellFormula("Thonsync", "E2"); formula != "" {
		t.Errorf("a formula: %s", formula)
	}
}

// TestErasure: the transaction that erases a record erases the citizen's rows of
// every register, also those of earlier imports, and no later file brings them
// back. Nothing of it is left in the files.
func TestErasure(t *testing.T) {
	b := open(t)
	m := person("002161004321", "Vàng Thị Mỷ Erased", "female", 1961, 4, 7)
	other := person("002062004322", "Lò Văn Pà", "male", 1962, 4, 7)
	id, stays := b.helped(b.phone, m, may, "done"), b.helped(b.phone, other, may, "done")
	b.phone.Send()
	row := "002161004321,Vàng Thị Mỷ Erased,07/04/1961,Nữ,10/05/2026,Đã cấp\n"
	file := header + row + "002062004322,Lò Văn Pà,07/04/1962,Nam,10/05/2026,Đã cấp\n"
	b.imported(strings.Replace(file, "10/05/2026,Đã cấp\n0", "09/05/2026,Đã cấp\n0", 1), b.source("CCCD"))
	b.imported(file, b.source("CCCD"))
	b.imported(file, b.source("Danh sách khác"))
	sealed := [][]byte{}
	see := func(row store.RegisterRow) error { //nolint:unparam // what the store calls
		sealed = append(sealed, row.Sealed)
		return nil
	}
	hash := b.Links.NumberHash("002161004321")
	err := b.Store.View(t.Context(), func(r store.Reader) error {
		return errorsJoin(r.EachRegisterRow(store.RegisterRowQuery{Number: store.KeyedHash(hash)}, see), r.EachRegisterPast(see))
	})
	if err != nil || len(sealed) != 3 {
		t.Fatalf("%d encrypted rows, %v", len(sealed), err)
	}
	if _, err := b.Ingest.Rule(t.Context(), syncproto.Ruling{Kind: syncproto.RulingErase, Record: id}); err != nil {
		t.Fatal(err)
	}
	if got := b.verdict(id); got != "" {
		t.Errorf("an erased activity has findings: %q", got)
	}
	if got := b.verdict(stays); got != "1 1 " {
		t.Errorf("a neighbour's: %q", got)
	}
	if res := b.imported(file, b.source("CCCD")); res.New != 0 || res.Same != 1 || len(res.Bad) != 1 || res.Bad[0].Code != "erased" {
		t.Errorf("a file brought the citizen back: %+v %v", res, res.Bad)
	}
	if err := b.Ingest.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{b.Path, b.Path + "-wal"} {
		all, err := os.ReadFile(path)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for _, s := range append(sealed, hash[:]) {
			if bytes.Contains(all, s[:min(len(s), 16)]) {
				t.Errorf("%s holds what was erased", filepath.Base(path))
			}
		}
	}
}

func errorsJoin(list ...error) error {
	for _, err := range list {
		if err != nil {
			return err
		}
	}
	return nil
}

// TestTheFileTellsNobody: neither a name nor a number of a register is in the
// database file.
func TestTheFileTellsNobody(t *testing.T) {
	b := open(t)
	b.imported(header+"002161004321,Vàng Thị Mỷ Kín,07/04/1961,Nữ,10/05/2026,Đã cấp\n", b.source("CCCD"))
	for _, path := range []string{b.Path, b.Path + "-wal"} {
		all, err := os.ReadFile(path)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for _, v := range []string{"002161004321", "Vàng Thị Mỷ Kín", "Mỷ Kín"} {
			if bytes.Contains(all, []byte(v)) {
				t.Errorf("%s holds a value in the clear", filepath.Base(path))
			}
		}
	}
}

// TestRowsAreKeptForATime: they go by age; what was found stays.
func TestRowsAreKeptForATime(t *testing.T) {
	b := open(t)
	id := b.helped(b.phone, person("002161004321", "Vàng Thị Mỷ", "female", 1961, 4, 7), may, "done")
	b.phone.Send()
	src := b.source("CCCD")
	src.KeepDays = 10
	b.imported(header+"002161004321,Vàng Thị Mỷ,07/04/1961,Nữ,10/05/2026,Đã cấp\n", src)
	b.now = b.now.AddDate(0, 0, 10)
	if err := b.s.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if o, _ := b.s.Get(t.Context(), "CCCD", ""); o.Expired || o.Sums.Found != 1 {
		t.Errorf("gone on the last day: %+v", o)
	}
	b.now = b.now.Add(time.Second)
	if err := b.s.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if o, _ := b.s.Get(t.Context(), "CCCD", ""); !o.Expired || o.Sums.Found+o.Sums.Only != 0 || o.Sums.Confirmed != 1 {
		t.Errorf("kept beyond its time: %+v", o)
	}
	b.phone.Correct(id, syncproto.Field{Num: syncproto.PersonPhone, Value: syncproto.TextValue("0912345678")})
	b.phone.Send()
	if got := b.verdict(id); got != "1 " {
		t.Errorf("what was found has changed: %q", got)
	}
}
