package report

import (
	"time"

	"github.com/google/uuid"

	"thonsync/server/ingest"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

func (f *Figures) readTeams(r Reader) error {
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

func (f *Figures) readMembers(r Reader) error {
	q := store.RecordQuery{Collection: syncproto.CollectionMember, ExistsOnly: true, WithoutHistory: true}
	return r.EachRecord(q, func(rec store.Record) error {
		if t := f.byTeam[rec.Team]; t != nil && !rec.Void {
			t.Members++
		}
		return nil
	})
}

func (f *Figures) readOrigins(r Reader) error {
	origins, err := r.Origins(store.OriginQuery{})
	if err != nil {
		return err
	}
	f.floorMS = floor(origins)
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

// floor is when the centre's first key was made. Phones pin that key before
// they record anything, so nothing is older.
func floor(origins []store.Origin) (ms int64) {
	for _, o := range origins {
		if o.Role == credential.RoleCentre && o.SinceMS > 0 && (ms == 0 || o.SinceMS < ms) {
			ms = o.SinceMS
		}
	}
	return ms
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
	last := map[syncproto.OriginID]uint64{}
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
		last[run.Origin] = max(last[run.Origin], run.Last.Seq)
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
	for origin, seq := range last {
		ms, err := arrived(r, origin, seq)
		if err != nil {
			return err
		}
		f.byPhone[origin].HeardMS = max(f.byPhone[origin].HeardMS, ms)
	}
	return nil
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

// readActivities counts by place for the cells, and by team for the verdicts: a
// team that worked in the next village has worked.
func (f *Figures) readActivities(r Reader) error {
	q := store.RecordQuery{Collection: syncproto.CollectionActivity, WithoutHistory: true}
	return r.EachRecord(q, func(rec store.Record) error {
		day, straddles := When(&rec, f.floorMS)
		if day.Before(f.From) || !day.Before(f.To) {
			return nil
		}
		here, t := f.covers(rec.Unit), f.byTeam[rec.Team]
		if here {
			f.countCell(&rec, day, straddles)
		}
		switch {
		case rec.Void:
		case t == nil && here && rec.Exists:
			f.Strays++
		case t == nil:
		case !rec.Exists:
			t.Quarantined++
		default:
			t.Activities++
			t.kinds[rec.Kind] = true
			if rec.Author != uuid.Nil {
				t.authors[rec.Author] = true
			}
		}
		return nil
	})
}

func (f *Figures) countCell(rec *store.Record, day time.Time, straddles bool) {
	cell := Cell{f.defs.Commune(rec.Unit), rec.Kind, monthOf(day)}
	n := f.Cells[cell]
	if n == nil {
		n = &Count{}
		f.Cells[cell] = n
	}
	switch {
	case !rec.Exists:
		n.Quarantined++
	case rec.Void:
		n.Void++
	default:
		n.Activities++
		if straddles {
			n.Straddling++
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
