package ingest

import (
	"maps"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// Definitions is a snapshot of the reference data that judging and authority
// need. It is never changed once handed out.
type Definitions struct {
	version uint64 // rises with every change
	kinds   map[string]*syncproto.Kind
	units   map[string]UnitInfo
}

// UnitInfo is what the unit tree knows of one unit.
type UnitInfo struct {
	Key    string // list:code
	Level  string // province, district, commune or village
	Type   string
	Name   string
	Parent string // list:code, "" for a province
}

func newDefinitions() *Definitions {
	return &Definitions{kinds: make(map[string]*syncproto.Kind), units: make(map[string]UnitInfo)}
}

// clone gives a copy that may be changed.
func (d *Definitions) clone() *Definitions {
	return &Definitions{version: d.version, kinds: maps.Clone(d.kinds), units: maps.Clone(d.units)}
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

// Within tells whether unit is one of scope or lies below one of them.
func (d *Definitions) Within(unit string, scope []string) bool {
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
	levelCommune = "commune"
	levelVillage = "village"
)

// learned is what a reference record brought.
type learned struct {
	needs []string // what may be waiting for it
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
	}
	old, had := d.units[u.Key]
	if _, _, ok := syncproto.SplitUnitKey(u.Key); !ok || had && old == u {
		return learned{}, false
	}
	d.units[u.Key] = u
	l := learned{needs: []string{"unit:" + u.Key}}
	if had && old.Parent != u.Parent {
		l.needs = append(l.needs, needsTree)
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
