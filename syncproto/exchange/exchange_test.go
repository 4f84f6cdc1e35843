package exchange_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/syncproto"
	"thonsync/syncproto/exchange"
)

var me = uuid.UUID{7}

// head gives a made-up state of a branch: branch 0 up to seq, or one that left
// it after change 5.
func head(branch byte, seq uint64) syncproto.Heads {
	if seq <= 5 {
		branch = 0
	}
	return syncproto.Heads{Seq: seq, Open: syncproto.Hash{1, branch, byte(seq)}, Closed: syncproto.Hash{2, branch, byte(seq)}}
}

// What a peer says of our own origin tells how far it holds our branch, whether
// somebody else writes under our key, and whether it lost what it had signed.
func TestHeadsOfAnOwnOrigin(t *testing.T) {
	const ours, signed = 10, 8 // we hold 10 changes of branch 0 and its receipt for 8
	for name, c := range map[string]struct {
		theirs   []syncproto.Heads
		known    uint64
		restored bool // we or a copy of us
		lost     bool // the peer
	}{
		"all":                           {[]syncproto.Heads{head(0, 10)}, 10, false, false},
		"a part":                        {[]syncproto.Heads{head(0, 8)}, 8, false, false},
		"less than it signed":           {[]syncproto.Heads{head(0, 6)}, 6, false, true},
		"nothing":                       {[]syncproto.Heads{head(0, 0)}, 0, false, true},
		"more than we":                  {[]syncproto.Heads{head(0, 12), head(0, 10)}, 10, true, false},
		"more, and what we last had":    {[]syncproto.Heads{head(0, 12), head(0, 8)}, 8, true, false},
		"another branch beside ours":    {[]syncproto.Heads{head(0, 9), head(1, 7)}, 9, true, false},
		"ours beside another branch":    {[]syncproto.Heads{head(1, 12), head(0, 9)}, 9, true, false},
		"another branch instead of our": {[]syncproto.Heads{head(1, 12)}, 0, true, true},
		"a shorter one instead of ours": {[]syncproto.Heads{head(1, 7), head(0, 5)}, 5, true, true},
	} {
		a := exchange.NewAsker()
		at := func(_ syncproto.OriginID, seq uint64) (syncproto.Heads, bool) { return head(0, seq), true }
		var heads []syncproto.OriginHeads
		for _, h := range c.theirs {
			heads = append(heads, syncproto.OriginHeads{Origin: me, Heads: h})
		}
		own := []syncproto.OriginHeads{{Origin: me, Heads: head(0, ours)}}
		var restored, lost bool
		for _, f := range a.Answered(heads, own, at, func(syncproto.OriginID) uint64 { return signed }, time.Second) {
			restored = restored || f.Kind == exchange.WeWereRestored
			if f.Kind == exchange.PeerWasRestored {
				lost = true
				if f.Theirs.Seq != c.known {
					t.Errorf("%s: lost after %d, want %d", name, f.Theirs.Seq, c.known)
				}
			}
		}
		if known, _ := a.Known(me); known.Seq != c.known || restored != c.restored || lost != c.lost {
			t.Errorf("%s: known %d, restored %v, lost %v; want %d, %v, %v", name, known.Seq, restored, lost, c.known, c.restored, c.lost)
		}
		if plan := a.Plan(own); c.known < ours && (len(plan) != 1 || plan[0].After != c.known) {
			t.Errorf("%s: plan %+v, want what follows %d", name, plan, c.known)
		}
	}
}
