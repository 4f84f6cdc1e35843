package httpapi

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"thonsync/server/accounts"
	"thonsync/server/audit"
)

// stand stands for everything that a server needs. A session's token is the role
// and the units of whoever holds it.
type stand struct{ shown []ReportQuery }

func (*stand) Exchange(_ context.Context, b []byte) ([]byte, error) { return b, nil }
func (*stand) Keys(context.Context) ([]byte, error)                 { return []byte("notice"), nil }
func (*stand) Ready(context.Context) error                          { return nil }
func (*stand) Status(context.Context) (Status, error)               { return Status{Role: "centre"}, nil }

// Token takes "program PARTS UNITS" with dots for blanks and commas inside.
func (*stand) Token(_ context.Context, token string) (accounts.Caller, error) {
	f := strings.Split(token, ".")
	switch {
	case token == "secret":
		return accounts.Machine(), nil
	case token == "often":
		return accounts.Caller{}, &accounts.TooOften{After: time.Second}
	case f[0] != "program":
		return accounts.Caller{}, accounts.ErrSignIn
	}
	c := accounts.Caller{Account: uuid.UUID{1}, Name: "máy", Role: accounts.Province, Program: true}
	for _, p := range strings.Split(f[1], ",") {
		c.Parts = append(c.Parts, accounts.Part(p))
	}
	if len(f) > 2 {
		c.Role, c.Units = accounts.Officer, f[2:]
	}
	return c, nil
}
func (*stand) Session(_ context.Context, token string) (accounts.Caller, error) {
	f := strings.Split(token, ".")
	if !slices.Contains(accounts.Roles(), accounts.Role(f[0])) {
		return accounts.Caller{}, accounts.ErrSignIn
	}
	c := accounts.Caller{Name: "lan", Role: accounts.Role(f[0]), CSRF: "right", Pending: slices.Contains(f, "pending")}
	if c.Role == accounts.Officer {
		c.Units = f[1:]
	}
	return c, nil
}
func (*stand) Within(unit string, units []string) bool { return slices.Contains(units, unit) }
func (*stand) Whole(units []string) bool               { return slices.Contains(units, "whole") }
func (*stand) Entries(context.Context, string, audit.Query) ([]audit.Entry, error) {
	return []audit.Entry{}, nil
}
func (*stand) Verdict(context.Context) (*audit.Verdict, error) { return &audit.Verdict{}, nil }
func (*stand) Reports() []ReportInfo                           { return nil }
func (s *stand) Report(_ context.Context, q ReportQuery) (*ReportTable, error) {
	s.shown = append(s.shown, q)
	return &ReportTable{Notes: []ReportNote{}, Columns: []ReportColumn{}, Rows: [][]any{}}, nil
}
func (s *stand) Export(_ context.Context, q ReportQuery, _ string, _ io.Writer) error {
	s.shown = append(s.shown, q)
	return nil
}

// Changed makes event streams end at once.
func (*stand) Changed() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}
func (*stand) Take() []string { return nil }
func (*stand) Stop()          {}

func newStand(t *testing.T) (*Server, *stand) {
	t.Helper()
	d := &stand{}
	s := New(Options{
		Exchange: d, Status: d, Reports: d, Access: d, Audit: d, Devices: d, Accounts: d, Requests: d, Events: func() Watcher { return d }, Reorganise: reorganiser{}, Health: healthy{}, Conflicts: contested{}, Version: Version{Role: "centre"},
		Limits:    Limits{Body: 4096, Concurrency: 2, Queue: 2},
		Working:   worker{},
		Links:     linker{},
		Registers: registrar{},
		Outward:   outwards{},
	})
	return s, d
}

// somebody is who sends a request.
type somebody struct {
	name    string
	header  []string
	role    accounts.Role // "" for nobody
	own     bool          // the unit of requests is his
	whole   bool          // everything here is his
	pending bool
	parts   []accounts.Part // of a program's token; nil for a person
}

