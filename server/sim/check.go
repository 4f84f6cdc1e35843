package sim

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/server/ingest"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/merge"
)

// checkStep holds what must be true at any moment.
func (w *world) checkStep() error {
	if w.net.fault != nil {
		return w.net.fault
	}
	if err := w.ledger(false); err != nil {
		return err
	}
	if w.step%8 == 0 {
		return w.beliefs()
	}
	return nil
}

// ledger holds head = outcomes + named gaps for every branch of every origin.
func (w *world) ledger(whole bool) error {
	return w.centre.node.Store().View(w.ctx, func(r store.Reader) error {
		origins, err := r.Origins(store.OriginQuery{})
		if err != nil {
			return err
		}
		for _, o := range origins {
			accounts, err := ingest.Ledger(r, o.ID)
			if err != nil {
				return err
			}
			for i := range accounts {
				a := &accounts[i]
				if !a.Balanced() {
					return fmt.Errorf("ledger of origin %s branch %d: head %d after %d, %d outcomes, gaps %v", o.ID, a.Branch, a.Head, a.After, a.Changes, a.Gaps)
				}
				if whole && w.rep.Restores == 0 && a.Missing() > 0 {
					return fmt.Errorf("origin %s branch %d lacks %v, and nobody was restored", o.ID, a.Branch, a.Gaps)
				}
			}
		}
		return nil
	})
}

// claimed gives the records that phones show with a mark: "received" or "safe".
func (w *world) claimed(mark string) (map[uuid.UUID]*phone, error) {
	out := make(map[uuid.UUID]*phone)
	for _, p := range w.phones {
		for id := range w.holds(p) {
			c, err := p.dev.Custody(w.ctx, id)
			if err != nil {
				return nil, fmt.Errorf("%s has lost record %s that it had said is stored: %w", p, id, err)
			}
			if c.Stage == clientlib.StageSafe || mark == "received" && c.Stage == clientlib.StageAtCentre {
				out[id] = p
			}
		}
	}
	return out, nil
}

// beliefs holds that phones have what they said is stored, and that the centre
// has what phones show as received, unless it was put back to before that.
func (w *world) beliefs() error {
	claimed, err := w.claimed("received")
	if err != nil {
		return err
	}
	have, err := w.held()
	if err != nil {
		return err
	}
	for id, it := range w.items {
		if have[id] {
			it.behind = false
		}
	}
	for id, p := range claimed {
		if !have[id] && !w.items[id].behind {
			return fmt.Errorf("%s shows record %s as received, and the centre does not have it", p, id)
		}
	}
	return nil
}

// drain lets everybody exchange without faults until nothing is left.
func (w *world) drain() error {
	for _, s := range w.sites() {
		s.up = true
	}
	for len(w.net.late) > 0 {
		w.net.arrive(w.ctx)
	}
	const rounds = 12
	var left string
	for range rounds {
		w.nowMS += 60_000
		var err error
		if left, err = w.settle(); err != nil {
			return err
		}
		if left == "" {
			return w.release()
		}
	}
	return fmt.Errorf("after %d rounds without faults %s", rounds, left)
}

// settle is one round of everybody; it names what is left.
func (w *world) settle() (left string, err error) {
	for _, p := range w.phones {
		for _, s := range append(w.near(p), w.centre) {
			r, err := w.exchange(p, s)
			if err != nil {
				return "", fmt.Errorf("%s at %s: %w", p, s, err)
			}
			if r.NewOrigin || r.Waiting > 0 || !r.Finished {
				left = fmt.Sprintf("%s has %d changes waiting", p, r.Waiting)
			}
		}
		if p.renamed {
			left = fmt.Sprintf("%s was not enrolled", p)
			if err := w.enrol(p); err != nil {
				return "", err
			}
		}
	}
	for _, s := range w.points {
		if err := s.node.Relay().Sync(w.ctx); err != nil {
			return "", fmt.Errorf("%s at the centre: %w", s, err)
		}
		st, err := s.node.Status(w.ctx)
		if err != nil {
			return "", err
		}
		if st.Upstream.Backlog > 0 {
			left = fmt.Sprintf("%s has a backlog of %d changes: %s", s, st.Upstream.Backlog, w.custody(s))
		}
	}
	return left, nil
}

