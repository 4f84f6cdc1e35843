package server

import (
	"context"

	"github.com/google/uuid"

	"thonsync/server/accounts"
	"thonsync/server/audit"
	"thonsync/server/httpapi"
	"thonsync/server/outward"
)

// outsider serves other systems.
type outsider struct{ n *Node }

// ChangeFeed gives the feed that other systems follow.
func (n *Node) ChangeFeed() *outward.Feed {
	return &outward.Feed{View: n.store.View, Reference: func() outward.Reference { return n.ingest.Definitions() }, Epoch: n.currentEpoch}
}

// Changes gives a page of the change feed.
func (o outsider) Changes(ctx context.Context, cursor string, units []string, limit int) (*outward.Page, error) {
	return o.n.ChangeFeed().Page(ctx, cursor, units, limit)
}

// Tokens lists tokens.
func (o outsider) Tokens(ctx context.Context) ([]accounts.Token, error) { return o.n.accts.Tokens(ctx) }

// NewToken makes one for units that are known.
func (o outsider) NewToken(ctx context.Context, actor string, d accounts.TokenDraft) (made accounts.Token, secret string, err error) {
	if err := o.n.knownUnits(d.Units); err != nil {
		return made, "", err
	}
	return o.n.accts.NewToken(ctx, actor, d)
}

// RevokeToken ends one.
func (o outsider) RevokeToken(ctx context.Context, actor string, id uuid.UUID) error {
	return o.n.accts.RevokeToken(ctx, actor, id)
}

// TokenList lists the tokens of other programs.
var TokenList = Register(Command[None, []accounts.Token]{
	Name: "token.list",
	Do:   func(ctx context.Context, n *Node, _ None) ([]accounts.Token, error) { return outsider{n}.Tokens(ctx) },
})

// TokenNew makes a token; it is shown once.
var TokenNew = Register(Command[accounts.TokenDraft, httpapi.NewToken]{
	Name: "token.new",
	Do: func(ctx context.Context, n *Node, in accounts.TokenDraft) (httpapi.NewToken, error) {
		made, secret, err := outsider{n}.NewToken(ctx, audit.Console, in)
		return httpapi.NewToken{Token: made, Secret: secret}, err
	},
})

// OutwardID names a token or a webhook.
type OutwardID struct {
	ID uuid.UUID `json:"id"`
}

// TokenRevoke ends a token.
var TokenRevoke = Register(Command[OutwardID, None]{
	Name: "token.revoke",
	Do: func(ctx context.Context, n *Node, in OutwardID) (None, error) {
		return None{}, outsider{n}.RevokeToken(ctx, audit.Console, in.ID)
	},
})
