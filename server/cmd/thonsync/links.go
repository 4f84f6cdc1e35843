package main

import (
	"strconv"
	"strings"

	"github.com/google/uuid"

	"thonsync/server"
	"thonsync/server/reconcile/links"
	"thonsync/syncproto"
)

type linkCmd struct {
	List    linkList    `cmd:"" help:"List pairs of records that may be about the same citizen, the likeliest first. Names nobody."`
	Show    linkShow    `cmd:"" help:"Show one pair side by side with its weight, field by field. This goes into the access log."`
	Confirm linkConfirm `cmd:"" help:"Both records are about one person. Touches neither; undo takes it back."`
	Reject  linkReject  `cmd:"" help:"Not the same person: the pair is not suggested again."`
	Undo    linkUndo    `cmd:"" help:"Take the last decision on a pair back."`
	Alike   linkAlike   `cmd:"" help:"Link all suggested pairs like this one: one identity number, and all fields compare alike."`
	Scan    linkScan    `cmd:"" help:"Compare now what is new or has changed. A running centre does so by itself."`
	Helped  linkHelped  `cmd:"" help:"Count the distinct persons that a unit has helped: linked records count once."`
}

// pairArg names a pair.
type pairArg struct {
	A string `arg:"" placeholder:"UUID" help:"One record, from thonsync link list."`
	B string `arg:"" placeholder:"UUID" help:"The other record."`
}

func (p *pairArg) query() (server.PairQuery, error) {
	var q server.PairQuery
	for text, into := range map[string]*uuid.UUID{p.A: &q.A, p.B: &q.B} {
		id, err := uuid.Parse(text)
		if err != nil {
			return q, syncproto.Errorf(syncproto.CodeInvalidInput, "a record is no UUID: copy both from `thonsync link list`")
		}
		*into = id
	}
	return q, nil
}

type linkList struct {
	State  string `enum:"suggested,linked,apart,all" default:"suggested" help:"Which: suggested, linked, apart or all."`
	Exact  bool   `help:"Only pairs with one identity number."`
	Unit   string `placeholder:"LIST:CODE" help:"Only pairs both of whose records lie in this unit."`
	Limit  int    `default:"50" help:"How many at most."`
	Cursor string `hidden:""`
}

// Run lists pairs.
func (c *linkList) Run(a *app) error {
	q := links.Query{State: c.State, Exact: c.Exact, Unit: c.Unit, Limit: c.Limit, Cursor: c.Cursor}
	if c.State == "all" {
		q.State = ""
	}
	out, err := server.LinkList.Run(a.ctx, a.cfg, a.quiet(), q)
	if err != nil {
		return err
	}
	return a.show(out, func() {
		rows := make([][]string, len(out.Items))
		for i := range out.Items {
			p := &out.Items[i]
			rows[i] = []string{p.State, weight(p.Bits), strings.Join(telling(p), " "), p.A.Unit, p.B.Unit, p.A.Record.String(), p.B.Record.String()}
		}
		a.table([]string{"STATE", "BITS", "FIELDS", "UNIT", "UNIT", "RECORD", "RECORD"}, rows)
		if out.Counts != nil {
			a.say("%d suggested, %d linked, %d said not to be the same.", out.Counts[links.Suggested], out.Counts[links.Linked], out.Counts[links.Apart])
		}
		if out.Next != "" {
			a.say("There are more: thonsync link list --cursor %s", out.Next)
		}
	})
}

func weight(bits float64) string { return strconv.FormatFloat(bits, 'f', 1, 64) }

// telling lists the fields that say something.
func telling(p *links.PairView) (out []string) {
	for _, e := range p.Evidence {
		if e.Level != "missing" {
			out = append(out, e.Field+"="+e.Level)
		}
	}
	return out
}

type linkShow struct {
	pairArg `embed:""`
}

