package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

func line(branch uint32, first, last uint64, o syncproto.Outcome, needs string) store.Outcome {
	return store.Outcome{Origin: id(1), Branch: branch, First: first, Last: last, Outcome: o, Needs: needs}
}

func outcomes(t *testing.T, s store.Store) {
	put(t, s, 1, 2)
	const accepted, waits = syncproto.OutcomeAccepted, syncproto.OutcomeQuarantined
	update(t, s, func(tx store.Tx) error {
		other := line(0, 5, 6, waits, "kind:X")
		other.Origin = id(2)
		return errors.Join(
			tx.SetOutcome(line(0, 1, 10, accepted, "")),
			tx.SetOutcome(line(0, 11, 20, accepted, "")), // becomes one with its neighbour
			tx.SetOutcome(line(0, 8, 12, waits, "kind:X")),
			tx.SetOutcome(line(0, 10, 10, accepted, "")),
			tx.SetOutcome(line(1, 3, 4, waits, "kind:Y")),
			tx.SetOutcome(other),
		)
	})
	view(t, s, func(r store.Reader) error {
		want := []store.Outcome{
			line(0, 1, 7, accepted, ""), line(0, 8, 9, waits, "kind:X"), line(0, 10, 10, accepted, ""),
			line(0, 11, 12, waits, "kind:X"), line(0, 13, 20, accepted, ""),
		}
		if got, err := r.Outcomes(id(1), 0); !slices.Equal(got, want) || err != nil {
			t.Errorf("ledger %+v, want %+v (%v)", got, want, err)
		}
		if got, err := r.Waiting("kind:X", 0); len(got) != 3 || got[2].Origin != id(2) || err != nil {
			t.Errorf("waiting %+v (%v)", got, err)
		}
		if got, err := r.Waiting("kind:X", 1); len(got) != 1 || err != nil {
			t.Errorf("waiting, at most 1: %+v (%v)", got, err)
		}
		if got, err := r.Waiting("", 0); len(got) != 0 || err != nil {
			t.Errorf("waiting for nothing: %+v (%v)", got, err)
		}
		one := id(1)
		counts, err := r.OutcomeCounts(&one)
		if got := fmt.Sprint(counts); got != fmt.Sprint([]store.OutcomeCount{
			{Origin: one, Outcome: accepted, Changes: 16}, {Origin: one, Outcome: waits, Changes: 4}, {Origin: one, Branch: 1, Outcome: waits, Changes: 2},
		}) || err != nil {
			t.Errorf("counts %v (%v)", got, err)
		}
		if all, err := r.OutcomeCounts(nil); len(all) != 4 || err != nil {
			t.Errorf("counts of all %v (%v)", all, err)
		}
		return nil
	})
}

// outcomesModel sets random lines and compares with a plain array.
func outcomesModel(t *testing.T, s store.Store) {
	put(t, s, 1)
	rng := rand.New(rand.NewPCG(1, 2))
	var model [61]store.Outcome
	update(t, s, func(tx store.Tx) error {
		for i := range 400 {
			first := 1 + rng.Uint64N(60)
			l := line(0, first, min(60, first+rng.Uint64N(12)), syncproto.Outcome(1+rng.IntN(3)), []string{"", "kind:A"}[rng.IntN(2)])
			if err := tx.SetOutcome(l); err != nil {
				return err
			}
			for seq := l.First; seq <= l.Last; seq++ {
				model[seq] = l
			}
			lines, err := tx.Outcomes(id(1), 0)
			if err != nil {
				return err
			}
			checkLines(t, i, lines, &model)
		}
		return nil
	})
}

func checkLines(t *testing.T, step int, lines []store.Outcome, model *[61]store.Outcome) {
	t.Helper()
	covered := [61]bool{}
	for i, l := range lines {
		if i > 0 && l.First <= lines[i-1].Last {
			t.Fatalf("step %d: lines %+v overlap", step, lines)
		}
		if p := max(i, 1) - 1; i > 0 && lines[p].Last+1 == l.First && lines[p].Outcome == l.Outcome && lines[p].Needs == l.Needs {
			t.Fatalf("step %d: equal neighbours in %+v", step, lines)
		}
		for seq := l.First; seq <= l.Last; seq++ {
			covered[seq] = true
			if m := model[seq]; m.Outcome != l.Outcome || m.Needs != l.Needs {
				t.Fatalf("step %d: change %d is %v, want %v", step, seq, l, m)
			}
		}
	}
	for seq := range model {
		if (model[seq].Outcome != 0) != covered[seq] {
			t.Fatalf("step %d: change %d covered %v", step, seq, covered[seq])
		}
	}
}

