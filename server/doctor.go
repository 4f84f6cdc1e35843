package server

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"thonsync/server/httpapi"
	"thonsync/server/requests"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// Check is one finding of Doctor. Fix says what to type or do; it is empty if
// OK.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	Fix    string `json:"fix,omitempty"`
}

// Bounds beyond which something needs a person.
const (
	maxClockOff  = 2 * time.Minute
	minFreeBytes = 1 << 30
	maxWALBytes  = 256 << 20
	certDays     = 14
	issueDays    = 30 // a point far away may be reached by file only
	issueLeft    = 5
	maxSilence   = 3 * 24 * time.Hour
)

// Doctor looks for what is wrong.
func (n *Node) Doctor(ctx context.Context) ([]Check, error) {
	st, err := n.Status(ctx)
	if err != nil {
		return nil, err
	}
	out := []Check{n.checkDisk(), n.checkWAL(), n.checkIntegrity(ctx), n.checkTallies(ctx), n.checkCertificate(), n.checkBackups(st)}
	if n.role == credential.RolePoint {
		out = append(out, n.checkUpstream(ctx), n.checkClock(st), n.checkBacklog(st), n.checkIssuing(ctx))
	} else {
		points, err := n.checkPoints(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, points)
	}
	if n.requests != nil {
		out = append(out, n.checkRequests(st), n.checkErased(), n.checkHolidays())
	}
	found, err := n.keyChecks(ctx)
	return append(append(out, found...), n.checkGaps(st), n.checkAccess(ctx), n.checkAccounts(ctx)), err
}

func (n *Node) checkRequests(st httpapi.Status) Check {
	r := st.Requests
	c := Check{Name: "requests", OK: r.Overdue == 0, Detail: fmt.Sprintf("%d requests of citizens are open", r.Open)}
	if !c.OK {
		c.Detail += fmt.Sprintf(", %d of them past a date that the law sets", r.Overdue)
		c.Fix = "run `thonsync request list` and begin with the first"
	}
	return c
}

// checkErased tells whether an erased value may still be in a file.
func (n *Node) checkErased() Check {
	if n.ingest.PurgePending() {
		return Check{"erasures", false, "what was erased last may still be in the free space of a file", "end long reports and exports and wait a minute; if it stays, restart `thonsync serve`"}
	}
	return Check{Name: "erasures", OK: true, Detail: "no erased value is left in a file"}
}

func (n *Node) checkHolidays() Check {
	year := n.opts.Now().In(requests.Zone).Year()
	c, err := n.calendar()
	switch {
	case err != nil:
		return Check{"holidays", false, err.Error(), "correct " + n.path(holidaysName)}
	case !c.Knows(year) || !c.Knows(year+1):
		return Check{"holidays", false, fmt.Sprintf("the days of Tết are not known for %d and %d: due dates come out too early", year, year+1), "write them into " + n.path(holidaysName) + " as day,off,name"}
	}
	return Check{Name: "holidays", OK: true, Detail: fmt.Sprintf("known for %d and %d", year, year+1)}
}

func (n *Node) checkDisk() Check {
	free, err := freeBytes(n.cfg.Data)
	c := Check{Name: "disk", OK: err == nil && free >= minFreeBytes, Detail: fmt.Sprintf("%d MB free in %s", free>>20, n.cfg.Data)}
	if err != nil {
		c.Detail = "free space cannot be read: " + err.Error()
	}
	if !c.OK {
		c.Fix = "free space there, or move the folder and start with --data"
	}
	return c
}

func (n *Node) checkWAL() Check {
	st, err := os.Stat(n.path(storeName + "-wal"))
	c := Check{Name: "write-ahead log", OK: true, Detail: "empty"}
	if err != nil {
		return c
	}
	c.Detail = fmt.Sprintf("%d MB", st.Size()>>20)
	if st.Size() > maxWALBytes {
		c.OK, c.Fix = false, "something reads for very long: restart `thonsync serve`"
	}
	return c
}

func (n *Node) checkIntegrity(ctx context.Context) Check {
	var v Verified
	err := integrity(ctx, n.path(storeName), &v)
	switch {
	case err != nil:
		return Check{"integrity", false, err.Error(), "run `thonsync verify`"}
	case len(v.Damage) > 0:
		return Check{"integrity", false, v.Damage[0], "stop the server and run `thonsync --data NEW restore BACKUP`"}
	}
	return Check{Name: "integrity", OK: true, Detail: "the database file is whole"}
}

func (n *Node) checkCertificate() Check {
	switch {
	case n.cfg.TLSCert == "" && len(n.cfg.ACMEDomains) == 0:
		return Check{Name: "certificate", OK: true, Detail: "none used; exchanges protect themselves"}
	case n.cfg.TLSCert == "":
		return Check{Name: "certificate", OK: true, Detail: "renewed by ACME"}
	}
	end, err := certificateEnd(n.cfg.TLSCert)
	if err != nil {
		return Check{"certificate", false, err.Error(), "put a certificate into tls-cert"}
	}
	days := int(end.Sub(n.opts.Now()) / (24 * time.Hour))
	c := Check{Name: "certificate", OK: days >= certDays, Detail: fmt.Sprintf("%d days left", days)}
	if !c.OK {
		c.Fix = "renew it and copy it over the file in tls-cert; no restart is needed"
	}
	return c
}

