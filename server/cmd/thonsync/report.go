package main

import (
	"fmt"
	"os"

	"thonsync/server"
	"thonsync/server/report"
	"thonsync/syncproto"
)

// reportFlags are common to all reports.
type reportFlags struct {
	Unit     string `placeholder:"LIST:CODE" help:"Only this unit and what lies in it."`
	From     string `placeholder:"YYYY-MM-DD" help:"First day; by default the criteria's period until today."`
	To       string `placeholder:"YYYY-MM-DD" help:"Last day."`
	Month    string `placeholder:"YYYY-MM" help:"A month instead of first and last day; shows what was published of it."`
	List     string `placeholder:"LIST" help:"List version of the units to count by, such as gso-2025-06; the one in force by default. All have the same total."`
	Criteria string `type:"existingfile" placeholder:"FILE" help:"Criteria (JSON) instead of those of the program."`
	Format   string `enum:"table,json,csv,html,xlsx" default:"table" help:"Form: table, json, csv, html or xlsx."`
	Lang     string `enum:"vi,en" default:"vi" help:"Language of table, html and xlsx: vi or en."`
	Mark     bool   `default:"true" negatable:"" help:"Begin CSV with the byte order mark that spreadsheet programs need."`
}

type reportCmd struct {
	Teams      teamsReport      `cmd:"" help:"Which teams work, which do not, and of which it is not known."`
	Coverage   coverageReport   `cmd:"" help:"Teams and activities by unit."`
	Activities activitiesReport `cmd:"" help:"Activities by kind, commune and month."`
	Custody    custodyReport    `cmd:"" help:"What arrived, what is missing and what is kept apart, by device."`
	Phones     phonesReport     `cmd:"" help:"Phones by how long they have been quiet."`
	Communes   communesReport   `cmd:"" help:"Communes compared, the one with the fewest working teams first."`
	Trend      trendReport      `cmd:"" help:"Working teams by month."`
	Targets    targetsReport    `cmd:"" help:"Targets and what has been reached."`
	Trainings  trainingsReport  `cmd:"" help:"Which team attended which class."`
	Monthly    monthlyReport    `cmd:"" help:"A page of a month, to print and sign (HTML)."`
	Publish    publishReport    `cmd:"" help:"Freeze a month's figures."`
}

type (
	teamsReport      struct{ reportFlags }
	coverageReport   struct{ reportFlags }
	activitiesReport struct{ reportFlags }
	custodyReport    struct{ reportFlags }
	phonesReport     struct{ reportFlags }
	communesReport   struct{ reportFlags }
	trendReport      struct{ reportFlags }
	targetsReport    struct{ reportFlags }
	trainingsReport  struct{ reportFlags }
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

// Run prints the report.
func (c communesReport) Run(a *app) error { return c.print(a, report.Communes) }

// Run prints the report.
func (c trendReport) Run(a *app) error { return c.print(a, report.Trend) }

// Run prints the report.
func (c targetsReport) Run(a *app) error { return c.print(a, report.Targets) }

// Run prints the report.
func (c trainingsReport) Run(a *app) error { return c.print(a, report.Trainings) }

func (c *reportFlags) print(a *app, name string) error {
	q := server.ReportRequest{Name: name, Unit: c.Unit, From: c.From, To: c.To, Month: c.Month, List: c.List}
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
		return t.WriteCSV(a.out, c.Mark)
	case c.Format == report.FormatXLSX:
		return t.WriteXLSX(a.out, c.Lang)
	case c.Format == "html":
		return t.WriteHTML(a.out, c.Lang)
	default:
		return t.WriteText(a.out, c.Lang)
	}
}

func readOptional(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the criteria: %w", err)
	}
	return b, nil
}

// monthFlags name a month of a unit.
type monthFlags struct {
	Unit     string `placeholder:"LIST:CODE" help:"Unit; the whole scope by default."`
	Month    string `placeholder:"YYYY-MM" help:"Month; for the page the present one by default."`
	Criteria string `type:"existingfile" placeholder:"FILE" help:"Criteria (JSON) instead of those of the program."`
}

func (c *monthFlags) request() (server.MonthRequest, error) {
	q := server.MonthRequest{Unit: c.Unit, Month: c.Month}
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
	if c.Out == "" && a.json {
		return a.printJSON(page)
	}
	if c.Out == "" {
		_, err = fmt.Fprint(a.out, page.HTML)
		return err
	}
	if err := os.WriteFile(c.Out, []byte(page.HTML), 0o644); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	return a.show(writtenFile{c.Out, len(page.HTML)}, func() { a.say("Wrote %s: open it in a browser and print it.", c.Out) })
}

type publishReport struct{ monthFlags }

// Run freezes the month.
func (c publishReport) Run(a *app) error {
	if c.Month == "" {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "say which --month to publish, as YYYY-MM")
	}
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
