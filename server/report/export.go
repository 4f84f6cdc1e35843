package report

import (
	"github.com/google/uuid"

	"thonsync/server/ingest"
	"thonsync/server/store"
	"thonsync/server/tally"
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

// Member is a team with one of its members, or without any where it has none.
type Member struct {
	Team     uuid.UUID      `json:"team"`
	Unit     string         `json:"unit"`
	Commune  string         `json:"commune"`
	Village  string         `json:"village"`
	TeamName string         `json:"team_name"`
	Member   uuid.UUID      `json:"member"` // uuid.Nil for a team without members
	Role     string         `json:"role"`
	Personal map[string]any `json:"personal,omitempty"`
}

// Personal opens the personal values of a record that was read with its
// history; only the centre can.
type Personal func(rec *store.Record) (syncproto.Row, error)

// Part is a part of an export: at most Limit of the records that follow After,
// so that a large one is read without holding up the store.
type Part struct {
	After uuid.UUID
	Limit int // records to look at, 0 for all
}

// EachActivity calls f for the activities of the query's unit and period, by id.
// It gives the record that it looked at last, uuid.Nil if there are no more.
// personal may be nil.
func (s *Service) EachActivity(r Reader, q Query, p Part, personal Personal, f func(*Activity) error) (last uuid.UUID, err error) {
	fig := &Figures{Query: q, Criteria: DefaultCriteria(), MadeAt: s.Now(), defs: s.definitions(q)}
	if err := fig.known(q.Unit); err != nil {
		return last, err
	}
	whole := q.From == "" && q.To == "" && q.Month == ""
	if !whole {
		if err := fig.period(); err != nil {
			return last, err
		}
	}
	floor, err := tally.Floor(r)
	if err != nil {
		return last, err
	}
	seen := 0
	query := store.RecordQuery{Collection: syncproto.CollectionActivity, ExistsOnly: true, After: p.After, Limit: p.Limit}
	err = r.EachRecord(query, func(rec store.Record) error {
		seen, last = seen+1, rec.ID
		counted, straddles := tally.When(&rec, floor)
		day := counted.Time()
		if !fig.covers(rec.Unit) || !whole && (day.Before(fig.From) || !day.Before(fig.To)) {
			return nil
		}
		a, err := fig.activity(&rec, personal)
		if err != nil {
			return err
		}
		a.Day, a.Straddling = day.Format("2006-01-02"), straddles
		return f(a)
	})
	if p.Limit == 0 || seen < p.Limit {
		last = uuid.Nil
	}
	return last, err
}

func (f *Figures) activity(rec *store.Record, personal Personal) (*Activity, error) {
	row, err := ingest.Shown(rec)
	if err != nil {
		return nil, err
	}
	kind, _ := f.defs.Kind(rec.Kind)
	a := &Activity{
		ID: rec.ID, Kind: rec.Kind, Unit: rec.Unit, Team: rec.Team, Author: rec.Author, Occurred: rec.Occurred, Result: rec.Result,
		Void: rec.Void, Conflict: rec.Conflict, Erased: rec.Erased, Fields: named(kind, syncproto.Operational, row),
	}
	if basis := syncproto.BasisOf(kind, row); basis != "" {
		a.Fields["basis"] = basis
	}
	if personal != nil {
		if row, err = personal(rec); err != nil {
			return nil, err
		}
		a.Personal = named(kind, syncproto.Personal, row)
	}
	return a, nil
}

// named gives a row by field names. Common operational fields are left out, but
// for consent and the reason of a void: they are fields of the activity itself.
func named(kind *syncproto.Kind, comp syncproto.Compartment, row syncproto.Row) map[string]any {
	coll, _ := syncproto.CollectionOf(syncproto.CollectionActivity)
	out := map[string]any{}
	for _, f := range row {
		if def, ok := coll.Field(comp, f.Num); ok {
			if comp == syncproto.Personal || def.Num == syncproto.VoidReason || def.Num >= syncproto.ActivityBasis {
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

// EachMember calls f for the teams of the query's unit with their members, team
// by team. personal may be nil.
func (s *Service) EachMember(r Reader, q Query, personal Personal, f func(*Member) error) error {
	fig := &Figures{Query: q, defs: s.definitions(q), byTeam: map[uuid.UUID]*Team{}}
	if err := fig.known(q.Unit); err != nil {
		return err
	}
	if err := fig.readTeams(r); err != nil {
		return err
	}
	members := map[uuid.UUID][]*Member{}
	query := store.RecordQuery{Collection: syncproto.CollectionMember, ExistsOnly: true}
	err := r.EachRecord(query, func(rec store.Record) error {
		t := fig.byTeam[rec.Team]
		if t == nil || rec.Void {
			return nil
		}
		m, err := fig.member(t, &rec, personal)
		members[t.ID] = append(members[t.ID], m)
		return err
	})
	if err != nil {
		return err
	}
	for _, t := range fig.sortedTeams() {
		list := members[t.ID]
		if len(list) == 0 {
			list = []*Member{fig.lead(t)}
		}
		for _, m := range list {
			if err := f(m); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *Figures) lead(t *Team) *Member {
	return &Member{Team: t.ID, Unit: t.Unit, Commune: f.unitName(t.Commune), Village: f.unitName(t.Unit), TeamName: t.Name}
}

func (f *Figures) member(t *Team, rec *store.Record, personal Personal) (*Member, error) {
	row, err := ingest.Shown(rec)
	if err != nil {
		return nil, err
	}
	m := f.lead(t)
	m.Member, m.Role = rec.ID, row.Value(syncproto.MemberRole).Text()
	if personal == nil {
		return m, nil
	}
	if row, err = personal(rec); err != nil {
		return nil, err
	}
	m.Personal = named(nil, syncproto.Personal, row)
	return m, nil
}
