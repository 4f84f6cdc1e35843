package clientlib

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"fmt"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

func publicOf(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

// signedUpTo gives the highest change of an own origin under a receipt of peer.
func signedUpTo(ctx context.Context, q changelog.Querier, id, peer syncproto.OriginID) (uint64, error) {
	var last sql.NullInt64
	err := q.QueryRowContext(ctx, `SELECT MAX(last) FROM receipt WHERE origin = $1 AND issuer = $2`, id[:], peer[:]).Scan(&last)
	if err != nil {
		return 0, fmt.Errorf("reading receipts: %w", err)
	}
	return uint64(last.Int64), nil
}

// dropReceipts forgets receipts of an issuer that no longer holds what it
// signed for.
func dropReceipts(ctx context.Context, q changelog.Querier, id, issuer syncproto.OriginID, after uint64) error {
	if _, err := q.ExecContext(ctx, `DELETE FROM receipt WHERE origin = $1 AND issuer = $2 AND last > $3`, id[:], issuer[:], int64(after)); err != nil {
		return fmt.Errorf("forgetting lost receipts: %w", err)
	}
	return nil
}

// takeReceipts verifies receipts and records the custody they state.
func (in *intake) takeReceipts(ctx context.Context, list [][]byte) error {
	for _, b := range list {
		r, err := syncproto.DecodeReceipt(b)
		if err == nil {
			err = in.verifyReceipt(ctx, r)
		}
		if err != nil {
			in.note("receipt", err)
			continue
		}
		if err := in.takeReceipt(ctx, r, b); err != nil {
			return err
		}
	}
	return nil
}

// verifyReceipt checks signature and right: only the pinned centre says
// received and safe, only a point with its credential says commune.
func (in *intake) verifyReceipt(ctx context.Context, r *syncproto.Receipt) error {
	if _, _, ok := in.link.centre.KeyOf(r.Issuer); ok {
		return in.centreReceipt(ctx, r)
	}
	if r.Mark != syncproto.MarkCommune {
		return syncproto.Errorf(syncproto.CodeForeignKey, "issuer %s is not the centre and may not say %s", r.Issuer, r.Mark)
	}
	key, err := in.pointKey(ctx, r.Issuer)
	if err != nil {
		return err
	}
	return r.Verify(key)
}

// pointKey finds the key of a point from the answering server's checked notice
// or from a stored credential.
func (in *intake) pointKey(ctx context.Context, id syncproto.OriginID) (ed25519.PublicKey, error) {
	if in.peer != nil && in.peer.notice != nil && in.peer.origin() == id {
		return in.peer.notice.Sign, nil
	}
	g, err := in.grantOf(ctx, id)
	if err != nil {
		return nil, err
	}
	if g.Role != credential.RolePoint {
		return nil, syncproto.Errorf(syncproto.CodeCredential, "origin %s is no sync point", id)
	}
	return g.Key, nil
}

// takeReceipt records one verified receipt.
func (in *intake) takeReceipt(ctx context.Context, r *syncproto.Receipt, b []byte) error {
	if !in.d.sendOnly && in.issuerOf(r) == in.link.centreOrigin() {
		if c, _, err := in.checkpoint(ctx, syncproto.CommonFeed); err != nil || r.OfLostHistory(c.Epoch) {
			return err
		}
	}
	own := in.d.log.Owns(r.Origin)
	if own {
		h, ok, err := in.d.log.HeadsAt(ctx, in.q, r.Origin, r.Last)
		if err != nil {
			return err
		}
		if !ok || h.Open != r.Open || h.Closed != r.Closed {
			in.note("receipt", syncproto.Errorf(syncproto.CodeFork, "a receipt for changes %d-%d of this device means another branch of them", r.First, r.Last))
			return nil
		}
	}
	if !in.d.sendOnly {
		fresh, err := in.storeReceipt(ctx, r, b, own)
		if err != nil || !fresh {
			return err
		}
	}
	in.receipts++
	if own {
		return in.applyReceipt(ctx, r)
	}
	return in.dropReceipted(ctx, r)
}

// storeReceipt keeps a receipt and forgets those it makes superfluous. Receipts
// for others are kept only where something of theirs is carried, so that a
// bundle can bring them home.
func (in *intake) storeReceipt(ctx context.Context, r *syncproto.Receipt, b []byte, own bool) (bool, error) {
	if !own {
		if chain, err := readChain(ctx, in.q, r.Origin); err != nil || chain == nil {
			return false, err
		}
	}
	issuer := in.issuerOf(r)
	res, err := in.q.ExecContext(ctx, `INSERT INTO receipt (origin, issuer, mark, first, last, issued_ms, bytes)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO UPDATE SET bytes = excluded.bytes WHERE bytes <> excluded.bytes`,
		r.Origin[:], issuer[:], int64(r.Mark), int64(r.First), int64(r.Last), r.IssuedMS, b)
	if err != nil {
		return false, fmt.Errorf("storing a receipt: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil || n == 0 {
		return false, err
	}
	_, err = in.q.ExecContext(ctx, `DELETE FROM receipt WHERE origin = $1 AND issuer = $2 AND first >= $3 AND last <= $4 AND mark <= $5
AND issued_ms <= $6 AND NOT (first = $3 AND last = $4 AND mark = $5 AND issued_ms = $6)`,
		r.Origin[:], issuer[:], int64(r.First), int64(r.Last), int64(r.Mark), r.IssuedMS)
	if err != nil {
		return false, fmt.Errorf("forgetting older receipts: %w", err)
	}
	return true, nil
}

// applyReceipt raises marks and notes outcomes, as far as no newer receipt of
// the centre says otherwise.
func (in *intake) applyReceipt(ctx context.Context, r *syncproto.Receipt) error {
	newer, err := in.newerReceipts(ctx, r)
	if err != nil {
		return err
	}
	unreadable := unreadableIn(r)
	for _, n := range newer {
		unreadable = append(unreadable, unreadableIn(n)...)
	}
	whole := changelog.Run{First: r.First, Last: r.Last}
	for _, run := range subtract(whole, unreadable) {
		if err := in.d.log.Raise(ctx, in.q, r.Origin, run, r.Mark, r.IssuedMS); err != nil {
			return err
		}
	}
	if r.Mark < syncproto.MarkReceived {
		return nil
	}
	var told []changelog.Run
	for _, n := range newer {
		told = append(told, changelog.Run{First: n.First, Last: n.Last})
	}
	for _, run := range subtract(whole, told) {
		if err := in.noteOutcomes(ctx, r, run); err != nil {
			return err
		}
	}
	return nil
}

// newerReceipts gives the centre's stored receipts that are newer than r and
// concern some of the same changes.
func (in *intake) newerReceipts(ctx context.Context, r *syncproto.Receipt) ([]*syncproto.Receipt, error) {
	if in.d.sendOnly || r.Mark < syncproto.MarkReceived {
		return nil, nil
	}
	issuer := in.issuerOf(r)
	rows, err := in.q.QueryContext(ctx, `SELECT bytes FROM receipt WHERE origin = $1 AND issuer = $2 AND mark >= $3 AND issued_ms > $4 AND first <= $5 AND last >= $6`,
		r.Origin[:], issuer[:], int64(syncproto.MarkReceived), r.IssuedMS, int64(r.Last), int64(r.First))
	if err != nil {
		return nil, fmt.Errorf("reading receipts: %w", err)
	}
	return receiptsIn(rows)
}

// receiptsIn reads and closes rows of stored receipts.
func receiptsIn(rows *sql.Rows) ([]*syncproto.Receipt, error) {
	defer rows.Close()
	var out []*syncproto.Receipt
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return nil, fmt.Errorf("reading receipts: %w", err)
		}
		n, err := syncproto.DecodeReceipt(b)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, rows.Err()
}

// noteOutcomes replaces what is noted about the changes of run by what r says.
// An unreadable change is not received, whatever was said before.
func (in *intake) noteOutcomes(ctx context.Context, r *syncproto.Receipt, run changelog.Run) error {
	if !in.d.sendOnly {
		if _, err := in.q.ExecContext(ctx, `DELETE FROM outcome WHERE origin = $1 AND seq >= $2 AND seq <= $3`,
			r.Origin[:], int64(run.First), int64(run.Last)); err != nil {
			return fmt.Errorf("noting outcomes: %w", err)
		}
	}
	for _, e := range r.Exceptions {
		part := changelog.Run{First: max(e.First, run.First), Last: min(e.Last, run.Last)}
		if part.First > part.Last {
			continue
		}
		if e.Reason == syncproto.ReasonUnreadable {
			if err := in.d.lower(ctx, in.q, r.Origin, part); err != nil {
				return err
			}
		}
		for seq := part.First; seq <= part.Last && !in.d.sendOnly; seq++ {
			_, err := in.q.ExecContext(ctx, `INSERT INTO outcome (origin, seq, outcome, reason, issued_ms) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (origin, seq) DO UPDATE SET outcome = excluded.outcome, reason = excluded.reason, issued_ms = excluded.issued_ms`,
				r.Origin[:], int64(seq), int64(e.Outcome), string(e.Reason), r.IssuedMS)
			if err != nil {
				return fmt.Errorf("noting outcomes: %w", err)
			}
		}
	}
	return nil
}

// lower records that the centre does not hold a run after all. What is left is
// the custody of points, as far as their receipts say.
func (d *Device) lower(ctx context.Context, q changelog.Querier, id syncproto.OriginID, run changelog.Run) error {
	if err := d.log.LowerRun(ctx, q, id, run, 0); err != nil || d.sendOnly {
		return err
	}
	rows, err := q.QueryContext(ctx, `SELECT first, last FROM receipt WHERE origin = $1 AND mark = $2 AND first <= $3 AND last >= $4`,
		id[:], int64(syncproto.MarkCommune), int64(run.Last), int64(run.First))
	if err != nil {
		return fmt.Errorf("reading receipts: %w", err)
	}
	var held []changelog.Run
	for rows.Next() {
		var r changelog.Run
		if err := rows.Scan(&r.First, &r.Last); err != nil {
			rows.Close()
			return fmt.Errorf("reading receipts: %w", err)
		}
		held = append(held, changelog.Run{First: max(r.First, run.First), Last: min(r.Last, run.Last)})
	}
	rows.Close()
	for _, r := range held {
		if err := d.log.Raise(ctx, q, id, r, syncproto.MarkCommune, 0); err != nil {
			return err
		}
	}
	return rows.Err()
}

func unreadableIn(r *syncproto.Receipt) []changelog.Run {
	var out []changelog.Run
	for _, e := range r.Exceptions {
		if e.Reason == syncproto.ReasonUnreadable {
			out = append(out, changelog.Run{First: e.First, Last: e.Last})
		}
	}
	return out
}

// subtract gives what is left of run without the holes.
func subtract(run changelog.Run, holes []changelog.Run) []changelog.Run {
	left := []changelog.Run{run}
	for _, h := range holes {
		var next []changelog.Run
		for _, r := range left {
			if h.Last < r.First || h.First > r.Last {
				next = append(next, r)
				continue
			}
			if h.First > r.First {
				next = append(next, changelog.Run{First: r.First, Last: h.First - 1})
			}
			if h.Last < r.Last {
				next = append(next, changelog.Run{First: h.Last + 1, Last: r.Last})
			}
		}
		left = next
	}
	return left
}
