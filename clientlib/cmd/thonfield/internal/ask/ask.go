// Package ask puts the questions of a form to a person, one at a time, over a
// reader and a writer, lets the person look at the answers and mend any of
// them, and gives them back. It stores nothing.
package ask

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"thonsync/clientlib/cmd/thonfield/internal/form"
	"thonsync/clientlib/cmd/thonfield/internal/words"
	"thonsync/syncproto"
)

// ErrStopped says that the person broke off, or that the input ended. Nothing
// was stored.
var ErrStopped = errors.New("stopped before the end; nothing was stored")

// Dialog is a talk with one person.
type Dialog struct {
	In   *bufio.Reader
	Out  io.Writer
	Lang words.Lang
	// Today and Yesterday are the dates that short answers stand for.
	Today, Yesterday syncproto.Date
	// Check gives, by field, what is wrong with the answers as a whole, in the
	// person's language. It may be nil.
	Check func(values map[string]string) map[string]string
}

func (d *Dialog) writef(format string, args ...any) { fmt.Fprintf(d.Out, format, args...) }

// Line shows a prompt and reads one line.
func (d *Dialog) Line(prompt string) (string, error) {
	d.writef("%s", prompt)
	line, err := d.In.ReadString('\n')
	if err != nil && line == "" {
		if errors.Is(err, io.EOF) {
			d.writef("\n")
			return "", ErrStopped
		}
		return "", fmt.Errorf("reading an answer: %w", err)
	}
	return strings.TrimSpace(line), nil
}

// Choose asks for one of the choices and gives its value.
func (d *Dialog) Choose(label string, choices []form.Choice) (string, error) {
	q := form.Question{Label: label, Type: syncproto.KindChoice, Options: choices, Required: true}
	for {
		answer, err := d.put(&q, "")
		if err != nil {
			return "", err
		}
		value, problem := q.Read(answer)
		if problem == "" && value != "" {
			return value, nil
		}
		d.writef("  %s\n", d.Lang.T("ask.bad-choice"))
	}
}

// Fill asks the questions that have no answer yet, then shows all answers and
// lets the person mend them, until they are confirmed. values is changed.
func (d *Dialog) Fill(questions []form.Question, values map[string]string) error {
	d.writef("%s\n", d.Lang.T("ask.how"))
	for i := 0; i < len(questions); i++ {
		q := &questions[i]
		if _, answered := values[q.Name]; answered {
			continue
		}
		back, err := d.one(q, values)
		if err != nil {
			return err
		}
		if !back {
			continue
		}
		if i > 0 {
			delete(values, questions[i-1].Name)
			i -= 2
		} else {
			i--
		}
	}
	return d.review(questions, values)
}

// one asks a question until the answer fits. back says that the person wants
// the question before.
func (d *Dialog) one(q *form.Question, values map[string]string) (back bool, err error) {
	for {
		answer, err := d.put(q, values[q.Name])
		if err != nil {
			return false, err
		}
		switch answer {
		case "<":
			return true, nil
		case "!":
			return false, ErrStopped
		}
		value, problem := d.read(q, answer)
		if problem == "" && value == "" && q.Required {
			problem = d.Lang.T("ask.needed")
		}
		if problem == "" {
			values[q.Name] = value
			problem = d.checked(values)[q.Name]
		}
		if problem == "" {
			return false, nil
		}
		d.writef("  %s\n", problem)
	}
}

// read reads an answer; for the day of the work an empty answer is today.
func (d *Dialog) read(q *form.Question, answer string) (value, problem string) {
	if q.Name == "occurred" {
		switch answer {
		case "", "1":
			return d.Today.String(), ""
		case "2":
			return d.Yesterday.String(), ""
		}
	}
	value, key := q.Read(answer)
	if key != "" {
		return "", d.Lang.T(key)
	}
	return value, ""
}

func (d *Dialog) checked(values map[string]string) map[string]string {
	if d.Check == nil {
		return nil
	}
	return d.Check(values)
}

func (d *Dialog) put(q *form.Question, now string) (string, error) {
	d.writef("\n%s", q.Label)
	if !q.Required && q.Name != "occurred" {
		d.writef(" %s", d.Lang.T("ask.optional"))
	}
	d.writef("\n")
	for i, o := range q.Options {
		d.writef("  %d  %s\n", i+1, o.Label)
	}
	switch {
	case q.Name == "occurred":
		d.writef("  %s\n", d.Lang.T("ask.day"))
	case q.Type == syncproto.KindDate:
		d.writef("  %s\n", d.Lang.T("ask.date"))
	case q.Type == syncproto.KindChoices:
		d.writef("  %s\n", d.Lang.T("ask.several"))
	case q.Type == syncproto.KindInt && q.Min != nil && q.Max != nil:
		d.writef("  %s\n", d.Lang.T("ask.range", "min", *q.Min, "max", *q.Max))
	}
	if now != "" {
		d.writef("  %s\n", d.Lang.T("ask.now", "value", Shown(q, now)))
	}
	return d.Line("> ")
}

// review shows the answers until the person confirms them.
func (d *Dialog) review(questions []form.Question, values map[string]string) error {
	for {
		problems := d.checked(values)
		d.writef("\n%s\n", d.Lang.T("ask.review"))
		for i := range questions {
			q := &questions[i]
			d.writef("  %2d  %s: %s\n", i+1, q.Label, Shown(q, values[q.Name]))
			if p := problems[q.Name]; p != "" {
				d.writef("      %s\n", p)
			}
		}
		answer, err := d.Line(d.Lang.T("ask.confirm"))
		switch {
		case err != nil:
			return err
		case answer == "!":
			return ErrStopped
		case answer == "" && len(problems) == 0:
			return nil
		}
		n, err := strconv.Atoi(answer)
		if err != nil || n < 1 || n > len(questions) {
			d.writef("  %s\n", d.Lang.T("ask.bad-confirm"))
			continue
		}
		if _, err := d.one(&questions[n-1], values); err != nil {
			return err
		}
	}
}

// Shown gives an answer as people read it.
func Shown(q *form.Question, value string) string {
	switch q.Type {
	case syncproto.KindDate:
		if d, ok := words.ParseDate(value); ok {
			return words.ShowDate(d)
		}
	case syncproto.KindChoice, syncproto.KindBool, syncproto.KindChoices:
		parts := strings.Split(value, ",")
		for i, p := range parts {
			for _, o := range q.Options {
				if o.Value == p {
					parts[i] = o.Label
				}
			}
		}
		return strings.Join(parts, ", ")
	}
	return value
}
