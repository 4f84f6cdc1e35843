package clientlib

import (
	"time"

	"golang.org/x/sys/windows"
)

// uptime is the time since the machine started.
func uptime() time.Duration { return windows.DurationSinceBoot() }
