package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"thonsync/server"
	"thonsync/server/requests"
)

type requestCmd struct {
	New         requestNew      `cmd:"" help:"Take a request up. The identity number is read from standard input or a file, never from the command line."`
	List        requestList     `cmd:"" help:"List open requests, the most pressing first."`
	Show        requestShow     `cmd:"" help:"Show a request: records, recipients, due dates, steps."`
	Acknowledge requestAck      `cmd:"" help:"Note that the citizen was answered that the request was taken up."`
	Link        requestLink     `cmd:"" help:"Add records to a request."`
	Unlink      requestUnlink   `cmd:"" help:"Take records off a request, which are another's."`
	Extend      requestExtend   `cmd:"" help:"Extend the time, once, with a reason."`
	Answer      requestAnswer   `cmd:"" help:"Carry a request out: make the sheet, correct, erase, or note what was done."`
	Told        requestTold     `cmd:"" help:"Note that somebody who got an export was told."`
	Verify      requestVerify   `cmd:"" help:"Look in every file, with every key, for what should be gone; values are read from standard input."`
	People      requestPeople   `cmd:"" help:"Write the list of people to tell of a breach, with telephones, as a CSV file."`
	Close       requestClose    `cmd:"" help:"Close a request."`
	Holidays    requestHolidays `cmd:"" help:"List the public holidays that due dates are counted by."`
}

// secretFlags read what must not stand on a command line, which others on the
// machine can see.
type secretFlags struct {
	Number     bool   `help:"Ask for the citizen's identity number and find all records that hold it."`
	NumberFile string `placeholder:"FILE" help:"Read the identity number from a file; - for standard input."`
}

// valuesIn reads short lines from a file, from standard input for "-".
func (a *app) valuesIn(path string) ([]string, error) {
	in := a.in
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("reading values: %w", err)
		}
		defer func() { _ = f.Close() }() // only read from
		in = f
	}
	var out []string
	sc := bufio.NewScanner(io.LimitReader(in, 64<<10))
	for sc.Scan() {
		if s := strings.TrimSpace(sc.Text()); s != "" {
			out = append(out, s)
		}
	}
	return out, sc.Err()
}

func (s *secretFlags) read(a *app) (string, error) {
	path := s.NumberFile
	if path == "" && s.Number {
		a.say("Identity number of the citizen, then Enter:")
		line, err := bufio.NewReader(io.LimitReader(a.in, 1024)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("reading the identity number: %w", err)
		}
		return strings.TrimSpace(line), nil
	}
	if path == "" {
		return "", nil
	}
	all, err := a.valuesIn(path)
	if err == nil && len(all) != 1 {
		err = fmt.Errorf("the file holds %d lines: it must hold the identity number alone", len(all))
	}
	if err != nil {
		return "", err
	}
	return all[0], nil
}

type requestNew struct {
	Kind        string   `arg:"" enum:"see,correct,erase,withdraw,object,breach" help:"What is asked: see, correct, erase, withdraw, object; or breach."`
	Record      []string `placeholder:"ID" help:"A record that the request is about; may be repeated."`
	Channel     string   `default:"office" enum:"office,phone,letter,portal,team" help:"How it came in: office, phone, letter, portal or team."`
	Received    string   `placeholder:"YYYY-MM-DD[THH:MM]" help:"When it came in, or when a breach was detected; now by default."`
	Shared      bool     `help:"Others hold the data as well."`
	Device      string   `placeholder:"ORIGIN" help:"Of a breach: the lost device; its records are linked."`
	secretFlags `embed:""`
}

// Run takes a request up.
func (c *requestNew) Run(a *app) error {
	in := server.RequestNew{Kind: requests.Kind(c.Kind), Channel: c.Channel, Shared: c.Shared}
	var err error
	if in.Records, err = ids(c.Record); err != nil {
		return err
	}
	if c.Device != "" {
		if in.Device, err = uuid.Parse(c.Device); err != nil {
			return fmt.Errorf("--device is no origin: `thonsync status` lists them")
		}
	}
	if c.Received != "" {
		t, err := receivedAt(c.Received)
		if err != nil {
			return err
		}
		in.ReceivedMS = t.UnixMilli()
	}
	if in.IDNumber, err = c.read(a); err != nil {
		return err
	}
	v, err := server.RequestOpen.Run(a.ctx, a.cfg, a.quiet(), in)
	return a.request(v, err)
}

