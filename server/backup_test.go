package server_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thonsync/clientlib"
	"thonsync/server"
	"thonsync/server/backup"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// A verified backup is what makes work safe.
func TestBackupMakesSafe(t *testing.T) {
	w := newWorld(t)
	p := w.point(communeA)
	d := w.phone(p, w.teamA1)
	id := w.record(d)
	w.exchange(d)
	w.sync(p)
	made := w.backup()
	if made.Changes == 0 || made.Origins < 3 {
		t.Errorf("made %+v", made)
	}
	w.sync(p)
	w.exchange(d)
	w.wantStage(d, id, clientlib.StageSafe)
	late := w.record(d)
	w.exchange(d)
	w.sync(p)
	w.exchange(d)
	w.wantStage(d, late, clientlib.StageAtCentre) // not in any backup yet
}

func (w *world) backup() backup.Made {
	w.t.Helper()
	made, err := server.BackupCommand.Run(w.t.Context(), w.centre.cfg, w.options(), server.None{})
	if err != nil {
		w.t.Fatalf("backup: %v", err)
	}
	return made
}

// The drill that the documentation promises: disk lost, restored from the last
// backup, and everybody brings back what came after it. What was erased stays
// erased.
func TestRestoreDrill(t *testing.T) {
	w := newWorld(t)
	p := w.point(communeA)
	d := w.phone(p, w.teamA1)
	early, erased := w.record(d), w.record(d)
	w.exchange(d)
	w.sync(p)
	made := w.backup()
	if _, err := w.centre.Rule(t.Context(), syncproto.Ruling{Kind: syncproto.RulingErase, Record: erased, Unit: communeA}); err != nil {
		t.Fatal(err)
	}
	late := w.record(d)
	w.exchange(d)
	w.sync(p)
	w.exchange(d)
	w.wantStage(d, late, clientlib.StageAtCentre)
	before, err := w.centre.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
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
	if err := server.Restore(t.Context(), lost, w.options(), made.File); err != nil {
		t.Fatalf("Restore: %v", err)
	}
	if err := server.Restore(t.Context(), lost, w.options(), made.File); err == nil {
		t.Fatal("restored over a folder that is in use")
	}
	w.centre.cfg = lost
	w.centre = w.restart(w.centre)

	// The same centre: same identity, so nobody needs to join again.
	after, err := w.centre.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a, err := syncproto.DecodeKeyNotice(before)
	if err != nil {
		t.Fatal(err)
	}
	b, err := syncproto.DecodeKeyNotice(after)
	if err != nil || !a.Centre.Key().Equal(b.Centre.Key()) {
		t.Fatal("another centre came out of the backup", err)
	}
	if rec := w.stored(w.centre, erased); !rec.Erased {
		t.Error("the erased record came back")
	}
	w.stored(w.centre, early)
	if w.holds(w.centre, late) {
		t.Fatal("the drill proves nothing: the late record was in the backup")
	}
	// The point notices and sends again; nobody has to do anything.
	w.sync(p)
	if rec := w.stored(w.centre, late); !rec.Exists {
		t.Error("the late record did not come back")
	}
	// New reference data of the restored centre goes down in the new epoch.
	team := w.write(create(syncproto.CollectionTeam, syncproto.Row{text(syncproto.FieldUnit, villageA2), text(syncproto.TeamName, "Tổ mới")}))[0]
	w.sync(p)
	if rec := w.stored(p, team); !rec.Exists {
		t.Error("the new team did not reach the point")
	}
	v, err := w.centre.Verify(t.Context())
	if err != nil || len(v.Damage) > 0 {
		t.Errorf("verify: %+v %v", v, err)
	}
}