// Run shows a pair.
func (c *linkShow) Run(a *app) error {
	q, err := c.query()
	if err != nil {
		return err
	}
	out, err := server.LinkShow.Run(a.ctx, a.cfg, a.quiet(), q)
	if err != nil {
		return err
	}
	return a.show(out, func() {
		rows := make([][]string, len(out.Persons))
		for i, f := range out.Persons {
			rows[i] = []string{f.Field, f.A, f.B, strings.Join(f.Together, " / ")}
		}
		a.table([]string{"FIELD", out.A.Record.String(), out.B.Record.String(), "TOGETHER"}, rows)
		a.explain(&out.PairView)
	})
}

func (a *app) explain(p *links.PairView) {
	rows := [][]string{{"(odds beforehand)", "", weight(p.Prior)}}
	for _, e := range p.Evidence {
		rows = append(rows, []string{e.Field, e.Level, weight(e.Bits)})
	}
	rows = append(rows, []string{"match weight", p.State, weight(p.Bits)})
	a.table([]string{"COMPARED", "HOW", "BITS"}, rows)
	for _, e := range p.Events {
		a.say("%s: %s by %s %s", when(e.AtMS), e.Act, e.Actor, e.Reason)
	}
}

// decideFlags are a pair and why.
type decideFlags struct {
	pairArg `embed:""`
	Reason  string `enum:"compared,card-seen,asked,same-number,relatives,mistake" default:"compared" help:"Why: compared, card-seen, asked, same-number, relatives or mistake."`
}

func (c *decideFlags) decide(a *app, act string) error {
	q, err := c.query()
	if err != nil {
		return err
	}
	out, err := server.LinkDecide.Run(a.ctx, a.cfg, a.quiet(), server.LinkOrder{PairQuery: q, Act: act, Reason: c.Reason})
	if err != nil {
		return err
	}
	return a.show(out, func() {
		switch {
		case act == "alike":
			a.say("Linked %d pairs. Each is taken back with: thonsync link undo", out.Alike)
		case out.Pair.State == links.Linked:
			a.say("Linked. %d records are about this person now. Take it back with: thonsync link undo %s %s", len(out.Pair.Group), q.A, q.B)
		case out.Pair.State == links.Apart:
			a.say("Noted: not the same person. Take it back with: thonsync link undo %s %s", q.A, q.B)
		default:
			a.say("Taken back. Both records are as before.")
		}
	})
}

type linkConfirm struct {
	decideFlags `embed:""`
}

// Run links.
func (c *linkConfirm) Run(a *app) error { return c.decide(a, "link") }

type linkReject struct {
	decideFlags `embed:""`
}

// Run keeps apart.
func (c *linkReject) Run(a *app) error { return c.decide(a, "apart") }

type linkUndo struct {
	decideFlags `embed:""`
}

// Run takes back.
func (c *linkUndo) Run(a *app) error { return c.decide(a, "undo") }

type linkAlike struct {
	decideFlags `embed:""`
}

// Run links alike.
func (c *linkAlike) Run(a *app) error { return c.decide(a, "alike") }

type linkScan struct {
	Rebuild bool `help:"Make the index of persons anew first. Decisions stay."`
}

// Run scans.
func (c *linkScan) Run(a *app) error {
	out, err := server.LinkScanCommand.Run(a.ctx, a.cfg, a.quiet(), server.LinkScan{Rebuild: c.Rebuild})
	if err != nil {
		return err
	}
	return a.show(out, func() {
		a.say("%d records compared: %d pairs suggested, %d linked by one identity number, %d suggestions dropped, %d links reopened.",
			out.Compared, out.Suggested, out.Linked, out.Dropped, out.Reopened)
		a.say("Look at the suggestions with: thonsync link list")
	})
}

type linkHelped struct {
	Unit string `arg:"" placeholder:"LIST:CODE" help:"The unit."`
}

// Run counts persons.
func (c *linkHelped) Run(a *app) error {
	out, err := server.LinkHelped.Run(a.ctx, a.cfg, a.quiet(), server.UnitQuery{Unit: c.Unit})
	if err != nil {
		return err
	}
	return a.show(out, func() {
		a.say("%d activities about %d persons in %s.", out.Activities, out.Persons, c.Unit)
	})
}
