package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thonsync/server"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// A backup from before a revocation is restored: the phone stays revoked, what
// lay before the cut counts when it comes back, and later work stays held.
func TestRevokedStaysRevokedAfterARestore(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	p := w.point(communeA)
	d := w.phone(p, w.teamA1)
	w.record(d)
	w.exchange(d)
	w.sync(p)
	made := w.backup()
	before := w.record(d)
	w.exchange(d)
	w.sync(p)
	name := d.Origin().String()[:13]
	if _, err := w.centre.RevokeDevice(ctx, server.DeviceOrder{Name: name, Reason: "stolen"}); err != nil {
		t.Fatal(err)
	}
	// The point's receipt from before it knew makes the centre rule again, by itself;
	// that ruling has to outlast the restore as well.
	between := w.record(d)
	w.exchange(d)
	w.sync(p)
	after := w.record(d)
	w.exchange(d)
	w.sync(p)
	if !w.holds(w.centre, between) || w.holds(w.centre, after) {
		t.Fatalf("before the restore: between counts %v, after counts %v", w.holds(w.centre, between), w.holds(w.centre, after))
	}

	w.centre.stop()
	orders, err := os.ReadFile(filepath.Join(w.centre.cfg.Data, "orders.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.centre.cfg.BackupFolder, "orders.jsonl"), orders, 0o600); err != nil {
		t.Fatal(err)
	}
	lost := w.centre.cfg
	lost.Data = filepath.Join(t.TempDir(), "restored")
	if err := server.Restore(ctx, lost, w.options(), made.File); err != nil {
		t.Fatal(err)
	}
	w.centre.cfg = lost
	w.centre = w.restart(w.centre)
	r := w.centre.Ingest().Revoked(d.Origin())
	if r == nil || r.Reason != "stolen" || len(r.Cut) != 2 {
		t.Fatalf("after the restore: %+v", r)
	}
	if w.holds(w.centre, before) {
		t.Fatal("the drill proves nothing: the late record was in the backup")
	}
	w.sync(p)
	for what, id := range map[string][16]byte{"before the revocation": before, "before the point knew": between} {
		if !w.holds(w.centre, id) {
			t.Errorf("the record from %s does not count", what)
		}
	}
	if w.holds(w.centre, after) {
		t.Error("the record from after the cut counts")
	}
	err = w.centre.Store().View(ctx, func(r store.Reader) error {
		counts, err := r.OutcomeCounts(new(d.Origin()))
		for _, c := range counts {
			if (c.Reason == syncproto.ReasonRevoked) != (c.Outcome == syncproto.OutcomeHeld) {
				t.Errorf("%d changes are %s (%s)", c.Changes, c.Outcome, c.Reason)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	// No name got into the file of orders.
	if strings.Contains(string(orders), name) {
		t.Error("the orders hold more than rulings")
	}
}
