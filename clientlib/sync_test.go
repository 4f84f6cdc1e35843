package clientlib_test

import (
	"context"
	"testing"

	"thonsync/clientlib"
	"thonsync/clientlib/clienttest"
	"thonsync/syncproto"
)

func TestRecordReachesTheCentre(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	id := w.Card(d, 1)

	r, err := d.Get(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if r.Custody.Stage != clientlib.StageOnPhone || !r.Own || !r.Provisional {
		t.Fatalf("before sync: %+v", r)
	}
	report := w.Sync(d)
	if report.Sent != 1 || report.Receipts != 1 || report.Waiting != 0 {
		t.Fatalf("report %+v", report)
	}
	if r, err = d.Get(ctx, id); err != nil || r.Custody.Stage != clientlib.StageAtCentre || r.Provisional {
		t.Fatalf("after sync: %+v, %v", r, err)
	}
	people := w.Centre.People(d.Origin())
	if len(people) != 1 || people[0].Value(syncproto.PersonIDNumber).Text() != "002090000001" {
		t.Fatalf("the centre reads %v", people)
	}
	if r.Author != clienttest.Member("a") || r.Unit != clienttest.Unit {
		t.Fatalf("record %+v", r)
	}
	w.Centre.MarkSafe()
	w.Sync(d)
	if c, err := d.Custody(ctx, id); err != nil || c.Stage != clientlib.StageSafe {
		t.Fatalf("after safe: %+v, %v", c, err)
	}
	if err := d.VerifyChain(ctx); err != nil {
		t.Fatal(err)
	}
}
