package server

import (
	"context"
	"net"
	"net/url"
	"slices"
	"strings"

	"thonsync/server/accounts"
	"thonsync/server/audit"
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
type AccountLink struct {
	Name  string `json:"name"`
	URL   string `json:"url"`
	Hours int    `json:"valid_hours"`
}

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

// AccountList lists the accounts.
var AccountList = Register(Command[None, []accounts.Account]{
	Name: "accounts.list",
	Do:   func(ctx context.Context, n *Node, _ None) ([]accounts.Account, error) { return n.accts.List(ctx) },
})

// AccountAdd makes an account; its owner sets the password by the link.
var AccountAdd = Register(Command[AccountChange, AccountLink]{
	Name: "accounts.add",
	Do: func(ctx context.Context, n *Node, in AccountChange) (AccountLink, error) {
		if err := n.knownUnits(in.Units); err != nil {
			return AccountLink{}, err
		}
		_, token, err := n.accts.Add(ctx, audit.Console, in.Name, in.Role, in.Units)
		return n.accountLink(in.Name, token), err
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
