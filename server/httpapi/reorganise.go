package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"thonsync/server/reconcile/reorganise"
)

// Reorganiser plans and carries out reorganisations of the units. Implementations
// must be safe for concurrent use, and write down who does what before it is done.
type Reorganiser interface {
	Reorganisations(ctx context.Context) ([]reorganise.Reorganisation, error)
	Reorganisation(ctx context.Context, id uuid.UUID) (reorganise.Reorganisation, error)
	PlanReorganisation(ctx context.Context, p reorganise.Proposal) (reorganise.PlanResult, error)
	TouchedBy(ctx context.Context, id uuid.UUID, q reorganise.TouchedQuery) (items []reorganise.Touched, next string, err error)
	// TouchedFile gives all that one touches as a file of the form csv or xlsx.
	TouchedFile(ctx context.Context, id uuid.UUID, format, lang string) ([]byte, error)
	QueueOf(ctx context.Context, id uuid.UUID, q reorganise.Queue) (items []reorganise.ToBePlaced, next string, err error)
	ApplyReorganisation(ctx context.Context, id uuid.UUID, actor string) (reorganise.Reorganisation, error)
	// Place places things of split communes that lie in unit, "" for any.
	Place(ctx context.Context, id uuid.UUID, unit string, list []reorganise.Placement, actor string) (reorganise.Reorganisation, error)
	UndoReorganisation(ctx context.Context, id uuid.UUID, actor string) (reorganise.Reversal, error)
	DropReorganisation(ctx context.Context, id uuid.UUID) error
}

type reorganisationsOutput struct{ Body []reorganise.Reorganisation }

type reorganisationOutput struct{ Body reorganise.Reorganisation }

// ReorganisationPath names a reorganisation. It is exported because huma reads
// embedded parameters of exported types only.
type ReorganisationPath struct {
	ID uuid.UUID `path:"id" doc:"the reorganisation"`
}

type proposalInput struct {
	Body struct {
		Name      string `json:"name,omitempty" maxLength:"200"`
		Effective string `json:"effective,omitempty" maxLength:"10" doc:"first day of the new units, YYYY-MM-DD; by default that of the new list"`
		Units     []byte `json:"units,omitempty" doc:"the new list of units, CSV or XLSX, base64: columns list, code, level, type, name, parent, valid_from"`
		Lineage   []byte `json:"lineage,omitempty" doc:"where each old commune went, CSV or XLSX, base64: from_list, from_code, to_list, to_code, extent"`
		DryRun    bool   `json:"dry_run,omitempty" doc:"say what it would touch, and keep no plan"`
	}
}

type dryOutput struct{ Body reorganise.PlanResult }

type touchedInput struct {
	ReorganisationPath
	Kind  string `query:"kind" enum:"unit,village,team,phone,point,account,conflict,held,request" doc:"only this kind"`
	From  string `query:"from" maxLength:"128" doc:"only of this old unit, list:code"`
	After string `query:"cursor" maxLength:"32" doc:"next of the page before"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"200"`
}

type touchedOutput struct {
	Body struct {
		Items []reorganise.Touched `json:"items"`
		Next  string               `json:"next,omitempty" doc:"cursor of the next page; absent at the end"`
	}
}

type touchedFileInput struct {
	ReorganisationPath
	Format string `path:"format" enum:"csv,xlsx"`
	Lang   string `query:"lang" enum:"vi,en" default:"vi" doc:"language of the spreadsheet"`
}

type queueInput struct {
	ReorganisationPath
	Unit  string `query:"unit" maxLength:"128" doc:"only of split communes in this unit, list:code"`
	From  string `query:"from" maxLength:"128" doc:"only of this split commune, list:code"`
	Open  bool   `query:"open" doc:"only what has no place yet"`
	After string `query:"cursor" maxLength:"256" doc:"next of the page before"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"200"`
}

type queueOutput struct {
	Body struct {
		Items []reorganise.ToBePlaced `json:"items"`
		Next  string                  `json:"next,omitempty" doc:"cursor of the next page; absent at the end"`
	}
}

type placeInput struct {
	ReorganisationPath
	Unit string `query:"unit" maxLength:"128" doc:"only of split communes in this unit, list:code"`
	Body struct {
		Place []reorganise.Placement `json:"place,omitempty" maxItems:"500" doc:"what to place where; an empty to takes a placement back"`
	}
}

type undoneOutput struct{ Body reorganise.Reversal }

const reorganisationsPath = "/v1/reorganisations"

