package ingest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
	"thonsync/testdata/units"
)

func (s *server) revoke(id syncproto.OriginID) syncproto.Ruling {
	s.t.Helper()
	return must[syncproto.Ruling](s.t)(s.Revoke(context.Background(), id, "lost"))
}

func (s *server) release(id syncproto.OriginID) {
	s.t.Helper()
	must[syncproto.Ruling](s.t)(s.ReleaseDevice(context.Background(), id, ""))
}

// more writes n activities and gives their records.
func (a *author) more(n int) (ids []uuid.UUID) {
	rng := rand.New(rand.NewPCG(a.heads.Seq, 3))
	for range n {
		ids = append(ids, a.write(activity(testVillage, rng)))
	}
	return ids
}

// witnessed gives a point's receipt for changes 1..last, signed when it knew
// rulings up to ruled.
func witnessed(point, a *author, last, ruled uint64) []byte {
	rc := &syncproto.Receipt{IssuedMS: startMS, Mark: syncproto.MarkCommune, Ruled: ruled, Origin: a.origin, First: 1, Last: last,
		Open: a.states[last].Open, Closed: a.states[last].Closed}
	rc.Sign(point.key)
	return rc.Encode()
}

func (s *server) wantOutcomes(what string, id syncproto.OriginID, want string) {
	s.t.Helper()
	if got := fmt.Sprint(s.outcomes(id)); got != "map["+want+"]" {
		s.t.Errorf("%s: outcomes %v, want %s", what, got, want)
	}
}

func (s *server) exists(id uuid.UUID) (yes bool) {
	s.t.Helper()
	s.view(func(r store.Reader) {
		rec, _, err := r.Record(id)
		if err != nil {
			s.t.Fatal(err)
		}
		yes = rec.Exists
	})
	return yes
}

// Work up to the cut counts, later work is held and stays readable for its
// author, and one ruling lets all of it go.
func TestRevokedDevicesLaterWorkIsHeldUntilReleased(t *testing.T) {
	s := withVillages(t)
	a := s.phone("phone", 5)
	s.submit1(a.cut(1, 5))
	r := s.revoke(a.origin)
	if r.Verify(pub(centreKey)) != nil || len(r.Cut) != 1 || r.Cut[0].Seq != 5 || r.Cut[0].Open != a.states[5].Open.Prefix() {
		t.Fatalf("ruling %+v", r)
	}
	if again := s.revoke(a.origin); again.Number != r.Number {
		t.Errorf("revoked twice, rulings %d and %d", r.Number, again.Number)
	}
	later := a.more(3)
	a.write(set(syncproto.CollectionActivity, syncproto.RecordID(a.log[0].Header.StampMS, a.states[1].Open), nil, textField(syncproto.ActivityResult, "x")))
	s.submit1(a.cuts(6, 9, 2)...)
	s.wantOutcomes("after the cut", a.origin, "accepted:5 held/revoked:4")
	if s.exists(later[0]) {
		t.Error("work after the cut makes records")
	}
	rc := s.receipt(a.origin, syncproto.MarkReceived)
	if rc.Last != 9 || len(rc.Exceptions) != 1 || rc.Exceptions[0].Reason != syncproto.ReasonRevoked || !rc.Covers(9) {
		t.Errorf("the author's receipt says %+v", rc)
	}
	// One alone, then all.
	if _, err := s.Rule(context.Background(), syncproto.Ruling{Kind: syncproto.RulingRelease, Target: a.ref(6)}); err != nil {
		t.Fatal(err)
	}
	s.wantOutcomes("one released", a.origin, "accepted:6 held/revoked:3")
	s.release(a.origin)
	s.wantOutcomes("all released", a.origin, "accepted:8 quarantined/unknown-field:1")
	// What comes after the release is held again.
	a.more(1)
	s.submit1(a.cut(10, 10))
	if got := s.outcomes(a.origin)["held/revoked"]; got != 1 {
		t.Errorf("%d held after the release, want the one that came then", got)
	}
	s.checkLedger()
	s.mustVerify()
}

