package lineage

import (
	"maps"
	"slices"

	"thonsync/syncproto/unittree"
)

// Known is what is known of a unit before the reorganisation.
type Known struct {
	Level  string
	Parent string
}

// Move is what becomes of one unit that the reorganisation ends.
type Move struct {
	From   string           `json:"from"`
	Level  string           `json:"level"`
	Shares []unittree.Share `json:"shares"` // where it went; none for a level that is abolished
}

// Split tells whether the unit went to several, so that a person has to say what
// of it went where.
func (m *Move) Split() bool {
	return len(m.Shares) > 1 || len(m.Shares) == 1 && !unittree.IsWhole(m.Shares[0].Extent)
}

// Whole gives the unit that all of it went to, "" for none.
func (m *Move) Whole() string {
	if len(m.Shares) == 1 && !m.Split() {
		return m.Shares[0].Unit
	}
	return ""
}

// Candidates lists the units that parts of it went to.
func (m *Move) Candidates() []string {
	out := make([]string, len(m.Shares))
	for i, s := range m.Shares {
		out[i] = s.Unit
	}
	return out
}

// Plan is what a document does to the units that are known here.
type Plan struct {
	Moves []Move `json:"moves"` // by unit
	// Elsewhere counts old communes of the lineage that are not known here: this
	// server may hold a part of the province only.
	Elsewhere int `json:"elsewhere"`

	byUnit map[string]*Move
	pred   map[string][]unittree.Share
}

// Move finds what becomes of a unit, nil if it goes on.
func (p *Plan) Move(unit string) *Move { return p.byUnit[unit] }

// Predecessors gives what a new unit was made of, by unit.
func (p *Plan) Predecessors(unit string) []unittree.Share { return p.pred[unit] }

// Plan says what becomes of the known units. Provinces are not in the table:
// one all of whose communes went below one new province went over as a whole.
// Problems name old communes that the table forgets.
func (d *Document) Plan(known map[string]Known) (*Plan, []TableProblem) {
	p := &Plan{byUnit: map[string]*Move{}, pred: map[string][]unittree.Share{}}
	r := &reader{table: TableLineage}
	shares := map[string][]unittree.Share{}
	for _, row := range d.Rows {
		if known[row.From].Level != unittree.Commune {
			if _, ok := known[row.From]; ok {
				r.fail(0, "from_code", "%s is no commune", row.From)
			} else if len(shares[row.From]) == 0 {
				p.Elsewhere++
			}
		}
		shares[row.From] = append(shares[row.From], unittree.Share{Extent: row.Extent, Unit: row.To})
	}
	for _, key := range slices.Sorted(maps.Keys(known)) {
		u := known[key]
		if unittree.ListOf(key) != d.FromList || u.Level == unittree.Village {
			continue // villages keep their keys
		}
		m := Move{From: key, Level: u.Level, Shares: []unittree.Share{}}
		switch u.Level {
		case unittree.Commune:
			if m.Shares = shares[key]; len(m.Shares) == 0 {
				r.fail(0, "from_code", "the table does not say where commune %s goes", key)
				continue
			}
		case unittree.Province:
			if to := d.provinceOf(key, known, shares); to != "" {
				m.Shares = []unittree.Share{{Extent: unittree.Whole, Unit: to}}
			}
		}
		p.Moves = append(p.Moves, m)
	}
	for i := range p.Moves {
		m := &p.Moves[i]
		p.byUnit[m.From] = m
		for _, s := range m.Shares {
			p.pred[s.Unit] = append(p.pred[s.Unit], unittree.Share{Extent: s.Extent, Unit: m.From})
		}
	}
	return p, r.problems
}

// provinceOf gives the new province to which all communes of an old one went, ""
// if they went to several.
func (d *Document) provinceOf(province string, known map[string]Known, shares map[string][]unittree.Share) string {
	parents := map[string]string{}
	for i := range d.Units {
		parents[d.Units[i].Key()] = d.Units[i].Parent
	}
	top := func(key string, parent func(string) string) string {
		for range levels {
			up := parent(key)
			if up == "" {
				break
			}
			key = up
		}
		return key
	}
	found := ""
	for key, u := range known {
		if u.Level != unittree.Commune || top(key, func(k string) string { return known[k].Parent }) != province {
			continue
		}
		for _, s := range shares[key] {
			to := top(s.Unit, func(k string) string { return parents[k] })
			if found != "" && found != to {
				return ""
			}
			found = to
		}
	}
	return found
}
