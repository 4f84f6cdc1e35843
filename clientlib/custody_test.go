package clientlib_test

import (
	"context"
	"testing"

	"thonsync/clientlib"
	"thonsync/clientlib/clienttest"
	"thonsync/syncproto"
)

// bundle encodes entries to a file.
func bundle(t *testing.T, entries ...syncproto.Entry) []byte {
	t.Helper()
	b, err := syncproto.EncodeBundle(entries)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// receiptBy signs a receipt for changes 1 to the head as the centre holds them.
func receiptBy(w *clienttest.World, s *clienttest.Server, d *clientlib.Device, mark syncproto.Mark, issuedMS int64, x ...syncproto.Exception) syncproto.Entry {
	h := w.Centre.Head(d.Origin())
	r := &syncproto.Receipt{Mark: mark, Origin: d.Origin(), First: 1, Last: h.Seq, Open: h.Open, Closed: h.Closed, IssuedMS: issuedMS, Exceptions: x}
	r.Sign(s.Key())
	return syncproto.Entry{Kind: syncproto.EntryReceipt, Data: r.Encode()}
}

// A point with a good credential may say commune and nothing more.
func TestAPointCannotSayReceived(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	point := w.Point("point")
	d := w.Device("a", point)
	id := w.Card(d, 1)
	w.Sync(d)
	if err := point.Forward(w.Centre); err != nil {
		t.Fatal(err)
	}
	n, err := syncproto.DecodeKeyNotice(point.Notice())
	if err != nil {
		t.Fatal(err)
	}
	chain := syncproto.Entry{Kind: syncproto.EntryCredential,
		Data: syncproto.EncodeCredentialEntry(syncproto.OriginCredential{Origin: point.Origin(), Credentials: n.Credentials})}
	for _, mark := range []syncproto.Mark{syncproto.MarkReceived, syncproto.MarkSafe} {
		r := importBytes(t, d, bundle(t, chain, receiptBy(w, point, d, mark, w.Clock.NowMS()+1)))
		if c, err := d.Custody(ctx, id); err != nil || c.Stage != clientlib.StageAtCommune || r.Receipts != 0 || r.Skipped != 1 {
			t.Fatalf("%s: %+v, %+v, %v", mark, c, r, err)
		}
	}
	if r := importBytes(t, d, bundle(t, chain, receiptBy(w, point, d, syncproto.MarkCommune, w.Clock.NowMS()+1))); r.Receipts != 1 {
		t.Fatalf("commune: %+v", r)
	}
}

// Receipts can come in any order: what the newest says about a change counts.
func TestOldReceiptsComeLate(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	point := w.Point("point")
	d := w.Device("a", point)
	id := w.Card(d, 1)
	other := w.Card(d, 2)
	w.Sync(d)
	if err := point.Forward(w.Centre); err != nil {
		t.Fatal(err)
	}
	unreadable := syncproto.Exception{First: 1, Last: 1, Outcome: syncproto.OutcomeQuarantined, Reason: syncproto.ReasonUnreadable}
	refused := syncproto.Exception{First: 1, Last: 1, Outcome: syncproto.OutcomeRefused, Reason: syncproto.ReasonBadValue}
	now := w.Clock.NowMS()
	steps := []struct {
		name    string
		e       syncproto.Entry
		stage   clientlib.Stage
		reason  syncproto.Reason
		another clientlib.Stage
	}{
		{"unreadable", receiptBy(w, w.Centre, d, syncproto.MarkReceived, now+100, unreadable), clientlib.StageAtCommune, syncproto.ReasonUnreadable, clientlib.StageAtCentre},
		{"older and clean", receiptBy(w, w.Centre, d, syncproto.MarkReceived, now+50), clientlib.StageAtCommune, syncproto.ReasonUnreadable, clientlib.StageAtCentre},
		{"newer and refused", receiptBy(w, w.Centre, d, syncproto.MarkReceived, now+200, refused), clientlib.StageAskedBack, syncproto.ReasonBadValue, clientlib.StageAtCentre},
		{"older and unreadable", receiptBy(w, w.Centre, d, syncproto.MarkReceived, now+150, unreadable), clientlib.StageAskedBack, syncproto.ReasonBadValue, clientlib.StageAtCentre},
		{"newest and clean", receiptBy(w, w.Centre, d, syncproto.MarkReceived, now+300), clientlib.StageAtCentre, "", clientlib.StageAtCentre},
		{"unreadable after all", receiptBy(w, w.Centre, d, syncproto.MarkReceived, now+400, unreadable), clientlib.StageAtCommune, syncproto.ReasonUnreadable, clientlib.StageAtCentre},
	}
	for _, s := range steps {
		if r := importBytes(t, d, bundle(t, s.e)); r.Receipts != 1 {
			t.Fatalf("%s: %+v", s.name, r)
		}
		c, err := d.Custody(ctx, id)
		if err != nil || c.Stage != s.stage || c.Reason != s.reason {
			t.Errorf("%s: %+v, %v", s.name, c, err)
		}
		if c, err = d.Custody(ctx, other); err != nil || c.Stage != s.another || c.Reason != "" {
			t.Errorf("%s: the neighbour %+v, %v", s.name, c, err)
		}
	}
}

// The sealing key changed and the phone did not know: within one Sync the centre
// names the new key, and what it could not open is sealed to it and sent again.
func TestSealedAgainWithinOneSync(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	id := w.Card(d, 1)
	w.Centre.RotateSeal()
	w.Centre.ForgetSeals()
	r := w.Sync(d)
	if r.Sent != 2 || r.Waiting != 0 {
		t.Fatalf("%+v", r)
	}
	checkHeld(t, w, d, 1)
	if c, err := d.Custody(ctx, id); err != nil || c.Stage != clientlib.StageAtCentre || c.Outcome != 0 {
		t.Fatalf("%+v, %v", c, err)
	}
}

// Whatever its address answers, a server of another centre is refused.
func TestAnotherCentreAtTheAddress(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	id := w.Card(d, 1)
	impostor := clienttest.NewCentre(66, w.Clock)
	impostor.URL = w.Centre.URL
	w.Net.Add(impostor)
	if r, err := d.Sync(ctx); syncproto.CodeOf(err) != syncproto.CodeForeignKey || r.Sent != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	if c, err := d.Custody(ctx, id); err != nil || c.Stage != clientlib.StageOnPhone {
		t.Fatalf("%+v, %v", c, err)
	}
	w.Net.Add(w.Centre)
	w.Sync(d)
	checkHeld(t, w, d, 1)
}

// Feed pages are taken in order and without a hole; what does not follow waits
// until it does, and a repeat does nothing.
func TestFeedContinuity(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	for i := range 50 {
		w.Centre.DefineUnit("test", string(rune('A'+i)), clienttest.Commune, "Thôn Thử")
	}
	var pages []syncproto.Entry
	entries, _, err := syncproto.DecodeBundle(answerBundle(t, w.Centre, exportBytes(t, d, clientlib.BundleOptions{})))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Kind == syncproto.EntryPage {
			pages = append(pages, e)
		}
	}
	if len(pages) != 3 {
		t.Fatalf("%d pages, want 3", len(pages))
	}
	known := func(n int) {
		t.Helper()
		_, err := d.Record(ctx, clientlib.RecordInput{Kind: "CC", Fields: with("unit", "test:"+string(rune('A'+n)))})
		_, after := d.Record(ctx, clientlib.RecordInput{Kind: "CC", Fields: with("unit", "test:"+string(rune('A'+n+1)))})
		if err != nil || after == nil {
			t.Fatalf("the feed was not read exactly to unit %d: %v, %v", n, err, after)
		}
	}
	for _, step := range []struct {
		pages         []syncproto.Entry
		read, skipped int
	}{
		{pages[1:2], 0, 1}, {pages[:1], 1, 0}, {pages[2:], 0, 1}, {pages[:1], 0, 0}, {[]syncproto.Entry{pages[2], pages[1]}, 1, 1}, {pages[1:], 1, 0},
	} {
		if r := importBytes(t, d, bundle(t, step.pages...)); r.Pages != step.read || r.Skipped != step.skipped {
			t.Fatalf("%+v, want %d read and %d left out", r, step.read, step.skipped)
		}
		if step.read == 1 && len(step.pages) == 1 {
			known(19)
		}
	}
	// A page in the right place that does not name the page before.
	last, err := w.Centre.Centre().DecodePage(pages[2].Data)
	if err != nil {
		t.Fatal(err)
	}
	odd := &syncproto.Page{Feed: last.Feed, Epoch: last.Epoch, From: last.To, To: last.To + 1, Prev: syncproto.Hash{1}, Items: last.Items[:1]}
	for _, prev := range []syncproto.Hash{{1}, {}, last.Prev} {
		odd.Prev = prev
		if err := odd.Sign(w.Centre.Key()); err != nil {
			t.Fatal(err)
		}
		if r := importBytes(t, d, bundle(t, syncproto.Entry{Kind: syncproto.EntryPage, Data: odd.Encode()})); r.Pages != 0 || r.Skipped != 1 {
			t.Fatalf("a page that follows another: %+v", r)
		}
	}
	odd.Prev = last.Hash()
	if err := odd.Sign(w.Centre.Key()); err != nil {
		t.Fatal(err)
	}
	if r := importBytes(t, d, bundle(t, syncproto.Entry{Kind: syncproto.EntryPage, Data: odd.Encode()})); r.Pages != 1 {
		t.Fatalf("the page that follows: %+v", r)
	}
}

