package clientlib

import (
	"context"
	"fmt"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
)

// newHistory takes in that the centre begins a new history: it was restored from
// a backup and may have lost what it had called received. What a backup does not
// vouch for is offered again, by whatever way, until the centre receipts it anew.
func (in *intake) newHistory(ctx context.Context, epoch syncproto.Epoch) error {
	start := syncproto.EpochStart(epoch)
	if start == 0 {
		return nil
	}
	centre := in.link.centreOrigin()
	_, err := in.q.ExecContext(ctx, `DELETE FROM receipt WHERE issuer = $1 AND mark = $2 AND issued_ms < $3`, centre[:], int64(syncproto.MarkReceived), start)
	if err != nil {
		return fmt.Errorf("forgetting lost receipts: %w", err)
	}
	for _, id := range in.d.log.Origins() {
		if err := in.doubt(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// doubt takes back that the centre holds changes of an own origin, as far as no
// receipt that is left says so.
func (in *intake) doubt(ctx context.Context, id syncproto.OriginID) error {
	unsafe, err := in.d.log.Below(ctx, in.q, id, syncproto.MarkSafe)
	if err != nil {
		return err
	}
	waiting, err := in.d.log.Below(ctx, in.q, id, syncproto.MarkReceived)
	if err != nil {
		return err
	}
	for _, run := range unsafe {
		for _, r := range subtract(run, waiting) {
			in.lost = true
			if err := in.d.lower(ctx, in.q, id, r); err != nil {
				return err
			}
		}
	}
	left, err := centreReceipts(ctx, in.q, id, in.link.centreOrigin())
	if err != nil {
		return err
	}
	for _, r := range left {
		if err := in.applyReceipt(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

func centreReceipts(ctx context.Context, q changelog.Querier, id, centre syncproto.OriginID) ([]*syncproto.Receipt, error) {
	rows, err := q.QueryContext(ctx, `SELECT bytes FROM receipt WHERE origin = $1 AND issuer = $2 AND mark >= $3 ORDER BY issued_ms`,
		id[:], centre[:], int64(syncproto.MarkReceived))
	if err != nil {
		return nil, fmt.Errorf("reading receipts: %w", err)
	}
	return receiptsIn(rows)
}
