package reorganise

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"thonsync/server/ingest"
	"thonsync/server/ownlog"
	"thonsync/server/reconcile/lineage"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/unittree"
)

// held is a record as it stands now.
type held struct {
	id         uuid.UUID
	collection uint32
	row        syncproto.Row
	void       bool
}

func heldOf(rec *store.Record) (held, error) {
	row, err := ingest.Shown(rec)
	return held{rec.ID, rec.Collection, row, rec.Void}, err
}

// edit is a change to be written: fields that a record gets, or a new record.
type edit struct {
	of         held // the zero id for a new record
	collection uint32
	set        syncproto.Row
}

func (e *edit) draft() ownlog.Draft {
	op := syncproto.OpSet
	if e.of.id == uuid.Nil {
		op = syncproto.OpCreate
	}
	return ownlog.Draft{Header: syncproto.Header{Collection: e.collection, Op: op, Record: e.of.id}, Operational: e.set}
}

// differs gives the fields of want that a row does not have.
func differs(want, have syncproto.Row) syncproto.Row {
	var out syncproto.Row
	for _, f := range want {
		if have.Value(f.Num) != f.Value {
			out = append(out, f)
		}
	}
	return out
}

// before gives what the fields of set were.
func before(set, have syncproto.Row) syncproto.Row {
	out := make(syncproto.Row, len(set))
	for i, f := range set {
		out[i] = syncproto.Field{Num: f.Num, Value: have.Value(f.Num)}
	}
	return out
}

// text makes a field; an empty text is null, which clears what was there.
func text(num uint32, s string) syncproto.Field {
	if s == "" {
		return syncproto.Field{Num: num, Value: syncproto.Null()}
	}
	return syncproto.Field{Num: num, Value: syncproto.TextValue(s)}
}

