package report

import (
	"context"

	"github.com/google/uuid"

	"thonsync/server/ingest"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// Activity is one activity as an export gives it. Personal is there only where
// it was asked for and can be read.
type Activity struct {
	ID         uuid.UUID      `json:"id"`
	Kind       string         `json:"kind"`
	Unit       string         `json:"unit"`
	Team       uuid.UUID      `json:"team"`
	Author     uuid.UUID      `json:"author"`
	Occurred   string         `json:"occurred"`
	Result     string         `json:"result"`
	Day        string         `json:"day"` // to which it counts
	Straddling bool           `json:"straddling"`
	Void       bool           `json:"void"`
	Conflict   bool           `json:"conflict"`
	Erased     bool           `json:"erased"`
	Fields     map[string]any `json:"fields"`
	Personal   map[string]any `json:"personal,omitempty"`
}

// Reader opens personal values; only the centre has one.
type Reader func(r store.Reader, rec *store.Record) (syncproto.Row, error)

// EachActivity calls f for the activities of the query's unit and period, by
// id, without gathering them. personal may be nil.
func (s *Service) EachActivity(ctx context.Context, q Query, personal Reader, f func(*Activity) error) error {
	fig := &Figures{Query: q, Criteria: DefaultCriteria(), MadeAt: s.Now(), defs: s.Definitions()}
	if err := fig.period(); err != nil {
		return err
	}
	return s.Store.View(ctx, func(r store.Reader) error {
		return r.EachRecord(store.RecordQuery{Collection: syncproto.CollectionActivity, ExistsOnly: true}, func(rec store.Record) error {
			day, straddles := When(&rec)
			if !fig.covers(rec.Unit) || day.Before(fig.From) || !day.Before(fig.To) {
				return nil
			}
			row, err := ingest.Shown(&rec)
			if err != nil {
				return err
			}
			kind, _ := fig.defs.Kind(rec.Kind)
			a := &Activity{
				ID: rec.ID, Kind: rec.Kind, Unit: rec.Unit, Team: rec.Team, Author: rec.Author, Occurred: rec.Occurred, Result: rec.Result,
				Day: day.Format("2006-01-02"), Straddling: straddles, Void: rec.Void, Conflict: rec.Conflict, Erased: rec.Erased,
				Fields: named(kind, syncproto.Operational, row, true),
			}
			if personal != nil {
				row, err := personal(r, &rec)
				if err != nil {
					return err
				}
				a.Personal = named(kind, syncproto.Personal, row, false)
			}
			return f(a)
		})
	})
}

// named gives a row by field names; only the kind's own fields where ownOnly.
func named(kind *syncproto.Kind, comp syncproto.Compartment, row syncproto.Row, ownOnly bool) map[string]any {
	coll, _ := syncproto.CollectionOf(syncproto.CollectionActivity)
	out := map[string]any{}
	for _, f := range row {
		if def, ok := coll.Field(comp, f.Num); ok {
			if !ownOnly {
				out[def.Name] = f.Value.JSON()
			}
			continue
		}
		if kind == nil {
			continue
		}
		if def, ok := kind.Field(comp, f.Num); ok {
			out[def.Name] = f.Value.JSON()
		}
	}
	return out
}
