package province

import (
	"math/rand/v2"
	"testing"

	"golang.org/x/text/unicode/norm"
)

// TestPopulation: the labelled population is reproducible, holds people of the
// same name, and every kind of mistake.
func TestPopulation(t *testing.T) {
	p := Generate(1)
	const citizens = 20_000
	list := p.Population(7, citizens, DefaultErrorRates())
	if again := p.Population(7, citizens, DefaultErrorRates()); len(again) != len(list) || again[100] != list[100] {
		t.Error("the same seed gives another population")
	}
	if n := len(list); n < citizens*5/4 || n > citizens*9/4 {
		t.Errorf("%d sightings of %d citizens", n, citizens)
	}
	byCitizen := map[int][]Sighting{}
	names := map[string]map[int]bool{}
	numbers := 0
	for _, s := range list {
		if !norm.NFC.IsNormalString(s.Name) {
			t.Fatalf("name %q is not NFC", s.Name)
		}
		byCitizen[s.Citizen] = append(byCitizen[s.Citizen], s)
		if names[s.Name] == nil {
			names[s.Name] = map[int]bool{}
		}
		names[s.Name][s.Citizen] = true
		numbers += oneIf(s.Number != "")
	}
	homonyms, renamed, moved := 0, 0, 0
	for _, who := range names {
		homonyms += oneIf(len(who) > 1)
	}
	for _, list := range byCitizen {
		for _, s := range list[1:] {
			renamed += oneIf(s.Name != list[0].Name)
			moved += oneIf(s.Village != list[0].Village)
		}
	}
	if len(byCitizen) != citizens || homonyms < 500 || renamed < 500 || moved < 50 || numbers < len(list)/2 {
		t.Errorf("%d citizens, %d names of several, %d names written otherwise, %d recorded elsewhere, %d numbers", len(byCitizen), homonyms, renamed, moved, numbers)
	}
}

// TestMiswriting names what each kind of mistake makes of a name.
func TestMiswriting(t *testing.T) {
	if got := plainLetters("Nguyễn Thị Đào"); got != "Nguyen Thi Dao" {
		t.Errorf("without marks: %q", got)
	}
	w := &census{rng: rand.New(rand.NewPCG(1, 1)), rates: ErrorRates{TelexLeft: 10_000}}
	seen := map[string]bool{}
	for range 50 {
		seen[w.wrote("Nguyễn Thị Đào")] = true
	}
	for _, want := range []string{"Nguyeenx Thị Đào", "Nguyễn Thij Đào", "Nguyễn Thị Ddaof"} {
		if !seen[want] {
			t.Errorf("%q is not among %v", want, seen)
		}
	}
}
