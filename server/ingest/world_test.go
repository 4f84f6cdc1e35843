package ingest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/server/keys"
	"thonsync/server/store"
	"thonsync/server/store/sqlitestore"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
	"thonsync/testdata/units"
)

// testClock is a clock that stands still until it is moved.
type testClock struct{ ms atomic.Int64 }

func (c *testClock) now() time.Time          { return time.UnixMilli(c.ms.Load()) }
func (c *testClock) advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

// server is a centre or point under test.
type server struct {
	t     testing.TB
	path  string
	store *sqlitestore.Store
	*Service
	cfg   Config
	clock *testClock
}

func seedKey(name string) ed25519.PrivateKey {
	sum := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(sum[:])
}

func pub(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

func sealKey(t testing.TB, name string) syncproto.SealPrivate {
	t.Helper()
	sum := sha256.Sum256([]byte("seal " + name))
	k, err := syncproto.NewSealPrivate(sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return k
}

const startMS = 1_790_000_000_000

var centreKey = seedKey("centre")

func ring(keys ...syncproto.SealPrivate) syncproto.Keyring {
	return func(id syncproto.KeyID) (syncproto.SealPrivate, bool) {
		i := slices.IndexFunc(keys, func(k syncproto.SealPrivate) bool { return k.Public.ID == id })
		if i < 0 {
			return syncproto.SealPrivate{}, false
		}
		return keys[i], true
	}
}

func centreConfig(t testing.TB) Config {
	return Config{
		Role: credential.RoleCentre, Trust: keys.NewTrust(centreKey, syncproto.FoundCentre(centreKey, syncproto.Hash{}, startMS)), Keys: ring(sealKey(t, "one")),
		DataKey: bytes.Repeat([]byte{7}, 32), BeaconSecret: bytes.Repeat([]byte{8}, 32),
	}
}

func openServer(t testing.TB, path string, cfg Config) *server {
	t.Helper()
	st, err := sqlitestore.Open(context.Background(), path, sqlitestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	clock := &testClock{}
	clock.ms.Store(startMS)
	cfg.Store, cfg.Now = st, clock.now
	svc, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, path: path, store: st, Service: svc, cfg: cfg, clock: clock}
	t.Cleanup(func() {
		if err := s.Service.Close(); err != nil {
			t.Error(err)
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
		checkTallies(t, path)
	})
	return s
}

// checkTallies makes sure that what is counted ahead is what a recount gives,
// whatever a test did.
func checkTallies(t testing.TB, path string) {
	t.Helper()
	st, err := sqlitestore.Open(context.Background(), path, sqlitestore.Options{ReadOnly: true})
	if err != nil {
		t.Error(err)
		return
	}
	if off, err := CheckTallies(context.Background(), st, 3); err != nil || len(off) > 0 {
		t.Errorf("tallies: %v, %v", off, err)
	}
	if err := st.Close(); err != nil {
		t.Error(err)
	}
}

func newCentre(t testing.TB) *server {
	t.Helper()
	return openServer(t, filepath.Join(t.TempDir(), "centre.db"), centreConfig(t))
}

// withReference gives a centre that knows units and kinds.
func withReference(t testing.TB) *server {
	t.Helper()
	s := newCentre(t)
	s.submit1(s.centreAuthor().segments(s.reference(), 1000)...)
	return s
}

func (s *server) submit1(segments ...[]byte) Result {
	s.t.Helper()
	return s.submitBatch(Batch{Segments: segments})
}

func (s *server) submitBatch(b Batch) Result {
	s.t.Helper()
	r, err := s.Submit(context.Background(), b)
	if err != nil {
		s.t.Fatalf("Submit: %v", err)
	}
	return r
}

// author is somebody who writes changes.
type author struct {
	t      testing.TB
	key    ed25519.PrivateKey
	origin syncproto.OriginID
	chain  []string
	heads  syncproto.Heads
	seal   syncproto.SealPrivate
	stamp  int64
	secret syncproto.SaltSecret
	log    []syncproto.Change
	states []syncproto.Heads // states[i]: after change i
	beacon syncproto.BeaconMark
}

func newAuthor(t testing.TB, name string, role credential.Role, units ...string) *author {
	t.Helper()
	key := seedKey(name)
	a := &author{t: t, key: key, origin: syncproto.OriginOf(pub(key)), seal: sealKey(t, "one"), stamp: startMS - 1_000_000_000}
	a.secret = sha256.Sum256([]byte("salt " + name))
	a.heads = syncproto.Genesis(a.origin)
	a.states = []syncproto.Heads{a.heads}
	token, err := credential.Issue(credential.Grant{Key: pub(key), Role: role, Units: units, Issued: time.UnixMilli(startMS)}, centreKey)
	if err != nil {
		t.Fatal(err)
	}
	a.chain = []string{token}
	return a
}

func (s *server) centreAuthor() *author { return newAuthor(s.t, "centre", credential.RoleCentre) }

func (a *author) credentials() syncproto.OriginCredential {
	return syncproto.OriginCredential{Origin: a.origin, Credentials: a.chain}
}

// clone gives a second device with the same key and log, as a restored backup
// would.
func (a *author) clone() *author {
	b := *a
	b.log, b.states = slices.Clone(a.log), slices.Clone(a.states)
	return &b
}

// write adds a change to the log and gives its record.
func (a *author) write(c syncproto.Change) uuid.UUID {
	a.t.Helper()
	a.stamp += 60_000
	c.Origin, c.Seq = a.origin, a.heads.Seq+1
	if c.Header.StampMS == 0 {
		c.Header.StampMS = a.stamp
	}
	if c.Header.Schema == 0 {
		c.Header.Schema = syncproto.Schema
	}
	if c.Header.Beacon == (syncproto.BeaconMark{}) {
		c.Header.Beacon = a.beacon
	}
	salt := syncproto.ExpandSalt(a.secret, a.origin, c.Seq)
	commit := syncproto.Commitment(salt, syncproto.AppendRow(nil, c.Personal))
	a.heads = a.heads.Next(a.origin, syncproto.AppendRow(nil, c.Header.Row()), syncproto.AppendRow(nil, c.Operational), commit)
	a.states = append(a.states, a.heads)
	a.log = append(a.log, c)
	if c.Header.Op == syncproto.OpCreate {
		return syncproto.RecordID(c.Header.StampMS, a.heads.Open)
	}
	return c.Header.Record
}

// ref gives a reference to change seq.
func (a *author) ref(seq uint64) syncproto.Ref {
	return syncproto.Ref{Origin: a.origin, Seq: seq, Open: a.states[seq].Open.Prefix()}
}

// cut encodes changes first..last.
func (a *author) cut(first, last uint64) []byte {
	a.t.Helper()
	seg, err := syncproto.EncodeSegment(syncproto.SegmentInput{
		Origin: a.origin, Before: a.states[first-1], Changes: a.log[first-1 : last],
		Salts: []syncproto.SaltRun{{Count: int(last - first + 1), Secret: &a.secret}}, Key: a.key, To: a.seal.Public,
	})
	if err != nil {
		a.t.Fatalf("cutting %d-%d: %v", first, last, err)
	}
	return seg.Encode()
}

// segments writes changes and cuts them into segments of n.
func (a *author) segments(changes []syncproto.Change, n int) [][]byte {
	a.t.Helper()
	first := a.heads.Seq + 1
	for _, c := range changes {
		a.write(c)
	}
	return a.cuts(first, a.heads.Seq, n)
}

func (a *author) cuts(first, last uint64, n int) [][]byte {
	var out [][]byte
	for f := first; f <= last; f += uint64(n) {
		out = append(out, a.cut(f, min(last, f+uint64(n)-1)))
	}
	return out
}

func textField(num uint32, s string) syncproto.Field {
	return syncproto.Field{Num: num, Value: syncproto.TextValue(s)}
}

func create(collection uint32, fields ...syncproto.Field) syncproto.Change {
	return syncproto.Change{
		Header:      syncproto.Header{Collection: collection, Op: syncproto.OpCreate},
		Operational: syncproto.NewRow(fields...),
	}
}

const (
	testProvince = "gso-2025-06:02"
	testCommune  = "gso-2025-06:00988"
	testVillage  = "thon-2025:00988-01"
	otherVillage = "thon-2025:00991-01"
)

func unitChange(u units.Unit) syncproto.Change {
	key := syncproto.UnitKey(u.List, u.Code)
	fields := []syncproto.Field{
		textField(syncproto.FieldUnit, key), textField(syncproto.UnitList, u.List), textField(syncproto.UnitCode, u.Code),
		textField(syncproto.UnitLevel, u.Level), textField(syncproto.UnitType, u.Type), textField(syncproto.UnitName, u.Name),
	}
	if u.Parent != (units.Ref{}) {
		fields = append(fields, textField(syncproto.UnitParent, syncproto.UnitKey(u.Parent.List, u.Parent.Code)))
	}
	return create(syncproto.CollectionUnit, fields...)
}

func village(code, name, commune string) syncproto.Change {
	return unitChange(units.Unit{Ref: units.Ref{List: units.ListVillages, Code: code}, Level: "village", Type: "Thôn", Name: name, Parent: units.Ref{List: units.ListBefore, Code: commune}})
}

func kindChange(k units.Kind) syncproto.Change {
	def, err := json.Marshal(k)
	if err != nil {
		panic(err)
	}
	return create(syncproto.CollectionKind, textField(syncproto.FieldUnit, testProvince), textField(syncproto.KindCode, k.Code),
		textField(syncproto.KindNameVI, k.NameVI), textField(syncproto.KindNameEN, k.NameEN), textField(syncproto.KindDefinition, string(def)))
}

// reference gives units and kinds as the centre writes them.
func (s *server) reference() []syncproto.Change {
	var out []syncproto.Change
	for _, u := range units.Before() {
		out = append(out, unitChange(u))
	}
	out = append(out, village("00988-01", "Nà Xá", "00988"), village("00991-01", "Bắc", "00991"))
	for _, k := range units.Kinds() {
		out = append(out, kindChange(k))
	}
	return out
}

// activity gives a creating change of the first kind that is about a person.
func activity(unit string, rng *rand.Rand) syncproto.Change {
	names := []string{"Vàng Mí Chá", "Nguyễn Thị Hoa", "Bàn Văn Triệu", "Sùng Thị Mỷ"}
	k := units.Kinds()[0]
	c := create(syncproto.CollectionActivity, textField(syncproto.FieldUnit, unit), textField(syncproto.ActivityKind, k.Code),
		syncproto.Field{Num: syncproto.ActivityOccurred, Value: syncproto.DateValue(syncproto.Date{Year: 2026, Month: 5, Day: 1 + rng.IntN(28)})},
		textField(syncproto.ActivityResult, k.Results[rng.IntN(len(k.Results))].Value))
	c.Personal = syncproto.NewRow(textField(syncproto.PersonFullName, names[rng.IntN(len(names))]),
		textField(syncproto.PersonNote, "ghi chú "+hex.EncodeToString([]byte{byte(rng.IntN(256)), byte(rng.IntN(256))})))
	c.Header.Author = uuid.UUID{1, byte(rng.IntN(3))}
	return c
}

func set(collection uint32, record uuid.UUID, refs []syncproto.Ref, fields ...syncproto.Field) syncproto.Change {
	return syncproto.Change{
		Header:      syncproto.Header{Collection: collection, Op: syncproto.OpSet, Record: record, Refs: [2][]syncproto.Ref{refs, nil}},
		Operational: syncproto.NewRow(fields...),
	}
}

// view runs f on a snapshot.
func (s *server) view(f func(r store.Reader)) {
	s.t.Helper()
	if err := s.store.View(context.Background(), func(r store.Reader) error { f(r); return nil }); err != nil {
		s.t.Fatal(err)
	}
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// records gives what merging made of every record: shown values, flags, and the
// personal values, but nothing that depends on when things arrived.
func (s *server) records() map[uuid.UUID]string {
	s.t.Helper()
	out := make(map[uuid.UUID]string)
	s.view(func(r store.Reader) {
		err := r.EachRecord(store.RecordQuery{}, func(rec store.Record) error {
			out[rec.ID] = s.fingerprint(&rec)
			return nil
		})
		if err != nil {
			s.t.Fatal(err)
		}
	})
	return out
}

func (s *server) fingerprint(rec *store.Record) string {
	s.t.Helper()
	entries := must[[]Entry](s.t)(DecodeHistory(rec.History))
	h := sha256.New()
	row := must[syncproto.Row](s.t)(Shown(rec))
	h.Write(syncproto.AppendRow(nil, row))
	var lines []string
	for i := range entries {
		e := &entries[i]
		personal := "-"
		if e.PersonalKnown() {
			personal = string(syncproto.AppendRow(nil, must[syncproto.Row](s.t)(s.vault.open(rec.ID, e))))
		}
		lines = append(lines, string(e.Open[:])+string(e.Closed[:])+string(e.Reason)+e.Needs+personal+map[bool]string{true: "acts"}[e.Acts])
	}
	slices.Sort(lines)
	for _, l := range lines {
		h.Write([]byte(l))
	}
	flags := []byte{}
	for _, b := range []bool{rec.Exists, rec.Void, rec.Conflict, rec.Erased} {
		flags = append(flags, map[bool]byte{true: 1}[b])
	}
	h.Write(flags)
	return rec.Unit + " " + rec.Kind + " " + rec.Occurred + " " + rec.Result + " " + hex.EncodeToString(h.Sum(nil)[:8]) + hex.EncodeToString(flags)
}

// outcomes sums an origin's ledger as "outcome/reason" -> changes.
func (s *server) outcomes(id syncproto.OriginID) map[string]uint64 {
	s.t.Helper()
	out := make(map[string]uint64)
	s.view(func(r store.Reader) {
		counts := must[[]store.OutcomeCount](s.t)(r.OutcomeCounts(&id))
		for _, c := range counts {
			name := c.Outcome.String()
			if c.Reason != "" {
				name += "/" + string(c.Reason)
			}
			out[name] += c.Changes
		}
	})
	return out
}

// checkLedger proves, for every branch, that heads add up: what lies between the
// branch's beginning and its highest head is either in the ledger or a gap.
func (s *server) checkLedger() {
	s.t.Helper()
	type branch struct {
		origin syncproto.OriginID
		number uint32
	}
	held := make(map[branch]uint64)
	s.view(func(r store.Reader) {
		var last store.Run
		err := r.EachRun(func(run store.Run) error {
			if last.Origin == run.Origin && last.Branch == run.Branch && run.First <= last.Last.Seq+1 {
				s.t.Errorf("runs %d-%d and %d-%d of branch %d touch", last.First, last.Last.Seq, run.First, run.Last.Seq, run.Branch)
			}
			held[branch{run.Origin, run.Branch}] += run.Last.Seq - run.First + 1
			last = run
			return nil
		})
		if err != nil {
			s.t.Fatal(err)
		}
		counts := must[[]store.OutcomeCount](s.t)(r.OutcomeCounts(nil))
		ledger := make(map[branch]uint64)
		for _, c := range counts {
			ledger[branch{c.Origin, c.Branch}] += c.Changes
		}
		for b, n := range held {
			if ledger[b] != n {
				s.t.Errorf("origin %s branch %d: %d changes held, %d in the ledger", b.origin, b.number, n, ledger[b])
			}
			delete(ledger, b)
		}
		all := must[[]store.Origin](s.t)(r.Origins(store.OriginQuery{}))
		for _, o := range all {
			for _, l := range must[[]BranchLedger](s.t)(Ledger(r, o.ID)) {
				if !l.Balanced() {
					s.t.Errorf("account of origin %s does not add up: %+v", o.ID, l)
				}
			}
		}
		for b, n := range ledger {
			s.t.Errorf("origin %s branch %d: %d changes in the ledger, none held", b.origin, b.number, n)
		}
	})
}

func equalRecords(t testing.TB, what string, got, want map[uuid.UUID]string) {
	t.Helper()
	for id, w := range want {
		if got[id] != w {
			t.Errorf("%s: record %s is %q, want %q", what, id, got[id], w)
		}
	}
	for id, g := range got {
		if _, ok := want[id]; !ok {
			t.Errorf("%s: record %s is there (%q), want none", what, id, g)
		}
	}
}

func (s *server) verify() Report {
	s.t.Helper()
	r, err := s.VerifyChains(context.Background())
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

func (s *server) mustVerify() Report {
	s.t.Helper()
	r := s.verify()
	for _, b := range r.Bad {
		s.t.Errorf("segment %d (%s %d-%d): %v", b.Segment, b.Origin, b.First, b.Last, b.Err)
	}
	return r
}
