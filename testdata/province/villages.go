package province

import (
	"math/rand/v2"
	"strconv"
	"strings"

	"thonsync/testdata/units"
)

// addVillages gives communes[i] counts[i] villages.
func (p *Province) addVillages(rng *rand.Rand, communes []Unit, counts []int) {
	t := loadTables()
	inDistrict := map[UnitRef]int{}
	for i, commune := range communes {
		inDistrict[commune.Parent] += counts[i]
	}
	groups := map[UnitRef][]int{}
	for i, commune := range communes {
		mix := t.mix[commune.Parent]
		if groups[commune.Parent] == nil {
			groups[commune.Parent] = mix.quota(rng, inDistrict[commune.Parent])
		}
		taken := map[string]bool{}
		wards := 0
		for n := 1; n <= counts[i]; n++ {
			left := groups[commune.Parent]
			group := left[0]
			groups[commune.Parent] = left[1:]
			v := Unit{
				Ref:    UnitRef{List: units.ListVillages, Code: villageCode(commune.Code, n)},
				Level:  units.LevelVillage,
				Parent: commune.Ref,
			}
			switch {
			case commune.Code == knownCommune && n == 1:
				v.Type, v.Name = "Thôn", knownVillage
			case isTown(rng, commune):
				wards++
				v.Type, v.Name = "Tổ dân phố", strconv.Itoa(wards)
			default:
				v.Type, v.Name = "Thôn", t.villageName(rng, group, taken)
			}
			taken[v.Name] = true
			p.Villages = append(p.Villages, v)
			p.villageGroup = append(p.villageGroup, group)
			p.villageMix = append(p.villageMix, mix)
		}
	}
}

// isTown says whether the next village of a commune is a street block: always in
// a ward, half of them in a township.
func isTown(rng *rand.Rand, commune Unit) bool {
	switch commune.Type {
	case "Phường":
		return true
	case "Thị trấn":
		return chance(rng, 50)
	default:
		return false
	}
}

// villageName draws a name that is not taken in the commune.
func (t *tables) villageName(rng *rand.Rand, group int, taken map[string]bool) string {
	g := &t.groups[group]
	for {
		head, tail := g.heads[rng.IntN(len(g.heads))], g.tails[rng.IntN(len(g.tails))]
		if name := head + " " + tail; head != tail && !taken[name] {
			return name
		}
	}
}

// personGroup draws the group of a person who lives in a village: mostly the
// village's own, otherwise the district's mix, so that the mix is kept on the whole.
func (p *Province) personGroup(rng *rand.Rand, village int) int {
	if chance(rng, 82) {
		return p.villageGroup[village]
	}
	return p.villageMix[village].pick(rng)
}

// addTeams gives village i a team of sizes[i] members and their phones.
func (p *Province) addTeams(rng *rand.Rand, sizes []int) {
	for i, v := range p.Villages {
		team := Team{
			ID: newID(rng, i), Village: v.Ref, Commune: v.Parent,
			Name: "Tổ công nghệ số cộng đồng " + lowerFirst(v.FullName()),
		}
		for n := range sizes[i] {
			team.Members = append(team.Members, len(p.Members))
			p.addMember(rng, i, n)
		}
		team.Phones = p.addPhones(rng, i, team.Members)
		p.Teams = append(p.Teams, team)
	}
}

// firstYear is the year of the register, from which ages are counted.
const firstYear = 2025

// addMember appends the n-th member of a team. Leaders are village heads or party
// secretaries and older, the others are often from the youth union.
func (p *Province) addMember(rng *rand.Rand, team, n int) {
	t := loadTables()
	group := p.personGroup(rng, team)
	m := Member{ID: newID(rng, len(p.Members)), Team: team, Role: RoleMember}
	sex, age, hasNumber := 0, between(rng, 18, 52), 96
	switch {
	case n == 0:
		m.Role, age, hasNumber = RoleLeader, between(rng, 38, 70), 99
		sex = oneIf(chance(rng, 17))
	case n == 1:
		m.Role = RoleDeputy
		sex = oneIf(chance(rng, 38))
	default:
		sex = oneIf(chance(rng, 47))
	}
	m.Sex, m.BirthYear = sexes[sex], firstYear-age
	m.Name = t.fullName(rng, group, sex)
	if chance(rng, hasNumber) {
		m.PhoneNumber = t.phoneNumber(rng)
	}
	p.Members = append(p.Members, m)
	p.memberGroup = append(p.memberGroup, group)
}

// addPhones gives the members of a team their phones: in some teams one for all,
// otherwise about two for three members.
func (p *Province) addPhones(rng *rand.Rand, team int, members []int) []int {
	count := 1
	if !chance(rng, 15) {
		count = max(1, len(members)*between(rng, 45, 90)/100)
	}
	first := len(p.Phones)
	var out []int
	for i, member := range members {
		phone := first + i
		if i < count {
			p.Phones = append(p.Phones, Phone{ID: newID(rng, phone), Team: team})
			out = append(out, phone)
		} else {
			phone = first + rng.IntN(count)
		}
		p.Phones[phone].Members = append(p.Phones[phone].Members, member)
		p.Members[member].Phone = phone
	}
	return out
}

func oneIf(b bool) int {
	if b {
		return 1
	}
	return 0
}

// lowerFirst lowers the first letter of a unit type; all of them begin with T.
func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }
