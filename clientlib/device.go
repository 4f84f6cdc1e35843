package clientlib

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"sync"

	"github.com/google/uuid"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
	"thonsync/syncproto/exchange"
)

// Device is an open store. It is safe for concurrent use. Close it when done.
type Device struct {
	opts Options
	db   *sql.DB
	box  *box
	log  *changelog.Log

	// mu serialises everything that touches the store, which has one connection.
	mu       sync.Mutex
	conn     *pinned
	kinds    map[string]*syncproto.Kind
	acting   *acting // what a new change takes over; nil when it has to be read
	broken   error   // a storage fault after which nothing may be acknowledged
	sendOnly bool

	// syncMu lets one Sync run at a time; it is taken before mu.
	syncMu sync.Mutex
	askers map[string]*exchange.Asker // by server URL
}

// Open opens or makes the device's store. It fails with CodeInUse at once if
// another process holds it and with CodeNewerSchema if a newer program wrote it
// (OpenSendOnly can still send from it then).
func Open(ctx context.Context, opts Options) (*Device, error) {
	d, _, err := open(ctx, opts)
	if err != nil {
		return nil, err
	}
	if err := d.prepareStore(ctx); err != nil {
		d.Close()
		return nil, storageError(err)
	}
	return d, nil
}

// open gives a device without looking at the schema beyond its version.
func open(ctx context.Context, opts Options) (*Device, bool, error) {
	if err := opts.withDefaults(); err != nil {
		return nil, false, err
	}
	db, err := opts.Open(ctx, opts.Path)
	if err != nil {
		return nil, false, storageError(err)
	}
	d := &Device{opts: opts, db: db, askers: make(map[string]*exchange.Asker)}
	version, err := schemaVersion(ctx, db)
	var secret [32]byte
	if err == nil {
		err = d.claim(ctx)
	}
	if err == nil {
		secret, err = loadSecret(ctx, &opts, version == 0)
	}
	if err == nil {
		d.box, err = newBox(secret, opts.Rand)
	}
	if err != nil {
		db.Close()
		return nil, false, storageError(err)
	}
	return d, version == 0, nil
}

// claim takes the exclusive lock now instead of at the first write.
func (d *Device) claim(ctx context.Context) error {
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("claiming the database: %w", err)
	}
	return tx.Rollback()
}

// prepareStore migrates, reads the change log's keys and prepares statements.
func (d *Device) prepareStore(ctx context.Context) error {
	if err := migrate(ctx, d.db); err != nil {
		return err
	}
	if err := d.openLog(ctx); err != nil {
		return err
	}
	if _, ok := d.log.Current(); !ok {
		if err := d.update(ctx, d.firstOrigin); err != nil {
			return err
		}
	}
	if err := d.update(ctx, d.restartPauses); err != nil {
		return err
	}
	return d.view(ctx, d.loadKinds)
}

func (d *Device) openLog(ctx context.Context) (err error) {
	d.log, err = changelog.Open(ctx, d.db, changelog.Options{Cipher: d.box, Rand: d.opts.Rand, NowMS: d.opts.Clock.NowMS})
	return err
}

func (d *Device) firstOrigin(ctx context.Context, q changelog.Querier) error {
	id, err := d.log.NewOrigin(ctx, q)
	if err != nil {
		return err
	}
	_, err = q.ExecContext(ctx, `UPDATE device SET identity = $1 WHERE one = 1`, id[:])
	return err
}

// Close gives the store free.
func (d *Device) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.unpin()
	if err := d.db.Close(); err != nil {
		return syncproto.Wrap(syncproto.CodeInternal, err, "closing the database failed; what was acknowledged is safe")
	}
	return nil
}

// Origin gives the origin that takes new changes.
func (d *Device) Origin() syncproto.OriginID {
	id, _ := d.log.Current()
	return id
}

// view runs read-only work. f must use only q.
func (d *Device) view(ctx context.Context, f func(context.Context, changelog.Querier) error) error {
	return d.locked(ctx, func(ctx context.Context) error { return f(ctx, d.conn) })
}

// update runs f in one durable transaction. f must use only q.
func (d *Device) update(ctx context.Context, f func(context.Context, changelog.Querier) error) error {
	return d.locked(ctx, func(ctx context.Context) error {
		d.acting = nil
		return d.transact(ctx, f)
	})
}

// change runs f, which appends one change to the log, in one durable
// transaction. It is update for what people do all day, and keeps in memory what
// the next change goes on from.
func (d *Device) change(ctx context.Context, f func(context.Context, changelog.Querier) error) error {
	return d.locked(ctx, func(ctx context.Context) error {
		err := d.transact(ctx, f)
		if err == nil {
			d.log.Committed()
		}
		return err
	})
}

// locked runs f alone, with the connection pinned. Work on the store is short
// and is not interrupted half-way: ctx is looked at before it starts.
func (d *Device) locked(ctx context.Context, f func(context.Context) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.broken != nil {
		return d.broken
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if err := d.pin(ctx); err != nil {
		return d.noteFault(err)
	}
	return d.noteFault(f(ctx))
}

// noteFault turns storage errors into typed ones. After a failed read or write
// of the file nothing more is acknowledged until the store is opened anew: the
// system may have thrown away what it failed to write.
func (d *Device) noteFault(err error) error {
	if sqliteCode(err) == sqliteIOErr {
		d.broken = storageError(err)
		return d.broken
	}
	return storageError(err)
}

func fillRandom(r io.Reader, b []byte) error {
	if _, err := io.ReadFull(r, b); err != nil {
		return syncproto.Wrap(syncproto.CodeInternal, err, "no randomness")
	}
	return nil
}

// newUUID makes a random identifier (RFC 9562 version 4) from the device's own
// randomness.
func (d *Device) newUUID() (uuid.UUID, error) {
	return uuid.NewRandomFromReader(d.opts.Rand)
}
