//go:build !js

package clientlib

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"

	_ "modernc.org/sqlite" // driver
)

// pragmas hold for every connection. locking_mode comes before everything that
// touches the file, so that the write-ahead index stays in memory and a second
// process is refused at once; with no one to wait for, busy_timeout is 0.
var pragmas = []string{
	"locking_mode(EXCLUSIVE)", "busy_timeout(0)", "journal_mode(WAL)", "synchronous(FULL)",
	"foreign_keys(1)", "secure_delete(1)", "trusted_schema(0)", "cell_size_check(1)",
}

func defaultOpener(ctx context.Context, path string) (*sql.DB, error) {
	q := url.Values{"_pragma": pragmas, "_txlock": {"immediate"}}
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
