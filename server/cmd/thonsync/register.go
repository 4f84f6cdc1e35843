package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"thonsync/server"
	"thonsync/server/reconcile/registers"
	"thonsync/syncproto"
)

type registerCmd struct {
	Profile registerProfile `cmd:"" help:"How files of a sender are read: which column says what, and which activities the register speaks of."`
	Preview registerPreview `cmd:"" help:"Show how a file is understood. Nothing changes. It shows personal data, which the access log notes."`
	Import  registerImport  `cmd:"" help:"Take a file in and compare it with what was recorded. Repeating it changes nothing."`
	List    registerList    `cmd:"" help:"List registers, with how much of what was recorded they confirm."`
	Show    registerShow    `cmd:"" help:"Show a register: its imports, its sums by team, what it confirms or contradicts."`
	Errors  registerErrors  `cmd:"" help:"Write the rows of a file that cannot be taken in to a file, each with its reason. Nothing changes."`
	Remove  registerRemove  `cmd:"" help:"Take one import back, or forget a register with all its rows and findings."`
}

type registerProfile struct {
	List registerProfileList `cmd:"" help:"List profiles."`
	Set  registerProfileSet  `cmd:"" help:"Make or change a profile."`
	Drop registerProfileDrop `cmd:"" help:"Forget a profile."`
}

type registerProfileList struct{}

// Run lists profiles.
func (registerProfileList) Run(a *app) error {
	list, err := server.RegisterProfiles.Run(a.ctx, a.cfg, a.quiet(), server.None{})
	if err != nil {
		return err
	}
	return a.show(list, func() {
		rows := make([][]string, len(list))
		for i, p := range list {
			rows[i] = []string{p.Name, strings.Join(p.Rule.Kinds, ","), strconv.Itoa(p.Rule.WindowDays), places(p.Columns)}
		}
		a.table([]string{"PROFILE", "KINDS", "WINDOW DAYS", "COLUMNS"}, rows)
	})
}

func places(columns map[registers.Column]registers.ColumnPlace) string {
	var out []string
	for _, c := range registers.Columns() {
		at, ok := columns[c]
		switch {
		case !ok:
		case at.Header != "":
			out = append(out, string(c)+"="+at.Header)
		default:
			out = append(out, string(c)+"="+strconv.Itoa(at.Position))
		}
	}
	if len(out) == 0 {
		return "as guessed from the headers"
	}
	return strings.Join(out, "; ")
}

// profileFlags describe a profile.
type profileFlags struct {
	Column    map[string]string `placeholder:"NAME=WHERE" help:"Where a column is: its header, or its number from 1 on. Names: id_number, full_name, birth_date, sex, unit, commune, day, kind, outcome."`
	Kind      []string          `help:"Code of a kind of activity that the register speaks of; repeat for more."`
	Result    []string          `help:"Result by which an activity claims to be done; done by default."`
	Window    int               `help:"Days by which the register's day may differ from the activity's; 0 does not compare days."`
	HeaderRow int               `help:"Row of the headers; 0 finds it, -1 for a file without."`
	UnitList  string            `help:"List version of bare unit codes."`
	Means     map[string]string `placeholder:"TEXT=CODE" help:"What a text in the column of kinds means, as code of a kind."`
	Outcome   map[string]string `placeholder:"TEXT=OUTCOME" help:"What a text in the column of outcomes means: done or not_done."`
	ByDay     bool              `help:"A person's service counts once a day, not once."`
}

func (f *profileFlags) profile(name string) registers.RegisterProfile {
	p := registers.RegisterProfile{
		Name: name, Columns: map[registers.Column]registers.ColumnPlace{}, HeaderRow: f.HeaderRow, UnitList: f.UnitList,
		Rule: registers.RegisterRule{Kinds: f.Kind, Results: f.Result, WindowDays: f.Window}, ByDay: f.ByDay,
		Kinds: registers.Folded(f.Means), Outcomes: registers.Folded(f.Outcome),
	}
	for c, at := range f.Column {
		place := registers.ColumnPlace{Header: at}
		if n, err := strconv.Atoi(at); err == nil {
			place = registers.ColumnPlace{Position: n}
		}
		p.Columns[registers.Column(c)] = place
	}
	return p
}

