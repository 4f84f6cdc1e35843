package clientlib

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
	"thonsync/syncproto/merge"
)

// see stores a change of another replica, once, and tells whether it is new. A
// second change at one place of an origin is a fork: both stay.
func (in *intake) see(ctx context.Context, s *seen) (fresh bool, err error) {
	known, fork, err := in.place(ctx, s)
	if err != nil || known {
		return false, err
	}
	if fork {
		if err := in.noteFork(ctx, s.Origin); err != nil {
			return false, err
		}
	}
	var had int
	err = in.q.QueryRowContext(ctx, `SELECT COUNT(*) FROM seen_change WHERE origin = $1 AND seq = $2 AND open = $3 AND vouched >= $4 AND (prev IS NOT NULL OR $5 IS NULL)`,
		s.Origin[:], int64(s.Seq), s.open[:], s.vouched, s.prev).Scan(&had)
	if err != nil {
		return false, fmt.Errorf("looking for a change: %w", err)
	}
	if had > 0 {
		return false, nil
	}
	_, err = in.q.ExecContext(ctx, `INSERT INTO seen_change (origin, seq, open, prev, record, header, operational, vouched) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (origin, seq, open) DO UPDATE SET vouched = MAX(vouched, excluded.vouched), prev = COALESCE(prev, excluded.prev)`,
		s.Origin[:], int64(s.Seq), s.open[:], s.prev, s.record[:],
		syncproto.AppendRow(nil, s.Header.Row()), syncproto.AppendRow(nil, s.Operational), s.vouched)
	if err != nil {
		return false, fmt.Errorf("storing a change of another device: %w", err)
	}
	in.touched[s.record] = struct{}{}
	in.seenOf[s.Origin] = struct{}{}
	in.kinds = in.kinds || s.Header.Collection == syncproto.CollectionKind
	return true, nil
}

// place tells whether a change is an own one that the log holds, and whether
// another stands at its place.
func (in *intake) place(ctx context.Context, s *seen) (known, fork bool, err error) {
	if in.d.log.Owns(s.Origin) {
		h, ok, err := in.d.log.HeadsAt(ctx, in.q, s.Origin, s.Seq)
		if err != nil {
			return false, false, err
		}
		if ok {
			known = h.Open.Prefix() == s.open
			return known, !known, nil
		}
	}
	var n int
	err = in.q.QueryRowContext(ctx, `SELECT COUNT(*) FROM seen_change WHERE origin = $1 AND seq = $2 AND open <> $3`, s.Origin[:], int64(s.Seq), s.open[:]).Scan(&n)
	if err != nil {
		return false, false, fmt.Errorf("looking for a fork: %w", err)
	}
	return false, n > 0, nil
}

// noteFork remembers that an origin has forked.
func (in *intake) noteFork(ctx context.Context, id syncproto.OriginID) error {
	if _, err := in.q.ExecContext(ctx, `INSERT INTO forked (origin) VALUES ($1) ON CONFLICT DO NOTHING`, id[:]); err != nil {
		return fmt.Errorf("noting a fork: %w", err)
	}
	in.seenOf[id] = struct{}{}
	return nil
}

// mergeForked merges all records of forked origins of which something arrived:
// what precedes what may have come out. Where a copy of this device writes under
// its present key as well, a new origin begins.
func (in *intake) mergeForked(ctx context.Context) error {
	for id := range in.seenOf {
		forked, err := in.forked(ctx, id)
		if err != nil {
			return err
		}
		if !forked {
			continue
		}
		rows, err := in.q.QueryContext(ctx, `SELECT DISTINCT record FROM seen_change WHERE origin = $1
UNION SELECT c.record FROM log_change c JOIN log_origin o ON o.no = c.origin WHERE o.origin = $1`, id[:])
		if err != nil {
			return fmt.Errorf("finding a fork's records: %w", err)
		}
		if err := in.touchRows(rows); err != nil {
			return err
		}
		if id == in.d.Origin() {
			in.renewed = true
			if err := in.d.beginOrigin(ctx, in.q, &in.link); err != nil {
				return err
			}
		}
	}
	return nil
}

