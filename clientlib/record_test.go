package clientlib_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/clientlib/clienttest"
	"thonsync/syncproto"
)

// with gives the fields of an invented card activity with some replaced; an
// empty value leaves a field out.
func with(pairs ...string) map[string]string {
	m := clienttest.CardFields(1)
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	maps.DeleteFunc(m, func(_, v string) bool { return v == "" })
	return m
}

// fieldsOf lists the fields that an error names.
func fieldsOf(err error) []string {
	var errs clientlib.FieldErrors
	if !errors.As(err, &errs) {
		return nil
	}
	var names []string
	for _, e := range errs {
		names = append(names, e.Field)
	}
	slices.Sort(names)
	return names
}

func TestRecordChecksItsInput(t *testing.T) {
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	cases := []struct {
		name   string
		kind   string
		fields map[string]string
		want   []string // fields at fault
		value  string   // must not appear in the error
	}{
		{"no name", "CC", with("full_name", ""), []string{"full_name"}, ""},
		{"no result", "CC", with("result", ""), []string{"result"}, ""},
		{"no required choice", "CC", with("stage", ""), []string{"stage"}, ""},
		{"several at once", "CC", with("stage", "", "full_name", ""), []string{"full_name", "stage"}, ""},
		{"foreign option", "CC", with("stage", "canary"), []string{"stage"}, "canary"},
		{"foreign result", "CC", with("result", "canary"), []string{"result"}, "canary"},
		{"short number", "CC", with("id_number", "9990001"), []string{"id_number"}, "9990001"},
		{"letters in a number", "CC", with("visits", "canary"), []string{"visits"}, "canary"},
		{"below zero", "CC", with("visits", "-7777"), []string{"visits"}, "7777"},
		{"no such day", "CC", with("birth_date", "31/02/1990"), []string{"birth_date"}, "31/02"},
		{"no such date", "CC", with("appointment", "soon"), []string{"appointment"}, "soon"},
		{"sex", "CC", with("sex", "canary"), []string{"sex"}, "canary"},
		{"phone", "CC", with("phone", "12345"), []string{"phone"}, "12345"},
		{"hidden text", "CC", with("note", "can\u202eary"), []string{"note"}, "ary"},
		{"control", "CC", with("full_name", "can\x01ary"), []string{"full_name"}, "ary"},
		{"too long", "CC", with("note", strings.Repeat("â", 2001)), []string{"note"}, "â"},
		{"unknown field", "CC", with("ethnicity", "canary"), []string{"ethnicity"}, "canary"},
		{"one bad choice of several", "CC", with("obstacles", "road,canary"), []string{"obstacles"}, "canary"},
		{"truth", "CC", with("helped", "canary"), []string{"helped"}, "canary"},
		{"unknown unit", "CC", with("unit", "test:99999"), []string{"unit"}, "99999"},
		{"person in a talk", "TT", map[string]string{"result": "held", "audience_count": "3", "full_name": "canary"}, []string{"full_name"}, "canary"},
		{"unknown kind", "XX", with(), []string{"kind"}, ""},
	}
	for _, c := range cases {
		_, err := d.Record(context.Background(), clientlib.RecordInput{Kind: c.kind, Fields: c.fields})
		if got := fieldsOf(err); !slices.Equal(got, c.want) {
			t.Errorf("%s: fields %v at fault, want %v (%v)", c.name, got, c.want, err)
			continue
		}
		if syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
			t.Errorf("%s: code %s", c.name, syncproto.CodeOf(err))
		}
		var errs clientlib.FieldErrors
		errors.As(err, &errs)
		for _, e := range errs {
			if e.VI == "" || e.EN == "" || e.VI == e.EN {
				t.Errorf("%s: texts %q and %q", c.name, e.VI, e.EN)
			}
			if c.value != "" && strings.Contains(e.VI+e.EN+err.Error(), c.value) {
				t.Errorf("%s: the error repeats the value", c.name)
			}
		}
	}
	if list, err := d.List(context.Background(), clientlib.Filter{}); err != nil || len(list) != 0 {
		t.Fatalf("refused input left %d records, %v", len(list), err)
	}
}

