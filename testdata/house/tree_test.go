package house

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// module is the import path of the module's root.
const module = "thonsync"

// file is one file of the tree. Path is slash-separated and relative to the root.
type file struct {
	path   string
	data   []byte
	syntax *ast.File // nil unless it is Go
}

// tree is what a rule looks at: the work tree, or a sample.
type tree struct {
	files []*file
	fset  *token.FileSet
}

// rule is one house rule. Check returns a line for each breach: where, what, what to do.
type rule struct {
	name  string
	why   string
	check func(*tree) []string
}

// rules are all house rules, in the order in which they are reported.
func rules() []rule {
	return slices.Concat(importRules(), packageRules(), testRules(), textRules(), pageRules(), []rule{migrationNumbers})
}

func TestHouse(t *testing.T) {
	tr := workTree(t)
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			for _, breach := range r.check(tr) {
				t.Errorf("%s\n\trule: %s", breach, r.why)
			}
		})
	}
}

// workTree reads the files of the work tree that git knows or would add.
func workTree(t *testing.T) *tree {
	t.Helper()
	root := filepath.Join("..", "..")
	tr := &tree{fset: token.NewFileSet()}
	for _, p := range listFiles(t, root) {
		data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(p)))
		if os.IsNotExist(err) {
			continue // deleted, not yet committed
		}
		if err != nil {
			t.Fatalf("read %s: %v", p, err)
		}
		if err := tr.add(p, data); err != nil {
			t.Errorf("%v", err)
		}
	}
	if len(tr.files) == 0 {
		t.Fatal("no file found: the rules looked at nothing")
	}
	return tr
}

// listFiles asks git for the files, or walks the folder when it is not a work tree (a source archive).
func listFiles(t *testing.T, root string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "-co", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	if err == nil && len(out) > 0 {
		return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	}
	var list []string
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains([]string{".git", ".check", "bin", "dist", "node_modules"}, d.Name()) {
			return filepath.SkipDir
		}
		if d.Type().IsRegular() {
			rel, err := filepath.Rel(root, p)
			if err != nil {
				return err
			}
			list = append(list, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatalf("list the files: %v", err)
	}
	return list
}

// add parses a file into the tree.
func (tr *tree) add(p string, data []byte) error {
	f := &file{path: p, data: data}
	if path.Ext(p) == ".go" {
		syntax, err := parser.ParseFile(tr.fset, p, data, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("parse: %w", err)
		}
		f.syntax = syntax
	}
	tr.files = append(tr.files, f)
	return nil
}

// at formats a breach in a Go file.
func (tr *tree) at(pos token.Pos, format string, args ...any) string {
	p := tr.fset.Position(pos)
	return fmt.Sprintf("%s:%d: %s", p.Filename, p.Line, fmt.Sprintf(format, args...))
}

// golang yields the Go files.
func (tr *tree) golang() []*file {
	var list []*file
	for _, f := range tr.files {
		if f.syntax != nil {
			list = append(list, f)
		}
	}
	return list
}

// packages groups the Go files that are not tests by folder.
func (tr *tree) packages() map[string][]*file {
	packages := map[string][]*file{}
	for _, f := range tr.golang() {
		if !f.isTest() {
			packages[path.Dir(f.path)] = append(packages[path.Dir(f.path)], f)
		}
	}
	return packages
}

func (f *file) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

// within tells whether the file lies in the folder or below it.
func (f *file) within(folder string) bool {
	return f.path == folder || strings.HasPrefix(f.path, folder+"/")
}

// isText tells whether the file has no zero byte.
func (f *file) isText() bool { return bytes.IndexByte(f.data, 0) < 0 }

var generatedMark = regexp.MustCompile(`(?m)^(//|#|--|<!--|/\*) Code generated .* DO NOT EDIT\.`)

// isGenerated tells whether a program wrote the file.
func (f *file) isGenerated() bool { return generatedMark.Match(f.data[:min(len(f.data), 4096)]) }

// foreign folders hold other projects' files as they were published; their licences stand beside them.
var foreign = regexp.MustCompile(`(^|/)(vendor|third_party|LICENSES)/|^THIRD_PARTY_NOTICES\.md$|^LICENSE$`)

func (f *file) isForeign() bool { return foreign.MatchString(f.path) }
