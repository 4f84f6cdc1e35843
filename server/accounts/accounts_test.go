package accounts_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"golang.org/x/text/unicode/norm"

	"thonsync/server/accounts"
	"thonsync/server/audit"
	_ "thonsync/server/store/sqlitestore" // registers the driver
	"thonsync/syncproto"
)

// memory is an access log in memory; err makes it fail.
type memory struct {
	mu   sync.Mutex
	list []audit.Event
	err  error
}

func (m *memory) Write(_ context.Context, e audit.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	m.list = append(m.list, e)
	return nil
}

func (m *memory) Note(ctx context.Context, e audit.Event) error { return m.Write(ctx, e) }

func (m *memory) count(a audit.Action) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.list {
		if e.Action == a {
			n++
		}
	}
	return n
}

// office is a server's accounts with a clock that tests move.
type office struct {
	t   *testing.T
	cfg accounts.Config
	now time.Time
	log *memory
	s   *accounts.Service
}

const (
	good  = "bốn từ rời nhau"
	other = "another four words here"
)

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, now: time.Unix(1_800_000_000, 0), log: &memory{}}
	o.cfg = accounts.Config{
		Path: filepath.Join(t.TempDir(), "accounts.db"), Key: bytes.Repeat([]byte{1}, 32), Audit: o.log,
		Now: func() time.Time { return o.now }, Random: rand.Reader,
		Idle: 30 * time.Minute, Length: 12 * time.Hour, Factors: accounts.FactorsNone,
	}
	o.open()
	t.Cleanup(func() { _ = o.s.Close() })
	return o
}

func (o *office) open() {
	o.t.Helper()
	s, err := accounts.Open(o.t.Context(), o.cfg)
	if err != nil {
		o.t.Fatal(err)
	}
	s.SetDerive(accounts.Cheap)
	o.s = s
}

// restart closes and opens, as a restart of the server does.
func (o *office) restart() {
	o.t.Helper()
	if err := o.s.Close(); err != nil {
		o.t.Fatal(err)
	}
	o.open()
}

// add makes an account with the good password and gives its first session.
func (o *office) add(name string, role accounts.Role, units ...string) accounts.Granted {
	o.t.Helper()
	_, token, err := o.s.Add(o.t.Context(), audit.Console, name, role, units)
	if err != nil {
		o.t.Fatal(err)
	}
	g, err := o.s.UseLink(o.t.Context(), token, "", good, "10.0.0.1")
	if err != nil {
		o.t.Fatal(err)
	}
	return g
}

func (o *office) attempt(name, password string) accounts.Attempt {
	return accounts.Attempt{Name: name, Password: password, Address: "10.0.0.9"}
}

func (o *office) signIn(in accounts.Attempt) (accounts.Granted, error) {
	return o.s.SignIn(o.t.Context(), in)
}

func (o *office) mustSignIn(in accounts.Attempt) accounts.Granted {
	o.t.Helper()
	g, err := o.signIn(in)
	if err != nil {
		o.t.Fatal(err)
	}
	return g
}

func (o *office) caller(session string) accounts.Caller {
	o.t.Helper()
	c, err := o.s.Caller(o.t.Context(), session)
	if err != nil {
		o.t.Fatal(err)
	}
	return c
}

func (o *office) wantOut(session, why string) {
	o.t.Helper()
	if _, err := o.s.Caller(o.t.Context(), session); !errors.Is(err, accounts.ErrSignIn) {
		o.t.Errorf("%s: still signed in: %v", why, err)
	}
}

func (o *office) wantWrong(in accounts.Attempt, why string) {
	o.t.Helper()
	if _, err := o.signIn(in); !errors.Is(err, accounts.ErrWrong) {
		o.t.Errorf("%s: %v", why, err)
	}
}

func held(err error) bool {
	_, ok := errors.AsType[*accounts.HeldError](err)
	return ok
}

func TestSignIn(t *testing.T) {
	o := newOffice(t)
	o.add("lan", accounts.Officer, "x:1", "x:2")
	g := o.mustSignIn(o.attempt("lan", good))
	c := o.caller(g.Session)
	if c.Name != "lan" || c.Role != accounts.Officer || len(c.Units) != 2 || c.Pending || c.CSRF == "" || g.Browser == "" {
		t.Errorf("%+v", c)
	}
	// The same password typed with marks put together otherwise.
	o.mustSignIn(o.attempt("lan", norm.NFD.String(good)))
	o.wantWrong(o.attempt("lan", other), "wrong password")
	o.wantWrong(o.attempt("nobody", good), "no such account")
	if o.log.count(audit.SignIn) != 2 || o.log.count(audit.SignInFailed) != 2 {
		t.Errorf("%+v", o.log.list)
	}
	o.restart()
	if o.caller(g.Session).Account != c.Account {
		t.Error("a session does not outlast a restart")
	}
	for _, token := range []string{"", "x", strings.Repeat("A", 43), g.Browser} {
		o.wantOut(token, "a token that is none")
	}
}

