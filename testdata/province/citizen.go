package province

import "strings"

// citizen is an invented person whom a team helps.
type citizen struct {
	name       string
	group, sex int
	birth      Date // true and complete
	known      Date // as the person can tell it: complete, year only, or zero
	idNumber   string
	phone      string
	address    string
}

// someone draws the citizen of an activity: a person the team has met before in
// one of five cases, if the age fits the kind, else a new one.
func (g *ActivityGen) someone(st *teamState, kind string, on Date) *citizen {
	ages := g.plans.byage[kind]
	if n := len(st.citizens); n > 0 && chance(st.rng, 20) {
		c := st.citizens[st.rng.IntN(n)]
		if youngest := ages.values[0][0]; c.birth.age(on) >= youngest {
			return c
		}
	}
	c := g.newCitizen(st, ages.pick(st.rng), on)
	st.meet(c)
	return c
}

func (g *ActivityGen) newCitizen(st *teamState, years [2]int, on Date) *citizen {
	rng := st.rng
	c := &citizen{group: g.province.personGroup(rng, st.village), sex: rng.IntN(2)}
	c.name = g.tables.fullName(rng, c.group, c.sex)
	// Born age years and some days before the day.
	age := between(rng, years[0], years[1])
	c.birth = Date{on.Y - age, on.M, min(on.D, 28)}.plus(-rng.IntN(364))
	exact, yearOnly := 88, 10
	if age >= 60 {
		exact, yearOnly = 65, 27
	}
	switch n := rng.IntN(100); {
	case n < exact:
		c.known = c.birth
	case n < exact+yearOnly:
		c.known = Date{Y: c.birth.Y}
	}
	if hasNumber := 97 - 27*oneIf(age < 14); chance(rng, hasNumber) {
		c.idNumber = g.tables.identityNumber(rng, c.sex, c.birth.Y)
	}
	hasPhone := 82
	switch {
	case age < 14:
		hasPhone = 12
	case age >= 60:
		hasPhone = 45
	}
	if chance(rng, hasPhone) {
		c.phone = g.tables.phoneNumber(rng)
	}
	if chance(rng, 35) {
		c.address = g.address(st)
	}
	return c
}

// address names the team's village and commune, as people say it.
func (g *ActivityGen) address(st *teamState) string {
	v := g.province.Villages[st.village]
	commune, _ := g.province.Commune(v.Parent.Code)
	return v.FullName() + ", " + strings.ToLower(commune.Type[:1]) + commune.Type[1:] + " " + commune.Name
}

// personal lists what an activity records of a citizen, in order of number.
func (c *citizen) personal(withID bool) []FieldValue {
	out := make([]FieldValue, 0, 8)
	if withID && c.idNumber != "" {
		out = append(out, FieldValue{NumIDNumber, "id_number", c.idNumber})
	}
	out = append(out, FieldValue{NumFullName, "full_name", c.name})
	if c.known != (Date{}) {
		out = append(out, FieldValue{NumBirthDate, "birth_date", c.known})
	}
	out = append(out, FieldValue{NumSex, "sex", sexes[c.sex]})
	if c.phone != "" {
		out = append(out, FieldValue{NumPhone, "phone", c.phone})
	}
	if c.address != "" {
		out = append(out, FieldValue{NumAddress, "address", c.address})
	}
	return out
}
