// Package report makes read-only views of what a point or centre holds: which
// teams work, what was done where and when, what is missing, which phones are
// quiet. Every figure says how complete its data are.
package report

import (
	"context"
	"time"

	"github.com/google/uuid"

	"thonsync/server/tally"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// Query says what a report is about. Zero fields mean the whole scope, the
// period of the criteria until today, and the criteria of the period. Month excludes
// From and To.
type Query struct {
	Unit     string // list:code; only what lies in it
	From, To string // first and last day, YYYY-MM-DD, Vietnam's time
	Month    string // YYYY-MM
	List     string // list version of the units to count by; the one in force by default
	Criteria *Criteria
}

// Team holds the figures of one team over the period.
type Team struct {
	ID            uuid.UUID `json:"id"`
	Unit          string    `json:"unit"` // the village, list:code
	Commune       string    `json:"commune"`
	Name          string    `json:"name"`
	Members       int       `json:"members"`
	Trained       int       `json:"trained"`    // attendances at classes
	Activities    int       `json:"activities"` // wherever they took place
	Kinds         int       `json:"kinds"`
	ActiveMembers int       `json:"active_members"`
	Phones        int       `json:"phones"`
	PhonesHeard   int       `json:"phones_heard"` // heard of near the end of the period or later
	HeardMS       int64     `json:"heard_ms"`     // last sign of life of any phone, 0 for never
	Missing       uint64    `json:"missing"`      // changes of the period that may exist and have not arrived
	Waiting       int       `json:"waiting"`      // changes that phones still had to send
	Quarantined   uint64    `json:"quarantined"`  // changes of the period kept apart until something is settled
	LastDay       string    `json:"last_day"`     // of the period on which it did something, YYYY-MM-DD, "" for none
	Judgement

	kinds   []string    // each once; few, so looking through them beats a map
	authors []uuid.UUID // each once
	lastDay tally.Day
}

// Phone holds what is known of one phone, or other origin.
type Phone struct {
	Origin  syncproto.OriginID `json:"origin"`
	Role    string             `json:"role"`
	Team    uuid.UUID          `json:"team"`
	Unit    string             `json:"unit"`
	Label   string             `json:"label"`
	Retired bool               `json:"retired"` // its device record is void, or it was revoked
	// RevokedMS is when the centre revoked it, 0 if it did not.
	RevokedMS int64  `json:"revoked_ms"`
	Head      uint64 `json:"head"` // changes up to the highest signed one heard of, all branches together
	Outcomes  uint64 `json:"outcomes"`
	Missing   []Gap  `json:"missing"`
	// Counts holds changes by outcome, and by "outcome: reason" where there is a
	// reason.
	Counts        map[string]uint64 `json:"counts"`
	Repeats       uint64            `json:"repeats"`
	Waiting       int               `json:"waiting"`
	HeardMS       int64             `json:"heard_ms"`
	ClockOffsetMS int64             `json:"clock_offset_ms"`
}

// Gap is a run of missing changes of a branch. They were made between the two
// times, Unix ms; AfterMS is 0 where nothing is known.
type Gap struct {
	Branch   uint32 `json:"branch"`
	First    uint64 `json:"first"`
	Last     uint64 `json:"last"`
	AfterMS  int64  `json:"after_ms"`
	BeforeMS int64  `json:"before_ms"`
}

// missing sums the gaps.
func (p *Phone) missing() (n uint64) {
	for _, g := range p.Missing {
		n += g.Last - g.First + 1
	}
	return n
}

// missingIn sums the gaps that may hold work of a period.
func (p *Phone) missingIn(from, to time.Time) (n uint64) {
	for _, g := range p.Missing {
		if g.BeforeMS >= from.UnixMilli() && g.AfterMS < to.UnixMilli() {
			n += g.Last - g.First + 1
		}
	}
	return n
}

// Exact tells whether every change has an outcome or is named as missing.
func (p *Phone) Exact() bool { return p.Head == p.Outcomes+p.missing() }

// Cell names activities of one kind in one commune and month.
type Cell struct {
	Commune string `json:"commune"` // list:code, "" where the unit is not known
	Kind    string `json:"kind"`
	Month   string `json:"month"` // YYYY-MM
}

// Count is what a cell holds.
type Count struct {
	Activities  int `json:"activities"`
	Straddling  int `json:"straddling"` // of these, those whose month is not certain
	Void        int `json:"void"`       // retracted, not in Activities
	Quarantined int `json:"quarantined"`
}

func (c *Count) add(d *Count) {
	c.Activities, c.Straddling = c.Activities+d.Activities, c.Straddling+d.Straddling
	c.Void, c.Quarantined = c.Void+d.Void, c.Quarantined+d.Quarantined
}

// Figures is everything that the reports are made of.
type Figures struct {
	Query    Query
	Criteria Criteria
	From, To time.Time // first moment of the first day, first moment after the last
	MadeAt   time.Time
	Teams    []*Team
	Phones   []*Phone
	Cells    map[Cell]*Count
	// Strays are activities in the unit whose team is not among Teams: unknown, or
	// of another unit.
	Strays int
	// Published is what was told of the month, nil if it was not or no month was
	// asked for.
	Published *Published

	defs      Definitions
	history   []Criteria // all criteria that ever held, the oldest first
	byTeam    map[uuid.UUID]*Team
	team      uuid.UUID // the only one that is asked about, or uuid.Nil
	trainings []Training
	targets   []Progress
	points    []Point
	judged    bool
	verdicts  bool // only teams are asked about, not places
	byPhone   map[syncproto.OriginID]*Phone
}

// Figures reads everything once. Memory grows with teams and phones, not with
// activities.
func (s *Service) Figures(ctx context.Context, q Query) (*Figures, error) {
	return s.gather(ctx, q, true)
}

// gather reads teams and custody, what was done if asked to, and what more is
// wanted from the same snapshot.
func (s *Service) gather(ctx context.Context, q Query, work bool, more ...func(*Figures, Reader) error) (f *Figures, err error) {
	err = s.view(ctx, q, func(r Reader, got *Figures) error {
		f = got
		if work {
			if err := readWork(r, f); err != nil {
				return err
			}
		}
		for _, read := range more {
			if err := read(f, r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	f.judge()
	return f, nil
}

// view reads criteria, teams and custody, and lets more be read from the same
// snapshot.
func (s *Service) view(ctx context.Context, q Query, more func(r Reader, f *Figures) error) error {
	f := &Figures{
		Query: q, MadeAt: s.Now(), defs: s.definitions(q),
		Cells: map[Cell]*Count{}, byTeam: map[uuid.UUID]*Team{}, byPhone: map[syncproto.OriginID]*Phone{},
	}
	if err := f.known(q.Unit); err != nil {
		return err
	}
	steps := []func(Reader) error{
		f.readCriteria, f.setPeriod, f.readTeams, f.readOrigins, f.readDevices, f.readRevoked, f.readLedger, f.readPublished,
		func(r Reader) error { return more(r, f) },
	}
	return s.Source.View(ctx, func(r Reader) error {
		for _, step := range steps {
			if err := step(r); err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		return nil
	})
}

func (f *Figures) setPeriod(Reader) error { return f.period() }

func (f *Figures) known(unit string) error {
	if unit == "" {
		return nil
	}
	if _, ok := f.defs.Unit(unit); !ok {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "unit %s is not known here: write it as list:code, and import its list first if it is new", unit)
	}
	return nil
}

// covers tells whether a unit lies in what was asked for.
func (f *Figures) covers(unit string) bool {
	return f.Query.Unit == "" || f.defs.Within(unit, []string{f.Query.Unit})
}

// judge brings phones' figures to their teams and applies the criteria. A phone
// counts as heard of if it was shortly before the end of the period, or since:
// what it had then is here, or named as missing or waiting.
func (f *Figures) judge() {
	if f.judged {
		return
	}
	f.judged = true
	until := f.To
	if f.MadeAt.Before(until) {
		until = f.MadeAt
	}
	heardSince := until.AddDate(0, 0, -f.Criteria.MaxDaysSinceSync).UnixMilli()
	for _, p := range f.Phones {
		t := f.byTeam[p.Team]
		if t == nil || p.Role != string(credential.RolePhone) {
			continue
		}
		t.Missing += p.missingIn(f.From, f.To)
		if p.RevokedMS == 0 || p.RevokedMS >= f.From.UnixMilli() {
			t.Waiting += p.Waiting // what a lost phone still had is of the time before
		}
		t.Quarantined += p.Counts[unreadable]
		if p.Retired {
			continue
		}
		t.Phones++
		if p.HeardMS >= heardSince {
			t.PhonesHeard++
		}
		t.HeardMS = max(t.HeardMS, p.HeardMS)
	}
	for _, t := range f.Teams {
		if t.Kinds, t.ActiveMembers = len(t.kinds), len(t.authors); t.lastDay > 0 {
			t.LastDay = t.lastDay.Time().Format(time.DateOnly)
		}
		t.Judgement = f.Criteria.Judge(t)
	}
}

// unreadable changes have no record that would say when they were made.
var unreadable = syncproto.OutcomeQuarantined.String() + ": " + string(syncproto.ReasonUnreadable)
