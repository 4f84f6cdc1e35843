// Package linkagetest measures record linkage on a labelled population.
package linkagetest

import (
	"crypto/sha256"

	"thonsync/server/reconcile/linkage"
	"thonsync/syncproto"
	"thonsync/testdata/province"
)

// Quality is how well pairs of records about one person were found.
type Quality struct {
	Records, Pairs       int // records, and pairs of them that are about one person
	Found, Right         int // suggested or linked, and rightly
	Linked, LinkedRight  int // linked without a person
	SameNumber           int // true pairs with one number on both
	Baseline, BaselineOK int // the baseline: exact name and birth year in one commune
}

// Precision is the share of what was found that is right.
func (q Quality) Precision() float64 { return share(q.Right, q.Found) }

// Recall is the share of the true pairs that were found.
func (q Quality) Recall() float64 { return share(q.Right, q.Pairs) }

// BaselinePrecision and BaselineRecall are those of the baseline.
func (q Quality) BaselinePrecision() float64 { return share(q.BaselineOK, q.Baseline) }

// BaselineRecall is the share of the true pairs that the baseline finds.
func (q Quality) BaselineRecall() float64 { return share(q.BaselineOK, q.Pairs) }

// LinkedShare is the share of true pairs with one number that were linked
// without a person.
func (q Quality) LinkedShare() float64 { return share(q.LinkedRight, q.SameNumber) }

func share(n, of int) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

// Measure draws a population of the province and looks for its pairs.
func Measure(p *province.Province, seed uint64, citizens int, rates province.ErrorRates) Quality {
	list := p.Population(seed, citizens, rates)
	people := People(p, list)
	q := Quality{Records: len(people)}
	q.count(list)
	for _, pair := range linkage.Pairs(people, linkage.CountNames(people)) {
		right := list[pair.A].Citizen == list[pair.B].Citizen
		q.Found++
		q.Right += one(right)
		if pair.Verdict == linkage.Link {
			q.Linked++
			q.LinkedRight += one(right)
		}
	}
	return q
}

// People gives what linkage compares of sightings, prepared.
func People(p *province.Province, list []province.Sighting) []linkage.Person {
	people := make([]linkage.Person, len(list))
	for i := range list {
		people[i] = person(p, &list[i])
	}
	return people
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

func person(p *province.Province, s *province.Sighting) linkage.Person {
	v := p.Villages[s.Village]
	x := linkage.Person{
		Name: s.Name, Sex: s.Sex, Birth: syncproto.Date{Year: s.Birth.Y, Month: s.Birth.M, Day: s.Birth.D},
		Village: v.List + ":" + v.Code, Commune: v.Parent.List + ":" + v.Parent.Code,
		Number: hash(s.Number), Phone: hash(s.Phone),
	}
	x.Prepare()
	return x
}

func hash(number string) (h linkage.Hash) {
	if number == "" {
		return h
	}
	sum := sha256.Sum256([]byte(number))
	copy(h[:], sum[:])
	return h
}

// count counts the true pairs, and what the baseline finds.
func (q *Quality) count(list []province.Sighting) {
	type plain struct {
		name    string
		year    int
		village int
	}
	citizens, numbers := map[int]int{}, map[string]map[int]int{}
	same := map[plain]map[int]int{}
	for _, s := range list {
		citizens[s.Citizen]++
		if s.Number != "" {
			bump(numbers, s.Number, s.Citizen)
		}
		if s.Birth.Y != 0 {
			bump(same, plain{s.Name, s.Birth.Y, s.Village}, s.Citizen)
		}
	}
	for _, n := range citizens {
		q.Pairs += pairs(n)
	}
	for _, who := range numbers {
		for _, n := range who {
			q.SameNumber += pairs(n)
		}
	}
	for _, who := range same {
		all := 0
		for _, n := range who {
			all += n
			q.BaselineOK += pairs(n)
		}
		q.Baseline += pairs(all)
	}
}

func bump[K comparable](m map[K]map[int]int, k K, citizen int) {
	if m[k] == nil {
		m[k] = map[int]int{}
	}
	m[k][citizen]++
}

func pairs(n int) int { return n * (n - 1) / 2 }

// Add adds the counts of another population.
func (q *Quality) Add(o Quality) {
	q.Records, q.Pairs = q.Records+o.Records, q.Pairs+o.Pairs
	q.Found, q.Right = q.Found+o.Found, q.Right+o.Right
	q.Linked, q.LinkedRight = q.Linked+o.Linked, q.LinkedRight+o.LinkedRight
	q.SameNumber = q.SameNumber + o.SameNumber
	q.Baseline, q.BaselineOK = q.Baseline+o.Baseline, q.BaselineOK+o.BaselineOK
}
