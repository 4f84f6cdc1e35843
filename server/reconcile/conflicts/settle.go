package conflicts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/clientlib/changelog"
	"thonsync/server/audit"
	"thonsync/server/ingest"
	"thonsync/server/ownlog"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/merge"
)

// How something was settled.
const (
	Chosen = "chosen" // one of the standing values
	Typed  = "typed"  // another value
	Alike  = "alike"  // with others of its shape
)

// SettleChoice settles one conflict: by the number of a standing value, or by a value
// that is typed as in a form. Standing is what the conflict had when the person
// saw it.
type SettleChoice struct {
	Record   uuid.UUID `json:"record"`
	Field    string    `json:"field" maxLength:"64"`
	Standing string    `json:"standing" maxLength:"64"`
	Value    int       `json:"value,omitempty" minimum:"0" doc:"number of the standing value"`
	Text     *string   `json:"text,omitempty" maxLength:"4000" doc:"another value instead; empty clears the field"`
}

// SettleResult is what settling did.
type SettleResult struct {
	Settlements []Settling `json:"settlements"`
	// Already says that it was settled or undone before, as Settlements tell, and
	// nothing was written.
	Already bool       `json:"already"`
	Skipped []LeftAsIs `json:"skipped"`
}

// LeftAsIs is a conflict that was not settled with the others.
type LeftAsIs struct {
	Record uuid.UUID `json:"record"`
	Field  string    `json:"field"`
	Why    string    `json:"why" enum:"changed,settled"`
}

var (
	errPoint   = syncproto.Errorf(syncproto.CodeInvalidInput, "conflicts are settled at the centre: do it there, or on the phones that wrote the values")
	errChanged = syncproto.Errorf(syncproto.CodeInvalidInput, "the values have changed since you looked: look at the record again and settle what stands now")
)

// Settle settles one conflict by a change that supersedes every standing value.
// Doing it again does nothing.
func (s *Service) Settle(ctx context.Context, v Viewer, in SettleChoice) (SettleResult, error) {
	out := SettleResult{Settlements: []Settling{}, Skipped: []LeftAsIs{}}
	if s.cfg.Write == nil {
		return out, errPoint
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	batch, err := s.newID()
	if err != nil {
		return out, err
	}
	p, before, err := s.plan(ctx, v, in)
	if err != nil {
		return out, err
	}
	if p == nil {
		out.Already, out.Settlements = true, append(out.Settlements, before...)
		return out, nil
	}
	p.how = Chosen
	if in.Text != nil {
		p.how = Typed
	}
	out.Settlements, err = s.carryOut(ctx, v, batch, []*planned{p})
	return out, err
}

// planned is a conflict with the changes that settle it.
type planned struct {
	conflict Conflict
	how      string
	drafts   []ownlog.Draft // of the record, and then of the questions about the field
	own      int            // how many of them are of the record
}

// plan finds the conflict and drafts what settles it; nil, and how it was settled,
// if it is already.
func (s *Service) plan(ctx context.Context, v Viewer, in SettleChoice) (p *planned, before []Settling, err error) {
	err = s.cfg.View(ctx, func(r store.Reader) error {
		rec, ok, err := r.Record(in.Record)
		if err != nil || !ok || !s.sees(v, rec.Unit) || rec.Collection == syncproto.CollectionQuestion {
			return errors.Join(err, errGone)
		}
		l := newLook(s, r)
		all, err := l.conflicts(&rec)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(all, func(c Conflict) bool { return c.Field == in.Field })
		if at < 0 {
			before, err = l.settledBefore(&rec, in.Field)
			return err
		}
		c := all[at]
		switch {
		case c.comp == syncproto.Personal && !v.Personal:
			return errGone
		case in.Standing != c.Standing:
			return errChanged
		}
		p, err = l.draft(&rec, c, in)
		return err
	})
	return p, before, err
}

// settledBefore gives how a field that is no longer contested was settled; an
// error if it never was.
func (l *look) settledBefore(rec *store.Record, name string) ([]Settling, error) {
	rows, err := l.r.SettlementsOf(rec.ID)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if rows[i].Name == name && rows[i].UndoneMS == 0 {
			return []Settling{view(&rows[i])}, nil
		}
	}
	return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "field %q of record %s is not contested: nothing was settled", name, rec.ID)
}

