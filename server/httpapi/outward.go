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

	Webhooks(ctx context.Context) ([]Webhook, error)
	AddWebhook(ctx context.Context, actor string, d WebhookDraft) (NewWebhook, error)
	// ChangeWebhook does HookPause, HookResume, HookTest or HookDelete.
	ChangeWebhook(ctx context.Context, actor string, id uuid.UUID, what string) error
	// Deliveries lists the newest first; uuid.Nil for those of all webhooks.
	Deliveries(ctx context.Context, hook uuid.UUID, state string, limit int) ([]Delivery, error)
	RetryDelivery(ctx context.Context, actor string, id uuid.UUID) error
}

// What can be done to a webhook.
const (
	HookPause  = "pause"
	HookResume = "resume"
	HookTest   = "test"
	HookDelete = "delete"
)

// Webhook is somebody who is told of events.
type Webhook struct {
	ID     uuid.UUID `json:"id"`
	Name   string    `json:"name"`
	URL    string    `json:"url"`
	Events []string  `json:"events"`
	MadeMS int64     `json:"made_ms"`
	Paused bool      `json:"paused"`
}

// WebhookDraft says who is to be told of what.
type WebhookDraft struct {
	Name   string   `json:"name,omitempty" maxLength:"256"`
	URL    string   `json:"url,omitempty" maxLength:"2000" doc:"https://"`
	Events []string `json:"events,omitempty" maxItems:"40" doc:"kinds of findings, as /v1/health names them"`
}

// NewWebhook is a webhook that was made; Secret is shown this once.
type NewWebhook struct {
	Webhook
	Secret string `json:"secret" doc:"checks the header webhook-signature, after the Standard Webhooks; it is not shown again"`
}

// Delivery is one event for one webhook.
type Delivery struct {
	ID       uuid.UUID `json:"id" doc:"the header webhook-id: the same whenever it is tried"`
	Webhook  uuid.UUID `json:"webhook"`
	Event    string    `json:"event"`
	State    string    `json:"state" enum:"waiting,done,dead"`
	MadeMS   int64     `json:"made_ms"`
	NextMS   int64     `json:"next_ms" doc:"when it is tried next"`
	Attempts int       `json:"attempts"`
	Answer   string    `json:"answer" doc:"of the last attempt"`
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

type webhooksOutput struct{ Body []Webhook }

type webhookInput struct{ Body WebhookDraft }

type newWebhookOutput struct{ Body NewWebhook }

type webhookChangeInput struct {
	OutwardPath
	What string `path:"what" maxLength:"16" doc:"pause, resume, test or delete"`
}

type deliveriesInput struct {
	Webhook uuid.UUID `query:"webhook" doc:"only of this one"`
	State   string    `query:"state" enum:"waiting,done,dead"`
	Limit   int       `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type deliveriesOutput struct{ Body []Delivery }

func (s *Server) registerWebhooks() {
	o := s.opts.Outward
	op := func(id, method, path, summary string) huma.Operation {
		return declare(huma.Operation{OperationID: id, Method: method, Path: path, Tags: []string{"outward"}, Summary: summary})
	}
	huma.Register(s.api, op("webhooks", http.MethodGet, "/v1/webhooks", "Who is told of events"),
		func(ctx context.Context, _ *empty) (*webhooksOutput, error) {
			list, err := o.Webhooks(ctx)
			return answerOr(s, ctx, &webhooksOutput{list}, err)
		})
	huma.Register(s.api, op("webhook-new", http.MethodPost, "/v1/webhooks", "Have somebody told of events; the secret is shown once"),
		func(ctx context.Context, in *webhookInput) (*newWebhookOutput, error) {
			w, err := o.AddWebhook(ctx, actorOf(ctx), in.Body)
			return answerOr(s, ctx, &newWebhookOutput{w}, err)
		})
	huma.Register(s.api, op("webhook-change", http.MethodPost, "/v1/webhooks/{id}/{what}", "Pause, resume, test or delete a webhook"),
		func(ctx context.Context, in *webhookChangeInput) (*empty, error) {
			return answerOr(s, ctx, &empty{}, o.ChangeWebhook(ctx, actorOf(ctx), in.ID, in.What))
		})
	huma.Register(s.api, op("deliveries", http.MethodGet, "/v1/deliveries", "What webhooks were told, and what was given up"),
		func(ctx context.Context, in *deliveriesInput) (*deliveriesOutput, error) {
			list, err := o.Deliveries(ctx, in.Webhook, in.State, in.Limit)
			return answerOr(s, ctx, &deliveriesOutput{list}, err)
		})
	huma.Register(s.api, op("delivery-retry", http.MethodPost, "/v1/deliveries/{id}/retry", "Try a delivery again that was given up"),
		func(ctx context.Context, in *OutwardPath) (*empty, error) {
			return answerOr(s, ctx, &empty{}, o.RetryDelivery(ctx, actorOf(ctx), in.ID))
		})
}