// A point's receipt from before it knew of the revocation extends the cut,
// whatever arrives first.
func TestWhatAPointHadReceiptedStands(t *testing.T) {
	point := newAuthor(t, "point", credential.RolePoint, testCommune)
	vouch := []syncproto.OriginCredential{point.credentials()}
	orders := map[string]func(s *server, a *author, rc []byte){
		"receipt first": func(s *server, a *author, rc []byte) {
			s.submitBatch(Batch{Credentials: vouch, Receipts: [][]byte{rc}})
			s.submit1(a.cuts(4, 9, 2)...)
		},
		"receipt last": func(s *server, a *author, rc []byte) {
			s.submit1(a.cuts(4, 9, 2)...)
			s.submitBatch(Batch{Credentials: vouch, Receipts: [][]byte{rc}})
		},
		"backwards": func(s *server, a *author, rc []byte) {
			s.submit1(a.cut(8, 9), a.cut(7, 7))
			s.submitBatch(Batch{Credentials: vouch, Receipts: [][]byte{rc}})
			s.submit1(a.cut(5, 6), a.cut(4, 4))
		},
		"together": func(s *server, a *author, rc []byte) {
			s.submitBatch(Batch{Credentials: vouch, Receipts: [][]byte{rc}, Segments: a.cuts(4, 9, 3)})
		},
	}
	var want map[uuid.UUID]string
	for name, play := range orders {
		s := withVillages(t)
		a := s.phone("phone", 3)
		s.submit1(a.cut(1, 3))
		first := s.revoke(a.origin)
		a.more(6)
		play(s, a, witnessed(point, a, 7, first.Number-1))
		s.wantOutcomes(name, a.origin, "accepted:7 held/revoked:2")
		if r := s.Revoked(a.origin); r.Number <= first.Number || len(r.Cut) != 2 {
			t.Errorf("%s: the cut was not ruled anew: %+v", name, r)
		}
		s.checkLedger()
		got := s.records()
		if want == nil {
			want = got
		}
		equalRecords(t, name, got, want)
	}
}

// What extends no cut: a receipt from after the point knew, of a point of other
// units, of a revoked point, for another branch, and a change that rests on a
// beacon from after the revocation.
func TestReceiptsThatExtendNoCut(t *testing.T) {
	point := newAuthor(t, "point", credential.RolePoint, testCommune)
	cases := map[string]func(s *server, a *author, number uint64) (Batch, string){
		"signed when it knew": func(_ *server, a *author, number uint64) (Batch, string) {
			return Batch{Credentials: []syncproto.OriginCredential{point.credentials()}, Receipts: [][]byte{witnessed(point, a, 5, number)}}, "accepted:3 held/revoked:2"
		},
		"other units": func(_ *server, a *author, _ uint64) (Batch, string) {
			other := newAuthor(t, "other point", credential.RolePoint, "gso-2025-06:00991")
			return Batch{Credentials: []syncproto.OriginCredential{other.credentials()}, Receipts: [][]byte{witnessed(other, a, 5, 0)}}, "accepted:3 held/revoked:2"
		},
		"revoked point": func(s *server, a *author, _ uint64) (Batch, string) {
			s.submitBatch(Batch{Credentials: []syncproto.OriginCredential{point.credentials()}})
			s.revoke(point.origin)
			return Batch{Receipts: [][]byte{witnessed(point, a, 5, 0)}}, "accepted:3 held/revoked:2"
		},
		"another branch": func(_ *server, a *author, _ uint64) (Batch, string) {
			twin := a.clone()
			twin.log, twin.states, twin.heads = twin.log[:3], twin.states[:4], twin.states[3]
			twin.more(1)
			twin.more(1)
			return Batch{Credentials: []syncproto.OriginCredential{point.credentials()}, Receipts: [][]byte{witnessed(point, twin, 5, 0)}}, "accepted:3 held/revoked:2"
		},
		"a later beacon": func(s *server, a *author, _ uint64) (Batch, string) {
			s.clock.advance(time.Hour)
			a.beacon = s.Beacon()
			a.more(1)
			return Batch{Credentials: []syncproto.OriginCredential{point.credentials()}, Receipts: [][]byte{witnessed(point, a, 6, 0)}, Segments: [][]byte{a.cut(6, 6)}}, "accepted:5 held/revoked:1"
		},
		"none of these": func(_ *server, a *author, number uint64) (Batch, string) {
			return Batch{Credentials: []syncproto.OriginCredential{point.credentials()}, Receipts: [][]byte{witnessed(point, a, 5, number-1)}}, "accepted:5"
		},
	}
	for name, play := range cases {
		s := withVillages(t)
		a := s.phone("phone", 3)
		s.submit1(a.cut(1, 3))
		number := s.revoke(a.origin).Number
		a.more(2)
		s.submit1(a.cut(4, 5))
		b, want := play(s, a, number)
		if r := s.submitBatch(b); len(r.Refused)+len(r.Problems) > 0 {
			t.Errorf("%s: %+v", name, r)
		}
		s.wantOutcomes(name, a.origin, want)
	}
}

