package province

import (
	"slices"
	"strings"
	"testing"

	"thonsync/testdata/units"
)

// kindsByCode gives the fields of each kind by name, for checking values.
func kindsByCode() map[string]units.Kind {
	m := map[string]units.Kind{}
	for _, k := range units.Kinds() {
		m[k.Code] = k
	}
	return m
}

func TestFieldsFollowTheirKind(t *testing.T) {
	kinds := kindsByCode()
	_, activities := stream(20, 30000)
	for _, a := range activities {
		checkOrder(t, a.Op)
		checkOrder(t, a.Personal)
		for _, f := range a.Op {
			if f.Num >= 32 || f.Name == "result" {
				checkValue(t, kinds[a.Kind], f, false)
			}
		}
		for _, f := range a.Personal {
			if f.Num >= 32 {
				checkValue(t, kinds[a.Kind], f, true)
			}
		}
		if a.EditOf < 0 {
			checkComplete(t, kinds[a.Kind], a)
		}
		if t.Failed() {
			t.Fatalf("first wrong entry: %d, kind %s", a.Index, a.Kind)
		}
	}
}

func checkOrder(t *testing.T, fields []FieldValue) {
	t.Helper()
	if !slices.IsSortedFunc(fields, func(a, b FieldValue) int { return a.Num - b.Num }) {
		t.Error("fields are not in order of number")
	}
	for i := 1; i < len(fields); i++ {
		if fields[i].Num == fields[i-1].Num {
			t.Errorf("field %d is set twice", fields[i].Num)
		}
	}
}

