package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"thonsync/server"
	"thonsync/server/config"
	"thonsync/syncproto"
)

// result is what one run of the program gave.
type result struct {
	code     int
	out, err string
}

// thonsync runs the real program inside the test.
func thonsync(t *testing.T, env map[string]string, stdin string, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), environment{
		args: args, lookup: func(k string) (string, bool) { v, ok := env[k]; return v, ok },
		in: strings.NewReader(stdin), out: &out, err: &errs,
	})
	return result{code, out.String(), errs.String()}
}

func (r result) ok(t *testing.T) result {
	t.Helper()
	if r.code != exitOK {
		t.Fatalf("exit %d: %s%s", r.code, r.out, r.err)
	}
	return r
}

func decode[T any](t *testing.T, r result) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.ok(t).out), &v); err != nil {
		t.Fatalf("output is no JSON: %v: %s", err, r.out)
	}
	return v
}

// serving runs `thonsync serve` with the given arguments until the test ends or
// stop is called; stop gives its exit code.
func serving(t *testing.T, args ...string) (address string, stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan string, 1), make(chan int, 1)
	var out, errs bytes.Buffer
	go func() {
		done <- run(ctx, environment{
			args: append([]string{"serve", "--listen", "127.0.0.1:0", "--log-level", "error"}, args...), lookup: func(string) (string, bool) { return "", false },
			in: strings.NewReader(""), out: &out, err: &errs, ready: func(a string) { ready <- a },
		})
	}()
	select {
	case address = <-ready:
	case code := <-done:
		t.Fatalf("serve ended with %d: %s", code, errs.String())
	}
	code, stopped := 0, false
	stop = func() int {
		cancel()
		if !stopped {
			stopped, code = true, <-done
		}
		return code
	}
	t.Cleanup(func() { stop() })
	return address, stop
}

// A greeting with port 0 would send people nowhere.
func TestServeGreetsWithTheRealPort(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var out, errs bytes.Buffer
	var address, greeting string
	code := run(ctx, environment{
		args: []string{"serve", "--listen", ":0", "--log-level", "error", "--data", t.TempDir()}, lookup: func(string) (string, bool) { return "", false },
		in: strings.NewReader(""), out: &out, err: &errs,
		ready: func(a string) { address, greeting = a, out.String(); cancel() },
	})
	_, port, err := net.SplitHostPort(address)
	if code != exitOK || err != nil || port == "0" {
		t.Fatalf("serve: exit %d at %q: %s", code, address, errs.String())
	}
	if !strings.Contains(greeting, ":"+port+".") || strings.Contains(greeting, ":0") {
		t.Errorf("listening on port %s, greeted with:\n%s", port, greeting)
	}
}

