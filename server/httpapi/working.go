package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"thonsync/server/imports"
	"thonsync/server/report"
	"thonsync/syncproto"
)

// Worker answers which teams work. Nothing that it gives is personal.
// Implementations must be safe for concurrent use.
type Worker interface {
	Overview(ctx context.Context, q report.TrendQuery) (*report.Overview, error)
	Trend(ctx context.Context, q report.TrendQuery) ([]report.Point, error)
	Unit(ctx context.Context, unit, month string) (*report.UnitView, error)
	// Team gives one team; CodeScope if there is none.
	Team(ctx context.Context, id uuid.UUID) (*report.TeamView, error)
	Activities(ctx context.Context, q report.ActivityQuery) (*report.ActivityPage, error)
	Targets(ctx context.Context, unit string) ([]report.Progress, error)
	CriteriaHistory(ctx context.Context) (history []report.Criteria, now report.Criteria, err error)
	// SetCriteria, SetTarget and ImportWorking write at the centre, and write down
	// who did.
	SetCriteria(ctx context.Context, c report.Criteria, actor string) error
	SetTarget(ctx context.Context, t report.Target, actor string) error
	ImportWorking(ctx context.Context, what imports.What, file []byte, dryRun bool, actor string) (imports.Result, error)
}

// TrendInput asks for a trend. It is exported because huma reads embedded
// parameters of exported types only.
type TrendInput struct {
	Unit   string `query:"unit" maxLength:"128" doc:"unit as list:code; by default all that the caller may see"`
	Grain  string `query:"grain" enum:"month,week" default:"month"`
	Points int    `query:"points" minimum:"1" maximum:"60" default:"12"`
}

type unitInput struct {
	Unit  string `path:"unit" maxLength:"128" doc:"unit as list:code"`
	Month string `query:"month" pattern:"^([0-9]{4}-(0[1-9]|1[0-2]))?$" doc:"YYYY-MM; by default the criteria's period until today"`
}

type unitsInput struct {
	Unit  string `query:"unit" maxLength:"128" doc:"unit as list:code; by default the units at the top, or the caller's own"`
	Month string `query:"month" pattern:"^([0-9]{4}-(0[1-9]|1[0-2]))?$" doc:"YYYY-MM; by default the criteria's period until today"`
}

type teamInput struct {
	ID uuid.UUID `path:"id"`
}

type activityInput struct {
	Unit   string `query:"unit" maxLength:"128" doc:"unit as list:code"`
	Team   string `query:"team" maxLength:"36" doc:"id of a team"`
	Kind   string `query:"kind" maxLength:"16"`
	Result string `query:"result" maxLength:"32"`
	From   string `query:"from" maxLength:"10" doc:"first day, YYYY-MM-DD"`
	To     string `query:"to" maxLength:"10" doc:"last day, YYYY-MM-DD"`
	State  string `query:"state" enum:"standing,void,waiting,conflict"`
	Cursor string `query:"cursor" maxLength:"36" doc:"next of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"50"`
}

type targetsInput struct {
	Unit string `query:"unit" maxLength:"128" doc:"unit as list:code"`
}

