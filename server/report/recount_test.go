package report_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/server/ingest"
	"thonsync/server/report"
	"thonsync/server/store"
	"thonsync/server/store/sqlitestore"
	"thonsync/server/tally"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// tree is a province of two communes with three villages each.
type tree struct{}

func (tree) Kind(string) (*syncproto.Kind, bool) { return nil, false }

func (tree) Unit(key string) (ingest.UnitInfo, bool) {
	if len(key) < 3 {
		return ingest.UnitInfo{}, false
	}
	up := map[int]string{3: "", 4: "l:p", 6: "l:" + string(key[2:min(len(key), 4)])}
	levels := map[int]string{3: "province", 4: "commune", 6: "village"}
	parent, ok := up[len(key)]
	return ingest.UnitInfo{Key: key, Level: levels[len(key)], Name: key, Parent: parent}, ok
}

func (d tree) Ancestors(unit string) (out []string) {
	for unit != "" {
		out = append(out, unit)
		u, _ := d.Unit(unit)
		unit = u.Parent
	}
	return out
}

func (d tree) Within(unit string, scope []string) bool {
	for _, u := range d.Ancestors(unit) {
		for _, s := range scope {
			if u == s {
				return true
			}
		}
	}
	return false
}

func (d tree) Commune(unit string) string {
	for _, u := range d.Ancestors(unit) {
		if len(u) == 4 {
			return u
		}
	}
	return ""
}

// village names one of the six villages.
func village(n int) string { return fmt.Sprintf("l:c%d-%d", n/3, n%3) }

const nowMS = 1_790_000_000_000

// someRecords draws teams, members, trainings and activities.
func someRecords(rng *rand.Rand) (out []store.Record) {
	for i := range 6 {
		row := syncproto.NewRow(syncproto.Field{Num: syncproto.FieldUnit, Value: syncproto.TextValue(village(i))},
			syncproto.Field{Num: syncproto.TeamName, Value: syncproto.TextValue(fmt.Sprint("Tổ ", i))})
		out = append(out, store.Record{ID: uuid.UUID{1, byte(i)}, Collection: syncproto.CollectionTeam, Unit: village(i), Exists: true, Void: i == 5,
			Operational: syncproto.AppendRow(nil, row)})
	}
	for i := range 20 {
		out = append(out, store.Record{ID: uuid.UUID{2, byte(i)}, Collection: syncproto.CollectionMember, Unit: village(i % 6),
			Team: uuid.UUID{1, byte(i % 6)}, Exists: rng.IntN(9) > 0, Void: rng.IntN(9) == 0})
	}
	for i := range 400 {
		rec := store.Record{ID: uuid.UUID{3, byte(i / 256), byte(i)}, Collection: syncproto.CollectionActivity, Unit: village(rng.IntN(6)),
			Team: uuid.UUID{1, byte(rng.IntN(7))}, Kind: []string{"CC", "TT", "HN"}[rng.IntN(3)], Author: uuid.UUID{2, byte(rng.IntN(20))},
			Exists: rng.IntN(9) > 0, Void: rng.IntN(9) == 0, LatestMS: nowMS - rng.Int64N(100*24*3600*1000)}
		if rng.IntN(5) > 0 {
			rec.EarliestMS = rec.LatestMS - rng.Int64N(20*24*3600*1000)
		}
		rec.Occurred = tally.DayAt(rec.LatestMS - rng.Int64N(9*24*3600*1000)).Time().Format(time.DateOnly)
		if rng.IntN(4) > 0 {
			rec.Team = uuid.UUID{1, byte(rec.Unit[4]-'0') + 3*byte(rec.Unit[3]-'0')}
		}
		out = append(out, rec)
	}
	return out
}