func TestRecordKeepsWhatWasSaid(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	out, err := d.Record(ctx, clientlib.RecordInput{Kind: "CC", Fields: with("id_number", "002 190 000 001", "visits", "3", "helped", "có",
		"appointment", "5/6/2026", "obstacles", "road, language", "guardian", "Bà Thử", "occurred", "2026-05-01", "phone", "091.234.5678")})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Warnings) != 1 || out.Warnings[0].Field != "sex" {
		t.Fatalf("warnings %+v, want one about sex", out.Warnings)
	}
	r, err := d.Get(ctx, out.ID)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range r.Fields {
		got[f.Name] = f.Text
	}
	for name, want := range map[string]string{"id_number": "002190000001", "visits": "3", "helped": "true", "appointment": "2026-06-05",
		"obstacles": "language,road", "guardian": "Bà Thử", "occurred": "2026-05-01", "phone": "0912345678", "stage": "asked",
		"full_name": "Vàng Mí Thử 1", "birth_date": "1990", "unit": clienttest.Unit, "result": "done"} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
	// What is shown can be typed in again.
	if _, err := d.Edit(ctx, out.ID, clientlib.EditInput{Fields: map[string]string{"visits": got["visits"], "obstacles": got["obstacles"],
		"appointment": got["appointment"], "helped": got["helped"], "sex": got["sex"]}}); err != nil {
		t.Error(err)
	}
}

func TestOccurredDefaultsToTodayInVietnam(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	w.Clock.Set(time.Date(2026, 6, 30, 18, 30, 0, 0, time.UTC).UnixMilli())
	r, err := d.Get(ctx, w.Card(d, 1))
	if err != nil || r.Occurred != (syncproto.Date{Year: 2026, Month: 7, Day: 1}) {
		t.Fatalf("occurred %v, %v", r.Occurred, err)
	}
	out, err := d.Record(ctx, clientlib.RecordInput{Kind: "CC", Fields: with("occurred", "2/7/2026")})
	if err != nil || len(out.Warnings) != 1 || out.Warnings[0].Field != "occurred" {
		t.Fatalf("a future date: %+v, %v", out, err)
	}
}

