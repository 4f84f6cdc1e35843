//go:build unix

package keys

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// exposed says what is wrong with the owner or the mode of a key file; "" if
// nothing is. Root may work on the folder of the user that the server runs as.
func exposed(st, folder fs.FileInfo) string {
	if st.Mode().Perm()&0o077 != 0 {
		return fmt.Sprintf("may be read or written by others (mode %04o)", st.Mode().Perm())
	}
	own := os.Geteuid()
	if own == 0 {
		own = ownerOf(folder)
	}
	if ownerOf(st) != own {
		return "belongs to another user"
	}
	return ""
}

func ownerOf(st fs.FileInfo) int {
	if s, ok := st.Sys().(*syscall.Stat_t); ok {
		return int(s.Uid)
	}
	return os.Geteuid()
}

// handOver gives a file that root writes to the owner of its folder, so that the
// server can still read it.
func handOver(f *os.File, folder string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	st, err := os.Stat(folder)
	if err != nil {
		return err
	}
	s, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return f.Chown(int(s.Uid), int(s.Gid))
}
