package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/clientlib/cmd/thonfield/internal/ask"
	"thonsync/clientlib/cmd/thonfield/internal/form"
	"thonsync/clientlib/cmd/thonfield/internal/view"
	"thonsync/clientlib/cmd/thonfield/internal/words"
	"thonsync/syncproto"
)

// valueFlags are the flags that give values.
type valueFlags struct {
	Set    []string `help:"${help_set}" sep:"none" placeholder:"NAME=VALUE"`
	Values string   `help:"${help_values}" placeholder:"FILE"`
}

// maxValuesBytes bounds the file of --values.
const maxValuesBytes = 1 << 20

// read gives all values by field name; --set wins over --values.
func (v *valueFlags) read(a *app) (map[string]string, error) {
	values := map[string]string{}
	if v.Values != "" {
		b, err := a.slurp(v.Values)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(b, &values); err != nil {
			return nil, usage("usage.values")
		}
	}
	for _, s := range v.Set {
		name, value, ok := strings.Cut(s, "=")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, usage("usage.set")
		}
		values[strings.TrimSpace(name)] = value
	}
	return values, nil
}

// slurp reads a small file, or standard input for "-".
func (a *app) slurp(path string) ([]byte, error) {
	var in io.Reader = a.input()
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxValuesBytes+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxValuesBytes {
		return nil, usage("usage.values")
	}
	return b, nil
}

type recordCmd struct {
	Kind        string `help:"${help_kind}" placeholder:"CODE"`
	valueFlags  `embed:""`
	QR          string `name:"qr" help:"${help_qr}" placeholder:"TEXT"`
	KeepAddress bool   `help:"${help_keep_address}"`
	Person      string `help:"${help_person}" placeholder:"WHO"`
	Occurred    string `help:"${help_occurred}" placeholder:"DATE"`
	Unit        string `help:"${help_unit}" placeholder:"LIST:CODE"`
	Result      string `help:"${help_result}" placeholder:"VALUE"`
	Ask         bool   `help:"${help_ask}"`
}

// recorded is what --json writes for record, edit and void.
type recorded struct {
	Record   uuid.UUID      `json:"record"`
	Warnings []view.Warning `json:"warnings"`
	Custody  view.Custody   `json:"custody"`
}

// Run records one activity.
func (c *recordCmd) Run(a *app) error {
	if c.Ask && a.json {
		return usage("usage.ask-json")
	}
	return a.with(func(d device) error {
		values, warnings, err := c.values(a)
		if err != nil {
			return err
		}
		person, err := a.person(d, c.Person)
		if err != nil {
			return err
		}
		in := clientlib.RecordInput{Person: person, Kind: c.Kind}
		if in.Fields, err = c.complete(a, d, &in, values); err != nil {
			return err
		}
		made, err := d.Record(a.ctx, in)
		if err != nil {
			return err
		}
		return a.saved(d, made.ID, append(made.Warnings, warnings...), "record.saved")
	})
}

// values gathers what the flags say.
func (c *recordCmd) values(a *app) (map[string]string, []clientlib.Warning, error) {
	values, err := c.read(a)
	if err != nil {
		return nil, nil, err
	}
	for name, v := range map[string]string{"occurred": c.Occurred, "unit": c.Unit, "result": c.Result} {
		if v != "" {
			values[name] = v
		}
	}
	if c.QR == "" {
		return values, nil, nil
	}
	text, err := a.oneLine(c.QR)
	if err != nil {
		return nil, nil, err
	}
	return addCard(values, text, c.KeepAddress)
}

// addCard adds what a card says to values; what is there already wins. The
// address is kept only if asked for, because most work does not need it. The
// library repeats a card's doubts when it takes the values, so they are left
// out here.
func addCard(values map[string]string, text string, address bool) (map[string]string, []clientlib.Warning, error) {
	fields, _, err := clientlib.CardFields(text)
	if err != nil {
		return nil, nil, err
	}
	if !address {
		delete(fields, "address")
	}
	maps.Copy(fields, values)
	return fields, nil, nil
}

// complete asks for what is missing if a person is there to answer.
func (c *recordCmd) complete(a *app, d device, in *clientlib.RecordInput, values map[string]string) (map[string]string, error) {
	talk := &ask.Dialog{In: a.input(), Out: a.out, Lang: a.lang,
		Today: words.DateOf(a.now()), Yesterday: words.DateOf(a.now().AddDate(0, 0, -1))}
	asking := c.Ask || (a.terminal && !a.json)
	if in.Kind == "" {
		if !asking {
			return nil, usage("usage.missing", "what", "--kind")
		}
		code, err := chooseKind(a, d, talk)
		if err != nil {
			return nil, err
		}
		in.Kind = code
	}
	kind, err := d.Kind(a.ctx, in.Kind)
	if err != nil {
		if syncproto.CodeOf(err) == syncproto.CodeNotFound {
			return nil, failed(syncproto.CodeInvalidInput, "error.kind")
		}
		return nil, err
	}
	questions := form.Questions(kind, a.lang)
	if !c.Ask && !(asking && lacks(questions, values)) {
		return values, nil
	}
	if kind.Person && c.QR == "" && values["id_number"] == "" {
		if values, err = askCard(a, talk, values, c.KeepAddress); err != nil {
			return nil, err
		}
	}
	talk.Check = func(values map[string]string) map[string]string { return a.check(kind, values) }
	if err := talk.Fill(questions, values); err != nil {
		return nil, err
	}
	maps.DeleteFunc(values, func(_, v string) bool { return v == "" })
	return values, nil
}

