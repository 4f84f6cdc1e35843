package report

import (
	"time"

	"thonsync/server/tally"
	"thonsync/syncproto"
)

// zone is Vietnam's time.
var zone = tally.Zone

const monthForm = "2006-01"

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
