package house

import (
	"go/token"
	"slices"
	"strings"
	"testing"
)

// sample is a tree of a few files and what the rule says of it: one breach that contains want, or
// none when want is empty.
type sample struct {
	rule  string
	files map[string]string
	want  string
}

// sampleTree builds a tree in memory.
func sampleTree(t *testing.T, files map[string]string) *tree {
	t.Helper()
	tr := &tree{fset: token.NewFileSet()}
	for p, data := range files {
		if err := tr.add(p, []byte(data)); err != nil {
			t.Fatalf("sample: %v", err)
		}
	}
	slices.SortFunc(tr.files, func(a, b *file) int { return strings.Compare(a.path, b.path) })
	return tr
}

// one is a sample of a single file.
func one(rule, path, data, want string) sample {
	return sample{rule, map[string]string{path: data}, want}
}

// importing is a Go file that imports a package.
func importing(rule, path, pkg, want string) sample {
	return one(rule, path, "package x\n\nimport _ \""+pkg+"\"\n", want)
}

// samples break every rule, and come as near to breaking it as is allowed.
var samples = slices.Concat(importSamples, packageSamples, testSamples, textSamples, pageSamples)

var importSamples = []sample{
	importing("imports", "syncproto/a.go", "thonsync/clientlib", "without knowing who uses them"),
	importing("imports", "syncproto/merge/a_test.go", "thonsync/server/ingest", "without knowing who uses them"),
	importing("imports", "clientlib/a.go", "thonsync/server/httpapi", "build without the server"),
	importing("imports", "clientlib/a_test.go", "thonsync/server", ""),
	importing("imports", "server/relay/a.go", "thonsync/clientlib", ""),
	importing("imports", "testdata/units/a.go", "thonsync/server/report", "stand below"),
	importing("imports", "server/httpapi/a.go", "thonsync/server/store", "own"),
	importing("imports", "server/httpapi/a.go", "thonsync/server/store/sqlitestore", "own"),
	importing("imports", "server/httpapi/a.go", "database/sql", "own"),
	importing("imports", "server/store/a.go", "thonsync/server/ingest", "neither its engines"),
	importing("imports", "server/store/pgstore/a.go", "thonsync/server/store", ""),
	importing("imports", "server/ingest/a.go", "modernc.org/sqlite", "one folder"),
	importing("imports", "server/report/a.go", "github.com/jackc/pgx/v5/pgxpool", "one folder"),
	importing("imports", "server/store/sqlitestore/a.go", "modernc.org/sqlite", ""),
	importing("imports", "clientlib/open.go", "modernc.org/sqlite", ""),
	importing("imports", "server/console/a.go", "github.com/gofiber/fiber/v2", "one package"),
	importing("imports", "server/console/a_test.go", "github.com/danielgtaylor/huma/v2", "one package"),
	importing("imports", "server/httpapi/a.go", "github.com/gofiber/fiber/v2", ""),
	importing("imports", "syncproto/exchange/a.go", "net/http", "not how they travel"),
	importing("imports", "clientlib/a.go", "net/http", "one transport"),
	importing("imports", "clientlib/httptransport/a.go", "net/http", ""),
	importing("imports", "server/relay/a.go", "testing", "test code"),
	importing("imports", "server/store/storetest/a.go", "testing", ""),
	importing("imports", "server/relay/a_test.go", "testing", ""),
	importing("imports", "server/relay/a.go", "math/rand", "better replacement"),
	importing("imports", "server/relay/a.go", "math/rand/v2", ""),

	importing("syncproto-imports", "syncproto/a.go", "os", "imports os"),
	importing("syncproto-imports", "syncproto/a.go", "net/netip", "imports net/netip"),
	importing("syncproto-imports", "syncproto/a.go", "crypto/rand", "imports crypto/rand"),
	importing("syncproto-imports", "syncproto/a.go", "log/slog", "imports log/slog"),
	importing("syncproto-imports", "syncproto/a.go", "github.com/klauspost/compress/zstd", "does without"),
	importing("syncproto-imports", "syncproto/a.go", "github.com/golang-jwt/jwt/v5", "does without"),
	importing("syncproto-imports", "syncproto/credential/a.go", "github.com/golang-jwt/jwt/v5", ""),
	importing("syncproto-imports", "syncproto/a.go", "github.com/google/uuid", ""),
	importing("syncproto-imports", "syncproto/a.go", "crypto/hpke", ""),
	importing("syncproto-imports", "syncproto/merge/a.go", "thonsync/syncproto", ""),
	importing("syncproto-imports", "syncproto/a_test.go", "os", ""),
	importing("syncproto-imports", "clientlib/a.go", "os", ""),

	one("syncproto-calls", "syncproto/a.go", "package x\n\nimport \"time\"\n\nvar t = time.Now()\n", "uses time.Now"),
	one("syncproto-calls", "syncproto/a.go", "package x\n\nimport \"time\"\n\nvar clock = time.Now\n", "uses time.Now"),
	one("syncproto-calls", "syncproto/a.go", "package x\n\nimport \"math/rand/v2\"\n\nvar n = rand.IntN(3)\n", "uses rand.IntN"),
	one("syncproto-calls", "syncproto/a.go", "package x\n\nimport \"github.com/google/uuid\"\n\nvar id = uuid.New()\n", "uses uuid.New"),
	one("syncproto-calls", "syncproto/a.go", "package x\n\nimport \"time\"\n\nvar t = time.UnixMilli(1)\n", ""),
	one("syncproto-calls", "syncproto/a.go", "package x\n\nimport \"math/rand/v2\"\n\nvar n = rand.New(rand.NewPCG(1, 2)).IntN(3)\n", ""),
	one("syncproto-calls", "server/a.go", "package x\n\nimport \"time\"\n\nvar t = time.Now()\n", ""),
}

