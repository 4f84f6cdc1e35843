package main

import (
	"fmt"

	"thonsync/server/reconcile/linkage/linkagetest"
	"thonsync/testdata/province"
)

// The populations that linkage is measured on. The threshold was chosen on seed
// 1, which is not among the ten.
const (
	linkageFirst, linkageLast = 2, 11
	linkageCitizens           = 10_000
	linkageAll                = 100_000
)

// linkageSuite measures how well records about one person are found, beside the
// baseline of exact name, birth year and village.
func linkageSuite(emit func(line)) error {
	var sum linkagetest.Quality
	for seed := uint64(linkageFirst); seed <= linkageLast; seed++ {
		sum.Add(linkagetest.Measure(province.Small(seed, 20, 10), seed, linkageCitizens, province.DefaultErrorRates()))
	}
	of := fmt.Sprintf("the baseline (exact name, birth year and village); seeds %d-%d of %d citizens", linkageFirst, linkageLast, linkageCitizens)
	emit(absolute("linkage/precision", sum.Precision(), sum.BaselinePrecision(), of, "% of suggestions", 0.99))
	emit(absolute("linkage/recall", sum.Recall(), sum.BaselineRecall(), of, "% of true pairs", 0.90))
	emit(absolute("linkage/linked", sum.LinkedShare(), 1, "all true pairs with one identity number", "% linked alone", 0.90))
	q := linkagetest.Measure(province.Generate(1), 1, linkageAll, province.DefaultErrorRates())
	l := line{
		Name: "linkage/wrong", Ours: float64(q.Linked - q.LinkedRight), Reference: float64(q.Linked), Unit: "wrong links",
		ReferenceIs: fmt.Sprintf("pairs linked without a person, among %d citizens", linkageAll), GoalIs: atMost,
	}
	l.Ratio, l.Holds = l.Ours/max(1, l.Reference), l.Ours == 0
	emit(l)
	return nil
}

// absolute is a line in per cent whose goal is about our own figure and not
// about the ratio.
func absolute(name string, ours, reference float64, referenceIs, unit string, goal float64) line {
	l := compare(name, 100*ours, 100*reference, referenceIs, unit, atLeast, 0)
	l.Goal, l.Holds = 100*goal, ours >= goal
	return l
}
