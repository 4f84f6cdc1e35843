package audit_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/server/audit"
	"thonsync/syncproto"
)

// bench is a log in a folder with a clock that tests move.
type bench struct {
	t    *testing.T
	cfg  audit.Config
	now  time.Time
	log  *audit.Log
	open bool
}

func newBench(t *testing.T) *bench {
	t.Helper()
	dir := t.TempDir()
	b := &bench{t: t, now: time.Unix(1_800_000_000, 0)}
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	b.cfg = audit.Config{
		Path: filepath.Join(dir, "access.jsonl"), Heads: filepath.Join(dir, "heads.jsonl"), Key: func() ed25519.PrivateKey { return key },
		Trusted: func(k ed25519.PublicKey) bool { return k.Equal(key.Public()) },
		Now:     func() time.Time { return b.now },
	}
	b.start()
	t.Cleanup(func() {
		if b.open {
			b.stop()
		}
	})
	return b
}

func (b *bench) start() {
	b.t.Helper()
	var err error
	if b.log, err = audit.Open(b.cfg); err != nil {
		b.t.Fatal(err)
	}
	b.open = true
}

func (b *bench) stop() {
	b.t.Helper()
	b.open = false
	if err := b.log.Close(); err != nil {
		b.t.Error(err)
	}
}

func (b *bench) write(n int) {
	b.t.Helper()
	for i := range n {
		if err := b.log.Write(b.t.Context(), event(i)); err != nil {
			b.t.Fatal(err)
		}
	}
}

func event(i int) audit.Event {
	return audit.Event{Actor: audit.Console, Action: audit.View, Object: uuid.NewSHA1(uuid.Nil, []byte{byte(i)}).String(), Count: i}
}

