// Package sheet reads the tables that offices send: CSV and XLSX, in UTF-8,
// UTF-16, Windows-1258 or the old TCVN3 fonts, with merged cells, titles above
// the header and dates in every form. It says what it understood; it decides
// nothing about people.
package sheet

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"

	"thonsync/syncproto"
)

// Limits of a file.
const (
	MaxRows     = 250_000
	MaxColumns  = 200
	MaxCell     = 4 << 10
	MaxUnzipped = 512 << 20
	MaxFile     = 64 << 20
)

// Row is one row of a file: N counts from 1 as spreadsheets show it. Bad says
// why a row could not be read at all, "" otherwise.
type Row struct {
	N     int
	Cells []string
	Bad   string
}

// Table is what was read.
type Table struct {
	Form     string // csv or xlsx
	Encoding string // utf-8, utf-16, windows-1258 or tcvn3, of most of the text
	Sheet    string // name of the sheet, for xlsx
	Rows     []Row
}

// Read reads a whole file. Errors are for a person: they say what to do.
func Read(file []byte) (*Table, error) {
	switch {
	case len(file) > MaxFile:
		return nil, syncproto.Errorf(syncproto.CodeTooLarge, "the file has %d MB, at most %d are read: split it", len(file)>>20, MaxFile>>20)
	case bytes.HasPrefix(file, []byte("PK\x03\x04")):
		return readXLSX(file)
	case bytes.HasPrefix(file, []byte("\xd0\xcf\x11\xe0")):
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "this is a workbook of Excel 97-2003 (.xls) or one with a password: save it as .xlsx or .csv, without a password")
	case bytes.HasPrefix(file, []byte("%PDF")):
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "this is a PDF: ask for the table as .xlsx or .csv")
	}
	return readCSV(file)
}

func readXLSX(file []byte) (*Table, error) {
	f, err := excelize.OpenReader(bytes.NewReader(file), excelize.Options{UnzipSizeLimit: MaxUnzipped, UnzipXMLSizeLimit: MaxUnzipped / 8, RawCellValue: true})
	if err != nil {
		return nil, syncproto.Wrap(syncproto.CodeInvalidInput, err, "the workbook could not be opened: it may be damaged or too large when unpacked; save it anew as .xlsx or .csv")
	}
	defer func() { _ = f.Close() }() // it was read from memory
	t := &Table{Form: "xlsx", Sheet: f.GetSheetName(f.GetActiveSheetIndex())}
	rows, err := f.Rows(t.Sheet)
	if err != nil {
		return nil, syncproto.Wrap(syncproto.CodeInvalidInput, err, "the first sheet of the workbook could not be read: save it anew")
	}
	defer func() { _ = rows.Close() }()
	for n := 1; rows.Next(); n++ {
		cells, err := rows.Columns()
		if err != nil {
			t.Rows = append(t.Rows, Row{N: n, Bad: "the row could not be read"})
			continue
		}
		if err := t.add(n, cells); err != nil {
			return nil, err
		}
	}
	if err := t.unmerge(f); err != nil {
		return nil, err
	}
	t.decode("utf-8")
	return t, nil
}

// add appends a row, unless it is empty.
func (t *Table) add(n int, cells []string) error {
	empty := true
	for i, c := range cells {
		if len(c) > MaxCell {
			t.Rows = append(t.Rows, Row{N: n, Bad: fmt.Sprintf("a cell is longer than %d characters", MaxCell)})
			return nil
		}
		cells[i] = strings.TrimSpace(c)
		empty = empty && cells[i] == ""
	}
	switch {
	case empty:
		return nil
	case len(cells) > MaxColumns:
		return syncproto.Errorf(syncproto.CodeTooLarge, "row %d has %d columns, at most %d are read", n, len(cells), MaxColumns)
	case len(t.Rows) == MaxRows:
		return syncproto.Errorf(syncproto.CodeTooLarge, "the file has more than %d rows: split it", MaxRows)
	}
	t.Rows = append(t.Rows, Row{N: n, Cells: cells})
	return nil
}

// maxMerged bounds how many cells one merged range may fill.
const maxMerged = 100_000

