// Package unittree says where a unit lies and whose scope it is in, across
// reorganisations. It is pure: phones, points and the centre apply the same
// rules to what they know of the units, so that a credential for a commune that
// was merged away goes on working everywhere alike.
//
// A unit that ended names its successors, one that began its predecessors, and
// one that was moved the parents that it had before. Only whole moves carry
// scope over: who served a commune that was split goes on serving what lay in
// it, and gains nothing of the communes that its parts went to.
package unittree

import (
	"slices"
	"strings"
)

// Extents: how much of an old unit went to a new one.
const (
	Unchanged = "unchanged" // all of it, and nothing else came in
	Whole     = "whole"     // all of it
	Part      = "part"      // some villages
	Remainder = "remainder" // what was left
)

// Levels of a unit.
const (
	Province = "province"
	District = "district"
	Commune  = "commune"
	Village  = "village"
)

// IsWhole tells whether an extent says that all of the old unit went there.
func IsWhole(extent string) bool { return extent == Unchanged || extent == Whole }

// Share is one line of a unit's lineage: the other unit, and how much of the old
// one of the two went over.
type Share struct {
	Extent string
	Unit   string // list:code
}

// FormatShares writes shares as the text of a unit's field: one a line, the
// extent before the key.
func FormatShares(shares []Share) string {
	lines := make([]string, len(shares))
	for i, s := range shares {
		lines[i] = s.Extent + " " + s.Unit
	}
	return strings.Join(lines, "\n")
}

// ParseShares reads what FormatShares writes. Lines that it does not understand
// are left out: a newer program may have written them.
func ParseShares(text string) []Share {
	var out []Share
	for line := range strings.SplitSeq(text, "\n") {
		extent, unit, ok := strings.Cut(line, " ")
		if ok && unit != "" && slices.Contains([]string{Unchanged, Whole, Part, Remainder}, extent) {
			out = append(out, Share{extent, unit})
		}
	}
	return out
}

// Unit is what the rules need of one unit. Keys are list:code.
type Unit struct {
	Level        string
	Parent       string // "" for a province
	Successors   string // as FormatShares; "" for a unit that goes on
	Predecessors string // as FormatShares; "" for a unit that always was
	Former       string // keys of parents that it had before, one a line, oldest first
}

// Lookup finds a unit by its key.
type Lookup func(key string) (Unit, bool)

// Formers lists the parents that a unit had before, oldest first.
func (u Unit) Formers() []string { return strings.Fields(u.Former) }

// wholes gives the units that all of the unit went to, or whose whole it got.
func wholes(text string) []string {
	if text == "" {
		return nil
	}
	var out []string
	for _, s := range ParseShares(text) {
		if IsWhole(s.Extent) {
			out = append(out, s.Unit)
		}
	}
	return out
}

// maxSteps bounds a walk, so that a loop in the tree ends.
const maxSteps = 256

// Within tells whether unit is in a scope: whether it is one of the units of the
// scope, lies or once lay below one, or is what one of them went over to as a
// whole. known is false if a unit on the way is not known here, so that the
// answer may be wrong.
func Within(find Lookup, unit string, scope []string) (within, known bool) {
	return climb(find, unit, scope, true)
}

// Lies tells whether unit is one of the given units or lies or once lay in one:
// what a report about them counts. Unlike a scope it does not reach what was
// merged with them.
func Lies(find Lookup, unit string, in []string) bool {
	found, _ := climb(find, unit, in, false)
	return found
}

// climb walks from unit to everything above it in any list version. With back
// it also looks at what units on the way were made of; from there it goes only
// further back, never up: a district does not gain the neighbours of its
// communes.
func climb(find Lookup, unit string, targets []string, back bool) (found, known bool) {
	up, behind := []string{unit}, []string(nil)
	seen := map[string]bool{unit: true}
	known = true
	add := func(list []string, keys ...string) []string {
		for _, k := range keys {
			if k != "" && !seen[k] && len(seen) < maxSteps {
				seen[k] = true
				list = append(list, k)
			}
		}
		return list
	}
	for len(up) > 0 {
		key := up[0]
		up = up[1:]
		if slices.Contains(targets, key) {
			return true, true
		}
		u, ok := find(key)
		if !ok {
			known = false
			continue
		}
		up = add(up, u.Parent)
		up = add(up, u.Formers()...)
		up = add(up, wholes(u.Successors)...)
		if back {
			behind = append(behind, wholes(u.Predecessors)...)
		}
	}
	for steps := 0; len(behind) > 0 && steps < maxSteps; steps++ {
		key := behind[0]
		behind = behind[1:]
		if slices.Contains(targets, key) {
			return true, true
		}
		if u, ok := find(key); ok {
			behind = append(behind, wholes(u.Predecessors)...)
		}
	}
	return false, known
}

// ListOf gives the list version of a key.
func ListOf(key string) string {
	list, _, _ := strings.Cut(key, ":")
	return list
}

// Resolve gives the unit of a list version that unit is, was or lies in: a
// commune for communes and villages, a unit of the same level for others. It is
// false where no table can say it: a village of a commune that was split and
// that nobody has placed yet, or what was recorded under a new commune and is
// asked for by a list in which that was several.
func Resolve(find Lookup, unit, list string) (string, bool) {
	seen := map[string]bool{}
	var walk func(key string) (string, bool)
	walk = func(key string) (string, bool) {
		u, ok := find(key)
		if ListOf(key) == list && u.Level != Village {
			return key, ok
		}
		if !ok || seen[key] || len(seen) >= maxSteps {
			return "", false
		}
		seen[key] = true
		var next []string
		if u.Level == Village {
			next = append(next, u.Parent)
			next = append(next, u.Formers()...)
		}
		if succ := wholes(u.Successors); len(succ) == 1 {
			next = append(next, succ[0])
		}
		if pred := ParseShares(u.Predecessors); len(pred) == 1 {
			next = append(next, pred[0].Unit)
		}
		for _, k := range next {
			if k == "" {
				continue
			}
			if got, ok := walk(k); ok {
				return got, true
			}
		}
		return "", false
	}
	return walk(unit)
}

// Family gives the communes whose feeds a scope of this commune needs: itself,
// what it went over to as a whole, and what all of these were made of as wholes.
// The commune comes first, the others in a fixed order.
func Family(find Lookup, commune string) []string {
	out := []string{commune}
	for i := 0; i < len(out) && len(out) < maxSteps; i++ {
		u, ok := find(out[i])
		if !ok {
			continue
		}
		for _, k := range append(wholes(u.Successors), wholes(u.Predecessors)...) {
			if !slices.Contains(out, k) {
				out = append(out, k)
			}
		}
	}
	return out
}
