package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"thonsync/server/httpapi"
	"thonsync/server/imports"
	"thonsync/server/report"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// ReportService gives the reports of this server.
func (n *Node) ReportService() *report.Service {
	return &report.Service{Store: n.store, Definitions: n.ingest.Definitions, Now: n.opts.Now}
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
	out := &httpapi.ReportTable{Name: t.Name, Rows: t.Rows, MadeAtMS: t.MadeAtMS}
	for _, c := range t.Columns {
		out.Columns = append(out.Columns, httpapi.ReportColumn(c))
	}
	for _, note := range t.Notes {
		out.Notes = append(out.Notes, note.VI)
	}
	return out, nil
}

func (r reporter) table(ctx context.Context, q httpapi.ReportQuery) (*report.Table, error) {
	if !slices.Contains(report.Names(), q.Name) {
		return nil, syncproto.Errorf(syncproto.CodeScope, "no such report")
	}
	f, err := r.s.Figures(ctx, report.Query{Unit: q.Unit, From: q.From, To: q.To})
	if err != nil {
		return nil, err
	}
	t, err := f.Table(q.Name)
	if err == nil && q.Limit > 0 && len(t.Rows) > q.Limit {
		t.Rows = t.Rows[:q.Limit]
	}
	return t, err
}

// Export writes one report as CSV.
func (r reporter) Export(ctx context.Context, q httpapi.ReportQuery, format string, w io.Writer) error {
	if format != "csv" {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "reports are exported as csv")
	}
	t, err := r.table(ctx, q)
	if err != nil {
		return err
	}
	return t.WriteCSV(w)
}

// MonthlyPath is where the monthly page is served, with query parameters unit
// and month.
const MonthlyPath = "/reports/monthly"

// ReportPages is the value for Options.Mounts: the monthly page, for whoever
// has the API token, as bearer or as the password of any user.
func ReportPages(n *Node) []httpapi.Mount {
	return []httpapi.Mount{{Prefix: MonthlyPath, Handler: http.HandlerFunc(n.monthlyPage)}}
}

func (n *Node) monthlyPage(w http.ResponseWriter, r *http.Request) {
	token, err := n.keys.APIToken()
	if err != nil || !holds(r, token) {
		w.Header().Set("WWW-Authenticate", `Basic realm="Thonsync", charset="UTF-8"`)
		http.Error(w, "The password is the API token of this server (file keys/api-token in its data folder).", http.StatusUnauthorized)
		return
	}
	month := r.URL.Query().Get("month")
	if month == "" {
		month = n.opts.Now().UTC().Add(7 * time.Hour).Format("2006-01")
	}
	var page bytes.Buffer
	if err := n.ReportService().Monthly(r.Context(), r.URL.Query().Get("unit"), month, nil, &page); err != nil {
		if syncproto.CodeOf(err) == syncproto.CodeInvalidInput {
			e, _ := errors.AsType[*syncproto.Error](err)
			http.Error(w, e.Message, http.StatusBadRequest)
			return
		}
		n.log.ErrorContext(r.Context(), "monthly page failed", "error", err)
		http.Error(w, "The page could not be made; the server's log says why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	_, _ = w.Write(page.Bytes()) // a reader that is gone has nobody to tell
}

func holds(r *http.Request, token string) bool {
	_, got, ok := r.BasicAuth()
	if !ok {
		got, ok = strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	}
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(token))
	return ok && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// APIToken gives the token that opens the JSON API and the report pages.
func (n *Node) APIToken() (string, error) { return n.keys.APIToken() }

// ReportRequest asks for a report on the command line.
type ReportRequest struct {
	Name     string          `json:"name"`
	Unit     string          `json:"unit,omitempty"`
	From     string          `json:"from,omitempty"`
	To       string          `json:"to,omitempty"`
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
		f, err := n.ReportService().Figures(ctx, report.Query{Unit: in.Unit, From: in.From, To: in.To, Criteria: c})
		if err != nil {
			return nil, err
		}
		return f.Table(in.Name)
	},
})

