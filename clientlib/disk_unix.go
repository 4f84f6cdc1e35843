//go:build linux || android || darwin

package clientlib

import "syscall"

// diskFree gives the bytes that this user may still write in a folder.
func diskFree(dir string) (uint64, bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, false
	}
	return s.Bavail * uint64(s.Bsize), true
}