// What is not in the log does not happen.
func TestNoSignInWithoutItsEntry(t *testing.T) {
	o := newOffice(t)
	g := o.add("lan", accounts.Province)
	o.log.err = errors.New("disk full")
	if g, err := o.signIn(o.attempt("lan", good)); err == nil || g.Session != "" {
		t.Errorf("signed in: %+v %v", g, err)
	}
	ctx := t.Context()
	for name, err := range map[string]error{
		"disable": o.s.SetDisabled(ctx, audit.Console, "lan", true),
		"role":    o.s.SetRole(ctx, audit.Console, "lan", accounts.Auditor, nil),
		"signout": o.s.SignOutEverywhere(ctx, o.caller(g.Session), ""),
	} {
		if err == nil {
			t.Errorf("%s happened", name)
		}
	}
	if _, err := o.s.Reset(ctx, audit.Console, "lan"); err == nil {
		t.Error("reset happened")
	}
	o.log.err = nil
	if c := o.caller(g.Session); c.Role != accounts.Province {
		t.Errorf("%+v", c)
	}
}

func TestSessionsEnd(t *testing.T) {
	o := newOffice(t)
	g := o.add("lan", accounts.Province)
	for range 23 { // used every half hour but one minute
		o.now = o.now.Add(29 * time.Minute)
		o.caller(g.Session)
	}
	o.now = o.now.Add(29 * time.Minute)
	o.caller(g.Session)
	o.now = o.now.Add(25 * time.Minute)
	o.wantOut(g.Session, "twelve hours")

	idle := o.mustSignIn(o.attempt("lan", good))
	o.now = o.now.Add(30 * time.Minute)
	o.wantOut(idle.Session, "idle")

	back := o.mustSignIn(o.attempt("lan", good))
	o.now = o.now.Add(-time.Hour)
	o.wantOut(back.Session, "clock set back")
}

func TestSigningOut(t *testing.T) {
	o := newOffice(t)
	first := o.add("lan", accounts.Province)
	second := o.mustSignIn(o.attempt("lan", good))
	// Signing in again in the same browser replaces its session.
	in := o.attempt("lan", good)
	in.Session = second.Session
	third := o.mustSignIn(in)
	o.wantOut(second.Session, "rotated")
	if err := o.s.SignOut(t.Context(), o.caller(third.Session), ""); err != nil {
		t.Fatal(err)
	}
	o.wantOut(third.Session, "signed out")
	o.caller(first.Session)
	fourth := o.mustSignIn(o.attempt("lan", good))
	if err := o.s.SignOutEverywhere(t.Context(), o.caller(fourth.Session), ""); err != nil {
		t.Fatal(err)
	}
	o.wantOut(first.Session, "signed out everywhere")
	o.wantOut(fourth.Session, "signed out everywhere")
}

func TestChangesOfAnAccountCountAtOnce(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	g := o.add("lan", accounts.Province)
	if err := o.s.SetRole(ctx, audit.Console, "lan", accounts.Auditor, nil); err != nil {
		t.Fatal(err)
	}
	o.wantOut(g.Session, "role changed")
	g = o.mustSignIn(o.attempt("lan", good))
	if o.caller(g.Session).Role != accounts.Auditor {
		t.Error("the role did not change")
	}
	if err := o.s.SetDisabled(ctx, audit.Console, "lan", true); err != nil {
		t.Fatal(err)
	}
	o.wantOut(g.Session, "disabled")
	o.wantWrong(o.attempt("lan", good), "disabled")
	if err := o.s.SetDisabled(ctx, audit.Console, "lan", false); err != nil {
		t.Fatal(err)
	}
	g = o.mustSignIn(o.attempt("lan", good))
	token, err := o.s.Reset(ctx, audit.Console, "lan")
	if err != nil {
		t.Fatal(err)
	}
	o.wantOut(g.Session, "reset")
	o.wantWrong(o.attempt("lan", good), "reset")
	if _, err := o.s.UseLink(ctx, token, "", other, ""); err != nil {
		t.Fatal(err)
	}
	o.mustSignIn(o.attempt("lan", other))
	g = o.mustSignIn(o.attempt("lan", other))
	o.s.SetDisabledOnly(t, "lan")
	o.wantOut(g.Session, "disabled, by whatever way")
	if err := o.s.SetDisabled(ctx, audit.Console, "minh", true); syncproto.CodeOf(err) != syncproto.CodeNotFound {
		t.Errorf("an account that is not there: %v", err)
	}
}

func TestChangeOfPassword(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	first := o.add("lan", accounts.Province)
	g := o.mustSignIn(o.attempt("lan", good))
	if _, err := o.s.ChangePassword(ctx, o.caller(g.Session), other, other, ""); err == nil {
		t.Error("changed with a wrong present password")
	}
	session, err := o.s.ChangePassword(ctx, o.caller(g.Session), good, other, "")
	if err != nil {
		t.Fatal(err)
	}
	o.caller(session)
	o.wantOut(first.Session, "password changed")
	o.wantOut(g.Session, "password changed")
	o.wantWrong(o.attempt("lan", good), "old password")
	for range 10 {
		if _, err = o.s.ChangePassword(ctx, o.caller(session), good, good+"x", ""); held(err) {
			break
		}
	}
	if !held(err) {
		t.Errorf("guessing the present password is not bounded: %v", err)
	}
}

