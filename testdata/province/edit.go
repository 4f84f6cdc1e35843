package province

// edit fills a with a change to one of the team's last activities.
func (g *ActivityGen) edit(st *teamState, a *Activity) {
	r := &st.recent[st.rng.IntN(len(st.recent))]
	a.EditOf, a.Kind, a.Occurred = r.index, r.plan.code, r.occurred
	switch n := st.rng.IntN(100); {
	case n < 42 && r.plan.stages != nil && r.stage < len(r.plan.stages.opts.codes)-1:
		g.nextStage(st, r, a)
	case n < 62 && (r.result != 0 || n >= 58):
		g.otherResult(st, r, a)
	case n < 78 && r.who != nil:
		r.who.phone = g.tables.phoneNumber(st.rng)
		a.Personal = []FieldValue{{NumPhone, "phone", r.who.phone}}
	case n < 90 && r.who != nil:
		g.correctPerson(st, r.who, a)
	case n < 90 && r.count > 0:
		// More people are remembered afterwards, never fewer than the women among them.
		r.count += int64(between(st.rng, 1, 6))
		a.Op = []FieldValue{{r.plan.count.Num, r.plan.count.Name, r.count}}
	default:
		a.Personal = []FieldValue{{NumNote, "note", g.note(st, r.plan.code, r.occurred)}}
	}
}

// nextStage moves a case on: the result becomes that of the new stage.
func (g *ActivityGen) nextStage(st *teamState, r *remembered, a *Activity) {
	stages := r.plan.stages
	r.stage++
	result := r.plan.results.draw.pick(st.rng)
	if r.stage == len(stages.opts.codes)-1 {
		result = 0
	}
	if result != r.result {
		r.result = result
		a.Op = append(a.Op, FieldValue{NumResult, "result", r.plan.results.boxed[result]})
	}
	a.Op = append(a.Op, FieldValue{stages.Num, stages.Name, stages.opts.boxed[r.stage]})
}

// otherResult settles what was not done; what was done turns out otherwise.
func (g *ActivityGen) otherResult(st *teamState, r *remembered, a *Activity) {
	result := 0
	for result == r.result {
		result = r.plan.results.draw.pick(st.rng)
	}
	r.result = result
	a.Op = append(a.Op, FieldValue{NumResult, "result", r.plan.results.boxed[result]})
	if f := r.plan.submitted; f != nil {
		a.Op = append(a.Op, FieldValue{f.Num, f.Name, result == 0})
	}
	if f := r.plan.attempt; f != nil && result == 0 {
		a.Op = append(a.Op, FieldValue{f.Num, f.Name, int64(between(st.rng, 2, f.hi))})
	}
}

// correctPerson completes a birth date when it was not known, else changes the
// name, as people do after a grave illness; sex and birth year stay, so the
// identity number still agrees.
func (g *ActivityGen) correctPerson(st *teamState, c *citizen, a *Activity) {
	if c.known != c.birth {
		c.known = c.birth
		a.Personal = []FieldValue{{NumBirthDate, "birth_date", c.known}}
		return
	}
	name := c.name
	for name == c.name {
		name = g.tables.fullName(st.rng, c.group, c.sex)
	}
	c.name = name
	a.Personal = []FieldValue{{NumFullName, "full_name", c.name}}
}
