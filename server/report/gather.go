package report

import (
	"math"
	"math/bits"
	"slices"

	"github.com/google/uuid"

	"thonsync/server/ingest"
	"thonsync/server/store"
	"thonsync/server/tally"
	"thonsync/syncproto"
)

func (f *Figures) readTeams(r Reader) error {
	list, err := r.TeamTallies()
	if err != nil {
		return err
	}
	for _, x := range list {
		if !x.Standing || !f.covers(x.Unit) {
			continue
		}
		f.addTeam(&Team{ID: x.Team, Unit: x.Unit, Commune: f.defs.Commune(x.Unit), Name: x.Name, Members: x.Members, Trained: x.Trained})
	}
	return nil
}

func (f *Figures) addTeam(t *Team) {
	f.byTeam[t.ID] = t
	f.Teams = append(f.Teams, t)
}

func (f *Figures) readOrigins(r Reader) error {
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

// readDevices adds phones that joined and were never heard of, and what only
// the device's record says of the others.
func (f *Figures) readDevices(r Reader) error {
	return r.EachRecord(store.RecordQuery{Collection: syncproto.CollectionDevice, ExistsOnly: true}, func(rec store.Record) error {
		row, err := ingest.Shown(&rec)
		if err != nil {
			return err
		}
		origin := row.Value(syncproto.DeviceOrigin).UUID()
		p := f.byPhone[origin]
		if p == nil {
			if !f.covers(rec.Unit) || rec.Void {
				return nil
			}
			p = &Phone{
				Origin: origin, Role: row.Value(syncproto.DeviceRole).Text(), Unit: rec.Unit,
				Counts: map[string]uint64{}, Missing: []Gap{},
			}
			f.add(p)
		}
		if p.Label == "" {
			p.Label = row.Value(syncproto.DeviceLabel).Text()
		}
		if p.Team == uuid.Nil {
			p.Team = rec.Team
		}
		p.Retired = p.Retired || rec.Void
		return nil
	})
}

// readRevoked marks devices that the centre has revoked: nobody waits for news of
// them any more.
func (f *Figures) readRevoked(r Reader) error {
	list, err := r.Rulings(0, 0)
	if err != nil {
		return err
	}
	for _, row := range list {
		p := f.byPhone[row.Target.Origin]
		if row.Kind != syncproto.RulingRevoke || p == nil || p.RevokedMS > 0 {
			continue
		}
		ruling, err := syncproto.DecodeRuling(row.Data)
		if err != nil {
			return err
		}
		p.Retired, p.RevokedMS = true, ruling.IssuedMS
	}
	return nil
}

// branchOf names one branch of an origin.
type branchOf struct {
	origin syncproto.OriginID
	number uint32
}

// readLedger fills in heads, gaps and outcomes, and when changes last arrived
// by whatever path.
func (f *Figures) readLedger(r Reader) error {
	ends := map[branchOf]store.Run{}
	var gaps []*Phone
	err := r.EachRun(func(run store.Run) error {
		p := f.byPhone[run.Origin]
		if p == nil {
			return nil
		}
		b := branchOf{run.Origin, run.Branch}
		before, seen := ends[b]
		end := run.After
		if seen {
			end = before.Last.Seq
		}
		if run.First > end+1 {
			p.Missing = append(p.Missing, Gap{Branch: run.Branch, First: end + 1, Last: run.First - 1, AfterMS: before.BeaconMS})
			gaps = append(gaps, p)
		}
		p.Head += run.Last.Seq - end
		ends[b] = run
		return nil
	})
	if err != nil {
		return err
	}
	if err := f.countOutcomes(r); err != nil {
		return err
	}
	for _, p := range gaps {
		for i := range p.Missing {
			if p.Missing[i].BeforeMS, err = arrived(r, p.Origin, p.Missing[i].Last+1); err != nil {
				return err
			}
		}
	}
	arrivals, err := r.Arrivals()
	for _, a := range arrivals {
		if p := f.byPhone[a.Origin]; p != nil {
			p.HeardMS = max(p.HeardMS, a.FirstMS)
		}
	}
	return err
}

// arrived tells when a change arrived first, on whatever branch.
func arrived(r Reader, origin syncproto.OriginID, seq uint64) (ms int64, err error) {
	segments, err := r.Segments(store.SegmentQuery{Origin: origin, From: seq, To: seq, HeadersOnly: true})
	for i := range segments {
		if at := segments[i].ArrivedMS; ms == 0 || at < ms {
			ms = at
		}
	}
	return ms, err
}

func (f *Figures) countOutcomes(r Reader) error {
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
	return nil
}

// readWork counts by place for the cells, and by team for the verdicts: a team
// that worked in the next village has worked. Figures of several periods are
// gathered in one pass.
func readWork(r Reader, list ...*Figures) error {
	q := store.TallyQuery{From: math.MaxInt32}
	for _, f := range list {
		q.From, q.To = min(q.From, tally.DayOf(f.From).Month()), max(q.To, f.lastDay().Month())
	}
	if len(list) > 0 {
		q.Team = list[0].team
	}
	var d tally.Decoder
	return r.EachTally(q, func(row store.Tally) error {
		for _, f := range list {
			if err := f.takeTally(&d, &row); err != nil {
				return err
			}
		}
		return nil
	})
}

func (f *Figures) lastDay() tally.Day { return tally.DayOf(f.To) - 1 }

// takeTally takes what a tally says of the days of the period.
func (f *Figures) takeTally(d *tally.Decoder, row *store.Tally) error {
	first := tally.FirstOf(row.Month)
	from, to := int(tally.DayOf(f.From)-first), int(tally.DayOf(f.To)-first)
	if from > 30 || to <= 0 {
		return nil
	}
	wanted := uint32(1)<<min(max(to, 0), 31) - uint32(1)<<max(from, 0)
	p := &place{f: f, here: !f.verdicts && f.covers(row.Unit), team: f.byTeam[row.Team], month: monthOf(first.Time())}
	if !p.here && p.team == nil {
		return nil
	}
	if p.here {
		p.commune = f.defs.Commune(row.Unit)
	}
	return d.Each(row.Data, func(w tally.Work, mask uint32, counts []uint32) {
		if n := within(mask, wanted, counts); n > 0 {
			p.work(w, n)
			if p.team != nil && w.State&(tally.Standing|tally.Void) == tally.Standing {
				p.team.lastDay = max(p.team.lastDay, first+tally.Day(bits.Len32(mask&wanted)-1))
			}
		}
	}, func(author uuid.UUID, mask uint32, _ []uint32) {
		if p.team != nil && mask&wanted != 0 {
			p.team.authors = once(p.team.authors, author)
		}
	})
}

// once adds what is not in a list yet.
func once[T comparable](list []T, x T) []T {
	if slices.Contains(list, x) {
		return list
	}
	return append(list, x)
}

// within sums the counts of the wanted days.
func within(mask, wanted uint32, counts []uint32) (n int) {
	if mask&^wanted == 0 {
		for _, c := range counts {
			n += int(c)
		}
		return n
	}
	for i, at := 0, mask; at != 0; i, at = i+1, at&(at-1) {
		if wanted&(at&-at) != 0 {
			n += int(counts[i])
		}
	}
	return n
}

// place is where and by whom a tally's work was done.
type place struct {
	f       *Figures
	here    bool // in the unit that was asked for
	team    *Team
	commune string
	month   string
}

// work counts n activities that are alike.
func (p *place) work(w tally.Work, n int) {
	if p.here {
		p.countCell(w, n)
	}
	switch {
	case w.State&tally.Void != 0:
	case p.team == nil && w.State&tally.Standing != 0:
		p.f.Strays += n
	case p.team == nil:
	case w.State&tally.Standing == 0:
		p.team.Quarantined += uint64(n)
	default:
		p.team.Activities += n
		p.team.kinds = once(p.team.kinds, w.Kind)
	}
}

func (p *place) countCell(w tally.Work, n int) {
	cell := Cell{p.commune, w.Kind, p.month}
	c := p.f.Cells[cell]
	if c == nil {
		c = &Count{}
		p.f.Cells[cell] = c
	}
	switch {
	case w.State&tally.Standing == 0:
		c.Quarantined += n
	case w.State&tally.Void != 0:
		c.Void += n
	default:
		c.Activities += n
		if w.State&tally.Straddling != 0 {
			c.Straddling += n
		}
	}
}

// totals sums the cells by kind.
func (f *Figures) totals() map[string]*Count {
	byKind := map[string]*Count{}
	for c, n := range f.Cells {
		if byKind[c.Kind] == nil {
			byKind[c.Kind] = &Count{}
		}
		byKind[c.Kind].add(n)
	}
	return byKind
}
