package e2e

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"thonsync/server"
	"thonsync/server/httpapi"
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
	next := now.AddDate(0, 2, 0).Format("2006-01")
	if err := s.Monthly(t.Context(), w.commune, next, nil, &page); syncproto.CodeOf(err) != syncproto.CodeInvalidInput || page.Len() > 0 {
		t.Errorf("the page of a month that has not begun: %v", err)
	}
	w.must(s.Monthly(t.Context(), w.commune, month, nil, &page))
	for _, want := range []string{"đã công bố", "Nà Xá", "Ký"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the monthly page lacks %q", want)
		}
	}
	if strings.Contains(page.String(), "<script") {
		t.Error("the page runs scripts")
	}
	checkReporter(w, month)
	if _, err := s.Figures(t.Context(), report.Query{Unit: fieldwork.UnitKey(w.prov.Units[0].Ref) + "x"}); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
		t.Errorf("an unknown unit: %v", err)
	}
}

// checkReporter asks for a published month as the JSON API does, as rows and as
// a spreadsheet, and exports the activities as one.
func checkReporter(w *world, month string) {
	t := w.t
	t.Helper()
	reporter := server.Reporter(w.centre.node)
	q := httpapi.ReportQuery{Name: report.Coverage, Unit: w.commune, Month: month, Lang: "en"}
	table, err := reporter.Report(t.Context(), q)
	w.must(err)
	if !slices.ContainsFunc(table.Notes, func(n httpapi.ReportNote) bool {
		return strings.Contains(n.VI, "đã công bố") && strings.Contains(n.EN, "were published")
	}) {
		t.Errorf("a published month is not said to be: %+v", table.Notes)
	}
	var file bytes.Buffer
	w.must(reporter.Export(t.Context(), q, report.FormatXLSX, &file))
	if rows := sheetRows(w, &file); len(rows) != len(table.Rows)+1 {
		t.Errorf("%d rows in the spreadsheet, %d in the table", len(rows), len(table.Rows))
	}
	file.Reset()
	n, err := server.Export(t.Context(), w.centre.cfg, server.Options{}, server.ExportRequest{What: server.ExportActivities, Format: report.FormatXLSX, Recipient: "test", TempDir: t.TempDir()}, &file)
	w.must(err)
	if rows := sheetRows(w, &file); n < 30 || len(rows) != n+1 || !slices.Contains(rows[0], "full_name") {
		t.Errorf("%d activities exported, %d rows in the spreadsheet", n, len(rows))
	}
}

func sheetRows(w *world, r io.Reader) [][]string {
	w.t.Helper()
	f, err := excelize.OpenReader(r)
	w.must(err)
	rows, err := f.GetRows(f.GetSheetName(0))
	w.must(err)
	w.must(f.Close())
	return rows
}
