package clientlib

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"thonsync/syncproto"
)

// FileKeyStore keeps the secret in a file that only its owner may read. It
// protects a copy of the database alone: keep backups of the two apart.
func FileKeyStore(path string) KeyStore { return keyFile(path) }

type keyFile string

func (k keyFile) Load(context.Context) (secret [32]byte, found bool, err error) {
	b, err := os.ReadFile(string(k))
	if errors.Is(err, fs.ErrNotExist) {
		return secret, false, nil
	}
	if err != nil {
		return secret, false, syncproto.Wrap(syncproto.CodeInternal, err, "the key file could not be read: check who owns it")
	}
	if raw, err := hex.DecodeString(strings.TrimSpace(string(b))); err == nil && copy(secret[:], raw) == len(secret) {
		return secret, true, nil
	}
	return secret, false, syncproto.Errorf(syncproto.CodeUnreadable, "the key file is damaged: put back the copy that belongs to this database")
}

// Store writes beside the file and renames, so that a crash leaves no half key.
func (k keyFile) Store(_ context.Context, secret [32]byte) error {
	temp := string(k) + ".new"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("writing the key file: %w", err)
	}
	_, err = f.WriteString(hex.EncodeToString(secret[:]) + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(temp, string(k))
	}
	if err != nil {
		return fmt.Errorf("writing the key file: %w", err)
	}
	if dir, err := os.Open(filepath.Dir(string(k))); err == nil {
		// Not every system can sync a directory; the file itself is durable.
		_ = dir.Sync()
		dir.Close()
	}
	return nil
}

// loadSecret gives the device's secret. A new one is made only where there is
// no database that an old one belongs to.
func loadSecret(ctx context.Context, o *Options, fresh bool) ([32]byte, error) {
	secret, found, err := o.Keys.Load(ctx)
	if err != nil || found {
		return secret, err
	}
	if !fresh {
		return secret, syncproto.Errorf(syncproto.CodeUnreadable, "this database's key is missing: put its key file back beside it; without the key it cannot be read")
	}
	if err := fillRandom(o.Rand, secret[:]); err != nil {
		return secret, err
	}
	return secret, o.Keys.Store(ctx, secret)
}
