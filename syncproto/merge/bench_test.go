package merge_test

import (
	"testing"

	"thonsync/syncproto"
	"thonsync/syncproto/merge"
)

// activity gives a create as a phone writes it: eight operational and five
// personal fields.
func activity(seq uint64) merge.Change {
	c := merge.Change{Op: syncproto.OpCreate, StampMS: 1000, BeaconMS: 900, PersonalKnown: true}
	c.Origin[0], c.Seq, c.Open[0], c.Closed[0] = 1, seq, byte(seq), byte(seq)
	for i := uint32(1); i <= 8; i++ {
		c.Operational = append(c.Operational, syncproto.Field{Num: i, Value: syncproto.IntValue(int64(i))})
	}
	for i := uint32(1); i <= 5; i++ {
		c.Personal = append(c.Personal, syncproto.Field{Num: i, Value: syncproto.TextValue("x")})
	}
	return c
}

func BenchmarkOneCreate(b *testing.B) {
	changes := []merge.Change{activity(1)}
	b.ReportAllocs()
	for b.Loop() {
		merge.Record(changes, merge.Rulings{}, nil)
	}
}

func BenchmarkOneCreateAtPoint(b *testing.B) {
	changes := []merge.Change{activity(1)}
	changes[0].Personal, changes[0].PersonalKnown = nil, false
	b.ReportAllocs()
	for b.Loop() {
		merge.Record(changes, merge.Rulings{}, nil)
	}
}

// threeChanges is a create, a correction on the phone's own branch and one by
// an officer who names the create.
func threeChanges() []merge.Change {
	a, b, c := activity(1), activity(2), activity(7)
	b.Op, b.Operational, b.Personal = syncproto.OpSet, b.Operational[:2], b.Personal[:1]
	c.Op, c.Operational, c.Personal = syncproto.OpSet, c.Operational[3:6], nil
	c.Origin[0] = 2
	c.Refs[0] = []syncproto.Ref{syncproto.Ref(a.ID)}
	return []merge.Change{c, a, b}
}

func BenchmarkThreeChanges(b *testing.B) {
	changes := threeChanges()
	b.ReportAllocs()
	for b.Loop() {
		merge.Record(changes, merge.Rulings{}, nil)
	}
}

// BenchmarkLongHistory is a record that one phone edited a thousand times.
func BenchmarkLongHistory(b *testing.B) {
	var changes []merge.Change
	for seq := uint64(1); seq <= 1000; seq++ {
		changes = append(changes, activity(seq))
	}
	b.ReportAllocs()
	for b.Loop() {
		merge.Record(changes, merge.Rulings{}, nil)
	}
}
