package server_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thonsync/clientlib"
	"thonsync/server"
	"thonsync/server/ownlog"
	"thonsync/server/store"
	"thonsync/syncproto"
)

func teamDraft(name string) ownlog.Draft {
	return create(syncproto.CollectionTeam, syncproto.Row{text(syncproto.FieldUnit, villageA1), text(syncproto.TeamName, name)})
}

// copyFiles copies the own log of a stopped server.
func copyFiles(t *testing.T, from, to string) {
	t.Helper()
	for _, name := range []string{"own.db", "own.db-wal"} {
		b, err := os.ReadFile(filepath.Join(from, name))
		if os.IsNotExist(err) {
			if err := os.Remove(filepath.Join(to, name)); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// An own log that is older than the store never reuses numbers: it begins a new
// origin, and nothing is forked.
func TestOldOwnLogBeginsANewOrigin(t *testing.T) {
	w := newWorld(t)
	w.write(teamDraft("before"))
	w.centre.stop()
	saved := t.TempDir()
	copyFiles(t, w.centre.cfg.Data, saved)
	w.centre = w.restart(w.centre)
	lost := w.write(teamDraft("lost from the own log"))[0]
	w.centre.stop()
	copyFiles(t, saved, w.centre.cfg.Data)

	w.centre = w.restart(w.centre)
	next := w.write(teamDraft("after"))[0]
	if !w.holds(w.centre, lost) || !w.holds(w.centre, next) {
		t.Error("a record is missing")
	}
	st, err := w.centre.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range st.Outcomes {
		if o.Outcome != "accepted" {
			t.Errorf("%d changes %s (%s)", o.Changes, o.Outcome, o.Reason)
		}
	}
	// The point takes what the new origin writes: the centre vouches for it.
	p := w.point(communeA)
	if !w.holds(p, next) {
		t.Error("the point does not take the new origin's work")
	}
}

// A store that is older than the own log gets the rest at the next start.
func TestOldStoreIsFilledFromTheOwnLog(t *testing.T) {
	w := newWorld(t)
	w.centre.stop()
	data := w.centre.cfg.Data
	before, err := os.ReadFile(filepath.Join(data, "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	w.centre = w.restart(w.centre)
	id := w.write(teamDraft("only in the own log"))[0]
	w.centre.stop()
	if err := os.WriteFile(filepath.Join(data, "store.db"), before, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(data, "store.db-wal")); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	w.centre = w.restart(w.centre)
	if !w.holds(w.centre, id) {
		t.Error("the store was not filled")
	}
}

// Verify names what is damaged, and where.
func TestVerifyNamesDamage(t *testing.T) {
	w := newWorld(t)
	d := w.phone(w.centre, w.teamA1)
	w.record(d)
	w.exchange(d)
	if v, err := w.centre.Verify(t.Context()); err != nil || len(v.Damage) > 0 || v.Changes == 0 || v.Segments == 0 {
		t.Fatalf("before: %+v %v", v, err)
	}
	st, err := d.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.centre.stop()
	spoil(t, filepath.Join(w.centre.cfg.Data, "store.db"), st.Origin)
	w.centre = w.restart(w.centre)
	v, err := w.centre.Verify(t.Context())
	if err != nil || len(v.Damage) == 0 {
		t.Fatalf("after: %+v %v", v, err)
	}
	if !strings.Contains(strings.Join(v.Damage, "\n"), st.Origin.String()) {
		t.Errorf("it does not name the origin: %v", v.Damage)
	}
	// A backup of a damaged store does not count.
	if _, err := server.BackupCommand.Run(t.Context(), w.centre.cfg, w.options(), server.None{}); err == nil {
		t.Error("a damaged store is called safe")
	}
}

// spoil changes one octet of a stored segment of an origin, under a sound page.
func spoil(t *testing.T, path string, origin syncproto.OriginID) {
	t.Helper()
	db, err := sql.Open("sqlite", "file://"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var id int64
	var data []byte
	if err := db.QueryRow(`SELECT id, data FROM segments WHERE origin = ?`, origin[:]).Scan(&id, &data); err != nil {
		t.Fatal(err)
	}
	data[len(data)-40] ^= 1
	if _, err := db.Exec(`UPDATE segments SET data = ? WHERE id = ?`, data, id); err != nil {
		t.Fatal(err)
	}
}

// A phone that still seals to a key that was replaced is read; one that seals to
// a destroyed key is asked to seal again, and nothing is lost.
func TestSealingKeysChange(t *testing.T) {
	w := newWorld(t)
	p := w.point(communeA)
	d := w.phone(p, w.teamA1)
	p.line.cut.Store(true)
	early := w.record(d)
	w.exchange(d) // sealed to the present key, waits at the point
	w.wantStage(d, early, clientlib.StageAtCommune)

	w.clock.advance(31 * 24 * time.Hour)
	w.centre.stop()
	w.centre = w.restart(w.centre) // replaces the key
	p.line.cut.Store(false)
	w.sync(p)
	w.exchange(d)
	w.wantStage(d, early, clientlib.StageAtCentre)

	p.line.cut.Store(true)
	late := w.record(d)
	w.exchange(d)
	for range 2 { // replaced, and its time over
		w.clock.advance(91 * 24 * time.Hour)
		w.centre.stop()
		w.centre = w.restart(w.centre)
	}
	// The schedule waits for the point; a person does not have to.
	if out, err := w.centre.DestroyOld(t.Context(), server.Destruction{Force: true, Reason: "point-lost"}); err != nil || out.Keys == 0 {
		t.Fatalf("%+v, %v", out, err)
	}
	p.line.cut.Store(false)
	w.sync(p) // arrives, and does not open
	w.exchange(d)
	if c, err := d.Custody(t.Context(), late); err != nil || c.Reason != syncproto.ReasonUnreadable {
		t.Fatalf("custody %+v %v, want unreadable", c, err)
	}
	if err := d.SetServers(t.Context(), []string{w.centre.url}); err != nil {
		t.Fatal(err)
	}
	w.exchange(d)
	w.wantStage(d, late, clientlib.StageAtCentre)
	if err := w.centre.Store().View(t.Context(), func(r store.Reader) error {
		rec, _, err := r.Record(late)
		if !rec.Exists {
			t.Error("the late record is not there")
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
