package server_test

import (
	"bytes"
	"testing"

	"thonsync/clientlib"
	"thonsync/server"
	"thonsync/syncproto"
)

// A commune without any line: up by stick, answer by stick, phone told.
func TestBundlesBothWays(t *testing.T) {
	w := newWorld(t)
	p := w.point(communeA)
	d := w.phone(p, w.teamA1)
	w.sync(p)
	p.line.cut.Store(true)
	id := w.record(d)
	w.exchange(d)

	up := run(w, p, server.BundleUp, server.None{})
	if len(up.Bundles) != 1 {
		t.Fatalf("%d bundles", len(up.Bundles))
	}
	got := run(w, w.centre, server.BundleImport, server.Bundle{Data: up.Bundles[0]})
	if got.New == 0 || len(got.Skipped) > 0 || got.Cut || got.Damaged > 0 || len(got.Asks) != 1 {
		t.Fatalf("import at the centre: %+v", got)
	}
	// Twice does no harm.
	if again := run(w, w.centre, server.BundleImport, server.Bundle{Data: up.Bundles[0]}); again.New != 0 || again.Repeats != got.New+got.Repeats {
		t.Errorf("the second import: %+v, the first %+v", again, got)
	}
	team := w.write(create(syncproto.CollectionTeam, syncproto.Row{text(syncproto.FieldUnit, villageA2), text(syncproto.TeamName, "Tổ mới")}))[0]
	down := run(w, w.centre, server.BundleFor, server.Asked{Ask: got.Asks[0]})
	back := run(w, p, server.BundleImport, server.Bundle{Data: down.Bundles[0]})
	if back.Receipts == 0 || back.Pages == 0 || len(back.Skipped) > 0 {
		t.Fatalf("import at the point: %+v", back)
	}
	if !w.holds(p, team) {
		t.Error("the new team did not come down by file")
	}
	st, err := p.Status(t.Context())
	if err != nil || st.Upstream.Backlog != 0 {
		t.Errorf("backlog %d %v", st.Upstream.Backlog, err)
	}
	w.exchange(d)
	w.wantStage(d, id, clientlib.StageAtCentre)
	if left := run(w, p, server.BundleUp, server.None{}); segments(t, left.Bundles[0]) != 0 {
		t.Error("what the centre has receipted is exported again")
	}
}

func run[In, Out any](w *world, at *running, c server.Command[In, Out], in In) Out {
	w.t.Helper()
	out, err := c.Run(w.t.Context(), at.cfg, w.options(), in)
	if err != nil {
		w.t.Fatalf("%s: %v", c.Name, err)
	}
	return out
}

func segments(t *testing.T, bundle []byte) (n int) {
	t.Helper()
	entries, _, err := syncproto.DecodeBundle(bundle)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Kind == syncproto.EntrySegment {
			n++
		}
	}
	return n
}

// One damaged entry costs itself; what is good lands, and the report says so.
func TestDamagedBundleLandsInPart(t *testing.T) {
	w := newWorld(t)
	p := w.point(communeA)
	one, two := w.phone(p, w.teamA1), w.phone(p, w.teamA2)
	w.sync(p)
	p.line.cut.Store(true)
	ids := map[*clientlib.Device][16]byte{one: w.record(one), two: w.record(two)}
	w.exchange(one)
	w.exchange(two)
	up := run(w, p, server.BundleUp, server.None{}).Bundles[0]
	entries, _, err := syncproto.DecodeBundle(up)
	if err != nil {
		t.Fatal(err)
	}
	// A byte of the last segment, changed in the file and changed under a good
	// checksum.
	var last int
	for i, e := range entries {
		if e.Kind == syncproto.EntrySegment {
			last = i
		}
	}
	seg, err := syncproto.ParseSegment(entries[last].Data)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(up, entries[last].Data)
	broken := bytes.Clone(up)
	broken[at+len(entries[last].Data)/2] ^= 1
	got := run(w, w.centre, server.BundleImport, server.Bundle{Data: broken})
	if got.Damaged != 1 || got.Segments != segments(t, up)-1 {
		t.Errorf("damaged file: %+v", got)
	}
	forged := bytes.Clone(entries[last].Data)
	forged[len(forged)/2] ^= 1
	entries[last].Data = forged
	again, err := syncproto.EncodeBundle(entries)
	if err != nil {
		t.Fatal(err)
	}
	got = run(w, w.centre, server.BundleImport, server.Bundle{Data: again})
	if got.Damaged != 0 || len(got.Skipped) != 1 || got.Skipped[0].Entry != last+1 || got.Skipped[0].Code == "" {
		t.Errorf("forged entry: %+v", got)
	}
	for d, id := range ids {
		st, err := d.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if landed := w.holds(w.centre, id); landed == (st.Origin == seg.Origin) {
			t.Errorf("record of %s landed: %v; damaged was %s", st.Origin, landed, seg.Origin)
		}
	}
}

// A bundle for an origin tells nothing of others.
func TestBundleForAPhone(t *testing.T) {
	w := newWorld(t)
	p := w.point(communeA)
	mine, other := w.phone(p, w.teamA1), w.phone(p, w.teamA2)
	id := w.record(mine)
	w.record(other)
	w.exchange(mine)
	w.exchange(other)
	w.sync(p)
	st, err := mine.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	file := run(w, p, server.BundleFor, server.Asked{Origin: st.Origin}).Bundles[0]
	entries, _, err := syncproto.DecodeBundle(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Kind != syncproto.EntryReceipt {
			continue
		}
		r, err := syncproto.DecodeReceipt(e.Data)
		if err != nil || r.Origin != st.Origin {
			t.Errorf("a receipt of %v: %v", r, err)
		}
	}
	if _, err := mine.ImportBundle(t.Context(), bytes.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	w.wantStage(mine, id, clientlib.StageAtCentre)
	if _, err := server.BundleFor.Run(t.Context(), p.cfg, w.options(), server.Asked{Origin: w.teamA1}); syncproto.CodeOf(err) != syncproto.CodeUnknownPeer {
		t.Errorf("for an unknown origin: %v", err)
	}
}
