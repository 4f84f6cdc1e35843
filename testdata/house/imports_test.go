package house

import (
	"go/ast"
	"regexp"
	"strconv"
	"strings"
)

// edge is a forbidden import: no file below from, except those whose path matches except, imports
// what to matches. Test files are judged only when tests is set.
type edge struct {
	from   string
	except string // regular expression on the file's path; empty excepts nothing
	to     string // regular expression on the import path
	tests  bool
	why    string
}

const (
	driver = `^(modernc\.org/sqlite|github\.com/jackc/pgx|github\.com/lib/pq|github\.com/mattn/go-sqlite3|github\.com/ncruces/go-sqlite3)(/|$)`
	webkit = `^github\.com/(gofiber/|valyala/fasthttp|danielgtaylor/huma)`
)

// edges say which way imports go: server -> clientlib -> syncproto, never back.
var edges = []edge{
	{
		from: "syncproto", to: `^thonsync/(clientlib|server)(/|$)`, tests: true,
		why: "the rules must build for a phone and a browser without knowing who uses them",
	},
	{
		from: "clientlib", to: `^thonsync/server(/|$)`,
		why: "a phone must build without the server; only its tests run a real one",
	},
	{
		from: "testdata", except: `^testdata/(house|jsclient|oldclients)/`, to: `^thonsync/(clientlib|server)(/|$)`,
		why: "tables and vectors stand below everything that is tested with them, or they could not be tested against it",
	},
	{
		from: "server/httpapi", to: `^thonsync/server/store(/|$)|^database/sql$`,
		why: "a route that reaches a store would begin transactions that ingest, relay and feed own",
	},
	{
		from: "server/store", except: `^server/store/[a-z]+store/|^server/store/storetest/`, to: `^thonsync/server/`,
		why: "the contract knows neither its engines nor its users",
	},
	{
		from: ".", except: `^(server/store/[a-z]+store/|clientlib/)`, to: driver,
		why: "a driver outside the stores would make an engine part of a rule; swapping it must touch one folder",
	},
	{
		from: ".", except: `^server/httpapi/`, to: webkit, tests: true,
		why: "the web framework is frozen upstream: leaving it must touch one package",
	},
	{
		from: "syncproto", to: `^net/http$`, tests: true,
		why: "the rules know messages, not how they travel",
	},
	{
		from: "clientlib", except: `^clientlib/(http[a-z]*|cmd|app|clienttest)/`, to: `^net/http$`,
		why: "a phone exchanges by hotspot, file or colleague alike: HTTP is one transport, in its own package",
	},
	{
		from: ".", except: `test/|^testdata/`, to: `^(testing(/[a-z]+)?|net/http/httptest|pgregory\.net/rapid|github\.com/google/go-cmp(/.*)?)$`,
		why: "test code linked into a program is code that nobody runs on purpose",
	},
	{
		from: ".", to: `^(io/ioutil|math/rand|github\.com/pkg/errors|unsafe)$`, tests: true,
		why: "each has a better replacement: io and os, math/rand/v2 with a printed seed, errors and fmt.Errorf, plain Go",
	},
}

// importRules keep the edges and the purity of syncproto.
func importRules() []rule {
	return []rule{
		{"imports", "imports go server -> clientlib -> syncproto, each exception has a reason", forbiddenEdges},
		{"syncproto-imports", "syncproto is pure: the standard library without I/O, and four modules", protocolImports},
		{"syncproto-calls", "syncproto reads no clock and draws no luck: both are handed in", protocolCalls},
	}
}

// forbiddenEdges reports the imports that an edge forbids.
func forbiddenEdges(tr *tree) []string {
	var breaches []string
	for _, e := range edges {
		to := regexp.MustCompile(e.to)
		except := regexp.MustCompile(e.except)
		for _, f := range tr.golang() {
			if e.from != "." && !f.within(e.from) || f.isTest() && !e.tests || e.except != "" && except.MatchString(f.path) {
				continue
			}
			for _, imp := range f.syntax.Imports {
				if p := importPath(imp); to.MatchString(p) {
					breaches = append(breaches, tr.at(imp.Pos(), "imports %s: %s", p, e.why))
				}
			}
		}
	}
	return breaches
}

