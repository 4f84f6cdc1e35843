package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// centre is the real server as a process, on a data folder of its own.
type centre struct {
	t         *testing.T
	bin, data string
}

// startCentre builds the server, starts it and imports one village team and
// the reference kinds.
func startCentre(t *testing.T) *centre {
	t.Helper()
	bin, err := build(t.TempDir(), "thonsync/server/cmd/thonsync")
	if err != nil {
		t.Fatal(err)
	}
	c := &centre{t, bin, filepath.Join(t.TempDir(), "centre")}
	cmd := exec.CommandContext(t.Context(), bin, "--data", c.data, "--listen", "127.0.0.1:0", "--log-level", "error", "serve")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "Listening on ") {
	}
	if !strings.HasPrefix(lines.Text(), "Listening on ") {
		t.Fatal("the server ended before it listened")
	}
	c.imports("units", "list,code,level,type,name,parent_list,parent_code\ntest,1,province,Tỉnh,Thử,,\ntest,2,commune,Xã,Thử,test,1\ntest,2-01,village,Thôn,Thử,test,2\n")
	c.imports("teams", "list,code,name\ntest,2-01,Tổ Thử\n")
	c.imports("members", "list,code,full_name,role\ntest,2-01,Người Thử,member\n")
	c.run("import", "kinds", "../../../testdata/units/kinds.json")
	return c
}

func (c *centre) run(args ...string) string {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), c.bin, append([]string{"--data", c.data, "--json"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		c.t.Fatalf("thonsync %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (c *centre) imports(what, csv string) {
	c.t.Helper()
	file := filepath.Join(c.t.TempDir(), what+".csv")
	if err := os.WriteFile(file, []byte(csv), 0o600); err != nil {
		c.t.Fatal(err)
	}
	c.run("import", what, file)
}

var anyUUID = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// code makes a joining code for the only team.
func (c *centre) code() string {
	c.t.Helper()
	team := anyUUID.FindString(c.run("report", "teams"))
	var made struct {
		URI string `json:"uri"`
	}
	if err := json.Unmarshal([]byte(c.run("code", "new", "--no-confirm", "--team", team, "--host", "127.0.0.1")), &made); err != nil {
		c.t.Fatal(err)
	}
	return made.URI
}

// TestRealServer plays the program against the real server with the reference
// kinds, in Vietnamese.
func TestRealServer(t *testing.T) {
	c := startCentre(t)
	p := newPhone(t)
	p.env = []string{"THONSYNC_LANG=vi", "THONFIELD_DATA=" + p.dir}
	p.want(exitOK, "join", c.code(), "--label", "máy thử")
	p.want(exitOK, "people", "use", "1")
	p.want(exitOK, "sync")
	p.want(exitOK, "record", "--kind", "TT", "--set", "topic=safety", "--set", "audience_count=12", "--set", "method=meeting", "--result", "held")
	p.input = cardText + "\n"
	p.want(exitOK, "record", "--kind", "CC", "--qr", "-", "--set", "stage=booked", "--set", "reason=first", "--result", "come_again")
	p.want(exitOK, "edit", "last", "--set", "stage=brought")
	if r := p.want(exitOK, "list"); strings.Count(r.out, "Đã lưu trong máy. Chưa gửi.") != 2 {
		t.Errorf("before sending:\n%s", r.out)
	}
	if r := p.want(exitOK, "sync"); !strings.Contains(r.out, "Đã gửi xong") {
		t.Errorf("sync:\n%s", r.out)
	}
	if r := p.want(exitOK, "list"); strings.Count(r.out, "Đã gửi xong") != 2 || !strings.Contains(r.out, cardName) || strings.Contains(r.out, cardNumber) {
		t.Errorf("after sending:\n%s", r.out)
	}
	p.want(exitOK, "void", "last", "--reason", "test")
	p.want(exitOK, "sync")
	if s := get[struct{ Waiting, Changes int }](p, exitOK, "status"); s.Waiting != 0 || s.Changes < 4 {
		t.Errorf("status: %+v", s)
	}
	p.want(exitOK, "doctor")
}
