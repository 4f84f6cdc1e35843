package clientlib_test

import (
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thonsync/clientlib"
	"thonsync/clientlib/clienttest"
	"thonsync/syncproto"
)

// One damaged change costs itself: its neighbours are listed, exported and
// sent.
func TestOneDamagedChange(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	for i := range 9 {
		w.Card(d, i)
	}
	d.Close()
	path := filepath.Join(w.Dir, "a.db")
	raw(t, path, `UPDATE log_change SET personal = zeroblob(60) WHERE seq = 4`,
		`UPDATE record SET personal = zeroblob(60) WHERE id = (SELECT record FROM log_change WHERE seq = 4)`)
	d = w.Open("a")
	list, err := d.List(ctx, clientlib.Filter{})
	if err != nil || len(list) != 9 {
		t.Fatalf("%d records, %v", len(list), err)
	}
	damaged := 0
	for _, r := range list {
		if r.Damaged {
			damaged++
		}
	}
	if damaged != 1 {
		t.Errorf("%d records are called damaged, want 1", damaged)
	}
	entries, _, err := syncproto.DecodeBundle(exportBytes(t, d, clientlib.BundleOptions{}))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range entries {
		if e.Kind != syncproto.EntrySegment {
			continue
		}
		s, err := syncproto.ParseSegment(e.Data)
		if err != nil {
			t.Fatal(err)
		}
		n += s.Count()
	}
	if n != 8 {
		t.Errorf("%d sound changes are exported, want 8", n)
	}
	r, err := d.Sync(ctx)
	if err != nil || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "change 4") || r.Finished {
		t.Fatalf("%+v, %v", r, err)
	}
	if held := w.Centre.Head(d.Origin()).Seq; held != 3 {
		t.Fatalf("this small centre keeps what comes before a gap: %d, want 3", held)
	}
	// A later one lands nevertheless.
	w.Card(d, 10)
	if r, err := d.Sync(ctx); err != nil || len(r.Problems) == 0 {
		t.Fatalf("%+v, %v", r, err)
	}
}

// A caller that loses patience at any moment leaves a sound store behind.
func TestCancelledCalls(t *testing.T) {
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	rng := rand.New(rand.NewPCG(1, 2))
	acked := 0
	for n := range 150 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rng.IntN(1500))*time.Microsecond)
		if _, err := d.Record(ctx, clientlib.RecordInput{Kind: "CC", Fields: clienttest.CardFields(n)}); err == nil {
			acked++
		}
		if n%10 == 0 {
			d.Sync(ctx)
		}
		cancel()
	}
	w.Card(d, 999)
	ctx := context.Background()
	if err := d.VerifyChain(ctx); err != nil {
		t.Fatal(err)
	}
	s, err := d.Status(ctx)
	if err != nil || s.Changes < acked+1 {
		t.Fatalf("%d changes, %d acknowledged, %v", s.Changes, acked+1, err)
	}
	w.Sync(d)
	checkHeld(t, w, d, s.Changes)
	t.Logf("%d of 150 in time", acked)
}

// The core builds for every platform, and for the browser without net/http and
// without a database driver.
func TestPlatforms(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the compiler")
	}
	tool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("no go tool here")
	}
	run := func(platform string, args ...string) string {
		t.Helper()
		system, arch, _ := strings.Cut(platform, "/")
		c := exec.Command(tool, args...)
		c.Env = append(os.Environ(), "GOOS="+system, "GOARCH="+arch, "CGO_ENABLED=0")
		out, err := c.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v: %s", platform, err, out)
		}
		return string(out)
	}
	for _, p := range []string{"linux/amd64", "windows/amd64", "android/arm64", "js/wasm"} {
		run(p, "build", ".")
	}
	deps := run("js/wasm", "list", "-deps", ".")
	for _, forbidden := range []string{"net/http", "modernc.org"} {
		if strings.Contains(deps, forbidden) {
			t.Errorf("the browser build contains %s, which makes the app too large", forbidden)
		}
	}
	if strings.Contains(run("linux/amd64", "list", "-deps", "."), "net/http") {
		t.Error("the core imports net/http; transports live beside it")
	}
}
