package merge

import (
	"slices"

	"thonsync/syncproto"
)

// fields gives the standing values of one compartment.
func (m *merger) fields(k syncproto.Compartment) []Standing {
	m.cells = m.cells[:0]
	for i := range m.entries {
		e := &m.entries[i]
		if !e.acts || e.void || !m.readable(e.change, k) {
			continue
		}
		e.field = 0
		for _, f := range e.change.row(k) {
			m.cells = append(m.cells, uint64(f.Num)<<32|uint64(i))
		}
	}
	slices.Sort(m.cells)

	var out []Standing
	for lo, hi := 0, 0; lo < len(m.cells); lo = hi {
		num := uint32(m.cells[lo] >> 32)
		m.work = m.work[:0]
		for hi = lo; hi < len(m.cells) && uint32(m.cells[hi]>>32) == num; hi++ {
			x := int32(uint32(m.cells[hi]))
			m.entries[x].field++
			m.work = append(m.work, x)
		}
		m.work = m.survivors(m.work, int(k), int(k)+1)
		if out == nil {
			out = make([]Standing, 0, m.distinctNums(lo))
		}
		out = m.values(out, num, k)
	}
	return out
}

// distinctNums counts the fields from cell lo on.
func (m *merger) distinctNums(lo int) int {
	n := 1
	for i := lo + 1; i < len(m.cells); i++ {
		if m.cells[i]>>32 != m.cells[i-1]>>32 {
			n++
		}
	}
	return n
}

// survivors leaves those of the entries in group that no other of the group
// supersedes, by the references with bounds from and to. The group is ordered as
// the entries are; it is overwritten and given back from the last to the first.
//
// A branch's last changes supersede all before them, so each change is compared
// with the last ones only; that a last one is itself named by somebody does not
// matter for what it supersedes.
func (m *merger) survivors(group []int32, from, to int) []int32 {
	if len(group) < 2 {
		return group
	}
	m.pass++
	for _, x := range group {
		e := &m.entries[x]
		for _, y := range m.targets[e.refs[from]:e.refs[to]] {
			m.entries[y].named = m.pass
		}
	}
	slices.Reverse(group)
	last := group[:0]
	for _, y := range group {
		if !m.precedesAny(y, last) {
			last = append(last, y)
		}
	}
	out := last[:0]
	for _, y := range last {
		if m.entries[y].named != m.pass {
			out = append(out, y)
		}
	}
	return out
}

// precedesAny tells whether y is earlier on the branch of one of its origin's
// entries in last, which lie together at its end.
func (m *merger) precedesAny(y int32, last []int32) bool {
	for i := len(last) - 1; i >= 0; i-- {
		if !m.sameOrigin(y, last[i]) {
			return false
		}
		if m.precedes(y, last[i]) {
			return true
		}
	}
	return false
}

func (m *merger) sameOrigin(a, b int32) bool {
	return m.entries[a].change.Origin == m.entries[b].change.Origin
}

// precedes tells whether a is earlier on b's branch; both are of one origin.
func (m *merger) precedes(a, b int32) bool {
	x, y := m.entries[a].change, m.entries[b].change
	if m.br == nil {
		return x.Seq < y.Seq
	}
	return m.br.Precedes(x.ID, y.ID)
}

// byRank orders entries for showing.
func (m *merger) byRank(list []int32) {
	slices.SortFunc(list, func(a, b int32) int { return rank(m.entries[a].change, m.entries[b].change) })
}

// values appends the standing values that the entries in work give to a field,
// and notes that these entries are live.
func (m *merger) values(out []Standing, num uint32, k syncproto.Compartment) []Standing {
	m.byRank(m.work)
	start := len(out)
	for _, y := range m.work {
		e := &m.entries[y]
		if k == syncproto.Operational {
			e.live = true
		}
		v := e.change.row(k)[e.field-1].Value
		i := slices.IndexFunc(out[start:], func(s Standing) bool { return s.Value == v })
		if i < 0 {
			out = append(out, Standing{Num: num, Value: v, By: m.ids[y : y+1 : y+1]})
			continue
		}
		out[start+i].By = appendID(out[start+i].By, e.change.ID)
	}
	return out
}
