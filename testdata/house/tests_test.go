package house

import (
	"fmt"
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
)

// testRules look at tests.
func testRules() []rule {
	return []rule{
		{"sleep", "a test that sleeps is slow on a good day and fails on a bad one", sleepingTests},
		{"can-fail", "a test that cannot fail proves nothing", testsThatCannotFail},
		{"skips", "a test left out silently is a promise not kept", silentSkips},
		{"named-tests", "a promise without its test is only a sentence", namedTests},
	}
}

// testCode matches files that only tests run.
var testCode = regexp.MustCompile(`_test\.go$|^testdata/|(^|/)[a-z]+test/`)

// sleepingTests reports time.Sleep in test code.
func sleepingTests(tr *tree) []string {
	var breaches []string
	for _, f := range tr.golang() {
		if !testCode.MatchString(f.path) {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && isName(sel.X, "time") && sel.Sel.Name == "Sleep" {
				breaches = append(breaches, tr.at(sel.Pos(), "sleeps: wait on the event, inject the clock, or use testing/synctest"))
			}
			return true
		})
	}
	return breaches
}

func isName(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

var testFunc = regexp.MustCompile(`^(Test|Fuzz)[^a-z]`)

// testsThatCannotFail reports Test and Fuzz functions that never use their parameter, so that
// nothing in them can report a failure.
func testsThatCannotFail(tr *tree) []string {
	var breaches []string
	for _, f := range tr.golang() {
		if !f.isTest() {
			continue
		}
		for _, d := range f.syntax.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || fn.Body == nil || !testFunc.MatchString(fn.Name.Name) || len(fn.Type.Params.List) != 1 {
				continue
			}
			names := fn.Type.Params.List[0].Names
			if len(names) == 0 || !failsThrough(fn.Body, names[0].Name) {
				breaches = append(breaches, tr.at(fn.Pos(), "%s never reports through its parameter: it cannot fail", fn.Name.Name))
			}
		}
	}
	return breaches
}

// quiet are the methods of testing.T that report no failure.
var quiet = regexp.MustCompile(`^(Helper|Parallel|Log|Logf|Cleanup|Setenv|TempDir|Context|Name|Skip.*|Chdir|Attr|Output|Deadline|Add)$`)

// failsThrough tells whether the body hands the name to a function, or calls a method of it that can fail.
func failsThrough(body *ast.BlockStmt, name string) bool {
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if sel, ok := call.Fun.(*ast.SelectorExpr); ok && isName(sel.X, name) && !quiet.MatchString(sel.Sel.Name) {
			found = true
		}
		for _, arg := range call.Args {
			found = found || isName(arg, name)
		}
		return true
	})
	return found
}

// silentSkips reports t.Skip without a reason, and t.SkipNow.
func silentSkips(tr *tree) []string {
	var breaches []string
	for _, f := range tr.golang() {
		if !f.isTest() {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if ok && strings.HasPrefix(sel.Sel.Name, "Skip") && len(call.Args) == 0 && (isName(sel.X, "t") || isName(sel.X, "b") || isName(sel.X, "f")) {
				breaches = append(breaches, tr.at(call.Pos(), "skips without a reason: say what is missing and how to get it"))
			}
			return true
		})
	}
	return breaches
}

// promisePages are the pages whose tables name tests, package by package:
// `server/ingest` TestA, TestB; `clientlib` TestC.
var promisePages = []string{"SECURITY.md", "ARCHITECTURE.md"}

var (
	testWord  = regexp.MustCompile("`([a-z][a-z0-9/]*)`|\\b((?:Test|Fuzz)[A-Z][A-Za-z0-9_]*)")
	tableLine = regexp.MustCompile(`^\|.*\|\s*$`)
)

// namedTests reports tests that the last cell of a table row names and that do not exist in the
// package named before them, and rows of SECURITY.md that name none.
func namedTests(tr *tree) []string {
	have := testsByFolder(tr)
	var breaches []string
	for _, f := range tr.files {
		if !slices.Contains(promisePages, f.path) {
			continue
		}
		for i, line := range strings.Split(string(f.data), "\n") {
			if !tableLine.MatchString(line) {
				continue
			}
			for _, what := range rowBreaches(f.path, line, have) {
				breaches = append(breaches, fmt.Sprintf("%s:%d: %s", f.path, i+1, what))
			}
		}
	}
	return breaches
}

// rowBreaches looks at one row of a table.
func rowBreaches(page, line string, have map[string]map[string]bool) (breaches []string) {
	cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
	last := strings.TrimSpace(cells[len(cells)-1])
	found, folder := false, ""
	for _, m := range testWord.FindAllStringSubmatch(last, -1) {
		if m[1] != "" {
			folder = m[1]
			continue
		}
		found = true
		if !have[folder][m[2]] {
			breaches = append(breaches, fmt.Sprintf("no test %s in %s: name the one that holds this", m[2], folder))
		}
	}
	if page == "SECURITY.md" && len(cells) == 4 && !found && strings.Trim(last, "-") != "" && last != "test" {
		breaches = append(breaches, "the row names no test")
	}
	return breaches
}

// testsByFolder lists the test functions of each folder.
func testsByFolder(tr *tree) map[string]map[string]bool {
	have := map[string]map[string]bool{}
	for _, f := range tr.golang() {
		if !f.isTest() {
			continue
		}
		folder := path.Dir(f.path)
		if have[folder] == nil {
			have[folder] = map[string]bool{}
		}
		for _, d := range f.syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && testFunc.MatchString(fn.Name.Name) {
				have[folder][fn.Name.Name] = true
			}
		}
	}
	return have
}
