package backup_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/uuid"

	"thonsync/server/backup"
	"thonsync/syncproto"
)

// bench is a service over a data folder of two files.
type bench struct {
	*backup.Service
	folder, keys, orders string
	now                  time.Time
	content              string
	proofs               []string // what was proved
	safe                 []syncproto.OriginHeads
	prove                error
	recovery             age.Recipient // nil for none
}

const day = 24 * time.Hour

func newBench(t *testing.T) *bench {
	t.Helper()
	root := t.TempDir()
	b := &bench{
		folder: filepath.Join(root, "backups"), keys: filepath.Join(root, "keys"), orders: filepath.Join(root, "orders.jsonl"),
		now: time.UnixMilli(1_800_000_000_000), content: "canary 012345678901",
	}
	work := filepath.Join(root, "work")
	if err := os.Mkdir(work, 0o700); err != nil {
		t.Fatal(err)
	}
	var err error
	b.Service, err = backup.New(backup.Config{
		Folder: b.folder, PeriodKeys: b.keys, Work: work, Keep: 3, Period: 10 * day, EraseWithin: 20 * day,
		Copy: func(_ context.Context, dir string) error {
			if err := os.MkdirAll(filepath.Join(dir, "keys"), 0o700); err != nil {
				return err
			}
			return errors.Join(os.WriteFile(filepath.Join(dir, "store.db"), []byte(b.content), 0o600),
				os.WriteFile(filepath.Join(dir, "keys", "identity.key"), []byte("id"), 0o600))
		},
		Prove: func(_ context.Context, dir string) ([]syncproto.OriginHeads, error) {
			got, err := os.ReadFile(filepath.Join(dir, "store.db"))
			b.proofs = append(b.proofs, string(got))
			return []syncproto.OriginHeads{{Heads: syncproto.Heads{Seq: 7}}}, errors.Join(err, b.prove)
		},
		Safe:     func(_ context.Context, h []syncproto.OriginHeads) error { b.safe = h; return nil },
		Recovery: func() (age.Recipient, error) { return b.recovery, nil },
		Beside:   []string{b.orders}, Now: func() time.Time { return b.now }, Random: rand.Reader, Program: "1.2.3",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if left, err := os.ReadDir(work); err != nil || len(left) > 0 {
			t.Errorf("plain data left in the scratch folder: %v %v", left, err)
		}
	})
	return b
}

