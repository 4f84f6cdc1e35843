package changelog_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	_ "modernc.org/sqlite"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
)

// gcm is a cipher with its nonces from the test's seed.
type gcm struct {
	cipher.AEAD
	random *rand.ChaCha8
}

func (g gcm) Seal(plain, aad []byte) ([]byte, error) {
	nonce := make([]byte, g.NonceSize())
	g.random.Read(nonce)
	return g.AEAD.Seal(nonce, nonce, plain, aad), nil
}

func (g gcm) Open(box, aad []byte) ([]byte, error) {
	if len(box) < g.NonceSize() {
		return nil, errors.New("short")
	}
	return g.AEAD.Open(nil, box[:g.NonceSize()], box[g.NonceSize():], aad)
}

type fixture struct {
	t    *testing.T
	db   *sql.DB
	now  int64
	opts changelog.Options
	log  *changelog.Log
	seal syncproto.SealPrivate
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "log.db")+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(changelog.SchemaSQLite); err != nil {
		t.Fatal(err)
	}
	block, _ := aes.NewCipher(make([]byte, 32))
	aead, _ := cipher.NewGCM(block)
	random := rand.NewChaCha8([32]byte{3})
	f := &fixture{t: t, db: db, now: 1_780_000_000_000}
	f.opts = changelog.Options{Cipher: gcm{aead, random}, Rand: random, NowMS: func() int64 { return f.now }}
	if f.seal, err = syncproto.NewSealPrivate(make([]byte, 32)); err != nil {
		t.Fatal(err)
	}
	f.reopen()
	if _, err := f.log.NewOrigin(context.Background(), db); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) reopen() {
	f.t.Helper()
	var err error
	if f.log, err = changelog.Open(context.Background(), f.db, f.opts); err != nil {
		f.t.Fatal(err)
	}
}

// create appends the n-th creating change.
func (f *fixture) create(q changelog.Querier, n int) changelog.Entry {
	f.t.Helper()
	h := syncproto.Header{Collection: syncproto.CollectionActivity, Op: syncproto.OpCreate, StampMS: f.now}
	e, err := f.log.Append(context.Background(), q, h,
		syncproto.NewRow(syncproto.Field{Num: syncproto.FieldUnit, Value: syncproto.TextValue("test:1")}, syncproto.Field{Num: 33, Value: syncproto.IntValue(int64(n))}),
		syncproto.NewRow(syncproto.Field{Num: syncproto.PersonFullName, Value: syncproto.TextValue(fmt.Sprintf("Người Thử %d", n))}))
	if err != nil {
		f.t.Fatal(err)
	}
	return e
}

func (f *fixture) count(query string) (n int) {
	f.t.Helper()
	if err := f.db.QueryRow(query).Scan(&n); err != nil {
		f.t.Fatal(err)
	}
	return n
}

// walk cuts everything into segments of about max bytes and opens each as the
// centre does.
func (f *fixture) walk(max int) (segments int, rows []syncproto.Row) {
	f.t.Helper()
	ctx := context.Background()
	id, _ := f.log.Current()
	key, _ := f.log.Key(id)
	head, err := f.log.Heads(ctx, f.db, id)
	if err != nil {
		f.t.Fatal(err)
	}
	at := syncproto.Genesis(id)
	for at.Seq < head.Seq {
		s, err := f.log.CutSegment(ctx, f.db, changelog.Cut{Origin: id, After: at.Seq, To: head.Seq, MaxBytes: max, SealTo: f.seal.Public})
		if err != nil {
			f.t.Fatal(err)
		}
		if n := len(s.Encode()); max > 0 && n > max && s.Count() > 1 {
			f.t.Fatalf("segment of %d changes has %d bytes, over %d", s.Count(), n, max)
		}
		if !s.Before.Equal(at) {
			f.t.Fatal("segments do not join")
		}
		if _, err := s.Verify(key.Public().(ed25519.PublicKey)); err != nil {
			f.t.Fatal(err)
		}
		p, err := s.OpenSeal(func(syncproto.KeyID) (syncproto.SealPrivate, bool) { return f.seal, true })
		if err != nil {
			f.t.Fatal(err)
		}
		rows = append(rows, p.Rows...)
		at = s.After
		segments++
	}
	if !at.Equal(head) {
		f.t.Fatal("the last segment does not end at the head")
	}
	return segments, rows
}

