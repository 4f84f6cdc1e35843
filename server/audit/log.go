package audit

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"thonsync/server/chained"
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

// mark is the end of the log: number and hash of the last entry.
type mark struct {
	Number uint64 `json:"n"`
	Hash   string `json:"hash"`
}

// Log is an open access log. It is safe for concurrent use.
type Log struct {
	cfg Config

	mu     sync.Mutex
	file   *chained.File
	end    mark
	signed mark
	broken bool // the last line is none of ours
	crowd  crowd
}

// Open opens or makes the log. A last line that a crash cut short is dropped:
// what it spoke of was not shown. A log whose end is damaged opens, so that the
// server goes on taking in what phones bring, and takes no entries.
func Open(cfg Config) (*Log, error) {
	file, last, err := chained.Open(cfg.Path, domain)
	if err != nil {
		return nil, fmt.Errorf("the access log: %w", err)
	}
	l := &Log{cfg: cfg, file: file, crowd: newCrowd()}
	if last != nil {
		var e Entry
		l.broken = json.Unmarshal(last, &e) != nil
		l.end = mark{e.Number, file.Head()}
	}
	heads, err := readHeads(cfg.Heads)
	if err == nil && len(heads) > 0 {
		l.signed = heads[len(heads)-1].mark
	}
	return l, nil // heads that do not parse are Verify's to tell
}

// damaged tells whether the log takes no entries any more.
func (l *Log) damaged() bool { return l.broken || l.file.Damaged() }

var errDamaged = syncproto.Errorf(syncproto.CodeChain,
	"the end of the access log is damaged, so personal fields cannot be shown and nobody can sign in: run `thonsync audit verify`, put the file access.jsonl of the data folder aside for whoever looks into it, and start the server again")

const domain = "thonsync access log 1\n"

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
	if l.damaged() {
		return errDamaged
	}
	n := l.end.Number + 1
	err := l.file.Append(Entry{Number: n, AtMS: l.cfg.Now().UnixMilli(), Event: e})
	if err != nil {
		return syncproto.Wrap(syncproto.CodeOf(err), err, "the access log cannot be written, so what was asked for is not shown: free space on the server's disk")
	}
	l.end = mark{n, l.file.Head()}
	return nil
}

// Close writes what is still counted, signs the end and closes the file.
func (l *Log) Close() error {
	err := l.Tidy(context.Background())
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(err, l.file.Close())
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
	text, heads, err := l.ends()
	if err != nil {
		return err
	}
	to, err := os.OpenFile(logTo, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("copying the access log: %w", err)
	}
	if _, err := io.Copy(to, text); err != nil {
		return errors.Join(fmt.Errorf("copying the access log: %w", err), to.Close())
	}
	if err := to.Close(); err != nil {
		return fmt.Errorf("copying the access log: %w", err)
	}
	if err := os.WriteFile(headsTo, heads, 0o600); err != nil {
		return fmt.Errorf("copying the heads of the access log: %w", err)
	}
	return nil
}

// ends signs the end and gives log and heads up to there; the log is read
// afterwards, while others go on writing.
func (l *Log) ends() (text io.Reader, heads []byte, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.sign(); err != nil {
		return nil, nil, err
	}
	heads, err = os.ReadFile(l.cfg.Heads)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, nil, fmt.Errorf("copying the heads of the access log: %w", err)
	}
	return l.file.Snapshot(), heads, nil
}
