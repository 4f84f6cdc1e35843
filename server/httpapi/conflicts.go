package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"thonsync/server/accounts"
	"thonsync/server/reconcile/conflicts"
)

// ConflictKeeper keeps the queue of contested fields. Implementations must be safe
// for concurrent use, answer CodeScope for what the viewer may not see, and write
// down that personal values are shown before they are.
type ConflictKeeper interface {
	List(ctx context.Context, v conflicts.Viewer, q conflicts.Query) (conflicts.QueuePage, error)
	Summary(ctx context.Context, v conflicts.Viewer, q conflicts.Query) (conflicts.QueueSummary, error)
	Show(ctx context.Context, v conflicts.Viewer, id uuid.UUID) (conflicts.ContestedRecord, error)
	Settled(ctx context.Context, v conflicts.Viewer, before uuid.UUID, limit int) ([]conflicts.Settling, error)
	Preview(ctx context.Context, v conflicts.Viewer, shape string) (conflicts.QueuePage, error)
	Settle(ctx context.Context, v conflicts.Viewer, in conflicts.SettleChoice) (conflicts.SettleResult, error)
	SettleAlike(ctx context.Context, v conflicts.Viewer, in conflicts.AlikeChoice) (conflicts.SettleResult, error)
	Undo(ctx context.Context, v conflicts.Viewer, id uuid.UUID) (conflicts.SettleResult, error)
	Ask(ctx context.Context, v conflicts.Viewer, in conflicts.TeamQuestion) (conflicts.AskedBack, error)
}

// conflictViewer gives for whom the queue is shown: an officer sees his units and
// operational fields, the province's operator everything. A point has no personal
// value to show.
func (s *Server) conflictViewer(ctx context.Context) (conflicts.Viewer, error) {
	c, ok := CallerOf(ctx)
	if !ok {
		return conflicts.Viewer{}, errSignIn
	}
	v := conflicts.Viewer{Actor: actorOf(ctx), Personal: c.Role == accounts.Province}
	if c.Role == accounts.Officer {
		v.Units = append([]string{}, c.Units...)
	}
	return v, nil
}

// ConflictFilter narrows the queue. It is exported because huma reads embedded
// parameters of exported types only.
type ConflictFilter struct {
	Unit   string `query:"unit" maxLength:"128" doc:"only this unit and what lies in it, list:code"`
	Field  string `query:"field" maxLength:"64"`
	Reason string `query:"reason" enum:",identity-number,fuller,officer,later,recorder,none" doc:"why a value is suggested; none where nothing is"`
	Shape  string `query:"shape" maxLength:"64"`
}

// conflictQuery refuses a unit that is not the caller's.
func (s *Server) conflictQuery(ctx context.Context, f *ConflictFilter) (conflicts.Query, error) {
	q := conflicts.Query{Unit: f.Unit, Field: f.Field, Reason: f.Reason, Shape: f.Shape}
	if f.Unit == "" {
		return q, nil
	}
	return q, s.own(ctx, f.Unit)
}

