package linkage

// Names knows how common names are, commune by commune: that two records of one
// commune say "Giàng Mí Sính" means less where every third man is a Giàng.
type Names struct {
	all      *shares
	communes map[string]*shares
}

// shares counts the parts of names, folded.
type shares struct {
	family, middle, given map[string]int
	whole                 map[string]map[int]bool // full name to the birth years it was seen with
	n                     int
}

func newShares() *shares {
	return &shares{family: map[string]int{}, middle: map[string]int{}, given: map[string]int{}, whole: map[string]map[int]bool{}}
}

func (s *shares) add(p *Person) {
	s.n++
	s.family[p.family()]++
	s.middle[p.middle()]++
	s.given[p.given()]++
	years := s.whole[p.typed]
	if years == nil {
		years = map[int]bool{}
		s.whole[p.typed] = years
	}
	years[p.Birth.Year] = true
}

// CountNames counts the names of prepared records.
func CountNames(people []Person) *Names {
	n := &Names{all: newShares(), communes: map[string]*shares{}}
	for i := range people {
		p := &people[i]
		n.all.add(p)
		c := n.communes[p.Commune]
		if c == nil {
			c = newShares()
			n.communes[p.Commune] = c
		}
		c.add(p)
	}
	return n
}

// chance is how likely somebody else of the commune has this name. The parts of
// a name are taken for independent of each other within a commune, where few
// peoples live; a name that several people have there counts as often as they
// are.
func (n *Names) chance(p *Person) float64 {
	c := n.communes[p.Commune]
	if c == nil || n.all.n == 0 {
		return 1e-3
	}
	part := func(in func(*shares) map[string]int, word string) float64 {
		const weight = 20 // of the province's share against the commune's
		local, wide := float64(in(c)[word]), float64(in(n.all)[word])/float64(n.all.n)
		return (local + weight*wide) / (float64(c.n) + weight)
	}
	by := part(func(s *shares) map[string]int { return s.family }, p.family()) *
		part(func(s *shares) map[string]int { return s.middle }, p.middle()) *
		part(func(s *shares) map[string]int { return s.given }, p.given())
	seen := float64(len(c.whole[p.typed])-1) / float64(c.n)
	return max(by, seen, 1e-6)
}

func compareNames(a, b *Person, names *Names) Evidence {
	if a.typed == "" || b.typed == "" {
		return Evidence{}
	}
	chance := max(names.chance(a), names.chance(b))
	switch {
	case a.written == b.written:
		return Evidence{LevelSame, min(14, bits(0.8, chance))}
	case a.plain == b.plain || a.typed == b.typed:
		return Evidence{LevelMarks, min(12, bits(0.13, chance))}
	case middleLeft(a, b):
		return Evidence{LevelNear, min(7, bits(0.03, names.rest(a, b)))}
	case oneLetter(a.joined, b.joined):
		return Evidence{LevelNear, min(8, bits(0.03, 4*chance))}
	case a.family() == b.family() && a.given() == b.given():
		return Evidence{LevelPartly, bits(0.003, 0.02)}
	}
	return Evidence{LevelDiffers, bits(0.004, 0.97)}
}

// rest is how likely somebody else has the family and given name of a and b.
func (n *Names) rest(a, b *Person) float64 {
	c := n.communes[a.Commune]
	if c == nil {
		return 1e-2
	}
	return max(1e-5, float64(c.family[a.family()])*float64(c.given[b.given()])/float64(c.n*c.n))
}

// middleLeft reports whether one name is the other without middle names.
func middleLeft(a, b *Person) bool {
	if len(a.words) > len(b.words) {
		a, b = b, a
	}
	return len(a.words) == 2 && len(b.words) > 2 && a.family() == b.family() && a.given() == b.given()
}

// shortest is below which one letter makes another name.
const shortest = 6

// oneLetter reports whether one letter wrong, missing, too many or exchanged
// with its neighbour makes b of a.
func oneLetter(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 || len(a) < shortest {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) < len(b) {
		return a[i:] == b[i+1:]
	}
	if i == len(a) {
		return true
	}
	if a[i+1:] == b[i+1:] {
		return true
	}
	return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}
