// Package province makes a whole believable province of invented people from a
// seed: the real administrative units of Hà Giang before July 2025, and villages,
// teams, members, phones and a stream of activities that exist nowhere. It is
// pure: the same seed gives the same output on every machine, it reads nothing
// but the embedded tables of package units, no clock and no other randomness.
package province

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"

	"thonsync/testdata/units"
)

// Exact counts of the province that Generate makes.
const (
	VillageCount = 2071
	TeamCount    = VillageCount
	MemberCount  = 12131
)

// UnitRef identifies a unit by list version and code.
type UnitRef = units.Ref

// Unit is one administrative unit.
type Unit = units.Unit

// ID is a UUID: 48 bits of milliseconds, version 7, the rest drawn from the seed.
// IDs of one sort (team, member, phone) sort in the order of their indexes.
type ID [16]byte

// String gives the usual 36 characters, lower case.
func (id ID) String() string {
	var b [36]byte
	for i, from := 0, 0; from < 16; from++ {
		if from == 4 || from == 6 || from == 8 || from == 10 {
			b[i] = '-'
			i++
		}
		hex.Encode(b[i:i+2], id[from:from+1])
		i += 2
	}
	return string(b[:])
}

// MarshalText gives what String gives.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// Roles of a member.
const (
	RoleLeader = "leader"
	RoleDeputy = "deputy"
	RoleMember = "member"
)

// Team is the one team of a village.
type Team struct {
	ID ID
	// Village is the village's unit; Village i of Province.Villages has team i.
	Village UnitRef
	// Commune is the village's parent.
	Commune UnitRef
	Name    string
	// Members and Phones are indexes into Province.Members and Province.Phones.
	Members []int
	Phones  []int
}

// Member is a member of a team. The group that the name was drawn for is not
// recorded, as no real record may hold it.
type Member struct {
	ID ID
	// Team and Phone are indexes into Province.Teams and Province.Phones; Phone
	// is the phone that the member records on.
	Team, Phone int
	Name        string
	Sex         string
	BirthYear   int
	Role        string
	// PhoneNumber has ten digits, or is empty for a member without a number.
	PhoneNumber string
}

// Phone is a phone that records activities.
type Phone struct {
	ID   ID
	Team int
	// Members are the indexes of those who record on it, the owner first. A phone
	// with more than one is shared.
	Members []int
}

// Province is everything that Generate makes. It may be read by any number of
// goroutines.
type Province struct {
	Seed uint64
	// Units are the province, its districts, its communes, in this order.
	Units []Unit
	// Villages have the list version units.ListVillages, in order of code.
	Villages []Unit
	Teams    []Team
	Members  []Member
	Phones   []Phone

	// group and region of village i, for drawing names: indexes into the tables.
	villageGroup []int
	villageMix   []*picker[int]
	// memberGroup is kept so that a test can compare the shares with the census.
	memberGroup []int
}

// Commune returns the commune with that code, or false.
func (p *Province) Commune(code string) (Unit, bool) {
	for _, u := range p.Units {
		if u.Level == units.LevelCommune && u.Code == code {
			return u, true
		}
	}
	return Unit{}, false
}

// Generate makes the whole province: 11 districts, 193 communes, 2,071 villages
// with a team each, 12,131 members.
func Generate(seed uint64) *Province {
	rng := rand.New(rand.NewPCG(seed, streamProvince))
	all := units.Before()
	var communes []Unit
	for _, u := range all {
		if u.Level == units.LevelCommune {
			communes = append(communes, u)
		}
	}
	p := &Province{Seed: seed, Units: append([]Unit(nil), all...)}
	p.addVillages(rng, communes, spread(rng, VillageCount, len(communes)))
	p.addTeams(rng, teamSizes(rng, TeamCount, MemberCount))
	return p
}

// Small makes a part of a province for tests and demonstrations: that many
// communes, the first always Yên Định (00988), each with that many villages, the
// first of Yên Định always Thôn Nà Xá. Numbers outside 1..193 communes and 1..99
// villages are brought to the nearest bound. Teams have 4 to 8 members.
func Small(seed uint64, communes, villagesPerCommune int) *Province {
	rng := rand.New(rand.NewPCG(seed, streamProvince))
	communes = min(max(communes, 1), communeCount)
	villagesPerCommune = min(max(villagesPerCommune, 1), maxVillages)
	keep := someCommunes(rng, communes)
	p := &Province{Seed: seed}
	var chosen []Unit
	for _, u := range units.Before() {
		if u.Level == units.LevelProvince || keep[u.Ref] {
			p.Units = append(p.Units, u)
			if u.Level == units.LevelCommune {
				chosen = append(chosen, u)
			}
		}
	}
	counts := make([]int, len(chosen))
	for i := range counts {
		counts[i] = villagesPerCommune
	}
	p.addVillages(rng, chosen, counts)
	p.addTeams(rng, teamSizes(rng, len(p.Villages), 0))
	return p
}

const (
	communeCount = 193
	maxVillages  = 99
	// knownCommune and knownVillage are the example everybody in the project
	// speaks of, so they exist under every seed.
	knownCommune = "00988"
	knownVillage = "Nà Xá"
)

// Streams separate the generators that share a seed.
const (
	streamProvince = 0x70726f76696e6365
	streamActivity = 0x6163746976697479
)

// someCommunes chooses communes and marks them and their districts.
func someCommunes(rng *rand.Rand, n int) map[UnitRef]bool {
	var others []Unit
	keep := map[UnitRef]bool{}
	mark := func(u Unit) { keep[u.Ref], keep[u.Parent] = true, true }
	for _, u := range units.Before() {
		switch {
		case u.Level != units.LevelCommune:
		case u.Code == knownCommune:
			mark(u)
		default:
			others = append(others, u)
		}
	}
	rng.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
	for _, u := range others[:n-1] {
		mark(u)
	}
	return keep
}

// idBaseMS is 1 February 2025 in UTC, when the invented register begins.
const idBaseMS = 1738368000000

// newID makes the ID of the index-th thing of a sort; one second lies between
// two of them, so that the time prefix alone puts them in order.
func newID(rng *rand.Rand, index int) ID {
	var id ID
	ms := uint64(idBaseMS) + uint64(index)*1000 + rng.Uint64N(1000)
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	hi, lo := rng.Uint32(), rng.Uint64()
	id[6], id[7] = 0x70|byte(hi>>8)&0x0f, byte(hi)
	for i := range 8 {
		id[8+i] = byte(lo >> (56 - 8*i))
	}
	id[8] = 0x80 | id[8]&0x3f
	return id
}

// villageCode is the code of the n-th village of a commune, n from 1.
func villageCode(commune string, n int) string { return fmt.Sprintf("%s-%02d", commune, n) }
