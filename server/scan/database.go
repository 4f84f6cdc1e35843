package scan

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// database reads every value of every table of a copy of a database, together
// with its write-ahead log, because a long value lies in pieces on several
// pages. The copy is removed.
func (s *Scanner) database(ctx context.Context, path, at string) (err error) {
	dir, err := os.MkdirTemp(s.dir, "scan-")
	if err != nil {
		return fmt.Errorf("making a folder to scan in: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path2 := filepath.Join(dir, "copy.db")
	for _, suffix := range [...]string{"", "-wal"} {
		if err := copyFile(path+suffix, path2+suffix); err != nil {
			return err
		}
	}
	p := filepath.ToSlash(path2)
	if !strings.HasPrefix(p, "/") {
		p = "/" + p
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: p}).String())
	if err != nil {
		return fmt.Errorf("opening a copy to scan: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tables, err := tablesOf(ctx, db)
	if err != nil {
		return err
	}
	s.report.Databases++
	for _, t := range tables {
		if err := s.table(ctx, db, t, at); err != nil {
			return err
		}
	}
	return nil
}

// copyFile copies a file; one that is missing is none.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("copying a database to scan: %w", err)
	}
	defer func() { _ = in.Close() }() // only read from
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("copying a database to scan: %w", err)
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("copying a database to scan: %w", err)
	}
	return nil
}

func tablesOf(ctx context.Context, db *sql.DB) ([]string, error) {
	rows, err := db.QueryContext(ctx, "SELECT name FROM sqlite_schema WHERE type='table'")
	if err != nil {
		return nil, fmt.Errorf("listing tables to scan: %w", err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("listing tables to scan: %w", err)
		}
		out = append(out, name)
	}
	return out, rows.Err()
}

func (s *Scanner) table(ctx context.Context, db *sql.DB, name, at string) error {
	//nolint:gosec // the name is the database's own, quoted; it cannot be a parameter
	rows, err := db.QueryContext(ctx, `SELECT * FROM "`+strings.ReplaceAll(name, `"`, `""`)+`"`)
	if err != nil {
		return fmt.Errorf("reading table %s to scan: %w", name, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return fmt.Errorf("reading table %s to scan: %w", name, err)
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("reading table %s to scan: %w", name, err)
		}
		for i, v := range values {
			s.value(v, within(at, name+"."+columns[i]))
		}
	}
	return rows.Err()
}

func (s *Scanner) value(v any, at string) {
	switch v := v.(type) {
	case []byte:
		s.octets(v, at)
	case string:
		s.octets([]byte(v), at)
	}
}