// write notes what records were before, writes the edits into the centre's log
// and notes the records that they made. It may be called again after a crash at
// any place: what is written already is no difference any more.
func (s *Service) write(ctx context.Context, id uuid.UUID, edits []edit, then func(store.Tx) error) error {
	var drafts []ownlog.Draft
	err := s.cfg.Update(ctx, func(tx store.Tx) error {
		drafts = drafts[:0]
		for i := range edits {
			e := &edits[i]
			if e.set = syncproto.NewRow(e.set...); len(e.set) == 0 {
				continue
			}
			drafts = append(drafts, e.draft())
			if e.of.id == uuid.Nil {
				continue
			}
			row := store.Reorganised{
				Reorganisation: id, Record: e.of.id, WasVoid: e.of.void,
				Was: syncproto.AppendRow(nil, before(e.set, e.of.row)), Wrote: syncproto.AppendRow(nil, e.set),
			}
			if err := tx.PutReorganised(row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	var made []uuid.UUID
	if len(drafts) > 0 {
		entries, err := s.cfg.Write(ctx, drafts)
		if err != nil {
			return err
		}
		for i := range entries {
			if entries[i].Header.Op == syncproto.OpCreate {
				made = append(made, entries[i].Record)
			}
		}
	}
	return s.cfg.Update(ctx, func(tx store.Tx) error {
		for _, record := range made {
			if err := tx.PutReorganised(store.Reorganised{Reorganisation: id, Record: record, Made: true, Was: []byte{}, Wrote: []byte{}}); err != nil {
				return err
			}
		}
		return then(tx)
	})
}

// units reads the unit records by key; of several the one that stands.
func units(r store.Reader) (map[string]held, error) {
	out := map[string]held{}
	err := r.EachRecord(store.RecordQuery{Collection: syncproto.CollectionUnit, ExistsOnly: true}, func(rec store.Record) error {
		h, err := heldOf(&rec)
		key := h.row.Value(syncproto.FieldUnit).Text()
		if old, ok := out[key]; !ok || old.void && !h.void {
			out[key] = h
		}
		return err
	})
	return out, err
}

// Apply carries a plan out: the units of the new list begin, those of the old one
// name their successors. What went over as a whole follows at once, because
// scope, feeds and reports read the lineage; nothing of it is rewritten. What was
// split waits to be placed. Applying again does nothing.
func (s *Service) Apply(ctx context.Context, id uuid.UUID) (Reorganisation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var o *opened
	var edits []edit
	err := s.cfg.View(ctx, func(r store.Reader) (err error) {
		if o, err = s.load(r, id); err != nil {
			return err
		}
		if err := o.mayApply(r); err != nil {
			return err
		}
		have, err := units(r)
		if err != nil {
			return err
		}
		edits, err = o.edits(have)
		return err
	})
	if err != nil || o.row.State == Applied {
		v, _ := s.Get(ctx, id)
		return v, err
	}
	err = s.write(ctx, id, edits, func(tx store.Tx) error {
		o.row.State, o.row.AppliedMS = Applied, s.cfg.Now().UnixMilli()
		return tx.PutReorganisation(*o.row)
	})
	if err != nil {
		return Reorganisation{}, err
	}
	return s.Get(ctx, id)
}

func (o *opened) mayApply(r store.Reader) error {
	switch {
	case o.row.State == Reversed:
		return syncproto.Errorf(syncproto.CodeInvalidInput, "reorganisation %s was undone: plan it anew", o.row.ID)
	case o.row.State == Applied:
		return nil
	case len(o.problems) > 0:
		return syncproto.Errorf(syncproto.CodeInvalidInput, "the units have changed since this was planned: %s; plan it anew", o.problems[0].Rule)
	}
	return notTwice(r, o.row)
}

// edits gives what applying writes: the new units from above, then the old ones.
func (o *opened) edits(have map[string]held) ([]edit, error) {
	var out []edit
	mark := syncproto.Field{Num: syncproto.UnitReorganisation, Value: syncproto.UUIDValue(o.row.ID)}
	for i := range o.doc.Units {
		want, err := o.newUnit(&o.doc.Units[i])
		if err != nil {
			return nil, err
		}
		h := have[o.doc.Units[i].Key()]
		out = append(out, edit{h, syncproto.CollectionUnit, differs(append(want, mark), h.row)})
	}
	last, err := dayBefore(o.row.Effective)
	if err != nil {
		return nil, err
	}
	for i := range o.plan.Moves {
		m := &o.plan.Moves[i]
		h, ok := have[m.From]
		if !ok {
			continue
		}
		want := syncproto.Row{text(syncproto.UnitSuccessors, unittree.FormatShares(m.Shares)), mark}
		if h.row.Value(syncproto.UnitValidTo) == syncproto.Null() {
			want = append(want, syncproto.Field{Num: syncproto.UnitValidTo, Value: syncproto.DateValue(last)})
		}
		out = append(out, edit{h, syncproto.CollectionUnit, differs(want, h.row)})
	}
	return out, nil
}

func (o *opened) newUnit(u *lineage.Unit) (syncproto.Row, error) {
	row := syncproto.Row{
		text(syncproto.FieldUnit, u.Key()), text(syncproto.UnitList, u.List), text(syncproto.UnitCode, u.Code), text(syncproto.UnitLevel, u.Level),
		text(syncproto.UnitType, u.Type), text(syncproto.UnitName, u.Name),
	}
	if u.Parent != "" {
		row = append(row, text(syncproto.UnitParent, u.Parent))
	}
	if p := o.plan.Predecessors(u.Key()); len(p) > 0 {
		row = append(row, text(syncproto.UnitPredecessors, unittree.FormatShares(p)))
	}
	from := u.ValidFrom
	if from == "" {
		from = o.row.Effective
	}
	for num, day := range map[uint32]string{syncproto.UnitValidFrom: from, syncproto.UnitValidTo: u.ValidTo} {
		if day == "" {
			continue
		}
		d, err := syncproto.ParseDate(day)
		if err != nil {
			return nil, err
		}
		row = append(row, syncproto.Field{Num: num, Value: syncproto.DateValue(d)})
	}
	return row, nil
}

func dayBefore(day string) (syncproto.Date, error) {
	t, err := time.Parse(time.DateOnly, day)
	t = t.AddDate(0, 0, -1)
	return syncproto.Date{Year: t.Year(), Month: int(t.Month()), Day: t.Day()}, err
}

// Reversal tells what an undoing did.
type Reversal struct {
	Plan Reorganisation `json:"plan"`
	// Restored counts the records that are as they were.
	Restored int `json:"restored"`
	// Left names records that somebody has changed since, and which stay so.
	Left []uuid.UUID `json:"left"`
	// Orphans names units that were made below the new ones meanwhile. Everything
	// recorded in them stays and counts; they need a place in the old list.
	Orphans []string `json:"orphans"`
}

// Undo takes a reorganisation back, by changes: units, teams and points are as
// they were, the new units are retracted. What was recorded meanwhile stays and
// is counted. Undoing again does nothing.
func (s *Service) Undo(ctx context.Context, id uuid.UUID) (Reversal, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := Reversal{Left: []uuid.UUID{}, Orphans: []string{}}
	var o *opened
	var drafts []ownlog.Draft
	var points []store.Placement
	err := s.cfg.View(ctx, func(r store.Reader) (err error) {
		if o, err = s.load(r, id); err != nil {
			return err
		}
		if o.row.State == Planned {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "reorganisation %s was not applied: there is nothing to undo", id)
		}
		if o.row.State == Reversed {
			return nil
		}
		if drafts, err = o.reversal(r, &out); err != nil {
			return err
		}
		points, err = r.Placements(id)
		return err
	})
	if err != nil {
		return out, err
	}
	if o.row.State == Applied {
		if err := s.reverse(ctx, o, drafts, points); err != nil {
			return out, err
		}
	}
	out.Plan, err = s.Get(ctx, id)
	return out, err
}

func (s *Service) reverse(ctx context.Context, o *opened, drafts []ownlog.Draft, points []store.Placement) error {
	if len(drafts) > 0 {
		if _, err := s.cfg.Write(ctx, drafts); err != nil {
			return err
		}
	}
	for _, p := range points {
		if err := s.movePoint(ctx, p.Subject, strings.Fields(p.Before)); err != nil {
			return err
		}
	}
	return s.cfg.Update(ctx, func(tx store.Tx) error {
		o.row.State, o.row.ReversedMS = Reversed, s.cfg.Now().UnixMilli()
		return tx.PutReorganisation(*o.row)
	})
}

// reversal gives the changes that take a reorganisation back: villages and teams
// first, so that they are never below a unit that is retracted.
func (o *opened) reversal(r store.Reader, out *Reversal) ([]ownlog.Draft, error) {
	rows, err := r.Reorganised(o.row.ID)
	if err != nil {
		return nil, err
	}
	var first, second, voids []ownlog.Draft
	made := map[string]bool{}
	for i := range rows {
		rec, ok, err := r.Record(rows[i].Record)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		h, err := heldOf(&rec)
		if err != nil {
			return nil, err
		}
		if rows[i].Made || rows[i].WasVoid {
			made[rec.Unit] = true
			if !h.void {
				voids = append(voids, voidDraft(&h))
			}
		}
		if rows[i].Made {
			continue
		}
		set, mine, err := restoring(&rows[i], &h)
		switch {
		case err != nil:
			return nil, err
		case !mine:
			out.Left = append(out.Left, h.id)
			continue
		}
		out.Restored++
		if len(set) == 0 {
			continue
		}
		e := edit{h, h.collection, set}
		if level := h.row.Value(syncproto.UnitLevel).Text(); h.collection != syncproto.CollectionUnit || level == unittree.Village {
			first = append(first, e.draft())
		} else {
			second = append(second, e.draft())
		}
	}
	for key, u := range o.defs.Units() {
		if made[u.Parent] && !made[key] && u.Former == "" {
			out.Orphans = append(out.Orphans, key)
		}
	}
	slices.Sort(out.Orphans)
	return slices.Concat(first, second, voids), nil
}

func voidDraft(h *held) ownlog.Draft {
	return ownlog.Draft{
		Header:      syncproto.Header{Collection: h.collection, Op: syncproto.OpVoid, Record: h.id},
		Operational: syncproto.Row{{Num: syncproto.VoidReason, Value: syncproto.TextValue("other")}},
	}
}

// restoring gives the fields by which a record becomes what it was. mine is false
// if somebody else has changed one of them since.
func restoring(row *store.Reorganised, h *held) (set syncproto.Row, mine bool, err error) {
	was, err := syncproto.DecodeRow(row.Was)
	if err != nil {
		return nil, false, err
	}
	wrote, err := syncproto.DecodeRow(row.Wrote)
	if err != nil {
		return nil, false, err
	}
	for _, f := range wrote {
		now := h.row.Value(f.Num)
		if now != f.Value && now != was.Value(f.Num) {
			return nil, false, nil
		}
	}
	return differs(was, h.row), true, nil
}
