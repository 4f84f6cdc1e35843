package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"thonsync/syncproto"
)

var update = flag.Bool("update", false, "write testdata/shapes.golden anew")

// shape adds the path and the type of every member of v.
func shape(v any, path string, into map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			shape(e, path+"."+k, into)
		}
	case []any:
		into[path+"[]"] = "list"
		for _, e := range v {
			shape(e, path+"[]", into)
		}
	default:
		name := typeWord(v)
		if old := into[path]; old != "" && old != name {
			parts := append(strings.Split(old, "|"), name)
			slices.Sort(parts)
			name = strings.Join(slices.Compact(parts), "|")
		}
		into[path] = name
	}
}

func typeWord(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case float64:
		return "number"
	default:
		return fmt.Sprintf("%T", v)
	}
}

// shapeOf runs a command and lists the members of its object, sorted.
func (p *phone) shapeOf(code int, args ...string) string {
	p.t.Helper()
	members := map[string]string{}
	shape(get[any](p, code, args...), "", members)
	var b strings.Builder
	for _, path := range slices.Sorted(maps.Keys(members)) {
		fmt.Fprintf(&b, "%s %s\n", path, members[path])
	}
	return b.String()
}

// The objects of --json are a promise to scripts: a member that goes or changes
// its type must be noticed. Run with -update after adding one.
func TestJSONShapes(t *testing.T) {
	n := newNetwork(t, nil)
	p := newPhone(t)
	var b strings.Builder
	note := func(title string, code int, args ...string) {
		fmt.Fprintf(&b, "# %s\n%s\n", title, p.shapeOf(code, args...))
	}
	note("status, not joined", exitOK, "status")
	p.join(n, "a")
	joining := newPhone(t)
	uri := n.Centre.Invite(grantOf(n))
	fmt.Fprintf(&b, "# join\n%s\n", joining.shapeOf(exitOK, "join", uri))

	number := strings.Replace(cardNumber, "0021", "0020", 1) // says male: a warning
	note("record", exitOK, "record", "--kind", "CC", "--set", "full_name="+cardName, "--set", "id_number="+number,
		"--set", "sex=female", "--set", "stage=asked", "--set", "helped=yes", "--set", "obstacles=road,language", "--set", "visits=2", "--result", "done")
	note("edit", exitOK, "edit", "last", "--set", "stage=issued")
	note("show", exitOK, "show", "last", "--full")
	note("list, last page", exitOK, "list", "--full")
	note("list, more pages", exitOK, "list", "--limit", "1")
	file := filepath.Join(t.TempDir(), "a.tsb")
	note("bundle export", exitOK, "bundle", "export", file)
	note("bundle import", exitOK, "bundle", "import", file)
	note("sync", exitOK, "sync")
	origin := get[struct{ Origin syncproto.OriginID }](p, exitOK, "status").Origin
	n.Clock.Advance(time.Second)
	n.Centre.Quarantine(origin, 1, syncproto.OutcomeHeld, syncproto.ReasonHeld)
	p.want(exitAsked, "sync")
	note("show, asked back", exitAsked, "show", "last")
	note("status", exitAsked, "status")
	note("void", exitOK, "void", "last", "--reason", "test")
	note("kinds", exitOK, "kinds", "CC")
	n.Centre.Define(syncproto.CollectionGuide, guideRow())
	p.want(exitAsked, "sync")
	note("guides", exitOK, "guides")
	note("guides, one", exitOK, "guides", "vneid")
	note("people list", exitOK, "people", "list")
	note("people add", exitOK, "people", "add", "Người Thử b")
	note("people use", exitOK, "people", "use", "Người Thử a")
	p.input = "1234\n"
	note("people pin", exitOK, "people", "pin")
	note("people reset", exitOK, "people", "reset", "Người Thử a")
	note("drop-personal", exitOK, "drop-personal", "--days", "30")
	note("doctor", exitOK, "doctor")
	note("version", exitOK, "version")
	note("failure", exitUsage, "show")
	note("failure with fields", exitFailed, "record", "--kind", "CC", "--set", "visits=many")
	n.http.Close()
	note("sync, nobody answers", exitUnreached, "sync")

	const golden = "testdata/shapes.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.String(); got != string(want) {
		t.Errorf("the objects differ from %s:\n%s", golden, difference(string(want), got))
	}
}

// difference lists lines that only one text has, with the title above them.
func difference(want, got string) string {
	var b strings.Builder
	lines := func(s string) (out []string) {
		title := ""
		for l := range strings.Lines(s) {
			if strings.HasPrefix(l, "#") {
				title = strings.TrimSpace(l)
			}
			out = append(out, title+": "+strings.TrimSpace(l))
		}
		return out
	}
	w, g := lines(want), lines(got)
	for _, l := range w {
		if !slices.Contains(g, l) {
			fmt.Fprintln(&b, "-", l)
		}
	}
	for _, l := range g {
		if !slices.Contains(w, l) {
			fmt.Fprintln(&b, "+", l)
		}
	}
	return b.String()
}

// What is written is JSON even where a text holds quotes or marks, and members
// for people follow the language.
func TestJSONTexts(t *testing.T) {
	n := newNetwork(t, nil)
	p := newPhone(t)
	p.join(n, "a")
	p.want(exitOK, "record", "--kind", "CC", "--set", `full_name=Lý "Văn" <Thử>`, "--set", "stage=asked", "--result", "done")
	r := p.want(exitOK, "list", "--json")
	if !strings.Contains(r.out, `Lý \"Văn\" <Thử>`) || !json.Valid([]byte(r.out)) {
		t.Errorf("got %s", r.out)
	}
	if !strings.Contains(r.out, "Not sent yet") {
		t.Errorf("no English text: %s", r.out)
	}
	p.env = []string{"THONSYNC_LANG=vi", "THONFIELD_DATA=" + p.dir}
	if r := p.want(exitOK, "list", "--json"); !strings.Contains(r.out, "Chưa gửi") {
		t.Errorf("no Vietnamese text: %s", r.out)
	}
}
