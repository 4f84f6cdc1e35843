package browser

import (
	"strings"
	"testing"

	"thonsync/server/console/browser/browsertest"
)

// An operator begins at the share of working teams and goes down to one team,
// where its verdict, its reasons and the next step stand.
func TestOverviewLeadsToATeam(t *testing.T) {
	p := open(t, browsertest.Province)
	p.Open("/console")
	p.At("/console/overview")
	p.See("Tổ đang hoạt động")
	p.See("Phần tổ hoạt động qua thời gian")
	p.See("Việc cần làm tiếp")
	p.See("Mới có số liệu của một kỳ") // the world's work was all done today
	p.Light()
	p.Check("overview")
	p.Click("Theo tuần")
	p.At("/console/overview?grain=week")
	p.Open("/console/units")
	p.See("Chưa rõ")
	p.Check("units")
}

// What teams recorded is listed and narrowed down by kind, and the address keeps
// the filter.
func TestActivityIsNarrowedDown(t *testing.T) {
	p := open(t, browsertest.Province)
	p.Open("/console/activity")
	p.See("Số việc theo tháng")
	p.Until(`document.querySelectorAll("tbody tr").length > 0`)
	p.Check("activity")
	p.Fill("Tình trạng", "void")
	p.At("/console/activity?state=void")
	p.Click("Bỏ bộ lọc")
	p.Until(`document.querySelectorAll("tbody tr").length > 0`)
	if strings.Contains(p.Text(), "Họ và tên") {
		t.Error("a name column stands in the list")
	}
}

// Every report is there as a file, and all activities are fetched as one.
func TestReportsAsFiles(t *testing.T) {
	p := open(t, browsertest.Province)
	p.Open("/console/exports")
	p.See("So sánh các xã")
	p.Check("exports")
	var links int
	p.Value(`document.querySelectorAll('a[href*="/v1/reports/"][href*="/xlsx"]').length`, &links)
	if links < 9 {
		t.Errorf("%d spreadsheets, want one a report", links)
	}
	p.Click("Tạo tệp CSV")
	p.See("Đã tạo tệp có")
}
