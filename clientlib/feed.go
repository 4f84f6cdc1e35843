package clientlib

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"thonsync/syncproto"
)

// takePage applies a page of a feed. It must carry the centre's signature and
// follow what was read: the same epoch, the next position, the hash of the page
// before; or start a new epoch. A repeat does nothing.
func (in *intake) takePage(ctx context.Context, b []byte) error {
	p, err := in.link.centre.DecodePage(b)
	if p == nil {
		in.note("page", err)
		return nil
	}
	if syncproto.CodeOf(err) == syncproto.CodeSignature {
		in.note("page", err)
		return nil
	}
	unread := err // signed by the centre, and not understood here
	c, key, err := in.checkpoint(ctx, p.Feed)
	if err != nil {
		return err
	}
	repeat := p.Epoch == c.Epoch && p.To <= c.Position
	if p.KeyNumber < key && !repeat {
		in.note("page", syncproto.Errorf(syncproto.CodeOldKey, "page %d-%d of a feed is signed with key %d of the centre, which key %d had replaced by then", p.From, p.To, p.KeyNumber, key))
		return nil
	}
	switch {
	case syncproto.EpochStart(p.Epoch) < syncproto.EpochStart(c.Epoch):
		in.note("page", syncproto.Errorf(syncproto.CodeGap, "page %d-%d of a feed is of a history that the centre has given up", p.From, p.To))
		return nil
	case p.Epoch != c.Epoch && p.From == 0 && p.Prev == (syncproto.Hash{}):
		// A new history of the feed, as after a restored centre.
		if err := in.newHistory(ctx, p.Epoch); err != nil {
			return err
		}
	case p.Epoch != c.Epoch:
		in.note("page", syncproto.Errorf(syncproto.CodeGap, "page %d-%d of a feed belongs to a history whose beginning is missing", p.From, p.To))
		return nil
	case repeat:
		return nil
	case p.From != c.Position || p.Prev != c.Page:
		in.note("page", syncproto.Errorf(syncproto.CodeGap, "page %d-%d of a feed does not follow position %d", p.From, p.To, c.Position))
		return nil
	}
	if unread != nil {
		if err := in.setAside(ctx, "page", b, syncproto.CodeOf(unread)); err != nil {
			return err
		}
		in.note("page", unread)
	}
	for i := range p.Items {
		if err := in.takeItem(ctx, &p.Items[i]); err != nil {
			return err
		}
	}
	in.pages++
	return in.advance(ctx, p.After(), max(key, p.NextKey()))
}

// checkpoint tells how far a feed was read, and which of the centre's keys at
// least has to sign what follows.
func (in *intake) checkpoint(ctx context.Context, feed string) (c syncproto.Checkpoint, key uint64, err error) {
	c.Feed = feed
	var epoch, page []byte
	err = in.q.QueryRowContext(ctx, `SELECT epoch, position, page, key FROM checkpoint WHERE feed = $1`, feed).Scan(&epoch, &c.Position, &page, &key)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return c, 0, fmt.Errorf("reading a checkpoint: %w", err)
	}
	copy(c.Epoch[:], epoch)
	copy(c.Page[:], page)
	return c, key, nil
}

func (in *intake) advance(ctx context.Context, c syncproto.Checkpoint, key uint64) error {
	_, err := in.q.ExecContext(ctx, `INSERT INTO checkpoint (feed, epoch, position, page, key) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (feed) DO UPDATE SET epoch = excluded.epoch, position = excluded.position, page = excluded.page, key = excluded.key`,
		c.Feed, c.Epoch[:], int64(c.Position), c.Page[:], int64(key))
	if err != nil {
		return fmt.Errorf("advancing a checkpoint: %w", err)
	}
	return nil
}

