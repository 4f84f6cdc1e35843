package ingest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
	"thonsync/testdata/units"
)

// cast is three phones of one village, one of which was cloned, and all the
// segments that they ever made: cut in several ways, so that they overlap.
type cast struct {
	authors  []*author
	segments [][]byte
}

// play lets the phones write: creations, corrections of own and others' records
// with and without knowing each other, retractions, things that wait.
func play(t testing.TB, rng *rand.Rand) cast {
	var c cast
	for i := range 3 {
		c.authors = append(c.authors, newAuthor(t, fmt.Sprintf("phone %d", i), credential.RolePhone, []string{testVillage, testCommune, testVillage}[i]))
	}
	type made struct {
		id uuid.UUID
		by *author
		at uint64
	}
	var known []made
	step := func(a *author) {
		k := units.Kinds()[0]
		switch n := rng.IntN(10); {
		case n < 5 || len(known) == 0:
			ch := activity(testVillage, rng)
			if rng.IntN(6) == 0 { // nobody knows this kind yet
				ch.Operational = syncproto.NewRow(append(ch.Operational, textField(syncproto.ActivityKind, "ZZ"))...)
				ch.Operational = syncproto.NewRow(append(ch.Operational, syncproto.Field{Num: syncproto.ActivityResult})...)
			}
			id := a.write(ch)
			known = append(known, made{id, a, a.heads.Seq})
		case n < 8:
			m := known[rng.IntN(len(known))]
			var refs []syncproto.Ref
			if m.by.origin != a.origin && rng.IntN(2) == 0 {
				refs = []syncproto.Ref{m.by.ref(m.at)}
			}
			ch := set(syncproto.CollectionActivity, m.id, refs, textField(syncproto.ActivityResult, k.Results[rng.IntN(len(k.Results))].Value))
			ch.Personal = syncproto.NewRow(textField(syncproto.PersonNote, fmt.Sprint("sửa ", rng.IntN(1000))))
			ch.Header.Refs[1] = refs
			a.write(ch)
		case n < 9:
			m := known[rng.IntN(len(known))]
			ch := set(syncproto.CollectionActivity, m.id, nil, textField(syncproto.VoidReason, "mistake"))
			ch.Header.Op = syncproto.OpVoid
			a.write(ch)
		default:
			ch := activity(testVillage, rng)
			ch.Operational = syncproto.NewRow(append(ch.Operational, textField(syncproto.FieldUnit, "thon-2025:00988-09"))...)
			a.write(ch) // a village that the centre adds later
		}
	}
	for range 40 {
		step(c.authors[rng.IntN(len(c.authors))])
	}
	twin := c.authors[0].clone()
	for range 8 {
		step(twin)
		step(c.authors[0])
	}
	for _, a := range append(c.authors, twin) {
		for _, n := range []int{1 + rng.IntN(3), 5, 17} {
			c.segments = append(c.segments, a.cuts(1, a.heads.Seq, n)...)
		}
	}
	return c
}

func (c *cast) credentials() (out []syncproto.OriginCredential) {
	for _, a := range c.authors {
		out = append(out, a.credentials())
	}
	return out
}

// late is reference data that arrives at any time, in the centre's own log.
func (s *server) late(centre *author) [][]byte {
	k := units.Kinds()[1]
	k.Code = "ZZ"
	return centre.segments([]syncproto.Change{village("00988-09", "Khuổi Nấng", "00988"), kindChange(k)}, 1)
}

func TestAnyOrderSameRecords(t *testing.T) {
	seeds := 6
	if testing.Short() {
		seeds = 2
	}
	for seed := range uint64(seeds) {
		var want map[string]map[string]uint64
		var records map[uuid.UUID]string
		for order := range uint64(4) {
			what := fmt.Sprintf("seed %d order %d", seed, order)
			c := play(t, rand.New(rand.NewPCG(seed, 1)))
			s := newCentre(t)
			centre := s.centreAuthor()
			s.submit1(centre.segments(s.reference(), 1000)...)
			all := append(c.segments, s.late(centre)...)
			rng := rand.New(rand.NewPCG(seed, 100+order))
			if order > 0 {
				rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			}
			all = append(all, all[:len(all)/4]...) // some arrive again
			s.submitBatch(Batch{Credentials: c.credentials()})
			for len(all) > 0 {
				n := min(len(all), 1+rng.IntN(5))
				if r := s.submit1(all[:n]...); len(r.Problems) > 0 {
					t.Fatalf("%s: problems %+v", what, r.Problems)
				}
				all = all[n:]
				s.checkLedger()
			}
			got := s.records()
			outcomes := make(map[string]map[string]uint64)
			for i, a := range c.authors {
				o := s.outcomes(a.origin)
				if i == 0 { // which branch came first differs, their sum does not
					o["accepted+forked"] = o["accepted"] + o["forked/fork"]
					delete(o, "accepted")
					delete(o, "forked/fork")
				}
				outcomes[a.origin.String()] = o
			}
			if records == nil {
				records, want = got, outcomes
			}
			equalRecords(t, what, got, records)
			if fmt.Sprint(outcomes) != fmt.Sprint(want) {
				t.Errorf("%s: outcomes %v, want %v", what, outcomes, want)
			}
			s.wholeLedger(what, &c)
			s.mustVerify()
			if t.Failed() {
				t.FailNow()
			}
		}
	}
}

