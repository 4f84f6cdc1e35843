package clientlib

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
	"thonsync/syncproto/fold"
)

// defaultPage and maxPage bound a page of List; scanPage is how many rows a
// search reads at a time.
const (
	defaultPage = 50
	maxPage     = 500
	scanPage    = 200
)

// recordColumns gives a record with its custody: how many own changes it has,
// how far the last of them has got, and what the centre says about one that it
// did not plainly accept.
const recordColumns = `r.id, r.created_ms, r.author, r.operational, r.personal, r.id_tail, r.flags,
(SELECT COUNT(*) FROM log_change c WHERE c.record = r.id),
(SELECT MIN(c.mark) FROM log_change c WHERE c.record = r.id),
(SELECT x.outcome || ' ' || x.reason FROM log_change c JOIN log_origin o ON o.no = c.origin
 JOIN outcome x ON x.origin = o.origin AND x.seq = c.seq WHERE c.record = r.id ORDER BY x.issued_ms DESC, x.seq DESC LIMIT 1)`

// Get gives one activity, also a retracted one; CodeNotFound if it is not here.
func (d *Device) Get(ctx context.Context, id uuid.UUID) (Record, error) {
	var r Record
	err := d.view(ctx, func(ctx context.Context, q changelog.Querier) (err error) {
		r, err = d.get(ctx, q, id)
		return err
	})
	return r, err
}

func (d *Device) get(ctx context.Context, q changelog.Querier, id uuid.UUID) (Record, error) {
	row := q.QueryRowContext(ctx, `SELECT `+recordColumns+` FROM record r WHERE r.collection = $1 AND r.id = $2 AND r.flags & $3`,
		syncproto.CollectionActivity, id[:], flagExists)
	r, flags, err := d.scanRecord(row.Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return Record{}, unknownRecord(id)
	}
	if err == nil && flags&(flagConflict|flagVoid) != 0 {
		err = d.fillFromChanges(ctx, q, &r)
	}
	if err == nil {
		err = d.addQuestions(ctx, q, &r)
	}
	if err != nil {
		return Record{}, err
	}
	return r, nil
}

