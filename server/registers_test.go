package server_test

import (
	"testing"

	"thonsync/server"
	"thonsync/server/reconcile/registers"
	"thonsync/server/requests"
)

const cardsHeader = "Số CCCD,Họ và tên,Ngày sinh\n"

func cards(rows string) server.RegisterFile {
	return server.RegisterFile{File: []byte(cardsHeader + rows), FileSource: registers.FileSource{
		Register: "Thẻ căn cước", Units: []string{province},
		Adjusted: &registers.RegisterProfile{Name: "p", Rule: registers.RegisterRule{Kinds: []string{"HELP"}}},
	}}
}

// TestRequestErasesRowsOfRegisters: whoever asks to be erased goes from registers,
// too, also somebody whom only a register names; nothing is left in any file, and
// the same file does not bring anybody back.
func TestRequestErasesRowsOfRegisters(t *testing.T) {
	c := newCitizens(t)
	c.help(citizenName, citizenNumber)
	c.exchange(c.phone)
	const onlyListed = "002190777888"
	file := cards(citizenNumber + "," + citizenName + ",1990\n" + onlyListed + ",Người Chỉ Có Trong Danh Sách,1990\n002090654321,Lò Văn Khác,1990\n")
	got := do(t, c.centre, server.RegisterImport, file)
	if got.New != 3 || got.Overview.Sums.Confirmed != 1 || got.Overview.Sums.Only != 2 {
		t.Fatalf("imported %+v", got.Overview)
	}
	for number, records := range map[string]int{citizenNumber: 1, onlyListed: 0} {
		r := do(t, c.centre, server.RequestOpen, server.RequestNew{Kind: requests.Erase, Channel: "office", IDNumber: number})
		if r.Listed != 1 || len(r.Records) != records {
			t.Errorf("found %d rows and %d records", r.Listed, len(r.Records))
		}
		out := do(t, c.centre, server.RequestEraseCommand, server.RequestErase{Number: r.Number, Records: records, Look: true})
		if len(out.Left) != 0 || out.Looked == nil || out.Looked.Files == 0 || out.Request.Listed != 0 {
			t.Errorf("left %+v, rows %d", out.Left, out.Request.Listed)
		}
	}
	again := do(t, c.centre, server.RegisterImport, file)
	if again.New != 0 || again.Same != 1 || again.LeftOut != 2 {
		t.Errorf("the file brought somebody back: %+v", again.ImportResult)
	}
	wantInvalid(t, c.centre, server.RegisterImport, server.RegisterFile{File: []byte("x"), FileSource: file.FileSource})
}
