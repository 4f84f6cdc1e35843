package accounts

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"thonsync/server/audit"
)

// Parameters of the second factor, after RFC 6238; every authenticator app knows
// them. A code is taken one step early and late: clocks differ.
const (
	stepLength   = 30 * time.Second
	secretOctets = 20
	recoveries   = 10
	stepsADay    = int64(24 * time.Hour / stepLength)
)

var (
	base32Raw   = base32.StdEncoding.WithPadding(base32.NoPadding)
	hotpOptions = hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}
)

// match finds the step for which code is right, near now and after last, the
// last that was used.
func match(secret []byte, code string, now time.Time, last int64) (step int64, ok bool, err error) {
	step = now.Unix() / int64(stepLength/time.Second)
	if last > step+stepsADay {
		last = 0 // used while the clock was wrong; it must not keep its owner out
	}
	for s := max(step-1, last+1, 0); s <= step+1; s++ {
		want, err := hotp.GenerateCodeCustom(base32Raw.EncodeToString(secret), uint64(s), hotpOptions) // #nosec G115 -- not negative
		if err != nil {
			return 0, false, fmt.Errorf("making a code to compare with: %w", err)
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			return s, true, nil
		}
	}
	return 0, false, nil
}

// tidyCode drops what people type between digits.
func tidyCode(code string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '\t' {
			return -1
		}
		return r
	}, strings.ToUpper(code))
}

// passFactor checks a code of the authenticator or a recovery code, and uses it
// up. A code that was used before does not pass.
func (s *Service) passFactor(t tx, a *row, code string) (ok, recovered bool, err error) {
	secret, err := s.box.Open(a.factor, a.ID[:])
	if err != nil {
		return false, false, err
	}
	code = tidyCode(code)
	step, ok, err := match(secret, code, s.cfg.Now(), a.step)
	if err != nil {
		return false, false, err
	}
	if ok {
		return true, false, t.exec(`UPDATE accounts SET step = ? WHERE id = ?`, step, a.ID[:])
	}
	n, err := t.changed(`DELETE FROM recovery WHERE account = ? AND hash = ?`, a.ID[:], recoveryHash(a.ID, code))
	return n == 1, n == 1, err
}

func recoveryHash(id uuid.UUID, code string) []byte {
	h := sha256.New()
	h.Write(id[:])
	h.Write([]byte(code))
	return h.Sum(nil)
}

// Secret is what an authenticator app must learn.
type Secret struct {
	Text string // to type
	URI  string // to draw as a QR code
}

// NewFactor makes a secret for the caller's authenticator and keeps it until
// ConfirmFactor; until then the present one holds. Asked again it gives the same
// secret, so that a page can be loaded twice.
func (s *Service) NewFactor(ctx context.Context, c Caller, issuer string) (out Secret, err error) {
	err = s.update(ctx, func(t tx) error {
		a, err := t.own(c)
		if err != nil {
			return err
		}
		if a.factor != nil {
			return ErrFactorOn
		}
		secret := make([]byte, secretOctets)
		if a.pending != nil {
			secret, err = s.box.Open(a.pending, a.ID[:])
		} else if _, err = io.ReadFull(s.cfg.Random, secret); err == nil {
			var sealed []byte
			if sealed, err = s.box.Seal(secret, a.ID[:]); err == nil {
				err = t.exec(`UPDATE accounts SET pending = ? WHERE id = ?`, sealed, a.ID[:])
			}
		}
		if err != nil {
			return err
		}
		out.Text = base32Raw.EncodeToString(secret)
		q := url.Values{"secret": {out.Text}, "issuer": {issuer}, "algorithm": {"SHA1"}, "digits": {"6"}, "period": {"30"}}
		out.URI = "otpauth://totp/" + url.PathEscape(issuer+":"+a.Name) + "?" + strings.ReplaceAll(q.Encode(), "+", "%20")
		return nil
	})
	return out, err
}

