package report

import (
	"time"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// zone is Vietnam's time, without summer time.
var zone = time.FixedZone("UTC+7", 7*60*60)

const monthForm = "2006-01"

// When says to which day a record counts, by what is certain of it: the
// interval in which it was made, between the last signed time that its author
// had seen and its first arrival. floorMS is a time before which nothing can
// have been made, 0 if none is known. The day that the author claims counts
// only inside the interval, so a phone whose clock says 2099 counts in the month
// in which its work arrived. straddles tells that the interval leaves the month
// open.
func When(rec *store.Record, floorMS int64) (day time.Time, straddles bool) {
	hi := time.UnixMilli(rec.LatestMS).In(zone)
	lo, known := hi, rec.EarliestMS > 0
	if known {
		lo = time.UnixMilli(rec.EarliestMS).In(zone)
	} else if floorMS > 0 && floorMS <= rec.LatestMS {
		lo, known = time.UnixMilli(floorMS).In(zone), true
	}
	straddles = !known || monthOf(lo) != monthOf(hi)
	claimed, err := time.ParseInLocation(time.DateOnly, rec.Occurred, zone)
	if err == nil && !claimed.After(hi) && (!known || !claimed.Before(startOfDay(lo))) {
		return claimed, straddles
	}
	return startOfDay(hi), straddles
}

func monthOf(t time.Time) string { return t.Format(monthForm) }

func startOfDay(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}

// monthBounds gives the first and the last day of a month, YYYY-MM.
func monthBounds(text string) (first, last string, err error) {
	t, err := time.ParseInLocation(monthForm, text, zone)
	if err != nil {
		return "", "", syncproto.Errorf(syncproto.CodeInvalidInput, "%q is no month: write it as YYYY-MM", text)
	}
	return t.Format(time.DateOnly), t.AddDate(0, 1, -1).Format(time.DateOnly), nil
}

// ThisMonth gives the month of a time in Vietnam, YYYY-MM.
func ThisMonth(now time.Time) string { return monthOf(now.In(zone)) }

// period works out the first and last moments that a query covers.
func (f *Figures) period() error {
	today := startOfDay(f.MadeAt.In(zone))
	f.To = today.AddDate(0, 0, 1)
	f.From = f.To.AddDate(0, 0, -f.Criteria.PeriodDays)
	from, to := f.Query.From, f.Query.To
	if f.Query.Month != "" {
		if from != "" || to != "" {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "a month says first and last day already: leave one of them out")
		}
		var err error
		if from, to, err = monthBounds(f.Query.Month); err != nil {
			return err
		}
	}
	if to != "" {
		t, err := parseDay(to)
		if err != nil {
			return err
		}
		f.To = t.AddDate(0, 0, 1)
		f.From = f.To.AddDate(0, 0, -f.Criteria.PeriodDays)
	}
	if from != "" {
		t, err := parseDay(from)
		if err != nil {
			return err
		}
		f.From = t
	}
	if !f.From.Before(f.To) {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "the period ends before it begins")
	}
	return nil
}

func parseDay(text string) (time.Time, error) {
	t, err := time.ParseInLocation(time.DateOnly, text, zone)
	if err != nil {
		return t, syncproto.Errorf(syncproto.CodeInvalidInput, "%q is no day: write it as YYYY-MM-DD", text)
	}
	return t, nil
}
