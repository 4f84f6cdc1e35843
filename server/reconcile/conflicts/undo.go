package conflicts

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"thonsync/server/audit"
	"thonsync/server/ingest"
	"thonsync/server/ownlog"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/merge"
)

// Undo takes settlings back: one by its id, or a whole batch. The log only grows,
// so what takes a settling back is a ruling that holds its changes: a held change
// neither stands nor supersedes, so exactly the former values stand again and the
// conflict is open. Where somebody has written the field since, taking it back
// would contest his value too, so it is refused.
func (s *Service) Undo(ctx context.Context, v Viewer, id uuid.UUID) (SettleResult, error) {
	out := SettleResult{Settlements: []Settling{}, Skipped: []LeftAsIs{}}
	if s.cfg.Write == nil {
		return out, errPoint
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	rows, err := s.undoable(ctx, v, id)
	if err != nil {
		return out, err
	}
	open := 0
	for i := range rows {
		row := &rows[i]
		if row.UndoneMS != 0 {
			continue
		}
		open++
		changed, err := s.undo(ctx, v, row)
		if err != nil {
			return out, err
		}
		if changed {
			out.Skipped = append(out.Skipped, LeftAsIs{row.Record, row.Name, "changed"})
			continue
		}
		out.Settlements = append(out.Settlements, view(row))
	}
	out.Already = open == 0
	if len(rows) == 1 && len(out.Skipped) == 1 {
		return out, syncproto.Errorf(syncproto.CodeInvalidInput, "field %q of record %s was written again after it was settled: write the right value instead of undoing", rows[0].Name, rows[0].Record)
	}
	return out, nil
}

// undoable finds a settling or the settlings of a batch that the viewer may see.
func (s *Service) undoable(ctx context.Context, v Viewer, id uuid.UUID) (rows []store.Settlement, err error) {
	err = s.cfg.View(ctx, func(r store.Reader) error {
		row, ok, err := r.Settlement(id)
		if err != nil {
			return err
		}
		if ok {
			rows = []store.Settlement{row}
		} else if rows, err = batchOf(r, id); err != nil {
			return err
		}
		for i := range rows {
			if !s.sees(v, rows[i].Unit) || rows[i].Compartment == syncproto.Personal && !v.Personal {
				return errGone
			}
		}
		if len(rows) == 0 {
			return errGone
		}
		return nil
	})
	return rows, err
}

// batchOf finds the settlings of a batch. Their ids were made after the batch's,
// in the same moment.
func batchOf(r store.Reader, batch uuid.UUID) (out []store.Settlement, err error) {
	for before := uuid.Nil; ; {
		rows, err := r.Settlements(before, step)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			before = rows[i].ID
			if rows[i].Batch == batch {
				out = append(out, rows[i])
			}
		}
		if len(rows) < step || len(out) > 0 && rows[len(rows)-1].Batch != batch {
			return out, nil
		}
	}
}

// undo holds the changes of one settling; true if somebody has written since.
func (s *Service) undo(ctx context.Context, v Viewer, row *store.Settlement) (changed bool, err error) {
	var refs []syncproto.Ref
	var reopen []ownlog.Draft
	err = s.cfg.View(ctx, func(r store.Reader) error {
		rec, ok, err := r.Record(row.Record)
		if err != nil || !ok {
			return err
		}
		m, err := s.cfg.Ingest.Merged(r, &rec)
		if err != nil {
			return err
		}
		refs = s.settling(m, row)
		l := newLook(s, r)
		asked, err := l.questions(row.Record)
		for _, q := range asked {
			if q.Field == row.Name && q.Settled {
				reopen = append(reopen, stateDraft(q.ID, syncproto.Null()))
			}
		}
		return err
	})
	if err != nil {
		return false, err
	}
	if len(refs) == 0 {
		return true, nil
	}
	event := audit.Event{Actor: v.Actor, Action: audit.ConflictReopened, Object: row.Record.String(), Unit: row.Unit}
	if err := s.cfg.Audit.Write(ctx, event); err != nil {
		return false, err
	}
	for _, ref := range refs {
		if _, err := s.cfg.Rule(ctx, syncproto.Ruling{Kind: syncproto.RulingHold, Target: ref, Unit: row.Unit, Reason: syncproto.ReasonHeld}); err != nil {
			return false, err
		}
	}
	if len(reopen) > 0 {
		if _, err := s.cfg.Write(ctx, reopen); err != nil {
			return false, err
		}
	}
	row.UndoneBy, row.UndoneMS = v.Actor, s.cfg.Now().UnixMilli()
	return false, s.put(ctx, []store.Settlement{*row})
}

// settling gives the changes of a settling if it still decides the field, and
// nothing if somebody has written since.
func (s *Service) settling(m *ingest.Merged, row *store.Settlement) []syncproto.Ref {
	refs := row.Changes
	var stands []merge.ID
	switch {
	case row.Field != 0:
		for _, v := range m.State.At(row.Compartment, row.Field) {
			stands = append(stands, v.By...)
		}
	case m.State.Void:
		stands = m.State.VoidBy
	default:
		stands = m.State.Targets(syncproto.Operational, syncproto.FieldUnit)
	}
	if len(refs) == 0 { // the note of a settling that was interrupted
		for _, id := range stands {
			if s.cfg.Own(id.Origin) {
				refs = append(refs, syncproto.Ref(id))
			}
		}
	}
	for _, id := range stands {
		if !slices.Contains(refs, syncproto.Ref(id)) {
			return nil
		}
	}
	if len(stands) == 0 {
		return nil
	}
	return refs
}
