package accounts

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"thonsync/server/audit"
	"thonsync/syncproto"
)

// link is a one-time link: for an account, or to make the first one.
type link struct {
	Account uuid.UUID // uuid.Nil for the first run
	Role    Role
	Units   []string
}

// ErrLink says that a link is unknown, used or over.
var ErrLink = syncproto.Errorf(syncproto.CodeCodeSpent, "this link was used or has expired: have a new one made with `thonsync accounts reset NAME`, or at the first run start the server again")

// newLink voids earlier links for the same account and makes one.
func (s *Service) newLink(t tx, l link, life time.Duration) (string, error) {
	token, hash, err := s.newToken()
	if err != nil {
		return "", err
	}
	var owner any
	if l.Account != uuid.Nil {
		owner = l.Account[:]
	}
	if err := t.exec(`DELETE FROM links WHERE account IS ?`, owner); err != nil {
		return "", err
	}
	return token, t.exec(`INSERT INTO links (hash, account, role, units, ends_ms) VALUES (?, ?, ?, ?, ?)`,
		hash, owner, string(l.Role), join(l.Units), s.nowMS()+life.Milliseconds())
}

// FirstRun gives the token of a link with which the first account is made; ""
// once there is an account. An earlier one is void.
func (s *Service) FirstRun(ctx context.Context, role Role, units []string) (token string, err error) {
	if err := checkRole(role, units); err != nil {
		return "", err
	}
	err = s.update(ctx, func(t tx) error {
		var n int
		if _, err := t.one(`SELECT COUNT(*) FROM accounts`, nil, &n); err != nil || n > 0 {
			return err
		}
		if err := s.cfg.Audit.Write(ctx, audit.Event{Actor: audit.Console, Action: audit.LinkMade, Object: "first-run"}); err != nil {
			return err
		}
		token, err = s.newLink(t, link{Role: role, Units: units}, FirstRunLife)
		return err
	})
	return token, err
}

// Invited is what a link is for.
type Invited struct {
	Name string // "" at the first run: its user chooses one
	Role Role
}

// Link looks at a link without using it; ErrLink if it is not good.
func (s *Service) Link(ctx context.Context, token string) (in Invited, err error) {
	err = s.update(ctx, func(t tx) error {
		l, a, err := s.findLink(t, token)
		in = Invited{Name: a.Name, Role: l.Role}
		return err
	})
	return in, err
}

func (s *Service) findLink(t tx, token string) (l link, a row, err error) {
	var owner []byte
	var role, units string
	var ends int64
	found, err := t.one(`SELECT account, role, units, ends_ms FROM links WHERE hash = ?`, []any{tokenHash(token)}, &owner, &role, &units, &ends)
	if err != nil {
		return l, a, err
	}
	// A clock set back must not make it good again for long.
	if now := s.nowMS(); !found || now >= ends || ends-now > LinkLife.Milliseconds()+clockSlack.Milliseconds() {
		return l, a, ErrLink
	}
	l.Role, l.Units = Role(role), strings.Fields(units)
	if owner == nil {
		var n int
		if _, err := t.one(`SELECT COUNT(*) FROM accounts`, nil, &n); err != nil {
			return l, a, err
		}
		if n > 0 {
			return l, a, ErrLink // there is a first account by now
		}
		return l, a, nil
	}
	copy(l.Account[:], owner)
	a, found, err = t.byID(l.Account)
	if err == nil && (!found || a.Disabled) {
		err = ErrLink
	}
	return l, a, err
}

// UseLink sets the password of the link's account, or makes the first account
// with this name, and signs its owner in. The link is used up.
func (s *Service) UseLink(ctx context.Context, token, name, password, address string) (g Granted, err error) {
	in, err := s.Link(ctx, token)
	if err != nil {
		return g, err
	}
	if in.Name != "" {
		name = in.Name
	} else if err := CheckName(name); err != nil {
		return g, err
	}
	if err := CheckPassword(name, password); err != nil {
		return g, err
	}
	phc, err := s.hash.make(ctx, password)
	if err != nil {
		return g, err
	}
	err = s.update(ctx, func(t tx) error {
		a, err := s.consume(ctx, t, token, name, phc, address)
		if err != nil {
			return err
		}
		if g.Session, err = s.renew(t, a.ID); err != nil {
			return err
		}
		g.Caller = s.caller(&a, tokenHash(g.Session))
		g.Browser, err = s.newBrowser(t, a.ID)
		return err
	})
	if err != nil {
		return Granted{}, err
	}
	return g, nil
}

// consume uses a link up and gives its account.
func (s *Service) consume(ctx context.Context, t tx, token, name, phc, address string) (row, error) {
	l, a, err := s.findLink(t, token)
	if err != nil {
		return a, err
	}
	if n, err := t.changed(`DELETE FROM links WHERE hash = ?`, tokenHash(token)); err != nil || n != 1 {
		return a, ErrLink
	}
	if l.Account != uuid.Nil {
		if err := s.auditFrom(ctx, audit.Actor(a.ID), audit.LinkUsed, a.ID, address); err != nil {
			return a, err
		}
		return a, t.exec(`UPDATE accounts SET password = ? WHERE id = ?`, phc, a.ID[:])
	}
	if a.ID, err = uuid.NewRandomFromReader(s.cfg.Random); err != nil {
		return a, err
	}
	a.Name, a.Role, a.Units, a.MadeMS = name, l.Role, l.Units, s.nowMS()
	if err := s.auditFrom(ctx, audit.Console, audit.Added, a.ID, address); err != nil {
		return a, err
	}
	if err := s.auditFrom(ctx, audit.Actor(a.ID), audit.LinkUsed, a.ID, address); err != nil {
		return a, err
	}
	return a, t.insert(&a.Account, phc)
}
