package accounts

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"thonsync/server/audit"
)

// Bounds of sessions.
const (
	tokenOctets = 32
	maxSessions = 8 // of one account; the oldest ends
	maxBrowsers = 8
	seenEvery   = time.Minute
	browserLife = 365 * 24 * time.Hour
	clockSlack  = 5 * time.Minute
)

// newToken gives a random token and the hash that is kept of it.
func (s *Service) newToken() (token string, hash []byte, err error) {
	b := make([]byte, tokenOctets)
	if _, err := io.ReadFull(s.cfg.Random, b); err != nil {
		return "", nil, fmt.Errorf("no randomness for a session: %w", err)
	}
	token = base64.RawURLEncoding.EncodeToString(b)
	return token, tokenHash(token), nil
}

func tokenHash(token string) []byte {
	h := sha256.Sum256([]byte(token))
	return h[:]
}

// ErrSignIn says that a session is unknown or over.
var ErrSignIn = errors.New("not signed in")

// Caller finds who holds a session's token; ErrSignIn if nobody does. An account
// that was disabled, or a role that was changed, counts at once.
func (s *Service) Caller(ctx context.Context, token string) (c Caller, err error) {
	if len(token) != base64.RawURLEncoding.EncodedLen(tokenOctets) {
		return c, ErrSignIn
	}
	hash := tokenHash(token)
	err = s.update(ctx, func(t tx) error {
		var id []byte
		var made, seen int64
		found, err := t.one(`SELECT account, made_ms, seen_ms FROM sessions WHERE hash = ?`, []any{hash}, &id, &made, &seen)
		if err != nil {
			return err
		}
		now := s.nowMS()
		if !found || s.over(made, seen, now) {
			return ErrSignIn
		}
		a, found, err := t.byID(uuid.UUID(id))
		if err != nil {
			return err
		}
		if !found || a.Disabled {
			return ErrSignIn
		}
		c = s.caller(&a, hash)
		if now-seen >= seenEvery.Milliseconds() || now < seen {
			return t.exec(`UPDATE sessions SET seen_ms = ? WHERE hash = ?`, now, hash)
		}
		return nil
	})
	return c, err
}

// over tells whether a session has ended by this server's clock. A clock that
// was set back does not make it last longer.
func (s *Service) over(made, seen, now int64) bool {
	return now-made >= s.cfg.Length.Milliseconds() || now-seen >= s.cfg.Idle.Milliseconds() || now < made-clockSlack.Milliseconds()
}

func (s *Service) caller(a *row, hash []byte) Caller {
	m := hmac.New(sha256.New, s.cfg.Key)
	m.Write([]byte("thonsync accounts csrf\n"))
	m.Write(hash)
	return Caller{
		Account: a.ID, Name: a.Name, Role: a.Role, Units: a.Units, Factor: a.Factor,
		Pending: !a.Factor && s.cfg.Factors.demands(a.Role), CSRF: hex.EncodeToString(m.Sum(nil)), session: hash,
	}
}

// CheckCSRF tells whether a form was made for the caller's session.
func (c *Caller) CheckCSRF(got string) bool {
	return c.CSRF != "" && hmac.Equal([]byte(got), []byte(c.CSRF))
}

// begin makes a session.
func (s *Service) begin(t tx, account uuid.UUID) (string, error) {
	token, hash, err := s.newToken()
	if err != nil {
		return "", err
	}
	now := s.nowMS()
	if err := t.exec(`INSERT INTO sessions (hash, account, made_ms, seen_ms) VALUES (?, ?, ?, ?)`, hash, account[:], now, now); err != nil {
		return "", err
	}
	return token, t.exec(`DELETE FROM sessions WHERE account = ?1 AND hash NOT IN
		(SELECT hash FROM sessions WHERE account = ?1 ORDER BY made_ms DESC, hash = ?2 DESC LIMIT ?3)`, account[:], hash, maxSessions)
}

// renew ends all sessions of an account and begins one.
func (s *Service) renew(t tx, account uuid.UUID) (string, error) {
	if err := t.exec(`DELETE FROM sessions WHERE account = ?`, account[:]); err != nil {
		return "", err
	}
	return s.begin(t, account)
}

// SignOut ends the caller's session.
func (s *Service) SignOut(ctx context.Context, c Caller, address string) error {
	return s.update(ctx, func(t tx) error {
		if err := s.auditFrom(ctx, c.Actor(), audit.SignOut, c.Account, address); err != nil {
			return err
		}
		return t.exec(`DELETE FROM sessions WHERE hash = ?`, c.session)
	})
}

// SignOutEverywhere ends all sessions of the caller's account and forgets its
// browsers.
func (s *Service) SignOutEverywhere(ctx context.Context, c Caller, address string) error {
	return s.update(ctx, func(t tx) error {
		if err := s.auditFrom(ctx, c.Actor(), audit.Sessions, c.Account, address); err != nil {
			return err
		}
		for _, table := range []string{"sessions", "browsers"} {
			if err := t.exec("DELETE FROM "+table+" WHERE account = ?", c.Account[:]); err != nil {
				return err
			}
		}
		return nil
	})
}

// own finds the caller's account again.
func (t tx) own(c Caller) (row, error) {
	a, found, err := t.byID(c.Account)
	if err == nil && (!found || a.Disabled) {
		err = ErrSignIn
	}
	return a, err
}

// ChangePassword sets a new password if the present one is right. It ends all
// other sessions and gives the token of a new one.
func (s *Service) ChangePassword(ctx context.Context, c Caller, present, next, address string) (session string, err error) {
	if err := CheckPassword(c.Name, next); err != nil {
		return "", err
	}
	if err := s.charge(ctx, s.ownKey(c.Account), perBrowser); err != nil {
		return "", err
	}
	var phc string
	err = s.update(ctx, func(t tx) error {
		a, err := t.own(c)
		phc = a.password
		return err
	})
	if err != nil {
		return "", err
	}
	ok, _, err := s.hash.check(ctx, phc, present)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", ErrPresent
	}
	made, err := s.hash.make(ctx, next)
	if err != nil {
		return "", err
	}
	err = s.update(ctx, func(t tx) error {
		a, err := t.own(c)
		if err != nil {
			return err
		}
		if a.password != phc {
			return ErrSignIn // changed or reset meanwhile
		}
		if err := s.auditFrom(ctx, c.Actor(), audit.Password, a.ID, address); err != nil {
			return err
		}
		if err := t.exec(`UPDATE accounts SET password = ? WHERE id = ?`, made, a.ID[:]); err != nil {
			return err
		}
		if err := t.relieve(s.ownKey(a.ID)); err != nil {
			return err
		}
		session, err = s.renew(t, a.ID)
		return err
	})
	return session, err
}

// charge puts a failure into a bucket, in a transaction that commits also when
// the bucket is full.
func (s *Service) charge(ctx context.Context, key []byte, b bucket) error {
	var held *HeldError
	err := s.update(ctx, func(t tx) error {
		err := t.charge(key, b, s.nowMS())
		if errors.As(err, &held) {
			return nil
		}
		return err
	})
	if err == nil && held != nil {
		return held
	}
	return err
}

func (s *Service) auditFrom(ctx context.Context, by string, action audit.Action, account uuid.UUID, address string) error {
	return s.cfg.Audit.Write(ctx, audit.Event{Actor: by, Action: action, Object: audit.Actor(account), From: s.from(address)})
}
