package clientlib

import (
	"context"
	"crypto/ed25519"
	"crypto/subtle"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/crypto/argon2"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
)

// PIN settings. A PIN separates people on a shared phone; it encrypts nothing.
// Whoever copies database and key file tries all PINs in an hour or so, so what
// holds is the attempt limit; the hash keeps a PIN that a person uses elsewhere,
// too, from being read off at once. Memory and passes are what RFC 9106 and
// OWASP name as the least, and what a phone with 1 GB bears in a third of a
// second.
const (
	pinVersion    = 1
	pinSaltBytes  = 16
	pinHashBytes  = 32
	pinPasses     = 2
	pinMemoryKiB  = 19 * 1024
	pinAttempts   = 5              // wrong PINs before the first pause
	pinPause      = time.Minute    // first pause; doubles with every further wrong PIN
	pinMaxPause   = 24 * time.Hour // longest pause
	pinStoreBytes = 1 + pinSaltBytes + pinHashBytes
)

// processStart stands in for the machine's start where that is not to be had.
var processStart = time.Now()

// lock is what guards a person's entry.
type lock struct {
	pin       []byte
	attempts  int64
	pauseMS   int64
	triedMS   int64
	challenge string
	current   bool
}

func readLock(ctx context.Context, q changelog.Querier, id uuid.UUID) (lock, error) {
	var l lock
	err := q.QueryRowContext(ctx, `SELECT p.pin, p.attempts, p.pause_ms, p.tried_ms, p.challenge, COALESCE(p.id = d.person, 0) FROM person p, device d WHERE p.id = $1`, id[:]).
		Scan(&l.pin, &l.attempts, &l.pauseMS, &l.triedMS, &l.challenge, &l.current)
	if errors.Is(err, sql.ErrNoRows) {
		return l, oneError("person", ruleUnknownPerson)
	}
	if err != nil {
		return l, fmt.Errorf("reading a person: %w", err)
	}
	return l, nil
}

// pauseLeft gives what is left of a pause, in ms. All three count on the
// machine's own uptime, so that no wall clock shortens or lengthens a pause.
func pauseLeft(pauseMS, triedMS, nowMS int64) int64 {
	return max(0, pauseMS-max(0, nowMS-triedMS))
}

// restartPauses begins pauses anew that were under way when the machine went
// down: how long it was off cannot be known, but that it has been up since then
// is.
func (d *Device) restartPauses(ctx context.Context, q changelog.Querier) error {
	_, err := q.ExecContext(ctx, `UPDATE person SET tried_ms = 0 WHERE tried_ms > $1`, d.opts.Uptime().Milliseconds())
	if err != nil {
		return fmt.Errorf("reading the pauses after wrong PINs: %w", err)
	}
	return nil
}

// SetPIN sets or, with an empty pin, removes a person's PIN of 4 to 8 digits.
// Where one is set already, the person must be the current one.
func (d *Device) SetPIN(ctx context.Context, id uuid.UUID, pin string) error {
	stored, err := d.newPIN(pin)
	if err != nil {
		return err
	}
	return d.update(ctx, func(ctx context.Context, q changelog.Querier) error {
		l, err := readLock(ctx, q, id)
		if err != nil {
			return err
		}
		if l.pin != nil && !l.current {
			return oneError("person", rulePersonPIN)
		}
		return putPIN(ctx, q, id, stored)
	})
}

// newPIN checks a PIN and gives what is stored of it; nil for none.
func (d *Device) newPIN(pin string) ([]byte, error) {
	if pin == "" {
		return nil, nil
	}
	if len(pin) < 4 || len(pin) > 8 || strings.Trim(pin, "0123456789") != "" {
		return nil, oneError("pin", rulePINForm)
	}
	stored := make([]byte, 1+pinSaltBytes, pinStoreBytes)
	stored[0] = pinVersion
	if err := fillRandom(d.opts.Rand, stored[1:]); err != nil {
		return nil, err
	}
	return append(stored, hashPIN(pin, stored[1:])...), nil
}

// putPIN stores a PIN and forgets all wrong ones and any challenge.
func putPIN(ctx context.Context, q changelog.Querier, id uuid.UUID, stored []byte) error {
	_, err := q.ExecContext(ctx, `UPDATE person SET pin = $1, attempts = 0, pause_ms = 0, tried_ms = 0, challenge = '' WHERE id = $2`, stored, id[:])
	if err != nil {
		return fmt.Errorf("storing a PIN: %w", err)
	}
	return nil
}

func hashPIN(pin string, salt []byte) []byte {
	return argon2.IDKey([]byte(pin), salt, pinPasses, pinMemoryKiB, 1, pinHashBytes)
}

// fits tells whether a PIN is the stored one. It fails with CodeNewerSchema for
// one that a newer program stored.
func (l *lock) fits(pin string) (bool, error) {
	if len(l.pin) != pinStoreBytes || l.pin[0] != pinVersion {
		return false, syncproto.Errorf(syncproto.CodeNewerSchema, "a newer program stored this PIN: use that program, or have the officer reset the PIN")
	}
	salt, hash := l.pin[1:1+pinSaltBytes], l.pin[1+pinSaltBytes:]
	return subtle.ConstantTimeCompare(hashPIN(pin, salt), hash) == 1, nil
}

