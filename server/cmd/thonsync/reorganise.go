package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"thonsync/server"
	"thonsync/server/reconcile/reorganise"
	"thonsync/syncproto"
)

type reorganiseCmd struct {
	Plan  reorganisePlan  `cmd:"" help:"Plan from the new list of units and the lineage, and name whom it touches. Nothing changes yet."`
	List  reorganiseList  `cmd:"" help:"List reorganisations."`
	Show  reorganiseShow  `cmd:"" help:"Show one and all that it touches: units, villages, teams, phones, points, accounts, open records."`
	Apply reorganiseApply `cmd:"" help:"Carry a plan out. What went over as a whole follows by itself."`
	Queue reorganiseQueue `cmd:"" help:"List the villages, teams and points of split communes, which a person places."`
	Place reorganisePlace `cmd:"" help:"Place villages, teams or points."`
	Undo  reorganiseUndo  `cmd:"" help:"Take it back. What was recorded meanwhile stays and counts."`
	Drop  reorganiseDrop  `cmd:"" help:"Forget a plan that was never applied."`
}

// touchedFlags say where to write what is touched.
type touchedFlags struct {
	Out  string `type:"path" placeholder:"FILE" help:"Write all that it touches to a file; its name ends in .csv or .xlsx."`
	Lang string `default:"vi" enum:"vi,en" help:"Language of a spreadsheet."`
}

func (f *touchedFlags) format() (string, error) {
	switch ext := strings.ToLower(filepath.Ext(f.Out)); {
	case f.Out == "":
		return "", nil
	case ext == ".csv", ext == ".xlsx":
		return ext[1:], nil
	}
	return "", syncproto.Errorf(syncproto.CodeInvalidInput, "--out: the file's name must end in .csv or .xlsx")
}

func (f *touchedFlags) write(file []byte) error {
	if f.Out == "" {
		return nil
	}
	if err := os.WriteFile(f.Out, file, 0o600); err != nil {
		return fmt.Errorf("writing what is touched: %w", err)
	}
	return nil
}

type reorganisePlan struct {
	Units        string `arg:"" type:"existingfile" help:"The new list: columns list, code, level, type, name, parent, valid_from (CSV or XLSX)."`
	Lineage      string `arg:"" type:"existingfile" help:"Where each old commune went: from_list, from_code, to_list, to_code, extent (CSV or XLSX)."`
	Name         string `help:"What to call it."`
	Effective    string `placeholder:"YYYY-MM-DD" help:"First day of the new units; by default that of the new list."`
	DryRun       bool   `help:"Keep no plan."`
	All          bool   `help:"Print all that it touches."`
	touchedFlags `embed:""`
}

// Run plans.
func (c *reorganisePlan) Run(a *app) error {
	in := server.ReorganiseProposal{Lang: c.Lang, Proposal: reorganise.Proposal{Name: c.Name, Effective: c.Effective, DryRun: c.DryRun, List: c.All}}
	var err error
	if in.Format, err = c.format(); err != nil {
		return err
	}
	for path, into := range map[string]*[]byte{c.Units: &in.Units, c.Lineage: &in.Lineage} {
		if *into, err = os.ReadFile(path); err != nil {
			return fmt.Errorf("reading the tables: %w", err)
		}
	}
	out, err := server.ReorganisePlan.Run(a.ctx, a.cfg, a.quiet(), in)
	if err != nil {
		return err
	}
	if err := c.write(out.File); err != nil {
		return err
	}
	out.File = nil
	return a.show(out, func() { a.planned(&out.PlanResult) })
}

