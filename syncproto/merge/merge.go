// Package merge is the one conflict rule: it tells what a record is, given the
// set of its changes and the set of the centre's rulings. Phone, point and
// centre run this one copy.
//
// Record is pure and total. It looks at no clock, does no I/O, and its answer
// depends on neither the order of its input nor repeats in it. No clock ever
// decides what is kept: a value gives way only to a change whose author had it
// before them. Stamps only decide which of several standing values is shown
// until a person settles them.
//
// All functions are safe for concurrent use. Nothing handed in is changed;
// what comes out shares memory with it and with itself, so it is read only.
package merge

import (
	"bytes"
	"cmp"

	"thonsync/syncproto"
)

// ID names a change: its origin, its number, and the leading octets of its open
// hash. It is what a reference carries, so ID(ref) and syncproto.Ref(id) convert
// one into the other.
type ID struct {
	Origin syncproto.OriginID
	Seq    uint64
	Open   [syncproto.RefOpenBytes]byte // leading octets of o(n)
}

// Compare orders ids by origin, number and open hash.
func (a ID) Compare(b ID) int {
	if c := bytes.Compare(a.Origin[:], b.Origin[:]); c != 0 {
		return c
	}
	if c := cmp.Compare(a.Seq, b.Seq); c != 0 {
		return c
	}
	return bytes.Compare(a.Open[:], b.Open[:])
}

// Change is what the rule needs to know of one change.
//
// Two changes with one ID and different Closed are branches of a fork that
// differ in personal values only: both count. References and the order on a
// branch go by the open hash, so they treat the two alike. A copy with a zero
// Closed is the same change seen by somebody who knows less, and adds nothing
// where a fuller copy is present.
type Change struct {
	ID
	// Closed holds the leading octets of p(n), zero where the replica does not
	// know them.
	Closed [syncproto.RefOpenBytes]byte
	Op     syncproto.Op
	// StampMS is the phone's wall time, Unix ms.
	StampMS int64
	// BeaconMS is the last signed time the author had seen, Unix ms; 0 for none.
	BeaconMS int64
	// Refs are the superseded changes, by compartment.
	Refs [2][]syncproto.Ref
	// Operational and Personal are the rows. Fields that the author's role may
	// not write have to be left out by the caller; so left out, they neither
	// stand nor supersede.
	Operational syncproto.Row
	Personal    syncproto.Row
	// PersonalKnown is false where the replica cannot read the personal row, or
	// no longer has it. Personal is not looked at then.
	PersonalKnown bool
	// NoAuthority says that the author has no authority over this record.
	NoAuthority bool
}

// row gives the row of one compartment.
func (c *Change) row(k syncproto.Compartment) syncproto.Row {
	if k == syncproto.Personal {
		return c.Personal
	}
	return c.Operational
}

// Act is what a ruling does to a change.
type Act uint8

// The acts. A held change neither stands nor supersedes.
const (
	Hold    Act = 1
	Release Act = 2
)

// Ruling is a signed decision of the centre about one change. Of several about
// the same change the one with the highest number counts; the centre numbers
// its rulings without repeats, and should two share a number, hold counts.
type Ruling struct {
	Change ID
	Number uint64 // from 1
	Act    Act
}

// Rulings is the set of rulings that concern one record. The zero value means
// none.
type Rulings struct {
	// Changes may hold rulings about changes that have not arrived, and repeats.
	Changes []Ruling
	// Erased says that the personal values of the record are gone for good, in
	// changes present and still to come.
	Erased bool
}
