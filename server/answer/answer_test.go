package answer_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/server/answer"
	"thonsync/server/ingest"
	"thonsync/server/keys"
	"thonsync/server/store"
	"thonsync/server/store/sqlitestore"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// taker is an ingest that notes what it is given.
type taker struct {
	batches []ingest.Batch
	revoked map[syncproto.OriginID]*syncproto.Ruling
	blocked map[syncproto.OriginID]bool
	result  ingest.Result
	err     error
}

func (k *taker) Submit(_ context.Context, b ingest.Batch) (ingest.Result, error) {
	k.batches = append(k.batches, b)
	return k.result, k.err
}
func (k *taker) Beacon() syncproto.BeaconMark {
	return syncproto.BeaconMark{MS: 60_000, Tag: [8]byte{9}}
}
func (k *taker) Definitions() *ingest.Definitions { return &ingest.Definitions{} }
func (k *taker) Barred(_ store.Reader, id syncproto.OriginID, chain []string) (ingest.Bar, error) {
	for _, sub := range append([]syncproto.OriginID{id}, credential.Subjects(chain)...) {
		if r := k.revoked[sub]; r != nil {
			return ingest.Bar{Ruling: r}, nil
		}
	}
	return ingest.Bar{Blocked: k.blocked[id]}, nil
}

// bench is a service over a real store.
type bench struct {
	*answer.Service
	t      *testing.T
	store  *sqlitestore.Store
	in     *taker
	centre ed25519.PrivateKey
	epoch  syncproto.Epoch
	folder *keys.Folder
	now    time.Time
	noted  *notes
}

func newBench(t *testing.T, role credential.Role, units ...string) *bench {
	t.Helper()
	return newBenchOn(t, "", role, units...)
}

