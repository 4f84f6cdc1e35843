package unittree_test

import (
	"slices"
	"strings"
	"testing"

	"thonsync/syncproto/unittree"
	"thonsync/testdata/units"
)

const (
	before, after = units.ListBefore + ":", units.ListAfter + ":"
	villages      = units.ListVillages + ":"
)

// tree is the real lists after the reform: both lists, the lineage between
// them, and a village "-01" in every old commune; of the split communes only
// Yên Định's is placed, in Minh Ngọc.
type tree map[string]unittree.Unit

func (t tree) find(key string) (unittree.Unit, bool) { u, ok := t[key]; return u, ok }

func key(r units.Ref) string {
	if r == (units.Ref{}) {
		return ""
	}
	return r.List + ":" + r.Code
}

func reform() tree {
	t := tree{}
	for _, list := range [][]units.Unit{units.Before(), units.After()} {
		for _, u := range list {
			t[key(u.Ref)] = unittree.Unit{Level: u.Level, Parent: key(u.Parent)}
			if u.List == units.ListBefore && u.Level == units.LevelCommune {
				t[villages+u.Code+"-01"] = unittree.Unit{Level: unittree.Village, Parent: key(u.Ref)}
			}
		}
	}
	join := func(from, to, extent string) {
		f := t[from]
		f.Successors = unittree.FormatShares(append(unittree.ParseShares(f.Successors), unittree.Share{Extent: extent, Unit: to}))
		t[from] = f
		g := t[to]
		g.Predecessors = unittree.FormatShares(append(unittree.ParseShares(g.Predecessors), unittree.Share{Extent: extent, Unit: from}))
		t[to] = g
	}
	for _, r := range units.Lineage() {
		join(key(r.From), key(r.To), r.Extent)
	}
	join(before+"02", after+"08", unittree.Whole)
	t[villages+"00988-01"] = unittree.Unit{Level: unittree.Village, Parent: after + "00994", Former: before + "00988"}
	return t
}

func TestScopeFollowsLineage(t *testing.T) {
	tr := reform()
	for _, c := range []struct {
		unit, scope string
		want        bool
		why         string
	}{
		{villages + "00997-01", before + "00997", true, "its own commune, as before"},
		{villages + "00997-01", after + "00991", true, "a village of a merged commune lies in the new one"},
		{villages + "01000-01", before + "00997", true, "the whole of 00997 is 00991 now, and so is 01000"},
		{after + "00991", before + "00997", true, "the new commune itself"},
		{after + "00991", before + "00991", true, "the code is reused and the old unit went there whole, too"},
		{villages + "00988-01", before + "00988", true, "who served it before still does"},
		{villages + "00988-01", after + "00994", true, "it was placed there"},
		{villages + "00988-01", after + "00700", false, "the other part of its old commune"},
		{villages + "00994-01", before + "00988", false, "a split commune gains nothing of its successors"},
		{after + "00994", before + "00988", false, "nor the successor itself"},
		{villages + "00688-01", after + "00694", false, "not placed yet"},
		{villages + "00688-01", after + "00691", false, "not placed yet, not even with the remainder"},
		{villages + "00688-01", before + "00688", true, "but still in its own"},
		{villages + "00688-01", after + "08", true, "and in the new province, to which the old one went whole"},
		{villages + "01000-01", before + "02", true, "the old province"},
		{villages + "00997-01", before + "026", false, "another district"},
		{villages + "00991-01", after + "00997", false, "a code of the other list names nothing here"},
	} {
		if got, _ := unittree.Within(tr.find, c.unit, []string{c.scope}); got != c.want {
			t.Errorf("%s within %s: %v, want %v: %s", c.unit, c.scope, got, c.want, c.why)
		}
	}
}

func TestDistrictsGainNoNeighbours(t *testing.T) {
	tr := reform()
	own := 0
	for k, u := range tr {
		if u.Level != unittree.Village {
			continue
		}
		old, _ := unittree.Resolve(tr.find, k, units.ListBefore)
		district := tr[old].Parent
		if got, _ := unittree.Within(tr.find, k, []string{district}); !got {
			t.Errorf("%s is lost to its district %s", k, district)
		}
		own++
		for d, v := range tr {
			if v.Level != unittree.District || d == district {
				continue
			}
			if got, _ := unittree.Within(tr.find, k, []string{d}); got {
				t.Errorf("%s of district %s fell to district %s", k, district, d)
			}
		}
	}
	if own != 193 {
		t.Errorf("%d villages were looked at", own)
	}
}

