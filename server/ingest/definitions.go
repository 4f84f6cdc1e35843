package ingest

import (
	"maps"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/unittree"
)

// Definitions is a snapshot of the reference data that judging and authority
// need. It is never changed once handed out.
type Definitions struct {
	version uint64 // rises with every change
	kinds   map[string]*syncproto.Kind
	units   map[string]UnitInfo
	lineage int // units that name successors, predecessors or earlier parents
}

// UnitInfo is what the unit tree knows of one unit.
type UnitInfo struct {
	Key    string // list:code
	Level  string // province, district, commune or village
	Type   string
	Name   string
	Parent string // list:code, "" for a province

	// Lineage, as package unittree writes it; "" for units that no reorganisation
	// touched.
	Successors, Predecessors, Former string
}

// traced tells whether the unit says anything about another list version.
func (u *UnitInfo) traced() bool { return u.Successors+u.Predecessors+u.Former != "" }

func (u *UnitInfo) node() unittree.Unit {
	return unittree.Unit{Level: u.Level, Parent: u.Parent, Successors: u.Successors, Predecessors: u.Predecessors, Former: u.Former}
}

func newDefinitions() *Definitions {
	return &Definitions{kinds: make(map[string]*syncproto.Kind), units: make(map[string]UnitInfo)}
}

// clone gives a copy that may be changed.
func (d *Definitions) clone() *Definitions {
	return &Definitions{version: d.version, kinds: maps.Clone(d.kinds), units: maps.Clone(d.units), lineage: d.lineage}
}

// Kind finds a kind by its code.
func (d *Definitions) Kind(code string) (*syncproto.Kind, bool) {
	k, ok := d.kinds[code]
	return k, ok
}

// Kinds gives all kinds by code.
func (d *Definitions) Kinds() map[string]*syncproto.Kind { return maps.Clone(d.kinds) }

// UnitKnown tells whether the unit exists here.
func (d *Definitions) UnitKnown(key string) bool {
	_, ok := d.units[key]
	return ok
}

// Unit finds a unit.
func (d *Definitions) Unit(key string) (UnitInfo, bool) {
	u, ok := d.units[key]
	return u, ok
}

// Units gives all units by key.
func (d *Definitions) Units() map[string]UnitInfo { return maps.Clone(d.units) }

// maxDepth bounds a walk up the tree, so that a loop in it ends.
const maxDepth = 8

// Ancestors lists unit and all units above it, nearest first.
func (d *Definitions) Ancestors(unit string) []string {
	var out []string
	for range maxDepth {
		u, ok := d.units[unit]
		if !ok {
			break
		}
		out = append(out, unit)
		if unit = u.Parent; unit == "" {
			break
		}
	}
	return out
}

// broken tells whether the way up from unit ends at a unit that is not known,
// and at which.
func (d *Definitions) broken(unit string) (missing string, yes bool) {
	for range maxDepth {
		u, ok := d.units[unit]
		if !ok {
			return unit, true
		}
		if unit = u.Parent; unit == "" {
			return "", false
		}
	}
	return "", false
}

// Within tells whether unit is in a scope: one of its units, below one of them,
// or tied to one by a reorganisation as package unittree says.
func (d *Definitions) Within(unit string, scope []string) bool {
	if d.below(unit, scope) || d.lineage == 0 {
		return d.below(unit, scope)
	}
	within, _ := unittree.Within(d.find, unit, scope)
	return within
}

// Lies tells whether unit is, lies or once lay in one of the given units: what
// reports about them count.
func (d *Definitions) Lies(unit string, in []string) bool {
	return d.below(unit, in) || d.lineage > 0 && unittree.Lies(d.find, unit, in)
}

// below looks up the present tree only, which is nearly always enough.
func (d *Definitions) below(unit string, scope []string) bool {
	for range maxDepth {
		for _, s := range scope {
			if s == unit {
				return true
			}
		}
		u, ok := d.units[unit]
		if !ok || u.Parent == "" {
			return false
		}
		unit = u.Parent
	}
	return false
}

func (d *Definitions) find(key string) (unittree.Unit, bool) {
	u, ok := d.units[key]
	return u.node(), ok
}

// Resolve gives the unit of a list version that unit is, was or lies in, and
// false where nobody has placed it yet; see unittree.Resolve.
func (d *Definitions) Resolve(unit, list string) (string, bool) {
	return unittree.Resolve(d.find, unit, list)
}

