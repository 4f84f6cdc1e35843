package reorganise

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"thonsync/server/ingest"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
	"thonsync/syncproto/unittree"
)

// Touched is one thing that a reorganisation touches. It holds no name of a
// person but those of accounts.
type Touched struct {
	Kind     string `json:"kind" enum:"unit,village,team,phone,point,account,conflict,held,request"`
	ID       string `json:"id" doc:"key of a unit, id of a record, origin of a device, name of an account, number of a request"`
	Name     string `json:"name"`
	Unit     string `json:"unit" doc:"where it is now, list:code"`
	UnitName string `json:"unit_name"`
	From     string `json:"from" doc:"the old unit that ends, list:code"`
	To       string `json:"to" doc:"where it goes, list:code, several separated by spaces"`
	ToName   string `json:"to_name"`
	Action   string `json:"action" enum:"follows,place,ends,keeps" doc:"follows by itself; a person has to place it; ends without a successor; keeps its old unit"`
	Count    int    `json:"count" doc:"changes that wait, for held"`
}

// What becomes of a thing.
const (
	Follows = "follows"
	ToPlace = "place"
	Ends    = "ends"
	Keeps   = "keeps"
)

// kinds of touched things, in the order in which they are listed.
var kinds = []string{"unit", KindVillage, KindTeam, "phone", KindPoint, "account", "conflict", "held", "request"}

// TouchedCount says how many things of a kind are touched in a way.
type TouchedCount struct {
	Kind   string `json:"kind"`
	Action string `json:"action"`
	Number int    `json:"number"`
}

func countTouched(list []Touched) []TouchedCount {
	out := []TouchedCount{}
	for _, t := range list {
		i := slices.IndexFunc(out, func(c TouchedCount) bool { return c.Kind == t.Kind && c.Action == t.Action })
		if i < 0 {
			i, out = len(out), append(out, TouchedCount{Kind: t.Kind, Action: t.Action})
		}
		out[i].Number++
	}
	return out
}

// TouchedQuery asks for what a reorganisation touches.
type TouchedQuery struct {
	Kind  string // only this kind
	From  string // only this old unit
	After string // a Next
	Limit int    // 0 for all
}

// Touched lists what a reorganisation touches, and says where the next page
// begins, "" at the end.
func (s *Service) Touched(ctx context.Context, id uuid.UUID, q TouchedQuery) (out []Touched, next string, err error) {
	var all []Touched
	err = s.cfg.View(ctx, func(r store.Reader) error {
		o, err := s.load(r, id)
		if err == nil {
			all, err = s.touched(ctx, r, o)
		}
		return err
	})
	start, _ := strconv.Atoi(q.After)
	out = []Touched{}
	for i := min(max(start, 0), len(all)); i < len(all); i++ {
		t := all[i]
		if q.Kind != "" && t.Kind != q.Kind || q.From != "" && t.From != q.From {
			continue
		}
		if q.Limit > 0 && len(out) == q.Limit {
			return out, strconv.Itoa(i), err
		}
		out = append(out, t)
	}
	return out, "", err
}

// listing gathers what is touched.
type listing struct {
	o    *opened
	list []Touched
}

