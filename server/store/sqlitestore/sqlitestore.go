// Package sqlitestore keeps a store in one SQLite file, through the pure Go
// driver modernc.org/sqlite: nothing to install on a commune's mini-PC.
package sqlitestore

import (
	"context"
	"database/sql"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	_ "modernc.org/sqlite" // registers the driver "sqlite"

	"thonsync/server/reserve"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// Pragmas go into the DSN, because one that is executed reaches only one
// connection of a pool. synchronous is FULL because whoever holds our receipt
// may drop its copy. The caches bound memory; the write-ahead log may grow to
// 32 MB, because a bulk of phones' work rewrites the same pages again and again.
const (
	writerPragmas = "_pragma=busy_timeout(5000)&_pragma=page_size(8192)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
		"&_pragma=foreign_keys(1)&_pragma=secure_delete(1)&_pragma=cache_size(-16384)&_pragma=wal_autocheckpoint(4000)&_txlock=immediate"
	readerPragmas = "_pragma=busy_timeout(5000)&_pragma=query_only(1)&_pragma=cache_size(-4096)"
)

// Options set what most callers leave alone.
type Options struct {
	// Readers is how many views may run at once; by default 4, or more on
	// machines with more processors.
	Readers int
	// ReadOnly opens for View alone, beside a server that holds the database.
	ReadOnly bool
	// Driver is the database/sql driver to open with, modernc.org/sqlite by
	// default; another has to wrap it.
	Driver string
	// MaxPages bounds the file to that many pages of 8 KB; 0 for no bound.
	MaxPages int
}

func (o *Options) driver() string {
	if o.Driver != "" {
		return o.Driver
	}
	return "sqlite"
}

// Store is a store in a SQLite file.
type Store struct {
	path    string // absolute
	db, rdb *sql.DB
	lock    *fileLock
	writer  *conn
	readers chan *conn
	size    int

	mu     sync.Mutex // held by the running Update
	failed error      // set when durability is in doubt: only a restart helps
	closed bool
}

var _ store.Store = (*Store)(nil)

// Open opens the database at path, creates it if it is missing and brings it to
// the newest version. It fails with CodeInUse if another process holds it and
// with CodeNewerSchema if a newer program wrote it.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	if o.Readers <= 0 {
		o.Readers = max(4, runtime.GOMAXPROCS(0))
	}
	s := &Store{size: o.Readers}
	if err := s.open(ctx, path, o); err != nil {
		return nil, s.abandon(err)
	}
	return s, nil
}

// abandon gives back what a failed Open had taken.
func (s *Store) abandon(err error) error {
	for _, db := range [...]*sql.DB{s.rdb, s.db} {
		if db != nil {
			_ = db.Close() // the first error is the one that matters
		}
	}
	if s.lock != nil {
		_ = s.lock.release()
	}
	return err
}

func (s *Store) open(ctx context.Context, path string, o Options) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return syncproto.Wrap(syncproto.CodeInternal, err, "database path cannot be resolved")
	}
	s.path = path
	if !o.ReadOnly {
		if s.lock, err = acquireLock(path + ".lock"); err != nil {
			return err
		}
		if err := s.openWriter(ctx, path, o); err != nil {
			return err
		}
	}
	if s.rdb, err = sql.Open(o.driver(), dsn(path, "mode=ro&"+readerPragmas)); err != nil {
		return classify(err, "opening the database for reading")
	}
	s.readers = make(chan *conn, s.size)
	for range s.size {
		c, err := newConn(ctx, s.rdb)
		if err != nil {
			return classify(err, "opening the database for reading")
		}
		s.readers <- c
	}
	if o.ReadOnly {
		return s.View(ctx, func(r store.Reader) error { return checkVersion(r.(*tx)) })
	}
	return nil
}

func (s *Store) openWriter(ctx context.Context, path string, o Options) error {
	reserve.File(path)
	var err error
	if s.db, err = sql.Open(o.driver(), dsn(path, writerPragmas)); err != nil {
		return classify(err, "opening the database")
	}
	if s.writer, err = newConn(ctx, s.db); err != nil {
		return classify(err, "opening the database")
	}
	if o.MaxPages > 0 {
		if _, err := s.writer.c.ExecContext(ctx, "PRAGMA max_page_count="+itoa(o.MaxPages)); err != nil {
			return classify(err, "bounding the database")
		}
	}
	return migrate(ctx, s.writer)
}

