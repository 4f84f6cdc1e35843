package outward_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"thonsync/server/outward"
	"thonsync/server/store"
	"thonsync/server/store/sqlitestore"
	"thonsync/syncproto"
)

// reference knows no kind; a unit lies in itself only.
type reference struct{}

func (reference) Kind(string) (*syncproto.Kind, bool) { return nil, false }
func (reference) Lies(unit string, in []string) bool  { return slices.Contains(in, unit) }

type bench struct {
	outward.Feed
	t     *testing.T
	store *sqlitestore.Store
	epoch syncproto.Epoch
}

func newBench(t *testing.T) *bench {
	t.Helper()
	s, err := sqlitestore.Open(context.Background(), filepath.Join(t.TempDir(), "a.db"), sqlitestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &bench{t: t, store: s}
	b.Feed = outward.Feed{View: s.View, Reference: func() outward.Reference { return reference{} }, Epoch: func() syncproto.Epoch { return b.epoch }}
	b.begin(uuid.UUID{1})
	return b
}

func (b *bench) update(f func(tx store.Tx) error) {
	b.t.Helper()
	if err := b.store.Update(context.Background(), f); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) begin(epoch syncproto.Epoch) {
	b.epoch = epoch
	b.update(func(tx store.Tx) error {
		p, err := tx.Latest()
		if err != nil {
			return err
		}
		return tx.BeginHistory(epoch, p)
	})
}

func (b *bench) latest() (p store.Place) {
	b.update(func(tx store.Tx) (err error) { p, err = tx.Latest(); return err })
	return p
}

// record is an activity with a consent, which nobody hears of.
func record(n byte, unit string) *store.Record {
	row := syncproto.NewRow(
		syncproto.Field{Num: syncproto.FieldUnit, Value: syncproto.TextValue(unit)},
		syncproto.Field{Num: syncproto.ActivityKind, Value: syncproto.TextValue("TT")},
		syncproto.Field{Num: syncproto.ActivityConsent, Value: syncproto.TextValue("given")},
		syncproto.Field{Num: 40, Value: syncproto.TextValue("unnamed")},
	)
	return &store.Record{
		ID: uuid.UUID{n}, Collection: syncproto.CollectionActivity, Unit: unit, Kind: "TT", Exists: true, Changes: 1,
		Operational: syncproto.AppendRow(nil, row), History: []byte{},
	}
}

func (b *bench) put(list ...*store.Record) {
	b.t.Helper()
	b.update(func(tx store.Tx) error {
		for _, r := range list {
			if ok, err := tx.InsertRecord(r); err != nil || ok {
				if err != nil {
					return err
				}
				continue
			}
			if err := tx.PutRecord(r); err != nil {
				return err
			}
		}
		return nil
	})
}

// follower is another system that keeps what it was told, and its cursor.
type follower struct {
	b      *bench
	units  []string
	limit  int
	cursor string
	has    map[uuid.UUID]outward.Change
	told   int
}

func (f *follower) follow() {
	f.b.t.Helper()
	for more := true; more; {
		p, err := f.b.Page(context.Background(), f.cursor, f.units, f.limit)
		if err != nil {
			f.b.t.Fatal(err)
		}
		for _, c := range p.Changes {
			f.has[c.Record] = c
			f.told++
		}
		f.cursor, more = p.Next, p.More
	}
}

func (b *bench) follower(units []string, limit int) *follower {
	return &follower{b: b, units: units, limit: limit, has: map[uuid.UUID]outward.Change{}}
}

func (f *follower) want(n byte, state string) {
	f.b.t.Helper()
	if got, ok := f.has[uuid.UUID{n}]; !ok && state != "" || got.State != state {
		f.b.t.Errorf("record %d is %q, want %q", n, got.State, state)
	}
}

// Retractions, erasures and what is held reach whoever follows, and a record that
// was told is told again when it changes.
func TestFollowersHearOfEverything(t *testing.T) {
	b := newBench(t)
	b.put(record(9, "a"), record(3, "a"), record(5, "a"), record(4, "b"))
	member := record(7, "a")
	member.Collection = syncproto.CollectionMember
	b.put(member)
	all, one := b.follower(nil, 2), b.follower([]string{"a"}, 1)
	all.follow()
	one.follow()
	if len(all.has) != 4 || len(one.has) != 3 || all.told != 4 {
		t.Fatalf("all know %d, one knows %d", len(all.has), len(one.has))
	}
	voided, erased, held := record(9, "a"), record(3, "a"), record(5, "a")
	voided.Void, erased.Erased, held.Exists = true, true, false
	b.put(voided, erased, held, record(6, "a"))
	all.follow()
	one.follow()
	for _, f := range []*follower{all, one} {
		f.want(9, outward.Void)
		f.want(3, outward.Erased)
		f.want(5, outward.Withdrawn)
		f.want(6, outward.Present)
		if f.has[uuid.UUID{3}].Fields != nil {
			t.Errorf("an erased record is told with its values: %v", f.has[uuid.UUID{3}])
		}
	}
	one.want(4, "")
	told := all.told
	if all.follow(); all.told != told {
		t.Error("who is up to date is told again")
	}
	text, err := json.Marshal(all.has)
	if err != nil || !strings.Contains(string(text), `"kind":"TT"`) {
		t.Errorf("values are missing: %s %v", text, err)
	}
	for _, not := range []string{"consent", "given", "unnamed"} {
		if strings.Contains(string(text), not) {
			t.Errorf("%q is told: %s", not, text)
		}
	}
}

// After a restore cursors of the lost history go back to where the backup was,
// and everything from there is told again: nothing is missed.
func TestCursorsSurviveARestore(t *testing.T) {
	b := newBench(t)
	b.put(record(1, "a"), record(2, "a"), record(1, "a"))
	backup := b.latest()
	f := b.follower(nil, 10)
	b.put(record(3, "a"), record(2, "a"), record(3, "a"))
	f.follow()
	// The restored store has what the backup had; other records then come in
	// under the numbers that the lost ones had.
	epoch := uuid.UUID{2}
	b.epoch = epoch
	b.update(func(tx store.Tx) error { return tx.BeginHistory(epoch, backup) })
	told := f.told
	f.follow()
	if f.told-told != 3 {
		t.Errorf("%d told again, want the three writings after the backup", f.told-told)
	}
	old := f.cursor
	if f.follow(); f.cursor != old {
		t.Errorf("the cursor of the new history moves without a change")
	}
	b.epoch = uuid.UUID{9}
	p, err := b.Page(t.Context(), old, nil, 10)
	if err != nil || p.Restarted {
		t.Errorf("a known history: %v %v", p, err)
	}
	p, err = b.Page(t.Context(), p.Next, nil, 10) // of an epoch that nobody noted
	if err != nil || !p.Restarted || len(p.Changes) < 3 {
		t.Errorf("an unknown history: %+v %v", p, err)
	}
	for _, bad := range []string{"x", "AQ", "////", strings.Repeat("A", 30)} {
		if _, err := b.Page(t.Context(), bad, nil, 10); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
			t.Errorf("cursor %q: %v", bad, err)
		}
	}
}
