package merge_test

import (
	"bytes"
	"cmp"
	"math/big"
	"slices"

	"thonsync/syncproto"
	"thonsync/syncproto/merge"
)

// oracle is the rule written a second time, from its words, pair by pair and
// with no thought of speed.
type oracle struct {
	all      []merge.Change
	held     func(merge.ID) bool
	erased   bool
	precedes func(a, b merge.ID) bool
}

func (o *oracle) acts(c merge.Change) bool { return !o.held(c.ID) && !c.NoAuthority }
func (o *oracle) sets(c merge.Change) bool { return o.acts(c) && c.Op != syncproto.OpVoid }

func (o *oracle) row(c merge.Change, k syncproto.Compartment) syncproto.Row {
	if k == syncproto.Personal && (o.erased || !c.PersonalKnown) {
		return nil
	}
	return rowOf(c, k)
}

func names(x, y merge.Change, ks ...syncproto.Compartment) bool {
	for _, k := range ks {
		if x.ID != y.ID && slices.Contains(x.Refs[k], syncproto.Ref(y.ID)) {
			return true
		}
	}
	return false
}

// supersedes tells whether x supersedes y by its references in ks or by the
// order on its branch, leaving fields aside.
func (o *oracle) supersedes(x, y merge.Change, ks ...syncproto.Compartment) bool {
	return o.precedes(y.ID, x.ID) || names(x, y, ks...)
}

// standing gives the changes whose value of a field stands.
func (o *oracle) standing(k syncproto.Compartment, num uint32) (out []merge.Change) {
	var setters []merge.Change
	for _, c := range o.all {
		if _, ok := o.row(c, k).Get(num); ok && o.sets(c) {
			setters = append(setters, c)
		}
	}
	for _, y := range setters {
		if !slices.ContainsFunc(setters, func(x merge.Change) bool { return o.supersedes(x, y, k) }) {
			out = append(out, y)
		}
	}
	return out
}

func (o *oracle) fields(k syncproto.Compartment) (out []merge.Standing) {
	nums := map[uint32]bool{}
	for _, c := range o.all {
		for _, f := range o.row(c, k) {
			nums[f.Num] = true
		}
	}
	for num := range nums {
		best := map[syncproto.Value]merge.Change{}
		by := map[syncproto.Value][]merge.Change{}
		for _, c := range o.standing(k, num) {
			v := o.row(c, k).Value(num)
			by[v] = append(by[v], c)
			if b, ok := best[v]; !ok || shownBefore(c, b) {
				best[v] = c
			}
		}
		values := []syncproto.Value{}
		for v := range by {
			values = append(values, v)
		}
		slices.SortFunc(values, func(a, b syncproto.Value) int {
			if shownBefore(best[a], best[b]) {
				return -1
			}
			return 1
		})
		for _, v := range values {
			out = append(out, merge.Standing{Num: num, Value: v, By: ranked(by[v])})
		}
	}
	slices.SortStableFunc(out, func(a, b merge.Standing) int { return cmp.Compare(a.Num, b.Num) })
	return out
}

// shownBefore compares by plausible stamp, stamp, open hash and closed hash.
func shownBefore(a, b merge.Change) bool {
	if p, q := fits(a), fits(b); p != q {
		return p
	}
	if a.StampMS != b.StampMS {
		return a.StampMS > b.StampMS
	}
	if a.Open != b.Open {
		return bytes.Compare(a.Open[:], b.Open[:]) > 0
	}
	return bytes.Compare(a.Closed[:], b.Closed[:]) > 0
}

// fits tells whether a stamp is plausible, in numbers that do not overflow.
func fits(c merge.Change) bool {
	after := new(big.Int).Sub(big.NewInt(c.StampMS), big.NewInt(c.BeaconMS))
	return c.BeaconMS != 0 && after.Cmp(big.NewInt(-86_400_000)) >= 0 && after.Cmp(big.NewInt(366*86_400_000)) <= 0
}

