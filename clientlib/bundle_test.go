package clientlib_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/clientlib/clienttest"
	"thonsync/syncproto"
)

func importBytes(t *testing.T, d *clientlib.Device, b []byte) clientlib.BundleReport {
	t.Helper()
	r, err := d.ImportBundle(context.Background(), bytes.NewReader(b))
	if err != nil {
		t.Fatalf("import: %v", err)
	}
	return r
}

func exportBytes(t *testing.T, d *clientlib.Device, opts clientlib.BundleOptions) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := d.ExportBundle(context.Background(), &b, opts); err != nil {
		t.Fatalf("export: %v", err)
	}
	return b.Bytes()
}

func answerBundle(t *testing.T, s *clienttest.Server, b []byte) []byte {
	t.Helper()
	out, err := s.AnswerBundle(b)
	if err != nil {
		t.Fatalf("answer: %v", err)
	}
	return out
}

// A file up and a file down do what an exchange does.
func TestSyncByFile(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	w.Net.Down(w.Centre, true)
	id := w.Card(d, 1)
	w.Centre.DefineKind("NEW", `{"code":"NEW","name_vi":"Mới","name_en":"New","person":false,"fields":[]}`)
	up := exportBytes(t, d, clientlib.BundleOptions{})
	down := answerBundle(t, w.Centre, up)
	r := importBytes(t, d, down)
	if r.Receipts != 1 || r.Pages == 0 || r.Skipped != 0 || r.Cut || r.Damaged != 0 {
		t.Fatalf("%+v", r)
	}
	if c, err := d.Custody(ctx, id); err != nil || c.Stage != clientlib.StageAtCentre {
		t.Fatalf("%+v, %v", c, err)
	}
	if _, err := d.Kind(ctx, "NEW"); err != nil {
		t.Fatal(err)
	}
	if r = importBytes(t, d, down); r.Receipts+r.Pages != 0 {
		t.Fatalf("a repeat did something: %+v", r)
	}
	entries, _, _ := syncproto.DecodeBundle(exportBytes(t, d, clientlib.BundleOptions{}))
	for _, e := range entries {
		if e.Kind == syncproto.EntrySegment {
			t.Error("what was received is exported again")
		}
	}
	entries, _, _ = syncproto.DecodeBundle(exportBytes(t, d, clientlib.BundleOptions{All: true}))
	if n := countKind(entries, syncproto.EntrySegment); n != 1 {
		t.Errorf("everything: %d segments", n)
	}
	checkHeld(t, w, d, 1)
}

