package report

import (
	"context"
	"fmt"
	"strings"
	"time"

	"thonsync/syncproto"
)

// The names of the reports.
const (
	Teams      = "teams"
	Coverage   = "coverage"
	Activities = "activities"
	Custody    = "custody"
	Phones     = "phones"
	Communes   = "communes"
	Trend      = "trend"
	Targets    = "targets"
	Trainings  = "trainings"
)

// maker makes one report of the figures.
type maker struct {
	title Text
	make  func(f *Figures, t *Table)
	work  bool                         // needs what was done, not only who has sent what
	more  func(*Figures, Reader) error // reads what only this report needs
}

var makers = map[string]maker{
	Teams:      {Text{"Tổ nào hoạt động", "Which teams work"}, teamsTable, true, nil},
	Coverage:   {Text{"Tình hình theo đơn vị", "Coverage by unit"}, coverageTable, true, nil},
	Activities: {Text{"Việc đã làm theo loại, xã và tháng", "Activities by kind, commune and month"}, activitiesTable, true, nil},
	Custody:    {Text{"Thay đổi đã nhận, còn thiếu, đang giữ lại", "Changes received, missing and kept apart"}, custodyTable, false, nil},
	Phones:     {Text{"Điện thoại lâu chưa gửi", "Quiet phones"}, phonesTable, false, nil},
	Communes:   {Text{"So sánh các xã", "Comparison of communes"}, communesTable, true, nil},
	Trend:      {Text{"Tổ hoạt động qua các tháng", "Working teams by month"}, trendTable, false, (*Figures).readTrend},
	Targets:    {Text{"Chỉ tiêu và kết quả", "Targets and progress"}, targetsTable, true, (*Figures).readProgress},
	Trainings:  {Text{"Ai đã dự lớp nào", "Who attended which class"}, trainingTable, true, (*Figures).readTraining},
}

// Names lists the reports.
func Names() []string {
	return []string{Teams, Coverage, Communes, Trend, Activities, Targets, Trainings, Custody, Phones}
}

// TitleOf gives a report's title in both languages.
func TitleOf(name string) Text { return makers[name].title }

// Table reads what a report needs and makes it.
func (s *Service) Table(ctx context.Context, name string, q Query) (*Table, error) {
	if err := knownList(s.Definitions(), q.List); err != nil {
		return nil, err
	}
	m := makers[name]
	var more []func(*Figures, Reader) error
	if m.more != nil {
		more = append(more, m.more)
	}
	f, err := s.gather(ctx, q, m.work, more...)
	if err != nil {
		return nil, err
	}
	return f.Table(name)
}

// Table makes one report.
func (f *Figures) Table(name string) (*Table, error) {
	m, ok := makers[name]
	if !ok {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "no report is called %q: choose one of %s", name, strings.Join(Names(), ", "))
	}
	t := &Table{Name: name, TitleVI: m.title.VI, TitleEN: m.title.EN, MadeAtMS: f.MadeAt.UnixMilli(), Rows: [][]any{}}
	m.make(f, t)
	f.whole(t)
	return t, nil
}

// whole says how much of the work the figures rest on.
func (f *Figures) whole(t *Table) {
	t.Notes = append(t.Notes, f.completeness())
	if first := f.From.Format(time.DateOnly); first < f.Criteria.ValidFrom {
		t.note("Tiêu chí %s chỉ có hiệu lực từ %s.", "Criteria %s are valid from %s on only.", f.Criteria.ID, f.Criteria.ValidFrom)
	}
	if p := f.Published; p != nil {
		t.note("Số liệu tháng %s đã công bố ngày %s: %d việc; %d tổ hoạt động, %d chưa hoạt động, %d chưa rõ.",
			"The figures of %s were published on %s: %d activities; %d teams working, %d not working, %d not known.",
			p.Month, p.Day(), p.Activities, p.Working, p.NotWorking, p.NotKnown)
	}
}

