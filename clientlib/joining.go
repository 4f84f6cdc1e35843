package clientlib

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
)

// joinTry is a join under way: what has to stay the same until the officer has
// confirmed, or the digits on the two screens would differ.
type joinTry struct {
	Code      string            `json:"code"`
	Key       ed25519.PublicKey `json:"key"`    // this device's
	Server    ed25519.PublicKey `json:"server"` // the server's signing key
	Nonce     []byte            `json:"nonce"`
	PeerNonce []byte            `json:"peer_nonce"` // nil until the server has answered
	Seed      []byte            `json:"seed"`       // of the key, where it is a new one
}

const aadJoining = "joining"

// joining gives the join under way with this code at this server, or begins one.
// A nonce that was shown is never used with another nonce of the server: that
// would let the server choose the digits.
func (d *Device) joining(ctx context.Context, code string, key, server ed25519.PublicKey, seed []byte) (*joinTry, error) {
	var try *joinTry
	err := d.update(ctx, func(ctx context.Context, q changelog.Querier) error {
		have, err := d.readJoining(ctx, q)
		if err != nil {
			return err
		}
		if have != nil && have.Code == code && have.Key.Equal(key) && have.Server.Equal(server) {
			try = have
			return nil
		}
		try = &joinTry{Code: code, Key: key, Server: server, Nonce: make([]byte, syncproto.JoinNonceBytes), Seed: seed}
		if err := fillRandom(d.opts.Rand, try.Nonce); err != nil {
			return err
		}
		return d.putJoining(ctx, q, try)
	})
	return try, err
}

// learnNonce keeps the server's nonce before ours is shown to it.
func (d *Device) learnNonce(ctx context.Context, try *joinTry, a *syncproto.Answer) error {
	if len(a.JoinNonce) != syncproto.JoinNonceBytes {
		return syncproto.Errorf(syncproto.CodeMalformed, "the server answered without its part of the digits: its program may be too old; tell the officer")
	}
	try.PeerNonce = bytes.Clone(a.JoinNonce)
	return d.update(ctx, func(ctx context.Context, q changelog.Querier) error { return d.putJoining(ctx, q, try) })
}

// askIn sends the join once: the promise alone, or the nonce with it.
func (d *Device) askIn(ctx context.Context, address string, try *joinTry, label string, key ed25519.PrivateKey, n *syncproto.KeyNotice) (*syncproto.Answer, error) {
	id, err := d.newUUID()
	if err != nil {
		return nil, syncproto.Wrap(syncproto.CodeInternal, err, "no randomness")
	}
	j := &syncproto.Join{Code: try.Code, Key: try.Key, Label: label, Commit: syncproto.JoinCommit(try.Key, try.Server, try.Nonce)}
	if try.PeerNonce != nil {
		j.Nonce = try.Nonce
	}
	q := &syncproto.Request{ID: id, Origin: syncproto.OriginOf(try.Key), ClockMS: d.opts.Clock.NowMS(), Join: j}
	return d.exchangeOnce(ctx, address, q, key, n)
}

// spent forgets a join whose code is of no more use.
func (d *Device) spent(ctx context.Context, err error) error {
	if syncproto.CodeOf(err) != syncproto.CodeCodeSpent {
		return err
	}
	return errors.Join(err, d.update(ctx, forgetJoining))
}

func (d *Device) readJoining(ctx context.Context, q changelog.Querier) (*joinTry, error) {
	var sealed []byte
	err := q.QueryRowContext(ctx, `SELECT sealed FROM joining`).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the join under way: %w", err)
	}
	plain, err := d.box.Open(sealed, []byte(aadJoining))
	if err != nil {
		return nil, err
	}
	try := &joinTry{}
	if err := json.Unmarshal(plain, try); err != nil {
		return nil, syncproto.Wrap(syncproto.CodeUnreadable, err, "the join under way is damaged: ask the officer for a new code")
	}
	return try, nil
}

func (d *Device) putJoining(ctx context.Context, q changelog.Querier, try *joinTry) error {
	plain, err := json.Marshal(try)
	if err != nil {
		return syncproto.Wrap(syncproto.CodeInternal, err, "keeping the join under way failed")
	}
	sealed, err := d.box.Seal(plain, []byte(aadJoining))
	if err != nil {
		return err
	}
	if _, err = q.ExecContext(ctx, `INSERT INTO joining (one, sealed) VALUES (1, $1) ON CONFLICT (one) DO UPDATE SET sealed = excluded.sealed`, sealed); err != nil {
		return fmt.Errorf("keeping the join under way: %w", err)
	}
	return nil
}

func forgetJoining(ctx context.Context, q changelog.Querier) error {
	if _, err := q.ExecContext(ctx, `DELETE FROM joining`); err != nil {
		return fmt.Errorf("forgetting the join: %w", err)
	}
	return nil
}
