package syncproto

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// A PIN is reset by a challenge that the phone shows and an answer that a server
// computes, over the phone or across a table: no line is needed. Both follow from
// a key that phone and server share because each knows the other's signing key.

// Letters is the alphabet of codes that people read aloud and type: it leaves out
// what is mistaken for something else.
const Letters = "23456789ABCDEFGHJKMNPQRSTVWXYZ"

// Shape of a challenge: groups for the device, the person and chance.
const (
	resetGroup  = 4
	resetGroups = 3
)

// ResetNonceBytes is how many random octets a challenge takes.
const ResetNonceBytes = resetGroup

const (
	domainResetTag = "thonsync/1/pin-tag\x00"
	domainResetKey = "thonsync/1/pin-reset-key\x00"
	domainReset    = "thonsync/1/pin-reset\x00"
)

// lettersOf writes octets as letters, one for each.
func lettersOf(b []byte) string {
	out := make([]byte, len(b))
	for i, c := range b {
		out[i] = Letters[int(c)%len(Letters)]
	}
	return string(out)
}

// ResetDeviceTag is the group of a challenge that tells a server which device
// shows it. Several devices may have one tag.
func ResetDeviceTag(device OriginID) string {
	sum := sumParts(domainResetTag, device[:])
	return lettersOf(sum[:resetGroup])
}

// ResetPersonTag is the group that tells whose PIN it is.
func ResetPersonTag(device OriginID, person uuid.UUID) string {
	sum := sumParts(domainResetTag, device[:], person[:])
	return lettersOf(sum[:resetGroup])
}

// ResetChallenge gives the challenge for a person's PIN, in groups for reading.
// nonce is ResetNonceBytes random octets.
func ResetChallenge(device OriginID, person uuid.UUID, nonce []byte) string {
	return ResetDeviceTag(device) + "-" + ResetPersonTag(device, person) + "-" + lettersOf(nonce)
}

// ParseResetChallenge undoes how people type a challenge and takes it apart. It
// fails with CodeInvalidInput.
func ParseResetChallenge(text string) (challenge, device, person string, err error) {
	plain := strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToUpper(text))
	if len(plain) != resetGroup*resetGroups || strings.Trim(plain, Letters) != "" {
		return "", "", "", Errorf(CodeInvalidInput, "this is no challenge: it has three groups of four letters or digits, as the phone shows it")
	}
	device, person = plain[:resetGroup], plain[resetGroup:2*resetGroup]
	return strings.Join([]string{device, person, plain[2*resetGroup:]}, "-"), device, person, nil
}

// ResetKey gives the key that a device and a server share, from the own signing
// key and the other's. device says whether the own key is the device's.
func ResetKey(own ed25519.PrivateKey, other ed25519.PublicKey, device bool) ([]byte, error) {
	secret, err := agree(own, other)
	if err != nil {
		return nil, err
	}
	pair := [][]byte{own.Public().(ed25519.PublicKey), other}
	if !device {
		slices.Reverse(pair)
	}
	key, err := hkdf.Key(sha256.New, secret, nil, domainResetKey+string(pair[0])+string(pair[1]), sha256.Size)
	if err != nil {
		return nil, Wrap(CodeInternal, err, "deriving the key of a PIN's reset failed")
	}
	return key, nil
}

// ResetAnswer gives the eight digits that answer a challenge, in two groups.
func ResetAnswer(key []byte, challenge string) string {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(domainReset + challenge))
	n := binary.BigEndian.Uint64(m.Sum(nil)) % 100_000_000
	return fmt.Sprintf("%04d %04d", n/10_000, n%10_000)
}

// agree runs X25519 between two Ed25519 keys, each taken to its Montgomery form.
func agree(own ed25519.PrivateKey, other ed25519.PublicKey) ([]byte, error) {
	sum := sha512.Sum512(own.Seed()) // RFC 8032, 5.1.5: the lower half is the scalar
	private, err := ecdh.X25519().NewPrivateKey(sum[:32])
	if err != nil {
		return nil, Wrap(CodeInternal, err, "a signing key does not make a key to agree with")
	}
	u, err := montgomery(other)
	if err != nil {
		return nil, err
	}
	public, err := ecdh.X25519().NewPublicKey(u)
	if err != nil {
		return nil, Wrap(CodeForeignKey, err, "the other side's key is no key to agree with")
	}
	secret, err := private.ECDH(public)
	if err != nil {
		return nil, Wrap(CodeForeignKey, err, "the other side's key is no key to agree with")
	}
	return secret, nil
}

// fieldPrime is 2^255 - 19.
var fieldPrime = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))

// montgomery takes an Ed25519 public key to curve25519: u = (1+y)/(1-y)
// (RFC 7748, 4.1). Public keys are no secret, so it may take varying time.
func montgomery(key ed25519.PublicKey) ([]byte, error) {
	if len(key) != ed25519.PublicKeySize {
		return nil, Errorf(CodeForeignKey, "a signing key has %d octets, this one has %d", ed25519.PublicKeySize, len(key))
	}
	le := slices.Clone([]byte(key))
	le[31] &= 0x7f // the sign of x
	slices.Reverse(le)
	y := new(big.Int).SetBytes(le)
	one := big.NewInt(1)
	below := new(big.Int).Sub(one, y)
	if below.ModInverse(below.Mod(below, fieldPrime), fieldPrime) == nil {
		return nil, Errorf(CodeForeignKey, "the other side's key is no key to agree with")
	}
	u := new(big.Int).Mul(new(big.Int).Add(one, y), below)
	out := u.Mod(u, fieldPrime).FillBytes(make([]byte, 32))
	slices.Reverse(out)
	return out, nil
}
