// Package ownlog keeps the change log that a server writes itself: the centre's
// reference data, the devices that it issues. Its changes go into the server's
// own ingest as segments, like everybody else's.
package ownlog

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib/changelog"
	"thonsync/server/ingest"
	"thonsync/server/reserve"
	"thonsync/syncproto"
)

// Draft is a change to be written. Header needs Collection and Op, and Record
// where the operation wants one; schema, stamp, nonce and beacon are filled in.
type Draft struct {
	Header      syncproto.Header
	Operational syncproto.Row
	Personal    syncproto.Row
}

// Config is what a Log needs; fields without a default are required.
type Config struct {
	Path   string // SQLite file; its driver is registered by the store
	Cipher changelog.Cipher
	// Key is that of the first origin: a point's identity. Without it the log makes
	// its own: the centre's signing keys are replaced, its log goes on.
	Key ed25519.PrivateKey
	// Chain gives the credentials of an own origin.
	Chain  func(origin syncproto.OriginID, key ed25519.PublicKey) ([]string, error)
	Seal   func() (syncproto.SealPublic, error)
	Submit func(ctx context.Context, b ingest.Batch) (ingest.Result, error)
	Beacon func() syncproto.BeaconMark
	Now    func() time.Time
	Random io.Reader
}

// Log is the server's own log. It is safe for concurrent use; writes take
// turns.
type Log struct {
	cfg Config
	db  *sql.DB
	log *changelog.Log
	mu  sync.Mutex
}

// exclusive, because only one process may write a log: two would make a fork.
var pragmas = []string{
	"locking_mode(EXCLUSIVE)", "busy_timeout(0)", "journal_mode(WAL)", "synchronous(FULL)",
	"foreign_keys(1)", "secure_delete(1)", "trusted_schema(0)", "cell_size_check(1)",
}

func dsn(path string) string {
	p := filepath.ToSlash(path)
	if !strings.HasPrefix(p, "/") {
		p = "/" + p
	}
	q := url.Values{"_pragma": pragmas, "_txlock": {"immediate"}}
	return (&url.URL{Scheme: "file", Path: p, RawQuery: q.Encode()}).String()
}

// schemaVersion is the user_version of a log whose tables are made. The tables
// are the change log's and frozen.
const schemaVersion = 1

// Open opens the log and makes it at first use.
func Open(ctx context.Context, cfg Config) (*Log, error) {
	path, err := filepath.Abs(cfg.Path)
	if err != nil {
		return nil, fmt.Errorf("path of the own log: %w", err)
	}
	reserve.File(path)
	db, err := sql.Open("sqlite", dsn(path))
	if err != nil {
		return nil, fmt.Errorf("opening the own log: %w", err)
	}
	db.SetMaxOpenConns(1)
	l := &Log{cfg: cfg, db: db}
	if err := l.open(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return l, nil
}

func (l *Log) open(ctx context.Context) error {
	return l.update(ctx, func(tx *sql.Tx) error {
		var v int
		if err := tx.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&v); err != nil {
			return fmt.Errorf("reading the own log: %w", err)
		}
		if v > schemaVersion {
			return syncproto.Errorf(syncproto.CodeNewerSchema, "the own log has schema %d, this program knows %d: update the program", v, schemaVersion)
		}
		if v == 0 {
			if _, err := tx.ExecContext(ctx, changelog.SchemaSQLite+fmt.Sprintf("\nPRAGMA user_version = %d;", schemaVersion)); err != nil {
				return fmt.Errorf("making the own log: %w", err)
			}
		}
		var err error
		l.log, err = changelog.Open(ctx, tx, changelog.Options{
			Cipher: l.cfg.Cipher, Rand: l.cfg.Random, NowMS: func() int64 { return l.cfg.Now().UnixMilli() },
		})
		if err != nil {
			return err
		}
		if _, ok := l.log.Current(); ok {
			return nil
		}
		key := l.cfg.Key
		if key == nil {
			if _, key, err = ed25519.GenerateKey(l.cfg.Random); err != nil {
				return fmt.Errorf("no randomness for a key of the own log: %w", err)
			}
		}
		_, err = l.log.AddOrigin(ctx, tx, key)
		return err
	})
}

// update runs f in a transaction.
func (l *Log) update(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("beginning to write the own log: %w", err)
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("writing the own log: %w", err)
	}
	return nil
}

// Origin gives the origin that takes new changes.
func (l *Log) Origin() syncproto.OriginID {
	id, _ := l.log.Current()
	return id
}

// Owns reports whether id is one of the log's origins.
func (l *Log) Owns(id syncproto.OriginID) bool { return l.log.Owns(id) }

// Heads gives the heads of all own origins, oldest first.
func (l *Log) Heads(ctx context.Context) (out []syncproto.OriginHeads, err error) {
	err = l.update(ctx, func(tx *sql.Tx) error {
		out, err = l.log.AllHeads(ctx, tx)
		return err
	})
	return out, err
}