// ConfirmFactor puts the secret of NewFactor in force once its owner shows a code
// of it. It ends all other sessions and gives recovery codes, which are shown
// once, and the token of a new session.
func (s *Service) ConfirmFactor(ctx context.Context, c Caller, code, address string) (codes []string, session string, err error) {
	if err := s.charge(ctx, s.ownKey(c.Account), perBrowser); err != nil {
		return nil, "", err
	}
	err = s.update(ctx, func(t tx) error {
		a, err := t.own(c)
		if err != nil {
			return err
		}
		if a.pending == nil || a.factor != nil {
			return ErrCode
		}
		secret, err := s.box.Open(a.pending, a.ID[:])
		if err != nil {
			return err
		}
		step, ok, err := match(secret, tidyCode(code), s.cfg.Now(), 0)
		if err != nil {
			return err
		}
		if !ok {
			return ErrCode
		}
		if err := s.auditFrom(ctx, c.Actor(), audit.FactorOn, a.ID, address); err != nil {
			return err
		}
		if err := t.exec(`UPDATE accounts SET factor = pending, pending = NULL, step = ? WHERE id = ?`, step, a.ID[:]); err != nil {
			return err
		}
		if codes, err = s.newRecovery(t, a.ID); err != nil {
			return err
		}
		session, err = s.renew(t, a.ID)
		return err
	})
	return codes, session, err
}

// DropFactor turns the second factor off for whoever shows a code of it.
func (s *Service) DropFactor(ctx context.Context, c Caller, code, address string) error {
	return s.withCode(ctx, c, code, audit.FactorOff, address, func(t tx, a *row) error {
		if err := t.exec(`DELETE FROM recovery WHERE account = ?`, a.ID[:]); err != nil {
			return err
		}
		return t.exec(`UPDATE accounts SET factor = NULL, pending = NULL WHERE id = ?`, a.ID[:])
	})
}

// NewRecovery replaces the recovery codes for whoever shows a code.
func (s *Service) NewRecovery(ctx context.Context, c Caller, code, address string) (codes []string, err error) {
	err = s.withCode(ctx, c, code, audit.RecoveryMade, address, func(t tx, a *row) error {
		codes, err = s.newRecovery(t, a.ID)
		return err
	})
	return codes, err
}

// withCode does f for the owner of an account after using a code up.
func (s *Service) withCode(ctx context.Context, c Caller, code string, action audit.Action, address string, f func(t tx, a *row) error) error {
	if err := s.charge(ctx, s.ownKey(c.Account), perBrowser); err != nil {
		return err
	}
	return s.update(ctx, func(t tx) error {
		a, err := t.own(c)
		if err != nil {
			return err
		}
		if a.factor == nil {
			return ErrCode
		}
		ok, _, err := s.passFactor(t, &a, code)
		if err != nil {
			return err
		}
		if !ok {
			return ErrCode
		}
		if err := s.auditFrom(ctx, c.Actor(), action, a.ID, address); err != nil {
			return err
		}
		if err := t.relieve(s.ownKey(a.ID)); err != nil {
			return err
		}
		return f(t, &a)
	})
}

// newRecovery replaces the recovery codes of an account: ten of 50 bits.
func (s *Service) newRecovery(t tx, id uuid.UUID) ([]string, error) {
	if err := t.exec(`DELETE FROM recovery WHERE account = ?`, id[:]); err != nil {
		return nil, err
	}
	codes := make([]string, recoveries)
	for i := range codes {
		b := make([]byte, 10)
		if _, err := io.ReadFull(s.cfg.Random, b); err != nil {
			return nil, fmt.Errorf("no randomness for a recovery code: %w", err)
		}
		text := base32Raw.EncodeToString(b)[:10]
		if err := t.exec(`INSERT INTO recovery (account, hash) VALUES (?, ?)`, id[:], recoveryHash(id, text)); err != nil {
			return nil, err
		}
		codes[i] = text[:5] + "-" + text[5:]
	}
	return codes, nil
}
