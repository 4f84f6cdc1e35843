package clientlib_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/clientlib/clienttest"
	"thonsync/syncproto"
)

func edit(t *testing.T, d *clientlib.Device, id uuid.UUID, pairs ...string) {
	t.Helper()
	fields := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		fields[pairs[i]] = pairs[i+1]
	}
	if _, err := d.Edit(context.Background(), id, clientlib.EditInput{Fields: fields}); err != nil {
		t.Fatalf("edit: %v", err)
	}
}

func get(t *testing.T, d *clientlib.Device, id uuid.UUID) clientlib.Record {
	t.Helper()
	r, err := d.Get(context.Background(), id)
	if err != nil {
		t.Fatalf("get: %v", err)
	}
	return r
}

// An edit of what was seen replaces it; edits that did not see each other are a
// conflict on both phones, until somebody settles it.
func TestEditsOfColleagues(t *testing.T) {
	w := clienttest.NewWorld(t, 1)
	a, b := w.Device("a", w.Centre), w.Device("b", w.Centre)
	id := w.Card(a, 1)
	edit(t, a, id, "visits", "1")
	w.Sync(a)
	w.Sync(b)
	if text := fieldText(t, b, id, "visits"); text != "1" {
		t.Fatalf("b sees %q", text)
	}
	edit(t, b, id, "visits", "2", "stage", "issued")
	w.Sync(b)
	w.Sync(a)
	if r := get(t, a, id); r.Conflict || fieldText(t, a, id, "visits") != "2" || fieldText(t, a, id, "stage") != "issued" {
		t.Fatalf("a sees %+v", r)
	}

	w.Clock.Advance(time.Minute)
	edit(t, a, id, "visits", "3")
	w.Clock.Advance(time.Minute)
	edit(t, b, id, "visits", "4")
	for range 2 {
		w.Sync(a)
		w.Sync(b)
	}
	for name, d := range map[string]*clientlib.Device{"a": a, "b": b} {
		r := get(t, d, id)
		if !r.Conflict || fieldText(t, d, id, "visits") != "4" {
			t.Fatalf("%s sees no conflict: %+v", name, r)
		}
		if c := r.Custody; c.Stage != clientlib.StageAskedBack || c.Reason != clientlib.ReasonConflict {
			t.Fatalf("%s: custody %+v", name, c)
		}
		for _, f := range r.Fields {
			if f.Name == "visits" && (len(f.Others) != 1 || f.Others[0].Int() != 3) {
				t.Fatalf("%s: others %v", name, f.Others)
			}
			if f.Name != "visits" && len(f.Others) != 0 {
				t.Fatalf("%s: %s has others", name, f.Name)
			}
		}
	}
	edit(t, a, id, "visits", "5")
	w.Sync(a)
	w.Sync(b)
	for name, d := range map[string]*clientlib.Device{"a": a, "b": b} {
		if r := get(t, d, id); r.Conflict || fieldText(t, d, id, "visits") != "5" {
			t.Fatalf("%s: not settled: %+v", name, r)
		}
	}
}

// A retraction that did not see an edit is a conflict, and the record stays.
func TestRetractionMeetsAnEdit(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	a, b := w.Device("a", w.Centre), w.Device("b", w.Centre)
	id := w.Card(a, 1)
	w.Sync(a)
	w.Sync(b)
	edit(t, a, id, "visits", "7")
	if err := b.Void(ctx, id, uuid.Nil, "mistake", ""); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		w.Sync(a)
		w.Sync(b)
	}
	for name, d := range map[string]*clientlib.Device{"a": a, "b": b} {
		if r := get(t, d, id); r.Void || !r.Conflict {
			t.Fatalf("%s: %+v", name, r)
		}
	}
	if err := b.Void(ctx, id, uuid.Nil, "mistake", ""); err != nil {
		t.Fatal(err)
	}
	w.Sync(b)
	w.Sync(a)
	for name, d := range map[string]*clientlib.Device{"a": a, "b": b} {
		if r := get(t, d, id); !r.Void || r.Conflict {
			t.Fatalf("%s: seen and retracted: %+v", name, r)
		}
	}
}

