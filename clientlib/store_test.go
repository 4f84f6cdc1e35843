package clientlib_test

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/clientlib/clienttest"
	"thonsync/syncproto"
)

// The test binary plays other processes: TestMain looks at this variable.
const roleVariable = "CLIENTLIB_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "":
		os.Exit(m.Run())
	case "opener":
		d, err := clientlib.Open(context.Background(), clientlib.Options{Path: os.Args[1]})
		fmt.Println(syncproto.CodeOf(err))
		if err == nil {
			d.Close()
		}
	case "writer":
		writeForEver(os.Args[1])
	}
}

// writeForEver records without end and prints each acknowledged id.
func writeForEver(path string) {
	ctx := context.Background()
	d, err := clientlib.Open(ctx, clientlib.Options{Path: path})
	if err != nil {
		fmt.Println("error", err)
		return
	}
	out := bufio.NewWriter(os.Stdout)
	for n := 0; ; n++ {
		r, err := d.Record(ctx, clientlib.RecordInput{Kind: "CC", Fields: clienttest.CardFields(n)})
		if err != nil {
			fmt.Println("error", err)
			return
		}
		fmt.Fprintln(out, r.ID)
		out.Flush()
	}
}

func play(role, path string) *exec.Cmd {
	c := exec.Command(os.Args[0], path)
	c.Env = append(os.Environ(), roleVariable+"="+role)
	return c
}

func TestSecondProcessIsRefusedAtOnce(t *testing.T) {
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	path := filepath.Join(w.Dir, "a.db")
	start := time.Now()
	out, err := play("opener", path).Output()
	if err != nil || strings.TrimSpace(string(out)) != string(syncproto.CodeInUse) {
		t.Fatalf("second process: %q, %v", out, err)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %v to say so", took)
	}
	if _, err := clientlib.Open(context.Background(), w.Options("a")); syncproto.CodeOf(err) != syncproto.CodeInUse {
		t.Fatalf("second store in one process: %v", err)
	}
	w.Card(d, 1)
	d.Close()
	if out, err := play("opener", path).Output(); err != nil || strings.TrimSpace(string(out)) != "" {
		t.Fatalf("after closing: %q, %v", out, err)
	}
}

// What was acknowledged survives kill -9 at any moment, whole; nothing else is
// there in part.
func TestKilledWhileRecording(t *testing.T) {
	w := clienttest.NewWorld(t, 1)
	w.Device("a", w.Centre).Close()
	path := filepath.Join(w.Dir, "a.db")
	total := 0
	for round := range 4 {
		c := play("writer", path)
		pipe, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		var acked []uuid.UUID
		lines := bufio.NewScanner(pipe)
		for len(acked) < 20+7*round && lines.Scan() {
			id, err := uuid.Parse(lines.Text())
			if err != nil {
				t.Fatalf("writer: %s", lines.Text())
			}
			acked = append(acked, id)
		}
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() {
			if id, err := uuid.Parse(lines.Text()); err == nil {
				acked = append(acked, id)
			}
		}
		c.Wait()
		total += len(acked)

		d := w.Open("a")
		for _, id := range acked {
			if text := fieldText(t, d, id, "full_name"); text == "" {
				t.Fatalf("acknowledged record %s is gone or not whole", id)
			}
		}
		if err := d.VerifyChain(context.Background()); err != nil {
			t.Fatal(err)
		}
		s, err := d.Status(context.Background())
		if err != nil || s.Changes < total {
			t.Fatalf("%d changes, at least %d were acknowledged; %v", s.Changes, total, err)
		}
		list, err := d.List(context.Background(), clientlib.Filter{Limit: 500})
		if err != nil || len(list) != min(s.Changes, 500) {
			t.Fatalf("%d changes make %d records, %v", s.Changes, len(list), err)
		}
		total = s.Changes
		d.Close()
	}
	d := w.Open("a")
	w.Sync(d)
	if n := len(w.Centre.People(d.Origin())); n != total {
		t.Fatalf("the centre holds %d of %d changes", n, total)
	}
}

