package clientlib

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
)

// Check is one finding of Doctor.
type Check struct {
	Name   string // stable word
	OK     bool
	Detail string // English, without personal data
	Fix    string // what to do, "" if OK
}

// Limits of Doctor's checks.
const (
	lowDiskBytes   = 50 << 20
	oldWaitingDays = 7
	clockSlackMS   = 60 * 60 * 1000
)

// Doctor looks for what is wrong and says what to do.
func (d *Device) Doctor(ctx context.Context) ([]Check, error) {
	checks := []Check{d.checkIntegrity(ctx), d.checkChain(ctx), d.checkDisk(), d.checkKeyFile()}
	s, err := d.Status(ctx)
	if err != nil {
		return checks, err
	}
	waiting, err := d.checkWaiting(ctx, s.Waiting)
	if err != nil {
		return checks, err
	}
	return append(checks, d.checkClock(&s), waiting, checkGaps(&s), checkLink(&s)), nil
}

// VerifyChain recomputes both chains of every own origin from the first change.
// It fails with CodeChain at the first change that does not fit.
func (d *Device) VerifyChain(ctx context.Context) error {
	return d.view(ctx, func(ctx context.Context, q changelog.Querier) error {
		for _, id := range d.log.Origins() {
			if err := d.log.Verify(ctx, q, id); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d *Device) checkIntegrity(ctx context.Context) Check {
	c := Check{Name: "integrity", OK: true, Detail: "the database file is whole"}
	err := d.view(ctx, func(ctx context.Context, q changelog.Querier) error {
		var first string
		if err := q.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&first); err != nil {
			return err
		}
		if first != "ok" {
			return syncproto.Errorf(syncproto.CodeChain, "the database file is damaged")
		}
		return nil
	})
	if err != nil {
		c.OK, c.Detail = false, err.Error()
		c.Fix = "export a bundle now, copy the database file away, and ask for help"
	}
	return c
}

func (d *Device) checkChain(ctx context.Context) Check {
	if err := d.VerifyChain(ctx); err != nil {
		return Check{Name: "chain", Detail: err.Error(), Fix: "export a bundle now, copy the database file away, and ask for help"}
	}
	return Check{Name: "chain", OK: true, Detail: "every change fits its chain"}
}

func (d *Device) checkDisk() Check {
	free, ok := diskFree(filepath.Dir(d.opts.Path))
	switch {
	case !ok:
		return Check{Name: "disk", OK: true, Detail: "free space cannot be told on this system"}
	case free < lowDiskBytes:
		return Check{Name: "disk", Detail: fmt.Sprintf("%d MB are free", free>>20), Fix: "delete photographs or programs that are not needed"}
	}
	return Check{Name: "disk", OK: true, Detail: fmt.Sprintf("%d MB are free", free>>20)}
}

func (d *Device) checkKeyFile() Check {
	path, ok := d.opts.Keys.(keyFile)
	if !ok {
		return Check{Name: "key", OK: true, Detail: "the key is in the platform's own store"}
	}
	info, err := os.Stat(string(path))
	switch {
	case err != nil:
		return Check{Name: "key", Detail: "the key file cannot be read", Fix: "put the key file back beside the database before closing this program"}
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return Check{Name: "key", Detail: "others on this machine may read the key file: mode " + info.Mode().Perm().String(),
			Fix: "allow only the owner: chmod 600 on the key file"}
	}
	return Check{Name: "key", OK: true, Detail: "only its owner may read the key file: mode " + info.Mode().Perm().String()}
}

func (d *Device) checkClock(s *Status) Check {
	c := Check{Name: "clock", OK: true, Detail: "no signed time was seen yet"}
	if s.BeaconMS == 0 {
		return c
	}
	now := d.opts.Clock.NowMS()
	c.Detail = fmt.Sprintf("%d minutes ahead of the server at the last exchange", s.ClockOffsetMS/60_000)
	if now < s.BeaconMS-clockSlackMS {
		c.OK, c.Detail = false, "the clock is behind a time that the centre has signed"
	} else if s.ClockOffsetMS > clockSlackMS || s.ClockOffsetMS < -clockSlackMS {
		c.OK = false
	}
	if !c.OK {
		c.Fix = "set date and time to automatic; what was recorded is not lost by a wrong clock"
	}
	return c
}

func (d *Device) checkWaiting(ctx context.Context, waiting int) (Check, error) {
	if waiting == 0 {
		return Check{Name: "waiting", OK: true, Detail: "everything has reached the centre"}, nil
	}
	var oldest int64
	err := d.view(ctx, func(ctx context.Context, q changelog.Querier) error {
		return q.QueryRowContext(ctx, `SELECT MIN(stamp_ms) FROM log_change WHERE mark < $1`, int64(syncproto.MarkReceived)).Scan(&oldest)
	})
	if err != nil {
		return Check{}, err
	}
	days := (d.opts.Clock.NowMS() - oldest) / dayMS
	c := Check{Name: "waiting", OK: days <= oldWaitingDays, Detail: fmt.Sprintf("%d changes wait, the oldest for %d days", waiting, days)}
	if !c.OK {
		c.Fix = "go where there is a signal or to the commune's sync point, or hand a bundle to somebody who goes"
	}
	return c, nil
}

func checkGaps(s *Status) Check {
	if len(s.Gaps) == 0 {
		return Check{Name: "gaps", OK: true, Detail: "nothing is missing in between"}
	}
	var parts []string
	for _, g := range s.Gaps {
		parts = append(parts, fmt.Sprintf("%d-%d", g.First, g.Last))
	}
	return Check{Name: "gaps", Detail: "missing at the centre: changes " + strings.Join(parts, ", "), Fix: "sync again; if they stay missing, export a bundle with everything"}
}

func checkLink(s *Status) Check {
	switch {
	case !s.Joined:
		return Check{Name: "link", Detail: "this device has not joined", Fix: "scan an officer's joining code"}
	case s.Restored > 0:
		return Check{Name: "link", Detail: fmt.Sprintf("this device was restored or cloned %d times", s.Restored), Fix: "ask an officer to enrol it again"}
	}
	return Check{Name: "link", OK: true, Detail: "joined to centre " + s.Centre}
}
