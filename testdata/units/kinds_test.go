package units_test

import (
	"regexp"
	"slices"
	"testing"

	"thonsync/testdata/units"
)

var (
	snake = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	code  = regexp.MustCompile(`^[a-z0-9_]{1,20}$`)
	// taken are the names of the common fields, which no kind may use again.
	taken = []string{
		"unit", "kind", "occurred", "team", "result",
		"id_number", "full_name", "birth_date", "sex", "phone", "address", "note",
	}
)

func TestFourteenKinds(t *testing.T) {
	want := []string{"TT", "HN", "CC", "DD1", "DD2", "KH", "CD", "DVC", "TTKTM", "TMDT", "ATTT", "YTGD", "TC", "RS"}
	var got []string
	for _, k := range units.Kinds() {
		got = append(got, k.Code)
		if k.NameVI == "" || k.NameEN == "" || len(k.Fields) == 0 || len(k.Results) < 2 {
			t.Errorf("kind %s is not complete", k.Code)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("kinds %v, want %v", got, want)
	}
}

func TestFieldsOfEveryKind(t *testing.T) {
	for _, k := range units.Kinds() {
		nums, names := map[int]bool{}, map[string]bool{}
		for _, f := range k.Fields {
			at := k.Code + "." + f.Name
			if f.Num < 32 || nums[f.Num] {
				t.Errorf("%s: number %d is below 32 or used twice", at, f.Num)
			}
			if !snake.MatchString(f.Name) || names[f.Name] || slices.Contains(taken, f.Name) {
				t.Errorf("%s: the name is not free", at)
			}
			nums[f.Num], names[f.Name] = true, true
			if f.LabelVI == "" || f.LabelEN == "" {
				t.Errorf("%s has no label", at)
			}
			if f.Type == units.TypeText && !f.Personal {
				t.Errorf("%s is free text and must be personal", at)
			}
			checkType(t, at, f)
		}
		checkOptions(t, k.Code+".result", k.Results)
	}
}

// checkType holds that a field has what its type needs and nothing else.
func checkType(t *testing.T, at string, f units.Field) {
	t.Helper()
	bounded, choice := false, false
	switch f.Type {
	case units.TypeInt:
		bounded = true
	case units.TypeChoice, units.TypeChoices:
		choice = true
	case units.TypeText, units.TypeBool, units.TypeDate:
	default:
		t.Errorf("%s has the unknown type %q", at, f.Type)
	}
	if (f.Min != nil && f.Max != nil && *f.Min < *f.Max) != bounded {
		t.Errorf("%s of type %s: bounds are missing or out of place", at, f.Type)
	}
	if (len(f.Options) > 1) != choice {
		t.Errorf("%s of type %s has %d options", at, f.Type, len(f.Options))
	}
	checkOptions(t, at, f.Options)
}

func checkOptions(t *testing.T, at string, options []units.Option) {
	t.Helper()
	seen := map[string]bool{}
	for _, o := range options {
		if !code.MatchString(o.Value) || seen[o.Value] || o.LabelVI == "" || o.LabelEN == "" {
			t.Errorf("%s: option %q is not short, stable and labelled once", at, o.Value)
		}
		seen[o.Value] = true
	}
}

func TestStagesAreTheOptionsOfTheField(t *testing.T) {
	with := 0
	for _, k := range units.Kinds() {
		var options []string
		for _, f := range k.Fields {
			if f.Name == "stage" {
				for _, o := range f.Options {
					options = append(options, o.Value)
				}
			}
		}
		if !slices.Equal(options, k.Stages) {
			t.Errorf("kind %s: stages %v, options of the field %v", k.Code, k.Stages, options)
		}
		if len(k.Stages) > 0 {
			with++
			if !k.Person {
				t.Errorf("kind %s has stages but is not about a person", k.Code)
			}
		}
	}
	if with != 3 {
		t.Errorf("%d kinds have stages, want CC, DD1 and DD2", with)
	}
}

func TestGuidesSpeakTwoLanguages(t *testing.T) {
	kinds := map[string]bool{}
	for _, k := range units.Kinds() {
		kinds[k.Code] = true
	}
	var codes []string
	for _, g := range units.Guides() {
		codes = append(codes, g.Code)
		if g.TitleVI == "" || g.TitleEN == "" || len(g.Steps) == 0 || len(g.Kinds) == 0 {
			t.Errorf("guide %s is not complete", g.Code)
		}
		for i, s := range g.Steps {
			if s.TextVI == "" || s.TextEN == "" || s.TextVI == s.TextEN {
				t.Errorf("guide %s, step %d: a language is missing", g.Code, i)
			}
		}
		for _, k := range g.Kinds {
			if !kinds[k] {
				t.Errorf("guide %s names the unknown kind %s", g.Code, k)
			}
		}
	}
	if want := []string{"id_card", "e_identity_levels", "vneid_activation", "scams"}; !slices.Equal(codes, want) {
		t.Errorf("guides %v, want %v", codes, want)
	}
}
