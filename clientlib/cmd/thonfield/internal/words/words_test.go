package words_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"thonsync/clientlib"
	"thonsync/clientlib/cmd/thonfield/internal/words"
	"thonsync/syncproto"
)

const (
	programDir   = "../.." // of thonfield
	syncprotoDir = "../../../../../syncproto"
	clientlibDir = "../../../.."
)

func catalogue(t *testing.T) map[string]map[string]string {
	t.Helper()
	b, err := os.ReadFile("catalogue.json")
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]map[string]string{}
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	if len(m) < 100 {
		t.Fatalf("only %d texts were read", len(m))
	}
	return m
}

var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

func TestEveryKeyHasBothLanguages(t *testing.T) {
	for key, texts := range catalogue(t) {
		vi, en := texts["vi"], texts["en"]
		if strings.TrimSpace(vi) == "" || strings.TrimSpace(en) == "" || len(texts) != 2 {
			t.Errorf("%s does not have a text in vi and in en, and nothing else", key)
		}
		inVI, inEN := placeholder.FindAllString(vi, -1), placeholder.FindAllString(en, -1)
		slices.Sort(inVI)
		slices.Sort(inEN)
		if !slices.Equal(inVI, inEN) {
			t.Errorf("%s: vi has the placeholders %v, en has %v", key, inVI, inEN)
		}
	}
}

// A key that stands twice in the file would silently hide a text.
func TestNoKeyTwice(t *testing.T) {
	b, err := os.ReadFile("catalogue.json")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^  "([^"]+)": \{`).FindAllSubmatch(b, -1) {
		key := string(m[1])
		if seen[key] {
			t.Errorf("%s stands twice", key)
		}
		seen[key] = true
	}
	if len(seen) != len(catalogue(t)) {
		t.Errorf("%d lines with a key, %d keys", len(seen), len(catalogue(t)))
	}
}

// Villagers are never shown words of the trade.
func TestPlainVietnamese(t *testing.T) {
	for key, texts := range catalogue(t) {
		low := strings.ToLower(texts["vi"])
		for _, bad := range []string{"đồng bộ", "xung đột", "máy chủ", "server", "upload", "backup", "online", "log in"} {
			if strings.Contains(low, bad) {
				t.Errorf("%s: the Vietnamese text says %q", key, bad)
			}
		}
	}
}

// constants gives the values of all string constants of a type in a folder.
func constants(t *testing.T, dir, typ string) []string {
	t.Helper()
	var out []string
	for _, file := range goFiles(t, dir) {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if name, ok := spec.Type.(*ast.Ident); !ok || name.Name != typ {
				return true
			}
			for _, v := range spec.Values {
				if lit, ok := v.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					s, _ := strconv.Unquote(lit.Value)
					out = append(out, s)
				}
			}
			return true
		})
	}
	return out
}

func goFiles(t *testing.T, dir string) []*ast.File {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no Go files in %s: %v", dir, err)
	}
	var out []*ast.File
	for _, p := range paths {
		if strings.HasSuffix(p, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, f)
	}
	return out
}

func TestEveryCodeAndReasonHasAText(t *testing.T) {
	codes, reasons := constants(t, syncprotoDir, "Code"), constants(t, syncprotoDir, "Reason")
	if len(codes) < 20 || len(reasons) < 10 {
		t.Fatalf("only %d codes and %d reasons were found in the source", len(codes), len(reasons))
	}
	for _, c := range codes {
		if !words.Has("code." + c) {
			t.Errorf("the code %s has no text", c)
		}
	}
	for _, r := range append(reasons, string(clientlib.ReasonConflict)) {
		if !words.Has("reason." + r) {
			t.Errorf("the reason %s has no text", r)
		}
	}
}

// Every literal key in the program is in the catalogue.
func TestEveryUsedKeyExists(t *testing.T) {
	calls := map[string]int{"T": 0, "say": 0, "usage": 0, "failed": 1, "saved": 3, "readPIN": 0}
	used := 0
	for _, dir := range []string{programDir, "../ask", "../form", "../view", "."} {
		for _, file := range goFiles(t, dir) {
			ast.Inspect(file, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				at, known := calls[calledName(call)]
				if !known || at >= len(call.Args) {
					return true
				}
				if lit, ok := call.Args[at].(*ast.BasicLit); ok && lit.Kind == token.STRING {
					key, _ := strconv.Unquote(lit.Value)
					used++
					if !words.Has(key) && !strings.HasSuffix(key, ".") {
						t.Errorf("%s: the key %q is not in the catalogue", calledName(call), key)
					}
				}
				return true
			})
		}
	}
	if used < 60 {
		t.Fatalf("only %d uses of keys were found", used)
	}
}

