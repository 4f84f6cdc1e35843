// Package storetest is the contract of package store as tests: every engine
// passes this one suite.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// Open gives a new, empty store; it closes with the test.
type Open func(t testing.TB) store.Store

// Run runs the whole suite.
func Run(t *testing.T, open Open) {
	for name, f := range map[string]func(*testing.T, store.Store){
		"Transactions": transactions, "Origins": origins, "Issued": issued, "Runs": runs, "Segments": segments,
		"Outcomes": outcomes, "OutcomesAgainstModel": outcomesModel, "MoveBranch": moveBranch,
		"Records": records, "BulkRecords": bulk, "Feeds": feeds, "Rulings": rulings, "Receipts": receipts, "Witnesses": witnesses,
		"Codes": codes, "MetaAndCounters": meta, "Concurrent": concurrent,
		"Reorganisations": reorganisations, "Registers": registers, "Tallies": tallies, "Persons": persons, "Pairs": pairs,
		"Findings": findings, "Questions": questions, "Placed": placed, "Webhooks": webhooks,
		"Conflicts": conflicted,
	} {
		t.Run(name, func(t *testing.T) { f(t, open(t)) })
	}
}

func update(t testing.TB, s store.Store, f func(tx store.Tx) error) {
	t.Helper()
	if err := s.Update(context.Background(), f); err != nil {
		t.Fatal(err)
	}
}

func view(t testing.TB, s store.Store, f func(r store.Reader) error) {
	t.Helper()
	if err := s.View(context.Background(), f); err != nil {
		t.Fatal(err)
	}
}

func id(n byte) uuid.UUID { return uuid.UUID{n, 15: n} }

func hash(n byte) syncproto.Hash { return syncproto.Hash{n, 31: n} }

func origin(n byte) store.Origin {
	return store.Origin{
		ID: id(n), Key: slices.Repeat([]byte{n}, 32), Credentials: []string{"a.b.c", "d.e.f"}, Role: credential.RolePhone,
		Units: []string{"l:1", "l:2"}, Team: id(200), Commune: "l:1", Label: "máy", SinceMS: 5, Listed: true,
	}
}

func put(t testing.TB, s store.Store, ns ...byte) {
	t.Helper()
	update(t, s, func(tx store.Tx) error {
		for _, n := range ns {
			if err := tx.PutOrigin(origin(n)); err != nil {
				return err
			}
		}
		return nil
	})
}

func transactions(t *testing.T, s store.Store) {
	bad := errors.New("no")
	err := s.Update(context.Background(), func(tx store.Tx) error {
		if err := tx.SetMeta("k", []byte("v")); err != nil {
			return err
		}
		return bad
	})
	if !errors.Is(err, bad) {
		t.Errorf("error %v, want the function's own", err)
	}
	view(t, s, func(r store.Reader) error {
		if _, ok, err := r.Meta("k"); ok || err != nil {
			t.Errorf("a failed update left something: %v, %v", ok, err)
		}
		return nil
	})
	func() {
		defer func() { _ = recover() }()
		_ = s.Update(context.Background(), func(tx store.Tx) error {
			_ = tx.SetMeta("k", []byte("v"))
			panic("no")
		})
	}()
	update(t, s, func(tx store.Tx) error {
		if _, ok, err := tx.Meta("k"); ok || err != nil {
			t.Errorf("a panic left something: %v, %v", ok, err)
		}
		return tx.SetMeta("k", []byte("v"))
	})
	// A view keeps its snapshot while others write.
	view(t, s, func(r store.Reader) error {
		if v, _, err := r.Meta("k"); string(v) != "v" || err != nil {
			t.Errorf("read %q, %v", v, err)
		}
		update(t, s, func(tx store.Tx) error { return tx.SetMeta("k", []byte("w")) })
		if v, _, err := r.Meta("k"); string(v) != "v" || err != nil {
			t.Errorf("the snapshot moved to %q, %v", v, err)
		}
		return nil
	})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Update(ctx, func(store.Tx) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("update under a cancelled context: %v", err)
	}
}

