package conflicts

import (
	"context"

	"github.com/google/uuid"

	"thonsync/server/audit"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// maxAlike bounds how many conflicts are settled in one go, so that a preview can
// be read.
const maxAlike = 500

// AlikeChoice settles conflicts of one shape as a preview showed them: those in
// Of, whose standing values are still the same, each by its suggested value or,
// where there is no suggestion, by the value with the text of value Value in the
// preview's first conflict.
type AlikeChoice struct {
	Shape string `json:"shape" maxLength:"64"`
	Of    []Same `json:"of" maxItems:"500"`
	// Text picks the value where none is suggested; operational fields only.
	Text *string `json:"text,omitempty" maxLength:"200"`
}

// Same names a conflict as it was previewed.
type Same struct {
	Record   uuid.UUID `json:"record"`
	Field    string    `json:"field" maxLength:"64"`
	Standing string    `json:"standing" maxLength:"64"`
}

// Preview lists the conflicts of one shape with their values, for settling them
// alike; that personal values are shown is in the access log first.
func (s *Service) Preview(ctx context.Context, v Viewer, shape string) (QueuePage, error) {
	page := QueuePage{Conflicts: []Conflict{}}
	personal := 0
	err := s.cfg.View(ctx, func(r store.Reader) error {
		l := newLook(s, r)
		return l.each(v, Query{Shape: shape}, func(_ *store.Record, found []Conflict) (bool, error) {
			for i := range found {
				if c := &found[i]; c.comp == syncproto.Personal && v.Personal {
					personal++
					l.name(c)
				} else {
					c.hide()
				}
			}
			page.Conflicts = append(page.Conflicts, found...)
			return len(page.Conflicts) < maxAlike, nil
		})
	})
	if err == nil && personal > 0 {
		err = s.cfg.Audit.Write(ctx, audit.Event{Actor: v.Actor, Action: audit.View, Object: "conflicts", Count: personal})
	}
	if err != nil {
		return QueuePage{}, err
	}
	return page, nil
}

// SettleAlike settles what a preview showed, all in one go. What has changed since
// is left as it is and named.
func (s *Service) SettleAlike(ctx context.Context, v Viewer, in AlikeChoice) (SettleResult, error) {
	out := SettleResult{Settlements: []Settling{}, Skipped: []LeftAsIs{}}
	switch {
	case s.cfg.Write == nil:
		return out, errPoint
	case len(in.Of) == 0:
		return out, syncproto.Errorf(syncproto.CodeInvalidInput, "nothing was named: look at the preview of the shape and send what it lists")
	case len(in.Of) > maxAlike:
		return out, syncproto.Errorf(syncproto.CodeInvalidInput, "at most %d conflicts are settled in one go", maxAlike)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	batch, err := s.newID()
	if err != nil {
		return out, err
	}
	var list []*planned
	done := make(map[Same]bool)
	for _, same := range in.Of {
		if done[same] {
			continue
		}
		done[same] = true
		p, why, err := s.planAlike(ctx, v, &in, same)
		if err != nil {
			return out, err
		}
		if why != "" {
			out.Skipped = append(out.Skipped, LeftAsIs{same.Record, same.Field, why})
			continue
		}
		list = append(list, p)
	}
	if len(list) == 0 {
		out.Already = true
		return out, nil
	}
	out.Settlements, err = s.carryOut(ctx, v, batch, list)
	return out, err
}

// planAlike plans one of the previewed conflicts, or tells why it is left out.
func (s *Service) planAlike(ctx context.Context, v Viewer, in *AlikeChoice, same Same) (p *planned, why string, err error) {
	err = s.cfg.View(ctx, func(r store.Reader) error {
		rec, ok, err := r.Record(same.Record)
		if err != nil {
			return err
		}
		if !ok || !s.sees(v, rec.Unit) {
			return errGone
		}
		l := newLook(s, r)
		found, err := l.conflicts(&rec)
		if err != nil {
			return err
		}
		why = "settled"
		for _, c := range found {
			if c.Field != same.Field {
				continue
			}
			if c.comp == syncproto.Personal && !v.Personal {
				return errGone
			}
			if why = "changed"; c.Shape != in.Shape || c.Standing != same.Standing {
				return nil
			}
			number, err := pick(&c, in.Text)
			if err != nil {
				return err
			}
			why = ""
			p, err = l.draft(&rec, c, SettleChoice{Record: same.Record, Field: same.Field, Value: number})
			if p != nil {
				p.how = Alike
			}
			return err
		}
		return nil
	})
	return p, why, err
}

// pick gives the number of the value that settles one of many.
func pick(c *Conflict, text *string) (int, error) {
	if text == nil {
		if c.Suggested == 0 {
			return 0, syncproto.Errorf(syncproto.CodeInvalidInput, "nothing is suggested for these conflicts: say which value is right")
		}
		return c.Suggested, nil
	}
	for i := range c.Values {
		if c.comp == syncproto.Operational && c.Values[i].Text == *text {
			return c.Values[i].Number, nil
		}
	}
	return 0, syncproto.Errorf(syncproto.CodeInvalidInput, "the conflicts do not all have that value: settle them one by one")
}
