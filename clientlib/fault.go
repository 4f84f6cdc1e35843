package clientlib

import (
	"errors"

	"thonsync/syncproto"
)

// Primary result codes of SQLite that mean something to a person.
const (
	sqliteBusy    = 5
	sqliteLocked  = 6
	sqliteIOErr   = 10
	sqliteCorrupt = 11
	sqliteFull    = 13
	sqliteCantent = 14
	sqliteNotADB  = 26
)

// sqliteCode gives the primary result code of a driver's error, 0 for others.
// Drivers give it through a Code method.
func sqliteCode(err error) int {
	var coded interface{ Code() int }
	if errors.As(err, &coded) {
		return coded.Code() & 0xff
	}
	return 0
}

// storageError gives err as a *syncproto.Error that says what to do. Errors
// that have a code already pass through.
func storageError(err error) error {
	if err == nil {
		return nil
	}
	switch sqliteCode(err) {
	case sqliteBusy, sqliteLocked:
		return syncproto.Wrap(syncproto.CodeInUse, err, "the database is in use by another process: close the other window or program first")
	case sqliteFull:
		return syncproto.Wrap(syncproto.CodeDiskFull, err, "the storage is full and nothing was written: free some space; what is here stays readable and can still be sent")
	case sqliteIOErr:
		return syncproto.Wrap(syncproto.CodeInternal, err, "the storage failed: close the program and open it again before going on")
	case sqliteCorrupt, sqliteNotADB:
		return syncproto.Wrap(syncproto.CodeChain, err, "the database file is damaged: keep it as it is and ask for help")
	case sqliteCantent:
		return syncproto.Wrap(syncproto.CodeInternal, err, "the database file cannot be opened: check that its folder exists and may be written")
	}
	if _, ok := errors.AsType[*syncproto.Error](err); ok {
		return err
	}
	if _, ok := errors.AsType[FieldErrors](err); ok {
		return err
	}
	return syncproto.Wrap(syncproto.CodeInternal, err, "the store failed")
}
