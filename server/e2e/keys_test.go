package e2e

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"thonsync/clientlib"
	"thonsync/clientlib/httptransport"
	"thonsync/server"
	"thonsync/server/config"
	"thonsync/server/keys"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// calendar is a clock that a test turns on.
type calendar struct{ ahead atomic.Int64 }

func (c *calendar) now() time.Time        { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *calendar) later(d time.Duration) { c.ahead.Add(int64(d)) }

const year = 365 * 24 * time.Hour

func (w *world) rotate(q server.Rotation) server.Rotated {
	w.t.Helper()
	out, err := w.centre.node.Rotate(w.t.Context(), q)
	w.must(err)
	return out
}

// received checks that all of a phone's work is at the centre, as the phone sees
// it.
func (d *device) received(what string) {
	d.w.t.Helper()
	for _, id := range d.made {
		if !d.w.activities()[id] {
			d.w.t.Errorf("%s: record %s is not at the centre", what, id)
		}
	}
	if s := d.stages(); s[clientlib.StageOnPhone]+s[clientlib.StageAtCommune] > 0 {
		d.w.t.Errorf("%s: the phone sees %+v", what, s)
	}
}

// The centre's signing key is replaced three times. Phones and points that were
// there all the time, or away for years, go on by themselves, by line, through a
// point, with work that was written and receipted under older keys; who joins
// last reads what older keys have signed.
func TestPhonesAndPointsFollowTheCentresKeys(t *testing.T) {
	var clock calendar
	w := newWorldAt(t, clock.now)
	point := w.point()
	near, away, atPoint := w.phone(w.centre, 1), w.phone(w.centre, 2), w.phone(point, 3)
	for _, d := range []*device{near, away, atPoint} {
		d.work(4)
		d.sync()
		d.work(3) // stays on the phone
	}
	first := w.centre.node.Centre()
	for range 3 {
		clock.later(year)
		w.rotate(server.Rotation{Signing: true, Sealing: true})
		near.sync()
		near.work(1)
	}
	near.sync()
	near.received("a phone that was always there")
	if got := w.centre.node.Centre(); got.Number() != 3 || got.ID() != first.ID() || got.Key().Equal(first.Key()) {
		t.Fatalf("the centre is at key %d", got.Number())
	}

	w.must(point.node.Relay().Sync(t.Context()))
	if n := point.node.Centre().Number(); n != 3 {
		t.Errorf("the point knows key %d", n)
	}
	if r := away.at(point); len(r.Notes) > 0 {
		t.Errorf("away for years: %v", r.Notes)
	}
	atPoint.sync()
	w.must(point.node.Relay().Sync(t.Context()))
	for name, d := range map[string]*device{"away for years": away, "joined at the point": atPoint} {
		d.at(point)
		d.received(name)
	}
	code, err := w.centre.node.NewCode(t.Context(), server.CodeRequest{Role: credential.RolePhone, Team: w.team})
	w.must(err)
	if want := keys.Fingerprint(w.centre.node.Centre().Key()); !strings.Contains(code.URI, "centre="+want) {
		t.Errorf("the joining code does not name the newest key: %s", code.URI)
	}
	last := w.phone(point, 4)
	last.work(2)
	last.at(w.centre)
	last.received("joined under the newest key")
	kinds, err := last.Kinds(t.Context())
	w.must(err)
	if len(kinds) == 0 {
		t.Error("a new phone reads nothing of what older keys signed")
	}
	w.checkLedger(w.centre.node.Store())
}

// What a point has not heard of does not take a phone back.
func TestAPointBehindTheCentresKeyServesOn(t *testing.T) {
	w := newWorld(t)
	point := w.point()
	d := w.phone(w.centre, 1)
	w.rotate(server.Rotation{Signing: true, Sealing: true})
	d.at(w.centre)
	d.work(3)
	r := d.at(point) // still under the old key
	if len(r.Notes) > 0 {
		t.Errorf("%v", r.Notes)
	}
	if s := d.stages(); s[clientlib.StageAtCommune] != 3 {
		t.Fatalf("%+v", s)
	}
	w.must(point.node.Relay().Sync(t.Context()))
	d.at(point)
	d.received("through a point that was behind")
	w.checkLedger(w.centre.node.Store())
}