func TestSegmentsAreCutToFit(t *testing.T) {
	f := newFixture(t)
	for n := range 700 {
		f.create(f.db, n)
	}
	var before int
	for _, max := range []int{0, 16 << 10, 4 << 10, 1 << 10, 1} {
		segments, rows := f.walk(max)
		if len(rows) != 700 || rows[699].Value(syncproto.PersonFullName).Text() != "Người Thử 699" {
			t.Fatalf("at most %d bytes: %d rows", max, len(rows))
		}
		if segments < before {
			t.Errorf("at most %d bytes: %d segments, fewer than for more", max, segments)
		}
		before = segments
	}
	if before != 700 {
		t.Errorf("one byte gives %d segments, want one change each", before)
	}
	id, _ := f.log.Current()
	if s, err := f.log.CutSegment(context.Background(), f.db, changelog.Cut{Origin: id, After: 700, To: 700, SealTo: f.seal.Public}); s != nil || err != nil {
		t.Errorf("nothing to cut: %v, %v", s, err)
	}
	if _, err := f.log.CutSegment(context.Background(), f.db, changelog.Cut{Origin: id, After: 900, To: 950, SealTo: f.seal.Public}); syncproto.CodeOf(err) != syncproto.CodeGap {
		t.Errorf("beyond the head: %v", err)
	}
}

// The largest change that is taken fits a segment, however badly it compresses.
func TestLargestChangeTravels(t *testing.T) {
	f := newFixture(t)
	random := rand.NewChaCha8([32]byte{9})
	noise := func(n int) syncproto.Value {
		b := make([]byte, n)
		random.Read(b)
		return syncproto.BytesValue(b)
	}
	h := syncproto.Header{Collection: syncproto.CollectionActivity, Op: syncproto.OpCreate, StampMS: f.now}
	big := syncproto.NewRow(syncproto.Field{Num: 40, Value: noise(16 << 10)}, syncproto.Field{Num: 41, Value: noise(7 << 10)})
	if _, err := f.log.Append(context.Background(), f.db, h, big, big); err != nil {
		t.Fatal(err)
	}
	if n, rows := f.walk(0); n != 1 || len(rows) != 1 {
		t.Fatalf("%d segments", n)
	}
	big = append(big, syncproto.Field{Num: 42, Value: noise(8 << 10)})
	if _, err := f.log.Append(context.Background(), f.db, h, big, big); syncproto.CodeOf(err) != syncproto.CodeTooLarge {
		t.Fatalf("too large: %v", err)
	}
	if f.count(`SELECT COUNT(*) FROM log_change`) != 1 {
		t.Fatal("the refused change was stored")
	}
}

func TestSaltsChangeInTime(t *testing.T) {
	f := newFixture(t)
	salts := func() int { return f.count(`SELECT COUNT(*) FROM log_salt`) }
	for n := range syncproto.MaxSaltedChanges {
		f.create(f.db, n)
	}
	if salts() != 1 {
		t.Fatalf("%d salts for the first hundred", salts())
	}
	f.create(f.db, 100)
	if salts() != 2 {
		t.Fatalf("%d salts after one more", salts())
	}
	f.now += 24*60*60*1000 - 1
	f.create(f.db, 101)
	if salts() != 2 {
		t.Fatal("a new salt within the day")
	}
	f.now++
	f.create(f.db, 102)
	if salts() != 3 {
		t.Fatal("no new salt after a day")
	}
	f.now -= 1000
	f.create(f.db, 103)
	if salts() != 4 {
		t.Fatal("a clock that was set back prolongs a salt")
	}
	f.reopen()
	f.create(f.db, 104)
	if salts() != 4 {
		t.Fatal("a new salt without need")
	}
	if _, rows := f.walk(0); len(rows) != 105 {
		t.Fatalf("%d rows", len(rows))
	}
}

