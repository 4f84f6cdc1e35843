package ingest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"thonsync/server/store"
	"thonsync/syncproto"
)

func TestHoldAndRelease(t *testing.T) {
	s := withReference(t)
	a := s.phone("phone", 1)
	id := a.write(activity(testVillage, rand.New(rand.NewPCG(5, 5))))
	ref := a.ref(2)
	// The ruling may come before the change it is about.
	if _, err := s.Rule(context.Background(), syncproto.Ruling{Kind: syncproto.RulingHold, Target: ref}); err != nil {
		t.Fatal(err)
	}
	s.submit1(a.cuts(1, 2, 2)...)
	if got := fmt.Sprint(s.outcomes(a.origin)); got != "map[accepted:1 held/held:1]" {
		t.Errorf("outcomes %v", got)
	}
	exists := func() (yes bool) {
		s.view(func(r store.Reader) {
			rec, _, err := r.Record(id)
			if err != nil {
				t.Fatal(err)
			}
			yes = rec.Exists
		})
		return yes
	}
	if exists() {
		t.Error("a held creation makes a record")
	}
	r, err := s.Rule(context.Background(), syncproto.Ruling{Kind: syncproto.RulingRelease, Target: ref, Unit: testVillage})
	if err != nil || r.Number != 2 || r.Verify(pub(centreKey)) != nil {
		t.Fatalf("ruling %+v, %v", r, err)
	}
	if got := fmt.Sprint(s.outcomes(a.origin)); got != "map[accepted:2]" || !exists() {
		t.Errorf("after release: outcomes %v, exists %v", got, exists())
	}
}

func TestErase(t *testing.T) {
	s := withReference(t)
	a := s.phone("phone", 3)
	canary := "Lò Thị Chim Yến"
	c := activity(testVillage, rand.New(rand.NewPCG(5, 5)))
	c.Personal = syncproto.NewRow(textField(syncproto.PersonFullName, canary))
	id := a.write(c)
	later := set(syncproto.CollectionActivity, id, nil)
	later.Personal = syncproto.NewRow(textField(syncproto.PersonNote, canary))
	a.write(later)
	s.submit1(a.cut(1, 4))
	if _, err := s.Rule(context.Background(), syncproto.Ruling{Kind: syncproto.RulingErase, Record: id, Unit: testVillage}); err != nil {
		t.Fatal(err)
	}
	s.submit1(a.cut(4, 5)) // one more change, and the old one again
	if got := fmt.Sprint(s.outcomes(a.origin)); got != "map[accepted:3 erased/erased:2]" {
		t.Errorf("outcomes %v", got)
	}
	s.view(func(r store.Reader) {
		rec, _, err := r.Record(id)
		if err != nil || !rec.Erased || !rec.Exists || rec.Unit != testVillage {
			t.Errorf("record %+v, %v: operational values stay", rec, err)
		}
		for _, e := range must[[]Entry](t)(DecodeHistory(rec.History)) {
			if e.PersonalKnown() || len(e.cipher) > 0 {
				t.Errorf("change %d keeps its personal row", e.Change.Seq)
			}
		}
		for _, seg := range must[[]store.Segment](t)(r.Segments(store.SegmentQuery{Origin: a.origin})) {
			for seq := max(4, seg.First); seq <= seg.Last; seq++ {
				at := int(seq-seg.First) * saltBytes
				if !bytes.Equal(seg.Salts[at:at+saltBytes], make([]byte, saltBytes)) {
					t.Errorf("segment %d-%d keeps the salt of change %d", seg.First, seg.Last, seq)
				}
			}
		}
	})
	s.checkLedger()
	if rep := s.mustVerify(); rep.Personals < 3 {
		t.Errorf("%d personal rows verified", rep.Personals)
	}
	// A record that has not arrived can be erased, too.
	unknown := a.write(activity(testVillage, rand.New(rand.NewPCG(6, 6))))
	if _, err := s.Rule(context.Background(), syncproto.Ruling{Kind: syncproto.RulingErase, Record: unknown}); err != nil {
		t.Fatal(err)
	}
	s.submit1(a.cut(6, 6))
	if got := s.outcomes(a.origin); got["erased/erased"] != 3 {
		t.Errorf("outcomes %v", got)
	}
	s.mustVerify()
}
