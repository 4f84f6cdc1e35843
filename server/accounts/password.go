package accounts

import (
	"context"
	"crypto/subtle"
	_ "embed" // the list of common passwords
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"thonsync/syncproto"
)

// Parameters of argon2id: 32 MiB, three passes, one lane. That is above what
// OWASP asks for and takes about a tenth of a second on a commune's mini-PC. They
// stand in every stored password, so that they can be raised later; the next
// sign-in then hashes anew.
const (
	argonMemory = 32 << 10 // KiB
	argonTime   = 3
	argonLanes  = 1
	saltOctets  = 16
	hashOctets  = 32
)

// Bounds of concurrent hashing: two at once take 64 MiB, sixteen may wait, and
// whoever comes beyond that is told to come back. A flood of sign-ins therefore
// takes no more memory than two people.
const (
	hashSlots = 2
	hashQueue = 16
)

// hasher hashes passwords, few at a time.
type hasher struct {
	random io.Reader
	slots  chan struct{}
	queue  chan struct{}
	derive func(password, salt []byte, time, memory uint32, lanes uint8, octets uint32) []byte
}

func newHasher(random io.Reader) *hasher {
	return &hasher{random: random, slots: make(chan struct{}, hashSlots), queue: make(chan struct{}, hashSlots+hashQueue), derive: argon2.IDKey}
}

// ErrBusy says that too many sign in at once.
var ErrBusy = syncproto.Errorf(syncproto.CodeOverload, "too many people sign in at this moment: try again in a few seconds")

// turn runs f when there is room.
func (h *hasher) turn(ctx context.Context, f func()) error {
	select {
	case h.queue <- struct{}{}:
		defer func() { <-h.queue }()
	default:
		return ErrBusy
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
		return ErrBusy
	}
	f()
	return nil
}

// normal gives the form of a password that is hashed, so that the same keys on
// another keyboard programme open as well.
func normal(password string) []byte { return norm.NFKC.Bytes([]byte(password)) }

var raw64 = base64.RawStdEncoding

// make hashes a new password into a PHC string.
func (h *hasher) make(ctx context.Context, password string) (phc string, err error) {
	salt := make([]byte, saltOctets)
	if _, err := io.ReadFull(h.random, salt); err != nil {
		return "", fmt.Errorf("no randomness for a password: %w", err)
	}
	err = h.turn(ctx, func() {
		sum := h.derive(normal(password), salt, argonTime, argonMemory, argonLanes, hashOctets)
		phc = fmt.Sprintf("%s%s$%s", argonPrefix, raw64.EncodeToString(salt), raw64.EncodeToString(sum))
	})
	return phc, err
}

var argonPrefix = fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$", argon2.Version, argonMemory, argonTime, argonLanes)

// nobody is hashed against when there is no such account or it has no password,
// so that an answer takes as long.
var nobody = argonPrefix + raw64.EncodeToString(make([]byte, saltOctets)) + "$" + raw64.EncodeToString(make([]byte, hashOctets))

// check compares a password with a PHC string. stale says that the string has
// other parameters than new ones.
func (h *hasher) check(ctx context.Context, phc, password string) (ok, stale bool, err error) {
	known := phc != ""
	if !known {
		phc = nobody
	}
	var version int
	var memory, passes uint32
	var lanes uint8
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, false, errHash
	}
	if _, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &passes, &lanes); err != nil {
		return false, false, errHash
	}
	salt, err1 := raw64.DecodeString(parts[4])
	want, err2 := raw64.DecodeString(parts[5])
	if err1 != nil || err2 != nil || version != argon2.Version || memory > 1<<20 || passes == 0 || passes > 64 || lanes == 0 || len(want) != hashOctets {
		return false, false, errHash
	}
	err = h.turn(ctx, func() {
		got := h.derive(normal(password), salt, passes, memory, lanes, hashOctets)
		ok = subtle.ConstantTimeCompare(got, want) == 1 && known
	})
	return ok, !strings.HasPrefix(phc, argonPrefix), err
}

var errHash = syncproto.Errorf(syncproto.CodeInternal, "a stored password does not parse: run `thonsync accounts reset` for its account")

// Bounds of a password's length.
const (
	MinPassword      = 12 // characters
	maxPasswordBytes = 256
)

//go:embed common.txt
var commonText string

// common holds words that passwords are made of when people have to think of
// one: in small letters, without marks, spaces and what was added behind.
var common = func() map[string]bool {
	m := make(map[string]bool)
	for w := range strings.FieldsSeq(commonText) {
		m[w] = true
	}
	return m
}()

// CheckPassword tells whether somebody may choose this password. There are no
// rules about kinds of characters: length is what counts.
func CheckPassword(name, password string) error {
	switch {
	case !utf8.ValidString(password) || strings.ContainsFunc(password, unicode.IsControl) || len(password) > maxPasswordBytes:
		return ErrLong
	case utf8.RuneCountInString(password) < MinPassword:
		return ErrShort
	}
	if base := bare(password); base == "" || common[base] || base == bare(name) || monotone(base) {
		return ErrCommon
	}
	return nil
}

// bare strips what people add to a word to make it a password.
func bare(s string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(strings.ToLower(s)) {
		switch {
		case r == 'đ':
			b.WriteRune('d')
		case unicode.IsLetter(r), unicode.IsDigit(r):
			b.WriteRune(r)
		}
	}
	out := strings.TrimFunc(b.String(), unicode.IsDigit)
	// The same word again and again is one word.
	for n := 1; n <= len(out)/2; n++ {
		if len(out)%n == 0 && strings.Repeat(out[:n], len(out)/n) == out {
			return out[:n]
		}
	}
	return out
}

// monotone tells whether a word has so few different letters that guessing it is
// no work.
func monotone(s string) bool {
	seen := make(map[rune]bool)
	for _, r := range s {
		seen[r] = true
	}
	return len(seen) < 4
}
