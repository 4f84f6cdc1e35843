package ingest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"thonsync/server/feed"
	"thonsync/server/keys"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

var pointKey = seedKey("point")

func newPoint(t testing.TB) *server {
	t.Helper()
	p := newAuthor(t, "point", credential.RolePoint, testCommune)
	return openServer(t, filepath.Join(t.TempDir(), "point.db"), Config{
		Role: credential.RolePoint, Trust: keys.NewTrust(pointKey, syncproto.FoundCentre(centreKey, syncproto.Hash{}, startMS)), Credentials: p.chain,
	})
}

// pages gives all pages that a server has after what a point holds.
func (s *server) pages(point *server) (out [][]byte) {
	s.t.Helper()
	for _, name := range []string{syncproto.CommonFeed, testCommune} {
		after := syncproto.Checkpoint{Feed: name}
		point.view(func(r store.Reader) {
			h := must[store.FeedHead](s.t)(r.FeedHead(name))
			after.Epoch, after.Position, after.Page = h.Epoch, h.Cut, h.Page
		})
		s.view(func(r store.Reader) {
			slice := must[feed.Slice](s.t)(feed.Pages(r, after, func(int) bool { return true }))
			out = append(out, slice.Pages...)
		})
	}
	return out
}

func (s *server) receiptsOf(id syncproto.OriginID) (out [][]byte) {
	s.t.Helper()
	s.view(func(r store.Reader) {
		for _, row := range must[[]store.Receipt](s.t)(r.Receipts(store.ReceiptQuery{Origins: []syncproto.OriginID{id}})) {
			out = append(out, row.Data)
		}
	})
	return out
}

func (s *server) segmentsOf(id syncproto.OriginID) (out []store.Segment) {
	s.t.Helper()
	s.view(func(r store.Reader) { out = must[[]store.Segment](s.t)(r.Segments(store.SegmentQuery{Origin: id})) })
	return out
}

func TestPointCarriesAndForgets(t *testing.T) {
	c, p := withReference(t), newPoint(t)
	r := p.submitBatch(Batch{Pages: c.pages(p), Beacon: c.Beacon()})
	if len(r.Refused) > 0 {
		t.Fatal(r.Refused)
	}
	if len(p.Definitions().kinds) != 14 || !p.Definitions().Within(testVillage, []string{testCommune}) || p.Beacon() != c.Beacon() {
		t.Fatal("the point does not know the reference data")
	}
	a := newAuthor(t, "phone", credential.RolePhone, testVillage)
	rng := rand.New(rand.NewPCG(1, 1))
	for range 10 {
		a.write(activity(testVillage, rng))
	}
	r = p.submitBatch(Batch{Credentials: []syncproto.OriginCredential{a.credentials()}, Segments: a.cuts(1, 10, 4)})
	if r.New != 10 || len(r.Problems) > 0 {
		t.Fatalf("at the point: %+v", r)
	}
	if got := fmt.Sprint(p.outcomes(a.origin)); got != "map[accepted:10]" {
		t.Errorf("at the point: %v", got)
	}
	commune := p.receipt(a.origin, syncproto.MarkCommune)
	if err := commune.Verify(pub(pointKey)); err != nil || commune.Last != 10 {
		t.Errorf("commune receipt %+v, %v", commune, err)
	}
	// Up, with the point's receipts as witnesses.
	point := newAuthor(t, "point", credential.RolePoint, testCommune)
	var up [][]byte
	for _, seg := range p.segmentsOf(a.origin) {
		up = append(up, seg.Data)
	}
	r = c.submitBatch(Batch{
		Via: p.id, Segments: up, Credentials: []syncproto.OriginCredential{a.credentials(), point.credentials()}, Receipts: p.receiptsOf(a.origin),
	})
	if r.New != 10 || len(r.Problems)+len(r.Refused) > 0 {
		t.Fatalf("at the centre: %+v", r)
	}
	// Down: received, then safe.
	if r = p.submitBatch(Batch{Receipts: c.receiptsOf(a.origin)}); len(r.Refused) > 0 {
		t.Fatal(r.Refused)
	}
	if rc := p.receipt(a.origin, syncproto.MarkReceived); rc.Issuer != c.id || rc.Last != 10 {
		t.Errorf("the point does not pass on the centre's receipt: %+v", rc)
	}
	if segs := p.segmentsOf(a.origin); !segs[0].Sealed {
		t.Error("the point dropped sealed bytes before they were safe")
	}
	if err := c.MarkSafe(context.Background(), []syncproto.OriginHeads{{Origin: a.origin, Heads: a.states[8]}}); err != nil {
		t.Fatal(err)
	}
	p.submitBatch(Batch{Receipts: c.receiptsOf(a.origin)})
	for _, seg := range p.segmentsOf(a.origin) {
		if want := seg.Last > 8; seg.Sealed != want {
			t.Errorf("segment %d-%d: sealed %v, want %v", seg.First, seg.Last, seg.Sealed, want)
		}
	}
	p.mustVerify()
	c.mustVerify()
	p.checkLedger()
}

