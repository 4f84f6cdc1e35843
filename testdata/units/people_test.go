package units_test

import (
	"regexp"
	"testing"

	"thonsync/testdata/units"
)

func TestSharesAddUp(t *testing.T) {
	sum := 0
	for _, s := range units.Shares() {
		sum += s.Per10000
	}
	if sum != 10000 {
		t.Errorf("the census shares add up to %d of 10,000", sum)
	}
	perDistrict := map[units.Ref]int{}
	for _, s := range units.DistrictShares() {
		perDistrict[s.District] += s.Per10000
	}
	if len(perDistrict) != 11 {
		t.Errorf("%d districts have shares, want 11", len(perDistrict))
	}
	for d, sum := range perDistrict {
		if sum != 10000 {
			t.Errorf("district %v: shares add up to %d of 10,000", d, sum)
		}
	}
}

// Weighted by their communes, the districts give back the census.
func TestDistrictsGiveBackTheCensus(t *testing.T) {
	communes, all := map[units.Ref]int{}, 0
	for _, u := range units.Before() {
		if u.Level == units.LevelCommune {
			communes[u.Parent]++
			all++
		}
	}
	got := map[string]int{}
	for _, s := range units.DistrictShares() {
		got[s.People] += s.Per10000 * communes[s.District]
	}
	for _, s := range units.Shares() {
		if d := got[s.People]/all - s.Per10000; d < -5 || d > 5 {
			t.Errorf("%s: districts give %d of 10,000, census %d", s.Name, got[s.People]/all, s.Per10000)
		}
	}
}

func TestEveryGroupHasNames(t *testing.T) {
	have := map[[3]string]int{}
	for _, n := range units.Names() {
		if n.Weight <= 0 || n.Name == "" || n.Basis != "guess" && n.Basis != "published" {
			t.Errorf("%s %s %s: weight %d, basis %q", n.People, n.Position, n.Sex, n.Weight, n.Basis)
		}
		have[[3]string{n.People, n.Position, n.Sex}]++
	}
	for _, s := range units.Shares() {
		for _, part := range [][2]string{
			{"family", units.SexAny},
			{"middle", units.SexMale}, {"middle", units.SexFemale},
			{"given", units.SexMale}, {"given", units.SexFemale},
		} {
			if have[[3]string{s.People, part[0], part[1]}] < 3 {
				t.Errorf("%s has too few %s names for %s", s.Name, part[0], part[1])
			}
		}
	}
}

func TestNumberTables(t *testing.T) {
	threeDigits := regexp.MustCompile(`^0[0-9]{2}$`)
	if n := len(units.IDProvinces()); n != 63 {
		t.Errorf("%d province codes, want 63", n)
	}
	for _, p := range units.IDProvinces() {
		if !threeDigits.MatchString(p.Digits) {
			t.Errorf("province code %q", p.Digits)
		}
	}
	for i, c := range units.IDCenturies() {
		sex := []string{units.SexMale, units.SexFemale}[i%2]
		if c.Digit != i || c.FirstYear != 1900+i/2*100 || c.LastYear != c.FirstYear+99 || c.Sex != sex {
			t.Errorf("digit %d: %+v", i, c)
		}
	}
	moved := 0
	for _, p := range units.PhonePrefixes() {
		if !threeDigits.MatchString(p.Prefix) || p.Weight <= 0 {
			t.Errorf("prefix %+v", p)
		}
		if p.OldPrefix != "" {
			moved++
		}
	}
	if moved != 21 {
		t.Errorf("%d prefixes were moved in 2018, want 21", moved)
	}
}
