package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"thonsync/server/reconcile/links"
)

// Linker finds and decides on records that may be about the same citizen.
// Implementations must be safe for concurrent use, write down who sees personal
// fields or decides before it happens, and answer for pairs outside unit as for
// those that are not there. unit "" stands for everywhere.
type Linker interface {
	Pairs(ctx context.Context, q links.Query) (links.List, error)
	PairDetail(ctx context.Context, a, b uuid.UUID, unit string) (LinkDetail, error)
	DecidePair(ctx context.Context, a, b uuid.UUID, unit, act, reason string) (LinkDecided, error)
	ScanPairs(ctx context.Context) (links.Scanned, error)
	HelpedPersons(ctx context.Context, unit string) (links.Helped, error)
}

// LinkField is one personal field of both records of a pair.
type LinkField struct {
	Field    string   `json:"field"`
	A        string   `json:"a"`
	B        string   `json:"b"`
	Together []string `json:"together,omitempty" doc:"of linked records: the values that stand, the shown one first"`
}

// LinkDetail is a pair with its personal fields.
type LinkDetail struct {
	links.PairView
	Persons  []LinkField `json:"persons"`
	Survivor string      `json:"survivor,omitempty" doc:"of linked records: the earliest of them"`
}

// LinkDecided is what a decision has made of a pair.
type LinkDecided struct {
	Pair  links.PairView `json:"pair"`
	Alike int            `json:"alike,omitempty" doc:"pairs that were linked alike"`
}

type pairsInput struct {
	State  string `query:"state" enum:"suggested,linked,apart" doc:"only pairs in this state"`
	Exact  bool   `query:"exact" doc:"only pairs with one identity number"`
	Unit   string `query:"unit" maxLength:"128" doc:"only pairs both of whose records lie in this unit, list:code"`
	Cursor string `query:"cursor" maxLength:"72" doc:"next of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

type pairsOutput struct{ Body links.List }

// PairPath names a pair; which record comes first does not matter. It is
// exported because huma reads embedded parameters of exported types only.
type PairPath struct {
	ID    uuid.UUID `path:"id" doc:"one record"`
	Other uuid.UUID `path:"other" doc:"the other record"`
	Unit  string    `query:"unit" maxLength:"128" doc:"unit in which both records must lie, list:code"`
}

type pairOutput struct{ Body LinkDetail }

type decideInput struct {
	PairPath
	Body struct {
		Reason string `json:"reason,omitempty" enum:"compared,card-seen,asked,same-number,relatives,mistake" doc:"why; no free text, which could name somebody"`
	}
}

type decidedOutput struct{ Body LinkDecided }

type scannedOutput struct{ Body links.Scanned }

type helpedInput struct {
	Unit string `query:"unit" maxLength:"128" required:"true" doc:"unit, list:code"`
}

type helpedOutput struct{ Body links.Helped }

const linksPath = "/v1/links"

func (s *Server) registerLinks() {
	l := s.opts.Links
	op := func(id, method, path, summary, more string) huma.Operation {
		return declare(huma.Operation{OperationID: id, Method: method, Path: linksPath + path, Tags: []string{"links"}, Summary: summary, Description: more})
	}
	huma.Register(s.api, op("links", http.MethodGet, "", "Pairs of records that may be, are or are not about the same citizen",
		"By falling match weight. Names nobody. An officer sees pairs both of whose records lie in the units of the account."),
		func(ctx context.Context, in *pairsInput) (*pairsOutput, error) {
			unit, err := s.unitFor(ctx, in.Unit)
			if err != nil {
				return nil, s.hide(ctx, err)
			}
			list, err := l.Pairs(ctx, links.Query{State: in.State, Exact: in.Exact, Unit: unit, Cursor: in.Cursor, Limit: in.Limit})
			return answerOr(s, ctx, &pairsOutput{list}, err)
		})
	huma.Register(s.api, op("link", http.MethodGet, "/{id}/{other}", "One pair side by side, with its weight explained field by field",
		"Shows personal fields; that is in the access log before."),
		func(ctx context.Context, in *PairPath) (*pairOutput, error) {
			unit, err := s.unitFor(ctx, in.Unit)
			if err != nil {
				return nil, s.hide(ctx, err)
			}
			v, err := l.PairDetail(ctx, in.ID, in.Other, unit)
			return answerOr(s, ctx, &pairOutput{v}, err)
		})
	for _, act := range []struct{ name, summary, more string }{
		{"link", "Both records are about one person", "Touches neither record. Linking again does nothing."},
		{"apart", "Not the same person", "The pair is not suggested again."},
		{"undo", "Take the decision on a pair back", "Both records are as before."},
		{"alike", "Link all suggested pairs like this one", "Only pairs with one identity number whose fields all compare alike."},
	} {
		huma.Register(s.api, op("link-"+act.name, http.MethodPost, "/{id}/{other}/"+act.name, act.summary, act.more),
			func(ctx context.Context, in *decideInput) (*decidedOutput, error) {
				unit, err := s.unitFor(ctx, in.Unit)
				if err != nil {
					return nil, s.hide(ctx, err)
				}
				v, err := l.DecidePair(ctx, in.ID, in.Other, unit, act.name, in.Body.Reason)
				return answerOr(s, ctx, &decidedOutput{v}, err)
			})
	}
	huma.Register(s.api, op("links-scan", http.MethodPost, "/scan", "Compare now what is new or has changed", "This runs by itself, too."),
		func(ctx context.Context, _ *empty) (*scannedOutput, error) {
			v, err := l.ScanPairs(ctx)
			return answerOr(s, ctx, &scannedOutput{v}, err)
		})
	huma.Register(s.api, op("links-helped", http.MethodGet, "/helped", "Distinct persons helped in a unit",
		"Linked records count once, suggested pairs twice until somebody decides."),
		func(ctx context.Context, in *helpedInput) (*helpedOutput, error) {
			unit, err := s.unitFor(ctx, in.Unit)
			if err != nil {
				return nil, s.hide(ctx, err)
			}
			v, err := l.HelpedPersons(ctx, unit)
			return answerOr(s, ctx, &helpedOutput{v}, err)
		})
}
