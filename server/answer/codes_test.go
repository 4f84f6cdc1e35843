package answer

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// codesAt gives codes under a clock that the test moves.
func codesAt(now *time.Duration) *Codes {
	return NewCodes(func() time.Duration { return *now }, rand.Reader)
}

func newKey(t *testing.T) ed25519.PublicKey {
	t.Helper()
	pub, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return pub
}

func mustNew(t *testing.T, c *Codes, s CodeSpec) string {
	t.Helper()
	code, err := c.New(s)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func spent(err error) bool { return errors.Is(err, &syncproto.Error{Code: syncproto.CodeCodeSpent}) }

func TestCodeIsForOneDevice(t *testing.T) {
	var now time.Duration
	c := codesAt(&now)
	code := mustNew(t, c, CodeSpec{Role: credential.RolePhone})
	a, b := newKey(t), newKey(t)
	if _, err := c.claim(&syncproto.Join{Code: code, Key: a}, "1"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.claim(&syncproto.Join{Code: code, Key: b}, "2"); !spent(err) {
		t.Errorf("a second device: %v", err)
	}
	// The answer may have been lost: the same device asks again.
	if _, err := c.claim(&syncproto.Join{Code: code, Key: a}, "1"); err != nil {
		t.Errorf("the first device again: %v", err)
	}
}

func TestCodeIsTypedByPeople(t *testing.T) {
	var now time.Duration
	c := codesAt(&now)
	code := mustNew(t, c, CodeSpec{})
	typed := "  "
	for _, r := range code {
		if r == '-' {
			typed += " "
			continue
		}
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		typed += string(r)
	}
	if _, err := c.claim(&syncproto.Join{Code: typed, Key: newKey(t)}, ""); err != nil {
		t.Errorf("%q for %q: %v", typed, code, err)
	}
}

func TestCodeExpires(t *testing.T) {
	var now time.Duration
	c := codesAt(&now)
	code := mustNew(t, c, CodeSpec{})
	now = CodeLife - 1
	if len(c.List()) != 1 {
		t.Error("gone before its time")
	}
	now = CodeLife
	if _, err := c.claim(&syncproto.Join{Code: code, Key: newKey(t)}, ""); !spent(err) {
		t.Errorf("after ten minutes: %v", err)
	}
	if len(c.List()) != 0 {
		t.Error("still listed")
	}
}

func TestCodeAttemptsAreBounded(t *testing.T) {
	var now time.Duration
	c := codesAt(&now)
	code, other := mustNew(t, c, CodeSpec{}), mustNew(t, c, CodeSpec{})
	wrong := code[:len(code)-4] + "2222"
	if wrong == code {
		wrong = code[:len(code)-4] + "3333"
	}
	for range CodeAttempts {
		if _, err := c.claim(&syncproto.Join{Code: wrong, Key: newKey(t)}, ""); !spent(err) {
			t.Fatalf("a wrong code: %v", err)
		}
	}
	if _, err := c.claim(&syncproto.Join{Code: code, Key: newKey(t)}, ""); !spent(err) {
		t.Errorf("the right code after %d wrong ones: %v", CodeAttempts, err)
	}
	if _, err := c.claim(&syncproto.Join{Code: other, Key: newKey(t)}, ""); err != nil {
		t.Errorf("another code suffers: %v", err)
	}
	for _, odd := range []string{"", "-", "K7", "no such code at all"} {
		if _, err := c.claim(&syncproto.Join{Code: odd, Key: newKey(t)}, ""); !spent(err) {
			t.Errorf("%q: %v", odd, err)
		}
	}
}

func TestConfirmationComparesDigits(t *testing.T) {
	var now time.Duration
	c := codesAt(&now)
	code := mustNew(t, c, CodeSpec{Confirm: true})
	name, a := code[:4], newKey(t)
	if err := c.Confirm(name, "123456"); err == nil {
		t.Error("confirmed before anybody came")
	}
	_, changed, _ := c.Watch(name)
	k, err := c.claim(&syncproto.Join{Code: code, Key: a, Label: "Phone 12"}, "123456")
	if err != nil || k.allowed {
		t.Fatalf("let in without confirmation: %v", err)
	}
	<-changed
	st, changed, ok := c.Watch(name)
	if !ok || st.State != "waiting" || st.Digits != "123456" || st.Label != "Phone 12" {
		t.Errorf("state %+v", st)
	}
	if err := c.Confirm(name, "123456"); err != nil {
		t.Fatal(err)
	}
	<-changed
	if k, err = c.claim(&syncproto.Join{Code: code, Key: a}, "123456"); err != nil || !k.allowed {
		t.Errorf("after confirmation: %v", err)
	}
	// Other digits mean another device: the code is void.
	code = mustNew(t, c, CodeSpec{Confirm: true})
	if _, err := c.claim(&syncproto.Join{Code: code, Key: a}, "123456"); err != nil {
		t.Fatal(err)
	}
	if err := c.Confirm(code[:4], "654321"); err == nil {
		t.Error("confirmed with other digits")
	}
	if _, err := c.claim(&syncproto.Join{Code: code, Key: a}, "123456"); !spent(err) {
		t.Errorf("after a failed comparison: %v", err)
	}
}

func TestLabelsThatDeceiveAreDropped(t *testing.T) {
	for label, want := range map[string]string{
		"Nokia 105": "Nokia 105", "a\u202Eb": "", "two\nlines": "", "\xff": "",
		string(make([]byte, 3)): "",
	} {
		if got := cleanLabel(label); got != want {
			t.Errorf("%q gives %q", label, got)
		}
	}
}
