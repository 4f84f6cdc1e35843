package browser

import (
	"testing"

	"thonsync/server/console/browser/browsertest"
)

// An officer sees the commune's phones and nobody else's, looks at one, and has a
// lost one revoked; from here a phone is taken in by a QR on the screen.
func TestEnrolment(t *testing.T) {
	p := open(t, browsertest.Province)
	p.Open("/console/enrolment")
	p.See("Máy 1")
	p.Light()
	p.Click("Chi tiết: Máy 1")
	p.See("Không thiếu số nào.")
	p.See("được nhận")
	p.Click("Đóng")
	p.At("/console/enrolment")
	p.Click("Thu hồi: Máy 2")
	p.Fill("Lý do", "lost")
	p.ClickIn("Lý do", "Thu hồi")
	p.See("Đã thu hồi Máy 2.")
	p.Fill("Hiện", "revoked")
	p.At("?show=revoked")
	p.Gone("Máy 1")
	p.See("Máy 2")
	p.Fill("Hiện", "")
	p.See("Máy 1")
	p.Check("enrolment")
	p.Fill("Hiện", "held")
	p.See("Không có máy nào như vậy")
	p.Click("Nhận máy mới (hiện mã QR)")
	p.At("/enrol")

	officer := open(t, browsertest.Officer)
	officer.Open("/console/enrolment")
	officer.See("Máy 1")
	var rows int
	officer.Value(`document.querySelectorAll("tbody tr").length`, &rows)
	if all := len(world.Phones); rows == 0 || rows >= all {
		t.Errorf("an officer of one commune sees %d devices of %d phones", rows, all)
	}
}

// At a point the same page shows its own commune, and an order is a request to
// the province that can be taken back.
func TestEnrolmentAtAPoint(t *testing.T) {
	p := open(t, browsertest.AtPoint)
	p.Open("/console")
	p.See("Điểm nhận của xã")
	p.Open("/console/enrolment")
	p.Check("enrolment-point")
	p.Open("/console/users")
	p.See("Không có trang này")
}
