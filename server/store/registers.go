package store

import (
	"github.com/google/uuid"
)

// RegisterProfile is a named way of reading files, JSON.
type RegisterProfile struct {
	Name     string
	Document []byte
}

// Register is a list that somebody else keeps. Document is JSON.
type Register struct {
	ID       uuid.UUID
	Name     string
	Document []byte
	MadeMS   int64
}

// Import states.
const (
	RegisterRunning = "running" // some of its rows may be there
	RegisterDone    = "done"
	RegisterUndone  = "undone"
)

// RegisterImport is one file that was taken into a register.
type RegisterImport struct {
	ID       uuid.UUID
	Register uuid.UUID
	AtMS     int64
	Actor    string
	State    string
	Document []byte // JSON: counts
}

// RegisterRow is one row. Sealed opens with a key that the store does not have.
type RegisterRow struct {
	Register uuid.UUID
	Key      KeyedHash
	Number   KeyedHash
	Unit     string // list:code, "" if unknown
	Commune  string
	Kind     string
	Day      string // YYYY-MM-DD, "" if unknown
	Done     bool
	Gone     bool
	Import   uuid.UUID
	Content  KeyedHash
	Sealed   []byte
}

// RegisterRowQuery narrows a list of rows. Zero fields do not narrow.
type RegisterRowQuery struct {
	Register uuid.UUID
	Commune  string
	Number   KeyedHash
	Import   uuid.UUID
	// State is "found" or "only": whether an activity was found for the row; "gone"
	// for those that a later file does not list. The first two are without the gone.
	State string
	After KeyedHash // keys greater than this, of one register
	Limit int       // 0 for no limit
}

// RegisterVerdict is what a register says of an activity.
type RegisterVerdict int

// The verdicts.
const (
	RegisterConfirmed RegisterVerdict = iota + 1
	RegisterUnconfirmed
	RegisterContradicted
	RegisterNotCovered
)

// RegisterFinding is what one register says of one activity.
type RegisterFinding struct {
	Register uuid.UUID
	Activity uuid.UUID
	Verdict  RegisterVerdict
	Row      KeyedHash // zero for none
	Unit     string
	Commune  string
	Team     uuid.UUID
	Kind     string
	Occurred string
	Reasons  string // fields that disagree, by commas
	Exact    bool   // found by the identity number
	Score    int    // hundredths of a bit
}

// RegisterFindingQuery narrows a list of findings, which comes by activity. Zero
// fields do not narrow.
type RegisterFindingQuery struct {
	Register uuid.UUID
	Activity uuid.UUID
	Row      KeyedHash
	Verdict  RegisterVerdict
	Unit     string
	Commune  string
	Team     uuid.UUID
	After    uuid.UUID
	Limit    int // 0 for no limit
}

// RegisterSum counts findings of one team in one unit.
type RegisterSum struct {
	Unit    string
	Commune string
	Team    uuid.UUID
	Verdict RegisterVerdict
	Number  int
}

// RegisterRowSum counts rows of one commune.
type RegisterRowSum struct {
	Commune           string
	Found, Only, Gone int
}

// RegisterWork has something compared again: all activities of a commune, or the
// named ones.
type RegisterWork struct {
	ID      int64 // rises with every piece
	Commune string
	Records []uuid.UUID
}

// RegisterReader reads registers.
type RegisterReader interface {
	// RegisterProfiles lists all, by name.
	RegisterProfiles() ([]RegisterProfile, error)
	// Registers lists all, by name.
	Registers() ([]Register, error)
	// RegisterImports lists the imports of a register, the newest first.
	RegisterImports(register uuid.UUID) ([]RegisterImport, error)
	RegisterRow(register uuid.UUID, key KeyedHash) (RegisterRow, bool, error)
	// EachRegisterRow calls f for the rows that match q, by key within a register.
	EachRegisterRow(q RegisterRowQuery, f func(RegisterRow) error) error
	// EachRegisterPast calls f for all earlier forms of rows.
	EachRegisterPast(f func(RegisterRow) error) error
	// RegisterErased tells whether a hash stands for somebody who was erased.
	RegisterErased(h KeyedHash) (bool, error)
	// EachRegisterFinding calls f for the findings that match q.
	EachRegisterFinding(q RegisterFindingQuery, f func(RegisterFinding) error) error
	// RegisterSums counts the findings of a register by unit, team and verdict.
	RegisterSums(register uuid.UUID) ([]RegisterSum, error)
	// RegisterRowSums counts the rows of a register by commune.
	RegisterRowSums(register uuid.UUID) ([]RegisterRowSum, error)
	// RegisterQueue lists the oldest pieces of work; at most limit.
	RegisterQueue(limit int) ([]RegisterWork, error)
}

// RegisterWriter writes them.
type RegisterWriter interface {
	// PutRegisterProfile adds or replaces; an empty document deletes.
	PutRegisterProfile(p RegisterProfile) error
	// PutRegister adds or replaces.
	PutRegister(r Register) error
	// DeleteRegister forgets a register with all that belongs to it, and gives
	// what was encrypted of its rows.
	DeleteRegister(id uuid.UUID) (sealed [][]byte, err error)
	PutRegisterImport(i RegisterImport) error
	// PutRegisterRow adds or replaces a row. What it replaces is kept as the past
	// of row.Import, unless that import itself wrote it.
	PutRegisterRow(row RegisterRow) error
	// UndoRegisterRows puts back what an import replaced and deletes what it
	// brought, at most limit rows; it gives the rows as they were before and how
	// many they are.
	UndoRegisterRows(register, imported uuid.UUID, limit int) ([]RegisterRow, error)
	// DropRegisterRows deletes all rows and pasts of a register, but keeps it and
	// its findings; it gives what was encrypted.
	DropRegisterRows(register uuid.UUID) (sealed [][]byte, err error)
	// EraseRegisterRows deletes the rows and pasts with an identity number, or of
	// one register and key; it gives them.
	EraseRegisterRows(number KeyedHash, register uuid.UUID, key KeyedHash) ([]RegisterRow, error)
	// PutRegisterErased has a hash stand for somebody who was erased.
	PutRegisterErased(h KeyedHash) error
	// PutRegisterFinding adds or replaces; one without a verdict is deleted, and so
	// is one whose activity is absent or erased.
	PutRegisterFinding(f RegisterFinding) error
	// DropRegisterFindings deletes the findings of an activity.
	DropRegisterFindings(activity uuid.UUID) error
	// QueueRegisterWork appends a piece; its ID is given by the store.
	QueueRegisterWork(w RegisterWork) error
	// UnqueueRegisterWork drops the pieces up to one.
	UnqueueRegisterWork(upTo int64) error
}
