package report

import (
	"cmp"
	"slices"
	"strings"
)

func teamsTable(f *Figures, t *Table) {
	t.Columns = []Column{
		{"commune", "Xã", "Commune"}, {"village", "Thôn", "Village"}, {"team", "Tổ", "Team"},
		{"verdict", "Kết luận", "Verdict"}, {"verdict_vi", "Kết luận", "Verdict"}, {"verdict_en", "Kết luận", "Verdict"},
		{"reasons_vi", "Lý do", "Reasons"}, {"reasons_en", "Lý do", "Reasons"},
		{"activities", "Số việc", "Activities"}, {"kinds", "Loại việc", "Kinds"}, {"active_members", "Người ghi", "Active"},
		{"members", "Thành viên", "Members"}, {"phones_heard", "Máy có tin", "Phones heard"}, {"phones", "Máy", "Phones"},
		{"missing", "Thiếu", "Missing"}, {"waiting", "Chưa gửi", "Waiting"}, {"quarantined", "Giữ lại", "Kept apart"},
		{"heard", "Tin cuối", "Last heard"}, {"unit", "Mã thôn", "Unit"}, {"team_id", "Mã tổ", "Team id"},
	}
	for _, x := range f.sortedTeams() {
		why, verdict := f.Reasons(x), verdictWords[x.Verdict]
		t.add(f.unitName(x.Commune), f.unitName(x.Unit), x.Name, string(x.Verdict), verdict.VI, verdict.EN, why.VI, why.EN,
			x.Activities, x.Kinds, x.ActiveMembers, x.Members, x.PhonesHeard, x.Phones, x.Missing, x.Waiting, x.Quarantined,
			day(x.HeardMS), x.Unit, x.ID.String())
	}
}

func (f *Figures) sortedTeams() []*Team {
	teams := slices.Clone(f.Teams)
	slices.SortFunc(teams, func(a, b *Team) int {
		return cmp.Or(cmp.Compare(a.Unit, b.Unit), strings.Compare(a.ID.String(), b.ID.String()))
	})
	return teams
}

// Sum adds up the teams below one unit.
type Sum struct {
	Unit                                     string
	Teams, Working, NotWorking, NotKnown     int
	Activities, Members, Phones, PhonesHeard int
	Waiting                                  int
	Missing, Quarantined                     uint64
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
	s.Waiting, s.Missing, s.Quarantined = s.Waiting+t.Waiting, s.Missing+t.Missing, s.Quarantined+t.Quarantined
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

const (
	levelCommune = "commune"
	levelVillage = "village"
)

var levelWords = map[string]Text{
	"province": {"Tỉnh", "Province"}, "district": {"Huyện", "District"}, "commune": {"Xã", "Commune"}, levelVillage: {"Thôn", "Village"},
}

// fine tells whether villages are to be listed one by one: where the question
// is about one commune.
func (f *Figures) fine() bool { return f.Query.Unit != "" && f.defs.Commune(f.Query.Unit) != "" }

func coverageTable(f *Figures, t *Table) {
	t.Columns = []Column{
		{"level", "Cấp", "Level"}, {"level_vi", "Cấp", "Level"}, {"level_en", "Cấp", "Level"}, {"name", "Đơn vị", "Unit"},
		{"teams", "Số tổ", "Teams"}, {"working", "Hoạt động", "Working"}, {"not_working", "Chưa hoạt động", "Not working"},
		{"not_known", "Chưa rõ", "Not known"}, {"activities", "Số việc", "Activities"}, {"members", "Thành viên", "Members"},
		{"phones_heard", "Máy có tin", "Phones heard"}, {"phones", "Máy", "Phones"}, {"missing", "Thiếu", "Missing"},
		{"waiting", "Chưa gửi", "Waiting"}, {"quarantined", "Giữ lại", "Kept apart"}, {"unit", "Mã", "Code"},
	}
	for _, s := range f.Sums() {
		u, _ := f.defs.Unit(s.Unit)
		if u.Level == levelVillage && !f.fine() {
			continue // one team each: the report on teams has them
		}
		level := levelWords[u.Level]
		t.add(u.Level, level.VI, level.EN, f.unitName(s.Unit), s.Teams, s.Working, s.NotWorking, s.NotKnown, s.Activities, s.Members,
			s.PhonesHeard, s.Phones, s.Missing, s.Waiting, s.Quarantined, s.Unit)
	}
	f.noteStrays(t)
}

func (f *Figures) noteStrays(t *Table) {
	if f.Strays > 0 {
		t.note("Ngoài ra có %d việc ở đây của tổ nơi khác hoặc tổ chưa có trong danh sách.",
			"Besides, %d activities here are of teams of elsewhere or of teams that are not in the list.", f.Strays)
	}
}

func activitiesTable(f *Figures, t *Table) {
	t.Columns = []Column{
		{"month", "Tháng", "Month"}, {"commune", "Xã", "Commune"}, {"kind", "Loại", "Kind"},
		{"kind_vi", "Việc", "Kind"}, {"kind_en", "Việc", "Kind"},
		{"activities", "Số việc", "Activities"}, {"straddling", "Giáp tháng", "Straddling"}, {"void", "Đã rút lại", "Retracted"},
		{"quarantined", "Đang giữ lại", "Kept apart"},
	}
	if f.Published != nil {
		t.Columns = append(t.Columns, Column{"published", "Đã công bố", "Published"},
			Column{"late", "Nhận sau", "Received later"}, Column{"withdrawn", "Rút sau", "Retracted later"})
	}
	t.Columns = append(t.Columns, Column{"unit", "Mã xã", "Unit"})
	straddling := 0
	for _, c := range f.cells() {
		n, name := f.count(c), f.kindName(c.Kind)
		straddling += n.Straddling
		row := []any{c.Month, f.unitName(c.Commune), c.Kind, name.VI, name.EN, n.Activities, n.Straddling, n.Void, n.Quarantined}
		if p := f.Published; p != nil {
			was := p.count(c)
			row = append(row, was.Activities, n.lateSince(&was), n.Void-was.Void)
		}
		t.add(append(row, c.Commune)...)
	}
	t.note("Giáp tháng: %d việc có thể thuộc tháng khác; tính theo ngày khai nếu ngày đó có thể đúng, nếu không thì theo ngày nhận.",
		"Straddling: %d activities may belong to another month; the claimed day counts where it can be true, else the day of arrival.", straddling)
}

func (f *Figures) count(c Cell) Count {
	if n := f.Cells[c]; n != nil {
		return *n
	}
	return Count{}
}

// cells lists the cells in order, with those that were published and are empty
// now.
func (f *Figures) cells() []Cell {
	cells := make([]Cell, 0, len(f.Cells))
	for c := range f.Cells {
		cells = append(cells, c)
	}
	if f.Published != nil {
		for _, c := range f.Published.Cells {
			if f.Cells[c.Cell] == nil {
				cells = append(cells, c.Cell)
			}
		}
	}
	slices.SortFunc(cells, func(a, b Cell) int {
		return cmp.Or(cmp.Compare(a.Month, b.Month), cmp.Compare(a.Commune, b.Commune), cmp.Compare(a.Kind, b.Kind))
	})
	return cells
}
