package main

import (
	"context"
	"io"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/syncproto"
)

// device is what this program uses of *clientlib.Device.
type device interface {
	Close() error
	Join(ctx context.Context, uri, label string) (clientlib.Joined, error)
	Record(ctx context.Context, in clientlib.RecordInput) (clientlib.Recorded, error)
	Edit(ctx context.Context, id uuid.UUID, in clientlib.EditInput) ([]clientlib.Warning, error)
	AnswerQuestion(ctx context.Context, id uuid.UUID, in clientlib.AnswerInput) ([]clientlib.Warning, error)
	Void(ctx context.Context, id, person uuid.UUID, reason, note string) error
	Get(ctx context.Context, id uuid.UUID) (clientlib.Record, error)
	List(ctx context.Context, f clientlib.Filter) ([]clientlib.Record, error)
	Custody(ctx context.Context, id uuid.UUID) (clientlib.Custody, error)
	Status(ctx context.Context) (clientlib.Status, error)
	Sync(ctx context.Context) (clientlib.Report, error)
	SetServers(ctx context.Context, urls []string) error
	ExportBundle(ctx context.Context, w io.Writer, opts clientlib.BundleOptions) error
	Heads(ctx context.Context) ([]syncproto.OriginHeads, error)
	Exported(ctx context.Context, upTo []syncproto.OriginHeads) error
	ImportBundle(ctx context.Context, r io.Reader) (clientlib.BundleReport, error)
	Kinds(ctx context.Context) ([]*syncproto.Kind, error)
	Kind(ctx context.Context, code string) (*syncproto.Kind, error)
	Guides(ctx context.Context) ([]clientlib.Guide, error)
	OpenGuide(ctx context.Context, code string) (clientlib.Guide, error)
	Names(ctx context.Context, units []string, teams []uuid.UUID) (clientlib.Names, error)
	People(ctx context.Context) ([]clientlib.Person, error)
	AddPerson(ctx context.Context, id uuid.UUID, name string) error
	SetPIN(ctx context.Context, id uuid.UUID, pin string) error
	ChallengePIN(ctx context.Context, id uuid.UUID) (string, error)
	ResetPIN(ctx context.Context, id uuid.UUID, answer, pin string) error
	LeavePerson(ctx context.Context) error
	SelectPerson(ctx context.Context, id uuid.UUID, pin string) error
	DropPersonal(ctx context.Context, olderThanDays int) (int, error)
	Doctor(ctx context.Context) ([]clientlib.Check, error)
}

// sender is what can be done with a store that a newer program wrote: unsent
// work is never stranded by a program that was set back.
type sender interface {
	Close() error
	Waiting(ctx context.Context) (int, error)
	Sync(ctx context.Context) (clientlib.Report, error)
	ExportBundle(ctx context.Context, w io.Writer) error
}

var (
	_ device = (*clientlib.Device)(nil)
	_ sender = (*clientlib.SendOnly)(nil)
)
