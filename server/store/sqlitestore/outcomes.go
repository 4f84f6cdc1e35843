package sqlitestore

import (
	"thonsync/server/store"
	"thonsync/syncproto"
)

const outcomeColumns = "origin, branch, first, last, outcome, reason, needs"

func scanOutcome(scan func(...any) error) (store.Outcome, error) {
	var o store.Outcome
	var origin []byte
	var reason string
	err := scan(&origin, &o.Branch, &o.First, &o.Last, &o.Outcome, &reason, &o.Needs)
	o.Origin, o.Reason = toUUID(origin), syncproto.Reason(reason)
	return o, err
}

// Outcomes lists the ledger of one branch.
func (t *tx) Outcomes(origin syncproto.OriginID, branch uint32) ([]store.Outcome, error) {
	return list(t, "reading the ledger", "SELECT "+outcomeColumns+" FROM outcomes WHERE origin=? AND branch=? ORDER BY first", scanOutcome, origin[:], branch)
}

// Waiting lists the lines that wait for one thing.
func (t *tx) Waiting(needs string, n int) ([]store.Outcome, error) {
	return list(t, "reading what waits", "SELECT "+outcomeColumns+" FROM outcomes WHERE needs=? AND needs<>'' ORDER BY origin, branch, first LIMIT ?",
		scanOutcome, needs, limit(n))
}

// OutcomeCounts sums the ledger.
func (t *tx) OutcomeCounts(origin *syncproto.OriginID) ([]store.OutcomeCount, error) {
	where, args := "", []any(nil)
	if origin != nil {
		where, args = "WHERE origin=?", []any{origin[:]}
	}
	return list(t, "summing the ledger", "SELECT origin, branch, outcome, reason, sum(last-first+1) FROM outcomes "+where+
		" GROUP BY origin, branch, outcome, reason ORDER BY origin, branch, outcome, reason",
		func(scan func(...any) error) (store.OutcomeCount, error) {
			var c store.OutcomeCount
			var id []byte
			var reason string
			err := scan(&id, &c.Branch, &c.Outcome, &reason, &c.Changes)
			c.Origin, c.Reason = toUUID(id), syncproto.Reason(reason)
			return c, err
		}, args...)
}

// SetOutcome overwrites the ledger of a run of changes. It reads the lines that
// overlap or touch the run and writes back what differs.
func (t *tx) SetOutcome(o store.Outcome) error {
	old, err := list(t, "reading the ledger", "SELECT "+outcomeColumns+` FROM outcomes WHERE origin=?1 AND branch=?2 AND first<=?4+1 AND first>=
		coalesce((SELECT max(first) FROM outcomes WHERE origin=?1 AND branch=?2 AND first<?3), 0) AND last>=?3-1 ORDER BY first`,
		scanOutcome, o.Origin[:], o.Branch, int64(o.First), int64(o.Last))
	if err != nil {
		return err
	}
	same := func(l store.Outcome) bool {
		return l.Outcome == o.Outcome && l.Reason == o.Reason && l.Needs == o.Needs
	}
	put := []store.Outcome{o}
	for _, l := range old {
		if same(l) {
			put[0].First, put[0].Last = min(put[0].First, l.First), max(put[0].Last, l.Last)
			continue
		}
		if l.First < o.First {
			left := l
			left.Last = min(l.Last, o.First-1)
			put = append(put, left)
		}
		if l.Last > o.Last {
			right := l
			right.First = max(l.First, o.Last+1)
			put = append(put, right)
		}
	}
	return t.replaceOutcomes(old, put)
}

// replaceOutcomes writes the lines of put in place of those of old, leaving
// alone what is in both.
func (t *tx) replaceOutcomes(old, put []store.Outcome) error {
	for _, l := range old {
		if i := indexOf(put, l); i >= 0 {
			put = append(put[:i:i], put[i+1:]...)
			continue
		}
		if _, err := t.exec("writing the ledger", "DELETE FROM outcomes WHERE origin=? AND branch=? AND first=?", l.Origin[:], l.Branch, int64(l.First)); err != nil {
			return err
		}
	}
	for _, l := range put {
		if _, err := t.exec("writing the ledger", "INSERT INTO outcomes ("+outcomeColumns+") VALUES (?,?,?,?,?,?,?)",
			l.Origin[:], l.Branch, int64(l.First), int64(l.Last), int64(l.Outcome), string(l.Reason), l.Needs); err != nil {
			return err
		}
	}
	return nil
}

func indexOf(lines []store.Outcome, l store.Outcome) int {
	for i := range lines {
		if lines[i] == l {
			return i
		}
	}
	return -1
}
