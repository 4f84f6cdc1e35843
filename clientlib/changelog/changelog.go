// Package changelog keeps a replica's own change log over database/sql: the
// append-only, hash-chained entries of its origins, their keys and salts, and
// the cutting of segments from them. Phone, point and centre use this one copy
// of the SQL, on SQLite and on PostgreSQL.
//
// Statements use $1 parameters, which both engines take. Every function works
// inside the transaction that it is handed; it opens none of its own.
package changelog

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	_ "embed" // schemas
	"encoding/binary"
	"fmt"
	"io"
	"sync"

	"thonsync/syncproto"
)

// SchemaSQLite and SchemaPostgres create the tables. They are part of the
// caller's first migration and never change.
var (
	//go:embed schema_sqlite.sql
	SchemaSQLite string
	//go:embed schema_postgres.sql
	SchemaPostgres string
)

// Querier is a transaction or a database.
type Querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Cipher protects what is stored. aad binds a box to its place.
type Cipher interface {
	Seal(plain, aad []byte) ([]byte, error)
	Open(box, aad []byte) ([]byte, error)
}

// Options tell what a Log works with. All are required.
type Options struct {
	Cipher Cipher
	Rand   io.Reader    // cryptographic
	NowMS  func() int64 // own wall clock, Unix ms
}

// Log is the change log. It is safe for concurrent use; what one transaction
// appends is seen by the next.
type Log struct {
	opts Options

	mu       sync.Mutex
	origins  []origin // by no
	nonceNo  int64    // where the opening nonce went
	nonceSeq uint64
	perItem  float64 // bytes of a segment per change, as seen lately

	// tip is what the next Append goes on from, known only between Committed and
	// that Append; written is what Committed will make of it.
	tip, written *tip
}

// tip is the end of the current origin's log.
type tip struct {
	no     int64
	head   syncproto.Heads
	first  uint64 // of the salt in use
	secret syncproto.SaltSecret
	made   int64
}

type origin struct {
	no  int64
	id  syncproto.OriginID
	key ed25519.PrivateKey
}

// Open reads the origins. A store without any has none until NewOrigin.
func Open(ctx context.Context, q Querier, opts Options) (*Log, error) {
	l := &Log{opts: opts, perItem: 150}
	return l, l.Reload(ctx, q)
}

// Reload reads the origins again, after a transaction that made one was rolled
// back.
func (l *Log) Reload(ctx context.Context, q Querier) error {
	rows, err := q.QueryContext(ctx, `SELECT no, origin, seed FROM log_origin ORDER BY no`)
	if err != nil {
		return fmt.Errorf("reading origins: %w", err)
	}
	defer rows.Close()
	var list []origin
	for rows.Next() {
		var o origin
		var id, box []byte
		if err := rows.Scan(&o.no, &id, &box); err != nil {
			return fmt.Errorf("reading origins: %w", err)
		}
		copy(o.id[:], id)
		seed, err := l.opts.Cipher.Open(box, aadSeed(o.id))
		if err != nil || len(seed) != ed25519.SeedSize {
			return syncproto.Errorf(syncproto.CodeUnreadable, "the signing key of origin %s does not open with this device's secret: the key file belongs to another database", o.id)
		}
		o.key = ed25519.NewKeyFromSeed(seed)
		list = append(list, o)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("reading origins: %w", err)
	}
	l.mu.Lock()
	l.origins, l.tip, l.written = list, nil, nil
	l.mu.Unlock()
	return nil
}

// Committed tells that the transaction of the last Append was committed and that
// nobody else writes to this log, so that the next Append need not read its end
// from the database. Callers that never call it are only slower.
func (l *Log) Committed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tip, l.written = l.written, nil
}

// takeTip gives the known end of an origin's log, once.
func (l *Log) takeTip(no int64) *tip {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tip
	l.tip, l.written = nil, nil
	if t == nil || t.no != no {
		return nil
	}
	return t
}

// NewOrigin begins a new origin with a fresh key; new changes go there from now
// on. If the transaction is rolled back, call Reload.
func (l *Log) NewOrigin(ctx context.Context, q Querier) (syncproto.OriginID, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(l.opts.Rand, seed); err != nil {
		return syncproto.OriginID{}, fmt.Errorf("no randomness for a signing key: %w", err)
	}
	return l.AddOrigin(ctx, q, ed25519.NewKeyFromSeed(seed))
}

// AddOrigin is NewOrigin with a given key.
func (l *Log) AddOrigin(ctx context.Context, q Querier, key ed25519.PrivateKey) (syncproto.OriginID, error) {
	pub := key.Public().(ed25519.PublicKey)
	o := origin{id: syncproto.OriginOf(pub), key: key}
	box, err := l.opts.Cipher.Seal(key.Seed(), aadSeed(o.id))
	if err != nil {
		return o.id, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	o.no = 1
	if n := len(l.origins); n > 0 {
		o.no = l.origins[n-1].no + 1
	}
	_, err = q.ExecContext(ctx, `INSERT INTO log_origin (no, origin, public, seed, made_ms) VALUES ($1, $2, $3, $4, $5)`,
		o.no, o.id[:], []byte(pub), box, l.opts.NowMS())
	if err != nil {
		return o.id, fmt.Errorf("storing a new origin: %w", err)
	}
	l.origins = append(l.origins, o)
	return o.id, nil
}

// Origins lists all origins, oldest first.
func (l *Log) Origins() []syncproto.OriginID {
	l.mu.Lock()
	defer l.mu.Unlock()
	ids := make([]syncproto.OriginID, len(l.origins))
	for i, o := range l.origins {
		ids[i] = o.id
	}
	return ids
}

// Current gives the origin that takes new changes; false if there is none yet.
func (l *Log) Current() (syncproto.OriginID, bool) {
	o, err := l.current()
	return o.id, err == nil
}

// Key gives the signing key of an own origin.
func (l *Log) Key(id syncproto.OriginID) (ed25519.PrivateKey, bool) {
	o, err := l.find(id)
	return o.key, err == nil
}

// Owns reports whether id is one of this log's origins.
func (l *Log) Owns(id syncproto.OriginID) bool {
	_, err := l.find(id)
	return err == nil
}

func (l *Log) current() (origin, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.origins) == 0 {
		return origin{}, syncproto.Errorf(syncproto.CodeInternal, "the change log has no origin yet")
	}
	return l.origins[len(l.origins)-1], nil
}

func (l *Log) find(id syncproto.OriginID) (origin, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, o := range l.origins {
		if o.id == id {
			return o, nil
		}
	}
	return origin{}, syncproto.Errorf(syncproto.CodeUnknownPeer, "origin %s is none of this log's own", id)
}

func (l *Log) byNo(no int64) origin {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, o := range l.origins {
		if o.no == no {
			return o
		}
	}
	return origin{no: no}
}

// Associated data name what a box holds and where it stands, so that boxes
// cannot be swapped.
func aadSeed(id syncproto.OriginID) []byte { return append([]byte("seed|"), id[:]...) }

func aadAt(what string, id syncproto.OriginID, seq uint64) []byte {
	b := append([]byte(what), '|')
	b = append(b, id[:]...)
	return binary.BigEndian.AppendUint64(append(b, '|'), seq)
}
