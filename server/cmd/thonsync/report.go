package main

import (
	"fmt"
	"os"
	"time"

	"thonsync/server"
	"thonsync/server/imports"
	"thonsync/server/report"
)

// reportFlags are common to all reports.
type reportFlags struct {
	Unit     string `placeholder:"LIST:CODE" help:"Only this unit and what lies in it."`
	From     string `placeholder:"YYYY-MM-DD" help:"First day; by default the criteria's period until today."`
	To       string `placeholder:"YYYY-MM-DD" help:"Last day."`
	Criteria string `type:"existingfile" placeholder:"FILE" help:"Criteria (JSON) instead of those of the program."`
	Format   string `enum:"table,json,csv" default:"table" help:"Form: table, json or csv."`
	Lang     string `enum:"vi,en" default:"vi" help:"Language of headings: vi or en."`
}

type reportCmd struct {
	Teams      teamsReport      `cmd:"" help:"Which teams work, which do not, and of which it is not known."`
	Coverage   coverageReport   `cmd:"" help:"Teams and activities by unit."`
	Activities activitiesReport `cmd:"" help:"Activities by kind, commune and month."`
	Custody    custodyReport    `cmd:"" help:"What arrived, what is missing and what is kept apart, by device."`
	Phones     phonesReport     `cmd:"" help:"Phones by how long they have been quiet."`
	Monthly    monthlyReport    `cmd:"" help:"A page of a month, to print and sign (HTML)."`
	Publish    publishReport    `cmd:"" help:"Freeze a month's figures."`
}

type (
	teamsReport      struct{ reportFlags }
	coverageReport   struct{ reportFlags }
	activitiesReport struct{ reportFlags }
	custodyReport    struct{ reportFlags }
	phonesReport     struct{ reportFlags }
)

// Run prints the report.
func (c teamsReport) Run(a *app) error { return c.print(a, report.Teams) }

// Run prints the report.
func (c coverageReport) Run(a *app) error { return c.print(a, report.Coverage) }

// Run prints the report.
func (c activitiesReport) Run(a *app) error { return c.print(a, report.Activities) }

// Run prints the report.
func (c custodyReport) Run(a *app) error { return c.print(a, report.Custody) }

// Run prints the report.
func (c phonesReport) Run(a *app) error { return c.print(a, report.Phones) }

func (c *reportFlags) print(a *app, name string) error {
	q := server.ReportRequest{Name: name, Unit: c.Unit, From: c.From, To: c.To}
	var err error
	if q.Criteria, err = readOptional(c.Criteria); err != nil {
		return err
	}
	t, err := server.ReportCommand.Run(a.ctx, a.cfg, a.quiet(), q)
	if err != nil {
		return err
	}
	switch {
	case a.json || c.Format == "json":
		return a.printJSON(t)
	case c.Format == "csv":
		return t.WriteCSV(a.out)
	default:
		return t.WriteText(a.out, c.Lang)
	}
}

func readOptional(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	return os.ReadFile(path)
}

// monthFlags name a month of a unit.
type monthFlags struct {
	Unit     string `placeholder:"LIST:CODE" help:"Unit; the whole scope by default."`
	Month    string `placeholder:"YYYY-MM" help:"Month; the present one by default."`
	Criteria string `type:"existingfile" placeholder:"FILE" help:"Criteria (JSON) instead of those of the program."`
}

func (c *monthFlags) request() (server.MonthRequest, error) {
	q := server.MonthRequest{Unit: c.Unit, Month: c.Month}
	if q.Month == "" {
		q.Month = time.Now().Format("2006-01")
	}
	var err error
	q.Criteria, err = readOptional(c.Criteria)
	return q, err
}

type monthlyReport struct {
	monthFlags
	Out string `type:"path" placeholder:"FILE" help:"Write to a file instead of the terminal."`
}

// Run writes the page.
func (c monthlyReport) Run(a *app) error {
	q, err := c.request()
	if err != nil {
		return err
	}
	page, err := server.MonthlyCommand.Run(a.ctx, a.cfg, a.quiet(), q)
	if err != nil {
		return err
	}
	if c.Out == "" {
		_, err = fmt.Fprint(a.out, page.HTML)
		return err
	}
	if err := os.WriteFile(c.Out, []byte(page.HTML), 0o644); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	a.say("Wrote %s: open it in a browser and print it.", c.Out)
	return nil
}

type publishReport struct{ monthFlags }

// Run freezes the month.
func (c publishReport) Run(a *app) error {
	q, err := c.request()
	if err != nil {
		return err
	}
	p, err := server.PublishCommand.Run(a.ctx, a.cfg, a.quiet(), q)
	if err != nil {
		return err
	}
	return a.show(p, func() {
		a.say("%s, published on %s: %d activities; %d teams working, %d not working, %d not known.", p.Month, p.Day(), p.Activities, p.Working, p.NotWorking, p.NotKnown)
	})
}

