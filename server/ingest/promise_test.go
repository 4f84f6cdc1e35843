package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// phone gives an author whose credentials the server knows, with n activities.
func (s *server) phone(name string, n int) *author {
	s.t.Helper()
	a := newAuthor(s.t, name, credential.RolePhone, testVillage)
	rng := rand.New(rand.NewPCG(uint64(n), 77))
	for range n {
		a.write(activity(testVillage, rng))
	}
	s.submitBatch(Batch{Credentials: []syncproto.OriginCredential{a.credentials()}})
	return a
}

func TestEveryFlippedByteIsRefusedAndNeighboursLand(t *testing.T) {
	s := withReference(t)
	a := s.phone("phone", 9)
	segs := a.cuts(1, 9, 3)
	rng := rand.New(rand.NewPCG(3, 3))
	for range 60 {
		bad := bytes.Clone(segs[1])
		at := rng.IntN(len(bad))
		bad[at] ^= 1 << rng.IntN(8)
		r := s.submit1(segs[0], bad, segs[2])
		if len(r.Problems) != 1 || r.Problems[0].Index != 1 {
			t.Fatalf("byte %d: problems %+v, want one about the second segment", at, r.Problems)
		}
		switch code := r.Problems[0].Code; code {
		case syncproto.CodeMalformed, syncproto.CodeSignature, syncproto.CodeVersion, syncproto.CodeUnknownPeer, syncproto.CodeTooLarge:
		default:
			t.Errorf("byte %d: code %s", at, code)
		}
	}
	if got := s.outcomes(a.origin); got["accepted"] != 6 || len(got) != 1 {
		t.Errorf("outcomes %v, want 6 accepted", got)
	}
	s.checkLedger()
	s.view(func(r store.Reader) {
		runs := must[[]store.Run](t)(r.Runs(a.origin))
		if len(runs) != 2 || runs[0].Last.Seq != 3 || runs[1].First != 7 {
			t.Errorf("runs %+v, want 1-3 and 7-9", runs)
		}
	})
	if r := s.submit1(segs[1]); r.New != 3 || r.Heads[0].Seq != 9 {
		t.Errorf("the good copy: %+v", r)
	}
	s.checkLedger()
	s.mustVerify()
}

func TestSegmentsOfStrangers(t *testing.T) {
	s := withReference(t)
	a := newAuthor(t, "stranger", credential.RolePhone, testVillage)
	a.write(activity(testVillage, rand.New(rand.NewPCG(1, 1))))
	r := s.submit1(a.cut(1, 1))
	if len(r.Problems) != 1 || r.Problems[0].Code != syncproto.CodeUnknownPeer {
		t.Fatalf("without credentials: %+v", r.Problems)
	}
	forged := a.credentials()
	other := newAuthor(t, "other", credential.RolePhone, testVillage)
	forged.Credentials = other.chain
	if r = s.submitBatch(Batch{Segments: [][]byte{a.cut(1, 1)}, Credentials: []syncproto.OriginCredential{forged}}); len(r.Problems) != 1 {
		t.Errorf("with somebody else's credentials: %+v", r.Problems)
	}
	if r = s.submitBatch(Batch{Segments: [][]byte{a.cut(1, 1)}, Credentials: []syncproto.OriginCredential{a.credentials()}}); r.New != 1 {
		t.Errorf("with its own credentials: %+v", r)
	}
}

