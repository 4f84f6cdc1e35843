package health

import (
	"thonsync/server/report"
	"thonsync/syncproto"
)

func text(vi, en string) report.Text { return report.Text{VI: vi, EN: en} }

// What to do next, by kind.
var (
	nextFork = text("Mời người giữ máy mang máy đến xã, ghép lại từng máy; việc ở cả hai nhánh đều được giữ.",
		"Ask whoever holds the phones to bring them to the commune office and enrol each again; the work of both branches is kept.")
	nextRestored = text("Ghép lại máy này tại xã: mở trang Ghép máy, quét mã trên máy.",
		"Enrol this phone again at the commune: open the page Enrolment and scan the code with it.")
	nextGap = text("Bảo người giữ máy mở ứng dụng ở nơi có mạng hoặc ở điểm xã; máy tự gửi lại các số thiếu.",
		"Ask for the app to be opened where there is signal or at the point: the phone sends the missing numbers again by itself.")
	nextGapLost = text("Máy đã bị thu hồi: tìm tệp gói (USB, Zalo) ở xã hoặc ở máy khác của tổ đã nhận giúp.",
		"The device is revoked: look for a bundle (USB, chat) at the commune or on a colleague's phone.")
	nextAtPoint = text("Nối mạng cho điểm này, hoặc xuất gói ra USB (thonsync bundle export) và mang lên.",
		"Connect this point, or export a bundle to a USB stick (thonsync bundle export) and bring it up.")
	nextBacklog = text("Gọi tổ: mang máy đến điểm xã hoặc nơi có mạng trước khi xoá gì trên máy.",
		"Call the team: bring the phone to the point or to signal before anything on it is deleted.")
	nextQuiet = text("Gọi tổ hỏi thăm: máy còn dùng không, có ra chợ hay lên xã tuần này không.",
		"Call the team: is the phone in use, and does anybody come to the market or the office this week?")
	nextNever = text("Gọi tổ: mở ứng dụng, ghi một việc và bấm Gửi ở nơi có mạng; hỏi có cần người đến giúp không.",
		"Call the team: open the app, record one activity and send it where there is signal; ask whether they need help.")
	nextPoint = text("Gọi cán bộ xã: máy của điểm có bật không, có mạng không; không có mạng thì mang tệp gói lên.",
		"Call the commune officer: is the point's machine on, has it a line? Without one, bring a bundle up.")
	nextClock = text("Bảo người giữ máy bật giờ tự động trong cài đặt điện thoại; việc đã ghi vẫn được giữ và tính theo lúc nhận.",
		"Ask for automatic time to be turned on in the phone's settings; what was recorded is kept and counted by its arrival.")
)

var outcomeVI = map[syncproto.Outcome]string{
	syncproto.OutcomeQuarantined: "đang giữ riêng", syncproto.OutcomeHeld: "đang tạm giữ", syncproto.OutcomeRefused: "bị từ chối",
}

// reasonText says what a reason means and what to do about it.
func reasonText(r syncproto.Reason) (why, next report.Text) {
	if w, ok := reasons[r]; ok {
		return w[0], w[1]
	}
	return text("lý do "+string(r), "reason "+string(r)), text("Xem chi tiết bằng thonsync device show.", "See the details with thonsync device show.")
}

var (
	nextDefine = text("Nhập danh mục còn thiếu ở trung tâm (thonsync import); các thay đổi này tự được nhận.",
		"Import what is missing at the centre (thonsync import); these changes are then taken by themselves.")
	nextUpdate = text("Cập nhật chương trình máy chủ; các thay đổi này tự được nhận.",
		"Update the server's program; these changes are then taken by themselves.")
	nextRewrite = text("Hỏi tổ và ghi lại đúng trên máy; bản cũ vẫn được lưu.",
		"Ask the team to record it again rightly; the old entry stays in the log.")
	nextAuthority = text("Kiểm tra đơn vị của máy và của việc: sửa phạm vi của máy, hoặc ghi lại ở đúng đơn vị.",
		"Check the units of the phone and of the record: mend the phone's scope, or record it in the right unit.")
	nextRelease = text("Xem rồi nhận bằng một lần bấm: thonsync device release, nếu việc là thật.",
		"Look at it and release it in one step (thonsync device release) if the work is real.")
	nextIssuer = text("Cho điểm cấp máy này liên lạc với trung tâm, hoặc gia hạn điểm: thonsync point renew.",
		"Let the point that enrolled this phone reach the centre, or renew the point: thonsync point renew.")
)

var reasons = map[syncproto.Reason][2]report.Text{
	syncproto.ReasonUnknownCollection: {text("loại dữ liệu chưa biết", "unknown collection"), nextUpdate},
	syncproto.ReasonUnknownField:      {text("trường chưa biết", "unknown field"), nextUpdate},
	syncproto.ReasonUnknownSchema:     {text("ứng dụng trên máy mới hơn máy chủ", "the phone's program is newer than the server's"), nextUpdate},
	syncproto.ReasonUnknownKind:       {text("loại việc chưa có trong danh mục", "unknown kind of activity"), nextDefine},
	syncproto.ReasonUnknownUnit:       {text("đơn vị chưa có trong danh mục", "unknown unit"), nextDefine},
	syncproto.ReasonUnknownRecord:     {text("chưa có bản ghi mà thay đổi này sửa", "the record that it changes is not here"), nextGap},
	syncproto.ReasonUnreadable: {text("phần riêng tư không mở được", "the personal part cannot be opened"),
		text("Bảo người giữ máy mở ứng dụng nơi có mạng: máy tự niêm phong lại bằng khoá mới.",
			"Ask for the app to be opened where there is signal: the phone seals it again to the current key.")},
	syncproto.ReasonBadText:     {text("chữ không hợp lệ", "text that is not allowed"), nextRewrite},
	syncproto.ReasonBadValue:    {text("giá trị không hợp lệ", "a value that is not allowed"), nextRewrite},
	syncproto.ReasonBadFrame:    {text("thay đổi không đúng khuôn", "a change of the wrong form"), nextRewrite},
	syncproto.ReasonNoAuthority: {text("máy không có quyền ở đơn vị này", "the phone may not write in this unit"), nextAuthority},
	syncproto.ReasonRevoked:     {text("ghi sau khi máy bị thu hồi", "recorded after the phone was revoked"), nextRelease},
	syncproto.ReasonHeld:        {text("trung tâm đang giữ lại để xem", "held by the centre to be looked at"), nextRelease},
	syncproto.ReasonHandover:    {text("máy khôi phục chưa được ghép lại", "the restored phone has not been enrolled again"), nextRestored},
	syncproto.ReasonUnlisted:    {text("chưa thấy điểm cấp máy này báo", "the point that enrolled the phone has not told of it yet"), nextIssuer},
	syncproto.ReasonSurplus:     {text("điểm đã cấp quá số máy hoặc quá hạn", "the point enrolled more phones, or for longer, than it may"), nextIssuer},
}
