// Package reorganise carries a reorganisation of the units out: it plans from the
// new list and the lineage, says beforehand whom it touches, writes both into the
// centre's own log, has officers place what was split, and undoes it.
package reorganise

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib/changelog"
	"thonsync/server/ingest"
	"thonsync/server/ownlog"
	"thonsync/server/reconcile/lineage"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/unittree"
)

// Config is what a Service needs. All fields are required but Accounts and
// Requests.
type Config struct {
	View        func(ctx context.Context, f func(store.Reader) error) error
	Update      func(ctx context.Context, f func(store.Tx) error) error
	Definitions func() *ingest.Definitions
	// Write writes changes into the centre's own log and takes them in.
	Write func(ctx context.Context, drafts []ownlog.Draft) ([]changelog.Entry, error)
	// MovePoint gives a point a later credential for these units.
	MovePoint func(ctx context.Context, point uuid.UUID, units []string) error
	// Accounts lists those who may sign in and are bound to units.
	Accounts func(ctx context.Context) ([]Account, error)
	// Requests lists the open requests of citizens.
	Requests func(ctx context.Context) ([]Request, error)
	Now      func() time.Time
	Random   io.Reader
}

// Account is somebody who may sign in, for units.
type Account struct {
	Name  string
	Units []string
}

// Request is an open request of a citizen.
type Request struct {
	Number  string
	Records []uuid.UUID
}

// Service plans and carries out reorganisations. It is safe for concurrent use;
// what writes takes turns.
type Service struct {
	cfg Config
	mu  sync.Mutex
}

// New makes a service.
func New(cfg Config) *Service { return &Service{cfg: cfg} }

// States of a reorganisation.
const (
	Planned  = "planned"
	Applied  = "applied"       // nothing of what was split has been placed
	Partly   = "partly-placed" // some of it
	Complete = "complete"      // everything has its place
	Reversed = "reversed"      // undone
)

// Reorganisation is one reorganisation as people see it. Times are Unix ms, 0 for never.
type Reorganisation struct {
	ID         uuid.UUID `json:"id"`
	Name       string    `json:"name"`
	FromList   string    `json:"from_list"`
	ToList     string    `json:"to_list"`
	Effective  string    `json:"effective" doc:"first day of the new units, YYYY-MM-DD"`
	State      string    `json:"state" enum:"planned,applied,partly-placed,complete,reversed"`
	PlannedMS  int64     `json:"planned_ms"`
	AppliedMS  int64     `json:"applied_ms"`
	ReversedMS int64     `json:"reversed_ms"`
	Ended      int       `json:"units_ended" doc:"units of the old list that are known here and end"`
	Made       int       `json:"units_made" doc:"units of the new list"`
	Split      int       `json:"communes_split"`
	Elsewhere  int       `json:"elsewhere" doc:"old communes of the tables that are not known here"`
	ToPlace    int       `json:"to_place" doc:"villages, teams and points that a person has to place"`
	Placed     int       `json:"placed"`
}

// Proposal is what a reorganisation is planned from.
type Proposal struct {
	Name      string `json:"name"`
	Effective string `json:"effective"` // YYYY-MM-DD; "" for the first day of the new list
	Units     []byte `json:"units"`     // the new list, CSV or XLSX
	Lineage   []byte `json:"lineage"`   // where each old commune went, CSV or XLSX
	DryRun    bool   `json:"dry_run"`   // say what it would touch, and keep nothing
	List      bool   `json:"list"`      // name all that it touches, too
}

// PlanResult is what a plan would do. With Problems nothing was kept.
type PlanResult struct {
	Plan     Reorganisation         `json:"plan"`
	Counts   []TouchedCount         `json:"counts"`
	Problems []lineage.TableProblem `json:"problems"`
	Touched  []Touched              `json:"touched,omitempty" doc:"where the list was asked for"`
	DryRun   bool                   `json:"dry_run"`
}

