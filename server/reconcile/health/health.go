// Package health finds what is wrong on the way from phones to the centre:
// missing numbers, work that is kept apart, phones and points that are quiet or
// have a backlog, clocks that are wrong, copies of one phone; where every unsent
// change was last seen, since when, and what to do next.
package health

import (
	"time"

	"github.com/google/uuid"

	"thonsync/server/report"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// Kind is what a finding is about.
type Kind string

// The kinds of findings about devices, in the order in which they matter.
const (
	Fork        Kind = "fork"         // two copies of one device have recorded under one number
	Restored    Kind = "restored"     // a restored or copied phone goes on under a new key, not enrolled yet
	Gap         Kind = "gap"          // numbers are missing
	Quarantine  Kind = "quarantine"   // changes are kept apart or refused
	Held        Kind = "held"         // changes wait for somebody to release them
	AtPoint     Kind = "at-point"     // a point has receipted changes that are not here
	Backlog     Kind = "backlog"      // a phone said that it has changes to send, and did not come back
	Quiet       Kind = "quiet"        // a phone has not been heard of
	NeverHeard  Kind = "never-heard"  // a phone has joined and never sent anything
	PointBehind Kind = "point-behind" // a point was not here, or has work or receipts left
	Clock       Kind = "clock"        // a device's clock is wrong
)

// Kinds of findings that are not about a device; who makes them says what of.
const (
	TeamStopped  Kind = "team-stopped"  // a team that worked does not any more
	Conflict     Kind = "conflict"      // a record has more than one standing value
	RequestDue   Kind = "request-due"   // a citizen's request is due soon, or overdue
	BackupFailed Kind = "backup-failed" // the last backup failed
)

// Kinds lists all kinds.
func Kinds() []Kind {
	return []Kind{
		BackupFailed, RequestDue, Fork, Restored, Gap, Quarantine, Held, AtPoint, Backlog, Quiet, NeverHeard, PointBehind, Clock, TeamStopped, Conflict,
	}
}

// Rules are the thresholds, all in one place.
type Rules struct {
	// Quiet is how long a phone may be silent. Markets are held weekly, so a team
	// without signal passes one within seven days.
	Quiet time.Duration
	// Never is how long a phone that joined may take to send for the first time.
	Never time.Duration
	// Backlog is how long changes may stay on a phone that said it had them. A
	// phone that was cut off comes back the same day where there is signal.
	Backlog time.Duration
	// AtPoint is how long changes may lie at a point. A point without a line is
	// carried up by file at least weekly; after three days somebody should ask.
	AtPoint time.Duration
	// PointQuiet is how long a point may be silent.
	PointQuiet time.Duration
	// Clock is how wrong a clock may be. Ten minutes is what people notice and
	// what a day's first and last entry could be put on the wrong date by.
	Clock time.Duration
}

// DefaultRules gives the thresholds in use.
func DefaultRules() Rules {
	const day = 24 * time.Hour
	return Rules{Quiet: 7 * day, Never: 3 * day, Backlog: 2 * day, AtPoint: 3 * day, PointQuiet: 3 * day, Clock: 10 * time.Minute}
}

// Device is what is known of one phone or point. Times are Unix ms by this
// server's clock, 0 for never.
type Device struct {
	Origin   syncproto.OriginID
	Role     string
	Team     uuid.UUID
	TeamName string
	Unit     string // list:code
	Label    string
	SinceMS  int64 // issued
	Retired  bool  // revoked, or its device record is void
	Handover bool  // rests on a predecessor's word

	HeardMS  int64              // last contact or arrival by whatever path
	Via      syncproto.OriginID // the point that told of the last contact
	OffsetMS int64              // its clock minus ours
	Waiting  int                // changes it still had to send then

	Head     uint64 // highest change here
	Branches int
	Forked   uint64 // changes on branches that left the first
	Gaps     []Missing
	Kept     []Kept
	AtPoints []Elsewhere
	// ReceiptsBehind is how many receipts a point has not fetched yet; at most
	// maxBehind.
	ReceiptsBehind int
}

// Missing is a run of missing changes of a branch. KnownMS is when the change
// after it arrived.
type Missing struct {
	Branch      uint32
	First, Last uint64
	KnownMS     int64
}

// Kept counts changes of a device that are not accepted.
type Kept struct {
	Outcome syncproto.Outcome
	Reason  syncproto.Reason
	Changes uint64
}

// Elsewhere is work that a point has receipted and that is not here.
type Elsewhere struct {
	Point       syncproto.OriginID
	First, Last uint64
	SinceMS     int64 // by the point's clock
}

// Finding is one thing that is wrong. Its key stays the same while it stands.
type Finding struct {
	Key      string
	Kind     Kind
	Urgent   bool // work may be lost, or the law sets a date
	Origin   syncproto.OriginID
	Role     string
	Team     uuid.UUID
	TeamName string
	Unit     string // list:code; "" for the whole server
	Label    string
	SinceMS  int64 // when it began, as far as that is known
	Count    uint64
	What     report.Text
	Next     report.Text
	// Standing says since when it is known here, and what a person said of it.
	Standing store.Finding
}

// Custody says where changes of a device are, or were last seen.
type Custody struct {
	Where   string // centre, point or phone
	Point   syncproto.OriginID
	Label   string // of the point
	Changes uint64
	SinceMS int64
}

// Custody tells where the device's changes are. here names this server: centre
// or point.
func (d *Device) Custody(here string, label func(syncproto.OriginID) string) []Custody {
	var missing uint64
	for _, g := range d.Gaps {
		missing += g.Last - g.First + 1
	}
	out := []Custody{{Where: here, Changes: d.Head - min(missing, d.Head), SinceMS: d.HeardMS}}
	for _, e := range d.AtPoints {
		out = append(out, Custody{Where: "point", Point: e.Point, Label: label(e.Point), Changes: e.Last - e.First + 1, SinceMS: e.SinceMS})
	}
	if d.Waiting > 0 {
		out = append(out, Custody{Where: "phone", Changes: uint64(d.Waiting), SinceMS: d.HeardMS})
	}
	return out
}