// Cargo that the centre could not open is carried on, with what may yet open it.
func TestUnreadableCargoStays(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	a, b := w.Device("a", w.Centre), w.Device("b", w.Centre)
	w.Card(a, 1)
	importBytes(t, b, exportBytes(t, a, clientlib.BundleOptions{}))
	w.Centre.RotateSeal()
	w.Centre.ForgetSeals()
	importBytes(t, b, answerBundle(t, w.Centre, exportBytes(t, b, clientlib.BundleOptions{Carry: true})))
	if s, err := b.Status(ctx); err != nil || s.Cargo != 1 {
		t.Fatalf("%d segments carried after a receipt that says unreadable, %v", s.Cargo, err)
	}
	w.Sync(b)
	if s, err := b.Status(ctx); err != nil || s.Cargo != 1 {
		t.Fatalf("%d segments carried after an exchange that says unreadable, %v", s.Cargo, err)
	}
	// The author seals it anew, and the receipt for that sets both free.
	w.Sync(a)
	checkHeld(t, w, a, 1)
	if r := importBytes(t, b, bundle(t, receiptBy(w, w.Centre, a, syncproto.MarkReceived, w.Clock.NowMS()+5))); r.Receipts != 1 {
		t.Fatalf("%+v", r)
	}
	if s, err := b.Status(ctx); err != nil || s.Cargo != 0 {
		t.Fatalf("%d segments carried after a good receipt, %v", s.Cargo, err)
	}
}
