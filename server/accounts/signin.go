package accounts

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"thonsync/server/audit"
)

// Attempt is somebody's attempt to sign in.
type Attempt struct {
	Name, Password string
	Code           string // of the authenticator, or a recovery code; "" without a second factor
	Address        string // where it comes from
	Browser        string // token of a browser that signed in before; "" for none
	Session        string // token of a session that this one replaces; "" for none
}

// Granted is what a browser gets.
type Granted struct {
	Session string
	Browser string // token to be kept for later
	Caller  Caller
	// Recovered says that a recovery code was used up; Left counts the others.
	Recovered bool
	Left      int
}

// ErrWrong says that name, password or code do not fit, and not which. It is the
// same for accounts that are disabled or do not exist.
var ErrWrong = errors.New("name, password or code do not fit")

// SignIn checks an attempt. It fails with ErrWrong, or with a *HeldError if too
// many attempts failed before.
func (s *Service) SignIn(ctx context.Context, in Attempt) (g Granted, err error) {
	a, p, err := s.admit(ctx, in)
	if err != nil {
		return g, s.told(ctx, in, uuid.Nil, err)
	}
	ok, stale, err := s.hash.check(ctx, a.password, in.Password)
	if err != nil {
		return g, errors.Join(err, s.takeBack(ctx, in, p))
	}
	if !ok {
		return g, s.told(ctx, in, a.ID, ErrWrong)
	}
	phc := ""
	if stale {
		if phc, err = s.hash.make(ctx, in.Password); err != nil {
			return g, errors.Join(err, s.takeBack(ctx, in, p))
		}
	}
	err = s.update(ctx, func(t tx) error {
		g, err = s.enter(ctx, t, in, &a, phc)
		if err != nil {
			return err
		}
		if !p.known {
			if g.Browser, err = s.newBrowser(t, a.ID); err != nil {
				return err
			}
		} else if err = t.exec(`UPDATE browsers SET seen_ms = ? WHERE hash = ?`, s.nowMS(), tokenHash(in.Browser)); err != nil {
			return err
		}
		if err := t.relieve(p.key); err != nil {
			return err
		}
		return t.refund(s.addressKey(in.Address), perAddress, s.nowMS())
	})
	if err != nil {
		return Granted{}, s.told(ctx, in, a.ID, err)
	}
	return g, nil
}

// payer is whose failures an attempt counts among, besides its address.
type payer struct {
	known  bool // a browser in which the account has signed in before
	key    []byte
	bucket bucket
}

// admit charges the attempt to its address and to its browser or account, and
// finds the account; a zero row if there is none.
func (s *Service) admit(ctx context.Context, in Attempt) (a row, p payer, err error) {
	var held *HeldError
	err = s.update(ctx, func(t tx) error {
		if a, _, err = t.byName(in.Name); err != nil {
			return err
		}
		p = payer{false, s.accountKey(in.Name), perAccount}
		if a.ID != uuid.Nil && in.Browser != "" {
			var owner []byte
			hash := tokenHash(in.Browser)
			if _, err := t.one(`SELECT account FROM browsers WHERE hash = ?`, []any{hash}, &owner); err != nil {
				return err
			}
			if string(owner) == string(a.ID[:]) {
				p = payer{true, hash, perBrowser}
			}
		}
		// What is turned away counts nowhere.
		now := s.nowMS()
		err := t.charge(p.key, p.bucket, now)
		if err == nil {
			if err = t.charge(s.addressKey(in.Address), perAddress, now); errors.As(err, &held) {
				return t.refund(p.key, p.bucket, now)
			}
		}
		if errors.As(err, &held) {
			return nil
		}
		return err
	})
	if err == nil && held != nil {
		err = held
	}
	return a, p, err
}

// takeBack takes the charges of an attempt back that could not be looked at.
func (s *Service) takeBack(ctx context.Context, in Attempt, p payer) error {
	return s.update(context.WithoutCancel(ctx), func(t tx) error {
		if err := t.refund(p.key, p.bucket, s.nowMS()); err != nil {
			return err
		}
		return t.refund(s.addressKey(in.Address), perAddress, s.nowMS())
	})
}

// enter checks the code and makes the session. a is as it was when its password
// was checked.
func (s *Service) enter(ctx context.Context, t tx, in Attempt, a *row, phc string) (g Granted, err error) {
	now, found, err := t.byID(a.ID)
	if err != nil {
		return g, err
	}
	if !found || now.Disabled || now.password != a.password {
		return g, ErrWrong
	}
	if now.factor != nil {
		ok, recovered, err := s.passFactor(t, &now, in.Code)
		if err != nil {
			return g, err
		}
		if !ok {
			return g, ErrWrong
		}
		if g.Recovered = recovered; recovered {
			if err := s.auditFrom(ctx, audit.Actor(now.ID), audit.Recovery, now.ID, in.Address); err != nil {
				return g, err
			}
			if _, err := t.one(`SELECT COUNT(*) FROM recovery WHERE account = ?`, []any{now.ID[:]}, &g.Left); err != nil {
				return g, err
			}
		}
	}
	if err := s.auditFrom(ctx, audit.Actor(now.ID), audit.SignIn, now.ID, in.Address); err != nil {
		return g, err
	}
	if phc != "" {
		if err := t.exec(`UPDATE accounts SET password = ? WHERE id = ?`, phc, now.ID[:]); err != nil {
			return g, err
		}
	}
	if in.Session != "" {
		if err := t.exec(`DELETE FROM sessions WHERE hash = ?`, tokenHash(in.Session)); err != nil {
			return g, err
		}
	}
	if g.Session, err = s.begin(t, now.ID); err != nil {
		return g, err
	}
	g.Caller = s.caller(&now, tokenHash(g.Session))
	return g, nil
}

func (s *Service) newBrowser(t tx, account uuid.UUID) (string, error) {
	token, hash, err := s.newToken()
	if err != nil {
		return "", err
	}
	if err := t.exec(`INSERT INTO browsers (hash, account, seen_ms) VALUES (?, ?, ?)`, hash, account[:], s.nowMS()); err != nil {
		return "", err
	}
	return token, t.exec(`DELETE FROM browsers WHERE account = ?1 AND hash NOT IN
		(SELECT hash FROM browsers WHERE account = ?1 ORDER BY seen_ms DESC, hash = ?2 DESC LIMIT ?3)`, account[:], hash, maxBrowsers)
}

// told writes a failed attempt down and gives its error.
func (s *Service) told(ctx context.Context, in Attempt, account uuid.UUID, err error) error {
	e := audit.Event{Actor: audit.Nobody, Action: audit.SignInFailed, Result: audit.Refused, From: s.from(in.Address)}
	var held *HeldError
	switch {
	case errors.As(err, &held):
		e.Action = audit.SignInHeld
	case !errors.Is(err, ErrWrong):
		return err
	case account != uuid.Nil:
		e.Object = audit.Actor(account)
	}
	return errors.Join(err, s.cfg.Audit.Note(ctx, e))
}
