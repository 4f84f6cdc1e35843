package conflicts

import (
	"cmp"
	"context"
	"slices"

	"github.com/google/uuid"

	"thonsync/server/audit"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// Query narrows the queue. Zero fields do not narrow.
type Query struct {
	After  uuid.UUID `json:"after,omitzero"` // records with greater ids
	Limit  int       `json:"limit,omitempty"`
	Unit   string    `json:"unit,omitempty"`
	Field  string    `json:"field,omitempty"`
	Reason string    `json:"reason,omitempty"` // of the suggestion; "none" for no suggestion
	Shape  string    `json:"shape,omitempty"`
	Record uuid.UUID `json:"record,omitzero"` // only this one
}

// QueuePage is a page of the queue.
type QueuePage struct {
	Conflicts []Conflict `json:"conflicts"`
	Next      uuid.UUID  `json:"next,omitzero" doc:"give as after to go on; absent on the last page"`
}

const (
	defaultPage = 50
	maxPage     = 200
	// step is how many records are read at a time.
	step = 200
)

// List gives a page of the queue, by record. Values of personal fields are left
// out: Show has them.
func (s *Service) List(ctx context.Context, v Viewer, q Query) (QueuePage, error) {
	page := QueuePage{Conflicts: []Conflict{}}
	if q.Limit <= 0 {
		q.Limit = defaultPage
	}
	q.Limit = min(q.Limit, maxPage)
	err := s.cfg.View(ctx, func(r store.Reader) error {
		look := newLook(s, r)
		return look.each(v, q, func(rec *store.Record, found []Conflict) (bool, error) {
			for i := range found {
				found[i].hide()
			}
			page.Conflicts = append(page.Conflicts, found...)
			if len(page.Conflicts) >= q.Limit {
				page.Next = rec.ID
				return false, nil
			}
			return true, nil
		})
	})
	return page, err
}

// each calls f for the conflicts of each record that q and v let through, until
// it returns false.
func (l *look) each(v Viewer, q Query, f func(*store.Record, []Conflict) (bool, error)) error {
	for after := q.After; ; {
		list, err := l.r.Conflicts(after, step)
		if err != nil {
			return err
		}
		for i := range list {
			rec := &list[i]
			after = rec.ID
			if q.Record != uuid.Nil && rec.ID != q.Record || !l.s.sees(v, rec.Unit) || q.Unit != "" && !l.s.cfg.Ingest.Definitions().Within(rec.Unit, []string{q.Unit}) {
				continue
			}
			found, err := l.conflicts(rec)
			if err != nil {
				return err
			}
			found = slices.DeleteFunc(found, func(c Conflict) bool { return !q.fits(&c) })
			if len(found) == 0 {
				continue
			}
			if more, err := f(rec, found); err != nil || !more {
				return err
			}
		}
		if len(list) < step {
			return nil
		}
	}
}

func (q *Query) fits(c *Conflict) bool {
	reason := cmp.Or(string(c.Reason), "none")
	return (q.Field == "" || q.Field == c.Field) && (q.Reason == "" || q.Reason == reason) && (q.Shape == "" || q.Shape == c.Shape)
}

// hide leaves the texts of personal values out.
func (c *Conflict) hide() {
	if c.comp != syncproto.Personal {
		return
	}
	c.Hidden = true
	for i := range c.Values {
		c.Values[i].Text, c.Values[i].LabelVI, c.Values[i].LabelEN = "", "", ""
	}
}

// ContestedRecord is one record with everything that is contested, and what was settled.
type ContestedRecord struct {
	Conflicts []Conflict  `json:"conflicts"`
	Questions []AskedBack `json:"questions"`
	Settled   []Settling  `json:"settled"`
}

// Show gives one record. Where the viewer may see personal values and any is
// contested, that they are shown is in the access log before they are.
func (s *Service) Show(ctx context.Context, v Viewer, id uuid.UUID) (ContestedRecord, error) {
	out := ContestedRecord{Conflicts: []Conflict{}, Questions: []AskedBack{}, Settled: []Settling{}}
	personal, unit := false, ""
	err := s.cfg.View(ctx, func(r store.Reader) error {
		rec, ok, err := r.Record(id)
		if err != nil || !ok || !s.sees(v, rec.Unit) || rec.Collection == syncproto.CollectionQuestion {
			return cmp.Or(err, error(errGone))
		}
		unit = rec.Unit
		l := newLook(s, r)
		if out.Conflicts, err = l.conflicts(&rec); err != nil {
			return err
		}
		if out.Questions, err = l.questions(rec.ID); err != nil {
			return err
		}
		rows, err := r.SettlementsOf(id)
		for i := range rows {
			out.Settled = append(out.Settled, view(&rows[i]))
		}
		for i := range out.Conflicts {
			if c := &out.Conflicts[i]; c.comp == syncproto.Personal && v.Personal {
				personal = true
				l.name(c)
			} else {
				c.hide()
			}
		}
		return err
	})
	if err == nil && personal {
		err = s.cfg.Audit.Write(ctx, audit.Event{Actor: v.Actor, Action: audit.View, Object: id.String(), Unit: unit, Count: 1})
	}
	if err != nil {
		return ContestedRecord{}, err
	}
	return out, nil
}

// ShapeCount is conflicts of one shape.
type ShapeCount struct {
	Shape   string   `json:"shape"`
	Count   int      `json:"count"`
	Example Conflict `json:"example"`
}

// QueueSummary counts the queue.
type QueueSummary struct {
	Records int          `json:"records"`
	Fields  int          `json:"fields"`
	Groups  []ShapeCount `json:"groups" doc:"of conflicts that can be settled alike, the largest first"`
}

// Summary counts what is in the queue by shape.
func (s *Service) Summary(ctx context.Context, v Viewer, q Query) (QueueSummary, error) {
	out := QueueSummary{Groups: []ShapeCount{}}
	at := map[string]int{}
	err := s.cfg.View(ctx, func(r store.Reader) error {
		return newLook(s, r).each(v, q, func(_ *store.Record, found []Conflict) (bool, error) {
			out.Records++
			for i := range found {
				c := &found[i]
				out.Fields++
				k, ok := at[c.Shape]
				if !ok {
					c.hide()
					k, at[c.Shape] = len(out.Groups), len(out.Groups)
					out.Groups = append(out.Groups, ShapeCount{Shape: c.Shape, Example: *c})
				}
				out.Groups[k].Count++
			}
			return true, nil
		})
	})
	slices.SortStableFunc(out.Groups, func(a, b ShapeCount) int { return cmp.Compare(b.Count, a.Count) })
	return out, err
}

// Settling is something that was settled.
type Settling struct {
	ID       uuid.UUID `json:"id"`
	Batch    uuid.UUID `json:"batch"`
	Record   uuid.UUID `json:"record"`
	Unit     string    `json:"unit"`
	Field    string    `json:"field"`
	How      string    `json:"how" enum:"chosen,typed,alike"`
	Actor    string    `json:"actor"`
	AtMS     int64     `json:"at_ms"`
	UndoneBy string    `json:"undone_by,omitempty"`
	UndoneMS int64     `json:"undone_ms,omitempty"`
}

func view(s *store.Settlement) Settling {
	return Settling{s.ID, s.Batch, s.Record, s.Unit, s.Name, s.How, s.Actor, s.AtMS, s.UndoneBy, s.UndoneMS}
}

// Settled lists what was settled, newest first, before an id.
func (s *Service) Settled(ctx context.Context, v Viewer, before uuid.UUID, limit int) ([]Settling, error) {
	if limit <= 0 {
		limit = defaultPage
	}
	limit = min(limit, maxPage)
	out := []Settling{}
	err := s.cfg.View(ctx, func(r store.Reader) error {
		for len(out) < limit {
			rows, err := r.Settlements(before, step)
			if err != nil {
				return err
			}
			for i := range rows {
				before = rows[i].ID
				if len(out) < limit && s.sees(v, rows[i].Unit) {
					out = append(out, view(&rows[i]))
				}
			}
			if len(rows) < step {
				return nil
			}
		}
		return nil
	})
	return out, err
}
