package ingest

import (
	"thonsync/server/store"
	"thonsync/syncproto"
)

// unwitnessed narrows first..last to what no earlier receipt covers: a point's
// receipt repeats all that it holds of an origin, from the first change on.
func unwitnessed(list []store.Witness, r *syncproto.Receipt, first uint64) uint64 {
	for again := true; again; {
		again = false
		for _, w := range list {
			same := w.Issuer == r.Issuer && w.First == r.First && w.Last == r.Last
			if !same && w.IssuedMS <= r.IssuedMS && w.First <= first && w.Last >= first {
				first, again = w.Last+1, true
			}
		}
	}
	return first
}

// lowerLatest lowers the latest time of changes first..last of a branch that
// had arrived here after ms.
func (ses *session) lowerLatest(o *store.Origin, branch uint32, first, last uint64, ms int64) error {
	t := ses.topo[o.ID]
	rows, err := ses.tx.Segments(store.SegmentQuery{Origin: o.ID, From: first, To: last, HeadersOnly: true})
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.ArrivedMS <= ms || t.home(row.Branch, min(last, row.Last)) != branch {
			continue
		}
		u, err := ses.unpacked(row.ID, o.Key)
		if err != nil {
			return err
		}
		for i := range u.changes {
			c := &u.changes[i]
			if c.Seq < first || c.Seq > last {
				continue
			}
			if err := ses.lowerOne(c, ms); err != nil {
				return err
			}
		}
	}
	return nil
}

// lowerOne lowers the latest time of one change, and of its record if the
// change created it.
func (ses *session) lowerOne(c *syncproto.OpenChange, ms int64) error {
	f, err := ses.openFile(recordOf(c))
	if err != nil || !f.stored {
		return err
	}
	changed := false
	for i := range f.entries {
		e := &f.entries[i]
		if e.Change.Origin != c.Origin || e.Change.Seq != c.Seq || e.Open != c.Open.Prefix() || e.LatestMS <= ms {
			continue
		}
		// A point's clock may be wrong; what a beacon proves is stronger.
		e.LatestMS, changed = max(ms, e.EarliestMS), true
		if c.Header.Op == syncproto.OpCreate {
			f.rec.LatestMS = e.LatestMS
		}
	}
	if !changed {
		return nil
	}
	f.rec.History = encodeHistory(f.entries)
	return ses.putRecord(f)
}
