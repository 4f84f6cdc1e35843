package clientlib_test

import (
	"bytes"
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/clientlib/clienttest"
	"thonsync/syncproto"
)

// An erasure removes the personal part at once from every file, keeps the chain
// verifiable, and holds for what comes later.
func TestErasure(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	ids := []uuid.UUID{w.Card(d, 1), w.Card(d, 2), w.Card(d, 3)}
	edit(t, d, ids[1], "phone", "0911111111", "note", strings.Repeat("ghi chú thử ", 80))
	d.Close()
	path := filepath.Join(w.Dir, "a.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	var boxes [3][]byte
	if err := db.QueryRow(`SELECT (SELECT personal FROM log_change WHERE seq = 2), (SELECT personal FROM log_change WHERE seq = 4),
(SELECT r.personal FROM record r JOIN log_change c ON c.record = r.id WHERE c.seq = 2)`).Scan(&boxes[0], &boxes[1], &boxes[2]); err != nil {
		t.Fatal(err)
	}
	db.Close()
	d = w.Open("a")
	w.Sync(d)
	w.Centre.Rule(syncproto.Ruling{Kind: syncproto.RulingErase, Record: ids[1], Reason: syncproto.ReasonErased})
	w.Sync(d)

	r := get(t, d, ids[1])
	if !r.Erased || r.IDTail != "" || fieldText(t, d, ids[1], "full_name") != "" || fieldText(t, d, ids[1], "stage") != "asked" {
		t.Fatalf("%+v", r)
	}
	for _, name := range []string{"a.db", "a.db-wal"} {
		b, err := os.ReadFile(filepath.Join(w.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for i, box := range boxes {
			// Any longer piece would do for whoever has the key.
			for at := 0; at+32 <= len(box); at += 16 {
				if bytes.Contains(b, box[at:at+32]) {
					t.Fatalf("a piece of encrypted personal row %d is still in %s", i, name)
				}
			}
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if db, err = sql.Open("sqlite", path); err != nil {
		t.Fatal(err)
	}
	var secrets, singles int
	if err := db.QueryRow(`SELECT (SELECT COUNT(*) FROM log_salt), (SELECT COUNT(*) FROM log_change WHERE salt IS NOT NULL)`).Scan(&secrets, &singles); err != nil {
		t.Fatal(err)
	}
	if secrets != 0 || singles != 2 {
		t.Errorf("%d shared secrets and %d single salts are left, want 0 and 2", secrets, singles)
	}
	db.Close()
	d = w.Open("a")
	if err := d.VerifyChain(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Edit(ctx, ids[1], clientlib.EditInput{Fields: map[string]string{"phone": "0922222222"}}); len(fieldsOf(err)) != 1 {
		t.Errorf("an erased record is edited: %v", err)
	}
	if fieldText(t, d, ids[0], "full_name") == "" {
		t.Error("a neighbour was erased too")
	}
	// The rest still travels and opens, with single salts and a commitment.
	w.Centre.Forget(d.Origin(), 0)
	w.Sync(d)
	people := w.Centre.People(d.Origin())
	if len(people) != 4 || len(people[0]) == 0 || len(people[1]) != 0 || len(people[2]) == 0 || len(people[3]) != 0 {
		t.Fatalf("sent again: %v", people)
	}
	w.Card(d, 9)
	w.Sync(d)
	if err := d.VerifyChain(ctx); err != nil {
		t.Fatal(err)
	}
}

// An erasure also holds for a change that comes to light later, on this phone or
// another.
func TestErasureOfWhatComesLater(t *testing.T) {
	w := clienttest.NewWorld(t, 1)
	a, b := w.Device("a", w.Centre), w.Device("b", w.Centre)
	id := w.Card(a, 1)
	w.Sync(a)
	w.Sync(b)
	edit(t, b, id, "phone", "0933333333")
	w.Centre.Rule(syncproto.Ruling{Kind: syncproto.RulingErase, Record: id})
	w.Sync(a)
	w.Sync(b)
	w.Sync(a)
	for name, d := range map[string]*clientlib.Device{"a": a, "b": b} {
		if r := get(t, d, id); !r.Erased || fieldText(t, d, id, "phone") != "" {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// Personal fields go only after a safe receipt is old enough in the centre's
// time; a clock on the phone that runs ahead deletes nothing.
func TestDropPersonal(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	safe, late := w.Card(d, 123), w.Card(d, 456)
	drop := func(want int) {
		t.Helper()
		n, err := d.DropPersonal(ctx, 30)
		if err != nil || n != want {
			t.Fatalf("dropped %d, want %d; %v", n, want, err)
		}
	}
	drop(0)
	w.Sync(d)
	w.Centre.MarkSafe()
	w.Sync(d)
	drop(0)
	edit(t, d, late, "phone", "0944444444") // not safe yet
	now := w.Clock.NowMS()
	w.Clock.Set(now + 400*24*time.Hour.Milliseconds())
	drop(0)
	// The centre's time is now that late, too, and it says so: the phone drops
	// what is due without being asked.
	if r, err := d.Sync(ctx); err != nil || r.Dropped != 2 {
		t.Fatalf("dropped %d with the exchange, want 2; %v", r.Dropped, err)
	}
	drop(0)
	r := get(t, d, safe)
	if r.IDTail != "123" || fieldText(t, d, safe, "full_name") != "" || !r.Partial || fieldText(t, d, safe, "stage") != "asked" {
		t.Fatalf("%+v", r)
	}
	if fieldText(t, d, late, "phone") != "0944444444" || fieldText(t, d, late, "full_name") != "" || get(t, d, late).IDTail != "456" {
		t.Fatalf("%+v", get(t, d, late))
	}
	if found, err := d.List(ctx, clientlib.Filter{Text: "002090000123"}); err != nil || len(found) != 1 {
		t.Fatalf("found by the last digits: %d, %v", len(found), err)
	}
	drop(0)
	if err := d.VerifyChain(ctx); err != nil {
		t.Fatal(err)
	}
	edit(t, d, safe, "visits", "3")
	w.Sync(d)
}

// Rulings of hold, release and authority are followed; forged ones are not.
func TestRulings(t *testing.T) {
	w := clienttest.NewWorld(t, 1)
	a, b := w.Device("a", w.Centre), w.Device("b", w.Centre)
	id := w.Card(a, 1)
	w.Sync(a)
	w.Sync(b)
	edit(t, b, id, "visits", "8")
	w.Sync(b)
	head := w.Centre.Head(b.Origin())
	target := syncproto.Ref{Origin: b.Origin(), Seq: 1, Open: head.Open.Prefix()}
	see := func(when, want string) {
		t.Helper()
		for name, d := range map[string]*clientlib.Device{"a": a, "b": b} {
			w.Sync(d)
			if got := fieldText(t, d, id, "visits"); got != want {
				t.Errorf("%s: %s sees %q, want %q", when, name, got, want)
			}
		}
	}
	see("before", "8")
	w.Centre.Rule(syncproto.Ruling{Kind: syncproto.RulingHold, Target: target})
	see("held", "")
	w.Centre.Rule(syncproto.Ruling{Kind: syncproto.RulingRelease, Target: target})
	see("released", "8")
	w.Centre.Rule(syncproto.Ruling{Kind: syncproto.RulingAuthority, Target: target})
	see("without authority", "")
	w.Centre.Rule(syncproto.Ruling{Kind: syncproto.RulingAuthority, Target: target, Grant: true})
	see("with authority", "8")
	forged := syncproto.Ruling{Number: 99, Kind: syncproto.RulingHold, Target: target}
	forged.Sign(clienttest.NewCentre(50, w.Clock).Key())
	w.Centre.Publish(syncproto.CommonFeed, syncproto.FeedItem{Ruling: &forged})
	see("forged", "8")
}

// What the centre asks back is told, and told no more once it is settled.
func TestAskedBack(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	w.Card(d, 1)
	id := w.Card(d, 2)
	w.Sync(d)
	w.Clock.Advance(time.Minute)
	w.Centre.Quarantine(d.Origin(), 2, syncproto.OutcomeQuarantined, syncproto.ReasonUnknownKind)
	w.Sync(d)
	if c := get(t, d, id).Custody; c.Stage != clientlib.StageAskedBack || c.Outcome != syncproto.OutcomeQuarantined || c.Reason != syncproto.ReasonUnknownKind {
		t.Fatalf("%+v", c)
	}
	sum, err := d.CustodySum(ctx)
	if err != nil || sum[clientlib.StageAskedBack] != 1 || sum[clientlib.StageAtCentre] != 1 {
		t.Fatalf("%v, %v", sum, err)
	}
	w.Clock.Advance(time.Minute)
	w.Centre.MarkSafe()
	w.Sync(d)
	if c := get(t, d, id).Custody; c.Stage != clientlib.StageSafe || c.Outcome != 0 {
		t.Fatalf("settled: %+v", c)
	}
}
