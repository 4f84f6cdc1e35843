package accounts

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"
)

// bucket bounds failures: so many at once, then one for every refill. What is
// turned away does not count, so nobody waits longer than one refill, however
// hard somebody else tries.
type bucket struct {
	burst  int64
	refill time.Duration
}

// The buckets. An officer's own browser has one of its own, so that whoever
// guesses at his name elsewhere cannot keep him out; a hotspot is one address.
var (
	perAddress = bucket{30, 20 * time.Second}
	perAccount = bucket{6, 3 * time.Minute}
	perBrowser = bucket{6, time.Minute}
)

// forgetAfter is longer than any bucket takes to run empty.
const forgetAfter = 24 * time.Hour

// HeldError says that an attempt was not looked at because too many failed
// before.
type HeldError struct{ wait time.Duration }

// Error says when to try again.
func (e *HeldError) Error() string {
	return fmt.Sprintf("too many attempts failed: try again in %d seconds", int(e.wait/time.Second)+1)
}

// RetryAfter gives how long to wait.
func (e *HeldError) RetryAfter() time.Duration { return e.wait }

const milli = 1000

// charge puts one failure into a bucket, before it is known to be one, so that
// attempts at the same moment cannot pass together. It fails with a *HeldError if
// the bucket is full.
func (t tx) charge(key []byte, b bucket, nowMS int64) error {
	level, at, err := t.level(key, b, nowMS)
	if err != nil {
		return err
	}
	over := level + milli - b.burst*milli
	switch {
	case over <= 0:
		return t.setLevel(key, level+milli, nowMS)
	case at > nowMS: // the clock was set back: the wait counts from here
		err = t.setLevel(key, level, nowMS)
	default: // not written, or trying again and again would keep the bucket full
	}
	return cmp.Or[error](err, &HeldError{time.Duration(over) * b.refill / milli})
}

// level gives how full a bucket is now, and when it was last written.
func (t tx) level(key []byte, b bucket, nowMS int64) (level, at int64, err error) {
	if _, err := t.one(`SELECT level, at_ms FROM failures WHERE key = ?`, []any{key}, &level, &at); err != nil {
		return 0, 0, err
	}
	gone := max(0, nowMS-at) * milli / b.refill.Milliseconds()
	return max(0, level-gone), at, nil
}

// setLevel keeps no row for an empty bucket: or else whoever is held by his
// address could fill the disk with names.
func (t tx) setLevel(key []byte, level, nowMS int64) error {
	if level <= 0 {
		return t.relieve(key)
	}
	return t.exec(`REPLACE INTO failures (key, level, at_ms) VALUES (?, ?, ?)`, key, level, nowMS)
}

// refund takes a failure back that was none.
func (t tx) refund(key []byte, b bucket, nowMS int64) error {
	level, _, err := t.level(key, b, nowMS)
	if err != nil {
		return err
	}
	return t.setLevel(key, max(0, level-milli), nowMS)
}

// relieve empties a bucket.
func (t tx) relieve(key []byte) error { return t.exec(`DELETE FROM failures WHERE key = ?`, key) }

// tag is a keyed hash: whoever reads the file learns neither addresses nor
// guessed names.
func (s *Service) tag(what, value string) []byte {
	m := hmac.New(sha256.New, s.cfg.Key)
	m.Write([]byte("thonsync accounts " + what + "\n" + value))
	return m.Sum(nil)
}

func (s *Service) accountKey(name string) []byte { return s.tag("account", name) }
func (s *Service) ownKey(id uuid.UUID) []byte    { return s.tag("own", id.String()) }

// addressKey takes the network of an IPv6 address: a home has 2^64 of them.
func (s *Service) addressKey(address string) []byte {
	if a, err := netip.ParseAddr(address); err == nil {
		a = a.Unmap().WithZone("")
		if a.Is6() {
			if p, err := a.Prefix(64); err == nil {
				a = p.Addr()
			}
		}
		address = a.String()
	}
	return s.tag("address", address)
}

// from gives the tag of an address for the access log.
func (s *Service) from(address string) string { return hex.EncodeToString(s.addressKey(address)[:4]) }
