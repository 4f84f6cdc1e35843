package main

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	goqr "github.com/piglig/go-qr"

	"thonsync/clientlib"
	"thonsync/clientlib/clienttest"
	"thonsync/syncproto"
)

// bench plays the program against a test centre.
type bench struct {
	t   *testing.T
	w   *clienttest.World
	dir string

	pause func() // runs where the program would wait
}

func newBench(t *testing.T) *bench {
	return &bench{t: t, w: clienttest.NewWorld(t, 1), dir: t.TempDir()}
}

// device gives a bench on the same world with another data folder.
func (b *bench) device() *bench { return &bench{t: b.t, w: b.w, dir: b.t.TempDir()} }

// run runs one command and gives exit code and both outputs.
func (b *bench) run(args ...string) (code int, out, errOut string) {
	b.t.Helper()
	var o, e bytes.Buffer
	env := environment{
		in: strings.NewReader(""), out: &o, errOut: &e, now: func() time.Time { return time.UnixMilli(b.w.Clock.NowMS()) },
		pause: func(ctx context.Context, _ time.Duration) error {
			if b.pause != nil {
				b.pause()
			}
			return ctx.Err()
		},
		open: func(ctx context.Context, path string) (device, error) {
			opts := b.w.Options("thonfield")
			opts.Path, opts.Transport = path, b.w.Net
			return clientlib.Open(ctx, opts)
		},
	}
	if !slices.Contains(args, "--lang") { // the first one counts
		args = append([]string{"--lang", "en"}, args...)
	}
	code = run(b.t.Context(), env, append([]string{"--data", b.dir}, args...))
	return code, o.String(), e.String()
}

// ok runs a command that must succeed and gives its output.
func (b *bench) ok(args ...string) string {
	b.t.Helper()
	code, out, errOut := b.run(args...)
	if code != exitOK {
		b.t.Fatalf("thonfield %s: exit %d\n%s%s", strings.Join(args, " "), code, out, errOut)
	}
	return out
}

