// Package ingest takes in what other replicas bring: it verifies, places on
// branches, deduplicates, judges, merges, writes the ledger and gives receipts,
// in one transaction per group of batches. A point and the centre run the same
// code; a point cannot open seals and merges what is operational only.
package ingest

import (
	"io"
	"time"

	"thonsync/server/keys"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// Config is what an Ingest needs. All fields without a default are required.
type Config struct {
	Store store.Store
	// Role is credential.RoleCentre or credential.RolePoint.
	Role credential.Role
	// Trust has the key that signs receipts, which at the centre is the centre's
	// and also signs rulings and pages, and the line of the centre's keys.
	Trust *keys.Trust
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
	// Ruled is told of every ruling that this centre has made, once it is durable
	// and before anybody else is; nil for nobody.
	Ruled func(*syncproto.Ruling)
	// Committed is called after every transaction that was kept; nil for nobody.
	// It must not wait.
	Committed func()
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
	Rulings     [][]byte                     // of the centre, outside pages; points only
	Beacon      syncproto.BeaconMark         // of the centre, from a verified answer; points only
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
	// Octets is how much the rows of the batch were once unpacked.
	Octets int
	// Refused tells of receipts and pages that were not taken.
	Refused []error
	// Receipts are for segments that were held already and end inside what is
	// held: the stored receipts end beyond them. They are not stored.
	Receipts [][]byte
}

// Overload says that the queue is full. Its code is CodeOverload.
type Overload struct{ After time.Duration }

// Error says what to do.
func (o *Overload) Error() string {
	return "overload: too many batches are waiting; retry after " + o.After.String()
}

// Unwrap gives the protocol error.
func (o *Overload) Unwrap() error {
	return &syncproto.Error{Code: syncproto.CodeOverload, Message: "too many batches are waiting: retry later"}
}

// RetryAfter is the pause to ask the sender for.
func (o *Overload) RetryAfter() time.Duration { return o.After }

// Authority decides whether an origin may write a record of a collection whose
// home unit is home. It must be a pure function of its arguments.
type Authority interface {
	May(o *store.Origin, collection uint32, home string, within func(unit string, scope []string) bool) bool
}
