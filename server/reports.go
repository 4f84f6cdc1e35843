package server

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"

	"thonsync/server/httpapi"
	"thonsync/server/imports"
	"thonsync/server/report"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// ReportService gives the reports of this server.
func (n *Node) ReportService() *report.Service {
	return &report.Service{
		Source: report.Of(n.store), Definitions: func() report.Definitions { return n.ingest.Definitions() }, Now: n.opts.Now,
	}
}

// reporter serves the reports over the JSON API.
type reporter struct{ s *report.Service }

// Reporter is the value for Options.Reports.
func Reporter(n *Node) httpapi.Reporter { return reporter{n.ReportService()} }

// Reports lists what there is.
func (r reporter) Reports() []httpapi.ReportInfo {
	var out []httpapi.ReportInfo
	for _, name := range report.Names() {
		t := report.TitleOf(name)
		out = append(out, httpapi.ReportInfo{Name: name, TitleVI: t.VI, TitleEN: t.EN})
	}
	return out
}

// Report makes one report.
func (r reporter) Report(ctx context.Context, q httpapi.ReportQuery) (*httpapi.ReportTable, error) {
	t, err := r.table(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &httpapi.ReportTable{Name: t.Name, Rows: t.Rows, Notes: []httpapi.ReportNote{}, MadeAtMS: t.MadeAtMS}
	for _, c := range t.Columns {
		out.Columns = append(out.Columns, httpapi.ReportColumn(c))
	}
	for _, note := range t.Notes {
		out.Notes = append(out.Notes, httpapi.ReportNote(note))
	}
	return out, nil
}

func (r reporter) table(ctx context.Context, q httpapi.ReportQuery) (*report.Table, error) {
	if !slices.Contains(report.Names(), q.Name) {
		return nil, syncproto.Errorf(syncproto.CodeScope, "no such report")
	}
	t, err := r.s.Table(ctx, q.Name, report.Query{Unit: q.Unit, From: q.From, To: q.To, Month: q.Month, List: q.List})
	if err == nil && q.Limit > 0 && len(t.Rows) > q.Limit {
		t.Rows = t.Rows[:q.Limit]
	}
	return t, err
}

// Export writes one report as CSV or as a spreadsheet.
func (r reporter) Export(ctx context.Context, q httpapi.ReportQuery, format string, w io.Writer) error {
	t, err := r.table(ctx, q)
	if err != nil {
		return err
	}
	switch format {
	case report.FormatCSV:
		return t.WriteCSV(w, true)
	case report.FormatXLSX:
		return t.WriteXLSX(w, q.Lang)
	}
	return syncproto.Errorf(syncproto.CodeInvalidInput, "reports are files of the form csv or xlsx")
}

// APIToken gives the token that opens the JSON API and the report pages.
func (n *Node) APIToken() (string, error) { return n.keys.APIToken() }

// ReportRequest asks for a report on the command line.
type ReportRequest struct {
	Name     string          `json:"name"`
	Unit     string          `json:"unit,omitempty"`
	From     string          `json:"from,omitempty"`
	To       string          `json:"to,omitempty"`
	Month    string          `json:"month,omitempty"`
	List     string          `json:"list,omitempty"`
	Criteria json.RawMessage `json:"criteria,omitempty"`
}

func (q *ReportRequest) criteria() (*report.Criteria, error) {
	if len(q.Criteria) == 0 {
		return nil, nil
	}
	c, err := report.ParseCriteria(q.Criteria)
	return &c, err
}

// ReportCommand makes one report.
var ReportCommand = Register(Command[ReportRequest, *report.Table]{
	Name: "report",
	Do: func(ctx context.Context, n *Node, in ReportRequest) (*report.Table, error) {
		c, err := in.criteria()
		if err != nil {
			return nil, err
		}
		return n.ReportService().Table(ctx, in.Name, report.Query{Unit: in.Unit, From: in.From, To: in.To, Month: in.Month, List: in.List, Criteria: c})
	},
})

// MonthRequest asks for a month of a unit; the present month if none is named.
type MonthRequest struct {
	Unit     string          `json:"unit"`
	Month    string          `json:"month"`
	Criteria json.RawMessage `json:"criteria,omitempty"`
}

// Page is a page of HTML.
type Page struct {
	HTML string `json:"html"`
}

// MonthlyCommand makes the monthly page.
var MonthlyCommand = Register(Command[MonthRequest, Page]{
	Name: "report.monthly",
	Do: func(ctx context.Context, n *Node, in MonthRequest) (Page, error) {
		q := ReportRequest{Criteria: in.Criteria}
		c, err := q.criteria()
		if err != nil {
			return Page{}, err
		}
		var b strings.Builder
		month := in.Month
		if month == "" {
			month = report.ThisMonth(n.opts.Now())
		}
		err = n.ReportService().Monthly(ctx, in.Unit, month, c, &b)
		return Page{b.String()}, err
	},
})

// PublishCommand freezes a month.
var PublishCommand = Register(Command[MonthRequest, *report.Published]{
	Name: "report.publish",
	Do: func(ctx context.Context, n *Node, in MonthRequest) (*report.Published, error) {
		q := ReportRequest{Criteria: in.Criteria}
		c, err := q.criteria()
		if err != nil {
			return nil, err
		}
		return n.ReportService().Publish(ctx, in.Unit, in.Month, c)
	},
})

// LedgerCommand reads custody: heads, gaps, outcomes and last contacts.
var LedgerCommand = Register(Command[None, *report.Ledger]{
	Name: "ledger",
	Do: func(ctx context.Context, n *Node, _ None) (*report.Ledger, error) {
		return n.ReportService().Ledger(ctx)
	},
})

// ImportRequest is a file of reference data.
type ImportRequest struct {
	What    imports.What    `json:"what"`
	File    []byte          `json:"file"`
	Options imports.Options `json:"options"`
}

// ImportCommand imports reference data at the centre.
var ImportCommand = Register(Command[ImportRequest, imports.Result]{
	Name: "import", Fresh: true,
	Do: func(ctx context.Context, n *Node, in ImportRequest) (imports.Result, error) {
		if n.role != credential.RoleCentre {
			return imports.Result{}, syncproto.Errorf(syncproto.CodeInvalidInput, "reference data are imported at the centre; a point gets them in its feed")
		}
		return imports.Run(ctx, n, in.What, in.File, in.Options)
	},
})
