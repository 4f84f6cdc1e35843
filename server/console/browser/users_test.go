package browser

import (
	"strings"
	"testing"

	"thonsync/server/console/browser/browsertest"
)

// A province operator adds an officer, hands the link over, shuts the account
// out and takes that back.
func TestUsers(t *testing.T) {
	p := open(t, browsertest.Province)
	p.Open("/console/users")
	p.See(browsertest.Officer)
	p.Light()
	p.Click("Thêm tài khoản")
	p.At("/console/users?open=new")
	p.Fill("Tên đăng nhập", "Tên Sai")
	p.Fill("Đơn vị", world.Communes[1])
	p.Allow("status of 422")
	p.ClickIn("Tên đăng nhập", "Thêm tài khoản")
	p.Until(`document.querySelector("dialog .notice.bad") !== null`)
	p.Fill("Tên đăng nhập", "xa-moi")
	p.ClickIn("Tên đăng nhập", "Thêm tài khoản")
	p.See("Liên kết cho xa-moi")
	var link string
	p.Value(`document.querySelector(".copy input").value`, &link)
	if !strings.Contains(link, "/welcome?code=") {
		t.Errorf("the link is %q", link)
	}
	p.Click("Đóng")
	p.See("chưa đặt mật khẩu")
	p.Check("users")
	p.Click("Khóa: " + "xa-moi")
	p.See("đã khóa")
	p.Click("Hoàn tác")
	p.Gone("đã khóa")
	p.See("Đã hoàn tác.")
	auditor := open(t, browsertest.Auditor)
	auditor.Open("/console/users")
	auditor.See("Không có trang này")
}
