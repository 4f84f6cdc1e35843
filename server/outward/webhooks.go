package outward

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// TestEvent is the event of a test, which every webhook gets when it is asked for.
const TestEvent = "test"

// States of a delivery.
const (
	Waiting = "waiting"
	Done    = "done"
	Dead    = "dead" // given up, until somebody tries it again
)

// Event is something to be told. It holds no name, number or text of a person.
type Event struct {
	Key      string `json:"key"` // the same while the thing stands
	Kind     string `json:"kind"`
	Unit     string `json:"unit,omitempty"` // list:code
	UnitName string `json:"unit_name,omitempty"`
	Team     string `json:"team,omitempty"`
	Origin   string `json:"origin,omitempty"` // the device
	SinceMS  int64  `json:"since_ms"`
	Count    uint64 `json:"count,omitempty"`
}

// message is the body of a request, after the Standard Webhooks.
type message struct {
	Type      string `json:"type"`
	Timestamp string `json:"timestamp"`
	Data      Event  `json:"data"`
}

// Sealer keeps secrets of webhooks unreadable in the store.
type Sealer interface {
	Seal(plain, aad []byte) ([]byte, error)
	Open(sealed, aad []byte) ([]byte, error)
}

// HookConfig is what Hooks need; all fields are required.
type HookConfig struct {
	View   func(ctx context.Context, f func(store.Reader) error) error
	Update func(ctx context.Context, f func(store.Tx) error) error
	Events []string // that there are, besides TestEvent
	Seal   Sealer
	// Private allows webhooks in this machine's own and other private networks, and
	// without TLS.
	Private bool
	Now     func() time.Time
	Random  io.Reader           // cryptographic
	Spread  func(n int64) int64 // a random number below n
}

// Hooks keeps webhooks and delivers to them: at least once, signed, each event
// under an id that stays. It is safe for concurrent use; Deliver is called by one
// goroutine.
type Hooks struct {
	cfg    HookConfig
	client *http.Client
}

// Bounds of webhooks.
const (
	maxHooks    = 50
	maxHookName = 64
	maxURL      = 2000
	secretBytes = 32
	batch       = 20 // deliveries that one round tries
	keepDone    = 30 * 24 * time.Hour
	sendTimeout = 10 * time.Second
)

// pauses are how long is waited after each failed attempt, before what is spread
// at random. With the last one gone, a delivery is given up: after two days
// somebody has to look.
var pauses = []time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
}