// newBenchOn is newBench on a database driver; "" for the usual one.
func newBenchOn(t *testing.T, driver string, role credential.Role, units ...string) *bench {
	t.Helper()
	st, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"), sqlitestore.Options{Driver: driver})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	b := &bench{noted: &notes{}, t: t, store: st, in: &taker{}, centre: key(t), epoch: uuid.New(), now: time.Unix(1_800_000_000, 0)}
	if b.folder, err = keys.Open(t.TempDir(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	seal, made, err := b.folder.Seal(b.now)
	if err != nil {
		t.Fatal(err)
	}
	line := syncproto.FoundCentre(b.centre, syncproto.Hash{}, 1)
	b.Service = answer.New(answer.Config{
		Store: st, Ingest: b.in, Role: role, Trust: keys.NewTrust(b.centre, line), Units: units, Epoch: func() syncproto.Epoch { return b.epoch }, Foreign: b.noted,
		Exchange: func(c *syncproto.Centre, s []byte) (keys.Exchange, error) {
			x, _, err := b.folder.Exchange(b.now, 7*24*time.Hour, c.Number(), s)
			return x, err
		},
		Seal: func() (syncproto.SealStatement, *syncproto.Centre, error) {
			return syncproto.StateSeal(b.centre, seal.Public.Bytes(), made), line, nil
		},
		Quotas: map[credential.Role]answer.Quota{credential.RolePhone: {Burst: 1 << 20, PerSecond: 1 << 10}, credential.RolePoint: {Burst: 4 << 20, PerSecond: 1 << 12}},
		Now:    func() time.Time { return b.now },
	})
	return b
}

func key(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func pub(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

// device is somebody with a credential of the centre.
type device struct {
	holds syncproto.Heads // what the server was given of it
	key   ed25519.PrivateKey
	id    syncproto.OriginID
	chain []string
	grant credential.Grant
}

func (b *bench) device(role credential.Role, team uuid.UUID, units ...string) *device {
	b.t.Helper()
	d := &device{key: key(b.t)}
	d.grant = credential.Grant{Key: pub(d.key), Role: role, Units: units, Team: team, Issued: b.now}
	d.id = syncproto.OriginOf(pub(d.key))
	token, err := credential.Issue(d.grant, b.centre)
	if err != nil {
		b.t.Fatal(err)
	}
	d.chain = []string{token}
	return d
}

// known stores an origin with n changes in one run, a segment and receipts of
// every mark.
func (b *bench) known(d *device) *device {
	b.t.Helper()
	if d.holds.Seq > 0 {
		b.t.Fatal("known already")
	}
	secret := syncproto.SaltSecret{1}
	seal, _, err := b.folder.Seal(b.now)
	if err != nil {
		b.t.Fatal(err)
	}
	seg, err := syncproto.EncodeSegment(syncproto.SegmentInput{
		Origin: d.id, Before: syncproto.Genesis(d.id), Key: d.key, To: seal.Public, Salts: []syncproto.SaltRun{{Count: 1, Secret: &secret}},
		Changes: []syncproto.Change{{Origin: d.id, Seq: 1, Header: syncproto.Header{Schema: 1, Collection: syncproto.CollectionActivity, Op: syncproto.OpCreate}}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	err = b.store.Update(b.t.Context(), func(tx store.Tx) error {
		o := store.Origin{ID: d.id, Key: pub(d.key), Credentials: d.chain, Role: d.grant.Role, Units: d.grant.Units, Team: d.grant.Team}
		if err := tx.PutOrigin(o); err != nil {
			return err
		}
		if _, err := tx.AddSegment(store.Segment{Origin: d.id, First: 1, Last: 1, Before: seg.Before, After: seg.After, Sealed: true, Data: seg.Encode()}); err != nil {
			return err
		}
		if err := tx.PutRun(store.Run{Origin: d.id, First: 1, Before: seg.Before, Last: seg.After, Linked: true}); err != nil {
			return err
		}
		for _, mark := range []syncproto.Mark{syncproto.MarkCommune, syncproto.MarkReceived, syncproto.MarkSafe} {
			r := &syncproto.Receipt{Mark: mark, Origin: d.id, First: 1, Last: 1, Open: seg.After.Open, Closed: seg.After.Closed}
			r.Sign(b.centre)
			if _, err := tx.PutReceipt(store.Receipt{ReceiptKey: store.ReceiptKey{Origin: d.id, First: 1, Mark: mark, Issuer: r.Issuer}, Last: 1, Data: r.Encode()}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	d.holds = seg.After
	return d
}

// ask sends a request of d and opens the answer.
func (b *bench) ask(d *device, q *syncproto.Request) (*syncproto.Answer, error) {
	b.t.Helper()
	n, err := b.Keys(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	notice, err := syncproto.DecodeKeyNotice(n)
	if err != nil {
		b.t.Fatal(err)
	}
	to, err := syncproto.NewSealPublic(notice.Exchange)
	if err != nil {
		b.t.Fatal(err)
	}
	q.ID, q.Origin = uuid.New(), d.id
	if q.Join == nil && q.Credentials == nil {
		q.Credentials = d.chain
	}
	body, pending, err := syncproto.EncodeRequest(q, d.key, to)
	if err != nil {
		b.t.Fatal(err)
	}
	out, err := b.Exchange(b.t.Context(), body)
	if err != nil {
		return nil, err
	}
	a, err := pending.OpenAnswer(out, notice.Sign)
	if err != nil {
		b.t.Fatalf("answer does not open: %v", err)
	}
	return a, nil
}

func heads(devices ...*device) []syncproto.OriginHeads {
	var out []syncproto.OriginHeads
	for _, d := range devices {
		out = append(out, syncproto.OriginHeads{Origin: d.id, Heads: syncproto.Genesis(d.id)})
	}
	return out
}

func originsOf(t *testing.T, a *syncproto.Answer) (heads, receipts, segments, chains []syncproto.OriginID) {
	t.Helper()
	for _, h := range a.Heads {
		heads = append(heads, h.Origin)
	}
	for _, b := range a.Receipts {
		r, err := syncproto.DecodeReceipt(b)
		if err != nil {
			t.Fatal(err)
		}
		receipts = append(receipts, r.Origin)
	}
	for _, b := range a.Segments {
		s, err := syncproto.ParseSegment(b)
		if err != nil {
			t.Fatal(err)
		}
		if s.Sealed() {
			t.Error("a sealed part went down")
		}
		segments = append(segments, s.Origin)
	}
	for _, c := range a.Credentials {
		chains = append(chains, c.Origin)
	}
	return heads, receipts, segments, chains
}

func has(list []syncproto.OriginID, d *device) bool { return slices.Contains(list, d.id) }

// Whatever a phone names in its request, it learns of itself and its team only.
func TestPhoneLearnsOfItsTeamOnly(t *testing.T) {
	for _, role := range []credential.Role{credential.RoleCentre, credential.RolePoint} {
		t.Run(string(role), func(t *testing.T) {
			b := newBench(t, role, "l:1")
			team, other := uuid.New(), uuid.New()
			self := b.known(b.device(credential.RolePhone, team, "l:1"))
			mate := b.known(b.device(credential.RolePhone, team, "l:1"))
			foreign := map[string]*device{
				"another team":                   b.known(b.device(credential.RolePhone, other, "l:1")),
				"same team id in another unit":   b.known(b.device(credential.RolePhone, team, "l:2")),
				"the point":                      b.known(b.device(credential.RolePoint, uuid.Nil, "l:1")),
				"somebody who is not known":      b.device(credential.RolePhone, team, "l:1"),
				"an officer without any team":    b.known(b.device(credential.RolePhone, uuid.Nil, "l:1")),
				"a phone that shares no commune": b.known(b.device(credential.RolePhone, other, "l:3")),
			}
			own := syncproto.OriginHeads{Origin: self.id, Heads: self.holds}
			q := &syncproto.Request{Heads: append(heads(mate), own), Budget: syncproto.MaxMessageBytes}
			for _, d := range foreign {
				q.Heads = append(q.Heads, heads(d)...)
			}
			a, err := b.ask(self, q)
			if err != nil {
				t.Fatal(err)
			}
			h, r, s, c := originsOf(t, a)
			if !has(h, self) || !has(h, mate) || !has(r, self) || !has(r, mate) || !has(s, mate) || !has(c, mate) {
				t.Errorf("its own is missing: heads %v, receipts %v, segments %v, chains %v", h, r, s, c)
			}
			if has(s, self) {
				t.Error("own changes are echoed back")
			}
			lost, err := b.ask(self, &syncproto.Request{Heads: heads(self), Budget: syncproto.MaxMessageBytes})
			if err != nil {
				t.Fatal(err)
			}
			if _, _, s, _ := originsOf(t, lost); !has(s, self) {
				t.Error("a phone that lost its changes does not get them back")
			}
			for name, d := range foreign {
				if has(h, d) || has(r, d) || has(s, d) || has(c, d) {
					t.Errorf("it learns of %s", name)
				}
			}
			if a.Beacon.MS != 60_000 || a.SealKey == nil || a.NowMS != b.now.UnixMilli() || a.More {
				t.Errorf("answer %+v", a)
			}
		})
	}
}

// Who was revoked may upload and learns what became of its own work and why it
// gets nothing else: no pages, nothing of its team. A block of the point is the
// same without a ruling.
func TestRevokedGetsItsReceiptsOnly(t *testing.T) {
	b := newBench(t, credential.RolePoint, "l:1")
	b.in.revoked, b.in.blocked = map[syncproto.OriginID]*syncproto.Ruling{}, map[syncproto.OriginID]bool{}
	team := uuid.New()
	self, mate := b.known(b.device(credential.RolePhone, team, "l:1")), b.known(b.device(credential.RolePhone, team, "l:1"))
	q := &syncproto.Request{Heads: heads(self, mate), Budget: syncproto.MaxMessageBytes, Segments: [][]byte{[]byte("work")}}
	a, err := b.ask(self, q)
	if err != nil {
		t.Fatal(err)
	}
	if h, _, s, _ := originsOf(t, a); !has(h, mate) || !has(s, mate) || len(a.Rulings) > 0 {
		t.Fatalf("before: heads %v, segments %v", h, s)
	}
	ruling := &syncproto.Ruling{Number: 4, Kind: syncproto.RulingRevoke, Target: syncproto.Ref{Origin: self.id}}
	ruling.Sign(b.centre)
	for name, bar := range map[string]func(){
		"revoked": func() { b.in.revoked[self.id] = ruling },
		"blocked": func() { b.in.blocked[self.id] = true },
	} {
		clear(b.in.revoked)
		clear(b.in.blocked)
		bar()
		before := len(b.in.batches)
		a, err := b.ask(self, q)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		h, r, s, c := originsOf(t, a)
		if len(b.in.batches) != before+1 || !has(h, self) || !has(r, self) {
			t.Errorf("%s: took %d batches, heads %v, receipts %v", name, len(b.in.batches)-before, h, r)
		}
		if has(h, mate) || has(r, mate) || len(s)+len(c)+len(a.Pages) > 0 {
			t.Errorf("%s: it learns of its team: heads %v, receipts %v, segments %v, chains %v, %d pages", name, h, r, s, c, len(a.Pages))
		}
		if want := name == "revoked"; len(a.Rulings) == 1 != want {
			t.Errorf("%s: %d rulings", name, len(a.Rulings))
		}
		file, err := b.Bundle(t.Context(), answer.AskFor(self.id))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range file {
			if e.Kind != syncproto.EntryNotice && e.Kind != syncproto.EntryReceipt && e.Kind != syncproto.EntryRuling {
				t.Errorf("%s: its answer file holds an entry of kind %d", name, e.Kind)
			}
		}
	}
}

func TestPointLearnsOfItsUnitsOnly(t *testing.T) {
	b := newBench(t, credential.RoleCentre)
	p := b.device(credential.RolePoint, uuid.Nil, "l:1")
	in, out := b.known(b.device(credential.RolePhone, uuid.New(), "l:1")), b.known(b.device(credential.RolePhone, uuid.New(), "l:2"))
	a, err := b.ask(p, &syncproto.Request{Heads: heads(in, out), Budget: syncproto.MaxMessageBytes})
	if err != nil {
		t.Fatal(err)
	}
	h, r, s, _ := originsOf(t, a)
	if !has(h, in) || !has(r, in) || has(h, out) || has(r, out) || len(s) > 0 {
		t.Errorf("heads %v, receipts %v, segments %v", h, r, s)
	}
	// Receipts go once; another epoch makes them go again.
	cp := a.Checkpoints
	if a, err = b.ask(p, &syncproto.Request{Checkpoints: cp}); err != nil || len(a.Receipts) != 0 {
		t.Errorf("%d receipts again, %v", len(a.Receipts), err)
	}
	cp[0].Epoch = uuid.New()
	if a, err = b.ask(p, &syncproto.Request{Checkpoints: cp, Budget: syncproto.MaxMessageBytes}); err != nil || len(a.Receipts) != 3 {
		t.Errorf("%d receipts for another epoch, %v", len(a.Receipts), err)
	}
}

// With the smallest budget all of it arrives, in more rounds, and nothing twice.
func TestSmallBudgetsMakeProgress(t *testing.T) {
	b := newBench(t, credential.RolePoint, "l:1")
	team := uuid.New()
	self := b.known(b.device(credential.RolePhone, team, "l:1"))
	const mates = 40
	var named []*device
	for range mates {
		named = append(named, b.known(b.device(credential.RolePhone, team, "l:1")))
	}
	q := &syncproto.Request{Budget: 1, Heads: append(heads(named...), syncproto.OriginHeads{Origin: self.id, Heads: self.holds})}
	seen := map[string]int{}
	for round := 0; ; round++ {
		a, err := b.ask(self, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range slices.Concat(a.Receipts, a.Segments) {
			seen[string(x)]++
		}
		for i := range q.Heads {
			for _, x := range a.Segments {
				if s, err := syncproto.ParseSegment(x); err == nil && s.Origin == q.Heads[i].Origin {
					q.Heads[i].Heads = s.After
				}
			}
		}
		q.Checkpoints = a.Checkpoints
		if !a.More {
			if round < 2 {
				t.Errorf("over after %d rounds: the budget bounds nothing", round+1)
			}
			break
		}
		if round > 200 {
			t.Fatal("no end")
		}
	}
	for x, n := range seen {
		if n != 1 {
			t.Errorf("%d times the same %d bytes", n, len(x))
		}
	}
	if want := 3*(mates+1) + mates; len(seen) != want {
		t.Errorf("%d things arrived, want %d", len(seen), want)
	}
}

func TestWhoIsTurnedAway(t *testing.T) {
	b := newBench(t, credential.RolePoint, "l:1")
	good := b.device(credential.RolePhone, uuid.New(), "l:1")
	thief := &device{key: key(t), chain: good.chain}
	thief.id = syncproto.OriginOf(pub(thief.key))
	liar := &device{key: thief.key, id: good.id, chain: good.chain}
	for name, c := range map[string]struct {
		d    *device
		q    *syncproto.Request
		code syncproto.Code
	}{
		"no credential":              {good, &syncproto.Request{Credentials: []string{}}, syncproto.CodeCredential},
		"nonsense":                   {good, &syncproto.Request{Credentials: []string{"a.b.c"}}, syncproto.CodeCredential},
		"somebody else's credential": {thief, &syncproto.Request{}, syncproto.CodeForeignKey},
		"somebody else's origin":     {liar, &syncproto.Request{}, syncproto.CodeSignature},
		"another commune":            {b.device(credential.RolePhone, uuid.New(), "l:2"), &syncproto.Request{}, syncproto.CodeScope},
		"joining where nobody may":   {good, &syncproto.Request{Join: &syncproto.Join{Code: "x", Key: pub(good.key)}}, syncproto.CodeCodeSpent},
		"joining with another's key": {good, &syncproto.Request{Join: &syncproto.Join{Code: "x", Key: pub(thief.key)}}, syncproto.CodeForeignKey},
	} {
		if _, err := b.ask(c.d, c.q); syncproto.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	if len(b.in.batches) != 0 {
		t.Error("something was taken from somebody who was turned away")
	}
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := b.store.View(t.Context(), func(r store.Reader) error {
		n, err := r.Counter("refused:" + string(syncproto.CodeScope))
		if err == nil && n != 1 {
			err = fmt.Errorf("%d foreign askers counted", n)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// Problems and heads of the ingest come back; its failure fails the whole.
func TestIngestIsAnswered(t *testing.T) {
	b := newBench(t, credential.RoleCentre)
	d := b.device(credential.RolePhone, uuid.New(), "l:1")
	b.in.result = ingest.Result{Problems: []syncproto.Problem{{Index: 1, Code: syncproto.CodeChain, Message: "broken"}}}
	a, err := b.ask(d, &syncproto.Request{Segments: [][]byte{{1}, {2}}, Waiting: 7, ClockMS: b.now.UnixMilli() + 5000})
	if err != nil || len(a.Problems) != 1 || a.Problems[0].Index != 1 {
		t.Fatalf("%+v %v", a, err)
	}
	got := b.in.batches[0]
	if got.Via != d.id || len(got.Segments) != 2 || len(got.Credentials) != 1 || got.Credentials[0].Origin != d.id {
		t.Errorf("batch %+v", got)
	}
	if len(a.Heads) != 1 || !a.Heads[0].Equal(syncproto.Genesis(d.id)) {
		t.Errorf("heads %+v, want the genesis of the asker", a.Heads)
	}
	b.in.err = &ingest.Overload{After: time.Second}
	if _, err := b.ask(d, &syncproto.Request{Segments: [][]byte{{1}}}); syncproto.CodeOf(err) != syncproto.CodeOverload {
		t.Errorf("overload: %v", err)
	}
	// Asking costs no write once the asker is known.
	b.in.err = nil
	b.known(d)
	n := len(b.in.batches)
	if _, err := b.ask(d, &syncproto.Request{Waiting: 7, ClockMS: b.now.UnixMilli() + 5000}); err != nil || len(b.in.batches) != n {
		t.Errorf("%d batches for a question, %v", len(b.in.batches)-n, err)
	}
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	err = b.store.View(t.Context(), func(r store.Reader) error {
		o, _, err := r.Origin(d.id)
		if o.Waiting != 7 || o.ClockOffsetMS != 5000 || o.LastContactMS != b.now.UnixMilli() {
			t.Errorf("sign of life %+v", o)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestOldKey(t *testing.T) {
	b := newBench(t, credential.RoleCentre)
	d := b.device(credential.RolePhone, uuid.New(), "l:1")
	old, err := b.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	notice, err := syncproto.DecodeKeyNotice(old)
	if err != nil {
		t.Fatal(err)
	}
	to, err := syncproto.NewSealPublic(notice.Exchange)
	if err != nil {
		t.Fatal(err)
	}
	body, _, err := syncproto.EncodeRequest(&syncproto.Request{Origin: d.id, Credentials: d.chain}, d.key, to)
	if err != nil {
		t.Fatal(err)
	}
	b.now = b.now.Add(8 * 24 * time.Hour)
	out, err := b.Exchange(t.Context(), body)
	if syncproto.CodeOf(err) != syncproto.CodeOldKey {
		t.Fatalf("old key: %v", err)
	}
	next, err := syncproto.DecodeKeyNotice(out)
	if err != nil || next.Serial <= notice.Serial || !next.Centre.Key().Equal(pub(b.centre)) {
		t.Errorf("notice %+v %v", next, err)
	}
	for _, bad := range [][]byte{nil, {1}, body[:len(body)-1], make([]byte, syncproto.MaxMessageBytes+1)} {
		if out, err := b.Exchange(t.Context(), bad); err == nil || syncproto.CodeOf(err) != syncproto.CodeOldKey && out != nil {
			t.Errorf("%d bytes of nonsense: %v", len(bad), err)
		}
	}
}
