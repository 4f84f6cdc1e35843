package house

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// frozen is a list of files that were released and are never edited again: a store or a device
// that read the old bytes exists somewhere. The list has the form of sha256sum.
type frozen struct {
	list  string         // beside this file
	files *regexp.Regexp // what a release freezes
	mend  string
}

var frozenLists = []frozen{
	{
		list:  "migrations.sum",
		files: regexp.MustCompile(`/migrations/.*\.sql$`),
		mend:  "a released migration has run on databases that we cannot reach: add a new one with the next number",
	},
	{
		list:  "vectors.sum",
		files: regexp.MustCompile(`^testdata/(vectors|oldclients)/.*\.(json|bin|bundle|db)$`),
		mend:  "a difference in released bytes needs a new version of the protocol and new vectors beside the old",
	},
}

// TestFrozen compares released files with their lists. With FREEZE=1 (make freeze, at a release) it
// appends the files that are new since the last release; it never changes a line.
func TestFrozen(t *testing.T) {
	tr := workTree(t)
	for _, fz := range frozenLists {
		t.Run(fz.list, func(t *testing.T) {
			list, err := os.ReadFile(fz.list)
			if err != nil {
				t.Fatalf("read the list: %v", err)
			}
			for _, breach := range fz.check(tr, string(list)) {
				t.Error(breach)
			}
			if os.Getenv("FREEZE") != "" && !t.Failed() {
				text := string(list) + fz.unlisted(tr, string(list))
				if err := os.WriteFile(fz.list, []byte(text), 0o644); err != nil {
					t.Fatalf("write the list: %v", err)
				}
				t.Logf("%d lines were in %s, %d are now", strings.Count(string(list), "\n"), fz.list, strings.Count(text, "\n"))
			}
		})
	}
}

// check reports listed files that are gone or changed, and lines that make no sense.
func (fz frozen) check(tr *tree, list string) []string {
	sums := map[string]string{}
	for _, f := range tr.files {
		sums[f.path] = sum(f.data)
	}
	var breaches []string
	seen := map[string]bool{}
	for line := range strings.Lines(list) {
		hash, p, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		switch {
		case !ok || len(hash) != 2*sha256.Size || !fz.files.MatchString(p) || seen[p]:
			breaches = append(breaches, fmt.Sprintf("%s: the line %q is no hash and path of a file that is frozen once", fz.list, line))
		case sums[p] == "":
			breaches = append(breaches, p+": gone: "+fz.mend)
		case sums[p] != hash:
			breaches = append(breaches, p+": edited: "+fz.mend)
		}
		seen[p] = true
	}
	return breaches
}

// unlisted gives the lines that a release appends.
func (fz frozen) unlisted(tr *tree, list string) string {
	var b strings.Builder
	for _, f := range tr.files {
		if fz.files.MatchString(f.path) && !strings.Contains(list, "  "+f.path+"\n") {
			fmt.Fprintf(&b, "%s  %s\n", sum(f.data), f.path)
		}
	}
	return b.String()
}

func sum(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

// TestFrozenListsCanFail edits, removes and garbles a frozen file.
func TestFrozenListsCanFail(t *testing.T) {
	fz := frozenLists[0]
	tr := sampleTree(t, map[string]string{"clientlib/migrations/0001_log.sql": "CREATE TABLE log (seq INTEGER) STRICT;\n"})
	list := fz.unlisted(tr, "")
	if list == "" {
		t.Fatal("nothing to freeze in the sample")
	}
	if got := fz.check(tr, list); len(got) != 0 {
		t.Errorf("untouched: %q, want no breach", got)
	}
	if got := fz.unlisted(tr, list); got != "" {
		t.Errorf("frozen twice: %q", got)
	}
	edited := sampleTree(t, map[string]string{"clientlib/migrations/0001_log.sql": "CREATE TABLE log (seq INT) STRICT;\n"})
	gone := sampleTree(t, map[string]string{"clientlib/migrations/0002_more.sql": "SELECT 1;\n"})
	for name, bad := range map[string][]string{
		"edited":      fz.check(edited, list),
		"gone":        fz.check(gone, list),
		"no hash":     fz.check(tr, "x  clientlib/migrations/0001_log.sql\n"),
		"not of ours": fz.check(tr, sum(nil)+"  README.md\n"),
		"twice":       fz.check(tr, list+list),
	} {
		if len(bad) != 1 {
			t.Errorf("%s: breaches %q, want one", name, bad)
		}
	}
}

// migrationNumbers wants numbers of four digits from 0001 on that rise in every migrations folder. A
// number may be left out, because what counts is how many there are; none comes twice.
var migrationNumbers = rule{"migration-numbers", "migrations run in the order of their numbers, each once", func(tr *tree) []string {
	folders := map[string][]string{}
	for _, f := range tr.files {
		if dir := path.Dir(f.path); path.Base(dir) == "migrations" && path.Ext(f.path) == ".sql" {
			folders[dir] = append(folders[dir], path.Base(f.path))
		}
	}
	var breaches []string
	for _, dir := range slices.Sorted(maps.Keys(folders)) {
		names := folders[dir]
		slices.Sort(names)
		last := 0
		for _, name := range names {
			number, _, _ := strings.Cut(strings.TrimSuffix(name, ".sql"), "_")
			n, err := strconv.Atoi(number)
			if err != nil || len(number) != 4 || n <= last || last == 0 && n != 1 {
				breaches = append(breaches, fmt.Sprintf("%s/%s: want number %04d or higher here", dir, name, last+1))
			}
			last = max(last, n)
		}
	}
	return breaches
}}
