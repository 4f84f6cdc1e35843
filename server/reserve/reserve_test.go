package reserve_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"thonsync/server/reserve"
)

func TestFileIsItsOwnersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	reserve.File(path)
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Fatalf("made %v: %v", info, err)
	}
}

func TestWhatIsThereIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	if err := os.WriteFile(path, []byte("whole"), 0o600); err != nil {
		t.Fatal(err)
	}
	reserve.File(path)
	if b, err := os.ReadFile(path); err != nil || string(b) != "whole" {
		t.Errorf("holds %q: %v", b, err)
	}
}
