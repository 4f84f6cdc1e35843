package house

import (
	"fmt"
	"go/ast"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// maxLines is where a file stops being something a reader wants to enter; 400 is the aim.
const maxLines = 600

// packageRules look at folders, packages and what they say of themselves.
func packageRules() []rule {
	return []rule{
		{"folders", "code lies in server, syncproto, clientlib or testdata; root files, docs and .ci aside", topFolders},
		{"names", "a package is named for its one duty", packageNames},
		{"package-comments", "a package's first comment states its one duty", packageComments},
		{"exported-comments", "every exported name says what it is: shapes, units, errors, concurrency", exportedComments},
		{"length", "a file that is too long has more than one duty", fileLength},
		{"copies", "a thing exists once", identicalFiles},
	}
}

// topFolders reports files outside the known folders.
func topFolders(tr *tree) []string {
	known := []string{"server", "syncproto", "clientlib", "testdata", "docs", ".ci", ".github"}
	var breaches []string
	for _, f := range tr.files {
		top, _, deeper := strings.Cut(f.path, "/")
		switch {
		case deeper && !slices.Contains(known, top):
			breaches = append(breaches, f.path+": the folder "+top+" is not one of "+strings.Join(known, ", "))
		case f.syntax != nil && !slices.Contains(known[:4], top):
			breaches = append(breaches, f.path+": Go code lies in "+strings.Join(known[:4], ", "))
		}
	}
	return breaches
}

// emptyNames say nothing about what is inside.
var emptyNames = regexp.MustCompile(`^(util|utils|common|helper|helpers|manager|managers|misc|base|shared|lib|types|tools)$`)

func packageNames(tr *tree) []string {
	var breaches []string
	for dir, files := range tr.packages() {
		if name := files[0].syntax.Name.Name; emptyNames.MatchString(name) || emptyNames.MatchString(path.Base(dir)) {
			breaches = append(breaches, dir+": the name "+path.Base(dir)+" says nothing; name the duty")
		}
	}
	slices.Sort(breaches)
	return breaches
}

// packageComments wants one comment a package, beginning as godoc wants it and saying something.
func packageComments(tr *tree) []string {
	var breaches []string
	packages := tr.packages()
	for _, dir := range slices.Sorted(maps.Keys(packages)) {
		var said []string
		for _, f := range packages[dir] {
			if f.syntax.Doc != nil && strings.TrimSpace(f.syntax.Doc.Text()) != "" {
				said = append(said, f.syntax.Doc.Text())
			}
		}
		name := packages[dir][0].syntax.Name.Name
		begin := regexp.MustCompile("^Package " + name + " ")
		if name == "main" {
			name = path.Base(dir)
			begin = regexp.MustCompile("^(Command " + name + "|" + strings.ToUpper(name[:1]) + name[1:] + ") ")
		}
		switch {
		case len(said) == 0:
			breaches = append(breaches, dir+": no file has a comment before its package clause that says the package's duty")
		case len(said) > 1:
			breaches = append(breaches, fmt.Sprintf("%s: %d files have a package comment; one says it all", dir, len(said)))
		case !begin.MatchString(said[0]) || len(strings.Fields(said[0])) < 5:
			breaches = append(breaches, fmt.Sprintf("%s: the package comment begins with %s and says the duty in a sentence", dir, begin))
		}
	}
	return breaches
}

// exportedComments reports exported names at the top level, and exported methods of exported
// types, that say nothing. A comment on a group of constants or variables is enough for the group.
func exportedComments(tr *tree) []string {
	var breaches []string
	for _, f := range tr.golang() {
		if f.isTest() || f.isGenerated() || f.syntax.Name.Name == "main" {
			continue
		}
		for _, d := range f.syntax.Decls {
			for _, name := range undocumented(d) {
				breaches = append(breaches, tr.at(name.Pos(), "%s has no comment", name.Name))
			}
		}
	}
	return breaches
}

// undocumented lists the exported names of a declaration that have no comment.
func undocumented(d ast.Decl) []*ast.Ident {
	var list []*ast.Ident
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && (d.Recv == nil || receiverExported(d.Recv)) {
			list = append(list, d.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
					list = append(list, s.Name)
				}
			case *ast.ValueSpec:
				for _, name := range s.Names {
					if name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
						list = append(list, name)
					}
				}
			}
		}
	}
	return list
}

// receiverExported tells whether a method belongs to an exported type.
func receiverExported(recv *ast.FieldList) bool {
	t := recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}

var codeFile = regexp.MustCompile(`\.(go|js|mjs|ts|tsx|css|sql|sh)$`)

// fileLength reports code files that are too long, tests and generated files aside.
func fileLength(tr *tree) []string {
	var breaches []string
	for _, f := range tr.files {
		if !codeFile.MatchString(f.path) || f.isTest() || f.isGenerated() || f.isForeign() {
			continue
		}
		if n := strings.Count(string(f.data), "\n"); n > maxLines {
			breaches = append(breaches, fmt.Sprintf("%s: %d lines, at most %d: split it by duty", f.path, n, maxLines))
		}
	}
	return breaches
}

// identicalFiles reports code files with the same content.
func identicalFiles(tr *tree) []string {
	var breaches []string
	seen := map[string]string{}
	for _, f := range tr.files {
		if !codeFile.MatchString(f.path) || strings.HasSuffix(f.path, ".sql") || f.isForeign() || len(f.data) < 200 {
			continue
		}
		if first, twice := seen[string(f.data)]; twice {
			breaches = append(breaches, f.path+": the same as "+first+"; keep one")
			continue
		}
		seen[string(f.data)] = f.path
	}
	return breaches
}
