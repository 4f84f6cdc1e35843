package merge_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"sort"
	"strings"
)

// A mutant is the rule with one comparison or condition changed, or one
// statement left out.
type mutant struct {
	number int
	// key tells where and what, e.g. "fields.go survivors: a < b => a <= b".
	key string
}

// site is an expression with the texts that may stand in its place.
type site struct {
	lo, hi   int    // offsets in the source
	typ      string // "" for a statement
	variants []string
	numbers  []int
}

// mutator rewrites one source file so that the variable thonsyncMutant chooses
// which one of all mutants runs: all of them are compiled once.
type mutator struct {
	file string
	src  string
	set  *token.FileSet
	fn   string
	body *ast.BlockStmt // of fn
	// closures are the bodies of function literals.
	closures map[*ast.BlockStmt]bool
	sites    []site
	inserts  map[int]string // by offset
	seen     map[string]int
	mutants  *[]mutant
}

// mutate gives the rewritten text of a source file and appends its mutants.
func mutate(path, name string, mutants *[]mutant) (string, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	m := &mutator{file: name, src: string(src), set: token.NewFileSet(), inserts: map[int]string{}, closures: map[*ast.BlockStmt]bool{}, seen: map[string]int{}, mutants: mutants}
	file, err := parser.ParseFile(m.set, path, src, parser.SkipObjectResolution)
	if err != nil {
		return "", err
	}
	for _, decl := range file.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok {
			m.fn, m.body = fn.Name.Name, fn.Body
			if m.fn == "Record" {
				m.inserts[m.offset(fn.Body.Lbrace)+1] = " thonsyncFuel = 0; "
			}
			ast.Inspect(fn.Body, m.visit)
		}
	}
	// Outer sites first, so that emit meets a site before those inside it.
	sort.SliceStable(m.sites, func(i, j int) bool {
		a, b := m.sites[i], m.sites[j]
		return a.lo < b.lo || a.lo == b.lo && a.hi > b.hi
	})
	next := 0
	return m.emit(0, len(m.src), &next), nil
}

func (m *mutator) offset(p token.Pos) int { return m.set.Position(p).Offset }

func (m *mutator) text(n ast.Node) string { return m.src[m.offset(n.Pos()):m.offset(n.End())] }

func (m *mutator) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		m.binary(n)
	case *ast.FuncLit:
		m.closures[n.Body] = true
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			m.add(n, "bool", m.text(n.X))
		}
	case *ast.Ident:
		if n.Name == "true" {
			m.add(n, "bool", "false")
		} else if n.Name == "false" {
			m.add(n, "bool", "true")
		}
	case *ast.CallExpr:
		if orders[calledName(n)] {
			m.add(n, "int", "0", "-"+m.text(n))
		}
	case *ast.BlockStmt:
		m.block(n)
	case *ast.IfStmt:
		m.condition(n.Cond)
	case *ast.ForStmt:
		m.inserts[m.offset(n.Body.Lbrace)+1] = " thonsyncBurn(); "
	case *ast.RangeStmt:
		m.inserts[m.offset(n.Body.Lbrace)+1] = " thonsyncBurn(); "
	}
	return true
}

// leftOut stands in a mutant's key for a statement that is not there.
const leftOut = "(nothing)"

// block leaves out each statement that can be missing: none that declares, and
// not the return at the end of a function.
func (m *mutator) block(b *ast.BlockStmt) {
	for i, stmt := range b.List {
		switch s := stmt.(type) {
		case *ast.AssignStmt:
			if s.Tok != token.DEFINE {
				m.add(s, "", leftOut)
			}
		case *ast.IncDecStmt, *ast.ExprStmt, *ast.BranchStmt:
			m.add(s, "", leftOut)
		case *ast.ReturnStmt:
			if b != m.body && i == len(b.List)-1 && !m.endsClosure(b) {
				m.add(s, "", leftOut)
			}
		}
	}
}

// endsClosure tells whether a block is the body of a function literal.
func (m *mutator) endsClosure(b *ast.BlockStmt) bool { return m.closures[b] }

// orders names the functions whose result is an order.
var orders = map[string]bool{"Compare": true, "compare": true, "rank": true, "first": true}

