package reorganise

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"thonsync/server/ownlog"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// Placement asks for one thing of a split commune to be placed; an empty To takes
// its placement back.
type Placement struct {
	Subject string `json:"subject"`
	To      string `json:"to"`
}

// maxPlacements bounds one request.
const maxPlacements = 500

// Place puts villages, teams and points of split communes where they went, all or
// none of the villages and teams. A village keeps its key: it gets another parent
// and takes its team, phones and records along. With unit only what a commune in
// that unit had can be placed; the rest is hidden.
func (s *Service) Place(ctx context.Context, id uuid.UUID, unit string, list []Placement, actor string) (Reorganisation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(list) == 0 || len(list) > maxPlacements {
		return Reorganisation{}, syncproto.Errorf(syncproto.CodeInvalidInput, "name what to place: at least one and at most %d at once", maxPlacements)
	}
	p := &placing{s: s, id: id, unit: unit, actor: actor}
	err := s.cfg.View(ctx, func(r store.Reader) error {
		o, err := s.load(r, id)
		if err != nil {
			return err
		}
		if o.row.State != Applied {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "reorganisation %s is %s: only one that was applied has something to place", id, o.row.State)
		}
		return p.prepare(r, o, list)
	})
	if err != nil {
		return Reorganisation{}, err
	}
	if err := p.carryOut(ctx); err != nil {
		return Reorganisation{}, err
	}
	return s.Get(ctx, id)
}

// placing is a request to place things on its way.
type placing struct {
	s     *Service
	id    uuid.UUID
	unit  string
	actor string

	edits  []edit         // of what is placed
	backs  []ownlog.Draft // of what is taken back
	gone   []uuid.UUID    // records whose notes go with that
	points []ToBePlaced   // to be moved
	rows   []store.Placement
	drop   []string // subjects
}

func (p *placing) prepare(r store.Reader, o *opened, list []Placement) error {
	items, err := p.s.items(r, o)
	if err != nil {
		return err
	}
	notes, err := r.Reorganised(o.row.ID)
	if err != nil {
		return err
	}
	have, err := units(r)
	if err != nil {
		return err
	}
	for n, in := range list {
		i := slices.IndexFunc(items, func(it ToBePlaced) bool { return it.Subject == in.Subject })
		if i < 0 || p.unit != "" && !o.defs.Within(items[i].From, []string{p.unit}) {
			return syncproto.Errorf(syncproto.CodeScope, "%s is nothing that this reorganisation has to place: `thonsync reorganise queue` lists it", in.Subject)
		}
		if slices.ContainsFunc(list[:n], func(x Placement) bool { return x.Subject == in.Subject }) {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "%s is named twice", in.Subject)
		}
		it := items[i]
		if in.To != "" && !slices.ContainsFunc(it.Candidates, func(c PlaceCandidate) bool { return c.Unit == in.To }) {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "%s went to none of the parts of %s: choose one of %s", in.Subject, it.From, strings.Join(keys(it.Candidates), ", "))
		}
		if in.To == it.To {
			continue
		}
		h, err := p.recordOf(r, &it, have)
		if err != nil {
			return err
		}
		if err := p.add(&it, in.To, &h, notes); err != nil {
			return err
		}
	}
	return nil
}

func keys(list []PlaceCandidate) []string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = list[i].Unit
	}
	return out
}

// recordOf finds the record of a village or team.
func (p *placing) recordOf(r store.Reader, it *ToBePlaced, have map[string]held) (held, error) {
	switch it.Kind {
	case KindVillage:
		return have[it.Subject], nil
	case KindTeam:
		id, err := uuid.Parse(strings.TrimPrefix(it.Subject, teamPrefix))
		if err != nil {
			return held{}, err
		}
		rec, _, err := r.Record(id)
		if err != nil {
			return held{}, err
		}
		return heldOf(&rec)
	}
	return held{}, nil
}