type importCmd struct {
	What        string `arg:"" enum:"units,teams,members,kinds,guides" help:"units, teams, members, kinds or guides."`
	File        string `arg:"" type:"existingfile" help:"CSV file (units, teams, members) or JSON file (kinds, guides)."`
	DryRun      bool   `help:"Say what would be done, and do nothing."`
	VoidMissing bool   `help:"Retract what the file no longer lists."`
	BadRows     string `type:"path" placeholder:"FILE" help:"Write the rows that were left out, with their reasons, to a CSV file."`
}

// Run imports the file.
func (c importCmd) Run(a *app) error {
	b, err := os.ReadFile(c.File)
	if err != nil {
		return fmt.Errorf("reading the file: %w", err)
	}
	res, err := server.ImportCommand.Run(a.ctx, a.cfg, a.quiet(), server.ImportRequest{
		What: imports.What(c.What), File: b, Options: imports.Options{DryRun: c.DryRun, VoidMissing: c.VoidMissing},
	})
	if err != nil {
		return err
	}
	if err := c.writeBad(res.Bad); err != nil {
		return err
	}
	return a.show(res, func() {
		verb := "Imported"
		if res.DryRun {
			verb = "Would import"
		}
		a.say("%s %s: %d new, %d changed, %d unchanged, %d no longer listed (%d retracted), %d rows left out.",
			verb, c.What, res.New, res.Changed, res.Same, res.Missing, res.Voided, len(res.Bad))
		for i, r := range res.Bad {
			if i == 10 {
				a.say("  ... and %d more: see them all with --bad-rows FILE", len(res.Bad)-i)
				break
			}
			a.say("  row %d %s: %s", r.Row, r.Column, r.Rule)
		}
	})
}

func (c importCmd) writeBad(bad []imports.BadRow) error {
	if c.BadRows == "" {
		return nil
	}
	t := report.Table{Columns: []report.Column{{Name: "row"}, {Name: "column"}, {Name: "rule"}}}
	for _, r := range bad {
		t.Rows = append(t.Rows, []any{r.Row, r.Column, r.Rule})
	}
	f, err := os.Create(c.BadRows)
	if err != nil {
		return fmt.Errorf("writing the rows left out: %w", err)
	}
	if err := t.WriteCSV(f); err != nil {
		return err
	}
	return f.Close()
}

type exportCmd struct {
	Unit         string `placeholder:"LIST:CODE" help:"Only this unit and what lies in it."`
	From         string `placeholder:"YYYY-MM-DD" help:"First day."`
	To           string `placeholder:"YYYY-MM-DD" help:"Last day."`
	Format       string `enum:"csv,json" default:"csv" help:"Form: csv, or json with one object a line."`
	WithPersonal string `placeholder:"RECIPIENT" help:"Put personal values in, for this recipient; it is written down."`
	Out          string `arg:"" type:"path" help:"File to write."`
}

// Run writes the file.
func (c exportCmd) Run(a *app) error {
	got, err := server.ExportCommand.Run(a.ctx, a.cfg, a.quiet(), server.ExportRequest{
		Unit: c.Unit, From: c.From, To: c.To, Format: c.Format, Recipient: c.WithPersonal,
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.Out, got.File, 0o600); err != nil {
		return fmt.Errorf("writing the export: %w", err)
	}
	return a.show(map[string]any{"file": c.Out, "rows": got.Rows}, func() { a.say("Wrote %d activities to %s.", got.Rows, c.Out) })
}

type statusCmd struct{}

// Run shows the state of the server.
func (statusCmd) Run(a *app) error {
	st, err := server.StatusCommand.Run(a.ctx, a.cfg, a.quiet(), server.None{})
	if err != nil {
		return err
	}
	return a.show(st, func() {
		a.say("%s %s", st.Role, st.Origin)
		a.say("%d phones, %d points; %d changes held, %d named as missing.", st.Phones, st.Points, st.Changes, st.Missing)
		for _, o := range st.Outcomes {
			a.say("  %-12s %-20s %d", o.Outcome, o.Reason, o.Changes)
		}
		if u := st.Upstream; u != nil {
			a.say("Upstream %s: last success %s, %d changes still to be receipted. %s", u.URL, when(u.LastSuccessMS), u.Backlog, u.LastError)
		}
		if b := st.Backup; b != nil {
			a.say("Backups: %d kept, last proved %s. %s", b.Kept, when(b.LastVerifiedMS), b.LastError)
		}
	})
}
