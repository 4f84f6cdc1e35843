package clientlib

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/google/uuid"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// Stranded counts the changes of this device that are neither received at the
// centre nor in a file: what would be lost with it.
func (d *Device) Stranded(ctx context.Context) (n int, err error) {
	err = d.view(ctx, func(ctx context.Context, q changelog.Querier) (err error) {
		n, err = stranded(ctx, q)
		return err
	})
	return n, err
}

func stranded(ctx context.Context, q changelog.Querier) (n int, err error) {
	err = q.QueryRowContext(ctx, `SELECT COUNT(*) FROM log_change c JOIN log_origin o ON o.no = c.origin
LEFT JOIN exported e ON e.origin = o.origin WHERE c.mark < $1 AND c.seq > COALESCE(e.seq, 0)`, int64(syncproto.MarkReceived)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("counting what is not sent: %w", err)
	}
	return n, nil
}

// Heads gives how far each origin of this device has got: what an export that
// begins now will hold at least.
func (d *Device) Heads(ctx context.Context) (list []syncproto.OriginHeads, err error) {
	err = d.view(ctx, func(ctx context.Context, q changelog.Querier) (err error) {
		list, err = d.log.AllHeads(ctx, q)
		return err
	})
	return list, err
}

// Exported notes that what is not received up to the given heads is in a file
// that will outlast this device. Call it once the file is durable.
func (d *Device) Exported(ctx context.Context, upTo []syncproto.OriginHeads) error {
	return d.update(ctx, func(ctx context.Context, q changelog.Querier) error {
		for _, h := range upTo {
			_, err := q.ExecContext(ctx, `INSERT INTO exported (origin, seq) VALUES ($1, $2)
ON CONFLICT (origin) DO UPDATE SET seq = MAX(seq, excluded.seq)`, h.Origin[:], int64(h.Seq))
			if err != nil {
				return fmt.Errorf("noting what is in a file: %w", err)
			}
		}
		return nil
	})
}

// errUnsent says what has to happen before this device's work may be left.
func errUnsent(n int) error {
	return syncproto.Errorf(syncproto.CodeUnsent, "%d changes of this device are neither at the centre nor in a file: sync, or export them into a file first", n)
}

// Reset deletes a device's store with its keys, so that nothing of it can be
// read any more. It fails with CodeUnsent while there is work that would be lost
// with it. The path is that of the options; files of a KeyStore other than the
// default are the caller's.
func Reset(ctx context.Context, opts Options) error {
	d, err := Open(ctx, opts)
	if err != nil {
		return err
	}
	n, err := d.Stranded(ctx)
	if err == nil && n > 0 {
		err = errUnsent(n)
	}
	if err = errors.Join(err, d.Close()); err != nil {
		if n > 0 {
			return errUnsent(n)
		}
		return err
	}
	// The key goes first: without it the rest is unreadable, whenever this is
	// interrupted.
	if opts.Keys == nil {
		if err := shred(opts.Path + ".key"); err != nil {
			return err
		}
	}
	for _, suffix := range []string{"-wal", "-shm", ""} {
		if err := os.Remove(opts.Path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return syncproto.Wrap(syncproto.CodeInternal, err, "a file of this device could not be deleted: delete it by hand; without the key it is unreadable")
		}
	}
	return nil
}

// shred overwrites a small file and deletes it.
func shred(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		var info os.FileInfo
		if info, err = f.Stat(); err == nil {
			_, err = f.WriteAt(make([]byte, info.Size()), 0)
		}
		err = errors.Join(err, f.Sync(), f.Close(), os.Remove(path))
	}
	if err != nil {
		return syncproto.Wrap(syncproto.CodeInternal, err, "the key file could not be deleted: nothing was deleted, check who owns it")
	}
	return nil
}

// joinKey gives the key that a join is for, with its seed where it is a new one.
// A device that was never taken in, or whose origin rests on a handover, joins
// with the key that it writes under. Else it begins anew: what was written under
// the old credential stays under it, whatever team comes next.
func (d *Device) joinKey(ctx context.Context, code string) (key ed25519.PrivateKey, seed []byte, err error) {
	err = d.view(ctx, func(ctx context.Context, q changelog.Querier) error {
		anew, err := d.joinsAnew(ctx, q)
		if err != nil {
			return err
		}
		if !anew {
			key, _ = d.log.Key(d.Origin())
			return nil
		}
		try, err := d.readJoining(ctx, q)
		if err != nil {
			return err
		}
		if try != nil && try.Code == code && len(try.Seed) == ed25519.SeedSize {
			seed = try.Seed
		} else {
			seed = make([]byte, ed25519.SeedSize)
			err = fillRandom(d.opts.Rand, seed)
		}
		key = ed25519.NewKeyFromSeed(seed)
		return err
	})
	return key, seed, err
}

// joinsAnew tells whether the next join is for a new key.
func (d *Device) joinsAnew(ctx context.Context, q changelog.Querier) (bool, error) {
	chain, err := readChain(ctx, q, d.Origin())
	if err != nil || chain == nil {
		return false, err
	}
	revoked, err := readRevocation(ctx, q)
	return revoked != nil || !credential.IsHandover(chain), err
}

// takeIn stores what joining brought, and begins the new origin where there is a
// seed for one. Going to another team waits until nothing would be left behind.
func (d *Device) takeIn(ctx context.Context, q changelog.Querier, seed []byte, w *syncproto.Welcome) error {
	var role, unit string
	var team []byte
	if err := q.QueryRowContext(ctx, `SELECT role, unit, team FROM device`).Scan(&role, &unit, &team); err != nil {
		return fmt.Errorf("reading the device's team: %w", err)
	}
	var now uuid.UUID
	copy(now[:], team)
	if role != "" && (unit != w.Unit || now != w.Team) {
		if n, err := stranded(ctx, q); err != nil || n > 0 {
			return errors.Join(err, errUnsent(n))
		}
	}
	if seed == nil {
		return nil
	}
	_, err := d.log.AddOrigin(ctx, q, ed25519.NewKeyFromSeed(seed))
	return err
}
