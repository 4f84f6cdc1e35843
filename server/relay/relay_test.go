package relay_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	mrand "math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/server/ingest"
	"thonsync/server/keys"
	"thonsync/server/relay"
	"thonsync/server/store"
	"thonsync/server/store/sqlitestore"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
	"thonsync/syncproto/exchange"
)

// upstream is a server above that answers what the test says.
type upstream struct {
	t        *testing.T
	key      ed25519.PrivateKey
	exchange syncproto.SealPrivate
	seal     syncproto.SealPrivate
	serial   uint64
	down     error
	requests []*syncproto.Opened
	answer   func(*syncproto.Opened) *syncproto.Answer
	keysSeen int
	seen     atomic.Int64 // requests, for tests that run beside the relay
}

func newKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newSeal(t *testing.T) syncproto.SealPrivate {
	t.Helper()
	raw := make([]byte, syncproto.SealKeyBytes)
	if _, err := rand.Read(raw); err != nil {
		t.Fatal(err)
	}
	k, err := syncproto.NewSealPrivate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newUpstream(t *testing.T) *upstream {
	u := &upstream{t: t, key: newKey(t), exchange: newSeal(t), seal: newSeal(t), serial: 1}
	u.answer = func(*syncproto.Opened) *syncproto.Answer { return &syncproto.Answer{} }
	return u
}

func (u *upstream) public() ed25519.PublicKey { return u.key.Public().(ed25519.PublicKey) }

func (u *upstream) centre() *syncproto.Centre {
	return syncproto.FoundCentre(u.key, syncproto.Hash{}, 1)
}

func (u *upstream) notice() []byte {
	n := syncproto.KeyNotice{
		Sign: u.public(), Exchange: u.exchange.Public.Bytes(), Serial: u.serial, Seal: syncproto.StateSeal(u.key, u.seal.Public.Bytes(), 1), Centre: u.centre(),
	}
	n.SignWith(u.key)
	return n.Encode()
}

func (u *upstream) Keys(context.Context, string) ([]byte, error) {
	u.keysSeen++
	return u.notice(), u.down
}

func (u *upstream) Exchange(_ context.Context, _ string, body []byte) (clientlib.Reply, error) {
	if u.down != nil {
		return clientlib.Reply{}, u.down
	}
	o, err := syncproto.OpenRequest(body, func(id syncproto.KeyID) (syncproto.SealPrivate, bool) {
		return u.exchange, id == u.exchange.Public.ID
	})
	if syncproto.CodeOf(err) == syncproto.CodeOldKey {
		return clientlib.Reply{Notice: u.notice()}, nil
	}
	if err != nil {
		u.t.Errorf("upstream: %v", err)
		return clientlib.Reply{}, err
	}
	u.requests = append(u.requests, o)
	u.seen.Add(1)
	a := u.answer(o)
	if a.SealKey == nil {
		a.SealKey = u.seal.Public.Bytes()
	}
	b, err := o.EncodeAnswer(a, u.key, rand.Reader)
	return clientlib.Reply{Answer: b}, err
}

func (u *upstream) last() *syncproto.Opened { return u.requests[len(u.requests)-1] }

// ingester records what the relay brings down.
type ingester struct{ batches []ingest.Batch }

func (i *ingester) Submit(_ context.Context, b ingest.Batch) (ingest.Result, error) {
	i.batches = append(i.batches, b)
	return ingest.Result{}, nil
}
func (i *ingester) Definitions() *ingest.Definitions { return nil }

// ownLog is an own log with one origin.
type ownLog struct{ head syncproto.OriginHeads }

func (o *ownLog) Heads(context.Context) ([]syncproto.OriginHeads, error) {
	return []syncproto.OriginHeads{o.head}, nil
}
func (o *ownLog) HeadsAt(_ context.Context, id syncproto.OriginID, seq uint64) (syncproto.Heads, bool, error) {
	return o.head.Heads, id == o.head.Origin && seq == o.head.Seq, nil
}

// point is a relay over a real store.
type point struct {
	*relay.Relay
	t      *testing.T
	store  *sqlitestore.Store
	up     *upstream
	in     *ingester
	own    *ownLog
	notice []byte
	found  []exchange.Finding
	waits  chan time.Duration
	tick   chan time.Time
	cfg    relay.Config
}

func newPoint(t *testing.T) *point {
	t.Helper()
	st, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"), sqlitestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	p := &point{t: t, store: st, up: newUpstream(t), in: &ingester{}, own: &ownLog{}, waits: make(chan time.Duration), tick: make(chan time.Time)}
	p.cfg = relay.Config{
		Store: st, Ingest: p.in, Own: p.own, Transport: p.up, Upstream: "http://centre", Trust: keys.NewTrust(newKey(t), p.up.centre()),
		Credentials: []string{"credential"}, Every: time.Hour,
		Notice: func() []byte { return p.notice }, SetNotice: func(b []byte, _ *syncproto.Centre) error { p.notice = b; return nil },
		Found: func(f exchange.Finding) { p.found = append(p.found, f) },
		After: func(d time.Duration) <-chan time.Time { p.waits <- d; return p.tick },
		Rand:  mrand.New(mrand.NewPCG(1, 2)),
	}
	p.Relay = relay.New(p.cfg)
	return p
}

// phone stores n segments of a new phone, of one change each.
func (p *point) phone(n int) syncproto.OriginID {
	p.t.Helper()
	key := newKey(p.t)
	id := syncproto.OriginOf(key.Public().(ed25519.PublicKey))
	before := syncproto.Genesis(id)
	err := p.store.Update(p.t.Context(), func(tx store.Tx) error {
		if err := tx.PutOrigin(store.Origin{ID: id, Key: key.Public().(ed25519.PublicKey), Credentials: []string{"of a phone"}, Role: credential.RolePhone}); err != nil {
			return err
		}
		first := before
		for range n {
			seg := p.segment(key, id, before)
			if _, err := tx.AddSegment(store.Segment{
				Origin: id, First: seg.First(), Last: seg.Last(), Before: seg.Before, After: seg.After, Sealed: true, Data: seg.Encode(),
			}); err != nil {
				return err
			}
			before = seg.After
		}
		return tx.PutRun(store.Run{Origin: id, First: 1, Before: first, Last: before, Linked: true})
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return id
}

func (p *point) segment(key ed25519.PrivateKey, id syncproto.OriginID, before syncproto.Heads) *syncproto.Segment {
	p.t.Helper()
	secret := syncproto.SaltSecret{1}
	seg, err := syncproto.EncodeSegment(syncproto.SegmentInput{
		Origin: id, Before: before, Key: key, To: p.up.seal.Public, Salts: []syncproto.SaltRun{{Count: 1, Secret: &secret}},
		Changes: []syncproto.Change{{Origin: id, Seq: before.Seq + 1, Header: syncproto.Header{
			Schema: 1, Collection: syncproto.CollectionActivity, Op: syncproto.OpCreate, StampMS: 1,
		}}},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return seg
}

// takes answers with heads for all segments of the request, as a centre would.
func (u *upstream) takes() {
	held := map[syncproto.OriginID]syncproto.Heads{}
	u.answer = func(o *syncproto.Opened) *syncproto.Answer {
		a := &syncproto.Answer{}
		for _, b := range o.Segments {
			s, err := syncproto.ParseSegment(b)
			if err != nil {
				u.t.Errorf("segment: %v", err)
				continue
			}
			held[s.Origin] = s.After
		}
		for id, h := range held {
			a.Heads = append(a.Heads, syncproto.OriginHeads{Origin: id, Heads: h})
		}
		return a
	}
}

func (p *point) sync() {
	p.t.Helper()
	if err := p.Sync(p.t.Context()); err != nil {
		p.t.Fatalf("Sync: %v", err)
	}
}

func (p *point) sent() (n int) {
	for _, r := range p.up.requests {
		n += len(r.Segments)
	}
	return n
}

func TestSegmentsGoUpOnce(t *testing.T) {
	p := newPoint(t)
	p.up.takes()
	id := p.phone(3)
	p.sync()
	if p.sent() != 3 {
		t.Fatalf("%d segments sent, want 3", p.sent())
	}
	first := p.up.requests[0]
	if len(first.Extra) != 1 || first.Extra[0].Origin != id || first.Extra[0].Credentials[0] != "of a phone" {
		t.Errorf("the phone is not introduced: %v", first.Extra)
	}
	if first.Credentials[0] != "credential" {
		t.Errorf("own credentials: %v", first.Credentials)
	}
	p.sync()
	if p.sent() != 3 {
		t.Errorf("sent again: %d", p.sent())
	}
	// A new process knows from the store.
	p.Relay = relay.New(p.cfg)
	p.sync()
	if p.sent() != 3 {
		t.Errorf("sent again after a restart: %d", p.sent())
	}
	p.phone(1)
	p.sync()
	if p.sent() != 4 {
		t.Errorf("%d sent, want the new one only", p.sent())
	}
}

// Chunks start small, so a bad line gets something through.
func TestChunksStartSmallAndGrow(t *testing.T) {
	p := newPoint(t)
	p.up.takes()
	p.phone(200)
	p.sync()
	var sizes []int
	for _, r := range p.up.requests {
		n := 0
		for _, s := range r.Segments {
			n += len(s)
		}
		sizes = append(sizes, n)
	}
	if len(sizes) < 2 || sizes[0] > exchange.FirstChunk || sizes[1] <= sizes[0] {
		t.Errorf("bytes of the requests: %v", sizes)
	}
	if p.sent() != 200 {
		t.Errorf("%d sent", p.sent())
	}
	if w := p.up.requests[0].Waiting; w != 200-len(p.up.requests[0].Segments) {
		t.Errorf("says that %d changes wait", w)
	}
	if w := p.up.last().Waiting; w != 0 && len(p.up.last().Segments) > 0 {
		t.Errorf("at the end says that %d wait", w)
	}
}

// What upstream cannot take now is sent again, what it sets aside is not and
// blocks nobody.
func TestProblems(t *testing.T) {
	p := newPoint(t)
	p.phone(1)
	p.phone(1)
	p.up.answer = func(*syncproto.Opened) *syncproto.Answer {
		return &syncproto.Answer{Problems: []syncproto.Problem{{Index: 0, Code: syncproto.CodeDiskFull}}}
	}
	if err := p.Sync(t.Context()); syncproto.CodeOf(err) != syncproto.CodeDiskFull {
		t.Fatalf("Sync: %v", err)
	}
	st, err := p.Status(t.Context())
	if err != nil || st.Failures != 1 || st.LastErrorCode != syncproto.CodeDiskFull || st.LastSuccessMS != 0 || st.LastAnswerMS == 0 {
		t.Errorf("status %+v %v", st, err)
	}
	before := p.sent()
	p.up.answer = func(*syncproto.Opened) *syncproto.Answer {
		return &syncproto.Answer{Problems: []syncproto.Problem{{Index: 0, Code: syncproto.CodeSignature}}}
	}
	p.sync()
	if got := p.sent() - before; got != 2 {
		t.Errorf("%d sent after the disk was full, want both", got)
	}
	p.sync()
	if got := p.sent() - before; got != 2 {
		t.Errorf("a segment that was set aside is sent for ever: %d", got)
	}
}

func TestRestoredUpstreamGetsEverythingAgain(t *testing.T) {
	p := newPoint(t)
	var epoch syncproto.Epoch
	begin := func() {
		epoch = uuid.New()
		p.up.takes()
		took := p.up.answer
		p.up.answer = func(o *syncproto.Opened) *syncproto.Answer {
			a := took(o)
			a.Checkpoints = []syncproto.Checkpoint{{Feed: syncproto.ReceiptFeed, Epoch: epoch, Position: 5}}
			return a
		}
	}
	begin()
	p.phone(2)
	p.sync()
	p.sync()
	if cp := p.up.last().Checkpoints[len(p.up.last().Checkpoints)-1]; cp.Epoch != epoch || cp.Position != 5 {
		t.Errorf("checkpoint %+v", cp)
	}
	before := p.sent()
	begin()
	p.sync()
	if got := p.sent() - before; got != 2 {
		t.Errorf("%d segments sent after the restore, want 2", got)
	}
}

func TestOldKeyIsFollowed(t *testing.T) {
	p := newPoint(t)
	p.sync()
	p.up.exchange, p.up.serial = newSeal(t), 2
	p.sync()
	n, err := syncproto.DecodeKeyNotice(p.notice)
	if err != nil || n.Serial != 2 {
		t.Errorf("stored notice %v %v", n, err)
	}
	// An older notice is somebody playing it back.
	p.up.exchange, p.up.serial = newSeal(t), 1
	if err := p.Sync(t.Context()); syncproto.CodeOf(err) != syncproto.CodeOldKey {
		t.Errorf("older notice: %v", err)
	}
}

func TestNewSealingKeyIsFetched(t *testing.T) {
	p := newPoint(t)
	p.sync()
	seen := p.up.keysSeen
	p.sync()
	if p.up.keysSeen != seen {
		t.Error("keys are fetched without need")
	}
	p.up.seal, p.up.serial = newSeal(t), 2
	p.sync()
	n, err := syncproto.DecodeKeyNotice(p.notice)
	if err != nil || string(n.Seal.Key) != string(p.up.seal.Public.Bytes()) {
		t.Errorf("stored sealing key %v", err)
	}
}

func TestForeignServerIsRefused(t *testing.T) {
	p := newPoint(t)
	other := newUpstream(t)
	p.up.key = other.key // answers at the same address with another identity
	if err := p.Sync(t.Context()); syncproto.CodeOf(err) != syncproto.CodeForeignKey {
		t.Errorf("Sync: %v", err)
	}
	if len(p.up.requests) != 0 || p.notice != nil {
		t.Error("something was sent to it, or its keys were kept")
	}
}

func TestOwnLogBehindUpstreamIsFound(t *testing.T) {
	p := newPoint(t)
	id := syncproto.OriginOf(p.cfg.Trust.Public())
	p.own.head = syncproto.OriginHeads{Origin: id, Heads: syncproto.Heads{Seq: 3}}
	p.up.answer = func(*syncproto.Opened) *syncproto.Answer {
		return &syncproto.Answer{Heads: []syncproto.OriginHeads{{Origin: id, Heads: syncproto.Heads{Seq: 5}}}}
	}
	p.sync()
	if len(p.found) != 1 || p.found[0].Kind != exchange.WeWereRestored || p.found[0].Theirs.Seq != 5 {
		t.Errorf("found %+v", p.found)
	}
}

// What comes down goes to the ingest whole, with the beacon.
func TestDownwardPartsReachTheIngest(t *testing.T) {
	p := newPoint(t)
	mark := syncproto.BeaconMark{MS: 60_000, Tag: [8]byte{1}}
	p.up.answer = func(*syncproto.Opened) *syncproto.Answer {
		return &syncproto.Answer{Beacon: mark, Receipts: [][]byte{{1}}, Pages: [][]byte{{2}}, Segments: [][]byte{{3}}}
	}
	p.sync()
	b := p.in.batches[0]
	if b.Beacon != mark || len(b.Receipts) != 1 || len(b.Pages) != 1 || len(b.Segments) != 1 || b.Via != syncproto.OriginOf(p.up.public()) {
		t.Errorf("batch %+v", b)
	}
}

// Failures make the pauses longer; success and Wake make the next exchange
// come at its time.
func TestRunBacksOff(t *testing.T) {
	p := newPoint(t)
	p.up.down = errors.New("no line")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); p.Run(ctx) }()
	var longest time.Duration
	for range 12 {
		d := <-p.waits
		if d <= 0 || d > 16*time.Minute {
			t.Errorf("pause %v", d)
		}
		longest = max(longest, d)
		p.Wake() // must not shorten the pause
		p.tick <- time.Time{}
	}
	if longest < time.Minute {
		t.Errorf("the longest pause is %v", longest)
	}
	<-p.waits
	p.up.down = nil // the loop waits for the tick: nobody reads down
	p.tick <- time.Time{}
	// The wake during the failures was not lost: two exchanges follow.
	for i := range 2 {
		if d := <-p.waits; d != time.Hour {
			t.Errorf("pause %d after success: %v", i, d)
		}
	}
	if st, err := p.Status(t.Context()); err != nil || st.Failures != 0 || st.LastSuccessMS == 0 {
		t.Errorf("status %+v %v", st, err)
	}
	n := p.up.seen.Load()
	p.Wake()
	<-p.waits
	if p.up.seen.Load() != n+1 {
		t.Error("Wake woke nobody")
	}
	cancel()
	<-done
}

func TestRetryAfterIsHonoured(t *testing.T) {
	p := newPoint(t)
	p.up.down = &clientlib.ServerError{Err: syncproto.Errorf(syncproto.CodeOverload, "busy"), RetryAfter: 7 * time.Hour}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); p.Run(ctx) }()
	if d := <-p.waits; d != 7*time.Hour {
		t.Errorf("pause %v", d)
	}
	cancel()
	<-done
}

func TestInvitations(t *testing.T) {
	inv := relay.Invitation{Server: "http://192.168.1.1:8017/a b", Centre: "abc_-", Code: "K7QP-3FZN-8TWR"}
	got, err := relay.ParseInvitation(inv.URI())
	if err != nil || got != inv {
		t.Errorf("%s gives %+v, %v", inv.URI(), got, err)
	}
	for _, bad := range []string{"", "http://x", "thonsync:join?server=a&centre=b", "thonsync:leave?server=a&centre=b&code=c", "thonsync://join?server=a&centre=b&code=c", "%zz"} {
		if _, err := relay.ParseInvitation(bad); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
