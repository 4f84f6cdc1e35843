package squeeze

// primerColumn is the column identity under which the primer is taught; the
// header has 0 and the columns count from 1.
const primerColumn = 0xffff

// primer is Vietnamese of the kind that village work brings: name parts, then
// phrases. The model learns it before every segment, because a phone often
// sends one to ten changes and has no time to learn the language from them. It
// is frozen: another text is another format.
const primer = "Nguyễn\x00Trần\x00Lê\x00Phạm\x00Hoàng\x00Phan\x00Vũ\x00Đặng\x00Bùi\x00Đỗ\x00Hồ\x00Ngô\x00Dương\x00Lý\x00" +
	"Nông\x00Triệu\x00Vàng\x00Giàng\x00Thị\x00Văn\x00Đức\x00Minh\x00Thu\x00Quang\x00Xuân\x00Ngọc\x00Thanh\x00Hồng\x00" +
	"Hữu\x00Mạnh\x00Thắng\x00Hùng\x00Dũng\x00Sơn\x00Hoa\x00Lan\x00Mai\x00Hương\x00Hằng\x00Hải\x00Cường\x00Tuấn\x00Linh\x00Thủy\x00" +
	"không có điện thoại, chưa đăng ký được, đã hướng dẫn người dân cài đặt ứng dụng, " +
	"hẹn lại tháng sau, làm hồ sơ ở công an xã, sai thông tin trên giấy tờ, " +
	"gia đình đề nghị hỗ trợ tại nhà, mất mật khẩu của con, thẻ căn cước hết hạn, thôn bản vùng cao"