// KnowsList tells whether any unit of a list version is known.
func (d *Definitions) KnowsList(list string) bool {
	for key := range d.units {
		if unittree.ListOf(key) == list {
			return true
		}
	}
	return false
}

// List names the list version in force after reorganisations: the one to which
// units went over and from which none did. It is "" without a reorganisation, or
// where several lists stand side by side.
func (d *Definitions) List() string {
	if d.lineage == 0 {
		return ""
	}
	to, ended := map[string]bool{}, map[string]bool{}
	for key, u := range d.units {
		for _, s := range unittree.ParseShares(u.Successors) {
			to[unittree.ListOf(s.Unit)], ended[unittree.ListOf(key)] = true, true
		}
	}
	found := ""
	for list := range to {
		switch {
		case ended[list]:
		case found != "":
			return ""
		default:
			found = list
		}
	}
	return found
}

// Family gives the communes whose feeds a scope of the commune needs, itself
// first.
func (d *Definitions) Family(commune string) []string {
	if d.lineage == 0 {
		return []string{commune}
	}
	return unittree.Family(d.find, commune)
}

// Commune gives the commune that unit is or lies in, "" if there is none: the
// name of the feed that the unit's records go to.
func (d *Definitions) Commune(unit string) string {
	for range maxDepth {
		u, ok := d.units[unit]
		switch {
		case !ok:
			return ""
		case u.Level == levelCommune:
			return unit
		}
		unit = u.Parent
	}
	return ""
}

const (
	levelCommune = unittree.Commune
	levelVillage = unittree.Village
)

// learned is what a reference record brought.
type learned struct {
	needs []string // what may be waiting for it
	// moved is a village that has changed its commune, "" for none; from and to
	// are the feeds of the two.
	moved, from, to string
}

// learn takes a unit or kind over from the shown values of its record. A record
// that is not one of these, or says nothing yet, changes nothing.
func (d *Definitions) learn(collection uint32, row syncproto.Row) (learned, bool) {
	switch collection {
	case syncproto.CollectionUnit:
		return d.learnUnit(row)
	case syncproto.CollectionKind:
		return d.learnKind(row)
	}
	return learned{}, false
}

func (d *Definitions) learnUnit(row syncproto.Row) (learned, bool) {
	u := UnitInfo{
		Key:    syncproto.UnitKey(row.Value(syncproto.UnitList).Text(), row.Value(syncproto.UnitCode).Text()),
		Level:  row.Value(syncproto.UnitLevel).Text(),
		Type:   row.Value(syncproto.UnitType).Text(),
		Name:   row.Value(syncproto.UnitName).Text(),
		Parent: row.Value(syncproto.UnitParent).Text(),

		Successors:   row.Value(syncproto.UnitSuccessors).Text(),
		Predecessors: row.Value(syncproto.UnitPredecessors).Text(),
		Former:       row.Value(syncproto.UnitFormer).Text(),
	}
	old, had := d.units[u.Key]
	if _, _, ok := syncproto.SplitUnitKey(u.Key); !ok || had && old == u {
		return learned{}, false
	}
	from := d.Commune(u.Key)
	d.units[u.Key] = u
	if old.traced() {
		d.lineage--
	}
	if u.traced() {
		d.lineage++
	}
	l := learned{needs: []string{"unit:" + u.Key}}
	if had && old != u {
		l.needs = append(l.needs, needsTree)
	}
	if to := d.Commune(u.Key); u.Level == levelVillage && from != "" && to != "" && from != to {
		l.moved, l.from, l.to = u.Key, from, to
	}
	return l, true
}

func (d *Definitions) learnKind(row syncproto.Row) (learned, bool) {
	k, err := syncproto.ParseKind(row.Value(syncproto.KindDefinition).Text())
	if err != nil {
		return learned{}, false
	}
	d.kinds[k.Code] = k
	return learned{needs: []string{"kind:" + k.Code}}, true
}

// loadDefinitions reads all reference data.
func loadDefinitions(r store.Reader) (*Definitions, error) {
	d := newDefinitions()
	for _, c := range [...]uint32{syncproto.CollectionUnit, syncproto.CollectionKind} {
		err := r.EachRecord(store.RecordQuery{Collection: c, ExistsOnly: true}, func(rec store.Record) error {
			row, err := Shown(&rec)
			if err == nil {
				d.learn(c, row)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return d, nil
}
