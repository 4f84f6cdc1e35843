package sqlitestore

import (
	"thonsync/server/store"
	"thonsync/syncproto"
)

const runColumns = `origin, branch, first, before_open, before_closed, last, open, closed, parent, after, linked, beacon_ms`

func scanRun(scan func(...any) error) (store.Run, error) {
	var r store.Run
	var origin, bo, bc, o, c []byte
	err := scan(&origin, &r.Branch, &r.First, &bo, &bc, &r.Last.Seq, &o, &c, &r.Parent, &r.After, &r.Linked, &r.BeaconMS)
	if err != nil {
		return r, err
	}
	r.Origin = toUUID(origin)
	r.Before = syncproto.Heads{Seq: r.First - 1, Open: toHash(bo), Closed: toHash(bc)}
	r.Last.Open, r.Last.Closed = toHash(o), toHash(c)
	return r, nil
}

// Runs lists the held runs of an origin.
func (t *tx) Runs(origin syncproto.OriginID) ([]store.Run, error) {
	return list(t, "reading runs", "SELECT "+runColumns+" FROM runs WHERE origin=? ORDER BY branch, first", scanRun, origin[:])
}

// EachRun calls f for all runs.
func (t *tx) EachRun(f func(store.Run) error) error {
	return t.each("reading runs", "SELECT "+runColumns+" FROM runs ORDER BY origin, branch, first", func(scan func(...any) error) error {
		r, err := scanRun(scan)
		if err != nil {
			return err
		}
		return f(r)
	})
}

// PutRun adds or replaces a run.
func (t *tx) PutRun(r store.Run) error {
	_, err := t.exec("writing a run", "INSERT OR REPLACE INTO runs ("+runColumns+") VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
		r.Origin[:], r.Branch, int64(r.First), r.Before.Open[:], r.Before.Closed[:], int64(r.Last.Seq), r.Last.Open[:], r.Last.Closed[:],
		r.Parent, int64(r.After), r.Linked, r.BeaconMS)
	return err
}

// DeleteRun forgets a run that became part of another.
func (t *tx) DeleteRun(origin syncproto.OriginID, branch uint32, first uint64) error {
	_, err := t.exec("joining runs", "DELETE FROM runs WHERE origin=? AND branch=? AND first=?", origin[:], branch, int64(first))
	return err
}

const (
	segmentHead = `id, origin, branch, first, last, before_open, before_closed, after_open, after_closed, arrived_ms, via, sealed, readable`
	segmentAll  = segmentHead + `, data, commits, salts`
)

func scanSegment(full bool) func(func(...any) error) (store.Segment, error) {
	return func(scan func(...any) error) (store.Segment, error) {
		var s store.Segment
		var origin, bo, bc, ao, ac, via []byte
		dst := []any{&s.ID, &origin, &s.Branch, &s.First, &s.Last, &bo, &bc, &ao, &ac, &s.ArrivedMS, &via, &s.Sealed, &s.Readable}
		if full {
			dst = append(dst, &s.Data, &s.Commits, &s.Salts)
		}
		if err := scan(dst...); err != nil {
			return s, err
		}
		s.Origin, s.Via = toUUID(origin), toUUID(via)
		s.Before = syncproto.Heads{Seq: s.First - 1, Open: toHash(bo), Closed: toHash(bc)}
		s.After = syncproto.Heads{Seq: s.Last, Open: toHash(ao), Closed: toHash(ac)}
		return s, nil
	}
}

// Segments lists segments of one origin. A segment holds at most
// MaxSegmentChanges changes, so those that reach q.From begin near it.
func (t *tx) Segments(q store.SegmentQuery) ([]store.Segment, error) {
	low := int64(0)
	if q.From > syncproto.MaxSegmentChanges {
		low = int64(q.From) - syncproto.MaxSegmentChanges
	}
	high := int64(q.To)
	if q.To == 0 {
		high = 1 << 62
	}
	where, args := "origin=? AND first>=? AND first<=? AND last>=?", []any{q.Origin[:], low, high, int64(q.From)}
	if q.Branch != nil {
		where, args = where+" AND branch=?", append(args, *q.Branch)
	}
	columns := segmentAll
	if q.HeadersOnly {
		columns = segmentHead
	}
	args = append(args, limit(q.Limit))
	var out []store.Segment
	bytes := 0
	stop := false
	scanRow := scanSegment(!q.HeadersOnly)
	err := t.each("reading segments", "SELECT "+columns+" FROM segments WHERE "+where+" ORDER BY first, id LIMIT ?", func(scan func(...any) error) error {
		if stop {
			return nil
		}
		s, err := scanRow(scan)
		if err != nil {
			return err
		}
		out = append(out, s)
		bytes += len(s.Data)
		stop = q.MaxBytes > 0 && bytes >= q.MaxBytes
		return nil
	}, args...)
	return out, err
}

// Segment finds one by its number.
func (t *tx) Segment(id int64) (store.Segment, bool, error) {
	found, err := list(t, "reading a segment", "SELECT "+segmentAll+" FROM segments WHERE id=?", scanSegment(true), id)
	if err != nil || len(found) == 0 {
		return store.Segment{}, false, err
	}
	return found[0], true, nil
}

// EachSegment calls f for all segments after the given one.
func (t *tx) EachSegment(after int64, f func(store.Segment) error) error {
	scanRow := scanSegment(true)
	return t.each("reading segments", "SELECT "+segmentAll+" FROM segments WHERE id>? ORDER BY id", func(scan func(...any) error) error {
		s, err := scanRow(scan)
		if err != nil {
			return err
		}
		return f(s)
	}, after)
}

// AddSegment appends a segment.
func (t *tx) AddSegment(s store.Segment) (int64, error) {
	var id int64
	_, err := t.one("storing a segment", `INSERT INTO segments (origin, branch, first, last, before_open, before_closed, after_open, after_closed,
		arrived_ms, via, sealed, readable, data, commits, salts) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) RETURNING id`,
		[]any{s.Origin[:], s.Branch, int64(s.First), int64(s.Last), s.Before.Open[:], s.Before.Closed[:], s.After.Open[:], s.After.Closed[:],
			s.ArrivedMS, s.Via[:], s.Sealed, s.Readable, s.Data, s.Commits, s.Salts}, &id)
	return id, err
}

// SetSegment replaces what may change of a segment.
func (t *tx) SetSegment(s store.Segment) error {
	_, err := t.exec("rewriting a segment", "UPDATE segments SET branch=?, sealed=?, readable=?, data=?, commits=?, salts=? WHERE id=?",
		s.Branch, s.Sealed, s.Readable, s.Data, s.Commits, s.Salts, s.ID)
	return err
}

// MoveBranch gives a held run to another branch.
func (t *tx) MoveBranch(origin syncproto.OriginID, from, to uint32, first, last uint64) error {
	if _, err := t.exec("moving a branch", "UPDATE outcomes SET branch=? WHERE origin=? AND branch=? AND first>=? AND last<=?",
		to, origin[:], from, int64(first), int64(last)); err != nil {
		return err
	}
	_, err := t.exec("moving a branch", "UPDATE segments SET branch=? WHERE origin=? AND branch=? AND last>=? AND last<=?",
		to, origin[:], from, int64(first), int64(last))
	return err
}