const wordy = "// Package x says in one sentence what it is for.\npackage x\n"

var packageSamples = []sample{
	one("folders", "internal/a.txt", "x\n", "the folder internal"),
	one("folders", "main.go", "package main\n", "Go code lies in"),
	one("folders", "docs/gen.go", "package main\n", "Go code lies in"),
	one("folders", "README.md", "x\n", ""),
	one("folders", "docs/a.md", "x\n", ""),

	one("names", "server/util/a.go", "package util\n", "says nothing"),
	one("names", "clientlib/helpers/a.go", "package helpers\n", "says nothing"),
	one("names", "server/relay/a.go", "package relay\n", ""),

	one("package-comments", "server/x/a.go", "package x\n", "no file has a comment"),
	one("package-comments", "server/x/a.go", "// Package x.\npackage x\n", "in a sentence"),
	one("package-comments", "server/x/a.go", "// This is about a lot of things.\npackage x\n", "in a sentence"),
	one("package-comments", "server/x/a.go", "// Copyright somebody.\n\npackage x\n", "no file has a comment"),
	{"package-comments", map[string]string{"server/x/a.go": wordy, "server/x/b.go": wordy}, "2 files have"},
	{"package-comments", map[string]string{"server/x/a.go": wordy, "server/x/b.go": "package x\n"}, ""},
	one("package-comments", "server/cmd/x/main.go", "// Package main runs the thing for you.\npackage main\n", "Command x"),
	one("package-comments", "server/cmd/x/main.go", "// Command x runs the thing for you.\npackage main\n", ""),
	one("package-comments", "server/cmd/x/main.go", "// X runs the thing for you.\npackage main\n", ""),
	one("package-comments", "server/x/a_test.go", "package x\n", ""),

	one("exported-comments", "server/x/a.go", "package x\n\nfunc F() {}\n", "F has no comment"),
	one("exported-comments", "server/x/a.go", "package x\n\ntype T struct{}\n", "T has no comment"),
	one("exported-comments", "server/x/a.go", "package x\n\n// T is.\ntype T[K any] struct{}\n\nfunc (*T[K]) M() {}\n", "M has no comment"),
	one("exported-comments", "server/x/a.go", "package x\n\nvar V, w = 1, 2\n", "V has no comment"),
	one("exported-comments", "server/x/a.go", "package x\n\nconst (\n\tA = 1\n\tb = 2\n)\n", "A has no comment"),
	one("exported-comments", "server/x/a.go", "package x\n\n// All of them.\nconst (\n\tA = 1\n\tB = 2\n)\n", ""),
	one("exported-comments", "server/x/a.go", "package x\n\ntype t struct{}\n\nfunc (t) M() {}\n", ""),
	one("exported-comments", "server/x/a_test.go", "package x\n\nfunc F() {}\n", ""),

	one("length", "server/x/a.go", "package x\n"+strings.Repeat("// line\n", maxLines), "601 lines"),
	one("length", "clientlib/app/a.js", strings.Repeat("// line\n", maxLines+1), "601 lines"),
	one("length", "server/x/a.go", "package x\n"+strings.Repeat("// line\n", maxLines-1), ""),
	one("length", "server/x/a_test.go", "package x\n"+strings.Repeat("// line\n", maxLines), ""),
	one("length", "server/x/a.go", "// Code generated by y. DO NOT EDIT.\n\npackage x\n"+strings.Repeat("// line\n", maxLines), ""),

	{"copies", map[string]string{"server/x/a.go": wordy + strings.Repeat("// line\n", 30), "server/y/a.go": wordy + strings.Repeat("// line\n", 30)}, "the same as server/x/a.go"},
	{"copies", map[string]string{"server/x/a.go": wordy + strings.Repeat("// line\n", 30), "server/y/a.go": wordy + strings.Repeat("// line\n", 31)}, ""},

	{"migration-numbers", map[string]string{"a/migrations/0002_a.sql": "", "a/migrations/0003_b.sql": ""}, "want number 0001"},
	{"migration-numbers", map[string]string{"a/migrations/0001_a.sql": "", "a/migrations/0001_b.sql": ""}, "want number 0002"},
	{"migration-numbers", map[string]string{"a/migrations/1_a.sql": ""}, "want number 0001"},
	{"migration-numbers", map[string]string{"a/migrations/0001_a.sql": "", "b/migrations/0001.sql": "", "a/migrations/0003_b.sql": ""}, ""},
}