// setAside keeps what is signed and cannot be used by this program.
func (in *intake) setAside(ctx context.Context, kind string, b []byte, code syncproto.Code) error {
	sum := sha256.Sum256(b)
	_, err := in.q.ExecContext(ctx, `INSERT INTO aside (sum, kind, bytes, code, at_ms) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
		sum[:], kind, b, string(code), in.d.opts.Clock.NowMS())
	if err != nil {
		return fmt.Errorf("setting something aside: %w", err)
	}
	return nil
}

func (in *intake) takeItem(ctx context.Context, it *syncproto.FeedItem) error {
	if it.Ruling != nil {
		return in.takeRuling(ctx, it.Ruling)
	}
	if it.Succession != nil {
		return in.takeSuccession(ctx, it.Succession)
	}
	c := it.Change
	_, err := in.see(ctx, &seen{
		Change: syncproto.Change{Origin: c.Origin, Seq: c.Seq, Header: c.Header, Operational: c.Operational},
		open:   c.Open, record: c.Record, vouched: true,
	})
	return err
}

// takeRuling stores a ruling of the centre and does at once what an erasure
// asks for.
func (in *intake) takeRuling(ctx context.Context, r *syncproto.Ruling) error {
	if err := in.link.centre.VerifyRuling(r); err != nil {
		in.note("ruling", err)
		return nil
	}
	if err := in.storeRuling(ctx, r); err != nil {
		return err
	}
	if r.OfDevice() {
		return in.takeDeviceRuling(ctx, r, false)
	}
	if r.Kind == syncproto.RulingErase {
		in.erased = true
		in.touched[r.Record] = struct{}{}
		if err := in.d.log.Erase(ctx, in.q, r.Record); err != nil {
			return err
		}
		if _, err := in.q.ExecContext(ctx, `UPDATE record SET personal = NULL, id_tail = NULL WHERE id = $1`, r.Record[:]); err != nil {
			return fmt.Errorf("erasing a record: %w", err)
		}
		return in.forgetPerson(ctx, r.Record)
	}
	return in.touchTarget(ctx, r.Target)
}

// storeRuling keeps a ruling. A centre that was restored may give a number anew.
func (in *intake) storeRuling(ctx context.Context, r *syncproto.Ruling) error {
	_, err := in.q.ExecContext(ctx, `INSERT INTO ruling (number, kind, origin, seq, record, bytes) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO UPDATE SET kind = excluded.kind, origin = excluded.origin, seq = excluded.seq, record = excluded.record, bytes = excluded.bytes`,
		int64(r.Number), int64(r.Kind), r.Target.Origin[:], int64(r.Target.Seq), r.Record[:], r.Encode())
	if err != nil {
		return fmt.Errorf("storing a ruling: %w", err)
	}
	return nil
}

// forgetPerson takes the name off a person of this device whose member record was
// erased. Who acted stays known by the id, and the PIN goes on working.
func (in *intake) forgetPerson(ctx context.Context, id uuid.UUID) error {
	if _, err := in.q.ExecContext(ctx, `UPDATE person SET name = x'' WHERE id = $1`, id[:]); err != nil {
		return fmt.Errorf("erasing a person's name: %w", err)
	}
	return nil
}

// touchTarget notes the records that a ruling about a change concerns.
func (in *intake) touchTarget(ctx context.Context, t syncproto.Ref) error {
	rows, err := in.q.QueryContext(ctx, `SELECT record FROM seen_change WHERE origin = $1 AND seq = $2
UNION SELECT c.record FROM log_change c JOIN log_origin o ON o.no = c.origin WHERE o.origin = $1 AND c.seq = $2`, t.Origin[:], int64(t.Seq))
	if err != nil {
		return fmt.Errorf("finding a ruling's record: %w", err)
	}
	return in.touchRows(rows)
}

// seen is a change of another replica.
type seen struct {
	syncproto.Change
	open    [syncproto.RefOpenBytes]byte
	prev    []byte // of the change before; nil where it is not known
	record  uuid.UUID
	vouched bool // by the centre
}
