package chained_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thonsync/server/chained"
)

const domain = "test 1\n"

type entry struct {
	N    int    `json:"n"`
	Text string `json:"text"`
}

func open(t *testing.T, path string) *chained.File {
	t.Helper()
	f, _, err := chained.Open(path, domain)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// faults lists the lines of a file that are not sound, as number:fault.
func faults(t *testing.T, r io.Reader) (out []string, lines int) {
	t.Helper()
	err := chained.Each(r, domain, func(n int, _ chained.Line, f chained.Fault) error {
		if f != chained.Sound {
			out = append(out, fmt.Sprintf("%d:%d", n, f))
		}
		lines = n
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, lines
}

func write(t *testing.T, path string, n int) {
	t.Helper()
	f := open(t, path)
	for i := range n {
		if err := f.Append(entry{i, strings.Repeat("x", 7000*(i%4))}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestGoesOnAfterReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.jsonl")
	for range 3 {
		write(t, path, 5)
	}
	f := open(t, path)
	snapshot := f.Snapshot()
	if err := f.Append(entry{N: 1}); err != nil {
		t.Fatal(err)
	}
	if bad, n := faults(t, snapshot); len(bad) > 0 || n != 15 {
		t.Errorf("snapshot: %v, %d lines", bad, n)
	}
	if bad, n := faults(t, f.Snapshot()); len(bad) > 0 || n != 16 {
		t.Errorf("%v, %d lines", bad, n)
	}
}

// A last line that was cut short at any octet is dropped, and what follows it is
// sound.
func TestCutShort(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.jsonl")
	write(t, path, 2)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first := bytes.IndexByte(whole, '\n') + 1
	for cut := first; cut < first+200; cut++ {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		write(t, path, 1)
		f := open(t, path)
		if bad, n := faults(t, f.Snapshot()); len(bad) > 0 || n != 2 {
			t.Fatalf("cut at %d: %v, %d lines", cut, bad, n)
		}
	}
}

func TestChangesShow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.jsonl")
	write(t, path, 4)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(bytes.TrimSuffix(whole, []byte("\n")), []byte("\n"))
	lines[3] = append(lines[3], '\n')
	join := func(order ...int) []byte {
		var out []byte
		for _, i := range order {
			out = append(out, lines[i]...)
		}
		return out
	}
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"as it was":     {whole, "[]"},
		"one removed":   {join(0, 2, 3), "[2:2]"},
		"two swapped":   {join(0, 2, 1, 3), "[2:2 3:2 4:2]"},
		"first removed": {join(1, 2, 3), "[1:2]"},
		"entry changed": {bytes.Replace(whole, []byte(`"n":1`), []byte(`"n":7`), 1), "[2:2]"},
		"not JSON":      {bytes.Replace(whole, []byte(`"n":1`), []byte(`"n:1`), 1), "[2:1 3:2]"},
	} {
		if bad, _ := faults(t, bytes.NewReader(c.file)); fmt.Sprint(bad) != c.want {
			t.Errorf("%s: %v, want %s", name, bad, c.want)
		}
	}
}

// Nothing follows an end that is damaged, and nothing is cut off it.
func TestDamagedEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.jsonl")
	write(t, path, 2)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b = append(b, "half a line that is whole\nand one that is not"...)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	f := open(t, path)
	if err := f.Append(entry{}); !errors.Is(err, chained.ErrDamaged) || !f.Damaged() {
		t.Errorf("appended: %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, b) {
		t.Errorf("the file was changed (%v)", err)
	}
}
