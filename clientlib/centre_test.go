package clientlib_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/clientlib/clienttest"
	"thonsync/syncproto"
)

// theft is a phone whose centre has replaced its key, and somebody who has the old
// one.
type theft struct {
	*clienttest.World
	t     *testing.T
	phone *clientlib.Device
	old   ed25519.PrivateKey
	first *syncproto.Centre // the line as it was under the old key
	till  int64             // when it was replaced
}

func newTheft(t *testing.T) *theft {
	t.Helper()
	w := clienttest.NewWorld(t, 1)
	th := &theft{World: w, t: t, phone: w.Device("a", w.Centre), first: w.Centre.Centre()}
	w.Card(th.phone, 1)
	w.Sync(th.phone)
	w.Clock.Advance(time.Hour)
	th.old = w.Centre.Succeed()
	th.till, _ = w.Centre.Centre().Until(0)
	w.Sync(th.phone)
	return th
}

// ahead gives the phone's newest segment: what it has signed and nobody else has.
func (th *theft) ahead() *syncproto.Segment {
	th.t.Helper()
	entries, _, err := syncproto.DecodeBundle(exportBytes(th.t, th.phone, clientlib.BundleOptions{}))
	if err != nil {
		th.t.Fatal(err)
	}
	for _, e := range entries {
		if e.Kind == syncproto.EntrySegment {
			s, err := syncproto.ParseSegment(e.Data)
			if err != nil {
				th.t.Fatal(err)
			}
			return s
		}
	}
	th.t.Fatal("nothing is unsent")
	return nil
}

// refused imports something forged and wants a note of its code.
func (th *theft) refused(what string, code syncproto.Code, e syncproto.Entry) {
	th.t.Helper()
	r := importBytes(th.t, th.phone, bundle(th.t, e))
	if r.Skipped != 1 || r.Receipts+r.Pages > 0 || !strings.Contains(r.Problems[0], string(code)) {
		th.t.Errorf("%s: %+v, want %s", what, r, code)
	}
}

// A thief of a replaced key dates receipts back; what was written after the phone
// knew of the new key is not received by them.
func TestReceiptsUnderAReplacedKeyEndWhereItEnded(t *testing.T) {
	th := newTheft(t)
	id := th.Card(th.phone, 2)
	s := th.ahead()
	forge := func(ms int64) syncproto.Entry {
		r := &syncproto.Receipt{Mark: syncproto.MarkSafe, Origin: s.Origin, First: 1, Last: s.Last(), Open: s.After.Open, Closed: s.After.Closed, IssuedMS: ms}
		r.Sign(th.old)
		return syncproto.Entry{Kind: syncproto.EntryReceipt, Data: r.Encode()}
	}
	th.refused("dated today", syncproto.CodeOldKey, forge(th.Clock.NowMS()+1))
	th.refused("dated back", syncproto.CodeOldKey, forge(th.till-1000))
	if c, err := th.phone.Custody(context.Background(), id); err != nil || c.Stage != clientlib.StageOnPhone {
		t.Errorf("custody %+v, %v", c, err)
	}
	th.Sync(th.phone)
	if c, err := th.phone.Custody(context.Background(), id); err != nil || c.Stage != clientlib.StageAtCentre {
		t.Errorf("custody after an honest exchange %+v, %v", c, err)
	}
}

// Who joined under the new key owes nothing to the old one.
func TestReceiptsUnderAKeyFromBeforeJoining(t *testing.T) {
	th := newTheft(t)
	th.phone = th.Device("b", th.Centre)
	th.Card(th.phone, 2)
	s := th.ahead()
	r := &syncproto.Receipt{Mark: syncproto.MarkSafe, Origin: s.Origin, First: 1, Last: s.Last(), Open: s.After.Open, Closed: s.After.Closed, IssuedMS: th.till}
	r.Sign(th.old)
	th.refused("from before", syncproto.CodeOldKey, syncproto.Entry{Kind: syncproto.EntryReceipt, Data: r.Encode()})
}

