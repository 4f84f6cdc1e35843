package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/clientlib/clienttest"
	"thonsync/clientlib/httptransport"
	"thonsync/syncproto"
)

// program is the built thonfield; buildServer gives the real server's program,
// built at most once.
var (
	program     string
	buildServer func() (string, error)
)

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "thonfield")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	buildServer = sync.OnceValues(func() (string, error) { return build(dir, "thonsync/server/cmd/thonsync") })
	if program, err = build(dir, "."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// build builds the program of a package into dir.
func build(dir, pkg string) (string, error) {
	name := filepath.Base(pkg)
	if pkg == "." {
		name = "thonfield"
	}
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	path := filepath.Join(dir, name)
	cmd := exec.Command("go", "build", "-o", path, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", pkg, err, out)
	}
	return path, nil
}

// serve exposes a test server over HTTP as a real one does. before runs ahead
// of every exchange.
func serve(t *testing.T, s *clienttest.Server, before func(r *http.Request)) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+httptransport.PathKeys, func(w http.ResponseWriter, _ *http.Request) { w.Write(s.Notice()) })
	mux.HandleFunc("POST "+httptransport.PathExchange, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if before != nil {
			before(r)
		}
		answer, notice, err := s.Handle(body)
		switch problem, named := errors.AsType[*clientlib.ServerError](err); {
		case named:
			w.Header().Set("Content-Type", httptransport.MediaProblem)
			w.WriteHeader(http.StatusServiceUnavailable)
			_ = json.NewEncoder(w).Encode(map[string]string{"code": string(problem.Err.Code), "detail": problem.Err.Message})
		case err != nil:
			w.WriteHeader(http.StatusInternalServerError)
		case notice != nil:
			w.Header().Set("Content-Type", httptransport.MediaKeys)
			w.WriteHeader(http.StatusConflict)
			w.Write(notice)
		default:
			w.Header().Set("Content-Type", httptransport.MediaExchange)
			w.Write(answer)
		}
	})
	h := httptest.NewServer(mux)
	t.Cleanup(h.Close)
	return h
}

// net is a test centre that real programs reach.
type network struct {
	*clienttest.World
	http *httptest.Server
}

func newNetwork(t *testing.T, before func(r *http.Request)) *network {
	t.Helper()
	w := clienttest.NewWorld(t, 7)
	w.Clock.Set(time.Now().UnixMilli()) // the program has the system's clock
	h := serve(t, w.Centre, before)
	w.Centre.URL = h.URL
	return &network{w, h}
}

// phone is one data folder with the built program.
type phone struct {
	t     *testing.T
	dir   string
	input string   // for the next run
	env   []string // instead of language and folder by flags
}

func newPhone(t *testing.T) *phone { return &phone{t: t, dir: filepath.Join(t.TempDir(), "data")} }

// ran is what one run gave.
type ran struct {
	code     int
	out, err string
}

func (p *phone) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(p.t.Context(), program, args...)
	cmd.Env = append([]string{"HOME=" + p.dir, "XDG_CONFIG_HOME=" + p.dir, "PATH=" + os.Getenv("PATH")}, p.env...)
	if p.env == nil {
		cmd.Args = append(cmd.Args, "--data", p.dir, "--lang", "en")
	}
	return cmd
}

