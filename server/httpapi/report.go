package httpapi

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// Reporter makes reports. Implementations must be safe for concurrent use and
// check names and parameters themselves, with CodeNotFound and CodeInvalidInput.
type Reporter interface {
	// Reports lists what there is.
	Reports() []ReportInfo
	// Report makes one report.
	Report(ctx context.Context, q ReportQuery) (*ReportTable, error)
	// Export writes one report as a file in format csv or xlsx.
	Export(ctx context.Context, q ReportQuery, format string, w io.Writer) error
}

// ReportInfo describes one report.
type ReportInfo struct {
	Name    string `json:"name"`
	TitleVI string `json:"title_vi"`
	TitleEN string `json:"title_en"`
}

// ReportQuery asks for one report.
type ReportQuery struct {
	Name  string
	Unit  string // list:code; only what lies in it
	From  string // first day, YYYY-MM-DD
	To    string // last day, YYYY-MM-DD
	Month string // YYYY-MM, instead of first and last day
	List  string // list version of the units to count by; the one in force by default
	Lang  string // of what people read in a file: vi or en
	Limit int    // rows; 0 for all
}

// ReportTable is a report as rows under columns. A cell is a string, a number,
// a truth value or null.
type ReportTable struct {
	Name     string         `json:"name"`
	Columns  []ReportColumn `json:"columns"`
	Rows     [][]any        `json:"rows"`
	Notes    []ReportNote   `json:"notes" doc:"what a reader must know, such as records that straddle the period"`
	MadeAtMS int64          `json:"made_at_ms"`
}

// ReportNote is a sentence in both languages.
type ReportNote struct {
	VI string `json:"vi"`
	EN string `json:"en"`
}

// ReportColumn is one column.
type ReportColumn struct {
	Name    string `json:"name"`
	TitleVI string `json:"title_vi"`
	TitleEN string `json:"title_en"`
}

// ReportInput is what a request for a report says. It is exported because huma
// reads embedded parameters of exported types only.
type ReportInput struct {
	Name  string `path:"name" maxLength:"64"`
	Unit  string `query:"unit" maxLength:"128" doc:"unit as list:code"`
	From  string `query:"from" format:"date" doc:"first day; by default the criteria's period until today"`
	To    string `query:"to" format:"date" doc:"last day"`
	Month string `query:"month" pattern:"^([0-9]{4}-(0[1-9]|1[0-2]))?$" doc:"YYYY-MM instead of first and last day; names what was published of it"`
	List  string `query:"list" maxLength:"64" doc:"list version of the units to count by, such as gso-2025-06; the one in force by default. All lists have the same total"`
	Limit int    `query:"limit" minimum:"0" maximum:"100000"`
}

// query narrows what was asked for to what the caller may see.
func (s *Server) query(ctx context.Context, in *ReportInput) (ReportQuery, error) {
	unit, err := s.unitFor(ctx, in.Unit)
	return ReportQuery{Name: in.Name, Unit: unit, From: in.From, To: in.To, Month: in.Month, List: in.List, Limit: in.Limit}, err
}

type reportsOutput struct{ Body []ReportInfo }

type reportOutput struct{ Body *ReportTable }

type fileInput struct {
	ReportInput
	Format string `path:"format" enum:"csv,xlsx" doc:"csv with the columns' names, or a spreadsheet for people"`
	Lang   string `query:"lang" enum:"vi,en" default:"vi" doc:"language of the spreadsheet"`
}

type fileOutput struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

var fileTypes = map[string]string{
	"csv":  "text/csv; charset=utf-8",
	"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

func (s *Server) registerReports() {
	huma.Register(s.api, declare(huma.Operation{
		OperationID: "reports", Method: http.MethodGet, Path: "/v1/reports", Tags: []string{"reports"},
		Summary: "The reports there are",
	}), func(context.Context, *empty) (*reportsOutput, error) {
		return &reportsOutput{s.opts.Reports.Reports()}, nil
	})
	huma.Register(s.api, declare(huma.Operation{
		OperationID: "report", Method: http.MethodGet, Path: "/v1/reports/{name}", Tags: []string{"reports"},
		Summary: "One report as rows", Description: "An officer sees the units of the account only.",
	}), func(ctx context.Context, in *ReportInput) (*reportOutput, error) {
		q, err := s.query(ctx, in)
		if err != nil {
			return nil, s.hide(ctx, err)
		}
		t, err := s.opts.Reports.Report(ctx, q)
		if err != nil {
			return nil, s.hide(ctx, err)
		}
		return &reportOutput{t}, nil
	})
	huma.Register(s.api, declare(huma.Operation{
		OperationID: "report-file", Method: http.MethodGet, Path: "/v1/reports/{name}/{format}", Tags: []string{"reports"},
		Summary: "One report as a file", Description: "An officer sees the units of the account only.",
	}), s.reportFile)
}

func (s *Server) reportFile(ctx context.Context, in *fileInput) (*fileOutput, error) {
	q, err := s.query(ctx, &in.ReportInput)
	if err != nil {
		return nil, s.hide(ctx, err)
	}
	var buf bytes.Buffer
	q.Lang = in.Lang
	if err := s.opts.Reports.Export(ctx, q, in.Format, &buf); err != nil {
		return nil, s.hide(ctx, err)
	}
	return &fileOutput{ContentType: fileTypes[in.Format], Disposition: "attachment; filename=thonsync." + in.Format, Body: buf.Bytes()}, nil
}
