package clientlib

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/url"

	"github.com/google/uuid"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// Joined is the outcome of Join.
type Joined struct {
	Welcome syncproto.Welcome
	Digits  string // six digits that officer and phone compare
	Centre  string // fingerprint of the pinned key
	Waiting bool   // the officer has not confirmed the digits yet; comes with an error
}

// invitation is a parsed joining code.
type invitation struct {
	servers     []string
	fingerprint string
	code        string
}

func parseInvitation(uri string) (invitation, error) {
	bad := syncproto.Errorf(syncproto.CodeInvalidInput, "this is not a joining code: scan the one that the officer shows")
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "thonsync" || u.Opaque != "join" {
		return invitation{}, bad
	}
	v := u.Query()
	in := invitation{fingerprint: v.Get("centre"), code: v.Get("code")}
	for _, s := range v["server"] {
		clean, err := cleanURL(s)
		if err != nil {
			return invitation{}, err
		}
		in.servers = append(in.servers, clean)
	}
	if len(in.servers) == 0 || in.fingerprint == "" || in.code == "" {
		return invitation{}, bad
	}
	return in, nil
}

// Join takes the device in at the server that an officer's code names:
// thonsync:join?server=URL&centre=FINGERPRINT&code=CODE; further server
// parameters name further servers to try. label is what the officer sees, such
// as the phone's model; no personal data. Joining again after a fork gives the
// current origin a credential; a device that has one, or was revoked, begins a new
// origin. It must be with the same centre. Where the code is for another team and
// there is work that is neither sent nor in a file, Join fails with CodeUnsent:
// sync or export, then call it again with the same code. If the
// answer is lost, call Join again with the same code. Where the officer has to
// confirm the digits first, Join fails with CodeCredential and Waiting set: show
// the digits and call it again, every few seconds, with the same code; they stay
// the same, also when the device was closed in between. Digits is empty where
// the officer asked for no comparison.
func (d *Device) Join(ctx context.Context, uri, label string) (Joined, error) {
	in, err := parseInvitation(uri)
	if err != nil {
		return Joined{}, err
	}
	if d.opts.Transport == nil {
		return Joined{}, syncproto.Errorf(syncproto.CodeUpstream, "this device has no transport to join over")
	}
	d.syncMu.Lock()
	defer d.syncMu.Unlock()
	var last error
	for _, address := range in.servers {
		joined, err := d.joinAt(ctx, address, in, label)
		if err == nil || joined.Waiting {
			return joined, err
		}
		last = err
	}
	return Joined{}, last
}

func (d *Device) joinAt(ctx context.Context, address string, in invitation, label string) (Joined, error) {
	notice, err := d.invitedNotice(ctx, address, in.fingerprint)
	if err != nil {
		return Joined{}, err
	}
	key, seed, err := d.joinKey(ctx, in.code)
	if err != nil {
		return Joined{}, err
	}
	id := syncproto.OriginOf(publicOf(key))
	try, err := d.joining(ctx, in.code, publicOf(key), notice.Sign, seed)
	if err != nil {
		return Joined{}, err
	}
	joined := Joined{Centre: in.fingerprint}
	answer, err := d.askIn(ctx, address, try, label, key, notice)
	if err == nil && answer.Welcome == nil && try.PeerNonce == nil {
		if err = d.learnNonce(ctx, try, answer); err == nil {
			answer, err = d.askIn(ctx, address, try, label, key, notice)
		}
	}
	if err != nil {
		return joined, d.spent(ctx, err)
	}
	if try.PeerNonce != nil {
		joined.Digits = syncproto.JoinDigits(try.Key, notice.Sign, try.Code, try.Nonce, try.PeerNonce)
	}
	if joined.Waiting = answer.Welcome == nil && answer.More; joined.Waiting {
		return joined, syncproto.Errorf(syncproto.CodeCredential, "the officer has yet to confirm this device's digits, %s: compare them, then join again with the same code", joined.Digits)
	}
	if answer.Welcome == nil {
		return Joined{}, syncproto.Errorf(syncproto.CodeCodeSpent, "the server did not take this device in: ask the officer for a new code")
	}
	joined.Welcome = *answer.Welcome
	err = d.update(ctx, func(ctx context.Context, q changelog.Querier) error {
		if err := d.takeIn(ctx, q, seed, answer.Welcome); err != nil {
			return err
		}
		if err := d.welcome(ctx, q, id, answer.Welcome, notice, in.servers, address); err != nil {
			return err
		}
		return forgetJoining(ctx, q)
	})
	if err != nil {
		err = errors.Join(err, d.view(ctx, d.log.Reload))
	}
	return joined, err
}