// Whoever has the lost phone's key cannot slip work in before the cut: what he
// writes is another branch, whichever comes first.
func TestForkBeforeTheCutIsHeld(t *testing.T) {
	for name, thiefFirst := range map[string]bool{"thief first": true, "thief last": false} {
		s := withVillages(t)
		a := s.phone("phone", 4)
		point := newAuthor(t, "point", credential.RolePoint, testCommune)
		s.submit1(a.cut(1, 2))
		number := s.revoke(a.origin).Number
		thief := a.clone()
		thief.log, thief.states, thief.heads = thief.log[:2], thief.states[:3], thief.states[2]
		thief.stamp += 7
		stolen := append(thief.more(1), thief.more(3)...)
		honest := func() {
			s.submitBatch(Batch{Credentials: []syncproto.OriginCredential{point.credentials()}, Receipts: [][]byte{witnessed(point, a, 4, number-1)}, Segments: [][]byte{a.cut(3, 4)}})
		}
		if thiefFirst {
			s.submit1(thief.cut(3, 3), thief.cut(4, 6))
			honest()
		} else {
			honest()
			s.submit1(thief.cut(3, 3), thief.cut(4, 6))
		}
		got := s.outcomes(a.origin)
		if got["held/revoked"] != 4 || got["accepted"]+got["forked/fork"] != 4 {
			t.Errorf("%s: %v, want the thief's four held", name, got)
		}
		for i, id := range stolen {
			if s.exists(id) {
				t.Errorf("%s: the thief's change %d makes a record", name, i+3)
			}
		}
		for seq := range uint64(4) {
			if id := syncproto.RecordID(a.log[seq].Header.StampMS, a.states[seq+1].Open); !s.exists(id) {
				t.Errorf("%s: the honest change %d makes no record", name, seq+1)
			}
		}
		s.checkLedger()
	}
}

// A gap below what was known at the revocation is filled later: that work counts.
func TestGapBelowTheCutCounts(t *testing.T) {
	s := withVillages(t)
	a := s.phone("phone", 9)
	s.submit1(a.cut(1, 2), a.cut(6, 7))
	s.revoke(a.origin)
	s.submit1(a.cut(3, 4))
	s.wantOutcomes("gap half filled", a.origin, "accepted:6")
	s.submit1(a.cut(8, 9), a.cut(5, 5))
	s.wantOutcomes("gap filled", a.origin, "accepted:7 held/revoked:2")
	s.checkLedger()
}

// After a restore the centre has less than the cut covers. What is there counts,
// what comes back does, and what a thief adds meanwhile does not.
func TestCutOutlivesARestore(t *testing.T) {
	s, old := withVillages(t), withVillages(t)
	a := s.phone("phone", 6)
	old.submitBatch(Batch{Credentials: []syncproto.OriginCredential{a.credentials()}, Segments: [][]byte{a.cut(1, 2)}})
	s.submit1(a.cut(1, 4))
	r := s.revoke(a.origin)
	for range 2 { // carrying out an order twice changes nothing
		if err := old.Reapply(context.Background(), r); err != nil {
			t.Fatal(err)
		}
	}
	old.wantOutcomes("restored", a.origin, "accepted:2")
	// A thief's branch that ends below the cut cannot be told from what is missing.
	// Once it passes the cut, all of it waits for what is missing to say where it
	// left.
	thief := a.clone()
	thief.log, thief.states, thief.heads = thief.log[:2], thief.states[:3], thief.states[2]
	thief.stamp += 7
	thief.more(2)
	old.submit1(thief.cut(3, 3))
	old.wantOutcomes("a short branch", a.origin, "accepted:3")
	old.submit1(thief.cut(4, 4))
	old.wantOutcomes("the branch passes the cut", a.origin, "held/revoked:4")
	if got := old.Revoked(a.origin); got == nil || got.Number != r.Number {
		t.Fatalf("after the restore: %+v, want ruling %d", got, r.Number)
	}
	old.submit1(a.cut(5, 6))
	old.wantOutcomes("the last first", a.origin, "held/revoked:6")
	old.submit1(a.cut(3, 4))
	old.wantOutcomes("all back", a.origin, "accepted:2 forked/fork:2 held/revoked:4")
	forged := r
	forged.Cut = []syncproto.CutHead{{Seq: 6, Open: a.states[6].Open.Prefix()}}
	if err := old.Reapply(context.Background(), forged); err == nil {
		t.Error("an order that the centre did not sign was carried out")
	}
	// The number of a lost ruling was given anew meanwhile.
	other := s.phone("second phone", 1)
	if _, err := old.Revoke(context.Background(), other.origin, ""); err != nil {
		t.Fatal(err)
	}
	next := s.revoke(newAuthor(t, "third phone", credential.RolePhone, testVillage).origin)
	if err := old.Reapply(context.Background(), next); err != nil || old.Revoked(next.Target.Origin) == nil || old.Revoked(other.origin) == nil {
		t.Errorf("two rulings of one number: %v", err)
	}
}

