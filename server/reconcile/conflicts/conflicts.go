// Package conflicts is the queue of contested fields and retractions at the
// centre: it shows every standing value with who wrote it and when it can have
// been, suggests one where there is a reason, and settles by a change of the
// centre's own log that supersedes them all. What a person cannot decide he asks
// the team back.
package conflicts

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib/changelog"
	"thonsync/server/audit"
	"thonsync/server/ingest"
	"thonsync/server/ownlog"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/merge"
)

// Config is what a Service needs; every field is required unless it says
// otherwise.
type Config struct {
	View   func(ctx context.Context, f func(store.Reader) error) error
	Update func(ctx context.Context, f func(store.Tx) error) error
	Ingest *ingest.Service
	// Write writes changes of the own log; nil where nothing is settled, at a point.
	Write func(ctx context.Context, drafts []ownlog.Draft) ([]changelog.Entry, error)
	// Own tells whether an origin is one of the own log.
	Own func(syncproto.OriginID) bool
	// Rule makes a ruling.
	Rule   func(ctx context.Context, r syncproto.Ruling) (syncproto.Ruling, error)
	Audit  audit.Writer
	Now    func() time.Time
	Random io.Reader
}

// Service keeps the queue. It is safe for concurrent use; settling takes turns.
type Service struct {
	cfg Config
	mu  sync.Mutex
}

// New makes a service.
func New(cfg Config) *Service { return &Service{cfg: cfg} }

// Viewer is for whom the queue is shown.
type Viewer struct {
	// Actor stands in the access log.
	Actor string
	// Units are what the viewer may see; nil for everything.
	Units []string
	// Personal says that values of personal fields may be shown and settled.
	Personal bool
}

// Conflict is one contested field of a record, or its contested retraction.
type Conflict struct {
	Record      uuid.UUID `json:"record"`
	Collection  string    `json:"collection"`
	Kind        string    `json:"kind,omitempty"`
	Unit        string    `json:"unit" doc:"home unit, list:code"`
	UnitName    string    `json:"unit_name"`
	Team        uuid.UUID `json:"team,omitzero"`
	Occurred    string    `json:"occurred,omitempty"`
	Field       string    `json:"field" doc:"name of the field; void for the retraction"`
	LabelVI     string    `json:"label_vi,omitempty"`
	LabelEN     string    `json:"label_en,omitempty"`
	Compartment string    `json:"compartment" enum:"operational,personal"`
	Shape       string    `json:"shape" doc:"what conflicts that can be settled alike have in common"`
	// Standing names the standing values; whoever settles sends it back, so that
	// nothing is settled that he has not seen.
	Standing string          `json:"standing"`
	Values   []StandingValue `json:"values"`
	// Hidden says that the texts of the values are left out.
	Hidden     bool        `json:"hidden"`
	Suggested  int         `json:"suggested" doc:"number of the suggested value, 0 for none"`
	Reason     Reason      `json:"reason" doc:"why: identity-number, fuller, officer, later, recorder; empty for no suggestion"`
	Questions  []AskedBack `json:"questions"`
	comp       syncproto.Compartment
	num        uint32
	candidates []merge.Standing
}

// StandingValue is one standing value.
type StandingValue struct {
	Number  int           `json:"number" doc:"from 1; the first is the one that is shown until somebody settles it"`
	Text    string        `json:"text"`
	Empty   bool          `json:"empty" doc:"the field was cleared"`
	LabelVI string        `json:"label_vi,omitempty"`
	LabelEN string        `json:"label_en,omitempty"`
	By      []ValueWriter `json:"by"`
}

// ValueWriter is one change that gives a value. Times are Unix milliseconds, 0 for
// unknown.
type ValueWriter struct {
	Origin     syncproto.OriginID `json:"origin"`
	Seq        uint64             `json:"seq"`
	Author     uuid.UUID          `json:"author,omitzero"`
	AuthorName string             `json:"author_name,omitempty" doc:"only where personal fields are shown"`
	Phone      string             `json:"phone" doc:"label of the device"`
	Role       string             `json:"role"`
	Recorder   bool               `json:"recorder" doc:"wrote the record itself"`
	EarliestMS int64              `json:"earliest_ms" doc:"not written before, by a signed time that the phone had"`
	LatestMS   int64              `json:"latest_ms" doc:"not written after, by its arrival"`
	PhoneMS    int64              `json:"phone_ms" doc:"what the phone's own clock said; it decides nothing"`
}

// AskedBack is what a team was asked about a field.
type AskedBack struct {
	ID      uuid.UUID    `json:"id"`
	Record  uuid.UUID    `json:"record"`
	Field   string       `json:"field"`
	Asks    string       `json:"asks" enum:"which,right,happened"`
	AskedMS int64        `json:"asked_ms"`
	Answers []TeamAnswer `json:"answers"`
	Settled bool         `json:"settled"`
}

// TeamAnswer is what a team answered.
type TeamAnswer struct {
	Answer     string    `json:"answer" enum:"confirmed,corrected,retracted,unknown"`
	Author     uuid.UUID `json:"author,omitzero"`
	Phone      string    `json:"phone"`
	EarliestMS int64     `json:"earliest_ms"`
	LatestMS   int64     `json:"latest_ms"`
}

var errGone = syncproto.Errorf(syncproto.CodeScope, "there is no such thing here")

// sees tells whether a viewer may see a unit.
func (s *Service) sees(v Viewer, unit string) bool {
	return v.Units == nil || s.cfg.Ingest.Definitions().Within(unit, v.Units)
}
