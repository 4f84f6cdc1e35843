package report

import (
	"cmp"
	"context"
	"errors"

	"github.com/google/uuid"

	"thonsync/server/ingest"
	"thonsync/server/store"
	"thonsync/server/tally"
	"thonsync/syncproto"
)

// ActivityQuery narrows a list of activities. Zero fields do not narrow.
type ActivityQuery struct {
	Unit     string
	Team     uuid.UUID
	Kind     string
	Result   string
	From, To string // days to which they count, YYYY-MM-DD
	State    string // StateStanding, StateVoid, StateWaiting or StateConflict
	Before   uuid.UUID
	Limit    int
}

// What a list of activities can be narrowed to.
const (
	StateStanding = "standing"
	StateVoid     = "void"
	StateWaiting  = "waiting" // kept apart until something is settled
	StateConflict = "conflict"
)

// ActivityItem is one activity without anything personal.
type ActivityItem struct {
	ID         uuid.UUID      `json:"id"`
	Kind       string         `json:"kind"`
	KindName   Text           `json:"kind_name"`
	Unit       string         `json:"unit"`
	Place      string         `json:"place" doc:"the unit in words"`
	Commune    string         `json:"commune"`
	Team       uuid.UUID      `json:"team"`
	Author     uuid.UUID      `json:"author" doc:"the member, as the phone says"`
	Day        string         `json:"day" doc:"to which it counts, YYYY-MM-DD"`
	Straddling bool           `json:"straddling" doc:"its month is not certain"`
	Result     string         `json:"result"`
	ResultName Text           `json:"result_name"`
	State      string         `json:"state"`
	Fields     map[string]any `json:"fields"`
}

// ActivityPage is a part of the list, the newest by the phones' clocks first.
type ActivityPage struct {
	Items []ActivityItem `json:"items"`
	// Next is where to go on; uuid.Nil at the end. A page may be short although
	// more follows, because it looks at a bounded number of records.
	Next uuid.UUID `json:"next"`
}

// Bounds of one page.
const (
	activityPage = 50
	activityLook = 20_000
)

var errPageFull = errors.New("page full")

// Activities lists activities.
func (s *Service) Activities(ctx context.Context, q ActivityQuery) (*ActivityPage, error) {
	if q.Limit < 1 || q.Limit > 1000 {
		q.Limit = activityPage
	}
	f := &Figures{Query: Query{Unit: q.Unit}, defs: s.definitions(Query{})}
	if err := f.known(q.Unit); err != nil {
		return nil, err
	}
	days, err := q.days()
	if err != nil {
		return nil, err
	}
	page := &ActivityPage{Items: []ActivityItem{}}
	err = s.Source.View(ctx, func(r Reader) error {
		floor, err := tally.Floor(r)
		if err != nil {
			return err
		}
		looked := 0
		query := store.RecordQuery{Collection: syncproto.CollectionActivity, Before: q.Before, Newest: true, Limit: activityLook}
		if u, _ := f.defs.Unit(q.Unit); u.Level == levelVillage {
			query.Unit = q.Unit // one village has its index
		}
		err = r.EachRecord(query, func(rec store.Record) error {
			looked++
			page.Next = rec.ID
			day, straddles := tally.When(&rec, floor)
			if !f.covers(rec.Unit) || !q.wants(&rec) || day < days[0] || day > days[1] {
				return nil
			}
			item, err := f.item(&rec, day, straddles)
			if err != nil {
				return err
			}
			if page.Items = append(page.Items, item); len(page.Items) == q.Limit {
				return errPageFull
			}
			return nil
		})
		if err == nil && looked < activityLook {
			page.Next = uuid.Nil
		}
		if errors.Is(err, errPageFull) {
			return nil
		}
		return err
	})
	return page, err
}

// days gives the first and the last day of the query.
func (q *ActivityQuery) days() (out [2]tally.Day, err error) {
	out = [2]tally.Day{-1 << 31, 1<<31 - 1}
	for i, text := range [...]string{q.From, q.To} {
		if text == "" {
			continue
		}
		t, err := parseDay(text)
		if err != nil {
			return out, err
		}
		out[i] = tally.DayOf(t)
	}
	return out, nil
}

func (q *ActivityQuery) wants(rec *store.Record) bool {
	return (q.Team == uuid.Nil || rec.Team == q.Team) && (q.Kind == "" || rec.Kind == q.Kind) && (q.Result == "" || rec.Result == q.Result) &&
		(q.State == "" || q.State == stateOf(rec) || q.State == StateConflict && rec.Conflict)
}

func stateOf(rec *store.Record) string {
	switch {
	case !rec.Exists:
		return StateWaiting
	case rec.Void:
		return StateVoid
	case rec.Conflict:
		return StateConflict
	}
	return StateStanding
}

func (f *Figures) item(rec *store.Record, day tally.Day, straddles bool) (ActivityItem, error) {
	a := ActivityItem{
		ID: rec.ID, Kind: rec.Kind, KindName: f.kindName(rec.Kind), Unit: rec.Unit, Place: f.unitName(rec.Unit), Commune: f.unitName(f.defs.Commune(rec.Unit)),
		Team: rec.Team, Author: rec.Author, Day: day.Time().Format("2006-01-02"), Straddling: straddles, Result: rec.Result,
		ResultName: f.resultName(rec.Kind, rec.Result), State: stateOf(rec),
	}
	row, err := ingest.Shown(rec)
	if err != nil {
		return a, err
	}
	kind, _ := f.defs.Kind(rec.Kind)
	a.Fields = named(kind, syncproto.Operational, row)
	return a, nil
}

func (f *Figures) resultName(kind, result string) Text {
	if k, ok := f.defs.Kind(kind); ok {
		for _, o := range k.Results {
			if o.Value == result {
				return Text{o.LabelVI, cmp.Or(o.LabelEN, o.LabelVI)}
			}
		}
	}
	return Text{result, result}
}
