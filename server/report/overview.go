package report

import (
	"cmp"
	"context"
	"slices"

	"thonsync/syncproto"
)

// UnitLine is a unit with what its teams add up to.
type UnitLine struct {
	Unit        string `json:"unit" doc:"list:code"`
	Name        string `json:"name"`
	Level       string `json:"level"`
	Teams       int    `json:"teams"`
	Working     int    `json:"working"`
	NotWorking  int    `json:"not_working"`
	NotKnown    int    `json:"not_known"`
	Activities  int    `json:"activities"`
	Members     int    `json:"members"`
	Phones      int    `json:"phones"`
	PhonesHeard int    `json:"phones_heard" doc:"heard of in time"`
	Waiting     int    `json:"waiting" doc:"changes still on phones"`
	Missing     uint64 `json:"missing" doc:"changes that may exist and have not arrived"`
	Quarantined uint64 `json:"quarantined" doc:"changes kept apart until something is settled"`
}

func (f *Figures) line(s *Sum) UnitLine {
	u, _ := f.defs.Unit(s.Unit)
	return UnitLine{
		Unit: s.Unit, Name: f.unitName(s.Unit), Level: u.Level, Teams: s.Teams, Working: s.Working, NotWorking: s.NotWorking, NotKnown: s.NotKnown,
		Activities: s.Activities, Members: s.Members, Phones: s.Phones, PhonesHeard: s.PhonesHeard, Waiting: s.Waiting, Missing: s.Missing,
		Quarantined: s.Quarantined,
	}
}

// worse orders units by how many of their teams work, the fewest first.
func (l *UnitLine) worse(o *UnitLine) int {
	return cmp.Or(cmp.Compare(l.Working*max(o.Teams, 1), o.Working*max(l.Teams, 1)), cmp.Compare(o.Teams-o.Working, l.Teams-l.Working), cmp.Compare(l.Unit, o.Unit))
}

// StepCount says how many teams need a step next.
type StepCount struct {
	Step  Step `json:"step"`
	Text  Text `json:"text"`
	Teams int  `json:"teams"`
}

// KindCount says how often something was done.
type KindCount struct {
	Kind       string `json:"kind"`
	Name       Text   `json:"name"`
	Activities int    `json:"activities"`
	Straddling int    `json:"straddling" doc:"of these, those whose month is not certain"`
	Void       int    `json:"void" doc:"retracted, not counted"`
}

// Overview answers first of all how many teams work, and how that has changed.
type Overview struct {
	Unit     string      `json:"unit" doc:"empty for all that this server holds"`
	Name     string      `json:"name"`
	MadeAtMS int64       `json:"made_at_ms"`
	From     string      `json:"from" doc:"first day judged, YYYY-MM-DD"`
	To       string      `json:"to" doc:"last day judged"`
	Criteria Criteria    `json:"criteria" doc:"those that hold now"`
	Total    UnitLine    `json:"total"`
	Trend    []Point     `json:"trend" doc:"the oldest first; the last is today"`
	Communes []UnitLine  `json:"communes" doc:"the one with the smallest share of working teams first"`
	Steps    []StepCount `json:"steps" doc:"what would help, and how many teams"`
	Kinds    []KindCount `json:"kinds" doc:"what was done in the period, the most frequent first"`
	Targets  []Progress  `json:"targets" doc:"of this unit and the units in it that run today"`
	Complete Text        `json:"complete" doc:"how complete the data are"`
}

// Overview reads what is counted ahead, never the records.
func (s *Service) Overview(ctx context.Context, q TrendQuery) (o *Overview, err error) {
	if q.Points == 0 {
		q.Points = 12
	}
	grain := cmp.Or(q.Grain, ByMonth)
	err = s.view(ctx, Query{Unit: q.Unit}, func(r Reader, f *Figures) error {
		list, err := f.over(r, grain, q.Points)
		if err != nil {
			return err
		}
		now := list[len(list)-1]
		o = now.overview()
		o.Trend = trend(list, grain)
		targets, err := now.readTargets(r)
		if err != nil {
			return err
		}
		running := slices.DeleteFunc(targets, func(t Target) bool { return t.From > o.To || t.To < o.To })
		o.Targets, err = now.progress(r, running)
		return err
	})
	return o, err
}

