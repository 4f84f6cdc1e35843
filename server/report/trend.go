package report

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"thonsync/syncproto"
)

// The grains of a trend.
const (
	ByMonth = "month"
	ByWeek  = "week"
)

// Point says how many teams worked at the end of a month or week: in the period
// of the criteria that held then, which ends there, by what is known today.
type Point struct {
	Label      string `json:"label" doc:"YYYY-MM, or the last day of the week"`
	From       string `json:"from" doc:"first day judged, YYYY-MM-DD"`
	To         string `json:"to" doc:"last day judged"`
	Teams      int    `json:"teams"`
	Working    int    `json:"working"`
	NotWorking int    `json:"not_working"`
	NotKnown   int    `json:"not_known"`
	Activities int    `json:"activities" doc:"of the teams, in the period"`
	Criteria   string `json:"criteria" doc:"id and version"`
}

// maxPoints bounds a trend.
const maxPoints = 60

// ends gives the last days of n grains, the present one last, which ends today.
func ends(today time.Time, grain string, n int) ([]time.Time, error) {
	if n < 1 || n > maxPoints {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "a trend has 1 to %d points", maxPoints)
	}
	out := make([]time.Time, n)
	for i := range out {
		back := n - 1 - i
		switch grain {
		case ByWeek:
			out[i] = today.AddDate(0, 0, -7*back)
		case ByMonth:
			if out[i] = today; back > 0 {
				out[i] = time.Date(today.Year(), today.Month()-time.Month(back)+1, 0, 0, 0, 0, 0, zone)
			}
		default:
			return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "a trend is by %s or by %s", ByMonth, ByWeek)
		}
	}
	return out, nil
}

// at gives figures of the same teams and phones for the criteria's period that
// ends on a day, still without what was done.
func (f *Figures) at(end time.Time) *Figures {
	g := &Figures{
		Query: f.Query, Criteria: inForce(f.history, end), MadeAt: f.MadeAt, defs: f.defs, team: f.team, Phones: f.Phones, byPhone: f.byPhone,
		Cells: map[Cell]*Count{}, byTeam: make(map[uuid.UUID]*Team, len(f.Teams)), Teams: make([]*Team, 0, len(f.Teams)),
	}
	if f.Query.Criteria != nil {
		g.Criteria = *f.Query.Criteria
	}
	g.To = end.AddDate(0, 0, 1)
	g.From = g.To.AddDate(0, 0, -g.Criteria.PeriodDays)
	for _, t := range f.Teams {
		g.addTeam(&Team{ID: t.ID, Unit: t.Unit, Commune: t.Commune, Name: t.Name, Members: t.Members, Trained: t.Trained})
	}
	return g
}

func (f *Figures) point(grain string) Point {
	last := f.To.AddDate(0, 0, -1)
	p := Point{Label: last.Format(time.DateOnly), From: f.From.Format(time.DateOnly), To: last.Format(time.DateOnly),
		Criteria: fmt.Sprintf("%s %d", f.Criteria.ID, f.Criteria.Version)}
	if grain == ByMonth {
		p.Label = monthOf(last)
	}
	for _, t := range f.Teams {
		p.Teams++
		p.Activities += t.Activities
		switch t.Verdict {
		case Working:
			p.Working++
		case NotWorking:
			p.NotWorking++
		default:
			p.NotKnown++
		}
	}
	return p
}

// trend gives the points of periods in order. It begins with the first period in
// which anything was done: before, nobody could have worked, and a share of zero
// would say that nobody did.
func trend(list []*Figures, grain string) []Point {
	points := make([]Point, 0, len(list))
	for i, g := range list {
		if p := g.point(grain); len(points) > 0 || p.Activities > 0 || i == len(list)-1 {
			points = append(points, p)
		}
	}
	return points
}

// TrendQuery asks for a trend.
type TrendQuery struct {
	Unit   string
	Grain  string // ByMonth by default
	Points int    // 12 by default
}

// Trend gives how many teams worked over time.
func (s *Service) Trend(ctx context.Context, q TrendQuery) (points []Point, err error) {
	if q.Grain == "" {
		q.Grain = ByMonth
	}
	if q.Points == 0 {
		q.Points = 12
	}
	err = s.view(ctx, Query{Unit: q.Unit}, func(r Reader, f *Figures) error {
		list, err := f.over(r, q.Grain, q.Points)
		points = trend(list, q.Grain)
		return err
	})
	return points, err
}

// over gathers figures for n periods, the present one last.
func (f *Figures) over(r Reader, grain string, n int) ([]*Figures, error) {
	days, err := ends(startOfDay(f.MadeAt.In(zone)), grain, n)
	if err != nil {
		return nil, err
	}
	list := make([]*Figures, n)
	for i, end := range days {
		list[i] = f.at(end)
		list[i].verdicts = i < n-1
	}
	if err := readWork(r, list...); err != nil {
		return nil, err
	}
	for _, g := range list {
		g.judge()
	}
	return list, nil
}
