package imports

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"thonsync/server/ingest"
	"thonsync/syncproto"
)

// reference is what rows refer to.
type reference struct {
	defs  *ingest.Definitions
	teams map[string]uuid.UUID // by village
	seen  map[string]bool      // units of this very file
	// people are members by village and name, for trainings
	people map[string]uuid.UUID
}

func (r *reference) unitKnown(key string) bool { return r.seen[key] || r.defs.UnitKnown(key) }

// read gives the good rows and puts the bad ones into res.
func read(what What, file []byte, ref *reference, res *Result) ([]wanted, error) {
	if !utf8.Valid(file) {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "%s file is not UTF-8: save it as UTF-8 and import it again", what)
	}
	file = bytes.TrimPrefix(file, []byte("\ufeff")) // as spreadsheets write it
	switch what {
	case Kinds, Guides, Criteria:
		return readJSON(what, file, ref, res)
	default:
		return readCSV(what, file, ref, res)
	}
}

// columns that each file must have; others may be there and are used if known.
var needed = map[What][]string{
	Units: {"list", "code", "level", "type", "name"}, Teams: {"list", "code", "name"}, Members: {"list", "code", "full_name"},
	Targets: {"list", "code", "measure", "value", "valid_from", "valid_to"}, Trainings: {"list", "code", "full_name", "class", "held"},
}

// line is a row of a CSV file by column names.
type line struct {
	n     int
	cells map[string]string
}

func (l *line) get(name string) string { return l.cells[name] }

// has tells whether the row has a cell in a column, which may be empty.
func (l *line) has(name string) bool { _, ok := l.cells[name]; return ok }

func readCSV(what What, file []byte, ref *reference, res *Result) ([]wanted, error) {
	lines, err := linesOf(what, file, res)
	if err != nil {
		return nil, err
	}
	if what == Units { // whoever sorts a file by name puts villages before their commune
		slices.SortStableFunc(lines, func(a, b *line) int { return levelRank(a.get("level")) - levelRank(b.get("level")) })
	}
	var out []wanted
	keys := map[string]bool{}
	ref.seen = map[string]bool{}
	for _, l := range lines {
		w, bad := rowOf(what, l, ref)
		if bad == nil && what != Members && keys[w.key] {
			bad = &BadRow{Row: l.n, Rule: "the same thing stands in an earlier row"}
		}
		if bad != nil {
			res.Bad = append(res.Bad, *bad)
			continue
		}
		keys[w.key] = true
		out = append(out, w)
	}
	slices.SortStableFunc(res.Bad, func(a, b BadRow) int { return a.Row - b.Row })
	return out, nil
}

var levels = []string{"province", "district", "commune", "village"}

// levelRank orders levels from above; what is no level comes last.
func levelRank(level string) int {
	if i := slices.Index(levels, level); i >= 0 {
		return i
	}
	return len(levels)
}

// linesOf cuts a file into rows by column name.
func linesOf(what What, file []byte, res *Result) ([]*line, error) {
	r := csv.NewReader(bytes.NewReader(file))
	r.Comma = separator(file)
	r.FieldsPerRecord = -1
	head, err := r.Read()
	if err != nil {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "%s file has no first row with the names of the columns", what)
	}
	for i := range head {
		head[i] = strings.ToLower(strings.TrimSpace(head[i]))
	}
	for _, name := range needed[what] {
		if !contains(head, name) {
			return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "%s file lacks the column %q: the first row must name the columns %s", what, name, strings.Join(needed[what], ", "))
		}
	}
	var out []*line
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			res.Bad = append(res.Bad, BadRow{Row: parseLine(err), Rule: "the row is not valid CSV, perhaps because of a quotation mark"})
			continue
		}
		at, _ := r.FieldPos(0)
		l := &line{n: at, cells: map[string]string{}}
		for i, c := range cells {
			if i < len(head) {
				l.cells[head[i]] = norm.NFC.String(strings.TrimSpace(c))
			}
		}
		out = append(out, l)
	}
}

// separator is what stands between the names of the columns: spreadsheets here
// write semicolons, because the comma is the decimal sign.
func separator(file []byte) rune {
	head, _, _ := bytes.Cut(file, []byte("\n"))
	best, most := ',', bytes.Count(head, []byte(","))
	for _, c := range []rune{';', '\t'} {
		if n := bytes.Count(head, []byte(string(c))); n > most {
			best, most = c, n
		}
	}
	return best
}

