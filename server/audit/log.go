package audit

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"thonsync/syncproto"
)

// Config is what a Log needs; all fields are required.
type Config struct {
	Path  string // of the log, one JSON object a line
	Heads string // of the signed heads, one JSON object a line
	// Key signs heads; Trusted tells whose heads are believed.
	Key     func() ed25519.PrivateKey
	Trusted func(ed25519.PublicKey) bool
	Now     func() time.Time
}

// Entry is an event in its place.
type Entry struct {
	Number uint64 `json:"n"`
	AtMS   int64  `json:"at_ms"`
	Event
}

// line is how an entry lies in the file. The hash covers the octets of the entry
// as they stand there, and the hash before.
type line struct {
	Hash  string          `json:"hash"`
	Entry json.RawMessage `json:"entry"`
}

// mark is the end of the log: number and hash of the last entry.
type mark struct {
	Number uint64 `json:"n"`
	Hash   string `json:"hash"`
}

// Log is an open access log. It is safe for concurrent use.
type Log struct {
	cfg Config

	mu     sync.Mutex
	f      *os.File
	size   int64
	end    mark
	signed mark
	broken error // set when the file cannot be continued
	crowd  crowd
}

// Open opens or makes the log. A last line that a crash cut short is dropped:
// what it spoke of was not shown. A log whose end is damaged opens, so that the
// server goes on taking in what phones bring, and takes no entries.
func Open(cfg Config) (*Log, error) {
	f, err := os.OpenFile(cfg.Path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the access log: %w", err)
	}
	l := &Log{cfg: cfg, f: f, crowd: newCrowd()}
	if err := l.findEnd(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	heads, err := readHeads(cfg.Heads)
	if err == nil && len(heads) > 0 {
		l.signed = heads[len(heads)-1].mark
	}
	return l, nil // heads that do not parse are Verify's to tell
}

// tailBytes holds several lines; an entry has less than 2 KB.
const tailBytes = 16 << 10

// findEnd reads the last whole line and drops what comes after it.
func (l *Log) findEnd() error {
	size, err := l.f.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("reading the access log: %w", err)
	}
	from := max(0, size-tailBytes)
	tail := make([]byte, size-from)
	if _, err := l.f.ReadAt(tail, from); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the access log: %w", err)
	}
	whole := bytes.LastIndexByte(tail, '\n') + 1
	l.size = from + int64(whole)
	if whole == 0 {
		if from > 0 {
			l.broken = errDamaged
			return nil
		}
		return l.cut()
	}
	last := tail[:whole-1]
	last = last[bytes.LastIndexByte(last, '\n')+1:]
	if e, hash, err := parse(last); err == nil {
		l.end = mark{e.Number, hash}
		return l.cut()
	}
	l.broken = errDamaged
	return nil
}

// damaged tells whether the log takes no entries any more.
func (l *Log) damaged() bool { return l.broken != nil }

var errDamaged = syncproto.Errorf(syncproto.CodeChain,
	"the end of the access log is damaged, so personal fields cannot be shown and nobody can sign in: run `thonsync audit verify`, put the file access.jsonl of the data folder aside for whoever looks into it, and start the server again")

func (l *Log) cut() error {
	if err := l.f.Truncate(l.size); err != nil {
		return fmt.Errorf("mending the access log: %w", err)
	}
	return nil
}

func parse(b []byte) (e Entry, hash string, err error) {
	var ln line
	if err := json.Unmarshal(b, &ln); err != nil {
		return e, "", err
	}
	if raw, err := hex.DecodeString(ln.Hash); err != nil || len(raw) != sha256.Size {
		return e, "", errors.New("no hash")
	}
	return e, ln.Hash, json.Unmarshal(ln.Entry, &e)
}

const domain = "thonsync access log 1\n"

// link gives the hash of an entry after the one before; hashes are in hex, ""
// before the first.
func link(before string, entry []byte) string {
	h := sha256.New()
	h.Write([]byte(domain + before + "\n"))
	h.Write(entry)
	return hex.EncodeToString(h.Sum(nil))
}

// Write writes an event durably before it returns.
func (l *Log) Write(ctx context.Context, e Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.append(e)
}

func (l *Log) append(e Event) error {
	if err := e.check(); err != nil {
		return err
	}
	if l.broken != nil {
		return l.broken
	}
	entry, err := json.Marshal(Entry{Number: l.end.Number + 1, AtMS: l.cfg.Now().UnixMilli(), Event: e})
	if err != nil {
		return fmt.Errorf("encoding an access log entry: %w", err)
	}
	hash := link(l.end.Hash, entry)
	b, err := json.Marshal(line{hash, entry})
	if err != nil {
		return fmt.Errorf("encoding an access log entry: %w", err)
	}
	b = append(b, '\n')
	_, err = l.f.WriteAt(b, l.size)
	if err == nil {
		err = l.f.Sync()
	}
	if err != nil {
		// What is half there must not stay: the next entry goes in its place.
		if l.cut() != nil {
			l.broken = errDamaged
		}
		return syncproto.Wrap(syncproto.CodeDiskFull, err, "the access log cannot be written, so what was asked for is not shown: free space on the server's disk")
	}
	l.size += int64(len(b))
	l.end = mark{l.end.Number + 1, hash}
	return nil
}

// Close writes what is still counted, signs the end and closes the file.
func (l *Log) Close() error {
	err := l.Tidy(context.Background())
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(err, l.f.Close())
}

// Tidy writes counts that are due and signs the end of the log if it has grown.
// Call it every few seconds.
func (l *Log) Tidy(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.settle(), l.sign())
}

// Copy writes consistent copies of log and heads, signed up to the end, to the
// two paths.
func (l *Log) Copy(logTo, headsTo string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.sign(); err != nil {
		return err
	}
	b := make([]byte, l.size)
	if _, err := l.f.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("copying the access log: %w", err)
	}
	heads, err := os.ReadFile(l.cfg.Heads)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("copying the heads of the access log: %w", err)
	}
	if err := os.WriteFile(logTo, b, 0o600); err != nil {
		return fmt.Errorf("copying the access log: %w", err)
	}
	if err := os.WriteFile(headsTo, heads, 0o600); err != nil {
		return fmt.Errorf("copying the heads of the access log: %w", err)
	}
	return nil
}
