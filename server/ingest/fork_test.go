package ingest

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// twinOf gives a copy of a device that leaves its log after a change and then
// writes n activities of its own.
func twinOf(a *author, after uint64, n int, seed uint64) *author {
	twin := a.clone()
	twin.log, twin.states, twin.heads = twin.log[:after], twin.states[:after+1], a.states[after]
	for range n {
		twin.write(activity(testVillage, rand.New(rand.NewPCG(seed, twin.heads.Seq))))
	}
	return twin
}

// receiptFor finds the newest receipt that ends at a state of an author.
func (s *server) receiptFor(h syncproto.Heads, a *author, mark syncproto.Mark) (out *syncproto.Receipt) {
	s.t.Helper()
	for _, b := range s.receiptsOf(a.origin) {
		r := must[*syncproto.Receipt](s.t)(syncproto.DecodeReceipt(b))
		if r.Mark == mark && r.Last == h.Seq && r.Open == h.Open && r.Closed == h.Closed {
			out = r
		}
	}
	return out
}

// Who is on a branch has receipts that end on it only, so they begin with the
// first change and tell the outcomes of what the branch shares.
func TestReceiptOfABranchBeginsWithTheFirstChange(t *testing.T) {
	for name, twinFirst := range map[string]bool{"trunk first": false, "branch first": true} {
		t.Run(name, func(t *testing.T) {
			s := withReference(t)
			a := s.phone("phone", 2)
			a.write(activity(otherVillage, rand.New(rand.NewPCG(5, 5)))) // 3: outside its scope
			a.write(activity(testVillage, rand.New(rand.NewPCG(5, 6))))
			twin := twinOf(a, 3, 2, 99)
			third := twinOf(twin, 4, 2, 7)
			parts := [][]byte{a.cut(1, 4), twin.cut(4, 5), third.cut(5, 6)}
			if twinFirst {
				parts = [][]byte{third.cut(5, 6), twin.cut(1, 5), a.cut(1, 4)}
			}
			for _, p := range parts {
				s.submit1(p)
			}
			if err := s.MarkSafe(context.Background(), []syncproto.OriginHeads{{Origin: a.origin, Heads: twin.states[4]}}); err != nil {
				t.Fatal(err)
			}
			for who, d := range map[string]*author{"trunk": a, "branch": twin, "branch of the branch": third} {
				r := s.receiptFor(d.heads, a, syncproto.MarkReceived)
				if r == nil || r.First != 1 {
					t.Fatalf("%s: receipt %+v, want one over all that it has", who, r)
				}
				if e := r.Exceptions; len(e) == 0 || e[0].First != 3 || e[0].Last != 3 || e[0].Reason != syncproto.ReasonNoAuthority {
					t.Errorf("%s: exceptions %+v do not name change 3", who, r.Exceptions)
				}
			}
			if r := s.receiptFor(twin.states[4], a, syncproto.MarkSafe); r == nil || r.First != 1 {
				t.Errorf("safe receipt %+v, want one over all that the branch has", r)
			}
			s.checkLedger()
		})
	}
}

// A branch that is numbered anew leaves no receipt behind under its old number.
func TestReceiptsFollowTheirBranch(t *testing.T) {
	s := withReference(t)
	a := s.phone("phone", 8)
	twin := twinOf(a, 3, 5, 99)
	s.submit1(a.cut(1, 2), twin.cut(6, 8), a.cut(5, 8), a.cut(3, 4), twin.cut(3, 5))
	s.view(func(r store.Reader) {
		for _, row := range must[[]store.Receipt](t)(r.Receipts(store.ReceiptQuery{Origins: []syncproto.OriginID{a.origin}})) {
			if row.First != 1 {
				t.Errorf("a receipt for %d-%d of branch %d was left behind", row.First, row.Last, row.Branch)
			}
		}
	})
	for who, d := range map[string]*author{"trunk": a, "branch": twin} {
		if r := s.receiptFor(d.heads, a, syncproto.MarkReceived); r == nil || r.First != 1 {
			t.Errorf("%s: receipt %+v", who, r)
		}
	}
}

// A segment is no repeat because its last changes lie beyond a gap and another
// branch is as long: what fills the gap is taken.
func TestBeginningOfABranchIsNoRepeat(t *testing.T) {
	for name, server := range map[string]func(testing.TB) *server{"centre": withReference, "point": newPoint} {
		t.Run(name, func(t *testing.T) {
			s := server(t)
			a := newAuthor(t, "phone", credential.RolePhone, testVillage)
			for i := range uint64(15) {
				a.write(activity(testVillage, rand.New(rand.NewPCG(1, i))))
			}
			twin := twinOf(a, 7, 5, 99)
			s.submitBatch(Batch{Credentials: []syncproto.OriginCredential{a.credentials()}, Segments: [][]byte{a.cut(1, 7), a.cut(8, 15), twin.cut(10, 12)}})
			if r := s.submit1(twin.cut(8, 12)); r.New != 2 || r.Repeats != 3 {
				t.Errorf("%d new, %d repeats; want the two that were missing", r.New, r.Repeats)
			}
			s.view(func(r store.Reader) {
				for _, l := range must[[]BranchLedger](t)(Ledger(r, a.origin)) {
					if l.Missing() > 0 {
						t.Errorf("branch %d lacks %v", l.Branch, l.Gaps)
					}
				}
			})
			s.checkLedger()
		})
	}
}

// Copies of a device share the secret of their salts. An erased change's salt is
// not left behind in the change that the other copy wrote under the same number,
// whichever comes first, and the erasure before, between or after them.
func TestErasedSaltIsNotLeftOnAnotherBranch(t *testing.T) {
	for _, order := range []string{"ate", "tae", "aet", "tea", "eat", "eta"} {
		t.Run(order, func(t *testing.T) {
			s := withReference(t)
			a := s.phone("phone", 4)
			s.submit1(a.cut(1, 4))
			twin := twinOf(a, 4, 3, 99)
			id := a.write(activity(testVillage, rand.New(rand.NewPCG(5, 5)))) // 5
			for _, step := range order {
				switch step {
				case 'a':
					s.submit1(a.cut(4, 5))
				case 't':
					s.submit1(twin.cut(4, 7))
				case 'e':
					if _, err := s.Rule(context.Background(), syncproto.Ruling{Kind: syncproto.RulingErase, Record: id, Unit: testVillage}); err != nil {
						t.Fatal(err)
					}
				}
			}
			salt := syncproto.ExpandSalt(a.secret, a.origin, 5)
			s.view(func(r store.Reader) {
				for _, seg := range must[[]store.Segment](t)(r.Segments(store.SegmentQuery{Origin: a.origin})) {
					if bytes.Contains(seg.Salts, salt[:]) {
						t.Errorf("segment %d-%d of branch %d still has the salt", seg.First, seg.Last, seg.Branch)
					}
					if seg.Last == 7 && bytes.Equal(seg.Salts[2*saltBytes:], make([]byte, 2*saltBytes)) {
						t.Error("the neighbours' salts went as well")
					}
				}
			})
			s.checkLedger()
			s.mustVerify()
		})
	}
}
