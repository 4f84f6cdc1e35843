package main

import (
	"strings"

	"thonsync/server"
	"thonsync/server/accounts"
)

type accountsCmd struct {
	List    accountsListCmd    `cmd:"" help:"List who may sign in."`
	Add     accountsAddCmd     `cmd:"" help:"Make an account; prints a one-time link by which its owner sets the password."`
	Reset   accountsResetCmd   `cmd:"" help:"Take password and second factor away, end all sessions, and print a new link."`
	Role    accountsRoleCmd    `cmd:"" help:"Change role and units."`
	Disable accountsDisableCmd `cmd:"" help:"Shut an account out at once."`
	Enable  accountsEnableCmd  `cmd:"" help:"Let a disabled account in again."`
}

type accountsListCmd struct{}

// Run lists accounts.
func (accountsListCmd) Run(a *app) error {
	list, err := server.AccountList.Run(a.ctx, a.cfg, a.quiet(), server.None{})
	if err != nil {
		return err
	}
	return a.show(list, func() {
		var rows [][]string
		for _, x := range list {
			rows = append(rows, []string{x.Name, string(x.Role), strings.Join(x.Units, " "), accountState(x), when(x.SeenMS), x.ID.String()})
		}
		a.table([]string{"NAME", "ROLE", "UNITS", "STATE", "LAST SEEN", "ID"}, rows)
	})
}

func accountState(x accounts.Account) string {
	switch {
	case x.Disabled:
		return "disabled"
	case !x.Password:
		return "no password yet"
	case x.Factor:
		return "two factors"
	}
	return "password"
}

// accountName names an account.
type accountName struct {
	Name string `arg:"" help:"Name to sign in with."`
}

// accountRole says what an account may do.
type accountRole struct {
	Role accounts.Role `enum:"province,officer,auditor" required:"" help:"province: everything; officer: what lies in the units; auditor: the access log only."`
	Unit []string      `placeholder:"LIST:CODE" help:"An officer's unit; may be given more than once."`
}

type accountsAddCmd struct {
	accountName
	accountRole
}

// Run makes an account.
func (c accountsAddCmd) Run(a *app) error {
	link, err := server.AccountAdd.Run(a.ctx, a.cfg, a.quiet(), server.AccountChange{Name: c.Name, Role: c.Role, Units: c.Unit})
	return a.showLink(link, err)
}

func (a *app) showLink(link server.AccountLink, err error) error {
	if err != nil {
		return err
	}
	return a.show(link, func() {
		a.say("%s sets the password here, once, within %d hours:", link.Name, link.Hours)
		a.say("  %s", link.URL)
	})
}

type accountsResetCmd struct{ accountName }

// Run resets an account.
func (c accountsResetCmd) Run(a *app) error {
	link, err := server.AccountReset.Run(a.ctx, a.cfg, a.quiet(), server.AccountChange{Name: c.Name})
	return a.showLink(link, err)
}

type accountsRoleCmd struct {
	accountName
	accountRole
}

// Run changes the role.
func (c accountsRoleCmd) Run(a *app) error {
	in := server.AccountChange{Name: c.Name, Role: c.Role, Units: c.Unit}
	_, err := server.AccountRole.Run(a.ctx, a.cfg, a.quiet(), in)
	return a.done(in, err, "%s is %s now.", c.Name, c.Role)
}

// done shows that something was done.
func (a *app) done(v any, err error, format string, args ...any) error {
	if err != nil {
		return err
	}
	return a.show(v, func() { a.say(format, args...) })
}

type accountsDisableCmd struct{ accountName }

// Run disables an account.
func (c accountsDisableCmd) Run(a *app) error {
	in := server.AccountChange{Name: c.Name}
	_, err := server.AccountDisable.Run(a.ctx, a.cfg, a.quiet(), in)
	return a.done(in, err, "%s can no longer sign in, and every session has ended.", c.Name)
}

type accountsEnableCmd struct{ accountName }

// Run lets an account in again.
func (c accountsEnableCmd) Run(a *app) error {
	in := server.AccountChange{Name: c.Name}
	_, err := server.AccountEnable.Run(a.ctx, a.cfg, a.quiet(), in)
	return a.done(in, err, "%s can sign in again.", c.Name)
}