// unmerge fills every cell of a merged range with its value: offices merge the
// name of the village over its people.
func (t *Table) unmerge(f *excelize.File) error {
	merged, err := f.GetMergeCells(t.Sheet)
	if err != nil {
		return syncproto.Wrap(syncproto.CodeInvalidInput, err, "the merged cells of the workbook could not be read: unmerge them and save it anew")
	}
	at := make(map[int]int, len(t.Rows)) // row number to place
	for i, r := range t.Rows {
		at[r.N] = i
	}
	filled := 0
	for _, m := range merged {
		c1, r1, err1 := excelize.CellNameToCoordinates(m.GetStartAxis())
		c2, r2, err2 := excelize.CellNameToCoordinates(m.GetEndAxis())
		if err1 != nil || err2 != nil || c2 > MaxColumns {
			continue
		}
		value := strings.TrimSpace(m.GetCellValue())
		for r := r1; r <= r2 && filled < maxMerged; r++ {
			i, ok := at[r]
			if !ok {
				continue
			}
			for c := c1; c <= c2; c++ {
				filled++
				t.Rows[i].set(c-1, value)
			}
		}
	}
	return nil
}

func (r *Row) set(i int, value string) {
	for len(r.Cells) <= i {
		r.Cells = append(r.Cells, "")
	}
	r.Cells[i] = value
}

func readCSV(file []byte) (*Table, error) {
	text, encoding, err := textOf(file)
	if err != nil {
		return nil, err
	}
	t := &Table{Form: "csv"}
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.FieldsPerRecord, r.LazyQuotes = separator(text), -1, true
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			t.decode(encoding)
			return t, nil
		}
		if pe, ok := errors.AsType[*csv.ParseError](err); ok {
			t.Rows = append(t.Rows, Row{N: pe.StartLine, Bad: "a quotation mark is not closed"})
			continue
		}
		if err != nil {
			return nil, syncproto.Wrap(syncproto.CodeInvalidInput, err, "the file could not be read as CSV: save it as .xlsx or .csv")
		}
		n, _ := r.FieldPos(0)
		if err := t.add(n, cells); err != nil {
			return nil, err
		}
	}
}

// separator is what stands between cells in the first lines: spreadsheets here
// write semicolons, because the comma is the decimal sign.
func separator(text string) rune {
	head := text
	for i, n := 0, 0; i < len(text); i++ {
		if text[i] == '\n' {
			if n++; n == 10 {
				head = text[:i]
				break
			}
		}
	}
	best, most := ',', strings.Count(head, ",")
	for _, c := range ";\t|" {
		if n := strings.Count(head, string(c)); n > most {
			best, most = c, n
		}
	}
	return best
}

// textOf gives a text file as UTF-8 and the name of the encoding that it seems
// to have. Text in TCVN3 fonts looks like Latin letters and is found later.
func textOf(file []byte) (text, encoding string, err error) {
	switch {
	case bytes.HasPrefix(file, []byte("\xef\xbb\xbf")):
		file = file[3:]
	case bytes.HasPrefix(file, []byte("\xff\xfe")), bytes.HasPrefix(file, []byte("\xfe\xff")):
		return utf16Text(file), "utf-16", nil
	}
	if utf8.Valid(file) {
		return string(file), "utf-8", nil
	}
	if bytes.IndexByte(file, 0) >= 0 {
		return "", "", syncproto.Errorf(syncproto.CodeInvalidInput, "this is no text file and no workbook: save the table as .xlsx or .csv")
	}
	// Both old encodings have one byte a letter: which of them makes Vietnamese?
	if tcvn := fromTCVN3(latin(file)); strange(tcvn) <= strange(from1258(file)) {
		return latin(file), "tcvn3", nil
	}
	return from1258(file), "windows-1258", nil
}

func utf16Text(file []byte) string {
	big := file[0] == 0xfe
	units := make([]uint16, 0, len(file)/2)
	for i := 2; i+1 < len(file); i += 2 {
		lo, hi := file[i], file[i+1]
		if big {
			lo, hi = hi, lo
		}
		units = append(units, uint16(lo)|uint16(hi)<<8)
	}
	return string(utf16.Decode(units))
}

// latin reads bytes as Windows-1252, as spreadsheets show text in TCVN3 fonts.
func latin(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		s.WriteRune(rune(c)) // the marks of TCVN3 lie above 0xA0, where Windows-1252 is Latin 1
	}
	return s.String()
}

func from1258(b []byte) string {
	s, err := charmap.Windows1258.NewDecoder().Bytes(b)
	if err != nil {
		return latin(b)
	}
	return norm.NFC.String(string(s))
}
