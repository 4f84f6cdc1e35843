package changelog

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"thonsync/syncproto"
)

// Run is a run of consecutive changes of one origin.
type Run struct{ First, Last uint64 }

// Raise records that the changes of a run are held under mark, as a verified
// receipt issued at issuedMS says. Marks never fall here.
func (l *Log) Raise(ctx context.Context, q Querier, id syncproto.OriginID, run Run, mark syncproto.Mark, issuedMS int64) error {
	o, err := l.find(id)
	if err != nil {
		return err
	}
	safe := int64(0)
	if mark >= syncproto.MarkSafe {
		safe = issuedMS
	}
	_, err = q.ExecContext(ctx, `UPDATE log_change SET mark = $1, safe_ms = $2 WHERE origin = $3 AND seq >= $4 AND seq <= $5 AND mark < $1`,
		int64(mark), safe, o.no, int64(run.First), int64(run.Last))
	if err != nil {
		return fmt.Errorf("recording custody of changes %d-%d: %w", run.First, run.Last, err)
	}
	return nil
}

// Lower records that the changes after seq after are held by nobody above
// mark: the peer that had signed for them no longer has them.
func (l *Log) Lower(ctx context.Context, q Querier, id syncproto.OriginID, after uint64, mark syncproto.Mark) error {
	return l.LowerRun(ctx, q, id, Run{after + 1, 1 << 62}, mark)
}

// LowerRun is Lower for one run.
func (l *Log) LowerRun(ctx context.Context, q Querier, id syncproto.OriginID, run Run, mark syncproto.Mark) error {
	o, err := l.find(id)
	if err != nil {
		return err
	}
	_, err = q.ExecContext(ctx, `UPDATE log_change SET mark = $1, safe_ms = 0 WHERE origin = $2 AND seq >= $3 AND seq <= $4 AND mark > $1`,
		int64(mark), o.no, int64(run.First), int64(run.Last))
	if err != nil {
		return fmt.Errorf("recording lost custody from change %d: %w", run.First, err)
	}
	return nil
}

// Waiting counts the changes of all origins below mark.
func (l *Log) Waiting(ctx context.Context, q Querier, mark syncproto.Mark) (int, error) {
	var n int
	if err := q.QueryRowContext(ctx, `SELECT COUNT(*) FROM log_change WHERE mark < $1`, int64(mark)).Scan(&n); err != nil {
		return 0, fmt.Errorf("counting waiting changes: %w", err)
	}
	return n, nil
}

// Below lists the runs of an origin's changes below mark, ascending.
func (l *Log) Below(ctx context.Context, q Querier, id syncproto.OriginID, mark syncproto.Mark) ([]Run, error) {
	o, err := l.find(id)
	if err != nil {
		return nil, err
	}
	rows, err := q.QueryContext(ctx, `SELECT seq FROM log_change WHERE origin = $1 AND mark < $2 ORDER BY seq`, o.no, int64(mark))
	if err != nil {
		return nil, fmt.Errorf("listing waiting changes: %w", err)
	}
	defer rows.Close()
	var runs []Run
	for rows.Next() {
		var seq int64
		if err := rows.Scan(&seq); err != nil {
			return nil, fmt.Errorf("listing waiting changes: %w", err)
		}
		if n := len(runs); n > 0 && runs[n-1].Last+1 == uint64(seq) {
			runs[n-1].Last++
			continue
		}
		runs = append(runs, Run{uint64(seq), uint64(seq)})
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("listing waiting changes: %w", err)
	}
	return runs, nil
}

// Drop removes the personal row of one change; the commitment stays, so the
// chain still verifies.
func (l *Log) Drop(ctx context.Context, q Querier, id syncproto.OriginID, seq uint64) error {
	o, err := l.find(id)
	if err != nil {
		return err
	}
	_, err = q.ExecContext(ctx, `UPDATE log_change SET personal = NULL, salt_first = NULL, salt = NULL WHERE origin = $1 AND seq = $2`, o.no, int64(seq))
	if err != nil {
		return fmt.Errorf("dropping the personal row of change %d: %w", seq, err)
	}
	return nil
}

// Erase removes personal rows and salts of all changes of a record. Secrets that
// these shared with other changes are expanded for those and deleted, because
// with the secret a short number could be guessed from its commitment.
func (l *Log) Erase(ctx context.Context, q Querier, record uuid.UUID) error {
	l.takeTip(0) // its secret may go
	entries, err := l.ByRecord(ctx, q, record)
	if err != nil {
		return err
	}
	for i := range entries {
		if err := l.Drop(ctx, q, entries[i].Origin, entries[i].Seq); err != nil {
			return err
		}
		if entries[i].saltFirst == 0 {
			continue
		}
		if err := l.expand(ctx, q, entries[i].Origin, entries[i].saltFirst); err != nil {
			return err
		}
	}
	return nil
}

// expand gives every change under a secret its own salt and deletes the secret.
func (l *Log) expand(ctx context.Context, q Querier, id syncproto.OriginID, first uint64) error {
	o, err := l.find(id)
	if err != nil {
		return err
	}
	sharers, err := l.entries(ctx, q, `SELECT `+entryColumns+` FROM log_change WHERE origin = $1 AND salt_first = $2 AND seq >= $2 AND seq < $3`,
		o.no, int64(first), int64(first)+syncproto.MaxSaltedChanges)
	if err != nil {
		return err
	}
	for i := range sharers {
		e := &sharers[i]
		salt, err := l.saltOf(ctx, q, e)
		if err != nil {
			return err
		}
		box, err := l.opts.Cipher.Seal(salt[:], aadAt("single", e.Origin, e.Seq))
		if err != nil {
			return err
		}
		_, err = q.ExecContext(ctx, `UPDATE log_change SET salt = $1, salt_first = NULL WHERE origin = $2 AND seq = $3`, box, o.no, int64(e.Seq))
		if err != nil {
			return fmt.Errorf("expanding the salt of change %d: %w", e.Seq, err)
		}
	}
	if _, err := q.ExecContext(ctx, `DELETE FROM log_salt WHERE origin = $1 AND first = $2`, o.no, int64(first)); err != nil {
		return fmt.Errorf("deleting the salt of change %d: %w", first, err)
	}
	return nil
}
