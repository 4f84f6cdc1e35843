package ingest

import (
	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// work turns changes of the segment into record changes and ledger lines.
func (ses *session) work(p *prepared, todo []stretch, carry int64) error {
	if p.unreadable != nil {
		for _, t := range todo {
			l := store.Outcome{Origin: p.origin, Branch: t.branch, First: t.first, Last: t.last,
				Outcome: syncproto.OutcomeQuarantined, Reason: syncproto.ReasonUnreadable, Needs: *p.unreadable}
			if err := ses.line(l); err != nil {
				return err
			}
		}
		return nil
	}
	o, err := ses.origin(p.origin)
	if err != nil {
		return err
	}
	topo, err := ses.topology(p.origin)
	if err != nil {
		return err
	}
	// What the centre writes goes into a feed as well, so it takes the long way.
	current := p.defs == ses.defs.version && p.since == o.SinceMS && o.Role != credential.RoleCentre && !topo.forked() && !ses.s.rulings.concern(o)
	w := &working{ses: ses, p: p, carry: carry, group: make(map[uuid.UUID][]Entry)}
	for _, t := range todo {
		if err := w.stretch(t, current); err != nil {
			return err
		}
	}
	for _, id := range w.later {
		if err := ses.update(id, w.group[id], false); err != nil {
			return err
		}
	}
	return nil
}

// working is the changes of one segment on their way into records.
type working struct {
	ses   *session
	p     *prepared
	carry int64
	later []uuid.UUID // records that need merging, in order
	group map[uuid.UUID][]Entry
}

// stretch writes what can be written as it is, in bulk, and leaves the rest for
// merging.
func (w *working) stretch(t stretch, current bool) error {
	var ready []*store.Record
	var at []int
	for seq := t.first; seq <= t.last; seq++ {
		i := int(seq - w.p.in.first)
		if current && w.fast(i, t.branch) {
			ready, at = append(ready, w.p.ready[i]), append(at, i)
		} else {
			w.slow(i, t.branch)
		}
	}
	n, err := w.ses.tx.InsertRecords(ready)
	if err != nil {
		return err
	}
	for j, i := range at {
		inserted := j < n
		if !inserted {
			if inserted, err = w.ses.tx.InsertRecord(ready[j]); err != nil {
				return err
			}
		}
		if !inserted {
			w.slow(i, t.branch)
			continue
		}
		if err := w.ses.tally.Added(ready[j], teamName); err != nil {
			return err
		}
		w.ses.notePerson(ready[j])
		seq := w.p.in.first + uint64(i)
		if err := w.ses.line(store.Outcome{Origin: w.p.origin, Branch: t.branch, First: seq, Last: seq, Outcome: syncproto.OutcomeAccepted}); err != nil {
			return err
		}
	}
	return nil
}

// fast tells whether a change was judged and encoded beforehand and nothing
// that happened since can matter to it.
func (w *working) fast(i int, branch uint32) bool {
	e := &w.p.entries[i]
	return w.p.ready[i] != nil && branch == 0 && w.carry <= e.EarliestMS && !w.ses.s.rulings.ruledOn(e.ID()) && !w.ses.s.rulings.erased[w.p.ready[i].ID]
}

// slow puts a change aside for merging.
func (w *working) slow(i int, branch uint32) {
	e := w.p.entries[i]
	e.EarliestMS = max(e.EarliestMS, w.carry)
	e.branch, e.placed = branch, true
	id := recordOf(&w.p.changes[i])
	if w.group[id] == nil {
		w.later = append(w.later, id)
	}
	w.group[id] = append(w.group[id], e)
}