func (s *Server) registerReorganise() {
	r := s.opts.Reorganise
	op := func(id, method, path, summary, more string) huma.Operation {
		return declare(huma.Operation{
			OperationID: id, Method: method, Path: reorganisationsPath + path, Tags: []string{"reorganisation"}, Summary: summary, Description: more,
		})
	}
	huma.Register(s.api, op("reorganisations", http.MethodGet, "", "Reorganisations, the one planned last first", ""),
		func(ctx context.Context, _ *empty) (*reorganisationsOutput, error) {
			list, err := r.Reorganisations(ctx)
			return answerOr(s, ctx, &reorganisationsOutput{list}, err)
		})
	huma.Register(s.api, op("reorganisation-plan", http.MethodPost, "", "Plan a reorganisation and count what it touches",
		"Nothing changes before it is applied. With problems no plan is kept."),
		func(ctx context.Context, in *proposalInput) (*dryOutput, error) {
			b := &in.Body
			d, err := r.PlanReorganisation(ctx, reorganise.Proposal{Name: b.Name, Effective: b.Effective, Units: b.Units, Lineage: b.Lineage, DryRun: b.DryRun})
			return answerOr(s, ctx, &dryOutput{d}, err)
		})
	huma.Register(s.api, op("reorganisation", http.MethodGet, "/{id}", "One reorganisation", ""),
		func(ctx context.Context, in *ReorganisationPath) (*reorganisationOutput, error) {
			v, err := r.Reorganisation(ctx, in.ID)
			return answerOr(s, ctx, &reorganisationOutput{v}, err)
		})
	huma.Register(s.api, op("reorganisation-apply", http.MethodPost, "/{id}/apply", "Carry a plan out", "Applying again does nothing."),
		func(ctx context.Context, in *ReorganisationPath) (*reorganisationOutput, error) {
			v, err := r.ApplyReorganisation(ctx, in.ID, actorOf(ctx))
			return answerOr(s, ctx, &reorganisationOutput{v}, err)
		})
	huma.Register(s.api, op("reorganisation-undo", http.MethodPost, "/{id}/undo", "Take a reorganisation back", "What was recorded meanwhile stays and counts."),
		func(ctx context.Context, in *ReorganisationPath) (*undoneOutput, error) {
			u, err := r.UndoReorganisation(ctx, in.ID, actorOf(ctx))
			return answerOr(s, ctx, &undoneOutput{u}, err)
		})
	huma.Register(s.api, op("reorganisation-drop", http.MethodPost, "/{id}/drop", "Forget a plan that was never applied", ""),
		func(ctx context.Context, in *ReorganisationPath) (*empty, error) {
			return answerOr(s, ctx, &empty{}, r.DropReorganisation(ctx, in.ID))
		})
	s.registerTouched(op)
	s.registerQueue(op)
}

func (s *Server) registerTouched(op func(id, method, path, summary, more string) huma.Operation) {
	huma.Register(s.api, op("reorganisation-touched", http.MethodGet, "/{id}/touched", "What a reorganisation touches", "Holds no name of a person but those of accounts."),
		func(ctx context.Context, in *touchedInput) (*touchedOutput, error) {
			out := &touchedOutput{}
			var err error
			out.Body.Items, out.Body.Next, err = s.opts.Reorganise.TouchedBy(ctx, in.ID, reorganise.TouchedQuery{Kind: in.Kind, From: in.From, After: in.After, Limit: in.Limit})
			return answerOr(s, ctx, out, err)
		})
	huma.Register(s.api, op("reorganisation-touched-file", http.MethodGet, "/{id}/touched/{format}", "What a reorganisation touches, as a file", ""),
		func(ctx context.Context, in *touchedFileInput) (*fileOutput, error) {
			b, err := s.opts.Reorganise.TouchedFile(ctx, in.ID, in.Format, in.Lang)
			out := &fileOutput{ContentType: fileTypes[in.Format], Disposition: "attachment; filename=reorganisation." + in.Format, Body: b}
			return answerOr(s, ctx, out, err)
		})
}

func (s *Server) registerQueue(op func(id, method, path, summary, more string) huma.Operation) {
	huma.Register(s.api, op("reorganisation-queue", http.MethodGet, "/{id}/queue", "What has to be placed",
		"Villages, teams and points of split communes; an officer sees those of the units of the account."),
		func(ctx context.Context, in *queueInput) (*queueOutput, error) {
			out := &queueOutput{}
			unit, err := s.unitFor(ctx, in.Unit)
			if err != nil {
				return nil, s.hide(ctx, err)
			}
			q := reorganise.Queue{Unit: unit, From: in.From, Open: in.Open, After: in.After, Limit: in.Limit}
			out.Body.Items, out.Body.Next, err = s.opts.Reorganise.QueueOf(ctx, in.ID, q)
			return answerOr(s, ctx, out, err)
		})
	huma.Register(s.api, op("reorganisation-place", http.MethodPost, "/{id}/place", "Place what was split",
		"An officer places what lies in the units of the account."),
		func(ctx context.Context, in *placeInput) (*reorganisationOutput, error) {
			unit, err := s.unitFor(ctx, in.Unit)
			if err != nil {
				return nil, s.hide(ctx, err)
			}
			v, err := s.opts.Reorganise.Place(ctx, in.ID, unit, in.Body.Place, actorOf(ctx))
			return answerOr(s, ctx, &reorganisationOutput{v}, err)
		})
}

// answerOr gives an answer, or the problem that an error makes.
func answerOr[T any](s *Server, ctx context.Context, out *T, err error) (*T, error) { //nolint:revive // a method cannot have a type parameter
	if err != nil {
		return nil, s.hide(ctx, err)
	}
	return out, nil
}

// actorOf names who sends a request in the access log.
func actorOf(ctx context.Context) string {
	c, _ := CallerOf(ctx)
	return c.Actor()
}
