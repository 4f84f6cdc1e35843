package reorganise

import (
	"time"

	"thonsync/server/report"
)

// words of kinds and actions in tables.
var (
	kindWords = map[string]report.Text{
		"unit": {VI: "đơn vị", EN: "unit"}, KindVillage: {VI: "thôn", EN: "village"}, KindTeam: {VI: "tổ", EN: "team"}, "phone": {VI: "điện thoại", EN: "phone"},
		KindPoint: {VI: "điểm đồng bộ", EN: "point"}, "account": {VI: "tài khoản", EN: "account"}, "conflict": {VI: "bản ghi có mâu thuẫn", EN: "record in conflict"},
		"held": {VI: "thay đổi đang giữ lại", EN: "changes kept apart"}, "request": {VI: "yêu cầu của công dân", EN: "citizen's request"},
	}
	actionWords = map[string]report.Text{
		Follows: {VI: "tự theo đơn vị mới", EN: "follows by itself"}, ToPlace: {VI: "cần người xếp", EN: "a person has to place it"},
		Ends: {VI: "thôi, không có đơn vị thay", EN: "ends without a successor"}, Keeps: {VI: "giữ đơn vị cũ", EN: "keeps its old unit"},
	}
)

// Table shows what a reorganisation touches, for people.
func Table(list []Touched, now time.Time) *report.Table {
	t := &report.Table{
		Name: "reorganisation", TitleVI: "Những gì việc sắp xếp đơn vị đụng tới", TitleEN: "What the reorganisation touches", MadeAtMS: now.UnixMilli(),
		Columns: []report.Column{
			{Name: "kind_vi", TitleVI: "Loại", TitleEN: "Kind"}, {Name: "kind_en", TitleVI: "Loại", TitleEN: "Kind"},
			{Name: "name", TitleVI: "Tên", TitleEN: "Name"}, {Name: "unit_name", TitleVI: "Đang ở", TitleEN: "Now in"},
			{Name: "action_vi", TitleVI: "Việc xảy ra", TitleEN: "What becomes of it"}, {Name: "action_en", TitleVI: "Việc xảy ra", TitleEN: "What becomes of it"},
			{Name: "to_name", TitleVI: "Về", TitleEN: "Goes to"}, {Name: "count", TitleVI: "Số thay đổi", TitleEN: "Changes"},
			{Name: "unit", TitleVI: "Mã đang ở", TitleEN: "Unit"}, {Name: "from", TitleVI: "Mã cũ", TitleEN: "Old unit"}, {Name: "to", TitleVI: "Mã mới", TitleEN: "New unit"},
			{Name: "id", TitleVI: "Mã", TitleEN: "Id"},
		},
		Rows: [][]any{}, Notes: []report.Text{},
	}
	for _, x := range list {
		kind, action := kindWords[x.Kind], actionWords[x.Action]
		var count any
		if x.Count > 0 {
			count = int64(x.Count)
		}
		t.Rows = append(t.Rows, []any{kind.VI, kind.EN, x.Name, x.UnitName, action.VI, action.EN, x.ToName, count, x.Unit, x.From, x.To, x.ID})
	}
	return t
}