// lacks reports whether a required answer is missing.
func lacks(questions []form.Question, values map[string]string) bool {
	for i := range questions {
		if questions[i].Required && values[questions[i].Name] == "" {
			return true
		}
	}
	return false
}

func chooseKind(a *app, d device, talk *ask.Dialog) (string, error) {
	kinds, err := d.Kinds(a.ctx)
	if err != nil {
		return "", err
	}
	if len(kinds) == 0 {
		return "", failed(syncproto.CodeNotFound, "error.no-kinds")
	}
	choices := make([]form.Choice, 0, len(kinds))
	for _, k := range kinds {
		choices = append(choices, form.Choice{Value: k.Code, Label: a.lang.Pick(k.NameVI, k.NameEN)})
	}
	return talk.Choose(a.lang.T("ask.kind"), choices)
}

// askCard asks for the text of a card's code, which may be left out.
func askCard(a *app, talk *ask.Dialog, values map[string]string, address bool) (map[string]string, error) {
	for {
		text, err := talk.Line(a.lang.T("ask.card"))
		if err != nil {
			return nil, err
		}
		if text == "" {
			return values, nil
		}
		if text == "!" {
			return nil, ask.ErrStopped
		}
		if more, _, err := addCard(values, text, address); err == nil {
			return more, nil
		}
		fmt.Fprintln(a.out, "  "+a.lang.T("error.not-card"))
	}
}

// check gives by field what is wrong with values.
func (a *app) check(kind *syncproto.Kind, values map[string]string) map[string]string {
	_, err := clientlib.ParseFields(kind, values)
	var errs clientlib.FieldErrors
	if !errors.As(err, &errs) {
		return nil
	}
	out := make(map[string]string, len(errs))
	for _, e := range errs {
		out[e.Field] = a.lang.Pick(e.VI, e.EN)
	}
	return out
}

// saved shows the outcome of a change.
func (a *app) saved(d device, id uuid.UUID, warnings []clientlib.Warning, key string) error {
	custody, err := d.Custody(a.ctx, id)
	if err != nil {
		return err
	}
	r, err := a.reader(d, false)
	if err != nil {
		return err
	}
	out := recorded{Record: id, Warnings: view.Warnings(a.lang, warnings), Custody: r.Custody(custody)}
	a.show(out, func() {
		a.say(key, "id", shorten(id), "stage", out.Custody.StageText)
		for _, w := range out.Warnings {
			a.say("record.warning", "field", form.Label(nil, w.Field, a.lang), "text", w.Message)
		}
	})
	return nil
}

type editCmd struct {
	Record     string `arg:"" help:"${help_record_arg}"`
	valueFlags `embed:""`
	Person     string `help:"${help_person}" placeholder:"WHO"`
}

// Run sets fields of a record.
func (c *editCmd) Run(a *app) error {
	values, err := c.read(a)
	if err != nil {
		return err
	}
	if len(values) == 0 {
		return usage("usage.missing", "what", "--set")
	}
	return a.with(func(d device) error {
		id, err := a.find(d, c.Record)
		if err != nil {
			return err
		}
		person, err := a.person(d, c.Person)
		if err != nil {
			return err
		}
		warnings, err := d.Edit(a.ctx, id, clientlib.EditInput{Person: person, Fields: values})
		if err != nil {
			return err
		}
		return a.saved(d, id, warnings, "edit.saved")
	})
}

type voidCmd struct {
	Record string `arg:"" help:"${help_record_arg}"`
	Reason string `required:"" help:"${help_reason}" enum:"mistake,duplicate,test,other" placeholder:"mistake|duplicate|test|other"`
	Note   string `help:"${help_note}" placeholder:"TEXT"`
	Person string `help:"${help_person}" placeholder:"WHO"`
}

// Run retracts a record.
func (c *voidCmd) Run(a *app) error {
	return a.with(func(d device) error {
		note, err := a.oneLine(c.Note)
		if err != nil {
			return err
		}
		id, err := a.find(d, c.Record)
		if err != nil {
			return err
		}
		person, err := a.person(d, c.Person)
		if err != nil {
			return err
		}
		if err := d.Void(a.ctx, id, person, c.Reason, note); err != nil {
			return err
		}
		return a.saved(d, id, nil, "void.saved")
	})
}
