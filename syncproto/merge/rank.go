package merge

import (
	"bytes"
	"cmp"
)

const (
	dayMS = 24 * 60 * 60 * 1000

	// A stamp may lie this far before the last signed time its author had seen:
	// a clock can be set to the wrong zone.
	plausibleBeforeMS = dayMS
	// And this far after it: a phone can be without contact for a year.
	plausibleAfterMS = 366 * dayMS
)

// plausible tells whether a stamp fits the last signed time its author had
// seen. No wall clock is asked, so every replica answers alike, for ever; a
// phone that lives in 2099 ranks last.
func plausible(c *Change) bool {
	if c.BeaconMS == 0 {
		return false
	}
	// Unsigned differences are exact for all int64 values; signed ones overflow.
	if c.StampMS < c.BeaconMS {
		return uint64(c.BeaconMS)-uint64(c.StampMS) <= plausibleBeforeMS
	}
	return uint64(c.StampMS)-uint64(c.BeaconMS) <= plausibleAfterMS
}

// rank orders changes for showing: negative if a is shown before b. It is 0
// only for copies of one change, because o covers origin and number.
func rank(a, b *Change) int {
	if pa, pb := plausible(a), plausible(b); pa != pb {
		if pa {
			return -1
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(b.StampMS, a.StampMS),
		bytes.Compare(b.Open[:], a.Open[:]),
		bytes.Compare(b.Closed[:], a.Closed[:]),
	)
}

// Rank orders two changes for showing as Record does: negative if a value of a
// is shown before one of b. It is for values of several records that say the
// same person.
func Rank(a, b *Change) int { return rank(a, b) }