type (
	overviewOutput struct{ Body *report.Overview }
	trendOutput    struct{ Body []report.Point }
	unitOutput     struct{ Body *report.UnitView }
	teamOutput     struct{ Body *report.TeamView }
	targetsOutput  struct{ Body []report.Progress }
	activityOutput struct {
		Body struct {
			Items []report.ActivityItem `json:"items"`
			Next  string                `json:"next,omitempty" doc:"cursor of the next page; absent at the end. A page may be short although more follows"`
		}
	}
	criteriaOutput struct {
		Body struct {
			Now     report.Criteria   `json:"now" doc:"those that hold today"`
			History []report.Criteria `json:"history" doc:"all that ever held, the oldest first"`
		}
	}
	criteriaInput struct {
		Body struct {
			ID               string `json:"id,omitempty" maxLength:"64"`
			Version          int    `json:"version,omitempty"`
			ValidFrom        string `json:"valid_from,omitempty" maxLength:"10" doc:"first day, YYYY-MM-DD"`
			PeriodDays       int    `json:"period_days,omitempty"`
			MinActivities    int    `json:"min_activities,omitempty"`
			MinKinds         int    `json:"min_kinds,omitempty"`
			MinActiveMembers int    `json:"min_active_members,omitempty"`
			MaxDaysSinceSync int    `json:"max_days_since_sync,omitempty"`
		}
	}
	targetInput struct {
		Body struct {
			Unit    string `json:"unit,omitempty" maxLength:"128" doc:"list:code"`
			Measure string `json:"measure,omitempty" maxLength:"16" doc:"code of a kind, activities or working"`
			Value   int    `json:"value,omitempty" minimum:"0" maximum:"100000000"`
			From    string `json:"from,omitempty" maxLength:"10" doc:"first day, YYYY-MM-DD"`
			To      string `json:"to,omitempty" maxLength:"10" doc:"last day"`
		}
	}
	workingImport struct {
		What string `path:"what" enum:"criteria,targets,trainings"`
		Body struct {
			File   []byte `json:"file,omitempty" doc:"CSV, or JSON for criteria, base64"`
			DryRun bool   `json:"dry_run,omitempty"`
		}
	}
	importOutput struct{ Body imports.Result }
)

func (s *Server) registerWorking() {
	op := func(id, method, path, summary, more string) huma.Operation {
		return declare(huma.Operation{OperationID: id, Method: method, Path: path, Tags: []string{"working teams"}, Summary: summary, Description: more})
	}
	w := s.opts.Working
	huma.Register(s.api, op("overview", http.MethodGet, "/v1/overview", "How many teams work, over time, where not, and what would help", ""),
		func(ctx context.Context, in *TrendInput) (*overviewOutput, error) {
			unit, err := s.unitFor(ctx, in.Unit)
			if err != nil {
				return nil, s.hide(ctx, err)
			}
			o, err := w.Overview(ctx, report.TrendQuery{Unit: unit, Grain: in.Grain, Points: in.Points})
			return answerOr(s, ctx, &overviewOutput{o}, err)
		})
	huma.Register(s.api, op("trend", http.MethodGet, "/v1/trend", "Working teams over time", ""),
		func(ctx context.Context, in *TrendInput) (*trendOutput, error) {
			unit, err := s.unitFor(ctx, in.Unit)
			if err != nil {
				return nil, s.hide(ctx, err)
			}
			list, err := w.Trend(ctx, report.TrendQuery{Unit: unit, Grain: in.Grain, Points: in.Points})
			return answerOr(s, ctx, &trendOutput{list}, err)
		})
	s.registerUnits(op)
	s.registerActivity(op)
	s.registerTargets(op)
}

func (s *Server) registerUnits(op func(id, method, path, summary, more string) huma.Operation) {
	w := s.opts.Working
	huma.Register(s.api, op("units", http.MethodGet, "/v1/units", "The units at the top, or the caller's own", ""),
		func(ctx context.Context, in *unitsInput) (*unitOutput, error) {
			return s.unitView(ctx, in.Unit, in.Month)
		})
	huma.Register(s.api, op("unit", http.MethodGet, "/v1/units/{unit}", "One unit with those below it, and the teams of a commune or village", ""),
		func(ctx context.Context, in *unitInput) (*unitOutput, error) {
			return s.unitView(ctx, in.Unit, in.Month)
		})
	huma.Register(s.api, op("team", http.MethodGet, "/v1/teams/{id}", "One team: verdict, reasons, next step, phones, members without names", ""),
		func(ctx context.Context, in *teamInput) (*teamOutput, error) {
			t, err := w.Team(ctx, in.ID)
			if err == nil {
				_, err = s.unitFor(ctx, t.Unit)
			}
			return answerOr(s, ctx, &teamOutput{t}, err)
		})
}