var testSamples = []sample{
	one("named-tests", "SECURITY.md", "| a | b | c | test |\n|---|---|---|---|\n| a | b | c | `server/x` TestGone |\n", "no test TestGone"),
	one("named-tests", "SECURITY.md", "| a | b | c | nobody |\n", "names no test"),
	{"named-tests", map[string]string{
		"SECURITY.md": "| a | b | c | test |\n|---|---|---|---|\n| a | b | c | `server/x` TestA |\n", "ARCHITECTURE.md": "| p | h | demo `kept` |\n",
		"server/x/a_test.go": "package x\n\nfunc TestA(t *testing.T) { t.Error() }\n",
	}, ""},
	one("sleep", "server/x/a_test.go", "package x\n\nfunc f() { time.Sleep(1) }\n", "sleeps"),
	one("sleep", "testdata/x/a.go", "package x\n\nfunc f() { time.Sleep(1) }\n", "sleeps"),
	one("sleep", "clientlib/clienttest/a.go", "package x\n\nfunc f() { time.Sleep(1) }\n", "sleeps"),
	one("sleep", "server/x/a.go", "package x\n\nfunc f() { time.Sleep(1) }\n", ""),
	one("sleep", "server/x/a_test.go", "package x\n\nfunc f() { clock.Sleep(1) }\n", ""),

	one("can-fail", "server/x/a_test.go", "package x\n\nfunc TestA(t *testing.T) { f() }\n", "TestA never reports"),
	one("can-fail", "server/x/a_test.go", "package x\n\nfunc TestA(t *testing.T) { t.Log(f()); t.Parallel() }\n", "TestA never reports"),
	one("can-fail", "server/x/a_test.go", "package x\n\nfunc TestA(*testing.T) { f() }\n", "TestA never reports"),
	one("can-fail", "server/x/a_test.go", "package x\n\nfunc FuzzA(f *testing.F) { f.Add(1) }\n", "FuzzA never reports"),
	one("can-fail", "server/x/a_test.go", "package x\n\nfunc TestA(t *testing.T) { t.Fatal(f()) }\n", ""),
	one("can-fail", "server/x/a_test.go", "package x\n\nfunc TestA(t *testing.T) { storetest.Run(t, open) }\n", ""),
	one("can-fail", "server/x/a_test.go", "package x\n\nfunc TestMain(m *testing.M) { os.Exit(m.Run()) }\n", ""),

	one("skips", "server/x/a_test.go", "package x\n\nfunc TestA(t *testing.T) { t.SkipNow() }\n", "without a reason"),
	one("skips", "server/x/a_test.go", "package x\n\nfunc TestA(t *testing.T) { t.Skip() }\n", "without a reason"),
	one("skips", "server/x/a_test.go", "package x\n\nfunc TestA(t *testing.T) { t.Skip(\"needs a server\") }\n", ""),
}

