package clientlib

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
)

// dropBatch is how many changes one transaction of DropPersonal takes.
const dropBatch = 200

// idTailDigits is how much of a dropped identity number stays.
const idTailDigits = 3

// DropPersonal removes personal fields of changes that have been under a safe
// mark for the given number of days, and says of how many changes. Days are
// counted in the centre's time, from the receipt to the newest signed time
// seen: a wrong clock on the phone deletes nothing. Of an identity number the
// last three digits stay.
func (d *Device) DropPersonal(ctx context.Context, olderThanDays int) (int, error) {
	total := 0
	for {
		n := 0
		err := d.update(ctx, func(ctx context.Context, q changelog.Querier) (err error) {
			n, err = d.dropSome(ctx, q, olderThanDays)
			return err
		})
		if err != nil {
			return total, err
		}
		if total += n; n < dropBatch {
			break
		}
	}
	if total == 0 {
		return 0, nil
	}
	return total, d.clearFiles(ctx)
}

func (d *Device) dropSome(ctx context.Context, q changelog.Querier, days int) (int, error) {
	a, err := readActing(ctx, q)
	if err != nil {
		return 0, err
	}
	entries, err := d.log.Droppable(ctx, q, a.beacon.MS-int64(days)*dayMS, dropBatch)
	if err != nil {
		return 0, err
	}
	records := make(map[uuid.UUID]struct{})
	for i := range entries {
		records[entries[i].Record] = struct{}{}
	}
	for id := range records {
		if err := d.keepTail(ctx, q, id); err != nil {
			return 0, err
		}
	}
	for i := range entries {
		if err := d.log.Drop(ctx, q, entries[i].Origin, entries[i].Seq); err != nil {
			return 0, err
		}
	}
	for id := range records {
		if err := d.rebuild(ctx, q, id); err != nil {
			return 0, err
		}
	}
	return len(entries), nil
}

// keepTail stores the last digits of the shown identity number.
func (d *Device) keepTail(ctx context.Context, q changelog.Querier, id uuid.UUID) error {
	g, err := d.gather(ctx, q, id)
	if err != nil {
		return err
	}
	s := g.state()
	number := s.Row(syncproto.Personal).Value(syncproto.PersonIDNumber).Text()
	if len(number) <= idTailDigits {
		return nil
	}
	tail, err := d.box.Seal([]byte(number[len(number)-idTailDigits:]), aadRecord("tail", id))
	if err != nil {
		return err
	}
	if _, err := q.ExecContext(ctx, `UPDATE record SET id_tail = $1 WHERE id = $2`, tail, id[:]); err != nil {
		return fmt.Errorf("keeping the last digits of a number: %w", err)
	}
	return nil
}