func TestPointTakesRulingsAndCorrections(t *testing.T) {
	c, p := withReference(t), newPoint(t)
	p.submitBatch(Batch{Pages: c.pages(p)})
	a := newAuthor(t, "phone", credential.RolePhone, testVillage)
	id := a.write(activity(testVillage, rand.New(rand.NewPCG(1, 1))))
	batch := Batch{Credentials: []syncproto.OriginCredential{a.credentials()}, Segments: [][]byte{a.cut(1, 1)}}
	p.submitBatch(batch)
	c.submitBatch(batch)
	centre := c.centreAuthor()
	for _, ch := range c.reference() {
		centre.write(ch)
	}
	centre.write(set(syncproto.CollectionActivity, id, []syncproto.Ref{a.ref(1)}, syncproto.Field{Num: syncproto.ActivityOccurred, Value: syncproto.DateValue(syncproto.Date{Year: 2020, Month: 1, Day: 1})}))
	c.submit1(centre.cut(centre.heads.Seq, centre.heads.Seq))
	erased := a.write(activity(testVillage, rand.New(rand.NewPCG(2, 2))))
	p.submit1(a.cut(2, 2))
	if _, err := c.Rule(context.Background(), syncproto.Ruling{Kind: syncproto.RulingErase, Record: erased, Unit: testVillage}); err != nil {
		t.Fatal(err)
	}
	pages := c.pages(p)
	if len(pages) == 0 {
		t.Fatal("no pages for the point")
	}
	if r := p.submitBatch(Batch{Pages: pages}); len(r.Refused) > 0 {
		t.Fatal(r.Refused)
	}
	p.view(func(r store.Reader) {
		rec, _, err := r.Record(id)
		if err != nil || rec.Occurred != "2020-01-01" || rec.Conflict {
			t.Errorf("corrected record %+v, %v", rec, err)
		}
		rec, _, err = r.Record(erased)
		if err != nil || !rec.Erased {
			t.Errorf("erased record %+v, %v", rec, err)
		}
	})
	if got := fmt.Sprint(p.outcomes(a.origin)); got != "map[accepted:1 erased/erased:1]" {
		t.Errorf("outcomes %v", got)
	}
	// The same pages again change nothing; a page out of turn is refused.
	before := p.records2()
	if r := p.submitBatch(Batch{Pages: pages}); len(r.Refused) > 0 {
		t.Error(r.Refused)
	}
	equalRecords(t, "after repeated pages", p.records2(), before)
	empty := newPoint(t)
	all := c.pages(empty)
	if len(all) < 3 {
		t.Fatalf("%d pages", len(all))
	}
	if r := empty.submitBatch(Batch{Pages: all[1:2]}); len(r.Refused) != 1 || syncproto.CodeOf(r.Refused[0]) != syncproto.CodeGap {
		t.Errorf("second page first: %v", r.Refused)
	}
	all[0][20] ^= 1
	if r := empty.submitBatch(Batch{Pages: all[:1]}); len(r.Refused) != 1 || syncproto.CodeOf(r.Refused[0]) != syncproto.CodeSignature {
		t.Errorf("damaged page: %v", r.Refused)
	}
}

// records2 is records where personal rows cannot be read.
func (s *server) records2() map[uuid.UUID]string {
	s.t.Helper()
	out := make(map[uuid.UUID]string)
	s.view(func(r store.Reader) {
		err := r.EachRecord(store.RecordQuery{}, func(rec store.Record) error {
			row := must[syncproto.Row](s.t)(Shown(&rec))
			out[rec.ID] = fmt.Sprintf("%s %v %v %v %x", rec.Unit, rec.Exists, rec.Void, rec.Erased, syncproto.AppendRow(nil, row))
			return nil
		})
		if err != nil {
			s.t.Fatal(err)
		}
	})
	return out
}

