package e2e

import (
	"bytes"
	"testing"

	"thonsync/clientlib"
	"thonsync/server"
	"thonsync/server/relay"
	"thonsync/syncproto"
)

const perPhone = 200

// TestThreePathsSixHundredRecords sends three phones' work by three paths, each
// again by a second one: a point, a file on a colleague's phone, the centre
// itself.
func TestThreePathsSixHundredRecords(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	point := w.point()
	viaPoint, byFile, straight := w.phone(point, 1), w.phone(point, 2), w.phone(w.centre, 3)
	for _, d := range []*device{viaPoint, byFile, straight} {
		d.work(perPhone)
	}

	// First paths.
	viaPoint.sync()
	if s := viaPoint.stages(); s[clientlib.StageAtCommune] != perPhone {
		t.Errorf("after the point alone: %v, want %d at the commune", s, perPhone)
	}
	var file bytes.Buffer
	w.must(byFile.ExportBundle(ctx, &file, clientlib.BundleOptions{}))
	carried, err := straight.ImportBundle(ctx, bytes.NewReader(file.Bytes()))
	w.must(err)
	if carried.Cargo == 0 {
		t.Fatalf("the colleague took nothing aboard: %+v", carried)
	}
	straight.sync()
	w.must(point.node.Relay().Sync(ctx))

	// Second paths.
	var again bytes.Buffer
	w.must(viaPoint.ExportBundle(ctx, &again, clientlib.BundleOptions{All: true}))
	got := importAt(t, w, w.centre, again.Bytes())
	if got.New != 0 || got.Repeats == 0 {
		t.Errorf("the point's phone again by file: %+v", got)
	}
	got = importAt(t, w, point, file.Bytes())
	if len(got.Skipped) > 0 {
		t.Errorf("the file phone again at the point: %+v", got.Skipped)
	}
	w.must(straight.ExportBundle(ctx, &again, clientlib.BundleOptions{All: true}))
	w.must(point.node.Relay().Sync(ctx))
	again.Reset()
	w.must(straight.ExportBundle(ctx, &again, clientlib.BundleOptions{All: true}))
	if got = importAt(t, w, w.centre, again.Bytes()); got.New != 0 {
		t.Errorf("the straight phone again: %+v", got)
	}

	if n := len(w.activities()); n != 3*perPhone {
		t.Errorf("%d records at the centre, want %d", n, 3*perPhone)
	}
	w.checkLedger(w.centre.node.Store())

	// Receipts, the file phone's by file.
	viaPoint.sync()
	answer := importAt(t, w, w.centre, file.Bytes())
	entries, err := w.centre.node.Answer().Bundle(ctx, answer.Asks[0])
	w.must(err)
	back, err := syncproto.EncodeBundle(entries)
	w.must(err)
	_, err = byFile.ImportBundle(ctx, bytes.NewReader(back))
	w.must(err)
	for name, d := range map[string]*device{"by point": viaPoint, "by file": byFile, "straight": straight} {
		if s := d.stages(); s[clientlib.StageAtCentre] != perPhone {
			t.Errorf("%s: %v, want %d received", name, s, perPhone)
		}
	}

	// The second kind of receipt: safe, once a backup was proved.
	_, err = server.BackupCommand.Do(ctx, w.centre.node, server.None{})
	w.must(err)
	w.must(point.node.Relay().Sync(ctx))
	viaPoint.sync()
	straight.sync()
	entries, err = w.centre.node.Answer().Bundle(ctx, answer.Asks[0])
	w.must(err)
	back, err = syncproto.EncodeBundle(entries)
	w.must(err)
	_, err = byFile.ImportBundle(ctx, bytes.NewReader(back))
	w.must(err)
	for name, d := range map[string]*device{"by point": viaPoint, "by file": byFile, "straight": straight} {
		if s := d.stages(); s[clientlib.StageSafe] != perPhone {
			t.Errorf("%s: %v, want %d safe", name, s, perPhone)
		}
	}
}

func importAt(t *testing.T, w *world, at *site, file []byte) relay.Imported {
	t.Helper()
	got, err := relay.Import(t.Context(), at.node.Ingest(), at.node.Origin(), file, nil, nil)
	w.must(err)
	return got
}
