// Package reserve makes database files before SQLite does, which would let
// everybody on the machine read them.
package reserve

import "os"

// File makes an empty file at path that only its owner may read, if nothing is
// there; SQLite gives the files beside it the same mode. What is there is not
// even opened: closing it would end the locks that this process has on it. What
// fails here fails when the database is opened, which tells why.
func File(path string) {
	if f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err == nil {
		_ = f.Close() // nothing was written
	}
}
