package merge

import (
	"bytes"
	"slices"
	"sync"

	"thonsync/syncproto"
)

// Record merges the changes of one record.
//
// For a field of a compartment, change x supersedes change y exactly if both set
// the field, and y precedes x on x's own branch or x names y in its references
// of that compartment. Superseding counts even if x itself is superseded. A
// change that is held or whose author has no authority neither stands nor
// supersedes. A null value is a value like others.
//
// changes is a set: order and repeats do not matter. All of them have to belong
// to the record; a nil br says that no origin has forked.
//
// Time grows with n log n in the number of changes, times the number of branches
// on which one origin sets one field; and with the square of the number of voids
// of one origin and of different standing values of one field (10,000 of either
// take less than a second).
func Record(changes []Change, rulings Rulings, br Branches) State {
	if len(changes) == 1 && len(rulings.Changes) == 0 && !changes[0].NoAuthority && changes[0].Op != syncproto.OpVoid {
		return sole(&changes[0], rulings.Erased)
	}
	m := pool.Get().(*merger)
	defer m.done()
	m.br, m.erased = br, rulings.Erased
	for i := range changes {
		m.entries = append(m.entries, entry{change: &changes[i]})
	}
	slices.SortFunc(m.entries, compareEntries)
	m.entries = distinct(m.entries)
	m.rule(rulings.Changes)

	if len(m.entries) == 1 && m.sets(0) {
		return sole(m.entries[0].change, rulings.Erased)
	}
	s := State{Erased: rulings.Erased}
	m.describe(&s)
	m.resolve(&s)
	s.fields[syncproto.Operational] = m.fields(syncproto.Operational)
	s.fields[syncproto.Personal] = m.fields(syncproto.Personal)
	m.live(&s)
	m.voids(&s)
	return s
}

// sole is Record for the common case: one change that acts and sets values. It
// copies no row.
func sole(c *Change, erased bool) State {
	s := State{
		Exists: c.Op == syncproto.OpCreate,
		Erased: erased,
		Live:   []ID{c.ID},
	}
	s.rows[syncproto.Operational] = c.Operational
	if !erased {
		s.Partial = !c.PersonalKnown
		if c.PersonalKnown {
			s.rows[syncproto.Personal] = c.Personal
		}
	}
	return s
}

// entry is one distinct change with what is found out about it.
type entry struct {
	change *Change
	number uint64 // of the ruling that counts
	// refs are bounds in merger.targets: operational from refs[0] to refs[1],
	// personal from refs[1] to refs[2].
	refs    [3]int32
	field   int32  // how many fields of the row at hand were dealt with
	named   uint32 // the last pass in which an acting change named this one
	held    bool
	acts    bool // neither held nor without authority
	void    bool
	live    bool // a void has to cover it
	covered bool
}

// merger is the working memory of one call. Entries are ordered by ID, so the
// changes of an origin lie side by side in the order of their numbers.
type merger struct {
	entries []entry
	ids     []ID // of the entries, for the lists that go out
	targets []int32
	cells   []uint64
	work    []int32
	pass    uint32
	br      Branches
	erased  bool
}

// pool keeps working memory between calls: a replay merges millions of records.
var pool = sync.Pool{New: func() any { return new(merger) }}

// done gives the memory back, holding on to nothing that was handed in or out.
func (m *merger) done() {
	clear(m.entries)
	m.entries, m.targets = m.entries[:0], m.targets[:0]
	m.ids, m.br = nil, nil
	pool.Put(m)
}

// compareEntries orders by ID and closed hash. Of copies of one change the one
// that knows the personal row comes first, then the one without authority.
func compareEntries(a, b entry) int {
	if c := a.change.ID.Compare(b.change.ID); c != 0 {
		return c
	}
	if c := bytes.Compare(a.change.Closed[:], b.change.Closed[:]); c != 0 {
		return c
	}
	if a.change.PersonalKnown != b.change.PersonalKnown {
		return first(a.change.PersonalKnown)
	}
	if a.change.NoAuthority != b.change.NoAuthority {
		return first(a.change.NoAuthority)
	}
	return 0
}

func first(yes bool) int {
	if yes {
		return -1
	}
	return 1
}

// distinct leaves one entry of each change. Of one ID, zero Closed sorts first
// and gives way to any other.
func distinct(entries []entry) []entry {
	out := entries[:0]
	for _, e := range entries {
		if n := len(out); n > 0 && out[n-1].change.ID == e.change.ID {
			if out[n-1].change.Closed == e.change.Closed {
				continue
			}
			if out[n-1].change.Closed == [syncproto.RefOpenBytes]byte{} {
				out = out[:n-1]
			}
		}
		out = append(out, e)
	}
	return out
}

// find gives the bounds of the entries with an id: none, one, or the branches
// that differ in personal values only.
func (m *merger) find(id ID) (lo, hi int) {
	lo, _ = slices.BinarySearchFunc(m.entries, id, func(e entry, id ID) int { return e.change.ID.Compare(id) })
	hi = lo
	for hi < len(m.entries) && m.entries[hi].change.ID == id {
		hi++
	}
	return lo, hi
}

// rule applies the rulings and settles which changes act.
func (m *merger) rule(rulings []Ruling) {
	for _, r := range rulings {
		lo, hi := m.find(r.Change)
		for i := lo; i < hi; i++ {
			e := &m.entries[i]
			if r.Number > e.number || r.Number == e.number && r.Act == Hold {
				e.number, e.held = r.Number, r.Act == Hold
			}
		}
	}
	for i := range m.entries {
		e := &m.entries[i]
		e.acts = !e.held && !e.change.NoAuthority
		e.void = e.change.Op == syncproto.OpVoid
	}
}

// describe fills in what the changes say one by one.
func (m *merger) describe(s *State) {
	m.ids = make([]ID, len(m.entries))
	for i := range m.entries {
		e := &m.entries[i]
		m.ids[i] = e.change.ID
		if e.held {
			s.Held = appendID(s.Held, e.change.ID)
		}
		if e.change.NoAuthority {
			s.Unauthorised = appendID(s.Unauthorised, e.change.ID)
		}
		if !e.acts || e.void {
			continue
		}
		if e.change.Op == syncproto.OpCreate {
			s.Exists = true
		}
		if !e.change.PersonalKnown && !m.erased {
			s.Partial = true
		}
	}
}

// appendID appends an id once: branches that differ in personal values only
// share it, and lie side by side.
func appendID(ids []ID, id ID) []ID {
	if n := len(ids); n > 0 && ids[n-1] == id {
		return ids
	}
	return append(ids, id)
}

// readable tells whether the rule may look at a row.
func (m *merger) readable(c *Change, k syncproto.Compartment) bool {
	return k == syncproto.Operational || c.PersonalKnown && !m.erased
}
