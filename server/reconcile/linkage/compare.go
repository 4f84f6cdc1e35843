package linkage

import (
	"math"

	"thonsync/syncproto"
)

// Field is one thing that is compared.
type Field uint8

// The fields, in the order in which they are explained.
const (
	FieldNumber Field = iota
	FieldName
	FieldBirth
	FieldSex
	FieldPlace
	FieldPhone
	fieldCount
)

// String gives the field's word.
func (f Field) String() string {
	return [fieldCount]string{"id_number", "full_name", "birth_date", "sex", "unit", "phone"}[f]
}

// Level says how two values of a field compare.
type Level uint8

// The levels. Not every field has all of them.
const (
	LevelMissing Level = iota // one of the two says nothing
	LevelSame
	LevelMarks   // the same letters, other marks
	LevelNear    // one letter or one middle name apart; day and month exchanged; a year apart
	LevelPartly  // family and given name alike; the same year; another village of the commune
	LevelDiffers //
)

// String gives the level's word.
func (l Level) String() string {
	return [...]string{"missing", "same", "marks", "near", "partly", "differs"}[l]
}

// Evidence is what one field says. Bits is the binary logarithm of how much
// likelier this is for one person than for two.
type Evidence struct {
	Level Level
	Bits  float64
}

// Comparison is two records compared, field by field.
type Comparison struct {
	Evidence [fieldCount]Evidence
	Bits     float64 // of all fields and of the odds before anything is known
}

// PriorBits is the weight before anything is compared: one in 850 records of a
// commune is about the same person.
//
// PriorBits is the weight before anything is compared: one in 850 records of a
// commune is about the same person.
const PriorBits = -9.7

// The likelihoods of each level in this file are for records of one person and of
// two persons of one commune. Those of one person follow from the error rates that
// were written down before (testdata/province, DefaultErrorRates); those of two
// persons from how many share the value by chance.
const (
	birthYears = 45.0
	birthDays  = 365 * birthYears
)

func bits(one, two float64) float64 { return math.Log2(one / two) }

// Compare compares two prepared records.
func Compare(a, b *Person, names *Names) Comparison {
	c := Comparison{Bits: PriorBits}
	c.Evidence = [fieldCount]Evidence{
		FieldNumber: compareNumbers(a, b),
		FieldName:   compareNames(a, b, names),
		FieldBirth:  compareBirths(a.Birth, b.Birth),
		FieldSex:    compareSexes(a, b),
		FieldPlace:  comparePlaces(a, b),
		FieldPhone:  comparePhones(a, b),
	}
	for _, e := range c.Evidence {
		c.Bits += e.Bits
	}
	return c
}

func compareNumbers(a, b *Person) Evidence {
	switch {
	case a.Number == Hash{} || b.Number == Hash{}:
		return Evidence{}
	case a.Number == b.Number:
		return Evidence{LevelSame, 20}
	}
	return Evidence{LevelDiffers, bits(0.02, 1)}
}

func compareBirths(a, b syncproto.Date) Evidence {
	if a.Year == 0 || b.Year == 0 {
		return Evidence{}
	}
	whole := wholeBirth(a) && wholeBirth(b)
	sameDay := a.Month == b.Month && a.Day == b.Day
	apart := a.Year - b.Year
	switch {
	case apart == 0 && whole && sameDay:
		return Evidence{LevelSame, bits(0.62, 1/birthDays)}
	case apart == 0 && whole && a.Month == b.Day && a.Day == b.Month:
		return Evidence{LevelNear, bits(0.006, 1/birthDays)}
	case apart == 0 && whole:
		return Evidence{LevelDiffers, bits(0.003, 1/birthYears)}
	case apart == 0:
		return Evidence{LevelPartly, bits(0.3, 1/birthYears)}
	case apart*apart == 1 && whole && sameDay:
		return Evidence{LevelNear, bits(0.01, 2/birthDays)}
	case apart*apart == 1 && !whole:
		return Evidence{LevelDiffers, bits(0.012, 2/birthYears)}
	}
	return Evidence{LevelDiffers, bits(0.002, 0.9)}
}

func compareSexes(a, b *Person) Evidence {
	switch {
	case a.Sex == "" || b.Sex == "":
		return Evidence{}
	case a.Sex == b.Sex:
		return Evidence{LevelSame, bits(0.99, 0.5)}
	}
	return Evidence{LevelDiffers, bits(0.006, 0.5)}
}

func comparePlaces(a, b *Person) Evidence {
	switch {
	case a.Village == b.Village:
		return Evidence{LevelSame, bits(0.95, 0.1)}
	case a.Commune == b.Commune:
		return Evidence{LevelPartly, bits(0.05, 0.9)}
	}
	return Evidence{LevelDiffers, bits(0.005, 0.995) - 7.6} // and there are 193 communes
}

func comparePhones(a, b *Person) Evidence {
	switch {
	case a.Phone == Hash{} || b.Phone == Hash{}:
		return Evidence{}
	case a.Phone == b.Phone:
		return Evidence{LevelSame, bits(0.75, 0.02)} // families share one
	}
	return Evidence{LevelDiffers, bits(0.25, 0.98)}
}
