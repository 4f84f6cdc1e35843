package server_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/server"
	"thonsync/server/httpapi"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// pointFor makes a point of commune A that may take in some phones for a time.
func (w *world) pointFor(phones int, valid time.Duration) *running {
	w.t.Helper()
	return w.pointWith(server.CodeRequest{Role: credential.RolePoint, Units: []string{communeA}, Phones: phones, Valid: valid})
}

func issuing(t *testing.T, p *running) (httpapi.IssuingStatus, server.Check) {
	t.Helper()
	st, err := p.Status(t.Context())
	if err != nil || st.Issuing == nil {
		t.Fatalf("status: %+v, %v", st, err)
	}
	checks, err := p.Doctor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range checks {
		if c.Name == "issuing" {
			return *st.Issuing, c
		}
	}
	t.Fatal("doctor says nothing of issuing")
	return httpapi.IssuingStatus{}, server.Check{}
}

func (w *world) renew(p *running, phones int, valid time.Duration) server.PointState {
	w.t.Helper()
	st, err := w.centre.RenewPoint(w.t.Context(), server.PointRenewal{Point: p.Origin(), Phones: phones, Valid: valid})
	if err != nil {
		w.t.Fatalf("renewing: %v", err)
	}
	return st
}

// A point takes in no more phones than it may, goes on carrying, and takes in
// more once the centre's renewal has reached it, by line or by file.
func TestPointTakesInNoMoreThanItMay(t *testing.T) {
	w := newWorld(t)
	p := w.pointFor(2, 365*24*time.Hour)
	ask := server.CodeRequest{Role: credential.RolePhone, Team: w.teamA1}
	open, err := p.NewCode(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	first, second := w.phone(p, w.teamA1), w.phone(p, w.teamA2)
	if _, err := w.device().Join(t.Context(), open.URI, "one too many"); syncproto.CodeOf(err) != syncproto.CodeCredential {
		t.Errorf("with a code from before the last place was taken: %v", err)
	}
	if _, err := p.NewCode(t.Context(), ask); syncproto.CodeOf(err) != syncproto.CodeCredential || !strings.Contains(err.Error(), "point renew") {
		t.Fatalf("a third phone: %v", err)
	}
	st, check := issuing(t, p)
	if st.Issued != 2 || st.Allowed != 2 || st.Left != 0 || check.OK || check.Fix == "" {
		t.Errorf("%+v, %+v", st, check)
	}
	for _, d := range []*clientlib.Device{first, second} {
		id := w.record(d)
		w.exchange(d)
		w.sync(p)
		w.exchange(d)
		w.wantStage(d, id, clientlib.StageAtCentre)
	}

	centre := func() (c server.Check) {
		checks, err := w.centre.Doctor(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range checks {
			if one.Name == "points" {
				c = one
			}
		}
		return c
	}
	if c := centre(); c.OK || !strings.Contains(c.Detail, p.Origin().String()) || !strings.Contains(c.Fix, "point renew") {
		t.Errorf("the centre's doctor says %+v", c)
	}

	// By line.
	if got := w.renew(p, 1, 365*24*time.Hour); got.Phones != 3 || got.Counted != 2 || got.Surplus != 0 || got.ExpiresMS == 0 {
		t.Errorf("renewed: %+v", got)
	}
	w.sync(p)
	if st, _ := issuing(t, p); st.Allowed != 3 || st.Left != 1 {
		t.Errorf("after the exchange: %+v", st)
	}
	third := w.phone(p, w.teamA1)
	if _, err := p.NewCode(t.Context(), ask); err == nil {
		t.Error("a fourth phone")
	}

	// By file, and it outlasts a restart.
	w.sync(p)
	w.renew(p, 10, 365*24*time.Hour)
	entries, err := server.BundleFor.Do(t.Context(), w.centre.Node, server.Asked{Origin: p.Origin()})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range entries.Bundles {
		if _, err := server.BundleImport.Do(t.Context(), p.Node, server.Bundle{Data: b}); err != nil {
			t.Fatal(err)
		}
	}
	p.stop()
	p = w.restart(p)
	if st, check := issuing(t, p); st.Allowed != 13 || st.Left != 10 || !check.OK {
		t.Errorf("after the file: %+v, %+v", st, check)
	}
	if c := centre(); !c.OK {
		t.Errorf("the centre's doctor after the renewal: %+v", c)
	}
	fourth := w.phone(p, w.teamA2)
	for _, d := range []*clientlib.Device{third, fourth} {
		id := w.record(d)
		w.exchange(d)
		w.sync(p)
		w.exchange(d)
		w.wantStage(d, id, clientlib.StageAtCentre)
	}
}

// The end of the right ends issuing, also of codes that are open, and a clock
// that is set back gains nothing. Carrying goes on.
func TestPointIssuesNotBeyondItsTime(t *testing.T) {
	w := newWorld(t)
	p := w.pointFor(0, 24*time.Hour)
	d := w.phone(p, w.teamA1)
	ask := server.CodeRequest{Role: credential.RolePhone, Team: w.teamA1}
	if _, check := issuing(t, p); check.OK || !strings.Contains(check.Fix, "point renew") {
		t.Errorf("doctor does not warn before the end: %+v", check)
	}
	w.clock.advance(23*time.Hour + 55*time.Minute)
	code, err := p.NewCode(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	w.clock.advance(6 * time.Minute)
	if _, err := w.device().Join(t.Context(), code.URI, "late"); syncproto.CodeOf(err) != syncproto.CodeCredential {
		t.Errorf("with a code from before the end: %v", err)
	}
	if _, err := p.NewCode(t.Context(), ask); syncproto.CodeOf(err) != syncproto.CodeCredential {
		t.Errorf("after the end: %v", err)
	}
	id := w.record(d)
	w.exchange(d)
	w.sync(p) // the point hears the centre's time
	w.exchange(d)
	w.wantStage(d, id, clientlib.StageAtCentre)
	w.clock.advance(-12 * time.Hour)
	if _, err := p.NewCode(t.Context(), ask); syncproto.CodeOf(err) != syncproto.CodeCredential {
		t.Errorf("with the clock set back: %v", err)
	}
	w.renew(p, 0, 365*24*time.Hour)
	w.sync(p)
	if _, err := p.NewCode(t.Context(), ask); err != nil {
		t.Errorf("after the renewal: %v", err)
	}
}

// Only the centre renews, only points, and only with units that it knows.
func TestRenewingIsChecked(t *testing.T) {
	w := newWorld(t)
	p := w.point(communeA)
	for name, c := range map[string]struct {
		at *running
		q  server.PointRenewal
	}{
		"at a point":      {p, server.PointRenewal{Point: p.Origin(), Phones: 5}},
		"of nobody":       {w.centre, server.PointRenewal{Point: uuid.UUID{9}, Phones: 5}},
		"of the centre":   {w.centre, server.PointRenewal{Point: w.centre.Origin(), Phones: 5}},
		"an unknown unit": {w.centre, server.PointRenewal{Point: p.Origin(), Units: []string{list + ":77"}}},
		"below zero":      {w.centre, server.PointRenewal{Point: p.Origin(), Phones: -1}},
	} {
		if _, err := c.at.RenewPoint(t.Context(), c.q); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
			t.Errorf("%s: %v", name, err)
		}
	}
	points, err := w.centre.Points(t.Context())
	if err != nil || len(points) != 1 || points[0].Origin != p.Origin() || points[0].Label != "mini-PC" {
		t.Errorf("points: %+v, %v", points, err)
	}
}

// A replacement phone gets the team of the phone that it stands in for, and its
// record says so.
func TestReplacementPhone(t *testing.T) {
	w := newWorld(t)
	p := w.point(communeA)
	old := w.phone(p, w.teamA2)
	w.sync(p)
	code, err := p.NewCode(t.Context(), server.CodeRequest{Role: credential.RolePhone, Replaces: old.Origin()})
	if err != nil {
		t.Fatal(err)
	}
	d, err := clientlib.Open(t.Context(), clientlib.Options{Path: filepath.Join(t.TempDir(), "new.db"), Transport: transport(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	joined, err := d.Join(t.Context(), code.URI, "new phone")
	if err != nil || joined.Welcome.Team != w.teamA2 || joined.Welcome.Unit != villageA2 {
		t.Fatalf("%+v, %v", joined, err)
	}
	w.sync(p)
	var says uuid.UUID
	err = w.centre.Store().View(t.Context(), func(r store.Reader) error {
		return server.EachDevice(r, func(_ *store.Record, row syncproto.Row) error {
			if row.Value(syncproto.DeviceOrigin).UUID() == d.Origin() {
				says = row.Value(syncproto.DeviceReplaces).UUID()
			}
			return nil
		})
	})
	if err != nil || says != old.Origin() {
		t.Errorf("the record says that it replaces %v (%v), want %v", says, err, old.Origin())
	}
	for name, q := range map[string]server.CodeRequest{
		"of nobody":  {Role: credential.RolePhone, Replaces: uuid.UUID{7}},
		"of a point": {Role: credential.RolePhone, Replaces: p.Origin()},
		"as a point": {Role: credential.RolePoint, Units: []string{communeA}, Replaces: old.Origin()},
	} {
		if _, err := w.centre.NewCode(t.Context(), q); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
			t.Errorf("%s: %v", name, err)
		}
	}
}
