package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"thonsync/server"
	"thonsync/server/config"
	"thonsync/server/ownlog"
	"thonsync/server/requests"
	"thonsync/syncproto"
)

const (
	invented       = "Giàng Thị Thử Lệnh"
	inventedNumber = "002191987654"
)

// helpedCommand writes a kind and two activities about an invented citizen.
var helpedCommand = server.Register(server.Command[server.None, []uuid.UUID]{
	Name: "test.helped",
	Do: func(ctx context.Context, n *server.Node, _ server.None) (out []uuid.UUID, err error) {
		text := func(num uint32, s string) syncproto.Field {
			return syncproto.Field{Num: num, Value: syncproto.TextValue(s)}
		}
		kind := `{"code":"HELP","name_vi":"Giúp đỡ","person":true,"basis":"public_task","purpose_vi":"Giúp làm thủ tục","fields":[]}`
		drafts := []ownlog.Draft{{
			Header: syncproto.Header{Collection: syncproto.CollectionKind, Op: syncproto.OpCreate},
			Operational: syncproto.Row{
				text(syncproto.FieldUnit, "test:1"), text(syncproto.KindCode, "HELP"), text(syncproto.KindNameVI, "Giúp đỡ"), text(syncproto.KindDefinition, kind),
			},
		}}
		for range 2 {
			drafts = append(drafts, ownlog.Draft{
				Header:      syncproto.Header{Collection: syncproto.CollectionActivity, Op: syncproto.OpCreate},
				Operational: syncproto.Row{text(syncproto.FieldUnit, "test:1"), text(syncproto.ActivityKind, "HELP")},
				Personal:    syncproto.Row{text(syncproto.PersonIDNumber, inventedNumber), text(syncproto.PersonFullName, invented)},
			})
		}
		entries, err := n.WriteOwn(ctx, drafts)
		for _, e := range entries[1:] {
			out = append(out, e.Record)
		}
		return out, err
	},
})

// TestRequestByCommand goes the whole way with the program: the number comes by
// standard input, and nothing that is printed says who asked.
func TestRequestByCommand(t *testing.T) {
	data := filepath.Join(t.TempDir(), "centre")
	_, stop := serving(t, "--data", data, "--listen", "127.0.0.1:0")
	defer stop()
	seedUnit(t, data)
	cfg, err := config.Default()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Data = data
	ids, err := helpedCommand.Run(t.Context(), cfg, server.Options{}, server.None{})
	if err != nil || len(ids) != 2 {
		t.Fatal(ids, err)
	}
	var said strings.Builder
	req := func(stdin string, args ...string) result {
		t.Helper()
		r := thonsync(t, nil, stdin, append([]string{"--data", data, "request"}, args...)...)
		said.WriteString(r.out + r.err)
		return r
	}
	if r := req("12\n", "new", "see", "--number"); r.code == exitOK {
		t.Error("a number of two digits was taken")
	}
	see := decode[server.RequestView](t, req(inventedNumber+"\n", "new", "see", "--number", "--json"))
	if len(see.Records) != 2 || see.AnswerByMS == 0 {
		t.Fatalf("%+v", see)
	}
	sheet := filepath.Join(t.TempDir(), "sheet.html")
	req("", "answer", see.Number, "--out", sheet).ok(t)
	if b, err := os.ReadFile(sheet); err != nil || !strings.Contains(string(b), invented) || !strings.Contains(string(b), "Giúp làm thủ tục") {
		t.Errorf("the sheet: %v", err)
	}
	if r := req("", "answer", see.Number, "--out", sheet); r.code == exitOK {
		t.Error("a file was overwritten")
	}
	req("", "close", see.Number).ok(t)

	correct := decode[server.RequestView](t, req("", "new", "correct", "--record", ids[0].String(), "--channel", "letter", "--received", "2026-03-02", "--json"))
	req(`{"phone":"0912 345 678"}`, "answer", correct.Number, "--record", ids[0].String(), "--values", "-").ok(t)
	if r := req(`{"phone":"zwei"}`, "answer", correct.Number, "--record", ids[0].String(), "--values", "-"); r.code == exitOK || strings.Contains(r.err, "zwei") {
		t.Errorf("a wrong value: %d %s", r.code, r.err)
	}

	file := filepath.Join(t.TempDir(), "number")
	if err := os.WriteFile(file, []byte(inventedNumber+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	erase := decode[server.RequestView](t, req("", "new", "erase", "--number-file", file, "--json"))
	req("", "acknowledge", erase.Number).ok(t)
	req("", "unlink", erase.Number, ids[1].String()).ok(t)
	req("", "link", erase.Number, ids[1].String()).ok(t)
	req("", "extend", erase.Number, "--reason", "many-records").ok(t)
	if r := req("", "answer", erase.Number); r.code == exitOK || !strings.Contains(r.err, "--records 2") {
		t.Errorf("erased without the count: %s", r.err)
	}
	req("", "answer", erase.Number, "--records", "2").ok(t)
	if r := req(invented+"\n"+inventedNumber+"\n", "verify", erase.Number); r.code != exitOK || !strings.Contains(r.out, "found in 0 places") {
		t.Errorf("verify: %d %s%s", r.code, r.out, r.err)
	}
	req("", "close", erase.Number).ok(t)
	shown := decode[server.RequestView](t, req("", "show", erase.Number, "--json"))
	if shown.Open || len(shown.Steps) < 7 || !shown.Records[0].Erased {
		t.Errorf("%+v", shown)
	}
	list := decode[[]server.RequestView](t, req("", "list", "--overdue", "--json"))
	if len(list) != 0 {
		t.Errorf("overdue: %+v", list)
	}
	if r := req("", "list", "--all"); !strings.Contains(r.out, erase.Number) || !strings.Contains(r.out, see.Number) {
		t.Errorf("listed:\n%s", r.out)
	}
	breach := decode[server.RequestView](t, req("", "new", "breach", "--device", uuid.NewString(), "--json"))
	req("", "people", breach.Number, filepath.Join(t.TempDir(), "people.csv")).ok(t)
	req("", "answer", breach.Number, "--notice").ok(t)
	holidays := decode[[]requests.Holiday](t, req("", "holidays", "--json"))
	if len(holidays) < 30 {
		t.Errorf("%d holidays", len(holidays))
	}
	for _, s := range []string{invented, inventedNumber, "987654"} {
		if strings.Contains(said.String(), s) {
			t.Error("what the program printed says who asked")
		}
	}
}
