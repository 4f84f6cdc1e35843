package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/clientlib/cmd/thonfield/internal/view"
	"thonsync/clientlib/cmd/thonfield/internal/words"
	"thonsync/syncproto"
)

type listCmd struct {
	Since   string `help:"${help_since}" placeholder:"DATE"`
	Kind    string `help:"${help_list_kind}" placeholder:"CODE"`
	Waiting bool   `help:"${help_waiting}"`
	Find    string `help:"${help_find}" placeholder:"TEXT"`
	Void    bool   `help:"${help_list_void}"`
	Limit   int    `help:"${help_limit}" default:"50" placeholder:"N"`
	Before  string `help:"${help_before}" placeholder:"RECORD"`
	Full    bool   `help:"${help_full}"`
}

// listed is what --json writes for list.
type listed struct {
	Records []view.Record `json:"records"`
	Next    *uuid.UUID    `json:"next"` // for --before; null on the last page
}

// Run shows a page of records, newest first.
func (c *listCmd) Run(a *app) error {
	f := clientlib.Filter{Kind: c.Kind, Waiting: c.Waiting, Void: c.Void, Limit: c.Limit}
	if c.Limit < 1 || c.Limit > pageSize {
		return usage("usage.value", "what", "--limit")
	}
	if c.Since != "" {
		day, ok := words.ParseDate(c.Since)
		if !ok {
			return usage("usage.value", "what", "--since")
		}
		f.SinceMS = startOf(day, a.now().Location()).UnixMilli()
	}
	return a.with(func(d device) error {
		var err error
		if f.Text, err = a.oneLine(c.Find); err != nil {
			return err
		}
		if c.Before != "" {
			if f.Before, err = a.find(d, c.Before); err != nil {
				return err
			}
		}
		records, err := d.List(a.ctx, f)
		if err != nil {
			return err
		}
		r, err := a.named(d, c.Full, records...)
		if err != nil {
			return err
		}
		out := listed{Records: []view.Record{}}
		for i := range records {
			out.Records = append(out.Records, r.Record(&records[i]))
		}
		if len(records) == c.Limit {
			out.Next = &records[len(records)-1].ID
		}
		a.show(out, func() { a.table(out) })
		return nil
	})
}

// startOf is the first moment of a date of which month or day may be unknown.
func startOf(d syncproto.Date, zone *time.Location) time.Time {
	return time.Date(d.Year, time.Month(max(1, d.Month)), max(1, d.Day), 0, 0, 0, 0, zone)
}

func (a *app) table(l listed) {
	if len(l.Records) == 0 {
		a.say("list.none")
		return
	}
	w := tabwriter.NewWriter(a.out, 0, 1, 2, ' ', 0)
	for i := range l.Records {
		r := &l.Records[i]
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", shownISO(r.Occurred), r.KindText, r.UnitText, r.FullName, shownNumber(r), a.state(r), shorten(r.ID))
	}
	w.Flush()
	if l.Next != nil {
		a.say("list.more", "id", shorten(*l.Next))
	}
}

func shownISO(iso string) string {
	d, ok := words.ParseDate(iso)
	if !ok {
		return ""
	}
	return words.ShowDate(d)
}

// shownNumber is the identity number as far as it was asked for.
func shownNumber(r *view.Record) string {
	switch {
	case r.IDNumber != "":
		return r.IDNumber
	case r.IDTail != "":
		return "…" + r.IDTail
	default:
		return ""
	}
}

// state says in a few words how a record stands.
func (a *app) state(r *view.Record) string {
	switch {
	case r.Damaged:
		return a.lang.T("state.damaged")
	case r.Erased:
		return a.lang.T("state.erased")
	case r.Void:
		return a.lang.T("state.void", "stage", r.Custody.StageText)
	case r.Conflict, r.Custody.Stage == clientlib.StageAskedBack.String() && r.Custody.Reason == string(clientlib.ReasonQuestion):
		return a.lang.T("stage.asked-back")
	case !r.Own:
		return a.lang.T("state.colleague")
	default:
		return r.Custody.StageText
	}
}

type showCmd struct {
	Record string `arg:"" help:"${help_record_arg}"`
	Full   bool   `help:"${help_full}"`
}

// Run shows one record with all its values.
func (c *showCmd) Run(a *app) error {
	return a.with(func(d device) error {
		id, err := a.find(d, c.Record)
		if err != nil {
			return err
		}
		rec, err := d.Get(a.ctx, id)
		if err != nil {
			return err
		}
		r, err := a.named(d, c.Full, rec)
		if err != nil {
			return err
		}
		out := r.FullRecord(&rec)
		out.Questions = questionsOf(a.lang, r.Kinds[rec.Kind], &rec)
		if rec.Conflict || rec.Custody.Stage == clientlib.StageAskedBack {
			a.exit = exitAsked
		}
		a.show(struct {
			Record view.FullRecord `json:"record"`
		}{out}, func() { a.sheet(&out) })
		return nil
	})
}

// sheet writes one record for people.
func (a *app) sheet(r *view.FullRecord) {
	fmt.Fprintf(a.out, "%s  %s\n", r.KindText, shownISO(r.Occurred))
	fmt.Fprintln(a.out, a.state(&r.Record))
	who := r.AuthorText
	if who == "" {
		who = a.lang.T("show.other-person")
	}
	a.say("show.by", "who", who, "when", a.lang.ShowTime(r.CreatedMS, a.now()))
	for _, f := range r.Fields {
		fmt.Fprintf(a.out, "  %s: %s\n", f.Label, f.Shown)
		for _, o := range f.Others {
			fmt.Fprintf(a.out, "    %s\n", a.lang.T("show.other-value", "value", o.Shown))
		}
	}
	if r.IDTail != "" && r.Partial {
		a.say("show.tail", "tail", r.IDTail)
	}
	a.asked(r)
	if r.Conflict {
		a.say("show.settle", "id", shorten(r.ID))
	}
	if r.Partial {
		a.say("show.partial")
	}
	if r.Provisional {
		a.say("show.provisional")
	}
	a.say("show.id", "id", r.ID)
}