// wholeLedger checks the exact sums: every change of every branch is there once
// and nothing is missing.
func (s *server) wholeLedger(what string, c *cast) {
	s.t.Helper()
	s.view(func(r store.Reader) {
		for i, a := range c.authors {
			runs := must[[]store.Run](s.t)(r.Runs(a.origin))
			var held uint64
			for _, run := range runs {
				if !run.Linked {
					s.t.Errorf("%s: run %d-%d is loose", what, run.First, run.Last.Seq)
				}
				held += run.Last.Seq - run.First + 1
			}
			want := a.heads.Seq
			if i == 0 {
				want += 8 // the twin's
			}
			if held != want {
				s.t.Errorf("%s: origin %d holds %d changes, want %d", what, i, held, want)
			}
		}
	})
}

// With a definition missing, what needs it waits; when it arrives, nothing is
// left waiting and nothing was lost on the way.
func TestQuarantineEndsWithItsCause(t *testing.T) {
	s := withReference(t)
	centre := s.centreAuthor()
	for _, c := range s.reference() {
		centre.write(c)
	}
	a := newAuthor(t, "phone", credential.RolePhone, testCommune)
	rng := rand.New(rand.NewPCG(1, 2))
	fresh := activity("thon-2025:00988-09", rng) // unit is missing
	kind := activity(testVillage, rng)
	kind.Operational = syncproto.NewRow(append(kind.Operational, textField(syncproto.ActivityKind, "ZZ"), syncproto.Field{Num: syncproto.ActivityResult})...)
	a.write(fresh)
	ofKind := a.write(kind)
	a.write(set(syncproto.CollectionActivity, ofKind, nil, syncproto.Field{Num: syncproto.ActivityOccurred, Value: syncproto.DateValue(syncproto.Date{Year: 2026, Month: 6, Day: 2})}))
	creates := a.write(activity(testVillage, rng))
	a.write(set(syncproto.CollectionActivity, creates, nil, textField(syncproto.ActivityResult, units.Kinds()[0].Results[0].Value)))
	segs := a.cuts(1, 5, 1)

	// The correction before the creation it needs.
	s.submitBatch(Batch{Credentials: []syncproto.OriginCredential{a.credentials()}, Segments: [][]byte{segs[0], segs[1], segs[2], segs[4]}})
	want := map[string]uint64{"quarantined/unknown-unit": 1, "quarantined/unknown-kind": 1, "quarantined/unknown-record": 2}
	if got := s.outcomes(a.origin); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("outcomes %v, want %v", got, want)
	}
	s.view(func(r store.Reader) {
		for _, needs := range []string{"unit:thon-2025:00988-09", "kind:ZZ", "record:" + creates.String()} {
			if lines := must[[]store.Outcome](t)(r.Waiting(needs, 0)); len(lines) != 1 {
				t.Errorf("%d lines wait for %s, want 1", len(lines), needs)
			}
		}
	})
	s.submit1(segs[3])
	for _, seg := range s.late(centre) {
		s.submit1(seg)
	}
	if got := s.outcomes(a.origin); len(got) != 1 || got["accepted"] != 5 {
		t.Errorf("outcomes %v, want 5 accepted", got)
	}
	s.view(func(r store.Reader) {
		rec, ok, err := r.Record(ofKind)
		if err != nil || !ok || rec.Occurred != "2026-06-02" || !rec.Exists {
			t.Errorf("record %+v, %v, %v", rec, ok, err)
		}
	})
	s.checkLedger()
	s.mustVerify()
}

// A change of a newer program waits until this program is a newer one too.
func TestQuarantineOfNewerSchema(t *testing.T) {
	s := withReference(t)
	a := newAuthor(t, "phone", credential.RolePhone, testVillage)
	c := activity(testVillage, rand.New(rand.NewPCG(1, 3)))
	c.Header.Schema = syncproto.Schema + 1
	c.Operational = syncproto.NewRow(append(c.Operational, syncproto.Field{Num: 29, Value: syncproto.IntValue(5)})...)
	id := a.write(c)
	s.submitBatch(Batch{Credentials: []syncproto.OriginCredential{a.credentials()}, Segments: a.cuts(1, 1, 1)})
	if got := s.outcomes(a.origin); got["quarantined/unknown-field"] != 1 {
		t.Fatalf("outcomes %v, want 1 quarantined", got)
	}
	if err := s.Service.Close(); err != nil {
		t.Fatal(err)
	}
	newer := func(c *syncproto.Change, kind string, defs syncproto.Definitions) *syncproto.Finding {
		known := *c
		known.Operational = nil
		for _, f := range c.Operational {
			if f.Num != 29 {
				known.Operational = append(known.Operational, f)
			}
		}
		return syncproto.Judge(&known, kind, defs)
	}
	svc, err := open(context.Background(), s.cfg, newer, syncproto.Schema+1)
	if err != nil {
		t.Fatal(err)
	}
	s.Service = svc
	if got := s.outcomes(a.origin); got["accepted"] != 1 {
		t.Errorf("outcomes %v, want 1 accepted", got)
	}
	s.view(func(r store.Reader) {
		if rec, _, err := r.Record(id); err != nil || !rec.Exists || rec.Unit != testVillage {
			t.Errorf("record %+v, %v", rec, err)
		}
	})
}
