package server

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"thonsync/server/accounts"
	"thonsync/server/audit"
	"thonsync/server/httpapi"
	"thonsync/server/signin"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// openAccounts opens the accounts of this server.
func (n *Node) openAccounts(ctx context.Context) error {
	key, err := n.keys.AccountsKey()
	if err != nil {
		return err
	}
	n.accts, err = accounts.Open(ctx, accounts.Config{
		Path: n.path(accountsDB), Key: key, Audit: n.audit, Now: n.opts.Now, Random: n.opts.Random,
		Idle: n.cfg.SessionIdle, Length: n.cfg.SessionLength, Factors: accounts.Factors(n.cfg.SecondFactor),
	})
	return err
}

// Accounts gives the accounts of this server.
func (n *Node) Accounts() *accounts.Service { return n.accts }

// PageURL gives an address under which this server's pages may be opened: over
// https where there is, else on this machine itself.
func (n *Node) PageURL(path string) string {
	cfg := n.cfg
	if at, ok := n.serving.Load().(string); ok {
		cfg.Listen = at // the port that was given, where the setting left it open
	}
	base := cfg.ServerURL("localhost")
	if u, err := url.Parse(base); err == nil && u.Scheme == "http" {
		if _, port, err := net.SplitHostPort(cfg.Listen); err == nil {
			base = "http://localhost:" + port
		}
	}
	return strings.TrimRight(base, "/") + path
}

func (n *Node) linkURL(token string) string {
	return n.PageURL(signin.WelcomePath) + "?code=" + url.QueryEscape(token)
}

// FirstRun gives the address of a page on which the first account is made, good
// once and for an hour; "" once there is an account. At the centre it is a
// province operator's, at a point that of an officer of its units.
func (n *Node) FirstRun(ctx context.Context) (string, error) {
	role, units := accounts.Province, []string(nil)
	if n.role == credential.RolePoint {
		role, units = accounts.Officer, n.grant.Units
	}
	token, err := n.accts.FirstRun(ctx, role, units)
	if err != nil || token == "" {
		return "", err
	}
	return n.linkURL(token), nil
}

// AccountChange names an account and what becomes of it.
type AccountChange struct {
	Name  string        `json:"name"`
	Role  accounts.Role `json:"role,omitempty"`
	Units []string      `json:"units,omitempty"`
}

// AccountLink is a one-time link for the owner of an account.
type AccountLink = httpapi.AccountLink

func (n *Node) accountLink(name, token string) AccountLink {
	return AccountLink{Name: name, URL: n.linkURL(token), Hours: int(accounts.LinkLife.Hours())}
}

// knownUnits refuses units that this server does not know: nobody would see
// anything.
func (n *Node) knownUnits(units []string) error {
	defs := n.ingest.Definitions()
	for i, u := range units {
		if !defs.UnitKnown(u) || slices.Contains(units[:i], u) {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "unit %s is not known here or named twice: import the units first, or let this point exchange once", u)
		}
	}
	return nil
}

// accountName gives the name of an account.
func (n *Node) accountName(ctx context.Context, id uuid.UUID) (string, error) {
	list, err := n.accts.List(ctx)
	if err != nil {
		return "", err
	}
	for i := range list {
		if list[i].ID == id {
			return list[i].Name, nil
		}
	}
	return "", syncproto.Errorf(syncproto.CodeScope, "there is no such account here")
}

// ListAccounts lists the accounts.
func (n *Node) ListAccounts(ctx context.Context) ([]accounts.Account, error) {
	return n.accts.List(ctx)
}

// AddAccount makes an account; its owner sets the password by the link.
func (n *Node) AddAccount(ctx context.Context, in httpapi.NewAccount) (AccountLink, error) {
	if err := n.knownUnits(in.Units); err != nil {
		return AccountLink{}, err
	}
	_, token, err := n.accts.Add(ctx, actor(ctx), in.Name, in.Role, in.Units)
	return n.accountLink(in.Name, token), err
}

// ResetAccount takes password and second factor away and gives a link.
func (n *Node) ResetAccount(ctx context.Context, id uuid.UUID) (AccountLink, error) {
	name, err := n.accountName(ctx, id)
	if err != nil {
		return AccountLink{}, err
	}
	token, err := n.accts.Reset(ctx, actor(ctx), name)
	return n.accountLink(name, token), err
}

