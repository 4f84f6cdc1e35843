package demo_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"thonsync/server/demo"
)

// program builds the real program once: the phone that is killed is a process
// of its own.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "thonsync")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	cmd := exec.Command("go", "build", "-o", path, "thonsync/server/cmd/thonsync")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the program: %v\n%s", err, out)
	}
	return path
}

// untilUp stops a demo once it says where its pages are.
type untilUp struct {
	bytes.Buffer
	cancel context.CancelFunc
}

func (u *untilUp) Write(b []byte) (int, error) {
	n, err := u.Buffer.Write(b)
	if strings.Contains(u.String(), "all databases are in") {
		u.cancel()
	}
	return n, err
}

// TestDemo plays the day once as it is, and once for each promise with that
// promise sabotaged: the demo must notice, and blame no other promise.
func TestDemo(t *testing.T) {
	path := program(t)
	play := func(t *testing.T, sabotaged string) (string, error) {
		var out bytes.Buffer
		err := demo.Run(t.Context(), demo.Options{Once: true, Break: sabotaged, Seed: 1, Out: &out, Program: path})
		return out.String(), err
	}
	t.Run("held", func(t *testing.T) {
		if out, err := play(t, ""); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	})
	t.Run("stays up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		out := &untilUp{cancel: cancel}
		if err := demo.Run(ctx, demo.Options{Seed: 1, Out: out, Program: path}); err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
		if !strings.Contains(out.String(), "/console") {
			t.Errorf("the console's address is not shown:\n%s", out.String())
		}
	})
	for _, name := range demo.Names() {
		t.Run("break "+name, func(t *testing.T) {
			out, err := play(t, name)
			if !errors.Is(err, demo.ErrBroken) {
				t.Fatalf("sabotaged, and the demo ended with %v\n%s", err, out)
			}
			for line := range strings.Lines(out) {
				if f := strings.Fields(line); len(f) > 1 && f[0] == "BROKEN" && f[1] != name {
					t.Errorf("blames %s\n%s", f[1], line)
				}
			}
			if !strings.Contains(out, "BROKEN  "+name) {
				t.Errorf("does not blame %s\n%s", name, out)
			}
		})
	}
	t.Run("unknown promise", func(t *testing.T) {
		if _, err := play(t, "no-such"); err == nil || errors.Is(err, demo.ErrBroken) {
			t.Fatalf("err = %v", err)
		}
	})
}
