package health_test

import (
	"context"
	"encoding/binary"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/server/reconcile/health"
	"thonsync/server/store"
	"thonsync/server/store/sqlitestore"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

const day = 24 * time.Hour

// counted counts what grows with work.
type counted struct {
	store.Reader
	segments *int
}

func (c counted) Segments(q store.SegmentQuery) ([]store.Segment, error) {
	*c.segments++
	return c.Reader.Segments(q)
}

// world is a store with a clock and the findings that somebody was told of.
type world struct {
	*health.Service
	t        *testing.T
	store    *sqlitestore.Store
	now      time.Time
	told     []string
	segments int
}

func id(n uint32) (u uuid.UUID) {
	binary.BigEndian.PutUint32(u[:], n)
	u[15] = 1
	return u
}

func newWorld(t *testing.T) *world {
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
	w := &world{t: t, store: s, now: time.Now().Truncate(time.Millisecond)}
	w.Service = health.New(health.Config{
		View: func(ctx context.Context, f func(store.Reader) error) error {
			return s.View(ctx, func(r store.Reader) error { return f(counted{r, &w.segments}) })
		},
		Update: s.Update, Lies: func(unit string, in []string) bool { return slices.Contains(in, unit) },
		UnitName: func(u string) string { return "Xã " + u }, Here: "centre", Rules: health.DefaultRules(),
		Told: func(_ store.Tx, f *health.Finding) error { w.told = append(w.told, f.Key); return nil },
		Now:  func() time.Time { return w.now },
	})
	return w
}

func (w *world) ago(d time.Duration) int64 { return w.now.Add(-d).UnixMilli() }

func (w *world) update(f func(tx store.Tx) error) {
	w.t.Helper()
	if err := w.store.Update(context.Background(), f); err != nil {
		w.t.Fatal(err)
	}
}

// origin adds a phone or point that was heard of.
func (w *world) origin(n uint32, role credential.Role, unit string, heard time.Duration, c store.Contact) {
	w.update(func(tx store.Tx) error {
		err := tx.PutOrigin(store.Origin{
			ID: id(n), Key: make([]byte, 32), Credentials: []string{"a"}, Role: role, Units: []string{unit}, Commune: unit, Label: "máy", SinceMS: w.ago(40 * day),
		})
		if err != nil {
			return err
		}
		if c.Origin = id(n); heard >= 0 {
			c.AtMS = w.ago(heard)
		}
		return tx.Contact(c)
	})
}

// run puts changes first..last of a branch there, and when they arrived.
func (w *world) run(n, branch uint32, after, first, last uint64, arrived time.Duration, o syncproto.Outcome, reason syncproto.Reason) {
	w.update(func(tx store.Tx) error {
		r := store.Run{Origin: id(n), Branch: branch, After: after, First: first, Last: syncproto.Heads{Seq: last}}
		if err := tx.PutRun(r); err != nil {
			return err
		}
		s := store.Segment{Origin: id(n), Branch: branch, First: first, Last: last, ArrivedMS: w.ago(arrived), Data: []byte{1}}
		if _, err := tx.AddSegment(s); err != nil {
			return err
		}
		return tx.SetOutcome(store.Outcome{Origin: id(n), Branch: branch, First: first, Last: last, Outcome: o, Reason: reason})
	})
}

func (w *world) list(q health.Query) health.List {
	w.t.Helper()
	l, err := w.List(context.Background(), q)
	if err != nil {
		w.t.Fatal(err)
	}
	return l
}

// found gives kind, device and count of each finding.
func found(l health.List) (out []string) {
	for _, f := range l.Findings {
		out = append(out, strings.Join([]string{string(f.Kind), f.Label, f.What.EN}, "|"))
	}
	return out
}

func (w *world) expect(q health.Query, want ...string) {
	w.t.Helper()
	got := found(w.list(q))
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		w.t.Errorf("found\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// Every way in which something can be wrong is found, with its numbers, and what
// is well is left alone.
func TestWhatIsWrongIsFound(t *testing.T) {
	w := newWorld(t)
	const good = syncproto.OutcomeAccepted
	w.origin(1, credential.RolePhone, "a", day, store.Contact{}) // all is well
	w.run(1, 0, 0, 1, 9, day, good, "")
	w.expect(health.Query{})

	w.origin(2, credential.RolePhone, "b", day, store.Contact{}) // numbers are missing
	w.run(2, 0, 0, 1, 4, 5*day, good, "")
	w.run(2, 0, 0, 8, 9, 3*day, syncproto.OutcomeQuarantined, syncproto.ReasonUnknownUnit)
	w.origin(3, credential.RolePhone, "c", 8*day, store.Contact{})
	w.origin(4, credential.RolePhone, "d", 3*day, store.Contact{Waiting: 7})
	w.origin(5, credential.RolePhone, "e", -1, store.Contact{})
	w.origin(6, credential.RolePhone, "f", day, store.Contact{ClockOffsetMS: (3*day + time.Hour).Milliseconds()})
	w.origin(7, credential.RolePhone, "g", day, store.Contact{}) // two copies
	w.run(7, 0, 0, 1, 4, day, good, "")
	w.run(7, 1, 2, 3, 5, day, syncproto.OutcomeForked, syncproto.ReasonFork)
	w.origin(8, credential.RolePoint, "h", 4*day, store.Contact{Waiting: 12})
	w.origin(9, credential.RolePhone, "i", day, store.Contact{}) // its work lies at the point
	w.run(9, 0, 0, 1, 2, 9*day, good, "")
	w.update(func(tx store.Tx) error {
		for _, x := range []struct {
			last uint64
			at   time.Duration
		}{{6, 5 * day}, {9, 4 * day}} {
			err := tx.AddWitness(store.Witness{Issuer: id(8), Origin: id(9), First: 1, Last: x.last, IssuedMS: w.ago(x.at), Data: []byte{1}})
			if err != nil {
				return err
			}
		}
		return nil
	})
	w.now = w.now.Add(time.Minute)
	w.expect(health.Query{},
		"gap|máy|3 changes are missing, numbers 5–7.",
		"quarantine|máy|2 changes quarantined: unknown unit.",
		"quiet|máy|Nothing has been heard of the phone for 8 days.",
		"backlog|máy|When last heard of (3 days ago) the phone still had 7 changes to send.",
		"never-heard|máy|The phone joined 40 days ago and has never sent anything.",
		"clock|máy|The clock is fast by 3 days.",
		"fork|máy|2 copies of this device have recorded; 3 changes are on later branches.",
		"point-behind|máy|The point was last here 4 days ago, with 12 changes left to bring.",
		"at-point|máy|7 changes (up to number 9) have been at point máy for 5 days and are not here.",
	)
	w.expect(health.Query{Units: []string{"b"}, Kind: health.Gap}, "gap|máy|3 changes are missing, numbers 5–7.")
	w.expect(health.Query{Units: []string{}})
	for _, f := range w.list(health.Query{}).Findings {
		if f.What.VI == "" || f.Next.VI == "" || f.Next.EN == "" || f.SinceMS == 0 {
			t.Errorf("%s says too little: %+v", f.Key, f)
		}
		if f.Kind == health.Gap && f.SinceMS != w.ago(3*day+time.Minute) {
			t.Errorf("the gap is known since %d", f.SinceMS)
		}
	}
	d, err := w.Device(t.Context(), id(9), nil)
	want := []health.Custody{{Where: "centre", Changes: 2, SinceMS: d.Device.HeardMS}, {Where: "point", Point: id(8), Label: "máy", Changes: 7, SinceMS: w.ago(5*day + time.Minute)}}
	if err != nil || !slices.Equal(d.Custody, want) {
		t.Errorf("custody %+v: %v", d.Custody, err)
	}
	if _, err := w.Device(t.Context(), id(9), []string{"a"}); syncproto.CodeOf(err) != syncproto.CodeScope {
		t.Errorf("a device of another unit: %v", err)
	}
}

// What was dismissed is out of sight with its reason, comes back by undo, and is
// forgotten when it is no longer wrong: if it happens again it is a new finding.
func TestDismissAndUndo(t *testing.T) {
	w := newWorld(t)
	w.origin(1, credential.RolePhone, "a", 8*day, store.Contact{})
	ctx := t.Context()
	watch := func() {
		t.Helper()
		if err := w.Watch(ctx); err != nil {
			t.Fatal(err)
		}
	}
	watch()
	watch()
	key := "quiet:" + id(1).String()
	if !slices.Equal(w.told, []string{key}) {
		t.Fatalf("told %v", w.told)
	}
	for _, bad := range []error{
		w.Dismiss(ctx, key, nil, "x", "  "), w.Dismiss(ctx, key, []string{"b"}, "x", "r"), w.Dismiss(ctx, "quiet:none", nil, "x", "r"),
		w.Dismiss(ctx, key, nil, "x", strings.Repeat("ă", 501)),
	} {
		if bad == nil {
			t.Error("dismissed without a reason, out of scope, or what is not there")
		}
	}
	if err := w.Dismiss(ctx, key, []string{"a"}, "lan", "máy hỏng"); err != nil {
		t.Fatal(err)
	}
	w.expect(health.Query{})
	l := w.list(health.Query{Dismissed: true})
	if len(l.Findings) != 1 || l.Findings[0].Standing.Reason != "máy hỏng" || l.Findings[0].Standing.Actor != "lan" || l.Counts[health.Quiet] != 0 {
		t.Errorf("dismissed: %+v", l)
	}
	if err := w.Undo(ctx, key, nil); err != nil {
		t.Fatal(err)
	}
	w.expect(health.Query{}, "quiet|máy|Nothing has been heard of the phone for 8 days.")
	if err := w.Dismiss(ctx, key, nil, "lan", "máy hỏng"); err != nil {
		t.Fatal(err)
	}
	w.origin(1, credential.RolePhone, "a", 0, store.Contact{})
	watch()
	w.expect(health.Query{Dismissed: true})
	w.now = w.now.Add(9 * day)
	watch()
	w.expect(health.Query{}, "quiet|máy|Nothing has been heard of the phone for 9 days.")
	if len(w.told) != 2 {
		t.Errorf("told %v", w.told)
	}
}

// Pages follow each other without a finding lost or twice.
func TestPages(t *testing.T) {
	w := newWorld(t)
	for n := range uint32(7) {
		w.origin(n+1, credential.RolePhone, "a", 8*day, store.Contact{})
	}
	var keys []string
	q := health.Query{Limit: 3}
	for range 4 {
		l := w.list(q)
		for _, f := range l.Findings {
			keys = append(keys, f.Key)
		}
		if q.After = l.Next; q.After == "" {
			break
		}
	}
	if slices.Sort(keys); len(slices.Compact(keys)) != 7 || q.After != "" {
		t.Errorf("%d findings: %v", len(keys), keys)
	}
}

// A province's devices are read without a look at its segments, and once for
// many views.
func TestReadingDoesNotGrowWithWork(t *testing.T) {
	w := newWorld(t)
	const phones = 4000
	w.update(func(tx store.Tx) error {
		for n := range uint32(phones) {
			o := store.Origin{ID: id(n + 1), Key: make([]byte, 32), Role: credential.RolePhone, Units: []string{"a"}, SinceMS: w.ago(day)}
			if err := tx.PutOrigin(o); err != nil {
				return err
			}
		}
		return nil
	})
	w.run(1, 0, 0, 1, 4, day, syncproto.OutcomeAccepted, "")
	w.run(1, 0, 0, 6, 9, day, syncproto.OutcomeAccepted, "")
	for range 20 {
		if l := w.list(health.Query{}); l.Devices != phones || l.Counts[health.Gap] != 1 {
			t.Fatalf("%+v", l.Counts)
		}
	}
	if w.segments != 1 {
		t.Errorf("%d looks at segments for one gap and 20 views", w.segments)
	}
}

func TestClockInPlainWords(t *testing.T) {
	for off, want := range map[time.Duration]string{
		3*day + time.Hour: "Máy chạy nhanh 3 ngày.", -15 * time.Minute: "Máy chạy chậm 15 phút.", 90 * time.Minute: "Máy chạy nhanh 2 giờ.",
		73 * 365 * day: "Máy chạy nhanh 73 năm.", time.Hour: "Máy chạy nhanh 1 giờ.",
	} {
		if got := health.ClockText(off); got.VI != want || strings.Contains(got.EN, " 1 hours") {
			t.Errorf("%v: %q %q, want %q", off, got.VI, got.EN, want)
		}
	}
}
