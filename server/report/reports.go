package report

import (
	"cmp"
	"fmt"
	"slices"
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
)

// maker makes one report of the figures.
type maker struct {
	title Text
	make  func(f *Figures) *Table
}

var makers = map[string]maker{
	Teams:      {Text{"Tổ nào hoạt động", "Which teams work"}, teamsTable},
	Coverage:   {Text{"Tình hình theo đơn vị", "Coverage by unit"}, coverageTable},
	Activities: {Text{"Việc đã làm theo loại, xã và tháng", "Activities by kind, commune and month"}, activitiesTable},
	Custody:    {Text{"Thay đổi đã nhận, còn thiếu, đang giữ lại", "Changes received, missing and kept apart"}, custodyTable},
	Phones:     {Text{"Điện thoại lâu chưa gửi", "Quiet phones"}, phonesTable},
}

// Names lists the reports.
func Names() []string { return []string{Teams, Coverage, Activities, Custody, Phones} }

// TitleOf gives a report's title in both languages.
func TitleOf(name string) Text { return makers[name].title }

// Table makes one report.
func (f *Figures) Table(name string) (*Table, error) {
	m, ok := makers[name]
	if !ok {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "no report is called %q: choose one of %s", name, strings.Join(Names(), ", "))
	}
	t := m.make(f)
	t.Name, t.TitleVI, t.TitleEN, t.MadeAtMS = name, m.title.VI, m.title.EN, f.MadeAt.UnixMilli()
	if t.Rows == nil {
		t.Rows = [][]any{}
	}
	t.Notes = append(t.Notes, f.completeness())
	return t, nil
}

// completeness says how much of the work the figures can rest on.
func (f *Figures) completeness() Text {
	phones, heard, waiting := 0, 0, 0
	missing := uint64(0)
	for _, t := range f.Teams {
		phones, heard, waiting, missing = phones+t.Phones, heard+t.PhonesHeard, waiting+t.Waiting, missing+t.Missing
	}
	from, to := f.From.Format("02/01/2006"), f.To.AddDate(0, 0, -1).Format("02/01/2006")
	return Text{
		fmt.Sprintf("Từ %s đến %s. Nghe tin từ %d/%d điện thoại trong %d ngày qua; còn thiếu %d thay đổi, %d thay đổi chưa gửi. Tiêu chí %s, bản %d.",
			from, to, heard, phones, f.Criteria.MaxDaysSinceSync, missing, waiting, f.Criteria.ID, f.Criteria.Version),
		fmt.Sprintf("%s to %s. %d of %d phones heard of in the last %d days; %d changes missing, %d not sent yet. Criteria %s, version %d.",
			from, to, heard, phones, f.Criteria.MaxDaysSinceSync, missing, waiting, f.Criteria.ID, f.Criteria.Version),
	}
}

func (f *Figures) unitName(key string) string {
	u, ok := f.defs.Unit(key)
	if !ok {
		return key
	}
	return strings.TrimSpace(u.Type + " " + u.Name)
}

func day(ms int64) any {
	if ms == 0 {
		return nil
	}
	return time.UnixMilli(ms).In(zone).Format("2006-01-02")
}

var verdictWords = map[Verdict]Text{
	Working: {"hoạt động", "working"}, NotWorking: {"chưa hoạt động", "not working"}, NotKnown: {"chưa rõ", "not known"},
}

// VerdictText gives the word for a verdict.
func VerdictText(v Verdict) Text { return verdictWords[v] }

// Reasons says why a verdict is what it is, in both languages.
func (f *Figures) Reasons(t *Team) Text {
	var vi, en []string
	names := map[string]Text{"activities": {"việc", "activities"}, "kinds": {"loại việc", "kinds"}, "active-members": {"người ghi việc", "active members"}}
	switch t.Why {
	case NoPhone:
		vi, en = append(vi, "chưa có điện thoại nào tham gia"), append(en, "no phone has joined")
	case NotHeard:
		since := "—"
		if t.HeardMS > 0 {
			since = time.UnixMilli(t.HeardMS).In(zone).Format("02/01/2006")
		}
		vi, en = append(vi, "chưa nghe tin từ "+since), append(en, "nothing heard since "+since)
	case Incomplete:
		vi, en = append(vi, "số liệu chưa đủ"), append(en, "data are incomplete")
	}
	for _, x := range t.Failing {
		n := names[x.Criterion]
		vi = append(vi, fmt.Sprintf("%s %d/%d", n.VI, x.Have, x.Need))
		en = append(en, fmt.Sprintf("%s %d of %d", n.EN, x.Have, x.Need))
	}
	return Text{strings.Join(vi, "; "), strings.Join(en, "; ")}
}

