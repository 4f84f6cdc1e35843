package province

import (
	"math/rand/v2"
	"slices"
)

// Sighting is what one activity says of a citizen: what a volunteer wrote down,
// with the mistakes that volunteers make. Citizen is the truth that matching
// has to find.
type Sighting struct {
	Citizen int    // index of the true person
	Name    string // NFC
	Birth   Date   // month and day may be zero; all zero if not asked
	Sex     string // units.SexMale, units.SexFemale or ""
	Number  string // identity number, or ""
	Phone   string // telephone, or ""
	Village int    // index into Province.Villages of where it was recorded
}

// ErrorRates says how often, per 10,000, a volunteer gets something wrong or
// does not write it. They were written down before any threshold was chosen:
// DefaultErrorRates is a judgement from how the teams work (elderly people,
// small keyboards, names told aloud, messages without diacritics), not measured.
type ErrorRates struct {
	// Per sighting. The first four exclude each other.
	MarksDropped int // the whole name without diacritics, as in SMS
	MarkWrong    int // one tone or vowel mark wrong
	TelexLeft    int // the keys of a mark instead of the mark: Nguyeenx
	NameTyped    int // one letter wrong, missing or doubled
	MiddleLeft   int // a middle name left out
	NumberGiven  int // the number was written at all, if the citizen has one
	NumberTyped  int // one of its digits wrong
	BirthLeft    int // no birth date at all
	BirthYear    int // only the year, beyond those who know no more
	BirthFirst   int // first of January for an unknown day
	BirthSwapped int // day and month exchanged
	BirthOff     int // year off by one
	SexWrong     int
	SexLeft      int
	PhoneGiven   int
	PhoneFamily  int // somebody else's of the household
	Elsewhere    int // recorded in another village of the commune
	// Per citizen.
	NameChanged int // a Mông name that changes with marriage or illness, between two sightings
}

// DefaultErrorRates are those of the published measurement.
func DefaultErrorRates() ErrorRates {
	return ErrorRates{
		MarksDropped: 600, MarkWrong: 450, TelexLeft: 150, NameTyped: 150, MiddleLeft: 150,
		NumberGiven: 7000, NumberTyped: 100,
		BirthLeft: 300, BirthYear: 800, BirthFirst: 300, BirthSwapped: 60, BirthOff: 120,
		SexWrong: 30, SexLeft: 200, PhoneGiven: 5000, PhoneFamily: 1500, Elsewhere: 250,
		NameChanged: 40,
	}
}

// household is who lives together and shares names and telephones.
type household struct {
	village int
	group   int
	family  string
	phone   string
}

