package sqlitestore

import (
	"strings"

	"github.com/google/uuid"

	"thonsync/server/store"
)

const (
	recordHead = `id, collection, unit, kind, team, occurred, result, author, origin, stamp_ms, earliest_ms, latest_ms, flags, changes, operational`
	recordAll  = recordHead + `, history`
	recordPut  = `INTO records (` + recordAll + `) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`
)

const (
	flagExists = 1 << iota
	flagVoid
	flagConflict
	flagErased
)

func flagsOf(r *store.Record) int64 {
	var f int64
	for i, on := range [...]bool{r.Exists, r.Void, r.Conflict, r.Erased} {
		if on {
			f |= 1 << i
		}
	}
	return f
}

func scanRecord(full bool) func(func(...any) error) (store.Record, error) {
	return func(scan func(...any) error) (store.Record, error) {
		var r store.Record
		var id, team, author, origin []byte
		var flags int64
		dst := []any{&id, &r.Collection, &r.Unit, &r.Kind, &team, &r.Occurred, &r.Result, &author, &origin, &r.StampMS,
			&r.EarliestMS, &r.LatestMS, &flags, &r.Changes, &r.Operational}
		if full {
			dst = append(dst, &r.History)
		}
		if err := scan(dst...); err != nil {
			return r, err
		}
		r.ID, r.Team, r.Author, r.Origin = toUUID(id), toUUID(team), toUUID(author), toUUID(origin)
		r.Exists, r.Void = flags&flagExists != 0, flags&flagVoid != 0
		r.Conflict, r.Erased = flags&flagConflict != 0, flags&flagErased != 0
		return r, nil
	}
}

// Record finds one record.
func (t *tx) Record(id uuid.UUID) (store.Record, bool, error) {
	var r store.Record
	found := false
	row := scanRecord(true)
	err := t.each("reading a record", "SELECT "+recordAll+" FROM records WHERE id=?", func(scan func(...any) error) (err error) {
		found = true
		r, err = row(scan)
		return err
	}, id[:])
	return r, found, err
}

// EachRecord calls f for the records that match q.
func (t *tx) EachRecord(q store.RecordQuery, f func(store.Record) error) error {
	where, args := "id>?", []any{q.After[:]}
	if q.Before != uuid.Nil {
		where, args = where+" AND id<?", append(args, q.Before[:])
	}
	order := "id"
	if q.Newest {
		order = "id DESC"
	}
	if q.Collection != 0 {
		where, args = where+" AND collection=?", append(args, q.Collection)
		if q.Collection != activities {
			where += " AND collection<>7" // lets the partial index serve
		}
	}
	if q.Unit != "" {
		where, args = where+" AND unit=?", append(args, q.Unit)
	}
	if q.Kind != "" {
		where, args = where+" AND kind=?", append(args, q.Kind)
	}
	if q.ExistsOnly {
		where += " AND flags&1<>0"
	}
	columns := recordAll
	if q.WithoutHistory {
		columns = recordHead
	}
	args = append(args, limit(q.Limit))
	row := scanRecord(!q.WithoutHistory)
	return t.each("reading records", "SELECT "+columns+" FROM records WHERE "+where+" ORDER BY "+order+" LIMIT ?", func(scan func(...any) error) error {
		r, err := row(scan)
		if err != nil {
			return err
		}
		return f(r)
	}, args...)
}

// activities is syncproto.CollectionActivity, as the schema's partial index
// names it.
const activities = 7

// InsertRecord adds a record unless it is there.
func (t *tx) InsertRecord(r *store.Record) (bool, error) {
	n, err := t.exec("writing a record", "INSERT OR IGNORE "+recordPut, recordArgs(r)...)
	return n == 1, err
}

// bulkRows is how many rows one statement inserts: beyond it, nothing is gained.
const bulkRows = 32

var recordBulk = "INSERT INTO records (" + recordAll + ") VALUES " + strings.TrimSuffix(strings.Repeat("(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?),", bulkRows), ",")

// InsertRecords adds records, many with one statement.
func (t *tx) InsertRecords(list []*store.Record) (int, error) {
	args := make([]any, 0, bulkRows*16)
	done := 0
	for ; done+bulkRows <= len(list); done += bulkRows {
		args = args[:0]
		for _, r := range list[done : done+bulkRows] {
			args = appendRecord(args, r)
		}
		// A statement that meets a row which is there undoes itself.
		if _, err := t.exec("writing records", recordBulk, args...); isDuplicate(err) {
			return done, nil
		} else if err != nil {
			return done, err
		}
	}
	for ; done < len(list); done++ {
		if ok, err := t.InsertRecord(list[done]); !ok || err != nil {
			return done, err
		}
	}
	return done, nil
}

// recordOver rewrites a row where it stands, because REPLACE would move it to
// the end of the table.
const recordOver = ` ON CONFLICT (id) DO UPDATE SET collection=excluded.collection, unit=excluded.unit, kind=excluded.kind,
	team=excluded.team, occurred=excluded.occurred, result=excluded.result, author=excluded.author, origin=excluded.origin,
	stamp_ms=excluded.stamp_ms, earliest_ms=excluded.earliest_ms, latest_ms=excluded.latest_ms, flags=excluded.flags,
	changes=excluded.changes, operational=excluded.operational, history=excluded.history`

// PutRecord adds or replaces a record.
func (t *tx) PutRecord(r *store.Record) error {
	if _, err := t.exec("writing a record", "INSERT "+recordPut+recordOver, recordArgs(r)...); err != nil {
		return err
	}
	return t.noteRewritten(r.ID)
}

func recordArgs(r *store.Record) []any { return appendRecord(make([]any, 0, 16), r) }

func appendRecord(args []any, r *store.Record) []any {
	return append(args, r.ID[:], int64(r.Collection), r.Unit, r.Kind, orNull(r.Team), r.Occurred, r.Result, orNull(r.Author), orNull(r.Origin), r.StampMS,
		r.EarliestMS, r.LatestMS, flagsOf(r), int64(r.Changes), r.Operational, r.History)
}