func TestWithoutAuthority(t *testing.T) {
	s := withReference(t)
	a := s.phone("phone", 0)
	b := s.phone("other phone", 0)
	rng := rand.New(rand.NewPCG(1, 1))
	b.write(activity(otherVillage, rng))                                                                   // foreign village
	b.write(create(syncproto.CollectionTeam, textField(syncproto.FieldUnit, testVillage)))                 // reference data
	mine := a.write(activity(testVillage, rng))                                                            //
	a.write(set(syncproto.CollectionActivity, mine, nil, textField(syncproto.FieldUnit, otherVillage)))    // moves it away
	kindless := a.write(create(syncproto.CollectionActivity, textField(syncproto.FieldUnit, testVillage))) // bad frame
	a.write(set(syncproto.CollectionTeam, mine, nil, textField(syncproto.TeamName, "đội")))                // other collection
	s.submit1(append(a.cuts(1, 4, 4), b.cuts(1, 2, 2)...)...)
	if got := fmt.Sprint(s.outcomes(b.origin)); got != "map[quarantined/no-authority:2]" {
		t.Errorf("outcomes %v", got)
	}
	if got := fmt.Sprint(s.outcomes(a.origin)); got != "map[accepted:1 quarantined/bad-frame:2 quarantined/no-authority:1]" {
		t.Errorf("outcomes %v", got)
	}
	s.view(func(r store.Reader) {
		rec, _, err := r.Record(mine)
		if err != nil || rec.Unit != testVillage {
			t.Errorf("record %+v, %v: it must stay where it was made", rec, err)
		}
		if rec, ok, err := r.Record(kindless); err != nil || !ok || rec.Exists {
			t.Errorf("record without kind: %+v, %v, %v", rec, ok, err)
		}
	})
	s.mustVerify()
	// The centre rules that the foreign change counts.
	ref := b.ref(1)
	if _, err := s.Rule(context.Background(), syncproto.Ruling{Kind: syncproto.RulingAuthority, Target: ref, Grant: true}); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(s.outcomes(b.origin)); got != "map[accepted:1 quarantined/no-authority:1]" {
		t.Errorf("after the ruling: %v", got)
	}
}

func TestUnreadableIsCuredByAGoodCopy(t *testing.T) {
	s := withReference(t)
	a := s.phone("phone", 8)
	good := a.cuts(1, 8, 4)
	a.seal = sealKey(t, "old")
	sealedToOld := a.cuts(1, 8, 8)
	r := s.submit1(sealedToOld...)
	if r.New != 8 {
		t.Fatalf("result %+v", r)
	}
	if got := fmt.Sprint(s.outcomes(a.origin)); got != "map[quarantined/unreadable:8]" {
		t.Fatalf("outcomes %v", got)
	}
	if rc := s.receipt(a.origin, syncproto.MarkReceived); rc.Last != 8 || rc.Covers(1) || rc.Covers(8) {
		t.Errorf("receipt %+v covers what nobody can read", rc)
	}
	s.submit1(good[1])
	if got := fmt.Sprint(s.outcomes(a.origin)); got != "map[accepted:4 quarantined/unreadable:4]" {
		t.Fatalf("outcomes %v", got)
	}
	if rc := s.receipt(a.origin, syncproto.MarkReceived); rc.Covers(4) || !rc.Covers(5) {
		t.Errorf("receipt %+v, want 5-8 covered", rc)
	}
	s.submit1(good[0])
	if got := fmt.Sprint(s.outcomes(a.origin)); got != "map[accepted:8]" {
		t.Errorf("outcomes %v", got)
	}
	s.view(func(r store.Reader) {
		for _, seg := range must[[]store.Segment](t)(r.Segments(store.SegmentQuery{Origin: a.origin})) {
			if seg.Sealed {
				t.Errorf("segment %d-%d keeps its sealed bytes though all of it is readable", seg.First, seg.Last)
			}
		}
	})
	s.checkLedger()
	if rep := s.mustVerify(); rep.Personals < 8 {
		t.Errorf("%d personal rows verified", rep.Personals)
	}
}

