package keys_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thonsync/server/keys"
	"thonsync/syncproto"
)

func seedText(key ed25519.PrivateKey) string { return hex.EncodeToString(key.Seed()) }

func unhex(t *testing.T, text []byte) []byte {
	t.Helper()
	return must[[]byte](t)(hex.DecodeString(strings.TrimSpace(string(text))))
}

func base64JSON(t *testing.T, b []byte) string {
	t.Helper()
	return `"` + base64.StdEncoding.EncodeToString(b) + `"`
}

// founding gives the line as it was at first.
func founding(c *syncproto.Centre) []byte {
	s := c.Line()[0].Encode()
	return append([]byte{1, byte(len(s)&0x7f | 0x80), byte(len(s) >> 7)}, s...)
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func allFiles(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	for _, e := range must[[]os.DirEntry](t)(os.ReadDir(dir)) {
		b.Write(must[[]byte](t)(os.ReadFile(filepath.Join(dir, e.Name()))))
	}
	return b.String()
}

func mayNobodyElse(t *testing.T, dir string) {
	t.Helper()
	for _, e := range must[[]os.DirEntry](t)(os.ReadDir(dir)) {
		if st := must[os.FileInfo](t)(e.Info()); st.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s may be read by others: %v", e.Name(), st.Mode())
		}
	}
}

func TestExposedKeysAreRefused(t *testing.T) {
	path := t.TempDir()
	f := folder(t, path)
	if _, err := f.Identity(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(path, "identity.key")
	for _, mode := range []os.FileMode{0o644, 0o640, 0o604, 0o602} {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := keys.Open(path, rand.Reader); syncproto.CodeOf(err) != syncproto.CodeInvalidInput || !strings.Contains(err.Error(), "identity.key") {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	folder(t, path)
	elsewhere := filepath.Join(t.TempDir(), "key")
	if err := os.Rename(file, elsewhere); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, file); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Open(path, rand.Reader); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
		t.Errorf("a link: %v", err)
	}
}

func TestFilesUnderAPassphrase(t *testing.T) {
	path := t.TempDir()
	f := folder(t, path)
	key, err := f.Identity()
	if err != nil {
		t.Fatal(err)
	}
	line(t, f)
	if !strings.Contains(allFiles(t, path), seedText(key)) {
		t.Fatal("this test would not see a plain key")
	}
	pass := []byte("a sentence of the operator")
	locked, err := keys.OpenUnder(path, rand.Reader, pass)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := locked.Identity(); err != nil || !got.Equal(key) || !locked.Locked() {
		t.Error("the key did not survive", err)
	}
	if _, err := locked.PersonalKey(); err != nil {
		t.Fatal(err)
	}
	if text := allFiles(t, path); strings.Contains(text, seedText(key)) || strings.Contains(text, `"line"`) {
		t.Error("a file is still plain")
	}
	mayNobodyElse(t, path)
	for name, wrong := range map[string][]byte{"none": nil, "another": []byte("another sentence")} {
		if _, err := keys.OpenUnder(path, rand.Reader, wrong); syncproto.CodeOf(err) != syncproto.CodeUnreadable {
			t.Errorf("%s passphrase: %v", name, err)
		}
	}
	again, err := keys.OpenUnder(path, rand.Reader, pass)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Identity(); err != nil || !got.Equal(key) {
		t.Error("the key does not open again", err)
	}
	// One file in another's place does not open.
	text := must[[]byte](t)(os.ReadFile(filepath.Join(path, "personal.key")))
	put(t, path, "beacon.key", string(text))
	if _, err := again.BeaconSecret(); syncproto.CodeOf(err) != syncproto.CodeUnreadable {
		t.Errorf("a file in another's place opens: %v", err)
	}
	// A copy for a backup is plain: the backup is encrypted as a whole.
	dir := filepath.Join(t.TempDir(), "copy")
	if err := os.Remove(filepath.Join(path, "beacon.key")); err != nil {
		t.Fatal(err)
	}
	if err := again.CopyTo(dir); err != nil {
		t.Fatal(err)
	}
	if got, err := folder(t, dir).Identity(); err != nil || !got.Equal(key) {
		t.Error("the copy needs the passphrase", err)
	}
}

// What replaces a key overwrites the bytes of the old one.
func TestReplacedFilesAreOverwritten(t *testing.T) {
	path := t.TempDir()
	f := folder(t, path)
	if _, _, err := f.Seal(start); err != nil {
		t.Fatal(err)
	}
	old := must[*os.File](t)(os.Open(filepath.Join(path, "seal-keys.json")))
	t.Cleanup(func() { old.Close() })
	if _, err := f.RotateSeal(start.Add(year)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1<<12)
	n, err := old.ReadAt(b, 0)
	if n == 0 || strings.Trim(string(b[:n]), "\x00") != "" {
		t.Errorf("the old file still says %d octets (%v)", n, err)
	}
}

func TestListNamesKeysAndNoSecret(t *testing.T) {
	path := t.TempDir()
	f := folder(t, path)
	line(t, f)
	for range 2 {
		if _, err := f.RotateSeal(start); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.SetRecovery(start, recovery(t)); err != nil {
		t.Fatal(err)
	}
	states := func() map[string]int {
		n := make(map[string]int)
		for _, i := range must[[]keys.Info](t)(f.List()) {
			n[i.Name+" "+i.State]++
		}
		return n
	}
	if n := states(); n["recovery missing"] != 1 || n["sealing current"] != 1 || n["sealing replaced"] != 1 || n["signing current"] != 1 {
		t.Errorf("%v", n)
	}
	if _, err := f.Succeed(start.Add(year), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := f.DestroySeals(start.Add(year)); err != nil {
		t.Fatal(err)
	}
	if n := states(); n["recovery on paper"] != 1 || n["sealing destroyed"] != 1 || n["signing replaced"] != 1 {
		t.Errorf("%v", n)
	}
	if _, current, err := f.Paper(); current || err != nil {
		t.Error("printed before anything was", err)
	}
	if err := f.NotePaper(start); err != nil {
		t.Fatal(err)
	}
	if _, current, err := f.Paper(); !current || err != nil {
		t.Error("not printed after all", err)
	}
	if _, err := f.Succeed(start.Add(2*year), nil); err != nil {
		t.Fatal(err)
	}
	if made, current, err := f.Paper(); current || made == 0 || err != nil {
		t.Error("paper of an old key is current", err)
	}
}
