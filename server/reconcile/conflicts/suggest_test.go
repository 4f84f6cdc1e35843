package conflicts

import (
	"testing"

	"thonsync/syncproto"
)

func said(v syncproto.Value, from, to int64, by ...Author) Candidate {
	if by == nil {
		by = []Author{{}}
	}
	return Candidate{Value: v, By: by, Within: []Interval{{from, to}}}
}

func TestSuggest(t *testing.T) {
	text, date := syncproto.TextValue, syncproto.DateValue
	const number = "002186000017" // a woman born in 1986
	recorder, officer := Author{Recorder: true}, Author{Officer: true}
	personal := func(field uint32, values ...Candidate) Facts {
		return Facts{Compartment: syncproto.Personal, Field: field, Number: number, Values: values}
	}
	operational := func(values ...Candidate) Facts { return Facts{Field: syncproto.ActivityResult, Values: values} }
	same := func(a, b string) Facts {
		return personal(syncproto.PersonFullName, said(text(a), 10, 20), said(text(b), 10, 20))
	}
	tests := []struct {
		name   string
		facts  Facts
		want   int
		reason Reason
	}{
		{"one value is no conflict", operational(said(text("a"), 1, 2)), -1, ReasonNone},
		{"sex by the number", personal(syncproto.PersonSex, said(text("male"), 30, 40), said(text("female"), 10, 20)), 1, ReasonNumber},
		{"the number over an officer", personal(syncproto.PersonSex, said(text("male"), 30, 40, officer), said(text("female"), 10, 20)), 1, ReasonNumber},
		{"year by the number", personal(syncproto.PersonBirthDate, said(date(syncproto.Date{Year: 1968, Month: 3, Day: 1}), 1, 2), said(date(syncproto.Date{Year: 1986, Month: 3, Day: 1}), 1, 2)), 1, ReasonNumber},
		{"both years agree", personal(syncproto.PersonBirthDate, said(date(syncproto.Date{Year: 1986, Month: 3, Day: 1}), 10, 20), said(date(syncproto.Date{Year: 1986, Month: 1, Day: 3}), 10, 20)), -1, ReasonNone},
		{"a whole date over a year", personal(syncproto.PersonBirthDate, said(date(syncproto.Date{Year: 1986}), 30, 40), said(date(syncproto.Date{Year: 1986, Month: 1, Day: 3}), 10, 20)), 1, ReasonFuller},
		{"of two numbers the one that fits", Facts{Compartment: syncproto.Personal, Field: syncproto.PersonIDNumber, Sex: "male",
			Values: []Candidate{said(text(number), 10, 20), said(text("002086000017"), 10, 20)}}, 1, ReasonNumber},
		{"nothing known to hold numbers against", Facts{Compartment: syncproto.Personal, Field: syncproto.PersonIDNumber,
			Values: []Candidate{said(text(number), 10, 20), said(text("002086000017"), 10, 20)}}, -1, ReasonNone},
		{"no number", Facts{Compartment: syncproto.Personal, Field: syncproto.PersonSex, Values: []Candidate{said(text("male"), 10, 20), said(text("female"), 10, 20)}}, -1, ReasonNone},
		{"sex of the open part is no sex", Facts{Field: syncproto.PersonSex, Number: number, Values: []Candidate{said(text("male"), 10, 20), said(text("female"), 10, 20)}}, -1, ReasonNone},
		{"a name with its marks", same("Vang Thi My", "Vàng Thị Mỷ"), 1, ReasonFuller},
		{"two names with marks", same("Vàng Thị Mỹ", "Vàng Thị Mỷ"), -1, ReasonNone},
		{"two names", same("Vang Thi My", "Giàng Thị Mỷ"), -1, ReasonNone},
		{"one cleared it", personal(syncproto.PersonPhone, said(syncproto.Null(), 10, 20), said(text("0900000000"), 10, 20)), -1, ReasonNone},
		{"an officer", operational(said(text("a"), 30, 40), said(text("b"), 10, 20, officer)), 1, ReasonOfficer},
		{"two officers, one later", operational(said(text("a"), 10, 20, officer), said(text("b"), 30, 40, officer)), 1, ReasonLater},
		{"later", operational(said(text("a"), 10, 20), said(text("b"), 21, 40)), 1, ReasonLater},
		{"intervals touch", operational(said(text("a"), 10, 20), said(text("b"), 20, 40)), -1, ReasonNone},
		{"no beacon", operational(said(text("a"), 10, 20), said(text("b"), 0, 40)), -1, ReasonNone},
		{"the other end is open", operational(said(text("a"), 10, 0), said(text("b"), 21, 40)), -1, ReasonNone},
		{"later than one of two", operational(said(text("a"), 10, 20), said(text("b"), 21, 40), said(text("c"), 10, 30)), -1, ReasonNone},
		{"the recorder", operational(said(text("a"), 10, 20), said(text("b"), 10, 20, recorder)), 1, ReasonRecorder},
		{"later over the recorder", operational(said(text("a"), 10, 20, recorder), said(text("b"), 30, 40)), 1, ReasonLater},
		{"the recorder wrote both", operational(said(text("a"), 10, 20, recorder), said(text("b"), 10, 20, recorder)), -1, ReasonNone},
		{"retracted after the edit", Facts{Values: []Candidate{said(text(Retract), 30, 40), said(text(Keep), 10, 20)}}, 0, ReasonLater},
		{"edited by the recorder", Facts{Values: []Candidate{said(text(Retract), 10, 20), said(text(Keep), 10, 20, recorder)}}, 1, ReasonRecorder},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, reason := Suggest(tt.facts); got != tt.want || reason != tt.reason {
				t.Errorf("value %d because %q; want %d because %q", got, reason, tt.want, tt.reason)
			}
			// Which value stands first must not matter.
			n := len(tt.facts.Values)
			if n < 2 {
				return
			}
			turned := tt.facts
			turned.Values = append(append([]Candidate{}, tt.facts.Values[1:]...), tt.facts.Values[0])
			want := tt.want
			if want >= 0 {
				want = (want + n - 1) % n
			}
			if got, reason := Suggest(turned); got != want || reason != tt.reason {
				t.Errorf("turned: value %d because %q; want %d because %q", got, reason, want, tt.reason)
			}
		})
	}
}
