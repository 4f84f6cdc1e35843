package report

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"html/template"
	"io"
	"slices"
	"time"

	"thonsync/server/store"
	"thonsync/syncproto"
)

//go:embed monthly.html
var monthlyPage string

var monthlyTemplate = template.Must(template.New("monthly").Parse(monthlyPage))

// maxTeamLines is how many teams one page lists; a larger unit is reported by
// its parts.
const maxTeamLines = 60

type unitLine struct {
	Name string
	*Sum
}

type kindLine struct {
	Name string
	Count
}

type teamLine struct {
	Village, Verdict, Reasons                        string
	Activities, Active, Members, PhonesHeard, Phones int
}

// Published is what was told of a month, frozen: later arrivals do not change
// it, they are counted apart.
type Published struct {
	Unit       string         `json:"unit"`
	Month      string         `json:"month"`
	AtMS       int64          `json:"at_ms"`
	Activities int            `json:"activities"`
	Kinds      map[string]int `json:"kinds"`
	Working    int            `json:"working"`
	NotWorking int            `json:"not_working"`
	NotKnown   int            `json:"not_known"`
}

// Day gives the day of publication.
func (p *Published) Day() string { return time.UnixMilli(p.AtMS).In(zone).Format("02/01/2006") }

type monthly struct {
	Month, Unit, Complete, Made string
	Total                       *Sum
	Units                       []unitLine
	Kinds                       []kindLine
	Teams                       []teamLine
	Published                   *Published
	Late                        int
}

// month gives the query for one calendar month.
func month(unit, text string, criteria *Criteria) (Query, error) {
	first, err := time.ParseInLocation("2006-01", text, zone)
	if err != nil {
		return Query{}, syncproto.Errorf(syncproto.CodeInvalidInput, "%q is no month: write it as YYYY-MM", text)
	}
	last := first.AddDate(0, 1, -1)
	return Query{Unit: unit, From: first.Format(time.DateOnly), To: last.Format(time.DateOnly), Criteria: criteria}, nil
}

// Monthly writes the page of one unit and month, to be printed and signed.
func (s *Service) Monthly(ctx context.Context, unit, text string, criteria *Criteria, w io.Writer) error {
	q, err := month(unit, text, criteria)
	if err != nil {
		return err
	}
	f, err := s.Figures(ctx, q)
	if err != nil {
		return err
	}
	p, err := s.published(ctx, unit, text)
	if err != nil {
		return err
	}
	return monthlyTemplate.Execute(w, f.monthly(text, p))
}

func (f *Figures) monthly(text string, p *Published) *monthly {
	m := &monthly{
		Month: text[5:] + "/" + text[:4], Unit: "toàn tỉnh", Complete: f.completeness().VI,
		Made: f.MadeAt.In(zone).Format("15:04 02/01/2006"), Total: &Sum{}, Published: p,
	}
	if f.Query.Unit != "" {
		m.Unit = f.unitName(f.Query.Unit)
	}
	for _, t := range f.Teams {
		m.Total.add(t)
	}
	for _, s := range f.Sums() {
		if u, _ := f.defs.Unit(s.Unit); u.Level != "village" && s.Unit != f.Query.Unit {
			m.Units = append(m.Units, unitLine{f.unitName(s.Unit), s})
		}
	}
	m.Kinds = f.kindLines()
	total := 0
	for _, k := range m.Kinds {
		total += k.Activities
	}
	if p != nil {
		m.Late = total - p.Activities
	}
	if len(f.Teams) <= maxTeamLines {
		teams := slices.Clone(f.Teams)
		slices.SortFunc(teams, func(a, b *Team) int { return cmp.Compare(a.Unit, b.Unit) })
		for _, t := range teams {
			m.Teams = append(m.Teams, teamLine{
				f.unitName(t.Unit), verdictWords[t.Verdict].VI, f.Reasons(t).VI, t.Activities, t.ActiveMembers, t.Members, t.PhonesHeard, t.Phones,
			})
		}
	}
	return m
}

// kindLines sums the cells by kind, most frequent first.
func (f *Figures) kindLines() []kindLine {
	sums := map[string]*Count{}
	for c, n := range f.Cells {
		s := sums[c.Kind]
		if s == nil {
			s = &Count{}
			sums[c.Kind] = s
		}
		s.Activities, s.Straddling, s.Void, s.Quarantined = s.Activities+n.Activities, s.Straddling+n.Straddling, s.Void+n.Void, s.Quarantined+n.Quarantined
	}
	var out []kindLine
	for code, n := range sums {
		name := code
		if k, ok := f.defs.Kind(code); ok {
			name = k.NameVI
		}
		out = append(out, kindLine{name, *n})
	}
	slices.SortFunc(out, func(a, b kindLine) int {
		return cmp.Or(cmp.Compare(b.Activities, a.Activities), cmp.Compare(a.Name, b.Name))
	})
	return out
}

func publishedKey(unit, month string) string { return "published/" + unit + "/" + month }

// Publish freezes the figures of a month. A month is published once; asking
// again gives what was published.
func (s *Service) Publish(ctx context.Context, unit, text string, criteria *Criteria) (*Published, error) {
	q, err := month(unit, text, criteria)
	if err != nil {
		return nil, err
	}
	if p, err := s.published(ctx, unit, text); err != nil || p != nil {
		return p, err
	}
	f, err := s.Figures(ctx, q)
	if err != nil {
		return nil, err
	}
	if s.Now().Before(f.To) {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "month %s is not over: publish it when it is", text)
	}
	p := &Published{Unit: unit, Month: text, AtMS: s.Now().UnixMilli(), Kinds: map[string]int{}}
	for c, n := range f.Cells {
		p.Activities += n.Activities
		p.Kinds[c.Kind] += n.Activities
	}
	var total Sum
	for _, t := range f.Teams {
		total.add(t)
	}
	p.Working, p.NotWorking, p.NotKnown = total.Working, total.NotWorking, total.NotKnown
	b, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	return p, s.Store.Update(ctx, func(tx store.Tx) error { return tx.SetMeta(publishedKey(unit, text), b) })
}

func (s *Service) published(ctx context.Context, unit, text string) (p *Published, err error) {
	err = s.Store.View(ctx, func(r store.Reader) error {
		b, ok, err := r.Meta(publishedKey(unit, text))
		if err != nil || !ok {
			return err
		}
		p = &Published{}
		return json.Unmarshal(b, p)
	})
	return p, err
}
