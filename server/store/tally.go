package store

import (
	"github.com/google/uuid"

	"thonsync/syncproto"
)

// Tally counts what one team did in one place in one month; Data is as package
// tally encodes it.
type Tally struct {
	Month int       // months since year 0: 12*year + month - 1, Vietnam's time
	Team  uuid.UUID // uuid.Nil where records name none
	Unit  string    // where it took place, list:code
	Data  []byte
}

// TallyQuery asks for tallies of months From..To; 0 does not narrow. Team
// uuid.Nil means all teams.
type TallyQuery struct {
	From, To int
	Team     uuid.UUID
}

// TeamTally is what a list of teams needs of a team's record, and how many
// members stand.
type TeamTally struct {
	Team     uuid.UUID
	Unit     string // list:code; "" if only members are known
	Name     string
	Standing bool // the record exists and is not void
	Members  int
	Trained  int // attendances at classes, of all members together
}

// Arrival tells when the highest change of an origin arrived first.
type Arrival struct {
	Origin  syncproto.OriginID
	Last    uint64
	FirstMS int64 // Unix ms, this server's clock
}

// TallyReader reads what is counted ahead.
type TallyReader interface {
	// EachTally calls f for the tallies that match q, by month, team and unit.
	EachTally(q TallyQuery, f func(Tally) error) error
	// TallyOf finds one; nil if there is none.
	TallyOf(month int, team uuid.UUID, unit string) ([]byte, error)
	// TeamTallies lists all teams, by id.
	TeamTallies() ([]TeamTally, error)
	// Arrivals lists the newest arrival of every origin, by id.
	Arrivals() ([]Arrival, error)
}

// TallyWriter writes it.
type TallyWriter interface {
	// PutTally adds or replaces a tally; without Data it is deleted.
	PutTally(t Tally) error
	// PutTeamTally adds a team or replaces unit, name and standing; members and
	// trained are added to what is there.
	PutTeamTally(t TeamTally) error
	// AddMembers adds to a team's members and trained; the team need not be known.
	AddMembers(team uuid.UUID, members, trained int) error
	// PutArrival replaces what is known of an origin if Last is higher, or the
	// same and FirstMS earlier.
	PutArrival(a Arrival) error
	// DropTallies forgets everything that is counted ahead, to count it anew.
	DropTallies() error
}
