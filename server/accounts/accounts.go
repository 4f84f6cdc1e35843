// Package accounts decides who may sign in to a server: accounts with a role,
// passwords, second factors, sessions, one-time links, and how often somebody may
// try. Accounts are local to one server and never travel. They lie in a database
// file of their own beside the store. Every sign-in, failure and change goes to
// the access log before it takes effect.
package accounts

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"regexp"
	"slices"
	"time"

	"github.com/google/uuid"

	"thonsync/server/audit"
	"thonsync/server/keys"
	"thonsync/syncproto"
)

// Role is what an account may do on its server.
type Role string

// The roles.
const (
	Province Role = "province" // province operator: everything
	Officer  Role = "officer"  // commune officer: what lies in the account's units
	Auditor  Role = "auditor"  // reads the access log, nothing else
)

// Roles lists the roles.
func Roles() []Role { return []Role{Province, Officer, Auditor} }

// Account is somebody who may sign in.
type Account struct {
	ID       uuid.UUID `json:"id"`
	Name     string    `json:"name"`
	Role     Role      `json:"role"`
	Units    []string  `json:"units,omitempty"` // list:code; an officer's
	Disabled bool      `json:"disabled"`
	Password bool      `json:"password"`      // set by its owner
	Factor   bool      `json:"second_factor"` // set by its owner
	MadeMS   int64     `json:"made_ms"`
	SeenMS   int64     `json:"seen_ms"` // last use of a session; 0 for never
}

// Caller is who sends a request.
type Caller struct {
	Account uuid.UUID // the token's for a program that holds a token; uuid.Nil for the API token
	Name    string
	Role    Role
	Units   []string
	Factor  bool   // the account has a second factor
	Pending bool   // it must set one before it may do anything else
	CSRF    string // what a form must send back
	// Program says that a token of another program is used, which reads Parts and
	// changes nothing.
	Program bool
	Parts   []Part
	session []byte // hash of the session's token
}

// Machine gives the caller that stands for the API token: whoever may read the
// data folder.
func Machine() Caller { return Caller{Role: Province} }

// Actor names the caller in the access log.
func (c *Caller) Actor() string {
	if c.Account == uuid.Nil {
		return audit.Token
	}
	return audit.Actor(c.Account)
}

// Factors says whose accounts must have a second factor.
type Factors string

// Who must have a second factor.
const (
	FactorsAll      Factors = "all"
	FactorsProvince Factors = "province"
	FactorsNone     Factors = "none"
)

// demands tells whether an account of this role must have one.
func (f Factors) demands(r Role) bool {
	return f == FactorsAll || f == FactorsProvince && r == Province
}

// Config is what a Service needs; all fields are required.
type Config struct {
	Path    string // SQLite file; its driver is registered by the store
	Key     []byte // 32 octets, kept outside the file: encrypts second factors, tags addresses
	Audit   audit.Writer
	Now     func() time.Time
	Random  io.Reader     // cryptographic
	Idle    time.Duration // an unused session ends
	Length  time.Duration // every session ends
	Factors Factors
}

// How long one-time links are good.
const (
	FirstRunLife = time.Hour
	LinkLife     = 24 * time.Hour
)

// Service keeps the accounts of one server. It is safe for concurrent use.
type Service struct {
	cfg  Config
	db   *sql.DB
	box  *keys.Box
	hash *hasher

	buckets buckets
}

var namePattern = regexp.MustCompile(`^[a-z][a-z0-9._-]{2,31}$`)

// longDigits look like a telephone or an identity number, which are nobody's
// business in a list of accounts.
var longDigits = regexp.MustCompile(`[0-9]{6,}`)

// CheckName tells whether a name can be an account's.
func CheckName(name string) error {
	if !namePattern.MatchString(name) || longDigits.MatchString(name) {
		return ErrName
	}
	return nil
}

// What is wrong with what a person typed.
var (
	ErrName     = syncproto.Errorf(syncproto.CodeInvalidInput, "a name to sign in with has 3 to 32 small letters without marks, digits, dots or hyphens, begins with a letter and holds no telephone number")
	ErrTaken    = syncproto.Errorf(syncproto.CodeInvalidInput, "this name is taken: choose another")
	ErrShort    = syncproto.Errorf(syncproto.CodeInvalidInput, "the password needs at least %d characters: four words make a good one", MinPassword)
	ErrLong     = syncproto.Errorf(syncproto.CodeInvalidInput, "the password is too long, or holds characters that cannot be typed")
	ErrCommon   = syncproto.Errorf(syncproto.CodeInvalidInput, "this password is among the first that somebody would try: choose four words that do not belong together")
	ErrPresent  = syncproto.Errorf(syncproto.CodeInvalidInput, "the present password is not right")
	ErrCode     = syncproto.Errorf(syncproto.CodeInvalidInput, "the code does not fit: check that the clocks of the phone and of this server are right, and type the code that the app shows now")
	ErrFactorOn = syncproto.Errorf(syncproto.CodeInvalidInput, "this account has a second factor: turn it off first")
)

func checkRole(r Role, units []string) error {
	if !slices.Contains(Roles(), r) {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "role %q is not one of province, officer, auditor", r)
	}
	if (r == Officer) != (len(units) > 0) {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "an officer needs at least one unit, other roles have none")
	}
	return nil
}