// SetAccountRole changes role and units.
func (n *Node) SetAccountRole(ctx context.Context, id uuid.UUID, r httpapi.AccountRole) error {
	if err := n.knownUnits(r.Units); err != nil {
		return err
	}
	name, err := n.accountName(ctx, id)
	if err != nil {
		return err
	}
	return n.accts.SetRole(ctx, actor(ctx), name, r.Role, r.Units)
}

// SetAccountDisabled shuts an account out or lets it in again.
func (n *Node) SetAccountDisabled(ctx context.Context, id uuid.UUID, disabled bool) error {
	name, err := n.accountName(ctx, id)
	if err != nil {
		return err
	}
	return n.accts.SetDisabled(ctx, actor(ctx), name, disabled)
}

// AccountList lists the accounts.
var AccountList = Register(Command[None, []accounts.Account]{
	Name: "accounts.list",
	Do:   func(ctx context.Context, n *Node, _ None) ([]accounts.Account, error) { return n.accts.List(ctx) },
})

// AccountAdd makes an account; its owner sets the password by the link.
var AccountAdd = Register(Command[AccountChange, AccountLink]{
	Name: "accounts.add",
	Do: func(ctx context.Context, n *Node, in AccountChange) (AccountLink, error) {
		return n.AddAccount(ctx, httpapi.NewAccount{Name: in.Name, AccountRole: httpapi.AccountRole{Role: in.Role, Units: in.Units}})
	},
})

// AccountReset takes password and second factor away and gives a link.
var AccountReset = Register(Command[AccountChange, AccountLink]{
	Name: "accounts.reset",
	Do: func(ctx context.Context, n *Node, in AccountChange) (AccountLink, error) {
		token, err := n.accts.Reset(ctx, audit.Console, in.Name)
		return n.accountLink(in.Name, token), err
	},
})

// AccountRole changes role and units.
var AccountRole = Register(Command[AccountChange, None]{
	Name: "accounts.role",
	Do: func(ctx context.Context, n *Node, in AccountChange) (None, error) {
		if err := n.knownUnits(in.Units); err != nil {
			return None{}, err
		}
		return None{}, n.accts.SetRole(ctx, audit.Console, in.Name, in.Role, in.Units)
	},
})

// AccountDisable shuts an account out.
var AccountDisable = Register(Command[AccountChange, None]{
	Name: "accounts.disable",
	Do: func(ctx context.Context, n *Node, in AccountChange) (None, error) {
		return None{}, n.accts.SetDisabled(ctx, audit.Console, in.Name, true)
	},
})

// AccountEnable lets it in again.
var AccountEnable = Register(Command[AccountChange, None]{
	Name: "accounts.enable",
	Do: func(ctx context.Context, n *Node, in AccountChange) (None, error) {
		return None{}, n.accts.SetDisabled(ctx, audit.Console, in.Name, false)
	},
})

// checkAccounts looks for nobody who can sign in, and for operators who could do
// more than a password alone should allow.
func (n *Node) checkAccounts(ctx context.Context) Check {
	list, err := n.accts.List(ctx)
	if err != nil {
		return Check{"accounts", false, "they cannot be read: " + err.Error(), "run `thonsync --data NEW restore BACKUP`"}
	}
	able, single := 0, 0
	for _, a := range list {
		if a.Disabled || !a.Password {
			continue
		}
		if able++; a.Role == accounts.Province && !a.Factor && n.role == credential.RoleCentre {
			single++
		}
	}
	c := Check{Name: "accounts", OK: true, Detail: fmt.Sprintf("%d of %d can sign in", able, len(list))}
	switch {
	case able == 0 && len(list) > 0: // a server need not have accounts
		c.OK, c.Detail, c.Fix = false, "nobody can sign in to the pages", "run `thonsync accounts reset NAME` and open the link that it prints"
	case single > 0:
		c.OK, c.Detail, c.Fix = false, fmt.Sprintf("%d province operators have a password and no second factor", single), "have them set it on the page /account"
	}
	return c
}