func teamsTable(f *Figures) *Table {
	t := &Table{Columns: []Column{
		{"commune", "Xã", "Commune"}, {"village", "Thôn", "Village"}, {"team", "Tổ", "Team"}, {"verdict", "Kết luận", "Verdict"},
		{"reasons_vi", "Lý do", "Reasons (vi)"}, {"reasons_en", "Lý do (en)", "Reasons"}, {"activities", "Số việc", "Activities"}, {"kinds", "Loại việc", "Kinds"},
		{"active_members", "Người ghi", "Active"}, {"members", "Thành viên", "Members"}, {"phones_heard", "Máy có tin", "Phones heard"},
		{"phones", "Máy", "Phones"}, {"missing", "Thiếu", "Missing"}, {"waiting", "Chưa gửi", "Waiting"}, {"heard", "Tin cuối", "Last heard"},
		{"unit", "Mã thôn", "Unit"}, {"team_id", "Mã tổ", "Team id"},
	}}
	teams := slices.Clone(f.Teams)
	slices.SortFunc(teams, func(a, b *Team) int { return cmp.Compare(a.Unit, b.Unit) })
	for _, x := range teams {
		why := f.Reasons(x)
		t.Rows = append(t.Rows, []any{
			f.unitName(x.Commune), f.unitName(x.Unit), x.Name, string(x.Verdict), why.VI, why.EN, x.Activities, x.Kinds,
			x.ActiveMembers, x.Members, x.PhonesHeard, x.Phones, x.Missing, x.Waiting, day(x.HeardMS), x.Unit, x.ID.String(),
		})
	}
	return t
}

// Sum adds up the teams below one unit.
type Sum struct {
	Unit                                     string
	Teams, Working, NotWorking, NotKnown     int
	Activities, Members, Phones, PhonesHeard int
	Waiting                                  int
	Missing                                  uint64
}

func (s *Sum) add(t *Team) {
	s.Teams++
	switch t.Verdict {
	case Working:
		s.Working++
	case NotWorking:
		s.NotWorking++
	default:
		s.NotKnown++
	}
	s.Activities, s.Members, s.Phones, s.PhonesHeard = s.Activities+t.Activities, s.Members+t.Members, s.Phones+t.Phones, s.PhonesHeard+t.PhonesHeard
	s.Waiting, s.Missing = s.Waiting+t.Waiting, s.Missing+t.Missing
}

// Sums rolls the teams up the unit tree: every unit above a team, and the team's
// village, in the order of the tree.
func (f *Figures) Sums() []*Sum {
	byUnit := map[string]*Sum{}
	paths := map[string]string{}
	for _, t := range f.Teams {
		up := f.defs.Ancestors(t.Unit)
		for i, unit := range up {
			if !f.covers(unit) {
				break
			}
			s := byUnit[unit]
			if s == nil {
				s = &Sum{Unit: unit}
				byUnit[unit] = s
				path := slices.Clone(up[i:])
				slices.Reverse(path)
				paths[unit] = strings.Join(path, "/")
			}
			s.add(t)
		}
	}
	out := make([]*Sum, 0, len(byUnit))
	for _, s := range byUnit {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b *Sum) int { return strings.Compare(paths[a.Unit], paths[b.Unit]) })
	return out
}

func coverageTable(f *Figures) *Table {
	t := &Table{Columns: []Column{
		{"level", "Cấp", "Level"}, {"name", "Đơn vị", "Unit"}, {"teams", "Số tổ", "Teams"}, {"working", "Hoạt động", "Working"},
		{"not_working", "Chưa hoạt động", "Not working"}, {"not_known", "Chưa rõ", "Not known"}, {"activities", "Số việc", "Activities"},
		{"members", "Thành viên", "Members"}, {"phones_heard", "Máy có tin", "Phones heard"}, {"phones", "Máy", "Phones"},
		{"missing", "Thiếu", "Missing"}, {"waiting", "Chưa gửi", "Waiting"}, {"unit", "Mã", "Code"},
	}}
	for _, s := range f.Sums() {
		u, _ := f.defs.Unit(s.Unit)
		if u.Level == "village" {
			continue // one team each: the report on teams has them
		}
		t.Rows = append(t.Rows, []any{
			u.Level, f.unitName(s.Unit), s.Teams, s.Working, s.NotWorking, s.NotKnown, s.Activities, s.Members, s.PhonesHeard, s.Phones, s.Missing, s.Waiting, s.Unit,
		})
	}
	return t
}

