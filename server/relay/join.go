package relay

import (
	"context"
	"crypto/ed25519"
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
	// Digits is told the six digits that both officers compare.
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
	if keys.Fingerprint(n.Centre) != inv.Centre {
		return m, syncproto.Errorf(syncproto.CodeForeignKey, "the server at this address is not the one that the joining code names: nothing was sent; check the address and the code")
	}
	if n, err = CheckNotice(b, n.Centre); err != nil {
		return m, err
	}
	pub := cfg.Key.Public().(ed25519.PublicKey)
	if cfg.Digits != nil {
		cfg.Digits(syncproto.JoinDigits(pub, n.Sign, inv.Code))
	}
	for {
		w, err := askIn(ctx, cfg, inv, n)
		if err != nil {
			return m, err
		}
		if w != nil {
			m = keys.Membership{Upstream: inv.Server, Centre: n.Centre, Credentials: w.Credentials, Notice: b}
			return m, checkWelcome(w, n.Centre, pub)
		}
		select {
		case <-ctx.Done():
			return m, ctx.Err()
		case <-cfg.After(confirmPause):
		}
	}
}

// askIn sends the join once; nil means that an officer has yet to confirm.
func askIn(ctx context.Context, cfg JoinConfig, inv Invitation, n *syncproto.KeyNotice) (*syncproto.Welcome, error) {
	pub := cfg.Key.Public().(ed25519.PublicKey)
	to, err := syncproto.NewSealPublic(n.Exchange)
	if err != nil {
		return nil, err
	}
	q := &syncproto.Request{
		ID: uuid.New(), Origin: syncproto.OriginOf(pub), ClockMS: cfg.Now().UnixMilli(),
		Join: &syncproto.Join{Code: inv.Code, Key: pub, Label: cfg.Label},
	}
	body, pending, err := syncproto.EncodeRequest(q, cfg.Key, to)
	if err != nil {
		return nil, err
	}
	reply, err := cfg.Transport.Exchange(ctx, inv.Server, body)
	if err != nil {
		return nil, err
	}
	if reply.Answer == nil {
		return nil, syncproto.Errorf(syncproto.CodeOldKey, "the server changed its key just now: try again")
	}
	a, err := pending.OpenAnswer(reply.Answer, n.Sign)
	if err != nil {
		return nil, err
	}
	if a.Welcome == nil && !a.More {
		return nil, syncproto.Errorf(syncproto.CodeMalformed, "the server answered without a welcome")
	}
	return a.Welcome, nil
}

// checkWelcome verifies what the server issued. A point's units cannot be
// judged before its first exchange; the centre's signature vouches for them.
func checkWelcome(w *syncproto.Welcome, centre, own ed25519.PublicKey) error {
	g, err := verifyPoint(w.Credentials, centre)
	if err != nil {
		return err
	}
	if !g.Key.Equal(own) {
		return syncproto.Errorf(syncproto.CodeCredential, "the server issued a credential for another key: make a new joining code")
	}
	return nil
}
