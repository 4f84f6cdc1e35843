package ingest

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/server/tally"
	"thonsync/syncproto"
)

// session is one write transaction of the ingest with what it has at hand.
type session struct {
	s       *Service
	tx      store.Tx
	nowMS   int64
	beganMS int64        // when this history of receipts began; 0 until it is asked for
	defs    *Definitions // as of this transaction
	owned   bool         // defs is our own copy and may be changed
	ruled   bool         // rulings in memory were changed
	origins map[syncproto.OriginID]*store.Origin
	topo    map[syncproto.OriginID]topology
	cache   map[int64]*unpacked
	lines   []store.Outcome // ledger lines that are still to be written
	arrived []string        // definitions that something may be waiting for
	touched map[syncproto.OriginID]bool
	issuers map[syncproto.OriginID]bool  // points whose devices have to be counted again
	moved   map[syncproto.OriginID]bool  // whose branches were numbered anew
	stale   []staleRun                   // records that have to be merged again
	cutIn   syncproto.Epoch              // epoch in which pages were cut, zero for none
	fed     map[string]bool              // feeds with entries that are not in pages yet
	covers  map[syncproto.OriginID]cover // of revoked devices
	erased  bool                         // personal data were deleted
	traces  [][]byte                     // what of them may still be in a file
	made    []*syncproto.Ruling          // by this transaction
	blocked *blockedAt                   // changed in this transaction, else nil
	moves   []learned                    // villages that changed their commune

	tally     tally.Count
	recount   bool               // the tallies have to be counted anew
	centrePut bool               // an origin of the centre was written
	noted     map[uuid.UUID]bool // records in persons
	persons   []uuid.UUID        // records whose persons have to be read again
}

func newSession(s *Service, tx store.Tx) *session {
	return &session{
		s: s, tx: tx, nowMS: s.cfg.Now().UnixMilli(), defs: s.defs.Load(),
		origins: make(map[syncproto.OriginID]*store.Origin), topo: make(map[syncproto.OriginID]topology),
		cache: make(map[int64]*unpacked), touched: make(map[syncproto.OriginID]bool), fed: make(map[string]bool), moved: make(map[syncproto.OriginID]bool),
		covers: make(map[syncproto.OriginID]cover), issuers: make(map[syncproto.OriginID]bool), tally: tally.Count{FloorMS: s.floorMS.Load()},
	}
}

// finish writes what was gathered: ledger lines, receipts, pages.
func (ses *session) finish() error {
	for again := true; again; {
		if err := ses.replay(); err != nil {
			return err
		}
		var err error
		if again, err = ses.countIssued(); err != nil {
			return err
		}
	}
	if err := ses.tx.QueuePersons(ses.persons); err != nil {
		return err
	}
	if err := ses.noteRegisters(); err != nil {
		return err
	}
	if err := ses.flush(); err != nil {
		return err
	}
	if err := ses.followMoves(); err != nil {
		return err
	}
	if err := ses.receipts(); err != nil {
		return err
	}
	if err := ses.writeTallies(); err != nil {
		return err
	}
	return ses.cutPages()
}

// origin finds an origin, nil if it is unknown.
func (ses *session) origin(id syncproto.OriginID) (*store.Origin, error) {
	if o, ok := ses.origins[id]; ok {
		return o, nil
	}
	o, ok, err := ses.tx.Origin(id)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, nil
	}
	ses.origins[id] = &o
	return &o, nil
}

// topology gives the runs of an origin.
func (ses *session) topology(id syncproto.OriginID) (topology, error) {
	if t, ok := ses.topo[id]; ok {
		return t, nil
	}
	runs, err := ses.tx.Runs(id)
	if err != nil {
		return topology{}, err
	}
	t := topology{runs}
	ses.topo[id] = t
	return t, nil
}

// maxLines bounds how many ledger lines wait to be written.
const maxLines = 8192

// line notes what became of one change. Of several notes on one change the last
// counts.
func (ses *session) line(o store.Outcome) error {
	ses.touched[o.Origin] = true
	if n := len(ses.lines); n > 0 {
		if last := &ses.lines[n-1]; continues(last, &o) {
			last.Last = o.Last
			return nil
		}
	}
	if ses.lines = append(ses.lines, o); len(ses.lines) >= maxLines {
		return ses.flush()
	}
	return nil
}

// flush writes the noted lines.
func (ses *session) flush() error {
	lines := joined(ses.lines)
	ses.lines = nil
	for _, l := range lines {
		if err := ses.tx.SetOutcome(l); err != nil {
			return err
		}
	}
	return nil
}

// joined makes one line of neighbours that say the same: what went straight
// into records was noted first and what was merged later, so neighbours seldom
// follow each other. Lines that overlap stay in the order in which they were
// noted, because the last counts.
func joined(lines []store.Outcome) []store.Outcome {
	sorted := slices.Clone(lines)
	slices.SortFunc(sorted, func(a, b store.Outcome) int {
		return cmp.Or(bytes.Compare(a.Origin[:], b.Origin[:]), cmp.Compare(a.Branch, b.Branch), cmp.Compare(a.First, b.First))
	})
	out := sorted[:0]
	for _, l := range sorted {
		if len(out) > 0 {
			last := &out[len(out)-1]
			switch {
			case last.Origin != l.Origin || last.Branch != l.Branch:
			case l.First <= last.Last:
				return lines
			case continues(last, &l):
				last.Last = l.Last
				continue
			}
		}
		out = append(out, l)
	}
	return out
}

// continues tells whether l says of the next changes what last says.
func continues(last, l *store.Outcome) bool {
	return last.Origin == l.Origin && last.Branch == l.Branch && last.Last+1 == l.First &&
		last.Outcome == l.Outcome && last.Reason == l.Reason && last.Needs == l.Needs
}
