// Package form turns the definition of a kind into the questions that a person
// answers, in either language, and reads answers as people give them: by
// number, by word, dates with the day first. It knows no terminal and no
// device.
package form

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"thonsync/clientlib/cmd/thonfield/internal/words"
	"thonsync/syncproto"
)

// Question asks for one field.
type Question struct {
	Name     string // the field's word, as for --set
	Label    string // in the person's language
	Type     syncproto.KindFieldType
	Options  []Choice
	Required bool
	Personal bool
	Min, Max *int64
}

// Choice is one option of a question.
type Choice struct{ Value, Label string }

// personal fields that are asked for, in order. The address is not: most work
// does not need it, and --set address=... remains.
var personFields = []struct {
	name string
	typ  syncproto.KindFieldType
}{
	{"id_number", syncproto.KindText}, {"full_name", syncproto.KindText}, {"birth_date", syncproto.KindDate},
	{"sex", syncproto.KindChoice}, {"phone", syncproto.KindText},
}

// Questions lists what to ask for an activity of kind, in the order of asking.
func Questions(k *syncproto.Kind, l words.Lang) []Question {
	qs := []Question{{Name: "occurred", Label: Label(k, "occurred", l), Type: syncproto.KindDate}}
	if k.Person && k.Basis == syncproto.BasisConsent {
		qs = append(qs, consentQuestions(k, l)...)
	}
	if k.Person {
		for _, f := range personFields {
			q := Question{Name: f.name, Label: Label(k, f.name, l), Type: f.typ, Personal: true, Required: f.name == "full_name" && k.NeedsName()}
			if f.name == "sex" {
				q.Options = []Choice{{"male", l.T("choice.male")}, {"female", l.T("choice.female")}}
			}
			qs = append(qs, q)
		}
	}
	for _, f := range k.Fields {
		q := Question{Name: f.Name, Label: named(f.Name, f.LabelVI, f.LabelEN, l), Type: f.Type, Required: f.Required,
			Personal: f.Personal, Min: f.Min, Max: f.Max, Options: choices(f.Options, l)}
		if f.Type == syncproto.KindBool {
			q.Options = []Choice{{"true", l.T("choice.yes")}, {"false", l.T("choice.no")}}
		}
		qs = append(qs, q)
	}
	if len(k.Results) > 0 {
		qs = append(qs, Question{Name: "result", Label: Label(k, "result", l), Type: syncproto.KindChoice, Options: choices(k.Results, l), Required: true})
	}
	return append(qs, Question{Name: "note", Label: Label(k, "note", l), Type: syncproto.KindText, Personal: true})
}

// consentQuestions ask for consent before anything about the citizen. Nothing is
// chosen beforehand, and no answer is no consent.
func consentQuestions(k *syncproto.Kind, l words.Lang) (qs []Question) {
	for _, f := range []struct {
		name string
		num  uint32
	}{{"consent", syncproto.ActivityConsent}, {"consent_how", syncproto.ActivityConsentHow}, {"consent_language", syncproto.ActivityConsentLang}} {
		if _, own := k.FieldByName(f.name); own {
			continue
		}
		q := Question{Name: f.name, Label: Label(k, f.name, l), Type: syncproto.KindChoice}
		for _, v := range syncproto.ConsentChoices(f.num) {
			if v != syncproto.ConsentWithdrawn {
				q.Options = append(q.Options, Choice{v, l.T("consent." + v)})
			}
		}
		qs = append(qs, q)
	}
	return qs
}

// named gives a label, or the word itself where a definition has no label.
func named(word, vi, en string, l words.Lang) string {
	return cmp.Or(l.Pick(vi, en), word)
}

func choices(options []syncproto.Option, l words.Lang) []Choice {
	out := make([]Choice, 0, len(options))
	for _, o := range options {
		out = append(out, Choice{o.Value, named(o.Value, o.LabelVI, o.LabelEN, l)})
	}
	return out
}

// Label gives the words for a field; k may be nil if the kind is not known here.
func Label(k *syncproto.Kind, name string, l words.Lang) string {
	if k != nil {
		if f, ok := k.FieldByName(name); ok {
			return named(name, f.LabelVI, f.LabelEN, l)
		}
	}
	if key := "field." + name; words.Has(key) {
		return l.T(key)
	}
	return name
}

