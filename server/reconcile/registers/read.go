package registers

import (
	"slices"
	"strings"
	"time"

	"thonsync/server/reconcile/sheet"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/fold"
)

// Reasons why a row is left out, or what is odd about it.
const (
	reasonUnread      = "unreadable"
	reasonNumber      = "id_number"
	reasonNumberOld   = "id_number_old"
	reasonNobody      = "nobody"
	reasonBirth       = "birth_date"
	reasonSex         = "sex"
	reasonUnitUnknown = "unit_unknown"
	reasonUnitUnclear = "unit_unclear"
	reasonUnitOutside = "unit_outside"
	reasonDay         = "day"
	reasonFuture      = "day_future"
	reasonKind        = "kind"
	reasonOutcome     = "outcome"
	reasonTwice       = "twice"
	reasonTwiceOther  = "twice_other"
	reasonErased      = "erased"
	reasonDoubtSex    = "doubt_sex"
	reasonDoubtBirth  = "doubt_birth"
	reasonNoUnit      = "no_unit"
)

// BothWords is a sentence in both languages.
type BothWords struct {
	VI string `json:"vi"`
	EN string `json:"en"`
}

var reasons = map[string]BothWords{
	reasonUnread:      {"Dòng không đọc được: có ô quá dài hoặc ký tự lạ", "The row cannot be read: a cell is too long or holds strange characters"},
	reasonNumber:      {"Số căn cước không đủ 12 chữ số", "The identity number does not have 12 digits"},
	reasonNumberOld:   {"Số CMND 9 số: so theo họ tên và ngày sinh", "An old number of 9 digits: compared by name and birth date"},
	reasonNobody:      {"Thiếu số căn cước, và thiếu họ tên hoặc ngày sinh", "No identity number, and no name or no birth date"},
	reasonBirth:       {"Ngày sinh không đọc được", "The birth date cannot be read"},
	reasonSex:         {"Giới tính không đọc được", "The sex cannot be read"},
	reasonUnitUnknown: {"Không tìm thấy thôn, xã này", "There is no such village or commune here"},
	reasonUnitUnclear: {"Có nhiều thôn, xã cùng tên: ghi thêm xã hoặc mã", "Several units have this name: add the commune or a code"},
	reasonUnitOutside: {"Đơn vị nằm ngoài phạm vi của danh sách", "The unit lies outside what the register covers"},
	reasonDay:         {"Ngày không đọc được", "The date cannot be read"},
	reasonFuture:      {"Ngày ở tương lai", "The date is in the future"},
	reasonKind:        {"Không biết loại dịch vụ này: thêm vào cách đọc", "This kind of service is not known: add it to the profile"},
	reasonOutcome:     {"Không hiểu kết quả này: thêm vào cách đọc", "This outcome is not known: add it to the profile"},
	reasonTwice:       {"Trùng với một dòng ở trên: giữ dòng trên", "The same as a row above, which is kept"},
	reasonTwiceOther:  {"Cùng người, cùng việc với một dòng ở trên nhưng nội dung khác: giữ dòng trên", "The same person and service as a row above with other values; the one above is kept"},
	reasonErased:      {"Người này đã yêu cầu xoá dữ liệu: không nhập lại", "This person's data were erased on request and do not come back"},
	reasonDoubtSex:    {"Số căn cước nói giới tính khác", "The identity number says another sex"},
	reasonDoubtBirth:  {"Số căn cước nói năm sinh khác", "The identity number says another year of birth"},
	reasonNoUnit:      {"Không có thôn, xã: chỉ so theo số căn cước", "No unit: compared by identity number only"},
}

// RowProblem is something about one row.
type RowProblem struct {
	Row    int    `json:"row"` // as a spreadsheet counts
	Column Column `json:"column,omitempty"`
	Code   string `json:"code"`
	// Other is the row that was kept instead, 0 for none.
	Other int `json:"other,omitempty"`
	BothWords
}

func problem(row int, c Column, code string) RowProblem {
	return RowProblem{Row: row, Column: c, Code: code, BothWords: reasons[code]}
}

// understood is a row that can be taken in.
type understood struct {
	n     int
	entry RowEntry
	key   store.KeyedHash
}

// reader understands the rows of one table with one profile.
type reader struct {
	s      *Service
	p      *RegisterProfile
	reg    *Register
	at     map[Column]int // position from 0
	head   int            // row number of the header, 0 for none
	header []string
	places *places
	today  string
}