// The first change after each opening carries a nonce, also where the first try
// was rolled back; so clones part at once.
func TestOpeningNonce(t *testing.T) {
	ctx := context.Background()
	f := newFixture(t)
	if e := f.create(f.db, 0); len(e.Header.Nonce) != syncproto.NonceBytes {
		t.Fatal("no nonce in the first change")
	}
	if e := f.create(f.db, 1); e.Header.Nonce != nil {
		t.Fatal("a nonce in the second change")
	}
	f.reopen()
	tx, err := f.db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	lost := f.create(tx, 2)
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	kept := f.create(f.db, 2)
	if len(kept.Header.Nonce) == 0 || string(kept.Header.Nonce) == string(lost.Header.Nonce) {
		t.Fatal("no fresh nonce after a rollback")
	}
	if e := f.create(f.db, 3); e.Header.Nonce != nil || e.Seq != 4 {
		t.Fatalf("%+v", e)
	}
	if _, err := f.log.NewOrigin(ctx, f.db); err != nil {
		t.Fatal(err)
	}
	if e := f.create(f.db, 4); len(e.Header.Nonce) == 0 || e.Seq != 1 {
		t.Fatal("no nonce in a new origin's first change")
	}
}

func TestEraseKeepsTheChain(t *testing.T) {
	ctx := context.Background()
	f := newFixture(t)
	var entries []changelog.Entry
	for n := range 10 {
		entries = append(entries, f.create(f.db, n))
	}
	for _, n := range []int{3, 4} {
		if err := f.log.Erase(ctx, f.db, entries[n].Record); err != nil {
			t.Fatal(err)
		}
	}
	if n := f.count(`SELECT COUNT(*) FROM log_salt`); n != 0 {
		t.Fatalf("%d shared secrets are left", n)
	}
	id, _ := f.log.Current()
	if err := f.log.Verify(ctx, f.db, id); err != nil {
		t.Fatal(err)
	}
	_, rows := f.walk(0)
	for n, row := range rows {
		if gone := n == 3 || n == 4; gone != (len(row) == 0) {
			t.Errorf("change %d: row %v", n+1, row)
		}
	}
	f.create(f.db, 10)
	if n := f.count(`SELECT COUNT(*) FROM log_salt`); n != 1 {
		t.Fatalf("%d secrets after the next change", n)
	}
	f.walk(600)
}

// Every stored part of a change is covered: altered, swapped or lost, Verify
// notices.
func TestVerifyNoticesDamage(t *testing.T) {
	ctx := context.Background()
	for name, statement := range map[string]string{
		"operational": `UPDATE log_change SET operational = (SELECT operational FROM log_change WHERE seq = 3) WHERE seq = 2`,
		"header":      `UPDATE log_change SET header = (SELECT header FROM log_change WHERE seq = 1) WHERE seq = 2`,
		"personal":    `UPDATE log_change SET personal = (SELECT personal FROM log_change WHERE seq = 3) WHERE seq = 2`,
		"commitment":  `UPDATE log_change SET commitment = (SELECT commitment FROM log_change WHERE seq = 3) WHERE seq = 2`,
		"open":        `UPDATE log_change SET open = zeroblob(32) WHERE seq = 5`,
		"closed":      `UPDATE log_change SET closed = zeroblob(32) WHERE seq = 5`,
		"record":      `UPDATE log_change SET record = zeroblob(16) WHERE seq = 2`,
		"lost":        `DELETE FROM log_change WHERE seq = 2`,
		"salt":        `UPDATE log_salt SET secret = zeroblob(60)`,
	} {
		f := newFixture(t)
		for n := range 5 {
			f.create(f.db, n)
		}
		id, _ := f.log.Current()
		if err := f.log.Verify(ctx, f.db, id); err != nil {
			t.Fatal(err)
		}
		if _, err := f.db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := f.log.Verify(ctx, f.db, id); err == nil {
			t.Errorf("%s: unnoticed", name)
		}
	}
}

