package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"thonsync/server"
	"thonsync/server/reconcile/conflicts"
)

type conflictCmd struct {
	List        conflictList   `cmd:"" help:"List contested fields; values of personal fields are left out."`
	Show        conflictShow   `cmd:"" help:"Show one record: who wrote what, when it can have been, what is suggested and why. Personal values are shown at the centre and noted in the access log."`
	Settle      conflictSettle `cmd:"" help:"Settle a conflict by one of its values or by another."`
	SettleAlike conflictAlike  `cmd:"" name:"settle-alike" help:"List conflicts of one shape, and with --yes settle them all."`
	Settled     conflictPast   `cmd:"" help:"List what was settled, the last first."`
	Undo        conflictUndo   `cmd:"" help:"Take back what was settled: one, or a batch. The conflict is open again."`
	Ask         conflictAsk    `cmd:"" help:"Ask the team back about a field; the question goes down to its phones."`
}

type conflictList struct {
	Unit   string `placeholder:"LIST:CODE" help:"Only this unit and what lies in it."`
	Field  string `placeholder:"NAME" help:"Only this field; void for retractions."`
	Reason string `placeholder:"WORD" help:"Only where this is why a value is suggested; none where nothing is."`
	Shape  string `placeholder:"SHAPE" help:"Only conflicts of this shape."`
	After  string `placeholder:"RECORD" help:"Go on after this record."`
	Limit  int    `default:"50" help:"How many."`
	Count  bool   `help:"Count by shape instead."`
}

// Run lists the queue.
func (c *conflictList) Run(a *app) error {
	q := conflicts.Query{Unit: c.Unit, Field: c.Field, Reason: c.Reason, Shape: c.Shape, Limit: c.Limit}
	var err error
	if q.After, err = recordID(c.After, true); err != nil {
		return err
	}
	if c.Count {
		sum, err := server.ConflictSummary.Run(a.ctx, a.cfg, a.quiet(), q)
		if err != nil {
			return err
		}
		return a.show(sum, func() {
			a.say("%d records, %d contested fields", sum.Records, sum.Fields)
			var rows [][]string
			for i := range sum.Groups {
				g := &sum.Groups[i]
				rows = append(rows, []string{g.Shape, fmt.Sprint(g.Count), g.Example.Kind, g.Example.Field, cmp.Or(string(g.Example.Reason), "none"), sides(&g.Example)})
			}
			if len(rows) > 0 {
				a.table([]string{"SHAPE", "COUNT", "KIND", "FIELD", "SUGGESTED BY", "VALUES (* SUGGESTED)"}, rows)
			}
		})
	}
	page, err := server.ConflictList.Run(a.ctx, a.cfg, a.quiet(), q)
	if err != nil {
		return err
	}
	return a.show(page, func() {
		if len(page.Conflicts) == 0 {
			a.say("Nothing is contested.")
			return
		}
		a.conflictTable(page.Conflicts)
		if page.Next != uuid.Nil {
			a.say("More: --after %s", page.Next)
		}
	})
}

func (a *app) conflictTable(list []conflicts.Conflict) {
	var rows [][]string
	for i := range list {
		c := &list[i]
		rows = append(rows, []string{c.Record.String(), c.UnitName, c.Kind, c.Field, cmp.Or(string(c.Reason), "none"), sides(c)})
	}
	a.table([]string{"RECORD", "UNIT", "KIND", "FIELD", "SUGGESTED BY", "VALUES (* SUGGESTED)"}, rows)
}

// sides gives the values on one line.
func sides(c *conflicts.Conflict) string {
	if c.Hidden {
		return fmt.Sprintf("%d personal values", len(c.Values))
	}
	parts := make([]string, len(c.Values))
	for i := range c.Values {
		v := &c.Values[i]
		parts[i] = fmt.Sprintf("%d=%s", v.Number, valueText(v))
		if v.Number == c.Suggested {
			parts[i] = "*" + parts[i]
		}
	}
	return strings.Join(parts, " | ")
}

func valueText(v *conflicts.StandingValue) string {
	if v.Empty {
		return "(cleared)"
	}
	return v.Text
}

type conflictShow struct {
	Record string `arg:"" help:"The record."`
}

// Run shows one record.
func (c *conflictShow) Run(a *app) error {
	id, err := recordID(c.Record, false)
	if err != nil {
		return err
	}
	shown, err := server.ConflictShow.Run(a.ctx, a.cfg, a.quiet(), server.ConflictRecord{Record: id})
	if err != nil {
		return err
	}
	return a.show(shown, func() {
		if len(shown.Conflicts) == 0 {
			a.say("Nothing is contested in this record.")
		}
		for i := range shown.Conflicts {
			a.conflict(&shown.Conflicts[i])
		}
		for i := range shown.Questions {
			q := &shown.Questions[i]
			a.say("asked about %s: %s (%s)%s", q.Field, q.Asks, when(q.AskedMS), answers(q))
		}
		a.settledTable(shown.Settled)
	})
}

