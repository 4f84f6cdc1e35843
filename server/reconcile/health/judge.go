package health

import (
	"fmt"
	"time"

	"thonsync/server/report"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// Judge says what is wrong with a device. It is a pure function.
func (r *Rules) Judge(d *Device, now time.Time, label func(syncproto.OriginID) string) (out []Finding) {
	j := &judging{rules: r, d: d, nowMS: now.UnixMilli(), label: label}
	j.branches()
	j.gaps()
	j.kept()
	if d.Retired {
		return j.out // nobody waits for news of it
	}
	j.elsewhere()
	if d.Role == string(credential.RolePoint) {
		j.point()
	} else {
		j.phone()
	}
	j.clock()
	return j.out
}

type judging struct {
	rules *Rules
	d     *Device
	nowMS int64
	label func(syncproto.OriginID) string
	out   []Finding
}

func (j *judging) add(kind Kind, detail string, sinceMS int64, count uint64, what, next report.Text) *Finding {
	d := j.d
	key := string(kind) + ":" + d.Origin.String()
	if detail != "" {
		key += ":" + detail
	}
	j.out = append(j.out, Finding{
		Key: key, Kind: kind, Origin: d.Origin, Role: d.Role, Team: d.Team, TeamName: d.TeamName, Unit: d.Unit, Label: d.Label,
		SinceMS: sinceMS, Count: count, What: what, Next: next,
	})
	return &j.out[len(j.out)-1]
}

func (j *judging) past(sinceMS int64, d time.Duration) bool {
	return j.nowMS-sinceMS > d.Milliseconds()
}

func (j *judging) days(sinceMS int64) int64 {
	return (j.nowMS - sinceMS) / (24 * time.Hour).Milliseconds()
}

func (j *judging) branches() {
	d := j.d
	if d.Branches > 1 {
		j.add(Fork, "", d.HeardMS, d.Forked, text(
			fmt.Sprintf("Máy này có %d bản cùng ghi; %d thay đổi nằm ở nhánh sau.", d.Branches, d.Forked),
			fmt.Sprintf("%d copies of this device have recorded; %d changes are on later branches.", d.Branches, d.Forked)), nextFork).Urgent = true
	}
	if d.Handover && !d.Retired {
		j.add(Restored, "", d.SinceMS, 1, text(
			"Máy được khôi phục hoặc sao chép, đang ghi bằng khoá mới chưa được cấp quyền.",
			"The phone was restored or copied and records under a new key that is not enrolled yet."), nextRestored).Urgent = true
	}
}

func (j *judging) gaps() {
	for _, g := range j.d.Gaps {
		n := g.Last - g.First + 1
		numbers := fmt.Sprintf("%d–%d", g.First, g.Last)
		if n == 1 {
			numbers = fmt.Sprint(g.First)
		}
		f := j.add(Gap, fmt.Sprintf("%d:%d", g.Branch, g.Last), g.KnownMS, n, text(
			fmt.Sprintf("Thiếu %d thay đổi, số %s.", n, numbers), fmt.Sprintf("%d changes are missing, numbers %s.", n, numbers)), nextGap)
		f.Urgent = j.d.Retired || j.past(max(g.KnownMS, 1), j.rules.Quiet)
		if j.d.Retired {
			f.Next = nextGapLost
		}
	}
}

func (j *judging) kept() {
	for _, k := range j.d.Kept {
		kind := Quarantine
		if k.Outcome == syncproto.OutcomeHeld {
			kind = Held
		}
		why, next := reasonText(k.Reason)
		j.add(kind, k.Outcome.String()+":"+string(k.Reason), j.d.HeardMS, k.Changes, text(
			fmt.Sprintf("%d thay đổi %s: %s.", k.Changes, outcomeVI[k.Outcome], why.VI),
			fmt.Sprintf("%d changes %s: %s.", k.Changes, k.Outcome.String(), why.EN)), next).Urgent = k.Reason == syncproto.ReasonUnreadable
	}
}

func (j *judging) elsewhere() {
	for _, e := range j.d.AtPoints {
		if !j.past(e.SinceMS, j.rules.AtPoint) {
			continue
		}
		n, days := e.Last-e.First+1, j.days(e.SinceMS)
		j.add(AtPoint, e.Point.String(), e.SinceMS, n, text(
			fmt.Sprintf("%d thay đổi (đến số %d) đang ở điểm %s đã %d ngày, chưa lên đây.", n, e.Last, j.label(e.Point), days),
			fmt.Sprintf("%d changes (up to number %d) have been at point %s for %d days and are not here.", n, e.Last, j.label(e.Point), days)), nextAtPoint)
	}
}

func (j *judging) phone() {
	d := j.d
	switch {
	case d.HeardMS == 0 && j.past(d.SinceMS, j.rules.Never):
		j.add(NeverHeard, "", d.SinceMS, 0, text(
			fmt.Sprintf("Máy đã ghép %d ngày trước mà chưa gửi lần nào.", j.days(d.SinceMS)),
			fmt.Sprintf("The phone joined %d days ago and has never sent anything.", j.days(d.SinceMS))), nextNever)
	case d.HeardMS == 0:
	case d.Waiting > 0 && j.past(d.HeardMS, j.rules.Backlog):
		j.add(Backlog, "", d.HeardMS, uint64(d.Waiting), text(
			fmt.Sprintf("Lần cuối (%d ngày trước) máy còn %d thay đổi chưa gửi.", j.days(d.HeardMS), d.Waiting),
			fmt.Sprintf("When last heard of (%d days ago) the phone still had %d changes to send.", j.days(d.HeardMS), d.Waiting)), nextBacklog).
			Urgent = j.past(d.HeardMS, j.rules.Quiet)
	case j.past(d.HeardMS, j.rules.Quiet):
		j.add(Quiet, "", d.HeardMS, 0, text(
			fmt.Sprintf("Không có tin từ máy đã %d ngày.", j.days(d.HeardMS)),
			fmt.Sprintf("Nothing has been heard of the phone for %d days.", j.days(d.HeardMS))), nextQuiet)
	}
}

func (j *judging) point() {
	d := j.d
	since := max(d.HeardMS, d.SinceMS)
	quiet, backlog := j.past(since, j.rules.PointQuiet), d.Waiting > 0 && j.past(since, j.rules.Backlog)
	if !quiet && !backlog {
		return
	}
	vi, en := fmt.Sprintf("Điểm không lên mạng đã %d ngày", j.days(since)), fmt.Sprintf("The point was last here %d days ago", j.days(since))
	if d.HeardMS == 0 {
		vi, en = fmt.Sprintf("Điểm đã ghép %d ngày mà chưa liên lạc lần nào", j.days(since)), fmt.Sprintf("The point joined %d days ago and was never here", j.days(since))
	}
	if d.Waiting > 0 {
		vi, en = vi+fmt.Sprintf(", còn %d thay đổi chưa chuyển", d.Waiting), en+fmt.Sprintf(", with %d changes left to bring", d.Waiting)
	}
	if d.ReceiptsBehind > 0 {
		more := ""
		if d.ReceiptsBehind == maxBehind {
			more = "+"
		}
		vi, en = vi+fmt.Sprintf(", chưa nhận %d%s biên nhận", d.ReceiptsBehind, more), en+fmt.Sprintf(", and has not fetched %d%s receipts", d.ReceiptsBehind, more)
	}
	j.add(PointBehind, "", since, uint64(d.Waiting), text(vi+".", en+"."), nextPoint).Urgent = backlog && j.past(since, j.rules.Quiet)
}

func (j *judging) clock() {
	d := j.d
	off := time.Duration(d.OffsetMS) * time.Millisecond
	if d.HeardMS == 0 || off.Abs() <= j.rules.Clock {
		return
	}
	j.add(Clock, "", d.HeardMS, 0, ClockText(off), nextClock)
}

// ClockText says in plain words how wrong a clock is.
func ClockText(off time.Duration) report.Text {
	vi, en := "Máy chạy nhanh ", "The clock is fast by "
	if off < 0 {
		vi, en, off = "Máy chạy chậm ", "The clock is slow by ", -off
	}
	n, u := int64(off/time.Minute), [2]string{"phút", "minutes"}
	for _, x := range []struct {
		size time.Duration
		u    [2]string
	}{{365 * 24 * time.Hour, [2]string{"năm", "years"}}, {24 * time.Hour, [2]string{"ngày", "days"}}, {time.Hour, [2]string{"giờ", "hours"}}} {
		if off >= x.size {
			n, u = int64((off+x.size/2)/x.size), x.u
			break
		}
	}
	if n == 1 {
		u[1] = u[1][:len(u[1])-1]
	}
	return text(fmt.Sprintf("%s%d %s.", vi, n, u[0]), fmt.Sprintf("%s%d %s.", en, n, u[1]))
}