// Population draws citizens and what activities say of them: households share
// family names and telephones, children are named alike, and in a village of
// one people there are persons of the same name and year. The same arguments
// give the same result.
func (p *Province) Population(seed uint64, citizens int, e ErrorRates) []Sighting {
	rng := rand.New(rand.NewPCG(seed, streamPopulation))
	w := &census{province: p, tables: loadTables(), rng: rng, rates: e}
	var out []Sighting
	for n := 0; n < citizens; {
		h := w.household()
		size := between(rng, 2, 7)
		for i := 0; i < size && n < citizens; i++ {
			c := w.member(h, i)
			out = append(out, w.sightings(c, n, h)...)
			n++
		}
	}
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// streamPopulation keeps these draws apart from the province's own.
const streamPopulation = 0x706f70

type census struct {
	province *Province
	tables   *tables
	rng      *rand.Rand
	rates    ErrorRates
}

func (w *census) per(rate int) bool { return w.rng.IntN(10_000) < rate }

func (w *census) household() household {
	h := household{village: w.rng.IntN(len(w.province.Villages))}
	h.group = w.province.personGroup(w.rng, h.village)
	h.family = w.tables.groups[h.group].family.pick(w.rng)
	h.phone = w.tables.phoneNumber(w.rng)
	return h
}

// member draws person i of a household: the first two are the parents.
func (w *census) member(h household, i int) *citizen {
	rng := w.rng
	c := &citizen{group: h.group, sex: rng.IntN(2)}
	age := between(rng, 6, 34)
	if i < 2 {
		c.sex, age = i, between(rng, 24, 82)
	}
	g := &w.tables.groups[h.group]
	family, middle, given := h.family, g.middle[c.sex].pick(rng), g.given[c.sex].pick(rng)
	if i == 1 {
		family = g.family.pick(rng) // wives keep their own
	}
	for given == middle || given == family {
		given = g.given[c.sex].pick(rng)
	}
	c.name = family + " " + middle + " " + given
	c.birth = Date{2026 - age, 1, 1}.plus(rng.IntN(365))
	c.known = c.birth
	if known := 90 - 25*oneIf(age >= 60); !chance(rng, known) {
		c.known = Date{Y: c.birth.Y}
	}
	if hasNumber := 97 - 27*oneIf(age < 14); chance(rng, hasNumber) {
		c.idNumber = w.tables.identityNumber(rng, c.sex, c.birth.Y)
	}
	switch {
	case chance(rng, 70-55*oneIf(age < 14)):
		c.phone = w.tables.phoneNumber(rng)
	case chance(rng, 60):
		c.phone = h.phone
	}
	return c
}

// sightings writes a citizen down one to six times.
func (w *census) sightings(c *citizen, index int, h household) []Sighting {
	n := 1
	for n < 6 && chance(w.rng, 42) {
		n++
	}
	change := n
	if n > 1 && w.per(w.rates.NameChanged) {
		change = between(w.rng, 1, n-1)
	}
	out := make([]Sighting, 0, n)
	for i := range n {
		if i == change {
			c.name = w.tables.fullName(w.rng, c.group, c.sex)
		}
		out = append(out, Sighting{
			Citizen: index, Name: w.wrote(c.name), Birth: w.birth(c), Sex: w.sex(c),
			Number: w.number(c), Phone: w.phone(c, h), Village: w.village(h),
		})
	}
	return out
}

func (w *census) birth(c *citizen) Date {
	e, d := &w.rates, c.known
	switch {
	case w.per(e.BirthLeft):
		return Date{}
	case w.per(e.BirthOff):
		d.Y += 1 - 2*w.rng.IntN(2)
	}
	switch {
	case d.M == 0:
		if w.per(e.BirthFirst) {
			d.M, d.D = 1, 1
		}
	case w.per(e.BirthYear):
		return Date{Y: d.Y}
	case d.D <= 12 && w.per(e.BirthSwapped):
		d.M, d.D = d.D, d.M
	}
	return d
}

func (w *census) sex(c *citizen) string {
	switch {
	case w.per(w.rates.SexLeft):
		return ""
	case w.per(w.rates.SexWrong):
		return sexes[1-c.sex]
	}
	return sexes[c.sex]
}

func (w *census) number(c *citizen) string {
	if c.idNumber == "" || !w.per(w.rates.NumberGiven) {
		return ""
	}
	if !w.per(w.rates.NumberTyped) {
		return c.idNumber
	}
	b := []byte(c.idNumber)
	i := between(w.rng, 6, 11) // the first six are cross-checked as one types
	b[i] = '0' + (b[i]-'0'+byte(between(w.rng, 1, 9)))%10
	return string(b)
}

func (w *census) phone(c *citizen, h household) string {
	switch {
	case !w.per(w.rates.PhoneGiven):
		return ""
	case w.per(w.rates.PhoneFamily):
		return h.phone
	}
	return c.phone
}

// village is where it was recorded: at home, or where the market is.
func (w *census) village(h household) int {
	if !w.per(w.rates.Elsewhere) {
		return h.village
	}
	vs := w.province.Villages
	first := slices.IndexFunc(vs, func(u Unit) bool { return u.Parent == vs[h.village].Parent })
	last := first
	for last+1 < len(vs) && vs[last+1].Parent == vs[first].Parent {
		last++
	}
	return between(w.rng, first, last)
}
