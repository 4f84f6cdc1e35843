package province

import (
	"strconv"

	"thonsync/testdata/units"
)

// draft is a new activity while its fields are drawn, in order of the kind's
// fields, so that a later field can look at an earlier one.
type draft struct {
	g      *ActivityGen
	st     *teamState
	plan   *kindPlan
	on     Date
	stage  int // index into the kind's stages, 0 without
	result int
	who    *citizen
	op     []FieldValue
}

// create fills a with a new activity and remembers it.
func (g *ActivityGen) create(st *teamState, a *Activity) {
	plan := g.plans.kinds.pick(st.rng)
	d := draft{g: g, st: st, plan: plan, on: g.occurred(st)}
	a.Kind, a.Occurred = plan.code, d.on
	d.result = plan.results.draw.pick(st.rng)
	if plan.stages != nil {
		d.stage = plan.stages.opts.draw.pick(st.rng)
		if d.stage == len(plan.stages.opts.codes)-1 {
			d.result = 0
		}
	}
	if plan.person {
		d.who = g.someone(st, plan.code, d.on)
	}
	d.op = make([]FieldValue, 0, 5+len(plan.fields))
	d.op = append(d.op,
		FieldValue{NumUnit, "unit", st.unit},
		FieldValue{NumKind, "kind", plan.boxed},
		FieldValue{NumOccurred, "occurred", d.on},
		FieldValue{NumTeam, "team", st.team},
		FieldValue{NumResult, "result", plan.results.boxed[d.result]})
	var texts []FieldValue
	for i := range plan.fields {
		f := &plan.fields[i]
		if !chance(st.rng, f.pct) {
			continue
		}
		switch v := d.value(f); {
		case v == nil:
		case f.Personal:
			texts = append(texts, FieldValue{f.Num, f.Name, v})
		default:
			d.op = append(d.op, FieldValue{f.Num, f.Name, v})
		}
	}
	a.Op = d.op
	// Who did not agree to be recorded is not.
	if d.get("consent") == any("no") {
		d.who, texts = nil, nil
	}
	a.Personal = d.personal(texts)
	st.remember(remembered{
		index: a.Index, plan: plan, occurred: d.on, stage: d.stage, result: d.result,
		count: d.counted(), who: d.who,
	})
}

// occurred is the day of the stamp, or for what is entered late one before it.
func (g *ActivityGen) occurred(st *teamState) Date {
	back := 0
	switch n := st.rng.IntN(100); {
	case n >= 95:
		back = between(st.rng, 2, 6)
	case n >= 88:
		back = 1
	}
	return dateOf(st.clock.day - int64(back))
}

// personal joins citizen, note and the kind's own texts.
func (d *draft) personal(texts []FieldValue) []FieldValue {
	var out []FieldValue
	if d.who != nil {
		out = d.who.personal(chance(d.st.rng, d.plan.idPct))
	}
	if chance(d.st.rng, 12) {
		out = append(out, FieldValue{NumNote, "note", d.g.note(d.st, d.plan.code, d.on)})
	}
	return append(out, texts...)
}

// get is the value of an operational field drawn earlier, nil if not set.
func (d *draft) get(name string) any {
	for i := range d.op {
		if d.op[i].Name == name {
			return d.op[i].Value
		}
	}
	return nil
}

// counted is the number of people that the kind's counting field says.
func (d *draft) counted() int64 {
	if d.plan.count == nil {
		return 0
	}
	n, _ := d.get(d.plan.count.Name).(int64)
	return n
}

// value draws one field; nil means that it stays unset.
func (d *draft) value(f *fieldPlan) any {
	if f.special != nil {
		return f.special(d, f)
	}
	rng := d.st.rng
	switch f.Type {
	case units.TypeChoice:
		return f.opts.boxed[f.opts.draw.pick(rng)]
	case units.TypeChoices:
		return d.several(f, 3)
	case units.TypeInt:
		return int64(low(rng, f.lo, f.hi))
	case units.TypeBool:
		return chance(rng, 75)
	case units.TypeDate:
		return d.on.plus(between(rng, 1, 30))
	default:
		return d.g.phrase(d.st, &d.g.notes.action, d.on)
	}
}

// several draws one to most options, all different, in their order.
func (d *draft) several(f *fieldPlan, most int) []string {
	want := low(d.st.rng, 1, most)
	picked := 0
	for range want {
		picked |= 1 << f.opts.draw.pick(d.st.rng)
	}
	out := make([]string, 0, want)
	for i, code := range f.opts.codes {
		if picked&(1<<i) != 0 {
			out = append(out, code)
		}
	}
	return out
}

// resultIs says whether the drawn result is one of these.
func (d *draft) resultIs(codes ...string) bool {
	for _, c := range codes {
		if d.plan.results.codes[d.result] == c {
			return true
		}
	}
	return false
}

