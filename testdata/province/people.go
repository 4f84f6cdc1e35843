package province

import (
	"fmt"
	"math/rand/v2"
	"sync"

	"thonsync/testdata/units"
)

// names are the parts of one group's names.
type names struct {
	family       picker[string]
	middle       [2]picker[string] // by sex: male, female
	given        [2]picker[string]
	heads, tails []string // of village names
}

// tables are the embedded tables in the form that drawing needs. Immutable.
type tables struct {
	groups    []names
	groupCode []string
	// mix gives for each district the index of a group.
	mix      map[UnitRef]*picker[int]
	prefixes picker[string]
	births   picker[string] // first three digits of an identity number
	century  []units.IDCentury
}

var loadTables = sync.OnceValue(func() *tables {
	t := &tables{mix: map[UnitRef]*picker[int]{}, century: units.IDCenturies()}
	index := map[string]int{}
	for i, s := range units.Shares() {
		index[s.People] = i
		t.groupCode = append(t.groupCode, s.People)
	}
	t.groups = make([]names, len(index))
	for _, part := range units.Names() {
		t.groups[index[part.People]].add(part)
	}
	for _, part := range units.VillageParts() {
		g := &t.groups[index[part.People]]
		if part.Position == "head" {
			g.heads = append(g.heads, part.Text)
		} else {
			g.tails = append(g.tails, part.Text)
		}
	}
	for _, s := range units.DistrictShares() {
		if t.mix[s.District] == nil {
			t.mix[s.District] = &picker[int]{}
		}
		t.mix[s.District].add(index[s.People], s.Per10000)
	}
	for _, p := range units.PhonePrefixes() {
		t.prefixes.add(p.Prefix, p.Weight)
	}
	for _, p := range units.IDProvinces() {
		t.births.add(p.Digits, birthWeight(p.Digits))
	}
	return t
})

// birthWeight is how often a birth was registered in a province, for people who
// live in Hà Giang: nearly always there, sometimes in Tuyên Quang next to it.
func birthWeight(digits string) int {
	switch digits {
	case "002":
		return 1500
	case "008":
		return 35
	default:
		return 1
	}
}

func (n *names) add(part units.NamePart) {
	sex := sexIndex(part.Sex)
	switch part.Position {
	case "family":
		n.family.add(part.Name, part.Weight)
	case "middle":
		n.middle[sex].add(part.Name, part.Weight)
	default:
		n.given[sex].add(part.Name, part.Weight)
	}
}

func sexIndex(sex string) int {
	if sex == units.SexFemale {
		return 1
	}
	return 0
}

// sexes by index.
var sexes = [2]string{units.SexMale, units.SexFemale}

// fullName draws family, middle and given name. The given name differs from the
// middle one, as nobody is called Phong Phong.
func (t *tables) fullName(rng *rand.Rand, group, sex int) string {
	g := &t.groups[group]
	family, middle := g.family.pick(rng), g.middle[sex].pick(rng)
	given := g.given[sex].pick(rng)
	for given == middle || given == family {
		given = g.given[sex].pick(rng)
	}
	return family + " " + middle + " " + given
}

// phoneNumber draws a mobile number of ten digits.
func (t *tables) phoneNumber(rng *rand.Rand) string {
	var b [10]byte
	copy(b[:3], t.prefixes.pick(rng))
	digits(rng, b[3:])
	return string(b[:])
}

// identityNumber draws a number of the legal structure: three digits for the
// place where the birth was registered, one for century and sex, two for the
// year, six of pure chance. Two people may by chance get the same number, about
// as often as in a draw of one in a million among those of the same year and sex.
func (t *tables) identityNumber(rng *rand.Rand, sex, year int) string {
	var b [12]byte
	copy(b[:3], t.births.pick(rng))
	for _, c := range t.century {
		if c.Sex == sexes[sex] && c.FirstYear <= year && year <= c.LastYear {
			b[3] = '0' + byte(c.Digit)
		}
	}
	b[4], b[5] = '0'+byte(year%100/10), '0'+byte(year%10)
	digits(rng, b[6:])
	return string(b[:])
}

// digits fills b with decimal digits.
func digits(rng *rand.Rand, b []byte) {
	for i := range b {
		b[i] = '0' + byte(rng.IntN(10))
	}
}

// Date is a calendar date of which the day, or day and month, may be unknown (0).
type Date struct {
	Y, M, D int
}

// String gives YYYY-MM-DD, or the part of it that is known, or "" for the zero Date.
func (d Date) String() string {
	switch {
	case d.Y == 0:
		return ""
	case d.M == 0:
		return fmt.Sprintf("%04d", d.Y)
	case d.D == 0:
		return fmt.Sprintf("%04d-%02d", d.Y, d.M)
	default:
		return fmt.Sprintf("%04d-%02d-%02d", d.Y, d.M, d.D)
	}
}

// age is the age in full years on a day; without month and day it counts years.
func (d Date) age(on Date) int {
	years := on.Y - d.Y
	if d.M > on.M || d.M == on.M && d.D > on.D {
		years--
	}
	return max(years, 0)
}