func countKind(entries []syncproto.Entry, kind syncproto.EntryKind) (n int) {
	for _, e := range entries {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// A colleague's phone carries a file to the centre and the receipt home.
func TestCarriedByAColleague(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	a, b := w.Device("a", w.Centre), w.Device("b", w.Centre)
	id := w.Card(a, 1)
	w.Card(b, 2)
	r := importBytes(t, b, exportBytes(t, a, clientlib.BundleOptions{}))
	if r.Cargo != 1 || r.Segments != 1 || r.Skipped != 0 {
		t.Fatalf("%+v", r)
	}
	if rec, err := b.Get(ctx, id); err != nil || !rec.Provisional || !rec.Partial || rec.Own {
		t.Fatalf("the colleague sees %+v, %v", rec, err)
	}
	if text := fieldText(t, b, id, "full_name"); text != "" {
		t.Fatal("the colleague reads who the citizen is")
	}
	if r = importBytes(t, b, exportBytes(t, a, clientlib.BundleOptions{})); r.Cargo != 0 {
		// The same changes sealed anew are another file; carrying both is harmless.
		t.Logf("carried twice: %+v", r)
	}
	report := w.Sync(b)
	if report.CargoSent < 1 {
		t.Fatalf("%+v", report)
	}
	checkHeld(t, w, a, 1)
	if s, _ := b.Status(ctx); s.Cargo != 0 {
		t.Fatalf("%d segments are still carried", s.Cargo)
	}
	home := exportBytes(t, b, clientlib.BundleOptions{Carry: true})
	if r = importBytes(t, a, home); r.Receipts != 1 {
		t.Fatalf("%+v", r)
	}
	if c, err := a.Custody(ctx, id); err != nil || c.Stage != clientlib.StageAtCentre {
		t.Fatalf("%+v, %v", c, err)
	}
	if r := w.Sync(a); r.NewOrigin {
		t.Fatal("being carried looks like being cloned")
	}
}

// A phone of another team carries a file and learns nothing of what it says.
func TestAFileOfAnotherTeamIsCarriedNotShown(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	a := w.Device("a", w.Centre)
	w.Team = uuid.UUID{8, 8}
	b := w.Device("b", w.Centre)
	id := w.Card(a, 1)
	if r := importBytes(t, b, exportBytes(t, a, clientlib.BundleOptions{})); r.Cargo != 1 || r.Segments != 0 || r.Skipped != 0 {
		t.Fatalf("%+v", r)
	}
	if rec, err := b.Get(ctx, id); syncproto.CodeOf(err) != syncproto.CodeNotFound {
		t.Errorf("another team sees %+v, %v", rec, err)
	}
	if report := w.Sync(b); report.CargoSent < 1 {
		t.Fatalf("%+v", report)
	}
	checkHeld(t, w, a, 1)
}

// Cargo goes from hand to hand by file only, and is let go of by file.
func TestCargoByFileOnly(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	a, b, c := w.Device("a", w.Centre), w.Device("b", w.Centre), w.Device("c", w.Centre)
	for i := range 40 {
		w.Card(a, i)
	}
	importBytes(t, b, exportBytes(t, a, clientlib.BundleOptions{}))
	importBytes(t, c, exportBytes(t, b, clientlib.BundleOptions{Carry: true}))
	if s, _ := c.Status(ctx); s.Cargo == 0 {
		t.Fatal("cargo was not passed on")
	}
	if entries, _, _ := syncproto.DecodeBundle(exportBytes(t, c, clientlib.BundleOptions{})); countKind(entries, syncproto.EntrySegment) != 0 {
		t.Fatal("cargo goes along unasked")
	}
	down := answerBundle(t, w.Centre, exportBytes(t, c, clientlib.BundleOptions{Carry: true}))
	checkHeld(t, w, a, 40)
	importBytes(t, c, down)
	if s, _ := c.Status(ctx); s.Cargo != 0 {
		t.Fatalf("%d segments are still carried after the receipt", s.Cargo)
	}
	importBytes(t, b, down)
	if s, _ := b.Status(ctx); s.Cargo != 0 {
		t.Fatalf("%d segments are still carried by the first hand", s.Cargo)
	}
	importBytes(t, c, exportBytes(t, b, clientlib.BundleOptions{Carry: true}))
	if s, _ := c.Status(ctx); s.Cargo != 0 {
		t.Fatal("what the centre has is taken aboard again")
	}
}

// Cargo stays aboard where only a point has it.
func TestCargoStaysUntilTheCentre(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	point := w.Point("point")
	a, b := w.Device("a", point), w.Device("b", point)
	w.Card(a, 1)
	importBytes(t, b, exportBytes(t, a, clientlib.BundleOptions{}))
	w.Sync(b)
	if n := point.Head(a.Origin()).Seq; n != 1 {
		t.Fatalf("the point holds %d", n)
	}
	if s, _ := b.Status(ctx); s.Cargo != 1 {
		t.Fatalf("%d segments carried, want 1", s.Cargo)
	}
}

// One damaged place costs one entry; the rest lands.
func TestDamagedBundle(t *testing.T) {
	w := clienttest.NewWorld(t, 1)
	a, b := w.Device("a", w.Centre), w.Device("b", w.Centre)
	for i := range 30 {
		w.Card(a, i)
	}
	whole := exportBytes(t, a, clientlib.BundleOptions{})
	for at := 4; at < len(whole); at += 37 {
		bad := bytes.Clone(whole)
		bad[at] ^= 0x20
		r := importBytes(t, b, bad)
		if r.Damaged+r.Skipped == 0 && !r.Cut {
			t.Fatalf("byte %d was changed unnoticed: %+v", at, r)
		}
	}
	for _, n := range []int{5, len(whole) / 2, len(whole) - 1} {
		if r := importBytes(t, b, whole[:n]); !r.Cut {
			t.Errorf("cut at %d unnoticed: %+v", n, r)
		}
	}
	if _, err := b.ImportBundle(context.Background(), bytes.NewReader([]byte("a photograph"))); syncproto.CodeOf(err) != syncproto.CodeMalformed {
		t.Errorf("no bundle: %v", err)
	}
	if r := importBytes(t, b, whole); r.Damaged+r.Skipped != 0 || r.Cut {
		t.Errorf("%+v", r)
	}
}

func TestBundleBeforeJoining(t *testing.T) {
	w := clienttest.NewWorld(t, 1)
	d := w.Open("a")
	if err := d.ExportBundle(context.Background(), &bytes.Buffer{}, clientlib.BundleOptions{}); syncproto.CodeOf(err) != syncproto.CodeCredential {
		t.Errorf("export: %v", err)
	}
	b, _ := syncproto.EncodeBundle(nil)
	if _, err := d.ImportBundle(context.Background(), bytes.NewReader(b)); syncproto.CodeOf(err) != syncproto.CodeCredential {
		t.Errorf("import: %v", err)
	}
	if _, err := d.Sync(context.Background()); syncproto.CodeOf(err) != syncproto.CodeCredential {
		t.Errorf("sync: %v", err)
	}
}