// Another epoch: every feed is cut anew, and a point takes it from the start.
func TestNewEpoch(t *testing.T) {
	c, p := withReference(t), newPoint(t)
	p.submitBatch(Batch{Pages: c.pages(p)})
	before := p.records2()
	var was syncproto.Epoch
	p.view(func(r store.Reader) { was = must[store.FeedHead](t)(r.FeedHead(syncproto.CommonFeed)).Epoch })
	old := c.pages(openServer(t, filepath.Join(t.TempDir(), "other.db"), p.cfg))
	next := must[syncproto.Epoch](t)(syncproto.NewEpoch(0, was, strings.NewReader("ten octets and more")))
	err := c.Do(context.Background(), func(tx store.Tx) error { return tx.SetMeta(MetaEpoch, next[:]) })
	if err != nil {
		t.Fatal(err)
	}
	pages := c.pages(p)
	if len(pages) == 0 {
		t.Fatal("the new epoch has no pages")
	}
	if r := p.submitBatch(Batch{Pages: pages}); len(r.Refused) > 0 {
		t.Fatal(r.Refused)
	}
	p.view(func(r store.Reader) {
		h := must[store.FeedHead](t)(r.FeedHead(syncproto.CommonFeed))
		if h.Epoch != next || h.Cut != h.Position || h.Cut == 0 {
			t.Errorf("feed %+v, want epoch %s", h, next)
		}
	})
	equalRecords(t, "in the new epoch", p.records2(), before)
	// Whoever still has pages of the old one cannot lead the point back.
	if r := p.submitBatch(Batch{Pages: old}); len(r.Refused) != len(old) {
		t.Errorf("%d of %d pages of the history before were refused", len(r.Refused), len(old))
	}
	p.view(func(r store.Reader) {
		if h := must[store.FeedHead](t)(r.FeedHead(syncproto.CommonFeed)); h.Epoch != next {
			t.Errorf("led back to epoch %s", h.Epoch)
		}
	})
}

// A receipt of ours that we do not remember shows that we were restored.
func TestReceiptOfLostHistory(t *testing.T) {
	c := withReference(t)
	a := c.phone("phone", 3)
	c.submit1(a.cut(1, 3))
	lost := c.receiptsOf(a.origin)
	restored := withReference(t)
	restored.submitBatch(Batch{Credentials: []syncproto.OriginCredential{a.credentials()}})
	restored.submitBatch(Batch{Receipts: lost})
	restored.view(func(r store.Reader) {
		if n, err := r.Counter(CounterRestored); n != 1 || err != nil {
			t.Errorf("counter %d, %v", n, err)
		}
	})
	c.submitBatch(Batch{Receipts: lost})
	c.view(func(r store.Reader) {
		if n, err := r.Counter(CounterRestored); n != 0 || err != nil {
			t.Errorf("counter %d, %v: this history is not lost", n, err)
		}
	})
}

// In a new history all receipts are given anew: those from before its beginning
// count nowhere, also where a clock was set back.
func TestReissue(t *testing.T) {
	c := withReference(t)
	a := c.phone("phone", 3)
	c.submit1(a.cut(1, 3))
	old := must[*syncproto.Receipt](t)(syncproto.DecodeReceipt(c.receiptsOf(a.origin)[0]))
	next := must[syncproto.Epoch](t)(syncproto.NewEpoch(c.clock.now().UnixMilli()+1000, syncproto.Epoch{}, strings.NewReader("ten octets and more")))
	err := c.Do(context.Background(), func(tx store.Tx) error { return tx.SetMeta(MetaEpoch, next[:]) })
	if err != nil {
		t.Fatal(err)
	}
	if !old.OfLostHistory(next) {
		t.Error("a receipt from before counts on")
	}
	if err := c.Reissue(context.Background()); err != nil {
		t.Fatal(err)
	}
	list := c.receiptsOf(a.origin)
	r := must[*syncproto.Receipt](t)(syncproto.DecodeReceipt(list[0]))
	if len(list) != 1 || r.OfLostHistory(next) || r.First != 1 || r.Last != 3 || r.Closed != a.heads.Closed {
		t.Errorf("%d receipts, the first %+v", len(list), r)
	}
}