// List gives a page of activities, newest first. To go on, put the last one's
// id into Before.
func (d *Device) List(ctx context.Context, f Filter) ([]Record, error) {
	if f.Limit <= 0 {
		f.Limit = defaultPage
	}
	f.Limit = min(f.Limit, maxPage)
	var out []Record
	err := d.view(ctx, func(ctx context.Context, q changelog.Querier) (err error) {
		out, err = d.list(ctx, q, f)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (d *Device) list(ctx context.Context, q changelog.Querier, f Filter) ([]Record, error) {
	needle := fold.Key(f.Text)
	size := f.Limit
	if needle != "" {
		size = scanPage
	}
	var out []Record
	for {
		page, err := d.listPage(ctx, q, f, size)
		if err != nil {
			return nil, err
		}
		for i := range page {
			if needle != "" && !page[i].contains(needle) {
				continue
			}
			if page[i].Conflict || page[i].Void {
				if err := d.fillFromChanges(ctx, q, &page[i]); err != nil && syncproto.CodeOf(err) != syncproto.CodeChain {
					return nil, err
				}
			}
			if err := d.addQuestions(ctx, q, &page[i]); err != nil {
				return nil, err
			}
			if out = append(out, page[i]); len(out) == f.Limit {
				return out, nil
			}
		}
		if len(page) < size {
			return out, nil
		}
		f.Before = page[len(page)-1].ID
	}
}

// listPage reads the next rows, at most size, that fit all but the text.
func (d *Device) listPage(ctx context.Context, q changelog.Querier, f Filter, size int) ([]Record, error) {
	before := f.Before
	if before == uuid.Nil {
		before = uuid.Max
	}
	hide := int64(flagVoid)
	if f.Void {
		hide = 0
	}
	query := `SELECT ` + recordColumns + ` FROM record r
WHERE r.collection = $1 AND r.id < $2 AND r.flags & $3 = $4 AND r.created_ms >= $5 AND ($6 = '' OR r.lookup = $6)`
	if f.Waiting {
		query += fmt.Sprintf(` AND EXISTS (SELECT 1 FROM log_change c WHERE c.record = r.id AND c.mark < %d)`, syncproto.MarkReceived)
	}
	rows, err := q.QueryContext(ctx, query+` ORDER BY r.id DESC LIMIT $7`,
		syncproto.CollectionActivity, before[:], hide|flagExists, flagExists, f.SinceMS, f.Kind, size)
	if err != nil {
		return nil, fmt.Errorf("listing records: %w", err)
	}
	defer rows.Close()
	var page []Record
	for rows.Next() {
		r, _, err := d.scanRecord(rows.Scan)
		if err != nil {
			return nil, err
		}
		page = append(page, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("listing records: %w", err)
	}
	return page, nil
}

// contains looks for a folded text in everything shown about a person.
func (r *Record) contains(needle string) bool {
	if r.IDTail != "" && strings.HasSuffix(needle, r.IDTail) {
		return true
	}
	for _, f := range r.Fields {
		if f.Compartment == syncproto.Personal && strings.Contains(fold.Key(f.Text), needle) {
			return true
		}
	}
	return false
}

func (d *Device) scanRecord(scan func(...any) error) (Record, int64, error) {
	var r Record
	var id, author, operational, personal, tail []byte
	var flags int64
	var mark sql.NullInt64
	var outcome sql.NullString
	if err := scan(&id, &r.CreatedMS, &author, &operational, &personal, &tail, &flags, &r.Custody.Changes, &mark, &outcome); err != nil {
		return r, 0, fmt.Errorf("reading a record: %w", err)
	}
	copy(r.ID[:], id)
	copy(r.Author[:], author)
	open, err := syncproto.DecodeRow(operational)
	var closed syncproto.Row
	if err == nil && personal != nil {
		var plain []byte
		if plain, err = d.box.Open(personal, aadRecord("record", r.ID)); err == nil {
			closed, err = syncproto.DecodeRow(plain)
		}
	}
	if err == nil && tail != nil {
		var plain []byte
		plain, err = d.box.Open(tail, aadRecord("tail", r.ID))
		r.IDTail = string(plain)
	}
	// One damaged record must not hide the others.
	r.Damaged = err != nil
	r.Void, r.Conflict, r.Erased = flags&flagVoid != 0, flags&flagConflict != 0, flags&flagErased != 0
	r.Partial, r.Own = flags&flagPartial != 0, flags&flagOwn != 0
	if !r.Damaged {
		d.describe(&r, open, closed)
	}
	r.judgeCustody(syncproto.Mark(mark.Int64), outcome.String, flags&flagProvisional != 0)
	return r, flags, nil
}

// describe turns the shown rows into fields.
func (d *Device) describe(r *Record, open, closed syncproto.Row) {
	r.Unit = open.Value(syncproto.FieldUnit).Text()
	r.Kind = open.Value(syncproto.ActivityKind).Text()
	r.Team = open.Value(syncproto.ActivityTeam).UUID()
	r.Occurred = open.Value(syncproto.ActivityOccurred).Date()
	r.Result = open.Value(syncproto.ActivityResult).Text()
	kind := d.kinds[r.Kind]
	for comp, row := range [...]syncproto.Row{syncproto.Operational: open, syncproto.Personal: closed} {
		for _, f := range row {
			r.Fields = append(r.Fields, FieldValue{
				Name: fieldName(kind, syncproto.Compartment(comp), f.Num), Num: f.Num, Compartment: syncproto.Compartment(comp),
				Value: f.Value, Text: valueText(f.Value),
			})
		}
	}
}

// fillFromChanges adds what only the changes tell: the other standing values of
// fields in conflict, and why the record was retracted.
func (d *Device) fillFromChanges(ctx context.Context, q changelog.Querier, r *Record) error {
	g, err := d.gather(ctx, q, r.ID)
	if err != nil {
		return err
	}
	s := g.state()
	for i := range r.Fields {
		f := &r.Fields[i]
		for j, v := range s.At(f.Compartment, f.Num) {
			if j > 0 {
				f.Others = append(f.Others, v.Value)
			}
		}
	}
	r.VoidReason = s.VoidReason.Value(syncproto.VoidReason).Text()
	return nil
}