// Plan reads the tables and says whom the reorganisation touches. Unless it is a
// dry run, or the tables have problems, the plan is kept, to be applied.
func (s *Service) Plan(ctx context.Context, in Proposal) (PlanResult, error) {
	out := PlanResult{DryRun: in.DryRun, Counts: []TouchedCount{}, Problems: []lineage.TableProblem{}}
	doc, problems, err := lineage.Read(in.Units, in.Lineage)
	if err != nil {
		return out, err
	}
	now := s.cfg.Now()
	row := store.Reorganisation{Name: strings.TrimSpace(in.Name), FromList: doc.FromList, ToList: doc.ToList, State: Planned, PlannedMS: now.UnixMilli()}
	if row.ID, err = uuid.NewRandomFromReader(s.cfg.Random); err != nil {
		return out, err
	}
	if row.Name == "" {
		row.Name = doc.FromList + " → " + doc.ToList
	}
	if !syncproto.CleanText(row.Name) || len(row.Name) > 200 {
		return out, syncproto.Errorf(syncproto.CodeInvalidInput, "the name of a reorganisation is one line of at most 200 octets")
	}
	if row.Effective, err = effective(in.Effective, doc); err != nil {
		return out, err
	}
	if row.Document, err = json.Marshal(doc); err != nil {
		return out, err
	}
	o := s.open(&row, doc)
	out.Problems = append(out.Problems, append(problems, o.problems...)...)
	if len(o.plan.Moves) == 0 && len(out.Problems) == 0 {
		return out, syncproto.Errorf(syncproto.CodeInvalidInput, "no unit of list %s is known here: import the old list first", doc.FromList)
	}
	err = s.cfg.View(ctx, func(r store.Reader) error {
		if err := notTwice(r, &row); err != nil {
			return err
		}
		if out.Plan, err = s.view(r, o); err != nil {
			return err
		}
		touched, err := s.touched(ctx, r, o)
		if out.Counts = countTouched(touched); in.List {
			out.Touched = touched
		}
		return err
	})
	if err != nil || in.DryRun || len(out.Problems) > 0 {
		return out, err
	}
	return out, s.cfg.Update(ctx, func(tx store.Tx) error { return tx.PutReorganisation(row) })
}

// effective gives the first day of the new units.
func effective(asked string, doc *lineage.Document) (string, error) {
	if asked == "" {
		for i := range doc.Units {
			if d := doc.Units[i].ValidFrom; d != "" && (asked == "" || d < asked) {
				asked = d
			}
		}
	}
	d, err := syncproto.ParseDate(asked)
	if err != nil || d.Day == 0 {
		return "", syncproto.Errorf(syncproto.CodeInvalidInput, "a reorganisation needs the first day of the new units, YYYY-MM-DD: the new list names none")
	}
	return asked, nil
}

// notTwice refuses to end a list that another reorganisation has ended.
func notTwice(r store.Reader, row *store.Reorganisation) error {
	all, err := r.Reorganisations()
	for i := range all {
		if all[i].ID != row.ID && all[i].State == Applied && all[i].FromList == row.FromList {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "list %s was ended by reorganisation %s: undo that one first", row.FromList, all[i].ID)
		}
	}
	return err
}

// opened is a reorganisation with its plan on what is known now.
type opened struct {
	row      *store.Reorganisation
	doc      *lineage.Document
	plan     *lineage.Plan
	problems []lineage.TableProblem
	defs     *ingest.Definitions
}

func (s *Service) open(row *store.Reorganisation, doc *lineage.Document) *opened {
	o := &opened{row: row, doc: doc, defs: s.cfg.Definitions()}
	known := map[string]lineage.Known{}
	for key, u := range o.defs.Units() {
		known[key] = lineage.Known{Level: u.Level, Parent: u.Parent}
	}
	o.plan, o.problems = doc.Plan(known)
	return o
}

// load finds a reorganisation.
func (s *Service) load(r store.Reader, id uuid.UUID) (*opened, error) {
	row, ok, err := r.Reorganisation(id)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, syncproto.Errorf(syncproto.CodeScope, "there is no reorganisation %s: `thonsync reorganise list` shows them", id)
	}
	var doc lineage.Document
	if err := json.Unmarshal(row.Document, &doc); err != nil {
		return nil, syncproto.Wrap(syncproto.CodeInternal, err, "reorganisation %s is damaged: verify the database", id)
	}
	return s.open(&row, &doc), nil
}

