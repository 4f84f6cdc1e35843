//go:build unix

package server

import "syscall"

// freeBytes gives the space that is left for this user on the disk of a folder.
func freeBytes(dir string) (uint64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return st.Bavail * uint64(st.Bsize), nil
}
