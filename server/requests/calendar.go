package requests

import (
	"bytes"
	_ "embed" // the table of holidays
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"time"

	"thonsync/syncproto"
)

// Zone is where days begin and end: the country has one time zone and no summer
// time.
var Zone = time.FixedZone("UTC+7", 7*60*60)

// holidays lists public holidays: MM-DD for every year, YYYY-MM-DD for one. The
// lunar ones are computed; what a year's notice adds or swaps comes from the
// operator's own table. A day that is missing here makes a due date earlier,
// never later.
//
//go:embed holidays.csv
var holidays []byte

// Calendar tells working days from others. It is never changed once made.
type Calendar struct {
	every map[string]bool // MM-DD: off
	days  map[string]bool // YYYY-MM-DD: off, or with false a working day in spite of all
	names map[string]string
}

// NewCalendar takes the built-in table and an operator's further one, which may
// be empty: CSV with the columns day, off (yes or no) and name. Its rows win, so
// that a year's notice can make a Saturday a working day.
func NewCalendar(further []byte) (*Calendar, error) {
	c := &Calendar{every: make(map[string]bool), days: make(map[string]bool), names: make(map[string]string)}
	if err := c.read(holidays); err != nil {
		return nil, err
	}
	if err := c.read(further); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Calendar) read(table []byte) error {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(table, []byte("\uFEFF"))))
	r.FieldsPerRecord = 3
	for n := 1; ; n++ {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && n == 1 && row[0] == "day" {
			continue
		}
		if err == nil {
			err = c.add(row)
		}
		if err != nil {
			return syncproto.Wrap(syncproto.CodeInvalidInput, err, "line %d of the table of holidays: write day,off,name with a day as YYYY-MM-DD or MM-DD and off as yes or no", n)
		}
	}
}

func (c *Calendar) add(row []string) error {
	if row[1] != "yes" && row[1] != "no" {
		return fmt.Errorf("off is %q", row[1])
	}
	off := row[1] == "yes"
	if _, err := time.Parse("01-02", row[0]); err == nil {
		c.every[row[0]] = off
	} else if _, err := time.Parse(time.DateOnly, row[0]); err == nil {
		c.days[row[0]] = off
	} else {
		return err
	}
	c.names[row[0]] = row[2]
	return nil
}

// Day gives midnight of the day, in Zone, that an instant lies in.
func Day(t time.Time) time.Time {
	y, m, d := t.In(Zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, Zone)
}

// Working tells whether offices work on the day.
func (c *Calendar) Working(day time.Time) bool {
	day = day.In(Zone)
	if off, ok := c.days[day.Format(time.DateOnly)]; ok {
		return !off
	}
	if c.every[day.Format("01-02")] {
		return false
	}
	return day.Weekday() != time.Saturday && day.Weekday() != time.Sunday
}

// AfterWorking gives the n-th working day after a day, which does not count
// itself.
func (c *Calendar) AfterWorking(day time.Time, n int) time.Time {
	for day = Day(day); n > 0; {
		if day = day.AddDate(0, 0, 1); c.Working(day) {
			n--
		}
	}
	return day
}

// Knows tells whether the tables list the days of Tết for a year: without them
// its due dates come out too early.
func (c *Calendar) Knows(year int) bool {
	for day, off := range c.days {
		if off && day[:4] == fmt.Sprintf("%04d", year) {
			return true
		}
	}
	return false
}

// Holiday is a row of the table.
type Holiday struct {
	Day  string `json:"day"`
	Off  bool   `json:"off"`
	Name string `json:"name"`
}

// Holidays lists the tables' rows, unsorted.
func (c *Calendar) Holidays() []Holiday {
	out := make([]Holiday, 0, len(c.names))
	for day, name := range c.names {
		off, dated := c.days[day]
		if !dated {
			off = c.every[day]
		}
		out = append(out, Holiday{day, off, name})
	}
	return out
}
