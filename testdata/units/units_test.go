package units_test

import (
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"thonsync/testdata/units"
)

func TestListsHaveTheKnownCounts(t *testing.T) {
	for _, c := range []struct {
		list  string
		units []units.Unit
		want  [3]int
	}{
		{units.ListBefore, units.Before(), [3]int{1, 11, 193}},
		{units.ListAfter, units.After(), [3]int{1, 0, 124}},
	} {
		var got [3]int
		known := map[units.Ref]units.Unit{}
		for _, u := range c.units {
			i := slices.Index([]string{units.LevelProvince, units.LevelDistrict, units.LevelCommune}, u.Level)
			if i < 0 || u.List != c.list {
				t.Fatalf("%v has level %q", u.Ref, u.Level)
			}
			got[i]++
			if _, twice := known[u.Ref]; twice {
				t.Errorf("%v stands twice in the list", u.Ref)
			}
			if _, ok := known[u.Parent]; !ok && u.Level != units.LevelProvince {
				t.Errorf("parent %v of %v does not stand before it", u.Parent, u.Ref)
			}
			known[u.Ref] = u
			if strings.HasPrefix(u.Name, u.Type) || u.Name == "" || u.Type == "" {
				t.Errorf("%v: type %q, name %q", u.Ref, u.Type, u.Name)
			}
		}
		if got != c.want {
			t.Errorf("%s: provinces, districts, communes %v, want %v", c.list, got, c.want)
		}
	}
}

func TestTypesOfOldCommunes(t *testing.T) {
	got := map[string]int{}
	for _, u := range units.Before() {
		if u.Level == units.LevelCommune {
			got[u.Type]++
		}
	}
	for kind, want := range map[string]int{"Xã": 175, "Thị trấn": 13, "Phường": 5} {
		if got[kind] != want {
			t.Errorf("%d %s, want %d", got[kind], kind, want)
		}
	}
}

func TestLineageCoversEveryCommune(t *testing.T) {
	before, after := byRef(units.Before()), byRef(units.After())
	extents, parts := map[string]int{}, map[string][]string{}
	for _, r := range units.Lineage() {
		if before[r.From].Level != units.LevelCommune || after[r.To].Level != units.LevelCommune {
			t.Errorf("row %v to %v names a unit that does not exist", r.From, r.To)
		}
		if r.Clause < 1 || r.Clause > 112 {
			t.Errorf("row %v: clause %d", r.From, r.Clause)
		}
		extents[r.Extent]++
		parts[r.From.Code] = append(parts[r.From.Code], r.Extent)
	}
	if len(parts) != 193 {
		t.Errorf("lineage covers %d communes, want 193", len(parts))
	}
	for extent, want := range map[string]int{"whole": 180, "unchanged": 10, "part": 3, "remainder": 3} {
		if extents[extent] != want {
			t.Errorf("%d rows %s, want %d", extents[extent], extent, want)
		}
	}
	var split []string
	for code, extents := range parts {
		slices.Sort(extents)
		switch {
		case slices.Equal(extents, []string{"part", "remainder"}):
			split = append(split, code)
		case len(extents) != 1 || extents[0] == "part" || extents[0] == "remainder":
			t.Errorf("commune %s has rows %v", code, extents)
		}
	}
	slices.Sort(split)
	if want := []string{"00688", "00967", "00988"}; !slices.Equal(split, want) {
		t.Errorf("split communes %v, want %v", split, want)
	}
}

// The known reuses show why a code alone identifies nothing.
func TestCodesWereReused(t *testing.T) {
	before, after := byRef(units.Before()), byRef(units.After())
	for _, c := range []struct{ code, before, after string }{
		{"00991", "Thị trấn Yên Phú", "Xã Bắc Mê"},
		{"00988", "Xã Yên Định", ""},
		{"00994", "Xã Minh Ngọc", "Xã Minh Ngọc"},
	} {
		if u := before[units.Ref{List: units.ListBefore, Code: c.code}]; u.FullName() != c.before {
			t.Errorf("%s before: %q, want %q", c.code, u.FullName(), c.before)
		}
		u, ok := after[units.Ref{List: units.ListAfter, Code: c.code}]
		if ok != (c.after != "") || ok && u.FullName() != c.after {
			t.Errorf("%s after: %q, want %q", c.code, u.FullName(), c.after)
		}
	}
}

func TestValidityMeetsAtTheReform(t *testing.T) {
	for _, u := range units.Before() {
		if u.ValidTo != "2025-06-30" {
			t.Errorf("%v is valid to %q", u.Ref, u.ValidTo)
		}
	}
	for _, u := range units.After() {
		if u.ValidFrom != "2025-07-01" || u.ValidTo != "" {
			t.Errorf("%v is valid from %q to %q", u.Ref, u.ValidFrom, u.ValidTo)
		}
	}
}

func TestVariantsBelongToUnits(t *testing.T) {
	known := byRef(append(slices.Clone(units.Before()), units.After()...))
	if len(units.NameVariants()) == 0 {
		t.Fatal("no variants")
	}
	for _, v := range units.NameVariants() {
		if u, ok := known[v.Ref]; !ok || u.Name != v.Name || v.Variant == v.Name {
			t.Errorf("variant %q of %v: the list says %q", v.Variant, v.Ref, u.Name)
		}
	}
}

func TestRefText(t *testing.T) {
	ref := units.Ref{List: units.ListBefore, Code: "00988"}
	if got, err := units.ParseRef(ref.String()); err != nil || got != ref {
		t.Errorf("ParseRef(%q) = %v, %v", ref.String(), got, err)
	}
	if s := (units.Ref{}).String(); s != "" {
		t.Errorf("the zero Ref is written %q", s)
	}
	for _, bad := range []string{"", "00988", "/00988", "gso-2025-06/", "a/b/c"} {
		if _, err := units.ParseRef(bad); err == nil {
			t.Errorf("ParseRef(%q) succeeded", bad)
		}
	}
}

func TestFilesAreCleanText(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := fs.ReadDir(units.Files(), ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := fs.ReadFile(units.Files(), e.Name())
		if err != nil {
			t.Fatal(err)
		}
		if !utf8.Valid(b) || !norm.NFC.IsNormal(b) || strings.ContainsAny(string(b), "\r\ufeff") || b[len(b)-1] != '\n' {
			t.Errorf("%s is not UTF-8 in NFC with LF line ends", e.Name())
		}
		if !strings.Contains(string(readme), "`"+e.Name()+"`") {
			t.Errorf("README.md does not name the source of %s", e.Name())
		}
	}
	for _, licence := range []string{"LICENSES/vietnamadminunits.MIT.txt", "LICENSES/dvhcvn-20250701.MIT.txt"} {
		b, err := os.ReadFile(licence)
		if err != nil || !strings.Contains(string(b), "MIT License") || !strings.Contains(string(readme), licence) {
			t.Errorf("licence %s is missing or not named: %v", licence, err)
		}
	}
}

func byRef(list []units.Unit) map[units.Ref]units.Unit {
	m := map[units.Ref]units.Unit{}
	for _, u := range list {
		m[u.Ref] = u
	}
	return m
}
