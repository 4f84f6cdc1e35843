package answer_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"sync"
)

// recorder is a database driver that notes every statement that is run, with the
// number of its arguments, and passes it on.
type recorder struct {
	driver.Driver
	mu  sync.Mutex
	ran []string
}

const recorderName = "recorder"

// watched is the one recorder; it is registered once.
var watched = sync.OnceValue(func() *recorder {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		panic(err)
	}
	r := &recorder{Driver: db.Driver()}
	if err := db.Close(); err != nil {
		panic(err)
	}
	sql.Register(recorderName, r)
	return r
})

func (r *recorder) note(query string, args int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ran = append(r.ran, fmt.Sprintf("%s [%d]", query, args))
}

// take gives what was run since the last take.
func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.ran
	r.ran = nil
	return out
}

// Open opens a connection that is watched.
func (r *recorder) Open(name string) (driver.Conn, error) {
	c, err := r.Driver.Open(name)
	return &watchedConn{c, r}, err
}

type watchedConn struct {
	driver.Conn
	r *recorder
}

func (c *watchedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	s, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	return &watchedStmt{s, c.r, query}, err
}

func (c *watchedConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	c.r.note("BEGIN", 0)
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
}

func (c *watchedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.r.note(query, len(args))
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

func (c *watchedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.r.note(query, len(args))
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

type watchedStmt struct {
	driver.Stmt
	r     *recorder
	query string
}

func (s *watchedStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	s.r.note(s.query, len(args))
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

func (s *watchedStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.r.note(s.query, len(args))
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}