// completeness says how much is missing.
func (f *Figures) completeness() Text {
	var sum Sum
	for _, t := range f.Teams {
		sum.add(t)
	}
	from, to := f.From.Format(dayForm), f.To.AddDate(0, 0, -1).Format(dayForm)
	return Text{
		fmt.Sprintf("Từ %s đến %s. Nghe tin từ %d/%d điện thoại (không quá %d ngày trước); còn thiếu %d thay đổi, %d chưa gửi, %d đang giữ lại. Tiêu chí %s, bản %d.",
			from, to, sum.PhonesHeard, sum.Phones, f.Criteria.MaxDaysSinceSync, sum.Missing, sum.Waiting, sum.Quarantined, f.Criteria.ID, f.Criteria.Version),
		fmt.Sprintf("%s to %s. %d of %d phones heard of (at most %d days before); %d changes missing, %d not sent yet, %d kept apart. Criteria %s, version %d.",
			from, to, sum.PhonesHeard, sum.Phones, f.Criteria.MaxDaysSinceSync, sum.Missing, sum.Waiting, sum.Quarantined, f.Criteria.ID, f.Criteria.Version),
	}
}

const dayForm = "02/01/2006"

func (f *Figures) unitName(key string) string {
	u, ok := f.defs.Unit(key)
	if !ok {
		return key
	}
	return strings.TrimSpace(u.Type + " " + u.Name)
}

func (f *Figures) kindName(code string) Text {
	k, ok := f.defs.Kind(code)
	switch {
	case !ok:
		return Text{code, code}
	case k.NameEN == "":
		return Text{k.NameVI, k.NameVI}
	}
	return Text{k.NameVI, k.NameEN}
}

func day(ms int64) any {
	if ms == 0 {
		return nil
	}
	return time.UnixMilli(ms).In(zone).Format(time.DateOnly)
}

var verdictWords = map[Verdict]Text{
	Working: {"hoạt động", "working"}, NotWorking: {"chưa hoạt động", "not working"}, NotKnown: {"chưa rõ", "not known"},
}

// VerdictText gives the word for a verdict.
func VerdictText(v Verdict) Text { return verdictWords[v] }

var criterionWords = map[string]Text{
	"activities": {"việc", "activities"}, "kinds": {"loại việc", "kinds"}, "active-members": {"người ghi việc", "active members"},
}

// Reasons says why a verdict is what it is, in both languages.
func (f *Figures) Reasons(t *Team) Text {
	var vi, en []string
	say := func(v, e string, args ...any) {
		vi, en = append(vi, fmt.Sprintf(v, args...)), append(en, fmt.Sprintf(e, args...))
	}
	switch {
	case t.Why == NoPhone:
		say("chưa có điện thoại nào tham gia", "no phone has joined")
	case t.Why == NotHeard && t.HeardMS == 0:
		say("chưa nghe tin lần nào", "nothing heard yet")
	case t.Why == NotHeard:
		say("chưa nghe tin từ ngày %[1]s", "nothing heard since %[1]s", time.UnixMilli(t.HeardMS).In(zone).Format(dayForm))
	}
	for _, cause := range t.Causes {
		switch cause {
		case QuietPhone:
			say("mới nghe tin từ %d/%d máy", "only %d of %d phones heard of", t.PhonesHeard, t.Phones)
		case NamedGap:
			say("còn thiếu %d thay đổi", "%d changes missing", t.Missing)
		case StillOn:
			say("%d thay đổi chưa gửi", "%d changes not sent yet", t.Waiting)
		case Quarantined:
			say("%d thay đổi đang giữ lại", "%d changes kept apart", t.Quarantined)
		}
	}
	for _, x := range t.Failing {
		n := criterionWords[x.Criterion]
		vi = append(vi, fmt.Sprintf("%s %d/%d", n.VI, x.Have, x.Need))
		en = append(en, fmt.Sprintf("%s %d of %d", n.EN, x.Have, x.Need))
	}
	return Text{strings.Join(vi, "; "), strings.Join(en, "; ")}
}