// A database that a newer program wrote is refused, and what is unsent in it is
// sent all the same.
func TestNewerSchema(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	origin := d.Origin()
	for i := range 30 {
		w.Card(d, i)
	}
	d.Close()
	raw(t, filepath.Join(w.Dir, "a.db"), `PRAGMA user_version = 99`, `ALTER TABLE log_change ADD COLUMN novelty TEXT`,
		`DROP TABLE record`, `DROP TABLE seen_change`, `DROP TABLE outcome`, `DROP TABLE receipt`, `DROP TABLE checkpoint`, `DROP TABLE cargo`, `DROP TABLE person`)
	if _, err := clientlib.Open(ctx, w.Options("a")); syncproto.CodeOf(err) != syncproto.CodeNewerSchema {
		t.Fatalf("open: %v", err)
	}
	s, err := clientlib.OpenSendOnly(ctx, w.Options("a"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var bundle bytes.Buffer
	if err := s.ExportBundle(ctx, &bundle); err != nil {
		t.Fatal(err)
	}
	if entries, _, err := syncproto.DecodeBundle(bundle.Bytes()); err != nil || len(entries) < 3 {
		t.Fatalf("bundle of %d entries, %v", len(entries), err)
	}
	r, err := s.Sync(ctx)
	if err != nil || !r.Finished || r.Waiting != 0 {
		t.Fatalf("send only: %+v, %v", r, err)
	}
	if n := len(w.Centre.People(origin)); n != 30 {
		t.Fatalf("the centre holds %d changes", n)
	}
	if n, err := s.Waiting(ctx); n != 0 || err != nil {
		t.Fatalf("%d waiting, %v", n, err)
	}
}

// raw runs statements on a database file that no device holds.
func raw(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func TestDatabaseIsItsOwnersAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files have no modes there")
	}
	w := clienttest.NewWorld(t, 1)
	w.Device("a", w.Centre)
	files, err := filepath.Glob(filepath.Join(w.Dir, "a.db*"))
	if err != nil || len(files) < 3 { // database, log, key
		t.Fatalf("%v: %v", files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", filepath.Base(f), info.Mode(), err)
		}
	}
}

func TestKeyFile(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	w.Device("a", w.Centre).Close()
	w.Device("b", w.Centre).Close()
	key := filepath.Join(w.Dir, "a.db.key")
	info, err := os.Stat(key)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("key file %v, %v", info, err)
	}
	good, _ := os.ReadFile(key)
	other, _ := os.ReadFile(filepath.Join(w.Dir, "b.db.key"))
	for name, content := range map[string][]byte{"another device's": other, "cut": good[:20], "empty": nil} {
		os.WriteFile(key, content, 0o600)
		if _, err := clientlib.Open(ctx, w.Options("a")); syncproto.CodeOf(err) != syncproto.CodeUnreadable {
			t.Errorf("%s key: %v", name, err)
		}
	}
	os.Remove(key)
	if _, err := clientlib.Open(ctx, w.Options("a")); syncproto.CodeOf(err) != syncproto.CodeUnreadable {
		t.Errorf("missing key: %v", err)
	}
	if _, err := os.Stat(key); err == nil {
		t.Error("a new key was made for an old database")
	}
	os.WriteFile(key, good, 0o600)
	w.Open("a")
}

