// Package requests keeps the queue of what citizens ask for about their data, and
// of breaches: what each asks, by when the law wants it done, and every step that
// was taken. The log is a file outside the database, append-only and chained by
// hashes, and holds identifiers only.
package requests

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"thonsync/server/chained"
	"thonsync/syncproto"
)

// Log is the open log with the requests that it tells of. It is safe for
// concurrent use.
type Log struct {
	now func() time.Time

	mu       sync.Mutex
	file     *chained.File
	requests []*Request
	byNumber map[string]*Request
}

// Open opens or makes the log. A last line that a crash cut short is dropped: its
// step was not confirmed to anybody. It fails with CodeChain if a line was
// altered or removed.
func Open(path string, now func() time.Time) (*Log, error) {
	file, _, err := chained.Open(path, domain)
	if err != nil {
		return nil, fmt.Errorf("the log of requests: %w", err)
	}
	l := &Log{now: now, file: file, byNumber: make(map[string]*Request)}
	if err := l.load(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return l, nil
}

const domain = "thonsync requests 1\n"

func (l *Log) load() error {
	return chained.Each(l.file.Snapshot(), domain, func(n int, x chained.Line, fault chained.Fault) error {
		var s Step
		if fault != chained.Sound || json.Unmarshal(x.Entry, &s) != nil {
			return syncproto.Errorf(syncproto.CodeChain, "line %d of the log of requests does not follow from what stands before it: put back the copy that lies beside the backups", n)
		}
		if err := l.apply(&s); err != nil {
			return fmt.Errorf("line %d of the log of requests: %w", n, err)
		}
		return nil
	})
}

// write appends a step durably and lets it act.
func (l *Log) write(s *Step) error {
	s.AtMS = l.now().UnixMilli()
	if err := l.check(s); err != nil {
		return err
	}
	if err := l.file.Append(s); err != nil {
		return fmt.Errorf("the log of requests: %w", err)
	}
	return l.apply(s)
}

// Copy gives the file as it is now.
func (l *Log) Copy() ([]byte, error) {
	l.mu.Lock()
	text := l.file.Snapshot()
	l.mu.Unlock()
	b, err := io.ReadAll(text)
	if err != nil {
		return nil, fmt.Errorf("copying the log of requests: %w", err)
	}
	return b, nil
}

// Close closes the file.
func (l *Log) Close() error { return l.file.Close() }
