package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"thonsync/server"
	"thonsync/server/accounts"
	"thonsync/server/audit"
	"thonsync/server/httpapi"
	"thonsync/server/report"
)

// route is one operation of the JSON API as its document declares it.
type route struct {
	method, path string
	params       []struct{ Name, In string }
	roles        []string
	open         bool
}

// routes reads the API's own document, so that a new route is among them.
func (w *world) routes(at *site) (out []route) {
	w.t.Helper()
	status, body := w.get(at.url+"/openapi.json", "")
	var doc struct {
		Paths map[string]map[string]struct {
			Parameters []struct{ Name, In string } `json:"parameters"`
			Security   []any                       `json:"security"`
			Roles      []string                    `json:"x-roles"`
		} `json:"paths"`
	}
	if err := json.Unmarshal([]byte(body), &doc); err != nil || status != http.StatusOK {
		w.t.Fatal(status, err)
	}
	for path, ops := range doc.Paths {
		for method, op := range ops {
			out = append(out, route{strings.ToUpper(method), path, op.Parameters, op.Roles, len(op.Security) == 0})
		}
	}
	return out
}

func (w *world) get(address, session string) (int, string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, address, nil)
	w.must(err)
	if session != "" {
		req.AddCookie(&http.Cookie{Name: httpapi.SessionCookie, Value: session})
	}
	client := &http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	w.must(err)
	b, err := io.ReadAll(resp.Body)
	w.must(err)
	w.must(resp.Body.Close())
	return resp.StatusCode, string(b)
}

// session makes an account and signs it in.
func (w *world) session(name string, role accounts.Role, units ...string) string {
	w.t.Helper()
	s := w.centre.node.Accounts()
	_, token, err := s.Add(w.t.Context(), audit.Console, name, role, units)
	w.must(err)
	g, err := s.UseLink(w.t.Context(), token, "", "một mật khẩu đủ dài cho ai đó", "127.0.0.1")
	w.must(err)
	return g.Session
}

var perRequest = regexp.MustCompile(`"(instance|request_id)":"[^"]*"`)

const nobody = "01920000-0000-7000-8000-000000000001"

// narrowing are parameters that narrow a list that is in scope already.
var narrowing = []string{
	"all", "asked", "before", "cursor", "dismissed", "exact", "field", "grain", "held", "kind", "list", "open", "points", "reason", "result", "state", "team", "verdict", "webhook",
}

// fill gives an address of a route with the value that is tried in every
// parameter that names a thing, and plain values elsewhere.
func (r *route) fill(t *testing.T, tried string) (address string, scoped bool) {
	t.Helper()
	path, query := r.path, url.Values{}
	for _, p := range r.params {
		value, known := map[string]string{
			"name": report.Names()[0], "format": "csv", "unit": tried,
			"from": "", "to": "", "month": "", "limit": "", "lang": "", "after": "", "last": "", "actor": "", "action": "",
			// Ids of what is nowhere; what is there and foreign is tried by the tests of each part.
			"id": nobody, "origin": nobody, "number": "2020-0001", "row": nobody, "other": nobody, "shape": "0123456789abcdef",
		}[p.Name]
		known = known || p.In == "query" && slices.Contains(narrowing, p.Name)
		if !known {
			t.Fatalf("%s %s takes a parameter %q that this test does not know: say here what is foreign in it", r.method, r.path, p.Name)
		}
		scoped = scoped || value == tried
		if p.In == "path" {
			path = strings.ReplaceAll(path, "{"+p.Name+"}", url.PathEscape(value))
		} else if value != "" {
			query.Set(p.Name, value)
		}
	}
	return path + "?" + query.Encode(), scoped
}

