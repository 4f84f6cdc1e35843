package e2e

import (
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/server"
	"thonsync/server/config"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// restored loses the centre's disk and runs it again from a backup.
func (w *world) restored(file string) {
	w.t.Helper()
	w.centre.stop()
	cfg := w.centre.cfg
	cfg.BackupKeys, cfg.Data = cfg.BackupKeyFolder(), filepath.Join(w.t.TempDir(), "restored")
	w.must(server.Restore(w.t.Context(), cfg, server.Options{Now: w.now}, file))
	w.centre = w.restart(w.centre, server.Options{Now: w.now}, func(c *config.Config) { *c = cfg })
}

// changes counts the changes that the centre holds.
func (w *world) changes() (n uint64) {
	w.t.Helper()
	w.must(w.centre.node.Store().View(w.t.Context(), func(r store.Reader) error {
		return r.EachRun(func(run store.Run) error {
			n += run.Last.Seq - run.First + 1
			return nil
		})
	}))
	return n
}

func (w *world) isErased(id uuid.UUID) (erased bool) {
	w.t.Helper()
	w.must(w.centre.node.Store().View(w.t.Context(), func(r store.Reader) error {
		rec, _, err := r.Record(id)
		if erased = rec.Erased; err == nil && erased {
			var row syncproto.Row
			if row, err = w.centre.node.Ingest().Personal(r, &rec); len(row) > 0 {
				w.t.Errorf("erased record %s has personal values", id)
			}
		}
		return err
	}))
	return erased
}

// The centre loses its disk and comes back from a backup that is 500 changes
// old, none of which any backup holds. After the next exchanges it has all of
// them again: from phones that come to it, from phones that come to a point, and
// from points alone whose phones never come back. The phone that was revoked
// since stays revoked, what was erased since stays erased, and receipts of the
// history that was lost count nowhere.
func TestCentreRestoredFromAnOldBackup(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	p1, p2 := w.point(), w.point()
	direct, gone, revoked, late := w.phone(w.centre, 1), w.phone(p1, 2), w.phone(p2, 3), w.phone(p2, 4)
	for d, at := range map[*device]*site{direct: w.centre, gone: p1, revoked: p2, late: p2} {
		d.work(3)
		d.at(at)
	}
	meet := func() {
		for _, p := range []*site{p1, p2} {
			w.must(p.node.Relay().Sync(ctx))
		}
	}
	meet()
	early := direct.made[0]
	made, err := server.BackupCommand.Do(ctx, w.centre.node, server.None{})
	w.must(err)

	was := w.changes()
	direct.work(130)
	direct.at(w.centre)
	for d, at := range map[*device]*site{gone: p1, revoked: p2, late: p2} {
		d.work(130)
		d.at(at)
	}
	meet()
	if n := w.changes() - was; n < 500 {
		t.Fatalf("%d changes since the backup, want 500", n)
	}
	direct.at(w.centre)
	late.at(p2)
	for _, d := range []*device{direct, late} {
		if s := d.stages(); s[clientlib.StageAtCentre] < 130 || s[clientlib.StageSafe] > 3 {
			t.Fatalf("before: %v, want all received and nothing new safe", s)
		}
	}
	fresh := direct.made[len(direct.made)-1]
	for _, id := range []uuid.UUID{early, fresh} {
		_, err := w.centre.node.Rule(ctx, syncproto.Ruling{Kind: syncproto.RulingErase, Record: id, Unit: w.commune})
		w.must(err)
	}
	w.revoke(w.centre, revoked.Origin().String()[:13])
	want := w.activities()
	w.must(gone.Close()) // it never comes back

	w.restored(made.File)
	if n := len(w.activities()); n > len(want)-500 {
		t.Fatalf("%d records came out of the backup: the test proves nothing", n)
	}
	if !w.isErased(early) {
		t.Error("a record came back out of the backup that was erased since")
	}
	meet()
	direct.at(w.centre)
	late.at(p2)
	meet()
	late.at(p2)

	if have := w.activities(); !maps.Equal(have, want) {
		t.Errorf("%d records after the exchanges, %d before", len(have), len(want))
	}
	if !w.isErased(early) || !w.isErased(fresh) {
		t.Error("an erased record came back with its personal values")
	}
	if r := w.centre.node.Ingest().Revoked(revoked.Origin()); r == nil || r.Reason != "lost" {
		t.Errorf("the revoked phone is not revoked any more: %+v", r)
	}
	revoked.work(1)
	revoked.at(w.centre)
	if n := w.outcomes(revoked.Origin())["held revoked"]; n == 0 {
		t.Errorf("work after the revocation: %v", w.outcomes(revoked.Origin()))
	}
	for _, d := range []*device{direct, gone, revoked, late} {
		w.balanced(d.Origin())
	}
	unerased := func(d *device) []uuid.UUID {
		return slices.DeleteFunc(slices.Clone(d.made), func(id uuid.UUID) bool { return id == early || id == fresh })
	}
	w.asWritten(unerased(direct), direct)
	w.asWritten(unerased(late), late)
	w.settled(p1, p2, direct, late)
}

// settled holds that nobody waits for anything after a restore, and that phones
// say again what they said before it.
func (w *world) settled(p1, p2 *site, phones ...*device) {
	w.t.Helper()
	for _, p := range []*site{p1, p2} {
		w.must(p.node.Relay().Sync(w.t.Context()))
		st, err := p.node.Status(w.t.Context())
		w.must(err)
		if st.Upstream.Backlog != 0 {
			w.t.Errorf("a point has a backlog of %d changes", st.Upstream.Backlog)
		}
	}
	for _, d := range phones {
		st, err := d.Status(w.t.Context())
		w.must(err)
		if s := d.stages(); st.Waiting != 0 || st.Restored != 0 || s[clientlib.StageOnPhone]+s[clientlib.StageAtCommune] > 0 {
			w.t.Errorf("a phone after the restore: %d waiting, %d times renamed, %v", st.Waiting, st.Restored, s)
		}
	}
	v, err := w.centre.node.Verify(w.t.Context())
	if err != nil || len(v.Damage) > 0 {
		w.t.Errorf("verify: %v %v", v.Damage, err)
	}
}