// object runs a command with --json and decodes its object into v.
func (b *bench) object(v any, args ...string) {
	b.t.Helper()
	out := b.ok(append(args, "--json")...)
	if err := json.Unmarshal([]byte(out), v); err != nil {
		b.t.Fatalf("thonfield %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func (b *bench) join() {
	b.t.Helper()
	member := syncproto.WelcomeMember{ID: clienttest.Member("a"), Name: "Người Thử"}
	b.ok("join", b.w.Centre.Invite(clienttest.Grant{Unit: clienttest.Unit, Team: b.w.Team, Members: []syncproto.WelcomeMember{member}}))
	b.ok("people", "use", "1")
	b.ok("sync")
}

// TestJoinWaitsForTheOfficer shows the digits and is in once they were compared,
// also when the hotspot is away for a moment.
func TestJoinWaitsForTheOfficer(t *testing.T) {
	b := newBench(t)
	uri := b.w.Centre.Invite(clienttest.Grant{Unit: clienttest.Unit, Team: b.w.Team, Confirm: true})
	var first joined
	b.object(&first, "join", uri, "--no-wait")
	if !first.Waiting || len(first.Digits) != 6 || first.Role != "" {
		t.Fatalf("without waiting: %+v", first)
	}
	turn := 0
	b.pause = func() {
		switch turn++; turn {
		case 1:
			b.w.Net.Down(b.w.Centre, true)
		case 2:
			b.w.Net.Down(b.w.Centre, false)
			if !b.w.Centre.Confirm(uri, first.Digits) {
				t.Error("the digits changed")
			}
		}
	}
	out := b.ok("join", uri)
	if strings.Count(out, first.Digits) != 1 || !strings.Contains(out, "has joined") || turn != 2 {
		t.Errorf("after %d pauses:\n%s", turn, out)
	}
	b.ok("sync")
}

// TestJoinByPicture reads the officer's code from a picture, also one that was
// taken with a camera's noise, and says so if there is none in it.
func TestJoinByPicture(t *testing.T) {
	b := newBench(t)
	q, err := goqr.EncodeText(b.w.Centre.Invite(clienttest.Grant{Unit: clienttest.Unit, Team: b.w.Team}), goqr.Medium)
	if err != nil {
		t.Fatal(err)
	}
	const side, edge = 7, 5
	noise := rand.New(rand.NewPCG(1, 2))
	img := image.NewGray(image.Rect(0, 0, (q.Size()+2*edge)*side, (q.Size()+2*edge)*side))
	for y := range img.Rect.Max.Y {
		for x := range img.Rect.Max.X {
			c := color.Gray{Y: uint8(200 + noise.IntN(50))}
			if mx, my := x/side-edge, y/side-edge; mx >= 0 && my >= 0 && mx < q.Size() && my < q.Size() && q.Module(mx, my) {
				c.Y = uint8(20 + noise.IntN(60))
			}
			img.SetGray(x, y, c)
		}
	}
	file := filepath.Join(t.TempDir(), "code.JPG")
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, img, &jpeg.Options{Quality: 60}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	b.ok("join", file)
	for name, content := range map[string][]byte{"empty.png": nil, "cut.jpg": buf.Bytes()[:400]} {
		bad := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(bad, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _, errOut := b.run("join", bad); code != exitFailed || !strings.Contains(errOut, "cannot be read") {
			t.Errorf("%s: exit %d, %s", name, code, errOut)
		}
	}
	if code, _, _ := b.run("join", filepath.Join(t.TempDir(), "none.png")); code != exitFailed {
		t.Errorf("no file: exit %d", code)
	}
}

// canary is an invented person whose values must not turn up where nobody
// asked for them.
const canary = "Vàng Thị Thử"

func (b *bench) record() string {
	b.t.Helper()
	var made struct {
		ID string `json:"record"`
	}
	b.object(&made, "record", "--kind", "CC", "--set", "full_name="+canary, "--set", "stage=asked", "--set", "result=done",
		"--set", "id_number=002190123456", "--set", "sex=female", "--set", "birth_date=1990")
	if made.ID == "" {
		b.t.Fatal("record gave no id")
	}
	return made.ID
}

// TestJourney is a phone's life: join, record, edit, send, retract.
func TestJourney(t *testing.T) {
	b := newBench(t)
	b.join()
	id := b.record()
	if out := b.ok("list"); !strings.Contains(out, canary) || !strings.Contains(out, "Not sent yet") || strings.Contains(out, "002190123456") {
		t.Errorf("list before sending:\n%s", out)
	}
	if out := b.ok("show", id, "--full"); !strings.Contains(out, "002190123456") {
		t.Errorf("show --full:\n%s", out)
	}
	b.ok("edit", id, "--set", "stage=issued")
	b.ok("sync")
	if out := b.ok("list"); !strings.Contains(out, "Received at the centre") {
		t.Errorf("list after sending:\n%s", out)
	}
	var st struct {
		Waiting int `json:"waiting"`
	}
	if b.object(&st, "status"); st.Waiting != 0 {
		t.Errorf("%d changes wait after a sync", st.Waiting)
	}
	b.ok("void", id, "--reason", "test")
	if out := b.ok("list"); strings.Contains(out, canary) {
		t.Errorf("a retracted record is listed:\n%s", out)
	}
	b.ok("doctor")
}

// TestTicksLieNever: without an answer of the centre nothing is called received.
func TestTicksLieNever(t *testing.T) {
	b := newBench(t)
	b.join()
	b.record()
	b.w.Net.Down(b.w.Centre, true)
	code, _, errOut := b.run("sync")
	if code != exitUnreached || !strings.Contains(errOut, "safe on this device") {
		t.Errorf("exit %d: %s", code, errOut)
	}
	if out := b.ok("list"); !strings.Contains(out, "Not sent yet") {
		t.Errorf("list:\n%s", out)
	}
	b.w.Net.Down(b.w.Centre, false)
	b.ok("sync")
	if out := b.ok("list"); !strings.Contains(out, "Received at the centre") {
		t.Errorf("list:\n%s", out)
	}
}

// TestByFile carries the work of a phone without network through another.
func TestByFile(t *testing.T) {
	b := newBench(t)
	b.join()
	other := b.device()
	other.join()
	b.record()
	file := filepath.Join(t.TempDir(), "work.tsb")
	b.ok("bundle", "export", file)
	other.ok("bundle", "import", file)
	other.ok("sync")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte(canary)) {
		t.Error("the file holds a citizen's name in the clear")
	}
	back, err := b.w.Centre.AnswerBundle(raw)
	if err != nil {
		t.Fatal(err)
	}
	answer := filepath.Join(t.TempDir(), "answer.tsb")
	if err := os.WriteFile(answer, back, 0o600); err != nil {
		t.Fatal(err)
	}
	b.ok("bundle", "import", answer)
	if out := b.ok("list"); !strings.Contains(out, "Received at the centre") {
		t.Errorf("the receipts did not come back by file:\n%s", out)
	}
}

// TestErrors are clear, have stable exit codes and tell nothing personal.
func TestErrors(t *testing.T) {
	b := newBench(t)
	b.join()
	for name, c := range map[string]struct {
		args []string
		exit int
	}{
		"unknown command":   {[]string{"fly"}, exitUsage},
		"unknown kind":      {[]string{"record", "--kind", "NO", "--set", "full_name=" + canary}, exitFailed},
		"missing field":     {[]string{"record", "--kind", "CC", "--set", "full_name=" + canary}, exitFailed},
		"no such choice":    {[]string{"record", "--kind", "CC", "--set", "full_name=" + canary, "--set", "stage=" + canary}, exitFailed},
		"bad date":          {[]string{"record", "--kind", "CC", "--set", "full_name=" + canary, "--set", "stage=asked", "--set", "birth_date=31/02/1990"}, exitFailed},
		"unknown record":    {[]string{"show", "00000000-0000-8000-8000-000000000000"}, exitFailed},
		"no joining code":   {[]string{"join", "https://example.org/"}, exitFailed},
		"file is no bundle": {[]string{"bundle", "import", "main_test.go"}, exitFailed},
	} {
		code, out, errOut := b.run(c.args...)
		if code != c.exit && !(c.exit == exitFailed && code == exitUsage) {
			t.Errorf("%s: exit %d, want %d", name, code, c.exit)
		}
		if errOut == "" {
			t.Errorf("%s: nothing said", name)
		}
		if strings.Contains(out+errOut, canary) {
			t.Errorf("%s: tells what was typed: %s", name, errOut)
		}
		var o struct {
			Error errorObject `json:"error"`
		}
		_, out, _ = b.run(append(c.args, "--json")...)
		if err := json.Unmarshal([]byte(out), &o); err != nil || o.Error.Code == "" || o.Error.Message == "" {
			t.Errorf("%s: --json gives %q", name, out)
		}
	}
}

// TestVietnamese: what villagers read is Vietnamese, without the words of
// technicians.
func TestVietnamese(t *testing.T) {
	b := newBench(t)
	b.join()
	b.record()
	for _, args := range [][]string{{"list"}, {"status"}, {"people", "list"}, {"kinds"}, {"sync"}, {"doctor"}, {"--help"}} {
		code, out, errOut := b.run(append([]string{"--lang", "vi"}, args...)...)
		if code != exitOK {
			t.Errorf("%v: exit %d %s", args, code, errOut)
		}
		for _, word := range []string{"đồng bộ", "xung đột", "máy chủ", "Đồng bộ", "Xung đột", "Máy chủ"} {
			if strings.Contains(out, word) {
				t.Errorf("%v says %q:\n%s", args, word, out)
			}
		}
	}
}
