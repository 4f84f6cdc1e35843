package browser

import (
	"encoding/json"
	"io/fs"
	"testing"

	"thonsync/server/console/browser/browsertest"
	"thonsync/testdata/units"
)

// choose gives a file to the field that is labelled so.
func chooseByLabel(t *testing.T, p *browsertest.Page, label, name string) {
	t.Helper()
	b, err := fs.ReadFile(units.Files(), name)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(string(b))
	if err != nil {
		t.Fatal(err)
	}
	p.Until(`(() => {
		const l = [...document.querySelectorAll("label")].find(e => e.innerText.startsWith("` + label + `"));
		if (!l) return false;
		const files = new DataTransfer();
		files.items.add(new File([` + string(text) + `], "` + name + `"));
		l.control.files = files.files;
		l.control.dispatchEvent(new Event("change", { bubbles: true }));
		return true;
	})()`)
}

// The real reform, from the two tables to the last village and back again.
func TestReorganisation(t *testing.T) {
	p := open(t, browsertest.Province)
	p.Open("/console/reorganisation")
	p.See("Chưa có lần sắp xếp nào")
	p.Light()
	p.Check("")
	p.Click("Lập phương án")
	p.At("/console/reorganisation?plan=1")
	p.Fill("Tên", "Sắp xếp 1/7/2025")
	chooseByLabel(t, p, "Danh mục đơn vị mới", "lineage.csv")
	chooseByLabel(t, p, "Xã cũ đi về đâu", "units-gso-2025-07.csv")
	p.Allow("422")
	p.Click("Xem trước")
	p.See("lacks the column")
	chooseByLabel(t, p, "Danh mục đơn vị mới", "units-gso-2025-07.csv")
	chooseByLabel(t, p, "Xã cũ đi về đâu", "lineage.csv")
	p.Click("Xem trước")
	p.See("Phương án này sẽ đụng tới")
	p.Check("reorganisation-plan")
	p.Click("Giữ phương án này")
	p.See("Chưa có gì thay đổi. Xem danh sách")
	p.Fill("Loại", "village")
	p.See("Thôn Nà Xá")
	p.Gone("Tổ công nghệ số cộng đồng")
	p.Check("reorganisation-touched")
	p.Click("Thực hiện")
	p.See("đã thực hiện")
	p.See("Xếp thôn của xã bị tách")

	// Somebody else places a village, takes it back at once, and places it again.
	second := open(t, browsertest.Province)
	second.Open("/console/reorganisation")
	second.See("Thôn Nà Xá")
	second.Check("reorganisation-queue")
	second.Click("Xếp Thôn Nà Xá về Xã Minh Ngọc")
	second.See("Đã xếp Thôn Nà Xá về Xã Minh Ngọc.")
	p.See("đang xếp thôn") // without being touched
	second.Click("Hoàn tác")
	second.See("Đã hoàn tác.")
	p.See("đã thực hiện")
	second.Click("Xếp Thôn Nà Xá về Xã Minh Ngọc")
	p.See("đang xếp thôn")

	p.Open("/console/reorganisation?done=1")
	p.Until(`document.querySelector('button[aria-label="Xếp Thôn Nà Xá về Xã Minh Ngọc"]')?.getAttribute("aria-pressed") === "true"`)
	p.Click("Hoàn lại như trước")
	p.See("đã hoàn lại")
	second.See("Lần sắp xếp này đã được hoàn lại")

	// An officer of a commune that was not split has nothing to place.
	other := open(t, browsertest.Officer)
	other.Open("/console/reorganisation")
	other.See("đã hoàn lại")

	auditor := open(t, browsertest.Auditor)
	auditor.Open("/console/reorganisation?lang=en")
	auditor.See("taken back")
	var may bool
	auditor.Value(`[...document.querySelectorAll("main button")].some(e => e.innerText.includes("Plan one") || e.innerText.includes("Carry it out"))`, &may)
	if may {
		t.Error("an auditor is offered to change something")
	}
}