// custody lists what a point holds and what it has receipts for, to explain a
// backlog.
func (w *world) custody(s *site) string {
	var out []string
	err := s.node.Store().View(w.ctx, func(r store.Reader) error {
		return r.EachRun(func(run store.Run) error {
			line := fmt.Sprintf("%s/%d %d-%d", short(run.Origin), run.Branch, run.First, run.Last.Seq)
			list, err := r.Receipts(store.ReceiptQuery{Origins: []syncproto.OriginID{run.Origin}})
			for _, rc := range list {
				if rc.Issuer == w.centre.node.Origin() {
					line += fmt.Sprintf(" (%s %d-%d of branch %d)", rc.Mark, rc.First, rc.Last, rc.Branch)
				}
			}
			out = append(out, line)
			return err
		})
	})
	if err != nil {
		return err.Error()
	}
	return strings.Join(out, "; ")
}

// release lets a person at the centre go through what is held because a point lost
// its list of the phone when it was put back to an old copy, or because a phone
// changed its key more than once before it was enrolled.
func (w *world) release() error {
	var held []syncproto.Ref
	err := w.centre.node.Store().View(w.ctx, func(r store.Reader) error {
		return r.EachRecord(store.RecordQuery{Collection: syncproto.CollectionActivity}, func(rec store.Record) error {
			entries, err := ingest.DecodeHistory(rec.History)
			for i := range entries {
				if e := &entries[i]; !e.Acts && (e.Reason == syncproto.ReasonHandover || e.Reason == syncproto.ReasonUnlisted) {
					held = append(held, syncproto.Ref(e.ID()))
				}
			}
			return err
		})
	})
	if err != nil {
		return err
	}
	slices.SortFunc(held, func(a, b syncproto.Ref) int {
		return cmp.Or(bytes.Compare(a.Origin[:], b.Origin[:]), cmp.Compare(a.Seq, b.Seq))
	})
	for _, ref := range held {
		if _, err := w.centre.node.Rule(w.ctx, syncproto.Ruling{Kind: syncproto.RulingRelease, Target: ref}); err != nil {
			return err
		}
	}
	w.rep.Held = uint64(len(held))
	for range 2 { // pages up to the points, then to the phones
		if left, err := w.settle(); err != nil || left != "" {
			return fmt.Errorf("after releasing %d changes: %s %w", len(held), left, err)
		}
	}
	return nil
}

