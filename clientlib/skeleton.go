package clientlib

import (
	"context"
	"database/sql"
	"io"

	"github.com/google/uuid"

	"thonsync/syncproto"
)

var errSkeleton = syncproto.Errorf(syncproto.CodeInternal, "not built yet")

// Device is an open store. Close it when done.
type Device struct{ db *sql.DB }

// Open opens or makes the device's store. It fails with CodeInUse at once if
// another process holds it and with CodeNewerSchema if a newer program wrote it
// (OpenSendOnly can still send from it then).
func Open(ctx context.Context, opts Options) (*Device, error) { return nil, errSkeleton }

// Close gives the store free.
func (d *Device) Close() error { return nil }

// Join takes the device in at the server that an officer's code names:
// thonsync:join?server=URL&centre=FINGERPRINT&code=CODE. label is what the
// officer sees, such as the phone's model; no personal data.
func (d *Device) Join(ctx context.Context, uri, label string) (Joined, error) {
	return Joined{}, errSkeleton
}

// Record stores a new activity.
func (d *Device) Record(ctx context.Context, in RecordInput) (Recorded, error) {
	return Recorded{}, errSkeleton
}

// Edit sets fields of an activity.
func (d *Device) Edit(ctx context.Context, id uuid.UUID, in EditInput) ([]Warning, error) {
	return nil, errSkeleton
}

// Void retracts an activity. reason is mistake, duplicate, test or other; note
// is free text and may be empty.
func (d *Device) Void(ctx context.Context, id, person uuid.UUID, reason, note string) error {
	return errSkeleton
}

// Get gives one activity; CodeNotFound if it is not here.
func (d *Device) Get(ctx context.Context, id uuid.UUID) (Record, error) { return Record{}, errSkeleton }

// List gives a page of activities, newest first.
func (d *Device) List(ctx context.Context, f Filter) ([]Record, error) { return nil, errSkeleton }

// Custody gives the stage of one record.
func (d *Device) Custody(ctx context.Context, id uuid.UUID) (Custody, error) {
	return Custody{}, errSkeleton
}

// CustodySum counts this device's records by stage.
func (d *Device) CustodySum(ctx context.Context) (CustodySum, error) {
	return CustodySum{}, errSkeleton
}

// Status gives the state of the device in short.
func (d *Device) Status(ctx context.Context) (Status, error) { return Status{}, errSkeleton }

// Sync exchanges with the first server that answers until nothing is left. The
// report is valid also where an error is returned.
func (d *Device) Sync(ctx context.Context) (Report, error) { return Report{}, errSkeleton }

// SetServers replaces the list of servers, tried in the given order.
func (d *Device) SetServers(ctx context.Context, urls []string) error { return errSkeleton }

// ExportBundle writes what has not been received yet to a file.
func (d *Device) ExportBundle(ctx context.Context, w io.Writer, opts BundleOptions) error {
	return errSkeleton
}

// ImportBundle takes what a bundle file brings.
func (d *Device) ImportBundle(ctx context.Context, r io.Reader) (BundleReport, error) {
	return BundleReport{}, errSkeleton
}

// Kinds lists the known kinds, by code.
func (d *Device) Kinds(ctx context.Context) ([]*syncproto.Kind, error) { return nil, errSkeleton }

// Kind finds a kind by its code.
func (d *Device) Kind(ctx context.Context, code string) (*syncproto.Kind, error) {
	return nil, errSkeleton
}

// People lists who may use this device.
func (d *Device) People(ctx context.Context) ([]Person, error) { return nil, errSkeleton }

// AddPerson adds a member to this device, or changes the name shown for one.
func (d *Device) AddPerson(ctx context.Context, id uuid.UUID, name string) error { return errSkeleton }

// SetPIN sets or, with an empty pin, removes a person's PIN. The person must
// be the current one if a PIN is set already.
func (d *Device) SetPIN(ctx context.Context, id uuid.UUID, pin string) error { return errSkeleton }

// SelectPerson makes a person the current one; pin is ignored where none is set.
func (d *Device) SelectPerson(ctx context.Context, id uuid.UUID, pin string) error {
	return errSkeleton
}

// DropPersonal removes personal fields of changes that are under a safe mark
// and older than the given days, and says of how many changes.
func (d *Device) DropPersonal(ctx context.Context, olderThanDays int) (int, error) {
	return 0, errSkeleton
}

// Doctor looks for what is wrong and says what to do.
func (d *Device) Doctor(ctx context.Context) ([]Check, error) { return nil, errSkeleton }

// VerifyChain recomputes both chains of every own origin.
func (d *Device) VerifyChain(ctx context.Context) error { return errSkeleton }

// FileKeyStore keeps the secret in a file that only its owner may read.
func FileKeyStore(path string) KeyStore { return nil }

func defaultOpener(ctx context.Context, path string) (*sql.DB, error) { return nil, errSkeleton }

// Parsed is what ParseFields read.
type Parsed struct {
	Operational, Personal syncproto.Row
	Unit, Result          string
	Occurred              syncproto.Date
	Warnings              []Warning
}

// ParseFields reads values by field name for an activity of kind. Its errors
// are FieldErrors.
func ParseFields(kind *syncproto.Kind, values map[string]string) (Parsed, error) {
	return Parsed{}, errSkeleton
}

// FieldError says which rule an input does not fit, never the value.
type FieldError struct {
	Field  string
	VI, EN string
}

// Error gives the English text.
func (e *FieldError) Error() string { return e.Field + ": " + e.EN }

// FieldErrors are all that is wrong with an input.
type FieldErrors []*FieldError

// Error gives the English texts.
func (e FieldErrors) Error() string { return "" }
