package clientlib

import (
	"time"

	"github.com/google/uuid"

	"thonsync/syncproto"
)

// RecordInput is a new activity. Values come either as typed rows, or by field
// name in Fields, or both; a name wins over a row.
type RecordInput struct {
	Person      uuid.UUID      // author; uuid.Nil for the current person
	Kind        string         // code of a known kind
	Unit        string         // list:code; "" for the device's home unit
	Occurred    syncproto.Date // zero for today
	Result      string         // one of the kind's results, or ""
	Operational syncproto.Row  // the kind's own fields
	Personal    syncproto.Row  // person fields and the kind's own
	Fields      map[string]string
}

// Recorded is what Record made.
type Recorded struct {
	ID       uuid.UUID
	Warnings []Warning
}

// Warning is something odd in an input that was taken all the same.
type Warning struct {
	Field  string
	VI, EN string
}

// EditInput sets fields of an activity. Null values in rows, and empty texts in
// Fields, clear a field.
type EditInput struct {
	Person      uuid.UUID // author; uuid.Nil for the current person
	Operational syncproto.Row
	Personal    syncproto.Row
	Fields      map[string]string // by name, as for RecordInput, and unit, occurred, result
}

// FieldValue is one field of a record as shown.
type FieldValue struct {
	Name        string // "" for a field that this program does not know
	Num         uint32
	Compartment syncproto.Compartment
	Value       syncproto.Value
	Text        string            // Value as ParseFields would read it
	Others      []syncproto.Value // further standing values: the field is a conflict
}

// Record is an activity as it stands on this device.
type Record struct {
	ID          uuid.UUID
	Kind        string
	Unit        string
	Occurred    syncproto.Date
	Result      string
	Author      uuid.UUID // of the creating change
	CreatedMS   int64     // stamp of the creating change, Unix ms
	Fields      []FieldValue
	IDTail      string // last three digits, after the identity number was dropped
	Void        bool
	VoidReason  string
	Conflict    bool // at least one field, or the retraction, has several standing values
	Erased      bool
	Partial     bool // personal values are not all known here
	Provisional bool // the centre has not confirmed everything shown
	Own         bool // at least one change was made on this device
	Custody     Custody
}

// Stage says how far a record has got, judged by signed receipts over all its
// changes made on this device.
type Stage int

// The stages, in rising order; StageAskedBack stands apart.
const (
	StageOnPhone   Stage = 0
	StageAtCommune Stage = 1
	StageAtCentre  Stage = 2
	StageSafe      Stage = 3
	StageAskedBack Stage = 4 // the centre has it and needs a person to look
)

// String gives the stable word for s: on-phone, at-commune, at-centre, safe or
// asked-back.
func (s Stage) String() string {
	return [...]string{"on-phone", "at-commune", "at-centre", "safe", "asked-back"}[s]
}

// Custody is the stage with what led to it.
type Custody struct {
	Stage   Stage
	Outcome syncproto.Outcome // set if asked back by a receipt
	Reason  syncproto.Reason
	Changes int // changes made on this device that it was judged by
}

// CustodySum counts records of this device by stage.
type CustodySum [5]int

// Filter selects records for List. The zero Filter gives the newest ones.
type Filter struct {
	SinceMS int64     // created at or after, Unix ms; 0 for all
	Kind    string    // kind code; "" for all
	Text    string    // found in names, numbers and notes without regard to marks and case
	Waiting bool      // only those with changes that have not reached the centre
	Void    bool      // include retracted records
	Limit   int       // 1 to 500; 0 for 50
	Before  uuid.UUID // continue after this record of the page before; uuid.Nil for the first page
}

// Person is somebody who uses this device.
type Person struct {
	ID      uuid.UUID
	Name    string // as shown on this device
	HasPIN  bool
	Current bool
	// LockedUntilMS is when the next PIN may be tried, Unix ms; 0 for at once.
	LockedUntilMS int64
}

// Gap is a run of own changes that the centre named as missing.
type Gap struct {
	Origin      syncproto.OriginID
	First, Last uint64
}

// Status is the state of the device in short.
type Status struct {
	Joined        bool
	Origin        syncproto.OriginID // where new changes go
	Role          string
	Unit          string
	Team          uuid.UUID
	Centre        string // fingerprint of the centre's key
	Servers       []string
	LastServer    string // that answered last
	Waiting       int    // changes not yet received at the centre
	Cargo         int    // segments carried for colleagues
	LastSuccessMS int64  // last exchange that left nothing behind, Unix ms; 0 for never
	DaysSince     int    // whole days since; -1 for never
	LastError     string // of the last Sync, English, "" if it went well
	LastErrorCode syncproto.Code
	Gaps          []Gap
	People        []Person
	ClockOffsetMS int64 // device's clock minus server's, at the last exchange
	BeaconMS      int64 // newest signed time seen, Unix ms
	Custody       CustodySum
	SetAside      int // things received that could not be used
	Restored      int // how often this device found itself restored or cloned
}

// Report is what one Sync did.
type Report struct {
	Server     string // that was used last
	Rounds     int
	Sent       int // changes put into requests
	CargoSent  int // segments carried for colleagues put into requests
	Receipts   int // verified and new
	Pages      int
	Segments   int // of colleagues
	Problems   []SegmentProblem
	Waiting    int  // changes not yet received at the centre
	Finished   bool // nothing was left to send or to fetch
	NewOrigin  bool // the device found itself restored or cloned, and began a new origin
	PeerBehind bool // the server holds less than it had signed for; all was sent again
	DiskFull   bool // answers could not be stored, sending went on
	RetryAfter time.Duration
}

// SegmentProblem is what a server found wrong with one segment.
type SegmentProblem struct {
	Origin      syncproto.OriginID
	First, Last uint64
	Code        syncproto.Code
	Message     string
}

// BundleOptions tell what ExportBundle writes.
type BundleOptions struct {
	// All writes every change, not only those the centre has not received.
	All bool
	// Carry adds what is carried for colleagues, and their receipts.
	Carry bool
}

// BundleReport is what ImportBundle found.
type BundleReport struct {
	Receipts int // verified and new, own and colleagues'
	Pages    int
	Segments int // of colleagues, shown here
	Cargo    int // taken aboard to be delivered
	Skipped  int // entries that did not verify or were not for this device
	Damaged  int // places at which the file is damaged
	Cut      bool
	Problems []string // English, one per skipped entry, without personal data
}

// Check is one finding of Doctor.
type Check struct {
	Name   string // stable word
	OK     bool
	Detail string
	Fix    string // what to do, "" if OK
}

// Joined is the outcome of Join.
type Joined struct {
	Welcome syncproto.Welcome
	Digits  string // six digits that officer and phone compare
	Centre  string // fingerprint of the pinned key
}