func receivedAt(s string) (time.Time, error) {
	for _, form := range []string{"2006-01-02T15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(form, s, requests.Zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("--received is no time: write 2026-03-02 or 2026-03-02T09:30")
}

func ids(texts []string) ([]uuid.UUID, error) {
	out := make([]uuid.UUID, 0, len(texts))
	for _, s := range texts {
		id, err := uuid.Parse(s)
		if err != nil {
			return nil, fmt.Errorf("a record is named by its id, such as 0192f3a4-5b6c-7d8e-9fa0-b1c2d3e4f506")
		}
		out = append(out, id)
	}
	return out, nil
}

// request shows a request after something was done to it.
func (a *app) request(v server.RequestView, err error) error {
	if err != nil {
		return err
	}
	return a.show(v, func() { a.printRequest(&v) })
}

func (a *app) printRequest(v *server.RequestView) {
	state := "open"
	switch {
	case v.Overdue:
		state = "OVERDUE"
	case !v.Open:
		state = "closed, " + v.Outcome
	}
	a.say("%s  %s, %s", v.Number, v.Kind, state)
	a.say("  came in %s by %s", dayOf(v.ReceivedMS), v.Channel)
	if v.AnswerByMS != 0 {
		a.say("  answer by %s%s", dayOf(v.AnswerByMS), done(v.Acknowledged || v.Answered))
	}
	if v.Kind == requests.Breach {
		a.say("  notice to the authority by %s%s", when(v.DoneByMS), done(v.Answered))
	} else {
		a.say("  carry out by %s%s", dayOf(v.DoneByMS), done(v.Answered))
	}
	if v.BackupsUntilMS != 0 {
		a.say("  backups made before can be read until %s", when(v.BackupsUntilMS))
	}
	if v.LookedMS != 0 {
		a.say("  looked for what was erased %s: found in %d places", when(v.LookedMS), v.Found)
	}
	if len(v.Same) > 0 {
		a.say("  other requests of the same citizen: %s", strings.Join(v.Same, ", "))
	}
	var rows [][]string
	for _, r := range v.Records {
		state := ""
		switch {
		case !r.Known:
			state = "not here yet"
		case r.Erased:
			state = "erased"
		case r.Void:
			state = "retracted"
		}
		rows = append(rows, []string{r.ID.String(), r.What, r.Kind, r.Unit, r.Occurred, state})
	}
	if len(rows) > 0 {
		a.table([]string{"RECORD", "WHAT", "KIND", "UNIT", "DAY", "STATE"}, rows)
	}
	rows = nil
	for _, p := range v.Recipients {
		rows = append(rows, []string{p.Export.String(), p.Name, when(p.AtMS), done(p.Told)})
	}
	if len(rows) > 0 {
		a.say("Given to:")
		a.table([]string{"EXPORT", "RECIPIENT", "WHEN", "TOLD"}, rows)
	}
	a.printSteps(v.Steps)
}

func (a *app) printSteps(steps []requests.Step) {
	var rows [][]string
	for _, s := range steps {
		rows = append(rows, []string{when(s.AtMS), string(s.Act), strings.TrimSpace(s.How + " " + s.Outcome + " " + s.Reason)})
	}
	if len(rows) > 0 {
		a.say("Steps:")
		a.table([]string{"WHEN", "STEP", "HOW"}, rows)
	}
}

func done(yes bool) string {
	if yes {
		return " (done)"
	}
	return ""
}

func dayOf(ms int64) string { return time.UnixMilli(ms).In(requests.Zone).Format("02/01/2006") }

type requestList struct {
	All     bool `help:"Closed ones, too."`
	Overdue bool `help:"Only those past a date that the law sets."`
}

// Run lists requests.
func (c *requestList) Run(a *app) error {
	list, err := server.RequestList.Run(a.ctx, a.cfg, a.quiet(), server.RequestQuery{All: c.All})
	if err != nil {
		return err
	}
	if c.Overdue {
		list = slices.DeleteFunc(list, func(v server.RequestView) bool { return !v.Overdue })
	}
	return a.show(list, func() {
		var rows [][]string
		for _, v := range list {
			state := "open"
			switch {
			case v.Overdue:
				state = "OVERDUE"
			case !v.Open:
				state = v.Outcome
			case v.Answered:
				state = "carried out"
			}
			answer := ""
			if v.AnswerByMS != 0 && !v.Acknowledged && !v.Answered {
				answer = dayOf(v.AnswerByMS)
			}
			rows = append(rows, []string{v.Number, string(v.Kind), state, answer, dayOf(v.DoneByMS), fmt.Sprint(len(v.Records))})
		}
		a.table([]string{"NUMBER", "KIND", "STATE", "ANSWER BY", "DUE", "RECORDS"}, rows)
	})
}

// numberArg names a request.
type numberArg struct {
	Number string `arg:"" help:"Number of the request, such as 2026-0001."`
}

type requestShow struct{ numberArg }

// Run shows a request.
func (c *requestShow) Run(a *app) error {
	v, err := server.RequestShow.Run(a.ctx, a.cfg, a.quiet(), server.RequestNumber{Number: c.Number})
	return a.request(v, err)
}

// note notes a step.
func (a *app) note(number string, s requests.Step) error {
	v, err := server.RequestNote.Run(a.ctx, a.cfg, a.quiet(), server.RequestStep{Number: number, Step: s})
	return a.request(v, err)
}

type requestAck struct{ numberArg }

// Run notes that the citizen was answered.
func (c *requestAck) Run(a *app) error {
	return a.note(c.Number, requests.Step{Act: requests.Acknowledged})
}

type requestLink struct {
	numberArg
	Record []string `arg:"" help:"Records by their ids."`
}

// Run adds records.
func (c *requestLink) Run(a *app) error {
	list, err := ids(c.Record)
	if err != nil {
		return err
	}
	return a.note(c.Number, requests.Step{Act: requests.Linked, Records: list})
}

type requestUnlink struct {
	numberArg
	Record []string `arg:"" help:"Records by their ids."`
}

// Run takes records off.
func (c *requestUnlink) Run(a *app) error {
	list, err := ids(c.Record)
	if err != nil {
		return err
	}
	return a.note(c.Number, requests.Step{Act: requests.Unlinked, Records: list})
}

type requestExtend struct {
	numberArg
	Reason string `required:"" placeholder:"REASON" help:"complex, many-records, identity-not-proven or other-controller."`
}

// Run extends the time.
func (c *requestExtend) Run(a *app) error {
	return a.note(c.Number, requests.Step{Act: requests.Extended, Reason: c.Reason})
}

type requestTold struct {
	numberArg
	Export string `arg:"" help:"Entry of the list of exports, as show prints it."`
}

// Run notes that a recipient was told.
func (c *requestTold) Run(a *app) error {
	id, err := uuid.Parse(c.Export)
	if err != nil {
		return fmt.Errorf("an export is named by its id: `thonsync request show %s` prints them", c.Number)
	}
	return a.note(c.Number, requests.Step{Act: requests.Told, Export: id})
}

type requestClose struct {
	numberArg
	Outcome string `default:"done" enum:"done,refused,taken-back" help:"done, refused (with --reason) or taken-back by the citizen."`
	Reason  string `placeholder:"REASON" help:"Why it is refused: identity-not-proven, no-records, legal-duty, public-task, repeated or other-controller."`
}

// Run closes a request.
func (c *requestClose) Run(a *app) error {
	return a.note(c.Number, requests.Step{Act: requests.Closed, Outcome: c.Outcome, Reason: c.Reason})
}
