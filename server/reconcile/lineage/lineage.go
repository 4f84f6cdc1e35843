// Package lineage reads the two tables of a reorganisation, the new list of units
// and where each old commune went, and says what they do to the units that are
// known. It is pure: it reads no store and no clock.
package lineage

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"thonsync/server/reconcile/sheet"
	"thonsync/syncproto"
	"thonsync/syncproto/unittree"
)

// Unit is one unit of the new list.
type Unit struct {
	List      string `json:"list"`
	Code      string `json:"code"`
	Level     string `json:"level"`
	Type      string `json:"type"`
	Name      string `json:"name"`
	Parent    string `json:"parent,omitempty"` // list:code
	ValidFrom string `json:"valid_from,omitempty"`
	ValidTo   string `json:"valid_to,omitempty"`
}

// Key gives the unit's key.
func (u *Unit) Key() string { return syncproto.UnitKey(u.List, u.Code) }

// Row says that some of an old commune went to a new one.
type Row struct {
	From   string `json:"from"` // list:code
	To     string `json:"to"`
	Extent string `json:"extent"` // unchanged, whole, part, remainder
}

// Document is what the two tables say.
type Document struct {
	FromList string `json:"from_list"`
	ToList   string `json:"to_list"`
	Units    []Unit `json:"units"`
	Rows     []Row  `json:"rows"`
}

// TableProblem is a row of one of the tables that cannot be used.
type TableProblem struct {
	Table  string `json:"table"` // units or lineage
	Row    int    `json:"row"`   // as a spreadsheet shows it, 0 for the table as a whole
	Column string `json:"column,omitempty"`
	Rule   string `json:"rule"`
}

// The tables.
const (
	TableUnits   = "units"
	TableLineage = "lineage"
)

// reader gathers what one table says.
type reader struct {
	table    string
	problems []TableProblem
}

func (r *reader) fail(row int, column, format string, args ...any) {
	r.problems = append(r.problems, TableProblem{r.table, row, column, fmt.Sprintf(format, args...)})
}

// rows calls f for every row with its cells by the names of the columns.
func (r *reader) rows(file []byte, needed []string, f func(n int, cell map[string]string)) error {
	t, err := sheet.Read(file)
	if err != nil {
		return err
	}
	var head []string
	for _, row := range t.Rows {
		if row.Bad != "" {
			r.fail(row.N, "", "%s", row.Bad)
			continue
		}
		if head == nil {
			for _, c := range row.Cells {
				head = append(head, strings.ToLower(strings.TrimSpace(c)))
			}
			for _, name := range needed {
				if !slices.Contains(head, name) {
					return syncproto.Errorf(syncproto.CodeInvalidInput, "the table of %s lacks the column %q: its first row must name the columns %s", r.table, name, strings.Join(needed, ", "))
				}
			}
			continue
		}
		cells := make(map[string]string, len(head))
		for i, c := range row.Cells {
			if i < len(head) {
				cells[head[i]] = strings.TrimSpace(c)
			}
		}
		f(row.N, cells)
	}
	if head == nil {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "the table of %s is empty", r.table)
	}
	return nil
}

// Read reads the new list of units (columns list, code, level, type, name, and
// parent, valid_from, valid_to) and the lineage (from_list, from_code, to_list,
// to_code, extent), as CSV or XLSX in any encoding that offices use. It fails only
// where a file is no such table; rows that cannot be used are problems.
func Read(units, lineage []byte) (*Document, []TableProblem, error) {
	d := &Document{}
	list := &reader{table: TableUnits}
	if err := list.rows(units, []string{"list", "code", "level", "type", "name"}, func(n int, c map[string]string) { d.addUnit(list, n, c) }); err != nil {
		return nil, nil, err
	}
	rows := &reader{table: TableLineage}
	need := []string{"from_list", "from_code", "to_list", "to_code", "extent"}
	if err := rows.rows(lineage, need, func(n int, c map[string]string) { d.addRow(rows, n, c) }); err != nil {
		return nil, nil, err
	}
	d.check(list)
	d.checkRows(rows)
	return d, append(list.problems, rows.problems...), nil
}

var levels = []string{unittree.Province, unittree.District, unittree.Commune}

