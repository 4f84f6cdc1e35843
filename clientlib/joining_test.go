package clientlib_test

import (
	"context"
	"testing"

	"thonsync/clientlib"
	"thonsync/clientlib/clienttest"
	"thonsync/syncproto"
)

// The digits stay while the officer compares, also when the phone is closed and
// opened or an answer is lost, and also when the server would like others.
func TestDigitsStayUntilTheOfficerHasCompared(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	uri := w.Centre.Invite(clienttest.Grant{Unit: clienttest.Unit, Team: w.Team, Confirm: true})
	d := w.Open("a")
	join := func() (clientlib.Joined, error) {
		t.Helper()
		return d.Join(ctx, uri, "phone")
	}
	waiting := func(want string) string {
		t.Helper()
		j, err := join()
		if syncproto.CodeOf(err) != syncproto.CodeCredential || !j.Waiting || len(j.Digits) != 6 || want != "" && j.Digits != want {
			t.Fatalf("%+v, %v; want digits %s", j, err, want)
		}
		return j.Digits
	}
	w.Net.Disturb(&lose{})
	if _, err := join(); err == nil {
		t.Fatal("the lost answer went unnoticed")
	}
	w.Net.Disturb(nil)
	digits := waiting("")
	waiting(digits)
	d.Close()
	d = w.Open("a")
	waiting(digits)
	if w.Centre.Digits(uri) != digits {
		t.Error("the officer sees other digits")
	}
	w.Centre.RedrawNonces()
	waiting(digits) // what was shown is never used with another nonce
	if w.Centre.Confirm(uri, "none") {
		t.Fatal("confirmed other digits")
	}
	d.Close()
	d = w.Open("a")
	w.Centre.ConfirmAny(uri)
	w.Net.Disturb(&lose{})
	if _, err := join(); err == nil {
		t.Fatal("the lost welcome went unnoticed")
	}
	w.Net.Disturb(nil)
	j, err := join()
	if err != nil || j.Waiting || j.Digits != digits || j.Welcome.Team != w.Team {
		t.Fatalf("after confirmation: %+v, %v", j, err)
	}
	// A new join begins with a new nonce.
	uri = w.Centre.Invite(clienttest.Grant{Unit: clienttest.Unit, Team: w.Team, Confirm: true})
	if next := waiting(""); next == digits {
		t.Error("two joins with equal digits")
	}
}

// A server that answers without its part of the digits learns no nonce.
func TestNonceIsNotShownForNothing(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	w.Centre.HideNonces(true)
	uri := w.Centre.Invite(clienttest.Grant{Unit: clienttest.Unit, Team: w.Team, Confirm: true})
	d := w.Open("a")
	if j, err := d.Join(ctx, uri, "phone"); syncproto.CodeOf(err) != syncproto.CodeMalformed || j.Digits != "" {
		t.Fatalf("%+v, %v", j, err)
	}
	if w.Centre.Digits(uri) != "" {
		t.Error("the nonce was shown")
	}
}
