package merge

import (
	"slices"

	"thonsync/syncproto"
)

// resolve finds the targets of all references and lists those references that
// do nothing although their target is here. A target counts only if origin,
// number and open hash agree; what does not agree has not arrived.
func (m *merger) resolve(s *State) {
	for x := range m.entries {
		e := &m.entries[x]
		for k := range e.change.Refs {
			e.refs[k] = int32(len(m.targets))
			for _, ref := range e.change.Refs[k] {
				m.follow(s, int32(x), syncproto.Compartment(k), ID(ref))
			}
		}
		e.refs[2] = int32(len(m.targets))
	}
	slices.SortFunc(s.Ignored, Ignored.compare)
	s.Ignored = slices.Compact(s.Ignored)
}

// follow takes one reference of entry x.
func (m *merger) follow(s *State, x int32, k syncproto.Compartment, id ID) {
	e := &m.entries[x]
	lo, hi := m.find(id)
	// No change can contain its own hash; a made-up one must not erase itself.
	if lo == hi || id == e.change.ID {
		return
	}
	if e.change.NoAuthority {
		s.Ignored = append(s.Ignored, Ignored{e.change.ID, k, id, NoAuthority})
		return
	}
	if e.held {
		return
	}
	meets := false
	for y := lo; y < hi; y++ {
		m.targets = append(m.targets, int32(y))
		meets = meets || m.meets(e, &m.entries[y], k)
	}
	if !meets {
		s.Ignored = append(s.Ignored, Ignored{e.change.ID, k, id, NoCommonField})
	}
}

// meets tells whether a reference from x to y has something to act on: a field
// that both set, or the whole change where one of them is a void. Rows that
// cannot be read get the benefit of the doubt.
func (m *merger) meets(x, y *entry, k syncproto.Compartment) bool {
	if x.void {
		return k == syncproto.Operational
	}
	if y.void || !m.readable(x.change, k) || !m.readable(y.change, k) {
		return true
	}
	return overlap(x.change.row(k), y.change.row(k))
}

// overlap tells whether two rows set a common field.
func overlap(a, b syncproto.Row) bool {
	for _, f := range a {
		if _, ok := b.Get(f.Num); ok {
			return true
		}
	}
	return false
}
