package clientlib

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// link is what ties the device to its centre.
type link struct {
	centre   ed25519.PublicKey // pinned; nil until joined
	seal     []byte            // centre's current sealing key
	identity syncproto.OriginID
	unit     string
	chain    []string // credential chain of identity
}

func (l *link) centreOrigin() syncproto.OriginID { return syncproto.OriginOf(l.centre) }

// server is one candidate server; notice is nil until its keys were fetched.
type server struct {
	url    string
	notice *syncproto.KeyNotice
}

func (s *server) origin() syncproto.OriginID { return syncproto.OriginOf(s.notice.Sign) }

// Fingerprint names a centre's key in joining codes: base64url of the leading
// 16 bytes of its SHA-256.
func Fingerprint(centre ed25519.PublicKey) string {
	sum := sha256.Sum256(centre)
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func readLink(ctx context.Context, q changelog.Querier) (link, error) {
	var l link
	var centre, identity []byte
	if err := q.QueryRowContext(ctx, `SELECT centre, seal, identity, unit FROM device`).Scan(&centre, &l.seal, &identity, &l.unit); err != nil {
		return l, fmt.Errorf("reading the link to the centre: %w", err)
	}
	l.centre = centre
	copy(l.identity[:], identity)
	var err error
	l.chain, err = readChain(ctx, q, l.identity)
	return l, err
}

var errNotJoined = syncproto.Errorf(syncproto.CodeCredential, "this device has not joined yet: scan an officer's joining code first")

// readChain gives the stored credential chain of an origin, nil for none.
func readChain(ctx context.Context, q changelog.Querier, id syncproto.OriginID) ([]string, error) {
	var text string
	err := q.QueryRowContext(ctx, `SELECT chain FROM credential WHERE origin = $1`, id[:]).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	var chain []string
	if err == nil {
		err = json.Unmarshal([]byte(text), &chain)
	}
	if err != nil {
		return nil, fmt.Errorf("reading a credential: %w", err)
	}
	return chain, nil
}

func putChain(ctx context.Context, q changelog.Querier, id syncproto.OriginID, chain []string) error {
	text, err := json.Marshal(chain)
	if err == nil {
		_, err = q.ExecContext(ctx, `INSERT INTO credential (origin, chain) VALUES ($1, $2)
ON CONFLICT (origin) DO UPDATE SET chain = excluded.chain`, id[:], string(text))
	}
	if err != nil {
		return fmt.Errorf("storing a credential: %w", err)
	}
	return nil
}

func readServers(ctx context.Context, q changelog.Querier) ([]server, error) {
	rows, err := q.QueryContext(ctx, `SELECT url, notice FROM server ORDER BY position`)
	if err != nil {
		return nil, fmt.Errorf("reading servers: %w", err)
	}
	defer rows.Close()
	var out []server
	for rows.Next() {
		var s server
		var b []byte
		if err := rows.Scan(&s.url, &b); err != nil {
			return nil, fmt.Errorf("reading servers: %w", err)
		}
		if b != nil {
			if s.notice, err = syncproto.DecodeKeyNotice(b); err != nil {
				return nil, err
			}
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

// SetServers replaces the list of servers, base URLs that are tried in the given
// order. Keys of servers already known are kept.
func (d *Device) SetServers(ctx context.Context, urls []string) error {
	for i, u := range urls {
		clean, err := cleanURL(u)
		if err != nil {
			return err
		}
		urls[i] = clean
	}
	return d.update(ctx, func(ctx context.Context, q changelog.Querier) error {
		old, err := readServers(ctx, q)
		if err != nil {
			return err
		}
		if _, err := q.ExecContext(ctx, `DELETE FROM server`); err != nil {
			return fmt.Errorf("storing servers: %w", err)
		}
		for i, u := range urls {
			var notice []byte
			for _, s := range old {
				if s.url == u && s.notice != nil {
					notice = s.notice.Encode()
				}
			}
			if _, err := q.ExecContext(ctx, `INSERT INTO server (position, url, notice) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, i, u, notice); err != nil {
				return fmt.Errorf("storing servers: %w", err)
			}
		}
		return nil
	})
}

func cleanURL(s string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", syncproto.Errorf(syncproto.CodeInvalidInput, "a server's address looks like http://192.168.1.1:8080 or https://host: correct it")
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// checkNotice checks that a notice speaks for the pinned centre: it is the
// centre's own, or its credentials make it a point of that centre.
func (d *Device) checkNotice(ctx context.Context, q changelog.Querier, n *syncproto.KeyNotice, centre ed25519.PublicKey) error {
	if !bytes.Equal(n.Centre, centre) {
		return syncproto.Errorf(syncproto.CodeForeignKey, "the server belongs to another centre than this device: check the address")
	}
	if bytes.Equal(n.Sign, centre) {
		return nil
	}
	g, err := credential.Verify(n.Credentials, centre, d.within(ctx, q))
	if err != nil {
		return err
	}
	if g.Role != credential.RolePoint || !bytes.Equal(g.Key, n.Sign) {
		return syncproto.Errorf(syncproto.CodeCredential, "the server shows a credential that is not for a sync point with its key: do not use it")
	}
	return nil
}

// within answers whether a unit lies in or under one of scope, from the units
// known here. Units that are not known cannot be judged and are let pass: what
// rests on such a credential stays provisional until the centre vouches for it.
func (d *Device) within(ctx context.Context, q changelog.Querier) func(string, []string) bool {
	return func(unit string, scope []string) bool {
		for range 8 {
			for _, s := range scope {
				if s == unit {
					return true
				}
			}
			var b []byte
			if err := q.QueryRowContext(ctx, `SELECT operational FROM record WHERE collection = 1 AND lookup = $1`, unit).Scan(&b); err != nil {
				return errors.Is(err, sql.ErrNoRows)
			}
			row, err := syncproto.DecodeRow(b)
			if err != nil {
				return false
			}
			if unit = row.Value(syncproto.UnitParent).Text(); unit == "" {
				return false
			}
		}
		return false
	}
}

// fetchNotice asks a server for its keys and checks them.
func (d *Device) fetchNotice(ctx context.Context, address string, centre ed25519.PublicKey) (*syncproto.KeyNotice, error) {
	b, err := d.opts.Transport.Keys(ctx, address)
	if err != nil {
		return nil, unreached(err)
	}
	n, err := syncproto.DecodeKeyNotice(b)
	if err != nil {
		return nil, err
	}
	return n, d.view(ctx, func(ctx context.Context, q changelog.Querier) error { return d.checkNotice(ctx, q, n, centre) })
}

// adopt stores a checked notice with the sealing key it names. An older notice
// of the same key, as somebody could replay, changes nothing.
func (d *Device) adopt(ctx context.Context, q changelog.Querier, s *server, n *syncproto.KeyNotice) error {
	if s.notice != nil && bytes.Equal(s.notice.Sign, n.Sign) && n.Serial < s.notice.Serial {
		return nil
	}
	if _, err := q.ExecContext(ctx, `UPDATE server SET notice = $1 WHERE url = $2`, n.Encode(), s.url); err != nil {
		return fmt.Errorf("storing a server's keys: %w", err)
	}
	s.notice = n
	return adoptSeal(ctx, q, n)
}

// adoptSeal stores the sealing key of a checked notice.
func adoptSeal(ctx context.Context, q changelog.Querier, n *syncproto.KeyNotice) error {
	serial := uint64(0)
	if bytes.Equal(n.Sign, n.Centre) {
		serial = n.Serial
	}
	if _, err := q.ExecContext(ctx, `UPDATE device SET seal = $1, centre_serial = MAX(centre_serial, $2)`, n.Seal, int64(serial)); err != nil {
		return fmt.Errorf("storing the sealing key: %w", err)
	}
	return nil
}
