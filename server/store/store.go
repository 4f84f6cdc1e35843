// Package store is the contract between a point or centre and the engine that
// keeps its data. Engines live beside it (sqlitestore) and pass one suite of
// tests (storetest). Errors are *syncproto.Error with CodeDiskFull, CodeInUse,
// CodeNewerSchema, CodeOverload (the engine stayed busy) or CodeInternal;
// engines tell them apart by their own codes, never by message text.
package store

import (
	"context"

	"github.com/google/uuid"

	"thonsync/syncproto"
)

// Store keeps everything a point or centre knows. It is safe for concurrent
// use. One process at a time may hold a SQLite store open for writing.
type Store interface {
	// View runs f on one consistent snapshot. f must not keep r, and must end
	// soon: a long view keeps the engine from tidying up.
	View(ctx context.Context, f func(r Reader) error) error
	// Update runs f in a write transaction and commits durably if f returns nil;
	// otherwise nothing f did remains. Updates run one after the other.
	Update(ctx context.Context, f func(tx Tx) error) error
	// Close waits for running transactions and releases the store.
	Close() error
}

// Purger is what an engine implements whose files keep more than the present
// rows.
type Purger interface {
	// Purge makes sure that what was deleted or overwritten is in no file of the
	// engine any more. traces are values that were, to look for; nil stands for
	// anything. It fails with CodeOverload if it has to be called again later.
	Purge(ctx context.Context, traces [][]byte) error
}

// Reader reads inside a transaction. Slices and structs it returns belong to
// the caller. A second result of false means that there is no such row.
type Reader interface {
	OriginReader
	LogReader
	RecordReader
	FeedReader
	CustodyReader
	LinkReader
	MetaReader
	RegisterReader
	ReorganisationReader
	ConflictReader
	TallyReader
	WatchReader
}

// Tx also writes.
type Tx interface {
	Reader
	OriginWriter
	LogWriter
	RecordWriter
	FeedWriter
	CustodyWriter
	LinkWriter
	MetaWriter
	RegisterWriter
	ReorganisationWriter
	ConflictWriter
	TallyWriter
	WatchWriter
}

// OriginReader reads what is known of origins.
type OriginReader interface {
	Origin(id syncproto.OriginID) (Origin, bool, error)
	// Origins lists the origins that match q, by id. See OriginQuery.
	Origins(q OriginQuery) ([]Origin, error)
	// Issued lists the devices that an issuer took in, by seq and device.
	Issued(issuer syncproto.OriginID) ([]Issued, error)
	// IssuedDevice lists what issuers say of one device, by issuer.
	IssuedDevice(device syncproto.OriginID) ([]Issued, error)
}

// OriginWriter writes it.
type OriginWriter interface {
	// PutOrigin adds an origin or replaces key, credentials, role, units, team,
	// commune, label, since and listed; contact columns and counts stay as they are.
	PutOrigin(o Origin) error
	// Contact notes that the origin was heard of; see Contact.
	Contact(c Contact) error
	// AddRepeats adds to the count of changes that arrived again.
	AddRepeats(id syncproto.OriginID, n int) error
	// SetReceiptsRead notes how far the origin had read the receipts log.
	SetReceiptsRead(id syncproto.OriginID, position uint64) error
	// PutIssued adds or replaces what an issuer says of a device.
	PutIssued(i Issued) error
}

// LogReader reads branches, segments and the ledger.
type LogReader interface {
	// Runs lists the held runs of an origin, by branch and first change.
	Runs(origin syncproto.OriginID) ([]Run, error)
	// EachRun calls f for the runs of all origins, by origin, branch and first.
	EachRun(f func(Run) error) error
	// Segments lists segments of one origin that hold changes from q.From to
	// q.To, by first change and arrival. See SegmentQuery.
	Segments(q SegmentQuery) ([]Segment, error)
	// Segment finds one by its number.
	Segment(id int64) (Segment, bool, error)
	// EachSegment calls f for all segments in the order of their numbers,
	// starting after the given one.
	EachSegment(after int64, f func(Segment) error) error
	// Outcomes lists the ledger of one branch, by first change.
	Outcomes(origin syncproto.OriginID, branch uint32) ([]Outcome, error)
	// Waiting lists the ledger lines that wait for the named thing, by origin,
	// branch and first change; at most limit, 0 for all.
	Waiting(needs string, limit int) ([]Outcome, error)
	// OutcomeCounts sums the ledger of one origin, or of all if origin is nil.
	OutcomeCounts(origin *syncproto.OriginID) ([]OutcomeCount, error)
}

