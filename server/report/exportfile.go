package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"thonsync/syncproto"
)

// Formats of exports.
const (
	FormatCSV  = "csv"
	FormatJSON = "json" // one object a line
	FormatXLSX = "xlsx"
)

// personalColumns are the personal values that have a column each in CSV;
// those of a kind alone stand in "personal" as JSON.
var personalColumns = []string{"id_number", "full_name", "birth_date", "sex", "phone", "address", "note"}

var (
	activityColumns = []string{
		"id", "kind", "unit", "team", "author", "occurred", "result", "day", "straddling", "void", "conflict", "erased", "fields",
	}
	memberColumns = []string{"team", "unit", "commune", "village", "team_name", "member", "role"}
)

// ActivityFile writes activities as a file.
type ActivityFile struct{ f *rows }

// NewActivityFile begins a file in a format, with or without columns for
// personal values. A later part of the same file has no heading.
func NewActivityFile(w io.Writer, format string, personal, heading bool) (*ActivityFile, error) {
	f, err := newRows(w, format, activityColumns, personal, heading)
	return &ActivityFile{f}, err
}

// Write adds one activity.
func (a *ActivityFile) Write(x *Activity) error {
	return a.f.write(x, x.Personal, x.ID.String(), x.Kind, x.Unit, x.Team.String(), x.Author.String(), x.Occurred, x.Result, x.Day,
		flag(x.Straddling), flag(x.Void), flag(x.Conflict), flag(x.Erased), x.Fields)
}

// Flush ends the part.
func (a *ActivityFile) Flush() error { return a.f.flush() }

// MemberFile writes teams and members as a file.
type MemberFile struct{ f *rows }

// NewMemberFile begins a file; see NewActivityFile.
func NewMemberFile(w io.Writer, format string, personal bool) (*MemberFile, error) {
	f, err := newRows(w, format, memberColumns, personal, true)
	return &MemberFile{f}, err
}

// Write adds one line.
func (m *MemberFile) Write(x *Member) error {
	return m.f.write(x, x.Personal, x.Team.String(), x.Unit, x.Commune, x.Village, x.TeamName, x.Member.String(), x.Role)
}

// Flush ends the file.
func (m *MemberFile) Flush() error { return m.f.flush() }

// sink takes rows of cells.
type sink interface{ Write(cells ...any) error }

// rows writes the same things as CSV, as a spreadsheet or as JSON lines.
type rows struct {
	csv      *CSV
	sink     sink // nil for JSON
	json     *json.Encoder
	personal bool
}

func newRows(w io.Writer, format string, columns []string, personal, heading bool) (*rows, error) {
	switch format {
	case FormatJSON:
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		return &rows{json: enc}, nil
	case FormatCSV:
	default:
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "format %q: choose csv, json or xlsx", format)
	}
	c, err := NewCSV(w, heading)
	r := &rows{csv: c, sink: c, personal: personal}
	if err != nil || !heading {
		return r, err
	}
	return r, r.head(columns)
}

func (r *rows) head(columns []string) error {
	if r.personal {
		columns = slices.Concat(columns, personalColumns, []string{"personal"})
	}
	head := make([]any, len(columns))
	for i, name := range columns {
		head[i] = name
	}
	return r.sink.Write(head...)
}

func (r *rows) write(v any, personal map[string]any, cells ...any) error {
	if r.json != nil {
		return r.json.Encode(v)
	}
	for i, c := range cells {
		if fields, ok := c.(map[string]any); ok {
			cells[i] = compact(fields)
		}
	}
	if r.personal {
		rest := map[string]any{}
		for name, value := range personal {
			rest[name] = value
		}
		for _, name := range personalColumns {
			value, ok := rest[name]
			delete(rest, name)
			if !ok || value == nil {
				value = ""
			}
			cells = append(cells, fmt.Sprint(value))
		}
		cells = append(cells, compact(rest))
	}
	return r.sink.Write(cells...)
}

func (r *rows) flush() error {
	if r.csv == nil {
		return nil
	}
	return r.csv.Flush()
}

// compact gives values as JSON, "" for none. They came out of records, so they
// are of types that JSON has.
func compact(fields map[string]any) string {
	if len(fields) == 0 {
		return ""
	}
	b, err := json.Marshal(fields)
	if err != nil {
		return ""
	}
	return string(b)
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// ExportBook turns exports of JSON lines into one spreadsheet.
type ExportBook struct {
	book    *Workbook
	members bool
	rows    *rows
}

// NewExportBook begins a spreadsheet of members or of activities, with or
// without columns for personal values; see NewWorkbook for dir.
func NewExportBook(dir string, members, personal bool) (*ExportBook, error) {
	book, err := NewWorkbook(dir)
	if err != nil {
		return nil, err
	}
	b := &ExportBook{book: book, members: members, rows: &rows{sink: book, personal: personal}}
	columns := activityColumns
	if members {
		columns = memberColumns
	}
	if err := b.rows.head(columns); err != nil {
		return nil, errors.Join(err, book.Close())
	}
	return b, nil
}

// Add takes the lines of a part.
func (b *ExportBook) Add(lines []byte) error {
	d := json.NewDecoder(bytes.NewReader(lines))
	d.UseNumber()
	for {
		var err error
		if b.members {
			var m Member
			if err = d.Decode(&m); err == nil {
				err = (&MemberFile{b.rows}).Write(&m)
			}
		} else {
			var a Activity
			if err = d.Decode(&a); err == nil {
				err = (&ActivityFile{b.rows}).Write(&a)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Finish writes the file to w.
func (b *ExportBook) Finish(w io.Writer) error { return b.book.Finish(w) }

// Close gives back what the book holds.
func (b *ExportBook) Close() error { return b.book.Close() }
