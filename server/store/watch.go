package store

import "github.com/google/uuid"

// Finding is a finding of reconciliation that stands: since when, and what a
// person said of it. Times are Unix ms by this server's clock, 0 for never.
type Finding struct {
	Key         string
	Kind        string
	SinceMS     int64
	DismissedMS int64
	Actor       string // who dismissed it
	Reason      string // why
}

// Question asks a team about records that look as if nobody could have made
// them. Detail is JSON and holds nothing personal.
type Question struct {
	Key        string
	Kind       string
	Team       uuid.UUID
	Unit       string // list:code
	FoundMS    int64
	State      string // open, explained or still-open
	Actor      string
	AnsweredMS int64
	Reason     string
	Detail     []byte
}

// Place is a place in the two orders that other systems follow: how many records
// had come in, and the position of the last one that was written again.
type Place struct {
	Came    uint64
	Rewrote uint64
}

// Placed is a record with the place that whoever has read it has reached.
type Placed struct {
	Place
	Record Record
}

// History tells how far the two orders went when an epoch began.
type History struct {
	Epoch uuid.UUID
	Place
}

// Webhook is somebody who is told of events. Secret is encrypted.
type Webhook struct {
	ID     uuid.UUID
	Name   string
	URL    string
	Secret []byte
	Events []string
	MadeMS int64
	Paused bool
}

// Delivery is one event for one webhook. Its ID stays the same whenever it is
// tried, so that who got it twice can tell.
type Delivery struct {
	ID       uuid.UUID
	Webhook  uuid.UUID
	Event    string
	State    string // waiting, done or dead
	MadeMS   int64
	NextMS   int64 // when it is tried next
	Attempts int
	Answer   string // of the last attempt, for people; "" before
	Body     []byte // JSON
}

// DeliveryQuery narrows a list of deliveries. Zero fields do not narrow.
type DeliveryQuery struct {
	Webhook uuid.UUID
	State   string
	DueMS   int64 // only those to be tried at or before
	Limit   int   // 0 for no limit
}

// WatchReader reads what is watched and who is told.
type WatchReader interface {
	// Findings lists all that stand, by key.
	Findings() ([]Finding, error)
	// Questions lists all, by key; with team only those of one.
	Questions(team uuid.UUID) ([]Question, error)
	// Latest gives the end of the two orders.
	Latest() (Place, error)
	// Placed lists records after a place, at most limit: first those that came in,
	// in their order, then those that were written again, each as it is now and at
	// its last writing only. Who goes on from the last one's place misses nothing.
	Placed(after Place, limit int) ([]Placed, error)
	// Histories lists the epochs, oldest first.
	Histories() ([]History, error)
	// Webhooks lists all, by name and id.
	Webhooks() ([]Webhook, error)
	// Deliveries lists deliveries: those of a state waiting by when they are due,
	// otherwise the newest first.
	Deliveries(q DeliveryQuery) ([]Delivery, error)
}

// WatchWriter writes it.
type WatchWriter interface {
	PutFinding(f Finding) error
	DeleteFinding(key string) error
	PutQuestion(q Question) error
	DeleteQuestion(key string) error
	// BeginHistory notes where in the two orders an epoch began, unless it is known.
	BeginHistory(epoch uuid.UUID, at Place) error
	PutWebhook(w Webhook) error
	// DeleteWebhook forgets it with its deliveries.
	DeleteWebhook(id uuid.UUID) error
	PutDelivery(d Delivery) error
	// DropDeliveries forgets the done ones made before a time.
	DropDeliveries(beforeMS int64) error
}