func (n *Node) checkBackups(st httpapi.Status) Check {
	if st.Backup == nil {
		if n.role == credential.RolePoint {
			return Check{Name: "backups", OK: true, Detail: "none; phones keep everything until the centre has it"}
		}
		return Check{"backups", false, "none are made, so no phone may ever drop personal data", "set --backup-folder to a folder on another disk"}
	}
	if filepath.Dir(n.cfg.BackupKeyFolder()) == filepath.Clean(n.cfg.Data) {
		return Check{"backups", false, "their keys lie in the data folder: one broken disk loses both", "set --backup-keys to a folder on a third medium"}
	}
	age := n.opts.Now().Sub(time.UnixMilli(st.Backup.LastVerifiedMS))
	c := Check{Name: "backups", OK: true, Detail: fmt.Sprintf("%d kept, newest verified %v ago", st.Backup.Kept, age.Round(time.Minute))}
	if st.Backup.LastVerifiedMS == 0 {
		c.Detail = "none was made yet"
	}
	if st.Backup.LastVerifiedMS == 0 || n.cfg.BackupEvery > 0 && age > 2*n.cfg.BackupEvery || st.Backup.LastError != "" {
		c.OK, c.Fix = false, "run `thonsync backup` and read what it says"
	}
	return c
}

func (n *Node) checkUpstream(ctx context.Context) Check {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if _, err := n.opts.Transport.Keys(ctx, n.upstream()); err != nil {
		return Check{"upstream", false, n.upstream() + " does not answer", "check the line; meanwhile carry a file: `thonsync bundle export --up FILE`"}
	}
	return Check{Name: "upstream", OK: true, Detail: n.upstream() + " answers"}
}

func (n *Node) checkClock(st httpapi.Status) Check {
	if st.Upstream.LastAnswerMS == 0 {
		return Check{Name: "clock", OK: true, Detail: "not compared yet: no answer since the start"}
	}
	off := time.Duration(st.Upstream.ClockOffsetMS) * time.Millisecond
	c := Check{Name: "clock", OK: off.Abs() <= maxClockOff, Detail: fmt.Sprintf("%v off the centre's", off.Round(time.Second))}
	if !c.OK {
		c.Fix = "set this machine's clock (Linux: `timedatectl set-ntp true`); nothing was lost by it"
	}
	return c
}

func (n *Node) checkBacklog(st httpapi.Status) Check {
	u := st.Upstream
	c := Check{Name: "backlog", OK: true, Detail: fmt.Sprintf("%d changes wait for the centre", u.Backlog)}
	silent := n.opts.Now().Sub(time.UnixMilli(max(u.LastSuccessMS, st.StartedMS)))
	if u.Backlog > 0 && silent > maxSilence {
		c.OK, c.Fix = false, "carry them by file: `thonsync bundle export --up FILE`, and at the centre `thonsync bundle import FILE`"
	}
	return c
}

// checkIssuing warns before the right to take phones in ends, by time or by
// number.
func (n *Node) checkIssuing(ctx context.Context) Check {
	fix := "at the centre `thonsync point renew " + n.self().String() + "`, then let this point exchange or bring it an answer file"
	d, err := n.mayIssue(ctx, credential.RolePhone)
	switch {
	case syncproto.CodeOf(err) == syncproto.CodeFork:
		return Check{"issuing", false, err.Error(), "at the centre `thonsync code new --role point`, then here `thonsync --data NEW serve --join CODE`"}
	case err != nil:
		return Check{"issuing", false, err.Error(), fix}
	}
	c := Check{Name: "issuing", OK: true, Detail: "phones can be taken in"}
	if left, bounded := d.left(); bounded {
		c.OK = left >= issueLeft
		c.Detail = fmt.Sprintf("%d of %d phones can still be taken in", left, d.Number)
	}
	if !d.Expiry.IsZero() {
		days := int(d.Expiry.Sub(n.earliestNow()) / (24 * time.Hour))
		c.OK = c.OK && days >= issueDays
		c.Detail += fmt.Sprintf(", for %d days", days)
	}
	if !c.OK {
		c.Fix = fix
	}
	return c
}

func (n *Node) checkGaps(st httpapi.Status) Check {
	c := Check{Name: "gaps", OK: st.Missing == 0, Detail: fmt.Sprintf("%d changes are known to exist and have not arrived", st.Missing)}
	if !c.OK {
		c.Fix = "let the phones concerned exchange or bring their bundle; `thonsync status` names them"
	}
	return c
}