func importPath(imp *ast.ImportSpec) string {
	p, err := strconv.Unquote(imp.Path.Value)
	if err != nil {
		return imp.Path.Value
	}
	return p
}

// impure are packages of the standard library that do I/O, read the environment or carry hidden state.
var impure = regexp.MustCompile(`^(os|net|syscall|log|database|plugin|testing|expvar|flag|embed|html|runtime|path/filepath|io/(fs|ioutil)|crypto/(rand|tls)|text/template|debug)(/|$)`)

// protocolModules are the modules that syncproto may use, with the packages that may use them.
var protocolModules = map[string]string{
	"github.com/google/uuid":               "syncproto",
	"golang.org/x/text/unicode/norm":       "syncproto",
	"golang.org/x/crypto/chacha20poly1305": "syncproto",
	"github.com/golang-jwt/jwt/v5":         "syncproto/credential",
	"github.com/fxamacker/cbor/v2":         "syncproto/credential",
}

// protocolImports reports what a file of syncproto, tests aside, must not import.
func protocolImports(tr *tree) []string {
	var breaches []string
	for _, f := range tr.golang() {
		if !f.within("syncproto") || f.isTest() {
			continue
		}
		for _, imp := range f.syntax.Imports {
			p := importPath(imp)
			first, _, _ := strings.Cut(p, "/")
			switch {
			case strings.HasPrefix(p, module+"/syncproto"):
			case !strings.Contains(first, "."):
				if impure.MatchString(p) {
					breaches = append(breaches, tr.at(imp.Pos(), "imports %s: take a value, an io.Reader or an interface instead", p))
				}
			case protocolModules[p] == "" || !f.within(protocolModules[p]):
				breaches = append(breaches, tr.at(imp.Pos(), "imports %s, which syncproto does without; a new module there is a decision for ARCHITECTURE.md", p))
			}
		}
	}
	return breaches
}

// impureCalls are, for each package, the functions whose result does not depend on their arguments alone.
var impureCalls = map[string]*regexp.Regexp{
	"time": regexp.MustCompile(`^(Now|Since|Until|After|AfterFunc|Tick|NewTimer|NewTicker|Sleep|Local|LoadLocation)$`),
	"uuid": regexp.MustCompile(`^(New|NewString|NewRandom|NewUUID|NewV6|NewV7|NewDCESecurity|SetRand)$`),
	"rand": regexp.MustCompile(`^(Int|IntN|Int32|Int32N|Int64|Int64N|Uint|UintN|Uint32|Uint32N|Uint64|Uint64N|N|Float32|Float64|ExpFloat64|NormFloat64|Perm|Shuffle|Read)$`),
}

// protocolCalls reports uses of the clock and of luck in syncproto, tests aside.
func protocolCalls(tr *tree) []string {
	var breaches []string
	for _, f := range tr.golang() {
		if !f.within("syncproto") || f.isTest() {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := sel.X.(*ast.Ident)
			if ok && impureCalls[pkg.Name] != nil && imports(f, pkg.Name) && impureCalls[pkg.Name].MatchString(sel.Sel.Name) {
				breaches = append(breaches, tr.at(sel.Pos(), "uses %s.%s: let the caller hand the value in", pkg.Name, sel.Sel.Name))
			}
			return true
		})
	}
	return breaches
}

// imports tells whether the file imports a package under this name.
func imports(f *file, name string) bool {
	for _, imp := range f.syntax.Imports {
		p := strings.TrimSuffix(importPath(imp), "/v2")
		if imp.Name != nil && imp.Name.Name == name || imp.Name == nil && p[strings.LastIndex(p, "/")+1:] == name {
			return true
		}
	}
	return false
}
