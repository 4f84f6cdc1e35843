package clientlib

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// takeCredential checks a credential chain and keeps it. A chain that does not
// verify is left out.
func (in *intake) takeCredential(ctx context.Context, c syncproto.OriginCredential) error {
	if in.d.log.Owns(c.Origin) {
		return nil
	}
	if g, err := in.grant(ctx, c.Credentials); err != nil || g.Device != c.Origin {
		if err == nil {
			err = syncproto.Errorf(syncproto.CodeCredential, "the chain is for origin %s, not %s", g.Device, c.Origin)
		}
		in.note("credential", err)
		return nil
	}
	return putChain(ctx, in.q, c.Origin, c.Credentials)
}

// grant verifies a chain up to the pinned centre; it may start with a handover
// to a new origin.
func (in *intake) grant(ctx context.Context, chain []string) (credential.Grant, error) {
	return credential.VerifyDevice(chain, in.link.centre, in.d.within(ctx, in.q))
}

// grantOf gives the grant of an origin from its stored chain.
func (in *intake) grantOf(ctx context.Context, id syncproto.OriginID) (credential.Grant, error) {
	chain, err := readChain(ctx, in.q, id)
	if err != nil {
		return credential.Grant{}, err
	}
	if chain == nil {
		return credential.Grant{}, syncproto.Errorf(syncproto.CodeUnknownPeer, "origin %s has no credential that is known here", id)
	}
	return in.grant(ctx, chain)
}

// ofTeam tells whether an origin is a phone of this device's own team and unit.
func (in *intake) ofTeam(ctx context.Context, id syncproto.OriginID) (bool, error) {
	own, err := in.grant(ctx, in.link.chain)
	if err != nil {
		return false, err
	}
	g, err := in.grantOf(ctx, id)
	if err != nil {
		return false, err
	}
	return g.Role == credential.RolePhone && g.Team == own.Team && slices.ContainsFunc(g.Units, func(u string) bool { return slices.Contains(own.Units, u) }), nil
}

// openSegment parses and verifies a segment of any origin, own ones included.
func (in *intake) openSegment(ctx context.Context, b []byte) (*syncproto.Segment, []syncproto.OpenChange, error) {
	s, err := syncproto.ParseSegment(b)
	if err != nil {
		return nil, nil, err
	}
	if key, ok := in.d.log.Key(s.Origin); ok {
		changes, err := s.Verify(publicOf(key))
		return s, changes, err
	}
	g, err := in.grantOf(ctx, s.Origin)
	if err != nil {
		return nil, nil, err
	}
	changes, err := s.Verify(g.Key)
	return s, changes, err
}

// takeSegment shows the operational changes of a colleague's segment. They are
// provisional until the centre vouches for them in a feed.
func (in *intake) takeSegment(ctx context.Context, b []byte) error {
	s, changes, err := in.openSegment(ctx, b)
	if err != nil {
		in.note("segment", err)
		return nil
	}
	return in.showChanges(ctx, s, changes)
}

// showChanges shows what a segment of this device or of a colleague says. What a
// file brings of other teams is carried, not shown.
func (in *intake) showChanges(ctx context.Context, s *syncproto.Segment, changes []syncproto.OpenChange) error {
	if !in.d.log.Owns(s.Origin) {
		if ours, err := in.ofTeam(ctx, s.Origin); err != nil || !ours {
			return err
		}
	}
	prev, news := s.Before.Open.Prefix(), false
	for i := range changes {
		c := &changes[i]
		fresh, err := in.see(ctx, &seen{Change: c.Change, open: c.Open.Prefix(), prev: prev[:], record: c.Record})
		if err != nil {
			return err
		}
		prev, news = c.Open.Prefix(), news || fresh
	}
	moved, err := in.advanceLine(ctx, s, changes)
	if news || moved {
		in.segments++
	}
	return err
}

// maxCargoBytes bounds what is carried for colleagues.
const maxCargoBytes = 32 << 20

