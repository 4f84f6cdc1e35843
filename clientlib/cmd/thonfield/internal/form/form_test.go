package form_test

import (
	"encoding/json"
	"testing"

	"thonsync/clientlib"
	"thonsync/clientlib/cmd/thonfield/internal/form"
	"thonsync/clientlib/cmd/thonfield/internal/words"
	"thonsync/syncproto"
	"thonsync/testdata/units"
)

func kinds(t *testing.T) []*syncproto.Kind {
	t.Helper()
	var out []*syncproto.Kind
	for _, k := range units.Kinds() {
		b, err := json.Marshal(k)
		if err != nil {
			t.Fatal(err)
		}
		kind, err := syncproto.ParseKind(string(b))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, kind)
	}
	return out
}

// Every question of every kind of the reference data has words in both
// languages, and the first option of each choice is read from its number, its
// label and its value as something that the library takes.
func TestQuestionsOfEveryKind(t *testing.T) {
	for _, kind := range kinds(t) {
		for _, l := range []words.Lang{words.VI, words.EN} {
			for _, q := range form.Questions(kind, l) {
				if q.Label == "" || q.Label == q.Name {
					t.Errorf("%s, %s: the field %s has no label", kind.Code, l, q.Name)
				}
				for _, answer := range answersFor(q) {
					value, problem := q.Read(answer)
					if problem != "" {
						t.Errorf("%s, %s: %s does not read %q: %s", kind.Code, l, q.Name, answer, problem)
						continue
					}
					if _, err := clientlib.ParseFields(kind, map[string]string{q.Name: value}); err != nil {
						t.Errorf("%s, %s: the library refuses what was read: %v", kind.Code, l, err)
					}
				}
			}
		}
	}
}

func answersFor(q form.Question) []string {
	switch {
	case len(q.Options) > 0:
		return []string{"1", q.Options[0].Value, form.Fold(q.Options[0].Label)}
	case q.Type == syncproto.KindDate:
		return []string{"31/12/2020", "2020-12-31", "2020"}
	case q.Type == syncproto.KindInt:
		return []string{"1"}
	}
	return nil
}

func TestReadRefuses(t *testing.T) {
	low, high := int64(1), int64(5)
	choice := form.Question{Type: syncproto.KindChoices, Options: []form.Choice{{"a", "Một"}, {"b", "Hai"}}}
	number := form.Question{Type: syncproto.KindInt, Min: &low, Max: &high}
	for _, c := range []struct {
		q      form.Question
		answer string
	}{{number, "0"}, {number, "6"}, {number, "x"}, {choice, "3"}, {choice, "1,c"}, {form.Question{Type: syncproto.KindDate}, "30/02/2020"}} {
		if v, problem := c.q.Read(c.answer); problem == "" {
			t.Errorf("%s read %q as %q", c.q.Type, c.answer, v)
		}
	}
	if v, problem := choice.Read("2, mot 2"); v != "b,a" || problem != "" {
		t.Errorf("got %q, %q", v, problem)
	}
}

func TestShown(t *testing.T) {
	kind := &syncproto.Kind{Results: []syncproto.Option{{Value: "held", LabelVI: "Đã tổ chức", LabelEN: "Held"}},
		Fields: []syncproto.KindField{{Name: "skills", Options: []syncproto.Option{{Value: "a", LabelVI: "Một", LabelEN: "One"}, {Value: "b"}}}}}
	for _, c := range []struct {
		name string
		v    syncproto.Value
		want string
	}{
		{"result", syncproto.TextValue("held"), "Đã tổ chức"}, {"result", syncproto.TextValue("new"), "new"},
		{"skills", syncproto.ListValue("a", "b", "z"), "Một, b, z"}, {"sex", syncproto.TextValue("female"), "Nữ"},
		{"birth_date", syncproto.DateValue(syncproto.Date{Year: 1950}), "1950"}, {"x", syncproto.BoolValue(true), "Có"},
		{"x", syncproto.IntValue(7), "7"}, {"x", syncproto.Null(), ""},
	} {
		if got := form.Shown(kind, c.name, c.v, words.VI); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// Where the lawful basis is consent, it is asked for before anything about the
// citizen; taking it back is no answer there, and nothing is chosen beforehand.
func TestConsentIsAskedFirst(t *testing.T) {
	k := &syncproto.Kind{Code: "X", NameVI: "X", Person: true, Basis: syncproto.BasisConsent}
	qs := form.Questions(k, "vi")
	if len(qs) < 5 || qs[1].Name != "consent" || qs[2].Name != "consent_how" || qs[4].Name != "id_number" {
		t.Fatalf("%+v", qs)
	}
	if len(qs[1].Options) != 1 || qs[1].Options[0].Value != syncproto.ConsentGiven || qs[1].Required {
		t.Errorf("%+v", qs[1])
	}
	if v, problem := qs[1].Read(""); v != "" || problem != "" {
		t.Errorf("no answer gives %q, %q", v, problem)
	}
	if got := form.OptionLabel(k, "consent_how", "thumbprint", "vi"); got != "Điểm chỉ" {
		t.Errorf("label %q", got)
	}
	k.Basis = "public_task"
	if qs := form.Questions(k, "vi"); qs[1].Name != "id_number" {
		t.Errorf("asked without need: %+v", qs[1])
	}
}
