package main

import (
	"fmt"
	"os"

	"github.com/google/uuid"

	"thonsync/server"
	"thonsync/server/report"
	"thonsync/syncproto"
)

type overviewCmd struct {
	Unit   string `placeholder:"LIST:CODE" help:"Only this unit and what lies in it."`
	Grain  string `enum:"month,week" default:"month" help:"Trend by month or by week."`
	Points int    `default:"12" help:"How many months or weeks."`
}

// Run prints the overview.
func (c overviewCmd) Run(a *app) error {
	o, err := server.OverviewCommand.Run(a.ctx, a.cfg, a.quiet(), server.OverviewRequest{Unit: c.Unit, Grain: c.Grain, Points: c.Points})
	if err != nil {
		return err
	}
	return a.show(o, func() {
		t := o.Total
		a.say("%d of %d teams work (%d%%), %d do not, of %d it is not known. %s", t.Working, t.Teams, percent(t.Working, t.Teams), t.NotWorking, t.NotKnown, o.Complete.EN)
		for _, p := range o.Trend {
			a.say("  %-10s %4d of %4d work (%3d%%), %6d activities", p.Label, p.Working, p.Teams, percent(p.Working, p.Teams), p.Activities)
		}
		for i, u := range o.Communes {
			if i == 0 {
				a.say("Fewest teams working:")
			}
			if i < 5 {
				a.say("  %s (%s): %d of %d", u.Name, u.Unit, u.Working, u.Teams)
			}
		}
		for _, s := range o.Steps {
			a.say("%4d teams: %s", s.Teams, s.Text.EN)
		}
	})
}

func percent(n, of int) int { return n * 100 / max(of, 1) }

type unitCmd struct {
	Unit  string `arg:"" optional:"" placeholder:"LIST:CODE" help:"The unit; the units at the top by default."`
	Month string `placeholder:"YYYY-MM" help:"A month; by default the criteria's period until today."`
}

// Run prints the unit.
func (c unitCmd) Run(a *app) error {
	v, err := server.UnitCommand.Run(a.ctx, a.cfg, a.quiet(), server.UnitRequest{Unit: c.Unit, Month: c.Month})
	if err != nil {
		return err
	}
	return a.show(v, func() {
		a.say("%s: %d of %d teams work, %d do not, of %d it is not known.", v.Total.Name, v.Total.Working, v.Total.Teams, v.Total.NotWorking, v.Total.NotKnown)
		for _, u := range v.Below {
			a.say("  %-30s %-22s %4d of %4d work", u.Name, u.Unit, u.Working, u.Teams)
		}
		for _, t := range v.Teams {
			a.say("  %s  %-25s %-12s %s", t.ID, t.Village, t.VerdictText.EN, t.Reasons.EN)
			if t.Step != report.NoStep {
				a.say("  %36s  next: %s", "", t.Next.EN)
			}
		}
	})
}

type teamCmd struct {
	ID string `arg:"" help:"The team's id, as thonsync unit and the reports give it."`
}

// Run prints the team.
func (c teamCmd) Run(a *app) error {
	id, err := uuid.Parse(c.ID)
	if err != nil {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "%q is no id: copy it from `thonsync unit LIST:CODE`", c.ID)
	}
	v, err := server.TeamCommand.Run(a.ctx, a.cfg, a.quiet(), server.TeamRequest{ID: id})
	if err != nil {
		return err
	}
	return a.show(v, func() {
		a.say("%s, %s: %s. %s", v.Name, v.CommuneName, v.VerdictText.EN, v.Reasons.EN)
		if v.Step != report.NoStep {
			a.say("Next: %s.", v.Next.EN)
		}
		a.say("%d activities of %d kinds by %d of %d members; %d of %d phones heard of.", v.Activities, v.TeamLine.Kinds, v.ActiveMembers, v.Members, v.PhonesHeard, v.Phones)
		for _, p := range v.Trend {
			a.say("  %s %-12s %d activities", p.Label, p.Verdict, p.Activities)
		}
	})
}

type criteriaCmd struct {
	Show criteriaShow `cmd:"" default:"1" help:"Show the criteria that hold now, and all that ever held."`
	Set  criteriaSet  `cmd:"" help:"Set criteria from a day on."`
}

type criteriaShow struct{}