// Append writes changes durably, in one transaction, and hands them to the
// ingest. If it fails with an error that wraps ErrNotSubmitted the changes are
// in the log, and the next Append or Catchup submits them.
func (l *Log) Append(ctx context.Context, drafts []Draft) ([]changelog.Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]changelog.Entry, 0, len(drafts))
	now := l.cfg.Now().UnixMilli()
	beacon := l.cfg.Beacon()
	err := l.update(ctx, func(tx *sql.Tx) error {
		for _, d := range drafts {
			d.Header.Schema, d.Header.StampMS, d.Header.Beacon = syncproto.Schema, now, beacon
			e, err := l.log.Append(ctx, tx, d.Header, d.Operational, d.Personal)
			if err != nil {
				return err
			}
			out = append(out, e)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, l.submit(ctx)
}

// ErrNotSubmitted says that changes are written but not yet taken in.
var ErrNotSubmitted = errors.New("written to the own log, not yet taken in: it will be at the next start at the latest")

// Catchup submits what an earlier run wrote and did not submit.
func (l *Log) Catchup(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.submit(ctx)
}

// submit hands all changes below received to the ingest, segment by segment.
func (l *Log) submit(ctx context.Context) error {
	for _, id := range l.log.Origins() {
		for {
			more, err := l.submitNext(ctx, id)
			if err != nil {
				return fmt.Errorf("%w: %w", ErrNotSubmitted, err)
			}
			if !more {
				break
			}
		}
	}
	return nil
}

// submitNext cuts and submits one segment of what the ingest lacks. That the
// ingest has a change is noted as custody of the commune: its own receipt comes
// by the ordinary way.
func (l *Log) submitNext(ctx context.Context, id syncproto.OriginID) (bool, error) {
	seal, err := l.cfg.Seal()
	if err != nil {
		return false, err
	}
	var seg *syncproto.Segment
	var key ed25519.PrivateKey
	err = l.update(ctx, func(tx *sql.Tx) error {
		runs, err := l.log.Below(ctx, tx, id, syncproto.MarkCommune)
		if err != nil || len(runs) == 0 {
			return err
		}
		key, _ = l.log.Key(id)
		seg, err = l.log.CutSegment(ctx, tx, changelog.Cut{Origin: id, After: runs[0].First - 1, To: runs[0].Last, SealTo: seal})
		return err
	})
	if err != nil || seg == nil {
		return false, err
	}
	b := ingest.Batch{Via: id, Segments: [][]byte{seg.Encode()}}
	chain, err := l.cfg.Chain(id, key.Public().(ed25519.PublicKey))
	if err != nil {
		return false, err
	}
	if len(chain) > 0 {
		b.Credentials = []syncproto.OriginCredential{{Origin: id, Credentials: chain}}
	}
	result, err := l.cfg.Submit(ctx, b)
	if err != nil {
		return false, err
	}
	for _, p := range result.Problems {
		return false, &syncproto.Error{Code: p.Code, Message: p.Message}
	}
	return true, l.update(ctx, func(tx *sql.Tx) error {
		return l.log.Raise(ctx, tx, id, changelog.Run{First: seg.First(), Last: seg.Last()}, syncproto.MarkCommune, 0)
	})
}

// Resubmit makes Catchup submit everything again, after the store was restored
// to an older state than the log.
func (l *Log) Resubmit(ctx context.Context, id syncproto.OriginID, after uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.update(ctx, func(tx *sql.Tx) error { return l.log.Lower(ctx, tx, id, after, 0) })
}

// Renew begins a new origin, after the log was restored to an older state than
// others have seen. Nothing is renumbered.
func (l *Log) Renew(ctx context.Context) (syncproto.OriginID, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var id syncproto.OriginID
	err := l.update(ctx, func(tx *sql.Tx) (err error) {
		id, err = l.log.NewOrigin(ctx, tx)
		return err
	})
	if err != nil {
		err = errors.Join(err, l.update(ctx, func(tx *sql.Tx) error { return l.log.Reload(ctx, tx) }))
	}
	return id, err
}

// Erase removes the personal rows and salts that the log holds of a record, from
// the file and its free space too. It tells whether there were any.
func (l *Log) Erase(ctx context.Context, record uuid.UUID) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	held := false
	err := l.update(ctx, func(tx *sql.Tx) error {
		entries, err := l.log.ByRecord(ctx, tx, record)
		if err != nil {
			return err
		}
		for i := range entries {
			held = held || !entries[i].PersonalGone
		}
		if !held {
			return nil
		}
		return l.log.Erase(ctx, tx, record)
	})
	if err != nil || !held {
		return false, err
	}
	// secure_delete leaves what lay in a page before its rows moved.
	for _, q := range [...]string{"VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"} {
		if _, err := l.db.ExecContext(ctx, q); err != nil {
			return true, fmt.Errorf("clearing erased values from the own log: %w", err)
		}
	}
	return true, nil
}

// Verify recomputes both chains of every own origin; CodeChain at the first
// entry that does not fit.
func (l *Log) Verify(ctx context.Context) error {
	return l.update(ctx, func(tx *sql.Tx) error {
		for _, id := range l.log.Origins() {
			if err := l.log.Verify(ctx, tx, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// HeadsAt gives the state of an own origin after change seq.
func (l *Log) HeadsAt(ctx context.Context, id syncproto.OriginID, seq uint64) (h syncproto.Heads, ok bool, err error) {
	err = l.update(ctx, func(tx *sql.Tx) error {
		h, ok, err = l.log.HeadsAt(ctx, tx, id, seq)
		return err
	})
	return h, ok, err
}

// Backup writes a consistent copy to the file at path, which must not exist.
func (l *Log) Backup(ctx context.Context, path string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.db.ExecContext(ctx, "VACUUM INTO ?", path); err != nil {
		return fmt.Errorf("copying the own log: %w", err)
	}
	return nil
}

// Close closes the file.
func (l *Log) Close() error { return l.db.Close() }
