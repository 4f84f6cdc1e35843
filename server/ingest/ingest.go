// Package ingest takes in what other replicas bring: it verifies, places on
// branches, deduplicates, judges, merges, writes the ledger and gives receipts,
// in one transaction per group of batches. A point and the centre run the same
// code; a point cannot open seals and merges what is operational only.
package ingest

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"time"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// Config is what an Ingest needs. All fields without a default are required.
type Config struct {
	Store store.Store
	// Role is credential.RoleCentre or credential.RolePoint.
	Role credential.Role
	// Key signs receipts; at the centre it is the centre's key and also signs
	// rulings and pages.
	Key ed25519.PrivateKey
	// Centre is the pinned key of the centre.
	Centre ed25519.PublicKey
	// Credentials is this server's own chain; the centre makes its own.
	Credentials []string
	// Keys finds the centre's sealing keys. Centre only.
	Keys syncproto.Keyring
	// DataKey, 32 octets, encrypts personal rows at rest. Centre only.
	DataKey []byte
	// BeaconSecret, 32 octets, makes the tags of time beacons. Centre only.
	BeaconSecret []byte
	// Authority decides who may write what; ByGrant by default.
	Authority Authority
	Now       func() time.Time // time.Now by default
	Random    io.Reader        // crypto/rand by default

	Queue      int           // batches that may wait; 64 by default
	Group      int           // batches per transaction; 32 by default
	GroupTime  time.Duration // longest gathering of a group; 20 ms by default
	RetryAfter time.Duration // told when the queue is full; 5 s by default
}

// Batch is what one peer brings at once.
type Batch struct {
	Via         syncproto.OriginID // who brings it
	Segments    [][]byte
	Credentials []syncproto.OriginCredential // chains of origins of these segments
	Receipts    [][]byte                     // receipts of points, or of the centre
	Pages       [][]byte                     // pages of the centre's feeds; points only
}

// Result is what became of a batch. Everything it says is durable.
type Result struct {
	// Problems name what was not taken; Index counts in Batch.Segments. All else
	// was taken.
	Problems []syncproto.Problem
	// Heads holds, for each origin of the batch, the end of the unbroken run from
	// the first change on, on its first branch.
	Heads []syncproto.OriginHeads
	// New and Repeats count changes.
	New, Repeats int
}

// Overload says that the queue is full. Its code is CodeOverload.
type Overload struct{ RetryAfter time.Duration }

// Error says what to do.
func (o *Overload) Error() string {
	return "overload: too many batches are waiting; retry after " + o.RetryAfter.String()
}

// Unwrap gives the protocol error.
func (o *Overload) Unwrap() error {
	return &syncproto.Error{Code: syncproto.CodeOverload, Message: "too many batches are waiting: retry later"}
}

// RetryAfter finds the pause that an overloaded server asks for, 0 if err is no
// overload.
func RetryAfter(err error) time.Duration {
	if o, ok := errors.AsType[*Overload](err); ok {
		return o.RetryAfter
	}
	return 0
}

// Authority decides whether an origin may write a record of a collection whose
// home unit is home. It must be a pure function of its arguments.
type Authority interface {
	May(o *store.Origin, collection uint32, home string, within func(unit string, scope []string) bool) bool
}

// Service is the ingest of one server. It is safe for concurrent use. Its
// methods are: Open (constructor), Submit, Rule, MarkSafe, RetryKey,
// VerifyChains, Definitions, Beacon, ValidBeacon, Close.
type Service struct {
	cfg Config
}

// Open loads the definitions from the store, registers this server's own origin
// and starts the writer.
func Open(ctx context.Context, cfg Config) (*Service, error) { return nil, errors.ErrUnsupported }

// Submit takes a batch in and returns once it is durable. It fails as a whole
// with *Overload, CodeDiskFull or CodeInternal, and then took nothing; what is
// wrong with single parts is told in Result.Problems.
func (s *Service) Submit(ctx context.Context, b Batch) (Result, error) {
	return Result{}, errors.ErrUnsupported
}

// Rule makes a ruling: it fills in number, time and signature, applies it and
// appends it to its feed. Centre only.
func (s *Service) Rule(ctx context.Context, r syncproto.Ruling) (syncproto.Ruling, error) {
	return r, errors.ErrUnsupported
}

// MarkSafe gives safe receipts for what the heads cover, after a backup that
// holds it was verified. Centre only.
func (s *Service) MarkSafe(ctx context.Context, heads []syncproto.OriginHeads) error {
	return errors.ErrUnsupported
}

// Beacon gives the centre's time beacon for now; at a point the newest that it
// heard of.
func (s *Service) Beacon() syncproto.BeaconMark { return syncproto.BeaconMark{} }

// Definitions gives the reference data as of the last commit. It is a snapshot
// and never changes.
func (s *Service) Definitions() *Definitions { return nil }

// Close stops taking batches, finishes those under way and stops the writer. It
// does not close the store.
func (s *Service) Close() error { return nil }