func everybody() []somebody {
	cookie := func(token string) []string { return []string{"Cookie", SessionCookie + "=" + token} }
	bearer := func(token string) []string { return []string{"Authorization", "Bearer " + token} }
	return []somebody{
		{name: "nobody"},
		{name: "wrong token", header: []string{"Authorization", "Bearer wrong"}},
		{name: "basic", header: []string{"Authorization", "Basic c2VjcmV0OnNlY3JldA=="}},
		{name: "session that is over", header: cookie("gone")},
		{name: "token", header: []string{"Authorization", "Bearer secret"}, role: accounts.Province},
		{name: "province", header: cookie("province"), role: accounts.Province},
		{name: "province without its second factor", header: cookie("province.pending"), role: accounts.Province, pending: true},
		{name: "officer of the unit", header: cookie("officer.list:1"), role: accounts.Officer, own: true},
		{name: "officer of another unit", header: cookie("officer.list:2"), role: accounts.Officer},
		{name: "officer of all there is", header: cookie("officer.list:1.whole"), role: accounts.Officer, own: true, whole: true},
		{name: "auditor", header: cookie("auditor"), role: accounts.Auditor},
		{name: "program with nothing", header: bearer("program.none"), role: accounts.Province, parts: []accounts.Part{"none"}},
		{name: "program for changes", header: bearer("program.changes"), role: accounts.Province, parts: []accounts.Part{accounts.PartChanges}},
		{name: "program for status", header: bearer("program.status"), role: accounts.Province, parts: []accounts.Part{accounts.PartStatus}},
		{name: "program of the unit", header: bearer("program.health,reports,changes.list:1"), role: accounts.Officer, own: true,
			parts: []accounts.Part{accounts.PartHealth, accounts.PartReports, accounts.PartChanges}},
		{name: "program of another unit", header: bearer("program.health,reports,changes,status.list:2"), role: accounts.Officer, parts: accounts.Parts()},
	}
}

// expected says, apart from the code that decides, what somebody gets: 200, 401
// or 404.
func expected(p Permit, who somebody) int {
	switch {
	case p.Open:
		return 200
	case who.role == "":
		return 401
	case who.pending && p.Reach != ReachOwn:
		return 401
	case !slices.Contains(p.Roles, who.role):
		return 404
	case who.parts != nil && !slices.Contains(who.parts, p.Part):
		return 404
	case who.role == accounts.Officer && p.Reach == ReachServer && !who.whole:
		return 404
	case who.role == accounts.Officer && p.Reach == ReachUnit && !who.own:
		return 404
	}
	return 200
}

// answered is what is looked at of an answer.
type answered struct {
	StatusCode int
	Header     http.Header
}

// nowhere is the id that stands for all ids of paths.
const nowhere = "01920000-0000-7000-8000-000000000001"

// bodies are what the routes want that do not take an empty object.
var bodies = map[string]string{
	"POST /v1/requests":                                `{"kind":"see","channel":"office"}`,
	"POST /v1/requests/2026-0001/steps":                `{"act":"acknowledged"}`,
	"POST /v1/requests/2026-0001/correct":              `{"record":"` + nowhere + `","fields":{}}`,
	"POST /v1/requests/2026-0001/answer":               `{"how":"notice"}`,
	"POST /v1/requests/2026-0001/erase":                `{"records":1}`,
	"POST /v1/registers/uploads":                       `{"size":1}`,
	"POST /v1/registers/uploads/" + nowhere + "/parts": `{"offset":0,"data":"eA=="}`,
	"POST /v1/registers/profiles":                      `{"name":"p","columns":{},"rule":{"kinds":["CC"]}}`,
	"POST /v1/registers/profiles/drop":                 `{"name":"p"}`,
	"POST /v1/accounts":                                `{"name":"lan","role":"auditor"}`,
	"POST /v1/conflicts/settle":                        `{"record":"` + nowhere + `","field":"result","standing":"a","value":1}`,
	"POST /v1/conflicts/settle-alike":                  `{"shape":"a","of":[]}`,
	"POST /v1/conflicts/ask":                           `{"record":"` + nowhere + `","field":"result","asks":"which"}`,
	"PUT /v1/accounts/" + nowhere + "/role":            `{"role":"auditor"}`,
	"PUT /v1/accounts/" + nowhere + "/disabled":        `{"disabled":true}`,
}

