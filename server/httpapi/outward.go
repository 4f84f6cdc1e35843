package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"thonsync/server/accounts"
	"thonsync/server/outward"
)

// Outward serves other systems. Units nil means everything. Implementations must
// be safe for concurrent use and write down who changes what before it is done.
type Outward interface {
	// Changes gives a page of the change feed; CodeInvalidInput for a cursor that
	// is none.
	Changes(ctx context.Context, cursor string, units []string, limit int) (*outward.Page, error)
	Tokens(ctx context.Context) ([]accounts.Token, error)
	// NewToken gives the token once.
	NewToken(ctx context.Context, actor string, d accounts.TokenDraft) (made accounts.Token, secret string, err error)
	RevokeToken(ctx context.Context, actor string, id uuid.UUID) error
}

type changesInput struct {
	After string `query:"after" maxLength:"128" doc:"next of the page before; absent to begin from the start"`
	Unit  string `query:"unit" maxLength:"128" doc:"only what lies in this unit, list:code"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"200"`
}

type changesOutput struct{ Body *outward.Page }

type tokensOutput struct{ Body []accounts.Token }

type tokenInput struct {
	Body struct {
		Name  string          `json:"name,omitempty" maxLength:"256" doc:"which system it is for"`
		Units []string        `json:"units,omitempty" maxItems:"200" doc:"list:code; none for the whole server"`
		Parts []accounts.Part `json:"parts,omitempty" maxItems:"10" doc:"what it may read: reports, health, changes, status"`
		Days  int             `json:"days,omitempty" maximum:"732" doc:"how long it is valid"`
	}
}

// NewToken is a token that was made; Secret is shown this once.
type NewToken struct {
	accounts.Token
	Secret string `json:"token" doc:"for the header Authorization: Bearer; it is not shown again"`
}

type newTokenOutput struct{ Body NewToken }

// OutwardPath names a token or a webhook. It is exported because huma reads
// embedded parameters of exported types only.
type OutwardPath struct {
	ID uuid.UUID `path:"id"`
}

func (s *Server) registerOutward() {
	o := s.opts.Outward
	huma.Register(s.api, declare(huma.Operation{
		OperationID: "changes", Method: http.MethodGet, Path: "/v1/changes", Tags: []string{"outward"}, Summary: "What changed, for other systems",
		Description: "Records as they are now, each told again whenever it changes; retracted, erased and moved ones as tombstones. " +
			"Every change is told at least once to whoever stores a page before going on with its cursor, also across a restore of this server. " +
			"Operational values only: never who a citizen or a member is.",
	}), func(ctx context.Context, in *changesInput) (*changesOutput, error) {
		units, err := s.unitsFor(ctx, in.Unit)
		if err != nil {
			return nil, s.hide(ctx, err)
		}
		p, err := o.Changes(ctx, in.After, units, in.Limit)
		return answerOr(s, ctx, &changesOutput{p}, err)
	})
	huma.Register(s.api, declare(huma.Operation{
		OperationID: "tokens", Method: http.MethodGet, Path: "/v1/tokens", Tags: []string{"outward"}, Summary: "Tokens of other programs, the newest first",
	}), func(ctx context.Context, _ *empty) (*tokensOutput, error) {
		list, err := o.Tokens(ctx)
		return answerOr(s, ctx, &tokensOutput{append([]accounts.Token{}, list...)}, err)
	})
	huma.Register(s.api, declare(huma.Operation{
		OperationID: "token-new", Method: http.MethodPost, Path: "/v1/tokens", Tags: []string{"outward"}, Summary: "Make a token; it is shown once",
	}), func(ctx context.Context, in *tokenInput) (*newTokenOutput, error) {
		b := &in.Body
		made, secret, err := o.NewToken(ctx, actorOf(ctx), accounts.TokenDraft{Name: b.Name, Units: b.Units, Parts: b.Parts, Valid: time.Duration(b.Days) * 24 * time.Hour})
		return answerOr(s, ctx, &newTokenOutput{NewToken{made, secret}}, err)
	})
	huma.Register(s.api, declare(huma.Operation{
		OperationID: "token-revoke", Method: http.MethodPost, Path: "/v1/tokens/{id}/revoke", Tags: []string{"outward"}, Summary: "End a token at once",
	}), func(ctx context.Context, in *OutwardPath) (*empty, error) {
		return answerOr(s, ctx, &empty{}, o.RevokeToken(ctx, actorOf(ctx), in.ID))
	})
}