// draft makes the changes that settle a conflict.
func (l *look) draft(rec *store.Record, c Conflict, in SettleChoice) (*planned, error) {
	p := &planned{conflict: c}
	m, err := l.s.cfg.Ingest.Merged(l.r, rec)
	if err != nil {
		return nil, err
	}
	if c.num == 0 {
		p.drafts, err = l.draftRetraction(rec, m, in)
	} else {
		var value syncproto.Value
		if value, err = l.value(rec, &c, in); err == nil {
			row := syncproto.NewRow(syncproto.Field{Num: c.num, Value: value})
			p.drafts = l.chunks(rec, syncproto.OpSet, c.comp, row, targets(c.candidates))
		}
	}
	p.own = len(p.drafts)
	for _, q := range c.Questions {
		if !q.Settled {
			p.drafts = append(p.drafts, stateDraft(q.ID, syncproto.TextValue(syncproto.StateSettled)))
		}
	}
	return p, err
}

func targets(values []merge.Standing) (out []merge.ID) {
	for _, v := range values {
		out = append(out, v.By...)
	}
	slices.SortFunc(out, merge.ID.Compare)
	return slices.Compact(out)
}

// chunks names every target. A change carries 64 references at most; where there
// are more, further changes follow, of which each supersedes the one before
// because it is on the same branch.
func (l *look) chunks(rec *store.Record, op syncproto.Op, comp syncproto.Compartment, row syncproto.Row, ids []merge.ID) []ownlog.Draft {
	var out []ownlog.Draft
	for first := true; first || len(ids) > 0; first = false {
		n := min(len(ids), syncproto.MaxRefs)
		d := ownlog.Draft{Header: syncproto.Header{Collection: rec.Collection, Op: op, Record: rec.ID}}
		if comp == syncproto.Personal {
			d.Personal = row
		} else {
			d.Operational = row
		}
		for _, id := range ids[:n] {
			d.Header.Refs[comp] = append(d.Header.Refs[comp], syncproto.Ref(id))
		}
		out, ids = append(out, d), ids[n:]
	}
	return out
}

// draftRetraction retracts the record for good or takes the retraction back.
func (l *look) draftRetraction(rec *store.Record, m *ingest.Merged, in SettleChoice) ([]ownlog.Draft, error) {
	switch {
	case in.Text != nil || in.Value < 1 || in.Value > 2:
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "a contested retraction is settled by value 1 (retract) or 2 (keep)")
	case in.Value == 1:
		reason := m.State.VoidReason.Value(syncproto.VoidReason)
		if reason.IsNull() {
			reason = syncproto.TextValue("other")
		}
		ids := append(slices.Clone(m.State.Live), m.State.VoidBy...)
		slices.SortFunc(ids, merge.ID.Compare)
		row := syncproto.NewRow(syncproto.Field{Num: syncproto.VoidReason, Value: reason})
		return l.chunks(rec, syncproto.OpVoid, syncproto.Operational, row, slices.Compact(ids)), nil
	}
	// Keeping takes a change that sets something: the home unit, as it stands.
	row := syncproto.NewRow(syncproto.Field{Num: syncproto.FieldUnit, Value: syncproto.TextValue(rec.Unit)})
	ids := append(m.State.Targets(syncproto.Operational, syncproto.FieldUnit), m.State.VoidBy...)
	slices.SortFunc(ids, merge.ID.Compare)
	return l.chunks(rec, syncproto.OpSet, syncproto.Operational, row, slices.Compact(ids)), nil
}

