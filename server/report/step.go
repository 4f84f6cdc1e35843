package report

import "slices"

// Step is what would help a team next.
type Step string

// The steps, the most pressing first: without people nothing is recorded,
// without a phone nothing arrives, and what has not arrived cannot be judged.
const (
	NoStep        Step = ""
	AppointPeople Step = "appoint-members"
	EnrolPhone    Step = "enrol-phone"
	SyncPhone     Step = "sync-phone"
	FindMissing   Step = "find-missing"
	SettleKept    Step = "settle-quarantined"
	HoldClass     Step = "hold-class"
	AskWhy        Step = "ask-why"
	MorePeople    Step = "more-members-record"
	MoreWork      Step = "more-activities"
)

// Steps lists all steps, the most pressing first.
func Steps() []Step {
	return []Step{AppointPeople, EnrolPhone, SyncPhone, FindMissing, SettleKept, HoldClass, AskWhy, MorePeople, MoreWork}
}

var stepWords = map[Step]Text{
	AppointPeople: {"Tổ chưa có thành viên: cử người và nhập danh sách", "The team has no members: appoint some and import the list"},
	EnrolPhone:    {"Nhận điện thoại cho tổ ở điểm xã", "Take a phone of the team in at the commune's point"},
	SyncPhone:     {"Điện thoại chưa gửi: mời tổ mang máy đến điểm xã hoặc chợ phiên", "A phone has not synced: ask the team to bring it to the point or the market"},
	FindMissing:   {"Còn thiếu thay đổi: gửi lại từ máy hoặc tìm tệp đã mang đi", "Changes are missing: send them again from the phone, or find the file that carried them"},
	SettleKept:    {"Có thay đổi đang giữ lại: xem và xử lý", "Changes are kept apart: look at them and settle what they wait for"},
	HoldClass:     {"Cần lớp hướng dẫn cho tổ", "Hold a class for the team"},
	AskWhy:        {"Tổ đã học mà chưa ghi việc nào: đến hỏi khó khăn", "The team was trained and recorded nothing: visit and ask why"},
	MorePeople:    {"Cần thêm thành viên cùng ghi việc", "More of the members should record"},
	MoreWork:      {"Nhắc tổ làm thêm việc theo chỉ tiêu", "Remind the team of what is still to be done"},
}

// StepText says a step in both languages.
func StepText(s Step) Text { return stepWords[s] }

// NextStep gives what would help the team most; NoStep for one that works.
func (t *Team) NextStep() Step {
	switch {
	case t.Verdict == Working:
		return NoStep
	case t.Members == 0:
		return AppointPeople
	case t.Phones == 0:
		return EnrolPhone
	case t.PhonesHeard < t.Phones, t.Waiting > 0:
		return SyncPhone
	case t.Missing > 0:
		return FindMissing
	case t.Quarantined > 0:
		return SettleKept
	case t.Trained == 0, t.Activities > 0 && t.fails("kinds"):
		return HoldClass
	case t.Activities == 0:
		return AskWhy
	case !t.fails("activities") && t.fails("active-members"):
		return MorePeople
	}
	return MoreWork
}

func (t *Team) fails(criterion string) bool {
	return slices.ContainsFunc(t.Failing, func(f Failing) bool { return f.Criterion == criterion })
}
