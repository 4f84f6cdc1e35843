package registers

import (
	"context"
	"slices"
	"strconv"

	"thonsync/server/reconcile/sheet"
)

func itoa(n int) string { return strconv.Itoa(n) }

// FileSource says how to read a file and as what: a saved profile by name or one
// that is being made, and the register it goes to.
type FileSource struct {
	Profile  string           `json:"profile,omitempty"`
	Adjusted *RegisterProfile `json:"adjusted,omitempty"` // instead of the saved one
	Register string           `json:"register,omitempty"` // name; an existing one keeps what is not given here
	Units    []string         `json:"units,omitempty"`
	From     string           `json:"from,omitempty"`
	To       string           `json:"to,omitempty"`
	KeepDays int              `json:"keep_days,omitempty"`
	// Whole says that the file is the whole register: what it does not list is gone
	// from it. Otherwise the file adds to it.
	Whole bool `json:"whole,omitempty"`
}

// SampleRow is one row as understood. It holds who the row is about.
type SampleRow struct {
	Row      int          `json:"row"`
	Cells    []string     `json:"cells"`
	Entry    *RowEntry    `json:"entry,omitempty"` // absent for a row that would be left out
	Birth    string       `json:"birth_date,omitempty"`
	UnitName string       `json:"unit_name,omitempty"`
	Problems []RowProblem `json:"problems"`
}

// CountedRows is how often something was met.
type CountedRows struct {
	Code   string `json:"code"`
	Column Column `json:"column,omitempty"`
	Number int    `json:"number"`
	Left   bool   `json:"left_out"` // these rows are left out
	Rows   []int  `json:"rows"`     // the first of them
	BothWords
}

// FilePreview is a file as understood, before anything is taken in.
type FilePreview struct {
	Form      string         `json:"form"`     // csv or xlsx
	Encoding  string         `json:"encoding"` // of most of the text
	Sheet     string         `json:"sheet,omitempty"`
	HeaderRow int            `json:"header_row"` // 0 where none was found
	Headers   []string       `json:"headers"`
	Columns   map[Column]int `json:"columns"` // position from 1 on of what was recognised
	Missing   []Column       `json:"missing"` // columns without which the file cannot be taken in
	Rows      int            `json:"rows"`    // of data
	Good      int            `json:"good"`
	Samples   []SampleRow    `json:"samples"`
	Counted   []CountedRows  `json:"counted"` // what is wrong or odd, most frequent first
	// Suggested is the profile as guessed from the headers.
	Suggested RegisterProfile `json:"suggested"`
}

// Samples and first rows that are shown.
const (
	showSamples = 20
	showRows    = 10
)

// Preview reads a file and says how it is understood. It changes nothing.
func (s *Service) Preview(ctx context.Context, file []byte, src FileSource) (*FilePreview, error) {
	t, err := sheet.Read(file)
	if err != nil {
		return nil, err
	}
	p, reg, err := s.source(ctx, src, false)
	if err != nil {
		return nil, err
	}
	r := s.newReader(t, &p, &reg)
	out := &FilePreview{
		Form: t.Form, Encoding: t.Encoding, Sheet: t.Sheet, HeaderRow: r.head, Headers: append([]string{}, r.header...),
		Columns: map[Column]int{}, Missing: append([]Column{}, r.missing()...), Samples: []SampleRow{}, Suggested: r.suggested(),
	}
	for c, i := range r.at {
		out.Columns[c] = i + 1
	}
	var tally counted
	seen := newSeen()
	for i := range t.Rows {
		row := &t.Rows[i]
		if !r.data(row) {
			continue
		}
		out.Rows++
		u, bad, odd := r.read(row)
		if bad == nil {
			bad = seen.twice(s, &u)
		}
		tally.add(bad, odd)
		if bad == nil {
			out.Good++
		}
		if len(out.Samples) < showSamples {
			out.Samples = append(out.Samples, r.sample(row, &u, bad, odd))
		}
	}
	out.Counted = tally.list()
	return out, nil
}

func (r *reader) sample(row *sheet.Row, u *understood, bad *RowProblem, odd []RowProblem) SampleRow {
	s := SampleRow{Row: row.N, Cells: append([]string{}, row.Cells...), Problems: append([]RowProblem{}, odd...)}
	if bad != nil {
		s.Problems = append(s.Problems, *bad)
		return s
	}
	s.Entry = &u.entry
	if u.entry.Birth.Year != 0 {
		s.Birth = u.entry.Birth.String()
	}
	if info, ok := r.places.defs.Unit(u.entry.Unit); ok {
		s.UnitName = info.Name
	}
	return s
}

// suggested is the profile with the columns as they were found, by header where
// there is one.
func (r *reader) suggested() RegisterProfile {
	p := *r.p
	p.Columns = map[Column]ColumnPlace{}
	for c, i := range r.at {
		at := ColumnPlace{Position: i + 1}
		if i < len(r.header) && r.header[i] != "" {
			at = ColumnPlace{Header: r.header[i]}
		}
		p.Columns[c] = at
	}
	return p
}

// counted adds problems up.
type counted struct{ all []CountedRows }

func (c *counted) add(bad *RowProblem, odd []RowProblem) {
	if bad != nil {
		c.one(bad, true)
	}
	for i := range odd {
		c.one(&odd[i], false)
	}
}

func (c *counted) one(p *RowProblem, left bool) {
	i := slices.IndexFunc(c.all, func(x CountedRows) bool { return x.Code == p.Code && x.Column == p.Column && x.Left == left })
	if i < 0 {
		i = len(c.all)
		c.all = append(c.all, CountedRows{Code: p.Code, Column: p.Column, Left: left, Rows: []int{}, BothWords: p.BothWords})
	}
	x := &c.all[i]
	if x.Number++; len(x.Rows) < showRows {
		x.Rows = append(x.Rows, p.Row)
	}
}

func (c *counted) list() []CountedRows {
	slices.SortStableFunc(c.all, func(a, b CountedRows) int { return b.Number - a.Number })
	return append([]CountedRows{}, c.all...)
}
