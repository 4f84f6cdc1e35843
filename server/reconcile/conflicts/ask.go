package conflicts

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"thonsync/server/audit"
	"thonsync/server/ingest"
	"thonsync/server/ownlog"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// TeamQuestion is a question to the team that wrote a record.
type TeamQuestion struct {
	Record uuid.UUID `json:"record"`
	Field  string    `json:"field" maxLength:"64" doc:"name of the field; void for the retraction"`
	Asks   string    `json:"asks" enum:"which,right,happened"`
}

// Ask sends a question down to the team's phones. Asking the same again while it
// is open sends nothing new. The field need not be contested.
func (s *Service) Ask(ctx context.Context, v Viewer, in TeamQuestion) (AskedBack, error) {
	if s.cfg.Write == nil {
		return AskedBack{}, syncproto.Errorf(syncproto.CodeInvalidInput, "questions are sent from the centre: ask there")
	}
	if !slices.Contains(syncproto.AskChoices, in.Asks) {
		return AskedBack{}, syncproto.Errorf(syncproto.CodeInvalidInput, "a question asks which, right or happened: free text could name a person")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, unit, err := s.open(ctx, v, in)
	if err != nil || q.ID != uuid.Nil {
		return q, err
	}
	if err := s.cfg.Audit.Write(ctx, audit.Event{Actor: v.Actor, Action: audit.TeamAsked, Object: in.Record.String(), Unit: unit}); err != nil {
		return q, err
	}
	entries, err := s.cfg.Write(ctx, []ownlog.Draft{{
		Header: syncproto.Header{Collection: syncproto.CollectionQuestion, Op: syncproto.OpCreate},
		Operational: syncproto.NewRow(
			syncproto.Field{Num: syncproto.FieldUnit, Value: syncproto.TextValue(unit)},
			syncproto.Field{Num: syncproto.QuestionRecord, Value: syncproto.UUIDValue(in.Record)},
			syncproto.Field{Num: syncproto.QuestionField, Value: syncproto.TextValue(in.Field)},
			syncproto.Field{Num: syncproto.QuestionAsks, Value: syncproto.TextValue(in.Asks)},
		),
	}})
	if err != nil && !errors.Is(err, ownlog.ErrNotSubmitted) {
		return q, err
	}
	return AskedBack{ID: entries[0].Record, Record: in.Record, Field: in.Field, Asks: in.Asks, AskedMS: s.cfg.Now().UnixMilli(), Answers: []TeamAnswer{}}, err
}

// open checks what is asked about and finds the same question, if it is open.
func (s *Service) open(ctx context.Context, v Viewer, in TeamQuestion) (same AskedBack, unit string, err error) {
	err = s.cfg.View(ctx, func(r store.Reader) error {
		rec, ok, err := r.Record(in.Record)
		if err != nil || !ok || !rec.Exists || rec.Erased || !s.sees(v, rec.Unit) || rec.Collection != syncproto.CollectionActivity {
			return errors.Join(err, errGone)
		}
		unit = rec.Unit
		if !s.hasField(&rec, in.Field) {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "the record has no field of that name: ask about one that `thonsync conflict show` names, or about void")
		}
		asked, err := newLook(s, r).questions(in.Record)
		for _, q := range asked {
			if q.Field == in.Field && q.Asks == in.Asks && !q.Settled && len(q.Answers) == 0 {
				same = q
			}
		}
		return err
	})
	return same, unit, err
}

func (s *Service) hasField(rec *store.Record, name string) bool {
	if name == syncproto.RetractionField {
		return true
	}
	coll, _ := syncproto.CollectionOf(rec.Collection)
	if _, ok := coll.FieldByName(name); ok {
		return true
	}
	kind, ok := s.cfg.Ingest.Definitions().Kind(rec.Kind)
	if ok {
		_, ok = kind.FieldByName(name)
	}
	return ok
}

// stateDraft sets the state of a question.
func stateDraft(id uuid.UUID, state syncproto.Value) ownlog.Draft {
	return ownlog.Draft{
		Header:      syncproto.Header{Collection: syncproto.CollectionQuestion, Op: syncproto.OpSet, Record: id},
		Operational: syncproto.NewRow(syncproto.Field{Num: syncproto.QuestionState, Value: state}),
	}
}

// questions reads what was asked about a record, oldest first.
func (l *look) questions(record uuid.UUID) ([]AskedBack, error) {
	out := []AskedBack{}
	q := store.RecordQuery{Collection: syncproto.CollectionQuestion, Kind: record.String(), ExistsOnly: true}
	err := l.r.EachRecord(q, func(rec store.Record) error {
		if rec.Void {
			return nil
		}
		asked, err := l.question(&rec)
		out = append(out, asked)
		return err
	})
	return out, err
}

func (l *look) question(rec *store.Record) (AskedBack, error) {
	row, err := ingest.Shown(rec)
	if err != nil {
		return AskedBack{}, err
	}
	q := AskedBack{
		ID: rec.ID, Record: row.Value(syncproto.QuestionRecord).UUID(), Field: row.Value(syncproto.QuestionField).Text(),
		Asks: row.Value(syncproto.QuestionAsks).Text(), AskedMS: rec.StampMS, Answers: []TeamAnswer{},
		Settled: row.Value(syncproto.QuestionState).Text() == syncproto.StateSettled,
	}
	m, err := l.s.cfg.Ingest.Merged(l.r, rec)
	if err != nil {
		return q, err
	}
	for _, v := range m.State.At(syncproto.Operational, syncproto.QuestionAnswer) {
		for _, id := range v.By {
			c, err := l.change(m, id)
			if err != nil {
				return q, err
			}
			q.Answers = append(q.Answers, TeamAnswer{v.Value.Text(), c.Author, c.Phone, c.EarliestMS, c.LatestMS})
		}
	}
	return q, nil
}
