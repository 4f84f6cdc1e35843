package tally

import (
	"time"

	"thonsync/server/store"
)

// Zone is Vietnam's time, without summer time.
var Zone = time.FixedZone("UTC+7", zoneMS/1000)

const (
	zoneMS = 7 * 60 * 60 * 1000
	dayMS  = 24 * 60 * 60 * 1000
)

// Day counts days since 1 January 1970 in Vietnam's time.
type Day int32

// DayAt gives the day of a time in Unix milliseconds.
func DayAt(ms int64) Day {
	ms += zoneMS
	if ms < 0 {
		ms -= dayMS - 1
	}
	return Day(ms / dayMS)
}

// DayOf gives the day of a time.
func DayOf(t time.Time) Day { return DayAt(t.UnixMilli()) }

// Time gives the first moment of the day.
func (d Day) Time() time.Time { return time.UnixMilli(int64(d)*dayMS - zoneMS).In(Zone) }

// Split gives the month that the day lies in, counted since year 0, and its
// place in it from 0.
func (d Day) Split() (month, at int) {
	y, m, n := time.Unix(int64(d)*(dayMS/1000), 0).UTC().Date()
	return 12*y + int(m) - 1, n - 1
}

// Month gives the month that the day lies in, counted since year 0.
func (d Day) Month() int {
	month, _ := d.Split()
	return month
}

// FirstOf gives the first day of a month counted since year 0.
func FirstOf(month int) Day {
	t := time.Date(month/12, time.Month(month%12+1), 1, 0, 0, 0, 0, time.UTC)
	return Day(t.Unix() / (dayMS / 1000))
}

// When says to which day a record counts, by what is certain of it: the
// interval in which it was made, between the last signed time that its author
// had seen and its first arrival. floorMS is a time before which nothing can
// have been made, 0 if none is known. The day that the author claims counts
// only inside the interval, so a phone whose clock says 2099 counts in the month
// in which its work arrived. straddles tells that the interval leaves the month
// open.
func When(rec *store.Record, floorMS int64) (day Day, straddles bool) {
	hi := DayAt(rec.LatestMS)
	lo, known := hi, rec.EarliestMS > 0
	if known {
		lo = DayAt(rec.EarliestMS)
	} else if floorMS > 0 && floorMS <= rec.LatestMS {
		lo, known = DayAt(floorMS), true
	}
	straddles = !known || lo != hi && lo.Month() != hi.Month()
	if claimed, ok := parse(rec.Occurred); ok && claimed <= hi && (!known || claimed >= lo) {
		return claimed, straddles
	}
	return hi, straddles
}

// parse reads YYYY-MM-DD; anything less names no day.
func parse(text string) (Day, bool) {
	if len(text) != len(time.DateOnly) {
		return 0, false
	}
	t, err := time.Parse(time.DateOnly, text)
	return Day(t.Unix() / (dayMS / 1000)), err == nil
}