func (a *app) planned(d *reorganise.PlanResult) {
	for i, p := range d.Problems {
		if i == 20 {
			a.say("  ... and %d more", len(d.Problems)-i)
			break
		}
		a.say("  %s, row %d %s: %s", p.Table, p.Row, p.Column, p.Rule)
	}
	v := &d.Plan
	a.say("%s: list %s becomes %s on %s. %d units end, %d begin, %d communes are split.", v.Name, v.FromList, v.ToList, v.Effective, v.Ended, v.Made, v.Split)
	if v.Elsewhere > 0 {
		a.say("%d communes of the table are not known here and are passed over.", v.Elsewhere)
	}
	a.counts(d.Counts)
	if len(d.Touched) > 0 {
		a.touched(d.Touched)
	}
	switch {
	case len(d.Problems) > 0:
		a.say("No plan was kept: mend the tables and plan again.")
	case d.DryRun:
		a.say("Dry run: no plan was kept.")
	default:
		a.say("Plan %s. Carry it out with: thonsync reorganise apply %s", v.ID, v.ID)
	}
}

func (a *app) counts(list []reorganise.TouchedCount) {
	rows := make([][]string, len(list))
	for i, n := range list {
		rows[i] = []string{n.Kind, actionText(n.Action), strconv.Itoa(n.Number)}
	}
	a.table([]string{"TOUCHED", "WHAT BECOMES OF IT", "NUMBER"}, rows)
}

func actionText(action string) string {
	switch action {
	case reorganise.Follows:
		return "follows by itself"
	case reorganise.ToPlace:
		return "a person has to place it"
	case reorganise.Ends:
		return "ends without a successor"
	}
	return "keeps its old unit"
}

func (a *app) touched(list []reorganise.Touched) {
	rows := make([][]string, len(list))
	for i, t := range list {
		rows[i] = []string{t.Kind, t.Name, t.UnitName, t.Unit, actionText(t.Action), t.ToName, t.To, t.ID}
	}
	a.table([]string{"KIND", "NAME", "NOW IN", "UNIT", "WHAT BECOMES OF IT", "GOES TO", "NEW UNIT", "ID"}, rows)
}

// reorganisationArg names a reorganisation.
type reorganisationArg struct {
	ID string `arg:"" placeholder:"UUID" help:"The reorganisation, from thonsync reorganise list."`
}

func (r *reorganisationArg) id() (uuid.UUID, error) {
	id, err := uuid.Parse(r.ID)
	if err != nil {
		return id, syncproto.Errorf(syncproto.CodeInvalidInput, "the reorganisation is no UUID: copy it from `thonsync reorganise list`")
	}
	return id, nil
}

type reorganiseList struct{}

// Run lists.
func (reorganiseList) Run(a *app) error {
	list, err := server.ReorganiseList.Run(a.ctx, a.cfg, a.quiet(), server.None{})
	if err != nil {
		return err
	}
	return a.show(list, func() { a.reorganisations(list) })
}

func (a *app) reorganisations(list []reorganise.Reorganisation) {
	rows := make([][]string, len(list))
	for i, v := range list {
		rows[i] = []string{v.ID.String(), v.Name, v.FromList + " -> " + v.ToList, v.Effective, v.State, fmt.Sprintf("%d of %d", v.Placed, v.Placed+v.ToPlace)}
	}
	a.table([]string{"REORGANISATION", "NAME", "LISTS", "FROM", "STATE", "PLACED"}, rows)
}

type reorganiseShow struct {
	reorganisationArg `embed:""`
	Kind              string `placeholder:"KIND" help:"Only units, villages ... : unit, village, team, phone, point, account, conflict, held, request."`
	touchedFlags      `embed:""`
}

// Run shows.
func (c *reorganiseShow) Run(a *app) error {
	id, err := c.id()
	if err != nil {
		return err
	}
	in := server.ReorganiseTouch{ID: id, Kind: c.Kind, Lang: c.Lang}
	if in.Format, err = c.format(); err != nil {
		return err
	}
	out, err := server.ReorganiseShow.Run(a.ctx, a.cfg, a.quiet(), in)
	if err != nil {
		return err
	}
	if err := c.write(out.File); err != nil {
		return err
	}
	out.File = nil
	return a.show(out, func() {
		a.reorganisations([]reorganise.Reorganisation{out.Plan})
		a.touched(out.Touched)
	})
}

type reorganiseApply struct {
	reorganisationArg `embed:""`
}

