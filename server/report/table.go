package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Table is a report as rows under columns, ready to be printed in any form. A
// cell is a string, an int64 or nil. A column whose name ends in _vi or _en is
// for readers of that language; where there is such a pair, the column with the
// bare name holds the code that programs read.
type Table struct {
	Name     string   `json:"name"`
	TitleVI  string   `json:"title_vi"`
	TitleEN  string   `json:"title_en"`
	Columns  []Column `json:"columns"`
	Rows     [][]any  `json:"rows"`
	Notes    []Text   `json:"notes"`
	MadeAtMS int64    `json:"made_at_ms"`
}

// Column names one column: its word in JSON and its headings.
type Column struct {
	Name    string `json:"name"`
	TitleVI string `json:"title_vi"`
	TitleEN string `json:"title_en"`
}

// Text is a sentence in both languages.
type Text struct {
	VI string `json:"vi"`
	EN string `json:"en"`
}

// In gives the sentence in a language, "en" or Vietnamese.
func (t Text) In(lang string) string {
	if lang == "en" {
		return t.EN
	}
	return t.VI
}

// add appends a row. Its numbers become int64, so that a table that went
// through JSON is the same as one that did not.
func (t *Table) add(cells ...any) {
	for i, c := range cells {
		switch n := c.(type) {
		case int:
			cells[i] = int64(n)
		case uint64:
			cells[i] = int64(n)
		}
	}
	t.Rows = append(t.Rows, cells)
}

func (t *Table) note(vi, en string, args ...any) {
	t.Notes = append(t.Notes, Text{fmt.Sprintf(vi, args...), fmt.Sprintf(en, args...)})
}

// UnmarshalJSON reads a table with its numbers whole.
func (t *Table) UnmarshalJSON(b []byte) error {
	type plain Table
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode((*plain)(t)); err != nil {
		return err
	}
	for _, row := range t.Rows {
		for i, c := range row {
			n, ok := c.(json.Number)
			if !ok {
				continue
			}
			v, err := n.Int64()
			if err != nil {
				return fmt.Errorf("table %s: a cell is no whole number: %w", t.Name, err)
			}
			row[i] = v
		}
	}
	return nil
}

func (t *Table) title(lang string) string { return Text{t.TitleVI, t.TitleEN}.In(lang) }

// shown lists the columns for a reader of a language: not those of the other
// language, nor codes that stand there in words.
func (t *Table) shown(lang string) []int {
	if lang != "en" {
		lang = "vi"
	}
	has := func(name string) bool {
		return slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Name == name })
	}
	var out []int
	for i, c := range t.Columns {
		switch {
		case strings.HasSuffix(c.Name, "_vi") || strings.HasSuffix(c.Name, "_en"):
			if !strings.HasSuffix(c.Name, "_"+lang) {
				continue
			}
		case has(c.Name + "_" + lang):
			continue
		}
		out = append(out, i)
	}
	return out
}

func cell(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

func isNumber(v any) bool {
	_, ok := v.(int64)
	return ok
}

// grid gives headings and cells for a reader of a language.
func (t *Table) grid(lang string) (head []string, rows [][]string, numeric []bool) {
	columns := t.shown(lang)
	numeric = make([]bool, len(columns))
	for n, i := range columns {
		head = append(head, Text{t.Columns[i].TitleVI, t.Columns[i].TitleEN}.In(lang))
		numeric[n] = slices.ContainsFunc(t.Rows, func(r []any) bool { return isNumber(r[i]) })
	}
	for _, r := range t.Rows {
		line := make([]string, len(columns))
		for n, i := range columns {
			line[n] = cell(r[i])
		}
		rows = append(rows, line)
	}
	return head, rows, numeric
}

// WriteText prints the table for a terminal, columns aligned by characters.
func (t *Table) WriteText(w io.Writer, lang string) error {
	head, rows, numeric := t.grid(lang)
	lines := append([][]string{head}, rows...)
	widths := make([]int, len(head))
	for _, l := range lines {
		for i, c := range l {
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	var b strings.Builder
	b.WriteString(t.title(lang) + "\n")
	for _, l := range lines {
		var line strings.Builder
		for i, c := range l {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c))
			if numeric[i] {
				c = pad + c
			} else {
				c += pad
			}
			line.WriteString(c + "  ")
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	for _, n := range t.Notes {
		b.WriteString("* " + n.In(lang) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteCSV writes all columns as UTF-8 CSV, the columns' words as first row,
// and no cell that a spreadsheet would run as a formula. The byte order mark is
// what spreadsheet programs need to read Vietnamese.
func (t *Table) WriteCSV(w io.Writer, mark bool) error {
	c, err := NewCSV(w, mark)
	if err != nil {
		return err
	}
	head := make([]any, len(t.Columns))
	for i, col := range t.Columns {
		head[i] = col.Name
	}
	for _, r := range append([][]any{head}, t.Rows...) {
		if err := c.Write(r...); err != nil {
			return err
		}
	}
	return c.Flush()
}

// CSV writes rows of which no text can be taken for a formula.
type CSV struct{ w *csv.Writer }

// NewCSV begins a file, with a byte order mark if mark is set.
func NewCSV(w io.Writer, mark bool) (*CSV, error) {
	if mark {
		if _, err := io.WriteString(w, "\ufeff"); err != nil {
			return nil, err
		}
	}
	return &CSV{csv.NewWriter(w)}, nil
}

// Write writes one row; nil is an empty cell. Numbers stay as they are.
func (c *CSV) Write(cells ...any) error {
	line := make([]string, len(cells))
	for i, v := range cells {
		if line[i] = cell(v); !isNumber(v) {
			line[i] = Inert(line[i])
		}
	}
	return c.w.Write(line)
}

// Flush ends the file.
func (c *CSV) Flush() error {
	c.w.Flush()
	return c.w.Error()
}

// formulaStarts begin a formula in a spreadsheet program, the last four where
// East Asian widths are taken for the same.
const formulaStarts = "=+-@\t＝＋－＠"

// Inert makes a text harmless in a spreadsheet: whatever begins like a formula,
// after leading spaces, gets an apostrophe in front (OWASP, CSV injection). That
// holds for every line, and after every semicolon, which ends a cell where the
// comma is the decimal sign, as in Vietnam.
func Inert(s string) string {
	var b strings.Builder
	for {
		i := strings.IndexAny(s, "\n\r;")
		part := s
		if i >= 0 {
			part = s[:i]
		}
		if trimmed := strings.TrimLeft(part, " \u00a0"); trimmed != "" {
			if first, _ := utf8.DecodeRuneInString(trimmed); strings.ContainsRune(formulaStarts, first) {
				b.WriteByte('\'')
			}
		}
		b.WriteString(part)
		switch {
		case i < 0:
			return b.String()
		case s[i] == '\r':
			b.WriteByte(' ')
		default:
			b.WriteByte(s[i])
		}
		s = s[i+1:]
	}
}
