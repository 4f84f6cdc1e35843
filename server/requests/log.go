// Package requests keeps the queue of what citizens ask for about their data, and
// of breaches: what each asks, by when the law wants it done, and every step that
// was taken. The log is a file outside the database, append-only and chained by
// hashes, and holds identifiers only.
package requests

import (
	"bufio"
	"bytes"
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

// Log is the open log with the requests that it tells of. It is safe for
// concurrent use.
type Log struct {
	now func() time.Time

	mu       sync.Mutex
	f        *os.File
	size     int64
	last     string // hash of the last line
	requests []*Request
	byNumber map[string]*Request
}

// line is a step as it lies in the file. Hash covers the step's octets as they
// stand there and the hash before.
type line struct {
	Hash string          `json:"hash"`
	Step json.RawMessage `json:"step"`
}

// Open opens or makes the log. A last line that a crash cut short is dropped: its
// step was not confirmed to anybody. It fails with CodeChain if a line was
// altered or removed.
func Open(path string, now func() time.Time) (*Log, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the log of requests: %w", err)
	}
	l := &Log{now: now, f: f, byNumber: make(map[string]*Request)}
	if err := l.load(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return l, nil
}

func (l *Log) load() error {
	b, err := io.ReadAll(l.f)
	if err != nil {
		return fmt.Errorf("reading the log of requests: %w", err)
	}
	b = b[:bytes.LastIndexByte(b, '\n')+1]
	sc := bufio.NewScanner(bytes.NewReader(b))
	sc.Buffer(nil, maxLine)
	for n := 1; sc.Scan(); n++ {
		var x line
		var s Step
		if err := json.Unmarshal(sc.Bytes(), &x); err != nil || json.Unmarshal(x.Step, &s) != nil || x.Hash != chained(l.last, x.Step) {
			return syncproto.Errorf(syncproto.CodeChain, "line %d of the log of requests does not follow from what stands before it: put back the copy that lies beside the backups", n)
		}
		if err := l.apply(&s); err != nil {
			return fmt.Errorf("line %d of the log of requests: %w", n, err)
		}
		l.last = x.Hash
	}
	if err := sc.Err(); err != nil {
		return fmt.Errorf("reading the log of requests: %w", err)
	}
	l.size = int64(len(b))
	if err := l.f.Truncate(l.size); err != nil {
		return fmt.Errorf("mending the log of requests: %w", err)
	}
	return nil
}

// maxLine bounds one line of the file.
const maxLine = 16 << 20

func chained(before string, step []byte) string {
	sum := sha256.Sum256(append([]byte(before), step...))
	return hex.EncodeToString(sum[:])
}

// write appends a step durably and lets it act.
func (l *Log) write(s *Step) error {
	s.AtMS = l.now().UnixMilli()
	if err := l.check(s); err != nil {
		return err
	}
	step, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encoding a step: %w", err)
	}
	x := line{chained(l.last, step), step}
	b, err := json.Marshal(x)
	if err != nil {
		return fmt.Errorf("encoding a step: %w", err)
	}
	b = append(b, '\n')
	_, err = l.f.WriteAt(b, l.size)
	if err == nil {
		err = l.f.Sync()
	}
	if err != nil {
		// What was written of it is overwritten by the next or dropped at the start.
		return errors.Join(fmt.Errorf("writing the log of requests: %w", err), l.f.Truncate(l.size))
	}
	l.size += int64(len(b))
	l.last = x.Hash
	return l.apply(s)
}

// Copy gives the file as it is now.
func (l *Log) Copy() ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := make([]byte, l.size)
	if _, err := l.f.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("copying the log of requests: %w", err)
	}
	return b, nil
}

// Close closes the file.
func (l *Log) Close() error { return l.f.Close() }
