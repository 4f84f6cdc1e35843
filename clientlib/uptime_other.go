//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd && !dragonfly && !windows

package clientlib

import "time"

// uptime is the time since the program started, where that is all there is, as
// in a browser: a pause then has to be waited out with the page open.
func uptime() time.Duration { return time.Since(processStart) }
