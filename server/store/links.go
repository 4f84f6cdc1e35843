package store

import (
	"github.com/google/uuid"
)

// KeyedHash is a keyed hash of an identity or telephone number, 16 octets. The
// zero value says that there is none.
type KeyedHash [16]byte

// Person is what the index holds of whom one record is about. Sealed opens with
// a key that the store does not have.
type Person struct {
	Record uuid.UUID
	Unit   string // home unit of the record, list:code
	Number KeyedHash
	Phone  KeyedHash
	Sealed []byte
	Fresh  bool // not compared with others yet
}

// PersonQuery narrows a list of persons. Zero fields do not narrow.
type PersonQuery struct {
	Unit      string
	Number    KeyedHash
	Phone     KeyedHash
	FreshOnly bool
	Limit     int // 0 for no limit
}

// PersonBatch is a group of records whose persons have to be read again.
type PersonBatch struct {
	ID      int64 // rises with every batch
	Records []uuid.UUID
}

// PairState says what was decided of a pair.
type PairState int

// The states.
const (
	PairSuggested PairState = 1 // a person should look
	PairLinked    PairState = 2 // the same person
	PairApart     PairState = 3 // not the same person
)

// Pair is two records, A before B in the order of their octets.
type Pair struct {
	A, B  uuid.UUID
	State PairState
	Exact bool // the same identity number
	Score int  // match weight in hundredths of a bit when it was found
}

// PairQuery narrows a list of pairs, which comes by falling score, then by A and
// B. Zero fields do not narrow. Before is where the page before ended.
type PairQuery struct {
	State     PairState
	ExactOnly bool
	Before    *Pair
	Limit     int // 0 for no limit
}

// Acts of link events.
const (
	LinkMade     = "link"     // said to be the same person
	LinkApart    = "apart"    // said not to be
	LinkUndone   = "undo"     // the decision was taken back
	LinkReopened = "reopened" // a link that no person made lost its ground
	LinkErased   = "erased"   // one of the records was erased
)

// LinkByCentre is the actor where no person decided.
const LinkByCentre = "centre"

// LinkEvent is one thing that was decided of a pair.
type LinkEvent struct {
	ID     int64 // rises with every event
	AtMS   int64
	Actor  string
	Act    string
	Reason string
	A, B   uuid.UUID
}

// LinkReader reads the index of persons and what was decided of pairs.
type LinkReader interface {
	// PersonQueue lists the oldest batches; at most limit.
	PersonQueue(limit int) ([]PersonBatch, error)
	// Person finds what the index holds of a record.
	Person(record uuid.UUID) (Person, bool, error)
	// EachPerson calls f for the persons that match q, by record.
	EachPerson(q PersonQuery, f func(Person) error) error
	// PersonCounts counts indexed persons, those not compared yet, and batches
	// in the queue.
	PersonCounts() (indexed, fresh, queued int, err error)
	// Pair finds one.
	Pair(a, b uuid.UUID) (Pair, bool, error)
	// Pairs lists those that match q.
	Pairs(q PairQuery) ([]Pair, error)
	// PairsOf lists all pairs of one record, by A and B.
	PairsOf(record uuid.UUID) ([]Pair, error)
	// PairCounts counts pairs by state.
	PairCounts() (map[PairState]int, error)
	// LinkEvents lists the newest events of a pair, or of all if a is uuid.Nil,
	// from the newest on; at most limit.
	LinkEvents(a, b uuid.UUID, limit int) ([]LinkEvent, error)
}

// LinkWriter writes them.
type LinkWriter interface {
	// QueuePersons appends a batch.
	QueuePersons(records []uuid.UUID) error
	// UnqueuePersons drops the batches up to one.
	UnqueuePersons(upTo int64) error
	// PutPersons adds or replaces persons. One whose record is absent or erased
	// is left out.
	PutPersons(list []Person) error
	// DropPerson forgets a record's person; false if there was none.
	DropPerson(record uuid.UUID) (bool, error)
	// ClearPersons forgets all, and the queue.
	ClearPersons() error
	// Compared marks persons as compared.
	Compared(records []uuid.UUID) error
	// PutPair adds or replaces a pair.
	PutPair(p Pair) error
	DropPair(a, b uuid.UUID) error
	// AddLinkEvent appends an event; its ID is given by the store.
	AddLinkEvent(e LinkEvent) error
}