// A phone that cannot read a personal value does not replace it: setting it is a
// conflict for those who can.
func TestUnreadValuesAreNotReplaced(t *testing.T) {
	w := clienttest.NewWorld(t, 1)
	a, b := w.Device("a", w.Centre), w.Device("b", w.Centre)
	id := w.Card(a, 1)
	w.Sync(a)
	w.Sync(b)
	edit(t, b, id, "phone", "0987654321")
	w.Sync(b)
	w.Sync(a)
	if got := fieldText(t, a, id, "phone"); got != "0900000001" {
		t.Fatalf("a's own number shows as %q", got)
	}
	if r := get(t, a, id); !r.Partial {
		t.Fatal("a does not tell that there is more than it can read")
	}
}

// At a point without the centre, phones see each other's work as provisional.
func TestColleaguesAtAPoint(t *testing.T) {
	w := clienttest.NewWorld(t, 1)
	point := w.Point("point")
	a, b := w.Device("a", point), w.Device("b", point)
	for i := range 30 {
		w.Card(a, i)
	}
	id := w.Card(a, 30)
	w.Sync(a)
	r := w.Sync(b)
	if r.Segments == 0 {
		t.Fatalf("%+v", r)
	}
	if rec := get(t, b, id); !rec.Provisional || rec.Custody.Stage != clientlib.StageAtCommune || rec.Own {
		t.Fatalf("%+v", rec)
	}
	if r = w.Sync(b); r.Segments != 0 {
		t.Fatalf("the same segments come again: %+v", r)
	}
	edit(t, b, id, "visits", "9")
	w.Sync(b)
	w.Sync(a)
	if got := fieldText(t, a, id, "visits"); got != "9" {
		t.Fatalf("a sees %q", got)
	}
	if err := point.Forward(w.Centre); err != nil {
		t.Fatal(err)
	}
	w.Sync(a)
	w.Sync(b)
	for name, d := range map[string]*clientlib.Device{"a": a, "b": b} {
		if rec := get(t, d, id); rec.Provisional || rec.Conflict || rec.Custody.Stage != clientlib.StageAtCentre {
			t.Fatalf("%s: %+v", name, rec)
		}
	}
}

// A point cannot slip reference data or foreign feeds to a phone.
func TestOnlyTheCentreDefines(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	p := &syncproto.Page{Feed: syncproto.CommonFeed, Epoch: syncproto.Epoch{9}, To: 1, Items: []syncproto.FeedItem{{Change: &syncproto.FeedChange{
		Origin: syncproto.OriginID{5}, Seq: 1, Record: uuid.UUID{5}, Header: syncproto.Header{Schema: 1, Collection: syncproto.CollectionKind, Op: syncproto.OpCreate},
		Operational: syncproto.NewRow(syncproto.Field{Num: syncproto.KindDefinition, Value: syncproto.TextValue(`{"code":"EVIL","name_vi":"x","fields":[]}`)}),
	}}}}
	point := w.Point("point")
	if err := p.Sign(point.Key()); err != nil {
		t.Fatal(err)
	}
	file, err := syncproto.EncodeBundle([]syncproto.Entry{{Kind: syncproto.EntryPage, Data: p.Encode()}})
	if err != nil {
		t.Fatal(err)
	}
	if r := importBytes(t, d, file); r.Pages != 0 || r.Skipped != 1 {
		t.Fatalf("%+v", r)
	}
	if _, err := d.Kind(ctx, "EVIL"); syncproto.CodeOf(err) != syncproto.CodeNotFound {
		t.Fatal(err)
	}
}

