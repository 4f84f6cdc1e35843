package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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

// The size of the province, and of what its teams did in a year.
const (
	overviewTeams    = 2071
	overviewCommunes = 193
	overviewFew      = 100_000
	overviewMany     = 1_000_000
)

// flatUnits is a province whose villages lie in communes by their number.
type flatUnits struct{ up map[string][]string }

func newFlatUnits() flatUnits {
	d := flatUnits{map[string][]string{}}
	for i := range overviewTeams {
		village := fmt.Sprintf("b:v%d", i)
		for unit := village; unit != ""; {
			d.up[village] = append(d.up[village], unit)
			u, _ := d.Unit(unit)
			unit = u.Parent
		}
	}
	return d
}

func (flatUnits) Kind(string) (*syncproto.Kind, bool) { return nil, false }

func (flatUnits) Unit(key string) (ingest.UnitInfo, bool) {
	if len(key) < 3 {
		return ingest.UnitInfo{}, false
	}
	switch key[2] {
	case 'p':
		return ingest.UnitInfo{Key: key, Level: "province", Name: key}, true
	case 'c':
		return ingest.UnitInfo{Key: key, Level: "commune", Name: key, Parent: "b:p"}, true
	}
	var n int
	_, err := fmt.Sscanf(key, "b:v%d", &n)
	return ingest.UnitInfo{Key: key, Level: "village", Name: key, Parent: fmt.Sprintf("b:c%d", n%overviewCommunes)}, err == nil
}

func (d flatUnits) Ancestors(unit string) (out []string) {
	if up, ok := d.up[unit]; ok {
		return up
	}
	for unit != "" {
		out = append(out, unit)
		u, _ := d.Unit(unit)
		unit = u.Parent
	}
	return out
}

func (d flatUnits) Within(unit string, in []string) bool {
	return slices.ContainsFunc(d.Ancestors(unit), func(u string) bool { return slices.Contains(in, u) })
}

func (d flatUnits) Commune(unit string) string {
	if up := d.Ancestors(unit); len(up) >= 2 {
		return up[len(up)-2]
	}
	return ""
}

func numbered(kind byte, n int) uuid.UUID {
	return uuid.UUID{kind, 12: byte(n >> 24), 13: byte(n >> 16), 14: byte(n >> 8), 15: byte(n)}
}

// overviewSuite measures the console's first page, with its trend of twelve
// months, against one bare SQL aggregate over the same records, and how it grows
// from 100,000 to 1,000,000 activities.
func overviewSuite(emit func(line)) error {
	few, err := measureOverview(overviewFew)
	if err != nil {
		return err
	}
	many, err := measureOverview(overviewMany)
	if err != nil {
		return err
	}
	emit(compare("overview/million", many.ours, many.bare, "the bare SQL aggregate by team over the same 1,000,000 records", "ms", atMost, 0.1))
	emit(compare("overview/flat", many.ours, few.ours, "the same overview of 100,000 activities", "ms", atMost, 1.6))
	return nil
}

type overviewTimes struct{ ours, bare float64 }

func measureOverview(n int) (t overviewTimes, err error) {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "thonsync-bench-")
	if err != nil {
		return t, err
	}
	defer os.RemoveAll(dir)
	path, now := filepath.Join(dir, "store.db"), time.Now()
	st, err := sqlitestore.Open(ctx, path, sqlitestore.Options{})
	if err != nil {
		return t, err
	}
	defer st.Close()
	if err := fillOverview(ctx, st, n, now); err != nil {
		return t, err
	}
	units := newFlatUnits()
	s := &report.Service{Source: report.Of(st), Definitions: func() report.Definitions { return units }, Now: func() time.Time { return now }}
	t.ours, err = fastest(5, func() error {
		o, err := s.Overview(ctx, report.TrendQuery{})
		if err == nil && o.Total.Teams != overviewTeams {
			err = fmt.Errorf("%d teams, want %d", o.Total.Teams, overviewTeams)
		}
		return err
	})
	if err != nil {
		return t, err
	}
	db, err := sql.Open("sqlite", bareDSN(path))
	if err != nil {
		return t, err
	}
	defer db.Close()
	t.bare, err = fastest(2, func() error { return bareAggregate(ctx, db) })
	return t, err
}

