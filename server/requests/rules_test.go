package requests_test

import (
	"testing"
	"time"

	"thonsync/server/requests"
	"thonsync/syncproto"
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	out, err := time.ParseInLocation("2006-01-02 15:04", s, requests.Zone)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func calendar(t *testing.T, further string) *requests.Calendar {
	t.Helper()
	c, err := requests.NewCalendar([]byte(further))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestDueDates counts as the law does: the day of receipt does not count, the
// answer is due in working days, and what is to be done in days.
func TestDueDates(t *testing.T) {
	for name, c := range map[string]struct {
		kind             requests.Kind
		received         string
		shared, extended bool
		answer, done     string
		further          string
	}{
		"in a plain week":           {requests.See, "2026-03-02 09:00", false, false, "2026-03-04", "2026-03-12", ""},
		"late in the evening":       {requests.See, "2026-03-02 23:59", false, false, "2026-03-04", "2026-03-12", ""},
		"on a Thursday":             {requests.Correct, "2026-03-05 09:00", false, false, "2026-03-09", "2026-03-15", ""},
		"on a Friday":               {requests.Erase, "2026-03-06 09:00", false, false, "2026-03-10", "2026-03-26", ""},
		"on a Saturday":             {requests.Erase, "2026-03-07 09:00", false, false, "2026-03-10", "2026-03-27", ""},
		"before Tết":                {requests.Erase, "2026-02-13 16:00", false, false, "2026-02-24", "2026-03-05", ""},
		"over the end of April":     {requests.Withdraw, "2026-04-29 08:00", false, false, "2026-05-05", "2026-05-14", ""},
		"over Hùng kings' day":      {requests.Object, "2027-04-15 08:00", false, false, "2027-04-20", "2027-04-30", ""},
		"shared with others":        {requests.Withdraw, "2026-03-02 09:00", true, false, "2026-03-04", "2026-03-22", ""},
		"shared, erased":            {requests.Erase, "2026-03-02 09:00", true, false, "2026-03-04", "2026-03-22", ""},
		"extended":                  {requests.Erase, "2026-03-02 09:00", false, true, "2026-03-04", "2026-04-11", ""},
		"the year's notice":         {requests.See, "2026-08-28 09:00", false, false, "2026-09-04", "2026-09-07", "day,off,name\n2026-08-31,yes,nghỉ\n2026-09-01,yes,nghỉ\n2026-08-22,no,làm bù\n2026-09-05,no,x\n"},
		"a Saturday that is worked": {requests.See, "2026-08-20 09:00", false, false, "2026-08-22", "2026-08-30", "2026-08-22,no,làm bù\n"},
		"over New Year":             {requests.See, "2026-12-31 09:00", false, false, "2027-01-05", "2027-01-10", ""},
	} {
		due, err := requests.DueOf(calendar(t, c.further), c.kind, at(t, c.received), c.shared, c.extended)
		if err != nil {
			t.Fatal(name, err)
		}
		if a, d := due.Answer.In(requests.Zone).Format(time.DateOnly), due.Done.In(requests.Zone).Format(time.DateOnly); a != c.answer || d != c.done {
			t.Errorf("%s: answer by %s, done by %s, want %s and %s", name, a, d, c.answer, c.done)
		}
		if end := due.Done.In(requests.Zone).Format("15:04:05"); end != "23:59:59" {
			t.Errorf("%s: due at %s, want the end of the day", name, end)
		}
	}
}

// TestBreachIsCountedInHours holds weekends and holidays against the 72 hours.
func TestBreachIsCountedInHours(t *testing.T) {
	detected := at(t, "2026-02-13 17:30") // the Friday before Tết
	due, err := requests.DueOf(calendar(t, ""), requests.Breach, detected, false, false)
	if err != nil || !due.Done.Equal(detected.Add(72*time.Hour)) || !due.Answer.IsZero() {
		t.Errorf("%+v, %v", due, err)
	}
	if requests.Extendable(requests.Breach) {
		t.Error("the 72 hours can be extended")
	}
	if _, err := requests.DueOf(calendar(t, ""), "other", detected, false, false); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
		t.Errorf("an unknown kind: %v", err)
	}
}

// TestTableOfHolidays refuses what it cannot read, since a due date rests on it.
func TestTableOfHolidays(t *testing.T) {
	for _, bad := range []string{"2026-13-01,yes,x\n", "2026-01-01,perhaps,x\n", "2026-01-01,yes\n", "tomorrow,yes,x\n"} {
		if _, err := requests.NewCalendar([]byte(bad)); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
			t.Errorf("%q: %v", bad, err)
		}
	}
	c := calendar(t, "")
	for year := 2026; year <= 2032; year++ {
		if !c.Knows(year) {
			t.Errorf("the days of Tết %d are missing", year)
		}
	}
	if c.Knows(2040) {
		t.Error("a year that nobody has entered is known")
	}
	for _, day := range []string{"2026-02-16", "2026-02-20", "2027-02-05", "2028-01-26", "2030-02-02", "2026-09-02", "2026-04-30"} {
		if c.Working(at(t, day+" 12:00")) {
			t.Errorf("%s is a working day", day)
		}
	}
	for _, day := range []string{"2026-02-13", "2026-02-23", "2026-09-03"} {
		if !c.Working(at(t, day+" 12:00")) {
			t.Errorf("%s is no working day", day)
		}
	}
}
