package httpapi

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"thonsync/server/accounts"
	"thonsync/server/outward"
)

// outwards stands for a service that has nothing to tell.
type outwards struct{}

func (outwards) Changes(context.Context, string, []string, int) (*outward.Page, error) {
	return &outward.Page{Changes: []outward.Change{}}, nil
}
func (outwards) Tokens(context.Context) ([]accounts.Token, error) { return nil, nil }
func (outwards) NewToken(context.Context, string, accounts.TokenDraft) (t accounts.Token, secret string, err error) {
	return t, "", nil
}
func (outwards) RevokeToken(context.Context, string, uuid.UUID) error { return nil }
func (outwards) Webhooks(context.Context) ([]Webhook, error)          { return nil, nil }
func (outwards) AddWebhook(context.Context, string, WebhookDraft) (w NewWebhook, err error) {
	return w, nil
}
func (outwards) ChangeWebhook(context.Context, string, uuid.UUID, string) error { return nil }
func (outwards) Deliveries(context.Context, uuid.UUID, string, int) ([]Delivery, error) {
	return nil, nil
}
func (outwards) RetryDelivery(context.Context, string, uuid.UUID) error { return nil }

// A program that asks too often is told so and when to come back, and is not
// taken for somebody who has not signed in.
func TestAProgramThatAsksTooOftenWaits(t *testing.T) {
	s, _ := newStand(t)
	r := ask(t, s, "GET", "/v1/changes", "Authorization", "Bearer often")
	if r.StatusCode != 429 || r.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v", r.StatusCode, r.Header)
	}
}