// NewHooks makes the service.
func NewHooks(cfg HookConfig) *Hooks {
	return &Hooks{cfg: cfg, client: &http.Client{
		Transport: guardedTransport(cfg.Private), Timeout: sendTimeout,
		// Another address would have to be checked anew, and nobody has subscribed it.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

var errNoHook = syncproto.Errorf(syncproto.CodeNotFound, "no webhook has this id: see `thonsync webhook list`")

func (h *Hooks) check(name, address string, events []string) error {
	u, err := url.Parse(address)
	switch {
	case strings.TrimSpace(name) == "" || len([]rune(name)) > maxHookName:
		return syncproto.Errorf(syncproto.CodeInvalidInput, "a webhook needs a name of at most %d characters that says who is told", maxHookName)
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || len(address) > maxURL || u.Scheme != "https" && (u.Scheme != "http" || !h.cfg.Private):
		return syncproto.Errorf(syncproto.CodeInvalidInput, "the address of a webhook is a whole https:// URL without a user name or #")
	case len(events) == 0:
		return syncproto.Errorf(syncproto.CodeInvalidInput, "say which events are told: some of %s", strings.Join(h.cfg.Events, ", "))
	}
	for i, e := range events {
		if !slices.Contains(h.cfg.Events, e) || slices.Contains(events[:i], e) {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "events are named once each and are some of %s", strings.Join(h.cfg.Events, ", "))
		}
	}
	return nil
}

// Add makes a webhook and gives its secret, which is shown this once.
func (h *Hooks) Add(ctx context.Context, name, address string, events []string) (w store.Webhook, secret string, err error) {
	if err := h.check(name, address, events); err != nil {
		return w, "", err
	}
	raw := make([]byte, 16+secretBytes)
	if _, err := io.ReadFull(h.cfg.Random, raw); err != nil {
		return w, "", fmt.Errorf("no randomness for a webhook: %w", err)
	}
	w = store.Webhook{Name: strings.TrimSpace(name), URL: address, Events: events, MadeMS: h.cfg.Now().UnixMilli()}
	copy(w.ID[:], raw)
	if w.Secret, err = h.cfg.Seal.Seal(raw[16:], w.ID[:]); err != nil {
		return w, "", err
	}
	err = h.cfg.Update(ctx, func(tx store.Tx) error {
		list, err := tx.Webhooks()
		if err == nil && len(list) >= maxHooks {
			err = syncproto.Errorf(syncproto.CodeInvalidInput, "there are %d webhooks: delete those that nobody needs", len(list))
		}
		if err != nil {
			return err
		}
		return tx.PutWebhook(w)
	})
	return w, "whsec_" + base64.StdEncoding.EncodeToString(raw[16:]), err
}

// List lists webhooks, without their secrets.
func (h *Hooks) List(ctx context.Context) (out []store.Webhook, err error) {
	err = h.cfg.View(ctx, func(r store.Reader) (err error) { out, err = r.Webhooks(); return err })
	for i := range out {
		out[i].Secret = nil
	}
	return out, err
}

// change finds a webhook and does something to it in one transaction.
func (h *Hooks) change(ctx context.Context, id uuid.UUID, f func(tx store.Tx, w store.Webhook) error) error {
	return h.cfg.Update(ctx, func(tx store.Tx) error {
		list, err := tx.Webhooks()
		if err != nil {
			return err
		}
		at := slices.IndexFunc(list, func(w store.Webhook) bool { return w.ID == id })
		if at < 0 {
			return errNoHook
		}
		return f(tx, list[at])
	})
}

// Pause has a webhook told nothing new, or again.
func (h *Hooks) Pause(ctx context.Context, id uuid.UUID, paused bool) error {
	return h.change(ctx, id, func(tx store.Tx, w store.Webhook) error {
		w.Paused = paused
		return tx.PutWebhook(w)
	})
}

// Delete forgets a webhook and what it was not told yet.
func (h *Hooks) Delete(ctx context.Context, id uuid.UUID) error {
	return h.change(ctx, id, func(tx store.Tx, w store.Webhook) error { return tx.DeleteWebhook(w.ID) })
}

// Test has a test event delivered to one webhook.
func (h *Hooks) Test(ctx context.Context, id uuid.UUID) error {
	now := h.cfg.Now()
	return h.change(ctx, id, func(tx store.Tx, w store.Webhook) error {
		return h.put(tx, &w, Event{Key: TestEvent + ":" + strconv.FormatInt(now.UnixMilli(), 10), Kind: TestEvent, SinceMS: now.UnixMilli()})
	})
}

// Tell puts an event down for every webhook that wants it, in the transaction in
// which it happens. Telling of the same thing twice is once.
func (h *Hooks) Tell(tx store.Tx, e Event) error {
	list, err := tx.Webhooks()
	if err != nil {
		return err
	}
	for i := range list {
		if w := &list[i]; !w.Paused && slices.Contains(w.Events, e.Kind) {
			if err := h.put(tx, w, e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (h *Hooks) put(tx store.Tx, w *store.Webhook, e Event) error {
	now := h.cfg.Now()
	body, err := json.Marshal(message{Type: e.Kind, Timestamp: now.UTC().Format(time.RFC3339), Data: e})
	if err != nil {
		return err
	}
	id := uuid.NewSHA1(w.ID, []byte(e.Key+"\n"+strconv.FormatInt(e.SinceMS, 10)))
	return tx.PutDelivery(store.Delivery{ID: id, Webhook: w.ID, Event: e.Kind, State: Waiting, MadeMS: now.UnixMilli(), NextMS: now.UnixMilli(), Body: body})
}

// Deliveries lists deliveries of a webhook, the newest first; uuid.Nil for all.
func (h *Hooks) Deliveries(ctx context.Context, hook uuid.UUID, state string, limit int) (out []store.Delivery, err error) {
	err = h.cfg.View(ctx, func(r store.Reader) (err error) {
		out, err = r.Deliveries(store.DeliveryQuery{Webhook: hook, State: state, Limit: limit})
		return err
	})
	return out, err
}

// Retry tries a delivery again that was given up.
func (h *Hooks) Retry(ctx context.Context, id uuid.UUID) error {
	return h.cfg.Update(ctx, func(tx store.Tx) error {
		list, err := tx.Deliveries(store.DeliveryQuery{State: Dead})
		if err != nil {
			return err
		}
		at := slices.IndexFunc(list, func(d store.Delivery) bool { return d.ID == id })
		if at < 0 {
			return syncproto.Errorf(syncproto.CodeNotFound, "no delivery that was given up has this id: see `thonsync webhook deliveries`")
		}
		d := list[at]
		d.State, d.Attempts, d.NextMS = Waiting, 0, h.cfg.Now().UnixMilli()
		return tx.PutDelivery(d)
	})
}

// Deliver tries what is due. A delivery that a stop cuts short is tried again
// under the same id.
func (h *Hooks) Deliver(ctx context.Context) error {
	var due []store.Delivery
	hooks := map[uuid.UUID]store.Webhook{}
	err := h.cfg.View(ctx, func(r store.Reader) (err error) {
		if due, err = r.Deliveries(store.DeliveryQuery{State: Waiting, DueMS: h.cfg.Now().UnixMilli(), Limit: batch}); err != nil || len(due) == 0 {
			return err
		}
		list, err := r.Webhooks()
		for _, w := range list {
			hooks[w.ID] = w
		}
		return err
	})
	if err != nil {
		return err
	}
	for i := range due {
		w := hooks[due[i].Webhook]
		answer, status := h.send(ctx, &w, &due[i])
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := h.settle(ctx, &w, due[i], answer, status); err != nil {
			return err
		}
	}
	return nil
}

// settle notes what came of an attempt. A receiver that says it is gone for good
// is told nothing any more.
func (h *Hooks) settle(ctx context.Context, w *store.Webhook, d store.Delivery, answer string, status int) error {
	now := h.cfg.Now()
	d.Attempts, d.Answer = d.Attempts+1, answer
	switch {
	case status >= 200 && status < 300:
		d.State = Done
	case status == http.StatusGone || d.Attempts > len(pauses):
		d.State = Dead
	default:
		pause := pauses[d.Attempts-1]
		d.NextMS = now.Add(pause + time.Duration(h.cfg.Spread(int64(pause/5)+1))).UnixMilli()
	}
	return h.cfg.Update(ctx, func(tx store.Tx) error {
		list, err := tx.Webhooks()
		at := slices.IndexFunc(list, func(x store.Webhook) bool { return x.ID == w.ID })
		if err != nil || at < 0 {
			return err // deleted meanwhile
		}
		if status == http.StatusGone {
			list[at].Paused = true
			if err := tx.PutWebhook(list[at]); err != nil {
				return err
			}
		}
		if err := tx.DropDeliveries(now.Add(-keepDone).UnixMilli()); err != nil {
			return err
		}
		return tx.PutDelivery(d)
	})
}

// Sign gives the signature of a message, after the Standard Webhooks.
func Sign(secret []byte, id, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// send makes one attempt; status 0 where nobody answered. What the other side
// says is not kept: it could be anything.
func (h *Hooks) send(ctx context.Context, w *store.Webhook, d *store.Delivery) (answer string, status int) {
	secret, err := h.cfg.Seal.Open(w.Secret, w.ID[:])
	if err != nil {
		return "the secret cannot be read: delete this webhook and make it anew", 0
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, strings.NewReader(string(d.Body)))
	if err != nil {
		return "the address cannot be called", 0
	}
	stamp := strconv.FormatInt(h.cfg.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "thonsync")
	req.Header.Set("webhook-id", d.ID.String())
	req.Header.Set("webhook-timestamp", stamp)
	req.Header.Set("webhook-signature", Sign(secret, d.ID.String(), stamp, d.Body))
	resp, err := h.client.Do(req)
	if err != nil {
		return failure(err), 0
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // lets the connection be used again
	_ = resp.Body.Close()
	return "HTTP " + strconv.Itoa(resp.StatusCode), resp.StatusCode
}