// invitedNotice fetches a server's keys and checks them against the code's
// fingerprint, and against the pinned centre where there is one.
func (d *Device) invitedNotice(ctx context.Context, address, fingerprint string) (*syncproto.KeyNotice, error) {
	b, err := d.opts.Transport.Keys(ctx, address)
	if err != nil {
		return nil, unreached(err)
	}
	n, err := syncproto.DecodeKeyNotice(b)
	if err != nil {
		return nil, err
	}
	if Fingerprint(n.Centre.Key()) != fingerprint {
		return nil, syncproto.Errorf(syncproto.CodeForeignKey, "the server's centre is not the one in the joining code: do not join; check the address with the officer")
	}
	return n, d.view(ctx, func(ctx context.Context, q changelog.Querier) error {
		l, err := readLink(ctx, q)
		if err != nil {
			return err
		}
		if l.centre == nil {
			l.centre = n.Centre
		} else if l.centre.ID() != n.Centre.ID() {
			return syncproto.Errorf(syncproto.CodeForeignKey, "this device belongs to another centre: use a new database for this one")
		}
		return d.vouched(ctx, q, n, l.centre)
	})
}

// exchangeOnce sends one request outside a sync session.
func (d *Device) exchangeOnce(ctx context.Context, address string, q *syncproto.Request, key ed25519.PrivateKey, n *syncproto.KeyNotice) (*syncproto.Answer, error) {
	to, err := syncproto.NewSealPublic(n.Exchange)
	if err != nil {
		return nil, err
	}
	body, pending, err := syncproto.EncodeRequest(q, key, to)
	if err != nil {
		return nil, err
	}
	reply, err := d.opts.Transport.Exchange(ctx, address, body)
	if err != nil {
		return nil, unreached(err)
	}
	if reply.Notice != nil {
		return nil, syncproto.Errorf(syncproto.CodeOldKey, "the server changed its key at this very moment: try again")
	}
	return pending.OpenAnswer(reply.Answer, n.Sign)
}

// unreached gives transport errors a code.
func unreached(err error) error {
	if syncproto.CodeOf(err) != syncproto.CodeInternal {
		return err
	}
	return syncproto.Wrap(syncproto.CodeUpstream, err, "the server could not be reached; what is here is safe, try again when there is a signal")
}

// welcome stores what joining brought. The chain must be for this device's key
// under the pinned centre.
func (d *Device) welcome(ctx context.Context, q changelog.Querier, id syncproto.OriginID, w *syncproto.Welcome, n *syncproto.KeyNotice, servers []string, address string) error {
	g, err := credential.Verify(w.Credentials, n.Centre, d.within(ctx, q))
	if err != nil {
		return err
	}
	if g.Device != id {
		return syncproto.Errorf(syncproto.CodeCredential, "the credential that the server gave is for another device: do not join here")
	}
	if err := putChain(ctx, q, id, w.Credentials); err != nil {
		return err
	}
	var team []byte
	if w.Team != uuid.Nil {
		team = w.Team[:]
	}
	l, err := readLink(ctx, q)
	if err != nil {
		return err
	}
	if l.centre == nil {
		l.centre = n.Centre
	}
	_, err = q.ExecContext(ctx, `UPDATE device SET centre = $1, identity = $2, role = $3, unit = $4, team = $5, revoked = NULL`,
		l.centre.Encode(), id[:], w.Role, w.Unit, team)
	if err != nil {
		return fmt.Errorf("storing the link to the centre: %w", err)
	}
	for _, u := range servers {
		_, err := q.ExecContext(ctx, `INSERT INTO server (position, url) VALUES ((SELECT COALESCE(MAX(position), -1) + 1 FROM server), $1) ON CONFLICT DO NOTHING`, u)
		if err != nil {
			return fmt.Errorf("storing servers: %w", err)
		}
	}
	if err := d.adopt(ctx, q, &l, &server{url: address}, n); err != nil {
		return err
	}
	for _, m := range w.Members {
		if err := d.putPerson(ctx, q, m.ID, m.Name); err != nil {
			return err
		}
	}
	return nil
}
