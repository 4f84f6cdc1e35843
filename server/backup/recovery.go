package backup

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"thonsync/server/keys"
	"thonsync/syncproto"
)

// A backup is encrypted under its period key alone, so that it can be erased by
// destroying that key. For the worst case, a machine and its key folder lost at
// once, each period key also lies beside the backups, encrypted for the offline
// recovery key, and goes when the period key goes.
const wrappedSuffix = ".recovery"

func wrappedPath(folder string, since time.Time) string {
	return filepath.Join(folder, "period-"+stamp(since)+wrappedSuffix)
}

// wrapPeriod puts a period key beside the backups for the recovery key, if there
// is one. It is written at every backup, because the recovery key may be a new
// one.
func (s *Service) wrapPeriod(p period) error {
	if s.cfg.Recovery == nil {
		return nil
	}
	to, err := s.cfg.Recovery()
	if err != nil || to == nil {
		return err
	}
	var b bytes.Buffer
	w, err := age.Encrypt(&b, to)
	if err == nil {
		_, err = io.WriteString(w, p.identity.String()+"\n")
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return fmt.Errorf("encrypting a backup key for recovery: %w", err)
	}
	return keys.WriteFile(wrappedPath(s.cfg.Folder, p.since), b.Bytes())
}

// unwrapOld destroys the wrapped copies of all period keys that are not live.
func (s *Service) unwrapOld(live map[string]bool) error {
	paths, err := filepath.Glob(filepath.Join(s.cfg.Folder, "period-*"+wrappedSuffix))
	if err != nil {
		return err
	}
	for _, path := range paths {
		if live[periodOf(path)] {
			continue
		}
		if err := destroy(path); err != nil {
			return err
		}
	}
	return nil
}

func periodOf(path string) string {
	return strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "period-"), wrappedSuffix)
}

// RecoverPeriods opens the period keys that lie in a folder of backups with the
// recovery key and puts them into the folder of backup keys, beside those that
// are there.
func RecoverPeriods(folder string, recovery age.Identity, keyFolder string) error {
	paths, err := filepath.Glob(filepath.Join(folder, "period-*"+wrappedSuffix))
	if err != nil {
		return err
	}
	if len(paths) == 0 {
		return syncproto.Errorf(syncproto.CodeNotFound, "no backup key for recovery lies in %s: these backups were made before there was a recovery key", folder)
	}
	if err := os.MkdirAll(keyFolder, 0o700); err != nil {
		return fmt.Errorf("making the folder of backup keys: %w", err)
	}
	for _, path := range paths {
		since, err := time.Parse(stampForm, periodOf(path))
		if err != nil {
			continue
		}
		text, err := openWrapped(path, recovery)
		if err != nil {
			return err
		}
		to := periodPath(keyFolder, since)
		if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := keys.WriteFile(to, text); err != nil {
			return err
		}
	}
	return nil
}

func openWrapped(path string, recovery age.Identity) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading a backup key for recovery: %w", err)
	}
	in, err := age.Decrypt(bytes.NewReader(b), recovery)
	if err != nil {
		return nil, syncproto.Errorf(syncproto.CodeUnreadable, "%s does not open with this recovery paper: it is another centre's, or a newer paper was made since", filepath.Base(path))
	}
	return io.ReadAll(io.LimitReader(in, 1<<10))
}