// Shown gives a stored value, by the field's word, as people read it: labels of
// choices, the day first in dates.
func Shown(k *syncproto.Kind, name string, v syncproto.Value, l words.Lang) string {
	switch v.Type() {
	case syncproto.TypeNull:
		return ""
	case syncproto.TypeDate:
		return words.ShowDate(v.Date())
	case syncproto.TypeBool:
		if v.Bool() {
			return l.T("choice.yes")
		}
		return l.T("choice.no")
	case syncproto.TypeInt:
		return strconv.FormatInt(v.Int(), 10)
	case syncproto.TypeText:
		return OptionLabel(k, name, v.Text(), l)
	case syncproto.TypeList:
		items := v.List()
		for i := range items {
			items[i] = OptionLabel(k, name, items[i], l)
		}
		return strings.Join(items, ", ")
	case syncproto.TypeUUID:
		return v.UUID().String()
	default:
		return l.T("value.unknown")
	}
}

// consentField are the fields whose choices have words of their own.
var consentField = map[string]bool{"basis": true, "consent": true, "consent_how": true, "consent_language": true}

// ownField tells whether a kind has a field of this name itself.
func ownField(k *syncproto.Kind, name string) bool {
	if k == nil {
		return false
	}
	_, own := k.FieldByName(name)
	return own
}

// OptionLabel gives the label of a stored choice, or the value where it is
// none.
func OptionLabel(k *syncproto.Kind, name, value string, l words.Lang) string {
	var options []syncproto.Option
	switch {
	case name == "sex" && words.Has("choice."+value):
		return l.T("choice." + value)
	case name == "void_reason" && words.Has("void."+value):
		return l.T("void." + value)
	case consentField[name] && words.Has("consent."+value) && !ownField(k, name):
		return l.T("consent." + value)
	case k == nil:
		return value
	case name == "result":
		options = k.Results
	default:
		if f, ok := k.FieldByName(name); ok {
			options = f.Options
		}
	}
	if i := slices.IndexFunc(options, func(o syncproto.Option) bool { return o.Value == value }); i >= 0 {
		return named(value, options[i].LabelVI, options[i].LabelEN, l)
	}
	return value
}

// Read turns an answer as given by a person into the value that is stored, as
// text. It fails with the key of a text that says what is expected; that text
// never holds the answer.
func (q *Question) Read(answer string) (value, problem string) {
	answer = strings.TrimSpace(answer)
	if answer == "" {
		return "", ""
	}
	switch q.Type {
	case syncproto.KindDate:
		d, ok := words.ParseDate(answer)
		if !ok {
			return "", "ask.bad-date"
		}
		return d.String(), ""
	case syncproto.KindInt:
		n, err := strconv.ParseInt(answer, 10, 64)
		if err != nil || (q.Min != nil && n < *q.Min) || (q.Max != nil && n > *q.Max) {
			return "", "ask.bad-number"
		}
		return strconv.FormatInt(n, 10), ""
	case syncproto.KindChoice, syncproto.KindBool:
		v, ok := q.option(answer)
		if !ok {
			return "", "ask.bad-choice"
		}
		return v, ""
	case syncproto.KindChoices:
		return q.options(answer)
	default:
		return answer, ""
	}
}

// options reads several options: separated by commas, or numbers by spaces.
func (q *Question) options(answer string) (value, problem string) {
	var picked []string
	take := func(s string) bool {
		v, ok := q.option(s)
		if ok && !slices.Contains(picked, v) {
			picked = append(picked, v)
		}
		return ok
	}
	for _, part := range strings.FieldsFunc(answer, func(r rune) bool { return r == ',' || r == ';' }) {
		if take(part) {
			continue
		}
		for _, word := range strings.Fields(part) {
			if !take(word) {
				return "", "ask.bad-choice"
			}
		}
	}
	return strings.Join(picked, ","), ""
}

// option finds an option by its number from 1, its stored value, or its label
// without regard to marks and case.
func (q *Question) option(answer string) (string, bool) {
	answer = strings.TrimSpace(answer)
	if n, err := strconv.Atoi(answer); err == nil && n >= 1 && n <= len(q.Options) {
		return q.Options[n-1].Value, true
	}
	for _, o := range q.Options {
		if o.Value == answer || Fold(o.Label) == Fold(answer) {
			return o.Value, true
		}
	}
	return "", false
}

// Fold gives the form of a text that ignores Vietnamese marks and case. It is
// for finding only.
func Fold(s string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(strings.ToLower(strings.TrimSpace(s))) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case r == 'đ':
			b.WriteRune('d')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