// view gives everything operational that a phone shows, in one text.
func view(t *testing.T, d *clientlib.Device) string {
	t.Helper()
	list, err := d.List(context.Background(), clientlib.Filter{Limit: 500, Void: true})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, r := range list {
		fmt.Fprintf(&b, "%s void=%v/%s conflict=%v provisional=%v", r.ID, r.Void, r.VoidReason, r.Conflict, r.Provisional)
		for _, f := range r.Fields {
			if f.Compartment == syncproto.Operational {
				fmt.Fprintf(&b, " %s=%s", f.Name, f.Text)
				for _, o := range f.Others {
					fmt.Fprintf(&b, "|%v", o.JSON())
				}
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Any phones, edits, retractions, routes and orders: in the end all see the
// same.
func TestPhonesConverge(t *testing.T) {
	seeds := 12
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(uint64(seed), 5))
			w := clienttest.NewWorld(t, uint64(seed))
			point := w.Point("point")
			phones := []*clientlib.Device{w.Device("a", w.Centre), w.Device("b", point), w.Device("c", point)}
			for _, d := range phones {
				for _, s := range []*clienttest.Server{w.Centre, point} {
					if err := d.SetServers(context.Background(), []string{s.URL}); err != nil {
						t.Fatal(err)
					}
					w.Sync(d)
				}
			}
			var ids []uuid.UUID
			for step := range 120 {
				w.Clock.Advance(time.Duration(rng.IntN(100)) * time.Second)
				ids = lifeStep(t, w, point, phones, ids, rng, step)
			}
			for range 3 {
				for _, d := range phones {
					if err := d.SetServers(context.Background(), []string{w.Centre.URL}); err != nil {
						t.Fatal(err)
					}
					w.Sync(d)
				}
			}
			want := view(t, phones[0])
			if !strings.Contains(want, "visits") {
				t.Fatal("nothing happened")
			}
			for i, d := range phones {
				if got := view(t, d); got != want {
					t.Errorf("phone %d sees\n%s\nphone 0 sees\n%s", i, got, want)
				}
				if err := d.VerifyChain(context.Background()); err != nil {
					t.Error(err)
				}
				if r := w.Sync(d); r.NewOrigin || r.PeerBehind {
					t.Errorf("phone %d: %+v", i, r)
				}
			}
		})
	}
}

// lifeStep lets one thing happen on one phone.
func lifeStep(t *testing.T, w *clienttest.World, point *clienttest.Server, phones []*clientlib.Device, ids []uuid.UUID, rng *rand.Rand, step int) []uuid.UUID {
	t.Helper()
	ctx := context.Background()
	d := phones[rng.IntN(len(phones))]
	what := rng.IntN(10)
	if what >= 3 && what < 6 && len(ids) > 0 {
		id := ids[rng.IntN(len(ids))]
		var err error
		if what == 5 && rng.IntN(3) == 0 {
			err = d.Void(ctx, id, uuid.Nil, "test", "")
		} else {
			_, err = d.Edit(ctx, id, clientlib.EditInput{Fields: map[string]string{"visits": fmt.Sprint(step), "stage": "issued"}})
		}
		if err != nil && syncproto.CodeOf(err) != syncproto.CodeNotFound {
			t.Fatal(err)
		}
		return ids
	}
	switch {
	case what < 3:
		ids = append(ids, w.Card(d, step))
	case what == 6:
		other := phones[rng.IntN(len(phones))]
		importBytes(t, other, exportBytes(t, d, clientlib.BundleOptions{Carry: true}))
	case what == 7:
		if err := point.Forward(w.Centre); err != nil {
			t.Fatal(err)
		}
	default:
		url := w.Centre.URL
		if what == 8 {
			url = point.URL
		}
		if err := d.SetServers(ctx, []string{url}); err != nil {
			t.Fatal(err)
		}
		if rng.IntN(3) == 0 {
			w.Net.Disturb(&clienttest.CutAt{At: rng.IntN(6000)})
			d.Sync(ctx)
			w.Net.Disturb(nil)
			return ids
		}
		if _, err := d.Sync(ctx); err != nil {
			t.Fatal(err)
		}
	}
	return ids
}
