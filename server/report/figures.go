// Package report makes read-only views of what a point or centre holds: which
// teams work, what was done where and when, what is missing, which phones are
// quiet. Every figure says how complete its data are.
package report

import (
	"context"
	"time"

	"github.com/google/uuid"

	"thonsync/server/ingest"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// zone is Vietnam's time, without summer time.
var zone = time.FixedZone("UTC+7", 7*60*60)

// Service makes reports. It is safe for concurrent use.
type Service struct {
	Store       store.Store
	Definitions func() *ingest.Definitions
	Now         func() time.Time
}

// Query says what a report is about. Zero fields mean the whole scope, the
// period of the criteria until today, and the default criteria.
type Query struct {
	Unit     string // list:code; only what lies in it
	From, To string // first and last day, YYYY-MM-DD, Vietnam's time
	Criteria *Criteria
}

// Team holds the figures of one team over the period.
type Team struct {
	ID            uuid.UUID `json:"id"`
	Unit          string    `json:"unit"` // the village, list:code
	Commune       string    `json:"commune"`
	Name          string    `json:"name"`
	Members       int       `json:"members"`
	Activities    int       `json:"activities"`
	Kinds         int       `json:"kinds"`
	ActiveMembers int       `json:"active_members"`
	Phones        int       `json:"phones"`
	PhonesHeard   int       `json:"phones_heard"` // heard of within the criteria's days
	HeardMS       int64     `json:"heard_ms"`     // last sign of life of any phone, 0 for never
	Missing       uint64    `json:"missing"`      // changes known to exist that have not arrived
	Waiting       int       `json:"waiting"`      // changes that phones still had to send
	Quarantined   uint64    `json:"quarantined"`  // changes kept apart until something is settled
	Judgement

	kinds   map[string]bool
	authors map[uuid.UUID]bool
}

// Phone holds what is known of one phone, or other origin.
type Phone struct {
	Origin        syncproto.OriginID `json:"origin"`
	Role          string             `json:"role"`
	Team          uuid.UUID          `json:"team"`
	Unit          string             `json:"unit"`
	Label         string             `json:"label"`
	Head          uint64             `json:"head"` // highest signed change heard of
	Outcomes      uint64             `json:"outcomes"`
	Missing       []Gap              `json:"missing"`
	Counts        map[string]uint64  `json:"counts"` // changes by outcome, with its reason where there is one
	Repeats       uint64             `json:"repeats"`
	Waiting       int                `json:"waiting"`
	HeardMS       int64              `json:"heard_ms"`
	ClockOffsetMS int64              `json:"clock_offset_ms"`
}

// Gap is a run of missing changes.
type Gap struct {
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}

// missing sums the gaps.
func (p *Phone) missing() (n uint64) {
	for _, g := range p.Missing {
		n += g.Last - g.First + 1
	}
	return n
}

// waitsForSomeone counts changes that are neither accepted nor settled for good.
func (p *Phone) waitsForSomeone() uint64 {
	return p.Counts["quarantined"] + p.Counts["held"]
}

// Cell counts activities of one kind in one unit and month.
type Cell struct {
	Commune string
	Kind    string
	Month   string // YYYY-MM
}

// Count is what a cell holds.
type Count struct {
	Activities  int `json:"activities"`
	Straddling  int `json:"straddling"` // of these, may belong to the month before
	Void        int `json:"void"`       // retracted, not in Activities
	Quarantined int `json:"quarantined"`
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
	// Strays are activities of teams that are not known here.
	Strays int

	defs    *ingest.Definitions
	byTeam  map[uuid.UUID]*Team
	byPhone map[syncproto.OriginID]*Phone
}

// Figures reads everything once. Memory grows with teams and phones, not with
// activities.
func (s *Service) Figures(ctx context.Context, q Query) (*Figures, error) {
	f := &Figures{
		Query: q, Criteria: DefaultCriteria(), MadeAt: s.Now(), defs: s.Definitions(),
		Cells: map[Cell]*Count{}, byTeam: map[uuid.UUID]*Team{}, byPhone: map[syncproto.OriginID]*Phone{},
	}
	if q.Criteria != nil {
		f.Criteria = *q.Criteria
	}
	if q.Unit != "" && !f.defs.UnitKnown(q.Unit) {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "unit %s is not known here: write it as list:code", q.Unit)
	}
	if err := f.period(); err != nil {
		return nil, err
	}
	err := s.Store.View(ctx, func(r store.Reader) error {
		for _, step := range []func(store.Reader) error{f.readTeams, f.readMembers, f.readOrigins, f.readDevices, f.readLedger, f.readActivities} {
			if err := step(r); err != nil {
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

func (f *Figures) period() error {
	today := f.MadeAt.In(zone)
	end := time.Date(today.Year(), today.Month(), today.Day()+1, 0, 0, 0, 0, zone)
	f.From, f.To = end.AddDate(0, 0, -f.Criteria.PeriodDays), end
	for _, d := range []struct {
		text string
		set  func(time.Time)
	}{
		{f.Query.From, func(t time.Time) { f.From = t }},
		{f.Query.To, func(t time.Time) { f.To = t.AddDate(0, 0, 1) }},
	} {
		if d.text == "" {
			continue
		}
		t, err := time.ParseInLocation(time.DateOnly, d.text, zone)
		if err != nil {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "%q is no day: write it as YYYY-MM-DD", d.text)
		}
		d.set(t)
	}
	if !f.From.Before(f.To) {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "the period ends before it begins")
	}
	return nil
}

// covers tells whether a unit lies in what was asked for.
func (f *Figures) covers(unit string) bool {
	return f.Query.Unit == "" || f.defs.Within(unit, []string{f.Query.Unit})
}

func (f *Figures) readTeams(r store.Reader) error {
	return r.EachRecord(store.RecordQuery{Collection: syncproto.CollectionTeam, ExistsOnly: true}, func(rec store.Record) error {
		if rec.Void || !f.covers(rec.Unit) {
			return nil
		}
		row, err := ingest.Shown(&rec)
		if err != nil {
			return err
		}
		t := &Team{
			ID: rec.ID, Unit: rec.Unit, Commune: f.defs.Commune(rec.Unit), Name: row.Value(syncproto.TeamName).Text(),
			kinds: map[string]bool{}, authors: map[uuid.UUID]bool{},
		}
		f.byTeam[t.ID] = t
		f.Teams = append(f.Teams, t)
		return nil
	})
}

func (f *Figures) readMembers(r store.Reader) error {
	q := store.RecordQuery{Collection: syncproto.CollectionMember, ExistsOnly: true, WithoutHistory: true}
	return r.EachRecord(q, func(rec store.Record) error {
		if t := f.byTeam[rec.Team]; t != nil && !rec.Void {
			t.Members++
		}
		return nil
	})
}

func (f *Figures) readOrigins(r store.Reader) error {
	origins, err := r.Origins(store.OriginQuery{})
	if err != nil {
		return err
	}
	for _, o := range origins {
		p := &Phone{
			Origin: o.ID, Role: string(o.Role), Team: o.Team, Label: o.Label, Repeats: o.Repeats, Waiting: o.Waiting,
			HeardMS: o.LastContactMS, ClockOffsetMS: o.ClockOffsetMS, Counts: map[string]uint64{}, Missing: []Gap{},
		}
		if len(o.Units) > 0 {
			p.Unit = o.Units[0]
		}
		if p.Unit != "" && !f.covers(p.Unit) || p.Unit == "" && f.Query.Unit != "" {
			continue
		}
		f.add(p)
	}
	return nil
}

func (f *Figures) add(p *Phone) {
	f.byPhone[p.Origin] = p
	f.Phones = append(f.Phones, p)
}

// readDevices adds phones that joined and were never heard of.
func (f *Figures) readDevices(r store.Reader) error {
	return r.EachRecord(store.RecordQuery{Collection: syncproto.CollectionDevice, ExistsOnly: true}, func(rec store.Record) error {
		row, err := ingest.Shown(&rec)
		if err != nil {
			return err
		}
		origin := row.Value(syncproto.DeviceOrigin).UUID()
		if rec.Void || !f.covers(rec.Unit) || f.byPhone[origin] != nil {
			return nil
		}
		f.add(&Phone{
			Origin: origin, Role: row.Value(syncproto.DeviceRole).Text(), Team: rec.Team, Unit: rec.Unit,
			Label: row.Value(syncproto.DeviceLabel).Text(), Counts: map[string]uint64{}, Missing: []Gap{},
		})
		return nil
	})
}

// readLedger fills in heads, gaps and outcomes, and when changes last arrived
// by whatever path.
func (f *Figures) readLedger(r store.Reader) error {
	type branch struct {
		origin syncproto.OriginID
		number uint32
	}
	ends := map[branch]uint64{}
	last := map[syncproto.OriginID]uint64{}
	err := r.EachRun(func(run store.Run) error {
		p := f.byPhone[run.Origin]
		if p == nil {
			return nil
		}
		b := branch{run.Origin, run.Branch}
		end, seen := ends[b]
		if !seen {
			end = run.After
		}
		if run.First > end+1 {
			p.Missing = append(p.Missing, Gap{end + 1, run.First - 1})
		}
		p.Head += run.Last.Seq - end
		ends[b] = run.Last.Seq
		last[run.Origin] = max(last[run.Origin], run.Last.Seq)
		return nil
	})
	if err != nil {
		return err
	}
	counts, err := r.OutcomeCounts(nil)
	if err != nil {
		return err
	}
	for _, c := range counts {
		p := f.byPhone[c.Origin]
		if p == nil {
			continue
		}
		p.Outcomes += c.Changes
		p.Counts[c.Outcome.String()] += c.Changes
		if c.Reason != "" {
			p.Counts[c.Outcome.String()+": "+string(c.Reason)] += c.Changes
		}
	}
	for origin, seq := range last {
		segs, err := r.Segments(store.SegmentQuery{Origin: origin, From: seq, HeadersOnly: true, Limit: 1})
		if err != nil {
			return err
		}
		if len(segs) > 0 {
			f.byPhone[origin].HeardMS = max(f.byPhone[origin].HeardMS, segs[0].ArrivedMS)
		}
	}
	return nil
}

func (f *Figures) readActivities(r store.Reader) error {
	q := store.RecordQuery{Collection: syncproto.CollectionActivity, WithoutHistory: true}
	return r.EachRecord(q, func(rec store.Record) error {
		if !f.covers(rec.Unit) {
			return nil
		}
		day, straddles := When(&rec)
		if day.Before(f.From) || !day.Before(f.To) {
			return nil
		}
		cell := Cell{f.defs.Commune(rec.Unit), rec.Kind, day.Format("2006-01")}
		n := f.Cells[cell]
		if n == nil {
			n = &Count{}
			f.Cells[cell] = n
		}
		switch {
		case !rec.Exists:
			n.Quarantined++
			return nil
		case rec.Void:
			n.Void++
			return nil
		}
		n.Activities++
		if straddles {
			n.Straddling++
		}
		t := f.byTeam[rec.Team]
		if t == nil {
			f.Strays++
			return nil
		}
		t.Activities++
		t.kinds[rec.Kind], t.authors[rec.Author] = true, true
		return nil
	})
}

// When says to which day a record counts, by what is certain of it: the
// interval in which it was made, between the last signed time that its author
// had seen and its first arrival. The day that the author claims counts only
// where the interval leaves the month open, and only inside the interval. So a
// phone whose clock says 2099 counts in the month in which its work arrived.
func When(rec *store.Record) (day time.Time, straddles bool) {
	hi := time.UnixMilli(rec.LatestMS).In(zone)
	lo := hi
	if rec.EarliestMS > 0 {
		lo = time.UnixMilli(rec.EarliestMS).In(zone)
	}
	straddles = rec.EarliestMS == 0 || lo.Year() != hi.Year() || lo.Month() != hi.Month()
	claimed, err := time.ParseInLocation(time.DateOnly, rec.Occurred, zone)
	inside := err == nil && !claimed.After(hi) && (rec.EarliestMS == 0 || !claimed.Before(startOfDay(lo)))
	if inside {
		return claimed, straddles
	}
	return startOfDay(hi), straddles
}

func startOfDay(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}

// judge brings phones' figures to their teams and applies the criteria.
func (f *Figures) judge() {
	heardSince := f.MadeAt.AddDate(0, 0, -f.Criteria.MaxDaysSinceSync).UnixMilli()
	for _, p := range f.Phones {
		t := f.byTeam[p.Team]
		if t == nil || p.Role != string(credential.RolePhone) {
			continue
		}
		t.Phones++
		if p.HeardMS >= heardSince {
			t.PhonesHeard++
		}
		t.HeardMS = max(t.HeardMS, p.HeardMS)
		t.Missing += p.missing()
		t.Waiting += p.Waiting
		t.Quarantined += p.waitsForSomeone()
	}
	for _, t := range f.Teams {
		t.Kinds, t.ActiveMembers = len(t.kinds), len(t.authors)
		t.Judgement = f.Criteria.Judge(t)
	}
}