func (p *placing) add(it *ToBePlaced, to string, h *held, notes []store.Reorganised) error {
	if to == "" {
		p.drop = append(p.drop, it.Subject)
	} else {
		p.rows = append(p.rows, store.Placement{
			Reorganisation: p.id, Subject: it.Subject, From: it.From, To: to, Before: strings.Join(it.units, "\n"), Actor: p.actor, AtMS: p.s.cfg.Now().UnixMilli(),
		})
	}
	switch {
	case it.Kind == KindPoint:
		moved := *it
		moved.To = to
		p.points = append(p.points, moved)
		return nil
	case to == "":
		return p.takeBack(h, notes)
	}
	want := syncproto.Row{text(syncproto.FieldUnit, to)}
	if it.Kind == KindVillage {
		want = syncproto.Row{
			text(syncproto.UnitParent, to), text(syncproto.UnitFormer, formers(h, it.From)),
			{Num: syncproto.UnitReorganisation, Value: syncproto.UUIDValue(p.id)},
		}
	}
	p.edits = append(p.edits, edit{*h, h.collection, want})
	return nil
}

// formers adds the commune that a village leaves to those that it left before.
func formers(h *held, from string) string {
	list := strings.Fields(h.row.Value(syncproto.UnitFormer).Text())
	if !slices.Contains(list, from) {
		list = append(list, from)
	}
	return strings.Join(list, "\n")
}

func (p *placing) takeBack(h *held, notes []store.Reorganised) error {
	i := slices.IndexFunc(notes, func(n store.Reorganised) bool { return n.Record == h.id })
	if i < 0 {
		return nil
	}
	set, mine, err := restoring(&notes[i], h)
	if err != nil {
		return err
	}
	if !mine {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "record %s was changed by somebody else since it was placed: import its list again instead", h.id)
	}
	if len(set) > 0 {
		e := edit{*h, h.collection, set}
		p.backs = append(p.backs, e.draft())
	}
	p.gone = append(p.gone, h.id)
	return nil
}

// carryOut writes. A point is moved before its placement is noted, so that after
// a crash it stands in the queue again.
func (p *placing) carryOut(ctx context.Context) error {
	if len(p.backs) > 0 {
		if _, err := p.s.cfg.Write(ctx, p.backs); err != nil {
			return err
		}
	}
	for i := range p.points {
		if err := p.s.place1(ctx, &p.points[i], p.id); err != nil {
			return err
		}
	}
	return p.s.write(ctx, p.id, p.edits, func(tx store.Tx) error {
		for _, row := range p.rows {
			if err := tx.PutPlacement(row); err != nil {
				return err
			}
		}
		for _, record := range p.gone {
			if err := tx.DeleteReorganised(p.id, record); err != nil {
				return err
			}
		}
		for _, subject := range p.drop {
			if err := tx.DeletePlacement(p.id, subject); err != nil {
				return err
			}
		}
		return nil
	})
}

// place1 gives a point its new units: those it had before anything was placed,
// with the new one. It keeps the old commune, so that a phone that never heard of
// the reorganisation can deliver there.
func (s *Service) place1(ctx context.Context, it *ToBePlaced, id uuid.UUID) error {
	units := it.units
	err := s.cfg.View(ctx, func(r store.Reader) error {
		list, err := r.Placements(id)
		for _, p := range list {
			if p.Subject == it.Subject && p.Before != "" {
				units = strings.Fields(p.Before)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	if it.To != "" && !slices.Contains(units, it.To) {
		units = append(slices.Clone(units), it.To)
	}
	return s.movePoint(ctx, it.Subject, units)
}

func (s *Service) movePoint(ctx context.Context, subject string, units []string) error {
	origin, ok := strings.CutPrefix(subject, pointPrefix)
	if !ok || len(units) == 0 {
		return nil
	}
	id, err := uuid.Parse(origin)
	if err != nil {
		return err
	}
	return s.cfg.MovePoint(ctx, id, units)
}
