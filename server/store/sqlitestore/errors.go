package sqlitestore

import (
	"context"
	"errors"

	sqlite "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"thonsync/syncproto"
)

// classify names an error of the driver by its code. what says what was being
// done. Errors that are typed already, and cancellations, pass as they are.
func classify(err error, what string) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if _, ok := errors.AsType[*syncproto.Error](err); ok {
		return err
	}
	switch code, primary := codes(err); {
	case primary == sqlite3.SQLITE_FULL, code == sqlite3.SQLITE_IOERR_SHMSIZE:
		return syncproto.Wrap(syncproto.CodeDiskFull, err, "disk is full, nothing was taken: free some space and try again")
	case primary == sqlite3.SQLITE_BUSY, primary == sqlite3.SQLITE_LOCKED:
		return syncproto.Wrap(syncproto.CodeOverload, err, "database stayed busy while %s: try again", what)
	case primary == sqlite3.SQLITE_CORRUPT, primary == sqlite3.SQLITE_NOTADB:
		return syncproto.Wrap(syncproto.CodeInternal, err, "database is damaged, seen while %s: restore the last backup, peers will bring the rest", what)
	case primary == sqlite3.SQLITE_CANTOPEN:
		return syncproto.Wrap(syncproto.CodeInternal, err, "database file cannot be opened: check that its folder exists and may be written")
	default:
		return syncproto.Wrap(syncproto.CodeInternal, err, "database error while %s", what)
	}
}

// codes gives the extended and the primary result code, 0 for errors that are
// not SQLite's.
func codes(err error) (extended, primary int) {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code(), e.Code() & 0xff
	}
	return 0, 0
}

// noTransaction tells whether a ROLLBACK failed because SQLite had already
// rolled back. That has the generic code; it can be nothing else, because the
// statement has no other way to fail so.
func noTransaction(err error) bool {
	_, primary := codes(err)
	return primary == sqlite3.SQLITE_ERROR
}

// isDuplicate tells whether a row with this key is there already.
func isDuplicate(err error) bool {
	code, _ := codes(err)
	return code == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
}

func fsyncFailed(err error) bool {
	code, _ := codes(err)
	return code == sqlite3.SQLITE_IOERR_FSYNC || code == sqlite3.SQLITE_IOERR_DIR_FSYNC
}
