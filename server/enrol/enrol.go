// Package enrol makes the pages by which an officer takes phones in: a code as a
// QR to scan, what becomes of it from moment to moment, and the comparison of the
// six digits. They work without any script, in Vietnamese and English.
package enrol

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"

	"thonsync/server/accounts"
	"thonsync/server/answer"
	"thonsync/server/audit"
	"thonsync/server/httpapi"
	"thonsync/server/qrcode"
	"thonsync/syncproto"
)

// Path is where the pages are.
const (
	Path        = "/enrol"
	codePath    = Path + "/code"
	confirmPath = Path + "/confirm"
	refusePath  = Path + "/refuse"
)

// Team is a team that a phone can be taken in for.
type Team struct {
	ID      uuid.UUID
	Name    string
	Unit    string // list:code
	Village string // the unit's name
	Commune string
}

// Made is a fresh joining code.
type Made struct {
	Text string // as it is typed
	URI  string // as it is scanned
}

// Config is what the pages need; all fields are required.
type Config struct {
	// Teams lists the teams of some units, or all where there are none.
	Teams func(ctx context.Context, units []string) ([]Team, error)
	// NewCode makes a code for a phone of a team, to be confirmed. host is how the
	// browser calls this server.
	NewCode func(ctx context.Context, team uuid.UUID, host string) (Made, error)
	Codes   *answer.Codes
	Audit   audit.Writer
	Log     *slog.Logger
}

// Pages serves the pages. It is safe for concurrent use.
type Pages struct {
	cfg    Config
	origin *http.CrossOriginProtection

	mu    sync.Mutex
	shown map[string]shown // by name; gone with the code
}

// shown is a code that a page shows again and again. The holder of codes knows
// only their hashes.
type shown struct {
	Made
	team Team
}

// Mounts gives the pages with who may use them: operators, officers for teams of
// their own units.
func Mounts(cfg Config) []httpapi.Mount {
	p := &Pages{cfg: cfg, origin: http.NewCrossOriginProtection(), shown: make(map[string]shown)}
	return []httpapi.Mount{{Prefix: Path, Permit: httpapi.OneUnit, Handler: http.HandlerFunc(p.serve)}}
}

// visit is one request and its answer.
type visit struct {
	w       http.ResponseWriter
	r       *http.Request
	caller  accounts.Caller
	english bool
}

var (
	errForm = errors.New("form is old or comes from elsewhere")
	errGone = errors.New("no such code or page")
)

const maxForm = 4 << 10

func (p *Pages) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("Referrer-Policy", "strict-origin")
	h.Set("Cache-Control", "no-store")
	v := &visit{w: w, r: r}
	v.caller, _ = httpapi.CallerOf(r.Context())
	v.english = httpapi.English(v.w, v.r)
	if err := p.answer(v); err != nil {
		p.fail(v, err)
	}
}

func (p *Pages) answer(v *visit) error {
	path := strings.TrimRight(v.r.URL.Path, "/")
	if v.r.Method == http.MethodGet {
		switch path {
		case Path:
			return p.choose(v)
		case codePath:
			return p.code(v)
		}
		return errGone
	}
	if v.r.Method != http.MethodPost {
		return errGone
	}
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxForm)
	if v.r.ParseForm() != nil || p.origin.Check(v.r) != nil || v.caller.CSRF == "" || !v.caller.CheckCSRF(v.r.PostFormValue("csrf")) {
		return errForm
	}
	switch path {
	case Path:
		return p.make(v)
	case confirmPath:
		return p.confirm(v, v.r.PostFormValue("digits"))
	case refusePath:
		return p.confirm(v, "")
	}
	return errGone
}

// units are those of an officer; nil for whoever may act for all.
func (v *visit) units() []string {
	if v.caller.Role == accounts.Officer {
		return v.caller.Units
	}
	return nil
}