// checkComplete looks for what a new activity must have.
func checkComplete(t *testing.T, k units.Kind, a Activity) {
	t.Helper()
	f := fieldsOf(a)
	want := map[string]any{"op.unit": a.Unit.String(), "op.kind": a.Kind, "op.occurred": a.Occurred}
	for name, v := range want {
		if f[name] != v {
			t.Errorf("%s = %v, want %v", name, f[name], v)
		}
	}
	for _, name := range []string{"op.team", "op.result"} {
		if f[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
	for _, field := range k.Fields {
		if field.Required && f["op."+field.Name] == nil {
			t.Errorf("required field %s is missing", field.Name)
		}
	}
	named := f["personal.full_name"] != nil
	if refused := f["op.consent"] == any("no"); named == (refused || !k.Person) {
		t.Errorf("person %v, refused %v, but name recorded %v", k.Person, refused, named)
	}
	if k.Person && !k.NameOptional && !named {
		t.Errorf("kind %s asks for a name, which is missing", k.Code)
	}
	if f["op.consent"] == any("no") && f["personal.household_ref"] != nil {
		t.Error("a household that refused is recorded")
	}
}

// checkValue compares a value with the definition of its field.
func checkValue(t *testing.T, k units.Kind, f FieldValue, personal bool) {
	t.Helper()
	def := units.Field{Num: NumResult, Name: "result", Type: units.TypeChoice, Options: k.Results}
	if f.Name != "result" {
		i := slices.IndexFunc(k.Fields, func(d units.Field) bool { return d.Name == f.Name })
		if i < 0 {
			t.Errorf("kind %s has no field %s", k.Code, f.Name)
			return
		}
		def = k.Fields[i]
	}
	if def.Num != f.Num || def.Personal != personal {
		t.Errorf("field %s: number %d, personal %v", f.Name, f.Num, personal)
	}
	if !valueFits(def, f.Value) {
		t.Errorf("field %s of type %s does not take %v", f.Name, def.Type, f.Value)
	}
}

func valueFits(def units.Field, value any) bool {
	known := func(code string) bool {
		return slices.ContainsFunc(def.Options, func(o units.Option) bool { return o.Value == code })
	}
	switch v := value.(type) {
	case string:
		return def.Type == units.TypeText && v != "" || def.Type == units.TypeChoice && known(v)
	case int64:
		return def.Type == units.TypeInt && v >= *def.Min && v <= *def.Max
	case bool:
		return def.Type == units.TypeBool
	case Date:
		return def.Type == units.TypeDate && v.D != 0
	case []string:
		if def.Type != units.TypeChoices || len(v) == 0 {
			return false
		}
		return !slices.ContainsFunc(v, func(code string) bool { return !known(code) })
	default:
		return false
	}
}

func TestFieldsAgreeWithEachOther(t *testing.T) {
	_, activities := stream(21, 30000)
	seen := map[string]int{}
	for _, a := range activities {
		if a.EditOf >= 0 {
			continue
		}
		f := fieldsOf(a)
		if women, ok := f["op.women_count"].(int64); ok {
			for _, count := range []string{"op.audience_count", "op.attendees"} {
				if n, ok := f[count].(int64); ok && women > n {
					t.Errorf("%d women of %d people", women, n)
				}
			}
		}
		if size, ok := f["op.household_size"].(int64); ok && f["op.smartphones"] != nil && f["op.smartphones"].(int64) > size {
			t.Errorf("%v smartphones in a household of %d", f["op.smartphones"], size)
		}
		if a.Kind == "DVC" && f["op.submitted"] != any(f["op.result"] == any("done")) {
			t.Errorf("DVC submitted %v with result %v", f["op.submitted"], f["op.result"])
		}
		checkAge(t, a, f, seen)
	}
	for _, must := range []string{"child with guardian", "child", "adult"} {
		if seen[must] == 0 {
			t.Errorf("no %s in the sample, so the rule was not tried", must)
		}
	}
}

// checkAge compares the age band with a complete birth date, and holds that only
// children have guardians and no child under six has a level-2 dossier.
func checkAge(t *testing.T, a Activity, f map[string]any, seen map[string]int) {
	t.Helper()
	born, ok := f["personal.birth_date"].(Date)
	if !ok || born.D == 0 {
		return
	}
	age := a.Occurred.Y - born.Y
	if born.M > a.Occurred.M || born.M == a.Occurred.M && born.D > a.Occurred.D {
		age--
	}
	group := "adult"
	if age < 14 {
		group = "child"
		if f["personal.guardian"] != nil {
			seen["child with guardian"]++
		}
	} else if f["personal.guardian"] != nil {
		t.Errorf("a person of %d years has a guardian", age)
	}
	seen[group]++
	if a.Kind == "DD2" && age < 6 {
		t.Errorf("level-2 dossier at %d years", age)
	}
	band, ok := f["op.age_band"].(string)
	if !ok {
		return
	}
	from, _, _ := strings.Cut(band, "_")
	want := map[string][2]int{"0": {0, 5}, "6": {6, 13}, "14": {14, 24}, "25": {25, 39}, "40": {40, 59}, "60": {60, 200}}[from]
	if age < want[0] || age > want[1] {
		t.Errorf("age band %s at %d years", band, age)
	}
}

// Every key of the weights names something that exists; a typo would silently
// weigh nothing.
func TestWeightsNameWhatExists(t *testing.T) {
	fields := map[string][]string{} // "KIND.field" and "field" to the values
	for _, k := range units.Kinds() {
		if kindWeights[k.Code] == 0 {
			t.Errorf("kind %s has no weight", k.Code)
		}
		if _, ok := idPresence[k.Code]; ok != k.Person {
			t.Errorf("kind %s: about a person %v, share of identity numbers %v", k.Code, k.Person, ok)
		}
		for _, f := range append(k.Fields, units.Field{Name: "result", Options: k.Results}) {
			for _, o := range f.Options {
				fields[k.Code+"."+f.Name] = append(fields[k.Code+"."+f.Name], o.Value)
				fields[f.Name] = append(fields[f.Name], o.Value)
			}
			if f.Options == nil {
				fields[k.Code+"."+f.Name], fields[f.Name] = []string{}, []string{}
			}
		}
	}
	for key, weights := range optionWeights {
		for value := range weights {
			if !slices.Contains(fields[key], value) {
				t.Errorf("optionWeights[%s] names %s, which does not exist", key, value)
			}
		}
	}
	for key := range presence {
		if _, ok := fields[key]; !ok {
			t.Errorf("presence[%s]: no such field", key)
		}
	}
	for key := range ranges {
		if _, ok := fields[key]; !ok {
			t.Errorf("ranges[%s]: no such field", key)
		}
	}
	for name := range specials {
		if _, ok := fields[name]; !ok {
			t.Errorf("specials[%s]: no such field", name)
		}
	}
}
