//go:build !linux && !android && !darwin && !windows

package clientlib

// diskFree cannot be told here.
func diskFree(string) (uint64, bool) { return 0, false }