type registerProfileSet struct {
	Name         string `arg:"" help:"Name of the profile."`
	profileFlags `embed:""`
}

// Run keeps a profile.
func (c *registerProfileSet) Run(a *app) error {
	p := c.profile(c.Name)
	if _, err := server.RegisterProfileSave.Run(a.ctx, a.cfg, a.quiet(), p); err != nil {
		return err
	}
	return a.show(p, func() { a.say("Profile %s is kept.", p.Name) })
}

type registerProfileDrop struct {
	Name string `arg:"" help:"Name of the profile."`
}

// Run forgets a profile.
func (c *registerProfileDrop) Run(a *app) error {
	in := server.RegisterName{Name: c.Name}
	if _, err := server.RegisterProfileDrop.Run(a.ctx, a.cfg, a.quiet(), in); err != nil {
		return err
	}
	return a.show(in, func() { a.say("Profile %s is forgotten.", c.Name) })
}

// registerSource says how to read a file.
type registerSource struct {
	File     string   `arg:"" type:"existingfile" help:"CSV or XLSX file, in any encoding that offices use."`
	Profile  string   `help:"Saved profile to read it with; by default the register's, or guessed from the headers."`
	Register string   `help:"Name of the register, such as \"CCCD 2026\". A new name makes a new register."`
	Unit     []string `placeholder:"LIST:CODE" help:"Unit that the register covers; repeat for more. Outside, it says nothing of an activity."`
	From     string   `placeholder:"YYYY-MM-DD" help:"First day that it covers."`
	To       string   `placeholder:"YYYY-MM-DD" help:"Last day."`
	Keep     int      `placeholder:"DAYS" help:"Days for which rows are kept after the last import; 365 by default."`
	Whole    bool     `help:"The file is the whole register: what it does not list is gone from it."`
}

func (s *registerSource) read() (server.RegisterFile, error) {
	b, err := os.ReadFile(s.File)
	if err != nil {
		return server.RegisterFile{}, fmt.Errorf("reading the register: %w", err)
	}
	return server.RegisterFile{File: b, FileSource: registers.FileSource{
		Profile: s.Profile, Register: s.Register, Units: s.Unit, From: s.From, To: s.To, KeepDays: s.Keep, Whole: s.Whole,
	}}, nil
}

type registerPreview struct {
	registerSource `embed:""`
	profileFlags   `embed:"" prefix:"as-"`
}

// Run previews a file.
func (c *registerPreview) Run(a *app) error {
	in, err := c.read()
	if err != nil {
		return err
	}
	if c.Profile == "" && (len(c.Column) > 0 || len(c.Kind) > 0) {
		p := c.profile("preview")
		in.Adjusted = &p
	}
	out, err := server.RegisterPreview.Run(a.ctx, a.cfg, a.quiet(), in)
	if err != nil {
		return err
	}
	return a.show(out, func() {
		a.say("%s, text in %s, header in row %d: %d rows of data, %d can be taken in.", strings.ToUpper(out.Form), out.Encoding, out.HeaderRow, out.Rows, out.Good)
		for _, col := range registers.Columns() {
			if at, ok := out.Columns[col]; ok {
				a.say("  %-11s column %d %s", col, at, headerAt(out.Headers, at))
			}
		}
		for _, col := range out.Missing {
			a.say("  %-11s not found: say where it is with --as-column %s=HEADER", col, col)
		}
		rows := [][]string{}
		for _, s := range out.Samples {
			if e := s.Entry; e != nil {
				rows = append(rows, []string{strconv.Itoa(s.Row), string(e.Number), e.Name, s.Birth, e.Sex, s.UnitName, e.Kind, e.Day, strconv.FormatBool(e.Done)})
			}
		}
		a.table([]string{"ROW", "NUMBER", "NAME", "BORN", "SEX", "UNIT", "KIND", "DAY", "DONE"}, rows)
		a.counted(out.Counted)
	})
}

