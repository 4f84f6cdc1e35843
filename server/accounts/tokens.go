package accounts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"thonsync/server/audit"
	"thonsync/syncproto"
)

// Part is what the token of another program may read.
type Part string

// The parts. None of them shows who a citizen is.
const (
	PartReports Part = "reports" // reports and their files
	PartHealth  Part = "health"  // sync health
	PartChanges Part = "changes" // the change feed
	PartStatus  Part = "status"  // status and metrics of the whole server
)

// Parts lists the parts.
func Parts() []Part { return []Part{PartReports, PartHealth, PartChanges, PartStatus} }

// Token is what a program other than ours reads with. The token itself is shown
// once and is not kept.
type Token struct {
	ID        uuid.UUID `json:"id"`
	Name      string    `json:"name"`
	Units     []string  `json:"units,omitempty"` // list:code; none for the whole server
	Parts     []Part    `json:"parts"`
	By        string    `json:"by"` // who made it
	MadeMS    int64     `json:"made_ms"`
	EndsMS    int64     `json:"ends_ms"`
	UsedMS    int64     `json:"used_ms"`    // 0 for never
	RevokedMS int64     `json:"revoked_ms"` // 0 for never
}

// TokenDraft says what a new token is to be good for, and how long.
type TokenDraft struct {
	Name  string        `json:"name"`
	Units []string      `json:"units,omitempty"`
	Parts []Part        `json:"parts"`
	Valid time.Duration `json:"valid"`
}

// Bounds of tokens.
const (
	MaxTokenLife = 2 * 366 * 24 * time.Hour
	maxTokens    = 500 // that are in force
	maxTokenName = 64

	// TokenPrefix begins every token, so that one that leaked is found by search.
	TokenPrefix = "thonsync_"

	// A token's bucket: so many requests at once, and so many a second after.
	tokenBurst = 60
	tokenRate  = 2
)

func (d *TokenDraft) check() error {
	switch {
	case strings.TrimSpace(d.Name) == "" || len([]rune(d.Name)) > maxTokenName || longDigits.MatchString(d.Name):
		return syncproto.Errorf(syncproto.CodeInvalidInput, "a token needs a name of at most %d characters that says which system it is for, and holds no telephone number", maxTokenName)
	case len(d.Parts) == 0:
		return syncproto.Errorf(syncproto.CodeInvalidInput, "say what the token may read: one or more of reports, health, changes, status")
	case d.Valid <= 0 || d.Valid > MaxTokenLife:
		return syncproto.Errorf(syncproto.CodeInvalidInput, "a token is valid for some time, at most two years")
	}
	for i, p := range d.Parts {
		if !slices.Contains(Parts(), p) || slices.Contains(d.Parts[:i], p) {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "a token reads parts named once each: reports, health, changes, status")
		}
		if p == PartStatus && len(d.Units) > 0 {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "the status is that of the whole server: leave out the units, or the part status")
		}
	}
	return nil
}

// NewToken makes a token; secret is shown once.
func (s *Service) NewToken(ctx context.Context, by string, d TokenDraft) (made Token, secret string, err error) {
	if err := d.check(); err != nil {
		return made, "", err
	}
	id, err := uuid.NewRandomFromReader(s.cfg.Random)
	if err != nil {
		return made, "", fmt.Errorf("no randomness for a token: %w", err)
	}
	random, _, err := s.newToken()
	if err != nil {
		return made, "", err
	}
	secret = TokenPrefix + random
	now := s.nowMS()
	made = Token{ID: id, Name: strings.TrimSpace(d.Name), Units: d.Units, Parts: d.Parts, By: by, MadeMS: now, EndsMS: now + d.Valid.Milliseconds()}
	err = s.update(ctx, func(t tx) error {
		var n int
		if _, err := t.one(`SELECT count(*) FROM tokens WHERE revoked_ms = 0 AND ends_ms > ?`, []any{now}, &n); err != nil {
			return err
		}
		if n >= maxTokens {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "%d tokens are in force: revoke those that nobody uses", n)
		}
		if err := s.audit(ctx, by, audit.TokenMade, id); err != nil {
			return err
		}
		return t.exec(`INSERT INTO tokens (id, name, hash, units, parts, by_actor, made_ms, ends_ms, used_ms, revoked_ms) VALUES (?,?,?,?,?,?,?,?,0,0)`,
			id[:], made.Name, tokenHash(secret), join(made.Units), joinParts(made.Parts), by, now, made.EndsMS)
	})
	return made, secret, err
}

