package main

import (
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"thonsync/server"
	"thonsync/server/accounts"
	"thonsync/server/audit"
)

// Accounts and the access log by the command line alone; no command takes a
// password.
func TestAccountsAndAuditByCommandLine(t *testing.T) {
	data := filepath.Join(t.TempDir(), "centre")
	address, stop := serving(t, "--data", data)
	in := func(args ...string) result { return thonsync(t, nil, "", append([]string{"--data", data}, args...)...) }
	seedUnit(t, data)
	link := decode[server.AccountLink](t, in("--json", "accounts", "add", "lan", "--role", "officer", "--unit", "test:1"))
	_, port, _ := strings.Cut(address, ":")
	if u, err := url.Parse(link.URL); err != nil || u.Host != "localhost:"+port || u.Path != "/welcome" || len(u.Query().Get("code")) < 40 {
		t.Errorf("link %s", link.URL)
	}
	for _, bad := range [][]string{
		{"add", "lan", "--role", "auditor"}, {"add", "Lan", "--role", "auditor"}, {"add", "minh", "--role", "officer"},
		{"add", "minh", "--role", "officer", "--unit", "test:2"}, {"add", "minh", "--role", "king"}, {"disable", "minh"}, {"reset", "minh"},
	} {
		if r := in(append([]string{"accounts"}, bad...)...); r.code == exitOK {
			t.Errorf("%v: %s", bad, r.out)
		}
	}
	in("accounts", "role", "lan", "--role", "auditor").ok(t)
	in("accounts", "disable", "lan").ok(t)
	if r := in("accounts", "list").ok(t); !strings.Contains(r.out, "auditor") || !strings.Contains(r.out, "disabled") {
		t.Errorf("list: %s", r.out)
	}
	stop()
	// Without a server the same commands open the folder themselves.
	in("accounts", "enable", "lan").ok(t)
	if r := in("accounts", "reset", "lan").ok(t); !strings.Contains(r.out, "/welcome?code=") {
		t.Errorf("reset: %s", r.out)
	}
	list := decode[[]accounts.Account](t, in("--json", "accounts", "list"))
	if len(list) != 1 || list[0].Role != accounts.Auditor || list[0].Disabled || list[0].Password {
		t.Errorf("%+v", list)
	}
	seen := map[audit.Action]bool{}
	for _, e := range decode[[]audit.Entry](t, in("--json", "audit", "list", "--last", "0")) {
		seen[e.Action] = true
	}
	for _, a := range []audit.Action{audit.LinkMade, audit.Added, audit.RoleChanged, audit.Disabled, audit.Enabled, audit.Reset} {
		if !seen[a] {
			t.Errorf("%s is not in the log", a)
		}
	}
	v := decode[audit.Verdict](t, in("--json", "audit", "verify"))
	if !v.OK() || v.Entries == 0 {
		t.Errorf("%+v", v)
	}
	in("audit", "verify", "--head", v.Head).ok(t)
	if r := in("audit", "verify", "--head", "9999"+v.Head[strings.Index(v.Head, ":"):]); r.code != exitFailed || !strings.Contains(r.err, "missing") {
		t.Errorf("a log cut short: %d %s", r.code, r.err)
	}
}
