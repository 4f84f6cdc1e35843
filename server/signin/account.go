package signin

import (
	"html/template"
	"net/http"
	"strings"

	"thonsync/server/accounts"
	"thonsync/server/httpapi"
	"thonsync/server/qrcode"
)

// Where the forms of the account's page go.
const (
	passwordPath   = httpapi.AccountPath + "/password"
	factorPath     = httpapi.AccountPath + "/factor"
	factorOffPath  = httpapi.AccountPath + "/factor/off"
	recoveryPath   = httpapi.AccountPath + "/recovery"
	signOutPath    = httpapi.AccountPath + "/signout"
	everywherePath = httpapi.AccountPath + "/signout/everywhere"
)

func (p *Pages) accountActions() map[string]action {
	return map[string]action{
		"GET " + httpapi.AccountPath: p.account,
		"POST " + passwordPath:       p.password,
		"GET " + factorPath:          p.factorForm,
		"POST " + factorPath:         p.factor,
		"POST " + factorOffPath:      p.factorOff,
		"POST " + recoveryPath:       p.recovery,
		"POST " + signOutPath:        p.signOut,
		"POST " + everywherePath:     p.everywhere,
	}
}

type accountData struct {
	Caller accounts.Caller
	Role   text
	Units  string
	Links  []Link
}

var notices = map[string]text{
	"password":  {"Đã đổi mật khẩu. Mọi nơi khác đã bị đăng xuất.", "The password was changed. All other places were signed out."},
	"recovered": {"Vừa dùng một mã dự phòng. Mỗi mã chỉ dùng được một lần.", "A recovery code was used up. Each works once."},
	"off":       {"Đã tắt bước xác minh thứ hai.", "The second factor was turned off."},
}

func (p *Pages) account(v *visit) error {
	return p.showAccount(v, http.StatusOK, page{Notice: notices[v.r.URL.Query().Get("said")]})
}

func (p *Pages) showAccount(v *visit, status int, pg page) error {
	if v.caller.CSRF == "" { // a program with the API token has no account
		return errNoPage
	}
	d := accountData{Caller: v.caller, Role: roleTexts[v.caller.Role], Units: strings.Join(v.caller.Units, ", ")}
	if !v.caller.Pending {
		d.Links = p.cfg.Links(v.caller)
	}
	pg.Path, pg.Data = httpapi.AccountPath, d
	return p.show(v, status, "account.html", pg)
}

// refuse shows the account's page with an error.
func (p *Pages) refuse(v *visit, err error) error {
	status, say := p.problem(v, err)
	return p.showAccount(v, status, page{Error: say})
}

func (p *Pages) password(v *visit) error {
	f := v.form
	if f.Get("password") != f.Get("again") {
		return p.showAccount(v, http.StatusUnprocessableEntity, page{Error: sayError(errTwice)})
	}
	session, err := p.cfg.Accounts.ChangePassword(v.ctx, v.caller, f.Get("present"), f.Get("password"), v.address)
	if err != nil {
		return p.refuse(v, err)
	}
	v.keep(session, "")
	return v.redirect(httpapi.AccountPath + "?said=password")
}

type factorData struct {
	Secret string
	QR     template.HTML
}

func (p *Pages) factorForm(v *visit) error { return p.showFactor(v, http.StatusOK, text{}) }

func (p *Pages) showFactor(v *visit, status int, say text) error {
	s, err := p.cfg.Accounts.NewFactor(v.ctx, v.caller, p.cfg.Server)
	if err != nil {
		return p.refuse(v, err)
	}
	qr, err := qrcode.SVG(s.URI)
	if err != nil {
		return err
	}
	return p.show(v, status, "factor.html", page{Error: say, Path: factorPath, Data: factorData{Secret: spaced(s.Text), QR: qr}})
}

// spaced puts a space after every four characters, to be typed.
func spaced(s string) string {
	var b strings.Builder
	for i, r := range s {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func (p *Pages) factor(v *visit) error {
	codes, session, err := p.cfg.Accounts.ConfirmFactor(v.ctx, v.caller, v.form.Get("code"), v.address)
	if err != nil {
		status, say := p.problem(v, err)
		return p.showFactor(v, status, say)
	}
	v.keep(session, "")
	return p.showCodes(v, codes)
}

func (p *Pages) showCodes(v *visit, codes []string) error {
	return p.show(v, http.StatusOK, "codes.html", page{Path: httpapi.AccountPath, Data: codes})
}

func (p *Pages) factorOff(v *visit) error {
	if err := p.cfg.Accounts.DropFactor(v.ctx, v.caller, v.form.Get("code"), v.address); err != nil {
		return p.refuse(v, err)
	}
	return v.redirect(httpapi.AccountPath + "?said=off")
}

func (p *Pages) recovery(v *visit) error {
	codes, err := p.cfg.Accounts.NewRecovery(v.ctx, v.caller, v.form.Get("code"), v.address)
	if err != nil {
		return p.refuse(v, err)
	}
	return p.showCodes(v, codes)
}

func (p *Pages) signOut(v *visit) error {
	if err := p.cfg.Accounts.SignOut(v.ctx, v.caller, v.address); err != nil {
		return err
	}
	v.drop()
	return v.redirect(httpapi.SignInPath)
}

func (p *Pages) everywhere(v *visit) error {
	if err := p.cfg.Accounts.SignOutEverywhere(v.ctx, v.caller, v.address); err != nil {
		return err
	}
	v.drop()
	return v.redirect(httpapi.SignInPath)
}
