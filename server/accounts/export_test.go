package accounts

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"time"

	"golang.org/x/crypto/argon2"
)

// Derive is what hashes a password.
type Derive = func(password, salt []byte, passes, memory uint32, lanes uint8, octets uint32) []byte

// SetDerive replaces argon2id, which takes a tenth of a second and is tested by
// itself.
func (s *Service) SetDerive(d Derive) { s.hash.derive = d }

// Cheap is a stand-in that depends on everything.
func Cheap(password, salt []byte, passes, memory uint32, lanes uint8, _ uint32) []byte {
	m := hmac.New(sha256.New, salt)
	m.Write([]byte{byte(passes), byte(memory >> 10), lanes})
	m.Write(password)
	return m.Sum(nil)
}

// Bounds that tests count with.
const (
	HashSlots = hashSlots
	HashQueue = hashQueue
)

// Bursts gives how many failures an address, an account and a browser may have
// at once, and the longest wait after them.
func Bursts() (address, account, browser int, longest time.Duration) {
	return int(perAddress.burst), int(perAccount.burst), int(perBrowser.burst), max(perAddress.refill, perAccount.refill, perBrowser.refill)
}

// SetStored replaces the stored password of an account.
func (s *Service) SetStored(t interface{ Fatal(...any) }, name, phc string) {
	if _, err := s.db.Exec(`UPDATE accounts SET password = ? WHERE name = ?`, phc, name); err != nil {
		t.Fatal(err)
	}
}

// Stored gives it.
func (s *Service) Stored(t interface{ Fatal(...any) }, name string) (phc string) {
	if err := s.db.QueryRow(`SELECT password FROM accounts WHERE name = ?`, name).Scan(&phc); err != nil {
		t.Fatal(err)
	}
	return phc
}

// NewHasher gives a function that hashes once under the bounds of a service.
func NewHasher(d Derive) func(context.Context) error {
	h := newHasher(rand.Reader)
	h.derive = d
	return func(ctx context.Context) error {
		_, err := h.make(ctx, "password")
		return err
	}
}

// Argon is argon2id.
var Argon Derive = argon2.IDKey

// PHC gives the string that is stored.
func PHC(passes, memory uint32, lanes uint8, salt []byte, password string) string {
	sum := argon2.IDKey(normal(password), salt, passes, memory, lanes, hashOctets)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memory, passes, lanes, raw64.EncodeToString(salt), raw64.EncodeToString(sum))
}

// Occupy takes all places where passwords are hashed or wait to be, until
// release is called.
func (s *Service) Occupy() (release func()) {
	for range cap(s.hash.queue) {
		s.hash.queue <- struct{}{}
	}
	return func() {
		for range cap(s.hash.queue) {
			<-s.hash.queue
		}
	}
}

// SetDisabledOnly marks an account without ending its sessions.
func (s *Service) SetDisabledOnly(t interface{ Fatal(...any) }, name string) {
	if _, err := s.db.Exec(`UPDATE accounts SET disabled = 1 WHERE name = ?`, name); err != nil {
		t.Fatal(err)
	}
}

// Buckets counts the buckets that are kept.
func (s *Service) Buckets(t interface{ Fatal(...any) }) (n int) {
	if err := s.db.QueryRow(`SELECT COUNT(*) FROM failures`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
