package clientlib

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// vouched checks that a notice speaks for the pinned centre: it is the centre's
// own, under its newest key, or its credentials make it a point of that centre.
func (d *Device) vouched(ctx context.Context, q changelog.Querier, n *syncproto.KeyNotice, known *syncproto.Centre) error {
	centre, err := known.Follow(n.Centre)
	if err != nil {
		return err
	}
	if i, ok := centre.KeyNumber(n.Sign); ok {
		if i < centre.Number() {
			return syncproto.Errorf(syncproto.CodeOldKey, "the server signs with a key of the centre that was replaced: do not use it, and tell the officer")
		}
		return nil
	}
	g, err := credential.Verify(n.Credentials, centre, d.within(ctx, q))
	if err != nil {
		return err
	}
	if g.Role != credential.RolePoint || !g.Key.Equal(n.Sign) {
		return syncproto.Errorf(syncproto.CodeCredential, "the server shows a credential that is not for a sync point with its key: do not use it")
	}
	return nil
}

// follow goes on with a longer line of the centre's keys, and remembers how far
// each own origin had got by then: what was written later cannot have been
// received under a key that was replaced before.
func (l *link) follow(ctx context.Context, d *Device, q changelog.Querier, centre *syncproto.Centre) error {
	from := l.centre.Number()
	if centre == l.centre {
		return nil
	}
	thief := centre.Overrules(l.centre)
	if thief > 0 {
		// What he said of sealing keys is void, and his feeds are read anew.
		from, l.sealMade, l.sealUnder = thief-1, 0, 0
	}
	if l.centre = centre; d.sendOnly {
		return nil
	}
	if _, err := q.ExecContext(ctx, `UPDATE device SET centre = $1, seal_made = $2, seal_under = $3`, centre.Encode(), l.sealMade, int64(l.sealUnder)); err != nil {
		return fmt.Errorf("storing the centre's keys: %w", err)
	}
	if thief > 0 {
		if _, err := q.ExecContext(ctx, `UPDATE checkpoint SET epoch = zeroblob(16), position = 0, page = zeroblob(32), key = $1`, int64(thief)); err != nil {
			return fmt.Errorf("storing the centre's keys: %w", err)
		}
	}
	for n := from + 1; n <= centre.Number(); n++ {
		for _, id := range d.log.Origins() {
			h, err := d.log.Heads(ctx, q, id)
			if err != nil {
				return err
			}
			if _, err := q.ExecContext(ctx, `INSERT INTO succession (number, origin, seq) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
				int64(n), id[:], int64(h.Seq)); err != nil {
				return fmt.Errorf("storing the centre's keys: %w", err)
			}
		}
	}
	return nil
}

// takeSuccession follows the centre to its next key, as a feed tells.
func (in *intake) takeSuccession(ctx context.Context, s *syncproto.Succession) error {
	centre, err := in.link.centre.Extend(s)
	if err != nil {
		in.note("succession", err)
		return nil
	}
	return in.link.follow(ctx, in.d, in.q, centre)
}

// centreReceipt checks a receipt of the centre. Under a key that was replaced it
// counts for own changes only that were there when this device learned of it:
// whoever has stolen an old key cannot call later work received.
func (in *intake) centreReceipt(ctx context.Context, r *syncproto.Receipt) error {
	n, err := in.link.centre.VerifyReceipt(r)
	if err != nil || n == in.link.centre.Number() || !in.d.log.Owns(r.Origin) {
		return err
	}
	var seq int64
	err = in.q.QueryRowContext(ctx, `SELECT seq FROM succession WHERE number = $1 AND origin = $2`, int64(n+1), r.Origin[:]).Scan(&seq)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("reading the centre's keys: %w", err)
	}
	if r.Last > uint64(seq) {
		return syncproto.Errorf(syncproto.CodeOldKey, "a receipt for changes %d-%d of this device under a key that the centre had replaced by then", r.First, r.Last)
	}
	return nil
}

// issuerOf names who gave a verified receipt: the centre has one name, whichever
// of its keys signed.
func (in *intake) issuerOf(r *syncproto.Receipt) syncproto.OriginID {
	if _, _, ok := in.link.centre.KeyOf(r.Issuer); ok {
		return in.link.centreOrigin()
	}
	return r.Issuer
}

// adopt stores a checked notice with what it says of the centre. An older notice
// of the same key, as somebody could replay, changes nothing.
func (d *Device) adopt(ctx context.Context, q changelog.Querier, l *link, s *server, n *syncproto.KeyNotice) error {
	if s.notice != nil && s.notice.Sign.Equal(n.Sign) && n.Serial < s.notice.Serial {
		return nil
	}
	if s.notice = n; !d.sendOnly {
		if _, err := q.ExecContext(ctx, `UPDATE server SET notice = $1 WHERE url = $2`, n.Encode(), s.url); err != nil {
			return fmt.Errorf("storing a server's keys: %w", err)
		}
	}
	return d.adoptCentre(ctx, q, l, n)
}

// adoptCentre follows what a checked notice says of the centre's keys. A point
// that has not heard of the newest yet takes nothing back.
func (d *Device) adoptCentre(ctx context.Context, q changelog.Querier, l *link, n *syncproto.KeyNotice) error {
	centre, err := l.centre.Follow(n.Centre)
	if err != nil {
		return err
	}
	if err := l.follow(ctx, d, q, centre); err != nil {
		return err
	}
	if l.seal != nil && !n.Seal.Newer(n.Centre.Number(), l.sealUnder, l.sealMade) {
		return nil
	}
	l.seal, l.sealMade, l.sealUnder = n.Seal.Key, n.Seal.MadeMS, n.Centre.Number()
	if d.sendOnly {
		return nil
	}
	if _, err := q.ExecContext(ctx, `UPDATE device SET seal = $1, seal_made = $2, seal_under = $3`, l.seal, l.sealMade, int64(l.sealUnder)); err != nil {
		return fmt.Errorf("storing the sealing key: %w", err)
	}
	return nil
}
