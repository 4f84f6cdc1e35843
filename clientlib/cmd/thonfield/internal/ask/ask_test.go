package ask_test

import (
	"bufio"
	"bytes"
	"errors"
	"maps"
	"strings"
	"testing"

	"thonsync/clientlib"
	"thonsync/clientlib/cmd/thonfield/internal/ask"
	"thonsync/clientlib/cmd/thonfield/internal/form"
	"thonsync/clientlib/cmd/thonfield/internal/words"
	"thonsync/syncproto"
	"thonsync/testdata/units"

	"encoding/json"
)

// kindOf gives a real kind of the reference data.
func kindOf(t *testing.T, code string) *syncproto.Kind {
	t.Helper()
	for _, k := range units.Kinds() {
		if k.Code == code {
			b, err := json.Marshal(k)
			if err != nil {
				t.Fatal(err)
			}
			kind, err := syncproto.ParseKind(string(b))
			if err != nil {
				t.Fatal(err)
			}
			return kind
		}
	}
	t.Fatalf("no kind %s", code)
	return nil
}

type talk struct {
	*ask.Dialog
	out *bytes.Buffer
}

func newTalk(t *testing.T, kind *syncproto.Kind, l words.Lang, answers ...string) talk {
	t.Helper()
	out := &bytes.Buffer{}
	d := &ask.Dialog{In: bufio.NewReader(strings.NewReader(strings.Join(answers, "\n") + "\n")), Out: out, Lang: l,
		Today: syncproto.Date{Year: 2030, Month: 5, Day: 6}, Yesterday: syncproto.Date{Year: 2030, Month: 5, Day: 5}}
	d.Check = func(values map[string]string) map[string]string {
		_, err := clientlib.ParseFields(kind, values)
		var errs clientlib.FieldErrors
		if !errors.As(err, &errs) {
			return nil
		}
		problems := map[string]string{}
		for _, e := range errs {
			problems[e.Field] = l.Pick(e.VI, e.EN)
		}
		return problems
	}
	return talk{d, out}
}

// An outreach session: day, topic, people, women, method, place type, minutes,
// language, place, result, note.
func TestFillAnOutreachSession(t *testing.T) {
	kind := kindOf(t, "TT")
	d := newTalk(t, kind, words.VI, "2", "2", "35", "", "họp thôn", "", "", "", "Nhà ông thử", "1", "", "")
	values := map[string]string{}
	if err := d.Fill(form.Questions(kind, words.VI), values); err != nil {
		t.Fatalf("%v\n%s", err, d.out)
	}
	maps.DeleteFunc(values, func(_, v string) bool { return v == "" })
	want := map[string]string{"occurred": "2030-05-05", "topic": "e_identity", "audience_count": "35", "method": "meeting", "place": "Nhà ông thử", "result": "held"}
	if !maps.Equal(values, want) {
		t.Errorf("got  %v\nwant %v", values, want)
	}
	for _, say := range []string{"Chủ đề", "Số người dự", "Kiểm tra lại", "05/05/2030", "Họp thôn", "không bắt buộc"} {
		if !strings.Contains(d.out.String(), say) {
			t.Errorf("the talk never says %q:\n%s", say, d.out)
		}
	}
}

func TestFillAsksAgainUntilItFits(t *testing.T) {
	kind := kindOf(t, "TT")
	// A required answer left out, a choice out of range, a number out of bounds, a bad date.
	d := newTalk(t, kind, words.EN, "31/02/2030", "", "", "99", "1", "5000", "many", "12", "", "1", "", "", "", "", "1", "", "")
	values := map[string]string{}
	if err := d.Fill(form.Questions(kind, words.EN), values); err != nil {
		t.Fatalf("%v\n%s", err, d.out)
	}
	if values["occurred"] != "2030-05-06" || values["topic"] != "id_card" || values["audience_count"] != "12" {
		t.Errorf("got %v", values)
	}
	for _, say := range []string{"Type a date", "needs an answer", "Choose a number", "Type a number within"} {
		if !strings.Contains(d.out.String(), say) {
			t.Errorf("the talk never says %q:\n%s", say, d.out)
		}
	}
}

func TestFillGoesBackAndMends(t *testing.T) {
	kind := kindOf(t, "TT")
	d := newTalk(t, kind, words.VI,
		"", "1", "<", "3", "7", "", "2", "", "", "", "", "1", "", // topic 1, back, topic 3
		"77", "3", "8", "") // no such number; then the third answer anew; then save
	values := map[string]string{}
	if err := d.Fill(form.Questions(kind, words.VI), values); err != nil {
		t.Fatalf("%v\n%s", err, d.out)
	}
	if values["topic"] != "public_service" || values["audience_count"] != "8" {
		t.Errorf("got %v", values)
	}
}

func TestFillKeepsWhatWasGiven(t *testing.T) {
	kind := kindOf(t, "TT")
	d := newTalk(t, kind, words.VI, "")
	values := map[string]string{"occurred": "2030-01-02", "topic": "safety", "audience_count": "3", "women_count": "", "method": "zalo",
		"place_type": "", "duration_min": "", "language": "", "place": "", "result": "held", "note": ""}
	if err := d.Fill(form.Questions(kind, words.VI), values); err != nil {
		t.Fatalf("%v\n%s", err, d.out)
	}
	if values["topic"] != "safety" {
		t.Errorf("got %v", values)
	}
}

func TestFillStops(t *testing.T) {
	kind := kindOf(t, "TT")
	for name, answers := range map[string][]string{"asked to": {"", "!"}, "input ends": {"", "1"}, "in review": {"", "1", "3", "", "1", "", "", "", "", "1", "", "!"}} {
		d := newTalk(t, kind, words.VI, answers...)
		if err := d.Fill(form.Questions(kind, words.VI), map[string]string{}); !errors.Is(err, ask.ErrStopped) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// What is wrong stays on the screen of review and cannot be confirmed away.
func TestReviewRefusesWhatDoesNotFit(t *testing.T) {
	kind := kindOf(t, "TT")
	d := newTalk(t, kind, words.EN, "", "3", "40", "")
	values := map[string]string{"occurred": "2030-01-02", "topic": "safety", "audience_count": "-3", "women_count": "", "method": "zalo",
		"place_type": "", "duration_min": "", "language": "", "place": "", "result": "held", "note": ""}
	if err := d.Fill(form.Questions(kind, words.EN), values); err != nil {
		t.Fatalf("%v\n%s", err, d.out)
	}
	if values["audience_count"] != "40" || !strings.Contains(d.out.String(), "whole number") {
		t.Errorf("got %v\n%s", values, d.out)
	}
}
