package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/google/uuid"

	"thonsync/server"
	"thonsync/server/requests"
	"thonsync/server/scan"
	"thonsync/syncproto"
)

type requestAnswer struct {
	numberArg
	Out     string `placeholder:"FILE" help:"see: where to write the sheet, an HTML page to be printed; must not exist."`
	Lang    string `default:"vi" enum:"vi,en" help:"see: language of the sheet."`
	Record  string `placeholder:"ID" help:"correct: the record."`
	Values  string `placeholder:"FILE" help:"correct: new values by field name, as a JSON object; - for standard input."`
	Records int    `placeholder:"N" help:"erase: how many records are erased, as a check against a slip."`
	NoLook  bool   `help:"erase: do not look through all files afterwards."`
	Keep    string `placeholder:"REASON" help:"Keep the data on another lawful basis: legal-duty or public-task."`
	Notice  bool   `help:"breach: the authority was told."`
}

// Run carries a request out.
func (c *requestAnswer) Run(a *app) error {
	v, err := server.RequestShow.Run(a.ctx, a.cfg, a.quiet(), server.RequestNumber{Number: c.Number})
	if err != nil {
		return err
	}
	switch {
	case c.Keep != "":
		v, err := server.RequestAnswer.Run(a.ctx, a.cfg, a.quiet(), server.RequestAnswered{Number: c.Number, How: requests.ByRetention, Reason: c.Keep})
		return a.request(v, err)
	case v.Kind == requests.Breach:
		if !c.Notice {
			return fmt.Errorf("a breach is answered by a notice to the authority: send it, then give --notice")
		}
		v, err := server.RequestAnswer.Run(a.ctx, a.cfg, a.quiet(), server.RequestAnswered{Number: c.Number, How: requests.ByNotice})
		return a.request(v, err)
	case v.Kind == requests.See:
		return c.sheet(a)
	case v.Kind == requests.Correct:
		return c.correct(a)
	}
	return c.erase(a, &v)
}

func (c *requestAnswer) sheet(a *app) error {
	if c.Out == "" {
		return fmt.Errorf("name the file for the sheet with --out")
	}
	f, err := os.OpenFile(c.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("writing the sheet: %w: name a file that does not exist", err)
	}
	s, err := server.RequestSheetCommand.Run(a.ctx, a.cfg, a.quiet(), server.RequestSheet{Number: c.Number, Lang: c.Lang})
	if err == nil {
		_, err = f.Write(s.HTML)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(c.Out))
	}
	return a.show(s.Request, func() {
		a.printRequest(&s.Request)
		a.say("Written to %s. Print it, hand it over, and delete the file.", c.Out)
	})
}

func (c *requestAnswer) correct(a *app) error {
	if c.Record == "" || c.Values == "" {
		return fmt.Errorf("a correction needs --record and --values")
	}
	id, err := uuid.Parse(c.Record)
	if err != nil {
		return fmt.Errorf("--record is no record id")
	}
	in := a.in
	if c.Values != "-" {
		f, err := os.Open(c.Values)
		if err != nil {
			return fmt.Errorf("reading the values: %w", err)
		}
		defer func() { _ = f.Close() }() // only read from
		in = f
	}
	fields := map[string]string{}
	if err := json.NewDecoder(io.LimitReader(in, 1<<20)).Decode(&fields); err != nil {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "the values are no JSON object of texts by field name")
	}
	v, err := server.RequestCorrectCommand.Run(a.ctx, a.cfg, a.quiet(), server.RequestCorrect{Number: c.Number, Record: id, Fields: fields})
	return a.request(v, err)
}

func (c *requestAnswer) erase(a *app, v *server.RequestView) error {
	if c.Records == 0 {
		a.printRequest(v)
		return fmt.Errorf("this erases the personal data of %d records for ever: if these are the citizen's, repeat with --records %d", len(v.Records), len(v.Records))
	}
	out, err := server.RequestEraseCommand.Run(a.ctx, a.cfg, a.quiet(), server.RequestErase{Number: c.Number, Records: c.Records, Look: !c.NoLook})
	if err != nil {
		return err
	}
	return a.show(out, func() {
		a.printRequest(&out.Request)
		a.say("Erased by %d rulings; points and phones follow at their next contact.", len(out.Rulings))
		a.printLook(out.Looked)
	})
}

// printLook tells what a scan saw.
func (a *app) printLook(r *scan.Report) {
	if r == nil {
		return
	}
	a.say("Looked through %d files, %d MB, %d databases, %d values opened: found in %d places.", r.Files, r.Bytes>>20, r.Databases, r.Rows+r.Seals, len(r.Findings))
	for _, f := range r.Findings {
		a.say("  %s: %s (%s)", f.File, f.At, f.Mark)
	}
}

type requestVerify struct {
	numberArg
	Values  string `default:"-" placeholder:"FILE" help:"Values to look for, one a line: identity number, full name, telephone; - for standard input."`
	Backups bool   `help:"Look through the backups, too, as far as they can still be opened."`
}

// Run looks for what should be gone.
func (c *requestVerify) Run(a *app) error {
	if c.Values == "-" {
		a.say("Values to look for, one a line, then an end of file:")
	}
	values, err := a.valuesIn(c.Values)
	if err != nil {
		return err
	}
	if len(values) == 0 {
		return fmt.Errorf("no value to look for was given")
	}
	r, err := server.RequestVerify.Run(a.ctx, a.cfg, a.quiet(), server.RequestLook{Number: c.Number, Values: values, Backups: c.Backups})
	if err != nil {
		return err
	}
	err = a.show(r, func() { a.printLook(&r) })
	if err == nil && len(r.Findings) > 0 {
		err = fmt.Errorf("found in %d places", len(r.Findings))
	}
	return err
}

type requestPeople struct {
	numberArg
	Out string `arg:"" type:"path" help:"File to write; must not exist."`
}

// Run writes the list.
func (c *requestPeople) Run(a *app) error {
	f, err := os.OpenFile(c.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("writing the list: %w: name a file that does not exist", err)
	}
	p, err := server.RequestPeople.Run(a.ctx, a.cfg, a.quiet(), server.RequestNumber{Number: c.Number})
	if err == nil {
		_, err = f.Write(p.CSV)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(c.Out))
	}
	p.CSV = nil
	return a.show(p, func() { a.say("%d people written to %s. Delete the file when all were told.", p.Rows, c.Out) })
}

type requestHolidays struct{}

// Run lists the holidays.
func (requestHolidays) Run(a *app) error {
	list, err := server.HolidayList.Run(a.ctx, a.cfg, a.quiet(), server.None{})
	if err != nil {
		return err
	}
	return a.show(list, func() {
		var rows [][]string
		for _, h := range list {
			what := "off"
			if !h.Off {
				what = "working day"
			}
			rows = append(rows, []string{h.Day, what, h.Name})
		}
		a.table([]string{"DAY", "WHAT", "NAME"}, rows)
	})
}