func origins(t *testing.T, s store.Store) {
	put(t, s, 2, 1, 3)
	update(t, s, func(tx store.Tx) error {
		o := origin(3)
		o.Role, o.Team, o.Commune, o.Units = credential.RolePoint, uuid.Nil, "l:9", nil
		return errors.Join(tx.PutOrigin(o), tx.Contact(store.Contact{Origin: id(1), AtMS: 7, Via: id(9), ClockOffsetMS: -8, Waiting: 9}),
			tx.AddRepeats(id(1), 4), tx.AddRepeats(id(1), 5), tx.SetReceiptsRead(id(1), 11), tx.PutOrigin(origin(1)))
	})
	view(t, s, func(r store.Reader) error {
		o, ok, err := r.Origin(id(1))
		want := origin(1)
		want.LastContactMS, want.LastVia, want.ClockOffsetMS, want.Waiting, want.Repeats, want.ReceiptsRead = 7, id(9), -8, 9, 9, 11
		if fmt.Sprintf("%+v", o) != fmt.Sprintf("%+v", want) || !ok || err != nil {
			t.Errorf("origin %+v, want %+v (%v)", o, want, err)
		}
		if _, ok, err := r.Origin(id(9)); ok || err != nil {
			t.Errorf("an origin that is not there: %v, %v", ok, err)
		}
		for q, want := range map[*store.OriginQuery][]byte{
			{}: {1, 2, 3}, {After: id(1)}: {2, 3}, {Limit: 2}: {1, 2}, {Role: credential.RolePoint}: {3}, {Team: id(200)}: {1, 2}, {Commune: "l:1"}: {1, 2},
		} {
			list, err := r.Origins(*q)
			var got []byte
			for _, o := range list {
				got = append(got, o.ID[0])
			}
			if !slices.Equal(got, want) || err != nil {
				t.Errorf("%+v: %v, want %v (%v)", *q, got, want, err)
			}
		}
		return nil
	})
}

func run(branch uint32, first, last uint64) store.Run {
	return store.Run{
		Origin: id(1), Branch: branch, First: first, Before: syncproto.Heads{Seq: first - 1, Open: hash(1), Closed: hash(2)},
		Last: syncproto.Heads{Seq: last, Open: hash(3), Closed: hash(4)}, Parent: branch / 2, After: uint64(branch), Linked: branch > 0, BeaconMS: 6,
	}
}

func runs(t *testing.T, s store.Store) {
	put(t, s, 1)
	update(t, s, func(tx store.Tx) error {
		longer := run(0, 1, 9)
		return errors.Join(tx.PutRun(run(3, 4, 5)), tx.PutRun(run(0, 20, 30)), tx.PutRun(run(0, 1, 5)), tx.PutRun(longer),
			tx.PutRun(run(1, 2, 3)), tx.DeleteRun(id(1), 1, 2))
	})
	want := []store.Run{run(0, 1, 9), run(0, 20, 30), run(3, 4, 5)}
	view(t, s, func(r store.Reader) error {
		got, err := r.Runs(id(1))
		if !slices.Equal(got, want) || err != nil {
			t.Errorf("runs %+v, want %+v (%v)", got, want, err)
		}
		got = nil
		err = r.EachRun(func(run store.Run) error { got = append(got, run); return nil })
		if !slices.Equal(got, want) || err != nil {
			t.Errorf("each run %+v, want %+v (%v)", got, want, err)
		}
		return nil
	})
}

func segment(branch uint32, first, last uint64) store.Segment {
	return store.Segment{
		Origin: id(1), Branch: branch, First: first, Last: last, Before: syncproto.Heads{Seq: first - 1, Open: hash(1), Closed: hash(2)},
		After: syncproto.Heads{Seq: last, Open: hash(3), Closed: hash(4)}, ArrivedMS: 5, Via: id(6), Sealed: true,
		Data: []byte("data"), Commits: []byte("commits"), Salts: []byte("salts"),
	}
}