func moveBranch(t *testing.T, s store.Store) {
	put(t, s, 1)
	update(t, s, func(tx store.Tx) error {
		for _, seg := range []store.Segment{segment(0, 1, 5), segment(0, 4, 9), segment(0, 20, 25)} {
			if _, err := tx.AddSegment(seg); err != nil {
				return err
			}
		}
		return errors.Join(tx.SetOutcome(line(0, 1, 5, 1, "")), tx.SetOutcome(line(0, 6, 9, 2, "")), tx.SetOutcome(line(0, 20, 25, 1, "")),
			tx.MoveBranch(id(1), 0, 3, 6, 9))
	})
	view(t, s, func(r store.Reader) error {
		if got, err := r.Outcomes(id(1), 3); !slices.Equal(got, []store.Outcome{line(3, 6, 9, 2, "")}) || err != nil {
			t.Errorf("moved lines %+v (%v)", got, err)
		}
		if got, err := r.Outcomes(id(1), 0); len(got) != 2 || err != nil {
			t.Errorf("lines that stay %+v (%v)", got, err)
		}
		list, err := r.Segments(store.SegmentQuery{Origin: id(1)})
		if err != nil || list[0].Branch != 0 || list[1].Branch != 3 || list[2].Branch != 0 {
			t.Errorf("segments %+v (%v)", list, err)
		}
		return nil
	})
}

func feeds(t *testing.T, s store.Store) {
	head := func(feed string, position, cut uint64) store.FeedHead {
		return store.FeedHead{Feed: feed, Epoch: id(1), Position: position, Cut: cut, Page: hash(byte(cut))}
	}
	update(t, s, func(tx store.Tx) error {
		if h, err := tx.FeedHead("common"); h != (store.FeedHead{Feed: "common"}) || err != nil {
			t.Errorf("empty feed %+v (%v)", h, err)
		}
		errs := []error{tx.PutFeedHead(head("common", 1, 0)), tx.PutFeedHead(head("common", 3, 3)), tx.PutFeedHead(head("a:1", 1, 0))}
		for i := range uint64(3) {
			errs = append(errs, tx.AddEntry(store.Entry{Feed: "common", Position: i + 1, Data: []byte{byte(i)}}))
		}
		return errors.Join(append(errs, tx.AddEntry(store.Entry{Feed: "a:1", Position: 1, Data: []byte{9}}),
			tx.AddPage(store.Page{Feed: "common", From: 0, To: 2, Hash: hash(2), Data: []byte("p1")}),
			tx.AddPage(store.Page{Feed: "common", From: 2, To: 3, Hash: hash(3), Data: []byte("p2")}))...)
	})
	if err := s.Update(context.Background(), func(tx store.Tx) error {
		return tx.AddEntry(store.Entry{Feed: "common", Position: 3, Data: []byte{7}})
	}); err == nil {
		t.Error("a position was given twice")
	}
	view(t, s, func(r store.Reader) error {
		if list, err := r.Feeds(); len(list) != 2 || list[0].Feed != "a:1" || list[1] != head("common", 3, 3) || err != nil {
			t.Errorf("feeds %+v (%v)", list, err)
		}
		if list, err := r.Entries("common", 1, 1); len(list) != 1 || list[0].Position != 2 || list[0].Data[0] != 1 || err != nil {
			t.Errorf("entries %+v (%v)", list, err)
		}
		for from, want := range map[uint64]int{0: 2, 2: 1, 1: 1, 3: 0} {
			if list, err := r.Pages("common", from, 9); len(list) != want || err != nil {
				t.Errorf("pages from %d: %+v (%v)", from, list, err)
			}
		}
		p, ok, err := r.PageEnding("common", 3)
		if !ok || p.From != 2 || p.Hash != hash(3) || string(p.Data) != "p2" || err != nil {
			t.Errorf("page %+v (%v)", p, err)
		}
		if _, ok, err := r.PageEnding("common", 1); ok || err != nil {
			t.Errorf("a page in the middle of another (%v)", err)
		}
		return nil
	})
	update(t, s, func(tx store.Tx) error { return errors.Join(tx.DropPages("common"), tx.DropFeed("a:1")) })
	view(t, s, func(r store.Reader) error {
		pages, err := r.Pages("common", 0, 9)
		entries, err2 := r.Entries("common", 0, 9)
		gone, err3 := r.Entries("a:1", 0, 9)
		if len(pages) != 0 || len(entries) != 3 || len(gone) != 0 || errors.Join(err, err2, err3) != nil {
			t.Errorf("after dropping: %d pages, %d and %d entries", len(pages), len(entries), len(gone))
		}
		return nil
	})
}

