package server

import (
	"context"
	"crypto/ed25519"
	"fmt"

	"thonsync/server/config"
	"thonsync/server/keys"
	"thonsync/server/relay"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
	"thonsync/syncproto/exchange"
)

// JoinUpstream makes the data folder that of a point, taken in by the centre
// that the joining URI names. It is done once, before the first Open.
func JoinUpstream(ctx context.Context, cfg config.Config, opts Options, uri, label string) error {
	opts.withDefaults()
	inv, err := relay.ParseInvitation(uri)
	if err != nil {
		return err
	}
	folder, err := OpenKeys(cfg, opts)
	if err != nil {
		return err
	}
	if _, joined, err := folder.Membership(); err != nil || joined {
		if err == nil {
			err = syncproto.Errorf(syncproto.CodeInvalidInput, "this point has joined already: leave --join out, or use an empty data folder")
		}
		return err
	}
	if folder.HasLine() {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "this data folder is a centre's: a point needs a folder of its own, name it with --data")
	}
	key, err := folder.Identity()
	if err != nil {
		return err
	}
	m, err := relay.Join(ctx, relay.JoinConfig{
		Transport: opts.Transport, Key: key, Label: label, Now: opts.Now, After: opts.After, Random: opts.Random, Digits: opts.Digits,
	}, inv)
	if err != nil {
		return err
	}
	return folder.SetMembership(m)
}

// ownChain gives the credentials of the own log's origins. A point's is its
// identity; the centre vouches for those of its own log with its newest key.
func (n *Node) ownChain(origin syncproto.OriginID, key ed25519.PublicKey) ([]string, error) {
	if n.role != credential.RoleCentre {
		if origin == n.self() {
			return n.member.Credentials, nil
		}
		return nil, syncproto.Errorf(syncproto.CodeCredential, "a point cannot vouch for another origin of its own: have it join again")
	}
	token, err := credential.Issue(credential.Grant{Key: key, Role: credential.RoleCentre, Issued: n.opts.Now()}, n.trust.Key())
	return []string{token}, err
}

func (n *Node) self() syncproto.OriginID {
	if n.role == credential.RoleCentre {
		return n.trust.Centre().ID()
	}
	return syncproto.OriginOf(n.trust.Public())
}

// exchangeKey gives the present exchange key; it changes by age.
func (n *Node) exchangeKey(centre *syncproto.Centre, seal []byte) (keys.Exchange, error) {
	x, rotated, err := n.keys.Exchange(n.opts.Now(), n.cfg.RotateEvery, centre.Number(), seal)
	if rotated {
		n.log.Info("exchange key replaced", "serial", x.Serial)
	}
	return x, err
}

// sealKey gives the statement about the centre's sealing key, and the line of the
// centre's keys that it stands under: at a point both as the newest notice of
// upstream has them.
func (n *Node) sealKey() (syncproto.SealStatement, *syncproto.Centre, error) {
	if n.role == credential.RoleCentre {
		k, made, err := n.keys.Seal(n.opts.Now())
		if err != nil {
			return syncproto.SealStatement{}, nil, err
		}
		key, centre := n.trust.Both()
		return syncproto.StateSeal(key, k.Public.Bytes(), made), centre, nil
	}
	notice, _, err := relay.CheckNotice(n.upstreamNotice(), n.trust.Centre())
	if err != nil {
		return syncproto.SealStatement{}, nil, err
	}
	return notice.Seal, notice.Centre, nil
}

func (n *Node) sealTo() (syncproto.SealPublic, error) {
	k, _, err := n.sealKey()
	if err != nil {
		return syncproto.SealPublic{}, err
	}
	return syncproto.NewSealPublic(k.Key)
}

func (n *Node) upstreamNotice() []byte {
	n.memberMu.Lock()
	defer n.memberMu.Unlock()
	return n.member.Notice
}

// setUpstreamNotice keeps a checked notice and follows the line of the centre's
// keys that it led to.
func (n *Node) setUpstreamNotice(b []byte, centre *syncproto.Centre) error {
	n.memberMu.Lock()
	defer n.memberMu.Unlock()
	next := n.member
	next.Notice, next.Centre = b, centre.Encode()
	if err := n.keys.SetMembership(next); err != nil {
		return err
	}
	n.member = next
	if thief := centre.Overrules(n.trust.Centre()); thief > 0 {
		n.log.Error("the recovery key has overruled keys of the centre that this point had followed: it reads all feeds anew; replace it as well, since what it learned meanwhile may be forged", "key", thief)
		if err := n.ingest.ReadAnew(context.Background(), thief); err != nil {
			return err
		}
	}
	n.trust.Follow(centre)
	return nil
}

// found acts on what comparing heads gave away: somebody knows more of our own
// log than we do, so it was restored or copied.
func (n *Node) found(f exchange.Finding) {
	if f.Kind != exchange.WeWereRestored || !n.own.Owns(f.Origin) {
		return
	}
	n.stale.Lock()
	defer n.stale.Unlock()
	n.restored = fmt.Sprintf("the centre holds change %d of this point's own log, this folder ends at %d: it is an old copy", f.Theirs.Seq, f.Ours.Seq)
	n.log.Error("own log is older than what upstream has seen; no devices are issued until this point joins again", "ours", f.Ours.Seq, "theirs", f.Theirs.Seq)
}

// mayWriteOwn fails while the own log must not grow.
func (n *Node) mayWriteOwn() error {
	if n.role == credential.RolePoint && n.ingest.Revoked(n.self()) != nil {
		return syncproto.Errorf(syncproto.CodeCredential, "this point was revoked by the centre: it takes nobody in any more; what it carries still goes up")
	}
	n.stale.Lock()
	defer n.stale.Unlock()
	if n.restored == "" {
		return nil
	}
	return syncproto.Errorf(syncproto.CodeFork, "%s: start a new data folder with `thonsync serve --join CODE`; this one goes on carrying what it has", n.restored)
}