// An honest receipt under the old key, that took a year to come, still counts.
func TestLateReceiptsUnderAReplacedKeyCount(t *testing.T) {
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	id := w.Card(d, 1)
	up := exportBytes(t, d, clientlib.BundleOptions{})
	entries, _, err := syncproto.DecodeBundle(up)
	if err != nil {
		t.Fatal(err)
	}
	var late syncproto.Entry
	for _, e := range entries {
		if e.Kind != syncproto.EntrySegment {
			continue
		}
		s, err := syncproto.ParseSegment(e.Data)
		if err != nil {
			t.Fatal(err)
		}
		r := &syncproto.Receipt{Mark: syncproto.MarkReceived, Origin: s.Origin, First: 1, Last: s.Last(), Open: s.After.Open, Closed: s.After.Closed, IssuedMS: w.Clock.NowMS()}
		r.Sign(w.Centre.Key())
		late = syncproto.Entry{Kind: syncproto.EntryReceipt, Data: r.Encode()}
	}
	w.Clock.Advance(time.Hour)
	w.Centre.Succeed()
	notice := syncproto.Entry{Kind: syncproto.EntryNotice, Data: w.Centre.Notice()}
	if r := importBytes(t, d, bundle(t, notice, late)); r.Receipts != 1 || r.Skipped > 0 {
		t.Fatalf("%+v", r)
	}
	if c, err := d.Custody(context.Background(), id); err != nil || c.Stage != clientlib.StageAtCentre {
		t.Errorf("custody %+v, %v", c, err)
	}
}

