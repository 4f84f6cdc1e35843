package ingest

import (
	"math/rand/v2"
	"testing"

	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

func TestReferenceAndActivities(t *testing.T) {
	s := withReference(t)
	if got := len(s.Definitions().units); got != 207 {
		t.Errorf("%d units, want 207", got)
	}
	if got := len(s.Definitions().kinds); got != 14 {
		t.Errorf("%d kinds, want 14", got)
	}
	a := newAuthor(t, "phone", credential.RolePhone, testVillage)
	rng := rand.New(rand.NewPCG(1, 1))
	var changes []syncproto.Change
	for range 1000 {
		changes = append(changes, activity(testVillage, rng))
	}
	segs := a.segments(changes, 100)
	r := s.submitBatch(Batch{Segments: segs, Credentials: []syncproto.OriginCredential{a.credentials()}})
	if len(r.Problems) != 0 || r.New != 1000 || r.Repeats != 0 {
		t.Fatalf("result %+v", r)
	}
	if got := s.outcomes(a.origin); len(got) != 1 || got["accepted"] != 1000 {
		t.Errorf("outcomes %v, want 1000 accepted", got)
	}
	r = s.submitBatch(Batch{Segments: segs})
	if r.New != 0 || r.Repeats != 1000 || !r.Heads[0].Equal(a.heads) {
		t.Errorf("second time: %+v", r)
	}
	s.checkLedger()
	if rep := s.mustVerify(); rep.Personals < 1000 {
		t.Errorf("%d personal rows verified, want at least 1000", rep.Personals)
	}
}