func (d *Document) addUnit(r *reader, n int, c map[string]string) {
	u := Unit{List: c["list"], Code: c["code"], Level: c["level"], Type: c["type"], Name: c["name"], ValidFrom: c["valid_from"], ValidTo: c["valid_to"]}
	if p := c["parent"]; strings.Contains(p, ":") || p == "" {
		u.Parent = p
	} else {
		u.Parent = syncproto.UnitKey(u.List, p)
	}
	for _, column := range []string{"list", "code", "type", "name"} {
		if v := c[column]; v == "" || !syncproto.CleanText(v) {
			r.fail(n, column, "the cell is empty or holds control characters")
			return
		}
	}
	for column, v := range map[string]string{"valid_from": u.ValidFrom, "valid_to": u.ValidTo} {
		if _, err := syncproto.ParseDate(v); v != "" && err != nil {
			r.fail(n, column, "the cell is not a date in the form YYYY-MM-DD")
			return
		}
	}
	switch {
	case !slices.Contains(levels, u.Level):
		r.fail(n, "level", "the cell must be one of %s: villages keep their keys and are placed afterwards", strings.Join(levels, ", "))
	case d.ToList != "" && d.ToList != u.List:
		r.fail(n, "list", "the table holds two lists; one reorganisation leads to one list")
	case slices.ContainsFunc(d.Units, func(v Unit) bool { return v.Code == u.Code }):
		r.fail(n, "code", "the same unit stands in an earlier row")
	default:
		d.ToList = u.List
		d.Units = append(d.Units, u)
	}
}

func (d *Document) addRow(r *reader, n int, c map[string]string) {
	row := Row{From: syncproto.UnitKey(c["from_list"], c["from_code"]), To: syncproto.UnitKey(c["to_list"], c["to_code"]), Extent: c["extent"]}
	for _, column := range []string{"from_list", "from_code", "to_list", "to_code"} {
		if v := c[column]; v == "" || !syncproto.CleanText(v) {
			r.fail(n, column, "list version and code are both needed: a code alone names no unit")
			return
		}
	}
	switch {
	case !slices.Contains([]string{unittree.Unchanged, unittree.Whole, unittree.Part, unittree.Remainder}, row.Extent):
		r.fail(n, "extent", "the cell must be unchanged, whole, part or remainder")
	case d.FromList != "" && d.FromList != c["from_list"]:
		r.fail(n, "from_list", "the table speaks of two old lists; one reorganisation ends one list")
	case slices.ContainsFunc(d.Rows, func(v Row) bool { return v.From == row.From && v.To == row.To }):
		r.fail(n, "to_code", "the same two units stand in an earlier row")
	default:
		d.FromList = c["from_list"]
		d.Rows = append(d.Rows, row)
	}
}

// check looks at the new list as a whole.
func (d *Document) check(r *reader) {
	if len(d.Units) == 0 {
		r.fail(0, "", "the table lists no unit")
	}
	byKey := map[string]*Unit{}
	for i := range d.Units {
		byKey[d.Units[i].Key()] = &d.Units[i]
	}
	for i := range d.Units {
		u := &d.Units[i]
		parent := byKey[u.Parent]
		switch {
		case u.Level == unittree.Province && u.Parent != "":
			r.fail(0, "parent", "province %s has a unit above it", u.Key())
		case u.Level != unittree.Province && parent == nil:
			r.fail(0, "parent", "the unit above %s is not in the table", u.Key())
		case parent != nil && slices.Index(levels, parent.Level) >= slices.Index(levels, u.Level):
			r.fail(0, "parent", "the unit above %s is not of a higher level", u.Key())
		}
	}
	// Units are written from above, so that none is without the one above it.
	slices.SortStableFunc(d.Units, func(a, b Unit) int {
		return cmp.Or(cmp.Compare(slices.Index(levels, a.Level), slices.Index(levels, b.Level)), cmp.Compare(a.Code, b.Code))
	})
}

// checkRows looks at the lineage as a whole.
func (d *Document) checkRows(r *reader) {
	if d.FromList != "" && d.FromList == d.ToList {
		r.fail(0, "to_list", "the old and the new list have the same name: a reused code would then name two units")
	}
	known := map[string]string{}
	for i := range d.Units {
		known[d.Units[i].Key()] = d.Units[i].Level
	}
	byFrom := map[string][]Row{}
	for _, row := range d.Rows {
		if known[row.To] != unittree.Commune {
			r.fail(0, "to_code", "%s is no commune of the new list", row.To)
		}
		byFrom[row.From] = append(byFrom[row.From], row)
	}
	for _, from := range slices.Sorted(maps.Keys(byFrom)) {
		rows := byFrom[from]
		whole := slices.ContainsFunc(rows, func(v Row) bool { return unittree.IsWhole(v.Extent) })
		switch {
		case whole && len(rows) > 1:
			r.fail(0, "extent", "%s is said to have gone somewhere as a whole, and elsewhere, too", from)
		case !whole && len(rows) == 1:
			r.fail(0, "extent", "of %s only a part is accounted for", from)
		}
	}
}