func headerAt(headers []string, at int) string {
	if at > len(headers) {
		return ""
	}
	return headers[at-1]
}

func (a *app) counted(list []registers.CountedRows) {
	for _, c := range list {
		what := "odd"
		if c.Left {
			what = "left out"
		}
		a.say("  %d rows %s: %s (for example rows %s)", c.Number, what, c.EN, joinInts(c.Rows))
	}
}

func joinInts(list []int) string {
	out := make([]string, len(list))
	for i, n := range list {
		out[i] = strconv.Itoa(n)
	}
	return strings.Join(out, ", ")
}

type registerImport struct {
	registerSource `embed:""`
	DryRun         bool   `help:"Say what would be done, and do nothing."`
	BadRows        string `type:"path" placeholder:"FILE" help:"Write the rows that were left out, with their reasons, to a file; its name ends in .csv or .xlsx. It holds personal data."`
}

// Run takes a file in.
func (c *registerImport) Run(a *app) error {
	in, err := c.read()
	if err != nil {
		return err
	}
	in.DryRun = c.DryRun
	if in.Format, err = badFormat(c.BadRows); err != nil {
		return err
	}
	out, err := server.RegisterImport.Run(a.ctx, a.cfg, a.quiet(), in)
	if err != nil {
		return err
	}
	if err := writeBadRows(c.BadRows, out.BadFile); err != nil {
		return err
	}
	out.BadFile = nil
	return a.show(out, func() { a.imported(&out) })
}

func (a *app) imported(out *server.RegisterImported) {
	verb := "Imported"
	if out.DryRun {
		verb = "Dry run: would import"
	}
	gone := "not in the file"
	if out.Whole {
		gone = "gone"
	}
	a.say("%s %d rows into %s: %d new, %d changed, %d the same, %d %s, %d left out.", verb, out.Rows, out.Name, out.New, out.Changed, out.Same, out.Gone, gone, out.LeftOut)
	a.counted(out.Counted)
	if o := out.Overview; o != nil {
		a.sums(&o.Sums)
	}
}

func (a *app) sums(s *registers.RegisterSums) {
	a.say("Activities: %d confirmed, %d unconfirmed, %d contradicted, %d not covered. Rows: %d found, %d only in the register.", s.Confirmed, s.Unconfirmed, s.Contradicted, s.NotCovered, s.Found, s.Only)
}

func badFormat(path string) (string, error) {
	switch ext := strings.ToLower(filepath.Ext(path)); {
	case path == "":
		return "", nil
	case ext == ".csv", ext == ".xlsx":
		return ext[1:], nil
	}
	return "", syncproto.Errorf(syncproto.CodeInvalidInput, "the name of the file for bad rows must end in .csv or .xlsx")
}

func writeBadRows(path string, file []byte) error {
	if path == "" {
		return nil
	}
	if err := os.WriteFile(path, file, 0o600); err != nil {
		return fmt.Errorf("writing the rows left out: %w", err)
	}
	return nil
}

type registerErrors struct {
	registerSource `embed:""`
	Out            string `required:"" type:"path" placeholder:"FILE" help:"File to write; its name ends in .csv or .xlsx. It holds personal data."`
}

// Run writes the rows that cannot be taken in.
func (c *registerErrors) Run(a *app) error {
	return (&registerImport{registerSource: c.registerSource, DryRun: true, BadRows: c.Out}).Run(a)
}

type registerList struct {
	Unit string `placeholder:"LIST:CODE" help:"Only what lies in this unit."`
}

