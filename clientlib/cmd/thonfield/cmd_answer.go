package main

import (
	"fmt"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/clientlib/cmd/thonfield/internal/form"
	"thonsync/clientlib/cmd/thonfield/internal/view"
	"thonsync/clientlib/cmd/thonfield/internal/words"
	"thonsync/syncproto"
)

type answerCmd struct {
	Record  string `arg:"" help:"${help_record_arg}"`
	Field   string `help:"${help_answer_field}" placeholder:"NAME"`
	Confirm bool   `help:"${help_answer_confirm}"`
	Value   string `help:"${help_answer_value}" placeholder:"VALUE"`
	Unknown bool   `help:"${help_answer_unknown}"`
	Retract string `help:"${help_answer_retract}" enum:"mistake,duplicate,test,other," default:"" placeholder:"mistake|duplicate|test|other"`
	Person  string `help:"${help_person}" placeholder:"WHO"`
}

// Run answers what the commune asked about a record.
func (c *answerCmd) Run(a *app) error {
	given := 0
	for _, one := range []bool{c.Confirm, c.Unknown, c.Value != "", c.Retract != ""} {
		if one {
			given++
		}
	}
	if given != 1 {
		return usage("usage.missing", "what", "--confirm, --value, --unknown, --retract")
	}
	return a.with(func(d device) error {
		id, err := a.find(d, c.Record)
		if err != nil {
			return err
		}
		rec, err := d.Get(a.ctx, id)
		if err != nil {
			return err
		}
		asked, err := c.choose(&rec)
		if err != nil {
			return err
		}
		in := clientlib.AnswerInput{Confirm: c.Confirm, Unknown: c.Unknown, Retract: c.Retract}
		if in.Person, err = a.person(d, c.Person); err != nil {
			return err
		}
		if c.Value != "" {
			value, err := a.oneLine(c.Value)
			if err != nil {
				return err
			}
			in.Value = &value
		}
		warnings, err := d.AnswerQuestion(a.ctx, asked, in)
		if err != nil {
			return err
		}
		return a.saved(d, id, warnings, "answer.saved")
	})
}

// choose finds the question that is meant: the only open one, or that about the
// named field.
func (c *answerCmd) choose(rec *clientlib.Record) (uuid.UUID, error) {
	var found []uuid.UUID
	for i := range rec.Questions {
		if q := &rec.Questions[i]; q.Open() && (c.Field == "" || c.Field == q.Field) {
			found = append(found, q.ID)
		}
	}
	switch len(found) {
	case 0:
		return uuid.Nil, failed(syncproto.CodeNotFound, "answer.none")
	case 1:
		return found[0], nil
	}
	return uuid.Nil, usage("answer.several")
}

// asked tells what was asked about a record, and what was answered.
func (a *app) asked(r *view.FullRecord) {
	for _, q := range r.Questions {
		a.say("asked.question", "field", q.Label, "asks", q.AsksText)
		switch {
		case q.Answer != "":
			a.say("asked.answer", "answer", q.AnswerText)
		case q.Settled:
		default:
			fmt.Fprintln(a.out, "    "+a.lang.T("asked.how", "id", shorten(r.ID)))
		}
		if q.Settled {
			a.say("asked.settled")
		}
	}
}

// questionsOf gives the objects of what was asked about a record.
func questionsOf(l words.Lang, kind *syncproto.Kind, rec *clientlib.Record) []view.Question {
	out := []view.Question{}
	for _, q := range rec.Questions {
		v := view.Question{
			ID: q.ID, Field: q.Field, Label: form.Label(kind, q.Field, l), Asks: q.Asks, AsksText: l.T("asks." + q.Asks),
			AskedMS: q.AskedMS, Answer: q.Answer, Settled: q.Settled, Open: q.Open(),
		}
		if q.Answer != "" {
			v.AnswerText = l.T("answers." + q.Answer)
		}
		out = append(out, v)
	}
	return out
}
