// Package signin makes the pages by which people sign in, look after their own
// account, and read the access log. They work without any script, on a phone, in
// Vietnamese and English.
package signin

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"thonsync/server/accounts"
	"thonsync/server/audit"
	"thonsync/server/httpapi"
	"thonsync/server/requests"
	"thonsync/syncproto"
)

// WelcomePath is where one-time links lead, with the query parameter code;
// LogPath shows the access log.
const (
	WelcomePath = "/welcome"
	LogPath     = "/accesslog"
)

// Link leads to another page of this server.
type Link struct{ Path, VI, EN string }

// Config is what the pages need; all fields are required.
type Config struct {
	Accounts *accounts.Service
	Audit    httpapi.AuditReader
	Server   string // what an authenticator app shows beside the name
	// Links lists what an account may open besides its own page.
	Links func(c accounts.Caller) []Link
	Home  string // where people go after signing in, unless they came for something
	Now   func() time.Time
	Log   *slog.Logger
}

// Pages serves the pages. It is safe for concurrent use.
type Pages struct {
	cfg    Config
	origin *http.CrossOriginProtection
}

// Mounts gives the pages with who may use them.
func Mounts(cfg Config) []httpapi.Mount {
	p := &Pages{cfg: cfg, origin: http.NewCrossOriginProtection()}
	return []httpapi.Mount{
		{Prefix: httpapi.SignInPath, Permit: httpapi.Anybody, Handler: p.forms(map[string]action{
			"GET " + httpapi.SignInPath: p.signInForm, "POST " + httpapi.SignInPath: p.signIn,
		})},
		{Prefix: WelcomePath, Permit: httpapi.Anybody, Handler: p.forms(map[string]action{
			"GET " + WelcomePath: p.welcomeForm, "POST " + WelcomePath: p.welcome,
		})},
		{Prefix: httpapi.AccountPath, Permit: httpapi.OwnAccountOnly, Handler: p.forms(p.accountActions())},
		{Prefix: LogPath, Permit: httpapi.AuditReaders, Handler: p.forms(map[string]action{"GET " + LogPath: p.accessLog})},
	}
}

// action answers one request. What it gives as an error is shown on a page.
type action func(v *visit) error

// visit is one request and its answer.
type visit struct {
	w       http.ResponseWriter
	r       *http.Request
	ctx     context.Context
	form    url.Values      // of a POST: what its body says, and not the query
	caller  accounts.Caller // zero on open pages
	address string
	english bool
}

// maxForm bounds a form.
const maxForm = 16 << 10

// forms finds the action of a request, after the checks that all have in common.
func (p *Pages) forms(actions map[string]action) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("Referrer-Policy", "strict-origin") // no path, and forms still say where they come from
		h.Set("Cache-Control", "no-store")
		v := &visit{w: w, r: r, ctx: r.Context(), address: httpapi.AddressOf(r.Context())}
		v.caller, _ = httpapi.CallerOf(r.Context())
		v.english = httpapi.English(v.w, v.r)
		if err := p.answer(v, actions); err != nil {
			p.fail(v, err)
		}
	})
}

func (p *Pages) answer(v *visit, actions map[string]action) error {
	do, ok := actions[v.r.Method+" "+strings.TrimRight(v.r.URL.Path, "/")]
	if !ok {
		return errNoPage
	}
	if v.r.Method == http.MethodPost {
		v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxForm)
		if err := v.r.ParseForm(); err != nil {
			return errForm
		}
		v.form = v.r.PostForm //nolint:forbidigo // the request's field, not the client's call
		if err := p.origin.Check(v.r); err != nil {
			return errForm
		}
		if v.caller.CSRF != "" && strings.HasPrefix(v.r.URL.Path, httpapi.AccountPath) && !v.caller.CheckCSRF(v.form.Get("csrf")) {
			return errForm
		}
	}
	return do(v)
}

//go:embed *.html
var files embed.FS

var templates = template.Must(template.ParseFS(files, "*.html"))

// page is what templates see.
type page struct {
	English bool
	Path    string // of this page, to come back to in the other language
	CSRF    string
	Name    string // of who has signed in
	Error   text
	Notice  text
	Now     time.Time
	Data    any
}

// T chooses a language.
func (p page) T(vi, en string) string {
	if p.English {
		return en
	}
	return vi
}

