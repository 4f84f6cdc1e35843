package browser

import (
	"context"
	"fmt"
	"os"
	"testing"

	"thonsync/server/console/browser/browsertest"
)

// world is shared by all tests of this package; nil where there is no browser.
var world *browsertest.World

// missing says why there is no world.
var missing error

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "thonsync-browser-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }() // temporary
	if _, missing = browsertest.Program(); missing != nil && os.Getenv("BROWSER") == "" {
		return m.Run()
	}
	w, err := browsertest.Open(context.Background(), dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "making the world:", err)
		return 1
	}
	world = w
	status := m.Run()
	if err := w.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "ending the world:", err)
		status = 1
	}
	return status
}

// open gives a tab in which the account has signed in.
func open(t *testing.T, account string) *browsertest.Page {
	t.Helper()
	if world == nil {
		t.Skip("needs Chromium, which make check installs: ", missing)
	}
	return world.As(t, account)
}
