package browser

import (
	"bytes"
	"testing"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/server"
	"thonsync/server/console/browser/browsertest"
	"thonsync/server/ingest"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// sighting records help for an invented citizen, of the sort that the phone has
// given to somebody before, and delivers it.
func sighting(t *testing.T, p *browsertest.Phone, fields ...syncproto.Field) uuid.UUID {
	t.Helper()
	node, in := world.Centre.Node, clientlib.RecordInput{Unit: p.Unit, Personal: syncproto.NewRow(fields...)}
	err := node.Store().View(t.Context(), func(r store.Reader) error {
		for _, id := range p.Made {
			rec, there, err := r.Record(id)
			if err != nil {
				return err
			}
			k, known := node.Ingest().Definitions().Kind(rec.Kind)
			if !there || !known || !k.Person {
				continue
			}
			shown, err := ingest.Shown(&rec)
			in.Person, in.Kind, in.Result, in.Occurred = rec.Author, rec.Kind, rec.Result, shown.Value(syncproto.ActivityOccurred).Date()
			for _, f := range shown {
				if f.Num >= syncproto.FirstKindField {
					in.Operational = append(in.Operational, f)
				}
			}
			return err
		}
		return nil
	})
	if err != nil || in.Kind == "" {
		t.Fatalf("this phone has helped nobody: %v", err)
	}
	made, err := p.Device.Record(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Device.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	return made.ID
}

// An operator finds two records of one citizen, reads why they are thought the
// same, links them, finds the link again by its address, and takes it back.
func TestDuplicates(t *testing.T) {
	p := open(t, browsertest.Province)
	text := func(num uint32, s string) syncproto.Field {
		return syncproto.Field{Num: num, Value: syncproto.TextValue(s)}
	}
	born := syncproto.Field{Num: syncproto.PersonBirthDate, Value: syncproto.DateValue(syncproto.Date{Year: 1961, Month: 4, Day: 7})}
	a := sighting(t, world.Phones[0], text(syncproto.PersonIDNumber, "002161004321"), text(syncproto.PersonFullName, "Vàng Thị Thử"), born,
		text(syncproto.PersonSex, "female"), text(syncproto.PersonPhone, "0912345678"))
	b := sighting(t, world.Phones[1], text(syncproto.PersonFullName, "Vang Thi Thu"), born,
		text(syncproto.PersonSex, "female"), text(syncproto.PersonPhone, "0912345678"))
	if _, err := server.LinkScanCommand.Do(t.Context(), world.Centre.Node, server.LinkScan{}); err != nil {
		t.Fatal(err)
	}
	if bytes.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	at := "pair=" + a.String() + "." + b.String()
	p.Open("/console/duplicates")
	p.See("Họ và tên: khác dấu")
	p.Light()
	p.Open("/console/duplicates?" + at)
	p.See("Vang Thi Thu")
	p.See("Việc mở cặp này đã được ghi vào nhật ký truy cập.")
	p.Check("duplicates")
	p.Click("Cùng một người")
	p.See("Đã ghép hai hồ sơ.")
	p.Open("/console/duplicates?state=linked&" + at)
	p.See("Sau khi ghép")
	p.Click("Bỏ quyết định này")
	p.See("Đã bỏ. Hai hồ sơ như cũ.")
	p.Open("/console/duplicates?" + at)
	p.Click("Không phải một người")
	p.See("Đã ghi: không phải một người.")
	p.Open("/console/duplicates?state=apart&" + at)
	p.See("Bỏ quyết định này")
	p.Click("So lại ngay")
	p.See("Đã so 0 hồ sơ")
}
