package store

import (
	"github.com/google/uuid"
)

// Reorganisation is one reorganisation of the units. Times are Unix ms, 0 for
// never.
type Reorganisation struct {
	ID         uuid.UUID
	Name       string
	FromList   string
	ToList     string
	Effective  string // first day of the new units, YYYY-MM-DD
	State      string // planned, applied or reversed
	PlannedMS  int64
	AppliedMS  int64
	ReversedMS int64
	Document   []byte // the two tables, JSON; see package lineage
}

// Reorganised is a record into which a reorganisation wrote: the values of the
// fields before and the ones that it wrote, as syncproto.AppendRow writes rows.
type Reorganised struct {
	Reorganisation uuid.UUID
	Record         uuid.UUID
	Was            []byte
	WasVoid        bool
	Made           bool // the reorganisation made the record
	Wrote          []byte
}

// Placement says to which of the successors of a split commune something of it
// went.
type Placement struct {
	Reorganisation uuid.UUID
	Subject        string // key of a village, "point:" and the origin of a point, "team:" and the record of a team
	From, To       string // list:code
	Before         string // units of a point before, one per line
	Actor          string
	AtMS           int64
}

// ReorganisationReader reads reorganisations.
type ReorganisationReader interface {
	Reorganisation(id uuid.UUID) (Reorganisation, bool, error)
	// Reorganisations lists all, the one planned last first.
	Reorganisations() ([]Reorganisation, error)
	// Reorganised lists the records that one wrote into, by record.
	Reorganised(reorganisation uuid.UUID) ([]Reorganised, error)
	// Placements lists what was placed, by subject.
	Placements(reorganisation uuid.UUID) ([]Placement, error)
}

// ReorganisationWriter writes them.
type ReorganisationWriter interface {
	// PutReorganisation adds or replaces.
	PutReorganisation(r Reorganisation) error
	// DeleteReorganisation forgets one with all that belongs to it.
	DeleteReorganisation(id uuid.UUID) error
	// PutReorganised adds a record or replaces only what was written into it: what
	// it was before stays as it was noted first.
	PutReorganised(r Reorganised) error
	// DeleteReorganised forgets one record.
	DeleteReorganised(reorganisation, record uuid.UUID) error
	// PutPlacement adds or replaces, but keeps what stood in Before first.
	PutPlacement(p Placement) error
	DeletePlacement(reorganisation uuid.UUID, subject string) error
}