func ask(t *testing.T, s *Server, method, path string, header ...string) answered {
	t.Helper()
	var body io.Reader
	if (method == http.MethodPost || method == http.MethodPut) && strings.HasPrefix(path, "/v1/") && path != "/v1/exchange" {
		bare, _, _ := strings.Cut(path, "?")
		body = strings.NewReader(cmp.Or(bodies[method+" "+bare], "{}"))
		header = append(slices.Clone(header), "Content-Type", "application/json", headerCSRF, "right")
	}
	r := httptest.NewRequestWithContext(t.Context(), method, path, body)
	r.Host = "localhost"
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := s.Test(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	_ = resp.Body.Close()
	return answered{resp.StatusCode, resp.Header}
}

// Every route that this server has is asked by everybody. A route without a
// line in the list of permits fails here, and answers nobody.
func TestEveryRouteForEveryRole(t *testing.T) {
	s, _ := newStand(t)
	fill := strings.NewReplacer(":name", "teams", ":format", "csv", ":what", "targets", ":unit", "list:1", ":id", nowhere, ":shape", "a", ":other", nowhere, ":origin", nowhere, ":number", "2026-0001")
	asked := 0
	for _, r := range s.app.GetRoutes(true) {
		p, declared := permits[cmpHead(r.Method)+" "+braces(r.Path)]
		if !declared {
			t.Errorf("%s %s has no line in the list of permits", r.Method, r.Path)
			continue
		}
		for _, who := range everybody() {
			path := fill.Replace(r.Path)
			if p.Reach == ReachUnit {
				path += "?unit=list:1"
			}
			want := expected(p, who)
			got := ask(t, s, r.Method, path, who.header...).StatusCode
			if got == 204 { // an answer to a browser's preflight
				got = 200
			}
			if got != want {
				t.Errorf("%s %s, %s: %d, want %d", r.Method, path, who.name, got, want)
			}
			asked++
		}
	}
	if asked < 20*len(everybody())/2 {
		t.Errorf("only %d requests: the walk has lost its routes", asked)
	}
	for line := range permits {
		method, path, _ := strings.Cut(line, " ")
		if !slices.ContainsFunc(s.app.GetRoutes(true), func(r fiber.Route) bool { return r.Method == method && braces(r.Path) == path }) {
			t.Errorf("the list of permits has %s, which is no route", line)
		}
	}
}

// cmpHead takes a request for the head of a page as one for the page.
func cmpHead(method string) string {
	if method == http.MethodHead {
		return http.MethodGet
	}
	return method
}

// braces writes a route's parameters as the OpenAPI document does.
func braces(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if name, ok := strings.CutPrefix(p, ":"); ok {
			parts[i] = "{" + name + "}"
		}
	}
	return strings.Join(parts, "/")
}

// What is declared in the document is what holds.
func TestOpenAPIDeclaresTheRoles(t *testing.T) {
	s, _ := newStand(t)
	doc := s.api.OpenAPI()
	if doc.Components.SecuritySchemes["session"] == nil || doc.Components.SecuritySchemes["token"] == nil {
		t.Error("security schemes are missing")
	}
	for path, item := range doc.Paths {
		for method, op := range operations(item) {
			p := permits[method+" "+path]
			if p.Open != (len(op.Security) == 0) || !p.Open && fmt.Sprint(op.Extensions["x-roles"]) != fmt.Sprint(p.Roles) {
				t.Errorf("%s %s: security %v, roles %v", method, path, op.Security, op.Extensions["x-roles"])
			}
		}
	}
}

// An officer who names no unit sees his own; with several he must name one.
func TestOfficersSeeTheirOwnUnit(t *testing.T) {
	s, d := newStand(t)
	cookie := func(token string) []string { return []string{"Cookie", SessionCookie + "=" + token} }
	for _, path := range []string{"/v1/reports/teams", "/v1/reports/teams/csv"} {
		d.shown = nil
		if r := ask(t, s, "GET", path, cookie("officer.list:1")...); r.StatusCode != 200 || d.shown[0].Unit != "list:1" {
			t.Errorf("%s: %d %+v", path, r.StatusCode, d.shown)
		}
		if r := ask(t, s, "GET", path, cookie("officer.list:1.list:2")...); r.StatusCode != 422 {
			t.Errorf("%s with two units: %d", path, r.StatusCode)
		}
		if r := ask(t, s, "GET", path, cookie("province")...); r.StatusCode != 200 || d.shown[1].Unit != "" {
			t.Errorf("%s: %d %+v", path, r.StatusCode, d.shown)
		}
	}
	if r := ask(t, s, "GET", "/v1/status", cookie("officer.whole")...); r.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("an answer to a session may be kept: %v", r.Header)
	}
}

