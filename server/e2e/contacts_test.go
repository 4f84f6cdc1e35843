package e2e

import (
	"testing"

	"thonsync/server"
	"thonsync/server/report"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// heardAt gives when the centre last heard of an origin, 0 for never.
func (w *world) heardAt(id syncproto.OriginID) (ms int64) {
	w.t.Helper()
	w.must(w.centre.node.Answer().Flush(w.t.Context()))
	w.must(w.centre.node.Store().View(w.t.Context(), func(r store.Reader) error {
		o, _, err := r.Origin(id)
		ms = o.LastContactMS
		return err
	}))
	return ms
}

// A phone that is seen at a point and has nothing to send is not a quiet phone,
// whether the point has a line or sends a file.
func TestPhoneAtAPointIsHeardOf(t *testing.T) {
	w := newWorld(t)
	point, offline := w.point(), w.point()
	idle, worker, byFile := w.phone(point, 1), w.phone(point, 2), w.phone(offline, 3)
	worker.work(5)
	worker.sync()
	idle.sync()
	byFile.sync()
	for name, d := range map[string]*device{"at the point": idle, "of the file": byFile} {
		if w.heardAt(d.Origin()) != 0 {
			t.Fatalf("the centre has heard of the phone %s before anybody told it", name)
		}
	}
	w.must(point.node.Answer().Flush(t.Context()))
	w.must(point.node.Relay().Sync(t.Context()))
	if w.heardAt(idle.Origin()) == 0 || w.heardAt(worker.Origin()) == 0 {
		t.Error("after the point's exchange the centre takes a phone for quiet")
	}
	files, err := server.BundleUp.Do(t.Context(), offline.node, server.None{})
	w.must(err)
	for _, b := range files.Bundles {
		got, err := server.BundleImport.Do(t.Context(), w.centre.node, server.Bundle{Data: b})
		w.must(err)
		if len(got.Skipped) > 0 {
			t.Errorf("skipped %+v", got.Skipped)
		}
	}
	if w.heardAt(byFile.Origin()) == 0 {
		t.Error("after the point's file the centre takes a phone for quiet")
	}
	f, err := w.centre.node.ReportService().Figures(t.Context(), report.Query{})
	w.must(err)
	if f.Teams[0].PhonesHeard != 3 || f.Teams[0].Phones != 3 || f.Teams[0].Verdict == report.NotKnown {
		t.Errorf("report: heard of %d of %d phones, verdict %s", f.Teams[0].PhonesHeard, f.Teams[0].Phones, f.Teams[0].Verdict)
	}
	before := w.heardAt(idle.Origin())
	w.must(point.node.Relay().Sync(t.Context()))
	if got := w.heardAt(idle.Origin()); got != before {
		t.Errorf("a second exchange without news moved the contact from %d to %d", before, got)
	}
}
