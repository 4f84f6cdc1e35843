package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"thonsync/server"
	"thonsync/server/keys"
)

// readyKeys makes a centre's keys as an operator should: recovery key first, then
// the keys, then paper. It gives the recovery paper.
func readyKeys(t *testing.T, data string) string {
	t.Helper()
	rec := decode[paper](t, thonsync(t, nil, "", "--data", data, "--json", "keys", "recovery"))
	made := decode[made](t, thonsync(t, nil, "", "--data", data, "--json", "keys", "make"))
	if !made.Recovery || len(made.Fingerprint) != 22 {
		t.Fatalf("%+v", made)
	}
	thonsync(t, nil, passphrase+"\n", "--data", data, "keys", "backup").ok(t)
	return rec.Text
}

const passphrase = "bốn con cò bay qua"

func inFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "typed")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The whole life of a centre's keys by the command line, without a server: made,
// printed, replaced, lost, put back from paper, lost for good, named anew with
// the recovery key.
func TestKeysByCommandLine(t *testing.T) {
	data := filepath.Join(t.TempDir(), "centre")
	at := func(args ...string) []string { return append([]string{"--data", data}, args...) }
	rec := inFile(t, readyKeys(t, data))
	thonsync(t, nil, "", at("keys", "recovery", "--check", rec)...).ok(t)
	if r := thonsync(t, nil, "", at("keys", "make")...); r.code == exitOK {
		t.Error("keys are made twice")
	}
	if r := thonsync(t, nil, "", at("keys", "recovery")...); r.code == exitOK {
		t.Error("a second recovery key without --renew")
	}
	checks := decode[[]server.Check](t, thonsync(t, nil, "", at("--json", "doctor", "--backup-folder", filepath.Join(t.TempDir(), "b"), "--backup-keys", t.TempDir())...).but(0, 1))
	for _, name := range []string{"signing key", "recovery key", "keys on paper", "sealing keys"} {
		if !slices.ContainsFunc(checks, func(c server.Check) bool { return c.Name == name && c.OK }) {
			t.Errorf("doctor of a new centre: %s is not well: %+v", name, checks)
		}
	}
	first := decode[server.Rotated](t, thonsync(t, nil, "", at("--json", "keys", "rotate", "--signing")...))
	if first.Number != 1 {
		t.Errorf("%+v", first)
	}
	st := decode[server.KeyState](t, thonsync(t, nil, "", at("--json", "keys", "list")...))
	if len(st.Next) != 1 || !strings.Contains(st.Next[0], "keys backup") {
		t.Errorf("after a rotation: %q", st.Next)
	}
	printed := inFile(t, decode[paper](t, thonsync(t, nil, passphrase+"\n", at("--json", "keys", "backup")...)).Text)

	// The folder is lost; the paper is typed on another machine.
	data = filepath.Join(t.TempDir(), "other")
	if r := thonsync(t, nil, "not it, not it\n", at("keys", "restore", printed)...); r.code == exitOK || strings.Contains(r.err, "not it") {
		t.Errorf("a wrong passphrase: %d %s", r.code, r.err)
	}
	back := decode[made](t, thonsync(t, nil, passphrase+"\n", at("--json", "keys", "restore", printed)...))
	if back.Fingerprint != first.Fingerprint {
		t.Errorf("%s came back as %s", first.Fingerprint, back.Fingerprint)
	}
	if r := thonsync(t, nil, passphrase+"\n", at("keys", "restore", printed)...); r.code == exitOK {
		t.Error("keys were overwritten")
	}
	thonsync(t, nil, passphrase+"\n", at("keys", "restore", printed, "--replace")...).ok(t)
	if left, err := filepath.Glob(server.KeysFolder(data) + "-before-*"); err != nil || len(left) != 1 {
		t.Errorf("the keys that were there: %v %v", left, err)
	}
	// The newest key is lost for good.
	if err := os.Remove(filepath.Join(server.KeysFolder(data), "identity.key")); err != nil {
		t.Fatal(err)
	}
	named := decode[server.Rotated](t, thonsync(t, nil, "", at("--json", "keys", "rotate", "--recovery", rec)...))
	if named.Number != 2 || named.Fingerprint == first.Fingerprint {
		t.Errorf("%+v", named)
	}
	thonsync(t, nil, "", at("verify")...).ok(t)
}

// but tells which exit codes are as expected.
func (r result) but(codes ...int) result {
	if slices.Contains(codes, r.code) {
		r.code = exitOK
	}
	return r
}

// Machine, keys and backup keys are lost at once; what lies beside the backups
// and the recovery paper are left.
func TestBackupsOpenWithTheRecoveryPaper(t *testing.T) {
	dir := t.TempDir()
	data, backups := filepath.Join(dir, "centre"), filepath.Join(dir, "b")
	settings := []string{"--backup-folder", backups, "--backup-keys", filepath.Join(dir, "k")}
	rec := inFile(t, readyKeys(t, data))
	seedUnit(t, data)
	at := func(args ...string) []string { return append(append([]string{"--data", data}, settings...), args...) }
	thonsync(t, nil, "", at("backup")...).ok(t)
	if err := os.RemoveAll(filepath.Join(dir, "k")); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(backups, "thonsync-*.age"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	data = filepath.Join(dir, "new")
	if r := thonsync(t, nil, "", at("restore", files[0])...); r.code == exitOK {
		t.Fatal("this test proves nothing: the backup opens without its key")
	}
	data = filepath.Join(dir, "newer")
	thonsync(t, nil, "", at("restore", files[0], "--recovery", rec)...).ok(t)
	if v := decode[server.Verified](t, thonsync(t, nil, "", at("--json", "verify")...)); v.Segments == 0 || len(v.Damage) > 0 {
		t.Errorf("%+v", v)
	}
	// The keys alone, newer than any backup.
	data = filepath.Join(dir, "keys-only")
	thonsync(t, nil, "", at("keys", "restore", "--recovery", rec, filepath.Join(backups, keys.BundleName))...).ok(t)
}

func TestKeysUnderACredential(t *testing.T) {
	data, secret := filepath.Join(t.TempDir(), "centre"), inFile(t, "of the service manager\n")
	under := func(args ...string) []string {
		return append([]string{"--data", data, "--key-secret-file", secret}, args...)
	}
	thonsync(t, nil, "", under("keys", "make")...).ok(t)
	b, err := os.ReadFile(filepath.Join(server.KeysFolder(data), "identity.key"))
	if err != nil || !strings.HasPrefix(string(b), "thonsync-box") {
		t.Errorf("plain: %v", err)
	}
	if r := thonsync(t, nil, "", "--data", data, "keys", "list"); r.code == exitOK || !strings.Contains(r.err, "--key-secret-file") {
		t.Errorf("without the credential: %d %s", r.code, r.err)
	}
	st := decode[server.KeyState](t, thonsync(t, nil, "", under("--json", "keys", "list")...))
	if !st.Locked {
		b, _ := json.Marshal(st)
		t.Errorf("%s", b)
	}
}