func segments(t *testing.T, s store.Store) {
	put(t, s, 1, 2)
	var ids []int64
	update(t, s, func(tx store.Tx) error {
		other := segment(0, 1, 1000)
		other.Origin = id(2)
		for _, seg := range []store.Segment{segment(0, 1, 1000), other, segment(0, 2001, 3000), segment(0, 1001, 2000), segment(1, 1500, 1600)} {
			n, err := tx.AddSegment(seg)
			if err != nil {
				return err
			}
			ids = append(ids, n)
		}
		changed := segment(2, 1, 1000)
		changed.ID, changed.Sealed, changed.Readable, changed.Data, changed.Salts = ids[0], false, true, []byte("open"), nil
		return tx.SetSegment(changed)
	})
	if !slices.IsSorted(ids) {
		t.Errorf("numbers %v do not rise", ids)
	}
	one := uint32(1)
	view(t, s, func(r store.Reader) error {
		for _, c := range []struct {
			q    store.SegmentQuery
			want []uint64
		}{
			{store.SegmentQuery{}, []uint64{1, 1001, 1500, 2001}},
			{store.SegmentQuery{From: 1000, To: 1000}, []uint64{1}},
			{store.SegmentQuery{From: 1001, To: 1499}, []uint64{1001}},
			{store.SegmentQuery{From: 1550, To: 1550}, []uint64{1001, 1500}},
			{store.SegmentQuery{From: 1601}, []uint64{1001, 2001}},
			{store.SegmentQuery{From: 3001}, nil},
			{store.SegmentQuery{Branch: &one}, []uint64{1500}},
			{store.SegmentQuery{Limit: 2}, []uint64{1, 1001}},
			{store.SegmentQuery{MaxBytes: 5}, []uint64{1, 1001}},
			{store.SegmentQuery{MaxBytes: 1}, []uint64{1}},
		} {
			c.q.Origin = id(1)
			list, err := r.Segments(c.q)
			var got []uint64
			for _, seg := range list {
				got = append(got, seg.First)
			}
			if !slices.Equal(got, c.want) || err != nil {
				t.Errorf("%+v: %v, want %v (%v)", c.q, got, c.want, err)
			}
		}
		want := segment(1, 1500, 1600)
		want.ID = ids[4]
		if got, ok, err := r.Segment(ids[4]); fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) || !ok || err != nil {
			t.Errorf("segment %+v, want %+v (%v)", got, want, err)
		}
		got, _, err := r.Segment(ids[0])
		if got.Branch != 2 || got.Sealed || !got.Readable || string(got.Data) != "open" || got.Salts != nil || err != nil {
			t.Errorf("rewritten segment %+v (%v)", got, err)
		}
		if list, err := r.Segments(store.SegmentQuery{Origin: id(1), HeadersOnly: true}); err != nil || list[1].Data != nil || list[1].After != want1001() {
			t.Errorf("headers %+v (%v)", list, err)
		}
		var each []int64
		err = r.EachSegment(ids[1], func(seg store.Segment) error { each = append(each, seg.ID); return nil })
		if !slices.Equal(each, ids[2:]) || err != nil {
			t.Errorf("each segment %v, want %v (%v)", each, ids[2:], err)
		}
		return nil
	})
}

func want1001() syncproto.Heads { return segment(0, 1001, 2000).After }

func records(t *testing.T, s store.Store) {
	rec := func(n byte, collection uint32, unit string) *store.Record {
		return &store.Record{
			ID: id(n), Collection: collection, Unit: unit, Kind: "CC", Team: id(9), Occurred: "2026-05", Result: "ok", Author: id(8), Origin: id(7),
			StampMS: -1, EarliestMS: 2, LatestMS: 3, Exists: n%2 == 1, Void: true, Conflict: true, Erased: n == 3, Changes: 4,
			Operational: []byte("row"), History: []byte("history"),
		}
	}
	update(t, s, func(tx store.Tx) error {
		for _, r := range []*store.Record{rec(2, 7, "l:1"), rec(1, 7, "l:2"), rec(3, 1, "l:1")} {
			if ok, err := tx.InsertRecord(r); !ok || err != nil {
				t.Errorf("insert: %v, %v", ok, err)
			}
		}
		if ok, err := tx.InsertRecord(rec(2, 1, "other")); ok || err != nil {
			t.Errorf("insert of what is there: %v, %v", ok, err)
		}
		replaced := rec(1, 7, "l:3")
		replaced.Team, replaced.Operational = uuid.Nil, nil
		return tx.PutRecord(replaced)
	})
	view(t, s, func(r store.Reader) error {
		got, ok, err := r.Record(id(2))
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", *rec(2, 7, "l:1")) || !ok || err != nil {
			t.Errorf("record %+v (%v)", got, err)
		}
		if got, _, err := r.Record(id(1)); got.Unit != "l:3" || got.Team != uuid.Nil || got.Operational != nil || err != nil {
			t.Errorf("replaced record %+v (%v)", got, err)
		}
		for _, c := range []struct {
			q    store.RecordQuery
			want []byte
		}{
			{store.RecordQuery{}, []byte{1, 2, 3}},
			{store.RecordQuery{After: id(1), Limit: 1}, []byte{2}},
			{store.RecordQuery{Collection: 7}, []byte{1, 2}},
			{store.RecordQuery{Collection: 1}, []byte{3}},
			{store.RecordQuery{Unit: "l:1"}, []byte{2, 3}},
			{store.RecordQuery{Kind: "CC", ExistsOnly: true}, []byte{1, 3}},
			{store.RecordQuery{Kind: "none"}, nil},
		} {
			var got []byte
			err := r.EachRecord(c.q, func(rec store.Record) error { got = append(got, rec.ID[0]); return nil })
			if !slices.Equal(got, c.want) || err != nil {
				t.Errorf("%+v: %v, want %v (%v)", c.q, got, c.want, err)
			}
		}
		stop := errors.New("stop")
		err = r.EachRecord(store.RecordQuery{WithoutHistory: true}, func(rec store.Record) error {
			if rec.History != nil {
				t.Error("history was read")
			}
			return stop
		})
		if !errors.Is(err, stop) {
			t.Errorf("error %v, want the function's own", err)
		}
		return nil
	})
}

