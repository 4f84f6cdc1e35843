package clientlib

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
	"thonsync/syncproto/exchange"
)

const dayMS = 24 * 60 * 60 * 1000

// Status is the state of the device in short.
type Status struct {
	Joined        bool
	Revoked       *Revocation        // by the centre; nil if not
	Questions     int                // of the centre that wait for an answer
	Stranded      int                // changes that are neither at the centre nor in a file
	Origin        syncproto.OriginID // where new changes go
	Role          string
	Unit          string
	Team          uuid.UUID
	Centre        string // fingerprint of the centre's key
	Servers       []string
	LastServer    string // that answered last
	Changes       int    // changes made on this device
	Waiting       int    // of these, not yet received at the centre
	Cargo         int    // segments carried for colleagues
	LastSuccessMS int64  // last exchange that left nothing behind, Unix ms; 0 for never
	DaysSince     int    // whole days since; -1 for never
	LastError     string // of the last Sync, English, "" if it went well
	LastErrorCode syncproto.Code
	Gaps          []exchange.Gap // own changes missing at the centre below what it has received
	People        []Person
	ClockOffsetMS int64 // device's clock minus server's, at the last exchange
	BeaconMS      int64 // newest signed time seen, Unix ms
	Custody       CustodySum
	SetAside      int // things received and signed that this program could not use
	Restored      int // how often this device found itself restored or cloned
	// EnrolAgain says that what is recorded now stands under a key that no officer
	// has enrolled yet, so that the centre holds it: join again.
	EnrolAgain bool
}

// Status gives the state of the device in short.
func (d *Device) Status(ctx context.Context) (Status, error) {
	s := Status{Origin: d.Origin(), DaysSince: -1}
	err := d.view(ctx, func(ctx context.Context, q changelog.Querier) error {
		if err := d.readStatus(ctx, q, &s); err != nil {
			return err
		}
		servers, err := readServers(ctx, q)
		if err != nil {
			return err
		}
		for _, sv := range servers {
			s.Servers = append(s.Servers, sv.url)
		}
		if s.People, err = d.people(ctx, q); err != nil {
			return err
		}
		if s.Gaps, err = d.gaps(ctx, q); err != nil {
			return err
		}
		if s.Revoked, err = readRevocation(ctx, q); err != nil {
			return err
		}
		if s.Questions, err = openQuestions(ctx, q); err != nil {
			return err
		}
		if s.Stranded, err = stranded(ctx, q); err != nil {
			return err
		}
		s.Custody, err = custodySum(ctx, q)
		return err
	})
	return s, err
}

func (d *Device) readStatus(ctx context.Context, q changelog.Querier, s *Status) error {
	var centre, team []byte
	err := q.QueryRowContext(ctx, `SELECT centre, role, unit, team, last_server, last_success_ms, last_error, last_error_code,
clock_offset_ms, beacon_ms, restored, (SELECT COUNT(*) FROM cargo), (SELECT COUNT(*) FROM aside),
(SELECT COUNT(*) FROM log_change), (SELECT COUNT(*) FROM log_change WHERE mark < $1) FROM device`, int64(syncproto.MarkReceived)).
		Scan(&centre, &s.Role, &s.Unit, &team, &s.LastServer, &s.LastSuccessMS, &s.LastError, &s.LastErrorCode,
			&s.ClockOffsetMS, &s.BeaconMS, &s.Restored, &s.Cargo, &s.SetAside, &s.Changes, &s.Waiting)
	if err != nil {
		return fmt.Errorf("reading the status: %w", err)
	}
	copy(s.Team[:], team)
	if centre != nil {
		chain, err := readChain(ctx, q, s.Origin)
		if err != nil {
			return err
		}
		s.EnrolAgain = credential.IsHandover(chain)
	}
	if centre != nil {
		line, err := syncproto.DecodeCentre(centre)
		if err != nil {
			return err
		}
		s.Joined, s.Centre = true, Fingerprint(line.Key())
	}
	if s.LastSuccessMS > 0 {
		s.DaysSince = int(max(0, d.opts.Clock.NowMS()-s.LastSuccessMS) / dayMS)
	}
	return nil
}

// gaps lists the own changes that are not received although later ones of the
// same origin are.
func (d *Device) gaps(ctx context.Context, q changelog.Querier) ([]exchange.Gap, error) {
	var out []exchange.Gap
	for _, id := range d.log.Origins() {
		runs, err := d.log.Below(ctx, q, id, syncproto.MarkReceived)
		if err != nil {
			return nil, err
		}
		h, err := d.log.Heads(ctx, q, id)
		if err != nil {
			return nil, err
		}
		for _, r := range runs {
			if r.Last < h.Seq {
				out = append(out, exchange.Gap{Origin: id, First: r.First, Last: r.Last})
			}
		}
	}
	return out, nil
}
