package words

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"thonsync/syncproto"
)

var dayFirst = regexp.MustCompile(`^(?:(?:(\d{1,2})[/.-])?(\d{1,2})[/.-])?(\d{4})$`)

// ParseDate reads a date as people write it, dd/MM/yyyy, MM/yyyy or yyyy, or as
// it is stored, ISO 8601. Separators may be / . or -.
func ParseDate(s string) (syncproto.Date, bool) {
	s = strings.TrimSpace(s)
	if d, err := syncproto.ParseDate(s); err == nil {
		return d, true
	}
	m := dayFirst.FindStringSubmatch(s)
	if m == nil {
		return syncproto.Date{}, false
	}
	var d syncproto.Date
	d.Day, _ = strconv.Atoi(m[1]) // "" gives 0, unknown
	d.Month, _ = strconv.Atoi(m[2])
	d.Year, _ = strconv.Atoi(m[3])
	if !d.Valid() || (m[2] != "" && d.Month == 0) || (m[1] != "" && d.Day == 0) {
		return syncproto.Date{}, false
	}
	return d, true
}

// ShowDate writes dd/MM/yyyy, or as much of it as is known.
func ShowDate(d syncproto.Date) string {
	switch {
	case d.Year == 0:
		return ""
	case d.Month == 0:
		return fmt.Sprintf("%04d", d.Year)
	case d.Day == 0:
		return fmt.Sprintf("%02d/%04d", d.Month, d.Year)
	default:
		return fmt.Sprintf("%02d/%02d/%04d", d.Day, d.Month, d.Year)
	}
}

// DateOf gives the calendar date of t in its zone.
func DateOf(t time.Time) syncproto.Date {
	return syncproto.Date{Year: t.Year(), Month: int(t.Month()), Day: t.Day()}
}

// ShowTime writes the hour and the date of Unix milliseconds in the zone: "9:30
// hôm nay" on the day of now, else "9:30 23/11/2026".
func (l Lang) ShowTime(ms int64, now time.Time) string {
	t := time.UnixMilli(ms).In(now.Location())
	day := ShowDate(DateOf(t))
	if DateOf(t) == DateOf(now) {
		day = l.T("date.today")
	}
	return fmt.Sprintf("%d:%02d %s", t.Hour(), t.Minute(), day)
}
