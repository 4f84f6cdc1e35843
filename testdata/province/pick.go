package province

import (
	"math/rand/v2"
	"sort"
)

// picker draws values by weight. Weights are whole numbers, because floating
// point may differ between machines and the output must not.
type picker[T any] struct {
	values []T
	// upto[i] is the sum of the weights of values[0..i].
	upto []uint32
}

// add appends a value; weight 0 means that it is never drawn.
func (p *picker[T]) add(value T, weight int) {
	if weight <= 0 {
		return
	}
	sum := uint32(weight)
	if n := len(p.upto); n > 0 {
		sum += p.upto[n-1]
	}
	p.values, p.upto = append(p.values, value), append(p.upto, sum)
}

// pick draws a value; the picker must have at least one.
func (p *picker[T]) pick(rng *rand.Rand) T {
	n := rng.Uint32N(p.upto[len(p.upto)-1])
	return p.values[sort.Search(len(p.upto), func(i int) bool { return p.upto[i] > n })]
}

// quota draws n values in random order, each as often as its weight says to
// within one, so that a whole district stays close to its shares.
func (p *picker[T]) quota(rng *rand.Rand, n int) []T {
	out := make([]T, 0, n)
	total := uint64(p.upto[len(p.upto)-1])
	offset := rng.Uint64N(total)
	for k := range uint64(n) {
		at := uint32((k*total + offset) / uint64(n))
		out = append(out, p.values[sort.Search(len(p.upto), func(i int) bool { return p.upto[i] > at })])
	}
	rng.Shuffle(n, func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// chance is true in pct of 100 cases.
func chance(rng *rand.Rand, pct int) bool { return rng.IntN(100) < pct }

// between draws from lo..hi, both inclusive, all equally likely.
func between(rng *rand.Rand, lo, hi int) int { return lo + rng.IntN(hi-lo+1) }

// low draws from lo..hi, both inclusive, small numbers more likely.
func low(rng *rand.Rand, lo, hi int) int { return min(between(rng, lo, hi), between(rng, lo, hi)) }

// spread divides total into n parts of at least minPerCommune that differ from
// each other as villages per commune do, and always add up to total.
func spread(rng *rand.Rand, total, n int) []int {
	const minPerCommune = 3
	weights, sum := make([]int, n), 0
	for i := range weights {
		weights[i] = between(rng, 40, 160)
		sum += weights[i]
	}
	parts, rest := make([]int, n), total-minPerCommune*n
	left := rest
	for i, w := range weights {
		share := rest * w / sum
		parts[i] = minPerCommune + share
		left -= share
	}
	for i := 0; left > 0; i, left = i+1, left-1 {
		parts[i%n]++
	}
	return parts
}

// teamSizes draws n sizes of 4 to 8. If total is not 0 they add up to it, which
// must be possible.
func teamSizes(rng *rand.Rand, n, total int) []int {
	const smallest, largest = 4, 8
	var sizes picker[int]
	for i, weight := range []int{14, 26, 29, 19, 12} {
		sizes.add(smallest+i, weight)
	}
	out, sum := make([]int, n), 0
	for i := range out {
		out[i] = sizes.pick(rng)
		sum += out[i]
	}
	for total != 0 && sum != total {
		i := rng.IntN(n)
		switch {
		case sum < total && out[i] < largest:
			out[i]++
			sum++
		case sum > total && out[i] > smallest:
			out[i]--
			sum--
		}
	}
	return out
}