// Run applies.
func (c *reorganiseApply) Run(a *app) error {
	id, err := c.id()
	if err != nil {
		return err
	}
	v, err := server.ReorganiseApply.Run(a.ctx, a.cfg, a.quiet(), server.ReorganisationID{ID: id})
	if err != nil {
		return err
	}
	return a.show(v, func() {
		a.say("Applied. Phones and points follow at their next exchange; nobody has to touch them.")
		if v.ToPlace > 0 {
			a.say("%d villages, teams and points of split communes wait to be placed: thonsync reorganise queue %s", v.ToPlace, v.ID)
		}
	})
}

type reorganiseQueue struct {
	reorganisationArg `embed:""`
	From              string `placeholder:"LIST:CODE" help:"Only of this split commune."`
	Open              bool   `help:"Only what has no place yet."`
}

// Run lists the queue.
func (c *reorganiseQueue) Run(a *app) error {
	id, err := c.id()
	if err != nil {
		return err
	}
	list, err := server.ReorganiseQueue.Run(a.ctx, a.cfg, a.quiet(), server.ReorganiseQueueQuery{ID: id, From: c.From, Open: c.Open})
	if err != nil {
		return err
	}
	return a.show(list, func() {
		rows := make([][]string, len(list))
		for i, it := range list {
			var may []string
			for _, x := range it.Candidates {
				may = append(may, x.Unit+" "+x.Name)
			}
			rows[i] = []string{it.Subject, it.Name, it.FromName, strings.Join(may, " | "), it.ToName}
		}
		a.table([]string{"SUBJECT", "NAME", "OLD COMMUNE", "MAY GO TO", "PLACED IN"}, rows)
	})
}

type reorganisePlace struct {
	reorganisationArg `embed:""`
	Place             []string `arg:"" placeholder:"SUBJECT=LIST:CODE" help:"What to place where, from reorganise queue; SUBJECT= takes a placement back."`
}

// Run places.
func (c *reorganisePlace) Run(a *app) error {
	id, err := c.id()
	if err != nil {
		return err
	}
	in := server.ReorganisePlacement{ID: id}
	for _, p := range c.Place {
		subject, to, ok := strings.Cut(p, "=")
		if !ok || subject == "" {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "%q is no placement: write SUBJECT=LIST:CODE, as `thonsync reorganise queue` shows them", p)
		}
		in.Place = append(in.Place, reorganise.Placement{Subject: subject, To: to})
	}
	v, err := server.ReorganisePlace.Run(a.ctx, a.cfg, a.quiet(), in)
	if err != nil {
		return err
	}
	return a.show(v, func() { a.say("%d of %d are placed.", v.Placed, v.Placed+v.ToPlace) })
}

type reorganiseUndo struct {
	reorganisationArg `embed:""`
}

// Run takes a reorganisation back.
func (c *reorganiseUndo) Run(a *app) error {
	id, err := c.id()
	if err != nil {
		return err
	}
	out, err := server.ReorganiseUndo.Run(a.ctx, a.cfg, a.quiet(), server.ReorganisationID{ID: id})
	if err != nil {
		return err
	}
	return a.show(out, func() {
		a.say("Undone: %d records are as they were. What was recorded meanwhile stays and counts.", out.Restored)
		for _, id := range out.Left {
			a.say("Record %s was changed by somebody else since and stays as it is now.", id)
		}
		for _, u := range out.Orphans {
			a.say("Unit %s was made below a unit that is now retracted: import it again with the commune it lies in.", u)
		}
	})
}

type reorganiseDrop struct {
	reorganisationArg `embed:""`
}

// Run forgets a plan.
func (c *reorganiseDrop) Run(a *app) error {
	id, err := c.id()
	if err != nil {
		return err
	}
	if _, err = server.ReorganiseDrop.Run(a.ctx, a.cfg, a.quiet(), server.ReorganisationID{ID: id}); err != nil {
		return err
	}
	return a.show(server.ReorganisationID{ID: id}, func() { a.say("The plan is forgotten.") })
}
