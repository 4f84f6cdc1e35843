package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"thonsync/server"
	"thonsync/server/imports"
	"thonsync/server/report"
)

type importCmd struct {
	What        string `arg:"" enum:"units,teams,members,kinds,guides,criteria,targets,trainings" help:"units, teams, members, kinds, guides, criteria, targets or trainings."`
	File        string `arg:"" type:"existingfile" help:"CSV file (units, teams, members, targets, trainings) or JSON file (kinds, guides, criteria)."`
	DryRun      bool   `help:"Say what would be done, and do nothing."`
	VoidMissing bool   `help:"Retract what the file no longer lists."`
	BadRows     string `type:"path" placeholder:"FILE" help:"Write the rows that were left out, with their reasons, to a CSV file, or a JSON file if its name ends so."`
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
		if res.Kept != "" {
			a.say("%s.", res.Kept)
		}
		for i, r := range res.Bad {
			if i == 10 {
				a.say("  ... and %d more: see them all with --bad-rows FILE", len(res.Bad)-i)
				break
			}
			a.say("  row %d %s: %s", r.Row, r.Column, r.Rule)
		}
	})
}

// writeBad writes the rows left out: as JSON if the file is called so, else as
// CSV.
func (c importCmd) writeBad(bad []imports.BadRow) (err error) {
	if c.BadRows == "" {
		return nil
	}
	f, err := os.Create(c.BadRows)
	if err != nil {
		return fmt.Errorf("writing the rows left out: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if strings.HasSuffix(c.BadRows, ".json") {
		enc := json.NewEncoder(f)
		enc.SetIndent("", "  ")
		return enc.Encode(bad)
	}
	w, err := report.NewCSV(f, true)
	if err != nil {
		return err
	}
	if err := w.Write("row", "column", "rule"); err != nil {
		return err
	}
	for _, r := range bad {
		if err := w.Write(int64(r.Row), r.Column, r.Rule); err != nil {
			return err
		}
	}
	return w.Flush()
}