var textSamples = []sample{
	one("unfinished", "server/x/a.go", "package x\n\n// TO"+"DO: later.\n", "unfinished mark"),
	one("unfinished", "clientlib/app/a.js", "// FIX"+"ME\n", "unfinished mark"),
	one("unfinished", "clientlib/a.sql", "-- XX"+"X\n", "unfinished mark"),
	one("unfinished", ".ci/a.sh", "mktemp a.XX"+"XXXX\n", ""),
	one("unfinished", "CONTRIBUTING.md", "No TO"+"DO is committed.\n", ""),

	one("machine-paths", "docs/a.md", "See /wo"+"rk/main.\n", "somebody's machine"),
	one("machine-paths", "server/a.go", "package x // /home/"+"lan/x\n", "somebody's machine"),
	one("machine-paths", "docs/a.md", "/Use"+"rs/lan\n", "somebody's machine"),
	one("machine-paths", "docs/a.md", "`C:\\Use"+"rs\\lan`\n", "somebody's machine"),
	one("machine-paths", "docs/a.md", "paperwork/main, https://a.example/home/\n", ""),

	one("registries", "go.txt", "GOPROXY=https://proxy.gol"+"ang.org\n", "package registry"),
	one("registries", "package-lock.json", "\"resolved\": \"https://registry.np"+"mjs.org/a\"\n", "package registry"),
	one("registries", "docs/a.md", "golang.org/x/text, npm, apt-get\n", ""),

	one("outside", "server/a.go", "package x // see desi"+"gn.md\n", "outside the project"),
	one("outside", "server/a.go", "package x // see ARCHITECTURE.md\n", ""),

	one("line-ends", "docs/a.md", "one\r\ntwo\n", "CRLF"),
	one("line-ends", "docs/a.md", "\xef\xbb\xbfone\n", "byte order mark"),
	one("line-ends", "docs/a.md", "<<<<"+"<<< HEAD\n", "git merge"),
	one("line-ends", "docs/a.md", "one", "no line end"),
	one("line-ends", "docs/a.md", "one\n", ""),
	one("line-ends", "docs/a.png", "one\x00\r\n", ""),
}

var pageSamples = []sample{
	{"links", map[string]string{"docs/a.md": "[b](b.md)\n", "b.md": ""}, "b.md leads nowhere"},
	{"links", map[string]string{"docs/a.md": "[b](../b.md#part)\n"}, "../b.md leads nowhere"},
	{"links", map[string]string{
		"docs/a.md": "[b](../b.md#part) [here](#x) [folder](../server) [out](https://example.org/x)\n```\n[no](link)\n```\n",
		"b.md":      "", "server/x.txt": "",
	}, ""},

	{"make-targets", map[string]string{"README.md": "Type `make chekc`.\n", "Makefile": "check: build\n"}, "make chekc"},
	{"make-targets", map[string]string{"README.md": "```\nmake -s tables\n```\n", "Makefile": "check: build\n"}, "make tables"},
	{"make-targets", map[string]string{"README.md": "Type `make check`; it will make everything.\n\n    make x\n", "Makefile": "check: build\n"}, ""},
}

// TestRulesCanFail runs every rule on its samples, and wants of every rule a sample that breaks it
// and one that does not.
func TestRulesCanFail(t *testing.T) {
	known := map[string]rule{}
	for _, r := range rules() {
		known[r.name] = r
	}
	broken, kept := map[string]bool{}, map[string]bool{}
	for _, s := range samples {
		r, ok := known[s.rule]
		if !ok {
			t.Fatalf("a sample names the rule %q, which does not exist", s.rule)
		}
		got := r.check(sampleTree(t, s.files))
		switch {
		case s.want == "" && len(got) != 0:
			t.Errorf("%s on %q: %q, want no breach", s.rule, s.files, got)
		case s.want != "" && (len(got) != 1 || !strings.Contains(got[0], s.want)):
			t.Errorf("%s on %q: %q, want one breach with %q", s.rule, s.files, got, s.want)
		}
		broken[s.rule] = broken[s.rule] || s.want != ""
		kept[s.rule] = kept[s.rule] || s.want == ""
	}
	for name := range known {
		if !broken[name] || !kept[name] {
			t.Errorf("rule %s: has a sample that breaks it: %v, one that keeps it: %v; want both", name, broken[name], kept[name])
		}
	}
}

// TestEveryEdgeCanFail makes sure that no edge of the import table matches nothing.
func TestEveryEdgeCanFail(t *testing.T) {
	for _, e := range edges {
		found := false
		for _, s := range importSamples {
			for _, breach := range forbiddenEdges(sampleTree(t, s.files)) {
				found = found || strings.HasSuffix(breach, e.why)
			}
		}
		if !found {
			t.Errorf("the edge from %s to %s is broken by no sample", e.from, e.to)
		}
	}
}
