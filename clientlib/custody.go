package clientlib

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
)

// Stage says how far a record has got, judged by signed receipts over all its
// changes made on this device.
type Stage int

// The stages, in rising order; StageAskedBack stands apart.
const (
	StageOnPhone   Stage = 0
	StageAtCommune Stage = 1
	StageAtCentre  Stage = 2
	StageSafe      Stage = 3
	StageAskedBack Stage = 4 // a person has to look: quarantined, held, refused, forked or in conflict
)

// String gives the stable word for s: on-phone, at-commune, at-centre, safe or
// asked-back.
func (s Stage) String() string {
	return [...]string{"on-phone", "at-commune", "at-centre", "safe", "asked-back"}[s]
}

// ReasonConflict is the reason of StageAskedBack where a field has several
// standing values.
const ReasonConflict syncproto.Reason = "conflict"

// ReasonQuestion is the reason of StageAskedBack where the centre asked something
// that nobody has answered.
const ReasonQuestion syncproto.Reason = "question"

// Custody is the stage with what led to it.
type Custody struct {
	Stage   Stage
	Outcome syncproto.Outcome // what the centre said, 0 for plain acceptance or nothing yet
	Reason  syncproto.Reason
	Changes int // changes made on this device that it was judged by
}

// CustodySum counts records of this device by stage.
type CustodySum [5]int

// judgeCustody settles the stage from the lowest mark of the own changes and
// the newest outcome that is not plain acceptance. A change that was unreadable
// is sealed and sent again by the device itself, so no person need look.
func (r *Record) judgeCustody(lowest syncproto.Mark, outcome string, unvouched bool) {
	c := &r.Custody
	c.Stage = Stage(lowest)
	if c.Changes == 0 {
		if c.Stage = StageAtCentre; unvouched {
			c.Stage = StageAtCommune
		}
	}
	r.Provisional = unvouched || c.Changes > 0 && lowest < syncproto.MarkReceived
	if code, reason, ok := strings.Cut(outcome, " "); ok {
		n, _ := strconv.Atoi(code)
		c.Outcome, c.Reason = syncproto.Outcome(n), syncproto.Reason(reason)
	}
	switch {
	case c.Outcome != 0 && c.Outcome != syncproto.OutcomeErased && c.Reason != syncproto.ReasonUnreadable:
		c.Stage = StageAskedBack
	case r.Conflict:
		c.Stage, c.Reason = StageAskedBack, ReasonConflict
	case r.asked():
		c.Stage, c.Reason = StageAskedBack, ReasonQuestion
	}
}

// Custody gives the stage of one record; CodeNotFound if it is not here.
func (d *Device) Custody(ctx context.Context, id uuid.UUID) (Custody, error) {
	r, err := d.Get(ctx, id)
	return r.Custody, err
}

// CustodySum counts this device's records by stage.
func (d *Device) CustodySum(ctx context.Context) (CustodySum, error) {
	var sum CustodySum
	err := d.view(ctx, func(ctx context.Context, q changelog.Querier) (err error) {
		sum, err = custodySum(ctx, q)
		return err
	})
	return sum, err
}

func custodySum(ctx context.Context, q changelog.Querier) (CustodySum, error) {
	var sum CustodySum
	rows, err := q.QueryContext(ctx, `SELECT stage, COUNT(*) FROM (
 SELECT CASE WHEN r.flags & $1 OR MAX(x.outcome IS NOT NULL AND x.outcome <> $2 AND x.reason <> $3) THEN $4 ELSE MIN(c.mark) END AS stage
 FROM log_change c JOIN log_origin o ON o.no = c.origin JOIN record r ON r.id = c.record AND r.collection = $5
 LEFT JOIN outcome x ON x.origin = o.origin AND x.seq = c.seq GROUP BY c.record) GROUP BY stage`,
		flagConflict, int64(syncproto.OutcomeErased), string(syncproto.ReasonUnreadable), int64(StageAskedBack), syncproto.CollectionActivity)
	if err != nil {
		return sum, fmt.Errorf("counting custody: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var stage, n int
		if err := rows.Scan(&stage, &n); err != nil {
			return sum, fmt.Errorf("counting custody: %w", err)
		}
		if stage >= 0 && stage < len(sum) {
			sum[stage] += n
		}
	}
	if err := rows.Err(); err != nil {
		return sum, fmt.Errorf("counting custody: %w", err)
	}
	return sum, nil
}
