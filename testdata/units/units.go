// Package units holds the reference tables: administrative units of two list
// versions with the lineage between them, activity kinds, guides, and the facts
// about names and numbers that synthetic people are made from. README.md beside
// this file names every source and licence. The package only reads what is
// embedded in it; everything it returns may be shared between goroutines and
// must not be changed by the caller, because it is parsed once.
package units

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// List versions. A unit code means nothing without one: the list of July 2025
// uses codes of the list before it for other units.
const (
	// ListBefore is the list in force until 30 June 2025, here for Hà Giang:
	// 1 province, 11 districts, 193 communes.
	ListBefore = "gso-2025-06"
	// ListAfter is the list in force from 1 July 2025, here for Tuyên Quang:
	// 1 province, 124 communes, no districts.
	ListAfter = "gso-2025-07"
	// ListVillages is the list version of village units, which have no official
	// codes: a village is coded <commune code>-NN and its parent is a commune of
	// ListBefore.
	ListVillages = "thon-2025"
)

// Levels of a unit.
const (
	LevelProvince = "province"
	LevelDistrict = "district"
	LevelCommune  = "commune"
	LevelVillage  = "village"
)

// Ref identifies a unit: list version and code. The zero Ref is "no unit".
type Ref struct {
	List string
	Code string
}

// String gives "list/code", or "" for the zero Ref.
func (r Ref) String() string {
	if r == (Ref{}) {
		return ""
	}
	return r.List + "/" + r.Code
}

// ParseRef reads what String writes. It fails unless the text has the form
// list/code with both parts present.
func ParseRef(s string) (Ref, error) {
	list, code, ok := strings.Cut(s, "/")
	if !ok || list == "" || code == "" || strings.Contains(code, "/") {
		return Ref{}, fmt.Errorf("unit reference %q is not of the form list/code: write for example %s/00988", s, ListBefore)
	}
	return Ref{List: list, Code: code}, nil
}

// Unit is one administrative unit of one list version.
type Unit struct {
	Ref
	// Level is one of the Level constants.
	Level string
	// Type is the Vietnamese word before the name: Tỉnh, Thành phố, Huyện, Xã,
	// Phường, Thị trấn, Thôn, Tổ dân phố.
	Type string
	// Name is the name without its type, spelled as the list spells it (NFC).
	Name string
	// Parent is the unit above, zero for a province.
	Parent Ref
	// ValidFrom and ValidTo are the first and last day, YYYY-MM-DD, inclusive.
	// Empty means that the list sets no bound on that side.
	ValidFrom, ValidTo string
}

// FullName is the type and the name, such as "Xã Yên Định".
func (u Unit) FullName() string { return u.Type + " " + u.Name }

// Extents of a lineage row: how much of the old commune went to the new one.
const (
	// ExtentUnchanged: the old commune lives on alone under the same code.
	ExtentUnchanged = "unchanged"
	// ExtentWhole: all of the old commune went into the new one.
	ExtentWhole = "whole"
	// ExtentPart: a part named in the resolution went into the new one.
	ExtentPart = "part"
	// ExtentRemainder: what the named part left over went into the new one.
	ExtentRemainder = "remainder"
)

// LineageRow says where an old commune, or a part of it, went.
type LineageRow struct {
	From, To Ref
	// Extent is one of the Extent constants. A commune with part and remainder
	// rows was split: no table can say where one of its villages went.
	Extent string
	// Clause is the clause of article 1 of Resolution 1684/NQ-UBTVQH15.
	Clause int
}

// NameVariant is another spelling of a unit's name found in an official text.
type NameVariant struct {
	Ref
	// Name is the list's spelling, Variant the other one, both without type.
	Name, Variant string
}

// Before returns the units of ListBefore: the province, then its districts, then
// its communes, each group in order of code.
func Before() []Unit { return before() }

// After returns the units of ListAfter: the province, then its communes by code.
func After() []Unit { return after() }

// Lineage returns a row for every part of an old commune of ListBefore, by old
// code; a split commune has one row for each part.
func Lineage() []LineageRow { return lineage() }

// NameVariants returns the spellings in which official texts disagree with the
// lists, for finding a unit by any of them.
func NameVariants() []NameVariant { return variants() }

var (
	before = sync.OnceValue(func() []Unit { return parseUnits("units-gso-2025-06.csv") })
	after  = sync.OnceValue(func() []Unit { return parseUnits("units-gso-2025-07.csv") })

	lineage = sync.OnceValue(func() []LineageRow {
		var out []LineageRow
		for _, r := range table("lineage.csv", "from_list", "from_code", "to_list", "to_code", "extent", "clause") {
			out = append(out, LineageRow{
				From: Ref{r[0], r[1]}, To: Ref{r[2], r[3]}, Extent: r[4], Clause: number("lineage.csv", r[5]),
			})
		}
		return out
	})

	variants = sync.OnceValue(func() []NameVariant {
		var out []NameVariant
		for _, r := range table("name_variants.csv", "list", "code", "name", "variant") {
			out = append(out, NameVariant{Ref: Ref{r[0], r[1]}, Name: r[2], Variant: r[3]})
		}
		return out
	})
)

func parseUnits(file string) []Unit {
	var out []Unit
	for _, r := range table(file, "list", "code", "level", "type", "name", "parent", "valid_from", "valid_to") {
		u := Unit{Ref: Ref{r[0], r[1]}, Level: r[2], Type: r[3], Name: r[4], ValidFrom: r[6], ValidTo: r[7]}
		if r[5] != "" {
			u.Parent = Ref{u.List, r[5]}
		}
		out = append(out, u)
	}
	return out
}

// number reads an embedded integer; a failure means the shipped file is damaged.
func number(file, s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(fmt.Sprintf("embedded table %s: %q is not a number: rebuild from a clean checkout", file, s))
	}
	return n
}
