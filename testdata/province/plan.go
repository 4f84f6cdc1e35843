package province

import (
	"sync"

	"thonsync/testdata/units"
)

// options are the values of a choice, boxed once, with the weights to draw them.
type options struct {
	draw  picker[int]
	codes []string
	boxed []any
}

// fieldPlan says how to draw one field of a kind.
type fieldPlan struct {
	units.Field
	// pct of 100 new activities set the field.
	pct    int
	opts   options
	lo, hi int
	// special replaces the usual draw; it may return nil for "not set".
	special func(*draft, *fieldPlan) any
}

// kindPlan says how to draw an activity of one kind.
type kindPlan struct {
	code    string
	boxed   any
	person  bool
	idPct   int
	results options
	stages  *fieldPlan // nil for a kind without stages
	// count is the field that counts people, attempt is attempt_no, submitted is
	// the field of that name; nil for a kind without it.
	count, attempt, submitted *fieldPlan
	fields                    []fieldPlan
}

type plans struct {
	kinds picker[*kindPlan]
	byage map[string]*picker[[2]int]
}

var loadPlans = sync.OnceValue(func() *plans {
	p := &plans{byage: map[string]*picker[[2]int]{}}
	for _, k := range units.Kinds() {
		p.kinds.add(newKindPlan(k), kindWeights[k.Code])
		ages := &picker[[2]int]{}
		for i, band := range ageBands {
			ages.add(band.years, ageWeights(k.Code)[i])
		}
		p.byage[k.Code] = ages
	}
	return p
})

func newKindPlan(k units.Kind) *kindPlan {
	plan := &kindPlan{
		code: k.Code, boxed: k.Code, person: k.Person, idPct: idPresence[k.Code],
		results: newOptions(k.Results, weightsOf(k.Code, "result")),
		fields:  make([]fieldPlan, 0, len(k.Fields)),
	}
	for _, f := range k.Fields {
		fp := fieldPlan{Field: f, pct: 70, special: specials[f.Name]}
		if f.Required {
			fp.pct = 100
		} else if pct, ok := lookup(presence, k.Code, f.Name); ok {
			fp.pct = pct
		}
		fp.opts = newOptions(f.Options, weightsOf(k.Code, f.Name))
		if r, ok := lookup(ranges, k.Code, f.Name); ok {
			fp.lo, fp.hi = r[0], r[1]
		}
		plan.fields = append(plan.fields, fp)
	}
	for i := range plan.fields {
		fp := &plan.fields[i]
		switch fp.Name {
		case "stage":
			plan.stages = fp
		case "audience_count", "attendees", "people_count":
			plan.count = fp
		case "attempt_no":
			plan.attempt = fp
		case "submitted":
			plan.submitted = fp
		}
	}
	return plan
}

// newOptions takes weight 10 for values that the weights do not name.
func newOptions(from []units.Option, weights map[string]int) options {
	var o options
	for i, opt := range from {
		weight, ok := weights[opt.Value]
		if !ok {
			weight = 10
		}
		o.codes, o.boxed = append(o.codes, opt.Value), append(o.boxed, opt.Value)
		o.draw.add(i, weight)
	}
	return o
}

// lookup finds the entry for "KIND.field", else the one for "field".
func lookup[T any](m map[string]T, kind, field string) (T, bool) {
	if v, ok := m[kind+"."+field]; ok {
		return v, true
	}
	v, ok := m[field]
	return v, ok
}

func weightsOf(kind, field string) map[string]int {
	w, _ := lookup(optionWeights, kind, field)
	return w
}
