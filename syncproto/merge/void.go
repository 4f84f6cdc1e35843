package merge

import "slices"

// live finds the changes that a void has to cover. Those with a standing
// operational value are marked already. The personal rows must not be looked
// at, because a point has none and has to come to the same answer: besides, a
// change counts as long as no other has followed it, on its branch or by naming
// it in either compartment.
func (m *merger) live(s *State) {
	m.work = m.work[:0]
	for i := range m.entries {
		if m.sets(i) {
			m.work = append(m.work, int32(i))
		}
	}
	m.work = m.survivors(m.work, 0, 2)
	for _, y := range m.work {
		m.entries[y].live = true
	}
	for i := range m.entries {
		if m.entries[i].live {
			s.Live = appendID(s.Live, m.entries[i].change.ID)
		}
	}
}

// sets tells whether an entry acts and is not a void.
func (m *merger) sets(i int) bool { return m.entries[i].acts && !m.entries[i].void }

// voids tells whether the record is retracted. A void erases no value. It
// covers what precedes it on its own branch and what it names in its
// operational references. It is withdrawn by any acting change that is not a
// void and comes later on its branch or names it, in either compartment.
func (m *merger) voids(s *State) {
	m.work = m.work[:0]
	for i := range m.entries {
		if m.entries[i].acts && m.entries[i].void {
			m.work = append(m.work, int32(i))
		}
	}
	m.withdraw()
	if len(m.work) == 0 {
		return
	}
	for _, v := range m.work {
		m.cover(v)
	}
	s.Void = true
	for i := range m.entries {
		if m.entries[i].live && !m.entries[i].covered {
			s.Void, s.VoidConflict = false, true
		}
	}
	m.listVoids(s)
}

// withdraw leaves in work those voids that stand.
func (m *merger) withdraw() {
	m.pass++
	for i := range m.entries {
		if !m.sets(i) {
			continue
		}
		e := &m.entries[i]
		for _, y := range m.targets[e.refs[0]:e.refs[2]] {
			m.entries[y].named = m.pass
		}
	}
	standing := m.work[:0]
	for _, v := range m.work {
		if m.entries[v].named != m.pass && !m.followed(v) {
			standing = append(standing, v)
		}
	}
	m.work = standing
}

// followed tells whether a change that sets values comes later on v's branch.
func (m *merger) followed(v int32) bool {
	for x := v + 1; int(x) < len(m.entries) && m.sameOrigin(v, x); x++ {
		if m.sets(int(x)) && m.precedes(v, x) {
			return true
		}
	}
	return false
}

// cover notes what the void v covers.
func (m *merger) cover(v int32) {
	e := &m.entries[v]
	for _, y := range m.targets[e.refs[0]:e.refs[1]] {
		m.entries[y].covered = true
	}
	for y := v - 1; y >= 0 && m.sameOrigin(y, v); y-- {
		if m.precedes(y, v) {
			m.entries[y].covered = true
		}
	}
}

// listVoids lists the standing voids, best ranked first. One that another
// supersedes, because its author changed the reason, comes after those that
// none does.
func (m *merger) listVoids(s *State) {
	all := slices.Clone(m.work)
	m.byRank(all)
	latest := m.survivors(m.work, 0, 1)
	m.byRank(latest)
	order := slices.Clone(latest)
	for _, v := range all {
		if !slices.Contains(latest, v) {
			order = append(order, v)
		}
	}
	for _, v := range order {
		s.VoidBy = appendID(s.VoidBy, m.entries[v].change.ID)
	}
	s.VoidReason = m.entries[order[0]].change.Operational
}
