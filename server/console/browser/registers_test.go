package browser

import (
	"encoding/json"
	"testing"

	"thonsync/server/console/browser/browsertest"
)

const listOfCards = "DANH SÁCH CẤP THẺ CĂN CƯỚC\n" +
	"Số CCCD,Họ và tên,Ngày sinh,Giới tính,Ngày cấp,Kết quả\n" +
	"002161004321,Vàng Thị Mỷ,07/04/1961,Nữ,10/05/2026,Đã cấp\n" +
	"12,Lò Văn Pà,07/04/1962,Nam,10/05/2026,Đã cấp\n" +
	"002161004321,Vàng Thị Mỷ,07/04/1961,Nữ,10/05/2026,Đã cấp\n" +
	"002063004324,Sùng Mí Pó,8-3-1963,Nam,2026-05-10,Chưa cấp\n"

// choose gives the page a file, as the browser's own dialog does.
func choose(p *browsertest.Page, name, content string) {
	text, err := json.Marshal(content)
	if err != nil {
		panic(err) // a text always has a form in JSON
	}
	p.Until(`(() => {
		const input = document.querySelector("input[type=file]");
		if (!input) return false;
		const all = new DataTransfer();
		all.items.add(new File([` + string(text) + `], "` + name + `"));
		input.files = all.files;
		input.dispatchEvent(new Event("change", { bubbles: true }));
		return true;
	})()`)
}

// An operator takes a list with bad rows in: sees how it is understood, tries it
// dry, takes it in, sees what it says, and takes it back.
func TestRegisters(t *testing.T) {
	p := open(t, browsertest.Province)
	p.Open("/console/registers")
	p.See("Chưa có danh sách nào")
	p.Light()
	choose(p, "cards.csv", listOfCards)
	p.Fill("Tên danh sách", "Thẻ căn cước 2026")
	p.Fill("Đơn vị mà danh sách nói tới", world.Communes[0])
	p.Click("Xem thử")
	p.See("CSV, chữ utf-8, tiêu đề ở dòng 2. 4 dòng dữ liệu, 2 dòng đọc được.")
	p.See("Số căn cước không đủ 12 chữ số")
	p.See("Vàng Thị Mỷ")
	p.Check("registers-preview")
	p.Click("Chạy thử")
	p.See("Chạy thử, chưa có gì thay đổi")
	p.See("2 dòng mới, 0 dòng đổi, 0 dòng như cũ, 0 người không có trong tệp, 2 dòng bỏ lại.")
	p.Click("Đưa vào")
	p.See("Đã đưa vào")
	p.Until(`fetch(document.querySelector("a[href*='/bad/csv']").href).then(r => r.text()).then(t => t.includes("Lò Văn Pà") && t.includes("Trùng với một dòng ở trên"))`)
	p.Click("Thẻ căn cước 2026")
	p.See("Chỉ có trong danh sách")
	p.Click("Ai là người này")
	p.Until(`/Vàng Thị Mỷ|Sùng Mí Pó/.test(document.body.innerText)`)
	p.Check("registers")
	p.Click("Bỏ lần này")
	p.See("đã bỏ")
	p.See("Không có việc nào như vậy")
}

// A commune's officer sees what the lists say of the own commune, and nobody's
// name.
func TestRegistersOfOneCommune(t *testing.T) {
	p := open(t, browsertest.Officer)
	p.Open("/console/registers")
	p.See("Đối chiếu danh sách")
	p.Gone("Đưa danh sách vào")
}