func (b *bench) make(t *testing.T) backup.Made {
	t.Helper()
	m, err := b.Make(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestBackupIsEncryptedAndRestoredBeforeItCounts(t *testing.T) {
	b := newBench(t)
	if err := os.WriteFile(b.orders, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	m := b.make(t)
	if len(b.proofs) != 1 || b.proofs[0] != b.content {
		t.Errorf("proved %q", b.proofs)
	}
	if len(b.safe) != 1 || b.safe[0].Seq != 7 || m.Changes != 7 || m.Origins != 1 {
		t.Errorf("safe %v, made %+v", b.safe, m)
	}
	for _, name := range names(t, b.folder) {
		text, err := os.ReadFile(filepath.Join(b.folder, name))
		if err != nil || bytes.Contains(text, []byte("canary")) || bytes.Contains(text, []byte("identity")) {
			t.Errorf("%s shows what it holds (%v)", name, err)
		}
	}
	if _, err := os.Stat(filepath.Join(b.folder, "orders.jsonl")); err != nil {
		t.Errorf("orders beside the backup: %v", err)
	}
	dir := t.TempDir()
	if _, err := backup.Unpack(m.File, b.keys, dir); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "keys", "identity.key")); err != nil || string(got) != "id" {
		t.Errorf("restored %q %v", got, err)
	}
}

func TestBackupThatDoesNotRestoreDoesNotCount(t *testing.T) {
	b := newBench(t)
	b.prove = errors.New("chain broken")
	if _, err := b.Make(t.Context()); err == nil || !strings.Contains(err.Error(), "does not restore") {
		t.Fatalf("made: %v", err)
	}
	if b.safe != nil {
		t.Error("called safe without proof")
	}
	if st, err := b.Status(); err != nil || st.Err == nil {
		t.Errorf("status hides it: %+v %v", st, err)
	}
}

func TestEveryDamagedByteIsSeen(t *testing.T) {
	b := newBench(t)
	m := b.make(t)
	whole, err := os.ReadFile(m.File)
	if err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(t.TempDir(), filepath.Base(m.File))
	try := func(what string, text []byte) {
		if err := os.WriteFile(bad, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := backup.Unpack(bad, b.keys, t.TempDir()); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
	for i := 0; i < len(whole); i += 61 {
		text := bytes.Clone(whole)
		text[i] ^= 4
		try(fmt.Sprintf("byte %d changed", i), text)
	}
	try("cut in the middle", whole[:len(whole)/2])
	try("last byte missing", whole[:len(whole)-1])
	try("empty", nil)
	if _, err := backup.Unpack(filepath.Join(b.folder, "other.age"), b.keys, t.TempDir()); !errors.Is(err, &syncproto.Error{Code: syncproto.CodeInvalidInput}) {
		t.Errorf("a foreign name: %v", err)
	}
}

func TestKeysAreDestroyedWithinTheDeadline(t *testing.T) {
	b := newBench(t)
	first := b.make(t)
	stolen := filepath.Join(t.TempDir(), filepath.Base(first.File))
	text, err := os.ReadFile(first.File)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(stolen, text, 0o600); err != nil {
		t.Fatal(err)
	}
	b.now = b.now.Add(9 * day)
	b.make(t)
	if n := names(t, b.keys); len(n) != 1 {
		t.Errorf("a second key within the period: %v", n)
	}
	b.now = b.now.Add(2 * day)
	b.make(t)
	if n := names(t, b.keys); len(n) != 2 {
		t.Errorf("no new key after the period: %v", n)
	}
	if _, err := backup.Unpack(stolen, b.keys, t.TempDir()); err != nil {
		t.Errorf("unreadable before the deadline: %v", err)
	}
	b.now = b.now.Add(9 * day) // 20 days after the first key's first use
	b.make(t)
	if _, err := backup.Unpack(stolen, b.keys, t.TempDir()); err == nil {
		t.Error("a copy of the first backup is still readable after the deadline")
	}
	for _, name := range names(t, b.folder) {
		if name == filepath.Base(first.File) {
			t.Error("the backup that nobody can read is kept")
		}
	}
}

func TestOnlySoManyAreKept(t *testing.T) {
	b := newBench(t)
	var last string
	for range 5 {
		last = filepath.Base(b.make(t).File)
		b.now = b.now.Add(time.Hour)
	}
	var kept []string
	for _, n := range names(t, b.folder) {
		if strings.HasSuffix(n, ".age") {
			kept = append(kept, n)
		}
	}
	if len(kept) != 3 || kept[2] != last {
		t.Errorf("kept %v, newest is %s", kept, last)
	}
	if due := b.Due(24 * time.Hour); !due.Equal(b.now.Add(23 * time.Hour)) {
		t.Errorf("due %v", due.Sub(b.now))
	}
}

func ruling(t *testing.T, number uint64) *syncproto.Ruling {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r := &syncproto.Ruling{Number: number, Kind: syncproto.RulingErase, Record: uuid.New()}
	r.Sign(key)
	return r
}

func TestOrdersOutlastACrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.jsonl")
	open := func() *backup.Orders {
		o, err := backup.OpenOrders(path)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	o := open()
	a, b := ruling(t, 1), ruling(t, 2)
	for _, r := range []*syncproto.Ruling{a, b, a} {
		if err := o.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// A crash cuts the last line anywhere.
	end := bytes.IndexByte(text, '\n') + 1
	for cut := end; cut < len(text); cut++ {
		if err := os.WriteFile(path, text[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		o := open()
		if got := o.All(); len(got) != 1 || got[0].Number != 1 {
			t.Fatalf("cut at %d: %d orders", cut, len(got))
		}
		if err := o.Add(b); err != nil {
			t.Fatal(err)
		}
		if err := o.Close(); err != nil {
			t.Fatal(err)
		}
		o = open()
		if got := o.All(); len(got) != 2 || !bytes.Equal(got[1].Ruling, b.Encode()) {
			t.Fatalf("cut at %d, written again: %d orders", cut, len(got))
		}
		if err := o.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, append([]byte("{}\n"), text...), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.OpenOrders(path); err == nil {
		t.Error("a damaged line is passed over in silence")
	}
}

// With the recovery key a backup opens although its key folder is lost, until the
// key of its period is destroyed: then nothing opens it.
func TestPeriodKeysAreRecoveredUntilTheyAreDestroyed(t *testing.T) {
	b := newBench(t)
	paper, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	if err := backup.RecoverPeriods(b.folder, paper, t.TempDir()); syncproto.CodeOf(err) != syncproto.CodeNotFound {
		t.Errorf("nothing to recover: %v", err)
	}
	b.recovery = paper.Recipient()
	first := b.make(t)
	keys, plain := filepath.Join(t.TempDir(), "keys"), t.TempDir()
	if err := backup.RecoverPeriods(b.folder, paper, keys); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Unpack(first.File, keys, plain); err != nil {
		t.Errorf("the recovered key opens nothing: %v", err)
	}
	stranger, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	if err := backup.RecoverPeriods(b.folder, stranger, t.TempDir()); syncproto.CodeOf(err) != syncproto.CodeUnreadable {
		t.Errorf("another paper: %v", err)
	}
	copied, err := os.ReadFile(first.File)
	if err != nil {
		t.Fatal(err)
	}
	b.now = b.now.Add(20 * day)
	if err := b.Forget(); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(b.folder, "period-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("a destroyed key can be recovered: %v %v", left, err)
	}
	stray := filepath.Join(b.folder, filepath.Base(first.File))
	if err := os.WriteFile(stray, copied, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := backup.RecoverPeriods(b.folder, paper, t.TempDir()); syncproto.CodeOf(err) != syncproto.CodeNotFound {
		t.Errorf("a stray copy of an old backup is recovered: %v", err)
	}
}

// TestErasureEndsAPeriod holds backups to the due date of an erasure: the keys of
// what came before go by then, not only when they are old, and a backup under a
// new key is there before that.
func TestErasureEndsAPeriod(t *testing.T) {
	b := newBench(t)
	old := b.make(t)
	b.now = b.now.Add(3 * day)
	erased, due := b.now, b.now.Add(5*day)
	if until, err := b.ReadableUntil(erased); err != nil || !until.Equal(b.now.Add(17*day)) {
		t.Errorf("before the period is ended: readable until %v, %v", until.Sub(b.now), err)
	}
	if err := b.End(erased, due); err != nil {
		t.Fatal(err)
	}
	if got := b.Due(day); got.After(b.now) {
		t.Errorf("the next backup is due in %v, want at once", got.Sub(b.now))
	}
	if until, err := b.ReadableUntil(erased); err != nil || !until.Equal(due) {
		t.Errorf("readable until %v, %v, want the due date", until.Sub(b.now), err)
	}
	fresh := b.make(t)
	if filepath.Base(fresh.File)[:len("thonsync-20270118")] == filepath.Base(old.File)[:len("thonsync-20270118")] {
		t.Error("a backup after the erasure lies under the key of one before it")
	}
	if got := b.Due(day); !got.Equal(b.now.Add(day)) {
		t.Errorf("after it, the next backup is due in %v", got.Sub(b.now))
	}
	for _, c := range []struct {
		at   time.Time
		open bool
	}{{due.Add(-time.Second), true}, {due, false}} {
		b.now = c.at
		if err := b.Forget(); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Verify(t.Context(), old.File); (err == nil) != c.open {
			t.Errorf("%v before the due date: the old backup opens: %v", due.Sub(c.at), err)
		}
	}
	if _, err := b.Verify(t.Context(), fresh.File); err != nil {
		t.Errorf("the newer backup went with the old one: %v", err)
	}
	if until, err := b.ReadableUntil(erased); err != nil || !until.IsZero() {
		t.Errorf("readable until %v, %v, want nowhere any more", until, err)
	}
}
