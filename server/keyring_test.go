package server_test

import (
	"crypto/rand"
	"slices"
	"testing"
	"time"

	"thonsync/clientlib"
	"thonsync/server"
	"thonsync/server/keys"
	"thonsync/server/store"
	"thonsync/syncproto"
)

func (w *world) keysOf(s *running) *keys.Folder {
	w.t.Helper()
	f, err := keys.Open(server.KeysFolder(s.cfg.Data), rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	return f
}

func (w *world) epoch() (e syncproto.Epoch) {
	w.t.Helper()
	err := w.centre.Store().View(w.t.Context(), func(r store.Reader) error {
		h, err := r.FeedHead(syncproto.CommonFeed)
		e = h.Epoch
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

// The signing key was stolen: the recovery key names another while the server is
// down. Phones and points go over by themselves, everything is told anew, and the
// stolen key is worth nothing to them.
func TestRecoveryKeyNamesTheNextKey(t *testing.T) {
	w := newWorld(t)
	p := w.point(communeA)
	direct, through := w.phone(w.centre, w.teamA1), w.phone(p, w.teamA1)
	paper, err := keys.NewRecovery()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.keysOf(w.centre).SetRecovery(w.clock.now(), paper); err != nil {
		t.Fatal(err)
	}
	if _, err := w.centre.Rotate(t.Context(), server.Rotation{Signing: true}); err != nil {
		t.Fatal(err)
	}
	early := w.record(direct)
	w.exchange(direct)
	w.sync(p)
	w.exchange(through)
	w.wantStage(direct, early, clientlib.StageAtCentre)
	late, far := w.record(direct), w.record(through)

	before := w.epoch()
	w.clock.advance(time.Hour)
	w.centre.stop()
	if _, err := w.keysOf(w.centre).Succeed(w.clock.now(), paper.Key()); err != nil {
		t.Fatal(err)
	}
	w.centre = w.restart(w.centre)
	if got := w.centre.Centre(); got.Number() != 2 || got.Line()[2].By != syncproto.ByRecovery {
		t.Fatalf("the centre is at key %d", got.Number())
	}
	if w.epoch() == before {
		t.Error("whoever followed the thief goes on from there")
	}
	w.exchange(direct)
	w.sync(p)
	w.exchange(through)
	w.sync(p)
	w.exchange(through)
	w.wantStage(direct, early, clientlib.StageAtCentre)
	w.wantStage(direct, late, clientlib.StageAtCentre)
	w.wantStage(through, far, clientlib.StageAtCentre)
	if p.Centre().Number() != 2 {
		t.Errorf("the point knows key %d", p.Centre().Number())
	}
	w.centre.stop()
	w.centre = w.restart(w.centre)
	if again := w.epoch(); again == before || syncproto.EpochStart(again) < syncproto.EpochStart(before) {
		t.Error("the new epoch did not stay")
	}
}

// Doctor names ages and what to do next, until it is done.
func TestDoctorLooksAfterKeys(t *testing.T) {
	w := newWorld(t)
	bad := func() (out []string) {
		t.Helper()
		checks, err := w.centre.Doctor(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range checks {
			if !c.OK {
				if c.Fix == "" {
					t.Errorf("a finding without a cure: %+v", c)
				}
				out = append(out, c.Name)
			}
		}
		return out
	}
	want := func(when string, name string, yes bool) {
		t.Helper()
		if got := bad(); slices.Contains(got, name) != yes {
			t.Errorf("%s: bad are %v, %s %v", when, got, name, yes)
		}
	}
	f := w.keysOf(w.centre)
	want("at first", "recovery key", true)
	want("at first", "keys on paper", true)
	want("at first", "signing key", false)
	paper, err := keys.NewRecovery()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.SetRecovery(w.clock.now(), paper); err != nil {
		t.Fatal(err)
	}
	want("printed, not announced", "recovery key", true)
	rotate := func() {
		t.Helper()
		if _, err := w.centre.Rotate(t.Context(), server.Rotation{Signing: true}); err != nil {
			t.Fatal(err)
		}
	}
	rotate()
	want("announced", "recovery key", false)
	if err := w.keysOf(w.centre).NotePaper(w.clock.now()); err != nil {
		t.Fatal(err)
	}
	want("printed", "keys on paper", false)
	w.clock.advance(366 * 24 * time.Hour)
	want("a year later", "signing key", true)
	want("a year later", "sealing keys", true)
	rotate()
	want("replaced", "signing key", false)
	want("replaced", "keys on paper", true)
}
