package server_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"thonsync/server"
	"thonsync/server/accounts"
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
