package report_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/server/report"
	"thonsync/server/store"
	"thonsync/server/tally"
	"thonsync/syncproto"
)

// withoutActivities fails whoever lists activities one by one.
type withoutActivities struct{ report.Source }

func (s withoutActivities) View(ctx context.Context, f func(report.Reader) error) error {
	return s.Source.View(ctx, func(r report.Reader) error { return f(noActivities{r}) })
}

type noActivities struct{ report.Reader }

func (r noActivities) EachRecord(q store.RecordQuery, f func(store.Record) error) error {
	if q.Collection == syncproto.CollectionActivity || q.Collection == 0 {
		return fmt.Errorf("activities are listed one by one")
	}
	return r.Reader.EachRecord(q, f)
}

// However many activities there are, the overview, the pages of units and of
// teams and the reports look at none of them.
func TestOverviewNeverReadsActivities(t *testing.T) {
	s := service(filled(t, someRecords(rand.New(rand.NewPCG(1, 1)))))
	s.Source = withoutActivities{s.Source}
	ctx := context.Background()
	o, err := s.Overview(ctx, report.TrendQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if o.Total.Teams != 5 || len(o.Communes) != 2 || o.Total.Activities == 0 {
		t.Errorf("overview %+v", o)
	}
	// Nothing was done before June: that is no month in which nobody worked.
	if len(o.Trend) != 4 || o.Trend[0].Label != "2026-06" || o.Trend[0].Activities == 0 {
		t.Errorf("trend %+v", o.Trend)
	}
	if _, err := s.Unit(ctx, "l:c1", ""); err != nil {
		t.Error(err)
	}
	v, err := s.Team(ctx, uuid.UUID{1, 1})
	if err != nil || len(v.Trend) != 12 || v.Trend[11].Activities != v.Activities {
		t.Errorf("team %+v, %v", v, err)
	}
	for _, name := range report.Names() {
		if _, err := s.Table(ctx, name, report.Query{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.Team(ctx, uuid.UUID{77}); syncproto.CodeOf(err) != syncproto.CodeScope {
		t.Errorf("a team that is not there: %v", err)
	}
}

// criteriaRecord is a record of criteria that hold from a day on.
func criteriaRecord(t *testing.T, id byte, c report.Criteria) store.Record {
	t.Helper()
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	row := syncproto.NewRow(syncproto.Field{Num: syncproto.FieldUnit, Value: syncproto.TextValue("l:p")},
		syncproto.Field{Num: syncproto.CriteriaDefinition, Value: syncproto.TextValue(string(b))})
	return store.Record{ID: uuid.UUID{5, id}, Collection: syncproto.CollectionCriteria, Unit: "l:p", Exists: true, Operational: syncproto.AppendRow(nil, row)}
}

// A month is judged by the criteria that held when it began, the present by
// those that hold now.
func TestAMonthIsJudgedByItsCriteria(t *testing.T) {
	easy := report.Criteria{ID: "easy", Version: 2, ValidFrom: "2026-07-01", PeriodDays: 30, MaxDaysSinceSync: 14}
	hard := report.Criteria{ID: "hard", Version: 3, ValidFrom: "2026-08-15", PeriodDays: 20, MinActivities: 10_000, MaxDaysSinceSync: 14}
	records := append(someRecords(rand.New(rand.NewPCG(1, 1))), criteriaRecord(t, 2, hard), criteriaRecord(t, 1, easy))
	s := service(filled(t, records))
	ctx := context.Background()
	for q, want := range map[report.Query]string{
		{Month: "2026-06"}: "default", {Month: "2026-07"}: "easy", {Month: "2026-08"}: "easy", {Month: "2026-09"}: "hard", {}: "hard",
		{To: "2026-08-14"}: "easy", {To: "2026-08-15"}: "hard",
	} {
		f, err := s.Figures(ctx, q)
		if err != nil || f.Criteria.ID != want {
			t.Errorf("%+v: criteria %s, want %s (%v)", q, f.Criteria.ID, want, err)
		}
	}
	points, err := s.Trend(ctx, report.TrendQuery{Points: 4})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range points {
		got = append(got, fmt.Sprint(p.Label, " ", p.Criteria))
		v, err := s.Figures(ctx, report.Query{To: p.To})
		if err != nil {
			t.Fatal(err)
		}
		working := 0
		for _, x := range v.Teams {
			if x.Verdict == report.Working {
				working++
			}
		}
		if p.Working != working || p.Teams != len(v.Teams) {
			t.Errorf("trend %+v, want %d of %d working", p, working, len(v.Teams))
		}
	}
	if want := []string{"2026-06 default 1", "2026-07 easy 2", "2026-08 hard 3", "2026-09 hard 3"}; !slices.Equal(got, want) {
		t.Errorf("trend %q, want %q", got, want)
	}
	history, now, err := s.CriteriaHistory(ctx)
	if len(history) != 3 || now.ID != "hard" || err != nil {
		t.Errorf("history %v, now %v, %v", history, now, err)
	}
}

func TestNextStep(t *testing.T) {
	few := []report.Failing{{Criterion: "activities", Have: 1, Need: 4}}
	for want, x := range map[report.Step]report.Team{
		report.NoStep:        {Judgement: report.Judgement{Verdict: report.Working}},
		report.AppointPeople: {Phones: 1, PhonesHeard: 1},
		report.EnrolPhone:    {Members: 3},
		report.SyncPhone:     {Members: 3, Phones: 2, PhonesHeard: 1},
		report.FindMissing:   {Members: 3, Phones: 1, PhonesHeard: 1, Missing: 1},
		report.SettleKept:    {Members: 3, Phones: 1, PhonesHeard: 1, Quarantined: 1},
		report.HoldClass:     {Members: 3, Phones: 1, PhonesHeard: 1},
		report.AskWhy:        {Members: 3, Phones: 1, PhonesHeard: 1, Trained: 1, Judgement: report.Judgement{Failing: few}},
		report.MoreWork:      {Members: 3, Phones: 1, PhonesHeard: 1, Trained: 1, Activities: 1, Judgement: report.Judgement{Failing: few}},
		report.MorePeople: {Members: 3, Phones: 1, PhonesHeard: 1, Trained: 1, Activities: 9,
			Judgement: report.Judgement{Failing: []report.Failing{{Criterion: "active-members", Have: 1, Need: 2}}}},
	} {
		got := x.NextStep()
		if got != want || want != report.NoStep && report.StepText(want).VI == "" {
			t.Errorf("%+v: %s, want %s", x, got, want)
		}
	}
}

func targetRecord(id byte, unit, measure string, value int64, from, to string) store.Record {
	date := func(s string) syncproto.Value {
		d, _ := syncproto.ParseDate(s)
		return syncproto.DateValue(d)
	}
	row := syncproto.NewRow(syncproto.Field{Num: syncproto.FieldUnit, Value: syncproto.TextValue(unit)},
		syncproto.Field{Num: syncproto.TargetMeasure, Value: syncproto.TextValue(measure)}, syncproto.Field{Num: syncproto.TargetValue, Value: syncproto.IntValue(value)},
		syncproto.Field{Num: syncproto.UnitValidFrom, Value: date(from)}, syncproto.Field{Num: syncproto.UnitValidTo, Value: date(to)})
	return store.Record{ID: uuid.UUID{6, id}, Collection: syncproto.CollectionTarget, Unit: unit, Exists: true, Operational: syncproto.AppendRow(nil, row)}
}

// What counts for a target is what stands, in its unit, of its kind, in its days.
func TestTargetsCountTheirPeriod(t *testing.T) {
	const from, to = "2026-07-15", "2026-08-10"
	records := someRecords(rand.New(rand.NewPCG(2, 1)))
	records = append(records, targetRecord(1, "l:c0", "CC", 10, from, to), targetRecord(2, "l:p", report.MeasureAll, 1_000_000, from, to),
		targetRecord(3, "l:c1", report.MeasureWorking, 101, from, to))
	want := map[string]int{}
	for i := range records {
		rec := &records[i]
		if rec.Collection != syncproto.CollectionActivity || !rec.Exists || rec.Void {
			continue
		}
		day, _ := tally.When(rec, nowMS-90*24*3600*1000)
		if on := day.Time().Format(time.DateOnly); on < from || on > to {
			continue
		}
		want["l:p"]++
		if rec.Kind == "CC" && (tree{}).Commune(rec.Unit) == "l:c0" {
			want["l:c0"]++
		}
	}
	list, err := service(filled(t, records)).Targets(context.Background(), "")
	if err != nil || len(list) != 3 {
		t.Fatal(list, err)
	}
	c1, err := service(filled(t, records)).Unit(context.Background(), "l:c1", "")
	if err != nil {
		t.Fatal(err)
	}
	want["l:c1"] = 100 * c1.Total.Working / c1.Total.Teams
	for _, p := range list {
		if p.Have != want[p.Unit] || p.Reached != (p.Have >= p.Value) || p.Elapsed != 100 {
			t.Errorf("%+v, want %d", p, want[p.Unit])
		}
	}
	own, err := service(filled(t, records)).Targets(context.Background(), "l:c1")
	if err != nil || len(own) != 1 {
		t.Errorf("targets of one commune: %+v, %v", own, err)
	}
}

// Pages of the list of activities follow each other without gap or repeat, the
// highest ids first, and hold what was asked for alone.
func TestActivitiesPageByPage(t *testing.T) {
	records := someRecords(rand.New(rand.NewPCG(3, 1)))
	s := service(filled(t, records))
	for _, q := range []report.ActivityQuery{{Limit: 7}, {Limit: 30, Unit: "l:c1", State: report.StateStanding}, {Limit: 30, Unit: village(2)}, {Limit: 9, Kind: "CC", From: "2026-08-01", To: "2026-08-20"}} {
		want := map[uuid.UUID]bool{}
		for i := range records {
			rec := &records[i]
			day, _ := tally.When(rec, nowMS-90*24*3600*1000)
			on := day.Time().Format(time.DateOnly)
			if rec.Collection == syncproto.CollectionActivity && (q.Unit == "" || (tree{}).Within(rec.Unit, []string{q.Unit})) && (q.Kind == "" || rec.Kind == q.Kind) &&
				(q.State == "" || rec.Exists && !rec.Void) && on >= q.From && (q.To == "" || on <= q.To) {
				want[rec.ID] = true
			}
		}
		seen, last := 0, ""
		for {
			page, err := s.Activities(context.Background(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range page.Items {
				if !want[a.ID] || last != "" && a.ID.String() >= last {
					t.Fatalf("%+v: %s after %s", q, a.ID, last)
				}
				seen, last = seen+1, a.ID.String()
			}
			if q.Before = page.Next; page.Next == uuid.Nil {
				break
			}
		}
		if seen != len(want) || seen == 0 {
			t.Errorf("%+v: %d activities, want %d", q, seen, len(want))
		}
	}
}