func parseLine(err error) int {
	if e, ok := errors.AsType[*csv.ParseError](err); ok {
		return e.StartLine
	}
	return 0
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// rowBuilder gathers fields and remembers the first rule that is broken. An
// empty cell becomes null, which clears what is recorded; a column that the file
// does not have leaves it alone.
type rowBuilder struct {
	n   int
	has func(column string) bool // nil where all is there
	row syncproto.Row
	bad *BadRow
}

func (b *rowBuilder) fail(column, format string, args ...any) {
	if b.bad == nil {
		b.bad = &BadRow{Row: b.n, Column: column, Rule: fmt.Sprintf(format, args...)}
	}
}

func (b *rowBuilder) text(num uint32, column, v string, required bool) {
	switch {
	case v == "" && required:
		b.fail(column, "the cell is empty")
	case v == "":
		b.empty(num, column)
	case !syncproto.CleanText(v):
		b.fail(column, "the cell holds control characters")
	default:
		b.row = append(b.row, syncproto.Field{Num: num, Value: syncproto.TextValue(v)})
	}
}

func (b *rowBuilder) empty(num uint32, column string) {
	if b.has == nil || b.has(column) {
		b.row = append(b.row, syncproto.Field{Num: num, Value: syncproto.Null()})
	}
}

func (b *rowBuilder) choice(num uint32, column, v string, options ...string) {
	if v == "" {
		b.empty(num, column)
		return
	}
	if !contains(options, v) {
		b.fail(column, "the cell must be one of %s", strings.Join(options, ", "))
		return
	}
	b.text(num, column, v, true)
}

func (b *rowBuilder) date(num uint32, column, v string) {
	if v == "" {
		b.empty(num, column)
		return
	}
	d, err := syncproto.ParseDate(v)
	if err != nil {
		b.fail(column, "the cell is not a date in the form YYYY-MM-DD")
		return
	}
	b.row = append(b.row, syncproto.Field{Num: num, Value: syncproto.DateValue(d)})
}

// rowOf makes the record that a row stands for.
func rowOf(what What, l *line, ref *reference) (wanted, *BadRow) {
	key := syncproto.UnitKey(l.get("list"), l.get("code"))
	op, personal := &rowBuilder{n: l.n, has: l.has}, &rowBuilder{n: l.n, has: l.has}
	if l.get("list") == "" || l.get("code") == "" {
		op.fail("code", "list version and code are both needed: a code alone names no unit")
	}
	op.text(syncproto.FieldUnit, "code", key, true)
	switch what {
	case Targets:
		targetRow(op, l, key, ref)
	case Trainings:
		trainingRow(op, l, key, ref)
	case Units:
		unitRow(op, l, key, ref)
	case Teams:
		if !ref.unitKnown(key) {
			op.fail("code", "the unit is not known: import the units first")
		}
		op.text(syncproto.TeamName, "name", l.get("name"), true)
	case Members:
		team, ok := ref.teams[key]
		if !ok {
			op.fail("code", "the unit has no team: import the teams first")
		}
		op.row = append(op.row, syncproto.Field{Num: syncproto.MemberTeam, Value: syncproto.UUIDValue(team)})
		op.text(syncproto.MemberRole, "role", l.get("role"), false)
		personal.text(syncproto.PersonFullName, "full_name", l.get("full_name"), true)
		personal.choice(syncproto.PersonSex, "sex", l.get("sex"), "male", "female")
		personal.text(syncproto.PersonPhone, "phone", l.get("phone"), false)
	}
	if what == Trainings {
		w := wanted{row: l.n, op: syncproto.NewRow(op.row...)}
		w.key = keyOf(what, w.op, nil)
		return w, op.bad
	}
	op.date(syncproto.UnitValidFrom, "valid_from", l.get("valid_from"))
	op.date(syncproto.UnitValidTo, "valid_to", l.get("valid_to"))
	w := wanted{row: l.n, op: syncproto.NewRow(op.row...), personal: syncproto.NewRow(personal.row...)}
	w.key = keyOf(what, w.op, w.personal)
	if op.bad != nil {
		return w, op.bad
	}
	return w, personal.bad
}

func unitRow(b *rowBuilder, l *line, key string, ref *reference) {
	b.text(syncproto.UnitList, "list", l.get("list"), true)
	b.text(syncproto.UnitCode, "code", l.get("code"), true)
	if l.get("level") == "" {
		b.fail("level", "the cell is empty")
	}
	b.choice(syncproto.UnitLevel, "level", l.get("level"), levels...)
	b.text(syncproto.UnitType, "type", l.get("type"), true)
	b.text(syncproto.UnitName, "name", l.get("name"), true)
	if parent := parentOf(l); parent != "" {
		if !ref.unitKnown(parent) {
			b.fail("parent_code", "the unit above is neither known nor a good row of this file")
		}
		b.text(syncproto.UnitParent, "parent_code", parent, true)
	} else if l.get("level") != "province" {
		b.fail("parent_code", "only a province has no unit above")
	} else {
		b.empty(syncproto.UnitParent, "parent_code")
	}
	if b.bad == nil {
		ref.seen[key] = true
	}
}

// parentOf gives the key of the unit above, "" for none: by the columns
// parent_list and parent_code, or by the column parent, which holds a key
// (list:code) or a code of the same list, as the official tables have it.
func parentOf(l *line) string {
	if code := l.get("parent_code"); code != "" {
		return syncproto.UnitKey(l.get("parent_list"), code)
	}
	parent := l.get("parent")
	if parent == "" || strings.Contains(parent, ":") {
		return parent
	}
	return syncproto.UnitKey(l.get("list"), parent)
}

// readJSON reads kinds, guides or criteria: a list of objects.
func readJSON(what What, file []byte, ref *reference, res *Result) ([]wanted, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(file, &list); err != nil {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "%s file is not a JSON list", what)
	}
	unit := provinceOf(ref.defs)
	if unit == "" {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "no province is known yet: import the units first")
	}
	var out []wanted
	seen := map[string]bool{}
	for i, raw := range list {
		op := &rowBuilder{n: i + 1}
		op.text(syncproto.FieldUnit, "", unit, true)
		switch what {
		case Kinds:
			kindRow(op, raw)
		case Criteria:
			criteriaRow(op, raw)
		default:
			guideRow(op, raw)
		}
		w := wanted{row: i + 1, op: syncproto.NewRow(op.row...)}
		w.key = keyOf(what, w.op, nil)
		if op.bad == nil && seen[w.key] {
			op.fail("code", "the same code stands in an earlier entry")
		}
		if op.bad != nil {
			res.Bad = append(res.Bad, *op.bad)
			continue
		}
		seen[w.key] = true
		out = append(out, w)
	}
	return out, nil
}

