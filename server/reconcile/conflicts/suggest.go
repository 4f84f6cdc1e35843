package conflicts

import (
	"slices"

	"thonsync/syncproto"
	"thonsync/syncproto/fold"
)

// Reason is why a value is suggested.
type Reason string

// The reasons, in the order in which they are looked for: what a document says
// counts more than who wrote it, and that more than when.
const (
	// ReasonNumber: only this value agrees with the digits of the identity number,
	// which is not contested; or of two numbers only this one agrees with sex and
	// year of birth.
	ReasonNumber Reason = "identity-number"
	// ReasonFuller: the values say the same, and this one says it in full: a name
	// with its marks, a whole date where another has the year only.
	ReasonFuller Reason = "fuller"
	// ReasonOfficer: only this value was written by an officer.
	ReasonOfficer Reason = "officer"
	// ReasonLater: it was written after all others, by signed times, not by clocks
	// of phones.
	ReasonLater Reason = "later"
	// ReasonRecorder: only this value is of who recorded the visit himself.
	ReasonRecorder Reason = "recorder"
	// ReasonNone: nothing speaks for one of them.
	ReasonNone Reason = ""
)

// Author is how the author of a change stands to the record.
type Author struct {
	Recorder bool // wrote the record's creating change
	Officer  bool // the centre's or a point's own log
}

// Interval bounds when something was written, by the centre's clock. EarliestMS 0
// says that nothing is known before LatestMS, LatestMS 0 nothing after.
type Interval struct{ EarliestMS, LatestMS int64 }

// Candidate is one of the standing values.
type Candidate struct {
	Value  syncproto.Value
	By     []Author
	Within []Interval // of By
}

// Facts is what a suggestion may rest on.
type Facts struct {
	Compartment syncproto.Compartment
	Field       uint32 // 0 for the retraction
	// Number, Sex and Birth are the record's uncontested values, "" and zero where
	// there are none or they are contested.
	Number string
	Sex    string
	Birth  syncproto.Date
	Values []Candidate
}

// Suggest picks one of at least two standing values, or none: a suggestion that
// rests on nothing teaches people to press a button. The index is -1 for none.
//
// It is a pure function of its input. No phone's clock is asked.
func Suggest(f Facts) (int, Reason) {
	if len(f.Values) < 2 {
		return -1, ReasonNone
	}
	for _, rule := range []struct {
		reason Reason
		fits   func(Facts, int) bool
	}{
		{ReasonNumber, agrees}, {ReasonFuller, fuller}, {ReasonOfficer, officer}, {ReasonLater, later}, {ReasonRecorder, recorder},
	} {
		if i := only(f, rule.fits); i >= 0 {
			return i, rule.reason
		}
	}
	return -1, ReasonNone
}

// only gives the one value that fits, -1 if there is none or there are several.
func only(f Facts, fits func(Facts, int) bool) int {
	found := -1
	for i := range f.Values {
		if !fits(f, i) {
			continue
		}
		if found >= 0 {
			return -1
		}
		found = i
	}
	return found
}

func agrees(f Facts, i int) bool {
	v := f.Values[i].Value
	if f.Compartment != syncproto.Personal || v.IsNull() {
		return false
	}
	text := f.Number
	if f.Field == syncproto.PersonIDNumber {
		text = v.Text()
	}
	number, err := syncproto.ParseIDNumber(text)
	if err != nil {
		return false
	}
	switch f.Field {
	case syncproto.PersonIDNumber:
		return (f.Sex != "" || f.Birth.Year != 0) && len(number.Doubts(f.Sex, f.Birth)) == 0
	case syncproto.PersonSex:
		return v.Text() == number.Sex()
	case syncproto.PersonBirthDate:
		return v.Date().Year == number.BirthYear()
	}
	return false
}

// fuller tells whether value i says what all others say, and more.
func fuller(f Facts, i int) bool {
	v := f.Values[i].Value
	for j, other := range f.Values {
		if i != j && !saysMore(v, other.Value) {
			return false
		}
	}
	return true
}

func saysMore(a, b syncproto.Value) bool {
	if a.Type() != b.Type() {
		return false
	}
	switch a.Type() {
	case syncproto.TypeDate:
		x, y := a.Date(), b.Date()
		if x.Year != y.Year {
			return false
		}
		return y.Month == 0 && x.Month != 0 || y.Month == x.Month && y.Day == 0 && x.Day != 0
	case syncproto.TypeText:
		x, y := a.Text(), b.Text()
		// Of two spellings of one name the one with its marks; where both have some,
		// they are different names and nobody can tell.
		return x != y && fold.Key(x) == fold.Key(y) && plain(y) && !plain(x)
	}
	return false
}

// plain tells whether a text has no marks at all.
func plain(s string) bool {
	for _, c := range s {
		if c > 127 {
			return false
		}
	}
	return true
}

func officer(f Facts, i int) bool {
	return slices.ContainsFunc(f.Values[i].By, func(a Author) bool { return a.Officer })
}

func recorder(f Facts, i int) bool {
	return slices.ContainsFunc(f.Values[i].By, func(a Author) bool { return a.Recorder })
}

// later tells whether value i was written for certain after every change that
// gives another value: its interval begins when all others are over.
func later(f Facts, i int) bool {
	begins := int64(0)
	for _, w := range f.Values[i].Within {
		begins = max(begins, w.EarliestMS)
	}
	if begins == 0 {
		return false
	}
	for j, other := range f.Values {
		for _, w := range other.Within {
			if i != j && (w.LatestMS == 0 || w.LatestMS >= begins) {
				return false
			}
		}
	}
	return true
}
