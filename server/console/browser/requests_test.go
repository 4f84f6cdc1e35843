package browser

import (
	"testing"

	"thonsync/server/console/browser/browsertest"
)

// An operator takes a citizen's request up, tells the citizen, erases the record
// after typing how many there are, and closes it. A record that was taken off by
// mistake comes back by undo.
func TestRequests(t *testing.T) {
	p := open(t, browsertest.Province)
	phone := world.Phones[len(world.Phones)-1]
	record := phone.Made[len(phone.Made)-1].String()
	p.Open("/console/requests")
	p.Light()
	p.Click("Nhận yêu cầu mới")
	p.At("/console/requests?new=1")
	p.Fill("Xin gì", "erase")
	p.Fill("Mã hồ sơ, nếu đã biết", record)
	p.Click("Nhận yêu cầu mới")
	p.See(record)
	p.Click("Không phải của người này")
	p.See("Chưa có hồ sơ nào được nối")
	p.Click("Hoàn tác")
	p.See(record)
	p.Click("Đã báo công dân là đã nhận")
	p.See("báo công dân là đã nhận")
	p.Gone("Đã báo công dân là đã nhận")
	p.Check("requests-one")
	p.Fill("Số hồ sơ", "2")
	p.Click("Xóa 1 hồ sơ ở mọi nơi")
	p.See("Số không khớp")
	p.Fill("Số hồ sơ", "1")
	p.Click("Xóa 1 hồ sơ ở mọi nơi")
	p.See("đã xóa")
	p.Click("Đóng: đã làm xong")
	p.See("đã xong")
	p.Click("← Về danh sách")
	p.See("Không có yêu cầu nào đang chờ")
	p.Click("Cả yêu cầu đã xong")
	p.At("/console/requests?all=1")
	p.See("xóa dữ liệu")
	p.Check("requests")
}
