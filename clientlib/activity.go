package clientlib

import (
	"github.com/google/uuid"

	"thonsync/syncproto"
)

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
	Team        uuid.UUID // uuid.Nil for none
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
	Damaged     bool // the stored record does not open; only ID and Custody are told
	Own         bool // at least one change was made on this device
	Custody     Custody
	Questions   []Question // what was asked about it, oldest first
}

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
