package server

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/google/uuid"

	"thonsync/server/audit"
	"thonsync/server/httpapi"
	"thonsync/server/imports"
	"thonsync/server/ingest"
	"thonsync/server/report"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// worker serves which teams work over the JSON API.
type worker struct {
	*report.Service
	n *Node
}

var _ httpapi.Worker = worker{}

func (n *Node) worker() worker { return worker{n.ReportService(), n} }

// SetCriteria makes criteria hold from their first day on.
func (w worker) SetCriteria(ctx context.Context, c report.Criteria, actor string) error {
	b, err := json.Marshal([]report.Criteria{c})
	if err != nil {
		return err
	}
	return w.one(ctx, imports.Criteria, b, actor)
}

// SetTarget sets one target.
func (w worker) SetTarget(ctx context.Context, t report.Target, actor string) error {
	list, code, _ := syncproto.SplitUnitKey(t.Unit)
	var b bytes.Buffer
	c := csv.NewWriter(&b)
	err := c.WriteAll([][]string{{"list", "code", "measure", "value", "valid_from", "valid_to"},
		{list, code, t.Measure, strconv.Itoa(t.Value), t.From, t.To}})
	if err != nil {
		return err
	}
	return w.one(ctx, imports.Targets, b.Bytes(), actor)
}

// one imports a file of one row and fails with what is wrong in it.
func (w worker) one(ctx context.Context, what imports.What, file []byte, actor string) error {
	res, err := w.ImportWorking(ctx, what, file, false, actor)
	if err == nil && len(res.Bad) > 0 {
		b := res.Bad[0]
		return syncproto.Errorf(syncproto.CodeInvalidInput, "%s: %s", b.Column, b.Rule)
	}
	return err
}

// ImportWorking imports criteria, targets or trainings, and writes down who did.
func (w worker) ImportWorking(ctx context.Context, what imports.What, file []byte, dryRun bool, actor string) (imports.Result, error) {
	if w.n.role != credential.RoleCentre {
		return imports.Result{}, syncproto.Errorf(syncproto.CodeInvalidInput, "criteria, targets and trainings are set at the centre; a point gets them in its feed")
	}
	if !dryRun {
		if err := w.n.audit.Write(ctx, audit.Event{Actor: actor, Action: audit.WorkingSet, Object: string(what)}); err != nil {
			return imports.Result{}, err
		}
	}
	return imports.Run(ctx, w.n, what, file, imports.Options{DryRun: dryRun})
}

// OverviewRequest asks for the overview on the command line.
type OverviewRequest struct {
	Unit   string `json:"unit,omitempty"`
	Grain  string `json:"grain,omitempty"`
	Points int    `json:"points,omitempty"`
}

// OverviewCommand says how many teams work, over time, where not, and what would
// help.
var OverviewCommand = Register(Command[OverviewRequest, *report.Overview]{
	Name: "overview",
	Do: func(ctx context.Context, n *Node, in OverviewRequest) (*report.Overview, error) {
		return n.ReportService().Overview(ctx, report.TrendQuery{Unit: in.Unit, Grain: in.Grain, Points: in.Points})
	},
})

// UnitRequest names a unit and perhaps a month.
type UnitRequest struct {
	Unit  string `json:"unit,omitempty"`
	Month string `json:"month,omitempty"`
}

// UnitCommand shows a unit with those below it.
var UnitCommand = Register(Command[UnitRequest, *report.UnitView]{
	Name: "unit",
	Do: func(ctx context.Context, n *Node, in UnitRequest) (*report.UnitView, error) {
		return n.ReportService().Unit(ctx, in.Unit, in.Month)
	},
})

// TeamRequest names a team.
type TeamRequest struct {
	ID uuid.UUID `json:"id"`
}

// TeamCommand shows one team.
var TeamCommand = Register(Command[TeamRequest, *report.TeamView]{
	Name: "team",
	Do: func(ctx context.Context, n *Node, in TeamRequest) (*report.TeamView, error) {
		return n.ReportService().Team(ctx, in.ID)
	},
})

// CriteriaState is the criteria that hold now with all that ever held.
type CriteriaState struct {
	Now     report.Criteria   `json:"now"`
	History []report.Criteria `json:"history"`
}

// CriteriaCommand shows them.
var CriteriaCommand = Register(Command[None, CriteriaState]{
	Name: "criteria",
	Do: func(ctx context.Context, n *Node, _ None) (out CriteriaState, err error) {
		out.History, out.Now, err = n.ReportService().CriteriaHistory(ctx)
		return out, err
	},
})

// CriteriaSetCommand makes criteria hold from their first day on.
var CriteriaSetCommand = Register(Command[report.Criteria, None]{
	Name: "criteria.set",
	Do: func(ctx context.Context, n *Node, in report.Criteria) (None, error) {
		return None{}, n.worker().SetCriteria(ctx, in, audit.Console)
	},
})

// TargetsCommand lists targets with progress.
var TargetsCommand = Register(Command[UnitRequest, []report.Progress]{
	Name: "targets",
	Do: func(ctx context.Context, n *Node, in UnitRequest) ([]report.Progress, error) {
		return n.ReportService().Targets(ctx, in.Unit)
	},
})

// TargetSetCommand sets one target.
var TargetSetCommand = Register(Command[report.Target, None]{
	Name: "target.set",
	Do: func(ctx context.Context, n *Node, in report.Target) (None, error) {
		return None{}, n.worker().SetTarget(ctx, in, audit.Console)
	},
})

// ProjectionState says whether what is counted ahead is what the records say.
type ProjectionState struct {
	Exact       bool     `json:"exact"`
	Differences []string `json:"differences"`
}

// maxDifferences bounds how many differences are named.
const maxDifferences = 20

// ProjectionVerify proves that what is counted ahead equals a recount.
var ProjectionVerify = Register(Command[None, ProjectionState]{
	Name: "projection.verify",
	Do: func(ctx context.Context, n *Node, _ None) (ProjectionState, error) {
		off, err := ingest.CheckTallies(ctx, n.store, maxDifferences)
		if off == nil {
			off = []string{}
		}
		return ProjectionState{len(off) == 0, off}, err
	},
})

// ProjectionRebuild counts everything anew from the records.
var ProjectionRebuild = Register(Command[None, ProjectionState]{
	Name: "projection.rebuild",
	Do: func(ctx context.Context, n *Node, _ None) (ProjectionState, error) {
		if err := n.ingest.Recount(ctx); err != nil {
			return ProjectionState{}, err
		}
		return ProjectionVerify.Do(ctx, n, None{})
	},
})

// checkTallies is Doctor's look at what is counted ahead.
func (n *Node) checkTallies(ctx context.Context) Check {
	off, err := ingest.CheckTallies(ctx, n.store, 1)
	switch {
	case err != nil:
		return Check{"projection", false, err.Error(), "run `thonsync verify`"}
	case len(off) > 0:
		return Check{"projection", false, fmt.Sprintf("reports would count wrongly: %s", off[0]), "run `thonsync projection rebuild`"}
	}
	return Check{Name: "projection", OK: true, Detail: "what reports count ahead is what the records say"}
}
