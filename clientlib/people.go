package clientlib

import (
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
)

// PIN settings. A PIN separates people on a shared phone; it encrypts nothing,
// so the hash only has to make the attempt limit the easier way.
const (
	pinSaltBytes  = 16
	pinHashBytes  = 32
	pinIterations = 60_000
	pinAttempts   = 5             // wrong PINs before the first pause
	pinPauseMS    = 60 * 1000     // first pause; doubles with every further wrong PIN
	pinMaxPauseMS = 24 * 3600_000 // longest pause
	nameBytes     = 200           // of a name
)

// Person is somebody who uses this device.
type Person struct {
	ID      uuid.UUID
	Name    string // as shown on this device; "" once it was erased
	HasPIN  bool
	Current bool
	// LockedUntilMS is when the next PIN may be tried, Unix ms; 0 for at once.
	LockedUntilMS int64
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
	rows, err := q.QueryContext(ctx, `SELECT p.id, p.name, p.pin IS NOT NULL, COALESCE(p.id = d.person, 0), p.locked_until_ms
FROM person p, device d ORDER BY p.id`)
	if err != nil {
		return nil, fmt.Errorf("reading people: %w", err)
	}
	defer rows.Close()
	var out []Person
	now := d.opts.Clock.NowMS()
	for rows.Next() {
		var p Person
		var id, name []byte
		if err := rows.Scan(&id, &name, &p.HasPIN, &p.Current, &p.LockedUntilMS); err != nil {
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
		if p.LockedUntilMS <= now {
			p.LockedUntilMS = 0
		}
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

// lock is what guards a person's entry.
type lock struct {
	pin      []byte
	attempts int64
	until    int64
	current  bool
}

func readLock(ctx context.Context, q changelog.Querier, id uuid.UUID) (lock, error) {
	var l lock
	err := q.QueryRowContext(ctx, `SELECT p.pin, p.attempts, p.locked_until_ms, COALESCE(p.id = d.person, 0) FROM person p, device d WHERE p.id = $1`, id[:]).
		Scan(&l.pin, &l.attempts, &l.until, &l.current)
	if errors.Is(err, sql.ErrNoRows) {
		return l, oneError("person", ruleUnknownPerson)
	}
	if err != nil {
		return l, fmt.Errorf("reading a person: %w", err)
	}
	return l, nil
}

// SetPIN sets or, with an empty pin, removes a person's PIN of 4 to 8 digits.
// Where one is set already, the person must be the current one.
func (d *Device) SetPIN(ctx context.Context, id uuid.UUID, pin string) error {
	var stored []byte
	if pin != "" {
		if len(pin) < 4 || len(pin) > 8 || strings.Trim(pin, "0123456789") != "" {
			return oneError("pin", rulePINForm)
		}
		salt := make([]byte, pinSaltBytes)
		if err := fillRandom(d.opts.Rand, salt); err != nil {
			return err
		}
		hash, err := hashPIN(pin, salt)
		if err != nil {
			return err
		}
		stored = append(salt, hash...)
	}
	return d.update(ctx, func(ctx context.Context, q changelog.Querier) error {
		l, err := readLock(ctx, q, id)
		if err != nil {
			return err
		}
		if l.pin != nil && !l.current {
			return oneError("person", rulePersonPIN)
		}
		if _, err := q.ExecContext(ctx, `UPDATE person SET pin = $1, attempts = 0, locked_until_ms = 0 WHERE id = $2`, stored, id[:]); err != nil {
			return fmt.Errorf("storing a PIN: %w", err)
		}
		return nil
	})
}

func hashPIN(pin string, salt []byte) ([]byte, error) {
	h, err := pbkdf2.Key(sha256.New, pin, salt, pinIterations, pinHashBytes)
	if err != nil {
		return nil, syncproto.Wrap(syncproto.CodeInternal, err, "hashing a PIN failed")
	}
	return h, nil
}

// SelectPerson makes a person the current one; pin is ignored where none is set.
// After five wrong PINs each further try has to wait, longer every time. The
// count is durable before the answer is given.
func (d *Device) SelectPerson(ctx context.Context, id uuid.UUID, pin string) error {
	var refused error
	err := d.update(ctx, func(ctx context.Context, q changelog.Querier) error {
		l, err := readLock(ctx, q, id)
		if err != nil {
			return err
		}
		if refused, err = d.tryPIN(ctx, q, id, &l, pin); err != nil || refused != nil {
			return err
		}
		if _, err := q.ExecContext(ctx, `UPDATE person SET attempts = 0, locked_until_ms = 0 WHERE id = $1`, id[:]); err != nil {
			return fmt.Errorf("choosing a person: %w", err)
		}
		if _, err := q.ExecContext(ctx, `UPDATE device SET person = $1 WHERE one = 1`, id[:]); err != nil {
			return fmt.Errorf("choosing a person: %w", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return refused
}

// tryPIN gives why a PIN is refused, nil if it fits. A clock that was set back
// does not lengthen a pause beyond the longest.
func (d *Device) tryPIN(ctx context.Context, q changelog.Querier, id uuid.UUID, l *lock, pin string) (refused, err error) {
	if l.pin == nil {
		return nil, nil
	}
	now := d.opts.Clock.NowMS()
	if l.until > now && l.until-now <= pinMaxPauseMS {
		return oneError("pin", rulePINLocked), nil
	}
	hash, err := hashPIN(pin, l.pin[:pinSaltBytes])
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(hash, l.pin[pinSaltBytes:]) == 1 {
		return nil, nil
	}
	l.attempts++
	until := int64(0)
	if over := l.attempts - pinAttempts; over >= 0 {
		until = now + min(int64(pinPauseMS)<<min(over, 20), pinMaxPauseMS)
	}
	if _, err := q.ExecContext(ctx, `UPDATE person SET attempts = $1, locked_until_ms = $2 WHERE id = $3`, l.attempts, until, id[:]); err != nil {
		return nil, fmt.Errorf("counting a wrong PIN: %w", err)
	}
	return oneError("pin", rulePINWrong), nil
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
