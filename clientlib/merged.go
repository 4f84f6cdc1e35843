package clientlib

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
	"thonsync/syncproto/merge"
)

// Flags of a row in record.
const (
	flagExists      = 1 << 0 // its create acts
	flagVoid        = 1 << 1
	flagConflict    = 1 << 2 // a field or the retraction has several standing values
	flagPartial     = 1 << 3 // personal values are not all known here
	flagErased      = 1 << 4
	flagProvisional = 1 << 5 // shows changes that the centre has not vouched for
	flagOwn         = 1 << 6 // has changes of this device
)

// queryPutRecord leaves id_tail alone: it outlives the personal row.
const queryPutRecord = `INSERT INTO record (collection, id, lookup, created_ms, author, operational, personal, flags)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (collection, id) DO UPDATE SET lookup = excluded.lookup, created_ms = excluded.created_ms, author = excluded.author,
operational = excluded.operational, personal = excluded.personal, flags = excluded.flags`

// gathered is everything that a record adds up to.
type gathered struct {
	changes     []merge.Change
	rulings     merge.Rulings
	branches    *lineage
	create      *syncproto.Change // the creating change, nil if it is not here
	provisional bool
	own         bool
	written     []merge.ID // by this device
	collection  uint32
}

func (g *gathered) state() merge.State {
	var br merge.Branches
	if g.branches != nil {
		br = g.branches
	}
	return merge.Record(g.changes, g.rulings, br)
}

// gather reads the changes of a record and the rulings about them.
func (d *Device) gather(ctx context.Context, q changelog.Querier, id uuid.UUID) (*gathered, error) {
	g := &gathered{}
	own, err := d.log.ByRecord(ctx, q, id)
	if err != nil {
		return nil, err
	}
	for i := range own {
		g.addOwn(&own[i])
	}
	if err := d.gatherSeen(ctx, q, id, g); err != nil {
		return nil, err
	}
	if err := gatherRulings(ctx, q, id, g); err != nil {
		return nil, err
	}
	if err := d.gatherRevoked(ctx, q, g); err != nil {
		return nil, err
	}
	return g, d.gatherForks(ctx, q, own, g)
}

func (g *gathered) addOwn(e *changelog.Entry) {
	c := merge.Change{
		ID: merge.ID{Origin: e.Origin, Seq: e.Seq, Open: e.Heads.Open.Prefix()}, Closed: e.Heads.Closed.Prefix(),
		Op: e.Header.Op, StampMS: e.Header.StampMS, BeaconMS: e.Header.Beacon.MS, Refs: e.Header.Refs,
		Operational: e.Operational, Personal: e.Personal, PersonalKnown: !e.PersonalGone,
	}
	g.changes = append(g.changes, c)
	g.written = append(g.written, c.ID)
	g.own, g.collection = true, e.Header.Collection
	if e.Header.Op == syncproto.OpCreate {
		g.create = &e.Change
	}
}