func ranked(changes []merge.Change) (ids []merge.ID) {
	sorted := slices.Clone(changes)
	slices.SortFunc(sorted, func(a, b merge.Change) int {
		if shownBefore(a, b) {
			return -1
		}
		return 1
	})
	for _, c := range sorted {
		if !slices.Contains(ids, c.ID) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

func (o *oracle) idsWhere(is func(merge.Change) bool) (ids []merge.ID) {
	for _, c := range o.all {
		if is(c) {
			ids = append(ids, c.ID)
		}
	}
	slices.SortFunc(ids, merge.ID.Compare)
	return slices.Compact(ids)
}

func (o *oracle) some(is func(merge.Change) bool) bool { return slices.ContainsFunc(o.all, is) }

func (o *oracle) view() view {
	v := view{
		Exists:       o.some(func(c merge.Change) bool { return o.acts(c) && c.Op == syncproto.OpCreate }),
		Erased:       o.erased,
		Partial:      o.some(func(c merge.Change) bool { return o.sets(c) && !c.PersonalKnown && !o.erased }),
		Operational:  o.fields(syncproto.Operational),
		Personal:     o.fields(syncproto.Personal),
		Live:         o.idsWhere(o.live),
		Held:         o.idsWhere(func(c merge.Change) bool { return o.held(c.ID) }),
		Unauthorised: o.idsWhere(func(c merge.Change) bool { return c.NoAuthority }),
		Ignored:      o.ignored(),
	}
	o.voids(&v)
	return v
}

func (o *oracle) live(c merge.Change) bool {
	if !o.sets(c) {
		return false
	}
	for _, f := range c.Operational {
		if slices.ContainsFunc(o.standing(syncproto.Operational, f.Num), func(y merge.Change) bool { return y.ID == c.ID }) {
			return true
		}
	}
	return !o.some(func(x merge.Change) bool {
		return o.sets(x) && o.supersedes(x, c, syncproto.Operational, syncproto.Personal)
	})
}

func (o *oracle) voids(v *view) {
	var voids, latest []merge.Change
	for _, c := range o.all {
		if o.acts(c) && c.Op == syncproto.OpVoid && !o.some(func(x merge.Change) bool {
			return o.sets(x) && o.supersedes(x, c, syncproto.Operational, syncproto.Personal)
		}) {
			voids = append(voids, c)
		}
	}
	if len(voids) == 0 {
		return
	}
	for _, y := range voids {
		if !slices.ContainsFunc(voids, func(x merge.Change) bool { return o.supersedes(x, y, syncproto.Operational) }) {
			latest = append(latest, y)
		}
	}
	v.VoidBy = ranked(latest)
	for _, id := range ranked(voids) {
		if !slices.Contains(v.VoidBy, id) {
			v.VoidBy = append(v.VoidBy, id)
		}
	}
	for _, c := range voids {
		if c.ID == v.VoidBy[0] {
			v.VoidReason = c.Operational
		}
	}
	covered := func(c merge.Change) bool {
		return slices.ContainsFunc(voids, func(x merge.Change) bool { return o.supersedes(x, c, syncproto.Operational) })
	}
	v.VoidConflict = o.some(func(c merge.Change) bool { return o.live(c) && !covered(c) })
	v.Void = !v.VoidConflict
}

func (o *oracle) ignored() (out []merge.Ignored) {
	for _, x := range o.all {
		for k := range syncproto.Compartment(2) {
			for _, ref := range x.Refs[k] {
				if r := o.reason(x, k, merge.ID(ref)); r != 0 {
					out = append(out, merge.Ignored{By: x.ID, Compartment: k, Target: merge.ID(ref), Reason: r})
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b merge.Ignored) int {
		return cmp.Or(a.By.Compare(b.By), cmp.Compare(a.Compartment, b.Compartment), a.Target.Compare(b.Target))
	})
	return slices.Compact(out)
}

func (o *oracle) reason(x merge.Change, k syncproto.Compartment, target merge.ID) merge.Reason {
	here, acts := false, false
	for _, y := range o.all {
		if y.ID != target || y.ID == x.ID {
			continue
		}
		here = true
		switch {
		case x.Op == syncproto.OpVoid:
			acts = acts || k == syncproto.Operational
		case y.Op == syncproto.OpVoid:
			acts = true
		case k == syncproto.Personal && (o.erased || !x.PersonalKnown || !y.PersonalKnown):
			acts = true
		default:
			for _, f := range rowOf(x, k) {
				_, both := rowOf(y, k).Get(f.Num)
				acts = acts || both
			}
		}
	}
	if !here {
		return 0
	}
	if x.NoAuthority {
		return merge.NoAuthority
	}
	if o.held(x.ID) || acts {
		return 0
	}
	return merge.NoCommonField
}