func TestConfigurationPrecedence(t *testing.T) {
	file := filepath.Join(t.TempDir(), "thonsync.toml")
	if err := os.WriteFile(file, []byte("listen = \":1\"\nqueue = 5\nconcurrency = 6\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"THONSYNC_CONFIG": file, "THONSYNC_LISTEN": ":2", "THONSYNC_QUEUE": "7"}
	values := decode[[]config.Value](t, thonsync(t, env, "", "--listen", ":3", "--json", "config", "print"))
	want := map[string]config.Value{
		"listen":      {Value: ":3", Origin: config.FromFlag},
		"queue":       {Value: "7", Origin: config.FromEnv},
		"concurrency": {Value: "6", Origin: config.FromFile},
		"sync-every":  {Value: "1m0s", Origin: config.FromBuiltin},
	}
	for _, v := range values {
		if w, ok := want[v.Name]; ok && (w.Value != v.Value || w.Origin != v.Origin) {
			t.Errorf("%s is %s from %s, want %s from %s", v.Name, v.Value, v.Origin, w.Value, w.Origin)
		}
		delete(want, v.Name)
	}
	if len(want) > 0 {
		t.Errorf("not printed: %v", want)
	}
	thonsync(t, nil, "", "config", "validate").ok(t)
}

func TestWrongConfigurationIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "thonsync.toml")
	if err := os.WriteFile(file, []byte("lisen = \":1\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		env  map[string]string
		args []string
		want string
	}{
		"unknown key":      {nil, []string{"--config", file, "config", "print"}, `unknown key "lisen"`},
		"bad duration":     {map[string]string{"THONSYNC_SYNC_EVERY": "soon"}, []string{"config", "print"}, "sync-every"},
		"cannot work":      {nil, []string{"--listen", "8017", "config", "validate"}, "HOST:PORT"},
		"unknown flag":     {nil, []string{"--lisen", ":1", "version"}, "--lisen"},
		"unknown command":  {nil, []string{"serv"}, "serv"},
		"not joined":       {nil, []string{"--data", t.TempDir(), "serve", "--upstream", "http://127.0.0.1:1"}, "has not joined"},
		"no server":        {nil, []string{"--data", t.TempDir(), "code", "list"}, "thonsync serve"},
		"no data":          {nil, []string{"--data", filepath.Join(t.TempDir(), "x"), "doctor"}, "holds no server"},
		"no such code":     {nil, []string{"--data", t.TempDir(), "serve", "--join", "nonsense"}, "thonsync:join?"},
		"bundle, no which": {nil, []string{"--data", t.TempDir(), "bundle", "export", "x"}, "--up"},
	} {
		r := thonsync(t, c.env, "", c.args...)
		if r.code == exitOK || !strings.Contains(r.err, c.want) {
			t.Errorf("%s: exit %d: %s%s", name, r.code, r.out, r.err)
		}
	}
	if r := thonsync(t, nil, "", "serv"); r.code != exitUsage {
		t.Errorf("wrong usage exits with %d", r.code)
	}
	if r := thonsync(t, nil, "", "--help"); r.code != exitOK || !strings.Contains(r.out, "doctor") {
		t.Errorf("help: %d %s", r.code, r.out)
	}
}

func TestVersionAndDecode(t *testing.T) {
	v := decode[versions](t, thonsync(t, nil, "", "version", "--json"))
	if v.Protocol.Max != syncproto.Version || v.Version == "" {
		t.Errorf("%+v", v)
	}
	b, err := syncproto.EncodeBundle([]syncproto.Entry{{Kind: syncproto.EntryAsk, Data: (&syncproto.Ask{}).Encode()}})
	if err != nil {
		t.Fatal(err)
	}
	got := decode[map[string]any](t, thonsync(t, nil, string(b), "decode", "-"))
	if got["is"] != "bundle" || got["whole"] != true {
		t.Errorf("decoded %v", got)
	}
	if r := thonsync(t, nil, "what is this", "decode", "-"); r.code != exitFailed || !strings.Contains(r.err, "malformed") {
		t.Errorf("nonsense: %d %s", r.code, r.err)
	}
}

// Centre and point by the command line alone: serve, code, join, status by
// doctor, bundles, backup, verify, stop.
func TestCentreAndPointByCommandLine(t *testing.T) {
	centre, point := filepath.Join(t.TempDir(), "centre"), filepath.Join(t.TempDir(), "point")
	backups := []string{"--backup-folder", filepath.Join(t.TempDir(), "b"), "--backup-keys", filepath.Join(t.TempDir(), "k")}
	at := append([]string{"--data", centre}, backups...)
	readyKeys(t, centre)
	address, stop := serving(t, append(at, "--backup-every", "0")...)
	in := func(args ...string) []string { return append(append([]string{}, at...), args...) }

	seedUnit(t, centre)
	code := decode[server.NewCode](t, thonsync(t, nil, "", in("--json", "code", "new", "--no-confirm", "--role", "point", "--unit", "test:1", "--host", "127.0.0.1")...))
	if !strings.Contains(code.URI, "server=http%3A%2F%2F"+strings.ReplaceAll(address, ":", "%3A")) {
		t.Errorf("URI %s does not name %s", code.URI, address)
	}
	if r := thonsync(t, nil, "", in("code", "list")...).ok(t); !strings.Contains(r.out, code.Code[:4]) || strings.Contains(r.out, code.Code) {
		t.Errorf("list shows %q", r.out)
	}
	_, stopPoint := serving(t, "--data", point, "--join", code.URI)
	if r := thonsync(t, nil, "", in("code", "list")...).ok(t); !strings.Contains(r.out, "joined") {
		t.Errorf("after joining: %q", r.out)
	}
	up := filepath.Join(t.TempDir(), "up.thonsync")
	thonsync(t, nil, "", "--data", point, "bundle", "export", "--up", up).ok(t)
	if r := thonsync(t, nil, "", "--data", point, "bundle", "export", "--up", up); r.code == exitOK {
		t.Error("an existing file is overwritten")
	}
	answer := filepath.Join(t.TempDir(), "answer.thonsync")
	if r := thonsync(t, nil, "", in("bundle", "import", up, "--answer", answer)...).ok(t); !strings.Contains(r.out, "segments taken") {
		t.Errorf("import: %s", r.out)
	}
	thonsync(t, nil, "", "--data", point, "bundle", "import", answer).ok(t)

	if r := thonsync(t, nil, "", in("backup")...).ok(t); !strings.Contains(r.out, "restored in a drill") {
		t.Errorf("backup: %s", r.out)
	}
	files, err := filepath.Glob(filepath.Join(backups[1], "*.age"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	thonsync(t, nil, "", in("verify", files[0])...).ok(t)
	if v := decode[server.Verified](t, thonsync(t, nil, "", in("--json", "verify")...)); v.Segments == 0 || len(v.Damage) > 0 {
		t.Errorf("verify: %+v", v)
	}
	checks := decode[[]server.Check](t, thonsync(t, nil, "", in("--json", "doctor")...))
	for _, c := range checks {
		if !c.OK && c.Fix == "" || c.Detail == "" {
			t.Errorf("a finding without a cure: %+v", c)
		}
	}
	if code := stopPoint(); code != exitOK {
		t.Errorf("point's serve exits with %d", code)
	}
	if code := stop(); code != exitOK {
		t.Errorf("centre's serve exits with %d", code)
	}
	if _, err := os.Stat(filepath.Join(centre, "admin.json")); err == nil {
		t.Error("the admin file outlives the server")
	}
	// Without a server the same commands open the folder themselves.
	thonsync(t, nil, "", in("verify")...).ok(t)
	restored := append([]string{"--data", filepath.Join(t.TempDir(), "restored")}, backups...)
	thonsync(t, nil, "", append(restored, "restore", files[0])...).ok(t)
	thonsync(t, nil, "", append(restored, "verify")...).ok(t)
}

// Names of people come from a file or standard input, never from the command
// line, and a code's image is never written over a file.
func TestNamesAndImagesOfCodes(t *testing.T) {
	id := uuid.MustParse("0199aa00-1111-8222-9333-444455556666")
	file := filepath.Join(t.TempDir(), "names.txt")
	if err := os.WriteFile(file, []byte("\n"+id.String()+"=Người Thử\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &app{environment: environment{in: strings.NewReader(uuid.Nil.String() + "=Hai Thử")}}
	c := codeNewCmd{Role: "phone", Member: []string{id.String()}, Names: file}
	q, err := c.request(a)
	if err != nil || len(q.Members) != 1 || q.Members[0].Name != "Người Thử" || q.Members[0].ID != id {
		t.Errorf("%+v, %v", q.Members, err)
	}
	c.Names = "-"
	if q, err = c.request(a); err != nil || len(q.Members) != 2 || q.Members[1].Name != "Hai Thử" {
		t.Errorf("%+v, %v", q.Members, err)
	}
	a.in = strings.NewReader("Bí Mật Thử")
	if _, err = c.request(a); err == nil || strings.Contains(err.Error(), "Bí") {
		t.Errorf("a line without an id: %v", err)
	}
	c.Member = []string{id.String() + "=Người Thử"}
	if _, err = c.request(a); err == nil || strings.Contains(err.Error(), "Người") {
		t.Errorf("a name on the command line: %v", err)
	}
	img := filepath.Join(t.TempDir(), "code.png")
	if err := writeQR(img, "thonsync:join?"); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(img); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st, err)
	}
	if err := writeQR(img, "thonsync:join?"); err == nil {
		t.Error("an image is written over")
	}
}

// A second server on one data folder is refused in words.
func TestOneServerPerFolder(t *testing.T) {
	data := t.TempDir()
	serving(t, "--data", data)
	r := thonsync(t, nil, "", "--data", data, "serve", "--listen", "127.0.0.1:0")
	if r.code == exitOK || !strings.Contains(r.err, "in-use") {
		t.Errorf("second server: %d %s", r.code, r.err)
	}
}