func answers(q *conflicts.AskedBack) string {
	if len(q.Answers) == 0 {
		return ", not answered yet"
	}
	parts := make([]string, len(q.Answers))
	for i, x := range q.Answers {
		parts[i] = fmt.Sprintf("%s by phone %q, %s", x.Answer, x.Phone, between(x.EarliestMS, x.LatestMS))
	}
	return ": " + strings.Join(parts, "; ")
}

func (a *app) conflict(c *conflicts.Conflict) {
	a.say("%s (%s) of %s, %s", c.Field, c.Compartment, cmp.Or(c.Kind, c.Collection), c.UnitName)
	for i := range c.Values {
		v := &c.Values[i]
		mark := " "
		if v.Number == c.Suggested {
			mark = "*"
		}
		text := valueText(v)
		if c.Hidden {
			text = "(not shown here)"
		}
		a.say(" %s %d  %s", mark, v.Number, text)
		for _, b := range v.By {
			who := cmp.Or(b.AuthorName, b.Author.String())
			if b.Recorder {
				who += " (recorded it)"
			}
			a.say("       by %s on %s %q, %s; phone says %s", who, b.Role, b.Phone, between(b.EarliestMS, b.LatestMS), when(b.PhoneMS))
		}
	}
	if c.Reason != conflicts.ReasonNone {
		a.say("   suggested: %d, because %s", c.Suggested, why[c.Reason])
	} else {
		a.say("   no suggestion: nothing speaks for one of them; the team can be asked with `thonsync conflict ask`")
	}
	a.say("   standing %s, shape %s", c.Standing, c.Shape)
}

// why says the reasons for people.
var why = map[conflicts.Reason]string{
	conflicts.ReasonNumber:   "only it agrees with the identity number",
	conflicts.ReasonFuller:   "it says the same in full",
	conflicts.ReasonOfficer:  "an officer wrote it",
	conflicts.ReasonLater:    "it was certainly written after the others",
	conflicts.ReasonRecorder: "who recorded the visit wrote it",
}

func between(earliest, latest int64) string {
	if earliest == 0 {
		return "before " + when(latest)
	}
	return "between " + when(earliest) + " and " + when(latest)
}

type conflictSettle struct {
	Record   string  `arg:"" help:"The record."`
	Field    string  `arg:"" help:"Name of the field; void for the retraction."`
	Value    int     `placeholder:"N" xor:"value" help:"Number of the value that is right."`
	Text     *string `placeholder:"TEXT" xor:"value" help:"Another value instead; operational fields only, because others can see command lines."`
	TextFile string  `placeholder:"FILE" xor:"value" help:"Read another value from a file; - for standard input."`
	Standing string  `placeholder:"HEX" help:"Settle only if these values still stand, as list and show say; what stands now by default."`
}

// Run settles one conflict.
func (c *conflictSettle) Run(a *app) error {
	id, err := recordID(c.Record, false)
	if err != nil {
		return err
	}
	in := conflicts.SettleChoice{Record: id, Field: c.Field, Standing: c.Standing, Value: c.Value, Text: c.Text}
	compartment, standing, err := c.current(a, id)
	if err != nil {
		return err
	}
	in.Standing = cmp.Or(in.Standing, standing)
	if c.Text != nil && compartment == "personal" {
		return fmt.Errorf("a personal value does not belong on a command line: use --text-file")
	}
	if c.TextFile != "" {
		lines, err := a.valuesIn(c.TextFile)
		if err != nil {
			return err
		}
		if len(lines) != 1 {
			return fmt.Errorf("the file holds %d lines: it must hold the value alone", len(lines))
		}
		in.Text = &lines[0]
	}
	done, err := server.ConflictSettle.Run(a.ctx, a.cfg, a.quiet(), in)
	if err != nil {
		return err
	}
	return a.settleResult(&done, "Settled")
}

// current finds what stands now, without showing values.
func (c *conflictSettle) current(a *app, id uuid.UUID) (compartment, standing string, err error) {
	page, err := server.ConflictList.Run(a.ctx, a.cfg, a.quiet(), conflicts.Query{Record: id})
	if err != nil {
		return "", "", err
	}
	for i := range page.Conflicts {
		if page.Conflicts[i].Field == c.Field {
			return page.Conflicts[i].Compartment, page.Conflicts[i].Standing, nil
		}
	}
	return "", "", nil
}

