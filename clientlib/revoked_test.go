package clientlib_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/clientlib/clienttest"
	"thonsync/syncproto"
)

func status(t *testing.T, d *clientlib.Device) clientlib.Status {
	t.Helper()
	s, err := d.Status(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func revoke(w *clienttest.World, id syncproto.OriginID, cut ...syncproto.CutHead) syncproto.Ruling {
	return w.Centre.Rule(syncproto.Ruling{Kind: syncproto.RulingRevoke, Target: syncproto.Ref{Origin: id}, Reason: "lost", Cut: cut})
}

// A revoked phone sends what it has, keeps it readable, takes nothing new, and
// goes on under a new key once an officer has taken it in again.
func TestRevokedPhoneSendsAndStopsRecording(t *testing.T) {
	w := clienttest.NewWorld(t, 1)
	ctx := context.Background()
	d := w.Device("a", w.Centre)
	w.Card(d, 1)
	w.Sync(d)
	old := d.Origin()
	r := revoke(w, old)
	w.Centre.Tell(old, r.Encode())
	later := w.Card(d, 2) // it does not know yet
	report := w.Sync(d)
	if report.Waiting != 0 || w.Centre.Head(old).Seq != 2 {
		t.Errorf("%d changes left, %d arrived", report.Waiting, w.Centre.Head(old).Seq)
	}
	s := status(t, d)
	if s.Revoked == nil || s.Revoked.SinceMS != r.IssuedMS || s.Revoked.Reason != "lost" {
		t.Fatalf("revocation %+v", s.Revoked)
	}
	_, err := d.Record(ctx, clientlib.RecordInput{Kind: "CC", Fields: clienttest.CardFields(3)})
	if syncproto.CodeOf(err) != syncproto.CodeRevoked {
		t.Errorf("recording: %v", err)
	}
	if _, err := d.Edit(ctx, later, clientlib.EditInput{Fields: map[string]string{"visits": "1"}}); syncproto.CodeOf(err) != syncproto.CodeRevoked {
		t.Errorf("editing: %v", err)
	}
	if err := d.Void(ctx, later, uuid.Nil, "mistake", ""); syncproto.CodeOf(err) != syncproto.CodeRevoked {
		t.Errorf("retracting: %v", err)
	}
	if fieldText(t, d, later, "full_name") == "" {
		t.Error("its author cannot read what was written after the cut")
	}
	var file bytes.Buffer
	if err := d.ExportBundle(ctx, &file, clientlib.BundleOptions{All: true}); err != nil {
		t.Errorf("export: %v", err)
	}
	// What is safe at the centre need not stay readable on it.
	w.Centre.MarkSafe()
	w.Clock.Advance(1)
	w.Sync(d)
	w.Sync(d)
	if name := fieldText(t, d, later, "full_name"); name != "" {
		t.Errorf("the revoked phone keeps %q", name)
	}

	again, err := d.Join(ctx, w.Centre.Invite(clienttest.Grant{Unit: clienttest.Unit, Team: w.Team}), "found again")
	if err != nil {
		t.Fatalf("joining anew: %v", err)
	}
	if d.Origin() == old || again.Welcome.Unit != clienttest.Unit || status(t, d).Revoked != nil {
		t.Errorf("after joining anew: origin %s, %+v", d.Origin(), status(t, d).Revoked)
	}
	w.Card(d, 4)
	w.Sync(d)
	if got := w.Centre.Head(d.Origin()).Seq; got != 1 {
		t.Errorf("%d changes of the new origin arrived", got)
	}
}

// Nobody but the centre revokes: not a stranger, not the point with a true ruling
// about itself.
func TestOnlyTheCentreRevokes(t *testing.T) {
	w := clienttest.NewWorld(t, 2)
	point := w.Point("p")
	d := w.Device("a", point)
	_, stranger, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	forged := &syncproto.Ruling{Number: 9, Kind: syncproto.RulingRevoke, Target: syncproto.Ref{Origin: d.Origin()}}
	forged.Sign(stranger)
	onPoint := revoke(w, point.Origin())
	hold := w.Centre.Rule(syncproto.Ruling{Kind: syncproto.RulingHold, Target: syncproto.Ref{Origin: d.Origin(), Seq: 1}})
	for name, told := range map[string][]byte{"forged": forged.Encode(), "on the point": onPoint.Encode(), "garbled": []byte("x"), "a hold": hold.Encode()} {
		point.Tell(d.Origin(), told)
		w.Sync(d)
		if s := status(t, d); s.Revoked != nil {
			t.Errorf("%s: the phone stops recording", name)
		}
	}
	w.Card(d, 1)
	// From the centre itself the ruling on the point counts: this phone has to be
	// taken in again.
	if err := d.SetServers(context.Background(), []string{w.Centre.URL}); err != nil {
		t.Fatal(err)
	}
	w.Centre.Tell(d.Origin(), onPoint.Encode())
	w.Sync(d)
	if s := status(t, d); s.Revoked == nil {
		t.Error("the phone of a revoked point goes on recording")
	}
}

// A colleague sees work up to the cut; later work is hidden until it is released.
func TestColleaguesLaterWorkIsHiddenUntilReleased(t *testing.T) {
	w := clienttest.NewWorld(t, 3)
	a, b := w.Device("a", w.Centre), w.Device("b", w.Centre)
	before := w.Card(a, 1)
	w.Sync(a)
	head := w.Centre.Head(a.Origin())
	revoke(w, a.Origin(), syncproto.CutHead{Seq: head.Seq, Open: head.Open.Prefix()})
	w.Clock.Advance(1)
	after := w.Card(a, 2)
	w.Sync(a)
	w.Sync(b)
	get(t, b, before)
	if _, err := b.Get(context.Background(), after); syncproto.CodeOf(err) != syncproto.CodeNotFound {
		t.Errorf("work after the cut: %v", err)
	}
	head = w.Centre.Head(a.Origin())
	w.Centre.Rule(syncproto.Ruling{Kind: syncproto.RulingRelease, Target: syncproto.Ref{Origin: a.Origin()}, Cut: []syncproto.CutHead{{Seq: head.Seq, Open: head.Open.Prefix()}}})
	w.Sync(b)
	get(t, b, after)
}

// Nothing is deleted while it would be lost; from a file it may be.
func TestResetWaitsForWhatIsUnsent(t *testing.T) {
	w := clienttest.NewWorld(t, 4)
	ctx := context.Background()
	opts := w.Options("a")
	d := w.Device("a", w.Centre)
	w.Card(d, 1)
	heads, err := d.Heads(ctx)
	if err != nil {
		t.Fatal(err)
	}
	reset := func() error {
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		return clientlib.Reset(ctx, opts)
	}
	if err := reset(); syncproto.CodeOf(err) != syncproto.CodeUnsent {
		t.Fatalf("reset with unsent work: %v", err)
	}
	d = w.Open("a")
	if err := d.Exported(ctx, heads); err != nil {
		t.Fatal(err)
	}
	w.Card(d, 2) // after the export
	if err := reset(); syncproto.CodeOf(err) != syncproto.CodeUnsent {
		t.Fatalf("reset with work after the export: %v", err)
	}
	d = w.Open("a")
	w.Sync(d)
	if err := reset(); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal", "-shm", ".key"} {
		if _, err := os.Stat(opts.Path + suffix); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("device%s is still there: %v", suffix, err)
		}
	}
}

