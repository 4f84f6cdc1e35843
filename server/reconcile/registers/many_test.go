package registers_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"thonsync/syncproto"
)

// TestManyRows takes REGISTER_ROWS rows in, 1,500 if nothing else is said and
// 100,000 in the long check: in pieces between which the intake gets its turn,
// with progress that only rises, and again without any change.
func TestManyRows(t *testing.T) {
	n := 1500
	if v, err := strconv.Atoi(os.Getenv("REGISTER_ROWS")); err == nil {
		n = v
	}
	b := open(t)
	var file strings.Builder
	file.WriteString("Số CCCD,Họ và tên,Ngày sinh\n")
	for i := range n {
		fmt.Fprintf(&file, "00219%07d,Nguyễn Thị Thứ %d,19%02d\n", i, i, i/1000%90+10)
	}
	id := b.helped(b.phone, person("002190000007", "Nguyễn Thị Thứ 7", "", 1910, 0, 0), syncproto.Date{Year: 2026, Month: 5, Day: 4}, "done")
	b.phone.Send()
	before, done := b.updates, -1
	res, err := b.s.Import(t.Context(), []byte(file.String()), b.source("CCCD"), false, "test", func(phase string, at, total int) {
		if phase == "importing" && (at < done || at > total) {
			t.Errorf("progress went from %d to %d of %d", done, at, total)
		}
		done = at
	})
	if err != nil || res.New != n || res.LeftOut != 0 || done != n+1 {
		t.Fatalf("%+v, %v, progress ended at %d", res, err, done)
	}
	if pieces := b.updates - before; pieces < n/500 {
		t.Errorf("%d rows in %d transactions", n, pieces)
	}
	if got := b.verdict(id); got != "1 " {
		t.Errorf("one of many: %q", got)
	}
	res, err = b.s.Import(t.Context(), []byte(file.String()), b.source("CCCD"), false, "test", nil)
	if err != nil || res.Same != n {
		t.Errorf("again: %+v, %v", res, err)
	}
}
