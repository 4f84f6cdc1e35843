package accounts

import (
	"context"
	"database/sql"
	_ "embed" // the schema
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"thonsync/server/keys"
	"thonsync/server/reserve"
	"thonsync/syncproto"
)

//go:embed schema.sql
var schema string

const schemaVersion = 1

var pragmas = []string{
	"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
	"secure_delete(1)", "trusted_schema(0)", "cell_size_check(1)", "cache_size(-2048)",
}

func dsn(path string) string {
	p := filepath.ToSlash(path)
	if !strings.HasPrefix(p, "/") {
		p = "/" + p // Windows drive letters
	}
	q := url.Values{"_pragma": pragmas, "_txlock": {"immediate"}}
	return (&url.URL{Scheme: "file", Path: p, RawQuery: q.Encode()}).String()
}

// Open opens the accounts and makes the file at first use. It fails with
// CodeNewerSchema if a newer program wrote it.
func Open(ctx context.Context, cfg Config) (*Service, error) {
	box, err := keys.NewBox(cfg.Key, cfg.Random)
	if err != nil {
		return nil, err
	}
	path, err := filepath.Abs(cfg.Path)
	if err != nil {
		return nil, fmt.Errorf("path of the accounts: %w", err)
	}
	reserve.File(path)
	db, err := sql.Open("sqlite", dsn(path))
	if err != nil {
		return nil, fmt.Errorf("opening the accounts: %w", err)
	}
	db.SetMaxOpenConns(1)
	s := &Service{cfg: cfg, db: db, box: box, hash: newHasher(cfg.Random)}
	if err := s.update(ctx, migrate); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func migrate(t tx) error {
	var v int
	if _, err := t.one(`PRAGMA user_version`, nil, &v); err != nil {
		return err
	}
	if v > schemaVersion {
		return syncproto.Errorf(syncproto.CodeNewerSchema, "the accounts have schema %d, this program knows %d: update the program", v, schemaVersion)
	}
	if v == schemaVersion {
		return nil
	}
	return t.exec(schema + fmt.Sprintf("\nPRAGMA user_version = %d;", schemaVersion))
}

// Backup writes a consistent copy to the file at path, which must not exist.
func (s *Service) Backup(ctx context.Context, path string) error {
	if _, err := s.db.ExecContext(ctx, "VACUUM INTO ?", path); err != nil {
		return fmt.Errorf("copying the accounts: %w", err)
	}
	return nil
}

// Close closes the file.
func (s *Service) Close() error { return s.db.Close() }

// tx is a running transaction. Its context outlives the request's, so that what
// is written down is also done.
type tx struct {
	ctx context.Context
	t   *sql.Tx
}

// update runs f in a transaction; there is one at a time.
func (s *Service) update(ctx context.Context, f func(tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	t, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("reading the accounts: %w", err)
	}
	if err := f(tx{ctx, t}); err != nil {
		return errors.Join(err, t.Rollback())
	}
	if err := t.Commit(); err != nil {
		return fmt.Errorf("writing the accounts: %w", err)
	}
	return nil
}

func (t tx) exec(q string, args ...any) error {
	_, err := t.changed(q, args...)
	return err
}

// changed gives how many rows a statement changed.
func (t tx) changed(q string, args ...any) (int64, error) {
	r, err := t.t.ExecContext(t.ctx, q, args...)
	if err != nil {
		return 0, fmt.Errorf("writing the accounts: %w", err)
	}
	return r.RowsAffected()
}

// one reads at most one row.
func (t tx) one(q string, args []any, dst ...any) (bool, error) {
	err := t.t.QueryRowContext(t.ctx, q, args...).Scan(dst...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading the accounts: %w", err)
	}
	return true, nil
}

// row is an account with its secrets.
type row struct {
	Account
	password        string
	factor, pending []byte // encrypted
	step            int64
}

const columns = `id, name, role, units, password, factor, pending, step, disabled, made_ms,
 COALESCE((SELECT MAX(seen_ms) FROM sessions WHERE account = accounts.id), 0)`

func (r *row) scan(scan func(...any) error) error {
	var id []byte
	var role, units string
	err := scan(&id, &r.Name, &role, &units, &r.password, &r.factor, &r.pending, &r.step, &r.Disabled, &r.MadeMS, &r.SeenMS)
	if err != nil {
		return err
	}
	copy(r.ID[:], id)
	r.Role, r.Units, r.Password, r.Factor = Role(role), strings.Fields(units), r.password != "", r.factor != nil
	return nil
}

func (t tx) find(where string, arg any) (r row, found bool, err error) {
	err = r.scan(t.t.QueryRowContext(t.ctx, "SELECT "+columns+" FROM accounts WHERE "+where, arg).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return row{}, false, nil
	}
	if err != nil {
		return row{}, false, fmt.Errorf("reading the accounts: %w", err)
	}
	return r, true, nil
}

func (t tx) byName(name string) (row, bool, error) { return t.find("name = ?", name) }
func (t tx) byID(id uuid.UUID) (row, bool, error)  { return t.find("id = ?", id[:]) }

func join(units []string) string { return strings.Join(units, " ") }

func (t tx) insert(a *Account, password string) error {
	return t.exec(`INSERT INTO accounts (id, name, role, units, password, made_ms) VALUES (?, ?, ?, ?, ?, ?)`,
		a.ID[:], a.Name, string(a.Role), join(a.Units), password, a.MadeMS)
}

func (t tx) list() ([]Account, error) {
	rows, err := t.t.QueryContext(t.ctx, "SELECT "+columns+" FROM accounts ORDER BY name")
	if err != nil {
		return nil, fmt.Errorf("reading the accounts: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err tells what went wrong
	out := []Account{}
	for rows.Next() {
		var r row
		if err := r.scan(rows.Scan); err != nil {
			return nil, fmt.Errorf("reading the accounts: %w", err)
		}
		out = append(out, r.Account)
	}
	return out, rows.Err()
}

// forget ends all sessions and links of an account, and what is known of its
// browsers.
func (t tx) forget(id uuid.UUID) error {
	for _, table := range []string{"sessions", "links", "browsers"} {
		if err := t.exec("DELETE FROM "+table+" WHERE account = ?", id[:]); err != nil {
			return err
		}
	}
	return nil
}