// A phone that goes to another team first delivers what it did for the old one,
// and writes on under another origin, so that the old work stays the old team's.
func TestJoiningAnotherTeamWaitsForWhatIsUnsent(t *testing.T) {
	w := clienttest.NewWorld(t, 5)
	ctx := context.Background()
	d := w.Device("a", w.Centre)
	w.Card(d, 1)
	old := d.Origin()
	uri := w.Centre.Invite(clienttest.Grant{Unit: clienttest.Unit, Team: uuid.UUID{8, 8}})
	if _, err := d.Join(ctx, uri, "phone"); syncproto.CodeOf(err) != syncproto.CodeUnsent {
		t.Fatalf("joining another team: %v", err)
	}
	if d.Origin() != old || status(t, d).Team != w.Team {
		t.Fatal("the refused join changed something")
	}
	w.Card(d, 2) // the phone goes on working
	w.Sync(d)
	if got := w.Centre.Head(old).Seq; got != 2 {
		t.Fatalf("%d changes arrived", got)
	}
	if _, err := d.Join(ctx, uri, "phone"); err != nil {
		t.Fatalf("the same code, once all is sent: %v", err)
	}
	if s := status(t, d); s.Team != (uuid.UUID{8, 8}) || d.Origin() == old {
		t.Errorf("team %s, origin %s", s.Team, d.Origin())
	}
	w.Card(d, 3)
	w.Sync(d)
	if got := w.Centre.Head(d.Origin()).Seq; got != 1 {
		t.Errorf("%d changes of the new team's arrived", got)
	}
}
