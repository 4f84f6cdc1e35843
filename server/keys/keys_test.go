package keys_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
	"time"

	"thonsync/server/keys"
)

func folder(t *testing.T, path string) *keys.Folder {
	t.Helper()
	f, err := keys.Open(path, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

var start = time.Unix(1_800_000_000, 0)

func TestSecretsStayTheSame(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	a, b := folder(t, path), folder(t, path)
	id := must[[]byte](t)
	if must[string](t)(a.APIToken()) != must[string](t)(b.APIToken()) {
		t.Error("token changed")
	}
	if string(id(a.PersonalKey())) != string(id(b.PersonalKey())) {
		t.Error("personal key changed")
	}
	if string(id(a.PersonalKey())) == string(id(a.BeaconSecret())) {
		t.Error("two secrets are one")
	}
	k1, err1 := a.Identity()
	k2, err2 := b.Identity()
	if err1 != nil || err2 != nil || !k1.Equal(k2) {
		t.Error("identity changed", err1, err2)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if st, err := e.Info(); err != nil || st.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s may be read by others: %v %v", e.Name(), st.Mode(), err)
		}
	}
	if err := os.WriteFile(filepath.Join(path, "personal.key"), []byte("zz"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := a.PersonalKey(); err == nil {
		t.Error("a damaged key is taken or replaced")
	}
}

func TestExchangeKeyRotates(t *testing.T) {
	f := folder(t, t.TempDir())
	week := 7 * 24 * time.Hour
	seal := []byte("seal")
	first, rotated, err := f.Exchange(start, week, 0, seal)
	if err != nil || !rotated {
		t.Fatal(first, rotated, err)
	}
	same, rotated, err := f.Exchange(start.Add(week-time.Second), week, 0, seal)
	if err != nil || rotated || same.Serial != first.Serial || same.Key.Public.ID != first.Key.Public.ID {
		t.Error("replaced before its time", same.Serial, rotated, err)
	}
	// Another sealing key needs another notice, not another exchange key.
	other, rotated, err := f.Exchange(start, week, 0, []byte("next"))
	if err != nil || rotated || other.Serial <= first.Serial || other.Key.Public.ID != first.Key.Public.ID {
		t.Error("new sealing key", other.Serial, rotated, err)
	}
	next, rotated, err := f.Exchange(start.Add(week), week, 0, []byte("next"))
	if err != nil || !rotated || next.Serial <= other.Serial || next.Key.Public.ID == first.Key.Public.ID {
		t.Error("not replaced in time", next.Serial, rotated, err)
	}
	// A clock that went back by far does not keep a key for ever.
	if _, rotated, err := f.Exchange(start.Add(-2*week), week, 0, []byte("next")); err != nil || !rotated {
		t.Error("a key from the future is kept", rotated, err)
	}
}

// A server whose keys folder is as old as its backup, or new, must not give its
// next notice a number that others have seen: they would take it for an old one
// that somebody plays back.
func TestNoticesOfARestoredServerCountOn(t *testing.T) {
	week := 7 * 24 * time.Hour
	f := folder(t, t.TempDir())
	var last keys.Exchange
	for i := range 30 {
		var err error
		if last, _, err = f.Exchange(start.Add(time.Duration(i)*week), week, 0, []byte("seal")); err != nil {
			t.Fatal(err)
		}
	}
	restored, _, err := folder(t, t.TempDir()).Exchange(start.Add(30*week), week, 0, []byte("seal"))
	if err != nil || restored.Serial <= last.Serial {
		t.Errorf("number %d after %d, %v", restored.Serial, last.Serial, err)
	}
	// A clock far back must not make numbers fall either.
	back, _, err := f.Exchange(start.Add(-99*week), week, 0, []byte("seal"))
	if err != nil || back.Serial != last.Serial+1 {
		t.Errorf("number %d after %d, %v", back.Serial, last.Serial, err)
	}
}

func TestSealKeysAreDestroyedInTime(t *testing.T) {
	path := t.TempDir()
	f := folder(t, path)
	old, _, err := f.Seal(start)
	if err != nil {
		t.Fatal(err)
	}
	next, err := f.RotateSeal(start.Add(time.Hour))
	if err != nil || next.Public.ID == old.Public.ID {
		t.Fatal(err)
	}
	if cur, _, err := f.Seal(start); err != nil || cur.Public.ID != next.Public.ID {
		t.Error("the new key is not current", err)
	}
	if _, ok := f.SealRing(old.Public.ID); !ok {
		t.Error("the old key opens nothing any more")
	}
	if n, err := f.DestroySeals(start.Add(time.Hour)); n != 0 || err != nil {
		t.Error("destroyed too early", n, err)
	}
	if n, err := f.DestroySeals(start.Add(2 * time.Hour)); n != 1 || err != nil {
		t.Error("not destroyed", n, err)
	}
	if _, ok := folder(t, path).SealRing(old.Public.ID); ok {
		t.Error("the destroyed key is still on disk")
	}
	if _, ok := folder(t, path).SealRing(next.Public.ID); !ok {
		t.Error("the current key was destroyed")
	}
}

func TestSealKeysAreReplacedByAge(t *testing.T) {
	f := folder(t, t.TempDir())
	first, _, err := f.Seal(start)
	if err != nil {
		t.Fatal(err)
	}
	month := 30 * 24 * time.Hour
	for _, c := range []struct {
		after   time.Duration
		rotated bool
		old     int // of those replaced more than a month ago
	}{
		{month - time.Second, false, 0}, {month, true, 0}, {month, false, 0}, {2 * month, true, 0}, {2*month + time.Second, false, 1},
	} {
		now := start.Add(c.after)
		rotated, err := f.KeepSeal(now, month)
		if rotated != c.rotated || err != nil {
			t.Errorf("after %v: rotated %v, %v", c.after, rotated, err)
		}
		old, err := f.SealsReplacedBefore(now.Add(-month))
		if len(old) != c.old || err != nil {
			t.Errorf("after %v: %v due, %v", c.after, old, err)
		}
	}
	if _, ok := f.SealRing(first.Public.ID); !ok {
		t.Error("a key went that nobody destroyed")
	}
	// A clock that went back makes no key that others take for an older one.
	_, made, err := f.Seal(start)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.RotateSeal(start); err != nil {
		t.Fatal(err)
	}
	if _, again, err := f.Seal(start); err != nil || again <= made {
		t.Errorf("made at %d after %d, %v", again, made, err)
	}
}

func TestCopyLeavesOutWhatIsMadeAnew(t *testing.T) {
	f := folder(t, t.TempDir())
	if _, err := f.Identity(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Exchange(start, time.Hour, 0, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := f.APIToken(); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "copy")
	if err := f.CopyTo(dir); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "identity.key" {
		t.Errorf("copied %v, %v", entries, err)
	}
	if !keys.Exists(dir) || keys.Exists(t.TempDir()) {
		t.Error("Exists is wrong")
	}
}

func TestMembership(t *testing.T) {
	path := t.TempDir()
	f := folder(t, path)
	if _, joined, err := f.Membership(); joined || err != nil {
		t.Error("a new folder has joined", err)
	}
	if err := f.SetMembership(keys.Membership{Upstream: "http://up", Credentials: []string{"a"}, Notice: []byte{1}}); err != nil {
		t.Fatal(err)
	}
	m, joined, err := folder(t, path).Membership()
	if !joined || err != nil || m.Upstream != "http://up" || m.Notice[0] != 1 {
		t.Error(m, joined, err)
	}
}

func TestBoxBindsToItsPlace(t *testing.T) {
	b, err := keys.NewBox(make([]byte, 32), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := b.Seal([]byte("plain"), []byte("here"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := b.Open(sealed, []byte("here")); err != nil || string(got) != "plain" {
		t.Error(got, err)
	}
	if _, err := b.Open(sealed, []byte("there")); err == nil {
		t.Error("opens elsewhere")
	}
	if _, err := b.Open(sealed[:5], []byte("here")); err == nil {
		t.Error("a cut value opens")
	}
}
