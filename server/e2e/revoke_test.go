package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/clientlib/httptransport"
	"thonsync/server"
	"thonsync/server/audit"
	"thonsync/server/report"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// line is a line to the centre that can be cut.
type line struct {
	clientlib.Transport
	cut atomic.Bool
}

var errCut = errors.New("no signal")

func (l *line) Exchange(ctx context.Context, server string, body []byte) (clientlib.Reply, error) {
	if l.cut.Load() {
		return clientlib.Reply{}, errCut
	}
	return l.Transport.Exchange(ctx, server, body)
}

// offline gives a point that meets the centre only while meet runs.
func (w *world) offline() (point *site, meet func()) {
	w.t.Helper()
	l := &line{Transport: httptransport.New(0)}
	w.line = l
	point = w.point()
	w.line = nil
	l.cut.Store(true)
	return point, func() {
		w.t.Helper()
		l.cut.Store(false)
		w.must(point.node.Relay().Sync(w.t.Context()))
		l.cut.Store(true)
	}
}

func (w *world) revoke(at *site, name string) *server.DeviceRuled {
	w.t.Helper()
	r, err := server.DeviceRevoke.Do(w.t.Context(), at.node, server.DeviceOrder{Name: name, Reason: "lost"})
	w.must(err)
	return r
}

// made counts the records that exist at the centre, of those given.
func (w *world) existing(ids []uuid.UUID) (n int) {
	all := w.activities()
	for _, id := range ids {
		if all[id] {
			n++
		}
	}
	return n
}

// A phone is taken in at a point without internet, records, and is revoked at the
// centre. What the centre knew counts, what the point had receipted before it
// knew counts, and what came later is held until one command lets it go. The
// phone may always deliver, and stops recording once it knows.
func TestPhoneOfAnOfflinePointIsRevoked(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	point, meet := w.offline()
	d := w.phone(point, 1)
	d.work(5)
	d.sync()
	if s := d.stages(); s[clientlib.StageAtCommune] != 5 {
		t.Fatalf("at the point: %v", s)
	}
	if _, err := server.DeviceRevoke.Do(ctx, w.centre.node, server.DeviceOrder{Name: "PHONE"}); syncproto.CodeOf(err) != syncproto.CodeScope {
		t.Errorf("revoking what the centre has not heard of: %v", err)
	}
	meet()
	d.work(4)
	d.sync() // receipted at the point, which is offline again

	got := w.revoke(w.centre, "PHONE")
	if got.Device.State != server.DeviceRevoked || got.Device.Reason != "lost" || len(got.Rulings) != 1 || len(got.Device.Cut) != 1 {
		t.Fatalf("revoked: %+v", got)
	}
	d.work(3)
	d.sync() // the point still does not know
	counted := len(d.made)
	meet()
	if n := w.existing(d.made); n != counted {
		t.Errorf("%d records at the centre, want all %d from before the cut", n, counted)
	}
	w.balanced(d.Origin())

	d.work(6) // the phone does not know yet either
	if r := d.sync(); r.Sent == 0 {
		t.Error("the revoked phone delivered nothing")
	}
	s, err := d.Status(ctx)
	w.must(err)
	if s.Revoked == nil || s.Revoked.Reason != "lost" {
		t.Fatalf("the phone has not learned of its revocation: %+v", s.Revoked)
	}
	if _, err := d.Record(ctx, clientlib.RecordInput{}); syncproto.CodeOf(err) != syncproto.CodeRevoked {
		t.Errorf("the revoked phone records: %v", err)
	}
	meet()
	if n := w.existing(d.made); n != counted {
		t.Errorf("%d records at the centre, want still %d", n, counted)
	}
	held := w.outcomes(d.Origin())["held revoked"]
	if held < 6 {
		t.Errorf("%d changes held, want those of six records: %v", held, w.outcomes(d.Origin()))
	}
	w.balanced(d.Origin())
	d.sync() // the centre's receipts come back by the point
	if sum := d.stages(); sum[clientlib.StageOnPhone]+sum[clientlib.StageAtCommune] > 0 {
		t.Errorf("the phone has not heard what became of its work: %v", sum)
	}

	// Nobody waits for news of it any more, and its team is not quiet because of it.
	figures, err := w.centre.node.ReportService().Figures(ctx, report.Query{})
	w.must(err)
	for _, p := range figures.Phones {
		if p.Origin == d.Origin() && (!p.Retired || p.RevokedMS == 0) {
			t.Errorf("in the reports: %+v", p)
		}
	}
	if n := figures.Teams[0].Phones; n != 0 {
		t.Errorf("the team counts %d phones in use", n)
	}
	shown, err := server.DeviceShow.Do(ctx, w.centre.node, server.DeviceOrder{Name: d.Origin().String()[:13]})
	w.must(err)
	if uint64(len(shown.HeldWork)) != held || shown.Held != held || shown.Missing != 0 || len(shown.Seen) != 1 || shown.Seen[0].PointName != "point" {
		t.Errorf("shown: held %d (%d listed), missing %d, seen %+v", shown.Held, len(shown.HeldWork), shown.Missing, shown.Seen)
	}
	one := shown.HeldWork[0]
	_, err = server.DeviceRelease.Do(ctx, w.centre.node, server.DeviceOrder{Name: "phone", Change: one.Seq})
	w.must(err)
	if n := w.outcomes(d.Origin())["held revoked"]; n != held-1 {
		t.Errorf("%d held after one was released, want %d", n, held-1)
	}
	_, err = server.DeviceRelease.Do(ctx, w.centre.node, server.DeviceOrder{Name: "phone"})
	w.must(err)
	if n := w.existing(d.made); n != len(d.made) {
		t.Errorf("%d records at the centre, want all %d", n, len(d.made))
	}
	if held := w.outcomes(d.Origin())["held revoked"]; held != 0 {
		t.Errorf("%d changes are still held", held)
	}
	w.checkAudited(w.centre, audit.DeviceRevoked, audit.DeviceReleased)
}

