package keys_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thonsync/server/keys"
	"thonsync/syncproto"
)

var year = 365 * 24 * time.Hour

func line(t *testing.T, f *keys.Folder) *syncproto.Centre {
	t.Helper()
	c, err := f.Line(start)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func recovery(t *testing.T) *keys.Recovery {
	t.Helper()
	r, err := keys.NewRecovery()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSigningKeyIsSucceeded(t *testing.T) {
	path := t.TempDir()
	f := folder(t, path)
	founded := line(t, f)
	old, err := f.Identity()
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 3; n++ {
		next, err := f.Succeed(start.Add(time.Duration(n)*year), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := founded.Follow(next); err != nil || got.Number() != uint64(n) {
			t.Errorf("who was there at the founding cannot follow to key %d: %v", n, err)
		}
	}
	if key, err := f.Identity(); err != nil || key.Equal(old) || !line(t, folder(t, path)).Key().Equal(key.Public()) {
		t.Error("the newest key does not sign", err)
	}
	if text := allFiles(t, path); strings.Contains(text, seedText(old)) {
		t.Error("the replaced key is still in a file")
	}
}

// A crash between the two files of a replacement leaves a folder that the next
// start completes.
func TestReplacementIsCompletedAfterACrash(t *testing.T) {
	path := t.TempDir()
	f := folder(t, path)
	line(t, f)
	key := must[[]byte](t)(os.ReadFile(filepath.Join(path, "identity.key")))
	next, err := f.Succeed(start.Add(year), nil)
	if err != nil {
		t.Fatal(err)
	}
	// As if only the first of the three writes had happened.
	seed := must[[]byte](t)(os.ReadFile(filepath.Join(path, "identity.key")))
	half := `{"line":` + base64JSON(t, founding(next)) + `,"next":` + base64JSON(t, unhex(t, seed)) + `,"next_line":` + base64JSON(t, next.Encode()) + `}`
	put(t, path, "centre-keys.json", half)
	put(t, path, "identity.key", string(key))
	if got := line(t, folder(t, path)); got.Number() != 1 || !got.Key().Equal(next.Key()) {
		t.Errorf("after the crash the line ends at key %d", got.Number())
	}
}

func TestLostKeyIsSucceededByRecovery(t *testing.T) {
	path := t.TempDir()
	f := folder(t, path)
	r, thief := recovery(t), recovery(t)
	if err := f.SetRecovery(start, r); err != nil {
		t.Fatal(err)
	}
	founded := line(t, f)
	if err := os.Remove(filepath.Join(path, "identity.key")); err != nil {
		t.Fatal(err)
	}
	f = folder(t, path)
	if _, err := f.Line(start); syncproto.CodeOf(err) != syncproto.CodeUnreadable {
		t.Fatalf("a folder without its newest key is a centre: %v", err)
	}
	if _, err := f.Succeed(start.Add(year), thief.Key()); syncproto.CodeOf(err) != syncproto.CodeForeignKey {
		t.Errorf("another paper names a successor: %v", err)
	}
	next, err := f.Succeed(start.Add(year), r.Key())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := founded.Follow(next); err != nil || got.Number() != 1 || got.Line()[1].By != syncproto.ByRecovery {
		t.Errorf("phones cannot follow: %v", err)
	}
	if got := line(t, f); got.Number() != 1 {
		t.Error("the folder did not go on")
	}
}

func TestOnlyACentreReplacesKeys(t *testing.T) {
	f := folder(t, t.TempDir())
	if _, err := f.Succeed(start, nil); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
		t.Error(err)
	}
}

// Paper, typed with spaces, hyphens, small letters and look-alikes, gives a
// folder that is the same centre; what opened before opens again.
func TestPaperGoesTheWholeWay(t *testing.T) {
	f := folder(t, t.TempDir())
	if err := f.SetRecovery(start, recovery(t)); err != nil {
		t.Fatal(err)
	}
	line(t, f)
	if _, err := f.Succeed(start.Add(year), nil); err != nil {
		t.Fatal(err)
	}
	old, _, err := f.Seal(start)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.RotateSeal(start.Add(year)); err != nil {
		t.Fatal(err)
	}
	bytes := must[[]byte](t)
	personal, beacon, log := bytes(f.PersonalKey()), bytes(f.BeaconSecret()), bytes(f.LogKey())
	sealed := bytes(f.PaperBackup("mưa rào tháng sáu"))
	paper := must[string](t)(keys.PrintPaper(keys.PaperKeys, sealed))
	if n := strings.Count(paper, "\n"); n > 60 {
		t.Errorf("%d lines are too many to type", n)
	}
	typed := "# typed on a rainy day\n" + strings.ToLower(strings.ReplaceAll(paper, "0", "o"))
	if _, err := keys.OpenPaper(typed, "wrong"); syncproto.CodeOf(err) != syncproto.CodeUnreadable {
		t.Errorf("opens under a wrong passphrase: %v", err)
	}
	packed := bytes(keys.OpenPaper(typed, "mưa rào tháng sáu"))
	path := t.TempDir()
	g := folder(t, path)
	if err := g.Unpack(packed); err != nil {
		t.Fatal(err)
	}
	for name, pair := range map[string][2][]byte{
		"personal": {personal, bytes(g.PersonalKey())}, "beacon": {beacon, bytes(g.BeaconSecret())}, "log": {log, bytes(g.LogKey())},
		"line": {line(t, f).Encode(), line(t, g).Encode()},
	} {
		if string(pair[0]) != string(pair[1]) {
			t.Errorf("%s came back differently", name)
		}
	}
	if _, ok := g.SealRing(old.Public.ID); !ok {
		t.Error("the replaced sealing key did not come back")
	}
	if err := g.Unpack(packed); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
		t.Errorf("keys were overwritten: %v", err)
	}
	mayNobodyElse(t, path)
}

func TestTyposAreNamed(t *testing.T) {
	data := make([]byte, 95)
	if _, err := rand.Read(data); err != nil {
		t.Fatal(err)
	}
	paper := must[string](t)(keys.PrintPaper("test", data))
	lines := strings.Split(strings.TrimSpace(paper), "\n")
	if back := must[[]byte](t)(keys.ReadPaper("test", paper)); string(back) != string(data) {
		t.Fatal("another text came back")
	}
	with := func(change func(l []string) []string) string {
		return strings.Join(change(append([]string(nil), lines...)), "\n")
	}
	// Another letter of the alphabet in the middle of line 3.
	typo := func(l []string) []string {
		b := []byte(l[2])
		if b[10] == 'X' {
			b[10] = 'Y'
		} else {
			b[10] = 'X'
		}
		l[2] = string(b)
		return l
	}
	for name, c := range map[string]struct {
		typed, want string
	}{
		"a typo":           {with(typo), "line 03 is not as printed"},
		"a line left out":  {with(func(l []string) []string { return append(l[:1], l[2:]...) }), "line 02 is missing"},
		"lines exchanged":  {with(func(l []string) []string { l[0], l[1] = "01"+l[1][2:], "02"+l[0][2:]; return l }), "line 01, line 02 are not as printed"},
		"without the end":  {with(func(l []string) []string { return l[:len(l)-1] }), "END, is missing"},
		"a line cut short": {with(func(l []string) []string { l[3] = l[3][:20]; return l }), "line 04 is not as printed"},
		"nothing":          {"", "END, is missing"},
	} {
		_, err := keys.ReadPaper("test", c.typed)
		if syncproto.CodeOf(err) != syncproto.CodeInvalidInput || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		for _, l := range lines {
			if err != nil && len(l) > 10 && strings.Contains(err.Error(), l[4:12]) {
				t.Errorf("%s: the error repeats what stands on the paper", name)
			}
		}
	}
	if _, err := keys.ReadPaper("other", paper); err == nil {
		t.Error("paper of another kind is taken")
	}
}

func TestRecoveryOpensTheBundleUntilKeysAreDestroyed(t *testing.T) {
	f, dir := folder(t, t.TempDir()), t.TempDir()
	r := recovery(t)
	if err := f.WriteBundle(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := r.OpenBundle(filepath.Join(dir, keys.BundleName)); syncproto.CodeOf(err) != syncproto.CodeNotFound {
		t.Errorf("a bundle for nobody: %v", err)
	}
	if err := f.SetRecovery(start, r); err != nil {
		t.Fatal(err)
	}
	line(t, f)
	old, _, err := f.Seal(start)
	if err != nil {
		t.Fatal(err)
	}
	again, err := keys.ReadRecovery(must[string](t)(r.Paper()))
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := again.Matches(f); !ok || err != nil {
		t.Fatal("typed paper is another key", err)
	}
	restored := func() *keys.Folder {
		if err := f.WriteBundle(dir); err != nil {
			t.Fatal(err)
		}
		g := folder(t, t.TempDir())
		if err := g.Unpack(must[[]byte](t)(again.OpenBundle(filepath.Join(dir, keys.BundleName)))); err != nil {
			t.Fatal(err)
		}
		return g
	}
	if _, ok := restored().SealRing(old.Public.ID); !ok {
		t.Error("the sealing key is not in the bundle")
	}
	if _, err := recovery(t).OpenBundle(filepath.Join(dir, keys.BundleName)); syncproto.CodeOf(err) != syncproto.CodeUnreadable {
		t.Errorf("another paper opens the bundle: %v", err)
	}
	if _, err := f.RotateSeal(start.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.DestroySeals(start.Add(year)); err != nil {
		t.Fatal(err)
	}
	if _, ok := restored().SealRing(old.Public.ID); ok {
		t.Error("a destroyed key lives on in the bundle")
	}
}
