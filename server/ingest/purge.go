package ingest

import (
	"bytes"
	"context"
	"sync"

	"thonsync/server/store"
)

// metaPurge is set in the transaction that deletes personal data and cleared
// once the engine's files are free of it, so that a crash in between is made up
// for at the next start.
const metaPurge = "purge"

// leftovers is what was deleted and may still be in a file.
type leftovers struct {
	mu     sync.Mutex
	any    bool     // something was, nobody knows what
	traces [][]byte // encrypted values and salts that were
}

// maxTraces bounds how many values are looked for one by one.
const maxTraces = 100_000

func (l *leftovers) add(traces [][]byte, whatever bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.traces = append(l.traces, traces...)
	if l.any = l.any || whatever || len(l.traces) > maxTraces; l.any {
		l.traces = nil
	}
}

func (l *leftovers) take() (traces [][]byte, whatever bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	traces, whatever = l.traces, l.any
	l.traces, l.any = nil, false
	return traces, whatever
}

// gone notes bytes that this transaction deletes for ever.
func (ses *session) gone(b []byte) {
	if len(b) > 0 {
		ses.traces = append(ses.traces, bytes.Clone(b))
	}
}

// erasing notes that this transaction deletes personal data.
func (ses *session) erasing() error {
	ses.erased = true
	return ses.tx.SetMeta(metaPurge, []byte{1})
}

// Purge makes sure that erased values are in no file of the store any more, free
// space and write-ahead log included. Without any it does nothing. It is called
// after every erasure; an error means that it has to be called again, which the
// next call and the next start do.
func (s *Service) Purge(ctx context.Context) error {
	s.purging.Lock()
	defer s.purging.Unlock()
	p, ok := s.cfg.Store.(store.Purger)
	traces, whatever := s.left.take()
	if len(traces) == 0 && !whatever {
		return nil
	}
	if ok {
		look := traces
		if whatever {
			look = nil
		}
		if err := p.Purge(ctx, look); err != nil {
			s.left.add(traces, whatever)
			return err
		}
	}
	return s.submit(ctx, func(ses *session) error {
		if s.left.pending() {
			return nil // a newer erasure waits for its own purge
		}
		return ses.tx.SetMeta(metaPurge, nil)
	})
}

func (l *leftovers) pending() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.any || len(l.traces) > 0
}

// PurgePending tells whether erased values may still be in a file.
func (s *Service) PurgePending() bool { return s.left.pending() }

// loadPurge takes over what an earlier run has not purged.
func (s *Service) loadPurge(r store.Reader) error {
	v, ok, err := r.Meta(metaPurge)
	if ok && len(v) > 0 {
		s.left.add(nil, true)
	}
	return err
}
