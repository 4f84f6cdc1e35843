package relay

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/server/keys"
	"thonsync/syncproto"
)

// Invitation is a parsed joining code.
type Invitation struct {
	Server string
	Centre string // fingerprint
	Code   string
}

// URI gives the text that a QR code holds.
func (i Invitation) URI() string {
	return "thonsync:join?server=" + url.QueryEscape(i.Server) + "&centre=" + url.QueryEscape(i.Centre) + "&code=" + url.QueryEscape(i.Code)
}

// ParseInvitation reads a joining URI.
func ParseInvitation(text string) (Invitation, error) {
	bad := syncproto.Errorf(syncproto.CodeInvalidInput, "this is no joining code: it begins with thonsync:join? and names server, centre and code")
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "thonsync" || u.Opaque != "join" {
		return Invitation{}, bad
	}
	q := u.Query()
	i := Invitation{Server: q.Get("server"), Centre: q.Get("centre"), Code: q.Get("code")}
	if i.Server == "" || i.Centre == "" || i.Code == "" {
		return Invitation{}, bad
	}
	return i, nil
}

// JoinConfig is what Join needs.
type JoinConfig struct {
	Transport clientlib.Transport
	Key       ed25519.PrivateKey // this server's new identity
	Label     string
	Now       func() time.Time
	After     func(time.Duration) <-chan time.Time
	Random    io.Reader // cryptographic
	// Digits is told the six digits that both officers compare; it is not called
	// where the officer asked for no comparison.
	Digits func(string)
}

// confirmPause is how often a waiting join asks whether it was confirmed.
const confirmPause = 3 * time.Second

// Join has a new point taken in by the centre that the invitation names. It
// pins the centre's key by its fingerprint before it shows the code to anybody.
func Join(ctx context.Context, cfg JoinConfig, inv Invitation) (keys.Membership, error) {
	var m keys.Membership
	b, err := cfg.Transport.Keys(ctx, inv.Server)
	if err != nil {
		return m, err
	}
	n, err := syncproto.DecodeKeyNotice(b)
	if err != nil {
		return m, err
	}
	if keys.Fingerprint(n.Centre.Key()) != inv.Centre {
		return m, syncproto.Errorf(syncproto.CodeForeignKey, "the server at this address is not the one that the joining code names: nothing was sent; check the address and the code")
	}
	if n, _, err = CheckNotice(b, n.Centre); err != nil {
		return m, err
	}
	w, err := askUntilIn(ctx, cfg, inv, n)
	if err != nil {
		return m, err
	}
	m = keys.Membership{Upstream: inv.Server, Centre: n.Centre.Encode(), Credentials: w.Credentials, Notice: b}
	return m, checkWelcome(w, n.Centre, cfg.Key.Public().(ed25519.PublicKey))
}

// askUntilIn promises a nonce, shows it once the server has given its own, and
// then asks until an officer has compared the digits.
func askUntilIn(ctx context.Context, cfg JoinConfig, inv Invitation, n *syncproto.KeyNotice) (*syncproto.Welcome, error) {
	pub := cfg.Key.Public().(ed25519.PublicKey)
	nonce := make([]byte, syncproto.JoinNonceBytes)
	if _, err := io.ReadFull(cfg.Random, nonce); err != nil {
		return nil, fmt.Errorf("no randomness for a join: %w", err)
	}
	j := syncproto.Join{Code: inv.Code, Key: pub, Label: cfg.Label, Commit: syncproto.JoinCommit(pub, n.Sign, nonce)}
	for {
		a, err := askIn(ctx, cfg, inv.Server, j, n)
		if err != nil || a.Welcome != nil {
			return a.Welcome, err
		}
		if j.Nonce == nil {
			j.Nonce = nonce
			if cfg.Digits != nil {
				cfg.Digits(syncproto.JoinDigits(pub, n.Sign, j.Code, nonce, a.JoinNonce))
			}
			continue
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-cfg.After(confirmPause):
		}
	}
}

// askIn sends the join once. Without a welcome in the answer an officer has yet
// to confirm.
func askIn(ctx context.Context, cfg JoinConfig, server string, j syncproto.Join, n *syncproto.KeyNotice) (*syncproto.Answer, error) {
	none := &syncproto.Answer{}
	to, err := syncproto.NewSealPublic(n.Exchange)
	if err != nil {
		return none, err
	}
	id, err := uuid.NewRandomFromReader(cfg.Random)
	if err != nil {
		return none, fmt.Errorf("no randomness for a join: %w", err)
	}
	q := &syncproto.Request{ID: id, Origin: syncproto.OriginOf(j.Key), ClockMS: cfg.Now().UnixMilli(), Join: &j}
	body, pending, err := syncproto.EncodeRequest(q, cfg.Key, to)
	if err != nil {
		return none, err
	}
	reply, err := cfg.Transport.Exchange(ctx, server, body)
	if err != nil {
		return none, err
	}
	if reply.Answer == nil {
		return none, syncproto.Errorf(syncproto.CodeOldKey, "the server changed its key just now: try again")
	}
	a, err := pending.OpenAnswer(reply.Answer, n.Sign)
	if err != nil {
		return none, err
	}
	if a.Welcome == nil && (!a.More || len(a.JoinNonce) != syncproto.JoinNonceBytes) {
		return none, syncproto.Errorf(syncproto.CodeMalformed, "the server answered without a welcome")
	}
	return a, nil
}

// checkWelcome verifies what the server issued. A point's units cannot be
// judged before its first exchange; the centre's signature vouches for them.
func checkWelcome(w *syncproto.Welcome, centre *syncproto.Centre, own ed25519.PublicKey) error {
	g, err := verifyPoint(w.Credentials, centre)
	if err != nil {
		return err
	}
	if !g.Key.Equal(own) {
		return syncproto.Errorf(syncproto.CodeCredential, "the server issued a credential for another key: make a new joining code")
	}
	return nil
}
