package ingest

import (
	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// replay merges again what branches have put in another order, and judges again
// what waited for the definitions that arrived in this transaction, until
// nothing more becomes known.
func (ses *session) replay() error {
	for len(ses.stale) > 0 {
		run := ses.stale[0]
		ses.stale = ses.stale[1:]
		if err := ses.mergeAgain(run); err != nil {
			return err
		}
	}
	for len(ses.arrived) > 0 {
		needs := ses.arrived[0]
		ses.arrived = ses.arrived[1:]
		if err := ses.flush(); err != nil {
			return err
		}
		lines, err := ses.tx.Waiting(needs, 0)
		if err != nil {
			return err
		}
		for _, l := range lines {
			if err := ses.again(l); err != nil {
				return err
			}
		}
	}
	return nil
}

// again works on all records that the changes of a ledger line belong to.
func (ses *session) again(l store.Outcome) error {
	o, err := ses.origin(l.Origin)
	if err != nil || o == nil {
		return err
	}
	return ses.eachChange(o, l.Branch, l.First, l.Last, func(id uuid.UUID) error {
		return ses.update(id, nil, false)
	})
}

// mergeAgain works on all records with changes of an origin from a number on.
func (ses *session) mergeAgain(run staleRun) error {
	o, err := ses.origin(run.origin)
	if err != nil || o == nil {
		return err
	}
	t, err := ses.topology(o.ID)
	if err != nil {
		return err
	}
	for _, r := range t.runs {
		if r.Last.Seq < run.from {
			continue
		}
		err := ses.eachChange(o, r.Branch, max(r.First, run.from), r.Last.Seq, func(id uuid.UUID) error { return ses.update(id, nil, run.rejudge) })
		if err != nil {
			return err
		}
	}
	return nil
}

// eachChange calls f once for every record that has a change in first..last of
// a branch. Memory grows with the changes of one segment only.
func (ses *session) eachChange(o *store.Origin, branch uint32, first, last uint64, f func(record uuid.UUID) error) error {
	t, err := ses.topology(o.ID)
	if err != nil {
		return err
	}
	rows, err := ses.tx.Segments(store.SegmentQuery{Origin: o.ID, From: first, To: last, HeadersOnly: true})
	if err != nil {
		return err
	}
	for _, row := range rows {
		if t.home(row.Branch, min(last, row.Last)) != branch && t.home(row.Branch, max(first, row.First)) != branch {
			continue
		}
		u, err := ses.unpacked(row.ID, o.Key)
		if err != nil {
			return err
		}
		done := make(map[uuid.UUID]bool)
		for i := range u.changes {
			c := &u.changes[i]
			id := recordOf(c)
			if c.Seq < first || c.Seq > last || done[id] {
				continue
			}
			done[id] = true
			if err := f(id); err != nil {
				return err
			}
		}
	}
	return nil
}

// recordOf gives the record that a change acts on. A broken frame can name
// none; such a change gets a record of its own, so that it is kept like others.
func recordOf(c *syncproto.OpenChange) uuid.UUID {
	if c.Record != uuid.Nil {
		return c.Record
	}
	return syncproto.RecordID(c.Header.StampMS, c.Open)
}