// view sums a reorganisation up.
func (s *Service) view(r store.Reader, o *opened) (Reorganisation, error) {
	v := Reorganisation{
		ID: o.row.ID, Name: o.row.Name, FromList: o.row.FromList, ToList: o.row.ToList, Effective: o.row.Effective, State: o.row.State,
		PlannedMS: o.row.PlannedMS, AppliedMS: o.row.AppliedMS, ReversedMS: o.row.ReversedMS,
		Ended: len(o.plan.Moves), Made: len(o.doc.Units), Elsewhere: o.plan.Elsewhere,
	}
	for i := range o.plan.Moves {
		if o.plan.Moves[i].Split() {
			v.Split++
		}
	}
	items, err := s.items(r, o)
	for i := range items {
		if items[i].To != "" {
			v.Placed++
		} else {
			v.ToPlace++
		}
	}
	switch {
	case v.State != Applied:
	case v.ToPlace == 0:
		v.State = Complete
	case v.Placed > 0:
		v.State = Partly
	}
	return v, err
}

// List lists all reorganisations, the one planned last first.
func (s *Service) List(ctx context.Context) ([]Reorganisation, error) {
	out := []Reorganisation{}
	err := s.cfg.View(ctx, func(r store.Reader) error {
		rows, err := r.Reorganisations()
		for i := range rows {
			o, err := s.load(r, rows[i].ID)
			if err != nil {
				return err
			}
			v, err := s.view(r, o)
			if err != nil {
				return err
			}
			out = append(out, v)
		}
		return err
	})
	return out, err
}

// Get gives one.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (v Reorganisation, err error) {
	err = s.cfg.View(ctx, func(r store.Reader) error {
		o, err := s.load(r, id)
		if err == nil {
			v, err = s.view(r, o)
		}
		return err
	})
	return v, err
}

// Drop forgets a plan that was not applied.
func (s *Service) Drop(ctx context.Context, id uuid.UUID) error {
	return s.cfg.Update(ctx, func(tx store.Tx) error {
		o, err := s.load(tx, id)
		if err != nil {
			return err
		}
		if o.row.State != Planned || o.row.AppliedMS != 0 {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "reorganisation %s is %s: only a plan that was never applied is dropped", id, o.row.State)
		}
		return tx.DeleteReorganisation(id)
	})
}

// name gives a unit's name with its type, its key where it is not known.
func (o *opened) name(key string) string {
	if u, ok := o.defs.Unit(key); ok {
		return strings.TrimSpace(u.Type + " " + u.Name)
	}
	for i := range o.doc.Units {
		if u := &o.doc.Units[i]; u.Key() == key {
			return strings.TrimSpace(u.Type + " " + u.Name)
		}
	}
	return key
}

// old gives the commune of the old list that a unit is or lay in, or the unit
// itself if it lies above communes; "" for what the reorganisation does not touch.
func (o *opened) old(unit string) string {
	if key, ok := o.defs.Resolve(unit, o.row.FromList); ok {
		return key
	}
	return ""
}

// splits lists the keys of the communes that were split.
func (o *opened) splits() map[string]*lineage.Move {
	out := map[string]*lineage.Move{}
	for i := range o.plan.Moves {
		if m := &o.plan.Moves[i]; m.Split() {
			out[m.From] = m
		}
	}
	return out
}

// PlaceCandidate is a unit that something may be placed in.
type PlaceCandidate struct {
	Unit string `json:"unit"`
	Name string `json:"name"`
}

func (o *opened) candidates(m *lineage.Move) []PlaceCandidate {
	out := make([]PlaceCandidate, 0, len(m.Shares))
	for _, u := range m.Candidates() {
		out = append(out, PlaceCandidate{u, o.name(u)})
	}
	return out
}

