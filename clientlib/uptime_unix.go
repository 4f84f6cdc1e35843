//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package clientlib

import (
	"time"

	"golang.org/x/sys/unix"
)

// uptime is the time since the machine started. Some systems stop it during
// sleep, which makes a pause longer, never shorter.
func uptime() time.Duration { return sinceStart(unix.CLOCK_MONOTONIC) }
