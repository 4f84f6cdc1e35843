//go:build unix

package keys

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// exposed says what is wrong with the owner or the mode of a key file; "" if
// nothing is.
func exposed(st fs.FileInfo) string {
	if st.Mode().Perm()&0o077 != 0 {
		return fmt.Sprintf("may be read or written by others (mode %04o)", st.Mode().Perm())
	}
	if own, ok := st.Sys().(*syscall.Stat_t); ok && int(own.Uid) != os.Geteuid() {
		return "belongs to another user"
	}
	return ""
}
