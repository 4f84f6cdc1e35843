package report_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/xuri/excelize/v2"

	"thonsync/server/report"
	"thonsync/server/store"
	"thonsync/server/tally"
)

func TestVerdict(t *testing.T) {
	c := report.Criteria{ID: "t", Version: 1, ValidFrom: "2026-01-01", PeriodDays: 30, MinActivities: 4, MinKinds: 2, MinActiveMembers: 2, MaxDaysSinceSync: 14}
	good := report.Team{Activities: 4, Kinds: 2, ActiveMembers: 2, Phones: 2, PhonesHeard: 2}
	for name, x := range map[string]struct {
		change  func(*report.Team)
		verdict report.Verdict
		why     string
		failing string
	}{
		"meets all":                     {func(*report.Team) {}, report.Working, "", ""},
		"meets all, half of it missing": {func(t *report.Team) { t.PhonesHeard, t.Missing, t.Waiting = 0, 9, 9 }, report.Working, "", ""},
		"too few activities":            {func(t *report.Team) { t.Activities = 3 }, report.NotWorking, "", "activities"},
		"too few kinds":                 {func(t *report.Team) { t.Kinds = 1 }, report.NotWorking, "", "kinds"},
		"too few people":                {func(t *report.Team) { t.ActiveMembers = 1 }, report.NotWorking, "", "active-members"},
		"no phone":                      {func(t *report.Team) { *t = report.Team{} }, report.NotKnown, report.NoPhone, "activities"},
		"nothing heard":                 {func(t *report.Team) { t.Activities, t.PhonesHeard = 0, 0 }, report.NotKnown, report.NotHeard, "activities"},
		"one phone quiet":               {func(t *report.Team) { t.Activities, t.PhonesHeard = 0, 1 }, report.NotKnown, report.Incomplete, "activities"},
		"a gap":                         {func(t *report.Team) { t.Activities, t.Missing = 0, 1 }, report.NotKnown, report.Incomplete, "activities"},
		"work waits on a phone":         {func(t *report.Team) { t.Activities, t.Waiting = 0, 1 }, report.NotKnown, report.Incomplete, "activities"},
		"work kept apart":               {func(t *report.Team) { t.Activities, t.Quarantined = 0, 1 }, report.NotKnown, report.Incomplete, "activities"},
	} {
		team := good
		x.change(&team)
		j := c.Judge(&team)
		if j.Verdict != x.verdict || j.Why != x.why {
			t.Errorf("%s: %s (%s), want %s (%s)", name, j.Verdict, j.Why, x.verdict, x.why)
		}
		if (len(j.Failing) > 0) != (x.failing != "") || x.failing != "" && j.Failing[0].Criterion != x.failing {
			t.Errorf("%s: failing %+v, want %s", name, j.Failing, x.failing)
		}
	}
}

func TestCriteriaAreData(t *testing.T) {
	if c := report.DefaultCriteria(); c.PeriodDays < 1 {
		t.Errorf("default criteria %+v", c)
	}
	for _, bad := range []string{`{`, `{}`, `{"id":"x","version":1,"valid_from":"soon","period_days":1,"max_days_since_sync":1}`,
		`{"id":"x","version":1,"valid_from":"2026-01-01","period_days":0,"max_days_since_sync":1}`,
		`{"id":"x","version":1,"valid_from":"2026-01-01","period_days":1,"max_days_since_sync":1,"min_kinds":-1}`} {
		if _, err := report.ParseCriteria([]byte(bad)); err == nil {
			t.Errorf("accepted %s", bad)
		}
	}
}

func ms(s string) int64 {
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return at.UnixMilli()
}

// TestMonthRule holds the rule against a lying clock and against midnight in
// Vietnam.
func TestMonthRule(t *testing.T) {
	for name, c := range map[string]struct {
		earliest, latest, occurred string
		day                        string
		straddles                  bool
	}{
		"claimed inside":            {"2026-03-10T01:00:00Z", "2026-03-12T01:00:00Z", "2026-03-11", "2026-03-11", false},
		"clock in 2099":             {"2026-03-10T01:00:00Z", "2026-03-12T01:00:00Z", "2099-01-01", "2026-03-12", false},
		"clock in 1970":             {"2026-03-10T01:00:00Z", "2026-03-12T01:00:00Z", "1970-01-01", "2026-03-12", false},
		"straddles, claim decides":  {"2026-03-30T01:00:00Z", "2026-04-02T01:00:00Z", "2026-03-31", "2026-03-31", true},
		"straddles, claim is wrong": {"2026-03-30T01:00:00Z", "2026-04-02T01:00:00Z", "2026-02-01", "2026-04-02", true},
		"no beacon":                 {"", "2026-04-02T01:00:00Z", "2026-03-31", "2026-03-31", true},
		"only the year is known":    {"2026-04-01T01:00:00Z", "2026-04-02T01:00:00Z", "2026", "2026-04-02", false},
		"midnight in Vietnam":       {"2026-03-31T17:00:00Z", "2026-03-31T17:00:00Z", "", "2026-04-01", false},
	} {
		rec := store.Record{LatestMS: ms(c.latest), Occurred: c.occurred}
		if c.earliest != "" {
			rec.EarliestMS = ms(c.earliest)
		}
		counted, straddles := tally.When(&rec, 0)
		day := counted.Time()
		if day.Format(time.DateOnly) != c.day || straddles != c.straddles {
			t.Errorf("%s: %s, straddles %v; want %s, %v", name, day.Format(time.DateOnly), straddles, c.day, c.straddles)
		}
	}
}