func TestTypedRows(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	field := func(num uint32, v syncproto.Value) syncproto.Field { return syncproto.Field{Num: num, Value: v} }
	out, err := d.Record(ctx, clientlib.RecordInput{Kind: "CC", Result: "done", Occurred: syncproto.Date{Year: 2026, Month: 5},
		Operational: syncproto.NewRow(field(32, syncproto.TextValue("issued")), field(33, syncproto.IntValue(2))),
		Personal:    syncproto.NewRow(field(syncproto.PersonFullName, syncproto.TextValue("Bàn Thử")))})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := d.Get(ctx, out.ID); err != nil || r.Occurred.Month != 5 || len(r.Fields) != 8 {
		t.Fatalf("%+v, %v", r, err)
	}
	for name, in := range map[string]clientlib.RecordInput{
		"wrong type":    {Operational: syncproto.NewRow(field(32, syncproto.TextValue("issued")), field(33, syncproto.TextValue("2")))},
		"common field":  {Operational: syncproto.NewRow(field(32, syncproto.TextValue("issued")), field(syncproto.FieldUnit, syncproto.TextValue("test:1")))},
		"foreign field": {Operational: syncproto.NewRow(field(32, syncproto.TextValue("issued")), field(99, syncproto.IntValue(1)))},
		"bad number":    {Operational: syncproto.NewRow(field(32, syncproto.TextValue("issued"))), Personal: syncproto.NewRow(field(syncproto.PersonIDNumber, syncproto.TextValue("12")))},
	} {
		in.Kind, in.Result = "CC", "done"
		in.Personal = append(slices.Clone(in.Personal), field(syncproto.PersonFullName, syncproto.TextValue("Bàn Thử")))
		in.Personal = syncproto.NewRow(in.Personal...)
		if _, err := d.Record(ctx, in); len(fieldsOf(err)) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEditAndVoid(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	id := w.Card(d, 1)
	if _, err := d.Edit(ctx, id, clientlib.EditInput{Fields: map[string]string{"full_name": "Vàng Mí Sửa", "visits": "2", "phone": ""}}); err != nil {
		t.Fatal(err)
	}
	if text := fieldText(t, d, id, "full_name"); text != "Vàng Mí Sửa" {
		t.Fatalf("name %q", text)
	}
	if text := fieldText(t, d, id, "phone"); text != "" {
		t.Fatalf("cleared phone shows %q", text)
	}
	for name, fields := range map[string]map[string]string{
		"stage": {"stage": ""}, "full_name": {"full_name": ""}, "result": {"result": ""}, "fields": {},
	} {
		if _, err := d.Edit(ctx, id, clientlib.EditInput{Fields: fields}); !slices.Equal(fieldsOf(err), []string{name}) {
			t.Errorf("clearing %s: %v", name, err)
		}
	}
	if err := d.Void(ctx, id, uuid.Nil, "because", ""); !slices.Equal(fieldsOf(err), []string{"void_reason"}) {
		t.Errorf("reason: %v", err)
	}
	if err := d.Void(ctx, id, uuid.Nil, "duplicate", "ghi hai lần"); err != nil {
		t.Fatal(err)
	}
	r, err := d.Get(ctx, id)
	if err != nil || !r.Void || r.VoidReason != "duplicate" {
		t.Fatalf("%+v, %v", r, err)
	}
	if list, _ := d.List(ctx, clientlib.Filter{}); len(list) != 0 {
		t.Fatal("a retracted record is listed")
	}
	if list, _ := d.List(ctx, clientlib.Filter{Void: true}); len(list) != 1 {
		t.Fatal("a retracted record is not listed on demand")
	}
	if _, err := d.Edit(ctx, id, clientlib.EditInput{Fields: map[string]string{"visits": "5"}}); err != nil {
		t.Fatal(err)
	}
	if r, _ := d.Get(ctx, id); r.Void {
		t.Fatal("an edit takes the retraction back")
	}
	if _, err := d.Edit(ctx, uuid.UUID{1}, clientlib.EditInput{Fields: map[string]string{"visits": "5"}}); syncproto.CodeOf(err) != syncproto.CodeNotFound {
		t.Fatalf("unknown record: %v", err)
	}
	if err := d.VerifyChain(ctx); err != nil {
		t.Fatal(err)
	}
	w.Sync(d)
	if n := len(w.Centre.People(d.Origin())); n != 4 {
		t.Fatalf("the centre holds %d changes, want 4", n)
	}
}

func fieldText(t testing.TB, d *clientlib.Device, id uuid.UUID, name string) string {
	t.Helper()
	r, err := d.Get(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Fields {
		if f.Name == name {
			return f.Text
		}
	}
	return ""
}

func TestListFindsAndPages(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	var ids []uuid.UUID
	for i := range 450 {
		w.Clock.Advance(time.Minute)
		ids = append(ids, w.Card(d, i))
	}
	w.Clock.Advance(time.Minute)
	since := w.Clock.NowMS()
	out, err := d.Record(ctx, clientlib.RecordInput{Kind: "TT", Fields: map[string]string{"result": "held", "audience_count": "40", "note": "Đường Đất lở"}})
	if err != nil {
		t.Fatal(err)
	}
	list := func(f clientlib.Filter) []clientlib.Record {
		t.Helper()
		l, err := d.List(ctx, f)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	for name, c := range map[string]struct {
		f    clientlib.Filter
		want int
	}{
		"default page": {clientlib.Filter{}, 50}, "kind": {clientlib.Filter{Kind: "TT"}, 1}, "since": {clientlib.Filter{SinceMS: since}, 1},
		"marks dropped": {clientlib.Filter{Text: "duong dat"}, 1}, "capitals": {clientlib.Filter{Text: "ĐƯỜNG"}, 1},
		"number": {clientlib.Filter{Text: "002090000123"}, 1}, "nothing": {clientlib.Filter{Text: "zzz"}, 0},
		"a name far down": {clientlib.Filter{Text: "vang mi thu 7", Limit: 100}, 11}, "all waiting": {clientlib.Filter{Waiting: true, Limit: 500}, 451},
	} {
		if got := list(c.f); len(got) != c.want {
			t.Errorf("%s: %d records, want %d", name, len(got), c.want)
		}
	}
	var all []uuid.UUID
	f := clientlib.Filter{Limit: 70}
	for {
		page := list(f)
		if len(page) == 0 {
			break
		}
		for _, r := range page {
			all = append(all, r.ID)
		}
		f.Before = page[len(page)-1].ID
	}
	slices.Reverse(all)
	if !slices.Equal(all, append(ids, out.ID)) {
		t.Fatalf("pages give %d records, want %d in order", len(all), len(ids)+1)
	}
	w.Sync(d)
	if got := list(clientlib.Filter{Waiting: true}); len(got) != 0 {
		t.Fatalf("%d records wait after a sync", len(got))
	}
	sum, err := d.CustodySum(ctx)
	if err != nil || sum[clientlib.StageAtCentre] != 451 {
		t.Fatalf("sum %v, %v", sum, err)
	}
}

func TestCardFields(t *testing.T) {
	values, warnings, err := clientlib.CardFields("002188000011||Vàng Thị Mỷ Thử|07051988|Nữ|Thôn Nà Thử|01022021")
	if err != nil || len(warnings) != 0 {
		t.Fatal(warnings, err)
	}
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	values["stage"], values["result"] = "asked", "done"
	if _, err := d.Record(context.Background(), clientlib.RecordInput{Kind: "CC", Fields: values}); err != nil {
		t.Fatal(err)
	}
	_, warnings, err = clientlib.CardFields("002088000011||Vàng Thị Mỷ Thử|07051987|Nữ|Thôn Nà Thử|01022021")
	if err != nil || fmt.Sprint(len(warnings)) != "2" {
		t.Fatal(warnings, err)
	}
	if _, _, err := clientlib.CardFields("nonsense"); !slices.Equal(fieldsOf(err), []string{"card"}) {
		t.Fatal(err)
	}
}
