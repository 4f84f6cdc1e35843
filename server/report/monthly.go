package report

import (
	"cmp"
	"context"
	_ "embed"
	"html/template"
	"io"
	"slices"

	"github.com/google/uuid"

	"thonsync/syncproto"
)

var (
	//go:embed monthly.html
	monthlyPage string
	//go:embed table.html
	tablePage string

	monthlyTemplate = template.Must(template.New("monthly").Parse(monthlyPage))
	tableTemplate   = template.Must(template.New("table").Parse(tablePage))
)

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

// lateLine is what a kind gained and lost after publication.
type lateLine struct {
	Name            string
	Late, Withdrawn int
}

// turned is a team of which something else is known now.
type turned struct{ Village, Was, Now, Reasons string }

// monthly is what the page shows: the published figures where there are any,
// with what came later apart, else the present ones.
type monthly struct {
	Month, Unit, Complete, Made string
	Open                        bool // the month is not over
	Criteria                    Criteria
	Total                       *Sum
	Units                       []unitLine
	Kinds                       []kindLine
	Teams                       []teamLine
	Published                   *Published
	Late                        []lateLine
	Turned                      []turned
}

// Monthly writes the page of one unit and month, to be printed and signed.
func (s *Service) Monthly(ctx context.Context, unit, month string, criteria *Criteria, w io.Writer) error {
	if _, _, err := monthBounds(month); err != nil {
		return err
	}
	if now := ThisMonth(s.Now()); month > now {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "month %s has not begun: the newest is %s", month, now)
	}
	f, err := s.Figures(ctx, Query{Unit: unit, Month: month, Criteria: criteria})
	if err != nil {
		return err
	}
	return monthlyTemplate.Execute(w, f.monthly())
}

func (f *Figures) monthly() *monthly {
	month := f.Query.Month
	m := &monthly{
		Month: month[5:] + "/" + month[:4], Unit: "toàn bộ địa bàn", Complete: f.completeness().VI, Open: f.MadeAt.Before(f.To),
		Made: f.MadeAt.In(zone).Format("15:04 " + dayForm), Criteria: f.Criteria, Published: f.Published,
	}
	if f.Query.Unit != "" {
		m.Unit = f.unitName(f.Query.Unit)
	}
	told, reasons := f, func(t *Team) string { return f.Reasons(t).VI }
	if p := f.Published; p != nil {
		told, m.Complete, m.Criteria = p.figures(f), p.Complete.VI, p.Criteria
		why := map[uuid.UUID]string{}
		for i := range p.Teams {
			why[p.Teams[i].ID] = p.Teams[i].Reasons.VI
		}
		reasons = func(t *Team) string { return why[t.ID] }
		m.Late, m.Turned = f.late(told), f.turned(told)
	}
	m.show(told, reasons)
	return m
}

func (m *monthly) show(f *Figures, reasons func(*Team) string) {
	m.Total = &Sum{}
	for _, t := range f.Teams {
		m.Total.add(t)
	}
	for _, s := range f.Sums() {
		if u, _ := f.defs.Unit(s.Unit); u.Level != levelVillage && s.Unit != f.Query.Unit {
			m.Units = append(m.Units, unitLine{f.unitName(s.Unit), s})
		}
	}
	m.Kinds = f.kindLines()
	if len(f.Teams) > maxTeamLines {
		return
	}
	for _, t := range f.sortedTeams() {
		m.Teams = append(m.Teams, teamLine{
			f.unitName(t.Unit), verdictWords[t.Verdict].VI, reasons(t), t.Activities, t.ActiveMembers, t.Members, t.PhonesHeard, t.Phones,
		})
	}
}

// kindLines sums the cells by kind, most frequent first.
func (f *Figures) kindLines() []kindLine {
	byKind := f.totals()
	out := make([]kindLine, 0, len(byKind))
	for code, n := range byKind {
		out = append(out, kindLine{f.kindName(code).VI, *n})
	}
	slices.SortFunc(out, func(a, b kindLine) int {
		return cmp.Or(cmp.Compare(b.Activities, a.Activities), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// late compares the present figures with the published ones, kind by kind.
func (f *Figures) late(told *Figures) []lateLine {
	now := f.totals()
	was := told.totals()
	for code := range was {
		if now[code] == nil {
			now[code] = &Count{}
		}
	}
	var out []lateLine
	for code, n := range now {
		old := was[code]
		if old == nil {
			old = &Count{}
		}
		if l := (lateLine{f.kindName(code).VI, n.lateSince(old), n.Void - old.Void}); l.Late != 0 || l.Withdrawn != 0 {
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b lateLine) int { return cmp.Or(cmp.Compare(b.Late, a.Late), cmp.Compare(a.Name, b.Name)) })
	return out
}

// turned lists teams whose verdict would be another one now.
func (f *Figures) turned(told *Figures) (out []turned) {
	was := map[uuid.UUID]Verdict{}
	for _, t := range told.Teams {
		was[t.ID] = t.Verdict
	}
	for _, t := range f.sortedTeams() {
		if old, ok := was[t.ID]; ok && old != t.Verdict && len(out) < maxTeamLines {
			out = append(out, turned{f.unitName(t.Unit), verdictWords[old].VI, verdictWords[t.Verdict].VI, f.Reasons(t).VI})
		}
	}
	return out
}

// WriteHTML writes the table as a page of its own, to be printed.
func (t *Table) WriteHTML(w io.Writer, lang string) error {
	head, rows, numeric := t.grid(lang)
	notes := make([]string, len(t.Notes))
	for i, n := range t.Notes {
		notes[i] = n.In(lang)
	}
	return tableTemplate.Execute(w, map[string]any{
		"Lang": lang, "Title": t.title(lang), "Head": head, "Rows": rows, "Numeric": numeric, "Notes": notes,
	})
}