func (p *phone) run(args ...string) ran {
	p.t.Helper()
	var out, errs bytes.Buffer
	cmd := p.command(args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(p.input), &out, &errs
	p.input = ""
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		p.t.Fatalf("thonfield %s: %v", strings.Join(args, " "), err)
	}
	return ran{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// want runs and fails the test unless the exit code is as wanted.
func (p *phone) want(code int, args ...string) ran {
	p.t.Helper()
	r := p.run(args...)
	if r.code != code {
		p.t.Fatalf("thonfield %s: exit %d, want %d\n%s%s", strings.Join(args, " "), r.code, code, r.out, r.err)
	}
	return r
}

// get runs with --json and reads the object.
func get[T any](p *phone, code int, args ...string) (v T) {
	p.t.Helper()
	r := p.want(code, append(args, "--json")...)
	dec := json.NewDecoder(strings.NewReader(r.out))
	if err := dec.Decode(&v); err != nil {
		p.t.Fatalf("thonfield %s: not one JSON object: %v\n%s", strings.Join(args, " "), err, r.out)
	}
	if dec.More() {
		p.t.Fatalf("thonfield %s: more than one JSON object:\n%s", strings.Join(args, " "), r.out)
	}
	return v
}

func (p *phone) join(n *network, name string) {
	p.t.Helper()
	member := syncproto.WelcomeMember{ID: clienttest.Member(name), Name: "Người Thử " + name}
	p.input = n.Centre.Invite(clienttest.Grant{Unit: clienttest.Unit, Team: n.Team, Members: []syncproto.WelcomeMember{member}}) + "\n"
	p.want(exitOK, "join", "-", "--label", "test phone")
	p.want(exitOK, "people", "use", "1")
	p.want(exitOK, "sync")
}

const (
	cardNumber = "002190123456"
	cardName   = "Vàng Thị Thử"
	cardText   = cardNumber + "||" + cardName + "|02011990|Nữ|Thôn Bí Mật Thử|01012030"
)

// card records from a card and gives the record's id.
func (p *phone) card() uuid.UUID {
	p.t.Helper()
	p.input = cardText + "\n"
	return get[recorded](p, exitOK, "record", "--kind", "CC", "--qr", "-", "--set", "stage=asked", "--result", "done").Record
}

func TestBinaryLife(t *testing.T) {
	n := newNetwork(t, nil)
	p := newPhone(t)
	p.join(n, "a")

	talk := get[recorded](p, exitOK, "record", "--kind", "TT", "--set", "audience_count=30", "--result", "held", "--occurred", "05/04/2026")
	if talk.Custody.Stage != "on-phone" {
		t.Errorf("custody of a new record: %+v", talk.Custody)
	}
	id := p.card()
	p.input = `{"stage":"asked","result":"done","full_name":"Lý Văn Thử","phone":"0900 000 001"}`
	p.want(exitOK, "record", "--kind", "CC", "--values", "-", "--set", "visits=2")

	all := get[listed](p, exitOK, "list")
	if len(all.Records) != 3 || all.Next != nil {
		t.Fatalf("%d records, next %v", len(all.Records), all.Next)
	}
	p.input = "vang thi\n"
	found := get[listed](p, exitOK, "list", "--find", "-")
	if len(found.Records) != 1 || found.Records[0].ID != id || found.Records[0].FullName != cardName || found.Records[0].IDTail != "456" || found.Records[0].IDNumber != "" {
		t.Fatalf("found %+v", found.Records)
	}
	if r := get[listed](p, exitOK, "list", "--kind", "TT"); len(r.Records) != 1 || r.Records[0].Occurred != "2026-04-05" {
		t.Errorf("by kind: %+v", r.Records)
	}

	p.want(exitOK, "edit", shorten(id), "--set", "stage=issued", "--set", "appointment=31/12/2026")
	p.want(exitOK, "sync")
	shown := p.want(exitOK, "show", id.String())
	for _, say := range []string{cardName, "…456", "issued", "31/12/2026", "Người Thử a", "Received at the centre"} {
		if !strings.Contains(shown.out, say) {
			t.Errorf("show does not say %q:\n%s", say, shown.out)
		}
	}
	if strings.Contains(shown.out, cardNumber) || strings.Contains(shown.out, "Bí Mật") {
		t.Errorf("show tells more than was asked for or kept:\n%s", shown.out)
	}
	if full := p.want(exitOK, "show", id.String(), "--full"); !strings.Contains(full.out, cardNumber) {
		t.Errorf("show --full:\n%s", full.out)
	}

	p.input = "ghi hai lần\n"
	p.want(exitOK, "void", id.String(), "--reason", "duplicate", "--note", "-")
	if r := get[listed](p, exitOK, "list", "--waiting", "--void"); len(r.Records) != 1 || !r.Records[0].Void || r.Records[0].VoidReason != "duplicate" {
		t.Errorf("waiting: %+v", r.Records)
	}
	p.want(exitOK, "sync")
	if st := p.want(exitOK, "status"); !strings.Contains(st.out, "Nothing waits") || !strings.Contains(st.out, "today") {
		t.Errorf("status:\n%s", st.out)
	}
	p.want(exitOK, "doctor")
}

// Dates of --since are read with the day first and as ISO 8601.
func TestBinarySince(t *testing.T) {
	n := newNetwork(t, nil)
	p := newPhone(t)
	p.join(n, "a")
	p.card()
	now := time.Now()
	for since, want := range map[string]int{
		now.AddDate(0, 0, -1).Format("02/01/2006"): 1, now.AddDate(0, 0, -1).Format("2006-01-02"): 1, "2000": 1,
		now.AddDate(0, 0, 2).Format("02/01/2006"): 0, now.AddDate(0, 0, 2).Format("2006-01-02"): 0,
	} {
		if l := get[listed](p, exitOK, "list", "--since", since); len(l.Records) != want {
			t.Errorf("since %s: %d records, want %d", since, len(l.Records), want)
		}
	}
}

// Personal values go from the device only when they are safe, and the last
// three digits stay.
func TestBinaryDropsPersonal(t *testing.T) {
	n := newNetwork(t, nil)
	p := newPhone(t)
	p.join(n, "a")
	p.card()
	p.want(exitOK, "sync")
	type dropped struct{ Changes int }
	if d := get[dropped](p, exitOK, "drop-personal", "--days", "0"); d.Changes != 0 {
		t.Errorf("%d changes dropped before they were safe", d.Changes)
	}
	n.Centre.MarkSafe()
	p.want(exitOK, "sync")
	if l := get[listed](p, exitOK, "list"); l.Records[0].Custody.Stage != "safe" {
		t.Errorf("after the safe mark: %+v", l.Records[0].Custody)
	}
	if d := get[dropped](p, exitOK, "drop-personal", "--days", "0"); d.Changes != 1 {
		t.Errorf("%d changes dropped", d.Changes)
	}
	r := p.want(exitOK, "show", "last", "--full")
	if strings.Contains(r.out, cardName) || strings.Contains(r.out, cardNumber) || !strings.Contains(r.out, "…456") {
		t.Errorf("after dropping:\n%s", r.out)
	}
}

// Paging gives each record once.
func TestBinaryPages(t *testing.T) {
	n := newNetwork(t, nil)
	p := newPhone(t)
	p.join(n, "a")
	for i := range 5 {
		p.want(exitOK, "record", "--kind", "TT", "--set", fmt.Sprintf("audience_count=%d", i), "--result", "held")
	}
	seen := map[uuid.UUID]bool{}
	args := []string{"list", "--limit", "2"}
	for pages := 0; ; pages++ {
		l := get[listed](p, exitOK, args...)
		for _, r := range l.Records {
			seen[r.ID] = true
		}
		if l.Next == nil {
			break
		}
		if pages > 3 {
			t.Fatal("paging does not end")
		}
		args = []string{"list", "--limit", "2", "--before", l.Next.String()}
	}
	if len(seen) != 5 {
		t.Errorf("%d records over all pages", len(seen))
	}
}

// A phone without network sends its work with another, and gets the receipts
// back the same way.
func TestBinaryByFile(t *testing.T) {
	n := newNetwork(t, nil)
	a, b := newPhone(t), newPhone(t)
	a.join(n, "a")
	b.join(n, "b")
	id := a.card()
	up, down := filepath.Join(t.TempDir(), "up.tsb"), filepath.Join(t.TempDir(), "down.tsb")
	if out := get[exported](a, exitOK, "bundle", "export", up); out.Bytes < 100 {
		t.Errorf("a bundle of %d bytes", out.Bytes)
	}
	raw, err := os.ReadFile(up)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(up); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the file: %v, %v", info.Mode(), err)
	}
	for _, secret := range []string{cardName, cardNumber} {
		if bytes.Contains(raw, []byte(secret)) {
			t.Error("the file holds personal values in the clear")
		}
	}
	if in := get[imported](b, exitOK, "bundle", "import", up); in.Report.Cargo == 0 {
		t.Errorf("import: %+v", in.Report)
	}
	if s := get[synced](b, exitOK, "sync"); s.Report.CargoSent == 0 {
		t.Errorf("sync: %+v", s.Report)
	}
	b.want(exitOK, "bundle", "export", down, "--carry")
	if in := get[imported](a, exitOK, "bundle", "import", down); in.Report.Receipts == 0 {
		t.Errorf("import of the answer: %+v", in.Report)
	}
	if r := get[listed](a, exitOK, "list"); len(r.Records) != 1 || r.Records[0].ID != id || r.Records[0].Custody.Stage != "at-centre" {
		t.Errorf("after the receipts: %+v", r.Records)
	}
	// A bundle cut short is said to be so, and what is whole is taken.
	if err := os.WriteFile(up, raw[:len(raw)-3], 0o600); err != nil {
		t.Fatal(err)
	}
	if in := get[imported](b, exitOK, "bundle", "import", up); !in.Report.Cut {
		t.Errorf("import of a cut file: %+v", in.Report)
	}
	// A failed export leaves nothing behind.
	a.want(exitFailed, "bundle", "export", filepath.Join(t.TempDir(), "no", "folder"))
}

func TestBinaryExitCodes(t *testing.T) {
	n := newNetwork(t, nil)
	p := newPhone(t)
	if e := get[struct{ Error errorObject }](p, exitFailed, "sync"); e.Error.Code != "credential" {
		t.Errorf("sync before joining: %+v", e)
	}
	p.want(exitFailed, "join", "https://example.org/")
	p.want(exitUnreached, "join", "thonsync:join?server=http%3A%2F%2F127.0.0.1%3A1&centre=x&code=y")
	p.join(n, "a")
	for _, args := range [][]string{{"--help"}, {"record", "--help"}, {"version"}} {
		p.want(exitOK, args...)
	}
	for _, args := range [][]string{{"fly"}, {"record"}, {"show"}, {"show", "ab"}, {"void", "last"}, {"void", "last", "--reason", "fun"},
		{"list", "--limit", "0"}, {"list", "--since", "yesterday"}, {"record", "--kind", "CC", "--set", "x"}, {"edit", "last"},
		{"people", "add", "X", "--id", "1"}, {"drop-personal"}, {"record", "--ask", "--json"}} {
		p.want(exitUsage, args...)
	}
	id := p.card()
	p.want(exitOK, "sync")
	origin := get[struct {
		Origin syncproto.OriginID `json:"origin"`
	}](p, exitOK, "status").Origin
	n.Clock.Advance(time.Second)
	n.Centre.Quarantine(origin, n.Centre.Head(origin).Seq, syncproto.OutcomeQuarantined, syncproto.ReasonUnknownUnit)
	if r := p.want(exitAsked, "sync"); !strings.Contains(r.out, "Asked back: 1") {
		t.Errorf("sync with a question:\n%s", r.out)
	}
	p.want(exitAsked, "status")
	if r := p.want(exitAsked, "show", id.String()); !strings.Contains(r.out, "Kept back because the centre does not know this unit yet") {
		t.Errorf("show:\n%s", r.out)
	}
	n.Centre.Busy(time.Minute)
	if s := get[synced](p, exitUnreached, "sync"); s.Error == nil || s.Error.Code != string(syncproto.CodeOverload) {
		t.Errorf("sync with a busy server: %+v", s.Error)
	}
	n.http.Close()
	if s := get[synced](p, exitUnreached, "sync"); s.Error == nil || s.Error.Code != string(syncproto.CodeUpstream) || s.Records == nil {
		t.Errorf("sync without a server: %+v", s)
	}
}

// An address given by hand is tried first and remembered.
func TestBinaryServers(t *testing.T) {
	n := newNetwork(t, nil)
	p := newPhone(t)
	p.join(n, "a")
	other := serve(t, n.Centre, nil)
	n.http.Close()
	p.want(exitUnreached, "sync")
	p.want(exitOK, "sync", "--server", other.URL)
	p.want(exitOK, "sync")
	s := get[struct{ Servers []string }](p, exitOK, "status")
	if len(s.Servers) != 2 || s.Servers[0] != other.URL {
		t.Errorf("servers: %v", s.Servers)
	}
}

// Ctrl-C while an exchange hangs: the program ends at once, everything is safe.
func TestBinaryInterrupted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot send Ctrl-C to another one here")
	}
	hang, arrived := make(chan struct{}), make(chan struct{}, 1)
	var armed atomic.Bool
	n := newNetwork(t, func(r *http.Request) {
		if armed.Load() {
			arrived <- struct{}{}
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		}
	})
	p := newPhone(t)
	p.join(n, "a")
	id := p.card()
	armed.Store(true)
	var out, errs bytes.Buffer
	cmd := p.command("sync")
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-arrived
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	armed.Store(false)
	close(hang)
	if cmd.ProcessState.ExitCode() != exitFailed || !strings.Contains(errs.String(), "Interrupted") {
		t.Errorf("%v\n%s%s", err, out.String(), errs.String())
	}
	if r := get[listed](p, exitOK, "list"); len(r.Records) != 1 || r.Records[0].ID != id || r.Records[0].Custody.Stage != "on-phone" {
		t.Errorf("after the interruption: %+v", r.Records)
	}
	p.want(exitOK, "sync")
	if r := get[listed](p, exitOK, "list"); r.Records[0].Custody.Stage != "at-centre" {
		t.Errorf("after the next sync: %+v", r.Records)
	}
}