// teams lists the teams for which the caller may take phones in.
func (p *Pages) teams(v *visit) ([]Team, error) {
	units := v.units()
	if v.caller.Role == accounts.Officer && len(units) == 0 {
		return nil, nil
	}
	list, err := p.cfg.Teams(v.r.Context(), units)
	slices.SortFunc(list, func(a, b Team) int {
		return strings.Compare(a.Commune+"\n"+a.Village+"\n"+a.Name, b.Commune+"\n"+b.Village+"\n"+b.Name)
	})
	return list, err
}

func (p *Pages) choose(v *visit) error {
	list, err := p.teams(v)
	if err != nil {
		return err
	}
	return p.show(v, http.StatusOK, "choose.html", page{Path: Path, Data: map[string]any{"Teams": list, "Open": p.open(list)}})
}

// open lists the codes that are under way and that the caller may see.
func (p *Pages) open(teams []Team) (out []codeView) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, s := range p.shown {
		st, _, ok := p.cfg.Codes.Watch(name)
		if !ok {
			delete(p.shown, name)
			continue
		}
		if slices.ContainsFunc(teams, func(t Team) bool { return t.ID == s.team.ID }) {
			out = append(out, codeView{CodeState: st, Team: s.team})
		}
	}
	slices.SortFunc(out, func(a, b codeView) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (p *Pages) make(v *visit) error {
	id, err := uuid.Parse(v.r.PostFormValue("team"))
	if err != nil {
		return errForm
	}
	list, err := p.teams(v)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(t Team) bool { return t.ID == id })
	if i < 0 {
		return errGone // of another commune, or none at all: nobody learns which
	}
	host, _, err := net.SplitHostPort(v.r.Host)
	if err != nil {
		host = v.r.Host // without a port
	}
	made, err := p.cfg.NewCode(v.r.Context(), id, host)
	if err != nil {
		return err
	}
	if err := p.note(v, audit.CodeMade, list[i]); err != nil {
		return err
	}
	name, _, _ := strings.Cut(made.Text, "-")
	p.mu.Lock()
	p.shown[name] = shown{Made: made, team: list[i]}
	p.mu.Unlock()
	http.Redirect(v.w, v.r, codePath+"?name="+url.QueryEscape(name), http.StatusSeeOther)
	return nil
}

func (p *Pages) note(v *visit, what audit.Action, t Team) error {
	return p.cfg.Audit.Write(v.r.Context(), audit.Event{Actor: v.caller.Actor(), Action: what, Object: t.ID.String(), Unit: t.Unit})
}

// find gives a code that the caller may see; errGone for others alike.
func (p *Pages) find(v *visit, name string) (shown, error) {
	p.mu.Lock()
	s, ok := p.shown[strings.ToUpper(name)]
	p.mu.Unlock()
	if !ok {
		return s, errGone
	}
	list, err := p.teams(v)
	if err != nil {
		return s, err
	}
	if !slices.ContainsFunc(list, func(t Team) bool { return t.ID == s.team.ID }) {
		return s, errGone
	}
	return s, nil
}

// codeView is a code as a page shows it.
type codeView struct {
	answer.CodeState
	Team    Team
	Text    string
	QR      template.HTML
	Minutes int
}

// refreshEvery is how soon a page shows what has changed, in seconds. While the
// digits are compared it stands still, so that nobody clicks on what just moved.
const refreshEvery = 3

// code shows one code: the QR while it is open, the digits while a phone waits,
// and what became of it.
func (p *Pages) code(v *visit) error {
	name := v.r.URL.Query().Get("name")
	s, err := p.find(v, name)
	if err != nil {
		return err
	}
	view := codeView{Team: s.team, Text: s.Text}
	st, _, ok := p.cfg.Codes.Watch(name)
	if view.CodeState = st; !ok {
		view.State = "gone"
	}
	view.Minutes = (view.ExpiresIn + 59) / 60
	refresh := 0
	if view.State == "open" || view.State == "confirmed" {
		refresh = refreshEvery
	}
	if view.State == "open" {
		if view.QR, err = qrcode.SVG(s.URI); err != nil {
			return err
		}
	}
	return p.show(v, http.StatusOK, "code.html", page{Path: codePath + "?name=" + url.QueryEscape(name), Refresh: refresh, Data: view})
}