func TestCustody(t *testing.T) {
	ctx := context.Background()
	f := newFixture(t)
	for n := range 10 {
		f.create(f.db, n)
	}
	id, _ := f.log.Current()
	raise := func(first, last uint64, mark syncproto.Mark, ms int64) {
		t.Helper()
		if err := f.log.Raise(ctx, f.db, id, changelog.Run{First: first, Last: last}, mark, ms); err != nil {
			t.Fatal(err)
		}
	}
	below := func(mark syncproto.Mark) string {
		t.Helper()
		runs, err := f.log.Below(ctx, f.db, id, mark)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(runs)
	}
	raise(3, 5, syncproto.MarkReceived, 50)
	raise(8, 8, syncproto.MarkSafe, 100)
	raise(4, 4, syncproto.MarkCommune, 120)
	raise(8, 8, syncproto.MarkSafe, 200)
	if got := below(syncproto.MarkReceived); got != "[{1 2} {6 7} {9 10}]" {
		t.Errorf("below received: %s", got)
	}
	if got := below(syncproto.MarkSafe); got != "[{1 7} {9 10}]" {
		t.Errorf("below safe: %s", got)
	}
	if list, err := f.log.Droppable(ctx, f.db, changelog.Place{}, 99, 10); err != nil || len(list) != 0 {
		t.Errorf("droppable too early: %d, %v", len(list), err)
	}
	if list, err := f.log.Droppable(ctx, f.db, changelog.Place{}, 100, 10); err != nil || len(list) != 1 || list[0].Seq != 8 {
		t.Errorf("droppable: %d, %v", len(list), err)
	}
	if err := f.log.Lower(ctx, f.db, id, 4, syncproto.MarkCommune); err != nil {
		t.Fatal(err)
	}
	if got := below(syncproto.MarkReceived); got != "[{1 2} {5 10}]" {
		t.Errorf("after lowering: %s", got)
	}
	if n, err := f.log.Waiting(ctx, f.db, syncproto.MarkReceived); n != 8 || err != nil {
		t.Errorf("%d waiting, %v", n, err)
	}
	if err := f.log.Raise(ctx, f.db, syncproto.OriginID{1}, changelog.Run{First: 1, Last: 1}, 2, 0); syncproto.CodeOf(err) != syncproto.CodeUnknownPeer {
		t.Errorf("a foreign origin: %v", err)
	}
}

func TestWrongSecret(t *testing.T) {
	f := newFixture(t)
	block, _ := aes.NewCipher(append(make([]byte, 31), 1))
	aead, _ := cipher.NewGCM(block)
	opts := f.opts
	opts.Cipher = gcm{aead, rand.NewChaCha8([32]byte{})}
	if _, err := changelog.Open(context.Background(), f.db, opts); syncproto.CodeOf(err) != syncproto.CodeUnreadable {
		t.Fatal(err)
	}
}

func TestByRecord(t *testing.T) {
	ctx := context.Background()
	f := newFixture(t)
	e := f.create(f.db, 1)
	f.create(f.db, 2)
	h := syncproto.Header{Collection: syncproto.CollectionActivity, Op: syncproto.OpSet, Record: e.Record, StampMS: f.now}
	if _, err := f.log.Append(ctx, f.db, h, syncproto.NewRow(syncproto.Field{Num: 33, Value: syncproto.IntValue(5)}), nil); err != nil {
		t.Fatal(err)
	}
	list, err := f.log.ByRecord(ctx, f.db, e.Record)
	if err != nil || len(list) != 2 || list[1].Seq != 3 || list[1].PersonalGone || list[0].Record != e.Record {
		t.Fatalf("%+v, %v", list, err)
	}
	if list, err := f.log.ByRecord(ctx, f.db, uuid.UUID{1}); err != nil || len(list) != 0 {
		t.Fatalf("%+v, %v", list, err)
	}
	h.Op = syncproto.OpCreate
	if _, err := f.log.Append(ctx, f.db, h, nil, nil); syncproto.CodeOf(err) != syncproto.CodeMalformed {
		t.Fatalf("a create with a record: %v", err)
	}
}