// newReader finds header and columns. It fails if nobody could be told from the
// columns there are.
func (s *Service) newReader(t *sheet.Table, p *RegisterProfile, reg *Register) *reader {
	r := &reader{s: s, p: p, reg: reg, at: map[Column]int{}, today: s.cfg.Now().In(vietnam).Format(time.DateOnly)}
	r.places = newPlaces(s.cfg.Definitions(), p.UnitList, reg.Units)
	r.findHeader(t)
	guessed := guess(r.header)
	for c, i := range guessed {
		if len(p.Columns) == 0 {
			r.at[c] = i
		}
	}
	for c, at := range p.Columns {
		if at.Position > 0 {
			r.at[c] = at.Position - 1
			continue
		}
		if i := slices.IndexFunc(r.header, func(h string) bool { return foldHeader(h) == foldHeader(at.Header) }); i >= 0 {
			r.at[c] = i
		}
	}
	return r
}

// vietnam is the country's time all year round.
var vietnam = time.FixedZone("+07", 7*60*60)

// headerLook is how many rows a title above the header may take.
const headerLook = 30

// findHeader takes the row that most looks like headers.
func (r *reader) findHeader(t *sheet.Table) {
	if r.p.HeaderRow < 0 {
		return
	}
	best := 0
	for i := range t.Rows[:min(headerLook, len(t.Rows))] {
		row := &t.Rows[i]
		if r.p.HeaderRow == row.N {
			r.head, r.header = row.N, row.Cells
			return
		}
		if n := len(guess(row.Cells)) + 2*r.named(row.Cells); r.p.HeaderRow == 0 && n > best && n >= 2 {
			best, r.head, r.header = n, row.N, row.Cells
		}
	}
}

// named counts the profile's own headers in a row.
func (r *reader) named(cells []string) (n int) {
	for _, at := range r.p.Columns {
		if at.Header != "" && slices.ContainsFunc(cells, func(h string) bool { return foldHeader(h) == foldHeader(at.Header) }) {
			n++
		}
	}
	return n
}