// dsn makes a file: URI, in which a path may hold ? and # when escaped.
func dsn(path, query string) string {
	p := filepath.ToSlash(path)
	if !strings.HasPrefix(p, "/") {
		p = "/" + p // Windows drive letters
	}
	return (&url.URL{Scheme: "file", Path: p, RawQuery: query}).String()
}

// View runs f on one snapshot.
func (s *Store) View(ctx context.Context, f func(store.Reader) error) error {
	var c *conn
	select {
	case c = <-s.readers:
	case <-ctx.Done():
		return ctx.Err()
	}
	if c == nil {
		return errClosed()
	}
	defer func() { s.readers <- c }()
	if err := c.simple("BEGIN DEFERRED"); err != nil {
		return classify(err, "beginning to read")
	}
	// A read transaction has nothing to lose; ROLLBACK ends it whatever happened.
	defer func() { _ = c.simple("ROLLBACK") }()
	return f(&tx{c})
}

// Update runs f in the write transaction.
func (s *Store) Update(ctx context.Context, f func(store.Tx) error) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return errClosed()
	case s.writer == nil:
		return syncproto.Errorf(syncproto.CodeInternal, "database was opened for reading only")
	case s.failed != nil:
		return s.failed
	case ctx.Err() != nil:
		return ctx.Err()
	}
	if err := s.writer.simple("BEGIN IMMEDIATE"); err != nil {
		return classify(err, "beginning to write")
	}
	done := false
	defer func() {
		if !done {
			s.rollback()
		}
	}()
	if err := f(&tx{s.writer}); err != nil {
		return err
	}
	if err := s.writer.simple("COMMIT"); err != nil {
		return s.doubt(err)
	}
	done = true
	return nil
}

// rollback undoes the open transaction. SQLite has often done so by itself
// after an error, and then there is nothing to roll back.
func (s *Store) rollback() {
	if err := s.writer.simple("ROLLBACK"); err != nil && !noTransaction(err) {
		s.failed = syncproto.Wrap(syncproto.CodeInternal, err, "a failed change could not be undone: restart the server")
	}
}

// doubt looks at a failed commit. After a failed fsync the kernel may have
// dropped the pages, so trying again could report success without the data.
func (s *Store) doubt(err error) error {
	if fsyncFailed(err) {
		s.failed = syncproto.Wrap(syncproto.CodeInternal, err, "the disk did not confirm a write: check the disk and restart the server")
		return s.failed
	}
	return classify(err, "committing")
}

func errClosed() error { return syncproto.Errorf(syncproto.CodeInternal, "database is closed") }

// Checkpoint moves the write-ahead log into the database file and empties it,
// so that what was erased is gone from it too.
func (s *Store) Checkpoint(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.writer == nil {
		return errClosed()
	}
	var busy, logged, moved int
	err := s.writer.c.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &logged, &moved)
	if err != nil {
		return classify(err, "emptying the write-ahead log")
	}
	if busy != 0 {
		return syncproto.Errorf(syncproto.CodeOverload, "a long view keeps the write-ahead log from being emptied: try again later")
	}
	return nil
}

// Backup writes a consistent copy of the database to the file at path, which
// must not exist. Copying the files by hand would miss what is still in the
// write-ahead log.
func (s *Store) Backup(ctx context.Context, path string) error {
	select {
	case c := <-s.readers:
		if c == nil {
			return errClosed()
		}
		defer func() { s.readers <- c }()
	case <-ctx.Done():
		return ctx.Err()
	}
	c, err := s.rdb.Conn(ctx)
	if err != nil {
		return classify(err, "backing up")
	}
	defer func() { _ = c.Close() }()
	// VACUUM INTO counts as a write for query_only, though it only reads here.
	if _, err := c.ExecContext(ctx, "PRAGMA query_only=0"); err != nil {
		return classify(err, "backing up")
	}
	defer func() { _, _ = c.ExecContext(context.WithoutCancel(ctx), "PRAGMA query_only=1") }()
	if _, err := c.ExecContext(ctx, "VACUUM INTO ?", path); err != nil {
		return classify(err, "backing up")
	}
	return nil
}

// Close waits for running transactions.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	for range s.size {
		c := <-s.readers
		_ = c.close() // a reader has nothing to lose
	}
	close(s.readers)
	err := s.rdb.Close()
	if s.writer != nil {
		if e := s.writer.close(); e != nil {
			err = e
		}
		if e := s.db.Close(); e != nil {
			err = e
		}
	}
	if s.lock != nil {
		if e := s.lock.release(); e != nil {
			err = e
		}
	}
	if err != nil {
		return classify(err, "closing the database")
	}
	return nil
}