func TestReportsOfAnOldCommuneDoNotReachWhatItWasMergedWith(t *testing.T) {
	tr := reform()
	if unittree.Lies(tr.find, villages+"01000-01", []string{before + "00997"}) {
		t.Error("a report about the old 00997 counts a village of the old 01000")
	}
	if !unittree.Lies(tr.find, villages+"01000-01", []string{after + "00991"}) || !unittree.Lies(tr.find, villages+"01000-01", []string{before + "01000"}) {
		t.Error("a village does not lie in its old and in its new commune")
	}
}

func TestResolveOnTheRealLists(t *testing.T) {
	tr := reform()
	oldCommunes, newCommunes, open := map[string]bool{}, map[string]bool{}, []string{}
	for k, u := range tr {
		if u.Level != unittree.Village {
			continue
		}
		old, ok := unittree.Resolve(tr.find, k, units.ListBefore)
		if code := strings.TrimPrefix(k, villages)[:5]; !ok || old != before+code {
			t.Errorf("%s lay in %q, %v", k, old, ok)
		}
		oldCommunes[old] = true
		now, ok := unittree.Resolve(tr.find, k, units.ListAfter)
		if !ok {
			open = append(open, k)
			continue
		}
		newCommunes[now] = true
	}
	slices.Sort(open)
	if len(oldCommunes) != 193 || strings.Join(open, " ") != villages+"00688-01 "+villages+"00967-01" {
		t.Errorf("%d old communes, not placed: %v", len(oldCommunes), open)
	}
	for _, r := range units.Lineage() {
		if r.Extent == unittree.Whole && !newCommunes[key(r.To)] {
			t.Errorf("no village lies in %s", key(r.To))
		}
	}
	if got, ok := unittree.Resolve(tr.find, after+"00991", units.ListBefore); ok {
		t.Errorf("00991 was made of three communes, and resolves to %s", got)
	}
	if got, ok := unittree.Resolve(tr.find, after+"00859", units.ListBefore); !ok || got != before+"00859" {
		t.Errorf("an unchanged commune resolves to %q", got)
	}
}

func TestTheReformThatFollowsAndLoops(t *testing.T) {
	tr := reform()
	tr["l3:1"] = unittree.Unit{Level: unittree.Commune, Predecessors: "whole " + after + "00991"}
	n := tr[after+"00991"]
	n.Successors = "whole l3:1\nnovelty l3:2\nwhole"
	tr[after+"00991"] = n
	if got, _ := unittree.Within(tr.find, "l3:1", []string{before + "00997"}); !got {
		t.Error("two reforms later the old credential is worth nothing")
	}
	if got, _ := unittree.Resolve(tr.find, villages+"00997-01", "l3"); got != "l3:1" {
		t.Errorf("two reforms later it lies in %q", got)
	}
	loop := tree{"a:1": {Level: unittree.Commune, Successors: "whole b:1"}, "b:1": {Level: unittree.Commune, Predecessors: "whole b:1", Successors: "whole a:1"}}
	if got, known := unittree.Within(loop.find, "a:1", []string{"c:1"}); got || !known {
		t.Errorf("a loop: %v, %v", got, known)
	}
	if _, ok := unittree.Resolve(loop.find, "a:1", "c"); ok {
		t.Error("a loop resolves")
	}
	if _, known := unittree.Within(tr.find, "no:where", []string{"c:1"}); known {
		t.Error("a unit that nobody knows passes for known")
	}
}

func TestFamilyOfFeeds(t *testing.T) {
	tr := reform()
	got := unittree.Family(tr.find, before+"00997")
	slices.Sort(got)
	if want := []string{before + "00991", before + "00997", before + "01000", after + "00991"}; !slices.Equal(got, want) {
		t.Errorf("family of a merged commune: %v", got)
	}
	if got := unittree.Family(tr.find, before+"00988"); len(got) != 1 {
		t.Errorf("family of a split commune: %v", got)
	}
	if got := unittree.Family(tr.find, after+"00994"); slices.Contains(got, before+"00988") {
		t.Errorf("a successor of a part reads the whole feed of the old commune: %v", got)
	}
}