func TestUnreadableIsCuredByTheKey(t *testing.T) {
	s := withReference(t)
	a := s.phone("phone", 4)
	a.seal = sealKey(t, "late")
	s.submit1(a.cuts(1, 4, 2)...)
	if got := fmt.Sprint(s.outcomes(a.origin)); got != "map[quarantined/unreadable:4]" {
		t.Fatalf("outcomes %v", got)
	}
	if err := s.Service.Close(); err != nil {
		t.Fatal(err)
	}
	s.cfg.Keys = ring(sealKey(t, "one"), sealKey(t, "late"))
	svc, err := Open(context.Background(), s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.Service = svc
	if err := s.RetryKey(context.Background(), a.seal.Public.ID); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(s.outcomes(a.origin)); got != "map[accepted:4]" {
		t.Errorf("outcomes %v", got)
	}
	s.mustVerify()
}

// receipt reads the one receipt of an origin under a mark.
func (s *server) receipt(id syncproto.OriginID, mark syncproto.Mark) *syncproto.Receipt {
	s.t.Helper()
	var out *syncproto.Receipt
	s.view(func(r store.Reader) {
		for _, row := range must[[]store.Receipt](s.t)(r.Receipts(store.ReceiptQuery{Origins: []syncproto.OriginID{id}})) {
			rc := must[*syncproto.Receipt](s.t)(syncproto.DecodeReceipt(row.Data))
			if rc.Mark == mark {
				out = rc
			}
		}
	})
	if out == nil {
		s.t.Fatalf("no receipt with mark %s", mark)
	}
	return out
}

func TestReceiptsAndSafe(t *testing.T) {
	s := withReference(t)
	a := s.phone("phone", 6)
	s.submit1(a.cut(1, 2), a.cut(5, 6))
	rc := s.receipt(a.origin, syncproto.MarkReceived)
	if err := rc.Verify(pub(centreKey)); err != nil {
		t.Error(err)
	}
	var keys []string
	s.view(func(r store.Reader) {
		for _, row := range must[[]store.Receipt](t)(r.Receipts(store.ReceiptQuery{Origins: []syncproto.OriginID{a.origin}})) {
			keys = append(keys, fmt.Sprintf("%d-%d", row.First, row.Last))
		}
	})
	if slices.Sort(keys); !slices.Equal(keys, []string{"1-2", "5-6"}) {
		t.Errorf("receipts over %v: a gap must not be covered", keys)
	}
	s.submit1(a.cut(3, 4))
	if rc = s.receipt(a.origin, syncproto.MarkReceived); rc.First != 1 || rc.Last != 6 || rc.Open != a.heads.Open || rc.Closed != a.heads.Closed {
		t.Errorf("receipt %+v", rc)
	}
	s.view(func(r store.Reader) {
		if rows := must[[]store.Receipt](t)(r.Receipts(store.ReceiptQuery{Origins: []syncproto.OriginID{a.origin}})); len(rows) != 1 {
			t.Errorf("%d receipts, want the one that covers all", len(rows))
		}
	})
	wrong := a.states[5]
	wrong.Closed[0] ^= 1
	err := s.MarkSafe(context.Background(), []syncproto.OriginHeads{{Origin: a.origin, Heads: a.states[4]}, {Origin: a.origin, Heads: wrong}, {Origin: uuid.UUID{1}, Heads: wrong}})
	if err != nil {
		t.Fatal(err)
	}
	if rc = s.receipt(a.origin, syncproto.MarkSafe); rc.First != 1 || rc.Last != 4 || rc.Closed != a.states[4].Closed {
		t.Errorf("safe receipt %+v", rc)
	}
}

// More exceptions than a receipt can name are told in several.
func TestManyExceptions(t *testing.T) {
	s := withReference(t)
	a := s.phone("phone", 0)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range 2600 {
		unit := testVillage
		if i%2 == 0 {
			unit = otherVillage
		}
		a.write(activity(unit, rng))
	}
	s.submit1(a.cuts(1, 2600, 650)...)
	covered := make(map[uint64]int)
	s.view(func(r store.Reader) {
		for _, row := range must[[]store.Receipt](t)(r.Receipts(store.ReceiptQuery{Origins: []syncproto.OriginID{a.origin}})) {
			rc := must[*syncproto.Receipt](t)(syncproto.DecodeReceipt(row.Data))
			if len(rc.Exceptions) > maxExceptions || rc.Open != a.states[rc.Last].Open || rc.Closed != a.states[rc.Last].Closed {
				t.Errorf("receipt %d-%d with %d exceptions", rc.First, rc.Last, len(rc.Exceptions))
			}
			for seq := rc.First; seq <= rc.Last; seq++ {
				covered[seq]++
			}
		}
	})
	for seq := uint64(1); seq <= 2600; seq++ {
		if covered[seq] != 1 {
			t.Fatalf("change %d is in %d receipts", seq, covered[seq])
		}
	}
}

func TestLedgerNamesWhatIsMissing(t *testing.T) {
	s := withReference(t)
	a := s.phone("phone", 20)
	twin := a.clone()
	twin.log, twin.states = twin.log[:12], twin.states[:13]
	twin.heads = twin.states[12]
	for range 3 {
		twin.write(activity(testVillage, rand.New(rand.NewPCG(99, uint64(twin.heads.Seq)))))
	}
	p := newAuthor(t, "point", credential.RolePoint, testCommune)
	rc := &syncproto.Receipt{IssuedMS: 1, Mark: syncproto.MarkCommune, Origin: a.origin, First: 1, Last: 20, Open: a.states[20].Open, Closed: a.states[20].Closed}
	rc.Sign(p.key)
	s.submitBatch(Batch{Credentials: []syncproto.OriginCredential{p.credentials()}, Receipts: [][]byte{rc.Encode()}})
	s.submit1(a.cut(1, 4), a.cut(9, 16), twin.cut(13, 15))
	s.view(func(r store.Reader) {
		l := must[[]BranchLedger](t)(Ledger(r, a.origin))
		if len(l) != 2 {
			t.Fatalf("%d branches: %+v", len(l), l)
		}
		if got := fmt.Sprint(l[0].Gaps); l[0].Head != 20 || l[0].Contiguous != a.states[4] || l[0].Changes != 12 ||
			got != fmt.Sprintf("[{%s 5 8} {%s 17 20}]", a.origin, a.origin) {
			t.Errorf("trunk: %+v", l[0])
		}
		if l[1].Parent != 0 || l[1].After != 12 || l[1].Head != 15 || l[1].Changes != 3 || len(l[1].Gaps) != 0 {
			t.Errorf("branch: %+v", l[1])
		}
	})
	s.checkLedger()
	s.submit1(a.cut(5, 8), a.cut(17, 20))
	s.view(func(r store.Reader) {
		if l := must[[]BranchLedger](t)(Ledger(r, a.origin)); l[0].Missing() != 0 || l[0].Contiguous != a.heads {
			t.Errorf("trunk, when all is there: %+v", l[0])
		}
	})
}

func TestIntervals(t *testing.T) {
	s := withReference(t)
	a := s.phone("phone", 0)
	rng := rand.New(rand.NewPCG(1, 1))
	a.beacon = s.Beacon()
	first := a.write(activity(testVillage, rng))
	a.beacon.MS += 24 * 3600_000 // with the tag of another time
	forged := a.write(activity(testVillage, rng))
	a.beacon = syncproto.BeaconMark{}
	s.clock.advance(time.Hour)
	p := newAuthor(t, "point", credential.RolePoint, testCommune)
	witness := func(last uint64) []byte {
		rc := &syncproto.Receipt{IssuedMS: s.clock.now().UnixMilli(), Mark: syncproto.MarkCommune, Origin: a.origin, First: 1, Last: last, Open: a.states[last].Open, Closed: a.states[last].Closed}
		rc.Sign(p.key)
		return rc.Encode()
	}
	early := witness(1)
	s.clock.advance(time.Hour)
	s.submitBatch(Batch{Credentials: []syncproto.OriginCredential{p.credentials()}, Segments: [][]byte{a.cut(1, 2)}})
	interval := func(id uuid.UUID) (earliest, latest int64) {
		s.view(func(r store.Reader) {
			rec, ok, err := r.Record(id)
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			earliest, latest = rec.EarliestMS-startMS/beaconStepMS*beaconStepMS, rec.LatestMS-startMS
		})
		return earliest, latest
	}
	if e, l := interval(first); e != 0 || l != 2*3600_000 {
		t.Errorf("interval %d..%d, want 0..2h", e, l)
	}
	if e, _ := interval(forged); e != 0 {
		t.Errorf("earliest %d: a forged beacon proves nothing, the one before it does", e)
	}
	if r := s.submitBatch(Batch{Receipts: [][]byte{early}}); len(r.Refused) > 0 {
		t.Fatal(r.Refused)
	}
	if _, l := interval(first); l != 3600_000 {
		t.Errorf("latest %d, want 1h: the point saw it then", l)
	}
	if _, l := interval(forged); l != 2*3600_000 {
		t.Errorf("latest %d, want 2h: the point had not seen it", l)
	}
	forgery := bytes.Clone(early)
	forgery[len(forgery)-1] ^= 1
	if r := s.submitBatch(Batch{Receipts: [][]byte{forgery}}); len(r.Refused) != 1 {
		t.Errorf("a forged receipt was taken")
	}
}

func TestOverload(t *testing.T) {
	cfg := centreConfig(t)
	cfg.Queue = 1
	s := openServer(t, filepath.Join(t.TempDir(), "x.db"), cfg)
	hold, started := make(chan struct{}), make(chan struct{})
	results := make(chan error, 8)
	go func() {
		results <- s.Do(context.Background(), func(store.Tx) error { close(started); <-hold; return nil })
	}()
	<-started
	var overload error
	for range 4 {
		go func() { results <- s.Do(context.Background(), func(store.Tx) error { return nil }) }()
	}
	for range 3 { // one of the four finds room
		overload = <-results
	}
	var full *Overload
	if syncproto.CodeOf(overload) != syncproto.CodeOverload || !errors.As(overload, &full) || full.RetryAfter() <= 0 {
		t.Errorf("error %v, want overload with a pause", overload)
	}
	close(hold)
	for range 2 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

// A failing job must not take its neighbours with it.
func TestPoisonedNeighbour(t *testing.T) {
	s := newCentre(t)
	hold, started := make(chan struct{}), make(chan struct{})
	results := make(chan error, 4)
	go func() {
		first := true
		results <- s.Do(context.Background(), func(store.Tx) error {
			if first {
				first = false
				close(started)
				<-hold
			}
			return nil
		})
	}()
	<-started
	bad := errors.New("bad")
	done := make(chan error, 2)
	go func() {
		done <- s.Do(context.Background(), func(tx store.Tx) error { return tx.SetMeta("good", []byte{1}) })
	}()
	go func() { done <- s.Do(context.Background(), func(store.Tx) error { panic(bad) }) }()
	close(hold)
	failed := 0
	for range 2 {
		if err := <-done; err != nil {
			failed++
		}
	}
	if err := <-results; err != nil || failed != 1 {
		t.Errorf("first %v, %d of two failed, want one", err, failed)
	}
	s.view(func(r store.Reader) {
		if _, ok, err := r.Meta("good"); !ok || err != nil {
			t.Errorf("the neighbour's write is lost: %v", err)
		}
	})
}

// After a byte changed in the database file, verifying names the segment.
func TestVerifyNamesTheDamagedSegment(t *testing.T) {
	s := withReference(t)
	a := s.phone("phone", 400)
	s.submit1(a.cuts(1, 400, 100)...)
	s.mustVerify()
	var data []byte
	s.view(func(r store.Reader) {
		rows := must[[]store.Segment](t)(r.Segments(store.SegmentQuery{Origin: a.origin, From: 201, To: 201}))
		data = rows[0].Data
	})
	if err := s.Service.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.store.Checkpoint(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(file, data[400:432])
	if at < 0 {
		t.Fatal("the segment is not in the file")
	}
	file[at+5] ^= 0x10
	broken := filepath.Join(t.TempDir(), "broken.db")
	if err := os.WriteFile(broken, file, 0o600); err != nil {
		t.Fatal(err)
	}
	b := openServer(t, broken, centreConfig(t))
	rep := b.verify()
	if len(rep.Bad) == 0 {
		t.Fatal("nothing was found")
	}
	if bad := rep.Bad[0]; bad.Origin != a.origin || bad.First != 201 || bad.Last != 300 || syncproto.CodeOf(bad.Err) != syncproto.CodeSignature {
		t.Errorf("found %+v, want segment 201-300", bad)
	}
}

// Personal data must not be readable in the file.
func TestPersonalIsNotInTheFile(t *testing.T) {
	s := withReference(t)
	a := s.phone("phone", 0)
	canary := "Hạng A Chim Ưng"
	c := activity(testVillage, rand.New(rand.NewPCG(5, 5)))
	c.Personal = syncproto.NewRow(textField(syncproto.PersonFullName, canary))
	a.write(c)
	s.submit1(a.cut(1, 1))
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(s.path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(canary)) {
			t.Errorf("name found in %s", filepath.Base(s.path)+suffix)
		}
		if suffix == "" && len(b) == 0 || suffix == "-wal" && !strings.Contains(string(b), testVillage) {
			t.Errorf("nothing to look at in %s", suffix)
		}
	}
}
