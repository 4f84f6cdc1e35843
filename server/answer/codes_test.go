package answer

import (
	"bytes"
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

// server is the key that answers are signed with in these tests.
var server = ed25519.PublicKey(make([]byte, ed25519.PublicKeySize))

// promise is the first step of a join.
func promise(code string, key ed25519.PublicKey, nonce byte) *syncproto.Join {
	n := bytes.Repeat([]byte{nonce}, syncproto.JoinNonceBytes)
	return &syncproto.Join{Code: code, Key: key, Commit: syncproto.JoinCommit(key, server, n)}
}

// shown is the second.
func shown(code string, key ed25519.PublicKey, nonce byte) *syncproto.Join {
	j := promise(code, key, nonce)
	j.Nonce = bytes.Repeat([]byte{nonce}, syncproto.JoinNonceBytes)
	return j
}

func spent(err error) bool { return errors.Is(err, &syncproto.Error{Code: syncproto.CodeCodeSpent}) }

func TestCodeIsForOneDevice(t *testing.T) {
	var now time.Duration
	c := codesAt(&now)
	code := mustNew(t, c, CodeSpec{Role: credential.RolePhone})
	a, b := newKey(t), newKey(t)
	if _, err := c.claim(promise(code, a, 1), server); err != nil {
		t.Fatal(err)
	}
	if _, err := c.claim(promise(code, b, 1), server); !spent(err) {
		t.Errorf("a second device: %v", err)
	}
	// The answer may have been lost: the same device asks again.
	if _, err := c.claim(promise(code, a, 1), server); err != nil {
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
	if _, err := c.claim(promise(typed, newKey(t), 1), server); err != nil {
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
	if _, err := c.claim(promise(code, newKey(t), 1), server); !spent(err) {
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
		if _, err := c.claim(promise(wrong, newKey(t), 1), server); !spent(err) {
			t.Fatalf("a wrong code: %v", err)
		}
	}
	if _, err := c.claim(promise(code, newKey(t), 1), server); !spent(err) {
		t.Errorf("the right code after %d wrong ones: %v", CodeAttempts, err)
	}
	if _, err := c.claim(promise(other, newKey(t), 1), server); err != nil {
		t.Errorf("another code suffers: %v", err)
	}
	for _, odd := range []string{"", "-", "K7", "no such code at all"} {
		if _, err := c.claim(promise(odd, newKey(t), 1), server); !spent(err) {
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
	first := promise(code, a, 1)
	first.Label = "Phone 12"
	k, err := c.claim(first, server)
	if err != nil || k.allowed {
		t.Fatalf("let in without confirmation: %v", err)
	}
	if st, _, _ := c.Watch(name); st.State != "open" || st.Digits != "" {
		t.Errorf("a promise alone: %+v", st)
	}
	if err := c.Confirm(name, ""); err == nil {
		t.Error("confirmed without digits")
	}
	_, changed, _ := c.Watch(name)
	if k, err = c.claim(shown(code, a, 1), server); err != nil || k.allowed {
		t.Fatalf("let in without confirmation: %v", err)
	}
	<-changed
	st, changed, ok := c.Watch(name)
	digits := syncproto.JoinDigits(a, server, code, bytes.Repeat([]byte{1}, 16), k.nonce)
	if !ok || st.State != "waiting" || st.Digits != digits || st.Label != "Phone 12" {
		t.Errorf("state %+v, want digits %s", st, digits)
	}
	if err := c.Confirm(name, digits); err != nil {
		t.Fatal(err)
	}
	<-changed
	if k, err = c.claim(shown(code, a, 1), server); err != nil || !k.allowed {
		t.Errorf("after confirmation: %v", err)
	}
	// The phone was closed meanwhile and forgot its nonce: it is in all the same.
	for n := range byte(2 * CodeAttempts) {
		if k, err = c.claim(promise(code, a, 10+n), server); err != nil || !k.allowed {
			t.Errorf("anew after confirmation: %v", err)
		}
	}
	// Other digits mean another device: the code is void.
	code = mustNew(t, c, CodeSpec{Confirm: true})
	if _, err := c.claim(promise(code, a, 1), server); err != nil {
		t.Fatal(err)
	}
	if _, err := c.claim(shown(code, a, 1), server); err != nil {
		t.Fatal(err)
	}
	if err := c.Confirm(code[:4], "none"); err == nil {
		t.Error("confirmed with other digits")
	}
	if _, err := c.claim(shown(code, a, 1), server); !spent(err) {
		t.Errorf("after a failed comparison: %v", err)
	}
}

// A device cannot choose its nonce once it knows the server's, nor ask for new
// ones until the digits suit it.
func TestDigitsCannotBeChosen(t *testing.T) {
	var now time.Duration
	c := codesAt(&now)
	a := newKey(t)
	code := mustNew(t, c, CodeSpec{Confirm: true})
	k, err := c.claim(promise(code, a, 1), server)
	if err != nil {
		t.Fatal(err)
	}
	first := k.nonce
	if k, err = c.claim(promise(code, a, 1), server); err != nil || !bytes.Equal(k.nonce, first) {
		t.Errorf("the same promise gets another nonce: %v", err)
	}
	other := shown(code, a, 2)
	other.Commit = promise(code, a, 1).Commit
	if _, err := c.claim(other, server); syncproto.CodeOf(err) != syncproto.CodeMalformed {
		t.Errorf("another nonce than promised: %v", err)
	}
	if _, err := c.claim(shown(code, a, 1), server); !spent(err) {
		t.Errorf("the code lives on after a broken promise: %v", err)
	}

	code = mustNew(t, c, CodeSpec{Confirm: true})
	seen := map[string]bool{}
	for n := range byte(CodeAttempts) {
		if k, err = c.claim(promise(code, a, n), server); err != nil {
			t.Fatalf("promise %d: %v", n, err)
		}
		seen[string(k.nonce)] = true
		if _, err := c.claim(shown(code, a, n), server); err != nil {
			t.Fatalf("nonce %d: %v", n, err)
		}
	}
	if len(seen) != CodeAttempts {
		t.Errorf("%d nonces of the server for %d promises", len(seen), CodeAttempts)
	}
	if _, err := c.claim(promise(code, a, 200), server); !spent(err) {
		t.Errorf("promise %d: %v", CodeAttempts+1, err)
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
