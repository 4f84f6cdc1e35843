package merge

import "thonsync/syncproto"

// Branches tells the order of changes on the branches of an origin. A nil
// Branches says that no origin has forked.
//
// Precedes must be a strict order: a change never precedes itself, and if a
// precedes b and b precedes c, then a precedes c. It is asked only about
// changes of one origin.
type Branches interface {
	// Precedes reports whether a comes earlier than b on b's own branch, which
	// includes what b's branch shares with others before they parted.
	Precedes(a, b ID) bool
}

// ForkMap holds the branches of the origins that have forked. Branch numbers
// are free to choose, per origin; which branch counts as the trunk, and which of
// several equal parents is named, changes no answer. An origin it does not know
// has no forks.
//
// The zero value is ready for use. Reading is safe for concurrent use, adding
// is not.
type ForkMap struct {
	forks map[syncproto.OriginID]map[uint32]parting
	home  map[ID]uint32
}

// parting says where a branch left its parent.
type parting struct {
	parent uint32
	after  uint64
}

// Fork records that branch continues change number after of parent: its own
// first change is after+1. A branch with no parent at all, because the origin
// forked before its first change, has after 0.
func (m *ForkMap) Fork(origin syncproto.OriginID, branch, parent uint32, after uint64) {
	if m.forks == nil {
		m.forks = make(map[syncproto.OriginID]map[uint32]parting)
	}
	if m.forks[origin] == nil {
		m.forks[origin] = make(map[uint32]parting)
	}
	m.forks[origin][branch] = parting{parent: parent, after: after}
}

// Assign records the branch on which a change was written. In an origin that
// has forked, a change without a branch precedes nothing and follows nothing,
// so nothing is lost by not knowing.
func (m *ForkMap) Assign(id ID, branch uint32) {
	if m.home == nil {
		m.home = make(map[ID]uint32)
	}
	m.home[id] = branch
}

// Precedes implements Branches.
func (m *ForkMap) Precedes(a, b ID) bool {
	if a.Origin != b.Origin || a.Seq >= b.Seq {
		return false
	}
	if m == nil || m.forks[a.Origin] == nil {
		return true
	}
	want, known := m.home[a]
	at, placed := m.home[b]
	if !known || !placed {
		return false
	}
	return m.descends(a.Origin, at, want, a.Seq)
}

// descends walks from branch at towards the root and reports whether it comes
// to branch want without having parted from it before number seq. The walk is
// bounded so that a map with a loop in it gives an answer too.
func (m *ForkMap) descends(origin syncproto.OriginID, at, want uint32, seq uint64) bool {
	forks := m.forks[origin]
	for range len(forks) + 1 {
		if at == want {
			return true
		}
		p := forks[at] // of the trunk and of unknown branches: after 0, so no parent
		if p.after < seq {
			return false
		}
		at = p.parent
	}
	return false
}
