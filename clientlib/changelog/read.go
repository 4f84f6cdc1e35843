package changelog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"thonsync/syncproto"
)

// Heads gives the head of an own origin; the genesis if it has no changes.
func (l *Log) Heads(ctx context.Context, q Querier, id syncproto.OriginID) (syncproto.Heads, error) {
	o, err := l.find(id)
	if err != nil {
		return syncproto.Heads{}, err
	}
	return l.head(ctx, q, o)
}

// AllHeads gives the heads of all own origins, oldest first.
func (l *Log) AllHeads(ctx context.Context, q Querier) ([]syncproto.OriginHeads, error) {
	var out []syncproto.OriginHeads
	for _, id := range l.Origins() {
		h, err := l.Heads(ctx, q, id)
		if err != nil {
			return nil, err
		}
		out = append(out, syncproto.OriginHeads{Origin: id, Heads: h})
	}
	return out, nil
}

// HeadsAt gives the state after change seq; false if that change is not held.
// Seq 0 is the genesis.
func (l *Log) HeadsAt(ctx context.Context, q Querier, id syncproto.OriginID, seq uint64) (syncproto.Heads, bool, error) {
	o, err := l.find(id)
	if err != nil {
		return syncproto.Heads{}, false, nil //nolint:nilerr // an origin that is not ours holds nothing here
	}
	if seq == 0 {
		return syncproto.Genesis(id), true, nil
	}
	var open, closed []byte
	err = q.QueryRowContext(ctx, `SELECT open, closed FROM log_change WHERE origin = $1 AND seq = $2`, o.no, int64(seq)).Scan(&open, &closed)
	if errors.Is(err, sql.ErrNoRows) {
		return syncproto.Heads{}, false, nil
	}
	if err != nil {
		return syncproto.Heads{}, false, fmt.Errorf("reading change %d: %w", seq, err)
	}
	return headsOf(int64(seq), open, closed), true, nil
}

const entryColumns = `origin, seq, record, header, operational, personal, salt_first, salt, open, closed, commitment, mark, safe_ms`

// Range gives the changes after seq after, up to seq to, at most limit.
func (l *Log) Range(ctx context.Context, q Querier, id syncproto.OriginID, after, to uint64, limit int) ([]Entry, error) {
	o, err := l.find(id)
	if err != nil {
		return nil, err
	}
	return l.entries(ctx, q, `SELECT `+entryColumns+` FROM log_change WHERE origin = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4`,
		o.no, int64(after), int64(to), limit)
}

// QueryByRecord finds the changes of a record.
const QueryByRecord = `SELECT ` + entryColumns + ` FROM log_change WHERE record = $1 ORDER BY origin, seq`

// ByRecord gives all own changes of a record.
func (l *Log) ByRecord(ctx context.Context, q Querier, record uuid.UUID) ([]Entry, error) {
	return l.entries(ctx, q, QueryByRecord, record[:])
}

// Place is a change's place in the log. The zero Place is before all changes.
type Place struct {
	Origin syncproto.OriginID
	Seq    uint64
}

// Droppable gives up to limit changes after a place that still hold their
// personal row and have been under a safe mark since before the given issuer's
// time.
func (l *Log) Droppable(ctx context.Context, q Querier, after Place, beforeMS int64, limit int) ([]Entry, error) {
	no := int64(0)
	if o, err := l.find(after.Origin); err == nil {
		no = o.no
	}
	return l.entries(ctx, q, `SELECT `+entryColumns+` FROM log_change
WHERE mark >= $1 AND personal IS NOT NULL AND safe_ms > 0 AND safe_ms <= $2 AND (origin > $3 OR origin = $3 AND seq > $4)
ORDER BY origin, seq LIMIT $5`,
		int64(syncproto.MarkSafe), beforeMS, no, int64(after.Seq), limit)
}

func (l *Log) entries(ctx context.Context, q Querier, query string, args ...any) ([]Entry, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("reading changes: %w", err)
	}
	defer rows.Close()
	var out []Entry
	for rows.Next() {
		e, err := l.scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading changes: %w", err)
	}
	return out, nil
}