// Run prints the criteria.
func (criteriaShow) Run(a *app) error {
	s, err := server.CriteriaCommand.Run(a.ctx, a.cfg, a.quiet(), server.None{})
	if err != nil {
		return err
	}
	return a.show(s, func() {
		for _, c := range s.History {
			mark := " "
			if c == s.Now {
				mark = "*"
			}
			a.say("%s from %s: %s, version %d: in %d days at least %d activities of %d kinds by %d members; phones heard of within %d days",
				mark, c.ValidFrom, c.ID, c.Version, c.PeriodDays, c.MinActivities, c.MinKinds, c.MinActiveMembers, c.MaxDaysSinceSync)
		}
	})
}

type criteriaSet struct {
	File string `arg:"" type:"existingfile" help:"JSON: id, version, valid_from, period_days, min_activities, min_kinds, min_active_members, max_days_since_sync."`
}

// Run sets the criteria.
func (c criteriaSet) Run(a *app) error {
	b, err := os.ReadFile(c.File)
	if err != nil {
		return fmt.Errorf("reading the criteria: %w", err)
	}
	parsed, err := report.ParseCriteria(b)
	if err != nil {
		return err
	}
	if _, err := server.CriteriaSetCommand.Run(a.ctx, a.cfg, a.quiet(), parsed); err != nil {
		return err
	}
	return a.show(parsed, func() {
		a.say("Criteria %s, version %d, hold from %s on. Months that began earlier are judged by those before.", parsed.ID, parsed.Version, parsed.ValidFrom)
	})
}

type targetCmd struct {
	List targetList `cmd:"" default:"1" help:"List targets with progress."`
	Set  targetSet  `cmd:"" help:"Set a target; one of the same unit, measure and first day is replaced. Many at once: thonsync import targets FILE."`
}

type targetList struct {
	Unit string `placeholder:"LIST:CODE" help:"Only this unit and what lies in it."`
}

// Run prints the targets.
func (c targetList) Run(a *app) error {
	list, err := server.TargetsCommand.Run(a.ctx, a.cfg, a.quiet(), server.UnitRequest{Unit: c.Unit})
	if err != nil {
		return err
	}
	return a.show(list, func() {
		if len(list) == 0 {
			a.say("No targets are set: thonsync target set LIST:CODE MEASURE VALUE --from DAY --to DAY")
		}
		for _, p := range list {
			a.say("%-25s %-30s %s to %s: %d of %d (%d%%, %d%% of the time is over)", p.Name, p.Words.EN, p.From, p.To, p.Have, p.Value, p.Percent, p.Elapsed)
		}
	})
}

type targetSet struct {
	Unit    string `arg:"" help:"The unit, as LIST:CODE."`
	Measure string `arg:"" help:"The code of a kind, activities for all kinds, or working for the percentage of working teams."`
	Value   int    `arg:"" help:"What is to be reached."`
	From    string `required:"" placeholder:"YYYY-MM-DD" help:"First day."`
	To      string `required:"" placeholder:"YYYY-MM-DD" help:"Last day."`
}

// Run sets the target.
func (c targetSet) Run(a *app) error {
	t := report.Target{Unit: c.Unit, Measure: c.Measure, Value: c.Value, From: c.From, To: c.To}
	if _, err := server.TargetSetCommand.Run(a.ctx, a.cfg, a.quiet(), t); err != nil {
		return err
	}
	return a.show(t, func() { a.say("Target set: %s, %s, %d from %s to %s.", t.Unit, t.Measure, t.Value, t.From, t.To) })
}

type projectionCmd struct {
	Verify  projectionVerify  `cmd:"" default:"1" help:"Prove that what reports count ahead is what the records say."`
	Rebuild projectionRebuild `cmd:"" help:"Count everything anew from the records."`
}

type projectionVerify struct{}

// Run proves.
func (projectionVerify) Run(a *app) error { return a.projection(server.ProjectionVerify) }

type projectionRebuild struct{}

// Run counts anew.
func (projectionRebuild) Run(a *app) error { return a.projection(server.ProjectionRebuild) }

func (a *app) projection(command server.Command[server.None, server.ProjectionState]) error {
	st, err := command.Run(a.ctx, a.cfg, a.quiet(), server.None{})
	if err != nil {
		return err
	}
	err = a.show(st, func() {
		if st.Exact {
			a.say("What reports count ahead is exactly what the records say.")
		}
		for _, d := range st.Differences {
			a.say("  %s", d)
		}
	})
	if err == nil && !st.Exact {
		return syncproto.Errorf(syncproto.CodeInternal, "what reports count ahead differs from the records: run `thonsync projection rebuild`")
	}
	return err
}
