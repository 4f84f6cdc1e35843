package ingest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// The centre keeps no sealed bytes of what it opened: whoever gets hold of an
// old sealing key finds nothing to open.
func TestOpenedSealsAreDropped(t *testing.T) {
	s := withReference(t)
	a := s.phone("phone", 5)
	s.submit1(a.cut(1, 5))
	for _, row := range s.segmentsOf(a.origin) {
		seg := must[*syncproto.Segment](t)(syncproto.ParseSegment(row.Data))
		if seg.Sealed() || row.Sealed || !row.Readable || len(row.Commits) != 5*32 || len(row.Salts) != 5*saltBytes {
			t.Errorf("segment %d-%d: sealed %v, readable %v", row.First, row.Last, seg.Sealed(), row.Readable)
		}
	}
}

// A point keeps what the centre could not read, whatever the receipt's range.
func TestPointKeepsWhatIsNotSafe(t *testing.T) {
	p := newPoint(t)
	a := newAuthor(t, "phone", credential.RolePhone, testVillage)
	rng := rand.New(rand.NewPCG(1, 1))
	for range 6 {
		a.write(activity(testVillage, rng))
	}
	p.submitBatch(Batch{Credentials: []syncproto.OriginCredential{a.credentials()}, Segments: a.cuts(1, 6, 2)})
	rc := &syncproto.Receipt{
		IssuedMS: 1, Mark: syncproto.MarkSafe, Origin: a.origin, First: 1, Last: 4, Open: a.states[4].Open, Closed: a.states[4].Closed,
		Exceptions: []syncproto.Exception{{First: 2, Last: 2, Outcome: syncproto.OutcomeQuarantined, Reason: syncproto.ReasonUnreadable}},
	}
	rc.Sign(centreKey)
	if r := p.submitBatch(Batch{Receipts: [][]byte{rc.Encode()}}); len(r.Refused) > 0 {
		t.Fatal(r.Refused)
	}
	for _, row := range p.segmentsOf(a.origin) {
		if want := row.First != 3; row.Sealed != want {
			t.Errorf("segment %d-%d: sealed %v, want %v", row.First, row.Last, row.Sealed, want)
		}
	}
	// A safe receipt for another branch drops nothing.
	other := &syncproto.Receipt{IssuedMS: 2, Mark: syncproto.MarkSafe, Origin: a.origin, First: 1, Last: 6, Open: a.states[6].Open, Closed: syncproto.Hash{1}}
	other.Sign(centreKey)
	p.submitBatch(Batch{Receipts: [][]byte{other.Encode()}})
	if rows := p.segmentsOf(a.origin); !rows[2].Sealed {
		t.Error("dropped on the word of a receipt for another branch")
	}
}

// A point cannot open seals, so it keeps other cuts of what it holds: they tell
// later whether the personal parts agree. The very same cut is a mere repeat.
func TestPointKeepsOtherCuts(t *testing.T) {
	p := newPoint(t)
	a := newAuthor(t, "phone", credential.RolePhone, testVillage)
	rng := rand.New(rand.NewPCG(1, 1))
	for range 4 {
		a.write(activity(testVillage, rng))
	}
	p.submitBatch(Batch{Credentials: []syncproto.OriginCredential{a.credentials()}, Segments: [][]byte{a.cut(1, 4)}})
	r := p.submit1(a.cut(1, 2), a.cut(3, 4), a.cut(1, 4), a.cut(1, 2))
	if rows := p.segmentsOf(a.origin); len(rows) != 3 || r.New != 0 || r.Repeats != 4+4+2 {
		t.Errorf("%d segments, result %+v", len(rows), r)
	}
	// A twin that differs in one personal row only shows at the end of a cut.
	twin := newAuthor(t, "phone", credential.RolePhone, testVillage)
	rng = rand.New(rand.NewPCG(1, 1))
	for i := range 4 {
		c := activity(testVillage, rng)
		if i == 2 {
			c.Personal = nil
		}
		twin.write(c)
	}
	if r = p.submit1(twin.cut(1, 2), twin.cut(3, 4)); r.New != 2 || r.Repeats != 2 {
		t.Errorf("the twin was taken for a repeat: %+v", r)
	}
	p.checkLedger()
	p.view(func(r store.Reader) {
		l := must[[]BranchLedger](t)(Ledger(r, a.origin))
		if len(l) != 2 || l[1].After != 2 {
			t.Errorf("branches %+v, want a second one that leaves after 2", l)
		}
	})
}

