package e2e

import (
	"strings"
	"testing"
	"time"

	"thonsync/server/report"
	"thonsync/syncproto"
	"thonsync/testdata/fieldwork"
)

// TestReportsOverRealWork holds the reports against work that real phones sent:
// sums over units equal the total, and what was published stays while late work
// is counted apart.
func TestReportsOverRealWork(t *testing.T) {
	w := newWorld(t)
	early, late := w.phone(w.centre, 1), w.phone(w.centre, 2)
	early.work(30)
	early.sync()
	late.work(11) // stays on the phone over the end of the month

	now := time.Now()
	s := w.centre.node.ReportService()
	s.Now = func() time.Time { return now }
	f, err := s.Figures(t.Context(), report.Query{})
	w.must(err)
	if len(f.Teams) != 1 || f.Teams[0].Activities != 30 || f.Teams[0].Verdict != report.Working {
		t.Fatalf("teams %+v", f.Teams[0])
	}
	for _, sum := range f.Sums() {
		if sum.Teams != 1 || sum.Activities != 30 || sum.Working+sum.NotWorking+sum.NotKnown != 1 {
			t.Errorf("unit %s: %+v", sum.Unit, sum)
		}
	}
	table, err := f.Table(report.Activities)
	w.must(err)
	if len(table.Rows) == 0 {
		t.Error("no activities by kind and month")
	}

	month := now.In(time.FixedZone("UTC+7", 7*3600)).Format("2006-01")
	if _, err := s.Publish(t.Context(), w.commune, month, nil); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
		t.Errorf("a month that is not over was published: %v", err)
	}
	now = now.AddDate(0, 1, 1)
	told, err := s.Publish(t.Context(), w.commune, month, nil)
	w.must(err)
	late.sync() // arrives, by the server's own clock, still in the month
	again, err := s.Publish(t.Context(), w.commune, month, nil)
	w.must(err)
	if again.AtMS != told.AtMS {
		t.Error("publishing again changed what was published")
	}
	var page strings.Builder
	w.must(s.Monthly(t.Context(), w.commune, month, nil, &page))
	for _, want := range []string{"đã công bố", "Nà Xá", "Ký"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the monthly page lacks %q", want)
		}
	}
	if strings.Contains(page.String(), "<script") {
		t.Error("the page runs scripts")
	}
	if _, err := s.Figures(t.Context(), report.Query{Unit: fieldwork.UnitKey(w.prov.Units[0].Ref) + "x"}); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
		t.Errorf("an unknown unit: %v", err)
	}
}