func TestInert(t *testing.T) {
	for in, want := range map[string]string{
		"Nà Xá": "Nà Xá", "=1+1": "'=1+1", "+84": "'+84", "-2": "'-2", "@x": "'@x", "  =x": "'  =x", "\u00a0=x": "'\u00a0=x",
		"a\n=x": "a\n'=x", "a\r=x": "a '=x", "a; =x": "a;' =x", "＝x": "'＝x", "a=b;c-d": "a=b;c-d", "\tx": "'\tx", "": "",
	} {
		if got := report.Inert(in); got != want {
			t.Errorf("Inert(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestTableForms(t *testing.T) {
	table := report.Table{TitleEN: "T", TitleVI: "B", Columns: []report.Column{{Name: "name", TitleVI: "Tên", TitleEN: "Name"}, {Name: "n", TitleVI: "Số", TitleEN: "Number"}},
		Rows: [][]any{{"=cmd()", int64(7)}, {"Thôn", nil}}}
	var text, file bytes.Buffer
	if err := table.WriteText(&text, "vi"); err != nil {
		t.Fatal(err)
	}
	if want := "B\nTên     Số\n=cmd()   7\nThôn\n"; text.String() != want {
		t.Errorf("text:\n%q, want\n%q", text.String(), want)
	}
	if err := table.WriteCSV(&file, true); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(file.String(), "\ufeff"))).ReadAll()
	if err != nil || rows[0][0] != "name" || rows[1][0] != "'=cmd()" || rows[1][1] != "7" {
		t.Errorf("csv %v, %v", rows, err)
	}
}

// sheetOf opens a spreadsheet.
func sheetOf(t *testing.T, b []byte) *excelize.File {
	t.Helper()
	f, err := excelize.OpenReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func TestSpreadsheetHoldsNoFormula(t *testing.T) {
	table := report.Table{Name: "x", TitleEN: "T", TitleVI: "B", Columns: []report.Column{{Name: "name", TitleVI: "Tên", TitleEN: "Name"}, {Name: "n", TitleVI: "Số", TitleEN: "Number"}},
		Rows: [][]any{{"=1+1", int64(7)}, {"+84912", nil}}, Notes: []report.Text{{VI: "Lưu ý", EN: "=note()"}}}
	var file bytes.Buffer
	if err := table.WriteXLSX(&file, "en"); err != nil {
		t.Fatal(err)
	}
	f := sheetOf(t, file.Bytes())
	name := f.GetSheetName(0)
	for cell, want := range map[string]string{"A1": "Name", "B1": "Number", "A2": "=1+1", "B2": "7", "A3": "+84912"} {
		got, err := f.GetCellValue(name, cell)
		formula, err2 := f.GetCellFormula(name, cell)
		if got != want || formula != "" || err != nil || err2 != nil {
			t.Errorf("%s: %q, formula %q, %v %v", cell, got, formula, err, err2)
		}
	}
	style, err := f.GetCellStyle(name, "A2")
	if err != nil {
		t.Fatal(err)
	}
	if s, err := f.GetStyle(style); err != nil || s.NumFmt != 49 {
		t.Errorf("a text that begins with = is not held as a text: %+v %v", s, err)
	}
	if kind, err := f.GetCellType(name, "B2"); err != nil || kind == excelize.CellTypeInlineString || kind == excelize.CellTypeSharedString {
		t.Errorf("a number is kept as type %d, %v", kind, err)
	}
	notes := f.GetSheetName(1)
	if got, err := f.GetCellValue(notes, "A2"); got != "=note()" || err != nil {
		t.Errorf("note %q, %v", got, err)
	}
	if formula, err := f.GetCellFormula(notes, "A2"); formula != "" || err != nil {
		t.Errorf("a note became the formula %q, %v", formula, err)
	}
}

// A spreadsheet of an export has what the CSV of it has.
func TestExportBook(t *testing.T) {
	activity := &report.Activity{ID: uuid.UUID{1}, Kind: "CC", Fields: map[string]any{"visits": 12345678901234567}, Straddling: true,
		Personal: map[string]any{"full_name": "=HYPERLINK()", "id_number": "002090000001", "guardian": "Người Thử"}}
	var lines, csvFile, file bytes.Buffer
	for format, w := range map[string]*bytes.Buffer{report.FormatJSON: &lines, report.FormatCSV: &csvFile} {
		f, err := report.NewActivityFile(w, format, true, true)
		if err == nil {
			err = errors.Join(f.Write(activity), f.Flush())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	book, err := report.NewExportBook(t.TempDir(), false, true)
	if err == nil {
		err = errors.Join(book.Add(lines.Bytes()), book.Add(nil), book.Add(lines.Bytes()), book.Finish(&file), book.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	f := sheetOf(t, file.Bytes())
	rows, err := f.GetRows(f.GetSheetName(0))
	if err != nil {
		t.Fatal(err)
	}
	want, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(csvFile.String(), "\ufeff"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i := range want[1] { // an apostrophe keeps the CSV harmless, the cell's type the spreadsheet
		want[1][i] = strings.TrimPrefix(want[1][i], "'")
	}
	if len(rows) != 3 || !slices.Equal(rows[0], want[0]) || !slices.Equal(rows[1], want[1]) || !slices.Equal(rows[2], want[1]) {
		t.Errorf("rows\n%q, want\n%q", rows, want)
	}
}
