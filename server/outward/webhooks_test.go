package outward_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/server/keys"
	"thonsync/server/outward"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// receiver is another system over real HTTP. It answers with the next status and
// keeps what verified.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	secret   []byte
	statuses []int
	seen     []string // id of each call
	bodies   []string
	forged   int
}

func newReceiver(t *testing.T, statuses ...int) *receiver {
	t.Helper()
	r := &receiver{statuses: statuses}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		id := req.Header.Get("webhook-id")
		if err != nil || req.Header.Get("webhook-signature") != outward.Sign(r.secret, id, req.Header.Get("webhook-timestamp"), body) {
			r.forged++
		}
		r.seen, r.bodies = append(r.seen, id), append(r.bodies, string(body))
		status := 200
		if len(r.statuses) > 0 {
			status, r.statuses = r.statuses[0], r.statuses[1:]
		}
		if status == http.StatusFound {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(r.Close)
	return r
}

// hookBench has hooks on a store; a new one begins after every restart.
type hookBench struct {
	*bench
	*outward.Hooks
	now time.Time
	box *keys.Box
}

func newHookBench(t *testing.T, private bool) *hookBench {
	t.Helper()
	box, err := keys.NewBox(make([]byte, 32), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b := &hookBench{bench: newBench(t), now: time.Now(), box: box}
	b.restart(private)
	return b
}

func (b *hookBench) restart(private bool) {
	b.Hooks = outward.NewHooks(outward.HookConfig{
		View: b.store.View, Update: b.store.Update, Events: []string{"fork", "quiet"}, Seal: b.box, Private: private,
		Now: func() time.Time { return b.now }, Random: rand.Reader, Spread: func(n int64) int64 { return n - 1 },
	})
}

func (b *hookBench) add(url string, events ...string) (store.Webhook, []byte) {
	b.t.Helper()
	w, secret, err := b.Add(context.Background(), "Sở", url, events)
	if err != nil {
		b.t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		b.t.Fatal(err)
	}
	return w, raw
}

func (b *hookBench) tell(e outward.Event) {
	b.update(func(tx store.Tx) error { return b.Tell(tx, e) })
}

func (b *hookBench) deliver() {
	b.t.Helper()
	if err := b.Deliver(context.Background()); err != nil {
		b.t.Fatal(err)
	}
}

func (b *hookBench) states(hook uuid.UUID) (out []string) {
	b.t.Helper()
	list, err := b.Deliveries(context.Background(), hook, "", 0)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, d := range list {
		out = append(out, d.State)
	}
	return out
}

// A receiver that fails and then works gets the event, signed and under one id,
// also when the server restarts between; nobody gets what he did not ask for.
func TestWebhookIsToldUntilItAnswers(t *testing.T) {
	b := newHookBench(t, true)
	r := newReceiver(t, 500, 302, 200)
	w, secret := b.add(r.URL, "fork")
	r.secret = secret
	b.tell(outward.Event{Key: "quiet:x", Kind: "quiet"})
	e := outward.Event{Key: "fork:x", Kind: "fork", Unit: "l:1", SinceMS: 5, Count: 3}
	b.tell(e)
	b.tell(e) // a transaction that is run again
	b.deliver()
	b.deliver() // not due again yet
	if len(r.seen) != 1 || !slices.Equal(b.states(w.ID), []string{outward.Waiting}) {
		t.Fatalf("calls %v, deliveries %v", r.seen, b.states(w.ID))
	}
	b.restart(true)
	b.now = b.now.Add(7 * time.Second)
	b.deliver()
	b.now = b.now.Add(40 * time.Second)
	b.deliver()
	b.now = b.now.Add(time.Hour)
	b.deliver()
	if len(r.seen) != 3 || r.seen[0] != r.seen[1] || r.seen[1] != r.seen[2] || r.forged > 0 || !slices.Equal(b.states(w.ID), []string{outward.Done}) {
		t.Errorf("calls %v, %d forged, deliveries %v", r.seen, r.forged, b.states(w.ID))
	}
	var m struct {
		Type string        `json:"type"`
		Data outward.Event `json:"data"`
	}
	if err := json.Unmarshal([]byte(r.bodies[0]), &m); err != nil || m.Type != "fork" || m.Data != e {
		t.Errorf("told %s: %v", r.bodies[0], err)
	}
}

// What nobody takes is given up in the end, and tried again when somebody says
// so. A receiver that is gone for good is told nothing new.
func TestWebhookIsGivenUp(t *testing.T) {
	b := newHookBench(t, true)
	r := newReceiver(t)
	for range 40 {
		r.statuses = append(r.statuses, 503)
	}
	w, secret := b.add(r.URL, "fork")
	r.secret = secret
	b.tell(outward.Event{Key: "fork:x", Kind: "fork"})
	var steps int
	for ; steps < 100 && b.states(w.ID)[0] == outward.Waiting; steps++ {
		b.deliver()
		b.now = b.now.Add(29 * time.Hour)
	}
	if steps < 5 || steps > 20 || b.states(w.ID)[0] != outward.Dead || len(r.seen) != steps {
		t.Errorf("given up after %d attempts and %d calls: %v", steps, len(r.seen), b.states(w.ID))
	}
	list, err := b.Deliveries(t.Context(), w.ID, outward.Dead, 0)
	if err != nil || len(list) != 1 || list[0].Answer != "HTTP 503" {
		t.Fatalf("%+v %v", list, err)
	}
	r.statuses = []int{200, 410}
	if err := b.Retry(t.Context(), list[0].ID); err != nil {
		t.Fatal(err)
	}
	b.deliver()
	if b.states(w.ID)[0] != outward.Done {
		t.Errorf("tried again: %v", b.states(w.ID))
	}
	if err := b.Test(t.Context(), w.ID); err != nil {
		t.Fatal(err)
	}
	b.deliver()
	b.tell(outward.Event{Key: "fork:y", Kind: "fork"})
	if hooks, err := b.List(t.Context()); err != nil || !hooks[0].Paused || hooks[0].Secret != nil || len(b.states(w.ID)) != 2 {
		t.Errorf("after it said that it is gone: %+v %v %v", hooks, b.states(w.ID), err)
	}
	if err := b.Retry(t.Context(), uuid.UUID{1}); syncproto.CodeOf(err) != syncproto.CodeNotFound {
		t.Errorf("%v", err)
	}
}

// No webhook leads into this machine or a private network, whatever its name
// says, unless the settings allow it; what it leads to is not called.
func TestWebhooksStayOutOfPrivateNetworks(t *testing.T) {
	r := newReceiver(t)
	b := newHookBench(t, true)
	w, _ := b.add(r.URL, "fork")
	b.restart(false) // the setting was taken back
	b.tell(outward.Event{Key: "fork:x", Kind: "fork"})
	b.deliver()
	list, err := b.Deliveries(t.Context(), w.ID, "", 0)
	if err != nil || len(r.seen) != 0 || !strings.Contains(list[0].Answer, "private network") {
		t.Errorf("called %v: %+v %v", r.seen, list, err)
	}
	for _, bad := range []string{"", "http://a.example/", "ftp://a.example", "https://", "https://u:p@a.example/", "https://a.example/#x", "https:a", "https://a.example/" + strings.Repeat("x", 2000)} {
		if _, _, err := b.Add(t.Context(), "a", bad, []string{"fork"}); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, events := range [][]string{nil, {"all"}, {"fork", "fork"}, {"test"}} {
		if _, _, err := b.Add(t.Context(), "a", "https://a.example/", events); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
			t.Errorf("%v: %v", events, err)
		}
	}
}
