package report

import (
	"errors"
	"fmt"
	"io"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"

	"thonsync/syncproto"
)

// Bounds of the format.
const (
	maxSheetRows = excelize.TotalRows
	maxCellUnits = excelize.TotalCellChars // UTF-16
)

// textFormat is the format that spreadsheet programs know as "Text". A cell that
// bears it stays a text when somebody edits it, whatever it begins with.
const textFormat = 49

// Workbook writes rows as an Excel file. Texts are cells of text: none is ever a
// formula. Rows beyond some megabytes wait in a file in the folder that
// NewWorkbook was given. Call Close in any case; it takes that file away.
type Workbook struct {
	file *excelize.File
	rows *excelize.StreamWriter
	text int // style
	n    int
}

// sheet names the sheet of rows; notes the one of notes.
const sheet, notesSheet = "Thonsync", "Ghi chú - Notes"

// NewWorkbook begins a file. dir is where overlong sheets wait, "" for the
// system's folder of temporary files.
func NewWorkbook(dir string) (*Workbook, error) {
	b := &Workbook{file: excelize.NewFile(excelize.Options{TmpDir: dir})}
	err := b.file.SetSheetName("Sheet1", sheet)
	if err == nil {
		b.text, err = b.file.NewStyle(&excelize.Style{NumFmt: textFormat})
	}
	if err == nil {
		b.rows, err = b.file.NewStreamWriter(sheet)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("beginning a spreadsheet: %w", err), b.file.Close())
	}
	return b, nil
}

// Write writes one row; a cell is a text, an int64 or nil. It fails with
// CodeTooLarge where the format has no room.
func (b *Workbook) Write(cells ...any) error {
	if b.n == maxSheetRows {
		return syncproto.Errorf(syncproto.CodeTooLarge, "a spreadsheet has room for %d rows: choose a smaller period or unit, or csv", maxSheetRows)
	}
	b.n++
	line := make([]any, len(cells))
	for i, v := range cells {
		if v == nil || isNumber(v) {
			line[i] = v
			continue
		}
		s := cell(v)
		if len(s) > maxCellUnits && len(utf16.Encode([]rune(s))) > maxCellUnits {
			return syncproto.Errorf(syncproto.CodeTooLarge, "row %d has a text that is too long for a spreadsheet: choose csv", b.n)
		}
		line[i] = excelize.Cell{StyleID: b.text, Value: s}
	}
	at, err := excelize.CoordinatesToCellName(1, b.n)
	if err == nil {
		err = b.rows.SetRow(at, line)
	}
	if err != nil {
		return fmt.Errorf("writing a spreadsheet: %w", err)
	}
	return nil
}

// Finish writes the whole file to w, with notes on a sheet of their own.
func (b *Workbook) Finish(w io.Writer, notes ...string) error {
	err := b.rows.Flush()
	if err == nil && len(notes) > 0 {
		_, err = b.file.NewSheet(notesSheet)
		for i, s := range notes {
			err = errors.Join(err, b.file.SetCellStr(notesSheet, fmt.Sprintf("A%d", i+1), s))
		}
	}
	if err == nil {
		_, err = b.file.WriteTo(w)
	}
	if err != nil {
		return fmt.Errorf("writing a spreadsheet: %w", err)
	}
	return nil
}

// Close gives back what the workbook holds.
func (b *Workbook) Close() error { return b.file.Close() }

// WriteXLSX writes the table as a spreadsheet for readers of a language.
func (t *Table) WriteXLSX(w io.Writer, lang string) (err error) {
	b, err := NewWorkbook("")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	columns := t.shown(lang)
	head := make([]any, len(columns))
	for n, i := range columns {
		head[n] = Text{t.Columns[i].TitleVI, t.Columns[i].TitleEN}.In(lang)
	}
	if err := b.Write(head...); err != nil {
		return err
	}
	for _, r := range t.Rows {
		line := make([]any, len(columns))
		for n, i := range columns {
			line[n] = r[i]
		}
		if err := b.Write(line...); err != nil {
			return err
		}
	}
	notes := []string{t.title(lang)}
	for _, n := range t.Notes {
		notes = append(notes, n.In(lang))
	}
	return b.Finish(w, notes...)
}