// checkAudited holds that actions stand in a server's access log.
func (w *world) checkAudited(at *site, actions ...audit.Action) {
	w.t.Helper()
	for _, a := range actions {
		list, err := server.AuditList.Do(w.t.Context(), at.node, server.AuditQuery{Action: string(a)})
		w.must(err)
		if len(list) == 0 {
			w.t.Errorf("nothing in the access log about %s", a)
		}
	}
}

// At a point without internet an officer can stop a lost phone at once; only the
// centre revokes, and the request goes up by itself.
func TestPointStopsALostPhoneAndAsks(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	point, meet := w.offline()
	d, mate := w.phone(point, 1), w.phone(point, 2)
	d.work(2)
	d.sync()
	mate.work(2)
	mate.sync()
	name := d.Origin().String()[:13]
	got := w.revoke(point, name)
	if !got.Asked || got.Device.State != server.DeviceBlocked || len(got.Rulings) != 0 {
		t.Fatalf("asked: %+v", got)
	}
	before := d.stages()[clientlib.StageAtCommune]
	d.work(2)
	if r := d.sync(); r.Segments != 0 || r.Sent == 0 {
		t.Errorf("the blocked phone delivered %d changes and got %d segments of its team", r.Sent, r.Segments)
	}
	if now := d.stages()[clientlib.StageAtCommune]; now != before {
		t.Errorf("%d records under a receipt of the point, want %d: a block stands as evidence", now, before)
	}
	meet()
	list, err := server.DeviceList.Do(ctx, w.centre.node, server.DeviceQuery{Asked: true})
	w.must(err)
	if len(list) != 1 || list[0].Origin != d.Origin() || list[0].Asked != "lost" {
		t.Fatalf("the centre sees %d requests", len(list))
	}
	// All of it has reached the centre before it revokes, so all of it counts.
	w.revoke(w.centre, name)
	if n := w.existing(d.made); n != len(d.made) {
		t.Errorf("%d of %d records", n, len(d.made))
	}
	meet()
	list, err = server.DeviceList.Do(ctx, point.node, server.DeviceQuery{State: server.DeviceRevoked})
	w.must(err)
	if len(list) != 1 || list[0].Origin != d.Origin() {
		t.Errorf("the point lists %d revoked devices", len(list))
	}
	if _, err := server.DeviceRelease.Do(ctx, point.node, server.DeviceOrder{Name: name}); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
		t.Errorf("a point releases: %v", err)
	}
	// A block by mistake is taken back.
	w.revoke(point, mate.Origin().String()[:13])
	_, err = server.DeviceRelease.Do(ctx, point.node, server.DeviceOrder{Name: mate.Origin().String()[:13]})
	w.must(err)
	mate.work(1)
	mate.sync()
	if n := mate.stages()[clientlib.StageAtCommune] + mate.stages()[clientlib.StageAtCentre]; n != len(mate.made) {
		t.Errorf("after the block was lifted %d of %d records have a receipt", n, len(mate.made))
	}
	w.checkAudited(point, audit.DeviceBlocked, audit.DeviceReleased)
}

