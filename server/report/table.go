package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Table is a report as rows under columns, ready to be printed in any form. A
// cell is a string, an integer or nil.
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

func (t *Table) title(lang string) string { return Text{t.TitleVI, t.TitleEN}.In(lang) }

func (t *Table) headings(lang string) []string {
	out := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		out[i] = Text{c.TitleVI, c.TitleEN}.In(lang)
	}
	return out
}

func cell(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// WriteText prints the table for a terminal, columns aligned by characters.
func (t *Table) WriteText(w io.Writer, lang string) error {
	lines := [][]string{t.headings(lang)}
	for _, r := range t.Rows {
		line := make([]string, len(r))
		for i, v := range r {
			line[i] = cell(v)
		}
		lines = append(lines, line)
	}
	widths := make([]int, len(t.Columns))
	for _, l := range lines {
		for i, c := range l {
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", t.title(lang))
	for n, l := range lines {
		for i, c := range l {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c))
			if n > 0 && isNumber(t.Rows[n-1][i]) {
				b.WriteString(pad + c)
			} else {
				b.WriteString(c + pad)
			}
			b.WriteString("  ")
		}
		b.WriteString("\n")
	}
	for _, n := range t.Notes {
		fmt.Fprintf(&b, "* %s\n", n.In(lang))
	}
	_, err := io.WriteString(w, trimLines(b.String()))
	return err
}

func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

func isNumber(v any) bool {
	switch v.(type) {
	case int, int64, uint64:
		return true
	default:
		return false
	}
}

// WriteCSV writes the table as UTF-8 CSV with a byte order mark, which
// spreadsheet programs need to read Vietnamese, the columns' words as first
// row, and no cell that a spreadsheet would run as a formula.
func (t *Table) WriteCSV(w io.Writer) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return err
	}
	c := csv.NewWriter(w)
	head := make([]string, len(t.Columns))
	for i, col := range t.Columns {
		head[i] = col.Name
	}
	if err := c.Write(head); err != nil {
		return err
	}
	for _, r := range t.Rows {
		line := make([]string, len(r))
		for i, v := range r {
			if line[i] = cell(v); !isNumber(v) {
				line[i] = Inert(line[i])
			}
		}
		if err := c.Write(line); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// Inert makes a text harmless in a spreadsheet: every physical line that, after
// leading spaces, begins like a formula gets an apostrophe in front (OWASP, CSV
// injection).
func Inert(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		l = strings.ReplaceAll(l, "\r", " ")
		trimmed := strings.TrimLeft(l, " \u00a0")
		if trimmed != "" && strings.ContainsRune("=+-@\t", rune(trimmed[0])) {
			l = "'" + l
		}
		lines[i] = l
	}
	return strings.Join(lines, "\n")
}