// holds reports whether the record exists at a server.
func (w *world) holds(at *running, id [16]byte) (ok bool) {
	w.t.Helper()
	err := at.Store().View(w.t.Context(), func(r store.Reader) error {
		rec, found, err := r.Record(id)
		ok = found && rec.Exists
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return ok
}

func TestRestoreRefusesADamagedBackup(t *testing.T) {
	w := newWorld(t)
	made := w.backup()
	whole, err := os.ReadFile(made.File)
	if err != nil {
		t.Fatal(err)
	}
	whole[len(whole)/2] ^= 1
	if err := os.WriteFile(made.File, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := w.centre.cfg
	cfg.Data = filepath.Join(t.TempDir(), "restored")
	if err := server.Restore(t.Context(), cfg, w.options(), made.File); !errors.Is(err, &syncproto.Error{Code: syncproto.CodeUnreadable}) {
		t.Fatalf("Restore: %v", err)
	}
	if _, err := server.VerifyBackup.Run(t.Context(), w.centre.cfg, w.options(), server.BackupFile{Path: made.File}); err == nil {
		t.Error("verify takes it")
	}
}

// Nothing personal and no key lies readable in a backup folder.
func TestBackupFolderHidesEverything(t *testing.T) {
	w := newWorld(t)
	w.write(create(syncproto.CollectionTeam, syncproto.Row{text(syncproto.FieldUnit, villageA1), text(syncproto.TeamName, "canary-4711")}))
	w.backup()
	seed, err := os.ReadFile(filepath.Join(w.centre.cfg.Data, "keys", "identity.key"))
	if err != nil {
		t.Fatal(err)
	}
	store, err := os.ReadFile(filepath.Join(w.centre.cfg.Data, "store.db-wal"))
	if err != nil || !bytes.Contains(store, []byte("canary-4711")) {
		main, err2 := os.ReadFile(filepath.Join(w.centre.cfg.Data, "store.db"))
		if err2 != nil || !bytes.Contains(main, []byte("canary-4711")) {
			t.Log("the canary is compressed in the store; the check of the backups stands all the same", err, err2)
		}
	}
	entries, err := os.ReadDir(w.centre.cfg.BackupFolder)
	if err != nil || len(entries) == 0 {
		t.Fatal(entries, err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(w.centre.cfg.BackupFolder, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"canary-4711", strings.TrimSpace(string(seed)), "SQLite format 3"} {
			if bytes.Contains(b, []byte(secret)) {
				t.Errorf("%s shows %q", e.Name(), secret)
			}
		}
	}
	left, err := os.ReadDir(filepath.Join(w.centre.cfg.Data, "scratch"))
	if err != nil || len(left) > 0 {
		t.Errorf("plain copies left: %v %v", left, err)
	}
}

// Backups on a schedule: the first at once, the next when it is due.
func TestScheduledBackups(t *testing.T) {
	w := &world{t: t, clock: &clock{}}
	ln := listen(t)
	cfg := testConfig(filepath.Join(t.TempDir(), "centre"), ln.Addr().String())
	cfg.BackupFolder, cfg.BackupKeys = filepath.Join(t.TempDir(), "b"), filepath.Join(t.TempDir(), "k")
	cfg.BackupEvery = 24 * time.Hour
	waits, tick := make(chan time.Duration), make(chan time.Time)
	opts := w.options()
	opts.After = func(d time.Duration) <-chan time.Time {
		if d > 0 && d < 20*time.Hour {
			return nil // other work in the background, which comes more often
		}
		waits <- d
		return tick
	}
	n := serve(t, cfg, opts, ln)
	if d := <-waits; d != 0 {
		t.Errorf("the first backup waits %v", d)
	}
	tick <- time.Now()
	if d := <-waits; d <= 23*time.Hour || d > 24*time.Hour {
		t.Errorf("the second waits %v", d)
	}
	w.clock.advance(24 * time.Hour)
	tick <- time.Now()
	<-waits
	st, err := n.Status(t.Context())
	if err != nil || st.Backup.Kept != 2 || st.Backup.LastVerifiedMS == 0 {
		t.Errorf("status %+v %v", st.Backup, err)
	}
}