// A replacement phone, taken in at the same point without internet, gets what the
// team did, the lost phone's work up to the cut included.
func TestReplacementPhoneGetsTheTeamsHistory(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	point, meet := w.offline()
	lost, mate := w.phone(point, 1), w.phone(point, 2)
	lost.work(12)
	lost.sync()
	mate.work(3)
	mate.sync()
	meet()

	replaced, err := point.node.ReplaceDevice(ctx, server.DeviceOrder{Name: lost.Origin().String()[:13], Reason: "lost"}, "")
	w.must(err)
	if !replaced.Old.Asked || replaced.Code.URI == "" {
		t.Fatalf("replaced: %+v", replaced)
	}
	fresh := &device{w: w}
	fresh.Device, err = clientlib.Open(ctx, clientlib.Options{Path: t.TempDir() + "/field.db", Transport: httptransport.New(0)})
	w.must(err)
	t.Cleanup(func() { _ = fresh.Close() }) // closing twice is fine
	if _, err = fresh.Join(ctx, replaced.Code.URI, "new phone"); err == nil {
		t.Fatal("joined without the officer comparing digits")
	}
	codes, err := server.CodeList.Do(ctx, point.node, server.None{})
	w.must(err)
	for _, c := range codes {
		if c.State == "waiting" {
			_, err = server.CodeConfirm.Do(ctx, point.node, server.Confirmation{Name: c.Name, Digits: c.Digits})
			w.must(err)
		}
	}
	_, err = fresh.Join(ctx, replaced.Code.URI, "new phone")
	w.must(err)
	fresh.sync()
	list, err := fresh.List(ctx, clientlib.Filter{Limit: 100})
	w.must(err)
	seen := map[uuid.UUID]bool{}
	for _, r := range list {
		seen[r.ID] = true
	}
	for i, id := range append(append([]uuid.UUID{}, lost.made...), mate.made...) {
		if !seen[id] {
			t.Errorf("record %d of the team is missing on the new phone", i)
		}
	}
	// What the thief adds does not get there.
	w.revoke(w.centre, lost.Origin().String()[:13])
	meet()
	lost.work(1)
	lost.sync()
	fresh.sync()
	if _, err := fresh.Get(ctx, lost.made[len(lost.made)-1]); syncproto.CodeOf(err) != syncproto.CodeNotFound {
		t.Errorf("work after the cut on the new phone: %v", err)
	}
}

// Names of devices are found as an officer says them, and an answer that does not
// fit says what would.
func TestDevicesAreFoundByName(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	a, b := w.phone(w.centre, 1), w.phone(w.centre, 2)
	find := func(name string) (*server.DeviceDetail, error) {
		return server.DeviceShow.Do(ctx, w.centre.node, server.DeviceOrder{Name: name})
	}
	if _, err := find("phone"); syncproto.CodeOf(err) != syncproto.CodeInvalidInput || !strings.Contains(fmt.Sprint(err), b.Origin().String()[:13]) {
		t.Errorf("two phones of one label: %v", err)
	}
	got, err := find(" " + strings.ToUpper(a.Origin().String()[:9]) + " ")
	if err != nil || got.Origin != a.Origin() || got.TeamName == "" || got.UnitName == "" {
		t.Errorf("by id: %+v, %v", got, err)
	}
	member := a.joined.Welcome.Members[0].Name
	if _, err := find(member); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
		t.Errorf("two phones of a member's team: %v", err)
	}
	for _, name := range []string{"", "nobody's", "zzz"} {
		if _, err := find(name); err == nil || name != "" && strings.Contains(err.Error(), name) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := server.DeviceRevoke.Do(ctx, w.centre.node, server.DeviceOrder{Name: a.Origin().String(), Reason: "Vàng Mí Chá has it"}); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
		t.Errorf("a reason with a name: %v", err)
	}
	if _, err := server.DeviceRelease.Do(ctx, w.centre.node, server.DeviceOrder{Name: a.Origin().String()}); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
		t.Errorf("releasing what is not revoked: %v", err)
	}
}

// A revoked point learns of it by the ruling alone, takes nobody in any more, and
// still carries what it has; the phones it took in before go on.
func TestRevokedPointTakesNobodyIn(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	point, meet := w.offline()
	d := w.phone(point, 1)
	d.work(2)
	d.sync()
	meet()
	w.revoke(w.centre, "point")
	d.work(2)
	d.sync()
	meet()
	if point.node.Ingest().Revoked(point.node.Origin()) == nil {
		t.Fatal("the point does not know that it was revoked")
	}
	_, err := point.node.NewCode(ctx, server.CodeRequest{Role: credential.RolePhone, Team: w.team})
	if syncproto.CodeOf(err) != syncproto.CodeCredential {
		t.Errorf("a code of a revoked point: %v", err)
	}
	if n := w.existing(d.made); n != len(d.made) {
		t.Errorf("%d of %d records of a phone that it took in before", n, len(d.made))
	}
	d.at(w.centre)
	if s, err := d.Status(ctx); err != nil || s.Revoked != nil {
		t.Errorf("the phone: %+v, %v", s.Revoked, err)
	}
	d.work(1)
	d.sync()
	if n := w.existing(d.made); n != len(d.made) {
		t.Errorf("%d of %d records, the last sent to the centre", n, len(d.made))
	}
}
