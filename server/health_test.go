package server_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/server"
	"thonsync/server/httpapi"
)

// A phone that falls silent is found with its team and what to do, put aside with
// a reason, and forgotten once it comes back.
func TestQuietPhoneIsFound(t *testing.T) {
	w := newWorld(t)
	d := w.phone(w.centre, w.teamA1)
	w.record(d)
	w.exchange(d)
	cfg, opts := w.centre.cfg, w.options()
	find := func(q httpapi.HealthQuery) httpapi.HealthList {
		t.Helper()
		q.Kind = "quiet"
		l, err := server.HealthCommand.Run(t.Context(), cfg, opts, q)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	if l := find(httpapi.HealthQuery{}); len(l.Items) != 0 || l.Devices != 1 {
		t.Fatalf("at first: %+v", l)
	}
	w.clock.advance(9 * 24 * time.Hour)
	l := find(httpapi.HealthQuery{Units: []string{communeA}})
	if len(l.Items) != 1 || l.Items[0].TeamName != "Tổ "+villageA1 || l.Items[0].UnitName != "Xã Thôn Một" || l.Items[0].Next.VI == "" {
		t.Fatalf("found %+v", l.Items)
	}
	if l := find(httpapi.HealthQuery{Units: []string{communeB}}); len(l.Items) != 0 || l.Counts["quiet"] != 0 {
		t.Errorf("in another commune: %+v", l)
	}
	f := l.Items[0]
	if _, err := server.HealthDismiss.Run(t.Context(), cfg, opts, server.FindingMark{Key: f.Key, Reason: "máy hỏng"}); err != nil {
		t.Fatal(err)
	}
	if l := find(httpapi.HealthQuery{}); len(l.Items) != 0 {
		t.Errorf("dismissed: %+v", l.Items)
	}
	if _, err := server.HealthUndo.Run(t.Context(), cfg, opts, server.FindingMark{Key: f.Key}); err != nil {
		t.Fatal(err)
	}
	if l := find(httpapi.HealthQuery{}); len(l.Items) != 1 {
		t.Errorf("undone: %+v", l.Items)
	}
	st, err := server.HealthDeviceCommand.Run(t.Context(), cfg, opts, server.HealthDeviceQuery{Origin: uuid.MustParse(f.Origin)})
	if err != nil || len(st.Custody) != 1 || st.Custody[0].Where != "centre" || st.Custody[0].Changes == 0 || len(st.Findings) == 0 {
		t.Errorf("the phone: %+v %v", st, err)
	}
	w.exchange(d)
	w.clock.advance(time.Minute)
	if err := w.centre.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.centre.Watch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if l := find(httpapi.HealthQuery{Dismissed: true}); len(l.Items) != 0 {
		t.Errorf("it came back: %+v", l.Items)
	}
}