// Pages, rulings, notices and sealing keys under the old key are nothing any more.
func TestNothingElseCountsUnderAReplacedKey(t *testing.T) {
	th := newTheft(t)
	erase := &syncproto.Ruling{Number: 99, Kind: syncproto.RulingErase, Record: uuid.UUID{1}, IssuedMS: th.till - 1}
	erase.Sign(th.old)
	page := &syncproto.Page{Feed: syncproto.CommonFeed, Epoch: uuid.UUID{9}, To: 1, Items: []syncproto.FeedItem{{Ruling: erase}}}
	if err := page.Sign(th.old); err != nil {
		t.Fatal(err)
	}
	th.refused("a new history", syncproto.CodeOldKey, syncproto.Entry{Kind: syncproto.EntryPage, Data: page.Encode()})
	late := &syncproto.Ruling{Number: 100, Kind: syncproto.RulingRevoke, Target: syncproto.Ref{Origin: th.phone.Origin()}, IssuedMS: th.till + 1}
	late.Sign(th.old)
	th.refused("a ruling by itself", syncproto.CodeOldKey, syncproto.Entry{Kind: syncproto.EntryRuling, Data: late.Encode()})

	evil, err := syncproto.NewSealPrivate(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	said := syncproto.StateSeal(th.old, evil.Public.Bytes(), th.Clock.NowMS()+1_000_000)
	notice := syncproto.KeyNotice{Sign: th.old.Public().(ed25519.PublicKey), Exchange: evil.Public.Bytes(), Serial: 1 << 40, Seal: said, Centre: th.first}
	notice.SignWith(th.old)
	th.refused("a notice of the old key itself", syncproto.CodeOldKey, syncproto.Entry{Kind: syncproto.EntryNotice, Data: notice.Encode()})

	// A point in league with the thief names his sealing key.
	p := th.Point("p")
	honest, err := syncproto.DecodeKeyNotice(p.Notice())
	if err != nil {
		t.Fatal(err)
	}
	honest.Seal, honest.Centre, honest.Serial = said, th.first, 1<<40
	honest.SignWith(p.Key())
	if r := importBytes(t, th.phone, bundle(t, syncproto.Entry{Kind: syncproto.EntryNotice, Data: honest.Encode()})); r.Skipped > 0 {
		t.Errorf("a point behind is refused: %+v", r)
	}
	th.Card(th.phone, 2)
	if s := th.ahead(); s.SealKey() == evil.Public.ID {
		t.Error("the phone seals to the thief's key")
	}
}

// A successor that the thief names is another than the one that phones know.
func TestTheThiefsSuccessorIsRefused(t *testing.T) {
	th := newTheft(t)
	evil := ed25519.NewKeyFromSeed(make([]byte, 32))
	line, err := th.first.Succeed(evil, th.old, syncproto.Hash{}, th.till)
	if err != nil {
		t.Fatal(err)
	}
	seal, err := syncproto.NewSealPrivate(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	n := syncproto.KeyNotice{Sign: evil.Public().(ed25519.PublicKey), Exchange: seal.Public.Bytes(), Serial: 1 << 40, Centre: line,
		Seal: syncproto.StateSeal(evil, seal.Public.Bytes(), th.till+1)}
	n.SignWith(evil)
	th.refused("a rival line", syncproto.CodeFork, syncproto.Entry{Kind: syncproto.EntryNotice, Data: n.Encode()})
}

// A thief names successors and is followed; then the recovery key names another.
// The phone goes over, forgets the thief's sealing key and reads on.
func TestTheRecoveryKeyOverrulesAThief(t *testing.T) {
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	seal, err := syncproto.NewSealPrivate(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	line, key := w.Centre.Centre(), w.Centre.Key()
	for i := range 2 {
		next := ed25519.NewKeyFromSeed(append(make([]byte, 31), byte(i)))
		if line, err = line.Succeed(next, key, line.Recovery(), w.Clock.NowMS()+int64(i)); err != nil {
			t.Fatal(err)
		}
		key = next
	}
	n := syncproto.KeyNotice{Sign: line.Key(), Exchange: seal.Public.Bytes(), Serial: 1 << 40, Centre: line,
		Seal: syncproto.StateSeal(key, seal.Public.Bytes(), w.Clock.NowMS()+1_000_000_000)}
	n.SignWith(key)
	ruling := &syncproto.Ruling{Number: 7, Kind: syncproto.RulingErase, Record: uuid.UUID{1}, IssuedMS: w.Clock.NowMS()}
	ruling.Sign(key)
	// A history that begins long after any that the centre could begin.
	epoch, err := syncproto.NewEpoch(w.Clock.NowMS()+1_000_000_000_000, uuid.Nil, bytes.NewReader(make([]byte, 16)))
	if err != nil {
		t.Fatal(err)
	}
	page := &syncproto.Page{Feed: syncproto.CommonFeed, Epoch: epoch, To: 1, Items: []syncproto.FeedItem{{Ruling: ruling}}}
	if err := page.Sign(key); err != nil {
		t.Fatal(err)
	}
	r := importBytes(t, d, bundle(t, syncproto.Entry{Kind: syncproto.EntryNotice, Data: n.Encode()}, syncproto.Entry{Kind: syncproto.EntryPage, Data: page.Encode()}))
	if r.Skipped > 0 || r.Pages != 1 {
		t.Fatalf("this test proves nothing: the thief was not followed: %+v", r)
	}
	w.Clock.Advance(time.Hour)
	w.Centre.Recover()
	w.Centre.DefineKind("NEW", `{"code":"NEW","name_vi":"Mới","name_en":"New","person":false,"fields":[]}`)
	id := w.Card(d, 1)
	if r := w.Sync(d); len(r.Notes) > 0 {
		t.Errorf("%v", r.Notes)
	}
	if c, err := d.Custody(context.Background(), id); err != nil || c.Stage != clientlib.StageAtCentre {
		t.Errorf("custody %+v, %v", c, err)
	}
	if _, err := d.Kind(context.Background(), "NEW"); err != nil {
		t.Errorf("the feed is not read on: %v", err)
	}
	if r := importBytes(t, d, bundle(t, syncproto.Entry{Kind: syncproto.EntryNotice, Data: n.Encode()})); r.Skipped != 1 {
		t.Errorf("the thief is followed again: %+v", r)
	}
}