// touched lists what a reorganisation touches, by kind, old unit and name.
func (s *Service) touched(ctx context.Context, r store.Reader, o *opened) ([]Touched, error) {
	l := &listing{o: o}
	l.units()
	for _, step := range []func(store.Reader) error{l.records, l.devices} {
		if err := step(r); err != nil {
			return nil, err
		}
	}
	if err := l.people(ctx, r, &s.cfg); err != nil {
		return nil, err
	}
	slices.SortStableFunc(l.list, func(a, b Touched) int {
		return cmp.Or(cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)), cmp.Compare(a.From, b.From), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return l.list, nil
}

// add notes a thing at a unit, unless the reorganisation does not touch that. To
// say that it was placed it looks where the unit lies by the new list.
func (l *listing) add(kind, id, name, unit string) *Touched {
	from := l.o.old(unit)
	m := l.o.plan.Move(from)
	if m == nil {
		return nil
	}
	t := Touched{Kind: kind, ID: id, Name: name, Unit: unit, UnitName: l.o.name(unit), From: from, Action: Follows}
	if kind == KindVillage {
		t.UnitName = l.o.name(from)
	}
	to := m.Candidates()
	switch now, ok := l.o.defs.Resolve(unit, l.o.row.ToList); {
	case ok && m.Split():
		to = []string{now} // it was placed
	case m.Split() && slices.Contains([]string{KindVillage, KindTeam, KindPoint}, kind):
		t.Action = ToPlace
	case m.Split() && unit == from:
		t.Action = Keeps
	case m.Split():
		t.Action = ToPlace // with its village
	case len(to) == 0:
		t.Action = Ends
	}
	names := make([]string, len(to))
	for i, k := range to {
		names[i] = l.o.name(k)
	}
	t.To, t.ToName = strings.Join(to, " "), strings.Join(names, " / ")
	l.list = append(l.list, t)
	return &l.list[len(l.list)-1]
}

func (l *listing) units() {
	for i := range l.o.plan.Moves {
		m := &l.o.plan.Moves[i]
		if t := l.add("unit", m.From, l.o.name(m.From), m.From); t != nil && m.Split() {
			t.Action = ToPlace
		}
	}
	for key, u := range l.o.defs.Units() {
		if u.Level == unittree.Village {
			l.add(KindVillage, key, l.o.name(key), key)
		}
	}
}

// records lists teams, and every record with a conflict.
func (l *listing) records(r store.Reader) error {
	err := r.EachRecord(store.RecordQuery{Collection: syncproto.CollectionTeam, ExistsOnly: true}, func(rec store.Record) error {
		if rec.Void {
			return nil
		}
		row, err := ingest.Shown(&rec)
		l.add(KindTeam, rec.ID.String(), row.Value(syncproto.TeamName).Text(), rec.Unit)
		return err
	})
	if err != nil {
		return err
	}
	return r.EachRecord(store.RecordQuery{ExistsOnly: true, WithoutHistory: true}, func(rec store.Record) error {
		if rec.Conflict {
			l.add("conflict", rec.ID.String(), rec.Kind, rec.Unit)
		}
		return nil
	})
}

// devices lists phones and points, and the changes of theirs that wait for
// something or somebody.
func (l *listing) devices(r store.Reader) error {
	names, err := labels(r)
	if err != nil {
		return err
	}
	counts, err := r.OutcomeCounts(nil)
	if err != nil {
		return err
	}
	waits := map[syncproto.OriginID]int{}
	for _, c := range counts {
		if c.Outcome == syncproto.OutcomeHeld || c.Outcome == syncproto.OutcomeQuarantined {
			waits[c.Origin] += int(c.Changes)
		}
	}
	origins, err := r.Origins(store.OriginQuery{})
	for i := range origins {
		o := &origins[i]
		kind, id := string(o.Role), o.ID.String()
		if o.Role != credential.RolePhone && o.Role != credential.RolePoint {
			continue
		}
		for _, u := range o.Units {
			l.add(kind, id, cmp.Or(names[o.ID], o.Label), u)
			if t := waits[o.ID]; t > 0 {
				if held := l.add("held", id, cmp.Or(names[o.ID], o.Label), u); held != nil {
					held.Count = t
				}
			}
		}
	}
	return err
}

// people lists accounts that are bound to units, and open requests.
func (l *listing) people(ctx context.Context, r store.Reader, cfg *Config) error {
	if cfg.Accounts != nil {
		list, err := cfg.Accounts(ctx)
		if err != nil {
			return err
		}
		for _, a := range list {
			for _, u := range a.Units {
				l.add("account", a.Name, a.Name, u)
			}
		}
	}
	if cfg.Requests == nil {
		return nil
	}
	list, err := cfg.Requests(ctx)
	if err != nil {
		return err
	}
	for _, q := range list {
		seen := map[string]bool{}
		for _, id := range q.Records {
			rec, ok, err := r.Record(id)
			if err != nil {
				return err
			}
			if ok && !seen[rec.Unit] {
				seen[rec.Unit] = true
				l.add("request", q.Number, q.Number, rec.Unit)
			}
		}
	}
	return nil
}