// Files carry the new key as well as lines do.
func TestTheNewKeyComesByFile(t *testing.T) {
	w := newWorld(t)
	d := w.phone(w.centre, 1)
	d.work(3)
	w.rotate(server.Rotation{Signing: true, Sealing: true})
	var up strings.Builder
	w.must(d.ExportBundle(t.Context(), &up, clientlib.BundleOptions{}))
	in, err := server.BundleImport.Do(t.Context(), w.centre.node, server.Bundle{Data: []byte(up.String())})
	w.must(err)
	down, err := server.BundleFor.Do(t.Context(), w.centre.node, server.Asked{Ask: in.Asks[0]})
	w.must(err)
	for _, b := range down.Bundles {
		r, err := d.ImportBundle(t.Context(), strings.NewReader(string(b)))
		w.must(err)
		if r.Skipped > 0 {
			t.Errorf("%v", r.Problems)
		}
	}
	d.received("by file")
}

// A point's machine is gone with work that it had not passed on. Another takes
// its place: phones learn its key, which the centre has signed, and bring that
// work again. The old one issues nothing any more; what it held is taken should
// it come back.
func TestPointIsReplaced(t *testing.T) {
	w := newWorld(t)
	old, line := w.fusedPoint()
	d, joinedThere := w.phone(w.centre, 1), w.phone(old, 2)
	w.must(old.node.Relay().Sync(t.Context()))
	line.cut.Store(true)
	for _, p := range []*device{d, joinedThere} {
		p.work(4)
		p.at(old)
		if s := p.stages(); s[clientlib.StageAtCommune] != 4 {
			t.Fatalf("%+v", s)
		}
	}
	q := server.CodeRequest{Replaces: old.node.Origin()}
	code, err := server.PointReplace.Do(t.Context(), w.centre.node, q)
	w.must(err)
	next := w.serve(func(c *config.Config) { c.Upstream, c.SyncEvery = w.centre.url, time.Hour }, code.URI)
	w.must(next.node.Relay().Sync(t.Context()))
	if r := w.centre.node.Ingest().Revoked(old.node.Origin()); r == nil || r.Reason != server.ReasonReplaced {
		t.Errorf("the old point is not revoked: %+v", r)
	}
	if _, err := server.PointReplace.Do(t.Context(), w.centre.node, q); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
		t.Errorf("replaced twice: %v", err)
	}
	for _, p := range []*device{d, joinedThere} {
		p.at(next)
		w.must(next.node.Relay().Sync(t.Context()))
		p.at(next)
		p.received("after the replacement")
	}
	if got := w.phone(next, 3); got.joined.Welcome.Unit == "" {
		t.Error("the new point takes nobody in")
	}
	w.checkLedger(w.centre.node.Store())
}

// A phone has only the address: the machine behind it is another one.
func TestReplacedPointAtTheSameAddress(t *testing.T) {
	w := newWorld(t)
	old, line := w.fusedPoint()
	net := &rewire{Transport: httptransport.New(0)}
	d := w.phone(w.centre, 1)
	w.must(d.Close())
	var err error
	d.Device, err = clientlib.Open(t.Context(), clientlib.Options{Path: d.path, Transport: net})
	w.must(err)
	w.must(d.SetServers(t.Context(), []string{"http://point.commune"}))
	net.to = old.url
	line.cut.Store(true)
	d.work(2)
	d.sync()
	code, err := server.PointReplace.Do(t.Context(), w.centre.node, server.CodeRequest{Replaces: old.node.Origin()})
	w.must(err)
	next := w.serve(func(c *config.Config) { c.Upstream, c.SyncEvery = w.centre.url, time.Hour }, code.URI)
	w.must(next.node.Relay().Sync(t.Context()))
	net.to = next.url
	d.work(1)
	d.sync()
	w.must(next.node.Relay().Sync(t.Context()))
	d.sync()
	d.received("at the same address")
}

