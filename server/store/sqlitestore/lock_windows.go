package sqlitestore

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"

	"thonsync/syncproto"
)

// fileLock keeps a second process from writing to the database. Windows drops
// the lock when the process ends, however it ends.
type fileLock struct{ f *os.File }

func acquireLock(path string) (*fileLock, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, syncproto.Wrap(syncproto.CodeInternal, err, "database lock cannot be opened: check that its folder exists and may be written")
	}
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	if err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{}); err != nil {
		_ = f.Close() // the lock's error is the one that matters
		if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
			return nil, syncproto.Errorf(syncproto.CodeInUse, "another process holds the database: stop it first")
		}
		return nil, syncproto.Wrap(syncproto.CodeInternal, err, "database cannot be locked")
	}
	return &fileLock{f}, nil
}

func (l *fileLock) release() error { return l.f.Close() }
