package ingest

import "thonsync/syncproto"

// Definitions is a snapshot of the reference data that judging and authority
// need. It is never changed once handed out.
type Definitions struct {
	kinds map[string]*syncproto.Kind
	units map[string]UnitInfo
}

// UnitInfo is what the unit tree knows of one unit.
type UnitInfo struct {
	Key    string // list:code
	Level  string // province, district, commune or village
	Type   string
	Name   string
	Parent string // list:code, "" for a province
}

// Kind finds a kind by its code.
func (d *Definitions) Kind(code string) (*syncproto.Kind, bool) {
	k, ok := d.kinds[code]
	return k, ok
}

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
	for _, key := range d.Ancestors(unit) {
		if d.units[key].Level == "commune" {
			return key
		}
	}
	return ""
}
