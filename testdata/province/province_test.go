package province

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strconv"
	"testing"

	"golang.org/x/text/unicode/norm"

	"thonsync/testdata/units"
)

func TestWholeProvinceHasTheKnownCounts(t *testing.T) {
	for _, seed := range []uint64{1, 2, 1 << 63} {
		p := Generate(seed)
		levels := map[string]int{}
		for _, u := range p.Units {
			levels[u.Level]++
		}
		want := map[string]int{units.LevelProvince: 1, units.LevelDistrict: 11, units.LevelCommune: 193}
		if !reflect.DeepEqual(levels, want) {
			t.Errorf("seed %d: units %v, want %v", seed, levels, want)
		}
		if got := [3]int{len(p.Villages), len(p.Teams), len(p.Members)}; got != [3]int{2071, 2071, 12131} {
			t.Errorf("seed %d: villages, teams, members = %v", seed, got)
		}
	}
}

func TestSameSeedSameProvince(t *testing.T) {
	if !reflect.DeepEqual(Generate(7), Generate(7)) {
		t.Error("two runs with seed 7 differ")
	}
	a, b := Generate(7), Generate(8)
	if reflect.DeepEqual(a.Villages, b.Villages) || reflect.DeepEqual(a.Members, b.Members) {
		t.Error("seeds 7 and 8 give the same villages or members")
	}
	if !reflect.DeepEqual(Small(7, 4, 3), Small(7, 4, 3)) {
		t.Error("two small provinces with seed 7 differ")
	}
}

func TestVillagesHangInTheTree(t *testing.T) {
	p := Generate(3)
	seen, perCommune := map[UnitRef]bool{}, map[UnitRef]map[string]bool{}
	for i, v := range p.Villages {
		commune, ok := p.Commune(v.Parent.Code)
		if !ok || commune.Ref != v.Parent {
			t.Fatalf("village %s: its commune %v does not exist", v.Code, v.Parent)
		}
		if v.List != units.ListVillages || v.Code[:6] != commune.Code+"-" || len(v.Code) != 8 {
			t.Errorf("village code %v under commune %s", v.Ref, commune.Code)
		}
		if seen[v.Ref] {
			t.Errorf("village %v twice", v.Ref)
		}
		seen[v.Ref] = true
		if perCommune[v.Parent] == nil {
			perCommune[v.Parent] = map[string]bool{}
		}
		if perCommune[v.Parent][v.Name] {
			t.Errorf("commune %s has two villages %q", commune.Code, v.Name)
		}
		perCommune[v.Parent][v.Name] = true
		if p.Teams[i].Village != v.Ref || p.Teams[i].Commune != v.Parent {
			t.Errorf("team %d is not the team of village %v", i, v.Ref)
		}
		if v.Code == "00988-01" && v.FullName() != "Thôn Nà Xá" {
			t.Errorf("village 00988-01 is %q", v.FullName())
		}
	}
	if len(perCommune) != 193 {
		t.Errorf("%d communes have villages, want 193", len(perCommune))
	}
}

func TestTeamsAndPhonesHoldTogether(t *testing.T) {
	p := Generate(4)
	shared := 0
	for i, team := range p.Teams {
		if n := len(team.Members); n < 4 || n > 8 {
			t.Errorf("team %d has %d members", i, n)
		}
		roles := map[string]int{}
		for _, m := range team.Members {
			roles[p.Members[m].Role]++
			if p.Members[m].Team != i || p.Phones[p.Members[m].Phone].Team != i {
				t.Errorf("member %d does not point back to team %d", m, i)
			}
		}
		if roles[RoleLeader] != 1 || roles[RoleDeputy] != 1 {
			t.Errorf("team %d has roles %v", i, roles)
		}
		onPhones := 0
		for _, ph := range team.Phones {
			onPhones += len(p.Phones[ph].Members)
			if len(p.Phones[ph].Members) > 1 {
				shared++
			}
		}
		if onPhones != len(team.Members) {
			t.Errorf("team %d: %d members on phones, %d in the team", i, onPhones, len(team.Members))
		}
	}
	if shared < 1000 || shared == len(p.Phones) {
		t.Errorf("%d of %d phones are shared, want some and not all", shared, len(p.Phones))
	}
}

func TestIDsAreTimeOrderedUUIDs(t *testing.T) {
	p := Generate(5)
	last := ""
	for i, m := range p.Members {
		s := m.ID.String()
		if s <= last {
			t.Fatalf("member %d: id %s is not after %s", i, s, last)
		}
		if s[14] != '7' || (m.ID[8]&0xc0) != 0x80 || len(s) != 36 {
			t.Fatalf("member %d: %s is not a UUID of version 7", i, s)
		}
		last = s
	}
}