// bulk inserts a hundred records of which one is there already.
func bulk(t *testing.T, s store.Store) {
	list := make([]*store.Record, 100)
	for i := range list {
		list[i] = &store.Record{ID: id(byte(i + 1)), Collection: 7, History: []byte{byte(i)}}
	}
	update(t, s, func(tx store.Tx) error {
		if ok, err := tx.InsertRecord(&store.Record{ID: id(71), History: []byte("old")}); !ok || err != nil {
			t.Errorf("insert: %v, %v", ok, err)
		}
		n, err := tx.InsertRecords(list)
		if n > 70 || err != nil {
			t.Errorf("%d were added before the 71st (%v)", n, err)
		}
		for _, r := range list[n:] {
			if ok, err := tx.InsertRecord(r); ok == (r.ID == id(71)) || err != nil {
				t.Errorf("record %d: %v, %v", r.ID[0], ok, err)
			}
		}
		return nil
	})
	view(t, s, func(r store.Reader) error {
		n := 0
		err := r.EachRecord(store.RecordQuery{}, func(rec store.Record) error {
			if n++; rec.ID != id(71) && rec.History[0] != rec.ID[0]-1 || rec.ID == id(71) && string(rec.History) != "old" {
				t.Errorf("record %d holds %q", rec.ID[0], rec.History)
			}
			return nil
		})
		if n != 100 {
			t.Errorf("%d records, want 100", n)
		}
		return err
	})
}

func concurrent(t *testing.T, s store.Store) {
	const writers, each = 4, 25
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				err := s.Update(context.Background(), func(tx store.Tx) error { _, err := tx.AddCounter("n", 1); return err })
				if err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			last := int64(0)
			for range each {
				err := s.View(context.Background(), func(r store.Reader) error {
					n, err := r.Counter("n")
					if n < last {
						t.Errorf("counter went back from %d to %d", last, n)
					}
					last = n
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	view(t, s, func(r store.Reader) error {
		if n, err := r.Counter("n"); n != writers*each || err != nil {
			t.Errorf("counter %d, want %d (%v)", n, writers*each, err)
		}
		return nil
	})
}

func issued(t *testing.T, s store.Store) {
	first := store.Issued{Issuer: id(1), Device: id(9), Seq: 7, EarliestMS: 5}
	second := store.Issued{Issuer: id(1), Device: id(3), Seq: 2, State: store.IssuedSurplus}
	other := store.Issued{Issuer: id(2), Device: id(9), Seq: 1 << 40, State: store.IssuedCounted}
	update(t, s, func(tx store.Tx) error {
		return errors.Join(tx.PutIssued(first), tx.PutIssued(second), tx.PutIssued(other))
	})
	check := func(what string, want ...store.Issued) {
		t.Helper()
		view(t, s, func(r store.Reader) error {
			got, err := r.Issued(id(1))
			if !slices.Equal(got, want) {
				t.Errorf("%s: %+v, want %+v", what, got, want)
			}
			return err
		})
	}
	check("in the order of the log", second, first)
	first.State, first.Seq = store.IssuedCounted, 1
	update(t, s, func(tx store.Tx) error { return tx.PutIssued(first) })
	check("replaced", first, second)
	view(t, s, func(r store.Reader) error {
		got, err := r.IssuedDevice(id(9))
		if want := []store.Issued{first, other}; !slices.Equal(got, want) {
			t.Errorf("of a device: %+v, want %+v", got, want)
		}
		none, err2 := r.IssuedDevice(id(77))
		if len(none) > 0 {
			t.Errorf("of a stranger: %+v", none)
		}
		return errors.Join(err, err2)
	})
}