// checkEnd holds what must be true once everything has drained.
func (w *world) checkEnd() error {
	for _, check := range []func() error{
		func() error { return w.ledger(true) }, w.beliefs, w.complete, w.outcomes, w.pointsAgree, w.phonesAgree, w.verified,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// complete holds that every record is there exactly once, and no other.
func (w *world) complete() error {
	records, err := w.records(w.centre)
	if err != nil {
		return err
	}
	w.rep.AtCentre = len(records)
	for id, it := range w.items {
		rec, ok := records[id]
		switch {
		case !ok && it.gone:
			w.rep.Lost++
		case !ok:
			return fmt.Errorf("record %s is nowhere at the centre", id)
		case !rec.Exists:
			return fmt.Errorf("record %s is at the centre and is not shown: %s", id, reasons(&rec))
		case it.erased != rec.Erased:
			return fmt.Errorf("record %s: erased %v, ordered %v", id, rec.Erased, it.erased)
		}
	}
	for id := range records {
		if w.items[id] == nil {
			return fmt.Errorf("record %s is at the centre and nobody made it", id)
		}
	}
	return nil
}

// reasons tells why the changes of a record do not act.
func reasons(rec *store.Record) string {
	entries, err := ingest.DecodeHistory(rec.History)
	if err != nil {
		return err.Error()
	}
	var out []string
	for i := range entries {
		e := &entries[i]
		out = append(out, fmt.Sprintf("%s %d acts=%v %s %s", short(e.Change.Origin), e.Change.Seq, e.Acts, e.Reason, e.Needs))
	}
	return strings.Join(out, "; ")
}

// records gives a site's activities.
func (w *world) records(s *site) (map[uuid.UUID]store.Record, error) {
	out := make(map[uuid.UUID]store.Record)
	err := s.node.Store().View(w.ctx, func(r store.Reader) error {
		return r.EachRecord(store.RecordQuery{Collection: syncproto.CollectionActivity}, func(rec store.Record) error {
			if rec.Changes > 0 {
				out[rec.ID] = rec
			}
			return nil
		})
	})
	return out, err
}

// outcomes holds that nothing ends in an outcome that nothing here explains.
func (w *world) outcomes() error {
	return w.centre.node.Store().View(w.ctx, func(r store.Reader) error {
		counts, err := r.OutcomeCounts(nil)
		for _, c := range counts {
			switch c.Outcome {
			case syncproto.OutcomeAccepted, syncproto.OutcomeErased:
			case syncproto.OutcomeForked:
				w.rep.Forked += c.Changes
			default:
				// A change to a record whose creation went with a phone waits for good. So does
				// one whose seal a point had dropped beside an erased record, when the centre
				// was put back and the phone as well; phones that live must not wait for it.
				lost := c.Reason == syncproto.ReasonUnknownRecord || c.Reason == syncproto.ReasonUnreadable
				if !lost || w.rep.Restores == 0 {
					return fmt.Errorf("origin %s: %d changes are %s (%s)", c.Origin, c.Changes, c.Outcome, c.Reason)
				}
			}
		}
		return err
	})
}

// shown is what every replica must show alike of a record.
func shown(unit, kind, result string, void bool) string {
	return fmt.Sprintf("%s %s %s void=%v", unit, kind, result, void)
}

// pointsAgree compares what points show with what the centre shows, where both
// have the same changes of a record: a point holds what came by it.
func (w *world) pointsAgree() error {
	centre, err := w.records(w.centre)
	if err != nil {
		return err
	}
	for _, s := range w.points {
		here, err := w.records(s)
		if err != nil {
			return err
		}
		for id, rec := range here {
			c, ok := centre[id]
			if !ok {
				continue
			}
			same, err := sameChanges(&rec, &c)
			if err != nil {
				return err
			}
			if a, b := shown(rec.Unit, rec.Kind, rec.Result, rec.Void), shown(c.Unit, c.Kind, c.Result, c.Void); same && a != b {
				return fmt.Errorf("record %s: %s shows %s, the centre %s", id, s, a, b)
			}
			if same {
				w.rep.Compared++
			}
		}
	}
	return nil
}

// sameChanges tells whether two replicas merged the same changes of a record.
func sameChanges(a, b *store.Record) (bool, error) {
	var sets [2]map[merge.ID]bool
	for i, rec := range []*store.Record{a, b} {
		entries, err := ingest.DecodeHistory(rec.History)
		if err != nil {
			return false, err
		}
		sets[i] = make(map[merge.ID]bool)
		for j := range entries {
			sets[i][entries[j].ID()] = true
		}
	}
	return maps.Equal(sets[0], sets[1]), nil
}

// phonesAgree compares what phones show with what the centre shows.
func (w *world) phonesAgree() error {
	centre, err := w.records(w.centre)
	if err != nil {
		return err
	}
	for _, p := range w.phones {
		list, err := p.dev.List(w.ctx, clientlib.Filter{Limit: 500, Void: true})
		if err != nil {
			return err
		}
		for i := range list {
			rec := &list[i]
			c, ok := centre[rec.ID]
			switch it := w.items[rec.ID]; {
			case !ok && it != nil && it.gone:
				continue // what a colleague had seen of it is all that is left
			case !ok:
				return fmt.Errorf("%s shows record %s, the centre does not have it", p, rec.ID)
			}
			if a, b := shown(rec.Unit, rec.Kind, rec.Result, rec.Void), shown(c.Unit, c.Kind, c.Result, c.Void); a != b {
				return fmt.Errorf("record %s: %s shows %s, the centre %s", rec.ID, p, a, b)
			}
		}
		for id := range w.holds(p) {
			c, err := p.dev.Custody(w.ctx, id)
			if err != nil {
				return fmt.Errorf("%s has lost record %s: %w", p, id, err)
			}
			if c.Stage < clientlib.StageAtCentre {
				return fmt.Errorf("%s shows record %s as %s, and nothing is left to send", p, id, c.Stage)
			}
		}
	}
	return nil
}

// verified proves every store.
func (w *world) verified() error {
	for _, s := range w.sites() {
		v, err := s.node.Verify(w.ctx)
		if err != nil {
			return err
		}
		if len(v.Damage) > 0 {
			return fmt.Errorf("%s: %v", s, v.Damage)
		}
	}
	for _, p := range w.phones {
		if err := p.dev.VerifyChain(w.ctx); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
	}
	return nil
}
