package health

import (
	"slices"

	"github.com/google/uuid"

	"thonsync/server/ingest"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// maxBehind bounds how far receipts that a point has not fetched are counted.
const maxBehind = 1000

// facts is one reading of the store. It reads what grows with devices and teams;
// of segments only the few that follow a gap.
type facts struct {
	list []*Device
	by   map[syncproto.OriginID]*Device
}

func gather(r store.Reader) (*facts, error) {
	f := &facts{by: map[syncproto.OriginID]*Device{}}
	for _, step := range []func(store.Reader) error{f.origins, f.devices, f.revoked, f.runs, f.kept, f.arrivals, f.teams, f.elsewhere, f.behind} {
		if err := step(r); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (f *facts) add(d *Device) {
	f.by[d.Origin] = d
	f.list = append(f.list, d)
}

func (f *facts) origins(r store.Reader) error {
	list, err := r.Origins(store.OriginQuery{})
	for i := range list {
		o := &list[i]
		if o.Role != credential.RolePhone && o.Role != credential.RolePoint {
			continue
		}
		d := &Device{
			Origin: o.ID, Role: string(o.Role), Team: o.Team, Label: o.Label, SinceMS: o.SinceMS, Handover: credential.IsHandover(o.Credentials),
			HeardMS: o.LastContactMS, Via: o.LastVia, OffsetMS: o.ClockOffsetMS, Waiting: o.Waiting, ReceiptsBehind: int(min(o.ReceiptsRead, 1<<62)),
		}
		if len(o.Units) > 0 {
			d.Unit = o.Units[0]
		}
		f.add(d)
	}
	return err
}

// devices adds phones that joined and were never heard of.
func (f *facts) devices(r store.Reader) error {
	return r.EachRecord(store.RecordQuery{Collection: syncproto.CollectionDevice, ExistsOnly: true}, func(rec store.Record) error {
		row, err := ingest.Shown(&rec)
		if err != nil {
			return err
		}
		origin := row.Value(syncproto.DeviceOrigin).UUID()
		d := f.by[origin]
		if d == nil {
			d = &Device{Origin: origin, Role: row.Value(syncproto.DeviceRole).Text(), Unit: rec.Unit, SinceMS: rec.LatestMS}
			f.add(d)
		}
		if d.Label == "" {
			d.Label = row.Value(syncproto.DeviceLabel).Text()
		}
		if d.Team == uuid.Nil {
			d.Team = rec.Team
		}
		d.Retired = d.Retired || rec.Void
		return nil
	})
}

func (f *facts) revoked(r store.Reader) error {
	list, err := r.Rulings(0, 0)
	for i := range list {
		if d := f.by[list[i].Target.Origin]; d != nil && list[i].Kind == syncproto.RulingRevoke {
			d.Retired = true
		}
	}
	return err
}

func (f *facts) runs(r store.Reader) error {
	var last store.Run
	var gaps []*Device
	err := r.EachRun(func(run store.Run) error {
		before := last
		last = run
		d := f.by[run.Origin]
		if d == nil {
			return nil
		}
		end := run.After
		if before.Origin == run.Origin && before.Branch == run.Branch {
			end = before.Last.Seq
		} else {
			d.Branches++
		}
		if run.First > end+1 {
			d.Gaps = append(d.Gaps, Missing{Branch: run.Branch, First: end + 1, Last: run.First - 1})
			gaps = append(gaps, d)
		}
		if run.Branch != 0 {
			d.Forked += run.Last.Seq - run.First + 1
		}
		d.Head = max(d.Head, run.Last.Seq)
		return nil
	})
	if err != nil {
		return err
	}
	for _, d := range slices.Compact(gaps) {
		for i := range d.Gaps {
			after := d.Gaps[i].Last + 1
			list, err := r.Segments(store.SegmentQuery{Origin: d.Origin, Branch: &d.Gaps[i].Branch, From: after, To: after, HeadersOnly: true, Limit: 1})
			if err != nil {
				return err
			}
			for _, s := range list {
				d.Gaps[i].KnownMS = s.ArrivedMS
			}
		}
	}
	return nil
}

func (f *facts) kept(r store.Reader) error {
	counts, err := r.OutcomeCounts(nil)
	for _, c := range counts {
		d := f.by[c.Origin]
		if d == nil || c.Outcome == syncproto.OutcomeAccepted || c.Outcome == syncproto.OutcomeErased || c.Outcome == syncproto.OutcomeForked {
			continue
		}
		at := slices.IndexFunc(d.Kept, func(k Kept) bool { return k.Outcome == c.Outcome && k.Reason == c.Reason })
		if at < 0 {
			at = len(d.Kept)
			d.Kept = append(d.Kept, Kept{Outcome: c.Outcome, Reason: c.Reason})
		}
		d.Kept[at].Changes += c.Changes
	}
	return err
}

func (f *facts) arrivals(r store.Reader) error {
	list, err := r.Arrivals()
	for _, a := range list {
		if d := f.by[a.Origin]; d != nil {
			d.HeardMS = max(d.HeardMS, a.FirstMS)
		}
	}
	return err
}

func (f *facts) teams(r store.Reader) error {
	list, err := r.TeamTallies()
	names := make(map[uuid.UUID]string, len(list))
	for _, t := range list {
		names[t.Team] = t.Name
	}
	for _, d := range f.list {
		d.TeamName = names[d.Team]
	}
	return err
}

// elsewhere looks for receipts of points about changes beyond what is here. A
// point repeats its receipts as it takes more in, so the earliest says since
// when, the last how far.
func (f *facts) elsewhere(r store.Reader) error {
	for _, d := range f.list {
		if d.Branches > 1 {
			continue // the account of a fork is the ledger's
		}
		list, err := r.Witnesses(d.Origin, d.Head+1)
		if err != nil {
			return err
		}
		for _, w := range list {
			at := slices.IndexFunc(d.AtPoints, func(e Elsewhere) bool { return e.Point == w.Issuer })
			if at < 0 {
				d.AtPoints = append(d.AtPoints, Elsewhere{Point: w.Issuer, First: d.Head + 1, Last: w.Last, SinceMS: w.IssuedMS})
				continue
			}
			e := &d.AtPoints[at]
			e.Last, e.SinceMS = max(e.Last, w.Last), min(e.SinceMS, w.IssuedMS)
		}
	}
	return nil
}

// behind counts what points have not fetched. ReceiptsBehind holds how far they
// had read until here.
func (f *facts) behind(r store.Reader) error {
	for _, d := range f.list {
		read := uint64(d.ReceiptsBehind)
		d.ReceiptsBehind = 0
		if d.Role != string(credential.RolePoint) || d.Retired || d.Unit == "" {
			continue
		}
		list, err := r.Receipts(store.ReceiptQuery{After: read, Commune: d.Unit, Limit: maxBehind})
		if err != nil {
			return err
		}
		d.ReceiptsBehind = len(list)
	}
	return nil
}