// value gives what the field is to be.
func (l *look) value(rec *store.Record, c *Conflict, in SettleChoice) (syncproto.Value, error) {
	if in.Text == nil {
		if in.Value < 1 || in.Value > len(c.candidates) {
			return syncproto.Null(), syncproto.Errorf(syncproto.CodeInvalidInput, "choose a value from 1 to %d, or type another", len(c.candidates))
		}
		return c.candidates[in.Value-1].Value, nil
	}
	if rec.Collection != syncproto.CollectionActivity {
		return syncproto.Null(), syncproto.Errorf(syncproto.CodeInvalidInput, "only fields of activities are typed anew: choose one of the values, or import the list again")
	}
	kind, ok := l.s.cfg.Ingest.Definitions().Kind(rec.Kind)
	if !ok {
		return syncproto.Null(), syncproto.Errorf(syncproto.CodeInvalidInput, "kind %s of the record is not known here: import the kinds", rec.Kind)
	}
	p, err := clientlib.ParseFields(kind, map[string]string{c.Field: *in.Text})
	if err != nil {
		return syncproto.Null(), fieldProblem(err)
	}
	if v, ok := typed(&p, c); ok {
		return v, nil
	}
	return syncproto.Null(), syncproto.Errorf(syncproto.CodeInvalidInput, "field %q cannot be typed here: choose one of the values", c.Field)
}

func typed(p *clientlib.Parsed, c *Conflict) (syncproto.Value, bool) {
	if c.comp == syncproto.Personal {
		return p.Personal.Get(c.num)
	}
	switch {
	case c.num == syncproto.ActivityResult && p.Result != "":
		return syncproto.TextValue(p.Result), true
	case c.num == syncproto.ActivityOccurred && p.Occurred.Year != 0:
		return syncproto.DateValue(p.Occurred), true
	}
	return p.Operational.Get(c.num)
}

// fieldProblem names the fields that do not fit, never their values.
func fieldProblem(err error) error {
	fields, ok := errors.AsType[clientlib.FieldErrors](err)
	if !ok {
		return err
	}
	var parts []string
	for _, f := range fields {
		parts = append(parts, f.Field+": "+f.EN)
	}
	return syncproto.Errorf(syncproto.CodeInvalidInput, "%s", strings.Join(parts, "; "))
}

// carryOut notes what is to be settled, writes the changes and notes them. After
// a crash in between the note has no changes; Undo finds them by the record.
func (s *Service) carryOut(ctx context.Context, v Viewer, batch uuid.UUID, list []*planned) ([]Settling, error) {
	rows := make([]store.Settlement, len(list))
	var drafts []ownlog.Draft
	for i, p := range list {
		id, err := s.newID()
		if err != nil {
			return nil, err
		}
		c := &p.conflict
		rows[i] = store.Settlement{ID: id, Batch: batch, Record: c.Record, Unit: c.Unit, Compartment: c.comp, Field: c.num,
			Name: c.Field, How: p.how, Actor: v.Actor, AtMS: s.cfg.Now().UnixMilli()}
		drafts = append(drafts, p.drafts...)
	}
	if err := s.put(ctx, rows); err != nil {
		return nil, err
	}
	event := audit.Event{Actor: v.Actor, Action: audit.ConflictSettled, Object: list[0].conflict.Record.String(), Unit: list[0].conflict.Unit, Count: len(list)}
	if err := s.cfg.Audit.Write(ctx, event); err != nil {
		return nil, err
	}
	entries, err := s.cfg.Write(ctx, drafts)
	if err != nil && !errors.Is(err, ownlog.ErrNotSubmitted) {
		return nil, err
	}
	for i, p := range list {
		rows[i].Changes = refsOf(entries[:p.own])
		entries = entries[len(p.drafts):]
	}
	out := make([]Settling, len(rows))
	for i := range rows {
		out[i] = view(&rows[i])
	}
	return out, errors.Join(err, s.put(ctx, rows))
}

func refsOf(entries []changelog.Entry) []syncproto.Ref {
	out := make([]syncproto.Ref, len(entries))
	for i := range entries {
		e := &entries[i]
		out[i] = syncproto.Ref{Origin: e.Origin, Seq: e.Seq, Open: e.Heads.Open.Prefix()}
	}
	return out
}

func (s *Service) put(ctx context.Context, rows []store.Settlement) error {
	return s.cfg.Update(ctx, func(tx store.Tx) error {
		for i := range rows {
			if err := tx.PutSettlement(rows[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// newID gives an id that sorts by time.
func (s *Service) newID() (uuid.UUID, error) {
	id, err := syncproto.NewEpoch(s.cfg.Now().UnixMilli(), uuid.Nil, s.cfg.Random)
	if err != nil {
		return uuid.Nil, fmt.Errorf("no randomness for an id: %w", err)
	}
	return id, nil
}
