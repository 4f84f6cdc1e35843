package clientlib_test

import (
	"context"
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/clientlib/clienttest"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// A phone with a good credential cannot define what only the centre defines.
func TestAPhoneCannotDefineKinds(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	key := ed25519.NewKeyFromSeed(make([]byte, 32))
	pub := key.Public().(ed25519.PublicKey)
	origin := syncproto.OriginOf(pub)
	token, err := credential.Issue(credential.Grant{Key: pub, Role: credential.RolePhone, Units: []string{clienttest.Unit}, Team: w.Team, Issued: time.UnixMilli(w.Clock.NowMS())}, w.Centre.Key())
	if err != nil {
		t.Fatal(err)
	}
	seal, err := syncproto.NewSealPrivate(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	text := func(num uint32, s string) syncproto.Field {
		return syncproto.Field{Num: num, Value: syncproto.TextValue(s)}
	}
	create := func(seq uint64, collection uint32, fields ...syncproto.Field) syncproto.Change {
		return syncproto.Change{Origin: origin, Seq: seq, Operational: syncproto.NewRow(fields...),
			Header: syncproto.Header{Schema: syncproto.Schema, Collection: collection, Op: syncproto.OpCreate, StampMS: w.Clock.NowMS(), Author: uuid.UUID{1}}}
	}
	segment, err := syncproto.EncodeSegment(syncproto.SegmentInput{Origin: origin, Before: syncproto.Genesis(origin), Key: key, To: seal.Public,
		Salts: []syncproto.SaltRun{{Count: 2, Secret: &syncproto.SaltSecret{1}}},
		Changes: []syncproto.Change{
			create(1, syncproto.CollectionKind, text(syncproto.FieldUnit, "test:0"), text(syncproto.KindCode, "EVIL"), text(syncproto.KindDefinition, `{"code":"EVIL","name_vi":"x","fields":[]}`)),
			create(2, syncproto.CollectionActivity, text(syncproto.FieldUnit, clienttest.Unit), text(syncproto.ActivityKind, "TT")),
		}})
	if err != nil {
		t.Fatal(err)
	}
	r := importBytes(t, d, bundle(t, syncproto.Entry{Kind: syncproto.EntrySegment, Data: segment.Encode()},
		syncproto.Entry{Kind: syncproto.EntryCredential, Data: syncproto.EncodeCredentialEntry(syncproto.OriginCredential{Origin: origin, Credentials: []string{token}})}))
	if r.Segments != 1 || r.Skipped != 0 {
		t.Fatalf("%+v", r)
	}
	if _, err := d.Kind(ctx, "EVIL"); syncproto.CodeOf(err) != syncproto.CodeNotFound {
		t.Fatalf("the kind is taken: %v", err)
	}
	if list, err := d.List(ctx, clientlib.Filter{}); err != nil || len(list) != 1 || !list[0].Provisional {
		t.Fatalf("its activity is shown: %+v, %v", list, err)
	}
}

// passes lets some exchanges through and breaks those after.
type passes struct{ left int }

func (p *passes) Request(b []byte) ([]byte, error) {
	if p.left == 0 {
		return nil, clienttest.ErrCut
	}
	p.left--
	return b, nil
}

func (p *passes) Answer(b []byte) ([]byte, error) { return b, nil }

// As soon as the centre shows that it has lost changes, their ticks go: before
// they have been sent again, and even if that fails.
func TestTicksGoWithTheCentresLoss(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	kept := w.Card(d, 1)
	w.Sync(d)
	lost := w.Card(d, 2)
	w.Sync(d)
	w.Centre.Forget(d.Origin(), 1)
	w.Net.Disturb(&passes{1})
	if r, err := d.Sync(ctx); err == nil || !r.PeerBehind || r.Waiting != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if c, err := d.Custody(ctx, lost); err != nil || c.Stage != clientlib.StageOnPhone {
		t.Errorf("lost: %+v, %v", c, err)
	}
	if c, err := d.Custody(ctx, kept); err != nil || c.Stage != clientlib.StageAtCentre {
		t.Errorf("kept: %+v, %v", c, err)
	}
	w.Net.Disturb(nil)
	w.Sync(d)
	checkHeld(t, w, d, 2)
}

// A hole in what is held of a colleague is filled, although what lies beyond it
// is here.
func TestHolesInAColleaguesWorkAreFilled(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	point := w.Point("point")
	a, b := w.Device("a", w.Centre), w.Device("b", w.Centre)
	var files [][]byte
	var ids []uuid.UUID
	for n := range 3 {
		ids = append(ids, w.Card(a, n))
		files = append(files, exportBytes(t, a, clientlib.BundleOptions{}))
		for _, s := range []*clienttest.Server{point, w.Centre} {
			if err := a.SetServers(ctx, []string{s.URL}); err != nil {
				t.Fatal(err)
			}
			w.Sync(a)
		}
	}
	importBytes(t, b, files[0])
	importBytes(t, b, files[2])
	if _, err := b.Get(ctx, ids[2]); err != nil {
		t.Fatal("what lies beyond the hole is not shown")
	}
	if _, err := b.Get(ctx, ids[1]); syncproto.CodeOf(err) != syncproto.CodeNotFound {
		t.Fatalf("there is no hole: %v", err)
	}
	point.HideFeeds()
	if err := b.SetServers(ctx, []string{point.URL}); err != nil {
		t.Fatal(err)
	}
	w.Sync(b)
	if _, err := b.Get(ctx, ids[1]); err != nil {
		t.Fatal("the hole stays")
	}
}
