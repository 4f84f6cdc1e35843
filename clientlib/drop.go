package clientlib

import (
	"context"
	"database/sql"
	"errors"
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
	return d.drop(ctx, func(*syncproto.Kind) int { return olderThanDays })
}

// DropDue is DropPersonal with the days that each kind's definition sets, which
// comes from the centre. Every Sync ends with it.
func (d *Device) DropDue(ctx context.Context) (int, error) { return d.drop(ctx, syncproto.KeepDaysOf) }

// drop removes what is older than the days that its kind, nil for an unknown
// one, is kept.
func (d *Device) drop(ctx context.Context, days func(*syncproto.Kind) int) (int, error) {
	total := 0
	for more := true; more; {
		n := 0
		err := d.update(ctx, func(ctx context.Context, q changelog.Querier) (err error) {
			n, more, err = d.dropSome(ctx, q, days)
			return err
		})
		if err != nil {
			return total, err
		}
		total += n
	}
	if total == 0 {
		return 0, nil
	}
	return total, d.clearFiles(ctx)
}

// dropSome drops at most a batch; more tells that there may be a next one.
func (d *Device) dropSome(ctx context.Context, q changelog.Querier, days func(*syncproto.Kind) int) (n int, more bool, err error) {
	a, err := readActing(ctx, q)
	if err != nil {
		return 0, false, err
	}
	shortest := days(nil)
	for _, k := range d.kinds {
		shortest = min(shortest, days(k))
	}
	var after changelog.Place
	for n < dropBatch {
		entries, err := d.log.Droppable(ctx, q, after, a.beacon.MS-int64(shortest)*dayMS, dropBatch)
		if err != nil || len(entries) == 0 {
			return n, false, err
		}
		last := &entries[len(entries)-1]
		after = changelog.Place{Origin: last.Origin, Seq: last.Seq}
		due, err := d.dueOf(ctx, q, entries, a.beacon.MS, days)
		if err != nil {
			return n, false, err
		}
		if err := d.dropEntries(ctx, q, due); err != nil {
			return n, false, err
		}
		n += len(due)
	}
	return n, true, nil
}

// dueOf picks the entries whose kind's days are over.
func (d *Device) dueOf(ctx context.Context, q changelog.Querier, entries []changelog.Entry, nowMS int64, days func(*syncproto.Kind) int) ([]changelog.Entry, error) {
	var due []changelog.Entry
	for i := range entries {
		var code string
		err := q.QueryRowContext(ctx, `SELECT lookup FROM record WHERE id = $1`, entries[i].Record[:]).Scan(&code)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, fmt.Errorf("reading a record's kind: %w", err)
		}
		if entries[i].SafeMS <= nowMS-int64(days(d.kinds[code]))*dayMS {
			due = append(due, entries[i])
		}
	}
	return due, nil
}

func (d *Device) dropEntries(ctx context.Context, q changelog.Querier, entries []changelog.Entry) error {
	records := make(map[uuid.UUID]struct{})
	for i := range entries {
		records[entries[i].Record] = struct{}{}
	}
	for id := range records {
		if err := d.keepTail(ctx, q, id); err != nil {
			return err
		}
	}
	for i := range entries {
		if err := d.log.Drop(ctx, q, entries[i].Origin, entries[i].Seq); err != nil {
			return err
		}
	}
	for id := range records {
		if err := d.rebuild(ctx, q, id); err != nil {
			return err
		}
	}
	return nil
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
