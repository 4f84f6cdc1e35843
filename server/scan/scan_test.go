package scan_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"database/sql"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"
	_ "modernc.org/sqlite"

	"thonsync/server/scan"
	"thonsync/syncproto"
)

const canary = "Lò Thị Chim Yến"

// bench has every key once, and what is under them.
type bench struct {
	t    *testing.T
	rng  *rand.ChaCha8
	seal syncproto.SealPrivate
	row  []byte
	age  *age.X25519Identity
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, rng: rand.NewChaCha8([32]byte{1}), row: make([]byte, 32)}
	raw := make([]byte, 32)
	b.rng.Read(raw)
	b.rng.Read(b.row)
	var err error
	b.seal, err = syncproto.NewSealPrivate(raw)
	b.must(err)
	b.age, err = age.GenerateX25519Identity()
	b.must(err)
	return b
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) noise(n int) []byte {
	out := make([]byte, n)
	b.rng.Read(out)
	return out
}

// encrypted gives plain under the key of values at rest.
func (b *bench) encrypted(plain []byte) []byte {
	block, err := aes.NewCipher(b.row)
	b.must(err)
	aead, err := cipher.NewGCM(block)
	b.must(err)
	nonce := b.noise(12)
	return aead.Seal(nonce, nonce, plain, []byte("some place"))
}

func row() syncproto.Row {
	return syncproto.NewRow(syncproto.Field{Num: syncproto.PersonFullName, Value: syncproto.TextValue(canary)})
}

// segment gives a sealed segment with the canary.
func (b *bench) segment() []byte {
	key := ed25519.NewKeyFromSeed(b.noise(32))
	origin := syncproto.OriginOf(key.Public().(ed25519.PublicKey))
	secret := syncproto.SaltSecret(b.noise(32))
	s, err := syncproto.EncodeSegment(syncproto.SegmentInput{
		Origin: origin, Before: syncproto.Genesis(origin), Key: key, To: b.seal.Public,
		Changes: []syncproto.Change{{Origin: origin, Seq: 1, Header: syncproto.Header{Schema: 1, Collection: syncproto.CollectionActivity, Op: syncproto.OpCreate}, Personal: row()}},
		Salts:   []syncproto.SaltRun{{Count: 1, Secret: &secret}},
	})
	b.must(err)
	return s.Encode()
}

func (b *bench) database(value []byte) []byte {
	path := filepath.Join(b.t.TempDir(), "a.db")
	db, err := sql.Open("sqlite", path)
	b.must(err)
	_, err = db.Exec("CREATE TABLE t (v BLOB)")
	b.must(err)
	_, err = db.Exec("INSERT INTO t VALUES (?)", value)
	b.must(err)
	b.must(db.Close())
	out, err := os.ReadFile(path)
	b.must(err)
	return out
}

func (b *bench) archive(name string, content []byte) []byte {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	b.must(w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(content))}))
	_, err := w.Write(content)
	b.must(err)
	b.must(w.Close())
	return buf.Bytes()
}

// through gives what a writer makes of content.
func (b *bench) through(content []byte, open func(io.Writer) (io.WriteCloser, error)) []byte {
	var buf bytes.Buffer
	w, err := open(&buf)
	b.must(err)
	_, err = w.Write(content)
	b.must(err)
	b.must(w.Close())
	return buf.Bytes()
}

func (b *bench) aged(content []byte) []byte {
	return b.through(content, func(w io.Writer) (io.WriteCloser, error) { return age.Encrypt(w, b.age.Recipient()) })
}

func (b *bench) scan(content []byte, keys scan.Keys) scan.Report {
	b.t.Helper()
	dir := b.t.TempDir()
	b.must(os.WriteFile(filepath.Join(dir, "file"), content, 0o600))
	work := b.t.TempDir()
	s, err := scan.New(keys, []scan.Mark{{Name: "name", Value: []byte(canary)}}, work)
	b.must(err)
	b.must(s.Folder(b.t.Context(), dir))
	if left, err := os.ReadDir(work); err != nil || len(left) > 0 {
		b.t.Errorf("%d opened copies are left behind, %v", len(left), err)
	}
	return s.Report()
}

// TestScanFindsThroughEveryLayer holds the scan to what it promises: whatever
// way a value is kept, it is found with the keys, and without them it is not.
func TestScanFindsThroughEveryLayer(t *testing.T) {
	b := newBench(t)
	box := b.encrypted(syncproto.AppendRow(nil, row()))
	long := b.encrypted(syncproto.AppendRow(nil, syncproto.NewRow(append(row(), syncproto.Field{Num: syncproto.PersonNote, Value: syncproto.TextValue(string(bytes.Repeat([]byte("x"), 3000)) + canary)})...)))
	in := func(b *bench, v []byte) []byte { return append(append(b.noise(5000), v...), b.noise(5000)...) }
	zst := func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) }
	gz := func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil }
	for name, c := range map[string]struct {
		content []byte
		plain   bool // found without a key
	}{
		"plain":                     {in(b, []byte(canary)), true},
		"gzip":                      {b.through(in(b, []byte(canary)), gz), true},
		"zstd":                      {b.through(in(b, []byte(canary)), zst), true},
		"value in a database":       {b.database(append(b.noise(20000), canary...)), true},
		"sealed segment":            {in(b, b.segment()), false},
		"segment in a database":     {b.database(b.segment()), false},
		"encrypted row":             {in(b, box), false},
		"encrypted row, end lost":   {in(b, box[:len(box)-16]), false},
		"encrypted name":            {in(b, b.encrypted([]byte(canary))), false},
		"long row over pages":       {b.database(append(b.noise(6000), long...)), false},
		"backup":                    {b.aged(b.archive("store.db", b.database(box))), false},
		"backup of segments":        {b.aged(b.through(b.archive("a.bundle", b.segment()), zst)), false},
		"far into a file":           {append(make([]byte, 3<<19), box...), false},
		"across the edge of chunks": {append(make([]byte, 1<<20-20), canary...), true},
	} {
		t.Run(name, func(t *testing.T) {
			b := *b
			b.t = t
			all := scan.Keys{Seals: []syncproto.SealPrivate{b.seal}, Rows: [][]byte{b.row}, Ages: []age.Identity{b.age}}
			if r := b.scan(c.content, all); len(r.Findings) == 0 {
				t.Errorf("not found with all keys: %+v", r)
			}
			if r := b.scan(c.content, scan.Keys{}); (len(r.Findings) > 0) != c.plain {
				t.Errorf("found without a key: %+v", r.Findings)
			}
		})
	}
}

// TestScanTellsNoValue keeps what is looked for out of what is reported.
func TestScanTellsNoValue(t *testing.T) {
	b := newBench(t)
	r := b.scan([]byte(canary), scan.Keys{})
	if len(r.Findings) != 1 || r.Findings[0].Mark != "name" || r.Findings[0].At != "as it is" {
		t.Fatalf("%+v", r)
	}
	if _, err := scan.New(scan.Keys{}, []scan.Mark{{Name: "short", Value: []byte("abc")}}, t.TempDir()); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
		t.Errorf("a mark that is everywhere: %v", err)
	}
	if _, err := scan.New(scan.Keys{Rows: [][]byte{{1}}}, nil, t.TempDir()); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
		t.Errorf("a key of one octet: %v", err)
	}
	if r := b.scan(b.aged([]byte(canary)), scan.Keys{}); r.Closed != 1 || len(r.Findings) != 0 {
		t.Errorf("a backup without its key: %+v", r)
	}
}
