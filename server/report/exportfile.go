package report

import (
	"encoding/json"
	"fmt"
	"io"

	"thonsync/syncproto"
)

// Formats of exports.
const (
	FormatCSV  = "csv"
	FormatJSON = "json" // one object a line
)

// personalColumns are the personal values that have a column each in CSV;
// those of a kind alone stand in "personal" as JSON.
var personalColumns = []string{"id_number", "full_name", "birth_date", "sex", "phone", "address", "note"}

// ActivityFile writes activities as a file.
type ActivityFile struct{ f *rows }

// NewActivityFile begins a file in a format, with or without columns for
// personal values. A later part of the same file has no heading.
func NewActivityFile(w io.Writer, format string, personal, heading bool) (*ActivityFile, error) {
	columns := []string{
		"id", "kind", "unit", "team", "author", "occurred", "result", "day", "straddling", "void", "conflict", "erased", "fields",
	}
	f, err := newRows(w, format, columns, personal, heading)
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
	f, err := newRows(w, format, []string{"team", "unit", "commune", "village", "team_name", "member", "role"}, personal, true)
	return &MemberFile{f}, err
}

// Write adds one line.
func (m *MemberFile) Write(x *Member) error {
	return m.f.write(x, x.Personal, x.Team.String(), x.Unit, x.Commune, x.Village, x.TeamName, x.Member.String(), x.Role)
}

// Flush ends the file.
func (m *MemberFile) Flush() error { return m.f.flush() }

// rows writes the same things as CSV or as JSON lines.
type rows struct {
	csv      *CSV
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
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "format %q: choose csv or json", format)
	}
	c, err := NewCSV(w, heading)
	if err != nil || !heading {
		return &rows{csv: c, personal: personal}, err
	}
	if personal {
		columns = append(append(columns, personalColumns...), "personal")
	}
	head := make([]any, len(columns))
	for i, name := range columns {
		head[i] = name
	}
	return &rows{csv: c, personal: personal}, c.Write(head...)
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
	return r.csv.Write(cells...)
}

func (r *rows) flush() error {
	if r.json != nil {
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
