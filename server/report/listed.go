package report

import (
	"slices"

	"thonsync/server/ingest"
	"thonsync/syncproto"
)

// lineage is what definitions know of reorganisations; see package unittree.
type lineage interface {
	Definitions
	// Resolve gives the unit of a list version that unit is, was or lies in.
	Resolve(unit, list string) (string, bool)
	// Lies tells whether unit is, lies or once lay in one of the units.
	Lies(unit string, in []string) bool
	// KnowsList tells whether there are units of a list version.
	KnowsList(list string) bool
	// List names the list version in force, "" if no unit was ever reorganised.
	List() string
}

// listed shows the units by one list version: after a reorganisation every team
// and record counts in the commune that it lies in by that list, and what nobody
// has placed yet in a line of its own, so that all lists have the same total.
type listed struct {
	lineage
	list string
}

// definitions gives what reports know of units, by the list that is asked for or
// the one in force.
func (s *Service) definitions(q Query) Definitions {
	defs := s.Definitions()
	l, ok := defs.(lineage)
	if !ok {
		return defs
	}
	list := q.List
	if list == "" {
		list = l.List()
	}
	if list == "" {
		return defs
	}
	return &listed{l, list}
}

// knownList refuses a list version of which no unit is known: everything would
// stand under what is not placed.
func knownList(defs Definitions, list string) error {
	if l, ok := defs.(lineage); list != "" && ok && !l.KnowsList(list) {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "no unit of list %s is known here: the list versions stand before the colon in the keys of units", list)
	}
	return nil
}

// unplaced is the key under which a list shows what has no place in it yet.
func (l *listed) unplaced() string { return l.list + ":?" }

// Unit finds a unit, also the one that stands for what is not placed.
func (l *listed) Unit(key string) (ingest.UnitInfo, bool) {
	if key == l.unplaced() {
		return ingest.UnitInfo{Key: key, Level: "commune", Name: "chưa xếp · not placed yet"}, true
	}
	return l.lineage.Unit(key)
}

// Commune gives the commune by the list.
func (l *listed) Commune(unit string) string {
	if l.lineage.Commune(unit) == "" && unit != l.unplaced() {
		return ""
	}
	if key, ok := l.Resolve(unit, l.list); ok {
		return key
	}
	return l.unplaced()
}

// Ancestors lists unit and all above it by the list, nearest first.
func (l *listed) Ancestors(unit string) []string {
	commune := l.Commune(unit)
	if commune == "" {
		return l.lineage.Ancestors(unit)
	}
	var out []string
	if u, ok := l.Unit(unit); ok && u.Level == levelVillage {
		out = append(out, unit)
	}
	if commune != l.unplaced() {
		return append(out, l.lineage.Ancestors(commune)...)
	}
	out = append(out, commune)
	// Above what is not placed stands what the top of the old tree has become.
	up := l.lineage.Ancestors(unit)
	if len(up) > 0 {
		if top, ok := l.Resolve(up[len(up)-1], l.list); ok {
			out = append(out, top)
		}
	}
	return out
}

// Within tells whether unit lies in one of the units.
func (l *listed) Within(unit string, in []string) bool {
	if slices.Contains(in, l.unplaced()) && l.Commune(unit) == l.unplaced() {
		return true
	}
	if unit != l.unplaced() {
		return l.Lies(unit, in)
	}
	return slices.ContainsFunc(in, func(u string) bool {
		info, _ := l.Unit(u)
		return info.Level == "province"
	})
}

// relist brings what was published under another list to the communes of the
// present one, as far as they are whole.
func (p *Published) relist(defs Definitions) {
	sum := map[Cell]*Count{}
	var order []Cell
	for i := range p.Cells {
		c := p.Cells[i].Cell
		if commune := defs.Commune(c.Commune); commune != "" {
			c.Commune = commune
		}
		if sum[c] == nil {
			sum[c] = &Count{}
			order = append(order, c)
		}
		sum[c].add(&p.Cells[i].Count)
	}
	p.Cells = make([]PublishedCell, 0, len(order))
	for _, c := range order {
		p.Cells = append(p.Cells, PublishedCell{c, *sum[c]})
	}
}