func joinParts(parts []Part) string {
	out := make([]string, len(parts))
	for i, p := range parts {
		out[i] = string(p)
	}
	return strings.Join(out, " ")
}

const keptColumns = `id, name, units, parts, by_actor, made_ms, ends_ms, used_ms, revoked_ms`

func scanToken(scan func(...any) error) (k Token, err error) {
	var id []byte
	var units, parts string
	err = scan(&id, &k.Name, &units, &parts, &k.By, &k.MadeMS, &k.EndsMS, &k.UsedMS, &k.RevokedMS)
	copy(k.ID[:], id)
	k.Units = strings.Fields(units)
	for _, p := range strings.Fields(parts) {
		k.Parts = append(k.Parts, Part(p))
	}
	return k, err
}

// Tokens lists all tokens, the newest first.
func (s *Service) Tokens(ctx context.Context) (out []Token, err error) {
	err = s.update(ctx, func(t tx) error {
		rows, err := t.t.QueryContext(t.ctx, `SELECT `+keptColumns+` FROM tokens ORDER BY made_ms DESC, id`)
		if err != nil {
			return fmt.Errorf("reading the tokens: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			k, err := scanToken(rows.Scan)
			if err != nil {
				return fmt.Errorf("reading the tokens: %w", err)
			}
			out = append(out, k)
		}
		return rows.Err()
	})
	return out, err
}

// RevokeToken ends a token at once.
func (s *Service) RevokeToken(ctx context.Context, by string, id uuid.UUID) error {
	return s.update(ctx, func(t tx) error {
		if err := s.audit(ctx, by, audit.TokenRevoked, id); err != nil {
			return err
		}
		n, err := t.changed(`UPDATE tokens SET revoked_ms = ? WHERE id = ? AND revoked_ms = 0`, s.nowMS(), id[:])
		if err == nil && n == 0 {
			return syncproto.Errorf(syncproto.CodeNotFound, "no token in force has this id: see `thonsync token list`")
		}
		return err
	})
}

// TooOften says that a token asks more often than it may.
type TooOften struct{ After time.Duration }

// Error says what to do.
func (e *TooOften) Error() string {
	return "this token asks too often: retry after " + e.After.String()
}

// RetryAfter is the pause to ask the program for.
func (e *TooOften) RetryAfter() time.Duration { return e.After }

// TokenCaller finds who holds a token: ErrSignIn if nobody does, *TooOften if it
// asks more often than it may.
func (s *Service) TokenCaller(ctx context.Context, secret string) (c Caller, err error) {
	if !strings.HasPrefix(secret, TokenPrefix) || len(secret) > 128 {
		return c, ErrSignIn
	}
	now := s.nowMS()
	err = s.update(ctx, func(t tx) error {
		k, err := scanToken(t.t.QueryRowContext(t.ctx, `SELECT `+keptColumns+` FROM tokens WHERE hash = ?`, tokenHash(secret)).Scan)
		if errors.Is(err, sql.ErrNoRows) || err == nil && (k.RevokedMS > 0 || k.EndsMS <= now) {
			return ErrSignIn
		}
		if err != nil {
			return fmt.Errorf("reading the tokens: %w", err)
		}
		c = Caller{Account: k.ID, Name: k.Name, Role: Province, Units: k.Units, Parts: k.Parts, Program: true}
		if len(k.Units) > 0 {
			c.Role = Officer
		}
		if wait := s.buckets.take(k.ID, s.cfg.Now()); wait > 0 {
			return &TooOften{wait}
		}
		if now-k.UsedMS < seenEvery.Milliseconds() {
			return nil
		}
		return t.exec(`UPDATE tokens SET used_ms = ? WHERE id = ?`, now, k.ID[:])
	})
	return c, err
}

// buckets bound how often each token asks. There are never more than tokens in
// force.
type buckets struct {
	mu sync.Mutex
	by map[uuid.UUID]*fill
}

type fill struct {
	level float64 // requests that are still allowed
	at    time.Time
}

// take takes one request out of a token's bucket; how long to wait if it is
// empty.
func (b *buckets) take(id uuid.UUID, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.by == nil {
		b.by = make(map[uuid.UUID]*fill)
	}
	k := b.by[id]
	if k == nil {
		k = &fill{tokenBurst, now}
		b.by[id] = k
	}
	if passed := now.Sub(k.at).Seconds(); passed > 0 {
		k.level = min(tokenBurst, k.level+passed*tokenRate)
	}
	k.at = now
	if k.level < 1 {
		return time.Second
	}
	k.level--
	return 0
}
