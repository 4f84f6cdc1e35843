package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// centre is the real server as a process, on a data folder of its own.
type centre struct {
	t         *testing.T
	bin, data string
	lines     *bufio.Scanner // of its standard output
	stop      func()
}

// startCentre builds the server, starts it and imports one village team and
// the reference kinds.
func startCentre(t *testing.T) *centre {
	t.Helper()
	bin, err := buildServer()
	if err != nil {
		t.Fatal(err)
	}
	c := startServer(t, bin, "centre")
	c.waitFor("Listening on ")
	c.imports("units", "list,code,level,type,name,parent_list,parent_code\ntest,1,province,Tỉnh,Thử,,\ntest,2,commune,Xã,Thử,test,1\ntest,2-01,village,Thôn,Thử,test,2\n")
	c.imports("teams", "list,code,name\ntest,2-01,Tổ Thử\n")
	c.imports("members", "list,code,full_name,role\ntest,2-01,Người Thử,member\n")
	c.run("import", "kinds", "../../../testdata/units/kinds.json")
	return c
}

// startServer starts a server; more are arguments of serve.
func startServer(t *testing.T, bin, name string, more ...string) *centre {
	t.Helper()
	c := &centre{t: t, bin: bin, data: filepath.Join(t.TempDir(), name)}
	args := append([]string{"--data", c.data, "--listen", "127.0.0.1:0", "--log-level", "error", "serve"}, more...)
	cmd := exec.CommandContext(t.Context(), bin, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.lines = bufio.NewScanner(out)
	c.stop = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	t.Cleanup(c.stop)
	return c
}

// waitFor reads what the server says up to a line with a beginning, and gives
// the rest of that line.
func (c *centre) waitFor(beginning string) string {
	c.t.Helper()
	for c.lines.Scan() {
		if rest, ok := strings.CutPrefix(c.lines.Text(), beginning); ok {
			return rest
		}
	}
	c.t.Fatalf("the server ended before it said %q", beginning)
	return ""
}

// until runs a command again and again until it succeeds.
func (c *centre) until(args ...string) []byte {
	c.t.Helper()
	var out []byte
	var err error
	for range 400 {
		cmd := exec.CommandContext(c.t.Context(), c.bin, append([]string{"--data", c.data, "--json"}, args...)...)
		if out, err = cmd.Output(); err == nil {
			return out
		}
	}
	c.t.Fatalf("thonsync %s never succeeds: %v", strings.Join(args, " "), err)
	return nil
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

// TestEnrolledAtAPointWithoutInternet plays two officers and a phone by the
// command line alone: a point joins, digits compared; the line is cut; the phone
// is taken in by a picture of the code, digits compared; it works, forgets a PIN
// and gets it reset; its work reaches the centre by file.
func TestEnrolledAtAPointWithoutInternet(t *testing.T) {
	c := startCentre(t)
	team := anyUUID.FindString(c.run("report", "teams"))
	var made struct{ Code, URI string }
	decode(t, c.run("code", "new", "--role", "point", "--unit", "test:2", "--phones", "20", "--host", "127.0.0.1"), &made)
	p := startServer(t, c.bin, "point", "--join", made.URI)
	digits := p.waitFor("Compare these six digits with the officer at the centre: ")
	c.until("code", "confirm", made.Code[:4], digits)
	p.waitFor("Listening on ")
	p.until("code", "new", "--team", team) // once the point has heard of the team
	c.stop()

	picture := filepath.Join(t.TempDir(), "code.png")
	decode(t, p.run("code", "new", "--team", team, "--host", "127.0.0.1", "--png", picture), &made)
	f := newPhone(t)
	first := get[joined](f, exitOK, "join", picture, "--label", "phone", "--no-wait")
	var codes []struct{ Name, State, Digits, Label string }
	decode(t, p.run("code", "list"), &codes)
	i := slices.IndexFunc(codes, func(s struct{ Name, State, Digits, Label string }) bool { return s.Name == made.Code[:4] })
	if !first.Waiting || i < 0 || codes[i].State != "waiting" || codes[i].Digits != first.Digits || codes[i].Label != "phone" {
		t.Fatalf("the phone shows %+v, the officer sees %+v", first, codes)
	}
	p.run("code", "confirm", made.Code[:4], first.Digits)
	second := get[joined](f, exitOK, "join", picture, "--label", "phone")
	if second.Waiting || second.Digits != first.Digits || second.Team.String() != team {
		t.Fatalf("after confirmation: %+v", second)
	}

	f.want(exitOK, "sync")
	f.want(exitOK, "people", "add", "Người Thử", "--id", shorten(second.People[0].ID)) // as the list shows it
	f.want(exitOK, "people", "use", "1")
	f.input = "4711\n"
	f.want(exitOK, "people", "pin")
	ask := get[challenged](f, exitOK, "people", "reset", "1")
	var answer struct{ Answer, Member string }
	decode(t, p.run("pin", "reset", ask.Challenge), &answer)
	if answer.Member != second.People[0].ID.String() {
		t.Errorf("the officer is told of %q", answer.Member)
	}
	f.input = answer.Answer + "\n2468\n"
	f.want(exitOK, "people", "reset", "1", "--answer")
	f.input = "2468\n"
	f.want(exitOK, "people", "use", "1")

	f.want(exitOK, "record", "--kind", "TT", "--set", "topic=safety", "--set", "audience_count=12", "--set", "method=meeting", "--result", "held")
	if s := get[synced](f, exitOK, "sync"); s.Records.AtCommune != 1 {
		t.Fatalf("at the point: %+v", s.Records)
	}
	up, down := filepath.Join(t.TempDir(), "up.thonsync"), filepath.Join(t.TempDir(), "down.thonsync")
	p.run("bundle", "export", "--up", up)
	c.run("bundle", "import", up, "--answer", down)
	p.run("bundle", "import", down)
	if s := get[synced](f, exitOK, "sync"); s.Records.AtCentre != 1 || s.Records.AskedBack != 0 {
		t.Errorf("at the centre: %+v", s.Records)
	}
}

func decode(t *testing.T, out string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(out), v); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
}
