package requests_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/server/requests"
	"thonsync/syncproto"
)

// bench is a log on disk by a clock that tests move.
type bench struct {
	*requests.Log
	t    *testing.T
	path string
	now  time.Time
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, path: filepath.Join(t.TempDir(), "requests.jsonl"), now: at(t, "2026-03-02 09:00")}
	b.open()
	t.Cleanup(func() { b.Close() })
	return b
}

func (b *bench) open() {
	b.t.Helper()
	var err error
	if b.Log, err = requests.Open(b.path, func() time.Time { return b.now }); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) new(kind requests.Kind, records ...uuid.UUID) *requests.Request {
	b.t.Helper()
	r, err := b.New(requests.Step{Kind: kind, Channel: "office", Records: records})
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func (b *bench) step(number string, s requests.Step) *requests.Request {
	b.t.Helper()
	r, err := b.Step(number, s)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func (b *bench) refused(number string, s requests.Step) {
	b.t.Helper()
	if _, err := b.Step(number, s); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
		b.t.Errorf("step %s of %s: %v", s.Act, number, err)
	}
}

// TestRequestFromOpeningToClosing leads a request through its steps and holds
// the log to what it tells after every restart.
func TestRequestFromOpeningToClosing(t *testing.T) {
	b := newBench(t)
	cal := calendar(t, "")
	one, two := uuid.New(), uuid.New()
	r := b.new(requests.Erase, one)
	if r.Number != "2026-0001" || !r.Open() {
		t.Fatalf("%+v", r)
	}
	b.refused(r.Number, requests.Step{Act: requests.Closed, Outcome: requests.Done})
	b.refused(r.Number, requests.Step{Act: requests.Closed, Outcome: requests.Refused})
	b.refused(r.Number, requests.Step{Act: requests.Extended})
	b.refused(r.Number, requests.Step{Act: requests.Extended, Reason: "Lò Thị Chim has moved away"})
	b.step(r.Number, requests.Step{Act: requests.Linked, Records: []uuid.UUID{one, two}})
	b.now = b.now.Add(3 * 24 * time.Hour)
	if r, _ = b.Get(r.Number); !r.Overdue(cal, b.now) {
		t.Error("not answered for three days, and not overdue")
	}
	b.step(r.Number, requests.Step{Act: requests.Acknowledged})
	b.refused(r.Number, requests.Step{Act: requests.Acknowledged})
	b.step(r.Number, requests.Step{Act: requests.Extended, Reason: "complex"})
	b.refused(r.Number, requests.Step{Act: requests.Extended, Reason: "complex"})
	b.Close()
	b.open()
	b.now = b.now.Add(36 * 24 * time.Hour)
	if r, _ = b.Get(r.Number); r.Overdue(cal, b.now) || len(r.Records) != 2 || !r.Extended {
		t.Errorf("after a restart: %+v", r)
	}
	b.now = b.now.Add(2 * 24 * time.Hour)
	if !r.Overdue(cal, b.now) {
		t.Error("past the extended time, and not overdue")
	}
	b.step(r.Number, requests.Step{Act: requests.Answered, How: requests.ByErasure, Rulings: []uint64{4}})
	r = b.step(r.Number, requests.Step{Act: requests.Closed, Outcome: requests.Done})
	if r.Open() || r.Overdue(cal, b.now) || len(r.Steps) != 6 {
		t.Errorf("closed: %+v", r)
	}
	b.refused(r.Number, requests.Step{Act: requests.Linked})
	b.step(r.Number, requests.Step{Act: requests.Looked, Files: 9})
	if !b.About(requests.Erase, two) || b.About(requests.Withdraw, two) || b.About(requests.Erase, uuid.New()) {
		t.Error("which records a request is about")
	}
}

// TestDueFirst lists what presses most at the top.
func TestDueFirst(t *testing.T) {
	b := newBench(t)
	erase := b.new(requests.Erase)
	see := b.new(requests.See)
	closed := b.new(requests.See)
	b.step(closed.Number, requests.Step{Act: requests.Closed, Outcome: requests.Taken})
	breach := b.new(requests.Breach)
	var got []string
	for _, r := range b.List(calendar(t, "")) {
		got = append(got, r.Number)
	}
	want := []string{breach.Number, see.Number, erase.Number, closed.Number}
	if len(got) != 4 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] || got[3] != want[3] {
		t.Errorf("listed %v, want %v", got, want)
	}
}

// TestLogIsChained refuses a log in which a line was altered or taken out, and
// drops a last line that a crash cut short.
func TestLogIsChained(t *testing.T) {
	b := newBench(t)
	for range 3 {
		b.new(requests.See)
	}
	b.Close()
	whole, err := os.ReadFile(b.path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))
	open := func(content []byte) (int, error) {
		if err := os.WriteFile(b.path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := requests.Open(b.path, func() time.Time { return b.now })
		if err != nil {
			return 0, err
		}
		defer l.Close()
		return len(l.List(calendar(t, ""))), nil
	}
	for name, content := range map[string][]byte{
		"a line taken out": append(bytes.Clone(lines[0]), lines[2]...),
		"a line altered":   bytes.Replace(whole, []byte(`"see"`), []byte(`"object"`), 1),
		"lines exchanged":  append(append(bytes.Clone(lines[1]), lines[0]...), lines[2]...),
	} {
		if _, err := open(content); syncproto.CodeOf(err) != syncproto.CodeChain {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n, err := open(whole[:len(whole)-9]); err != nil || n != 2 {
		t.Errorf("a torn last line: %d requests, %v", n, err)
	}
	b.open()
	if r := b.new(requests.See); r.Number != "2026-0003" {
		t.Errorf("after a torn line the next number is %s", r.Number)
	}
}