// Add makes an account without a password and gives the token of a one-time link
// with which its owner sets one.
func (s *Service) Add(ctx context.Context, by, name string, role Role, units []string) (a Account, token string, err error) {
	if err := checkRole(role, units); err != nil {
		return a, "", err
	}
	if err := CheckName(name); err != nil {
		return a, "", err
	}
	id, err := uuid.NewRandomFromReader(s.cfg.Random)
	if err != nil {
		return a, "", fmt.Errorf("no randomness for an account: %w", err)
	}
	a = Account{ID: id, Name: name, Role: role, Units: units, MadeMS: s.nowMS()}
	err = s.update(ctx, func(t tx) error {
		if _, found, err := t.byName(name); err != nil || found {
			return orTaken(err)
		}
		if err := s.audit(ctx, by, audit.Added, a.ID); err != nil {
			return err
		}
		if err := t.insert(&a, ""); err != nil {
			return err
		}
		token, err = s.newLink(t, link{Account: a.ID, Role: role, Units: units}, LinkLife)
		return err
	})
	return a, token, err
}

func orTaken(err error) error {
	if err != nil {
		return err
	}
	return ErrTaken
}

var errNoAccount = syncproto.Errorf(syncproto.CodeNotFound, "no account has this name: see `thonsync accounts list`")

// change finds an account by its name, logs an action on it and changes it, in
// one transaction.
func (s *Service) change(ctx context.Context, by, name string, action audit.Action, f func(t tx, a *row) error) error {
	return s.update(ctx, func(t tx) error {
		a, found, err := t.byName(name)
		if err != nil {
			return err
		}
		if !found {
			return errNoAccount
		}
		if err := s.audit(ctx, by, action, a.ID); err != nil {
			return err
		}
		return f(t, &a)
	})
}

// SetDisabled shuts an account out at once, or lets it in again.
func (s *Service) SetDisabled(ctx context.Context, by, name string, disabled bool) error {
	action := audit.Enabled
	if disabled {
		action = audit.Disabled
	}
	return s.change(ctx, by, name, action, func(t tx, a *row) error {
		if err := t.exec(`UPDATE accounts SET disabled = ? WHERE id = ?`, disabled, a.ID[:]); err != nil {
			return err
		}
		return t.forget(a.ID)
	})
}

// SetRole changes what an account may do, at once.
func (s *Service) SetRole(ctx context.Context, by, name string, role Role, units []string) error {
	if err := checkRole(role, units); err != nil {
		return err
	}
	return s.change(ctx, by, name, audit.RoleChanged, func(t tx, a *row) error {
		if err := t.exec(`UPDATE accounts SET role = ?, units = ? WHERE id = ?`, string(role), join(units), a.ID[:]); err != nil {
			return err
		}
		return t.exec(`DELETE FROM sessions WHERE account = ?`, a.ID[:])
	})
}

// Reset takes password, second factor, sessions and failures of an account away
// and gives the token of a one-time link, for somebody who forgot his password
// or lost his phone.
func (s *Service) Reset(ctx context.Context, by, name string) (token string, err error) {
	err = s.change(ctx, by, name, audit.Reset, func(t tx, a *row) error {
		if err := t.exec(`UPDATE accounts SET password = '', factor = NULL, pending = NULL WHERE id = ?`, a.ID[:]); err != nil {
			return err
		}
		if err := t.exec(`DELETE FROM recovery WHERE account = ?`, a.ID[:]); err != nil {
			return err
		}
		if err := t.forget(a.ID); err != nil {
			return err
		}
		if err := t.relieve(s.accountKey(a.Name)); err != nil {
			return err
		}
		token, err = s.newLink(t, link{Account: a.ID, Role: a.Role, Units: a.Units}, LinkLife)
		return err
	})
	return token, err
}

// List lists all accounts by name.
func (s *Service) List(ctx context.Context) (out []Account, err error) {
	err = s.update(ctx, func(t tx) error {
		out, err = t.list()
		return err
	})
	return out, err
}

// Restored ends everything that an old copy of the file could let in again:
// sessions, links, known browsers, and tokens, which may have been revoked since.
func (s *Service) Restored(ctx context.Context) error {
	return s.update(ctx, func(t tx) error {
		for _, table := range []string{"sessions", "links", "browsers"} {
			if err := t.exec("DELETE FROM " + table); err != nil {
				return err
			}
		}
		return t.exec(`UPDATE tokens SET revoked_ms = ? WHERE revoked_ms = 0`, s.nowMS())
	})
}

// Tidy forgets what has ended. Call it now and then.
func (s *Service) Tidy(ctx context.Context) error {
	now := s.nowMS()
	return s.update(ctx, func(t tx) error {
		if err := t.exec(`DELETE FROM sessions WHERE made_ms < ? OR seen_ms < ?`, now-s.cfg.Length.Milliseconds(), now-s.cfg.Idle.Milliseconds()); err != nil {
			return err
		}
		if err := t.exec(`DELETE FROM links WHERE ends_ms < ?`, now); err != nil {
			return err
		}
		if err := t.exec(`DELETE FROM browsers WHERE seen_ms < ?`, now-browserLife.Milliseconds()); err != nil {
			return err
		}
		return t.exec(`DELETE FROM failures WHERE at_ms < ?`, now-forgetAfter.Milliseconds())
	})
}

func (s *Service) nowMS() int64 { return s.cfg.Now().UnixMilli() }

func (s *Service) audit(ctx context.Context, by string, action audit.Action, account uuid.UUID) error {
	return s.cfg.Audit.Write(ctx, audit.Event{Actor: by, Action: action, Object: audit.Actor(account)})
}