// A page elsewhere cannot have a signed-in browser change anything.
func TestChangesNeedTheFormToken(t *testing.T) {
	s, d := newStand(t)
	p := Permit{Roles: province}
	s.app.Post("/change", s.guard(p), func(c *fiber.Ctx) error { d.shown = append(d.shown, ReportQuery{}); return nil })
	cookie := []string{"Cookie", SessionCookie + "=province"}
	for _, h := range [][]string{cookie, append(slices.Clone(cookie), headerCSRF, "wrong")} {
		if r := ask(t, s, "POST", "/change", h...); r.StatusCode != 403 || len(d.shown) > 0 {
			t.Errorf("%v: %d", h, r.StatusCode)
		}
	}
	if r := ask(t, s, "POST", "/change", append(cookie, headerCSRF, "right")...); r.StatusCode != 200 {
		t.Errorf("with the token: %d", r.StatusCode)
	}
	if r := ask(t, s, "POST", "/change", "Authorization", "Bearer secret"); r.StatusCode != 200 {
		t.Errorf("a program: %d", r.StatusCode)
	}
}

// Mounts say who may use them; one that says nothing lets nobody.
func TestEveryMountForEveryRole(t *testing.T) {
	var caller accounts.Caller
	var known bool
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, known = CallerOf(r.Context())
		w.Header().Set("Content-Security-Policy", "form-action 'self'")
		fmt.Fprint(w, AddressOf(r.Context()))
	})
	mounts := map[string]Permit{
		"/silent": {}, "/open": Anybody, "/own": OwnAccountOnly, "/province": ProvinceOnly, "/auditors": AuditReaders,
		"/whole": {Roles: operators, Reach: ReachServer},
	}
	for prefix, p := range mounts {
		for _, who := range everybody() {
			for _, path := range []string{prefix, prefix + "/deeper"} {
				caller, known = accounts.Caller{}, false
				r := askTLS(t, prefix, p, page, path, who.header...)
				if want := expected(p, who); r.StatusCode != want {
					t.Errorf("%s, %s: %d, want %d", path, who.name, r.StatusCode, want)
				}
				if known != (who.role != "" && r.StatusCode == 200) || known && caller.Role != who.role {
					t.Errorf("%s, %s: the page takes him for %+v", path, who.name, caller)
				}
				if r.StatusCode == 200 && !slices.Equal(r.Header.Values("Content-Security-Policy"), []string{"form-action 'self'"}) {
					t.Errorf("policies %v", r.Header.Values("Content-Security-Policy"))
				}
			}
		}
	}
}

// askTLS asks a mount as a client of a trusted proxy that speaks TLS.
func askTLS(t *testing.T, prefix string, p Permit, h http.Handler, path string, header ...string) answered {
	t.Helper()
	d := &stand{}
	s := New(Options{
		Exchange: d, Status: d, Access: d, Mounts: []Mount{{Prefix: prefix, Permit: p, Handler: h}}, Version: Version{Role: "centre"},
		Proxies: []string{"0.0.0.0"}, Limits: Limits{Body: 4096, Concurrency: 2, Queue: 2},
	})
	return ask(t, s, "GET", path, append([]string{"X-Forwarded-Proto", "https"}, header...)...)
}

// People are led to where they can do something about it; programs are told.
func TestPeopleAreLedToSignIn(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "page") })
	html := []string{"Accept", "text/html,*/*"}
	r := askTLS(t, "/page", ProvinceOnly, page, "/page?unit=list:1", html...)
	if r.StatusCode != 303 || r.Header.Get("Location") != "/signin?next=%2Fpage%3Funit%3Dlist%3A1" {
		t.Errorf("%d %v", r.StatusCode, r.Header)
	}
	r = askTLS(t, "/page", ProvinceOnly, page, "/page", append(html, "Cookie", SessionCookie+"=province.pending")...)
	if r.StatusCode != 303 || r.Header.Get("Location") != AccountPath {
		t.Errorf("%d %v", r.StatusCode, r.Header)
	}
	if r := askTLS(t, "/page", ProvinceOnly, page, "/page", append(html, "Cookie", SessionCookie+"=auditor")...); r.StatusCode != 404 {
		t.Errorf("%d", r.StatusCode)
	}
}
