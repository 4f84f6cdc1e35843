package syncproto

import (
	"crypto/ed25519"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
)

// Join asks a server to take a new device in. The request is signed by the
// device's new key, which Key names.
type Join struct {
	Code   string // single-use joining code, as the officer gave it
	Key    ed25519.PublicKey
	Label  string // what the officer will see: the phone's model, say; no personal data
	Commit Hash   // JoinCommit of the device's nonce
	Nonce  []byte // JoinNonceBytes octets, once the server's nonce is known; nil before
}

// JoinNonceBytes is the length of the nonces that device and server choose while
// a device joins.
const JoinNonceBytes = 16

const (
	domainDigits     = "thonsync/1/digits\x00"
	domainJoinCommit = "thonsync/1/join-commit\x00"
)

// JoinCommit binds a device to its nonce before it knows the server's, so that
// nobody between the two can search for a nonce that makes the digits of two
// different exchanges agree.
func JoinCommit(device, server ed25519.PublicKey, nonce []byte) Hash {
	return sumParts(domainJoinCommit, device, server, nonce)
}

// JoinDigits gives the six decimal digits that officer and phone compare while a
// device joins. They follow from the new device's key, the server's signing key,
// the joining code and both nonces. Whoever stands between the two, or saw the
// code and was faster, gets other digits but for one chance in a million.
func JoinDigits(device, server ed25519.PublicKey, code string, deviceNonce, serverNonce []byte) string {
	sum := sumParts(domainDigits, device, server, deviceNonce, serverNonce, []byte(code))
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[:4])%1_000_000)
}

// Digits checks that j opens its commitment and gives the digits that follow. It
// fails with CodeMalformed if the nonce is another one.
func (j *Join) Digits(server ed25519.PublicKey, serverNonce []byte) (string, error) {
	want := JoinCommit(j.Key, server, j.Nonce)
	if len(j.Nonce) != JoinNonceBytes || subtle.ConstantTimeCompare(want[:], j.Commit[:]) != 1 {
		return "", Errorf(CodeMalformed, "the join's nonce is not the one that it promised")
	}
	return JoinDigits(j.Key, server, j.Code, j.Nonce, serverNonce), nil
}

func (j *Join) body() []byte {
	b := appendBytes(nil, []byte(j.Code))
	b = append(b, j.Key...)
	b = appendBytes(b, []byte(j.Label))
	b = append(b, j.Commit[:]...)
	return appendBytes(b, j.Nonce)
}

func (r *reader) join() *Join {
	j := &Join{Code: string(r.bytes(64)), Key: r.take(ed25519.PublicKeySize)}
	j.Label = string(r.bytes(maxMessageText))
	copy(j.Commit[:], r.take(len(j.Commit)))
	if j.Nonce = r.bytes(JoinNonceBytes); len(j.Nonce) == 0 {
		j.Nonce = nil
	}
	return j
}
