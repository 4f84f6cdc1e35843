package clientlib

import (
	"time"

	"golang.org/x/sys/unix"
)

// uptime is the time since the machine started, sleep included.
func uptime() time.Duration { return sinceStart(unix.CLOCK_BOOTTIME) }