func calledName(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

func TestCustodyWords(t *testing.T) {
	cases := []struct {
		c      clientlib.Custody
		vi, en string
	}{
		{clientlib.Custody{Stage: clientlib.StageOnPhone}, "Đã lưu trong máy", "Saved on this device"},
		{clientlib.Custody{Stage: clientlib.StageAtCommune}, "Xã đã nhận", "commune has it"},
		{clientlib.Custody{Stage: clientlib.StageAtCentre}, "Đã gửi xong", "Received"},
		{clientlib.Custody{Stage: clientlib.StageSafe}, "Đã gửi xong", "Received"},
		{clientlib.Custody{Stage: clientlib.StageAskedBack}, "Xã hỏi lại", "question"},
		{clientlib.Custody{Stage: clientlib.StageAskedBack, Reason: clientlib.ReasonConflict}, "Xã hỏi lại", "question"},
		{clientlib.Custody{Stage: clientlib.StageAskedBack, Reason: syncproto.ReasonBadValue}, "Bị giữ lại vì có mục ghi chưa đúng", "Kept back because a field"},
		{clientlib.Custody{Stage: clientlib.StageAskedBack, Reason: "of-the-future"}, "Bị giữ lại vì một lý do", "Kept back because"},
	}
	for _, c := range cases {
		if got := words.VI.Custody(c.c); !strings.Contains(got, c.vi) {
			t.Errorf("%v: %q does not say %q", c.c, got, c.vi)
		}
		if got := words.EN.Custody(c.c); !strings.Contains(got, c.en) {
			t.Errorf("%v: %q does not say %q", c.c, got, c.en)
		}
	}
}

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		asked, locale string
		want          words.Lang
	}{
		{"", "", words.VI}, {"", "C.UTF-8", words.VI}, {"", "en_US.UTF-8", words.EN}, {"vi", "en_GB", words.VI},
		{"en", "vi_VN", words.EN}, {"", "vi_VN.UTF-8", words.VI}, {"fr", "", words.VI},
	} {
		if got := words.Choose(c.asked, c.locale); got != c.want {
			t.Errorf("Choose(%q, %q) = %s, want %s", c.asked, c.locale, got, c.want)
		}
	}
}

func TestDates(t *testing.T) {
	for in, want := range map[string]string{
		"31/12/2025": "2025-12-31", "1/2/1950": "1950-02-01", "02.2024": "2024-02", "1950": "1950",
		"2025-12-31": "2025-12-31", "2024-02-29": "2024-02-29", "29-02-2024": "2024-02-29", " 2025 ": "2025",
	} {
		if d, ok := words.ParseDate(in); !ok || d.String() != want {
			t.Errorf("ParseDate(%q) = %v, %v; want %s", in, d, ok, want)
		}
	}
	for _, in := range []string{"", "29/02/2023", "0/1/2024", "1/0/2024", "31/12/25", "12/31/2025", "hôm nay", "2025-13-01", "1/2/3/2024"} {
		if d, ok := words.ParseDate(in); ok {
			t.Errorf("ParseDate(%q) took it as %v", in, d)
		}
	}
	for _, c := range []struct {
		d    syncproto.Date
		want string
	}{{syncproto.Date{}, ""}, {syncproto.Date{Year: 1950}, "1950"}, {syncproto.Date{Year: 2024, Month: 2}, "02/2024"}, {syncproto.Date{Year: 2024, Month: 2, Day: 9}, "09/02/2024"}} {
		if got := words.ShowDate(c.d); got != c.want {
			t.Errorf("ShowDate(%v) = %q, want %q", c.d, got, c.want)
		}
	}
}

func TestShowTime(t *testing.T) {
	zone := time.FixedZone("+07", 7*3600)
	noon := time.Date(2030, 5, 6, 12, 0, 0, 0, zone)
	if got := words.VI.ShowTime(noon.Add(-150*time.Minute).UnixMilli(), noon); got != "9:30 hôm nay" {
		t.Errorf("got %q", got)
	}
	if got := words.EN.ShowTime(noon.Add(-24*time.Hour).UnixMilli(), noon); got != "12:00 05/05/2030" {
		t.Errorf("got %q", got)
	}
}

// Every check of Doctor has a text, good and bad.
func TestEveryDoctorCheckHasTexts(t *testing.T) {
	names := doctorNames(t)
	if len(names) < 8 {
		t.Fatalf("only %d checks were found in the source", len(names))
	}
	for _, n := range names {
		for _, state := range []string{"ok", "bad"} {
			if !words.Has("doctor." + n + "." + state) {
				t.Errorf("doctor's check %s has no text for %s", n, state)
			}
		}
	}
}

// doctorNames reads the names of checks from the source of clientlib.
func doctorNames(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, file := range goFiles(t, clientlibDir) {
		ast.Inspect(file, func(n ast.Node) bool {
			lit, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			if id, ok := lit.Type.(*ast.Ident); !ok || id.Name != "Check" {
				return true
			}
			for i, e := range lit.Elts {
				v := e
				if kv, ok := e.(*ast.KeyValueExpr); ok {
					if k, ok := kv.Key.(*ast.Ident); !ok || k.Name != "Name" {
						continue
					}
					v = kv.Value
				} else if i > 0 {
					continue
				}
				if s, ok := v.(*ast.BasicLit); ok && s.Kind == token.STRING {
					name, _ := strconv.Unquote(s.Value)
					names = append(names, name)
				}
			}
			return true
		})
	}
	return names
}