// Every route of the API and every page, for every role and every scope that is
// not the caller's: what is foreign answers like what is absent, 404 and never
// 403, to the letter, and it is in the access log who asked.
func TestEveryRouteHidesWhatIsForeign(t *testing.T) {
	// Each question comes a minute after the one before, so that all are written
	// down in full.
	var later atomic.Int64
	w := newWorldAt(t, func() time.Time { return time.Now().Add(time.Duration(later.Load())) })
	phone := w.phone(w.centre, 1)
	phone.work(2)
	phone.sync()
	var village, foreign string
	for key, u := range w.centre.node.Ingest().Definitions().Units() {
		switch {
		case u.Level == "village":
			village = key
		case u.Level == "commune" && key != w.commune:
			foreign = key
		}
	}
	if village == "" {
		t.Fatal("the world has no village")
	}
	if foreign == "" {
		foreign = w.prov.Teams[0].Commune.List + ":province" // what lies above is foreign as well
		for key, u := range w.centre.node.Ingest().Definitions().Units() {
			if u.Parent == "" {
				foreign = key
			}
		}
	}
	const absent = "nowhere:00404"
	sessions := map[string]func() string{
		"officer of a village":    func() string { return w.session("hoa", accounts.Officer, village) },
		"officer of nothing here": func() string { return w.session("mai", accounts.Officer, absent+"0") },
		"auditor":                 func() string { return w.session("thu", accounts.Auditor) },
	}
	routes := w.routes(w.centre)
	if len(routes) < 8 {
		t.Fatalf("%d routes in the API's document", len(routes))
	}
	hidden := 0
	for who, signIn := range sessions {
		session := signIn()
		for _, r := range routes {
			later.Add(int64(time.Minute))
			if r.method != http.MethodGet || r.open || r.path == "/v1/account" || r.path == "/v1/events" { // the stream has no end, and names no unit
				continue
			}
			officer := strings.HasPrefix(who, "officer")
			may := slices.Contains(r.roles, map[bool]string{true: string(accounts.Officer), false: string(accounts.Auditor)}[officer])
			address, scoped := r.fill(t, foreign)
			status, body := w.get(w.centre.url+address, session)
			name := fmt.Sprintf("%s: %s %s", who, r.method, r.path)
			switch {
			case status == http.StatusForbidden:
				t.Errorf("%s: 403 says that it is there", name)
			case !may && status != http.StatusNotFound, may && officer && scoped && status != http.StatusNotFound:
				t.Errorf("%s: status %d for what is foreign", name, status)
			}
			// An auditor sees in the access log what was asked for.
			if officer && (strings.Contains(body, foreign) || strings.Contains(body, w.team.String())) {
				t.Errorf("%s: the answer names what is foreign: %.200s", name, body)
			}
			other, _ := r.fill(t, absent)
			statusAbsent, bodyAbsent := w.get(w.centre.url+other, session)
			if status != statusAbsent || status == http.StatusNotFound && perRequest.ReplaceAllString(body, "") != perRequest.ReplaceAllString(bodyAbsent, "") {
				t.Errorf("%s: foreign %d %s\nabsent %d %s", name, status, body, statusAbsent, bodyAbsent)
			}
			if status == http.StatusNotFound {
				hidden++
				w.wantForeign(name, r.path)
			}
		}
		w.pagesHide(who, session, foreign, absent)
	}
	if hidden < 6 {
		t.Errorf("only %d answers hid something: the walk proves little", hidden)
	}
}

// pagesHide walks the pages that are mounted beside the API.
func (w *world) pagesHide(who, session, foreign, absent string) {
	w.t.Helper()
	for _, m := range server.Pages(w.centre.node) {
		address := w.centre.url + m.Prefix + "?unit="
		status, body := w.get(address+foreign, session)
		statusAbsent, bodyAbsent := w.get(address+absent, session)
		u, _ := w.centre.node.Ingest().Definitions().Unit(foreign)
		if status == http.StatusForbidden || status == http.StatusOK && !m.Permit.Open && strings.Contains(body, u.Name) {
			w.t.Errorf("%s: page %s answers %d for what is foreign", who, m.Prefix, status)
		}
		if m.Permit.Reach != httpapi.ReachUnit && status == http.StatusOK {
			continue // it shows no unit
		}
		if status != statusAbsent || perRequest.ReplaceAllString(strings.ReplaceAll(body, foreign, absent), "") != perRequest.ReplaceAllString(bodyAbsent, "") {
			w.t.Errorf("%s: page %s tells foreign (%d) from absent (%d)", who, m.Prefix, status, statusAbsent)
		}
	}
}

// wantForeign holds that the access log has somebody asking for what is foreign
// on a route.
func (w *world) wantForeign(name, path string) {
	w.t.Helper()
	list, err := server.AuditList.Do(w.t.Context(), w.centre.node, server.AuditQuery{Action: string(audit.Foreign)})
	w.must(err)
	pattern := regexp.MustCompile(`\{(\w+)\}`).ReplaceAllString(path, ":$1")
	if !slices.ContainsFunc(list, func(e audit.Entry) bool { return e.Object == path || e.Object == pattern }) {
		objects := []string{}
		for _, e := range list {
			objects = append(objects, e.Object)
		}
		w.t.Errorf("%s: nobody wrote down who asked; the log has %q", name, objects)
	}
}
