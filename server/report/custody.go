package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"thonsync/syncproto/credential"
)

var roleWords = map[string]Text{
	string(credential.RolePhone): {"điện thoại", "phone"}, string(credential.RolePoint): {"điểm xã", "point"},
	string(credential.RoleCentre): {"trung tâm", "centre"},
}

var ledgerWords = map[bool]Text{true: {"khớp", "exact"}, false: {"SAI", "BROKEN"}}

var ledgerCodes = map[bool]string{true: "exact", false: "broken"}

func custodyTable(f *Figures, t *Table) {
	t.Columns = []Column{
		{"label", "Thiết bị", "Device"}, {"role", "Vai trò", "Role"}, {"role_vi", "Vai trò", "Role"}, {"role_en", "Vai trò", "Role"},
		{"unit_name", "Đơn vị", "Unit"}, {"head", "Thay đổi", "Changes"}, {"outcomes", "Đã nhận", "Outcomes"}, {"missing", "Thiếu", "Missing"},
		{"gaps", "Số thiếu", "Missing numbers"}, {"accepted", "Được nhận", "Accepted"}, {"quarantined", "Giữ lại", "Quarantined"},
		{"held", "Tạm giữ", "Held"}, {"forked", "Hai nhánh", "Forked"}, {"erased", "Đã xoá", "Erased"}, {"refused", "Từ chối", "Refused"},
		{"reasons", "Lý do", "Reasons"}, {"waiting", "Còn trên máy", "Still on it"}, {"repeats", "Gửi lại", "Repeats"},
		{"ledger", "Sổ", "Ledger"}, {"ledger_vi", "Sổ", "Ledger"}, {"ledger_en", "Sổ", "Ledger"}, {"origin", "Mã", "Origin"},
	}
	for _, p := range f.sorted() {
		role, word := roleWords[p.Role], ledgerWords[p.Exact()]
		t.add(p.Label, p.Role, role.VI, role.EN, f.unitName(p.Unit), p.Head, p.Outcomes, p.missing(), p.gaps(),
			p.Counts["accepted"], p.Counts["quarantined"], p.Counts["held"], p.Counts["forked"], p.Counts["erased"], p.Counts["refused"],
			p.reasons(), p.Waiting, p.Repeats, ledgerCodes[p.Exact()], word.VI, word.EN, p.Origin.String())
	}
	l := f.ledger()
	t.note("Sổ: %d thay đổi đã biết = %d có kết quả + %d còn thiếu; %d/%d thiết bị có tổng khớp. Còn trên máy: %d.",
		"Ledger: %d changes known of = %d with an outcome + %d missing; the sum is exact for %d of %d devices. Still on devices: %d.",
		l.Head, l.Outcomes, l.Missing, l.Exact, l.Devices, l.Waiting)
}

// gaps names the missing numbers, with the branch where it is not the first.
func (p *Phone) gaps() string {
	var out []string
	for _, g := range p.Missing {
		s := fmt.Sprintf("%d-%d", g.First, g.Last)
		if g.First == g.Last {
			s = fmt.Sprint(g.First)
		}
		if g.Branch != 0 {
			s = fmt.Sprintf("%s (branch %d)", s, g.Branch)
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

// reasons lists the outcomes that have a reason, with their counts.
func (p *Phone) reasons() string {
	var out []string
	for k, n := range p.Counts {
		if strings.Contains(k, ": ") {
			out = append(out, fmt.Sprintf("%s %d", k, n))
		}
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}

func (f *Figures) sorted() []*Phone {
	out := slices.Clone(f.Phones)
	slices.SortFunc(out, func(a, b *Phone) int {
		return cmp.Or(cmp.Compare(a.Unit, b.Unit), cmp.Compare(a.Label, b.Label), strings.Compare(a.Origin.String(), b.Origin.String()))
	})
	return out
}

// Ledger checks that every change has an outcome or is named as missing.
type Ledger struct {
	Devices  int      `json:"devices"`
	Exact    int      `json:"exact"` // devices of which the sum is exact
	Head     uint64   `json:"head"`
	Outcomes uint64   `json:"outcomes"`
	Missing  uint64   `json:"missing"`
	Waiting  int      `json:"waiting"`
	Origins  []*Phone `json:"origins"` // by unit and label
}

// Ledger reads custody alone, without what was done.
func (s *Service) Ledger(ctx context.Context) (*Ledger, error) {
	f, err := s.gather(ctx, Query{}, false)
	if err != nil {
		return nil, err
	}
	l := f.ledger()
	return &l, nil
}

func (f *Figures) ledger() Ledger {
	l := Ledger{Devices: len(f.Phones), Origins: f.sorted()}
	for _, p := range l.Origins {
		if p.Exact() {
			l.Exact++
		}
		l.Head, l.Outcomes, l.Missing, l.Waiting = l.Head+p.Head, l.Outcomes+p.Outcomes, l.Missing+p.missing(), l.Waiting+p.Waiting
	}
	return l
}

func phonesTable(f *Figures, t *Table) {
	t.Columns = []Column{
		{"unit_name", "Đơn vị", "Unit"}, {"label", "Thiết bị", "Device"}, {"role", "Vai trò", "Role"}, {"role_vi", "Vai trò", "Role"},
		{"role_en", "Vai trò", "Role"}, {"heard", "Tin cuối", "Last heard"}, {"days", "Số ngày", "Days"}, {"waiting", "Chưa gửi", "Waiting"},
		{"clock_offset_s", "Lệch giờ (giây)", "Clock offset (s)"}, {"changes", "Thay đổi", "Changes"}, {"missing", "Thiếu", "Missing"},
		{"retired", "Đã bỏ", "Retired"}, {"origin", "Mã", "Origin"},
	}
	list := f.sorted()
	slices.SortStableFunc(list, func(a, b *Phone) int { return cmp.Compare(a.HeardMS, b.HeardMS) })
	for _, p := range list {
		if p.Role == string(credential.RoleCentre) {
			continue
		}
		role := roleWords[p.Role]
		var days, retired any
		if p.HeardMS > 0 {
			days = int(f.MadeAt.Sub(time.UnixMilli(p.HeardMS)) / (24 * time.Hour))
		}
		if p.Retired {
			retired = "x"
		}
		t.add(f.unitName(p.Unit), p.Label, p.Role, role.VI, role.EN, day(p.HeardMS), days, p.Waiting, p.ClockOffsetMS/1000,
			p.Head, p.missing(), retired, p.Origin.String())
	}
}