// Phones that a point took in before it was revoked stay; work of those that it
// takes in later is held until the point's own log is released.
func TestRevokedPointsPhones(t *testing.T) {
	s := withVillages(t)
	point := newAuthor(t, "point", credential.RolePoint, testCommune)
	issued := func(name string) *author {
		a := newAuthor(t, name, credential.RolePhone, testVillage)
		token, err := credential.Issue(credential.Grant{Key: pub(a.key), Role: credential.RolePhone, Units: []string{testVillage}, Issued: time.UnixMilli(startMS)}, point.key)
		if err != nil {
			t.Fatal(err)
		}
		a.chain = append([]string{token}, point.chain...)
		point.write(create(syncproto.CollectionDevice, textField(syncproto.FieldUnit, testVillage), textField(syncproto.DeviceRole, "phone"),
			syncproto.Field{Num: syncproto.DeviceOrigin, Value: syncproto.UUIDValue(a.origin)}))
		return a
	}
	bring := func(a *author, first, last uint64) {
		s.submitBatch(Batch{Credentials: []syncproto.OriginCredential{point.credentials(), a.credentials()}, Segments: [][]byte{a.cut(first, last)}})
	}
	before := issued("phone before")
	bring(point, 1, 1)
	before.more(2)
	bring(before, 1, 1)
	unknown := newAuthor(t, "unknown phone", credential.RolePhone, testVillage)
	unknown.chain = append([]string{must[string](t)(credential.Issue(
		credential.Grant{Key: pub(unknown.key), Role: credential.RolePhone, Units: []string{testVillage}, Issued: time.UnixMilli(startMS)}, point.key))}, point.chain...)
	unknown.more(1)
	bring(unknown, 1, 1)
	s.wantOutcomes("not in the point's log, yet", unknown.origin, "quarantined/unlisted:1")
	s.revoke(point.origin)
	s.wantOutcomes("not in the point's log", unknown.origin, "held/revoked:1")
	bring(before, 2, 2)
	s.wantOutcomes("taken in before", before.origin, "accepted:2")
	after := issued("phone after")
	after.more(2)
	bring(after, 1, 2)
	s.wantOutcomes("taken in later", after.origin, "held/revoked:2")
	bring(point, 2, 2)
	s.wantOutcomes("the point's own log", point.origin, "accepted:1 held/revoked:1")
	s.wantOutcomes("its record is held", after.origin, "held/revoked:2")
	barred := func(a *author) (yes bool) {
		s.view(func(r store.Reader) {
			yes = must[Bar](t)(s.Barred(r, a.origin, a.chain)).Closed()
		})
		return yes
	}
	if barred(before) || !barred(after) || !barred(point) {
		t.Errorf("barred: before %v, after %v, point %v; want only the last two", barred(before), barred(after), barred(point))
	}
	s.release(point.origin)
	s.wantOutcomes("released", after.origin, "accepted:2")
	if barred(after) {
		t.Error("a phone whose record was released is still not served")
	}
	s.checkLedger()
}

