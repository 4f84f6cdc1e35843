package view_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/clientlib/cmd/thonfield/internal/view"
	"thonsync/clientlib/cmd/thonfield/internal/words"
	"thonsync/syncproto"
)

const number, otherNumber = "002190123456", "002190654321"

func record() *clientlib.Record {
	author := uuid.UUID{1}
	return &clientlib.Record{
		ID: uuid.UUID{2}, Kind: "CC", Unit: "test:1", Occurred: syncproto.Date{Year: 2030, Month: 5, Day: 6}, Author: author, Conflict: true, Own: true,
		Custody: clientlib.Custody{Stage: clientlib.StageAskedBack, Reason: clientlib.ReasonConflict, Changes: 2},
		Fields: []clientlib.FieldValue{
			{Name: "id_number", Num: syncproto.PersonIDNumber, Compartment: syncproto.Personal, Value: syncproto.TextValue(number), Others: []syncproto.Value{syncproto.TextValue(otherNumber)}},
			{Name: "full_name", Num: syncproto.PersonFullName, Compartment: syncproto.Personal, Value: syncproto.TextValue("Lý Thử")},
			{Name: "stage", Num: 32, Compartment: syncproto.Operational, Value: syncproto.TextValue("asked"), Others: []syncproto.Value{syncproto.TextValue("issued"), syncproto.Null()}},
			{Num: 99, Compartment: syncproto.Operational, Value: syncproto.IntValue(5)},
		},
	}
}

func reader(full bool) *view.Reader {
	kind := &syncproto.Kind{Code: "CC", NameVI: "Làm thẻ", NameEN: "Card", Fields: []syncproto.KindField{{Num: 32, Name: "stage", LabelVI: "Bước", LabelEN: "Stage",
		Options: []syncproto.Option{{Value: "asked", LabelVI: "Đã hỏi", LabelEN: "Asked"}, {Value: "issued", LabelVI: "Đã cấp", LabelEN: "Issued"}}}}}
	return &view.Reader{Lang: words.VI, Kinds: map[string]*syncproto.Kind{"CC": kind}, People: map[uuid.UUID]string{{1}: "Người Thử"}, Full: full}
}

// Every standing value of a field in conflict is shown, and identity numbers
// are shortened there, too.
func TestConflictCandidates(t *testing.T) {
	r := reader(false).FullRecord(record())
	if r.AuthorText != "Người Thử" || r.KindText != "Làm thẻ" || r.Custody.StageText != "Xã hỏi lại" || r.Occurred != "2030-05-06" {
		t.Errorf("got %+v", r.Record)
	}
	id, stage, unknown := r.Fields[0], r.Fields[2], r.Fields[3]
	if id.Value != "456" || id.Shown != "…456" || id.Others[0].Value != "321" || id.Others[0].Shown != "…321" {
		t.Errorf("identity number: %+v", id)
	}
	if stage.Label != "Bước" || stage.Shown != "Đã hỏi" || len(stage.Others) != 2 || stage.Others[0].Shown != "Đã cấp" || stage.Others[1].Value != nil {
		t.Errorf("stage: %+v", stage)
	}
	if !strings.Contains(unknown.Label, "99") || unknown.Value != int64(5) || unknown.Others == nil {
		t.Errorf("unknown field: %+v", unknown)
	}
}

func TestFullOnlyIfAsked(t *testing.T) {
	if r := reader(false).Record(record()); r.IDNumber != "" || r.IDTail != "456" || r.FullName != "Lý Thử" {
		t.Errorf("short: %+v", r)
	}
	r := reader(true).FullRecord(record())
	if r.IDNumber != number || r.Fields[0].Value != number || r.Fields[0].Others[0].Value != otherNumber {
		t.Errorf("full: %+v", r)
	}
}

func TestTail(t *testing.T) {
	for in, want := range map[string]string{"": "", "12": "12", number: "456", " 002 ": "002"} {
		if got := view.Tail(in); got != want {
			t.Errorf("Tail(%q) = %q, want %q", in, got, want)
		}
	}
}

// Lists are never null in JSON, whatever is missing.
func TestListsAreNeverNull(t *testing.T) {
	s, r, b := view.StatusOf(&clientlib.Status{}, clientlib.Names{}), view.ReportOf(&clientlib.Report{RetryAfter: 2 * time.Second}), view.BundleReportOf(&clientlib.BundleReport{})
	if s.Servers == nil || s.Gaps == nil || s.People == nil || r.Problems == nil || r.Notes == nil || b.Problems == nil || view.Warnings(words.VI, nil) == nil {
		t.Error("a list is null")
	}
	if r.RetryAfterMS != 2000 {
		t.Errorf("retry after %d ms", r.RetryAfterMS)
	}
}