// A personal row cannot be put in another's place.
func TestEncryptedRowsStayInTheirPlace(t *testing.T) {
	s := withReference(t)
	c := &syncproto.Change{Origin: uuid.UUID{1}, Seq: 5}
	row := syncproto.NewRow(textField(syncproto.PersonFullName, "Ma Thị Mới"))
	record := uuid.UUID{2}
	e := Entry{Change: *c, form: personalEncrypted, cipher: s.vault.seal(record, c, make([]byte, vaultNonce), row)}
	if got, err := s.vault.open(record, &e); err != nil || got.Value(syncproto.PersonFullName).Text() != "Ma Thị Mới" {
		t.Fatalf("%v, %v", got, err)
	}
	if _, err := s.vault.open(uuid.UUID{3}, &e); syncproto.CodeOf(err) != syncproto.CodeUnreadable {
		t.Errorf("in another record: %v", err)
	}
	for _, other := range []syncproto.Change{{Origin: uuid.UUID{9}, Seq: 5}, {Origin: uuid.UUID{1}, Seq: 6}} {
		moved := e
		moved.Change = other
		if _, err := s.vault.open(record, &moved); syncproto.CodeOf(err) != syncproto.CodeUnreadable {
			t.Errorf("under another change: %v", err)
		}
	}
}

// A log begins at its genesis, and nowhere else.
func TestLogWithoutGenesis(t *testing.T) {
	s := withReference(t)
	a := s.phone("phone", 0)
	a.states[0].Open[0] ^= 1
	a.heads = a.states[0]
	a.write(activity(testVillage, rand.New(rand.NewPCG(1, 1))))
	if r := s.submit1(a.cut(1, 1)); len(r.Problems) != 1 || r.Problems[0].Code != syncproto.CodeChain {
		t.Errorf("result %+v", r)
	}
}

// A point whose clock is years behind cannot move a change before the beacon
// that it carries.
func TestBeaconOutweighsAPointsClock(t *testing.T) {
	for _, early := range []bool{true, false} {
		s := withReference(t)
		a := s.phone("phone", 0)
		a.beacon = s.Beacon()
		id := a.write(activity(testVillage, rand.New(rand.NewPCG(1, 1))))
		p := newAuthor(t, "point", credential.RolePoint, testCommune)
		rc := &syncproto.Receipt{IssuedMS: 1000, Mark: syncproto.MarkCommune, Origin: a.origin, First: 1, Last: 1, Open: a.states[1].Open, Closed: a.states[1].Closed}
		rc.Sign(p.key)
		receipt := Batch{Credentials: []syncproto.OriginCredential{p.credentials()}, Receipts: [][]byte{rc.Encode()}}
		s.clock.advance(time.Hour)
		if early {
			s.submitBatch(receipt)
		}
		s.submit1(a.cut(1, 1))
		if !early {
			s.submitBatch(receipt)
		}
		s.view(func(r store.Reader) {
			rec, _, err := r.Record(id)
			if err != nil || rec.EarliestMS != a.beacon.MS || rec.LatestMS != a.beacon.MS {
				t.Errorf("receipt first %v: interval %d..%d, want the beacon's %d (%v)", early, rec.EarliestMS, rec.LatestMS, a.beacon.MS, err)
			}
		})
	}
}

