package server

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"thonsync/server/accounts"
	"thonsync/server/audit"
	"thonsync/server/httpapi"
	"thonsync/server/keys"
	"thonsync/server/outward"
	"thonsync/server/reconcile/health"
	"thonsync/server/store"
	"thonsync/syncproto"
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

// deliverEvery is how often webhooks are tried that are due.
const deliverEvery = 5 * time.Second

// openHooks makes the service that tells other systems of events. Its key comes
// from the one of the accounts: whoever can sign in as an operator can read both.
func (n *Node) openHooks() error {
	root, err := n.keys.AccountsKey()
	if err != nil {
		return err
	}
	key, err := hkdf.Key(sha256.New, root, nil, "thonsync webhooks", 32)
	if err != nil {
		return err
	}
	box, err := keys.NewBox(key, n.opts.Random)
	if err != nil {
		return err
	}
	var events []string
	for _, k := range health.Kinds() {
		events = append(events, string(k))
	}
	n.hooks = outward.NewHooks(outward.HookConfig{
		View: n.store.View, Update: func(ctx context.Context, f func(store.Tx) error) error { return n.ingest.Do(ctx, f) },
		Events: events, Seal: box, Private: n.cfg.WebhookPrivate, Now: n.opts.Now, Random: n.opts.Random,
		Spread: rand.Int64N, // it spreads retries; guessing it gains nothing
	})
	return nil
}

// tellFinding puts a new finding down for webhooks. Labels and sentences stay
// out: people write them.
func (n *Node) tellFinding(tx store.Tx, f *health.Finding) error {
	return n.hooks.Tell(tx, outward.Event{
		Key: f.Key, Kind: string(f.Kind), Unit: f.Unit, UnitName: n.unitName(f.Unit), Team: idText(f.Team), Origin: idText(f.Origin),
		SinceMS: f.SinceMS, Count: f.Count,
	})
}

// DeliverHooks tries the webhooks that are due. A serving node does so by itself.
func (n *Node) DeliverHooks(ctx context.Context) error { return n.hooks.Deliver(ctx) }

func hookView(w *store.Webhook) httpapi.Webhook {
	return httpapi.Webhook{ID: w.ID, Name: w.Name, URL: w.URL, Events: w.Events, MadeMS: w.MadeMS, Paused: w.Paused}
}

// Webhooks lists webhooks.
func (o outsider) Webhooks(ctx context.Context) ([]httpapi.Webhook, error) {
	list, err := o.n.hooks.List(ctx)
	out := []httpapi.Webhook{}
	for i := range list {
		out = append(out, hookView(&list[i]))
	}
	return out, err
}

// AddWebhook makes one.
func (o outsider) AddWebhook(ctx context.Context, actor string, d httpapi.WebhookDraft) (httpapi.NewWebhook, error) {
	if err := o.noteHook(ctx, actor, uuid.Nil, "made"); err != nil {
		return httpapi.NewWebhook{}, err
	}
	w, secret, err := o.n.hooks.Add(ctx, d.Name, d.URL, d.Events)
	return httpapi.NewWebhook{Webhook: hookView(&w), Secret: secret}, err
}

// ChangeWebhook pauses, resumes, tests or deletes one.
func (o outsider) ChangeWebhook(ctx context.Context, actor string, id uuid.UUID, what string) error {
	do := map[string]func() error{
		httpapi.HookPause:  func() error { return o.n.hooks.Pause(ctx, id, true) },
		httpapi.HookResume: func() error { return o.n.hooks.Pause(ctx, id, false) },
		httpapi.HookTest:   func() error { return o.n.hooks.Test(ctx, id) },
		httpapi.HookDelete: func() error { return o.n.hooks.Delete(ctx, id) },
	}[what]
	if do == nil {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "a webhook can be paused, resumed, tested or deleted: pause, resume, test, delete")
	}
	if err := o.noteHook(ctx, actor, id, what); err != nil {
		return err
	}
	return do()
}

func (o outsider) noteHook(ctx context.Context, actor string, id uuid.UUID, how string) error {
	return o.n.audit.Write(ctx, audit.Event{Actor: actor, Action: audit.WebhookChanged, Object: idText(id), Result: how})
}

// Deliveries lists what was told, or not.
func (o outsider) Deliveries(ctx context.Context, hook uuid.UUID, state string, limit int) ([]httpapi.Delivery, error) {
	list, err := o.n.hooks.Deliveries(ctx, hook, state, limit)
	out := []httpapi.Delivery{}
	for i := range list {
		d := &list[i]
		out = append(out, httpapi.Delivery{ID: d.ID, Webhook: d.Webhook, Event: d.Event, State: d.State, MadeMS: d.MadeMS, NextMS: d.NextMS, Attempts: d.Attempts, Answer: d.Answer})
	}
	return out, err
}

// RetryDelivery tries one again that was given up.
func (o outsider) RetryDelivery(ctx context.Context, actor string, id uuid.UUID) error {
	if err := o.noteHook(ctx, actor, id, "retry"); err != nil {
		return err
	}
	return o.n.hooks.Retry(ctx, id)
}

// WebhookList lists webhooks.
var WebhookList = Register(Command[None, []httpapi.Webhook]{
	Name: "webhook.list",
	Do: func(ctx context.Context, n *Node, _ None) ([]httpapi.Webhook, error) {
		return outsider{n}.Webhooks(ctx)
	},
})

// WebhookNew makes a webhook; its secret is shown once.
var WebhookNew = Register(Command[httpapi.WebhookDraft, httpapi.NewWebhook]{
	Name: "webhook.new",
	Do: func(ctx context.Context, n *Node, in httpapi.WebhookDraft) (httpapi.NewWebhook, error) {
		return outsider{n}.AddWebhook(ctx, audit.Console, in)
	},
})

// WebhookChange says what is done to a webhook: pause, resume, test or delete.
type WebhookChange struct {
	ID   uuid.UUID `json:"id"`
	What string    `json:"what"`
}

// WebhookDo pauses, resumes, tests or deletes a webhook.
var WebhookDo = Register(Command[WebhookChange, None]{
	Name: "webhook.do",
	Do: func(ctx context.Context, n *Node, in WebhookChange) (None, error) {
		return None{}, outsider{n}.ChangeWebhook(ctx, audit.Console, in.ID, in.What)
	},
})

// DeliveryQuery asks for deliveries of a webhook, or of all.
type DeliveryQuery struct {
	Webhook uuid.UUID `json:"webhook"`
	State   string    `json:"state,omitempty"`
	Limit   int       `json:"limit,omitempty"`
}

// DeliveryList lists deliveries.
var DeliveryList = Register(Command[DeliveryQuery, []httpapi.Delivery]{
	Name: "webhook.deliveries",
	Do: func(ctx context.Context, n *Node, in DeliveryQuery) ([]httpapi.Delivery, error) {
		return outsider{n}.Deliveries(ctx, in.Webhook, in.State, in.Limit)
	},
})

// DeliveryRetry tries a delivery again that was given up.
var DeliveryRetry = Register(Command[OutwardID, None]{
	Name: "webhook.retry",
	Do: func(ctx context.Context, n *Node, in OutwardID) (None, error) {
		return None{}, outsider{n}.RetryDelivery(ctx, audit.Console, in.ID)
	},
})
