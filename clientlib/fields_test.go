package clientlib_test

import (
	"testing"

	"thonsync/clientlib"
	"thonsync/syncproto"
)

func TestDatesAsPeopleWriteThem(t *testing.T) {
	kind := &syncproto.Kind{Code: "X", Fields: []syncproto.KindField{{Num: 32, Name: "day", Type: syncproto.KindDate}}}
	for in, want := range map[string]string{
		"31/12/2025": "2025-12-31", "1/2/2025": "2025-02-01", "01.02.2025": "2025-02-01", "1-2-2025": "2025-02-01", "2025-02-01": "2025-02-01",
		"12/2025": "2025-12", "2025-12": "2025-12", "1990": "1990", " 1990 ": "1990", "29/2/2024": "2024-02-29",
		"29/2/2025": "", "31/4/2025": "", "13/2025": "", "0/2025": "", "00/00/1990": "", "90": "", "1/1/90": "", "2025/12/31": "", "tomorrow": "", "1/2/3/2025": "",
		"+1/2/2025": "", "١٩٩٠": "", "/": "", "02025": "",
	} {
		p, err := clientlib.ParseFields(kind, map[string]string{"day": in})
		got := ""
		if v, ok := p.Operational.Get(32); ok {
			got = v.Date().String()
		}
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v, want %q", in, got, err, want)
		}
	}
}

func FuzzParseFields(f *testing.F) {
	f.Add("stage", "asked")
	f.Add("birth_date", "1/2/1990")
	f.Add("id_number", "002090000001")
	f.Add("obstacles", "road,language")
	kind, err := syncproto.ParseKind(`{"code":"CC","name_vi":"x","person":true,"fields":[{"num":32,"name":"stage","type":"choice","options":[{"value":"asked"}]},
{"num":36,"name":"obstacles","type":"choices","options":[{"value":"road"},{"value":"language"}]},{"num":37,"name":"guardian","type":"text","personal":true}]}`)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		p, err := clientlib.ParseFields(kind, map[string]string{name: value})
		if err != nil {
			return
		}
		// What was taken is canonical: it survives its encoding.
		for _, row := range []syncproto.Row{p.Operational, p.Personal} {
			back, err := syncproto.DecodeRow(syncproto.AppendRow(nil, row))
			if err != nil || len(back) != len(row) {
				t.Fatalf("%v: %v", row, err)
			}
		}
	})
}

func FuzzCardFields(f *testing.F) {
	f.Add("002188000011||Vàng Thị Mỷ Thử|07051988|Nữ|Thôn Nà Thử|01022021")
	f.Fuzz(func(t *testing.T, qr string) {
		values, _, err := clientlib.CardFields(qr)
		if err == nil && len(values["id_number"]) != 12 {
			t.Fatalf("%v", values)
		}
	})
}
