package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thonsync/clientlib"
	"thonsync/syncproto"
)

// origin gives the device's own.
func (b *bench) origin() (id syncproto.OriginID) {
	b.t.Helper()
	d, err := clientlib.Open(b.t.Context(), clientlib.Options{Path: filepath.Join(b.dir, "device.db")})
	if err != nil {
		b.t.Fatal(err)
	}
	id = d.Origin()
	if err := d.Close(); err != nil {
		b.t.Fatal(err)
	}
	return id
}

// A person whose phone was revoked is told so in plain Vietnamese, with what to do,
// and may send, export and delete.
func TestRevokedPhoneSaysWhatToDo(t *testing.T) {
	b := newBench(t)
	b.join()
	b.record()
	r := b.w.Centre.Rule(syncproto.Ruling{Kind: syncproto.RulingRevoke, Target: syncproto.Ref{Origin: b.origin()}, Reason: "lost"})
	b.w.Centre.Tell(b.origin(), r.Encode())
	code, out, errOut := b.run("--lang", "vi", "sync")
	if code != exitOK || !strings.Contains(out, "thu hồi quyền của máy này") || !strings.Contains(out, "mã tham gia mới") {
		t.Errorf("sync: exit %d\n%s%s", code, out, errOut)
	}
	code, _, errOut = b.run("--lang", "vi", "record", "--kind", "CC", "--set", "full_name="+canary, "--set", "stage=asked", "--set", "result=done")
	if code != exitFailed || !strings.Contains(errOut, "thu hồi") || !strings.Contains(errOut, "thonfield bundle export") || strings.Contains(errOut, canary) {
		t.Errorf("record: exit %d\n%s", code, errOut)
	}
	var s struct {
		Revoked  bool   `json:"revoked"`
		Why      string `json:"revoked_why"`
		Stranded int    `json:"stranded"`
	}
	b.object(&s, "status")
	if !s.Revoked || s.Why != "lost" || s.Stranded != 0 {
		t.Errorf("status: %+v", s)
	}
	if out := b.ok("status"); !strings.Contains(out, "revoked this device") || !strings.Contains(out, "new joining code") {
		t.Errorf("status:\n%s", out)
	}
	b.ok("bundle", "export", filepath.Join(t.TempDir(), "all.tsb"), "--all")
}

// Deleting everything needs a yes, and that nothing is lost by it.
func TestReset(t *testing.T) {
	b := newBench(t)
	b.join()
	b.record()
	if code, _, errOut := b.run("reset"); code != exitUsage || !strings.Contains(errOut, "--yes") {
		t.Errorf("without --yes: exit %d %s", code, errOut)
	}
	code, out, _ := b.run("reset", "--yes", "--json")
	var o struct {
		Error errorObject `json:"error"`
	}
	if err := json.Unmarshal([]byte(out), &o); err != nil || code != exitFailed || o.Error.Code != string(syncproto.CodeUnsent) {
		t.Errorf("with unsent work: exit %d %s", code, out)
	}
	b.ok("list") // it is all still there
	file := filepath.Join(t.TempDir(), "rest.tsb")
	b.ok("reset", "--yes", "--export", file)
	if info, err := os.Stat(file); err != nil || info.Size() == 0 {
		t.Fatalf("the file: %v", err)
	}
	left, err := os.ReadDir(b.dir)
	if err != nil || len(left) != 0 {
		t.Errorf("left in the folder: %v, %v", left, err)
	}
	var s struct {
		Joined bool `json:"joined"`
	}
	b.object(&s, "status")
	if s.Joined {
		t.Error("still joined after the reset")
	}
	// A bundle export counts as well.
	c := b.device()
	c.join()
	c.record()
	c.ok("bundle", "export", filepath.Join(t.TempDir(), "again.tsb"))
	c.ok("reset", "--yes")
}
