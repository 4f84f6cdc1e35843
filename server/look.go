package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"thonsync/server/backup"
	"thonsync/server/scan"
)

// heldKeys gives every key with which something kept here can be read.
func (n *Node) heldKeys() (scan.Keys, error) {
	held, err := n.keys.Held()
	if err != nil {
		return scan.Keys{}, err
	}
	ages, err := backup.Identities(n.cfg.BackupKeyFolder())
	return scan.Keys{Seals: held.Seals, Rows: held.Rows, Ages: ages}, err
}

// scanFiles looks through the data folder octet by octet, databases and their
// logs included, and table by table through consistent copies of the databases.
// Not looked at are the folder of keys, which holds
// nothing else, and the folder that dir, where the scan works, lies in.
func (n *Node) scanFiles(ctx context.Context, s *scan.Scanner, dir string) error {
	skip := []string{n.path(keysName), n.path(scratchName), n.cfg.BackupFolder, n.cfg.BackupKeyFolder()}
	err := filepath.WalkDir(n.cfg.Data, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // gone meanwhile
		case err != nil:
			return err
		case d.IsDir() && same(path, skip):
			return filepath.SkipDir
		case !d.Type().IsRegular():
			return nil
		case strings.HasSuffix(path, ".db"):
			return s.Octets(ctx, path)
		}
		return s.File(ctx, path)
	})
	if err != nil {
		return fmt.Errorf("looking through the data folder: %w", err)
	}
	copies := filepath.Join(dir, "copies")
	if err := os.Mkdir(copies, 0o700); err != nil {
		return fmt.Errorf("making a folder to look in: %w", err)
	}
	if err := n.store.Backup(ctx, filepath.Join(copies, storeName)); err != nil {
		return err
	}
	if err := n.own.Backup(ctx, filepath.Join(copies, ownLogName)); err != nil {
		return err
	}
	return s.Folder(ctx, copies)
}

func same(path string, list []string) bool {
	for _, p := range list {
		if p != "" && filepath.Clean(path) == filepath.Clean(p) {
			return true
		}
	}
	return false
}