func bareAggregate(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, `SELECT team, count(*), count(DISTINCT kind), count(DISTINCT author) FROM records
		WHERE collection=7 AND flags&3=1 GROUP BY team`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var team []byte
		var n, kinds, authors int
		if err := rows.Scan(&team, &n, &kinds, &authors); err != nil {
			return err
		}
	}
	return rows.Err()
}

// fastest gives the milliseconds of the fastest of some runs.
func fastest(runs int, f func() error) (ms float64, err error) {
	for i := range runs {
		start := time.Now()
		if err := f(); err != nil {
			return 0, err
		}
		if took := float64(time.Since(start).Microseconds()) / 1000; i == 0 || took < ms {
			ms = took
		}
	}
	return ms, nil
}

// fillOverview writes teams, members, phones and n activities over a year, and
// counts them.
func fillOverview(ctx context.Context, st *sqlitestore.Store, n int, now time.Time) error {
	err := st.Update(ctx, func(tx store.Tx) error { return fillTeams(tx, now) })
	if err != nil {
		return err
	}
	const part = 20_000
	history := make([]byte, 250) // about what one change takes
	for at := 0; at < n; at += part {
		list := make([]*store.Record, 0, part)
		for i := at; i < min(at+part, n); i++ {
			list = append(list, overviewRecord(i, n, now, history))
		}
		err := st.Update(ctx, func(tx store.Tx) error {
			_, err := tx.InsertRecords(list)
			return err
		})
		if err != nil {
			return err
		}
	}
	return st.Update(ctx, func(tx store.Tx) error {
		c, err := tally.Recount(tx, func(*store.Record) (string, error) { return "Tổ", nil })
		if err != nil {
			return err
		}
		return c.Write(tx)
	})
}

func fillTeams(tx store.Tx, now time.Time) error {
	for i := range overviewTeams {
		unit := fmt.Sprintf("b:v%d", i)
		o := store.Origin{ID: numbered(8, i), Key: make([]byte, 32), Role: credential.RolePhone, Units: []string{unit}, Team: numbered(1, i), SinceMS: 1}
		if err := tx.PutOrigin(o); err != nil {
			return err
		}
		if err := tx.Contact(store.Contact{Origin: o.ID, AtMS: now.UnixMilli()}); err != nil {
			return err
		}
		if _, err := tx.InsertRecord(&store.Record{ID: numbered(1, i), Collection: syncproto.CollectionTeam, Unit: unit, Exists: true, History: []byte{}}); err != nil {
			return err
		}
		for m := range 6 {
			rec := store.Record{ID: numbered(2, 6*i+m), Collection: syncproto.CollectionMember, Unit: unit, Team: numbered(1, i), Exists: true, History: []byte{}}
			if _, err := tx.InsertRecord(&rec); err != nil {
				return err
			}
		}
	}
	return nil
}

func overviewRecord(i, n int, now time.Time, history []byte) *store.Record {
	team := i % overviewTeams
	at := now.AddDate(0, 0, -360).Add(time.Duration(float64(i) / float64(n) * float64(360*24*time.Hour)))
	return &store.Record{
		ID: numbered(3, i), Collection: syncproto.CollectionActivity, Unit: fmt.Sprintf("b:v%d", team), Kind: []string{"CC", "TT", "DD1", "DD2", "HN", "KH"}[i/7%6],
		Team: numbered(1, team), Occurred: at.Format(time.DateOnly), Result: "done", Author: numbered(2, 6*team+i/11%6), StampMS: at.UnixMilli(),
		EarliestMS: at.UnixMilli() - 3600_000, LatestMS: at.UnixMilli(), Exists: true, Changes: 1, History: history,
	}
}
