//go:build unix && !aix && !solaris

package clientlib

import (
	"time"

	"golang.org/x/sys/unix"
)

// sinceStart reads one of the system's clocks that count from its start.
func sinceStart(clock int32) time.Duration {
	var ts unix.Timespec
	if unix.ClockGettime(clock, &ts) != nil {
		return time.Since(processStart)
	}
	return time.Duration(ts.Nano())
}
