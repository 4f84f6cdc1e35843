package units

import "sync"

// Values of a sex column and field. SexAny appears only in NamePart.
const (
	SexMale   = "male"
	SexFemale = "female"
	SexAny    = "any"
)

// NamePart is one part of a person's name with its weight among the parts of
// the same people, position and sex.
type NamePart struct {
	// People is the code of an ethnic group, see Shares.
	People string
	// Position is family, middle or given, in the order they are written.
	Position string
	// Sex is one of the Sex constants.
	Sex  string
	Name string
	// Weight is in tenths of a percent for family names with a published share
	// and a guess for every other row, as Basis says: published or guess.
	Weight int
	Basis  string
}

// Share is the share of one ethnic group in the census of 2019. It mixes the
// names of synthetic people; no record ever stores a person's group.
type Share struct {
	People, Name string
	Persons      int
	Per10000     int
}

// DistrictShare is the assumed share of a group in one district; weighted by
// communes, the districts add up to Shares.
type DistrictShare struct {
	District Ref
	People   string
	Per10000 int
}

// VillagePart is a head (Nà) or a tail (Xá) that village names of a group's
// villages are made from.
type VillagePart struct {
	People, Position, Text string
}

// IDProvince is the meaning of the first three digits of an identity number.
type IDProvince struct {
	Digits, Name string
}

// IDCentury is the meaning of the fourth digit of an identity number.
type IDCentury struct {
	Digit               int
	FirstYear, LastYear int
	// Sex is SexMale or SexFemale.
	Sex string
}

// PhonePrefix is the first three digits of a ten-digit mobile number.
type PhonePrefix struct {
	Prefix, Operator string
	// OldPrefix began the eleven-digit number before September 2018; empty when
	// the prefix always began ten-digit numbers.
	OldPrefix string
	// Weight is a guess at how common the operator is in the mountains.
	Weight int
}

// Names returns every part of a name.
func Names() []NamePart { return names() }

// Shares returns the ethnic groups of Hà Giang in order of size, "other" last.
func Shares() []Share { return shares() }

// DistrictShares returns one row for each district and group.
func DistrictShares() []DistrictShare { return districtShares() }

// VillageParts returns the heads and tails of village names.
func VillageParts() []VillagePart { return villageParts() }

// IDProvinces returns the 63 province codes by digits. Numbers of people whose
// birth was registered abroad begin with a country code that is not listed.
func IDProvinces() []IDProvince { return idProvinces() }

// IDCenturies returns the ten century and sex digits in order.
func IDCenturies() []IDCentury { return idCenturies() }

// PhonePrefixes returns the mobile prefixes in order.
func PhonePrefixes() []PhonePrefix { return phonePrefixes() }

var (
	names = sync.OnceValue(func() []NamePart {
		var out []NamePart
		for _, r := range table("names.csv", "people", "position", "sex", "name", "weight", "basis") {
			out = append(out, NamePart{r[0], r[1], r[2], r[3], number("names.csv", r[4]), r[5]})
		}
		return out
	})

	shares = sync.OnceValue(func() []Share {
		const file = "ethnic_shares.csv"
		var out []Share
		for _, r := range table(file, "people", "name", "persons", "per_10000") {
			out = append(out, Share{r[0], r[1], number(file, r[2]), number(file, r[3])})
		}
		return out
	})

	districtShares = sync.OnceValue(func() []DistrictShare {
		const file = "ethnic_by_district.csv"
		var out []DistrictShare
		for _, r := range table(file, "list", "district", "people", "per_10000") {
			out = append(out, DistrictShare{Ref{r[0], r[1]}, r[2], number(file, r[3])})
		}
		return out
	})

	villageParts = sync.OnceValue(func() []VillagePart {
		var out []VillagePart
		for _, r := range table("village_parts.csv", "people", "position", "text") {
			out = append(out, VillagePart{r[0], r[1], r[2]})
		}
		return out
	})

	idProvinces = sync.OnceValue(func() []IDProvince {
		var out []IDProvince
		for _, r := range table("id_provinces.csv", "digits", "name") {
			out = append(out, IDProvince{r[0], r[1]})
		}
		return out
	})

	idCenturies = sync.OnceValue(func() []IDCentury {
		const file = "id_century_sex.csv"
		var out []IDCentury
		for _, r := range table(file, "digit", "first_year", "last_year", "sex") {
			out = append(out, IDCentury{number(file, r[0]), number(file, r[1]), number(file, r[2]), r[3]})
		}
		return out
	})

	phonePrefixes = sync.OnceValue(func() []PhonePrefix {
		const file = "phone_prefixes.csv"
		var out []PhonePrefix
		for _, r := range table(file, "prefix", "operator", "old_prefix", "weight") {
			out = append(out, PhonePrefix{r[0], r[1], r[2], number(file, r[3])})
		}
		return out
	})
)
