package report

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"thonsync/server/ingest"
	"thonsync/server/store"
	"thonsync/server/tally"
	"thonsync/syncproto"
)

// Measures of targets besides the codes of kinds.
const (
	MeasureAll     = "activities" // activities of all kinds
	MeasureWorking = "working"    // percent of teams that work
)

// Target is what a unit is to reach in a period.
type Target struct {
	ID      uuid.UUID `json:"id"`
	Unit    string    `json:"unit" doc:"list:code"`
	Measure string    `json:"measure" doc:"code of a kind, activities for all kinds, or working for the percentage of working teams"`
	Value   int       `json:"value"`
	From    string    `json:"from" doc:"first day, YYYY-MM-DD"`
	To      string    `json:"to" doc:"last day"`
}

// Progress is a target with what has been reached.
type Progress struct {
	Target
	Name     string `json:"name" doc:"of the unit"`
	Words    Text   `json:"words" doc:"the measure in words"`
	Have     int    `json:"have"`
	Percent  int    `json:"percent" doc:"of the target, not above 999"`
	Elapsed  int    `json:"elapsed" doc:"percent of the period that is over"`
	Reached  bool   `json:"reached"`
	OnCourse bool   `json:"on_course" doc:"at least as far as time is"`
}

// readTargets lists the targets of the query's unit and of the units in it.
func (f *Figures) readTargets(r Reader) (out []Target, err error) {
	q := store.RecordQuery{Collection: syncproto.CollectionTarget, ExistsOnly: true}
	err = r.EachRecord(q, func(rec store.Record) error {
		if rec.Void || !f.covers(rec.Unit) {
			return nil
		}
		row, err := ingest.Shown(&rec)
		out = append(out, Target{
			ID: rec.ID, Unit: rec.Unit, Measure: row.Value(syncproto.TargetMeasure).Text(), Value: int(row.Value(syncproto.TargetValue).Int()),
			From: row.Value(syncproto.UnitValidFrom).Date().String(), To: row.Value(syncproto.UnitValidTo).Date().String(),
		})
		return err
	})
	slices.SortFunc(out, func(a, b Target) int {
		return cmp.Or(cmp.Compare(a.Unit, b.Unit), cmp.Compare(a.From, b.From), cmp.Compare(a.Measure, b.Measure))
	})
	return out, err
}

// span is a target while what was done for it is counted.
type span struct {
	*Progress
	first, last tally.Day
}

// progress counts what was done for targets, in one pass over the tallies of
// their months, and what share of teams works.
func (f *Figures) progress(r Reader, targets []Target) ([]Progress, error) {
	out := make([]Progress, len(targets))
	byUnit := map[string][]span{}
	q := store.TallyQuery{}
	for i, t := range targets {
		out[i] = Progress{Target: t, Name: f.unitName(t.Unit), Words: f.measureWords(t.Measure)}
		s := span{Progress: &out[i]}
		from, err := parseDay(t.From)
		if err != nil {
			return nil, err
		}
		to, err := parseDay(t.To)
		if err != nil {
			return nil, err
		}
		s.first, s.last = tally.DayOf(from), tally.DayOf(to)
		out[i].elapse(from, to, f.MadeAt)
		if t.Measure == MeasureWorking {
			continue
		}
		byUnit[t.Unit] = append(byUnit[t.Unit], s)
		if q.From == 0 || s.first.Month() < q.From {
			q.From = s.first.Month()
		}
		q.To = max(q.To, s.last.Month())
	}
	if len(byUnit) > 0 {
		if err := f.countFor(r, q, byUnit); err != nil {
			return nil, err
		}
	}
	f.workingShares(out)
	for i := range out {
		out[i].finish()
	}
	return out, nil
}

