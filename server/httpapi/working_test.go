package httpapi

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"thonsync/server/imports"
	"thonsync/server/report"
	"thonsync/syncproto"
)

// worker answers with nothing, for the unit that it was asked about.
type worker struct{}

var knownTeam = uuid.MustParse("01920000-0000-7000-8000-000000000001")

func (worker) Overview(_ context.Context, q report.TrendQuery) (*report.Overview, error) {
	return &report.Overview{Unit: q.Unit}, nil
}
func (worker) Trend(context.Context, report.TrendQuery) ([]report.Point, error) { return nil, nil }
func (worker) Unit(_ context.Context, unit, _ string) (*report.UnitView, error) {
	return &report.UnitView{Total: report.UnitLine{Unit: unit}, Path: []report.UnitRef{{Unit: "list:0"}}}, nil
}
func (worker) Team(_ context.Context, id uuid.UUID) (*report.TeamView, error) {
	if id != knownTeam {
		return nil, syncproto.Errorf(syncproto.CodeScope, "there is no such team")
	}
	return &report.TeamView{TeamLine: report.TeamLine{Team: &report.Team{ID: id, Unit: "list:1"}}}, nil
}
func (worker) Activities(context.Context, report.ActivityQuery) (*report.ActivityPage, error) {
	return &report.ActivityPage{}, nil
}
func (worker) Targets(context.Context, string) ([]report.Progress, error) { return nil, nil }
func (worker) CriteriaHistory(context.Context) (h []report.Criteria, now report.Criteria, err error) {
	return nil, now, nil
}
func (worker) SetCriteria(context.Context, report.Criteria, string) error { return nil }
func (worker) SetTarget(context.Context, report.Target, string) error     { return nil }
func (worker) ImportWorking(context.Context, imports.What, []byte, bool, string) (imports.Result, error) {
	return imports.Result{}, nil
}

// A team of another unit is as absent as one that never was.
func TestForeignTeamIsAsAbsent(t *testing.T) {
	s, _ := newStand(t)
	officer := []string{"Cookie", SessionCookie + "=officer.list:2"}
	foreign := ask(t, s, "GET", "/v1/teams/"+knownTeam.String(), officer...)
	absent := ask(t, s, "GET", "/v1/teams/01920000-0000-7000-8000-0000000000ff", officer...)
	if foreign.StatusCode != 404 || absent.StatusCode != 404 {
		t.Errorf("foreign %d, absent %d, want 404", foreign.StatusCode, absent.StatusCode)
	}
	own := ask(t, s, "GET", "/v1/teams/"+knownTeam.String(), "Cookie", SessionCookie+"=officer.list:1")
	if own.StatusCode != 200 {
		t.Errorf("own team: %d", own.StatusCode)
	}
}