func (l *Log) scan(rows *sql.Rows) (Entry, error) {
	var e Entry
	var no, seq, mark int64
	var saltFirst sql.NullInt64
	var record, header, operational, personal, open, closed, commitment []byte
	err := rows.Scan(&no, &seq, &record, &header, &operational, &personal, &saltFirst, &e.salt, &open, &closed, &commitment, &mark, &e.SafeMS)
	if err != nil {
		return e, fmt.Errorf("reading a change: %w", err)
	}
	o := l.byNo(no)
	e.Origin, e.Seq, e.Heads, e.Mark = o.id, uint64(seq), headsOf(seq, open, closed), syncproto.Mark(mark)
	e.saltFirst = uint64(saltFirst.Int64)
	copy(e.Record[:], record)
	copy(e.Commitment[:], commitment)
	row, err := syncproto.DecodeRow(header)
	if err == nil {
		e.Header, err = syncproto.HeaderOf(row)
	}
	if err == nil {
		e.Operational, err = syncproto.DecodeRow(operational)
	}
	if err != nil {
		return e, damaged(&e, err)
	}
	if personal == nil {
		e.PersonalGone = true
		return e, nil
	}
	plain, err := l.opts.Cipher.Open(personal, aadAt("personal", e.Origin, e.Seq))
	if err == nil {
		e.Personal, err = syncproto.DecodeRow(plain)
	}
	if err != nil {
		return e, damaged(&e, err)
	}
	return e, nil
}

// DamagedError says which change does not fit what was stored of it. Its code
// is CodeChain. Neighbours can still be read and cut.
type DamagedError struct {
	Origin syncproto.OriginID
	Seq    uint64
	Err    error
}

// Error names the change and says what to do.
func (e *DamagedError) Error() string { return e.Unwrap().Error() }

// Unwrap gives the code.
func (e *DamagedError) Unwrap() error {
	return syncproto.Wrap(syncproto.CodeChain, e.Err, "change %d of origin %s is damaged in the database: keep the file and ask for help", e.Seq, e.Origin)
}

func damaged(e *Entry, err error) error { return &DamagedError{e.Origin, e.Seq, err} }

// Verify recomputes both chains of an origin from its first change. It fails
// with CodeChain at the first entry that does not fit.
func (l *Log) Verify(ctx context.Context, q Querier, id syncproto.OriginID) error {
	at := syncproto.Genesis(id)
	for {
		batch, err := l.Range(ctx, q, id, at.Seq, 1<<62, 500)
		if err != nil || len(batch) == 0 {
			return err
		}
		for i := range batch {
			if at, err = l.verifyNext(ctx, q, at, &batch[i]); err != nil {
				return err
			}
		}
	}
}

func (l *Log) verifyNext(ctx context.Context, q Querier, at syncproto.Heads, e *Entry) (syncproto.Heads, error) {
	if e.Seq != at.Seq+1 {
		return at, syncproto.Errorf(syncproto.CodeGap, "changes %d-%d of origin %s are missing in the database", at.Seq+1, e.Seq-1, e.Origin)
	}
	if !e.PersonalGone {
		salt, err := l.saltOf(ctx, q, e)
		if err != nil {
			return at, err
		}
		if syncproto.Commitment(salt, syncproto.AppendRow(nil, e.Personal)) != e.Commitment {
			return at, damaged(e, errors.New("personal row and commitment disagree"))
		}
	}
	next := at.Next(e.Origin, syncproto.AppendRow(nil, e.Header.Row()), syncproto.AppendRow(nil, e.Operational), e.Commitment)
	if !next.Equal(e.Heads) {
		return at, damaged(e, errors.New("content and chain disagree"))
	}
	if e.Header.Op == syncproto.OpCreate && e.Record != syncproto.RecordID(e.Header.StampMS, e.Heads.Open) {
		return at, damaged(e, errors.New("record id does not follow from the change"))
	}
	return next, nil
}

func (l *Log) saltOf(ctx context.Context, q Querier, e *Entry) (syncproto.Salt, error) {
	var salt syncproto.Salt
	if e.saltFirst == 0 {
		plain, err := l.opts.Cipher.Open(e.salt, aadAt("single", e.Origin, e.Seq))
		if err != nil || len(plain) != len(salt) {
			return salt, damaged(e, errors.New("salt does not open"))
		}
		copy(salt[:], plain)
		return salt, nil
	}
	secret, err := l.secret(ctx, q, e.Origin, e.saltFirst)
	if err != nil {
		return salt, err
	}
	return syncproto.ExpandSalt(secret, e.Origin, e.Seq), nil
}

func (l *Log) secret(ctx context.Context, q Querier, id syncproto.OriginID, first uint64) (syncproto.SaltSecret, error) {
	var secret syncproto.SaltSecret
	o, err := l.find(id)
	if err != nil {
		return secret, err
	}
	var box []byte
	err = q.QueryRowContext(ctx, `SELECT secret FROM log_salt WHERE origin = $1 AND first = $2`, o.no, int64(first)).Scan(&box)
	if err != nil {
		return secret, fmt.Errorf("reading the salt of change %d: %w", first, err)
	}
	return secret, l.openSalt(&secret, box, id, first)
}