type conflictsInput struct {
	ConflictFilter
	After uuid.UUID `query:"after" doc:"next of the page before"`
	Limit int       `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

type (
	conflictPageOutput    struct{ Body conflicts.QueuePage }
	conflictSummaryOutput struct{ Body conflicts.QueueSummary }
	conflictRecordOutput  struct{ Body conflicts.ContestedRecord }
	settledOutput         struct{ Body []conflicts.Settling }
	settleOutput          struct{ Body conflicts.SettleResult }
	askedOutput           struct{ Body conflicts.AskedBack }
)

const conflictsPath = "/v1/conflicts"

// conflictRoute registers one route of the queue.
func conflictRoute[In, Out any](s *Server, id, method, path, summary, more string, f func(context.Context, conflicts.Viewer, *In) (*Out, error)) {
	op := declare(huma.Operation{
		OperationID: id, Method: method, Path: conflictsPath + path, Tags: []string{"conflicts"}, Summary: summary, Description: more,
	})
	huma.Register(s.api, op, func(ctx context.Context, in *In) (*Out, error) {
		v, err := s.conflictViewer(ctx)
		if err != nil {
			return nil, err
		}
		out, err := f(ctx, v, in)
		return answerOr(s, ctx, out, err)
	})
}

func (s *Server) registerConflicts() {
	s.registerConflictReads()
	k := s.opts.Conflicts
	conflictRoute(s, "conflict-settle", http.MethodPost, "/settle", "Settle one conflict",
		"Writes a change that supersedes all standing values. Repeating it changes nothing. At a point nothing is settled.",
		func(ctx context.Context, v conflicts.Viewer, in *struct{ Body conflicts.SettleChoice }) (*settleOutput, error) {
			done, err := k.Settle(ctx, v, in.Body)
			return &settleOutput{done}, err
		})
	conflictRoute(s, "conflict-settle-alike", http.MethodPost, "/settle-alike", "Settle conflicts of one shape as a preview listed them",
		"What has changed since the preview is left as it is and named.",
		func(ctx context.Context, v conflicts.Viewer, in *struct{ Body conflicts.AlikeChoice }) (*settleOutput, error) {
			done, err := k.SettleAlike(ctx, v, in.Body)
			return &settleOutput{done}, err
		})
	conflictRoute(s, "conflict-undo", http.MethodPost, "/settled/{id}/undo", "Take back what was settled, by the id of one or of a batch",
		"The former values stand again; refused where somebody has written the field since.",
		func(ctx context.Context, v conflicts.Viewer, in *struct {
			ID uuid.UUID `path:"id"`
		},
		) (*settleOutput, error) {
			done, err := k.Undo(ctx, v, in.ID)
			return &settleOutput{done}, err
		})
	conflictRoute(s, "conflict-ask", http.MethodPost, "/ask", "Ask the team back about a field",
		"The question travels down to the team's phones, in words of a short list.",
		func(ctx context.Context, v conflicts.Viewer, in *struct{ Body conflicts.TeamQuestion }) (*askedOutput, error) {
			q, err := k.Ask(ctx, v, in.Body)
			return &askedOutput{q}, err
		})
}

func (s *Server) registerConflictReads() {
	k := s.opts.Conflicts
	conflictRoute(s, "conflicts", http.MethodGet, "", "Contested fields and retractions, by record", "Values of personal fields are left out.",
		func(ctx context.Context, v conflicts.Viewer, in *conflictsInput) (*conflictPageOutput, error) {
			q, err := s.conflictQuery(ctx, &in.ConflictFilter)
			if err != nil {
				return nil, err
			}
			q.After, q.Limit = in.After, in.Limit
			page, err := k.List(ctx, v, q)
			return &conflictPageOutput{page}, err
		})
	conflictRoute(s, "conflict-summary", http.MethodGet, "/summary", "How much is contested, by shape", "",
		func(ctx context.Context, v conflicts.Viewer, in *struct{ ConflictFilter }) (*conflictSummaryOutput, error) {
			q, err := s.conflictQuery(ctx, &in.ConflictFilter)
			if err != nil {
				return nil, err
			}
			sum, err := k.Summary(ctx, v, q)
			return &conflictSummaryOutput{sum}, err
		})
	conflictRoute(s, "conflict-record", http.MethodGet, "/records/{id}", "What is contested in one record, what was asked and settled",
		"Shows values of personal fields to province operators at the centre; that is in the access log first.",
		func(ctx context.Context, v conflicts.Viewer, in *struct {
			ID uuid.UUID `path:"id"`
		},
		) (*conflictRecordOutput, error) {
			shown, err := k.Show(ctx, v, in.ID)
			return &conflictRecordOutput{shown}, err
		})
	conflictRoute(s, "conflict-preview", http.MethodGet, "/shapes/{shape}", "The conflicts of one shape with their values, for settling them alike", "",
		func(ctx context.Context, v conflicts.Viewer, in *struct {
			Shape string `path:"shape" maxLength:"64"`
		},
		) (*conflictPageOutput, error) {
			page, err := k.Preview(ctx, v, in.Shape)
			return &conflictPageOutput{page}, err
		})
	conflictRoute(s, "conflicts-settled", http.MethodGet, "/settled", "What was settled, the last first", "",
		func(ctx context.Context, v conflicts.Viewer, in *struct {
			Before uuid.UUID `query:"before" doc:"id of the last one of the page before"`
			Limit  int       `query:"limit" minimum:"1" maximum:"200" default:"50"`
		},
		) (*settledOutput, error) {
			list, err := k.Settled(ctx, v, in.Before, in.Limit)
			return &settledOutput{list}, err
		})
}
