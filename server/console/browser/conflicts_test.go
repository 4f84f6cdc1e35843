package browser

import (
	"strings"
	"testing"

	"thonsync/server/console/browser/browsertest"
	"thonsync/server/ownlog"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// contest has the centre write another result into some records of one kind as if
// it did not know what the phones had written, and a name into one.
func contest(t *testing.T) {
	t.Helper()
	node := world.Centre.Node
	kinds := node.Ingest().Definitions().Kinds()
	groups := map[string][]store.Record{}
	err := node.Store().View(t.Context(), func(r store.Reader) error {
		q := store.RecordQuery{Collection: syncproto.CollectionActivity, ExistsOnly: true}
		return r.EachRecord(q, func(rec store.Record) error {
			if k := kinds[rec.Kind]; k != nil && len(k.Results) > 1 && k.Person && !rec.Conflict && !rec.Void {
				groups[rec.Kind+rec.Result] = append(groups[rec.Kind+rec.Result], rec)
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	var most []store.Record
	for _, list := range groups {
		if len(list) > len(most) {
			most = list
		}
	}
	if len(most) < 4 {
		t.Fatalf("only %d records to contest", len(most))
	}
	var drafts []ownlog.Draft
	for i, rec := range most[:4] {
		d := ownlog.Draft{Header: syncproto.Header{Collection: rec.Collection, Op: syncproto.OpSet, Record: rec.ID}}
		if i == 3 {
			d.Personal = syncproto.NewRow(syncproto.Field{Num: syncproto.PersonFullName, Value: syncproto.TextValue("Vàng Thị Thử")})
		} else {
			d.Operational = syncproto.NewRow(syncproto.Field{Num: syncproto.ActivityResult, Value: syncproto.TextValue(other(kinds[rec.Kind], rec.Result))})
		}
		drafts = append(drafts, d)
	}
	if _, err := node.WriteOwn(t.Context(), drafts); err != nil {
		t.Fatal(err)
	}
}

func other(k *syncproto.Kind, result string) string {
	for _, o := range k.Results {
		if o.Value != result {
			return o.Value
		}
	}
	return ""
}

// Somebody settles one conflict, takes it back, asks the team, settles the rest
// alike and finds all of it among what was settled.
func TestConflicts(t *testing.T) {
	p := open(t, browsertest.Province)
	contest(t)
	p.Open("/console/conflicts")
	p.See("cán bộ ghi")
	p.See("thông tin cá nhân, mở ra mới xem")
	if strings.Contains(p.Text(), "Vàng Thị Thử") {
		t.Error("a name stands in the list")
	}
	p.Light()
	p.Check("conflicts")
	p.Open("/console/conflicts?field=result")
	p.Click("Xem và chọn")
	p.See("Gợi ý: cách")
	p.See("đồng hồ máy")
	p.Check("conflicts-one")
	p.Click("Cách ghi nào đúng?")
	p.See("Đã gửi câu hỏi xuống tổ")
	p.See("chưa trả lời")
	p.Click("Chọn cách này")
	p.See("không còn mục nào ghi khác nhau")
	p.ClickIn("chọn một cách", "Hoàn tác")
	p.See("Gợi ý: cách")
	p.Open("/console/conflicts?view=alike")
	p.ClickIn("cán bộ ghi", "Xem danh sách")
	p.See("theo gợi ý")
	p.Check("conflicts-alike")
	p.Until(`[...document.querySelectorAll("button.main")].some(b => b.innerText.startsWith("Chốt cả") && (b.click(), true))`)
	p.See("Đã chốt")
	p.Open("/console/conflicts?view=settled")
	p.See("chốt hàng loạt")
	p.See("đã hoàn tác")
	p.Check("conflicts-settled")
	p.Open("/console/conflicts?reason=none&field=void")
	p.See("Không có mục nào ghi khác nhau")
}