// takeCargo takes a colleague's segment aboard, to be delivered verbatim.
func (in *intake) takeCargo(ctx context.Context, s *syncproto.Segment, b []byte) error {
	if !s.Sealed() {
		return nil
	}
	var held int64
	if err := in.q.QueryRowContext(ctx, `SELECT COALESCE(SUM(LENGTH(bytes)), 0) FROM cargo`).Scan(&held); err != nil {
		return fmt.Errorf("reading cargo: %w", err)
	}
	if held+int64(len(b)) > maxCargoBytes {
		in.note("segment", syncproto.Errorf(syncproto.CodeTooLarge, "this device carries as much for others as it can: sync first, then import again"))
		return nil
	}
	sum := sha256.Sum256(b)
	res, err := in.q.ExecContext(ctx, `INSERT INTO cargo (origin, first, last, sum, bytes, added_ms) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		s.Origin[:], int64(s.First()), int64(s.Last()), sum[:], b, in.d.opts.Clock.NowMS())
	if err != nil {
		return fmt.Errorf("taking cargo aboard: %w", err)
	}
	if n, err := res.RowsAffected(); err == nil && n > 0 {
		in.cargo++
	}
	return nil
}

// dropReceipted lets go of cargo that a receipt of the centre names: segments
// of the receipt's branch that link up to its end without a hole.
func (in *intake) dropReceipted(ctx context.Context, r *syncproto.Receipt) error {
	if r.Mark < syncproto.MarkReceived || in.d.sendOnly {
		return nil
	}
	rows, err := in.q.QueryContext(ctx, `SELECT id, bytes FROM cargo WHERE origin = $1 AND first >= $2 AND last <= $3 ORDER BY last DESC, first DESC`,
		r.Origin[:], int64(r.First), int64(r.Last))
	if err != nil {
		return fmt.Errorf("reading cargo: %w", err)
	}
	ends := []syncproto.Heads{{Seq: r.Last, Open: r.Open, Closed: r.Closed}}
	var drop []int64
	for rows.Next() {
		var id int64
		var b []byte
		if err := rows.Scan(&id, &b); err != nil {
			rows.Close()
			return fmt.Errorf("reading cargo: %w", err)
		}
		s, err := syncproto.ParseSegment(b)
		if err != nil {
			continue
		}
		for _, end := range ends {
			if s.After.Equal(end) {
				ends = append(ends, s.Before)
				if coversAll(r, s) {
					drop = append(drop, id)
				}
				break
			}
		}
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return fmt.Errorf("reading cargo: %w", err)
	}
	return in.dropCargo(ctx, drop...)
}

func coversAll(r *syncproto.Receipt, s *syncproto.Segment) bool {
	for seq := s.First(); seq <= s.Last(); seq++ {
		if !r.Covers(seq) {
			return false
		}
	}
	return true
}

func (in *intake) dropCargo(ctx context.Context, ids ...int64) error {
	for _, id := range ids {
		if err := in.noteErasedCargo(ctx, id); err != nil {
			return err
		}
		if _, err := in.q.ExecContext(ctx, `DELETE FROM cargo WHERE id = $1`, id); err != nil {
			return fmt.Errorf("letting cargo go: %w", err)
		}
	}
	return nil
}

// noteErasedCargo has the files cleared if a segment that is let go seals a change
// of an erased record: whoever has the sealing key could read it out of them.
func (in *intake) noteErasedCargo(ctx context.Context, id int64) error {
	if in.erased {
		return nil
	}
	var ruled bool
	if err := in.q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM ruling WHERE kind = $1)`, int64(syncproto.RulingErase)).Scan(&ruled); err != nil || !ruled {
		return err
	}
	var b []byte
	err := in.q.QueryRowContext(ctx, `SELECT bytes FROM cargo WHERE id = $1`, id).Scan(&b)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading cargo: %w", err)
	}
	_, changes, err := in.openSegment(ctx, b)
	if err != nil {
		in.erased = true // nobody knows what it holds
		return nil       //nolint:nilerr // what cannot be opened is cleared
	}
	for i := range changes {
		err := in.q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM ruling WHERE kind = $1 AND record = $2)`,
			int64(syncproto.RulingErase), changes[i].Record[:]).Scan(&in.erased)
		if err != nil || in.erased {
			return err
		}
	}
	return nil
}

// dropDelivered lets go of cargo that the centre itself took in this very
// exchange: it found nothing wrong with the segment and its answer holds its
// receipt for all of the segment's changes.
func (se *session) dropDelivered(ctx context.Context, in *intake, out *outgoing, a *syncproto.Answer, bad map[int]bool) error {
	if se.server.origin() != se.link.centreOrigin() {
		return nil
	}
	var receipts []*syncproto.Receipt
	for _, b := range a.Receipts {
		if r, err := syncproto.DecodeReceipt(b); err == nil && r.Mark >= syncproto.MarkReceived && in.verifyReceipt(ctx, r) == nil {
			receipts = append(receipts, r)
		}
	}
	for i, p := range out.parts {
		if p.cargo == 0 || bad[i] {
			continue
		}
		for _, r := range receipts {
			if r.Origin == p.origin && r.First <= p.first && r.Last >= p.last && len(unreadableIn(r)) == 0 {
				if err := in.dropCargo(ctx, p.cargo); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
