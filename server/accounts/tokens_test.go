package accounts_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"thonsync/server/accounts"
	"thonsync/server/audit"
	"thonsync/syncproto"
)

func (o *office) token(d accounts.TokenDraft) (accounts.Token, string) {
	o.t.Helper()
	made, secret, err := o.s.NewToken(o.t.Context(), "lan", d)
	if err != nil {
		o.t.Fatal(err)
	}
	return made, secret
}

func (o *office) opens(secret string) (accounts.Caller, bool) {
	o.t.Helper()
	c, err := o.s.TokenCaller(o.t.Context(), secret)
	if err != nil && !errors.Is(err, accounts.ErrSignIn) {
		o.t.Fatal(err)
	}
	return c, err == nil
}

// A token opens its parts and units until it ends or is revoked; the file holds
// its hash only.
func TestTokens(t *testing.T) {
	o := newOffice(t)
	year := 365 * 24 * time.Hour
	d := accounts.TokenDraft{Name: "Hệ thống tỉnh", Units: []string{"l:1", "l:2"}, Parts: []accounts.Part{accounts.PartChanges}, Valid: year}
	made, secret := o.token(d)
	whole, wide := o.token(accounts.TokenDraft{Name: "b", Parts: []accounts.Part{accounts.PartStatus, accounts.PartHealth}, Valid: time.Hour})
	c, ok := o.opens(secret)
	if !ok || !c.Program || c.Role != accounts.Officer || len(c.Units) != 2 || len(c.Parts) != 1 || c.Actor() != audit.Actor(made.ID) {
		t.Errorf("caller %+v", c)
	}
	if c, ok := o.opens(wide); !ok || c.Role != accounts.Province || len(c.Units) != 0 {
		t.Errorf("caller %+v", c)
	}
	for _, bad := range []string{"", secret[:len(secret)-1], secret + "a", strings.TrimPrefix(secret, accounts.TokenPrefix), accounts.TokenPrefix} {
		if _, ok := o.opens(bad); ok {
			t.Errorf("%q opens", bad)
		}
	}
	o.restart()
	o.now = o.now.Add(2 * time.Hour)
	if _, ok := o.opens(wide); ok {
		t.Error("a token opens after its end")
	}
	if _, ok := o.opens(secret); !ok {
		t.Error("a token is gone after a restart")
	}
	if err := o.s.RevokeToken(t.Context(), "lan", made.ID); err != nil {
		t.Fatal(err)
	}
	if _, ok := o.opens(secret); ok {
		t.Error("a revoked token opens")
	}
	if err := o.s.RevokeToken(t.Context(), "lan", made.ID); syncproto.CodeOf(err) != syncproto.CodeNotFound {
		t.Errorf("revoked twice: %v", err)
	}
	list, err := o.s.Tokens(t.Context())
	if err != nil || len(list) != 2 || list[0].ID != whole.ID && list[1].ID != whole.ID || list[0].UsedMS == 0 {
		t.Errorf("list %+v %v", list, err)
	}
	if o.log.count(audit.TokenMade) != 2 || o.log.count(audit.TokenRevoked) != 2 {
		t.Error("the access log lacks what was done")
	}
	file, err := os.ReadFile(o.cfg.Path)
	if err != nil || bytes.Contains(file, []byte(strings.TrimPrefix(secret, accounts.TokenPrefix))) {
		t.Errorf("the file holds a token: %v", err)
	}
}

// What means nothing, or would be good for ever, is refused; so is a token that
// the access log cannot take.
func TestTokensThatAreRefused(t *testing.T) {
	o := newOffice(t)
	ok := accounts.TokenDraft{Name: "a", Parts: []accounts.Part{accounts.PartHealth}, Valid: time.Hour}
	for name, spoil := range map[string]func(*accounts.TokenDraft){
		"no name": func(d *accounts.TokenDraft) { d.Name = " " }, "a telephone": func(d *accounts.TokenDraft) { d.Name = "gọi 0912345678" },
		"no part": func(d *accounts.TokenDraft) { d.Parts = nil }, "an unknown part": func(d *accounts.TokenDraft) { d.Parts = []accounts.Part{"all"} },
		"a part twice": func(d *accounts.TokenDraft) { d.Parts = append(d.Parts, d.Parts...) },
		"no end":       func(d *accounts.TokenDraft) { d.Valid = 0 }, "too long": func(d *accounts.TokenDraft) { d.Valid = 3 * accounts.MaxTokenLife },
		"status of a unit": func(d *accounts.TokenDraft) { d.Parts, d.Units = []accounts.Part{accounts.PartStatus}, []string{"l:1"} },
	} {
		d := ok
		spoil(&d)
		if _, _, err := o.s.NewToken(t.Context(), "lan", d); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
			t.Errorf("%s: %v", name, err)
		}
	}
	o.log.err = errors.New("disk")
	if _, _, err := o.s.NewToken(t.Context(), "lan", ok); err == nil {
		t.Error("a token was made that the access log does not know")
	}
	o.log.err = nil
	if list, err := o.s.Tokens(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("%+v %v", list, err)
	}
}

// A token is bounded in how often it asks, others are not affected, and time
// heals. A restore ends all tokens: some may have been revoked since.
func TestTokensAreBounded(t *testing.T) {
	o := newOffice(t)
	_, busy := o.token(accounts.TokenDraft{Name: "a", Parts: []accounts.Part{accounts.PartHealth}, Valid: time.Hour})
	_, quiet := o.token(accounts.TokenDraft{Name: "b", Parts: []accounts.Part{accounts.PartHealth}, Valid: time.Hour})
	asked := 0
	var often *accounts.TooOften
	for ; asked < 1000; asked++ {
		if _, err := o.s.TokenCaller(t.Context(), busy); errors.As(err, &often) {
			break
		}
	}
	if asked == 0 || asked == 1000 || often.RetryAfter() <= 0 {
		t.Errorf("%d requests at once", asked)
	}
	if _, ok := o.opens(quiet); !ok {
		t.Error("another token pays for it")
	}
	o.now = o.now.Add(time.Second)
	if _, ok := o.opens(busy); !ok {
		t.Error("a second later it may not ask yet")
	}
	if err := o.s.Restored(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, ok := o.opens(quiet); ok {
		t.Error("a token of an old copy opens")
	}
}
