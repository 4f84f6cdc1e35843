package merge

import (
	"cmp"
	"slices"

	"thonsync/syncproto"
)

// Standing is one value of a field that no other change supersedes, with the
// changes that give it, best ranked first. Equal values are one.
type Standing struct {
	Num   uint32 // field number
	Value syncproto.Value
	By    []ID
}

// State is what a record is. Equal sets of changes and rulings give equal
// states, down to the order of every list.
type State struct {
	// rows are the values of a record of one acting change, in its own memory;
	// that change is Live[0]. All other records have fields instead.
	rows [2]syncproto.Row
	// fields are the standing values by compartment, ordered by field number and
	// then by rank.
	fields [2][]Standing

	// Exists says that a create acts. Without it the other changes are early:
	// the record shows once its create has arrived.
	Exists bool
	// Erased repeats the ruling.
	Erased bool
	// Partial says that the personal row of at least one acting change is
	// unknown here, so the personal values are not the whole truth.
	Partial bool

	// Void says that the record is retracted: a void stands and voids cover
	// every change in Live. The values are still there to be looked at.
	Void bool
	// VoidConflict says that a void stands and something in Live is not covered:
	// the record stays until a person settles it.
	VoidConflict bool
	// VoidBy lists the voids that nothing withdrew, the shown one first. A change
	// that takes the retraction back names them all.
	VoidBy []ID
	// VoidReason is the operational row of VoidBy[0].
	VoidReason syncproto.Row

	// Live lists the changes that a new void has to cover, by ID: those with a
	// standing operational value, and those that nothing has followed on their
	// branch or by naming them. It needs no personal row, so all replicas agree.
	Live []ID
	// Held and Unauthorised list the changes that do not act, by ID. A change
	// can be in both.
	Held, Unauthorised []ID
	// Ignored lists the references that do nothing although their target is
	// here, ordered by the naming change, compartment and target.
	Ignored []Ignored
}

// Reason tells why a reference does nothing.
type Reason uint8

// The reasons. A target that has not arrived is none: the reference acts when
// it does.
const (
	// NoAuthority: the author has no authority over the record.
	NoAuthority Reason = 1
	// NoCommonField: the naming change sets no field that its target sets, in the
	// compartment of the reference.
	NoCommonField Reason = 2
)

// Ignored is a reference that does nothing.
type Ignored struct {
	By          ID // the naming change
	Compartment syncproto.Compartment
	Target      ID
	Reason      Reason
}

func (a Ignored) compare(b Ignored) int {
	return cmp.Or(a.By.Compare(b.By), cmp.Compare(a.Compartment, b.Compartment), a.Target.Compare(b.Target))
}

// Fields gives the standing values of a compartment, ordered by field number,
// and within a field by rank: the first is shown. A field with several is a
// conflict. The personal compartment of an erased record is empty.
func (s *State) Fields(c syncproto.Compartment) []Standing {
	if s.rows[c] == nil {
		return s.fields[c]
	}
	all := make([]Standing, len(s.rows[c]))
	for i, f := range s.rows[c] {
		all[i] = Standing{Num: f.Num, Value: f.Value, By: s.Live}
	}
	return all
}

// At gives the standing values of a field, the shown one first, or nothing if
// no change sets it. More than one is a conflict.
func (s *State) At(c syncproto.Compartment, num uint32) []Standing {
	if v, ok := s.rows[c].Get(num); ok {
		return []Standing{{Num: num, Value: v, By: s.Live}}
	}
	all := s.fields[c]
	lo, _ := slices.BinarySearchFunc(all, num, func(v Standing, n uint32) int { return cmp.Compare(v.Num, n) })
	hi := lo
	for hi < len(all) && all[hi].Num == num {
		hi++
	}
	return all[lo:hi:hi]
}

// Shown gives the shown value of a field, and false if no change sets it.
func (s *State) Shown(c syncproto.Compartment, num uint32) (syncproto.Value, bool) {
	if v, ok := s.rows[c].Get(num); ok {
		return v, true
	}
	if at := s.At(c, num); len(at) > 0 {
		return at[0].Value, true
	}
	return syncproto.Null(), false
}

// Row gives the shown values of a compartment: one field for each that any
// change sets.
func (s *State) Row(c syncproto.Compartment) syncproto.Row {
	if s.rows[c] != nil {
		return s.rows[c]
	}
	row := make(syncproto.Row, 0, len(s.fields[c]))
	for _, v := range s.fields[c] {
		if n := len(row); n == 0 || row[n-1].Num != v.Num {
			row = append(row, syncproto.Field{Num: v.Num, Value: v.Value})
		}
	}
	return row
}

// Conflicts lists the fields with several standing values, ascending.
func (s *State) Conflicts(c syncproto.Compartment) []uint32 {
	var nums []uint32
	for i, v := range s.fields[c] {
		if i > 0 && s.fields[c][i-1].Num == v.Num {
			nums = append(nums, v.Num)
		}
	}
	return slices.Compact(nums)
}

// Targets lists the changes that a change setting the given fields has to name
// in compartment c to supersede everything that stands there now, by ID. Naming
// one's own branch's changes is superfluous but harmless.
func (s *State) Targets(c syncproto.Compartment, nums ...uint32) []ID {
	var ids []ID
	for _, num := range nums {
		for _, v := range s.At(c, num) {
			ids = append(ids, v.By...)
		}
	}
	slices.SortFunc(ids, ID.Compare)
	return slices.Compact(ids)
}
