package changelog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"

	"thonsync/syncproto"
)

// MaxChangeBytes bounds the canonical bytes of one change, all compartments, so
// that a single change always fits a segment.
const MaxChangeBytes = 48 << 10

// saltDayMS is how long one salt secret serves at most.
const saltDayMS = 24 * 60 * 60 * 1000

// Statements that every recorded change runs; callers may keep them prepared.
const (
	QueryHead   = `SELECT seq, open, closed FROM log_change WHERE origin = $1 ORDER BY seq DESC LIMIT 1`
	QuerySalt   = `SELECT first, secret, made_ms FROM log_salt WHERE origin = $1 ORDER BY first DESC LIMIT 1`
	QueryInsert = `INSERT INTO log_change (origin, seq, record, stamp_ms, header, operational, personal, salt_first, open, closed, commitment)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`
)

// Append adds a change to the current origin: the header without its nonce, and
// both rows. It computes both chains, the record id of a creating change and the
// salt, and puts the opening nonce into the first change after Open.
func (l *Log) Append(ctx context.Context, q Querier, h syncproto.Header, operational, personal syncproto.Row) (Entry, error) {
	o, err := l.current()
	if err != nil {
		return Entry{}, err
	}
	t, err := l.end(ctx, q, o)
	if err != nil {
		return Entry{}, err
	}
	if h.Schema == 0 {
		h.Schema = syncproto.Schema
	}
	seq := t.head.Seq + 1
	if h.Nonce, err = l.nonce(o.no, seq); err != nil {
		return Entry{}, err
	}
	if err := h.Check(); err != nil {
		return Entry{}, err
	}
	if err := l.saltFor(ctx, q, o, t); err != nil {
		return Entry{}, err
	}
	hb, ob, pb := syncproto.AppendRow(nil, h.Row()), syncproto.AppendRow(nil, operational), syncproto.AppendRow(nil, personal)
	if n := len(hb) + len(ob) + len(pb); n > MaxChangeBytes || len(hb)+len(ob) > syncproto.MaxRowBytes || len(pb) > syncproto.MaxRowBytes {
		return Entry{}, syncproto.Errorf(syncproto.CodeTooLarge, "a change of %d bytes is over the limit of %d: shorten its texts", n, MaxChangeBytes)
	}
	e := Entry{Change: syncproto.Change{Origin: o.id, Seq: seq, Header: h, Operational: operational, Personal: personal}}
	e.Commitment = syncproto.Commitment(syncproto.ExpandSalt(t.secret, o.id, seq), pb)
	e.Heads = t.head.Next(o.id, hb, ob, e.Commitment)
	if e.Record = h.Record; h.Op == syncproto.OpCreate {
		e.Record = syncproto.RecordID(h.StampMS, e.Heads.Open)
	}
	box, err := l.opts.Cipher.Seal(pb, aadAt("personal", o.id, seq))
	if err != nil {
		return Entry{}, err
	}
	_, err = q.ExecContext(ctx, QueryInsert, o.no, int64(seq), e.Record[:], h.StampMS, hb, ob, box, int64(t.first),
		e.Heads.Open[:], e.Heads.Closed[:], e.Commitment[:])
	if err != nil {
		return Entry{}, fmt.Errorf("storing change %d: %w", seq, err)
	}
	t.head = e.Heads
	l.mu.Lock()
	l.written = t
	l.mu.Unlock()
	return e, nil
}

// end gives the end of the log: what Committed left, or what the database says.
func (l *Log) end(ctx context.Context, q Querier, o origin) (*tip, error) {
	if t := l.takeTip(o.no); t != nil {
		return t, nil
	}
	t := &tip{no: o.no}
	var err error
	if t.head, err = l.head(ctx, q, o); err != nil {
		return nil, err
	}
	var box []byte
	err = q.QueryRowContext(ctx, QuerySalt, o.no).Scan(&t.first, &box, &t.made)
	if errors.Is(err, sql.ErrNoRows) {
		return t, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the salt: %w", err)
	}
	return t, l.openSalt(&t.secret, box, o.id, t.first)
}

// nonce gives the opening nonce where one is due: in the first change after
// Open, and again if that change was rolled back.
func (l *Log) nonce(no int64, seq uint64) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.nonceSeq != 0 && l.nonceNo == no && seq > l.nonceSeq {
		return nil, nil
	}
	b := make([]byte, syncproto.NonceBytes)
	if _, err := io.ReadFull(l.opts.Rand, b); err != nil {
		return nil, fmt.Errorf("no randomness for the opening nonce: %w", err)
	}
	l.nonceNo, l.nonceSeq = no, seq
	return b, nil
}

// saltFor puts a new secret into t if there is none yet or the last has served
// its hundred changes or its day.
func (l *Log) saltFor(ctx context.Context, q Querier, o origin, t *tip) error {
	seq, now := t.head.Seq+1, l.opts.NowMS()
	if t.first > 0 && seq-t.first < syncproto.MaxSaltedChanges && now >= t.made && now-t.made < saltDayMS {
		return nil
	}
	if _, err := io.ReadFull(l.opts.Rand, t.secret[:]); err != nil {
		return fmt.Errorf("no randomness for a salt: %w", err)
	}
	t.first, t.made = seq, now
	box, err := l.opts.Cipher.Seal(t.secret[:], aadAt("salt", o.id, seq))
	if err != nil {
		return err
	}
	_, err = q.ExecContext(ctx, `INSERT INTO log_salt (origin, first, secret, made_ms) VALUES ($1, $2, $3, $4)`, o.no, int64(seq), box, now)
	if err != nil {
		return fmt.Errorf("storing a salt: %w", err)
	}
	return nil
}

func (l *Log) openSalt(secret *syncproto.SaltSecret, box []byte, id syncproto.OriginID, first uint64) error {
	plain, err := l.opts.Cipher.Open(box, aadAt("salt", id, first))
	if err != nil || len(plain) != len(secret) {
		return syncproto.Wrap(syncproto.CodeUnreadable, err, "the salt of change %d of origin %s does not open: the database is damaged", first, id)
	}
	copy(secret[:], plain)
	return nil
}

func (l *Log) head(ctx context.Context, q Querier, o origin) (syncproto.Heads, error) {
	var seq int64
	var open, closed []byte
	err := q.QueryRowContext(ctx, QueryHead, o.no).Scan(&seq, &open, &closed)
	if errors.Is(err, sql.ErrNoRows) {
		return syncproto.Genesis(o.id), nil
	}
	if err != nil {
		return syncproto.Heads{}, fmt.Errorf("reading the head: %w", err)
	}
	return headsOf(seq, open, closed), nil
}

func headsOf(seq int64, open, closed []byte) syncproto.Heads {
	h := syncproto.Heads{Seq: uint64(seq)}
	copy(h.Open[:], open)
	copy(h.Closed[:], closed)
	return h
}

// Entry is a change of an own origin as stored.
type Entry struct {
	syncproto.Change
	Record       uuid.UUID
	Heads        syncproto.Heads // after the change
	Commitment   syncproto.Hash  // c(n)
	PersonalGone bool            // the personal row was dropped or erased
	Mark         syncproto.Mark  // highest custody; 0 for none
	SafeMS       int64           // issuer's time of the safe mark, Unix ms

	saltFirst uint64 // 0 for none
	salt      []byte // encrypted
}
