package signin

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"thonsync/server/accounts"
	"thonsync/server/audit"
)

// text is a sentence in both languages.
type text struct{ vi, en string }

var (
	errForm   = errors.New("form is old or comes from elsewhere")
	errNoPage = errors.New("no such page")
)

// errorTexts are what people read. Errors that are not listed are the server's.
var errorTexts = []struct {
	err error
	say text
}{
	{accounts.ErrWrong, text{"Tên, mật khẩu hoặc mã không đúng.", "Name, password or code do not fit."}},
	{accounts.ErrLink, text{"Liên kết này đã dùng rồi hoặc đã hết hạn. Hãy xin liên kết mới.", "This link was used or has expired. Ask for a new one."}},
	{accounts.ErrBusy, text{"Đang có quá nhiều người đăng nhập. Hãy thử lại sau vài giây.", "Too many people sign in at this moment. Try again in a few seconds."}},
	{accounts.ErrName, text{"Tên đăng nhập gồm 3 đến 32 chữ thường không dấu, chữ số, dấu chấm hoặc gạch nối, bắt đầu bằng chữ, không chứa số điện thoại.", "A name has 3 to 32 small letters without marks, digits, dots or hyphens, begins with a letter and holds no telephone number."}},
	{accounts.ErrTaken, text{"Tên này đã có người dùng.", "This name is taken."}},
	{accounts.ErrShort, text{fmt.Sprintf("Mật khẩu cần ít nhất %d ký tự. Bốn từ ghép lại là một mật khẩu tốt.", accounts.MinPassword), fmt.Sprintf("The password needs at least %d characters. Four words make a good one.", accounts.MinPassword)}},
	{accounts.ErrLong, text{"Mật khẩu quá dài hoặc có ký tự không gõ được.", "The password is too long, or holds characters that cannot be typed."}},
	{accounts.ErrCommon, text{"Mật khẩu này rất dễ đoán. Hãy chọn bốn từ không liên quan đến nhau.", "This password is among the first that somebody would try. Choose four words that do not belong together."}},
	{accounts.ErrPresent, text{"Mật khẩu hiện tại không đúng.", "The present password is not right."}},
	{accounts.ErrCode, text{"Mã không đúng. Hãy xem giờ của điện thoại và của máy chủ có đúng không, rồi gõ mã đang hiện trên ứng dụng.", "The code does not fit. Check the clocks of the phone and of this server, and type the code that the app shows now."}},
	{accounts.ErrFactorOn, text{"Tài khoản đã có bước xác minh thứ hai. Hãy tắt trước.", "This account has a second factor. Turn it off first."}},
	{accounts.ErrSignIn, text{"Phiên đăng nhập đã kết thúc. Hãy đăng nhập lại.", "The session has ended. Sign in again."}},
	{errTwice, text{"Hai lần gõ mật khẩu không giống nhau.", "The two passwords are not the same."}},
	{errForm, text{"Trang đã cũ hoặc không được gửi từ đây. Hãy quay lại và thử lần nữa.", "The page is old or was not sent from here. Go back and try again."}},
	{errNoPage, text{"Không tìm thấy trang này.", "There is no such page."}},
}

// sayError gives what a page says about an error.
func sayError(err error) text {
	var held *accounts.HeldError
	if errors.As(err, &held) {
		s := seconds(held.RetryAfter())
		return text{"Đã sai quá nhiều lần. Hãy thử lại sau " + s + " giây.", "Too many attempts failed. Try again in " + s + " seconds."}
	}
	for _, e := range errorTexts {
		if errors.Is(err, e.err) {
			return e.say
		}
	}
	return text{"Máy chủ gặp lỗi. Nhật ký của máy chủ ghi rõ nguyên nhân.", "The server met a fault; its log says why."}
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d/time.Second) + 1) }

var roleTexts = map[accounts.Role]text{
	accounts.Province: {"cán bộ tỉnh", "province operator"},
	accounts.Officer:  {"cán bộ xã", "commune officer"},
	accounts.Auditor:  {"người kiểm tra nhật ký", "auditor"},
}

var actionTexts = map[audit.Action]text{
	audit.View:          {"xem thông tin cá nhân", "personal fields shown"},
	audit.Export:        {"xuất thông tin cá nhân ra tệp", "personal fields exported"},
	audit.Answer:        {"trả lời yêu cầu của công dân", "request answered"},
	audit.Foreign:       {"hỏi dữ liệu ngoài phạm vi", "asked for what is not his"},
	audit.SignIn:        {"đăng nhập", "signed in"},
	audit.SignInFailed:  {"đăng nhập không được", "sign-in failed"},
	audit.SignInHeld:    {"tạm chặn đăng nhập", "sign-in held"},
	audit.SignOut:       {"đăng xuất", "signed out"},
	audit.LinkMade:      {"tạo liên kết dùng một lần", "one-time link made"},
	audit.LinkUsed:      {"dùng liên kết một lần", "one-time link used"},
	audit.Added:         {"thêm tài khoản", "account added"},
	audit.Disabled:      {"khóa tài khoản", "account disabled"},
	audit.Enabled:       {"mở lại tài khoản", "account enabled"},
	audit.Reset:         {"đặt lại tài khoản", "account reset"},
	audit.RoleChanged:   {"đổi vai trò", "role changed"},
	audit.Password:      {"đổi mật khẩu", "password changed"},
	audit.FactorOn:      {"bật bước xác minh thứ hai", "second factor set"},
	audit.FactorOff:     {"tắt bước xác minh thứ hai", "second factor turned off"},
	audit.RecoveryMade:  {"tạo mã dự phòng mới", "recovery codes made"},
	audit.Recovery:      {"dùng mã dự phòng", "recovery code used"},
	audit.Sessions:      {"đăng xuất khỏi mọi nơi", "signed out everywhere"},
	audit.CodeMade:      {"tạo mã nhận máy", "joining code made"},
	audit.CodeConfirmed: {"xác nhận sáu số", "six digits confirmed"},
	audit.CodeRefused:   {"hủy mã vì sáu số khác nhau", "six digits refused"},
	audit.PINReset:      {"trả lời mã hỏi PIN", "PIN reset answered"},
	audit.LogRead:       {"đọc nhật ký", "access log read"},
	audit.PairDecided:   {"quyết định hai hồ sơ có cùng một người", "decided whether two records say one person"},
}
