package sheet

import (
	"strconv"
	"strings"
	"time"

	"thonsync/syncproto"
	"thonsync/syncproto/fold"
)

// Date reads a date as offices write it: 20/04/1961, 20-4-1961, 20.4.1961,
// 20041961, 1961-04-20, 4/1961, 1961, or the number of days by which Excel
// stores it. Day comes before month, as everywhere in Vietnam. The second result
// is false if it is none.
func Date(s string) (syncproto.Date, bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return syncproto.Date{}, false
	}
	if at := strings.IndexAny(s, " T"); at > 0 {
		s = s[:at] // a time of day that nobody meant
	}
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == '/' || r == '-' || r == '.' })
	n := make([]int, len(parts))
	for i, p := range parts {
		v, err := strconv.Atoi(p)
		if err != nil || v < 0 {
			return syncproto.Date{}, false
		}
		n[i] = v
	}
	switch {
	case len(parts) == 3 && len(parts[0]) == 4:
		return checked(n[0], n[1], n[2])
	case len(parts) == 3 && len(parts[2]) == 4:
		return checked(n[2], n[1], n[0])
	case len(parts) == 2 && len(parts[1]) == 4:
		return checked(n[1], n[0], 0)
	case len(parts) == 1 && len(s) == 8:
		return checked(n[0]%10_000, n[0]/10_000%100, n[0]/1_000_000)
	case len(parts) == 1 && len(s) == 4:
		return checked(n[0], 0, 0)
	case len(parts) == 1 && len(s) == 5, len(parts) == 2 && len(parts[0]) == 5:
		return serial(n[0])
	}
	return syncproto.Date{}, false
}

// serial turns Excel's day number into a date; day 60 is the 29 February 1900
// that never was, so later days count from 30 December 1899.
func serial(days int) (syncproto.Date, bool) {
	t := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC).AddDate(0, 0, days)
	return checked(t.Year(), int(t.Month()), t.Day())
}

func checked(year, month, day int) (syncproto.Date, bool) {
	d := syncproto.Date{Year: year, Month: month, Day: day}
	if year < 1900 || year > 2100 || month > 12 || day > 31 || month == 0 && day != 0 {
		return syncproto.Date{}, false
	}
	if day > 0 && time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).Day() != day {
		return syncproto.Date{}, false
	}
	return d, true
}

// Sex reads what stands for a sex: "male", "female", "" if it is none.
func Sex(s string) string {
	switch fold.Key(strings.TrimSpace(s)) {
	case "nam", "male", "m", "trai", "1", "x nam":
		return "male"
	case "nu", "female", "f", "gai", "0", "2":
		return "female"
	}
	return ""
}

// Digits gives the digits of a number that spreadsheets have mangled: spaces and
// points taken out, a zero that they cut from the front put back where length
// says that it lacks.
func Digits(s string, length int) string {
	if at := strings.IndexAny(s, "eE"); at > 0 { // 2,18800001E+10
		if f, err := strconv.ParseFloat(strings.ReplaceAll(s, ",", "."), 64); err == nil && f < 1e15 {
			s = strconv.FormatFloat(f, 'f', 0, 64)
		}
	}
	s = strings.TrimSuffix(s, ".0")
	var b strings.Builder
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case r == ' ' || r == '.' || r == '\'' || r == '\u00a0' || r == '-':
		default:
			return ""
		}
	}
	d := b.String()
	if missing := length - len(d); missing > 0 && missing <= 2 && d != "" {
		d = strings.Repeat("0", missing) + d
	}
	if len(d) != length {
		return ""
	}
	return d
}
