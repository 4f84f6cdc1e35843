package browser

import (
	"testing"
	"time"

	"thonsync/server/console/browser/browsertest"
	"thonsync/server/store"
	"thonsync/syncproto/credential"
)

// trouble gives one phone a wrong clock, and another work that lies at a point.
func trouble(t *testing.T) {
	t.Helper()
	err := world.Centre.Node.Ingest().Do(t.Context(), func(tx store.Tx) error {
		phones, err := tx.Origins(store.OriginQuery{Role: credential.RolePhone})
		if err != nil {
			return err
		}
		points, err := tx.Origins(store.OriginQuery{Role: credential.RolePoint})
		if err != nil {
			return err
		}
		now := time.Now()
		c := store.Contact{Origin: phones[0].ID, AtMS: now.UnixMilli(), ClockOffsetMS: (73 * time.Hour).Milliseconds()}
		if err := tx.Contact(c); err != nil {
			return err
		}
		runs, err := tx.Runs(phones[1].ID)
		if err != nil {
			return err
		}
		return tx.AddWitness(store.Witness{
			Issuer: points[0].ID, Origin: phones[1].ID, First: 1, Last: runs[len(runs)-1].Last.Seq + 4, IssuedMS: now.AddDate(0, 0, -5).UnixMilli(), Data: []byte{0},
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := world.Centre.Node.Watch(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// An operator sees what is wrong and what to do, opens a device, puts a finding
// aside with a reason and brings it back.
func TestHealth(t *testing.T) {
	p := open(t, browsertest.Province)
	trouble(t)
	p.Open("/console/health")
	p.See("Máy chạy nhanh 3 ngày.")
	p.See("4 thay đổi")
	p.See("bật giờ tự động")
	p.Check("health")
	p.Fill("Loại", "clock")
	p.At("/console/health?kind=clock")
	p.Gone("4 thay đổi")
	p.Click("Gác lại")
	p.Fill("Vì sao", "máy đang sửa")
	p.ClickIn("Gác việc này lại", "Gác lại")
	p.See("Đã gác lại.")
	p.See("Không có gì cần xem")
	p.Open("/console/health?kind=clock&dismissed=1")
	p.See("máy đang sửa")
	p.Click("Đưa lại")
	p.Gone("máy đang sửa")
	p.Open("/console/health?kind=at-point")
	p.See("4 thay đổi")
	p.Click("English")
	p.See("What to do")
}