// Say gives a text in the page's language.
func (p page) Say(t text) string { return p.T(t.vi, t.en) }

// Other gives the address of this page in the other language.
func (p page) Other() string {
	u, err := url.Parse(p.Path)
	if err != nil {
		return "/"
	}
	q := u.Query()
	q.Set("lang", p.T("en", "vi"))
	u.RawQuery = q.Encode()
	return u.String()
}

// show writes a page.
func (p *Pages) show(v *visit, status int, name string, pg page) error {
	pg.English, pg.CSRF, pg.Name, pg.Now = v.english, v.caller.CSRF, v.caller.Name, p.cfg.Now().In(requests.Zone)
	if pg.Path == "" {
		pg.Path = v.r.URL.RequestURI()
	}
	var buf bytes.Buffer
	if err := templates.ExecuteTemplate(&buf, name, pg); err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(status)
	_, _ = v.w.Write(buf.Bytes()) // a reader that is gone has nobody to tell
	return nil
}

func (v *visit) redirect(path string) error {
	http.Redirect(v.w, v.r, path, http.StatusSeeOther)
	return nil
}

// statusOf gives the status of a page that shows an error.
func statusOf(err error) int {
	var held *accounts.HeldError
	switch {
	case errors.As(err, &held):
		return http.StatusTooManyRequests
	case errors.Is(err, errForm):
		return http.StatusForbidden
	case errors.Is(err, errNoPage):
		return http.StatusNotFound
	case errors.Is(err, accounts.ErrSignIn):
		return http.StatusUnauthorized
	}
	switch syncproto.CodeOf(err) {
	case syncproto.CodeInvalidInput, syncproto.CodeCodeSpent:
		return http.StatusUnprocessableEntity
	case syncproto.CodeOverload:
		return http.StatusServiceUnavailable
	}
	if errors.Is(err, accounts.ErrWrong) {
		return http.StatusUnprocessableEntity
	}
	return http.StatusInternalServerError
}

// problem gives what a page says about an error, and logs a fault of the server.
func (p *Pages) problem(v *visit, err error) (status int, say text) {
	status = statusOf(err)
	var held *accounts.HeldError
	if errors.As(err, &held) {
		v.w.Header().Set("Retry-After", seconds(held.RetryAfter()))
	}
	if status == http.StatusInternalServerError {
		p.cfg.Log.ErrorContext(v.ctx, "page failed", "path", v.r.URL.Path, "error", err)
	}
	return status, sayError(err)
}

// fail shows an error on a page of its own.
func (p *Pages) fail(v *visit, err error) {
	status, say := p.problem(v, err)
	if err := p.show(v, status, "error.html", page{Error: say, Path: "/"}); err != nil {
		p.cfg.Log.ErrorContext(v.ctx, "page failed", "error", err)
	}
}

// reader names who reads the access log in it.
func (v *visit) reader() string { return v.caller.Actor() }

type logRow struct {
	audit.Entry
	Who, What, Object string
	At                time.Time
}

// accessLog shows the last entries, with the names of accounts, which the log
// itself does not hold.
func (p *Pages) accessLog(v *visit) error {
	list, err := p.cfg.Audit.Entries(v.ctx, v.reader(), audit.Query{Last: 200})
	if err != nil {
		return err
	}
	verdict, err := p.cfg.Audit.Verdict(v.ctx)
	if err != nil {
		return err
	}
	all, err := p.cfg.Accounts.List(v.ctx)
	if err != nil {
		return err
	}
	names := make(map[string]string)
	for _, a := range all {
		names[audit.Actor(a.ID)] = a.Name
	}
	name := func(id string) string {
		if n, ok := names[id]; ok {
			return n
		}
		return id
	}
	rows := make([]logRow, 0, len(list))
	for i := len(list) - 1; i >= 0; i-- {
		e := list[i]
		say := actionTexts[e.Action]
		if say == (text{}) {
			say = text{string(e.Action), string(e.Action)}
		}
		rows = append(rows, logRow{Entry: e, Who: name(e.Actor), What: page{English: v.english}.Say(say), Object: name(e.Object), At: time.UnixMilli(e.AtMS)})
	}
	return p.show(v, http.StatusOK, "log.html", page{Data: map[string]any{"Rows": rows, "Verdict": verdict}})
}
