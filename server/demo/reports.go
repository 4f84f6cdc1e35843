package demo

import (
	"context"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"

	"thonsync/clientlib"
	"thonsync/server"
	"thonsync/server/console"
	"thonsync/server/imports"
	"thonsync/server/report"
	"thonsync/server/store"
)

// reports knows how the servers of the demo report.
type reports struct{}

func (reports) options(log *slog.Logger, transport clientlib.Transport) server.Options {
	return server.Options{
		Version: "demo", Log: log, Transport: transport, Reports: server.Reporter, Mounts: server.Pages,
	}
}

// print shows the day as the province sees it.
func (reports) tell(ctx context.Context, n *server.Node, w io.Writer) error {
	criteria := report.DefaultCriteria()
	criteria.MinActiveMembers, criteria.PeriodDays = 1, 1 // one day is all there is
	f, err := n.ReportService().Figures(ctx, report.Query{Criteria: &criteria})
	if err != nil {
		return err
	}
	for _, name := range []string{report.Coverage, report.Teams} {
		t, err := f.Table(name)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(w, "\n"); err != nil {
			return err
		}
		if err := short(t).WriteText(w, "en"); err != nil {
			return err
		}
	}
	return nil
}

// short keeps the columns that fit a terminal.
func short(t *report.Table) *report.Table {
	drop := map[string]bool{"reasons_vi": true, "unit": true, "team_id": true, "team": true, "heard": true, "members": true, "missing": true}
	out := *t
	out.Columns, out.Rows = nil, make([][]any, len(t.Rows))
	for i, c := range t.Columns {
		if drop[c.Name] {
			continue
		}
		out.Columns = append(out.Columns, c)
		for j, r := range t.Rows {
			out.Rows[j] = append(out.Rows[j], r[i])
		}
	}
	return &out
}

type link struct{ what, url string }

// links says where the centre's reports are and how to get in.
func (reports) links(ctx context.Context, s *stage) []link {
	token, err := s.centre.node.APIToken()
	if err != nil {
		return nil
	}
	var out []link
	// Only somebody who stays to look needs it, so nobody is told of a failure.
	if first, err := s.centre.node.FirstRun(ctx); err == nil && first != "" {
		out = append(out, link{"first, get in", first + " (once, within an hour: choose a name and a password)"})
	}
	return append(out,
		link{"console", s.centre.node.PageURL(console.Path) + " (after getting in)"},
		link{"monthly report", s.centre.node.PageURL(server.MonthlyPath) + "?unit=" + url.QueryEscape(s.points[0].unit)},
		link{"which teams work", s.centre.url + "/v1/reports/teams (JSON; Authorization: Bearer " + token + ")"},
	)
}

// importFiles imports the reference data of a folder, as `thonsync import` does.
func importFiles(ctx context.Context, n *server.Node, dir string) error {
	for _, what := range imports.All() {
		name := string(what) + ".csv"
		if what == imports.Kinds || what == imports.Guides {
			name = string(what) + ".json"
		}
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		res, err := imports.Run(ctx, n, what, b, imports.Options{})
		if err != nil {
			return err
		}
		if len(res.Bad) > 0 {
			return brokenf("%s: row %d was refused: %s", name, res.Bad[0].Row, res.Bad[0].Rule)
		}
	}
	return nil
}

// personalLeft counts the changes of a record whose personal values the centre
// can still open.
func (s *stage) personalLeft(ctx context.Context, id [16]byte) (left int, err error) {
	err = s.centre.node.Store().View(ctx, func(r store.Reader) error {
		rec, ok, err := r.Record(id)
		if err != nil || !ok {
			return err
		}
		left, err = s.centre.node.Ingest().PersonalHeld(&rec)
		return err
	})
	return left, err
}