// Kinds of what has to be placed.
const (
	KindVillage = "village"
	KindTeam    = "team"
	KindPoint   = "point"
)

const (
	pointPrefix = "point:"
	teamPrefix  = "team:"
)

// ToBePlaced is something of a split commune that a person places in one of the
// communes that its parts went to.
type ToBePlaced struct {
	Subject    string           `json:"subject" doc:"key of a village, point: and the origin of a point, team: and the record of a team of the whole commune"`
	Kind       string           `json:"kind" enum:"village,team,point"`
	Name       string           `json:"name"`
	From       string           `json:"from" doc:"the commune that was split, list:code"`
	FromName   string           `json:"from_name"`
	Team       string           `json:"team,omitempty" doc:"name of the village's team"`
	Phones     int              `json:"phones" doc:"phones of the village"`
	Candidates []PlaceCandidate `json:"candidates"`
	To         string           `json:"to,omitempty" doc:"where it was placed"`
	ToName     string           `json:"to_name,omitempty"`
	Actor      string           `json:"actor,omitempty" doc:"who placed it"`
	AtMS       int64            `json:"at_ms,omitempty"`

	units []string // of a point, now
}

// items lists everything that has to be placed or was, by commune, kind, name.
func (s *Service) items(r store.Reader, o *opened) ([]ToBePlaced, error) {
	splits := o.splits()
	if len(splits) == 0 {
		return nil, nil
	}
	placed := map[string]store.Placement{}
	list, err := r.Placements(o.row.ID)
	if err != nil {
		return nil, err
	}
	for _, p := range list {
		placed[p.Subject] = p
	}
	q := &queue{o: o, splits: splits, placed: placed, byUnit: map[string]int{}}
	q.villages()
	if err := q.teams(r); err != nil {
		return nil, err
	}
	if err := q.devices(r); err != nil {
		return nil, err
	}
	slices.SortFunc(q.list, func(a, b ToBePlaced) int {
		return cmp.Or(cmp.Compare(a.From, b.From), -cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Subject, b.Subject))
	})
	return q.list, nil
}

// queue gathers items.
type queue struct {
	o      *opened
	splits map[string]*lineage.Move
	placed map[string]store.Placement
	list   []ToBePlaced
	byUnit map[string]int // villages
}

// home gives the split commune that a thing at a unit has to leave, nil for none.
func (q *queue) home(subject, unit string) *lineage.Move {
	if p, ok := q.placed[subject]; ok {
		return q.splits[p.From]
	}
	return q.splits[unit]
}

func (q *queue) add(it ToBePlaced, m *lineage.Move) {
	it.From, it.FromName, it.Candidates = m.From, q.o.name(m.From), q.o.candidates(m)
	if p, ok := q.placed[it.Subject]; ok {
		it.To, it.ToName, it.Actor, it.AtMS = p.To, q.o.name(p.To), p.Actor, p.AtMS
	}
	q.list = append(q.list, it)
}

func (q *queue) villages() {
	for key, u := range q.o.defs.Units() {
		if u.Level != unittree.Village {
			continue
		}
		if m := q.home(key, u.Parent); m != nil {
			q.byUnit[key] = len(q.list)
			q.add(ToBePlaced{Subject: key, Kind: KindVillage, Name: q.o.name(key)}, m)
		}
	}
}

func (q *queue) teams(r store.Reader) error {
	return r.EachRecord(store.RecordQuery{Collection: syncproto.CollectionTeam, ExistsOnly: true}, func(rec store.Record) error {
		if rec.Void {
			return nil
		}
		row, err := ingest.Shown(&rec)
		if err != nil {
			return err
		}
		name := row.Value(syncproto.TeamName).Text()
		if i, ok := q.byUnit[rec.Unit]; ok {
			q.list[i].Team = name
			return nil
		}
		subject := teamPrefix + rec.ID.String()
		if m := q.home(subject, rec.Unit); m != nil {
			q.add(ToBePlaced{Subject: subject, Kind: KindTeam, Name: name}, m)
		}
		return nil
	})
}