// confirm lets a phone in whose digits the officer found equal, or voids the
// code.
func (p *Pages) confirm(v *visit, digits string) error {
	name := v.r.PostFormValue("name")
	s, err := p.find(v, name)
	if err != nil {
		return err
	}
	what := audit.CodeConfirmed
	if digits == "" {
		what = audit.CodeRefused
	}
	if err := p.note(v, what, s.team); err != nil {
		return err
	}
	// A comparison that fails has voided the code; the page says so.
	if err := p.cfg.Codes.Confirm(name, digits); err != nil && syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
		return err
	}
	http.Redirect(v.w, v.r, codePath+"?name="+url.QueryEscape(name), http.StatusSeeOther)
	return nil
}

//go:embed *.html
var files embed.FS

var templates = template.Must(template.ParseFS(files, "*.html"))

// page is what templates see.
type page struct {
	English bool
	Path    string
	CSRF    string
	Refresh int // seconds until the page loads itself again; 0 for never
	Error   string
	Data    any
}

// T chooses a language.
func (p page) T(vi, en string) string {
	if p.English {
		return en
	}
	return vi
}

// Other gives the address of this page in the other language.
func (p page) Other() string {
	u, err := url.Parse(p.Path)
	if err != nil {
		return Path
	}
	q := u.Query()
	q.Set("lang", p.T("en", "vi"))
	u.RawQuery = q.Encode()
	return u.String()
}

func (p *Pages) show(v *visit, status int, name string, pg page) error {
	pg.English, pg.CSRF = v.english, v.caller.CSRF
	var buf bytes.Buffer
	if err := templates.ExecuteTemplate(&buf, name, pg); err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(status)
	_, _ = v.w.Write(buf.Bytes()) // a reader that is gone has nobody to tell
	return nil
}

// fail shows an error on a page of its own.
func (p *Pages) fail(v *visit, err error) {
	status, vi, en := http.StatusInternalServerError, "Máy chủ gặp lỗi. Nhật ký của máy chủ ghi rõ nguyên nhân.", "The server met a fault; its log says why."
	switch {
	case errors.Is(err, errGone):
		status, vi, en = http.StatusNotFound, "Không có mã này, hoặc mã đã hết hạn. Hãy tạo mã mới.", "There is no such code, or it has expired. Make a new one."
	case errors.Is(err, errForm):
		status, vi, en = http.StatusForbidden, "Trang đã cũ hoặc không được gửi từ đây. Hãy quay lại và thử lần nữa.", "The page is old or was not sent from here. Go back and try again."
	case syncproto.CodeOf(err) == syncproto.CodeCredential:
		status, vi, en = http.StatusConflict, "Điểm này đã hết hạn hoặc hết số máy được nhận. Hãy xin tỉnh cho thêm; việc chuyển dữ liệu không bị ảnh hưởng.",
			"This point's right to take phones in is used up or has ended. Ask the province for more; what it carries is not affected."
	case syncproto.CodeOf(err) == syncproto.CodeOverload:
		status, vi, en = http.StatusServiceUnavailable, "Đang có quá nhiều mã. Hãy đợi vài phút.", "Too many codes are open. Wait some minutes."
	default:
		p.cfg.Log.ErrorContext(v.r.Context(), "page failed", "path", v.r.URL.Path, "error", err)
	}
	pg := page{Path: Path}
	pg.English = v.english
	pg.Error = pg.T(vi, en)
	if err := p.show(v, status, "failed.html", pg); err != nil {
		p.cfg.Log.ErrorContext(v.r.Context(), "page failed", "error", err)
	}
}
