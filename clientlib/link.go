package clientlib

import (
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
	"thonsync/syncproto/unittree"
)

// link is what ties the device to its centre.
type link struct {
	centre   *syncproto.Centre // pinned; nil until joined
	seal     []byte            // centre's current sealing key
	sealMade int64             // when the centre made it
	// sealUnder is the number of the centre's key that signed for it.
	sealUnder uint64
	identity  syncproto.OriginID
	unit      string
	chain     []string // credential chain of identity
}

func (l *link) centreOrigin() syncproto.OriginID { return l.centre.ID() }

// server is one candidate server; notice is nil until its keys were fetched.
type server struct {
	url    string
	notice *syncproto.KeyNotice
}

// origin names the server; the centre has one name, whichever key it signs with.
func (s *server) origin() syncproto.OriginID {
	if s.notice.OfCentre() {
		return s.notice.Centre.ID()
	}
	return syncproto.OriginOf(s.notice.Sign)
}

// Fingerprint names a centre's key in joining codes: base64url of the leading
// 16 bytes of its SHA-256.
func Fingerprint(centre ed25519.PublicKey) string {
	sum := sha256.Sum256(centre)
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func readLink(ctx context.Context, q changelog.Querier) (link, error) {
	var l link
	var centre, identity []byte
	if err := q.QueryRowContext(ctx, `SELECT centre, seal, seal_made, seal_under, identity, unit FROM device`).
		Scan(&centre, &l.seal, &l.sealMade, &l.sealUnder, &identity, &l.unit); err != nil {
		return l, fmt.Errorf("reading the link to the centre: %w", err)
	}
	var err error
	if centre != nil {
		if l.centre, err = syncproto.DecodeCentre(centre); err != nil {
			return l, err
		}
	}
	copy(l.identity[:], identity)
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

// within answers whether a unit is in a scope, from the units known here. Units that are not known cannot be judged and are let pass: what
// rests on such a credential stays provisional until the centre vouches for it.
func (d *Device) within(ctx context.Context, q changelog.Querier) func(string, []string) bool {
	find := func(key string) (unittree.Unit, bool) {
		var b []byte
		if err := q.QueryRowContext(ctx, `SELECT operational FROM record WHERE collection = 1 AND lookup = $1`, key).Scan(&b); err != nil {
			return unittree.Unit{}, !errors.Is(err, sql.ErrNoRows)
		}
		row, err := syncproto.DecodeRow(b)
		if err != nil {
			return unittree.Unit{}, true
		}
		return unittree.Unit{
			Level: row.Value(syncproto.UnitLevel).Text(), Parent: row.Value(syncproto.UnitParent).Text(),
			Successors: row.Value(syncproto.UnitSuccessors).Text(), Predecessors: row.Value(syncproto.UnitPredecessors).Text(),
			Former: row.Value(syncproto.UnitFormer).Text(),
		}, true
	}
	return func(unit string, scope []string) bool {
		in, known := unittree.Within(find, unit, scope)
		return in || !known
	}
}

// fetchNotice asks a server for its keys and checks them.
func (d *Device) fetchNotice(ctx context.Context, address string, known *syncproto.Centre) (*syncproto.KeyNotice, error) {
	b, err := d.opts.Transport.Keys(ctx, address)
	if err != nil {
		return nil, unreached(err)
	}
	return d.readNotice(ctx, b, known)
}

// readNotice decodes a notice and checks it.
func (d *Device) readNotice(ctx context.Context, b []byte, known *syncproto.Centre) (*syncproto.KeyNotice, error) {
	n, err := syncproto.DecodeKeyNotice(b)
	if err != nil {
		return nil, err
	}
	return n, d.view(ctx, func(ctx context.Context, q changelog.Querier) error {
		return d.vouched(ctx, q, n, known)
	})
}