func (a *app) settleResult(done *conflicts.SettleResult, word string) error {
	return a.show(done, func() {
		switch {
		case done.Already:
			a.say("This was done before: nothing was written.")
		case len(done.Settlements) > 0:
			s := &done.Settlements[0]
			a.say("%s: %d. It goes down to the phones.", word, len(done.Settlements))
			if s.UndoneMS == 0 {
				a.say("Take it back with: thonsync conflict undo %s", s.Batch)
			}
		}
		for _, s := range done.Skipped {
			a.say("left as it is: %s %s, %s since", s.Record, s.Field, s.Why)
		}
	})
}

type conflictAlike struct {
	Shape string  `arg:"" help:"The shape, as list --count says."`
	Text  *string `placeholder:"TEXT" help:"Which value is right, where nothing is suggested; operational fields only."`
	Yes   bool    `help:"Settle all that is listed."`
}

// Run previews, and settles if asked to.
func (c *conflictAlike) Run(a *app) error {
	page, err := server.ConflictPreview.Run(a.ctx, a.cfg, a.quiet(), server.ConflictShape{Shape: c.Shape})
	if err != nil {
		return err
	}
	if !c.Yes || len(page.Conflicts) == 0 {
		return a.show(page, func() {
			if len(page.Conflicts) == 0 {
				a.say("No conflict has this shape: `thonsync conflict list --count` lists shapes.")
				return
			}
			a.conflictTable(page.Conflicts)
			a.say("Nothing was settled. To settle these %d: the same command with --yes", len(page.Conflicts))
		})
	}
	in := conflicts.AlikeChoice{Shape: c.Shape, Text: c.Text}
	for i := range page.Conflicts {
		x := &page.Conflicts[i]
		in.Of = append(in.Of, conflicts.Same{Record: x.Record, Field: x.Field, Standing: x.Standing})
	}
	done, err := server.ConflictSettleAlike.Run(a.ctx, a.cfg, a.quiet(), in)
	if err != nil {
		return err
	}
	return a.settleResult(&done, "Settled alike")
}

type conflictPast struct {
	Before string `placeholder:"ID" help:"Go on before this one."`
	Limit  int    `default:"50" help:"How many."`
}

// Run lists what was settled.
func (c *conflictPast) Run(a *app) error {
	before, err := recordID(c.Before, true)
	if err != nil {
		return err
	}
	list, err := server.ConflictSettled.Run(a.ctx, a.cfg, a.quiet(), server.ConflictPast{Before: before, Limit: c.Limit})
	if err != nil {
		return err
	}
	return a.show(list, func() {
		if len(list) == 0 {
			a.say("Nothing was settled yet.")
		}
		a.settledTable(list)
	})
}

func (a *app) settledTable(list []conflicts.Settling) {
	var rows [][]string
	for i := range list {
		s := &list[i]
		undone := ""
		if s.UndoneMS != 0 {
			undone = when(s.UndoneMS)
		}
		rows = append(rows, []string{s.ID.String(), s.Record.String(), s.Field, s.How, s.Actor, when(s.AtMS), undone})
	}
	if len(rows) > 0 {
		a.table([]string{"SETTLING", "RECORD", "FIELD", "HOW", "BY", "AT", "UNDONE"}, rows)
	}
}

type conflictUndo struct {
	ID string `arg:"" help:"The settling, or the batch."`
}

// Run takes a settling back.
func (c *conflictUndo) Run(a *app) error {
	id, err := recordID(c.ID, false)
	if err != nil {
		return err
	}
	done, err := server.ConflictUndo.Run(a.ctx, a.cfg, a.quiet(), server.ConflictSettling{ID: id})
	if err != nil {
		return err
	}
	return a.settleResult(&done, "Taken back")
}

type conflictAsk struct {
	Record string `arg:"" help:"The record."`
	Field  string `arg:"" help:"Name of the field; void for the retraction."`
	Asks   string `arg:"" optional:"" default:"which" enum:"which,right,happened" help:"which (of several values is right), right (is it right as it stands) or happened (did it happen at all)."`
}

// Run asks the team back.
func (c *conflictAsk) Run(a *app) error {
	id, err := recordID(c.Record, false)
	if err != nil {
		return err
	}
	q, err := server.ConflictAsk.Run(a.ctx, a.cfg, a.quiet(), conflicts.TeamQuestion{Record: id, Field: c.Field, Asks: c.Asks})
	if err != nil {
		return err
	}
	return a.show(q, func() {
		a.say("Asked. The team's phones show it after their next contact; `thonsync conflict show %s` shows the answer.", id)
	})
}

// recordID reads an id; "" is none where it may be left out.
func recordID(s string, optional bool) (uuid.UUID, error) {
	if s == "" && optional {
		return uuid.Nil, nil
	}
	id, err := uuid.Parse(s)
	if err != nil {
		return id, fmt.Errorf("%q is no id: `thonsync conflict list` and `thonsync conflict settled` list them", s)
	}
	return id, nil
}
