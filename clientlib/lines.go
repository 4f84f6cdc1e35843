package clientlib

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
)

// advanceLine moves the head of a line of changes over a segment that begins at
// or before it and agrees with it, or begins a line where the segment leaves one
// that is known. What does not fit is stored and shown all the same; heads only
// say what need not be sent here again.
func (in *intake) advanceLine(ctx context.Context, s *syncproto.Segment, changes []syncproto.OpenChange) (moved bool, err error) {
	lines, err := readLines(ctx, in.q, s.Origin)
	if err != nil {
		return false, err
	}
	state := func(seq uint64) syncproto.Hash {
		if seq < s.First() {
			return s.Before.Open
		}
		return changes[seq-s.First()].Open
	}
	for _, h := range lines {
		if h.Equal(s.After) {
			return false, nil
		}
	}
	for _, h := range lines {
		if h.Seq+1 < s.First() || h.Seq >= s.Last() || state(h.Seq) != h.Open || h.Seq == s.Before.Seq && h.Closed != s.Before.Closed {
			continue
		}
		if _, err := in.q.ExecContext(ctx, `DELETE FROM colleague WHERE origin = $1 AND seq = $2 AND open = $3 AND closed = $4`,
			s.Origin[:], int64(h.Seq), h.Open[:], h.Closed[:]); err != nil {
			return false, fmt.Errorf("noting how far an origin was read: %w", err)
		}
		return true, in.putLine(ctx, s)
	}
	begins, err := in.leaves(ctx, s, lines)
	if err != nil || !begins {
		return false, err
	}
	return true, in.putLine(ctx, s)
}

// leaves tells whether a segment that continues no known head begins a line: it
// follows a change below which nothing is missing, and does not end on a line
// that is known.
func (in *intake) leaves(ctx context.Context, s *syncproto.Segment, lines []syncproto.Heads) (bool, error) {
	if h, ok, err := in.d.log.HeadsAt(ctx, in.q, s.Origin, s.Last()); err != nil || ok && h.Open == s.After.Open {
		return false, err
	}
	for _, h := range lines {
		if h.Seq < s.Last() {
			continue
		}
		low, prev, err := in.walk(ctx, s.Origin, h, s.Last()+1)
		if err != nil || low == s.Last()+1 && prev == s.After.Open.Prefix() {
			return false, err
		}
	}
	return in.rooted(ctx, s.Origin, s.Before)
}

// rooted tells whether nothing is missing below a position: it goes down along
// the changes of others to the genesis, or to a change of the own log.
func (in *intake) rooted(ctx context.Context, id syncproto.OriginID, h syncproto.Heads) (bool, error) {
	low, prev, err := in.walk(ctx, id, h, 1)
	if err != nil || low == 1 {
		return prev == syncproto.Genesis(id).Open.Prefix(), err
	}
	own, ok, err := in.d.log.HeadsAt(ctx, in.q, id, low-1)
	return ok && own.Open.Prefix() == prev, err
}

// walk goes down from a position along the changes of others that are held, as
// far as they are linked and not below change to. It gives the lowest and the
// hash that it follows.
func (in *intake) walk(ctx context.Context, id syncproto.OriginID, from syncproto.Heads, to uint64) (low uint64, prev [syncproto.RefOpenBytes]byte, err error) {
	open := from.Open.Prefix()
	var b []byte
	err = in.q.QueryRowContext(ctx, `WITH RECURSIVE line (seq, open, prev) AS (
 SELECT seq, open, prev FROM seen_change WHERE origin = $1 AND seq = $2 AND open = $3
 UNION ALL SELECT c.seq, c.open, c.prev FROM line l JOIN seen_change c ON c.origin = $1 AND c.seq = l.seq - 1 AND c.open = l.prev WHERE l.seq > $4)
SELECT seq, prev FROM line ORDER BY seq LIMIT 1`, id[:], int64(from.Seq), open[:], int64(to)).Scan(&low, &b)
	if errors.Is(err, sql.ErrNoRows) {
		return from.Seq + 1, open, nil
	}
	if err != nil {
		return 0, prev, fmt.Errorf("following a line of changes: %w", err)
	}
	copy(prev[:], b)
	return low, prev, nil
}

func (in *intake) putLine(ctx context.Context, s *syncproto.Segment) error {
	_, err := in.q.ExecContext(ctx, `INSERT INTO colleague (origin, seq, open, closed) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		s.Origin[:], int64(s.Last()), s.After.Open[:], s.After.Closed[:])
	if err != nil {
		return fmt.Errorf("noting how far an origin was read: %w", err)
	}
	return nil
}

// readLines gives the heads of the lines that are held of an origin, beside the
// own log.
func readLines(ctx context.Context, q changelog.Querier, id syncproto.OriginID) ([]syncproto.Heads, error) {
	rows, err := q.QueryContext(ctx, `SELECT seq, open, closed FROM colleague WHERE origin = $1 ORDER BY seq DESC`, id[:])
	if err != nil {
		return nil, fmt.Errorf("reading how far an origin was read: %w", err)
	}
	defer rows.Close()
	var out []syncproto.Heads
	for rows.Next() {
		var h syncproto.Heads
		var open, closed []byte
		if err := rows.Scan(&h.Seq, &open, &closed); err != nil {
			return nil, fmt.Errorf("reading how far an origin was read: %w", err)
		}
		copy(h.Open[:], open)
		copy(h.Closed[:], closed)
		out = append(out, h)
	}
	return out, rows.Err()
}
