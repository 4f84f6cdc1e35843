package signin

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"thonsync/server/accounts"
	"thonsync/server/httpapi"
)

// browserCookie marks a browser in which somebody has signed in before.
const browserCookie = "__Host-thonsync-browser"

const browserDays = 365

func (v *visit) cookie(name string) string {
	c, err := v.r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// keep gives the browser its cookies. Secure is set on localhost, too: browsers
// take it there. The session's ends with the browser, and by the server's clock.
func (v *visit) keep(session, browser string) {
	set := func(name, value string, age int) {
		http.SetCookie(v.w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: true, SameSite: http.SameSiteStrictMode})
	}
	if session != "" {
		set(httpapi.SessionCookie, session, 0)
	}
	if browser != "" {
		set(browserCookie, browser, browserDays*86400)
	}
}

func (v *visit) drop() {
	http.SetCookie(v.w, &http.Cookie{Name: httpapi.SessionCookie, Path: "/", MaxAge: -1, HttpOnly: true, Secure: true, SameSite: http.SameSiteStrictMode})
}

// safeNext gives a path of this server to go on to; anything else leads home, so
// that a link cannot send people elsewhere after signing in.
func safeNext(next, home string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(next, "/") ||
		strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return home
	}
	return next
}

func (p *Pages) signInForm(v *visit) error {
	return p.show(v, http.StatusOK, "signin.html", page{Data: map[string]string{"Next": v.r.URL.Query().Get("next")}})
}

func (p *Pages) signIn(v *visit) error {
	f := v.form
	in := accounts.Attempt{
		Name: strings.ToLower(strings.TrimSpace(f.Get("name"))), Password: f.Get("password"), Code: f.Get("code"),
		Address: v.address, Browser: v.cookie(browserCookie), Session: v.cookie(httpapi.SessionCookie),
	}
	g, err := p.cfg.Accounts.SignIn(v.ctx, in)
	if err != nil {
		status, say := p.problem(v, err)
		return p.show(v, status, "signin.html", page{Error: say, Path: httpapi.SignInPath, Data: map[string]string{"Next": f.Get("next"), "Name": in.Name}})
	}
	v.keep(g.Session, g.Browser)
	if g.Recovered {
		return v.redirect(httpapi.AccountPath + "?said=recovered")
	}
	return v.redirect(safeNext(f.Get("next"), p.cfg.Home))
}

func (p *Pages) welcomeForm(v *visit) error {
	code := v.r.URL.Query().Get("code")
	in, err := p.cfg.Accounts.Link(v.ctx, code)
	if err != nil {
		return err
	}
	return p.show(v, http.StatusOK, "welcome.html", page{Data: welcomeData{code, in.Name, in.Name != "", roleTexts[in.Role]}})
}

type welcomeData struct {
	Code, Name string
	Fixed      bool // the name is given
	Role       text
}

var errTwice = errors.New("two passwords differ")

func (p *Pages) welcome(v *visit) error {
	f := v.form
	code, name := f.Get("code"), strings.ToLower(strings.TrimSpace(f.Get("name")))
	in, err := p.cfg.Accounts.Link(v.ctx, code)
	if err != nil {
		return err
	}
	var g accounts.Granted
	if err = errTwice; f.Get("password") == f.Get("again") {
		g, err = p.cfg.Accounts.UseLink(v.ctx, code, name, f.Get("password"), v.address)
	}
	if errors.Is(err, accounts.ErrLink) {
		return err
	}
	if err != nil {
		status, say := p.problem(v, err)
		if errors.Is(err, errTwice) {
			status = http.StatusUnprocessableEntity
		}
		if in.Name != "" {
			name = in.Name
		}
		return p.show(v, status, "welcome.html", page{Error: say, Path: WelcomePath + "?code=" + url.QueryEscape(code),
			Data: welcomeData{code, name, in.Name != "", roleTexts[in.Role]}})
	}
	v.keep(g.Session, g.Browser)
	return v.redirect(httpapi.AccountPath)
}