// Nothing personal lies readable in any file of the store, and after dropping or
// a retraction it does not either.
func TestPersonalDataIsEncryptedOnDisk(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	d := w.Device("canary", w.Centre)
	id := w.Card(d, 424242)
	if _, err := d.Edit(ctx, id, clientlib.EditInput{Fields: map[string]string{"note": "bí mật thử nghiệm", "guardian": "Bà Giám Hộ Thử"}}); err != nil {
		t.Fatal(err)
	}
	if err := d.Void(ctx, id, uuid.Nil, "other", "lời ghi kín"); err != nil {
		t.Fatal(err)
	}
	if err := d.AddPerson(ctx, uuid.UUID{3}, "Thành Viên Kín"); err != nil {
		t.Fatal(err)
	}
	w.Sync(d)
	secrets := []string{"Vàng Mí Thử", "002090424242", "0900424242", "bí mật", "Giám Hộ", "lời ghi kín", "Thành Viên", "Người Thử"}
	scan := func(when string) {
		t.Helper()
		files, err := filepath.Glob(filepath.Join(w.Dir, "canary.db*"))
		if err != nil || len(files) < 3 {
			t.Fatalf("%s: files %v, %v", when, files, err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range secrets {
				if bytes.Contains(b, []byte(s)) {
					t.Errorf("%s: %q lies readable in %s", when, s, filepath.Base(f))
				}
			}
			if strings.HasSuffix(f, ".db") || strings.HasSuffix(f, "-wal") {
				if when == "open" && !bytes.Contains(b, []byte("test:00001-01")) && len(b) > 100_000 {
					t.Errorf("%s: the scan of %s does not see what is there", when, filepath.Base(f))
				}
			}
		}
	}
	scan("open")
}

func TestDiskFull(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	first := w.Card(d, 0)
	d.Close()
	path := filepath.Join(w.Dir, "a.db")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	opts := w.Options("a")
	opts.Open = clientlib.LimitedOpener(int(info.Size())/4096 + 12)
	if d, err = clientlib.Open(ctx, opts); err != nil {
		t.Fatal(err)
	}
	stored := 1
	for n := 1; ; n++ {
		_, err := d.Record(ctx, clientlib.RecordInput{Kind: "CC", Fields: clienttest.CardFields(n)})
		if syncproto.CodeOf(err) == syncproto.CodeDiskFull {
			break
		}
		if err != nil || n > 10_000 {
			t.Fatalf("record %d: %v", n, err)
		}
		stored++
	}
	if text := fieldText(t, d, first, "full_name"); text == "" {
		t.Fatal("old data is not readable")
	}
	r, err := d.Sync(ctx)
	if err != nil {
		t.Fatalf("sync on a full disk: %+v, %v", r, err)
	}
	if n := len(w.Centre.People(d.Origin())); n != stored {
		t.Fatalf("the centre holds %d of %d changes", n, stored)
	}
	d.Close()
	d = w.Open("a")
	w.Card(d, 20_000)
	if r := w.Sync(d); r.Waiting != 0 {
		t.Fatalf("with room again: %+v", r)
	}
	if err := d.VerifyChain(ctx); err != nil {
		t.Fatal(err)
	}
}

// A real full file system, where the log cannot grow either.
func TestDiskFullForReal(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("no file system of a set size here: %s", out)
	}
	t.Cleanup(func() { exec.Command("umount", dir).Run() })
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	w.Dir = dir
	d := w.Device("a", w.Centre)
	t.Cleanup(func() { d.Close() })
	stored := 0
	var err error
	for err == nil {
		if _, err = d.Record(ctx, clientlib.RecordInput{Kind: "CC", Fields: clienttest.CardFields(stored)}); err == nil {
			stored++
		}
	}
	if syncproto.CodeOf(err) != syncproto.CodeDiskFull || stored == 0 {
		t.Fatalf("after %d records: %v", stored, err)
	}
	list, err := d.List(ctx, clientlib.Filter{Limit: 500})
	if err != nil || len(list) != stored {
		t.Fatalf("%d of %d records are readable, %v", len(list), stored, err)
	}
	r, err := d.Sync(ctx)
	if err != nil || len(w.Centre.People(d.Origin())) != stored {
		t.Fatalf("sync on a full disk: the centre holds %d of %d, %+v, %v", len(w.Centre.People(d.Origin())), stored, r, err)
	}
	if !r.DiskFull {
		t.Errorf("the report does not tell: %+v", r)
	}
}

// A damaged file is named as such, and no call panics.
func TestDamagedDatabase(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	id := w.Card(d, 1)
	d.Close()
	path := filepath.Join(w.Dir, "a.db")
	raw(t, path, `UPDATE log_change SET stamp_ms = 1, operational = (SELECT CAST(substr(operational, 1, length(operational) - 1) || 'x' AS BLOB) FROM log_change WHERE seq = 1) WHERE seq = 1`)
	d = w.Open("a")
	if err := d.VerifyChain(ctx); syncproto.CodeOf(err) != syncproto.CodeChain {
		t.Fatalf("chain: %v", err)
	}
	checks, err := d.Doctor(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range checks {
		if c.Name == "chain" && (c.OK || c.Fix == "") {
			t.Errorf("doctor: %+v", c)
		}
	}
	if _, err := d.Get(ctx, id); err != nil {
		t.Errorf("the merged record is still readable: %v", err)
	}
	d.Close()
	os.WriteFile(path, bytes.Repeat([]byte("not a database "), 1000), 0o600)
	os.Remove(path + "-wal")
	if _, err := clientlib.Open(ctx, w.Options("a")); syncproto.CodeOf(err) != syncproto.CodeChain {
		t.Errorf("no database: %v", err)
	}
	if _, err := clientlib.Open(ctx, clientlib.Options{Path: filepath.Join(w.Dir, "none", "x.db")}); err == nil {
		t.Error("a folder that does not exist")
	}
}

// A path is a path, whatever characters it holds.
func TestOddPaths(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"máy một.db", "a?b#c.db", "100%41.db", "a&b=c.db", "plus+plus.db"} {
		path := filepath.Join(dir, name)
		d, err := clientlib.Open(context.Background(), clientlib.Options{Path: path})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		d.Close()
		if _, err := os.Stat(path); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
