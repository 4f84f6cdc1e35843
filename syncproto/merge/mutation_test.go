package merge_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// equivalents are the mutants that no test can tell from the rule, with the
// reason.
var equivalents = map[string]string{
	"fields.go survivors: len(group) < 2 => len(group) < (2)-1":               "a shortcut: a change alone in its group comes out alone",
	"fields.go survivors: return group => (nothing)":                          "the same shortcut",
	"rank.go plausible: c.StampMS < c.BeaconMS => c.StampMS <= c.BeaconMS":    "a stamp equal to its beacon differs from it by 0 either way",
	"record.go done: clear(m.entries) => (nothing)":                           "it only lets the garbage collector have the changes sooner",
	"record.go done: m.ids, m.br = nil, nil => (nothing)":                     "it only lets the garbage collector have them sooner",
	"record.go Record: return sole(&changes[0], rulings.Erased) => (nothing)": "a shortcut: the same is found out further down",
	"state.go Shown: return v, true => (nothing)":                             "a shortcut that saves an allocation: At gives the same value",
	"void.go withdraw: m.pass++ => (nothing)":                                 "the pass before, in live, has marked the same changes by the same references",
}

// TestMutation changes every comparison and condition of the rule's source, one
// at a time, and proves that the other tests of this package notice each change.
// It takes minutes, so it runs only when asked.
func TestMutation(t *testing.T) {
	if os.Getenv("THONSYNC_MUTATION") != "1" {
		t.Skip("NOT RUN: the mutation test of the conflict rule runs with THONSYNC_MUTATION=1")
	}
	mutants, binary := buildMutants(t)
	if out, ok := survives(binary, 0, "^Test"); !ok {
		t.Fatalf("the rule without a mutation fails its tests:\n%s", out)
	}
	verdicts := make([]string, len(mutants))
	var wait sync.WaitGroup
	queue := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for i := range queue {
				verdicts[i] = verdict(binary, mutants[i].number)
			}
		})
	}
	for i := range mutants {
		queue <- i
	}
	close(queue)
	wait.Wait()
	judge(t, mutants, verdicts)
}

const (
	byVectors = "noticed by the vectors"
	byOthers  = "noticed by the random histories and other tests only"
	survived  = "NOT NOTICED"
)

func verdict(binary string, number int) string {
	if _, ok := survives(binary, number, "^TestVectors"); !ok {
		return byVectors
	}
	if _, ok := survives(binary, number, "^Test"); !ok {
		return byOthers
	}
	return survived
}

func judge(t *testing.T, mutants []mutant, verdicts []string) {
	counts := map[string]int{}
	used := map[string]bool{}
	for i, m := range mutants {
		_, equivalent := equivalents[m.key]
		used[m.key] = true
		counts[verdicts[i]]++
		switch {
		case verdicts[i] == survived && !equivalent:
			t.Errorf("no test notices: %s", m.key)
		case verdicts[i] != survived && equivalent:
			t.Errorf("listed as equivalent, but %s: %s", verdicts[i], m.key)
		case verdicts[i] == byOthers:
			t.Logf("%s: %s", byOthers, m.key)
		}
	}
	for key := range equivalents {
		if !used[key] {
			t.Errorf("listed as equivalent, but there is no such mutant: %s", key)
		}
	}
	t.Logf("%d mutants: %d %s, %d %s, %d equivalent",
		len(mutants), counts[byVectors], byVectors, counts[byOthers], byOthers, counts[survived])
}

// buildMutants compiles the tests once, with all mutants in, through an overlay:
// the sources are not touched.
func buildMutants(t *testing.T) ([]mutant, string) {
	t.Helper()
	dir := t.TempDir()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	replace := map[string]string{}
	put := func(name, text string) {
		replace[filepath.Join(here, name)] = filepath.Join(dir, name)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var mutants []mutant
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := mutate(filepath.Join(here, name), name, &mutants)
		if err != nil {
			t.Fatal(err)
		}
		put(name, text)
	}
	if len(mutants) < 100 {
		t.Fatalf("only %d mutants found", len(mutants))
	}
	put("mutant_switch.go", mutantSwitch)
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	overlayFile := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlayFile, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "merge.test")
	if out, err := exec.Command("go", "test", "-c", "-overlay", overlayFile, "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("compile the mutants: %v\n%s", err, out)
	}
	return mutants, binary
}

// survives runs tests against a mutant and reports whether all pass.
func survives(binary string, number int, tests string) (string, bool) {
	cmd := exec.Command(binary, "-test.run="+tests, "-test.failfast", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), fmt.Sprintf("THONSYNC_MUTANT=%d", number), "THONSYNC_MUTATION=0")
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}
