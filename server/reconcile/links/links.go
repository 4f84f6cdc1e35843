// Package links finds records that are about the same citizen and keeps what was
// decided of them: which are linked, which are not the same person. A link lies
// beside the records and touches none, so taking it back restores everything.
//
// It works at the centre only, where personal fields can be opened. What it
// compares lies encrypted in the index of persons, under keyed hashes of the
// identity and telephone numbers; see ARCHITECTURE.md.
package links

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"time"

	"thonsync/server/ingest"
	"thonsync/server/reconcile/linkage"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// Box encrypts values at rest, bound to what they belong to.
type Box interface {
	Seal(plain, aad []byte) ([]byte, error)
	Open(sealed, aad []byte) ([]byte, error)
}

// Config is what a Service needs; all of it is required.
type Config struct {
	Store  store.Store
	Ingest *ingest.Service
	// HashKey, 32 octets, hashes identity and telephone numbers. It must be in no
	// database.
	HashKey []byte
	// Box encrypts what is compared.
	Box Box
	Now func() time.Time
}

// Service is safe for concurrent use.
type Service struct {
	cfg Config
	// working is held while the index is brought up to date or pairs are looked
	// for: one at a time, so that what was read is not overtaken.
	working sync.Mutex
}

// New makes a Service.
func New(cfg Config) *Service { return &Service{cfg: cfg} }

const hashKeyBytes = 32

// metaIndex says under which key and in which form the index was made.
const metaIndex = "persons"

// indexForm is a new one whenever what the index holds changes.
const indexForm = "1"

// Open makes the index anew, in the background work to come, if there is none
// yet or it was made under another key.
func (s *Service) Open(ctx context.Context) error {
	if len(s.cfg.HashKey) != hashKeyBytes {
		return fmt.Errorf("key of the hashes of numbers has %d octets, want %d: check the keys folder", len(s.cfg.HashKey), hashKeyBytes)
	}
	var have []byte
	err := s.cfg.Store.View(ctx, func(r store.Reader) (err error) {
		have, _, err = r.Meta(metaIndex)
		return err
	})
	if err != nil || hmac.Equal(have, s.form()) {
		return err
	}
	return s.Rebuild(ctx)
}

// form tells one way of making the index from another, without telling the key.
func (s *Service) form() []byte {
	h := s.hash("form", indexForm)
	return h[:]
}

// hash gives the keyed hash of a value of one kind.
func (s *Service) hash(kind, value string) (h linkage.Hash) {
	if value == "" {
		return h
	}
	mac := hmac.New(sha256.New, s.cfg.HashKey)
	mac.Write([]byte("thonsync person " + kind + "\x00" + value))
	copy(h[:], mac.Sum(nil))
	return h
}

// NumberHash gives the keyed hash under which the index finds an identity
// number.
func (s *Service) NumberHash(n syncproto.IDNumber) linkage.Hash { return s.hash("number", string(n)) }

// PhoneHash gives that of a telephone number in any notation; the zero value for
// none.
func (s *Service) PhoneHash(phone string) linkage.Hash {
	var digits strings.Builder
	for _, c := range phone {
		if c >= '0' && c <= '9' {
			digits.WriteRune(c)
		}
	}
	text := digits.String()
	if rest, abroad := strings.CutPrefix(text, "84"); abroad && strings.HasPrefix(phone, "+") {
		text = "0" + rest
	}
	return s.hash("phone", text)
}
