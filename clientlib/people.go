package clientlib

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
)

const nameBytes = 200 // of a name

// Person is somebody who uses this device.
type Person struct {
	ID      uuid.UUID
	Name    string // as shown on this device; "" once it was erased
	HasPIN  bool
	Current bool
	// WaitMS is how long it takes until a PIN may be tried again; 0 for at once.
	WaitMS int64
}

// People lists who may use this device, in the order of their ids.
func (d *Device) People(ctx context.Context) ([]Person, error) {
	var out []Person
	err := d.view(ctx, func(ctx context.Context, q changelog.Querier) (err error) {
		out, err = d.people(ctx, q)
		return err
	})
	return out, err
}

func (d *Device) people(ctx context.Context, q changelog.Querier) ([]Person, error) {
	rows, err := q.QueryContext(ctx, `SELECT p.id, p.name, p.pin IS NOT NULL, COALESCE(p.id = d.person, 0), p.pause_ms, p.tried_ms
FROM person p, device d ORDER BY p.id`)
	if err != nil {
		return nil, fmt.Errorf("reading people: %w", err)
	}
	defer rows.Close()
	var out []Person
	now := d.opts.Uptime().Milliseconds()
	for rows.Next() {
		var p Person
		var id, name []byte
		var pause, tried int64
		if err := rows.Scan(&id, &name, &p.HasPIN, &p.Current, &pause, &tried); err != nil {
			return nil, fmt.Errorf("reading people: %w", err)
		}
		copy(p.ID[:], id)
		if len(name) > 0 { // empty once erased
			plain, err := d.box.Open(name, aadRecord("person", p.ID))
			if err != nil {
				return nil, err
			}
			p.Name = string(plain)
		}
		p.WaitMS = pauseLeft(pause, tried, now)
		out = append(out, p)
	}
	return out, rows.Err()
}

// AddPerson adds a member to this device, or changes the name shown for one.
func (d *Device) AddPerson(ctx context.Context, id uuid.UUID, name string) error {
	name = syncproto.TextValue(strings.TrimSpace(name)).Text()
	if id == uuid.Nil || name == "" || len(name) > nameBytes || !syncproto.CleanText(name) {
		return oneError("name", ruleName)
	}
	return d.update(ctx, func(ctx context.Context, q changelog.Querier) error { return d.putPerson(ctx, q, id, name) })
}

func (d *Device) putPerson(ctx context.Context, q changelog.Querier, id uuid.UUID, name string) error {
	sealed, err := d.box.Seal([]byte(name), aadRecord("person", id))
	if err != nil {
		return err
	}
	_, err = q.ExecContext(ctx, `INSERT INTO person (id, name) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET name = excluded.name`, id[:], sealed)
	if err != nil {
		return fmt.Errorf("storing a person: %w", err)
	}
	return nil
}

// LeavePerson makes nobody the current person, as when the phone is handed on.
func (d *Device) LeavePerson(ctx context.Context) error {
	return d.update(ctx, func(ctx context.Context, q changelog.Querier) error {
		if _, err := q.ExecContext(ctx, `UPDATE device SET person = NULL WHERE one = 1`); err != nil {
			return fmt.Errorf("leaving the device: %w", err)
		}
		return nil
	})
}