func (in *intake) forked(ctx context.Context, id syncproto.OriginID) (bool, error) {
	var one int
	err := in.q.QueryRowContext(ctx, `SELECT 1 FROM forked WHERE origin = $1`, id[:]).Scan(&one)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, fmt.Errorf("reading forks: %w", err)
	}
	return err == nil, nil
}

func (in *intake) touchRows(rows *sql.Rows) error {
	defer rows.Close()
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return fmt.Errorf("finding records: %w", err)
		}
		var id uuid.UUID
		copy(id[:], b)
		in.touched[id] = struct{}{}
	}
	return rows.Err()
}

// node is one change of a forked origin.
type node struct {
	seq  uint64
	open [syncproto.RefOpenBytes]byte
}

// lineage tells which change of a forked origin precedes which, by the hashes
// that link them. It implements merge.Branches. Where changes in between are
// missing here, nothing is known to precede: so nothing is lost.
type lineage struct {
	prev map[syncproto.OriginID]map[node]node // of forked origins
	own  map[merge.ID]bool                    // changes of the own log among those that are merged
	log  map[syncproto.OriginID]map[node]bool // where lines of others leave the own log
}

// Precedes reports whether a comes earlier than b on b's own branch.
func (l *lineage) Precedes(a, b merge.ID) bool {
	if a.Origin != b.Origin || a.Seq >= b.Seq {
		return false
	}
	prev, forked := l.prev[a.Origin]
	if !forked {
		return true
	}
	if l.own[b] {
		return l.own[a]
	}
	at := node{b.Seq, b.Open}
	for at.seq > a.Seq {
		before, known := prev[at]
		if !known {
			return false
		}
		at = before
		if l.log[a.Origin][at] {
			return l.own[a] && a.Seq <= at.seq
		}
	}
	return at.open == a.Open
}

// gatherForks tells the merge how the changes of forked origins follow each
// other.
func (d *Device) gatherForks(ctx context.Context, q changelog.Querier, own []changelog.Entry, g *gathered) error {
	done := make(map[syncproto.OriginID]bool)
	for _, c := range g.changes {
		if done[c.Origin] {
			continue
		}
		done[c.Origin] = true
		var one int
		err := q.QueryRowContext(ctx, `SELECT 1 FROM forked WHERE origin = $1`, c.Origin[:]).Scan(&one)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return fmt.Errorf("reading forks: %w", err)
		}
		if g.branches == nil {
			g.branches = &lineage{prev: make(map[syncproto.OriginID]map[node]node), own: make(map[merge.ID]bool), log: make(map[syncproto.OriginID]map[node]bool)}
		}
		if err := d.readLineage(ctx, q, c.Origin, g.branches); err != nil {
			return err
		}
	}
	if g.branches == nil {
		return nil
	}
	for i := range own {
		g.branches.own[merge.ID{Origin: own[i].Origin, Seq: own[i].Seq, Open: own[i].Heads.Open.Prefix()}] = true
	}
	return nil
}

// readLineage reads how the changes of a forked origin are linked.
func (d *Device) readLineage(ctx context.Context, q changelog.Querier, id syncproto.OriginID, l *lineage) error {
	rows, err := q.QueryContext(ctx, `SELECT seq, open, prev FROM seen_change WHERE origin = $1 AND prev IS NOT NULL`, id[:])
	if err != nil {
		return fmt.Errorf("reading a fork: %w", err)
	}
	defer rows.Close()
	prev := make(map[node]node)
	for rows.Next() {
		var n, p node
		var open, before []byte
		if err := rows.Scan(&n.seq, &open, &before); err != nil {
			return fmt.Errorf("reading a fork: %w", err)
		}
		copy(n.open[:], open)
		copy(p.open[:], before)
		p.seq = n.seq - 1
		prev[n] = p
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("reading a fork: %w", err)
	}
	rows.Close()
	l.prev[id], l.log[id] = prev, make(map[node]bool)
	if !d.log.Owns(id) {
		return nil
	}
	for _, p := range prev {
		if _, seen := prev[p]; seen {
			continue
		}
		h, ok, err := d.log.HeadsAt(ctx, q, id, p.seq)
		if err != nil {
			return err
		}
		if ok && h.Open.Prefix() == p.open {
			l.log[id][p] = true
		}
	}
	return nil
}