func (f *Figures) overview() *Overview {
	o := &Overview{
		Unit: f.Query.Unit, Name: f.unitName(f.Query.Unit), MadeAtMS: f.MadeAt.UnixMilli(), Criteria: f.Criteria,
		From: f.From.Format("2006-01-02"), To: f.To.AddDate(0, 0, -1).Format("2006-01-02"),
		Trend: []Point{}, Communes: []UnitLine{}, Steps: []StepCount{}, Kinds: []KindCount{}, Complete: f.completeness(),
	}
	total, steps := &Sum{Unit: f.Query.Unit}, map[Step]int{}
	for _, t := range f.Teams {
		total.add(t)
		if step := t.NextStep(); step != NoStep {
			steps[step]++
		}
	}
	o.Total = f.line(total)
	for _, s := range f.Sums() {
		if u, _ := f.defs.Unit(s.Unit); u.Level == levelCommune {
			o.Communes = append(o.Communes, f.line(s))
		}
	}
	slices.SortFunc(o.Communes, func(a, b UnitLine) int { return a.worse(&b) })
	for _, step := range Steps() {
		if steps[step] > 0 {
			o.Steps = append(o.Steps, StepCount{step, stepWords[step], steps[step]})
		}
	}
	for code, n := range f.totals() {
		o.Kinds = append(o.Kinds, KindCount{code, f.kindName(code), n.Activities, n.Straddling, n.Void})
	}
	slices.SortFunc(o.Kinds, func(a, b KindCount) int {
		return cmp.Or(cmp.Compare(b.Activities, a.Activities), cmp.Compare(a.Kind, b.Kind))
	})
	return o
}

// TeamLine is a team with its verdict and what would help it.
type TeamLine struct {
	*Team
	Village     string `json:"village"`
	VerdictText Text   `json:"verdict_text"`
	Reasons     Text   `json:"reasons"`
	Step        Step   `json:"step"`
	Next        Text   `json:"next" doc:"the step in words"`
}

func (f *Figures) teamLine(t *Team) TeamLine {
	step := t.NextStep()
	return TeamLine{Team: t, Village: f.unitName(t.Unit), VerdictText: verdictWords[t.Verdict], Reasons: f.Reasons(t), Step: step, Next: stepWords[step]}
}

// UnitView is one unit with those directly below it.
type UnitView struct {
	Total    UnitLine   `json:"total"`
	Path     []UnitRef  `json:"path" doc:"the units above, the highest first, as far as the caller may see them"`
	Below    []UnitLine `json:"below" doc:"units directly below that have teams, the one with the smallest share of working teams first"`
	Teams    []TeamLine `json:"teams" doc:"the teams of a commune or village"`
	Strays   int        `json:"strays" doc:"activities here of teams of elsewhere or of none"`
	Criteria Criteria   `json:"criteria"`
	From     string     `json:"from"`
	To       string     `json:"to"`
	Complete Text       `json:"complete"`
}

// UnitRef names a unit.
type UnitRef struct {
	Unit  string `json:"unit"`
	Name  string `json:"name"`
	Level string `json:"level"`
}

// Unit gives a unit with what lies directly below it; for "" the units at the
// top. Month narrows the period to one month.
func (s *Service) Unit(ctx context.Context, unit, month string) (*UnitView, error) {
	f, err := s.Figures(ctx, Query{Unit: unit, Month: month})
	if err != nil {
		return nil, err
	}
	v := &UnitView{
		Path: f.path(unit), Below: []UnitLine{}, Teams: []TeamLine{}, Strays: f.Strays, Criteria: f.Criteria,
		From: f.From.Format("2006-01-02"), To: f.To.AddDate(0, 0, -1).Format("2006-01-02"), Complete: f.completeness(),
	}
	total := &Sum{Unit: unit}
	for _, t := range f.Teams {
		total.add(t)
	}
	v.Total = f.line(total)
	for _, s := range f.Sums() {
		if up := append(f.defs.Ancestors(s.Unit), ""); len(up) > 1 && s.Unit != unit && up[1] == unit {
			v.Below = append(v.Below, f.line(s))
		}
	}
	slices.SortFunc(v.Below, func(a, b UnitLine) int { return a.worse(&b) })
	if f.fine() {
		for _, t := range f.sortedTeams() {
			v.Teams = append(v.Teams, f.teamLine(t))
		}
	}
	return v, nil
}

func (f *Figures) path(unit string) []UnitRef {
	out := []UnitRef{}
	if unit == "" {
		return out
	}
	for _, key := range f.defs.Ancestors(unit)[1:] {
		u, _ := f.defs.Unit(key)
		out = append(out, UnitRef{key, f.unitName(key), u.Level})
	}
	slices.Reverse(out)
	return out
}

// errNoTeam says what a foreign team is told, too.
func errNoTeam() error { return syncproto.Errorf(syncproto.CodeScope, "there is no such team") }
