package tally

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// reference is the rule of When in the words of package time.
func reference(rec *store.Record, floorMS int64) (string, bool) {
	hi := time.UnixMilli(rec.LatestMS).In(Zone)
	lo, known := hi, rec.EarliestMS > 0
	if known {
		lo = time.UnixMilli(rec.EarliestMS).In(Zone)
	} else if floorMS > 0 && floorMS <= rec.LatestMS {
		lo, known = time.UnixMilli(floorMS).In(Zone), true
	}
	straddles := !known || lo.Format("2006-01") != hi.Format("2006-01")
	claimed, err := time.ParseInLocation(time.DateOnly, rec.Occurred, Zone)
	start := time.Date(lo.Year(), lo.Month(), lo.Day(), 0, 0, 0, 0, Zone)
	if err == nil && !claimed.After(hi) && (!known || !claimed.Before(start)) {
		return claimed.Format(time.DateOnly), straddles
	}
	return hi.Format(time.DateOnly), straddles
}

func TestWhenAgreesWithTheCalendar(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const day = int64(dayMS)
		latest := rapid.Int64Range(-400*day, 40000*day).Draw(t, "latest")
		rec := store.Record{LatestMS: latest, EarliestMS: rapid.SampledFrom([]int64{0, latest, latest - 3*day, latest - 70*day, latest + day}).Draw(t, "earliest")}
		rec.Occurred = rapid.SampledFrom([]string{"", "2026", "2026-02-30", "soon", "2099-01-01", "+026-01-01",
			DayAt(latest).Time().Format(time.DateOnly), DayAt(latest - 3*day).Time().Format(time.DateOnly), DayAt(latest + day).Time().Format(time.DateOnly)}).Draw(t, "occurred")
		floor := rapid.SampledFrom([]int64{0, latest - day, latest, latest + day, 1}).Draw(t, "floor")
		got, straddles := When(&rec, floor)
		want, wantStraddles := reference(&rec, floor)
		if got.Time().Format(time.DateOnly) != want || straddles != wantStraddles {
			t.Fatalf("%+v, floor %d: %s %v, want %s %v", rec, floor, got.Time().Format(time.DateOnly), straddles, want, wantStraddles)
		}
		if month, at := got.Split(); FirstOf(month)+Day(at) != got {
			t.Fatalf("day %d is day %d of month %d", got, at, month)
		}
	})
}

// memory keeps tallies in maps.
type memory struct {
	tallies  map[key][]byte
	teams    map[uuid.UUID]store.TeamTally
	arrivals map[syncproto.OriginID]store.Arrival
}

func newMemory() *memory {
	return &memory{map[key][]byte{}, map[uuid.UUID]store.TeamTally{}, map[syncproto.OriginID]store.Arrival{}}
}

func (m *memory) EachTally(_ store.TallyQuery, f func(store.Tally) error) error {
	for k, data := range m.tallies {
		if err := f(store.Tally{Month: k.month, Team: k.team, Unit: k.unit, Data: data}); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) TallyOf(month int, team uuid.UUID, unit string) ([]byte, error) {
	return m.tallies[key{month, team, unit}], nil
}

func (m *memory) TeamTallies() (out []store.TeamTally, err error) {
	for t := range maps.Values(m.teams) {
		out = append(out, t)
	}
	return out, nil
}

func (m *memory) Arrivals() (out []store.Arrival, err error) {
	for a := range maps.Values(m.arrivals) {
		out = append(out, a)
	}
	return out, nil
}

func (m *memory) PutTally(t store.Tally) error {
	k := key{t.Month, t.Team, t.Unit}
	if m.tallies[k] = t.Data; len(t.Data) == 0 {
		delete(m.tallies, k)
	}
	return nil
}

func (m *memory) PutTeamTally(t store.TeamTally) error {
	t.Members, t.Trained = t.Members+m.teams[t.Team].Members, t.Trained+m.teams[t.Team].Trained
	m.teams[t.Team] = t
	return nil
}

func (m *memory) AddMembers(team uuid.UUID, members, trained int) error {
	t := m.teams[team]
	t.Team, t.Members, t.Trained = team, t.Members+members, t.Trained+trained
	m.teams[team] = t
	return nil
}

func (m *memory) PutArrival(a store.Arrival) error { m.arrivals[a.Origin] = a; return nil }

func (m *memory) DropTallies() error { *m = *newMemory(); return nil }

func named(rec *store.Record) (string, error) { return "Tổ " + rec.Unit, nil }

// draw makes a random state of one of a few records.
func draw(rng *rand.Rand, n int) store.Record {
	rec := store.Record{
		ID: uuid.UUID{byte(n)}, Collection: []uint32{syncproto.CollectionActivity, syncproto.CollectionActivity, syncproto.CollectionMember, syncproto.CollectionTeam, syncproto.CollectionTraining}[n%5],
		Unit: fmt.Sprint("l:", rng.IntN(3)), Team: uuid.UUID{15: byte(rng.IntN(3))}, Kind: []string{"CC", "TT"}[rng.IntN(2)], Result: []string{"", "done"}[rng.IntN(2)],
		Author: uuid.UUID{byte(rng.IntN(3))}, Exists: rng.IntN(4) > 0, Void: rng.IntN(4) == 0, LatestMS: 1_790_000_000_000 + rng.Int64N(90*dayMS),
	}
	rec.EarliestMS = rec.LatestMS - rng.Int64N(40*dayMS)
	return rec
}

// Whatever happens to records, in whatever transactions, what is counted ahead
// is what a recount of their last states gives.
func TestCountingAlongIsCountingAnew(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 1))
		m, now := newMemory(), map[uuid.UUID]store.Record{}
		for range 20 {
			c := &Count{FloorMS: 1}
			for range rng.IntN(12) {
				rec := draw(rng, rng.IntN(30))
				was, ok := now[rec.ID]
				var err error
				if ok {
					err = c.Changed(&was, &rec, named)
				} else {
					err = c.Added(&rec, named)
				}
				if err != nil {
					t.Fatal(err)
				}
				now[rec.ID] = rec
			}
			if err := c.Write(m); err != nil {
				t.Fatal(err)
			}
		}
		fresh := &Count{FloorMS: 1}
		for _, rec := range now {
			if err := fresh.Added(&rec, named); err != nil {
				t.Fatal(err)
			}
		}
		if off, err := fresh.Compare(m, 5); err != nil || len(off) > 0 {
			t.Fatalf("seed %d: %v, %v", seed, off, err)
		}
	}
}

