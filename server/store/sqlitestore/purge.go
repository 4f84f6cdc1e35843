package sqlitestore

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"

	"thonsync/syncproto"
)

// Purge makes sure that what was deleted or overwritten is in no file of the
// database any more: it empties the write-ahead log, looks for the given traces
// in the database file, and rewrites that if it finds one, or in any case if
// traces is nil. secure_delete alone leaves some: when SQLite moves rows between
// pages it does not clear where they lay.
//
// It fails with CodeOverload while a long view keeps the write-ahead log; nothing
// is lost then, and it has to be called again.
func (s *Store) Purge(ctx context.Context, traces [][]byte) error {
	if err := s.Checkpoint(ctx); err != nil {
		return err
	}
	dirty := traces == nil
	if !dirty {
		var err error
		if dirty, err = s.holds(traces); err != nil || !dirty {
			return err
		}
	}
	if err := s.vacuum(ctx); err != nil {
		return err
	}
	if err := s.Checkpoint(ctx); err != nil || traces == nil {
		return err
	}
	left, err := s.holds(traces)
	if err == nil && left {
		err = syncproto.Errorf(syncproto.CodeInternal, "the database file still holds what was deleted after it was rewritten: stop the server and run `thonsync doctor`")
	}
	return err
}

func (s *Store) vacuum(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.writer == nil {
		return errClosed()
	}
	if _, err := s.writer.c.ExecContext(ctx, "VACUUM"); err != nil {
		return classify(err, "rewriting the database")
	}
	return nil
}

// holds tells whether the database file holds a piece of a trace.
func (s *Store) holds(traces [][]byte) (bool, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return false, syncproto.Wrap(syncproto.CodeInternal, err, "looking for deleted values in the database file")
	}
	defer func() { _ = f.Close() }() // only read from
	found, err := newTraces(traces).in(f)
	if err != nil {
		return false, syncproto.Wrap(syncproto.CodeInternal, err, "looking for deleted values in the database file")
	}
	return found, nil
}

// pieceBytes is the length of the pieces that traces are cut into: long enough
// to meet nothing by chance, short enough that a value which lies on two pages
// still shows.
const pieceBytes = 12

// traces finds pieces of many values in one pass.
type traces struct {
	first  [1 << 16]bool // leading two octets of a piece
	pieces map[uint64][]string
}

func newTraces(values [][]byte) *traces {
	t := &traces{pieces: make(map[uint64][]string)}
	for _, v := range values {
		for ; len(v) >= pieceBytes; v = v[pieceBytes:] {
			p := string(v[:pieceBytes])
			if p == string(make([]byte, pieceBytes)) {
				continue
			}
			t.first[binary.BigEndian.Uint16(v)] = true
			k := binary.BigEndian.Uint64(v)
			t.pieces[k] = append(t.pieces[k], p)
		}
	}
	return t
}

func (t *traces) in(r io.Reader) (bool, error) {
	buf := make([]byte, 1<<20)
	kept := 0
	for {
		n, err := io.ReadFull(r, buf[kept:])
		if b := buf[:kept+n]; t.inside(b) {
			return true, nil
		} else if len(b) >= pieceBytes {
			kept = copy(buf, b[len(b)-pieceBytes+1:])
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
}

func (t *traces) inside(b []byte) bool {
	for i := 0; i+pieceBytes <= len(b); i++ {
		if !t.first[uint16(b[i])<<8|uint16(b[i+1])] {
			continue
		}
		for _, p := range t.pieces[binary.BigEndian.Uint64(b[i:])] {
			if string(b[i:i+pieceBytes]) == p {
				return true
			}
		}
	}
	return false
}
