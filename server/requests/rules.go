package requests

import (
	"time"

	"thonsync/syncproto"
)

// Kind is what a request asks for.
type Kind string

// The kinds. All but a breach come from citizens.
const (
	See      Kind = "see"      // what is kept about me, and who got it
	Correct  Kind = "correct"  // what is kept is wrong
	Erase    Kind = "erase"    // let it go
	Withdraw Kind = "withdraw" // I take my consent back
	Object   Kind = "object"   // do not use it so, or not so widely
	Breach   Kind = "breach"   // data may have got into wrong hands: the authority must be told
)

// rule says within what time a kind is to be dealt with.
type rule struct {
	answerWorking int           // working days to answer that it was taken up
	days          int           // days to carry it out
	shared        int           // days where others hold the data as well; 0 for no difference
	hours         time.Duration // instead of days
}

// rules follow Decree 356/2025/NĐ-CP, article 5, and article 23 of Law
// 91/2025/QH15. Days count as calendar days here: the shorter reading is in time
// under either.
var rules = map[Kind]rule{
	See:      {answerWorking: 2, days: 10},
	Correct:  {answerWorking: 2, days: 10},
	Erase:    {answerWorking: 2, days: 20},
	Withdraw: {answerWorking: 2, days: 15, shared: 20},
	Object:   {answerWorking: 2, days: 15, shared: 20},
	Breach:   {hours: 72 * time.Hour},
}

// Kinds lists the kinds in their usual order.
func Kinds() []Kind { return []Kind{See, Correct, Erase, Withdraw, Object, Breach} }

// Due is by when a request is to be answered and to be carried out; both are the
// last instant that is in time. Answer is zero where no answer is owed.
type Due struct {
	Answer time.Time
	Done   time.Time
}

// DueOf gives the due dates of a request that came in at an instant. The day on
// which it came does not count. shared tells that others got the data, extended
// that the time was extended, which can be done once and by as much again.
func DueOf(c *Calendar, kind Kind, received time.Time, shared, extended bool) (Due, error) {
	r, ok := rules[kind]
	if !ok {
		return Due{}, syncproto.Errorf(syncproto.CodeInvalidInput, "%q is no kind of request: choose see, correct, erase, withdraw, object or breach", string(kind))
	}
	if r.hours > 0 {
		return Due{Done: received.Add(r.hours)}, nil
	}
	days := r.days
	if shared && r.shared > 0 {
		days = r.shared
	}
	if extended {
		days *= 2
	}
	return Due{
		Answer: endOf(c.AfterWorking(received, r.answerWorking)),
		Done:   endOf(Day(received).AddDate(0, 0, days)),
	}, nil
}

// endOf gives the last millisecond of a day.
func endOf(day time.Time) time.Time { return day.AddDate(0, 0, 1).Add(-time.Millisecond) }

// Extendable tells whether the time of a kind can be extended.
func Extendable(kind Kind) bool { return rules[kind].days > 0 }
