package store

import (
	"github.com/google/uuid"

	"thonsync/syncproto"
)

// Settlement is a contested field that somebody settled. Times are Unix ms, 0
// for never. It holds no value of any field.
type Settlement struct {
	ID          uuid.UUID // ordered by time
	Batch       uuid.UUID // those settled in one go have one batch
	Record      uuid.UUID
	Unit        string // list:code of the record's home unit
	Compartment syncproto.Compartment
	Field       uint32 // 0 for the retraction
	Name        string // of the field
	// Changes are the settling changes in the centre's own log, none until they are
	// written.
	Changes  []syncproto.Ref
	How      string
	Actor    string
	AtMS     int64
	UndoneBy string
	UndoneMS int64
}

// ConflictReader reads what is contested and what was settled.
type ConflictReader interface {
	// Conflicts lists records with ids greater than after of which a field or the
	// retraction is contested, by id and with their histories; at most limit.
	Conflicts(after uuid.UUID, limit int) ([]Record, error)
	Settlement(id uuid.UUID) (Settlement, bool, error)
	// Settlements lists those before an id (uuid.Nil for the newest), newest first;
	// at most limit.
	Settlements(before uuid.UUID, limit int) ([]Settlement, error)
	// SettlementsOf lists those of one record, newest first.
	SettlementsOf(record uuid.UUID) ([]Settlement, error)
}

// ConflictWriter writes it.
type ConflictWriter interface {
	// PutSettlement adds or replaces.
	PutSettlement(s Settlement) error
}