// Run lists registers.
func (c *registerList) Run(a *app) error {
	list, err := server.RegisterList.Run(a.ctx, a.cfg, a.quiet(), server.RegisterName{Unit: c.Unit})
	if err != nil {
		return err
	}
	return a.show(list, func() {
		rows := make([][]string, len(list))
		for i := range list {
			o := &list[i]
			rows[i] = []string{o.Name, share(o.Sums.Share), strconv.Itoa(o.Sums.Confirmed), strconv.Itoa(o.Sums.Unconfirmed), strconv.Itoa(o.Sums.Contradicted), strconv.Itoa(o.Sums.Found), strconv.Itoa(o.Sums.Only)}
		}
		a.table([]string{"REGISTER", "CONFIRMED %", "CONFIRMED", "UNCONFIRMED", "CONTRADICTED", "ROWS FOUND", "ONLY IN REGISTER"}, rows)
		if len(list) == 0 {
			a.say("No register yet: thonsync register import FILE --register NAME --profile PROFILE --unit LIST:CODE")
		}
	})
}

func share(n int) string {
	if n < 0 {
		return "-"
	}
	return strconv.Itoa(n)
}

type registerShow struct {
	Name    string `arg:"" help:"Name or id of the register."`
	Unit    string `placeholder:"LIST:CODE" help:"Only what lies in this unit."`
	Verdict string `enum:",confirmed,unconfirmed,contradicted,not_covered" default:"" help:"List the activities of this verdict."`
	Rows    string `enum:",found,only,gone" default:"" help:"List the rows that were found in records, are only in the register, or are gone from it."`
	Limit   int    `default:"50" help:"How many to list."`
}

// Run shows a register.
func (c *registerShow) Run(a *app) error {
	out, err := server.RegisterShow.Run(a.ctx, a.cfg, a.quiet(), server.RegisterAsk{Name: c.Name, Unit: c.Unit, Verdict: c.Verdict, Rows: c.Rows, Limit: c.Limit})
	if err != nil {
		return err
	}
	return a.show(out, func() {
		a.say("%s covers %s from %s to %s, kinds %s.", out.Name, strings.Join(out.Units, ", "), orOpen(out.From), orOpen(out.To), strings.Join(out.Rule.Kinds, ", "))
		a.sums(&out.Sums)
		for _, i := range out.Imports {
			a.say("  import %s of %s: %d new, %d changed, %d gone, %s", i.ID, when(i.AtMS), i.New, i.Changed, i.Gone, i.State)
		}
		var rows [][]string
		for _, t := range out.Teams {
			rows = append(rows, []string{t.Unit, t.Team.String(), share(t.Share), strconv.Itoa(t.Confirmed), strconv.Itoa(t.Unconfirmed), strconv.Itoa(t.Contradicted)})
		}
		a.table([]string{"UNIT", "TEAM", "CONFIRMED %", "CONFIRMED", "UNCONFIRMED", "CONTRADICTED"}, rows)
		for _, f := range out.Findings {
			a.say("  %s %s in %s on %s: %s %s", f.Verdict, f.Kind, f.Unit, f.Occurred, f.Activity, strings.Join(f.Reasons, ", "))
		}
		for _, r := range out.Rows {
			a.say("  row %s in %s on %s: %s", r.Row, r.Unit, r.Day, r.State)
		}
		if out.More {
			a.say("  ... and more: see them with --limit")
		}
	})
}

func orOpen(day string) string {
	if day == "" {
		return "any day"
	}
	return day
}

type registerRemove struct {
	Name   string `arg:"" help:"Name or id of the register."`
	Import string `placeholder:"ID" help:"Take only this import back: rows are as they were before. The newest goes first."`
	All    bool   `help:"Forget the register with all its rows and findings."`
}

// Run takes an import back or forgets a register.
func (c *registerRemove) Run(a *app) error {
	in := server.RegisterUndone{Name: c.Name}
	if (c.Import == "") == !c.All {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "say which import to take back with --import, or --all to forget the register")
	}
	if c.Import != "" {
		id, err := uuid.Parse(c.Import)
		if err != nil {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "an import has an id such as `thonsync register show` gives")
		}
		in.Import = id
	}
	if _, err := server.RegisterRemove.Run(a.ctx, a.cfg, a.quiet(), in); err != nil {
		return err
	}
	return a.show(in, func() { a.say("Done.") })
}
