package storetest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"thonsync/server/store"
)

func findings(t *testing.T, s store.Store) {
	one := store.Finding{Key: "gap:a", Kind: "gap", SinceMS: 5}
	two := store.Finding{Key: "quiet:b", Kind: "quiet", SinceMS: 6, DismissedMS: 7, Actor: "x", Reason: "máy hỏng"}
	update(t, s, func(tx store.Tx) error {
		for _, f := range []store.Finding{two, {Key: "gap:a", Kind: "gap", SinceMS: 4}, one, {Key: "gone"}} {
			if err := tx.PutFinding(f); err != nil {
				return err
			}
		}
		return tx.DeleteFinding("gone")
	})
	view(t, s, func(r store.Reader) error {
		got, err := r.Findings()
		if diff := cmp.Diff([]store.Finding{one, two}, got); diff != "" {
			t.Error(diff)
		}
		return err
	})
}

func questions(t *testing.T, s store.Store) {
	one := store.Question{Key: "burst:a", Kind: "burst", Team: id(1), Unit: "l:1", FoundMS: 5, State: "open", Detail: []byte("{}")}
	two := store.Question{Key: "burst:b", Kind: "burst", Team: id(2), Unit: "l:2", FoundMS: 5, State: "explained", Actor: "x", AnsweredMS: 8, Reason: "lớp học", Detail: []byte("[]")}
	update(t, s, func(tx store.Tx) error {
		for _, q := range []store.Question{two, one, {Key: "gone", Detail: []byte{}}} {
			if err := tx.PutQuestion(q); err != nil {
				return err
			}
		}
		return tx.DeleteQuestion("gone")
	})
	view(t, s, func(r store.Reader) error {
		all, err := r.Questions(uuid.Nil)
		if diff := cmp.Diff([]store.Question{one, two}, all); diff != "" || err != nil {
			t.Error(err, diff)
		}
		some, err := r.Questions(id(2))
		if diff := cmp.Diff([]store.Question{two}, some); diff != "" {
			t.Error(diff)
		}
		return err
	})
}

// placed follows records in small steps while they are written, as another
// system does, and must come to know each as it is in the end.
func placed(t *testing.T, s store.Store) {
	write := func(ns ...byte) {
		update(t, s, func(tx store.Tx) error {
			for _, n := range ns {
				r := &store.Record{ID: id(n), Collection: 7, Unit: "l:1", Changes: 1, History: []byte{n}}
				if ok, err := tx.InsertRecord(r); err != nil || ok {
					if err != nil {
						return err
					}
					continue
				}
				r.Changes, r.Void = 2, true
				if err := tx.PutRecord(r); err != nil {
					return err
				}
			}
			return nil
		})
	}
	known := map[uuid.UUID]store.Record{}
	var at store.Place
	var sent int
	follow := func(limit int) (n int) {
		view(t, s, func(r store.Reader) error {
			list, err := r.Placed(at, limit)
			for _, p := range list {
				known[p.Record.ID], at, sent = p.Record, p.Place, sent+1
			}
			n = len(list)
			return err
		})
		return n
	}
	write(9, 3, 7) // ids in no order: the order is that of coming in
	if follow(2); known[id(9)].Changes != 1 || known[id(3)].Changes != 1 || len(known) != 2 {
		t.Errorf("the first two that came are not the first two told: %v", known)
	}
	write(9, 9, 1, 3)
	for follow(2) > 0 {
		write(1)
		if len(known) == 4 {
			break
		}
	}
	for follow(3) > 0 {
	}
	for n, voided := range map[byte]bool{9: true, 3: true, 7: false, 1: true} {
		if r, ok := known[id(n)]; !ok || r.Void != voided {
			t.Errorf("record %d: known %v, void %v, want void %v", n, ok, r.Void, voided)
		}
	}
	if sent > 10 {
		t.Errorf("%d records told: one that is written again is told at its last writing only", sent)
	}
	update(t, s, func(tx store.Tx) error {
		if err := tx.BeginHistory(id(50), at); err != nil {
			return err
		}
		end, err := tx.Latest()
		if err != nil || end != at {
			t.Errorf("the end is %v, followed to %v: %v", end, at, err)
		}
		if err := tx.PutRecord(&store.Record{ID: id(9), History: []byte{}}); err != nil {
			return err
		}
		for _, e := range []byte{51, 50} {
			now, err := tx.Latest()
			if err != nil {
				return err
			}
			if err := tx.BeginHistory(id(e), now); err != nil {
				return err
			}
		}
		got, err := tx.Histories()
		want := []store.History{{Epoch: id(50), Place: at}, {Epoch: id(51), Place: store.Place{Came: at.Came, Rewrote: at.Rewrote + 1}}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		return err
	})
}

func webhooks(t *testing.T, s store.Store) {
	hook := store.Webhook{ID: id(1), Name: "Sở", URL: "https://a.example/x", Secret: []byte{1}, Events: []string{"fork", "quiet"}, MadeMS: 3}
	first := store.Delivery{ID: id(5), Webhook: id(1), Event: "fork", State: "waiting", MadeMS: 5, NextMS: 20, Body: []byte("{}")}
	second := store.Delivery{ID: id(4), Webhook: id(1), Event: "quiet", State: "waiting", MadeMS: 6, NextMS: 10, Attempts: 2, Answer: "500", Body: []byte("{}")}
	update(t, s, func(tx store.Tx) error {
		other := hook
		other.ID, other.Name = id(2), "Khác"
		for _, w := range []store.Webhook{hook, other} {
			if err := tx.PutWebhook(w); err != nil {
				return err
			}
		}
		hook.Paused = true
		if err := tx.PutWebhook(hook); err != nil {
			return err
		}
		for _, d := range []store.Delivery{first, second, {ID: id(6), Webhook: id(2), State: "done", Body: []byte{}}, {ID: id(7), Webhook: id(1), State: "done", MadeMS: 1, Body: []byte{}}} {
			if err := tx.PutDelivery(d); err != nil {
				return err
			}
		}
		if err := tx.DropDeliveries(2); err != nil {
			return err
		}
		return tx.DeleteWebhook(id(2))
	})
	view(t, s, func(r store.Reader) error {
		got, err := r.Webhooks()
		if diff := cmp.Diff([]store.Webhook{hook}, got); diff != "" || err != nil {
			t.Error(err, diff)
		}
		for _, c := range []struct {
			q    store.DeliveryQuery
			want []store.Delivery
		}{
			{store.DeliveryQuery{}, []store.Delivery{second, first}},
			{store.DeliveryQuery{State: "waiting", DueMS: 10}, []store.Delivery{second}},
			{store.DeliveryQuery{State: "waiting", Webhook: id(1)}, []store.Delivery{second, first}},
			{store.DeliveryQuery{Limit: 1}, []store.Delivery{second}},
			{store.DeliveryQuery{State: "dead"}, nil},
		} {
			got, err := r.Deliveries(c.q)
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Errorf("%+v: %v %s", c.q, err, diff)
			}
		}
		return nil
	})
}
