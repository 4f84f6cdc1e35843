package linkage

import (
	"cmp"
	"slices"
	"strconv"
)

// Verdict is what follows from a comparison.
type Verdict uint8

// The verdicts.
const (
	Apart   Verdict = iota // nothing is said of the two
	Suggest                // a person should look
	Link                   // the same identity number, and nothing speaks against it
)

// SuggestBits is from which on a pair is suggested. It was chosen on the
// population of seed 1 and measured on ten others; see TestLabelledPopulation
// and `make bench`.
const SuggestBits = 2.0

// Judge gives the verdict of a comparison. Nothing is ever linked on a name
// alone, and only the same identity number links without a person.
func Judge(c *Comparison) Verdict {
	e := &c.Evidence
	if e[FieldNumber].Level == LevelSame {
		if contradicted(e) {
			return Suggest
		}
		return Link
	}
	beside := e[FieldBirth].Level != LevelMissing && e[FieldBirth].Level != LevelDiffers || e[FieldPhone].Level == LevelSame
	if c.Bits >= SuggestBits && beside {
		return Suggest
	}
	return Apart
}

// contradicted reports whether two records with one identity number disagree so
// much that one number is likelier mistaken.
func contradicted(e *[fieldCount]Evidence) bool {
	against := 0
	for _, f := range []Field{FieldName, FieldBirth, FieldSex} {
		if e[f].Level == LevelDiffers {
			against++
		}
	}
	return against > 1 || e[FieldName].Level == LevelDiffers
}

// Pair is two records, by their places in the list, A before B.
type Pair struct {
	A, B    int
	Verdict Verdict
	Comparison
}

// Pairs compares what may be the same and gives what is worth saying, most
// certain first; equal ones in the order of the list.
func Pairs(people []Person, names *Names) []Pair {
	return PairsWith(people, names, func(int) bool { return true })
}

// PairsWith is Pairs for those pairs of which at least one is fresh.
func PairsWith(people []Person, names *Names, fresh func(i int) bool) []Pair {
	var out []Pair
	x := NewIndex(people)
	for i := range people {
		if !fresh(i) {
			continue
		}
		x.Candidates(&people[i], func(j int) {
			if j == i || j < i && fresh(j) {
				return // with itself, or met from the other side
			}
			a, b := min(i, j), max(i, j)
			c := Compare(&people[a], &people[b], names)
			if v := Judge(&c); v != Apart {
				out = append(out, Pair{a, b, v, c})
			}
		})
	}
	slices.SortFunc(out, func(x, y Pair) int {
		return cmp.Or(cmp.Compare(y.Bits, x.Bits), cmp.Compare(x.A, y.A), cmp.Compare(x.B, y.B))
	})
	return out
}

// key gives what a record must share with another for the two to be compared;
// "" for nothing.
type key func(*Person) string

// keys are the blocking passes: each catches what the mistakes that break the
// others leave whole.
var keys = []key{
	func(p *Person) string { return hashKey("n", p.Number) },
	func(p *Person) string { return hashKey("t", p.Phone) },
	func(p *Person) string { return nonEmpty("g", p.Commune, p.given()) },
	func(p *Person) string {
		if p.Birth.Year == 0 {
			return ""
		}
		return nonEmpty("f", p.Commune, p.family()+"/"+strconv.Itoa(p.Birth.Year))
	},
	func(p *Person) string {
		if !wholeBirth(p.Birth) {
			return ""
		}
		return nonEmpty("b", p.Commune, p.Birth.String())
	},
}

func hashKey(kind string, h Hash) string {
	if h == (Hash{}) {
		return ""
	}
	return kind + string(h[:])
}

func nonEmpty(kind, commune, word string) string {
	if word == "" {
		return ""
	}
	return kind + commune + "/" + word
}

// largestBlock is above which a block tells nothing: a telephone number that
// hundreds of records give is the team's own.
const largestBlock = 400

// Index finds those who share a blocking key. It is safe for concurrent reading.
type Index struct {
	own    [][]string // the keys of each person; "" where a block tells nothing
	blocks []map[string][]int
}

// NewIndex takes prepared records; it keeps their places in the list, not them.
func NewIndex(people []Person) *Index {
	x := &Index{own: make([][]string, len(people)), blocks: make([]map[string][]int, len(keys))}
	for i := range people {
		x.own[i] = ownKeys(&people[i])
	}
	for k := range keys {
		x.blocks[k] = map[string][]int{}
		for i := range people {
			if s := x.own[i][k]; s != "" {
				x.blocks[k][s] = append(x.blocks[k][s], i)
			}
		}
		for s, block := range x.blocks[k] {
			if len(block) <= largestBlock {
				continue
			}
			for _, i := range block {
				x.own[i][k] = "" // later passes may have the pair
			}
			delete(x.blocks[k], s)
		}
	}
	return x
}

func ownKeys(p *Person) []string {
	own := make([]string, len(keys))
	for k, of := range keys {
		own[k] = of(p)
	}
	return own
}

// Candidates calls f once for each place in the list that shares a key with p,
// that of p itself included if it is there.
func (x *Index) Candidates(p *Person, f func(i int)) {
	own := ownKeys(p)
	for k, s := range own {
		if s == "" {
			continue
		}
		for _, i := range x.blocks[k][s] {
			if !earlier(own, x.own[i], k) {
				f(i)
			}
		}
	}
}

// earlier reports whether an earlier pass has the pair already.
func earlier(a, b []string, k int) bool {
	for i := range k {
		if b[i] != "" && a[i] == b[i] {
			return true
		}
	}
	return false
}