// LogWriter writes them.
type LogWriter interface {
	// PutRun adds or replaces the run that starts at (Origin, Branch, First).
	PutRun(r Run) error
	DeleteRun(origin syncproto.OriginID, branch uint32, first uint64) error
	// AddSegment appends a segment and gives its number.
	AddSegment(s Segment) (int64, error)
	// SetSegment replaces data, commits, salts, branch and the sealed and
	// readable flags of a segment.
	SetSegment(s Segment) error
	// MoveBranch gives ledger lines and segments of a held run, first..last of
	// branch from, to branch to. Lines and segments lie wholly inside the run or
	// wholly outside it, except for segments that begin below it.
	MoveBranch(origin syncproto.OriginID, from, to uint32, first, last uint64) error
	// SetOutcome overwrites the ledger of the changes o.First..o.Last; adjacent
	// equal lines become one.
	SetOutcome(o Outcome) error
}

// RecordReader reads records.
type RecordReader interface {
	Record(id uuid.UUID) (Record, bool, error)
	// EachRecord calls f for the records that match q, by id. See RecordQuery.
	EachRecord(q RecordQuery, f func(Record) error) error
}

// RecordWriter writes them.
type RecordWriter interface {
	// InsertRecord adds a record that is not there yet; false if it is.
	InsertRecord(r *Record) (bool, error)
	// InsertRecords adds records in order and gives how many it added before it
	// came to a group of them in which one is there already; from there on the
	// caller goes one by one. It is for bulk: much faster than InsertRecord.
	InsertRecords(list []*Record) (int, error)
	// PutRecord adds or replaces.
	PutRecord(r *Record) error
}

// FeedReader reads feeds and rulings.
type FeedReader interface {
	// FeedHead gives the state of a feed; a feed that nobody wrote to is zero.
	FeedHead(feed string) (FeedHead, error)
	Feeds() ([]FeedHead, error)
	// Entries lists entries after a position, in order; at most limit.
	Entries(feed string, after uint64, limit int) ([]Entry, error)
	// Pages lists pages of the feed's present epoch that start at or after the
	// position, in order; at most limit.
	Pages(feed string, from uint64, limit int) ([]Page, error)
	// PageEnding finds the page of the present epoch whose last entry is to.
	PageEnding(feed string, to uint64) (Page, bool, error)
	Ruling(number uint64) (Ruling, bool, error)
	// Rulings lists rulings after a number, in order; at most limit, 0 for all.
	Rulings(after uint64, limit int) ([]Ruling, error)
	// RulingsOn lists the rulings on one change, by number.
	RulingsOn(origin syncproto.OriginID, seq uint64) ([]Ruling, error)
	LastRuling() (uint64, error)
}

// FeedWriter writes them.
type FeedWriter interface {
	PutFeedHead(h FeedHead) error
	// AddEntry appends at position e.Position, which must be the next.
	AddEntry(e Entry) error
	// AddPage appends a page.
	AddPage(p Page) error
	// DropPages forgets the pages of a feed, to cut them anew.
	DropPages(feed string) error
	// DropFeed forgets entries and pages of a feed, to take a new epoch.
	DropFeed(feed string) error
	PutRuling(r Ruling) error
}

// CustodyReader reads receipts.
type CustodyReader interface {
	// Receipt finds the newest receipt of one kind for one run.
	Receipt(k ReceiptKey) (Receipt, bool, error)
	// Receipts lists receipts in the order of their positions. See ReceiptQuery.
	Receipts(q ReceiptQuery) ([]Receipt, error)
	// ReceiptPosition gives the highest position.
	ReceiptPosition() (uint64, error)
	// Witnesses lists receipts of points for changes of origin at or after seq,
	// by the last change they cover.
	Witnesses(origin syncproto.OriginID, seq uint64) ([]Witness, error)
}

// CustodyWriter writes them.
type CustodyWriter interface {
	// PutReceipt replaces the receipt with the same key and gives it the next
	// position. An equal receipt keeps its position.
	PutReceipt(r Receipt) (uint64, error)
	DeleteReceipt(k ReceiptKey) error
	// AddWitness keeps a point's receipt; one with the same issuer, origin,
	// first and last is kept as it was.
	AddWitness(w Witness) error
}

// MetaReader reads single values and joining codes.
type MetaReader interface {
	Meta(key string) ([]byte, bool, error)
	Counter(name string) (int64, error)
	Counters() (map[string]int64, error)
	Code(hash syncproto.Hash) (Code, bool, error)
	Codes() ([]Code, error)
}

// MetaWriter writes them.
type MetaWriter interface {
	SetMeta(key string, value []byte) error
	// AddCounter adds to a counter and gives its new value.
	AddCounter(name string, n int64) (int64, error)
	PutCode(c Code) error
	DeleteCode(hash syncproto.Hash) error
}