func TestLinks(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	old, err := o.s.FirstRun(ctx, accounts.Officer, []string{"x:1"})
	if err != nil {
		t.Fatal(err)
	}
	token, err := o.s.FirstRun(ctx, accounts.Officer, []string{"x:1"})
	if err != nil || token == "" {
		t.Fatal(err)
	}
	try := func(token string) error {
		_, err := o.s.UseLink(ctx, token, "lan", good, "")
		return err
	}
	if err := try(old); !errors.Is(err, accounts.ErrLink) {
		t.Errorf("an earlier link: %v", err)
	}
	o.now = o.now.Add(accounts.FirstRunLife)
	if err := try(token); !errors.Is(err, accounts.ErrLink) {
		t.Errorf("an old link: %v", err)
	}
	token, _ = o.s.FirstRun(ctx, accounts.Officer, []string{"x:1"})
	if in, err := o.s.Link(ctx, token); err != nil || in.Name != "" || in.Role != accounts.Officer {
		t.Errorf("%+v %v", in, err)
	}
	g, err := o.s.UseLink(ctx, token, "lan", good, "")
	if err != nil {
		t.Fatal(err)
	}
	if c := o.caller(g.Session); c.Role != accounts.Officer || c.Units[0] != "x:1" {
		t.Errorf("%+v", c)
	}
	if err := try(token); !errors.Is(err, accounts.ErrLink) {
		t.Errorf("a used link: %v", err)
	}
	if token, err := o.s.FirstRun(ctx, accounts.Province, nil); err != nil || token != "" {
		t.Errorf("a second first run: %q %v", token, err)
	}
}

// A link for the first account that nobody used is void once there is one.
func TestFirstRunLinkDiesWithTheFirstAccount(t *testing.T) {
	o := newOffice(t)
	token, err := o.s.FirstRun(t.Context(), accounts.Province, nil)
	if err != nil {
		t.Fatal(err)
	}
	o.add("lan", accounts.Auditor)
	if _, err := o.s.UseLink(t.Context(), token, "mallory", good, ""); !errors.Is(err, accounts.ErrLink) {
		t.Errorf("%v", err)
	}
}

func TestRestoredFileLetsNobodyIn(t *testing.T) {
	o := newOffice(t)
	g := o.add("lan", accounts.Province)
	_, token, err := o.s.Add(t.Context(), audit.Console, "minh", accounts.Province, nil)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := o.s.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	o.cfg.Path = path
	o.restart()
	o.caller(g.Session)
	if err := o.s.Restored(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.wantOut(g.Session, "restored")
	if _, err := o.s.Link(t.Context(), token); !errors.Is(err, accounts.ErrLink) {
		t.Errorf("a link: %v", err)
	}
	o.mustSignIn(o.attempt("lan", good))
}

// The file gives nothing away that lets somebody in.
func TestFileHoldsNoTokens(t *testing.T) {
	o := newOffice(t)
	g := o.add("lan", accounts.Province)
	secret, err := o.s.NewFactor(t.Context(), o.caller(g.Session), "Thonsync")
	if err != nil {
		t.Fatal(err)
	}
	code, _ := totp.GenerateCode(secret.Text, o.now)
	codes, session, err := o.s.ConfirmFactor(t.Context(), o.caller(g.Session), code, "")
	if err != nil {
		t.Fatal(err)
	}
	_, token, err := o.s.Add(t.Context(), audit.Console, "minh", accounts.Province, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret.Text)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{o.cfg.Path, o.cfg.Path + "-wal"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for what, v := range map[string]string{
			"session": session, "browser": g.Browser, "link": token, "password": good, "secret": secret.Text, "raw secret": string(raw),
			"recovery code": strings.ReplaceAll(codes[0], "-", ""), "address": "10.0.0.1",
		} {
			if bytes.Contains(b, []byte(v)) {
				t.Errorf("%s holds the %s", filepath.Base(name), what)
			}
		}
	}
	if !strings.Contains(secret.URI, url.QueryEscape(secret.Text)) || strings.Contains(secret.URI, "+") {
		t.Errorf("URI %s", secret.URI)
	}
}

func TestTidyForgetsWhatHasEnded(t *testing.T) {
	o := newOffice(t)
	g := o.add("lan", accounts.Province)
	o.wantWrong(o.attempt("someone", "x"), "wrong")
	o.now = o.now.Add(48 * time.Hour)
	if err := o.s.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.now = o.now.Add(-48 * time.Hour)
	o.wantOut(g.Session, "tidied")
	if list, err := o.s.List(t.Context()); err != nil || len(list) != 1 || !list[0].Password {
		t.Errorf("%+v %v", list, err)
	}
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files have no modes there")
	}
	o := newOffice(t)
	files, err := os.ReadDir(filepath.Dir(o.cfg.Path))
	if err != nil || len(files) < 2 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", f.Name(), info.Mode(), err)
		}
	}
}
