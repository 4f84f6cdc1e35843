package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"thonsync/server"
)

type exportCmd struct {
	Activities exportActivities `cmd:"" help:"Activities, one a row."`
	Teams      exportTeams      `cmd:"" help:"Teams with their members, one member a row."`
	Log        exportLog        `cmd:"" help:"Who was given personal values."`
}

// exportFlags are common to all exports.
type exportFlags struct {
	Unit         string `placeholder:"LIST:CODE" help:"Only this unit and what lies in it."`
	Format       string `enum:"csv,json,xlsx" default:"csv" help:"Form: csv, json with one object a line, or xlsx."`
	WithPersonal string `placeholder:"RECIPIENT" help:"Put personal values in, for this recipient; it is written down. At the centre only."`
	Out          string `arg:"" type:"path" help:"File to write; must not exist."`
}

type exportActivities struct {
	exportFlags
	From  string `placeholder:"YYYY-MM-DD" help:"First day; everything by default."`
	To    string `placeholder:"YYYY-MM-DD" help:"Last day."`
	Month string `placeholder:"YYYY-MM" help:"A month instead of first and last day."`
}

type exportTeams struct{ exportFlags }

// Run writes the file.
func (c exportActivities) Run(a *app) error {
	return c.write(a, server.ExportRequest{What: server.ExportActivities, From: c.From, To: c.To, Month: c.Month})
}

// Run writes the file.
func (c exportTeams) Run(a *app) error {
	return c.write(a, server.ExportRequest{What: server.ExportTeams})
}

// write leaves no file behind that is not whole.
func (c *exportFlags) write(a *app, q server.ExportRequest) error {
	q.Unit, q.Format, q.Recipient = c.Unit, c.Format, c.WithPersonal
	q.TempDir = filepath.Dir(c.Out)
	f, err := os.OpenFile(c.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("writing the export: %w: name a file that does not exist", err)
	}
	n, err := server.Export(a.ctx, a.cfg, a.quiet(), q, f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(c.Out))
	}
	return a.show(map[string]any{"file": c.Out, "rows": n}, func() { a.say("Wrote %d rows to %s.", n, c.Out) })
}

type exportLog struct{}

// Run lists the exports with personal values.
func (exportLog) Run(a *app) error {
	list, err := server.ExportLog.Run(a.ctx, a.cfg, a.quiet(), server.None{})
	if err != nil {
		return err
	}
	return a.show(list, func() {
		var rows [][]string
		for i, e := range list {
			period := e.Month
			if period == "" && e.From+e.To != "" {
				period = e.From + ".." + e.To
			}
			rows = append(rows, []string{strconv.Itoa(i + 1), when(e.AtMS), e.What, e.Recipient, e.Unit, period})
		}
		a.table([]string{"NO", "WHEN", "WHAT", "RECIPIENT", "UNIT", "PERIOD"}, rows)
	})
}
