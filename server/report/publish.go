package report

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"thonsync/syncproto"
)

// Published is what was told of a month, frozen. Later arrivals do not change
// it; they are shown apart.
type Published struct {
	Unit       string          `json:"unit"` // "" for the whole scope
	Month      string          `json:"month"`
	AtMS       int64           `json:"at_ms"`
	Criteria   Criteria        `json:"criteria"`
	Activities int             `json:"activities"`
	Working    int             `json:"working"`
	NotWorking int             `json:"not_working"`
	NotKnown   int             `json:"not_known"`
	Complete   Text            `json:"complete"` // how complete the data were
	Cells      []PublishedCell `json:"cells"`
	Teams      []PublishedTeam `json:"teams"`
}

// PublishedCell is what was told of one kind in one commune.
type PublishedCell struct {
	Cell
	Count
}

// PublishedTeam is what was told of one team.
type PublishedTeam struct {
	ID            uuid.UUID `json:"id"`
	Unit          string    `json:"unit"`
	Verdict       Verdict   `json:"verdict"`
	Reasons       Text      `json:"reasons"`
	Activities    int       `json:"activities"`
	ActiveMembers int       `json:"active_members"`
	Members       int       `json:"members"`
	Phones        int       `json:"phones"`
	PhonesHeard   int       `json:"phones_heard"`
}

// Day gives the day of publication, as people in Vietnam write it.
func (p *Published) Day() string { return time.UnixMilli(p.AtMS).In(zone).Format(dayForm) }

func (p *Published) count(c Cell) Count {
	for i := range p.Cells {
		if p.Cells[i].Cell == c {
			return p.Cells[i].Count
		}
	}
	return Count{}
}

// figures gives what was published in the form of figures, to be shown the same
// way.
func (p *Published) figures(now *Figures) *Figures {
	f := &Figures{Query: now.Query, Criteria: p.Criteria, From: now.From, To: now.To, MadeAt: now.MadeAt, defs: now.defs, Cells: map[Cell]*Count{}}
	for i := range p.Cells {
		f.Cells[p.Cells[i].Cell] = &p.Cells[i].Count
	}
	for i := range p.Teams {
		t := &p.Teams[i]
		f.Teams = append(f.Teams, &Team{
			ID: t.ID, Unit: t.Unit, Judgement: Judgement{Verdict: t.Verdict}, Activities: t.Activities,
			ActiveMembers: t.ActiveMembers, Members: t.Members, Phones: t.Phones, PhonesHeard: t.PhonesHeard,
		})
	}
	return f
}

// lateSince counts what was received since: activities, whether they still
// stand or were retracted. It is below zero where work turned out to belong to
// another month.
func (c *Count) lateSince(was *Count) int {
	return c.Activities + c.Void - was.Activities - was.Void
}

func publishedKey(unit, month string) string { return "published/" + unit + "/" + month }

func (f *Figures) readPublished(r Reader) error {
	if f.Query.Month == "" {
		return nil
	}
	b, ok, err := r.Meta(publishedKey(f.Query.Unit, f.Query.Month))
	if err != nil || !ok {
		return err
	}
	if f.Published, err = parsePublished(b); err == nil {
		f.Published.relist(f.defs)
	}
	return err
}

func parsePublished(b []byte) (*Published, error) {
	p := &Published{}
	if err := json.Unmarshal(b, p); err != nil {
		return nil, fmt.Errorf("what was published is not readable: restore the last backup: %w", err)
	}
	return p, nil
}

// Publish freezes the figures of a unit and month. A month is published once;
// asking again gives what was published.
func (s *Service) Publish(ctx context.Context, unit, month string, criteria *Criteria) (*Published, error) {
	if _, _, err := monthBounds(month); err != nil {
		return nil, err
	}
	f, err := s.Figures(ctx, Query{Unit: unit, Month: month, Criteria: criteria})
	if err != nil || f.Published != nil {
		return f.publishedOrNil(), err
	}
	if f.MadeAt.Before(f.To) {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "month %s is not over: publish it when it is", month)
	}
	b, err := json.Marshal(f.freeze())
	if err != nil {
		return nil, err
	}
	if b, err = s.Source.KeepFirst(ctx, publishedKey(unit, month), b); err != nil {
		return nil, err
	}
	return parsePublished(b)
}

func (f *Figures) publishedOrNil() *Published {
	if f == nil {
		return nil
	}
	return f.Published
}

func (f *Figures) freeze() *Published {
	p := &Published{
		Unit: f.Query.Unit, Month: f.Query.Month, AtMS: f.MadeAt.UnixMilli(), Criteria: f.Criteria, Complete: f.completeness(),
		Cells: []PublishedCell{}, Teams: []PublishedTeam{},
	}
	for _, c := range f.cells() {
		p.Cells = append(p.Cells, PublishedCell{c, f.count(c)})
		p.Activities += f.count(c).Activities
	}
	var sum Sum
	for _, t := range f.sortedTeams() {
		sum.add(t)
		p.Teams = append(p.Teams, PublishedTeam{
			ID: t.ID, Unit: t.Unit, Verdict: t.Verdict, Reasons: f.Reasons(t), Activities: t.Activities,
			ActiveMembers: t.ActiveMembers, Members: t.Members, Phones: t.Phones, PhonesHeard: t.PhonesHeard,
		})
	}
	p.Working, p.NotWorking, p.NotKnown = sum.Working, sum.NotWorking, sum.NotKnown
	return p
}