// Feeds hold every change that is due once, and what the centre writes itself.
func TestFeedHoldsEachChangeOnce(t *testing.T) {
	s := withReference(t)
	entries := func(name string) (n int) {
		s.view(func(r store.Reader) { n = len(must[[]store.Entry](t)(r.Entries(name, 0, 0))) })
		return n
	}
	if got := entries(syncproto.CommonFeed); got != 205+14 {
		t.Errorf("%d entries in the common feed, want units but villages, and kinds", got)
	}
	if got := entries(testCommune); got != 1 {
		t.Errorf("%d entries in the feed of the commune, want its village", got)
	}
	centre := s.centreAuthor()
	var made uuid.UUID
	for _, c := range s.reference() {
		made = centre.write(c) // the last is a kind
	}
	centre.write(set(syncproto.CollectionKind, made, nil, textField(syncproto.KindNameEN, "renamed")))
	centre.write(activity(testVillage, rand.New(rand.NewPCG(1, 1))))
	s.submit1(centre.cut(centre.heads.Seq-1, centre.heads.Seq))
	if got := entries(syncproto.CommonFeed); got != 205+14+1 {
		t.Errorf("%d entries in the common feed after one more change", got)
	}
	if got := entries(testCommune); got != 2 {
		t.Errorf("%d entries in the feed of the commune after the centre's own activity", got)
	}
	ref := centre.ref(centre.heads.Seq - 1)
	for _, kind := range []syncproto.RulingKind{syncproto.RulingHold, syncproto.RulingRelease} {
		if _, err := s.Rule(context.Background(), syncproto.Ruling{Kind: kind, Target: ref}); err != nil {
			t.Fatal(err)
		}
	}
	if got := entries(syncproto.CommonFeed); got != 205+14+1+2 {
		t.Errorf("%d entries in the common feed after two rulings", got)
	}
	a := s.phone("phone", 1)
	s.submit1(a.cut(1, 1))
	if got := fmt.Sprint(entries(testCommune), entries(syncproto.CommonFeed)); got != "2 222" {
		t.Errorf("a phone's activity went into a feed: %s", got)
	}
}

// Whoever has the data key and the database can still not change a record
// without being seen: commitments and segments tell.
func TestVerifySeesRewrittenRecords(t *testing.T) {
	s := withReference(t)
	a := s.phone("phone", 0)
	id := a.write(activity(testVillage, rand.New(rand.NewPCG(1, 1))))
	s.submit1(a.cut(1, 1))
	rewrite := func(f func(e *Entry)) {
		t.Helper()
		err := s.Do(context.Background(), func(tx store.Tx) error {
			rec, _, err := tx.Record(id)
			if err != nil {
				return err
			}
			entries, err := DecodeHistory(rec.History)
			if err != nil {
				return err
			}
			f(&entries[0])
			rec.History = encodeHistory(entries)
			return tx.PutRecord(&rec)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var before Entry
	for what, f := range map[string]func(e *Entry){
		"another name": func(e *Entry) {
			e.cipher = s.vault.seal(id, &e.Change, make([]byte, vaultNonce), syncproto.NewRow(textField(syncproto.PersonFullName, "Ai đó")))
		},
		"another result": func(e *Entry) {
			e.Change.Operational = syncproto.NewRow(append(e.Change.Operational, textField(syncproto.ActivityResult, "none"))...)
		},
		"another author": func(e *Entry) { e.Change.Header.Author = uuid.UUID{99} },
	} {
		rewrite(func(e *Entry) { before = *e; f(e) })
		if rep := s.verify(); len(rep.Bad) == 0 || syncproto.CodeOf(rep.Bad[0].Err) != syncproto.CodeChain || rep.Bad[0].Origin != a.origin {
			t.Errorf("%s: %+v", what, rep.Bad)
		}
		rewrite(func(e *Entry) { *e = before })
		s.mustVerify()
	}
}

// Sealed bytes that do not open though their key is at hand never will: they are
// not kept, or an erasure could not reach what may be in them. What waits for a
// key is kept.
func TestWhatNeverOpensIsNotKept(t *testing.T) {
	for name, damaged := range map[string]bool{"waits for a key": false, "says a key that it is not sealed to": true} {
		s := withReference(t)
		a := s.phone("phone", 2)
		held := a.seal.Public.ID
		if a.seal = sealKey(t, "late"); damaged {
			a.seal.Public.ID = held
		}
		s.submit1(a.cut(1, 2))
		if got := fmt.Sprint(s.outcomes(a.origin)); got != "map[quarantined/unreadable:2]" {
			t.Errorf("%s: %s", name, got)
		}
		for _, row := range s.segmentsOf(a.origin) {
			if row.Sealed == damaged {
				t.Errorf("%s: sealed bytes kept: %v", name, row.Sealed)
			}
		}
		s.mustVerify()
	}
}
