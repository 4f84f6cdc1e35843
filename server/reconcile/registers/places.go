package registers

import (
	"slices"
	"strings"

	"thonsync/server/ingest"
	"thonsync/syncproto/fold"
)

// places finds units by what offices write: a code, list:code, or a name with or
// without its type.
type places struct {
	defs    *ingest.Definitions
	list    string
	covered []string
	byName  map[string][]string
	byCode  map[string][]string
	known   map[string]found
}

type found struct {
	unit   string
	reason string
}

// types are what stands before names of units, folded, the longest first.
var types = []string{"to dan pho", "to nhan dan", "thi tran", "thanh pho", "phuong", "huyen", "tieu khu", "thon", "xom", "khu", "xa", "ban", "to", "tinh", "tt", "p", "x"}

func bareName(s string) string {
	k := strings.Join(strings.Fields(strings.NewReplacer(".", " ", "-", " ").Replace(fold.Key(s))), " ")
	for _, t := range types {
		if rest, ok := strings.CutPrefix(k, t+" "); ok && rest != "" {
			return rest
		}
	}
	return k
}

func newPlaces(defs *ingest.Definitions, list string, covered []string) *places {
	p := &places{defs: defs, list: list, covered: covered, byName: map[string][]string{}, byCode: map[string][]string{}, known: map[string]found{}}
	for key, u := range defs.Units() {
		_, code, _ := strings.Cut(key, ":")
		p.byCode[code] = append(p.byCode[code], key)
		name := bareName(u.Name)
		p.byName[name] = append(p.byName[name], key)
	}
	return p
}

// find resolves a unit, inside commune if that says something. Reasons are those
// of bad rows.
func (p *places) find(unit, commune string) (string, string) {
	if unit == "" && commune == "" {
		if len(p.covered) == 1 {
			return p.covered[0], "" // the list says so by being about it
		}
		return "", ""
	}
	cached := unit + "\x00" + commune
	if f, ok := p.known[cached]; ok {
		return f.unit, f.reason
	}
	var f found
	f.unit, f.reason = p.search(unit, commune)
	p.known[cached] = f
	return f.unit, f.reason
}

func (p *places) search(unit, commune string) (string, string) {
	within := []string(nil)
	parts := strings.FieldsFunc(unit, func(r rune) bool { return r == ',' || r == ';' })
	if len(parts) > 1 {
		unit = strings.TrimSpace(parts[0])
		if commune == "" {
			commune = strings.TrimSpace(parts[1])
		}
	}
	if commune != "" {
		within = p.candidates(commune, p.covered)
		if len(within) == 0 {
			return "", reasonUnitUnknown
		}
	}
	if unit == "" {
		return p.choose(within)
	}
	in := within
	if in == nil {
		in = p.covered
	}
	got := p.candidates(unit, in)
	if len(got) == 0 && within != nil {
		return p.choose(within) // the village is not on the list, its commune is
	}
	return p.choose(got)
}

// candidates lists the units of a name or code that lie in, or once lay in, one
// of in; anywhere if in is empty.
func (p *places) candidates(text string, in []string) (out []string) {
	list := p.byName[bareName(text)]
	switch {
	case p.defs.UnitKnown(text):
		list = []string{text}
	case p.list != "" && p.defs.UnitKnown(p.list+":"+text):
		list = []string{p.list + ":" + text}
	case len(p.byCode[text]) > 0:
		list = p.byCode[text]
	}
	for _, key := range list {
		if len(in) == 0 || p.defs.Lies(key, in) || p.lies(in, key) {
			out = append(out, key)
		}
	}
	return out
}

// lies tells whether one of the units lies in unit: a register of one village may
// name its commune.
func (p *places) lies(units []string, unit string) bool {
	return slices.ContainsFunc(units, func(u string) bool { return p.defs.Lies(u, []string{unit}) })
}

// choose takes the one that is meant: of a name before and after a reorganisation
// the present one, of a village and its commune the smaller.
func (p *places) choose(list []string) (string, string) {
	if len(list) > 1 {
		present := slices.DeleteFunc(slices.Clone(list), func(k string) bool {
			u, _ := p.defs.Unit(k)
			return u.Successors != ""
		})
		if len(present) > 0 {
			list = present
		}
	}
	if len(list) > 1 {
		communes := slices.DeleteFunc(slices.Clone(list), func(k string) bool {
			u, _ := p.defs.Unit(k)
			return u.Level != "commune"
		})
		if len(communes) == 1 {
			list = communes
		}
	}
	switch len(list) {
	case 0:
		return "", reasonUnitUnknown
	case 1:
		return list[0], ""
	}
	return "", reasonUnitUnclear
}