func (d *Device) gatherSeen(ctx context.Context, q changelog.Querier, id uuid.UUID, g *gathered) error {
	rows, err := q.QueryContext(ctx, `SELECT origin, seq, open, header, operational, vouched FROM seen_change WHERE record = $1`, id[:])
	if err != nil {
		return fmt.Errorf("reading changes of others: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var origin, open, header, operational []byte
		var seq int64
		var vouched bool
		if err := rows.Scan(&origin, &seq, &open, &header, &operational, &vouched); err != nil {
			return fmt.Errorf("reading changes of others: %w", err)
		}
		c := &syncproto.Change{Seq: uint64(seq)}
		copy(c.Origin[:], origin)
		row, err := syncproto.DecodeRow(header)
		if err == nil {
			c.Header, err = syncproto.HeaderOf(row)
		}
		if err == nil {
			c.Operational, err = syncproto.DecodeRow(operational)
		}
		if err != nil {
			return syncproto.Wrap(syncproto.CodeChain, err, "change %d of origin %s is damaged in the database: keep the file and ask for help", seq, c.Origin)
		}
		g.addSeen(c, open, vouched)
	}
	return rows.Err()
}

// addSeen adds a change of another replica. Until the centre vouches for it,
// what only the centre may write has no authority.
func (g *gathered) addSeen(c *syncproto.Change, open []byte, vouched bool) {
	coll, _ := syncproto.CollectionOf(c.Header.Collection)
	m := merge.Change{
		ID: merge.ID{Origin: c.Origin, Seq: c.Seq}, Op: c.Header.Op, StampMS: c.Header.StampMS, BeaconMS: c.Header.Beacon.MS,
		Refs: c.Header.Refs, Operational: c.Operational, NoAuthority: !vouched && coll != nil && centreOnly(coll, c),
	}
	copy(m.Open[:], open)
	g.changes = append(g.changes, m)
	g.collection = c.Header.Collection
	g.provisional = g.provisional || !vouched
	if c.Header.Op == syncproto.OpCreate {
		g.create = c
	}
}

// centreOnly tells whether only the centre may write a change.
func centreOnly(coll *syncproto.Collection, c *syncproto.Change) bool {
	return coll.CentreOnly || coll.Num == syncproto.CollectionQuestion && !syncproto.AnswersOnly(c)
}

const queryRulings = `SELECT bytes FROM ruling WHERE record = $1
UNION SELECT r.bytes FROM seen_change s JOIN ruling r ON r.origin = s.origin AND r.seq = s.seq WHERE s.record = $1
UNION SELECT r.bytes FROM log_change c JOIN log_origin o ON o.no = c.origin JOIN ruling r ON r.origin = o.origin AND r.seq = c.seq WHERE c.record = $1`

func gatherRulings(ctx context.Context, q changelog.Querier, id uuid.UUID, g *gathered) error {
	rows, err := q.QueryContext(ctx, queryRulings, id[:])
	if err != nil {
		return fmt.Errorf("reading rulings: %w", err)
	}
	defer rows.Close()
	authority := make(map[merge.ID]*syncproto.Ruling)
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return fmt.Errorf("reading rulings: %w", err)
		}
		r, err := syncproto.DecodeRuling(b)
		if err != nil {
			return err
		}
		target := merge.ID(r.Target)
		switch r.Kind {
		case syncproto.RulingHold:
			g.rulings.Changes = append(g.rulings.Changes, merge.Ruling{Change: target, Number: r.Number, Act: merge.Hold})
		case syncproto.RulingRelease:
			g.rulings.Changes = append(g.rulings.Changes, merge.Ruling{Change: target, Number: r.Number, Act: merge.Release})
		case syncproto.RulingErase:
			g.rulings.Erased = g.rulings.Erased || r.Record == id
		case syncproto.RulingAuthority:
			if old := authority[target]; old == nil || old.Number < r.Number {
				authority[target] = r
			}
		}
	}
	for i := range g.changes {
		if r := authority[g.changes[i].ID]; r != nil {
			g.changes[i].NoAuthority = !r.Grant
		}
	}
	return rows.Err()
}

// rebuild merges a record anew and stores the outcome.
func (d *Device) rebuild(ctx context.Context, q changelog.Querier, id uuid.UUID) error {
	g, err := d.gather(ctx, q, id)
	if err != nil || len(g.changes) == 0 {
		return err
	}
	if _, ok := syncproto.CollectionOf(g.collection); !ok {
		return nil
	}
	s := g.state()
	return d.putRecord(ctx, q, id, g, &s)
}

func (d *Device) putRecord(ctx context.Context, q changelog.Querier, id uuid.UUID, g *gathered, s *merge.State) error {
	operational := s.Row(syncproto.Operational)
	var personal []byte
	if row := s.Row(syncproto.Personal); len(row) > 0 {
		var err error
		if personal, err = d.box.Seal(syncproto.AppendRow(nil, row), aadRecord("record", id)); err != nil {
			return err
		}
	}
	var created int64
	var author []byte
	if g.create != nil {
		created, author = g.create.Header.StampMS, g.create.Header.Author[:]
	}
	_, err := q.ExecContext(ctx, queryPutRecord, int64(g.collection), id[:], lookupOf(g.collection, operational), created, author,
		syncproto.AppendRow(nil, operational), personal, flagsOf(g, s))
	if err != nil {
		return fmt.Errorf("storing a record: %w", err)
	}
	return nil
}

func flagsOf(g *gathered, s *merge.State) int64 {
	var f int64
	set := func(bit int64, on bool) {
		if on {
			f |= bit
		}
	}
	set(flagExists, s.Exists)
	set(flagVoid, s.Void)
	set(flagPartial, s.Partial)
	set(flagErased, s.Erased)
	set(flagConflict, s.VoidConflict || len(s.Conflicts(syncproto.Operational))+len(s.Conflicts(syncproto.Personal)) > 0)
	set(flagProvisional, g.provisional)
	set(flagOwn, g.own)
	return f
}

func lookupOf(collection uint32, row syncproto.Row) string {
	switch collection {
	case syncproto.CollectionActivity:
		return row.Value(syncproto.ActivityKind).Text()
	case syncproto.CollectionQuestion:
		return row.Value(syncproto.QuestionRecord).UUID().String()
	case syncproto.CollectionKind:
		return row.Value(syncproto.KindCode).Text()
	case syncproto.CollectionUnit:
		return syncproto.UnitKey(row.Value(syncproto.UnitList).Text(), row.Value(syncproto.UnitCode).Text())
	}
	return ""
}

func aadRecord(what string, id uuid.UUID) []byte { return append([]byte(what+"|"), id[:]...) }
