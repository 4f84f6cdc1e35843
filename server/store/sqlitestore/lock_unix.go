//go:build unix

package sqlitestore

import (
	"errors"
	"os"
	"syscall"

	"thonsync/syncproto"
)

// fileLock keeps a second process from writing to the database. SQLite itself
// would let it in, and then two programs would each believe their own picture
// of the definitions. The kernel drops the lock when the process ends, however
// it ends.
type fileLock struct{ f *os.File }

func acquireLock(path string) (*fileLock, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, syncproto.Wrap(syncproto.CodeInternal, err, "database lock cannot be opened: check that its folder exists and may be written")
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close() // the lock's error is the one that matters
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, syncproto.Errorf(syncproto.CodeInUse, "another process holds the database: stop it first")
		}
		return nil, syncproto.Wrap(syncproto.CodeInternal, err, "database cannot be locked")
	}
	return &fileLock{f}, nil
}

func (l *fileLock) release() error { return l.f.Close() }
