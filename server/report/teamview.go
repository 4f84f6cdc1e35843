package report

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"thonsync/server/ingest"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// TeamView is all that is known of one team, without names of people.
type TeamView struct {
	TeamLine
	CommuneName string       `json:"commune_name"`
	Criteria    Criteria     `json:"criteria"`
	Trend       []TeamPoint  `json:"trend" doc:"by month, the oldest first; the last is today"`
	PhoneList   []TeamPhone  `json:"phone_list"`
	People      []TeamPerson `json:"people"`
	Kinds       []KindCount  `json:"kinds_done" doc:"of the period, by the place's cells"`
	Path        []UnitRef    `json:"path"`
}

// TeamPoint is the team's verdict at the end of a month.
type TeamPoint struct {
	Label         string  `json:"label"`
	Verdict       Verdict `json:"verdict"`
	Activities    int     `json:"activities"`
	Kinds         int     `json:"kinds"`
	ActiveMembers int     `json:"active_members"`
}

// TeamPhone is one of its phones.
type TeamPhone struct {
	Origin  syncproto.OriginID `json:"origin"`
	Label   string             `json:"label"`
	HeardMS int64              `json:"heard_ms" doc:"last sign of life, 0 for never"`
	Waiting int                `json:"waiting"`
	Missing uint64             `json:"missing"`
	Retired bool               `json:"retired"`
}

// TeamPerson is one of its members.
type TeamPerson struct {
	Member  uuid.UUID    `json:"member"`
	Role    string       `json:"role"`
	Active  bool         `json:"active" doc:"recorded something in the period"`
	Classes []Attendance `json:"classes"`
}

// Attendance is a class that a member attended.
type Attendance struct {
	Class string `json:"class"`
	Held  string `json:"held" doc:"YYYY-MM-DD"`
}

// teamMonths is how many months a team's history shows.
const teamMonths = 12

// Team gives one team; CodeScope if there is none.
func (s *Service) Team(ctx context.Context, id uuid.UUID) (v *TeamView, err error) {
	err = s.view(ctx, Query{}, func(r Reader, f *Figures) error {
		t := f.byTeam[id]
		if t == nil {
			return errNoTeam()
		}
		f.team, f.Teams, f.byTeam = id, []*Team{t}, map[uuid.UUID]*Team{id: t}
		list, err := f.over(r, ByMonth, teamMonths)
		if err != nil {
			return err
		}
		v, err = list[len(list)-1].teamView(r, id)
		if err != nil {
			return err
		}
		for _, g := range list {
			t := g.byTeam[id]
			v.Trend = append(v.Trend, TeamPoint{monthOf(g.To.AddDate(0, 0, -1)), t.Verdict, t.Activities, t.Kinds, t.ActiveMembers})
		}
		return nil
	})
	return v, err
}

func (f *Figures) teamView(r Reader, id uuid.UUID) (*TeamView, error) {
	t := f.byTeam[id]
	v := &TeamView{TeamLine: f.teamLine(t), CommuneName: f.unitName(t.Commune), Criteria: f.Criteria, Trend: []TeamPoint{},
		PhoneList: []TeamPhone{}, People: []TeamPerson{}, Kinds: []KindCount{}, Path: f.path(t.Unit)}
	for _, p := range f.sorted() {
		if p.Team == id && p.Role == string(credential.RolePhone) {
			v.PhoneList = append(v.PhoneList, TeamPhone{p.Origin, p.Label, p.HeardMS, p.Waiting, p.missing(), p.Retired})
		}
	}
	for code, n := range f.totals() {
		v.Kinds = append(v.Kinds, KindCount{code, f.kindName(code), n.Activities, n.Straddling, n.Void})
	}
	classes, err := readTrainings(r, t.Unit)
	if err != nil {
		return nil, err
	}
	q := store.RecordQuery{Collection: syncproto.CollectionMember, Unit: t.Unit, ExistsOnly: true}
	err = r.EachRecord(q, func(rec store.Record) error {
		if rec.Void || rec.Team != id {
			return nil
		}
		row, err := ingest.Shown(&rec)
		p := TeamPerson{Member: rec.ID, Role: row.Value(syncproto.MemberRole).Text(), Active: slices.Contains(t.authors, rec.ID), Classes: []Attendance{}}
		for _, c := range classes {
			if c.Member == rec.ID {
				p.Classes = append(p.Classes, Attendance{c.Class, c.Held})
			}
		}
		v.People = append(v.People, p)
		return err
	})
	return v, err
}

// Training is one attendance of one member.
type Training struct {
	Team   uuid.UUID `json:"team"`
	Unit   string    `json:"unit"`
	Member uuid.UUID `json:"member"`
	Class  string    `json:"class"`
	Held   string    `json:"held"`
}

// readTrainings lists attendances of a village, or all for "".
func readTrainings(r Reader, unit string) (out []Training, err error) {
	q := store.RecordQuery{Collection: syncproto.CollectionTraining, Unit: unit, ExistsOnly: true}
	err = r.EachRecord(q, func(rec store.Record) error {
		if rec.Void {
			return nil
		}
		row, err := ingest.Shown(&rec)
		held := row.Value(syncproto.TrainingHeld)
		x := Training{Team: rec.Team, Unit: rec.Unit, Member: row.Value(syncproto.TrainingMember).UUID(), Class: row.Value(syncproto.TrainingClass).Text()}
		if held.Type() == syncproto.TypeDate {
			x.Held = held.Date().String()
		}
		out = append(out, x)
		return err
	})
	return out, err
}

func trainingTable(f *Figures, t *Table) {
	t.Columns = []Column{
		{"commune", "Xã", "Commune"}, {"village", "Thôn", "Village"}, {"team", "Tổ", "Team"}, {"class", "Lớp", "Class"}, {"held", "Ngày", "Held"},
		{"attended", "Người dự", "Attended"}, {"members", "Thành viên", "Members"}, {"verdict", "Kết luận", "Verdict"},
		{"verdict_vi", "Kết luận", "Verdict"}, {"verdict_en", "Kết luận", "Verdict"}, {"unit", "Mã thôn", "Unit"},
	}
	type class struct {
		team        uuid.UUID
		class, held string
	}
	count, order := map[class]int{}, map[uuid.UUID][]class{}
	for _, x := range f.trainings {
		c := class{x.Team, x.Class, x.Held}
		if count[c]++; count[c] == 1 {
			order[x.Team] = append(order[x.Team], c)
		}
	}
	none := 0
	for _, x := range f.sortedTeams() {
		w := verdictWords[x.Verdict]
		if len(order[x.ID]) == 0 {
			none++
		}
		for _, c := range order[x.ID] {
			t.add(f.unitName(x.Commune), f.unitName(x.Unit), x.Name, c.class, c.held, count[c], x.Members, string(x.Verdict), w.VI, w.EN, x.Unit)
		}
	}
	t.note("%d tổ chưa có ai dự lớp nào.", "Of %d teams nobody has attended a class.", none)
}

func (f *Figures) readTraining(r Reader) (err error) {
	f.trainings, err = readTrainings(r, "")
	return err
}
