package browser

import (
	"strings"
	"testing"

	"thonsync/server/console/browser/browsertest"
)

// Somebody who checks sees that the log is whole, narrows it down, and finds the
// same view again by its address and by the back button.
func TestAudit(t *testing.T) {
	p := open(t, browsertest.Auditor)
	p.Open("/console/audit")
	p.See("Nhật ký nguyên vẹn")
	p.See("Thêm tài khoản")
	p.Light()
	p.Fill("Việc", "account-added")
	p.At("/console/audit?action=account-added")
	p.Until(`[...document.querySelectorAll("tbody tr")].every(e => e.innerText.includes("Thêm tài khoản"))`)
	p.Check("audit")
	p.Open("/console/audit?action=key-destroyed")
	p.See("Không có dòng nào như vậy")
	p.Click("Bỏ bộ lọc")
	p.See("Đọc nhật ký")
	if at := p.Path(); at != "/console/audit" {
		t.Errorf("at %s", at)
	}
	p.Click("English")
	p.See("The log is whole")
	if strings.Contains(p.Text(), "Nhật ký") {
		t.Error("the English page is half Vietnamese")
	}
}

// The sign-in page leads to the console, and a page that a role does not have is
// not in its menu.
func TestSignInLeadsToTheConsole(t *testing.T) {
	p := open(t, "")
	p.Open("/console/audit?action=sign-in")
	p.Fill("Tên đăng nhập", browsertest.Auditor)
	p.Fill("Mật khẩu", browsertest.Password)
	p.Click("Đăng nhập")
	p.At("/console/audit?action=sign-in")
	p.See("Đăng nhập")
	officer := open(t, browsertest.Officer)
	officer.Open("/console/audit")
	officer.See("Không có trang này")
}
