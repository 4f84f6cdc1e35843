package province

import (
	"math/rand/v2"
	"time"
)

const (
	minuteMS = 60 * 1000
	dayMS    = 24 * 60 * minuteMS
	// zoneMS is the one time zone of the country, without summer time.
	zoneMS = 7 * 60 * minuteMS
	// latest is when even an evening session ends.
	latestMS = (21*60 + 45) * minuteMS
)

// clock is a team's time: sessions of entries with minutes between them, long
// ones on the weekly market day, short ones on some other days.
type clock struct {
	startMS, nowMS int64
	day            int64 // local days since 1970 of the session
	left           int   // entries left in the session
	market         int   // weekday of the market, Sunday 0
	zeal           int   // per cent of the usual number of sessions
}

func newClock(rng *rand.Rand, startMS int64, commune string) clock {
	return clock{
		startMS: startMS, nowMS: startMS - 1, day: (startMS+zoneMS)/dayMS - 1,
		market: marketDay(commune), zeal: between(rng, 40, 160),
	}
}

// marketDay is the weekday on which a commune has its market: Sunday for many.
func marketDay(commune string) int {
	var h uint64
	for _, c := range []byte(commune) {
		h = mix64(h ^ uint64(c))
	}
	if h%10 < 4 {
		return 0
	}
	return int(h / 10 % 7)
}

// advance moves to the next entry and says whether a new session began.
func (c *clock) advance(rng *rand.Rand) bool {
	if c.left > 0 {
		gap := int64(low(rng, 2*minuteMS, 19*minuteMS))
		if t := c.nowMS + gap; t < c.day*dayMS-zoneMS+latestMS {
			c.nowMS, c.left = t, c.left-1
			return false
		}
	}
	for {
		c.day++
		weekday := int((c.day + 4) % 7) // 1 January 1970 was a Thursday
		pct, onMarket := 24, weekday == c.market
		switch {
		case onMarket:
			pct = 78
		case weekday == 0:
			pct = 12
		}
		if !chance(rng, min(95, pct*c.zeal/100)) {
			continue
		}
		begin, entries := sessionOf(rng, onMarket)
		t := c.day*dayMS - zoneMS + begin
		if t >= c.startMS && t > c.nowMS {
			c.nowMS, c.left = t, entries-1
			return true
		}
	}
}

// sessionOf draws when a session begins, in milliseconds of the local day, and
// how many entries it has.
func sessionOf(rng *rand.Rand, onMarket bool) (int64, int) {
	if onMarket {
		return int64(between(rng, 7*60*minuteMS, 9*60*minuteMS)), between(rng, 5, 16)
	}
	entries := low(rng, 1, 6)
	switch n := rng.IntN(100); {
	case n < 45:
		return int64(between(rng, 450*minuteMS, 630*minuteMS)), entries
	case n < 72:
		return int64(between(rng, 810*minuteMS, 990*minuteMS)), entries
	default:
		return int64(between(rng, 1110*minuteMS, 1215*minuteMS)), entries
	}
}

// dateOf is the calendar date of a local day.
func dateOf(day int64) Date {
	y, m, d := time.Unix(day*86400, 0).UTC().Date()
	return Date{y, int(m), d}
}

// plus is the date n days later; the date must be fully known.
func (d Date) plus(n int) Date {
	y, m, day := time.Date(d.Y, time.Month(d.M), d.D+n, 0, 0, 0, 0, time.UTC).Date()
	return Date{y, int(m), day}
}