func rulings(t *testing.T, s store.Store) {
	rule := func(n uint64, seq uint64) store.Ruling {
		return store.Ruling{Number: n, Data: []byte{byte(n)}, Kind: syncproto.RulingHold, Target: syncproto.Ref{Origin: id(1), Seq: seq, Open: id(5)}, Record: id(2)}
	}
	update(t, s, func(tx store.Tx) error {
		if n, err := tx.LastRuling(); n != 0 || err != nil {
			t.Errorf("last ruling %d (%v)", n, err)
		}
		return errors.Join(tx.PutRuling(rule(1, 7)), tx.PutRuling(rule(2, 8)), tx.PutRuling(rule(3, 7)))
	})
	view(t, s, func(r store.Reader) error {
		if n, err := r.LastRuling(); n != 3 || err != nil {
			t.Errorf("last ruling %d (%v)", n, err)
		}
		if got, ok, err := r.Ruling(2); fmt.Sprint(got) != fmt.Sprint(rule(2, 8)) || !ok || err != nil {
			t.Errorf("ruling %+v (%v)", got, err)
		}
		if list, err := r.Rulings(1, 1); len(list) != 1 || list[0].Number != 2 || err != nil {
			t.Errorf("rulings %+v (%v)", list, err)
		}
		if list, err := r.RulingsOn(id(1), 7); len(list) != 2 || list[1].Number != 3 || err != nil {
			t.Errorf("rulings on a change %+v (%v)", list, err)
		}
		return nil
	})
}

func receipts(t *testing.T, s store.Store) {
	put(t, s, 1, 2)
	key := func(origin byte, first uint64) store.ReceiptKey {
		return store.ReceiptKey{Origin: id(origin), Branch: 1, First: first, Mark: syncproto.MarkSafe, Issuer: id(9)}
	}
	var at []uint64
	update(t, s, func(tx store.Tx) error {
		for _, r := range []store.Receipt{
			{ReceiptKey: key(1, 1), Last: 5, Data: []byte("a")}, {ReceiptKey: key(2, 1), Last: 5, Data: []byte("b")},
			{ReceiptKey: key(1, 1), Last: 5, Data: []byte("a")}, {ReceiptKey: key(1, 1), Last: 6, Data: []byte("c")}, {ReceiptKey: key(1, 8), Last: 9, Data: []byte("d")},
		} {
			n, err := tx.PutReceipt(r)
			if err != nil {
				return err
			}
			at = append(at, n)
		}
		return tx.DeleteReceipt(key(1, 8))
	})
	if at[0] >= at[1] || at[2] != at[0] || at[3] <= at[1] || at[4] <= at[3] {
		t.Errorf("positions %v: an equal receipt keeps its own, others rise", at)
	}
	var next uint64
	update(t, s, func(tx store.Tx) (err error) {
		next, err = tx.PutReceipt(store.Receipt{ReceiptKey: key(1, 8), Last: 9, Data: []byte("e")})
		return err
	})
	if next <= at[4] {
		t.Errorf("position %d was given before: a reader at %d would miss the receipt", next, at[4])
	}
	view(t, s, func(r store.Reader) error {
		for q, want := range map[*store.ReceiptQuery]string{
			{}: "bce", {After: at[3]}: "e", {Origins: []syncproto.OriginID{id(1)}}: "ce", {Limit: 2}: "bc", {Commune: "l:1"}: "bce", {Commune: "l:7"}: "",
			{Origins: []syncproto.OriginID{id(2), id(1)}, Limit: 2}: "bc",
		} {
			list, err := r.Receipts(*q)
			got := ""
			for _, rc := range list {
				got += string(rc.Data)
			}
			if got != want || err != nil {
				t.Errorf("%+v: %q, want %q (%v)", *q, got, want, err)
			}
		}
		if n, err := r.ReceiptPosition(); n != next || err != nil {
			t.Errorf("position %d, want %d (%v)", n, next, err)
		}
		rc, ok, err := r.Receipt(key(1, 1))
		if !ok || rc.Last != 6 || rc.ReceiptKey != key(1, 1) || err != nil {
			t.Errorf("receipt %+v (%v)", rc, err)
		}
		return nil
	})
}