// SelectPerson makes a person the current one; pin is ignored where none is set.
// After five wrong PINs each further try has to wait, longer every time. The
// count is durable before the answer is given.
func (d *Device) SelectPerson(ctx context.Context, id uuid.UUID, pin string) error {
	return d.guarded(ctx, id, func(l *lock) (bool, error) {
		if l.pin == nil {
			return true, nil
		}
		return l.fits(pin)
	}, rulePINWrong, func(ctx context.Context, q changelog.Querier) error {
		if _, err := q.ExecContext(ctx, `UPDATE person SET attempts = 0, pause_ms = 0, tried_ms = 0 WHERE id = $1`, id[:]); err != nil {
			return fmt.Errorf("choosing a person: %w", err)
		}
		if _, err := q.ExecContext(ctx, `UPDATE device SET person = $1 WHERE one = 1`, id[:]); err != nil {
			return fmt.Errorf("choosing a person: %w", err)
		}
		return nil
	})
}

// guarded does something for a person if what was shown fits, and counts it as a
// wrong PIN if not. While a pause lasts nothing is looked at.
func (d *Device) guarded(ctx context.Context, id uuid.UUID, fits func(*lock) (bool, error), wrong rule, do func(context.Context, changelog.Querier) error) error {
	var refused error
	err := d.update(ctx, func(ctx context.Context, q changelog.Querier) error {
		l, err := readLock(ctx, q, id)
		if err != nil {
			return err
		}
		now := d.opts.Uptime().Milliseconds()
		if l.pin != nil && pauseLeft(l.pauseMS, l.triedMS, now) > 0 {
			refused = oneError("pin", rulePINLocked)
			return nil
		}
		ok, err := fits(&l)
		if err != nil {
			return err
		}
		if ok {
			return do(ctx, q)
		}
		refused = oneError("pin", wrong)
		return countWrong(ctx, q, id, &l, now)
	})
	if err != nil {
		return err
	}
	return refused
}

// countWrong counts a wrong PIN and begins the pause that it earns.
func countWrong(ctx context.Context, q changelog.Querier, id uuid.UUID, l *lock, nowMS int64) error {
	l.attempts++
	pause := time.Duration(0)
	if over := l.attempts - pinAttempts; over >= 0 {
		pause = min(pinPause<<min(over, 20), pinMaxPause)
	}
	_, err := q.ExecContext(ctx, `UPDATE person SET attempts = $1, pause_ms = $2, tried_ms = $3 WHERE id = $4`, l.attempts, pause.Milliseconds(), nowMS, id[:])
	if err != nil {
		return fmt.Errorf("counting a wrong PIN: %w", err)
	}
	return nil
}

// ChallengePIN gives a challenge for a person who has forgotten the PIN. An
// officer has the commune's or the centre's server answer it, without any line
// between the two. A new challenge voids the one before.
func (d *Device) ChallengePIN(ctx context.Context, id uuid.UUID) (string, error) {
	nonce := make([]byte, syncproto.ResetNonceBytes)
	if err := fillRandom(d.opts.Rand, nonce); err != nil {
		return "", err
	}
	challenge := syncproto.ResetChallenge(d.Origin(), id, nonce)
	return challenge, d.update(ctx, func(ctx context.Context, q changelog.Querier) error {
		l, err := readLock(ctx, q, id)
		if err != nil {
			return err
		}
		if l.pin == nil {
			return oneError("pin", rulePINNone)
		}
		if _, err := q.ExecContext(ctx, `UPDATE person SET challenge = $1 WHERE id = $2`, challenge, id[:]); err != nil {
			return fmt.Errorf("keeping a challenge: %w", err)
		}
		return nil
	})
}

// ResetPIN gives a person a new PIN, or none if it is empty, if answer is what a
// server of the commune or the centre says to the last challenge. A wrong answer
// counts like a wrong PIN.
func (d *Device) ResetPIN(ctx context.Context, id uuid.UUID, answer, pin string) error {
	stored, err := d.newPIN(pin)
	if err != nil {
		return err
	}
	keys, err := d.resetKeys(ctx)
	if err != nil {
		return err
	}
	given := strings.Join(strings.Fields(answer), "")
	return d.guarded(ctx, id, func(l *lock) (bool, error) {
		fits := 0
		for _, key := range keys {
			want := strings.Join(strings.Fields(syncproto.ResetAnswer(key, l.challenge)), "")
			fits |= subtle.ConstantTimeCompare([]byte(want), []byte(given))
		}
		return l.challenge != "" && fits == 1, nil
	}, ruleResetWrong, func(ctx context.Context, q changelog.Querier) error { return putPIN(ctx, q, id, stored) })
}

// resetKeys gives the keys that this device shares with the centre and with the
// points that it has met.
func (d *Device) resetKeys(ctx context.Context) ([][]byte, error) {
	own, _ := d.log.Key(d.Origin())
	var out [][]byte
	err := d.view(ctx, func(ctx context.Context, q changelog.Querier) error {
		l, err := readLink(ctx, q)
		if err != nil {
			return err
		}
		list, err := readServers(ctx, q)
		if err != nil {
			return err
		}
		var theirs []ed25519.PublicKey
		if l.centre != nil {
			theirs = append(theirs, l.centre.Key())
		}
		for _, s := range list {
			if s.notice != nil {
				theirs = append(theirs, s.notice.Sign)
			}
		}
		for _, other := range theirs {
			key, err := syncproto.ResetKey(own, other, true)
			if err != nil {
				return err
			}
			out = append(out, key)
		}
		return nil
	})
	return out, err
}