// Villages follow the shares of their district closely; what is left is chance
// among the sizes of the districts and the members, at most some two percent points.
func TestSharesAreNearTheCensus(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3, 4, 5} {
		p := Generate(seed)
		count := make([]int, len(units.Shares()))
		for _, g := range p.memberGroup {
			count[g]++
		}
		for i, s := range units.Shares() {
			got := count[i] * 10000 / len(p.Members)
			if d := got - s.Per10000; d < -250 || d > 250 {
				t.Errorf("seed %d: %s %d per 10,000, census %d", seed, s.Name, got, s.Per10000)
			}
		}
	}
}

// Neighbours are mostly of one group, so that names look alike within a village
// as duplicates checks will meet them.
func TestVillagesHoldTogether(t *testing.T) {
	p := Generate(1)
	same := 0
	for i, m := range p.Members {
		same += oneIf(p.memberGroup[i] == p.villageGroup[m.Team])
	}
	if pct := same * 100 / len(p.Members); pct < 80 || pct > 95 {
		t.Errorf("%d %% of the members belong to the group of their village", pct)
	}
}

func TestAllTextIsNFC(t *testing.T) {
	b, err := json.Marshal(Generate(6))
	if err != nil {
		t.Fatal(err)
	}
	if !norm.NFC.IsNormal(b) {
		t.Error("the province holds text that is not NFC")
	}
}

func TestSmallProvince(t *testing.T) {
	for _, c := range []struct{ communes, villages, wantCommunes, wantVillages int }{
		{1, 1, 1, 1}, {5, 12, 5, 60}, {193, 1, 193, 193}, {0, 0, 1, 1}, {1000, 1000, 193, 193 * 99},
	} {
		p := Small(9, c.communes, c.villages)
		communes := 0
		known := map[UnitRef]bool{}
		for _, u := range p.Units {
			known[u.Ref] = true
			if u.Level == units.LevelCommune {
				communes++
			}
			if u.Level != units.LevelProvince && !known[u.Parent] {
				t.Errorf("Small(%d, %d): parent of %v is missing or comes later", c.communes, c.villages, u.Ref)
			}
		}
		if communes != c.wantCommunes || len(p.Villages) != c.wantVillages || len(p.Teams) != c.wantVillages {
			t.Errorf("Small(%d, %d): %d communes, %d villages, %d teams", c.communes, c.villages, communes, len(p.Villages), len(p.Teams))
		}
		if _, ok := p.Commune("00988"); !ok {
			t.Errorf("Small(%d, %d) lacks Yên Định", c.communes, c.villages)
		}
	}
}

func TestIdentityNumberAgreesWithSexAndYear(t *testing.T) {
	tab, rng := loadTables(), rand.New(rand.NewPCG(1, 1))
	tails, native := map[string]bool{}, 0
	const draws = 20000
	for range draws {
		sex, year := rng.IntN(2), between(rng, 1925, 2025)
		id := tab.identityNumber(rng, sex, year)
		checkIdentityNumber(t, id, sexes[sex], year)
		tails[id[6:]] = true
		native += oneIf(id[:3] == "002")
	}
	// Of a million tails, 20,000 draws repeat about 200.
	if len(tails) < draws-400 {
		t.Errorf("%d different tails in %d draws", len(tails), draws)
	}
	if pct := native * 100 / draws; pct < 88 || pct > 97 {
		t.Errorf("%d %% of the numbers begin with 002", pct)
	}
}

// checkIdentityNumber reads the rule from the text of the circular, not from the
// table that the generator reads. Year 0 means that it is not known.
func checkIdentityNumber(t *testing.T, id, sex string, year int) {
	t.Helper()
	if len(id) != 12 {
		t.Fatalf("an identity number has %d characters", len(id))
	}
	if _, err := strconv.ParseUint(id, 10, 64); err != nil {
		t.Fatalf("an identity number is not all digits")
	}
	g := int(id[3] - '0')
	if female := g%2 == 1; female != (sex == "female") {
		t.Errorf("fourth digit %d with sex %s", g, sex)
	}
	if year != 0 && (g/2 != year/100-19 || id[4:6] != strconv.Itoa(year)[2:]) {
		t.Errorf("digits four to six %s with birth year %d", id[3:6], year)
	}
}

func BenchmarkGenerate(b *testing.B) {
	for b.Loop() {
		Generate(1)
	}
}
