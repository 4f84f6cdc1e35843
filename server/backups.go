package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"thonsync/server/backup"
	"thonsync/server/config"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// openBackup prepares backups where the settings name a folder.
func (n *Node) openBackup() (err error) {
	work := n.path(scratchName)
	// Whatever a crash left there is plain data.
	if err := errors.Join(os.RemoveAll(work), os.MkdirAll(work, 0o700)); err != nil {
		return fmt.Errorf("clearing the scratch folder: %w", err)
	}
	if n.cfg.BackupFolder == "" {
		return nil
	}
	c := backup.Config{
		Folder: n.cfg.BackupFolder, PeriodKeys: n.cfg.BackupKeyFolder(), Work: work,
		Keep: n.cfg.BackupKeep, Period: n.cfg.BackupPeriod, EraseWithin: n.cfg.EraseWithin,
		Copy: n.copyData, Prove: n.proveCopy, Beside: []string{n.path(ordersName), n.path(headsName), n.path(requestsName)},
		Now: n.opts.Now, Random: n.opts.Random, Program: n.opts.Version, Log: n.log,
	}
	if n.role == credential.RoleCentre {
		c.Safe, c.Recovery = n.ingest.MarkSafe, n.keys.RecoveryRecipient
	}
	n.backup, err = backup.New(c)
	return err
}

const scratchName = "scratch"

// copyData writes consistent copies of a running server's files. The store is
// copied first: what the own log has beyond it is submitted again at the next
// start, while the other way round would look like a restored log.
func (n *Node) copyData(ctx context.Context, dir string) error {
	if err := n.syncOrders(ctx); err != nil {
		return err
	}
	if err := n.audit.Copy(filepath.Join(dir, accessName), filepath.Join(dir, headsName)); err != nil {
		return err
	}
	if err := n.store.Backup(ctx, filepath.Join(dir, storeName)); err != nil {
		return err
	}
	if err := n.own.Backup(ctx, filepath.Join(dir, ownLogName)); err != nil {
		return err
	}
	if err := n.accts.Backup(ctx, filepath.Join(dir, accountsDB)); err != nil {
		return err
	}
	if err := n.renewBundle(); err != nil {
		return err
	}
	return n.keys.CopyTo(filepath.Join(dir, keysName))
}

// proveCopy opens a restored folder as a server would and verifies everything in
// it.
func (n *Node) proveCopy(ctx context.Context, dir string) ([]syncproto.OriginHeads, error) {
	cfg := n.cfg
	cfg.Data, cfg.BackupFolder = dir, ""
	c, err := Open(ctx, cfg, n.opts)
	if err != nil {
		return nil, err
	}
	v, err := c.Verify(ctx)
	if err == nil && len(v.Damage) > 0 {
		err = syncproto.Errorf(syncproto.CodeChain, "%d places are damaged, the first: %s", len(v.Damage), v.Damage[0])
	}
	var heads []syncproto.OriginHeads
	if err == nil {
		heads, err = c.heads(ctx)
	}
	return heads, errors.Join(err, c.Close())
}

// heads gives the end of the unbroken run of every origin, on its first branch.
func (n *Node) heads(ctx context.Context) (out []syncproto.OriginHeads, err error) {
	err = n.store.View(ctx, func(r store.Reader) error {
		return r.EachRun(func(run store.Run) error {
			if run.Branch == 0 && run.First == 1 {
				out = append(out, syncproto.OriginHeads{Origin: run.Origin, Heads: run.Last})
			}
			return nil
		})
	})
	return out, err
}

// runBackups makes backups when they are due.
func (n *Node) runBackups(ctx context.Context) {
	for {
		wait := max(0, n.backup.Due(n.cfg.BackupEvery).Sub(n.opts.Now()))
		select {
		case <-ctx.Done():
			return
		case <-n.opts.After(min(wait, n.cfg.BackupEvery)):
		}
		made, err := n.backup.Make(ctx)
		switch {
		case err == nil:
			n.log.InfoContext(ctx, "backup made and restored in a drill", "file", filepath.Base(made.File), "bytes", made.Bytes, "changes", made.Changes)
		case ctx.Err() != nil:
			return
		default:
			n.log.ErrorContext(ctx, "backup failed", "error", err)
			select {
			case <-ctx.Done():
				return
			case <-n.opts.After(backupRetry):
			}
		}
	}
}

// Restore puts a backup into the data folder, which must be empty or missing,
// and opens it once, so that all orders are carried out before anything is
// served.
func Restore(ctx context.Context, cfg config.Config, opts Options, file string) error {
	entries, err := os.ReadDir(cfg.Data)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("looking at the data folder: %w", err)
	}
	for _, e := range entries {
		// The default folder of backup keys lies inside.
		if filepath.Join(cfg.Data, e.Name()) != filepath.Clean(cfg.BackupKeyFolder()) {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "data folder %s is not empty: name an empty one with --data; nothing is overwritten", cfg.Data)
		}
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return fmt.Errorf("making the data folder: %w", err)
	}
	n := &Node{cfg: cfg}
	// The marker comes first: a restore that was cut short is then never served.
	if err := os.WriteFile(n.path(restoredName), nil, 0o600); err != nil {
		return fmt.Errorf("marking the data folder: %w", err)
	}
	if _, err := backup.Unpack(file, cfg.BackupKeyFolder(), cfg.Data); err != nil {
		return err
	}
	for _, name := range []string{ordersName, headsName, requestsName} { // newer than those inside the backup
		if err := backup.CopyBeside(filepath.Dir(file), n.path(name)); err != nil {
			return err
		}
	}
	open, err := Open(ctx, cfg, opts)
	if err != nil {
		return err
	}
	return open.Close()
}

// DestroyPeriods destroys the period keys whose time is over and removes the
// backups that nobody can read any more.
func (n *Node) DestroyPeriods(context.Context) error {
	if n.backup == nil {
		return nil
	}
	return n.backup.Forget()
}
