package sqlitestore_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"thonsync/server/store"
	"thonsync/server/store/sqlitestore"
	"thonsync/server/store/storetest"
	"thonsync/syncproto"
)

func open(t testing.TB, path string, o sqlitestore.Options) *sqlitestore.Store {
	t.Helper()
	s, err := sqlitestore.Open(context.Background(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestContract(t *testing.T) {
	storetest.Run(t, func(t testing.TB) store.Store {
		return open(t, filepath.Join(t.TempDir(), "ba bể?#%.db"), sqlitestore.Options{})
	})
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files have no modes there")
	}
	dir := t.TempDir()
	set(t, open(t, filepath.Join(dir, "a.db"), sqlitestore.Options{}), "k")
	wantPrivate(t, dir)
}

func wantPrivate(t *testing.T, dir string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 2 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", f.Name(), info.Mode(), err)
		}
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	first := open(t, path, sqlitestore.Options{})
	if _, err := sqlitestore.Open(context.Background(), path, sqlitestore.Options{}); syncproto.CodeOf(err) != syncproto.CodeInUse {
		t.Errorf("second: %v, want %s", err, syncproto.CodeInUse)
	}
	reader := open(t, path, sqlitestore.Options{ReadOnly: true})
	set(t, first, "k")
	if err := reader.View(context.Background(), func(r store.Reader) error {
		if _, ok, err := r.Meta("k"); !ok || err != nil {
			t.Errorf("beside the server: %v, %v", ok, err)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	if err := reader.Update(context.Background(), func(store.Tx) error { return nil }); err == nil {
		t.Error("a reader may write")
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path, sqlitestore.Options{})
}

func set(t *testing.T, s *sqlitestore.Store, key string) {
	t.Helper()
	if err := s.Update(context.Background(), func(tx store.Tx) error { return tx.SetMeta(key, []byte(key)) }); err != nil {
		t.Fatal(err)
	}
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	if err := open(t, path, sqlitestore.Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec("PRAGMA user_version=1000")
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	for _, o := range []sqlitestore.Options{{}, {ReadOnly: true}} {
		if _, err := sqlitestore.Open(context.Background(), path, o); syncproto.CodeOf(err) != syncproto.CodeNewerSchema {
			t.Errorf("%+v: %v, want %s", o, err, syncproto.CodeNewerSchema)
		}
	}
}

func TestFullDisk(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "a.db"), sqlitestore.Options{MaxPages: 100})
	set(t, s, "before")
	err := s.Update(context.Background(), func(tx store.Tx) error {
		if err := tx.SetMeta("small", []byte("x")); err != nil {
			return err
		}
		return tx.SetMeta("large", make([]byte, 1<<20))
	})
	if syncproto.CodeOf(err) != syncproto.CodeDiskFull {
		t.Errorf("error %v, want %s", err, syncproto.CodeDiskFull)
	}
	if err := s.View(context.Background(), func(r store.Reader) error {
		_, before, err := r.Meta("before")
		_, small, err2 := r.Meta("small")
		if !before || small {
			t.Errorf("before %v, small %v: want the first only", before, small)
		}
		return errors.Join(err, err2)
	}); err != nil {
		t.Error(err)
	}
	set(t, s, "after")
}

func TestDatabaseThatIsNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	if err := os.WriteFile(path, bytes.Repeat([]byte("not a database. "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlitestore.Open(context.Background(), path, sqlitestore.Options{}); syncproto.CodeOf(err) != syncproto.CodeInternal {
		t.Errorf("error %v", err)
	}
	if _, err := sqlitestore.Open(context.Background(), filepath.Join(t.TempDir(), "none", "a.db"), sqlitestore.Options{}); err == nil {
		t.Error("a folder that is missing was opened")
	}
}

// Pragmas hold on every connection, and what was erased leaves no trace after a
// checkpoint.
func TestErasedLeavesNoTrace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s := open(t, path, sqlitestore.Options{})
	canary := []byte("chim yến canary chim yến canary")
	if err := s.Update(context.Background(), func(tx store.Tx) error { return tx.SetMeta("k", canary) }); err != nil {
		t.Fatal(err)
	}
	if !inFiles(t, path, canary) {
		t.Fatal("the canary is not in the files: this test would find nothing")
	}
	set(t, s, "k")
	if err := s.Checkpoint(context.Background()); err != nil {
		t.Fatal(err)
	}
	if inFiles(t, path, canary) {
		t.Error("the overwritten value is still in the files")
	}
}

func inFiles(t *testing.T, path string, what []byte) bool {
	t.Helper()
	found := false
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		found = found || bytes.Contains(b, what)
	}
	return found
}

func TestBackupIsWhole(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "a.db"), sqlitestore.Options{})
	set(t, s, "k")
	copied := filepath.Join(dir, "b.db")
	if err := s.Backup(context.Background(), copied); err != nil {
		t.Fatal(err)
	}
	set(t, s, "later")
	b := open(t, copied, sqlitestore.Options{})
	if err := b.View(context.Background(), func(r store.Reader) error {
		_, k, err := r.Meta("k")
		_, later, err2 := r.Meta("later")
		if !k || later {
			t.Errorf("k %v, later %v: want what was there at the time", k, later)
		}
		return errors.Join(err, err2)
	}); err != nil {
		t.Error(err)
	}
	if err := s.Backup(context.Background(), copied); err == nil {
		t.Error("a file was overwritten")
	}
}

func TestUseAfterClose(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "a.db"), sqlitestore.Options{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.View(context.Background(), func(store.Reader) error { return nil }); err == nil {
		t.Error("view of a closed store")
	}
	if err := s.Update(context.Background(), func(store.Tx) error { return nil }); err == nil {
		t.Error("update of a closed store")
	}
}