// A sealing key is destroyed on schedule, not while work is known to be sealed to
// it; forced, that work comes in unreadable and the phone seals it again.
func TestOldSealingKeysAreDestroyedOnSchedule(t *testing.T) {
	var clock calendar
	w := newWorldAt(t, clock.now)
	point, line := w.fusedPoint()
	d := w.phone(w.centre, 1)
	d.work(3)
	line.cut.Store(true)
	d.at(point) // sealed to the key of today, and the point does not pass it on
	w.rotate(server.Rotation{Sealing: true})
	clock.later(w.centre.cfg.SealKeep + time.Hour)
	destroy := func(q server.Destruction) (server.Destroyed, error) { return w.centre.node.DestroyOld(t.Context(), q) }
	if out, err := destroy(server.Destruction{}); syncproto.CodeOf(err) != syncproto.CodeInvalidInput || out.Keys != 0 || !strings.Contains(err.Error(), point.node.Origin().String()) {
		t.Fatalf("destroyed %d, %v", out.Keys, err)
	}
	if out, err := destroy(server.Destruction{Force: true, Reason: "Because I say so"}); syncproto.CodeOf(err) != syncproto.CodeInvalidInput || out.Keys != 0 {
		t.Errorf("forced without a reason: %v", err)
	}
	if _, bad := w.doctor("sealing keys"); !bad {
		t.Error("doctor does not say that a key waits to be destroyed")
	}
	if out, err := destroy(server.Destruction{Force: true, Reason: "point-burnt-down"}); err != nil || out.Keys != 1 {
		t.Fatalf("%+v, %v", out, err)
	}
	// The point was not burnt down after all.
	line.cut.Store(false)
	w.must(point.node.Relay().Sync(t.Context()))
	if n := w.reasons(syncproto.ReasonUnreadable); n != 3 {
		t.Errorf("%d changes are unreadable, want 3: %v", n, w.outcomes(d.Origin()))
	}
	d.at(point)
	d.at(w.centre)
	d.at(w.centre)
	d.received("sealed again")
	if n := w.reasons(syncproto.ReasonUnreadable); n != 0 {
		t.Errorf("%d changes stay unreadable", n)
	}
	if out, err := destroy(server.Destruction{}); err != nil || out.Keys != 0 {
		t.Errorf("%+v, %v", out, err)
	}
}

// Nothing known to be on its way: the schedule needs nobody.
func TestOldSealingKeysGoByThemselves(t *testing.T) {
	var clock calendar
	w := newWorldAt(t, clock.now)
	point := w.point()
	w.rotate(server.Rotation{Sealing: true})
	clock.later(w.centre.cfg.SealKeep + time.Hour)
	w.must(point.node.Relay().Sync(t.Context())) // nothing left there
	if out, err := w.centre.node.DestroyOld(t.Context(), server.Destruction{}); err != nil || out.Keys != 1 {
		t.Errorf("%+v, %v", out, err)
	}
}

func (w *world) doctor(name string) (detail string, bad bool) {
	w.t.Helper()
	checks, err := w.centre.node.Doctor(w.t.Context())
	w.must(err)
	for _, c := range checks {
		if c.Name == name {
			return c.Detail, !c.OK
		}
	}
	w.t.Fatalf("doctor says nothing of %s", name)
	return "", false
}

// reasons counts the changes at the centre that have a reason.
func (w *world) reasons(reason syncproto.Reason) (n uint64) {
	w.t.Helper()
	w.must(w.centre.node.Store().View(w.t.Context(), func(r store.Reader) error {
		counts, err := r.OutcomeCounts(nil)
		for _, c := range counts {
			if c.Reason == reason {
				n += c.Changes
			}
		}
		return err
	}))
	return n
}

// fuse is a line that can be cut.
type fuse struct {
	clientlib.Transport
	cut atomic.Bool
}

func (f *fuse) Exchange(ctx context.Context, to string, body []byte) (clientlib.Reply, error) {
	if f.cut.Load() {
		return clientlib.Reply{}, syncproto.Errorf(syncproto.CodeUpstream, "the line is cut")
	}
	return f.Transport.Exchange(ctx, to, body)
}

// fusedPoint starts a point whose line up can be cut.
func (w *world) fusedPoint() (*site, *fuse) {
	w.t.Helper()
	f := &fuse{Transport: httptransport.New(0)}
	w.line = f
	defer func() { w.line = nil }()
	return w.point(), f
}

// rewire sends every request to one server, whatever its address.
type rewire struct {
	clientlib.Transport
	to string
}

func (r *rewire) Exchange(ctx context.Context, _ string, body []byte) (clientlib.Reply, error) {
	return r.Transport.Exchange(ctx, r.to, body)
}

func (r *rewire) Keys(ctx context.Context, _ string) ([]byte, error) {
	return r.Transport.Keys(ctx, r.to)
}
