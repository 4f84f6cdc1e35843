package clientlib_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/clientlib/clienttest"
	"thonsync/syncproto"
	"thonsync/syncproto/exchange"
)

// checkHeld fails unless the centre holds exactly the first n changes, readable.
func checkHeld(t *testing.T, w *clienttest.World, d *clientlib.Device, n int) {
	t.Helper()
	people := w.Centre.People(d.Origin())
	if len(people) != n {
		t.Fatalf("the centre holds %d changes, want %d", len(people), n)
	}
	for i, p := range people {
		if p == nil {
			t.Fatalf("change %d is not readable at the centre", i+1)
		}
	}
}

// checkHonest fails if the device claims custody that the centre does not have.
func checkHonest(t *testing.T, w *clienttest.World, d *clientlib.Device) {
	t.Helper()
	s, err := d.Status(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if held := len(w.Centre.People(d.Origin())); s.Changes-s.Waiting > held {
		t.Fatalf("the device says %d are received, the centre holds %d", s.Changes-s.Waiting, held)
	}
}

// The link is cut once at every byte of a small exchange, request and answer.
// Nothing is half applied, the next Sync finishes, nothing arrives twice.
func TestCutAtEveryByte(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	n := 0
	for at := 0; ; at += 3 {
		w.Card(d, n)
		n++
		cut := &clienttest.CutAt{At: at, Whole: at%2 == 1}
		w.Net.Disturb(cut)
		r, err := d.Sync(context.Background())
		if cut.Done && err == nil && !cut.Whole {
			t.Fatalf("cut at %d went unnoticed: %+v", at, r)
		}
		checkHonest(t, w, d)
		if err == nil && !cut.Done {
			t.Logf("%d cuts", n)
			break
		}
		w.Net.Disturb(nil)
		w.Sync(d)
		checkHeld(t, w, d, n)
	}
	if err := d.VerifyChain(context.Background()); err != nil {
		t.Fatal(err)
	}
	list, err := d.List(context.Background(), clientlib.Filter{Limit: 500, Waiting: true})
	if err != nil || len(list) != 0 {
		t.Fatalf("%d records wait, %v", len(list), err)
	}
}

// A changed byte anywhere in an answer is noticed, and no receipt is taken from
// it.
func TestChangedAnswers(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	id := w.Card(d, 1)
	for at := range 700 {
		w.Net.Disturb(clienttest.FlipAt{At: at})
		if _, err := d.Sync(ctx); err == nil {
			t.Fatalf("byte %d was changed unnoticed", at)
		}
	}
	w.Net.Disturb(clienttest.Portal{})
	if r, err := d.Sync(ctx); err == nil {
		t.Fatalf("a captive portal passes for the server: %+v", r)
	}
	if c, err := d.Custody(ctx, id); err != nil || c.Stage != clientlib.StageOnPhone {
		t.Fatalf("custody %+v, %v", c, err)
	}
	w.Net.Disturb(nil)
	w.Sync(d)
	checkHeld(t, w, d, 1)
}

func TestNoNetwork(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	w.Card(d, 1)
	w.Net.Down(w.Centre, true)
	var last time.Duration
	for range 12 {
		r, err := d.Sync(ctx)
		if syncproto.CodeOf(err) != syncproto.CodeUpstream || r.RetryAfter <= 0 {
			t.Fatalf("%+v, %v", r, err)
		}
		last = max(last, r.RetryAfter)
	}
	if last < time.Minute {
		t.Errorf("pauses grow only to %v", last)
	}
	s, err := d.Status(ctx)
	if err != nil || s.LastErrorCode != syncproto.CodeUpstream || s.LastError == "" || s.Waiting != 1 {
		t.Fatalf("status %+v, %v", s, err)
	}
	w.Clock.Advance(73 * time.Hour)
	if s, _ = d.Status(ctx); s.DaysSince != 3 {
		t.Errorf("%d days since the last success, want 3", s.DaysSince)
	}
	w.Net.Down(w.Centre, false)
	w.Centre.Busy(time.Hour)
	if r, err := d.Sync(ctx); syncproto.CodeOf(err) != syncproto.CodeOverload || r.RetryAfter < time.Hour {
		t.Fatalf("busy: %+v, %v", r, err)
	}
	w.Centre.Busy(0)
	w.Sync(d)
	if s, _ = d.Status(ctx); s.LastError != "" || s.DaysSince != 0 || s.Waiting != 0 {
		t.Fatalf("status %+v", s)
	}
}

func TestServersAreTriedInOrder(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	point := w.Point("point")
	d := w.Device("a", w.Centre)
	if err := d.SetServers(ctx, []string{point.URL, w.Centre.URL + "/"}); err != nil {
		t.Fatal(err)
	}
	w.Card(d, 1)
	if r := w.Sync(d); r.Server != point.URL {
		t.Fatalf("synced with %s", r.Server)
	}
	w.Net.Down(point, true)
	if r := w.Sync(d); r.Server != w.Centre.URL || r.Waiting != 0 {
		t.Fatalf("%+v", r)
	}
	for _, bad := range []string{"ftp://x", "http://", "http://u:p@x", "x"} {
		if err := d.SetServers(ctx, []string{bad}); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// A backlog goes in chunks that grow, each within its size.
func TestBacklogGoesInChunks(t *testing.T) {
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	for i := range 1500 {
		w.Card(d, i)
		w.Clock.Advance(time.Second)
	}
	sizes := &meter{}
	w.Net.Disturb(sizes)
	r := w.Sync(d)
	if r.Sent != 1500 || r.Rounds < 2 {
		t.Fatalf("%+v", r)
	}
	if first := sizes.bytes[0]; first > exchange.FirstChunk {
		t.Errorf("the first request has %d bytes, over the first chunk", first)
	}
	for _, n := range sizes.bytes {
		if n > exchange.MaxChunk {
			t.Errorf("a request has %d bytes", n)
		}
	}
	checkHeld(t, w, d, 1500)
	t.Logf("%d changes in %v bytes", r.Sent, sizes.bytes)
}

// meter notes the sizes of requests.
type meter struct{ bytes []int }

func (m *meter) Request(b []byte) ([]byte, error) { m.bytes = append(m.bytes, len(b)); return b, nil }
func (m *meter) Answer(b []byte) ([]byte, error)  { return b, nil }

// The centre's sealing key changes and the old one is destroyed: what was sealed
// to it is sealed again and arrives.
func TestUnreadableIsSealedAgain(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	point := w.Point("point")
	d := w.Device("a", point)
	id := w.Card(d, 1)
	w.Sync(d)
	if c, _ := d.Custody(ctx, id); c.Stage != clientlib.StageAtCommune {
		t.Fatalf("at the point: %+v", c)
	}
	w.Centre.RotateSeal()
	w.Centre.ForgetSeals()
	if err := point.Forward(w.Centre); err != nil {
		t.Fatal(err)
	}
	r := w.Sync(d)
	c, err := d.Custody(ctx, id)
	if err != nil || c.Stage != clientlib.StageAtCommune || c.Reason != syncproto.ReasonUnreadable {
		t.Fatalf("unreadable: %+v, %v (%+v)", c, err, r)
	}
	if s, _ := d.Status(ctx); s.Waiting != 1 {
		t.Fatalf("unreadable counts as received: %+v", s)
	}
	if err := d.SetServers(ctx, []string{w.Centre.URL}); err != nil {
		t.Fatal(err)
	}
	w.Sync(d)
	if c, err = d.Custody(ctx, id); err != nil || c.Stage != clientlib.StageAtCentre || c.Reason != "" {
		t.Fatalf("sealed again: %+v, %v", c, err)
	}
	checkHeld(t, w, d, 1)
}

// A phone is restored from an old copy: it notices, goes on under a new origin,
// and both the copy's changes and the new ones arrive.
func TestRestoredPhone(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	old := d.Origin()
	for i := range 5 {
		w.Card(d, i)
	}
	w.Sync(d)
	d.Close()
	copyStore(t, w.Dir, "a", "backup")
	d = w.Open("a")
	for i := 5; i < 9; i++ {
		w.Card(d, i)
	}
	w.Sync(d)
	d.Close()
	copyStore(t, w.Dir, "backup", "a")

	d = w.Open("a")
	kept := w.Card(d, 100)
	r := w.Sync(d)
	if !r.NewOrigin || d.Origin() == old {
		t.Fatalf("the restored phone goes on as before: %+v", r)
	}
	if w.Centre.Forks(old) == 0 {
		t.Fatal("the second branch did not reach the centre")
	}
	after := w.Card(d, 101)
	if r = w.Sync(d); r.NewOrigin {
		t.Fatal("every sync begins a new origin")
	}
	if n := len(w.Centre.People(d.Origin())); n != 1 {
		t.Fatalf("the centre holds %d changes of the new origin", n)
	}
	if c, err := d.Custody(ctx, kept); err != nil || c.Outcome != syncproto.OutcomeForked || c.Stage != clientlib.StageAskedBack {
		t.Fatalf("the forked change: %+v, %v", c, err)
	}
	if c, err := d.Custody(ctx, after); err != nil || c.Stage != clientlib.StageAtCentre {
		t.Fatalf("the new origin's change: %+v, %v", c, err)
	}
	s, err := d.Status(ctx)
	if err != nil || s.Restored != 1 || s.Waiting != 0 {
		t.Fatalf("status %+v, %v", s, err)
	}
	list, err := d.List(ctx, clientlib.Filter{Limit: 500})
	if err != nil || len(list) != 11 {
		t.Fatalf("%d records, want 5 of the copy, 4 lost ones that the feed brought back, and 2 new; %v", len(list), err)
	}
	if err := d.VerifyChain(ctx); err != nil {
		t.Fatal(err)
	}

	// An officer enrols the phone again: the new origin gets its own credential.
	member := syncproto.WelcomeMember{ID: clienttest.Member("a"), Name: "Thử"}
	if _, err := d.Join(ctx, w.Centre.Invite(clienttest.Grant{Unit: clienttest.Unit, Members: []syncproto.WelcomeMember{member}}), "phone"); err != nil {
		t.Fatal(err)
	}
	w.Card(d, 102)
	if r := w.Sync(d); r.Waiting != 0 || r.NewOrigin {
		t.Fatalf("after joining again: %+v", r)
	}
}

// Two clones live on: each notices at its next contact, and both branches reach
// the centre.
func TestClonedPhone(t *testing.T) {
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	w.Card(d, 1)
	w.Sync(d)
	d.Close()
	copyStore(t, w.Dir, "a", "b")
	a, b := w.Open("a"), w.Open("b")
	old := a.Origin()
	w.Card(a, 2)
	w.Card(b, 2)
	w.Sync(a)
	r := w.Sync(b)
	if !r.NewOrigin || b.Origin() == old || w.Centre.Forks(old) != 1 {
		t.Fatalf("clone: %+v, %d forks", r, w.Centre.Forks(old))
	}
	// The other one is shown what its copy has signed.
	if r := w.Sync(a); !r.NewOrigin || a.Origin() == old || a.Origin() == b.Origin() {
		t.Fatalf("the first clone goes on as before: %+v", r)
	}
	w.Card(a, 3)
	w.Card(b, 4)
	w.Sync(a)
	w.Sync(b)
	w.Sync(a)
	la, _ := a.List(context.Background(), clientlib.Filter{})
	lb, _ := b.List(context.Background(), clientlib.Filter{})
	if len(la) != 5 || len(lb) != 5 {
		t.Fatalf("%d and %d records, want those of both", len(la), len(lb))
	}
	for _, d := range []*clientlib.Device{a, b} {
		if r := w.Sync(d); r.NewOrigin || r.Waiting != 0 || r.Segments != 0 {
			t.Errorf("and again: %+v", r)
		}
	}
}

func copyStore(t *testing.T, dir, from, to string) {
	t.Helper()
	for _, suffix := range []string{".db", ".db.key", ".db-wal"} {
		b, err := os.ReadFile(filepath.Join(dir, from+suffix))
		if err != nil {
			os.Remove(filepath.Join(dir, to+suffix))
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, to+suffix), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// The centre loses what it had signed for: the ticks go back, everything that no
// backup vouches for is sent again, and a new epoch of the feeds is read from its
// start.
func TestRestoredCentre(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	w.Card(d, 1)
	w.Sync(d)
	id := w.Card(d, 2)
	w.Sync(d)
	w.Centre.Forget(d.Origin(), 1)
	w.Centre.NewEpoch()
	w.Clock.Advance(time.Second)
	r := w.Sync(d)
	if !r.PeerBehind || r.Sent != 2 || r.Waiting != 0 || r.NewOrigin {
		t.Fatalf("%+v", r)
	}
	checkHeld(t, w, d, 2)
	if c, err := d.Custody(ctx, id); err != nil || c.Stage != clientlib.StageAtCentre {
		t.Fatalf("%+v, %v", c, err)
	}
	if r = w.Sync(d); r.PeerBehind {
		t.Fatal("it is sent again every time")
	}
	if len(mustKinds(t, d)) != 2 {
		t.Fatal("kinds were lost with the epoch")
	}
}

// A phone that meets only a point hears of the centre's new history by its pages.
// What the centre had said before, and comes late by file, neither ticks anything
// nor leads the phone back.
func TestLostHistoryComesLate(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	point := w.Point("point")
	d := w.Device("a", w.Centre)
	early := w.Card(d, 1)
	w.Sync(d)
	late := w.Card(d, 2)
	var file bytes.Buffer
	if err := d.ExportBundle(ctx, &file, clientlib.BundleOptions{All: true}); err != nil {
		t.Fatal(err)
	}
	old, err := w.Centre.AnswerBundle(file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	w.Centre.Forget(d.Origin(), 0)
	w.Clock.Advance(time.Second)
	w.Centre.NewEpoch()
	w.Clock.Advance(time.Second)
	if err := point.Forward(w.Centre); err != nil {
		t.Fatal(err)
	}
	if err := d.SetServers(ctx, []string{point.URL}); err != nil {
		t.Fatal(err)
	}
	if r := w.Sync(d); !r.PeerBehind || r.Pages == 0 {
		t.Fatalf("the phone has not heard of the new history: %+v", r)
	}
	if _, err := d.ImportBundle(ctx, bytes.NewReader(old)); err != nil {
		t.Fatal(err)
	}
	for what, id := range map[string]uuid.UUID{"received before": early, "receipted by file": late} {
		if c, err := d.Custody(ctx, id); err != nil || c.Stage != clientlib.StageAtCommune {
			t.Errorf("%s: %+v, %v; want at the commune", what, c, err)
		}
	}
	first, err := syncproto.NewEpoch(0, uuid.Nil, bytes.NewReader(make([]byte, 16)))
	if err != nil {
		t.Fatal(err)
	}
	ruling := &syncproto.Ruling{Number: 90, Kind: syncproto.RulingErase, Record: uuid.UUID{1}, IssuedMS: 1}
	ruling.Sign(w.Centre.Key())
	page := &syncproto.Page{Feed: syncproto.CommonFeed, Epoch: first, To: 1, Items: []syncproto.FeedItem{{Ruling: ruling}}}
	if err := page.Sign(w.Centre.Key()); err != nil {
		t.Fatal(err)
	}
	if r := importBytes(t, d, bundle(t, syncproto.Entry{Kind: syncproto.EntryPage, Data: page.Encode()})); r.Pages != 0 || r.Skipped != 1 {
		t.Errorf("a page of the old history: %+v", r)
	}
	if r := w.Sync(d); r.Pages != 0 {
		t.Errorf("led back to the old history: %d pages", r.Pages)
	}
	if err := point.Forward(w.Centre); err != nil {
		t.Fatal(err)
	}
	w.Sync(d)
	if c, err := d.Custody(ctx, late); err != nil || c.Stage != clientlib.StageAtCentre {
		t.Errorf("in the new history: %+v, %v", c, err)
	}
}

func mustKinds(t *testing.T, d *clientlib.Device) []*syncproto.Kind {
	t.Helper()
	k, err := d.Kinds(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Receipts that nobody entitled has signed move nothing.
func TestForgedReceipts(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	point := w.Point("point")
	d := w.Device("a", point)
	id := w.Card(d, 1)
	w.Sync(d)
	h := point.Head(d.Origin())
	forge := func(mark syncproto.Mark, s *clienttest.Server, open syncproto.Hash) []byte {
		r := &syncproto.Receipt{Mark: mark, Origin: d.Origin(), First: 1, Last: 1, Open: open, Closed: h.Closed, IssuedMS: w.Clock.NowMS()}
		r.Sign(s.Key())
		return r.Encode()
	}
	stranger := clienttest.NewCentre(99, w.Clock)
	damaged := forge(syncproto.MarkReceived, w.Centre, h.Open)
	damaged[len(damaged)-1] ^= 1
	for name, b := range map[string][]byte{
		"a point says received": forge(syncproto.MarkReceived, point, h.Open), "a stranger": forge(syncproto.MarkReceived, stranger, h.Open),
		"another branch": forge(syncproto.MarkReceived, w.Centre, syncproto.Hash{1}), "damaged": damaged,
	} {
		file, err := syncproto.EncodeBundle([]syncproto.Entry{{Kind: syncproto.EntryReceipt, Data: b}})
		if err != nil {
			t.Fatal(err)
		}
		r := importBytes(t, d, file)
		if r.Receipts != 0 || r.Skipped != 1 || len(r.Problems) != 1 {
			t.Errorf("%s: %+v", name, r)
		}
		if c, _ := d.Custody(ctx, id); c.Stage != clientlib.StageAtCommune {
			t.Errorf("%s: custody %v", name, c.Stage)
		}
	}
}
