package sheet

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"

	"thonsync/syncproto"
)

const list = "Họ và tên;Ngày sinh;Thôn\nVàng Thị Mỷ;20/04/1961;Nà Xá\nNguyễn Văn Đường;1/1/1970;Bản Nhùng\nSùng Mí Chứ;1950;Cốc Mưi\n"

// toTCVN3 writes as a program with a TCVN3 font does, one byte a letter.
func toTCVN3(t *testing.T, s string) []byte {
	t.Helper()
	back := map[rune]byte{}
	for code, r := range tcvn3 {
		back[r] = byte(code)
	}
	var out []byte
	for _, r := range s {
		switch code, ok := back[r]; {
		case r < 0x80:
			out = append(out, byte(r))
		case ok:
			out = append(out, code)
		default:
			t.Fatalf("%q has no place in TCVN3", r)
		}
	}
	return out
}

// to1258 writes Windows-1258, where tones are combining marks after letters that
// keep their circumflex, breve or horn.
func to1258(t *testing.T, s string) []byte {
	t.Helper()
	var parts []rune
	for _, r := range s {
		d := []rune(norm.NFD.String(string(r)))
		for i := len(d) - 1; i >= 1; i-- {
			if strings.ContainsRune("\u0300\u0301\u0303\u0309\u0323", d[i]) {
				tone := d[i]
				base := norm.NFC.String(string(append(append([]rune{}, d[:i]...), d[i+1:]...)))
				parts = append(append(parts, []rune(base)...), tone)
				d = nil
				break
			}
		}
		if d != nil {
			parts = append(parts, r)
		}
	}
	b, err := charmap.Windows1258.NewEncoder().Bytes([]byte(string(parts)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func utf16File(s string, big bool) []byte {
	out := []byte{0xff, 0xfe}
	if big {
		out = []byte{0xfe, 0xff}
	}
	for _, u := range utf16.Encode([]rune(s)) {
		if big {
			out = append(out, byte(u>>8), byte(u))
		} else {
			out = append(out, byte(u), byte(u>>8))
		}
	}
	return out
}

// TestEncodings: the same list is read from every encoding that offices use.
func TestEncodings(t *testing.T) {
	want := [][]string{}
	for line := range strings.Lines(list) {
		want = append(want, strings.Split(strings.TrimSpace(line), ";"))
	}
	for name, c := range map[string]struct {
		file     []byte
		encoding string
	}{
		"UTF-8":           {[]byte(list), "utf-8"},
		"UTF-8 with mark": {append([]byte("\xef\xbb\xbf"), list...), "utf-8"},
		"decomposed":      {[]byte(norm.NFD.String(list)), "utf-8"},
		"UTF-16":          {utf16File(list, false), "utf-16"},
		"UTF-16 big":      {utf16File(list, true), "utf-16"},
		"Windows-1258":    {to1258(t, list), "windows-1258"},
		"TCVN3":           {toTCVN3(t, list), "tcvn3"},
		"TCVN3 in UTF-8":  {[]byte(latin(toTCVN3(t, list))), "tcvn3"},
	} {
		got, err := Read(c.file)
		if err != nil || got.Encoding != c.encoding || len(got.Rows) != len(want) {
			t.Errorf("%s: %+v, %v", name, got, err)
			continue
		}
		for i, r := range got.Rows {
			if r.Bad != "" || r.N != i+1 || strings.Join(r.Cells, ";") != strings.Join(want[i], ";") {
				t.Errorf("%s: row %d is %+v, want %q", name, i+1, r, want[i])
			}
		}
	}
}

// TestMixedFonts: a workbook in which some cells are typed in an old font.
func TestMixedFonts(t *testing.T) {
	file := "a,b\n" + "Nguyễn Thị Hoa," + latin(toTCVN3(t, "Nguyễn Thị Hoa")) + "\n"
	got, err := Read([]byte(file))
	if err != nil || got.Rows[1].Cells[0] != "Nguyễn Thị Hoa" || got.Rows[1].Cells[1] != "Nguyễn Thị Hoa" {
		t.Errorf("%+v %v", got, err)
	}
}

func workbook(t *testing.T, fill func(f *excelize.File)) []byte {
	t.Helper()
	f := excelize.NewFile()
	fill(f)
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestMergedCells: the village's name is merged over its people, and dates are
// dates.
func TestMergedCells(t *testing.T) {
	file := workbook(t, func(f *excelize.File) {
		for at, v := range map[string]any{"A1": "Thôn", "B1": "Họ tên", "A2": "Nà Xá", "B2": "Vàng Thị Mỷ", "B3": "Lù Văn Tú", "C3": 22391} {
			if err := f.SetCellValue("Sheet1", at, v); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.MergeCell("Sheet1", "A2", "A3"); err != nil {
			t.Fatal(err)
		}
	})
	got, err := Read(file)
	if err != nil || len(got.Rows) != 3 {
		t.Fatalf("%+v %v", got, err)
	}
	if last := got.Rows[2]; last.N != 3 || last.Cells[0] != "Nà Xá" || last.Cells[1] != "Lù Văn Tú" {
		t.Errorf("row %+v", last)
	}
	if d, ok := Date(got.Rows[2].Cells[2]); !ok || d != (syncproto.Date{Year: 1961, Month: 4, Day: 20}) {
		t.Errorf("date %v", d)
	}
}

func TestFilesThatAreNoTables(t *testing.T) {
	for name, file := range map[string]string{
		"old workbook": "\xd0\xcf\x11\xe0rest", "PDF": "%PDF-1.7", "program": "\x7fELF\x00\x01\xff", "broken workbook": "PK\x03\x04rest",
	} {
		if got, err := Read([]byte(file)); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	got, err := Read([]byte("a,b\nc\x00d,e\nf,g\n"))
	if err != nil || len(got.Rows) != 3 || got.Rows[2].Bad != "" {
		t.Errorf("a bad row takes good ones with it: %+v %v", got, err)
	}
}

func TestDates(t *testing.T) {
	want := syncproto.Date{Year: 1961, Month: 4, Day: 20}
	for _, s := range []string{"20/04/1961", "20-4-1961", "20.4.1961", "20041961", "1961-04-20", "22391", "1961-04-20 00:00:00", " 20/4/1961 "} {
		if got, ok := Date(s); !ok || got != want {
			t.Errorf("%q is %v, %v", s, got, ok)
		}
	}
	for s, d := range map[string]syncproto.Date{"1961": {Year: 1961}, "4/1961": {Year: 1961, Month: 4}} {
		if got, ok := Date(s); !ok || got != d {
			t.Errorf("%q is %v, %v", s, got, ok)
		}
	}
	for _, s := range []string{"", "31/02/1961", "13/13/1961", "abc", "1/1/1850", "99999999", "-5", "20/04/61"} {
		if got, ok := Date(s); ok {
			t.Errorf("%q is taken for %v", s, got)
		}
	}
}

func TestValues(t *testing.T) {
	for s, want := range map[string]string{"Nam": "male", "NỮ": "female", "nu": "female", "?": ""} {
		if got := Sex(s); got != want {
			t.Errorf("sex %q is %q", s, got)
		}
	}
	for s, want := range map[string]string{
		"002161000123": "002161000123", "2161000123": "002161000123", "002 161 000123": "002161000123", "'002161000123": "002161000123",
		"2.161000123E+9": "002161000123", "12": "", "00216100012x": "", "2161000123.0": "002161000123",
	} {
		if got := Digits(s, 12); got != want {
			t.Errorf("digits of %q are %q, want %q", s, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(list))
	f.Add([]byte("\xff\xfea\x00"))
	f.Add([]byte("a\tb\n\"c"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := Read(b)
		if err != nil {
			if syncproto.CodeOf(err) == syncproto.CodeInternal {
				t.Errorf("error without a code: %v", err)
			}
			return
		}
		for _, r := range got.Rows {
			for _, c := range r.Cells {
				if r.Bad == "" && !syncproto.CleanText(c) {
					t.Errorf("row %d holds %q", r.N, c)
				}
				Date(c)
				Digits(c, 12)
			}
		}
	})
}