func provinceOf(defs *ingest.Definitions) string {
	best := ""
	for key, u := range defs.Units() {
		if u.Level == "province" && (best == "" || key < best) {
			best = key
		}
	}
	return best
}

func kindRow(b *rowBuilder, raw []byte) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		b.fail("", "the entry is not valid JSON")
		return
	}
	definition := norm.NFC.String(compact.String())
	k, err := syncproto.ParseKind(definition)
	if err != nil {
		b.fail("", "%s", err)
		return
	}
	if len(definition) > syncproto.MaxValueBytes {
		b.fail("", "the definition is over %d bytes", syncproto.MaxValueBytes)
		return
	}
	b.text(syncproto.KindCode, "code", k.Code, true)
	b.text(syncproto.KindNameVI, "name_vi", k.NameVI, true)
	b.text(syncproto.KindNameEN, "name_en", k.NameEN, false)
	b.text(syncproto.KindDefinition, "", definition, true)
}

// guide is a guide as the file has it.
type guide struct {
	Code    string `json:"code"`
	TitleVI string `json:"title_vi"`
	TitleEN string `json:"title_en"`
	Steps   []struct {
		VI string `json:"text_vi"`
		EN string `json:"text_en"`
	} `json:"steps"`
}

func guideRow(b *rowBuilder, raw []byte) {
	var g guide
	if err := json.Unmarshal(raw, &g); err != nil {
		b.fail("", "the entry is not a guide: code, title_vi, title_en, steps of text_vi and text_en")
		return
	}
	var vi, en []string
	for _, s := range g.Steps {
		vi, en = append(vi, s.VI), append(en, s.EN)
	}
	b.text(syncproto.GuideCode, "code", g.Code, true)
	b.text(syncproto.GuideTitleVI, "title_vi", g.TitleVI, true)
	b.text(syncproto.GuideTitleEN, "title_en", g.TitleEN, false)
	b.text(syncproto.GuideBodyVI, "steps", strings.Join(vi, "\n\n"), true)
	b.text(syncproto.GuideBodyEN, "steps", strings.Join(en, "\n\n"), false)
}
