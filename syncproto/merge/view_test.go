package merge_test

import (
	"reflect"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"thonsync/syncproto"
	"thonsync/syncproto/merge"
)

// view is everything a State says, in exported fields, for comparing.
type view struct {
	Exists, Erased, Partial, Void, VoidConflict bool

	VoidBy                   []merge.ID
	VoidReason               syncproto.Row
	Operational, Personal    []merge.Standing
	Live, Held, Unauthorised []merge.ID
	Ignored                  []merge.Ignored
}

// differ gives the difference between two values, "" if there is none. Empty
// lists are equal.
func differ(want, got any) string {
	if reflect.DeepEqual(want, got) {
		return "" // the common case, and cmp is slow
	}
	return cmp.Diff(want, got, cmpopts.EquateEmpty(), cmp.Comparer(func(a, b syncproto.Value) bool { return a == b }))
}

func viewOf(s merge.State) view {
	return view{
		Exists: s.Exists, Erased: s.Erased, Partial: s.Partial, Void: s.Void, VoidConflict: s.VoidConflict,
		VoidBy: s.VoidBy, VoidReason: s.VoidReason,
		Operational: s.Fields(syncproto.Operational), Personal: s.Fields(syncproto.Personal),
		Live: s.Live, Held: s.Held, Unauthorised: s.Unauthorised, Ignored: s.Ignored,
	}
}

// withoutPersonal leaves what a replica without personal rows can know.
func (v view) withoutPersonal() view {
	v.Personal, v.Partial = nil, false
	var open []merge.Ignored
	for _, i := range v.Ignored {
		if i.Compartment == syncproto.Operational {
			open = append(open, i)
		}
	}
	v.Ignored = open
	return v
}

// blind gives the changes as a point has them.
func blind(changes []merge.Change) []merge.Change {
	out := make([]merge.Change, len(changes))
	for i, c := range changes {
		c.Personal, c.PersonalKnown, c.Closed = nil, false, [16]byte{}
		out[i] = c
	}
	return out
}

func rowOf(c merge.Change, k syncproto.Compartment) syncproto.Row {
	if k == syncproto.Personal {
		return c.Personal
	}
	return c.Operational
}
