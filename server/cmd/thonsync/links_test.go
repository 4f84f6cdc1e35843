package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"thonsync/server/reconcile/links"
)

// TestLinkCommands: what a person types about pairs, on a centre that has none.
func TestLinkCommands(t *testing.T) {
	data := filepath.Join(t.TempDir(), "centre")
	in := func(args ...string) []string { return append([]string{"--data", data}, args...) }
	thonsync(t, nil, "", in("keys", "make")...).ok(t)
	if l := decode[links.List](t, thonsync(t, nil, "", in("--json", "link", "list", "--state", "all")...)); len(l.Items) != 0 || l.Counts[links.Linked] != 0 {
		t.Errorf("list: %+v", l)
	}
	if r := thonsync(t, nil, "", in("link", "scan", "--rebuild")...).ok(t); !strings.Contains(r.out, "0 records compared") {
		t.Errorf("scan: %s", r.out)
	}
	a, b := uuid.UUID{1}.String(), uuid.UUID{2}.String()
	for _, act := range []string{"show", "confirm", "reject", "undo", "alike"} {
		if r := thonsync(t, nil, "", in("link", act, a, b)...); r.code == exitOK || !strings.Contains(r.err, "no such pair") {
			t.Errorf("%s of nothing: %d %s", act, r.code, r.err)
		}
		if r := thonsync(t, nil, "", in("link", act, "x", b)...); r.code == exitOK || !strings.Contains(r.err, "thonsync link list") {
			t.Errorf("%s of no record: %d %s", act, r.code, r.err)
		}
	}
	if r := thonsync(t, nil, "", in("link", "confirm", a, b, "--reason", "because")...); r.code == exitOK {
		t.Error("any reason is taken")
	}
	if r := thonsync(t, nil, "", in("link", "list", "--cursor", "zz")...); r.code == exitOK || !strings.Contains(r.err, "cursor") {
		t.Errorf("a made-up cursor: %d %s", r.code, r.err)
	}
	if r := thonsync(t, nil, "", in("link", "helped", "l:1")...); r.code == exitOK || !strings.Contains(r.err, "no such unit") {
		t.Errorf("an unknown unit: %d %s", r.code, r.err)
	}
}