func witnesses(t *testing.T, s store.Store) {
	w := store.Witness{Issuer: id(3), Origin: id(1), First: 1, Last: 5, IssuedMS: 7, Data: []byte("x")}
	update(t, s, func(tx store.Tx) error {
		later := w
		later.IssuedMS = 99 // the first one stands
		other := w
		other.Last = 9
		return errors.Join(tx.AddWitness(w), tx.AddWitness(later), tx.AddWitness(other))
	})
	view(t, s, func(r store.Reader) error {
		list, err := r.Witnesses(id(1), 5)
		if len(list) != 2 || fmt.Sprint(list[0]) != fmt.Sprint(w) || err != nil {
			t.Errorf("witnesses %+v (%v)", list, err)
		}
		if list, err := r.Witnesses(id(1), 6); len(list) != 1 || err != nil {
			t.Errorf("witnesses of 6 %+v (%v)", list, err)
		}
		return nil
	})
}

func codes(t *testing.T, s store.Store) {
	c := store.Code{Hash: hash(1), Role: credential.RolePhone, Unit: "l:1", Team: id(2), Members: []byte("m"), Label: "x", Boot: id(3), ExpiresMS: 4, Attempts: 5, Spent: true}
	update(t, s, func(tx store.Tx) error {
		other := c
		other.Hash, other.Team = hash(2), uuid.Nil
		return errors.Join(tx.PutCode(store.Code{Hash: hash(1)}), tx.PutCode(c), tx.PutCode(other))
	})
	view(t, s, func(r store.Reader) error {
		if got, ok, err := r.Code(hash(1)); fmt.Sprint(got) != fmt.Sprint(c) || !ok || err != nil {
			t.Errorf("code %+v (%v)", got, err)
		}
		if list, err := r.Codes(); len(list) != 2 || err != nil {
			t.Errorf("codes %+v (%v)", list, err)
		}
		return nil
	})
	update(t, s, func(tx store.Tx) error { return tx.DeleteCode(hash(1)) })
	view(t, s, func(r store.Reader) error {
		if _, ok, err := r.Code(hash(1)); ok || err != nil {
			t.Errorf("deleted code is there (%v)", err)
		}
		return nil
	})
}

func meta(t *testing.T, s store.Store) {
	update(t, s, func(tx store.Tx) error {
		n, err := tx.AddCounter("a", 2)
		m, err2 := tx.AddCounter("a", -5)
		if n != 2 || m != -3 {
			t.Errorf("counter %d, then %d", n, m)
		}
		return errors.Join(err, err2, tx.SetMeta("k", nil), tx.SetMeta("l", []byte("1")), tx.SetMeta("l", []byte("2")))
	})
	view(t, s, func(r store.Reader) error {
		if all, err := r.Counters(); len(all) != 1 || all["a"] != -3 || err != nil {
			t.Errorf("counters %v (%v)", all, err)
		}
		if n, err := r.Counter("none"); n != 0 || err != nil {
			t.Errorf("counter nobody counted: %d (%v)", n, err)
		}
		if v, ok, err := r.Meta("k"); len(v) != 0 || !ok || err != nil {
			t.Errorf("empty value %q, %v (%v)", v, ok, err)
		}
		if v, _, err := r.Meta("l"); string(v) != "2" || err != nil {
			t.Errorf("value %q (%v)", v, err)
		}
		return nil
	})
}
