package report

import (
	"cmp"
	"context"
	"slices"
	"time"

	"thonsync/server/ingest"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// readHistory lists the criteria that ever held, the oldest first. Those of the
// program hold before the first that the province set.
func readHistory(r Reader) ([]Criteria, error) {
	list := []Criteria{DefaultCriteria()}
	err := r.EachRecord(store.RecordQuery{Collection: syncproto.CollectionCriteria, ExistsOnly: true}, func(rec store.Record) error {
		if rec.Void {
			return nil
		}
		row, err := ingest.Shown(&rec)
		if err != nil {
			return err
		}
		c, err := ParseCriteria([]byte(row.Value(syncproto.CriteriaDefinition).Text()))
		if err == nil { // what does not parse was written by a newer program
			list = append(list, c)
		}
		return nil
	})
	slices.SortStableFunc(list[1:], func(a, b Criteria) int {
		return cmp.Or(cmp.Compare(a.ValidFrom, b.ValidFrom), cmp.Compare(a.Version, b.Version))
	})
	if len(list) > 1 && list[1].ValidFrom <= list[0].ValidFrom {
		list = list[1:]
	}
	return list, err
}

// inForce chooses the criteria of a day: the last that began by then, else the
// first there are.
func inForce(history []Criteria, day time.Time) Criteria {
	on, best := day.Format(time.DateOnly), history[0]
	for _, c := range history {
		if c.ValidFrom <= on {
			best = c
		}
	}
	return best
}

// readCriteria finds the criteria of the period unless the query brings its own:
// a month is judged by those that held when it began, any other period by those
// that hold at its end.
func (f *Figures) readCriteria(r Reader) error {
	if f.Query.Criteria != nil {
		f.Criteria = *f.Query.Criteria
		return nil
	}
	var err error
	if f.history, err = readHistory(r); err != nil {
		return err
	}
	day := f.MadeAt.In(zone)
	switch {
	case f.Query.Month != "":
		if day, err = time.ParseInLocation(monthForm, f.Query.Month, zone); err != nil {
			_, _, err = monthBounds(f.Query.Month)
			return err
		}
	case f.Query.To != "":
		if day, err = parseDay(f.Query.To); err != nil {
			return err
		}
	}
	f.Criteria = inForce(f.history, day)
	return nil
}

// CriteriaHistory lists the criteria that ever held, the oldest first, and those
// that hold now.
func (s *Service) CriteriaHistory(ctx context.Context) (history []Criteria, now Criteria, err error) {
	err = s.Source.View(ctx, func(r Reader) error {
		history, err = readHistory(r)
		return err
	})
	if err != nil {
		return nil, now, err
	}
	return history, inForce(history, s.Now().In(zone)), nil
}
