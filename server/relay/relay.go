// Package relay is what a point does for others: it carries stored segments and
// witness receipts to the server above, brings receipts, feed pages and the
// newest keys back, and does both by file where there is no line.
package relay

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"thonsync/clientlib"
	"thonsync/server/ingest"
	"thonsync/server/keys"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/exchange"
)

// Ingester is what the relay needs of the ingest.
type Ingester interface {
	Submit(ctx context.Context, b ingest.Batch) (ingest.Result, error)
	Definitions() *ingest.Definitions
}

// OwnLog is the server's own change log as far as the relay compares heads.
type OwnLog interface {
	Heads(ctx context.Context) ([]syncproto.OriginHeads, error)
	HeadsAt(ctx context.Context, id syncproto.OriginID, seq uint64) (syncproto.Heads, bool, error)
}

// Config is what a Relay needs; fields without a default are required.
type Config struct {
	Store       store.Store
	Ingest      Ingester
	Own         OwnLog
	Transport   clientlib.Transport
	Upstream    string // base URL
	Trust       *keys.Trust
	Credentials []string // own chain
	Units       []string // own scope
	// Notice gives upstream's newest key notice as stored, SetNotice stores a
	// newer one and has Trust follow the line; both must be safe for concurrent
	// use.
	Notice    func() []byte
	SetNotice func(notice []byte, centre *syncproto.Centre) error
	// Found is told what comparing heads gave away.
	Found func(exchange.Finding)
	Every time.Duration // pause while there is nothing new
	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
	Rand  *rand.Rand
	Log   *slog.Logger
}

// Relay exchanges with the server above. Methods are safe for concurrent use;
// one exchange is in flight at a time.
type Relay struct {
	cfg  Config
	wake chan struct{}

	turn   sync.Mutex // held during an exchange
	asker  *exchange.Asker
	loaded bool
	turnNo int // which slice of origins an idle request compares

	mu     sync.Mutex
	status Status
}

// Status is how the relay stands, honestly: a success is only an exchange after
// which nothing was left to send or to fetch. Times are Unix ms, 0 for never.
type Status struct {
	LastSuccessMS int64
	LastAnswerMS  int64
	Backlog       uint64 // changes that upstream has not receipted
	Failures      int    // in a row
	LastError     string
	LastErrorCode syncproto.Code
	NextMS        int64
	ClockOffsetMS int64 // own clock minus upstream's
}

// New makes a relay; Run starts it.
func New(cfg Config) *Relay {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.After == nil {
		cfg.After = time.After
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())) //nolint:gosec // it spreads retries; guessing it gains nothing
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Relay{cfg: cfg, wake: make(chan struct{}, 1), asker: exchange.NewAsker()}
}

// Wake tells the relay that there is something new to send.
func (r *Relay) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run exchanges until ctx is done: at once when woken, otherwise at intervals,
// and after failures with growing pauses that Wake does not shorten, so that a
// busy point does not hammer a centre that is down.
func (r *Relay) Run(ctx context.Context) {
	for {
		pause, failed := r.attempt(ctx)
		if ctx.Err() != nil {
			return
		}
		r.setNext(pause)
		wake := r.wake
		if failed {
			wake = nil
		}
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-r.cfg.After(pause):
		}
	}
}

// attempt syncs once and gives the pause before the next.
func (r *Relay) attempt(ctx context.Context) (pause time.Duration, failed bool) {
	err := r.Sync(ctx)
	if err == nil || ctx.Err() != nil {
		return r.cfg.Every, false
	}
	var retry time.Duration
	if se, ok := errors.AsType[*clientlib.ServerError](err); ok {
		retry = se.RetryAfter
	}
	r.turn.Lock()
	pause = r.asker.Failed(r.cfg.Rand, retry)
	r.turn.Unlock()
	r.cfg.Log.WarnContext(ctx, "upstream exchange failed", "code", codeOf(err), "error", err, "retry_in", pause)
	return pause, true
}

// maxRounds bounds one Sync, so that status and shutdown get their turn even
// with an upstream that always has more.
const maxRounds = 10_000

// Sync exchanges until nothing is left to send or to fetch.
func (r *Relay) Sync(ctx context.Context) error {
	r.turn.Lock()
	defer r.turn.Unlock()
	for range maxRounds {
		more, err := r.round(ctx)
		if err != nil {
			r.noteFailure(err)
			return err
		}
		if !more {
			return r.noteSuccess(ctx)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return syncproto.Errorf(syncproto.CodeInternal, "upstream still has more after %d exchanges", maxRounds)
}

// codeOf gives the code of a failure; one without code means that nobody
// answered.
func codeOf(err error) syncproto.Code {
	if e, ok := errors.AsType[*syncproto.Error](err); ok {
		return e.Code
	}
	return syncproto.CodeUpstream
}

func (r *Relay) noteFailure(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status.Failures++
	r.status.LastErrorCode = codeOf(err)
	r.status.LastError = "no answer from upstream: check the line and the address"
	if e, ok := errors.AsType[*syncproto.Error](err); ok {
		r.status.LastError = e.Message
	}
}

func (r *Relay) noteSuccess(ctx context.Context) error {
	backlog, err := r.backlog(ctx)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status.Backlog = backlog
	r.status.Failures, r.status.LastError, r.status.LastErrorCode = 0, "", ""
	r.status.LastSuccessMS = r.cfg.Now().UnixMilli()
	return nil
}

func (r *Relay) setNext(pause time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status.NextMS = r.cfg.Now().Add(pause).UnixMilli()
}

// Status tells how the relay stands; Backlog is counted anew.
func (r *Relay) Status(ctx context.Context) (Status, error) {
	backlog, err := r.backlog(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.status
	s.Backlog = backlog
	return s, err
}
