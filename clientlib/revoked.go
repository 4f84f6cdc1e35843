package clientlib

import (
	"context"
	"fmt"
	"slices"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
	"thonsync/syncproto/merge"
)

// Revocation says that the centre has revoked this device.
type Revocation struct {
	SinceMS int64 // centre's clock
	Reason  syncproto.Reason
}

var errRevoked = syncproto.Errorf(syncproto.CodeRevoked, "the province has revoked this device: it takes no new records. Send what it holds, or write it into a file; then ask the officer for a code to join anew")

// takeLoneRulings takes rulings that came outside pages: a server's word why this
// device gets nothing else.
func (in *intake) takeLoneRulings(ctx context.Context, list [][]byte) error {
	for _, b := range list {
		r, err := syncproto.DecodeRuling(b)
		if err == nil {
			err = in.link.centre.VerifyLoneRuling(r)
		}
		if err == nil && !r.OfDevice() {
			err = syncproto.Errorf(syncproto.CodeMalformed, "ruling %d is about no device and belongs into a page", r.Number)
		}
		if err != nil {
			in.note("ruling", err)
			continue
		}
		if err := in.storeRuling(ctx, r); err != nil {
			return err
		}
		if err := in.takeDeviceRuling(ctx, r, true); err != nil {
			return err
		}
	}
	return nil
}

// takeDeviceRuling acts on a ruling about a device: this one stops recording,
// the records of a colleague's are merged again. A ruling that the centre itself
// gives as its reason may also be about the point that took this device in; a
// point's word for that does not count, or it could stop its phones.
func (in *intake) takeDeviceRuling(ctx context.Context, r *syncproto.Ruling, lone bool) error {
	ours := []syncproto.OriginID{in.link.identity}
	if lone && in.peer != nil && in.peer.origin() == in.link.centreOrigin() {
		ours = append(ours, credential.Subjects(in.link.chain)...)
	}
	if r.Kind == syncproto.RulingRevoke && slices.Contains(ours, r.Target.Origin) {
		if _, err := in.q.ExecContext(ctx, `UPDATE device SET revoked = $1`, r.Encode()); err != nil {
			return fmt.Errorf("noting the revocation: %w", err)
		}
		in.d.acting = nil
	}
	rows, err := in.q.QueryContext(ctx, `SELECT DISTINCT record FROM seen_change WHERE origin = $1`, r.Target.Origin[:])
	if err != nil {
		return fmt.Errorf("finding the records of a revoked device: %w", err)
	}
	return in.touchRows(rows)
}

// readRevocation gives the revocation of this device, nil if there is none.
func readRevocation(ctx context.Context, q changelog.Querier) (*Revocation, error) {
	var b []byte
	if err := q.QueryRowContext(ctx, `SELECT revoked FROM device`).Scan(&b); err != nil {
		return nil, fmt.Errorf("reading the revocation: %w", err)
	}
	if b == nil {
		return nil, nil
	}
	r, err := syncproto.DecodeRuling(b)
	if err != nil {
		return nil, err
	}
	return &Revocation{SinceMS: r.IssuedMS, Reason: r.Reason}, nil
}

// gatherRevoked holds the changes that colleagues' revoked devices made after
// the cut. What this device wrote itself stays readable on it.
func (d *Device) gatherRevoked(ctx context.Context, q changelog.Querier, g *gathered) error {
	cuts := make(map[syncproto.OriginID]*cutHere)
	for i := range g.changes {
		id := g.changes[i].ID
		if d.log.Owns(id.Origin) {
			continue
		}
		cut, known := cuts[id.Origin]
		if !known {
			var err error
			if cut, err = readCut(ctx, q, id.Origin); err != nil {
				return err
			}
			cuts[id.Origin] = cut
		}
		if cut != nil && !cut.covers(id) {
			g.rulings.Changes = append(g.rulings.Changes, merge.Ruling{Change: id, Number: cut.first, Act: merge.Hold})
		}
	}
	return nil
}

// cutHere is the cut of a revoked device as far as it can be told here: by
// numbers, and by hashes at the heads themselves.
type cutHere struct {
	first  uint64 // number of the first ruling that revoked the device
	newest *syncproto.Ruling
	heads  []syncproto.CutHead // of releases
}

// readCut gives the cut of a device, nil if it is not revoked.
func readCut(ctx context.Context, q changelog.Querier, id syncproto.OriginID) (*cutHere, error) {
	rows, err := q.QueryContext(ctx, `SELECT bytes FROM ruling WHERE origin = $1 AND seq = 0 ORDER BY number`, id[:])
	if err != nil {
		return nil, fmt.Errorf("reading rulings on a device: %w", err)
	}
	defer rows.Close()
	c := &cutHere{}
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return nil, fmt.Errorf("reading rulings on a device: %w", err)
		}
		r, err := syncproto.DecodeRuling(b)
		switch {
		case err != nil:
			return nil, err
		case r.Kind == syncproto.RulingRelease && r.OfDevice():
			c.heads = append(c.heads, r.Cut...)
		case r.Kind == syncproto.RulingRevoke:
			if c.newest = r; c.first == 0 {
				c.first = r.Number
			}
		}
	}
	if c.newest == nil {
		return nil, rows.Err()
	}
	return c, rows.Err()
}

func (c *cutHere) covers(id merge.ID) bool {
	return slices.ContainsFunc(append(slices.Clone(c.newest.Cut), c.heads...), func(h syncproto.CutHead) bool {
		return id.Seq < h.Seq || id.Seq == h.Seq && id.Open == h.Open
	})
}

// dropRevoked lets go of personal fields that are safe at the centre: whoever
// holds a revoked device need not have them.
func (d *Device) dropRevoked(ctx context.Context) error {
	var revoked bool
	err := d.view(ctx, func(ctx context.Context, q changelog.Querier) error {
		r, err := readRevocation(ctx, q)
		revoked = r != nil
		return err
	})
	if err != nil || !revoked {
		return err
	}
	_, err = d.DropPersonal(ctx, 0)
	return err
}
