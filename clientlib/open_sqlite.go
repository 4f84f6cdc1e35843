//go:build !js

package clientlib

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"

	_ "modernc.org/sqlite" // driver
)

// reserve makes a database that is not there yet readable for its owner alone;
// SQLite gives the files beside it the same mode. A file that is there is not
// even opened: closing it would end the locks that this process has on it. What
// fails here fails in SQLite, too, which tells why.
func reserve(path string) {
	if f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err == nil {
		f.Close()
	}
}

// pragmas are applied by the driver in alphabetical order and before
// _journal_mode; so locking_mode comes before anything touches the file. Thus the
// write-ahead index stays in memory (a full disk cannot stop a connection from
// opening for want of it) and a second process is refused at once; with no one
// to wait for, busy_timeout is 0.
var pragmas = []string{
	"busy_timeout(0)", "cell_size_check(1)", "foreign_keys(1)", "locking_mode(EXCLUSIVE)", "secure_delete(1)", "synchronous(FULL)", "trusted_schema(0)",
}

func defaultOpener(ctx context.Context, path string) (*sql.DB, error) {
	return openSQLite(ctx, path, pragmas)
}

func openSQLite(ctx context.Context, path string, pragmas []string) (*sql.DB, error) {
	reserve(path)
	q := url.Values{"_pragma": pragmas, "_journal_mode": {"WAL"}, "_txlock": {"immediate"}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	db.SetConnMaxLifetime(0)
	if err := db.PingContext(ctx); err != nil {
		db.Close()
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	return db, nil
}