// A point that learns of a revocation keeps the receipt that it had given, for
// the centre to see, and gives others for what comes later.
func TestPointKeepsWhatItHadReceipted(t *testing.T) {
	c, p := withVillages(t), newPoint(t)
	p.submitBatch(Batch{Pages: c.pages(p)})
	a := newAuthor(t, "phone", credential.RolePhone, testVillage)
	a.more(4)
	p.submitBatch(Batch{Credentials: []syncproto.OriginCredential{a.credentials()}, Segments: [][]byte{a.cut(1, 4)}})
	point := newAuthor(t, "point", credential.RolePoint, testCommune)
	c.submitBatch(Batch{Credentials: []syncproto.OriginCredential{a.credentials(), point.credentials()}, Segments: [][]byte{a.cut(1, 2)}})
	c.revoke(a.origin)
	p.submitBatch(Batch{Pages: c.pages(p)})
	if p.Revoked(a.origin) == nil {
		t.Fatal("the point does not know the revocation")
	}
	a.more(2)
	p.submitBatch(Batch{Segments: [][]byte{a.cut(5, 6)}})
	a.more(1)
	p.submitBatch(Batch{Segments: [][]byte{a.cut(7, 7)}})
	list := p.receiptsOf(a.origin)
	if len(list) != 2 {
		t.Fatalf("%d receipts at the point, want the old one and one for what came later", len(list))
	}
	for i, want := range [][2]uint64{{1, 4}, {5, 7}} {
		if rc := must[*syncproto.Receipt](t)(syncproto.DecodeReceipt(list[i])); rc.First != want[0] || rc.Last != want[1] {
			t.Errorf("receipt %d covers %d-%d, want %v", i, rc.First, rc.Last, want)
		}
	}
	var up [][]byte
	for _, seg := range p.segmentsOf(a.origin) {
		up = append(up, seg.Data)
	}
	c.submitBatch(Batch{Segments: up, Receipts: list})
	c.wantOutcomes("at the centre", a.origin, "accepted:4 held/revoked:3")
	p.submitBatch(Batch{Pages: c.pages(p)})
	p.wantOutcomes("at the point", a.origin, "accepted:4 held/revoked:3")
	if r := p.submitBatch(Batch{Rulings: [][]byte{c.Revoked(a.origin).Encode(), []byte("x")}}); len(r.Refused) != 1 {
		t.Errorf("rulings outside pages: %v", r.Refused)
	}
}

// withVillages gives a centre that knows two villages with what lies above them,
// and one kind: what these tests need, and quick to make.
func withVillages(t testing.TB) *server {
	t.Helper()
	s := newCentre(t)
	above := make(map[units.Ref]units.Unit)
	for _, u := range units.Before() {
		above[u.Ref] = u
	}
	var out []syncproto.Change
	done := make(map[units.Ref]bool)
	var add func(r units.Ref)
	add = func(r units.Ref) {
		u, ok := above[r]
		if !ok || done[r] {
			return
		}
		add(u.Parent)
		done[r] = true
		out = append(out, unitChange(u))
	}
	for _, code := range []string{"00988", "00991"} {
		add(units.Ref{List: units.ListBefore, Code: code})
	}
	out = append(out, village("00988-01", "Nà Xá", "00988"), village("00991-01", "Bắc", "00991"), kindChange(units.Kinds()[0]))
	s.submit1(s.centreAuthor().segments(out, 100)...)
	return s
}

// The same work, receipts and revocation in any order give the same records and
// the same ledger: the honest branch, a thief's, a point's receipts from before
// and after it knew.
func TestRevocationInAnyOrder(t *testing.T) {
	first := withVillages(t)
	a := first.phone("phone", 3)
	point := newAuthor(t, "point", credential.RolePoint, testCommune)
	vouch := []syncproto.OriginCredential{point.credentials(), a.credentials()}
	first.submitBatch(Batch{Credentials: vouch, Segments: [][]byte{a.cut(1, 3)}})
	r := first.revoke(a.origin)
	thief := a.clone()
	thief.stamp += 7
	thief.more(3)
	a.more(5)
	var steps []func(*server)
	segment := func(b []byte) {
		steps = append(steps, func(s *server) { s.submitBatch(Batch{Credentials: vouch, Segments: [][]byte{b}}) })
	}
	for _, b := range append(a.cuts(1, 8, 2), thief.cuts(4, 6, 1)...) {
		segment(b)
	}
	for _, rc := range [][]byte{witnessed(point, a, 6, r.Number-1), witnessed(point, a, 8, r.Number), witnessed(point, thief, 5, r.Number)} {
		steps = append(steps, func(s *server) { s.submitBatch(Batch{Credentials: vouch, Receipts: [][]byte{rc}}) })
	}
	steps = append(steps, func(s *server) {
		if err := s.Reapply(context.Background(), r); err != nil {
			t.Fatal(err)
		}
	})
	var want map[uuid.UUID]string
	var outcomes string
	for seed := range uint64(8) {
		s := withVillages(t)
		order := rand.New(rand.NewPCG(seed, 9)).Perm(len(steps))
		if seed == 0 { // the revocation last
			slices.Sort(order)
		}
		for _, i := range order {
			steps[i](s)
		}
		s.checkLedger()
		got, sums := s.records(), s.outcomes(a.origin)
		// Which branch is the trunk follows from what came first.
		said := fmt.Sprint(sums["accepted"]+sums["forked/fork"], sums["held/revoked"])
		if want == nil {
			want, outcomes = got, said
		}
		if said != outcomes || said != "6 5" {
			t.Errorf("order %v: counted and held %s, want 6 5", order, said)
		}
		equalRecords(t, fmt.Sprint("order ", order), got, want)
	}
}