func (b *bench) verify(files, noted []string) *audit.Verdict {
	b.t.Helper()
	v, err := b.log.Verify(files, noted)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

func (b *bench) read() []byte {
	b.t.Helper()
	raw, err := os.ReadFile(b.cfg.Path)
	if err != nil {
		b.t.Fatal(err)
	}
	return raw
}

func (b *bench) replace(path string, raw []byte) {
	b.t.Helper()
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func TestEntriesAreOnTheDiskBeforeWriteReturns(t *testing.T) {
	b := newBench(t)
	for i := range 3 {
		b.write(1)
		if n := bytes.Count(b.read(), []byte("\n")); n != i+1 {
			t.Fatalf("after %d entries the file has %d lines", i+1, n)
		}
	}
	b.stop()
	b.start()
	b.write(2)
	list, err := b.log.List(audit.Query{Last: 2})
	if err != nil || len(list) != 2 || list[1].Number != 5 || list[1].AtMS != b.now.UnixMilli() {
		t.Fatalf("%+v %v", list, err)
	}
	if v := b.verify(nil, nil); !v.OK() || v.Entries != 5 || v.Signed != 3 {
		t.Errorf("%+v", v)
	}
	if list, _ := b.log.List(audit.Query{Action: audit.SignIn}); len(list) != 0 {
		t.Errorf("listed other actions: %+v", list)
	}
}

// Whatever octet of whatever entry is changed, Verify names that entry or the
// one after it, whose link to it no longer holds.
func TestVerifyNamesTheFirstBrokenEntry(t *testing.T) {
	b := newBench(t)
	b.write(6)
	b.stop()
	whole := b.read()
	line := 1
	for i := range whole {
		if i > 0 && whole[i-1] == '\n' {
			line++
		}
		if i%7 != 0 || whole[i] == '\n' {
			continue
		}
		broken := slices.Clone(whole)
		broken[i] ^= 1
		b.replace(b.cfg.Path, broken)
		b.start()
		v := b.verify(nil, nil)
		if v.OK() || v.Broken != uint64(line) {
			t.Fatalf("octet %d of entry %d changed: %+v", i, line, v)
		}
		b.open = false
	}
}

func TestRemovedAndMovedEntriesAreSeen(t *testing.T) {
	b := newBench(t)
	b.write(5)
	b.stop()
	lines := bytes.SplitAfter(b.read(), []byte("\n"))
	for name, c := range map[string]struct {
		lines  [][]byte
		broken uint64
	}{
		"removed": {slices.Concat(lines[:2], lines[3:]), 3},
		"twice":   {slices.Concat(lines[:2], lines[1:]), 3},
		"moved":   {[][]byte{lines[0], lines[2], lines[1], lines[3], lines[4]}, 2},
		"first":   {lines[1:], 1},
	} {
		b.replace(b.cfg.Path, bytes.Join(c.lines, nil))
		b.start()
		if v := b.verify(nil, nil); v.OK() || v.Broken != c.broken || !strings.Contains(v.Why, "has number") {
			t.Errorf("%s: %+v", name, v)
		}
		b.open = false
	}
}

// A log cut short, also together with the heads beside it, shows against a head
// that is kept elsewhere.
func TestTruncationIsSeen(t *testing.T) {
	b := newBench(t)
	b.write(4)
	elsewhere := filepath.Join(t.TempDir(), "heads.jsonl")
	if err := b.log.Copy(filepath.Join(t.TempDir(), "log"), elsewhere); err != nil {
		t.Fatal(err)
	}
	noted := b.verify(nil, nil).Head
	b.stop()
	lines := bytes.SplitAfter(b.read(), []byte("\n"))
	b.replace(b.cfg.Path, bytes.Join(lines[:2], nil))
	b.start()
	if v := b.verify(nil, nil); v.OK() || v.Broken != 3 || !strings.Contains(v.Why, "missing") {
		t.Errorf("with the heads beside it: %+v", v)
	}
	b.open = false
	b.replace(b.cfg.Heads, nil)
	b.start()
	if v := b.verify(nil, nil); !v.OK() {
		t.Errorf("nothing is left to see it by: %+v", v)
	}
	if v := b.verify([]string{elsewhere}, nil); v.OK() || v.Broken != 3 {
		t.Errorf("with the heads elsewhere: %+v", v)
	}
	if v := b.verify(nil, []string{noted}); v.OK() || v.Broken != 3 {
		t.Errorf("with a noted head: %+v", v)
	}
	if _, err := b.log.Verify(nil, []string{"4"}); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
		t.Errorf("a head that is none: %v", err)
	}
}

// Whoever can write the file but has no key can make a chain that fits, and the
// signed heads show it.
func TestARewrittenChainIsSeen(t *testing.T) {
	b := newBench(t)
	b.write(3)
	b.stop()
	var out bytes.Buffer
	before := ""
	for i := range 3 {
		e, _ := json.Marshal(audit.Entry{Number: uint64(i + 1), AtMS: 1, Event: event(9)})
		sum := sha256.Sum256([]byte("thonsync access log 1\n" + before + "\n" + string(e)))
		before = hex.EncodeToString(sum[:])
		fmt.Fprintf(&out, `{"hash":%q,"entry":%s}`+"\n", before, e)
	}
	b.replace(b.cfg.Path, out.Bytes())
	b.start()
	if v := b.verify(nil, nil); v.OK() || v.Broken != 3 || !strings.Contains(v.Why, "rewritten") {
		t.Errorf("%+v", v)
	}
	b.open = false
	heads, _ := os.ReadFile(b.cfg.Heads)
	b.replace(b.cfg.Heads, bytes.Replace(heads, []byte(`"n":3`), []byte(`"n":2`), 1))
	b.start()
	if v := b.verify(nil, nil); v.OK() || !strings.Contains(v.Why, "signature") {
		t.Errorf("an altered head: %+v", v)
	}
}

func TestATornLastEntryIsDropped(t *testing.T) {
	b := newBench(t)
	b.write(2)
	b.stop()
	b.replace(b.cfg.Path, append(b.read(), []byte(`{"hash":"00","ent`)...))
	b.start()
	b.write(1)
	if v := b.verify(nil, nil); !v.OK() || v.Entries != 3 {
		t.Errorf("%+v", v)
	}
}

func TestADamagedEndTakesNoEntries(t *testing.T) {
	b := newBench(t)
	b.write(2)
	b.stop()
	raw := b.read()
	raw[len(raw)-2] = 'x'
	b.replace(b.cfg.Path, raw)
	b.start()
	if err := b.log.Write(t.Context(), event(1)); syncproto.CodeOf(err) != syncproto.CodeChain {
		t.Errorf("written after a damaged entry: %v", err)
	}
}

func TestPersonalDataIsRefused(t *testing.T) {
	b := newBench(t)
	for _, e := range []audit.Event{
		{Actor: "Nguyễn Văn A", Action: audit.View},
		{Actor: audit.Console, Action: audit.View, Object: "Lò Thị Bông"},
		{Actor: audit.Console, Action: audit.View, Object: "001099123456"},
		{Actor: audit.Console, Action: audit.View, Object: "0912345678"},
		{Actor: audit.Console, Action: audit.View, Object: "a\nb"},
		{Actor: audit.Console, Action: audit.View, Unit: strings.Repeat("x", 200)},
		{Action: audit.View},
	} {
		if b.log.Write(t.Context(), e) == nil || b.log.Note(t.Context(), e) == nil {
			t.Errorf("%+v was written", e)
		}
	}
	ok := audit.Event{Actor: uuid.NewString(), Action: audit.View, Object: "GET /v1/reports/{name}", Unit: "gso-2025-06:00988", From: "12345678"}
	if err := b.log.Write(t.Context(), ok); err != nil {
		t.Error(err)
	}
}

func TestAFloodOfNotesIsCounted(t *testing.T) {
	b := newBench(t)
	e := audit.Event{Actor: uuid.NewString(), Action: audit.Foreign, Object: "record"}
	for range 500 {
		if err := b.log.Note(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(must(b.log.List(audit.Query{}))); n != 10 {
		t.Errorf("%d entries, want 10", n)
	}
	b.now = b.now.Add(time.Minute)
	if err := b.log.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	list := must(b.log.List(audit.Query{}))
	if n := len(list); n != 11 || list[10].Count != 490 || list[10].Actor != e.Actor {
		t.Errorf("%d entries, the last %+v", n, list[len(list)-1])
	}
}

// After a restore the lost entries are told, and no fault.
func TestARestoreIsToldAndNoFault(t *testing.T) {
	b := newBench(t)
	b.write(2)
	dir := t.TempDir()
	logCopy, headsCopy := filepath.Join(dir, "access.jsonl"), filepath.Join(dir, "heads.jsonl")
	if err := b.log.Copy(logCopy, headsCopy); err != nil {
		t.Fatal(err)
	}
	b.write(3)
	b.stop() // signs entry 5; the heads survive, the log comes out of the backup
	b.cfg.Path = logCopy
	b.now = b.now.Add(time.Hour)
	b.start()
	if v := b.verify(nil, nil); v.OK() {
		t.Errorf("before the restore is noted: %+v", v)
	}
	if err := b.log.Restored(); err != nil {
		t.Fatal(err)
	}
	b.now = b.now.Add(time.Second)
	b.write(1)
	if err := b.log.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v := b.verify(nil, nil); !v.OK() || v.Lost != 3 || v.Signed != 3 {
		t.Errorf("after it: %+v", v)
	}
	// What follows the restore is as well guarded as before.
	b.stop()
	lines := bytes.SplitAfter(b.read(), []byte("\n"))
	b.replace(b.cfg.Path, bytes.Join(lines[:2], nil))
	b.start()
	if v := b.verify(nil, nil); v.OK() || v.Broken != 3 {
		t.Errorf("cut after the restore: %+v", v)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
