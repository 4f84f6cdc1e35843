package clientlib

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"

	"thonsync/clientlib/changelog"
)

const (
	queryBegin    = `BEGIN IMMEDIATE`
	queryCommit   = `COMMIT`
	queryRollback = `ROLLBACK`
)

// keptPrepared are the statements of every recorded change.
var keptPrepared = []string{
	queryBegin, queryCommit, changelog.QueryHead, changelog.QuerySalt, changelog.QueryInsert, changelog.QueryByRecord,
	queryState, queryPutRecord, queryPerson, queryUnitKnown,
}

// pinned is the store's one connection, held between calls, with the statements
// that are kept prepared on it. Transactions are run by prepared statements: a
// sql.Tx starts a goroutine each time, which costs a third of a commit on fast
// storage. Because the connection is pinned, a lost one is an error and never a
// silent change to another in the middle of a transaction.
type pinned struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

// ExecContext runs a statement.
func (p *pinned) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if s := p.stmts[query]; s != nil {
		return s.ExecContext(ctx, args...)
	}
	return p.conn.ExecContext(ctx, query, args...)
}

// QueryContext runs a query.
func (p *pinned) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if s := p.stmts[query]; s != nil {
		return s.QueryContext(ctx, args...)
	}
	return p.conn.QueryContext(ctx, query, args...)
}

// QueryRowContext runs a query for one row.
func (p *pinned) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if s := p.stmts[query]; s != nil {
		return s.QueryRowContext(ctx, args...)
	}
	return p.conn.QueryRowContext(ctx, query, args...)
}

// pin takes the connection, if it is not held already. In a database of another
// schema some statements cannot be prepared; they are not needed there.
func (d *Device) pin(ctx context.Context) error {
	if d.conn != nil {
		return nil
	}
	conn, err := d.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("taking the database connection: %w", err)
	}
	d.conn = &pinned{conn: conn, stmts: make(map[string]*sql.Stmt)}
	for _, query := range keptPrepared {
		s, err := conn.PrepareContext(ctx, query)
		if err != nil {
			continue
		}
		d.conn.stmts[query] = s
	}
	return nil
}

// unpin lets the connection go back to the pool.
func (d *Device) unpin() { d.release(false) }

// discard closes the connection for good, so that whatever a transaction left
// on it is gone; the next call takes a new one.
func (d *Device) discard() { d.release(true) }

func (d *Device) release(bad bool) {
	if d.conn == nil {
		return
	}
	for _, s := range d.conn.stmts {
		s.Close()
	}
	if bad {
		// A connection whose Raw fails so is not used again.
		_ = d.conn.conn.Raw(func(any) error { return driver.ErrBadConn })
	}
	d.conn.conn.Close()
	d.conn = nil
}

// transact runs f between begin and commit.
func (d *Device) transact(ctx context.Context, f func(context.Context, changelog.Querier) error) error {
	if _, err := d.conn.ExecContext(ctx, queryBegin); err != nil {
		return fmt.Errorf("starting a transaction: %w", err)
	}
	settled := false
	defer func() {
		if !settled {
			d.discard()
		}
	}()
	err := f(ctx, d.conn)
	if err == nil {
		if _, err = d.conn.ExecContext(ctx, queryCommit); err == nil {
			settled = true
			return nil
		}
		err = fmt.Errorf("committing: %w", err)
	}
	// Where SQLite has rolled back by itself this fails, and the connection is
	// replaced.
	_, back := d.conn.ExecContext(ctx, queryRollback)
	settled = back == nil
	return err
}