func TestCompareSeesEveryDifference(t *testing.T) {
	activity := draw(rand.New(rand.NewPCG(1, 1)), 0)
	activity.Exists, activity.Void, activity.Author = true, false, uuid.UUID{7}
	member, team := activity, activity
	member.Collection, member.Team = syncproto.CollectionMember, uuid.UUID{9}
	team.Collection, team.ID = syncproto.CollectionTeam, uuid.UUID{9}
	count := func(list ...store.Record) *Count {
		c := &Count{FloorMS: 1}
		for i := range list {
			if err := c.Added(&list[i], named); err != nil {
				t.Fatal(err)
			}
		}
		c.Arrived(uuid.UUID{1}, 5, 6)
		return c
	}
	for name, x := range map[string]func(m *memory){
		"a tally too much":    func(m *memory) { m.tallies[key{1, uuid.UUID{1}, "l:1"}] = []byte{0} },
		"a tally missing":     func(m *memory) { clear(m.tallies) },
		"members miscounted":  func(m *memory) { _ = m.AddMembers(uuid.UUID{9}, 1, 0) },
		"another name":        func(m *memory) { _ = m.PutTeamTally(store.TeamTally{Team: uuid.UUID{9}, Name: "other"}) },
		"a team missing":      func(m *memory) { clear(m.teams) },
		"an arrival missing":  func(m *memory) { clear(m.arrivals) },
		"an arrival too late": func(m *memory) { m.arrivals[uuid.UUID{1}] = store.Arrival{Origin: uuid.UUID{1}, Last: 5, FirstMS: 7} },
	} {
		m := newMemory()
		if err := count(activity, member, team).Write(m); err != nil {
			t.Fatal(err)
		}
		if off, err := count(activity, member, team).Compare(m, 5); err != nil || len(off) > 0 {
			t.Fatalf("before: %v, %v", off, err)
		}
		x(m)
		if off, err := count(activity, member, team).Compare(m, 5); err != nil || len(off) == 0 {
			t.Errorf("%s is not seen (%v)", name, err)
		}
	}
}

func TestGarbledTalliesAreNamed(t *testing.T) {
	rec := draw(rand.New(rand.NewPCG(1, 1)), 0)
	c := &Count{}
	if err := c.Added(&rec, named); err != nil {
		t.Fatal(err)
	}
	m := newMemory()
	if err := c.Write(m); err != nil {
		t.Fatal(err)
	}
	for k, data := range m.tallies {
		for cut := 1; cut < len(data); cut++ {
			err := Each(data[:cut], func(Work, uint32, []uint32) {}, func(uuid.UUID, uint32, []uint32) {})
			if err != nil && !Garbled(err) {
				t.Errorf("cut at %d: %v", cut, err)
			}
		}
		m.tallies[k] = data[:3]
	}
	if err := c.Added(&rec, named); err != nil {
		t.Fatal(err)
	}
	if err := c.Write(m); !Garbled(err) {
		t.Errorf("adding to a garbled tally: %v", err)
	}
	less := &Count{}
	if err := less.count(&rec, -1, nil); err != nil {
		t.Fatal(err)
	}
	if err := less.Write(newMemory()); !Garbled(err) || errors.Is(err, nil) {
		t.Errorf("less than nothing: %v", err)
	}
}

func FuzzEach(f *testing.F) {
	f.Add([]byte{1, 2, 'C', 'C', 0, 1, 1, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		s := newSheet()
		if s.merge(data) != nil {
			return
		}
		out, err := s.encode()
		if err != nil {
			return // counts beyond what one month can hold
		}
		again := newSheet()
		if err := again.merge(out); err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
	})
}
