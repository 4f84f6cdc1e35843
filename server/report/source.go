package report

import (
	"context"
	"time"

	"thonsync/server/ingest"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// Reader is what reports read, in one snapshot; store.Reader has it all.
type Reader interface {
	EachRecord(q store.RecordQuery, f func(store.Record) error) error
	Origins(q store.OriginQuery) ([]store.Origin, error)
	EachRun(f func(store.Run) error) error
	Segments(q store.SegmentQuery) ([]store.Segment, error)
	OutcomeCounts(origin *syncproto.OriginID) ([]store.OutcomeCount, error)
	Rulings(after uint64, limit int) ([]store.Ruling, error)
	Meta(key string) ([]byte, bool, error)
	store.TallyReader
}

// Source gives snapshots and keeps what was published. It must be safe for
// concurrent use.
type Source interface {
	View(ctx context.Context, f func(Reader) error) error
	// KeepFirst stores value under key unless there is one already, and gives the
	// one that is stored.
	KeepFirst(ctx context.Context, key string, value []byte) ([]byte, error)
}

// Definitions is what reports know of units and kinds; a snapshot of package
// ingest has it all.
type Definitions interface {
	Kind(code string) (*syncproto.Kind, bool)
	Unit(key string) (ingest.UnitInfo, bool)
	Ancestors(unit string) []string
	Within(unit string, scope []string) bool
	Commune(unit string) string
}

// Of gives the source that reads a store.
func Of(s store.Store) Source { return storeSource{s} }

type storeSource struct{ store store.Store }

// View runs f on a snapshot of the store.
func (s storeSource) View(ctx context.Context, f func(Reader) error) error {
	return s.store.View(ctx, func(r store.Reader) error { return f(r) })
}

// KeepFirst decides inside one transaction which of two publishers was first.
func (s storeSource) KeepFirst(ctx context.Context, key string, value []byte) (kept []byte, err error) {
	err = s.store.Update(ctx, func(tx store.Tx) error {
		old, ok, err := tx.Meta(key)
		if err != nil {
			return err
		}
		if kept = value; ok {
			kept = old
			return nil
		}
		return tx.SetMeta(key, value)
	})
	return kept, err
}

// Service makes reports. It is safe for concurrent use.
type Service struct {
	Source      Source
	Definitions func() Definitions
	Now         func() time.Time
}