func calledName(c *ast.CallExpr) string {
	switch f := c.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// condition negates a condition that is neither a comparison nor made of parts,
// which are mutated by themselves.
func (m *mutator) condition(cond ast.Expr) {
	switch cond.(type) {
	case *ast.BinaryExpr, *ast.UnaryExpr:
	default:
		m.add(cond, "bool", "!("+m.text(cond)+")")
	}
}

var opposite = map[token.Token]string{
	token.EQL: "!=", token.NEQ: "==", token.LSS: ">=", token.GEQ: "<", token.GTR: "<=", token.LEQ: ">",
}

// bounds gives, for an ordered comparison, one that takes in the bound or leaves
// it out, and one that moves it the other way.
var bounds = map[token.Token][2]string{
	token.LSS: {"%s <= %s", "%s < (%s)-1"}, token.LEQ: {"%s < %s", "%s <= (%s)+1"},
	token.GTR: {"%s >= %s", "%s > (%s)+1"}, token.GEQ: {"%s > %s", "%s >= (%s)-1"},
}

func (m *mutator) binary(n *ast.BinaryExpr) {
	x, y := m.text(n.X), m.text(n.Y)
	switch n.Op {
	case token.LAND, token.LOR:
		m.add(n, "bool", x, y)
	case token.EQL, token.NEQ:
		m.add(n, "bool", x+" "+opposite[n.Op]+" "+y)
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
		b := bounds[n.Op]
		m.add(n, "bool", x+" "+opposite[n.Op]+" "+y, fmt.Sprintf(b[0], x, y), fmt.Sprintf(b[1], x, y))
	}
}

func (m *mutator) add(n ast.Node, typ string, variants ...string) {
	s := site{lo: m.offset(n.Pos()), hi: m.offset(n.End()), typ: typ, variants: variants}
	for _, v := range variants {
		key := strings.Join(strings.Fields(fmt.Sprintf("%s %s: %s => %s", m.file, m.fn, m.text(n), v)), " ")
		m.seen[key]++
		if k := m.seen[key]; k > 1 {
			key = fmt.Sprintf("%s #%d", key, k)
		}
		number := len(*m.mutants) + 1
		s.numbers = append(s.numbers, number)
		*m.mutants = append(*m.mutants, mutant{number, key})
	}
	m.sites = append(m.sites, s)
}

// emit gives the text from lo to hi with its sites made switchable. next is the
// first site not yet dealt with.
func (m *mutator) emit(lo, hi int, next *int) string {
	var b strings.Builder
	at := lo
	for *next < len(m.sites) && m.sites[*next].lo < hi {
		s := m.sites[*next]
		*next++
		b.WriteString(m.copy(at, s.lo))
		at = s.hi
		if s.typ == "" {
			fmt.Fprintf(&b, "if thonsyncMutant != %d { %s }", s.numbers[0], m.emit(s.lo, s.hi, next))
			continue
		}
		fmt.Fprintf(&b, "func() %s { switch thonsyncMutant { ", s.typ)
		for i, v := range s.variants {
			fmt.Fprintf(&b, "case %d: return %s; ", s.numbers[i], v)
		}
		fmt.Fprintf(&b, "}; return %s }()", m.emit(s.lo, s.hi, next))
	}
	b.WriteString(m.copy(at, hi))
	return b.String()
}

// copy gives source text with the insertions that fall into it.
func (m *mutator) copy(lo, hi int) string {
	var b strings.Builder
	for i := lo; i < hi; i++ {
		b.WriteString(m.inserts[i])
		b.WriteByte(m.src[i])
	}
	return b.String()
}

// mutantSwitch is compiled with the rewritten files. A mutant that loops for
// ever runs out of fuel instead.
const mutantSwitch = `package merge

import (
	"os"
	"strconv"
)

var thonsyncMutant, _ = strconv.Atoi(os.Getenv("THONSYNC_MUTANT"))

var thonsyncFuel int

func thonsyncBurn() {
	if thonsyncFuel++; thonsyncFuel > 5_000_000 {
		panic("the mutant does not end")
	}
}
`
