package store

import (
	"crypto/ed25519"

	"github.com/google/uuid"

	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// Origin is what is known of one origin. Times are Unix milliseconds by this
// server's clock unless they say otherwise.
type Origin struct {
	ID          syncproto.OriginID
	Key         ed25519.PublicKey
	Credentials []string // chain up to the centre, the origin's own first
	Role        credential.Role
	Units       []string  // scope, as list:code
	Team        uuid.UUID // uuid.Nil for points and officers
	Commune     string    // the commune above its first unit, "" if none is known
	Label       string
	SinceMS     int64 // issued, by the issuer's clock
	// Listed says that the device counts: the centre issued it, or its issuer's
	// own log names it within what the issuer may. Only the centre looks at it.
	Listed bool

	LastContactMS int64              // 0 for never
	LastVia       syncproto.OriginID // point that told of that contact; zero if it was here
	ClockOffsetMS int64              // its clock minus ours at the last contact
	Waiting       int                // changes it still had to send after the last contact
	ReceiptsRead  uint64             // position of the receipts log that it had read
	Repeats       uint64             // changes that arrived again
}

// OriginQuery narrows a list of origins. Zero fields do not narrow.
type OriginQuery struct {
	After   syncproto.OriginID // ids greater than this
	Limit   int                // 0 for no limit
	Role    credential.Role
	Team    uuid.UUID
	Commune string
}

// Contact is one sign of life of an origin.
type Contact struct {
	Origin        syncproto.OriginID
	AtMS          int64
	Via           syncproto.OriginID // point that tells of it; zero if it was here
	ClockOffsetMS int64
	Waiting       int
}

// Issued is a device that a point took in, as a device record in the point's
// own log says.
type Issued struct {
	Issuer     syncproto.OriginID
	Device     syncproto.OriginID
	Seq        uint64 // of the record's creating change in the issuer's log
	EarliestMS int64  // before which the record was not written, centre's clock
	State      IssuedState
}

// IssuedState is how the centre counts such a device.
type IssuedState int

// The states. A device that was counted stays so.
const (
	IssuedHeard   IssuedState = iota // not counted yet: earlier changes of the issuer are missing
	IssuedCounted                    // within what the issuer may
	IssuedSurplus                    // beyond it
)

// Run is a run of consecutive changes that are held, linked by their hashes. A
// branch is made of its rooted run (First == After+1) and of runs beyond gaps,
// which belong to the branch as far as is known. Per branch:
// highest Last - After = outcomes + gaps.
type Run struct {
	Origin syncproto.OriginID
	Branch uint32 // 0 for the branch that was heard of first
	First  uint64
	Before syncproto.Heads // before First
	Last   syncproto.Heads // heads at the end of the run

	// Parent and After say where the branch left another; both 0 for branch 0.
	Parent uint32
	After  uint64
	// Linked says that the run continues After, that is, nothing is missing
	// before it.
	Linked bool
	// BeaconMS is the last valid time beacon in the run, Unix ms, 0 for none.
	BeaconMS int64
}

// Segment is a stored segment. At the centre Data is the form without the
// sealed compartment once the seal was opened; at a point it is whole until the
// centre's safe receipt.
type Segment struct {
	ID          int64
	Origin      syncproto.OriginID
	Branch      uint32 // of its last change
	First, Last uint64
	Before      syncproto.Heads
	After       syncproto.Heads
	ArrivedMS   int64
	Via         syncproto.OriginID // who brought it
	Sealed      bool               // Data holds the sealed compartment
	Readable    bool               // the seal was opened and matched; centre only
	Data        []byte
	Commits     []byte // 32 octets per change, c(n); nil where not opened
	Salts       []byte // 16 octets per change, zero where dropped; nil where not opened
}

// SegmentQuery asks for segments of Origin that hold any change in From..To
// (To 0: no upper bound). With Branch only those of one branch. MaxBytes stops
// after the segment that reaches it; Limit bounds the number. HeadersOnly
// leaves Data, Commits and Salts out.
type SegmentQuery struct {
	Origin      syncproto.OriginID
	Branch      *uint32
	From, To    uint64
	MaxBytes    int
	Limit       int
	HeadersOnly bool
}

// Outcome is a line of the ledger: what became of a run of changes. Needs names
// what a quarantined change waits for: "kind:CC", "unit:list:code",
// "record:uuid", "schema", "key:hex", "tree"; empty if nothing would cure it.
type Outcome struct {
	Origin      syncproto.OriginID
	Branch      uint32
	First, Last uint64
	Outcome     syncproto.Outcome
	Reason      syncproto.Reason
	Needs       string
}

// OutcomeCount counts changes by branch, outcome and reason.
type OutcomeCount struct {
	Origin  syncproto.OriginID
	Branch  uint32
	Outcome syncproto.Outcome
	Reason  syncproto.Reason
	Changes uint64
}

// Record is the merged state of one record, as far as lists and reports need
// it, and all its changes in History. A row with Exists false holds changes
// that wait, or the tombstone of an erased record that has not arrived.
type Record struct {
	ID         uuid.UUID
	Collection uint32
	Unit       string    // home unit, list:code
	Kind       string    // code of an activity's kind
	Team       uuid.UUID // uuid.Nil if none
	Occurred   string    // YYYY, YYYY-MM or YYYY-MM-DD; "" if unknown
	Result     string
	Author     uuid.UUID          // of the creating change
	Origin     syncproto.OriginID // of the creating change
	StampMS    int64              // of the creating change, the phone's clock
	// EarliestMS and LatestMS bound the time of the creating change by signed
	// time beacons and arrivals; EarliestMS is 0 where no beacon is known.
	EarliestMS, LatestMS int64
	Exists               bool
	Void                 bool
	Conflict             bool // some field or the retraction is contested
	Erased               bool
	Changes              int // changes in History, whatever became of them
	// Operational holds the shown operational values, as syncproto.AppendRow
	// writes them; nil for a record of one change in which they are its row.
	Operational []byte
	History     []byte // see ingest.DecodeHistory
}

// RecordQuery narrows a list of records. Zero fields do not narrow.
type RecordQuery struct {
	After      uuid.UUID // ids greater than this
	Before     uuid.UUID // ids less than this; uuid.Nil for no bound
	Newest     bool      // highest ids first instead of lowest
	Limit      int       // 0 for no limit
	Collection uint32
	Unit       string
	Kind       string
	ExistsOnly bool
	// WithoutHistory leaves History out, for lists and reports.
	WithoutHistory bool
}

// FeedHead is the state of one feed.
type FeedHead struct {
	Feed     string
	Epoch    syncproto.Epoch
	Position uint64         // entries there are
	Cut      uint64         // entries that are in pages
	Page     syncproto.Hash // hash of the newest page, zero for none
	Key      uint64         // lowest number of the centre's key that may sign the next page
}

// Entry is one entry of a feed; Data is as package feed encodes it.
type Entry struct {
	Feed     string
	Position uint64 // from 1
	Data     []byte
}

// Page is a signed page: entries From+1..To.
type Page struct {
	Feed     string
	From, To uint64
	Hash     syncproto.Hash
	Data     []byte
}

// Ruling is a stored ruling.
type Ruling struct {
	Number uint64
	Data   []byte // syncproto.Ruling.Encode
	Kind   syncproto.RulingKind
	Target syncproto.Ref
	Record uuid.UUID
}

// ReceiptKey says what a receipt is about: a run of a branch, by mark and
// issuer. Only the newest of a key is kept, because it covers the older ones.
type ReceiptKey struct {
	Origin syncproto.OriginID
	Branch uint32
	First  uint64
	Mark   syncproto.Mark
	Issuer syncproto.OriginID
}

// Unplaced and above stand in a ReceiptKey for branches that are not known here:
// a point may hear of a receipt before it holds what the receipt ends with.
const Unplaced uint32 = 1 << 30

// Receipt is a receipt to be passed on to its origin. Position rises by at
// least one with every receipt put; it is what a checkpoint of
// syncproto.ReceiptFeed counts.
type Receipt struct {
	ReceiptKey
	Position uint64
	Last     uint64
	Data     []byte // syncproto.Receipt.Encode
}

// ReceiptQuery asks for receipts after a position; with Origins only those of
// the given origins, with Commune only those of origins of one commune. Limit 0
// means no limit.
type ReceiptQuery struct {
	After   uint64
	Origins []syncproto.OriginID
	Commune string
	Limit   int
}

// Witness is a point's receipt: it proves when the changes had reached the
// commune, by the point's clock.
type Witness struct {
	Issuer      syncproto.OriginID
	Origin      syncproto.OriginID
	First, Last uint64
	IssuedMS    int64
	Data        []byte
}

// Code is a joining code. Only its hash is kept. ExpiresMS counts on the clock
// named by Boot; a code of another boot is void.
type Code struct {
	Hash      syncproto.Hash
	Role      credential.Role
	Unit      string
	Team      uuid.UUID
	Members   []byte // as the issuer encodes them; holds no names
	Label     string
	Boot      uuid.UUID
	ExpiresMS int64
	Attempts  int
	Spent     bool
}