// MonthRequest asks for a month of a unit.
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
		err = n.ReportService().Monthly(ctx, in.Unit, in.Month, c, &b)
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

// ExportRequest asks for activities as a file.
type ExportRequest struct {
	Unit   string `json:"unit,omitempty"`
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
	Format string `json:"format"` // csv or json (one object a line)
	// Recipient names who gets personal values; "" for an export without them.
	Recipient string `json:"recipient,omitempty"`
}

// Exported is a file.
type Exported struct {
	File []byte `json:"file"`
	Rows int    `json:"rows"`
}

// ExportCommand exports activities. With personal values it works at the centre
// only, and who got them is written down first.
var ExportCommand = Register(Command[ExportRequest, Exported]{
	Name: "export",
	Do: func(ctx context.Context, n *Node, in ExportRequest) (out Exported, err error) {
		var personal report.Reader
		if in.Recipient != "" {
			if n.role != credential.RoleCentre {
				return out, syncproto.Errorf(syncproto.CodeInvalidInput, "personal values can be read at the centre only")
			}
			if err := n.noteExport(ctx, in); err != nil {
				return out, err
			}
			personal = n.ingest.Personal
		}
		var buf bytes.Buffer
		write := activityWriter(in.Format, personal != nil, &buf)
		if write == nil {
			return out, syncproto.Errorf(syncproto.CodeInvalidInput, "format %q: choose csv or json", in.Format)
		}
		q := report.Query{Unit: in.Unit, From: in.From, To: in.To}
		err = n.ReportService().EachActivity(ctx, q, personal, func(a *report.Activity) error {
			out.Rows++
			return write(a)
		})
		out.File = buf.Bytes()
		return out, err
	},
})

// noteExport keeps the list of exports with personal values.
func (n *Node) noteExport(ctx context.Context, in ExportRequest) error {
	entry := struct {
		AtMS      int64  `json:"at_ms"`
		Recipient string `json:"recipient"`
		Unit      string `json:"unit"`
		From      string `json:"from"`
		To        string `json:"to"`
	}{n.opts.Now().UnixMilli(), in.Recipient, in.Unit, in.From, in.To}
	return n.store.Update(ctx, func(tx store.Tx) error {
		b, _, err := tx.Meta(metaExports)
		if err != nil {
			return err
		}
		var list []json.RawMessage
		if len(b) > 0 {
			if err := json.Unmarshal(b, &list); err != nil {
				return err
			}
		}
		line, err := json.Marshal(entry)
		if err != nil {
			return err
		}
		if b, err = json.Marshal(append(list, line)); err != nil {
			return err
		}
		return tx.SetMeta(metaExports, b)
	})
}

// metaExports lists the exports with personal values.
const metaExports = "exports"

func activityWriter(format string, personal bool, w *bytes.Buffer) func(*report.Activity) error {
	switch format {
	case "json":
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		return func(a *report.Activity) error { return enc.Encode(a) }
	case "csv":
		w.WriteString("\ufeff")
		c := csv.NewWriter(w)
		head := []string{"id", "kind", "unit", "team", "author", "occurred", "result", "day", "straddling", "void", "conflict", "erased", "fields"}
		if personal {
			head = append(head, "personal")
		}
		_ = c.Write(head) // a buffer takes everything
		return func(a *report.Activity) error {
			row := []string{
				a.ID.String(), a.Kind, a.Unit, a.Team.String(), a.Author.String(), a.Occurred, a.Result, a.Day,
				flag(a.Straddling), flag(a.Void), flag(a.Conflict), flag(a.Erased), compactJSON(a.Fields),
			}
			if personal {
				row = append(row, compactJSON(a.Personal))
			}
			for i := range row {
				row[i] = report.Inert(row[i])
			}
			err := c.Write(row)
			c.Flush()
			return err
		}
	}
	return nil
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

func compactJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}