func (s *Server) unitView(ctx context.Context, asked, month string) (*unitOutput, error) {
	unit, err := s.unitFor(ctx, asked)
	if err != nil {
		return nil, s.hide(ctx, err)
	}
	v, err := s.opts.Working.Unit(ctx, unit, month)
	if err == nil {
		// What lies above an officer's unit is not his to walk up to.
		keep := v.Path[:0]
		for _, u := range v.Path {
			if _, err := s.unitFor(ctx, u.Unit); err == nil {
				keep = append(keep, u)
			}
		}
		v.Path = keep
	}
	return answerOr(s, ctx, &unitOutput{v}, err)
}

func (s *Server) registerActivity(op func(id, method, path, summary, more string) huma.Operation) {
	huma.Register(s.api, op("activity", http.MethodGet, "/v1/activity", "Activities, the newest first, without anything personal", ""),
		func(ctx context.Context, in *activityInput) (*activityOutput, error) {
			q := report.ActivityQuery{Kind: in.Kind, Result: in.Result, From: in.From, To: in.To, State: in.State, Limit: in.Limit}
			var err error
			if q.Unit, err = s.unitFor(ctx, in.Unit); err != nil {
				return nil, s.hide(ctx, err)
			}
			for text, id := range map[*string]*uuid.UUID{&in.Team: &q.Team, &in.Cursor: &q.Before} {
				if *text == "" {
					continue
				}
				if *id, err = uuid.Parse(*text); err != nil {
					return nil, s.hide(ctx, syncproto.Errorf(syncproto.CodeInvalidInput, "team and cursor are ids as the API gives them"))
				}
			}
			page, err := s.opts.Working.Activities(ctx, q)
			out := &activityOutput{}
			if err == nil {
				if out.Body.Items = page.Items; page.Next != uuid.Nil {
					out.Body.Next = page.Next.String()
				}
			}
			return answerOr(s, ctx, out, err)
		})
}

func (s *Server) registerTargets(op func(id, method, path, summary, more string) huma.Operation) {
	w := s.opts.Working
	huma.Register(s.api, op("targets", http.MethodGet, "/v1/targets", "Targets of a unit and of those in it, with progress", ""),
		func(ctx context.Context, in *targetsInput) (*targetsOutput, error) {
			unit, err := s.unitFor(ctx, in.Unit)
			if err != nil {
				return nil, s.hide(ctx, err)
			}
			list, err := w.Targets(ctx, unit)
			return answerOr(s, ctx, &targetsOutput{list}, err)
		})
	huma.Register(s.api, op("target-set", http.MethodPost, "/v1/targets", "Set a target; one of the same unit, measure and first day is replaced", ""),
		func(ctx context.Context, in *targetInput) (*empty, error) {
			b := in.Body
			t := report.Target{Unit: b.Unit, Measure: b.Measure, Value: b.Value, From: b.From, To: b.To}
			return answerOr(s, ctx, &empty{}, w.SetTarget(ctx, t, actorOf(ctx)))
		})
	huma.Register(s.api, op("criteria", http.MethodGet, "/v1/criteria", "The criteria by which a team is said to work, with their history", ""),
		func(ctx context.Context, _ *empty) (*criteriaOutput, error) {
			out := &criteriaOutput{}
			var err error
			out.Body.History, out.Body.Now, err = w.CriteriaHistory(ctx)
			return answerOr(s, ctx, out, err)
		})
	huma.Register(s.api, op("criteria-set", http.MethodPost, "/v1/criteria", "Set criteria from a day on",
		"A month is judged by the criteria that held when it began; published months stay as they were told."),
		func(ctx context.Context, in *criteriaInput) (*empty, error) {
			return answerOr(s, ctx, &empty{}, w.SetCriteria(ctx, report.Criteria(in.Body), actorOf(ctx)))
		})
	huma.Register(s.api, op("working-import", http.MethodPost, "/v1/working/{what}/import", "Import criteria, targets or attendances at classes from a file", ""),
		func(ctx context.Context, in *workingImport) (*importOutput, error) {
			res, err := w.ImportWorking(ctx, imports.What(in.What), in.Body.File, in.Body.DryRun, actorOf(ctx))
			return answerOr(s, ctx, &importOutput{res}, err)
		})
}
