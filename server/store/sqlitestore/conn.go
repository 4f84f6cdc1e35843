package sqlitestore

import (
	"context"
	"database/sql"
	"strconv"
	"sync"
)

// conn is one connection with its prepared statements. It is used by one
// transaction at a time. Statements run under a context that cannot be
// cancelled: the driver would start a watcher for each, and a bulk of rows
// would be a third slower.
type conn struct {
	c     *sql.Conn
	mu    sync.Mutex
	stmts map[string]*sql.Stmt
}

func newConn(ctx context.Context, db *sql.DB) (*conn, error) {
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{c: c, stmts: make(map[string]*sql.Stmt)}, nil
}

func (c *conn) stmt(q string) (*sql.Stmt, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := c.stmts[q]; ok {
		return s, nil
	}
	s, err := c.c.PrepareContext(context.Background(), q)
	if err != nil {
		return nil, err
	}
	c.stmts[q] = s
	return s, nil
}

// simple runs a statement without arguments or rows.
func (c *conn) simple(q string) error {
	s, err := c.stmt(q)
	if err != nil {
		return err
	}
	_, err = s.ExecContext(context.Background())
	return err
}

func (c *conn) close() error {
	for _, s := range c.stmts {
		_ = s.Close() // closing the connection frees them anyway
	}
	return c.c.Close()
}

// tx implements store.Reader and store.Tx on a connection inside a transaction.
type tx struct{ *conn }

// exec runs a statement and gives the number of rows it changed.
func (t *tx) exec(what, q string, args ...any) (int64, error) {
	s, err := t.stmt(q)
	if err != nil {
		return 0, classify(err, what)
	}
	r, err := s.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, classify(err, what)
	}
	n, err := r.RowsAffected()
	if err != nil {
		return 0, classify(err, what)
	}
	return n, nil
}

// each runs a query and calls f for every row.
func (t *tx) each(what, q string, f func(scan func(...any) error) error, args ...any) (err error) {
	s, err := t.stmt(q)
	if err != nil {
		return classify(err, what)
	}
	rows, err := s.QueryContext(context.Background(), args...)
	if err != nil {
		return classify(err, what)
	}
	defer func() {
		if e := rows.Close(); e != nil && err == nil {
			err = classify(e, what)
		}
	}()
	scan := func(dst ...any) error {
		if err := rows.Scan(dst...); err != nil {
			return classify(err, what)
		}
		return nil
	}
	for rows.Next() {
		if err := f(scan); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return classify(err, what)
	}
	return nil
}

// one runs a query for at most one row; false if there is none.
func (t *tx) one(what, q string, args []any, dst ...any) (bool, error) {
	found := false
	err := t.each(what, q, func(scan func(...any) error) error {
		found = true
		return scan(dst...)
	}, args...)
	return found, err
}

// list collects the rows of a query.
func list[T any](t *tx, what, q string, row func(scan func(...any) error) (T, error), args ...any) ([]T, error) {
	var out []T
	err := t.each(what, q, func(scan func(...any) error) error {
		v, err := row(scan)
		if err != nil {
			return err
		}
		out = append(out, v)
		return nil
	}, args...)
	return out, err
}

func itoa(n int) string { return strconv.Itoa(n) }

// limit turns 0 into SQLite's "no limit".
func limit(n int) int {
	if n <= 0 {
		return -1
	}
	return n
}