// missing lists the columns without which nobody can be told, and those of the
// profile that the file does not have.
func (r *reader) missing() []Column {
	var out []Column
	for _, c := range Columns() {
		_, wanted := r.p.Columns[c]
		if _, has := r.at[c]; wanted && !has {
			out = append(out, c)
		}
	}
	_, number := r.at[ColNumber]
	_, name := r.at[ColName]
	_, birth := r.at[ColBirth]
	if !number && !(name && birth) {
		out = append(out, ColNumber)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (r *reader) cell(row *sheet.Row, c Column) string {
	i, ok := r.at[c]
	if !ok || i >= len(row.Cells) {
		return ""
	}
	return strings.TrimSpace(row.Cells[i])
}

// data tells whether a row is one of data: below the header, and neither the
// header again nor the numbers of columns under it.
func (r *reader) data(row *sheet.Row) bool {
	if row.N <= r.head {
		return false
	}
	if row.Bad != "" {
		return true
	}
	return !slices.Equal(row.Cells, r.header) && !counting(row.Cells)
}

// counting tells whether a row numbers the columns, as forms do below headers.
func counting(cells []string) bool {
	n := 0
	for i, c := range cells {
		c = strings.Trim(c, "() ")
		if c == "" {
			continue
		}
		if n++; c != itoa(i+1) {
			return false
		}
	}
	return n > 1
}

// read understands one row. A problem that leaves it out comes first and alone.
func (r *reader) read(row *sheet.Row) (u understood, bad *RowProblem, odd []RowProblem) {
	u.n = row.N
	fail := func(c Column, code string) (understood, *RowProblem, []RowProblem) {
		p := problem(row.N, c, code)
		return u, &p, nil
	}
	if row.Bad != "" {
		return fail("", reasonUnread)
	}
	e := &u.entry
	note := func(c Column, code string) { odd = append(odd, problem(row.N, c, code)) }
	if c, code := r.person(row, e, note); code != "" {
		return fail(c, code)
	}
	if c, code := r.service(row, e, note); code != "" {
		return fail(c, code)
	}
	u.key = r.s.rowKey(r.reg, r.p, e)
	return u, nil, odd
}

// person reads who a row is about.
func (r *reader) person(row *sheet.Row, e *RowEntry, note func(Column, string)) (Column, string) {
	e.Name = strings.Join(strings.Fields(r.cell(row, ColName)), " ")
	if v := r.cell(row, ColBirth); v != "" {
		d, ok := sheet.Date(v)
		if !ok || d.Year > 2100 {
			return ColBirth, reasonBirth
		}
		e.Birth = d
	}
	if v := r.cell(row, ColSex); v != "" {
		if e.Sex = sheet.Sex(v); e.Sex == "" {
			return ColSex, reasonSex
		}
	}
	if v := r.cell(row, ColNumber); v != "" {
		switch digits := sheet.Digits(v, 12); {
		case digits != "":
			e.Number = syncproto.IDNumber(digits)
		case sheet.Digits(v, 9) != "" && e.Name != "" && e.Birth.Year != 0:
			note(ColNumber, reasonNumberOld)
		default:
			return ColNumber, reasonNumber
		}
	}
	if e.Number == "" && (e.Name == "" || e.Birth.Year == 0) {
		return ColNumber, reasonNobody
	}
	if e.Number != "" {
		for _, d := range e.Number.Doubts(e.Sex, e.Birth) {
			if d == syncproto.DoubtSex {
				note(ColSex, reasonDoubtSex)
			} else {
				note(ColBirth, reasonDoubtBirth)
			}
		}
	}
	return "", ""
}

// service reads where, when and what.
func (r *reader) service(row *sheet.Row, e *RowEntry, note func(Column, string)) (Column, string) {
	unit, reason := r.places.find(r.cell(row, ColUnit), r.cell(row, ColCommune))
	switch {
	case reason != "":
		return ColUnit, reason
	case unit == "":
		note(ColUnit, reasonNoUnit)
	case len(r.reg.Units) > 0 && !r.places.defs.Lies(unit, r.reg.Units) && !r.places.lies(r.reg.Units, unit):
		return ColUnit, reasonUnitOutside
	}
	e.Unit = unit
	if v := r.cell(row, ColDay); v != "" {
		d, ok := sheet.Date(v)
		if !ok {
			return ColDay, reasonDay
		}
		if e.Day = d.String(); e.Day > r.today {
			return ColDay, reasonFuture
		}
	}
	return r.what(row, e)
}

// what reads kind and outcome. A register of one kind needs no column of it.
func (r *reader) what(row *sheet.Row, e *RowEntry) (Column, string) {
	e.Done = true
	if v := r.cell(row, ColKind); v != "" {
		code, ok := r.p.Kinds[fold.Key(v)]
		if !ok && slices.Contains(r.p.Rule.Kinds, strings.ToUpper(v)) {
			code, ok = strings.ToUpper(v), true
		}
		if !ok {
			code, ok = r.kindNamed(v)
		}
		if !ok && (len(r.p.Kinds) > 0 || len(r.p.Rule.Kinds) > 1) {
			return ColKind, reasonKind
		}
		e.Kind = code
	}
	if e.Kind == "" && len(r.p.Rule.Kinds) == 1 {
		e.Kind = r.p.Rule.Kinds[0]
	}
	if v := r.cell(row, ColOutcome); v != "" {
		o, ok := r.p.Outcomes[fold.Key(v)]
		if !ok {
			o = outcomeOf(fold.Key(v))
		}
		if o == "" {
			return ColOutcome, reasonOutcome
		}
		e.Done = o == "done"
	}
	return "", ""
}

// kindNamed finds a kind by its name in either language.
func (r *reader) kindNamed(v string) (string, bool) {
	for _, code := range r.p.Rule.Kinds {
		if k, ok := r.places.defs.Kind(code); ok && (fold.Key(k.NameVI) == fold.Key(v) || fold.Key(k.NameEN) == fold.Key(v)) {
			return code, true
		}
	}
	return "", false
}

// outcomeOf understands common words for having been done or not.
func outcomeOf(v string) string {
	for _, w := range []string{"chua", "khong", "tu choi", "that bai", "huy", "loi", "not", "no", "failed", "refused", "rejected", "cancelled", "0"} {
		if v == w || strings.HasPrefix(v, w+" ") {
			return "not_done"
		}
	}
	for _, w := range []string{"da", "hoan thanh", "thanh cong", "xong", "co", "dat", "x", "1", "done", "yes", "issued", "activated", "active", "completed", "ok", "cap", "kich hoat", "dang hoat dong"} {
		if v == w || strings.HasPrefix(v, w+" ") {
			return "done"
		}
	}
	return ""
}

// rowKey names a row: the person and the service, and the day where a service
// counts once a day.
func (s *Service) rowKey(reg *Register, p *RegisterProfile, e *RowEntry) store.KeyedHash {
	who := []string{"number", string(e.Number)}
	if e.Number == "" {
		who = []string{"name", fold.Key(e.Name), e.Birth.String(), e.Sex, s.cfg.Definitions().Commune(e.Unit)}
	}
	day := ""
	if p.ByDay {
		day = e.Day
	}
	return s.hash("row", append(who, reg.ID.String(), e.Kind, day)...)
}