// specials draw the fields that depend on others, by name of field; a name means
// the same in every kind that has it.
var specials = map[string]func(*draft, *fieldPlan) any{
	"stage":          func(d *draft, f *fieldPlan) any { return f.opts.boxed[d.stage] },
	"audience_count": (*draft).people,
	"attendees":      (*draft).people,
	"people_count":   (*draft).people,
	"women_count": func(d *draft, _ *fieldPlan) any {
		return d.counted() * int64(between(d.st.rng, 35, 68)) / 100
	},
	"age_band":    (*draft).ageBand,
	"reason":      (*draft).reason,
	"appointment": (*draft).appointment,
	"obstacles":   (*draft).obstacles,
	"needs":       (*draft).needs,
	"os_major":    (*draft).osMajor,
	"guardian": func(d *draft, _ *fieldPlan) any {
		if d.who == nil || d.who.birth.age(d.on) >= 14 {
			return nil
		}
		return d.g.tables.fullName(d.st.rng, d.who.group, d.st.rng.IntN(2))
	},
	"submitted": func(d *draft, _ *fieldPlan) any { return d.resultIs("done") },
	"fee_online": func(d *draft, _ *fieldPlan) any {
		if !d.resultIs("done") {
			return nil
		}
		return chance(d.st.rng, 40)
	},
	"incident_reported": func(d *draft, _ *fieldPlan) any { return chance(d.st.rng, 9) },
	"passed_to_police": func(d *draft, _ *fieldPlan) any {
		if d.get("incident_reported") != any(true) {
			return nil
		}
		return chance(d.st.rng, 70)
	},
	"passed_to": func(d *draft, f *fieldPlan) any {
		if !d.resultIs("passed_on") {
			return nil
		}
		return f.opts.boxed[f.opts.draw.pick(d.st.rng)]
	},
	"follow_up_by": func(d *draft, _ *fieldPlan) any {
		if d.resultIs("solved") {
			return nil
		}
		return d.on.plus(between(d.st.rng, 5, 30))
	},
	"shop_created": func(d *draft, _ *fieldPlan) any { return d.resultIs("done") || chance(d.st.rng, 20) },
	"orders": func(d *draft, f *fieldPlan) any {
		if d.get("shop_created") != any(true) {
			return nil
		}
		return int64(low(d.st.rng, f.lo, f.hi))
	},
	"smartphones": func(d *draft, _ *fieldPlan) any {
		size, ok := d.get("household_size").(int64)
		if !ok {
			size = 4
		}
		return int64(low(d.st.rng, 0, int(min(size, 5))))
	},
	"place":   func(d *draft, _ *fieldPlan) any { return d.g.phrase(d.st, &d.g.notes.place, d.on) },
	"detail":  func(d *draft, _ *fieldPlan) any { return d.g.phrase(d.st, &d.g.notes.detail, d.on) },
	"trainer": (*draft).trainer,
	"dossier_ref": func(d *draft, _ *fieldPlan) any {
		return "***-" + strconv.Itoa(between(d.st.rng, 1000, 9999))
	},
	"household_ref": func(d *draft, _ *fieldPlan) any {
		return "Hộ số " + strconv.Itoa(between(d.st.rng, 1, 160))
	},
}

// people counts who came: nobody to what was not held.
func (d *draft) people(f *fieldPlan) any {
	switch {
	case d.resultIs("cancelled"):
		return int64(0)
	case d.resultIs("few_came"):
		return int64(between(d.st.rng, 1, max(f.lo, 4)))
	default:
		return int64(low(d.st.rng, f.lo, f.hi))
	}
}

func (d *draft) ageBand(*fieldPlan) any {
	age := d.who.birth.age(d.on)
	for _, b := range ageBands {
		if age <= b.years[1] {
			return b.code
		}
	}
	return ageBands[len(ageBands)-1].code
}

// reason of a card: nobody under 16 renews one yet.
func (d *draft) reason(f *fieldPlan) any {
	if d.who.birth.age(d.on) < 16 {
		return f.opts.boxed[0]
	}
	return f.opts.boxed[f.opts.draw.pick(d.st.rng)]
}

// appointment is set while the person still has to go there.
func (d *draft) appointment(*fieldPlan) any {
	if d.plan.stages.opts.codes[d.stage] != "booked" {
		return nil
	}
	return d.on.plus(between(d.st.rng, 2, 14))
}

// obstacles are named when something did not go well, and seldom otherwise.
func (d *draft) obstacles(f *fieldPlan) any {
	if d.resultIs("done") && !chance(d.st.rng, 8) {
		return nil
	}
	return d.several(f, 2)
}

// needs may be none, and then nothing else.
func (d *draft) needs(f *fieldPlan) any {
	list := d.several(f, 4)
	for _, code := range list {
		if code == "none" {
			return []string{"none"}
		}
	}
	return list
}

// osMajor fits the system drawn before it; other systems have no version.
func (d *draft) osMajor(*fieldPlan) any {
	switch d.get("os") {
	case any("android"):
		return int64(between(d.st.rng, 5, 14))
	case any("ios"):
		return int64(between(d.st.rng, 12, 18))
	default:
		return nil
	}
}

// trainer is a member when the team taught, otherwise a stranger.
func (d *draft) trainer(*fieldPlan) any {
	if d.get("trainer_type") == any("team") {
		return d.g.province.Members[d.st.author].Name
	}
	group := d.g.province.personGroup(d.st.rng, d.st.village)
	return d.g.tables.fullName(d.st.rng, group, d.st.rng.IntN(2))
}