func activitiesTable(f *Figures) *Table {
	t := &Table{Columns: []Column{
		{"month", "Tháng", "Month"}, {"commune", "Xã", "Commune"}, {"kind", "Loại", "Kind"}, {"kind_name", "Việc", "Name"},
		{"activities", "Số việc", "Activities"}, {"straddling", "Giáp tháng", "Straddling"}, {"void", "Đã rút lại", "Retracted"},
		{"quarantined", "Đang giữ lại", "Kept apart"}, {"unit", "Mã xã", "Unit"},
	}}
	cells := make([]Cell, 0, len(f.Cells))
	for c := range f.Cells {
		cells = append(cells, c)
	}
	slices.SortFunc(cells, func(a, b Cell) int {
		return cmp.Or(cmp.Compare(a.Month, b.Month), cmp.Compare(a.Commune, b.Commune), cmp.Compare(a.Kind, b.Kind))
	})
	straddling := 0
	for _, c := range cells {
		n, name := f.Cells[c], ""
		if k, ok := f.defs.Kind(c.Kind); ok {
			name = k.NameVI
		}
		straddling += n.Straddling
		t.Rows = append(t.Rows, []any{c.Month, f.unitName(c.Commune), c.Kind, name, n.Activities, n.Straddling, n.Void, n.Quarantined, c.Commune})
	}
	t.Notes = append(t.Notes, Text{
		fmt.Sprintf("%d việc có thể thuộc tháng trước: chỉ biết chắc là ghi trước khi xã nhận.", straddling),
		fmt.Sprintf("%d activities may belong to the month before: it is certain only that they were recorded before they arrived.", straddling),
	})
	if f.Strays > 0 {
		t.Notes = append(t.Notes, Text{
			fmt.Sprintf("%d việc của tổ chưa có trong danh sách.", f.Strays),
			fmt.Sprintf("%d activities are of teams that are not in the list.", f.Strays),
		})
	}
	return t
}

func custodyTable(f *Figures) *Table {
	t := &Table{Columns: []Column{
		{"label", "Thiết bị", "Device"}, {"role", "Vai trò", "Role"}, {"unit_name", "Đơn vị", "Unit"}, {"head", "Thay đổi", "Changes"},
		{"outcomes", "Đã nhận", "Outcomes"}, {"missing", "Thiếu", "Missing"}, {"gaps", "Số thiếu", "Missing numbers"}, {"accepted", "Được nhận", "Accepted"},
		{"quarantined", "Giữ lại", "Quarantined"}, {"held", "Tạm giữ", "Held"}, {"forked", "Hai nhánh", "Forked"}, {"erased", "Đã xoá", "Erased"},
		{"refused", "Từ chối", "Refused"}, {"reasons", "Lý do", "Reasons"}, {"repeats", "Gửi lại", "Repeats"}, {"ledger", "Sổ khớp", "Ledger"}, {"origin", "Mã", "Origin"},
	}}
	exact, total := 0, uint64(0)
	for _, p := range f.sorted() {
		var gaps, reasons []string
		for _, g := range p.Missing {
			gaps = append(gaps, fmt.Sprintf("%d-%d", g.First, g.Last))
		}
		for k, n := range p.Counts {
			if strings.Contains(k, ": ") {
				reasons = append(reasons, fmt.Sprintf("%s %d", k, n))
			}
		}
		slices.Sort(reasons)
		ledger := "exact"
		if p.Head != p.Outcomes+p.missing() {
			ledger = "BROKEN"
		} else {
			exact++
		}
		total += p.Outcomes
		t.Rows = append(t.Rows, []any{
			p.Label, p.Role, f.unitName(p.Unit), p.Head, p.Outcomes, p.missing(), strings.Join(gaps, " "), p.Counts["accepted"], p.Counts["quarantined"],
			p.Counts["held"], p.Counts["forked"], p.Counts["erased"], p.Counts["refused"], strings.Join(reasons, "; "), p.Repeats, ledger, p.Origin.String(),
		})
	}
	t.Notes = append(t.Notes, Text{
		fmt.Sprintf("Sổ: %d thay đổi; %d/%d thiết bị có tổng khớp (số cuối = kết quả + số thiếu).", total, exact, len(f.Phones)),
		fmt.Sprintf("Ledger: %d changes; the sum is exact for %d of %d devices (head = outcomes + named gaps).", total, exact, len(f.Phones)),
	})
	return t
}

func (f *Figures) sorted() []*Phone {
	out := slices.Clone(f.Phones)
	slices.SortFunc(out, func(a, b *Phone) int {
		return cmp.Or(cmp.Compare(a.Unit, b.Unit), cmp.Compare(a.Label, b.Label), strings.Compare(a.Origin.String(), b.Origin.String()))
	})
	return out
}

func phonesTable(f *Figures) *Table {
	t := &Table{Columns: []Column{
		{"unit_name", "Đơn vị", "Unit"}, {"label", "Thiết bị", "Device"}, {"role", "Vai trò", "Role"}, {"heard", "Tin cuối", "Last heard"},
		{"days", "Số ngày", "Days"}, {"waiting", "Chưa gửi", "Waiting"}, {"clock_offset_s", "Lệch giờ (giây)", "Clock offset (s)"},
		{"changes", "Thay đổi", "Changes"}, {"origin", "Mã", "Origin"},
	}}
	list := f.sorted()
	slices.SortStableFunc(list, func(a, b *Phone) int { return cmp.Compare(a.HeardMS, b.HeardMS) })
	for _, p := range list {
		if p.Role == "centre" {
			continue
		}
		var days any
		if p.HeardMS > 0 {
			days = int(f.MadeAt.Sub(time.UnixMilli(p.HeardMS)) / (24 * time.Hour))
		}
		t.Rows = append(t.Rows, []any{
			f.unitName(p.Unit), p.Label, p.Role, day(p.HeardMS), days, p.Waiting, p.ClockOffsetMS / 1000, p.Head, p.Origin.String(),
		})
	}
	return t
}
