package server_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"thonsync/server"
	"thonsync/server/accounts"
	"thonsync/server/httpapi"
	"thonsync/server/outward"
)

// Another system follows what a commune does with a token for it, over HTTP, and
// sees nothing of others, nothing personal and no other part.
func TestAnotherSystemFollowsACommune(t *testing.T) {
	w := newWorld(t)
	a, b := w.phone(w.centre, w.teamA1), w.phone(w.centre, w.teamB1)
	first, foreign := w.record(a), w.record(b)
	w.exchange(a)
	w.exchange(b)
	made, err := server.TokenNew.Run(t.Context(), w.centre.cfg, w.options(), accounts.TokenDraft{
		Name: "Hệ thống khác", Units: []string{communeA}, Parts: []accounts.Part{accounts.PartChanges}, Valid: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	br := w.browser(w.centre)
	known, cursor := map[string]string{}, ""
	follow := func() {
		t.Helper()
		for more := true; more; {
			br.get("/v1/changes?limit=2&after="+cursor, "Authorization", "Bearer "+made.Secret).want(http.StatusOK, "")
			var p outward.Page
			if err := json.Unmarshal([]byte(br.body), &p); err != nil {
				t.Fatal(err)
			}
			for _, c := range p.Changes {
				known[c.Record.String()] = c.State
			}
			cursor, more = p.Next, p.More
		}
	}
	follow()
	if known[first.String()] != outward.Present || known[foreign.String()] != "" {
		t.Errorf("known: %v", known)
	}
	if err := a.Void(t.Context(), first, w.member[w.teamA1], "mistake", ""); err != nil {
		t.Fatal(err)
	}
	w.exchange(a)
	follow()
	if known[first.String()] != outward.Void {
		t.Errorf("after it was retracted: %q", known[first.String()])
	}
	for _, path := range []string{"/v1/status", "/v1/health", "/v1/reports", "/v1/tokens", "/v1/account", "/v1/changes?unit=" + communeB} {
		if br.get(path, "Authorization", "Bearer "+made.Secret); br.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, br.status)
		}
	}
	if _, err := server.TokenRevoke.Run(t.Context(), w.centre.cfg, w.options(), server.OutwardID{ID: made.ID}); err != nil {
		t.Fatal(err)
	}
	if br.get("/v1/changes", "Authorization", "Bearer "+made.Secret); br.status != http.StatusUnauthorized {
		t.Errorf("a revoked token: %d", br.status)
	}
}

// A phone that falls silent reaches a webhook over HTTP, signed, with nothing that
// a person wrote, also when the server restarts between finding and telling.
func TestSilenceReachesAWebhook(t *testing.T) {
	w := newWorld(t)
	d := w.phone(w.centre, w.teamA1)
	w.record(d)
	w.exchange(d)
	var bodies, signed []string
	var mu sync.Mutex
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			bodies, signed = append(bodies, string(b)), append(signed, r.Header.Get("webhook-signature"))
		}
	}))
	defer receiver.Close()
	cfg := w.centre.cfg
	cfg.WebhookPrivate = true
	w.centre.stop()
	open := func() *server.Node {
		t.Helper()
		n, err := server.Open(t.Context(), cfg, w.options())
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	made, err := server.WebhookNew.Run(t.Context(), cfg, w.options(), httpapi.WebhookDraft{Name: "Sở", URL: receiver.URL, Events: []string{"quiet"}})
	if err != nil || made.Secret == "" {
		t.Fatalf("%+v %v", made, err)
	}
	w.clock.advance(9 * 24 * time.Hour)
	for range 2 {
		n := open()
		if err := errors.Join(n.Watch(t.Context()), n.Close()); err != nil {
			t.Fatal(err)
		}
	}
	n := open()
	if err := errors.Join(n.DeliverHooks(t.Context()), n.DeliverHooks(t.Context()), n.Close()); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(bodies) != 1 || signed[0] == "" || !strings.Contains(bodies[0], `"type":"quiet"`) || !strings.Contains(bodies[0], villageA1) {
		t.Errorf("told %v", bodies)
	}
	for _, b := range bodies {
		if strings.Contains(b, "Phone") || strings.Contains(b, "Tổ ") {
			t.Errorf("told what a person wrote: %s", b)
		}
	}
}