func (f *Figures) countFor(r Reader, q store.TallyQuery, byUnit map[string][]span) error {
	return r.EachTally(q, func(row store.Tally) error {
		first := tally.FirstOf(row.Month)
		for _, unit := range f.defs.Ancestors(row.Unit) {
			for _, s := range byUnit[unit] {
				from, to := int(s.first-first), int(s.last-first)+1
				if from > 30 || to <= 0 {
					continue
				}
				wanted := uint32(1)<<min(to, 31) - uint32(1)<<max(from, 0)
				err := tally.Each(row.Data, func(w tally.Work, mask uint32, counts []uint32) {
					if w.State&(tally.Standing|tally.Void) == tally.Standing && (s.Measure == MeasureAll || s.Measure == w.Kind) {
						s.Have += within(mask, wanted, counts)
					}
				}, func(uuid.UUID, uint32, []uint32) {})
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// workingShares fills in targets on the share of working teams.
func (f *Figures) workingShares(list []Progress) {
	sums := map[string]*Sum{}
	for _, s := range f.Sums() {
		sums[s.Unit] = s
	}
	for i := range list {
		if s := sums[list[i].Unit]; list[i].Measure == MeasureWorking && s != nil {
			list[i].Have = s.Working * 100 / max(s.Teams, 1)
		}
	}
}

func (f *Figures) measureWords(measure string) Text {
	switch measure {
	case MeasureAll:
		return Text{"Số việc, mọi loại", "Activities of all kinds"}
	case MeasureWorking:
		return Text{"Phần trăm tổ hoạt động", "Percent of teams working"}
	}
	return f.kindName(measure)
}

func (p *Progress) elapse(from, to, now time.Time) {
	whole, gone := to.AddDate(0, 0, 1).Sub(from), now.Sub(from)
	p.Elapsed = int(min(max(gone*100/max(whole, 1), 0), 100))
}

func (p *Progress) finish() {
	p.Percent = min(p.Have*100/max(p.Value, 1), 999)
	p.Reached = p.Have >= p.Value
	p.OnCourse = p.Reached || p.Measure != MeasureWorking && p.Percent >= p.Elapsed
}

// Targets lists the targets of a unit and of those in it, with progress.
func (s *Service) Targets(ctx context.Context, unit string) (out []Progress, err error) {
	err = s.view(ctx, Query{Unit: unit}, func(r Reader, f *Figures) error {
		if err := readWork(r, f); err != nil {
			return err
		}
		f.judge()
		targets, err := f.readTargets(r)
		if err != nil {
			return err
		}
		out, err = f.progress(r, targets)
		return err
	})
	return out, err
}

func targetsTable(f *Figures, t *Table) {
	t.Columns = []Column{
		{"unit_name", "Đơn vị", "Unit"}, {"measure", "Chỉ tiêu", "Target"}, {"measure_vi", "Chỉ tiêu", "Target"}, {"measure_en", "Chỉ tiêu", "Target"},
		{"from", "Từ", "From"}, {"to", "Đến", "To"}, {"value", "Giao", "Set"}, {"have", "Đạt", "Reached"}, {"percent", "%", "%"},
		{"elapsed", "% thời gian", "% of time"}, {"unit", "Mã", "Code"},
	}
	for _, p := range f.targets {
		t.add(p.Name, p.Measure, p.Words.VI, p.Words.EN, p.From, p.To, p.Value, p.Have, p.Percent, p.Elapsed, p.Unit)
	}
}

func (f *Figures) readProgress(r Reader) error {
	targets, err := f.readTargets(r)
	if err != nil {
		return err
	}
	f.judge()
	f.targets, err = f.progress(r, targets)
	return err
}

func trendTable(f *Figures, t *Table) {
	t.Columns = []Column{
		{"label", "Tháng", "Month"}, {"from", "Từ", "From"}, {"to", "Đến", "To"}, {"teams", "Số tổ", "Teams"}, {"working", "Hoạt động", "Working"},
		{"percent", "% hoạt động", "% working"}, {"not_working", "Chưa hoạt động", "Not working"}, {"not_known", "Chưa rõ", "Not known"},
		{"activities", "Số việc", "Activities"}, {"criteria", "Tiêu chí", "Criteria"},
	}
	for _, p := range f.points {
		t.add(p.Label, p.From, p.To, p.Teams, p.Working, p.Working*100/max(p.Teams, 1), p.NotWorking, p.NotKnown, p.Activities, p.Criteria)
	}
	t.note("Mỗi tháng xét kỳ kết thúc vào ngày cuối tháng, theo tiêu chí lúc đó và số liệu đã có đến nay.",
		"Each month is judged on the period that ends on its last day, by the criteria of that time and by what is known today.")
}

func (f *Figures) readTrend(r Reader) error {
	list, err := f.over(r, ByMonth, teamMonths)
	f.points = trend(list, ByMonth)
	return err
}

func communesTable(f *Figures, t *Table) {
	t.Columns = []Column{
		{"commune", "Xã", "Commune"}, {"teams", "Số tổ", "Teams"}, {"working", "Hoạt động", "Working"}, {"percent", "% hoạt động", "% working"},
		{"not_working", "Chưa hoạt động", "Not working"}, {"not_known", "Chưa rõ", "Not known"}, {"activities", "Số việc", "Activities"},
		{"per_team", "Việc mỗi tổ", "Per team"}, {"members", "Thành viên", "Members"}, {"phones_heard", "Máy có tin", "Phones heard"},
		{"phones", "Máy", "Phones"}, {"unit", "Mã", "Code"},
	}
	for _, l := range f.overview().Communes {
		t.add(l.Name, l.Teams, l.Working, l.Working*100/max(l.Teams, 1), l.NotWorking, l.NotKnown, l.Activities, l.Activities/max(l.Teams, 1),
			l.Members, l.PhonesHeard, l.Phones, l.Unit)
	}
}