// filled gives a store with records, and the tallies of them.
func filled(t *testing.T, records []store.Record) store.Store {
	t.Helper()
	st, err := sqlitestore.Open(context.Background(), filepath.Join(t.TempDir(), "x.db"), sqlitestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	name := func(rec *store.Record) (string, error) {
		row, err := ingest.Shown(rec)
		return row.Value(syncproto.TeamName).Text(), err
	}
	err = st.Update(context.Background(), func(tx store.Tx) error {
		centre := store.Origin{ID: uuid.UUID{9}, Key: make([]byte, 32), Role: credential.RoleCentre, SinceMS: nowMS - 90*24*3600*1000}
		if err := tx.PutOrigin(centre); err != nil {
			return err
		}
		for i := range records {
			records[i].History = []byte{}
			if records[i].Operational == nil {
				records[i].Operational = syncproto.AppendRow(nil, syncproto.NewRow(syncproto.Field{Num: syncproto.FieldUnit, Value: syncproto.TextValue(records[i].Unit)}))
			}
			if _, err := tx.InsertRecord(&records[i]); err != nil {
				return err
			}
		}
		c, err := tally.Recount(tx, name)
		if err != nil {
			return err
		}
		return c.Write(tx)
	})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func service(st store.Store) *report.Service {
	return &report.Service{Source: report.Of(st), Definitions: func() report.Definitions { return tree{} },
		Now: func() time.Time { return time.UnixMilli(nowMS) }}
}

// scanned is what the reports were made of before anything was counted ahead:
// one look at every record.
func scanned(records []store.Record, f *report.Figures) (cells map[report.Cell]report.Count, teams map[uuid.UUID]string, strays int) {
	const floor = nowMS - 90*24*3600*1000
	defs := tree{}
	covers := func(unit string) bool { return f.Query.Unit == "" || defs.Within(unit, []string{f.Query.Unit}) }
	type sum struct {
		activities, members int
		quarantined         uint64
		kinds               map[string]bool
		authors             map[uuid.UUID]bool
		last                string
	}
	sums := map[uuid.UUID]*sum{}
	for _, rec := range records {
		if rec.Collection == syncproto.CollectionTeam && rec.Exists && !rec.Void && covers(rec.Unit) {
			sums[rec.ID] = &sum{kinds: map[string]bool{}, authors: map[uuid.UUID]bool{}}
		}
	}
	cells = map[report.Cell]report.Count{}
	for i := range records {
		rec := &records[i]
		t := sums[rec.Team]
		if rec.Collection == syncproto.CollectionMember && rec.Exists && !rec.Void && t != nil {
			t.members++
		}
		if rec.Collection != syncproto.CollectionActivity {
			continue
		}
		counted, straddles := tally.When(rec, floor)
		day := counted.Time()
		if day.Before(f.From) || !day.Before(f.To) {
			continue
		}
		here := covers(rec.Unit)
		if here {
			cell := report.Cell{Commune: defs.Commune(rec.Unit), Kind: rec.Kind, Month: day.Format("2006-01")}
			n := cells[cell]
			switch {
			case !rec.Exists:
				n.Quarantined++
			case rec.Void:
				n.Void++
			default:
				n.Activities++
				if straddles {
					n.Straddling++
				}
			}
			cells[cell] = n
		}
		switch {
		case rec.Void:
		case t == nil && here && rec.Exists:
			strays++
		case t == nil:
		case !rec.Exists:
			t.quarantined++
		default:
			t.activities++
			t.kinds[rec.Kind], t.authors[rec.Author] = true, true
			t.last = max(t.last, day.Format(time.DateOnly))
		}
	}
	teams = map[uuid.UUID]string{}
	for id, s := range sums {
		teams[id] = fmt.Sprint(s.activities, s.members, s.quarantined, len(s.kinds), len(s.authors), s.last)
	}
	return cells, teams, strays
}

// Reports made of what is counted ahead are those that a look at every record
// makes.
func TestTalliesMakeTheSameReports(t *testing.T) {
	for seed := range uint64(3) {
		records := someRecords(rand.New(rand.NewPCG(seed, 1)))
		s := service(filled(t, records))
		for _, q := range []report.Query{{}, {Unit: "l:c1"}, {Unit: "l:c0-2"}, {Month: "2026-08"}, {Unit: "l:p", From: "2026-07-30", To: "2026-08-02"},
			{From: "2026-01-01", To: "2026-12-31"}, {From: "2026-08-31", To: "2026-08-31"}} {
			f, err := s.Figures(context.Background(), q)
			if err != nil {
				t.Fatal(err)
			}
			cells, teams, strays := scanned(records, f)
			got := map[report.Cell]report.Count{}
			for c, n := range f.Cells {
				got[c] = *n
			}
			if !maps.Equal(got, cells) || f.Strays != strays {
				t.Errorf("seed %d %+v: cells %v and %d strays, want %v and %d", seed, q, got, f.Strays, cells, strays)
			}
			gotTeams := map[uuid.UUID]string{}
			for _, x := range f.Teams {
				gotTeams[x.ID] = fmt.Sprint(x.Activities, x.Members, x.Quarantined, x.Kinds, x.ActiveMembers, x.LastDay)
			}
			if !maps.Equal(gotTeams, teams) {
				b, _ := json.Marshal(q)
				t.Errorf("seed %d %s: teams %v, want %v", seed, b, gotTeams, teams)
			}
		}
	}
}
