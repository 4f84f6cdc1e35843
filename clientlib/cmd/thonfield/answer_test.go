package main

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"thonsync/clientlib/cmd/thonfield/internal/view"
	"thonsync/syncproto"
)

// What the commune asks is said in plain words, in both languages, and answered
// with one command.
func TestQuestionIsShownAndAnswered(t *testing.T) {
	n := newNetwork(t, nil)
	p := newPhone(t)
	p.join(n, "a")
	id := p.card()
	ask := func(field, asks string) {
		n.Centre.Define(syncproto.CollectionQuestion, syncproto.NewRow(
			syncproto.Field{Num: syncproto.FieldUnit, Value: syncproto.TextValue("test:0")},
			syncproto.Field{Num: syncproto.QuestionRecord, Value: syncproto.UUIDValue(id)},
			syncproto.Field{Num: syncproto.QuestionField, Value: syncproto.TextValue(field)},
			syncproto.Field{Num: syncproto.QuestionAsks, Value: syncproto.TextValue(asks)},
		))
	}
	ask("result", syncproto.AskRight)
	p.want(exitAsked, "sync")
	if out := p.want(exitAsked, "show", "last", "--lang", "vi").out; !strings.Contains(out, "Xã hỏi về «Kết quả»: ghi như vậy đúng chưa?") || !strings.Contains(out, "thonfield answer") {
		t.Errorf("shown:\n%s", out)
	}
	if out := p.want(exitOK, "list", "--lang", "vi").out; !strings.Contains(out, "Xã hỏi lại") {
		t.Errorf("listed:\n%s", out)
	}
	if out := p.want(exitAsked, "status", "--lang", "en").out; !strings.Contains(out, "Questions that wait for an answer: 1") {
		t.Errorf("status:\n%s", out)
	}
	p.want(exitUsage, "answer", "last")
	p.want(exitUsage, "answer", "last", "--confirm", "--unknown")
	p.want(exitFailed, "answer", "last", "--field", "occurred", "--confirm")
	p.want(exitOK, "answer", "last", "--confirm")
	p.want(exitFailed, "answer", "last", "--confirm") // nothing waits any more
	if out := p.want(exitOK, "show", "last", "--lang", "vi").out; !strings.Contains(out, "Đã trả lời: đúng như đang ghi") {
		t.Errorf("answered:\n%s", out)
	}
	ask("occurred", syncproto.AskWhich)
	ask("stage", syncproto.AskWhich)
	p.want(exitAsked, "sync")
	p.want(exitUsage, "answer", "last", "--unknown")
	p.want(exitOK, "answer", "last", "--unknown", "--field", "occurred")
	p.want(exitOK, "answer", "last", "--value", "issued")
	type shown struct{ Record view.FullRecord }
	got := get[shown](p, exitOK, "show", "last").Record
	answers := map[string]string{}
	for _, q := range got.Questions {
		answers[q.Field] = q.Answer
	}
	want := map[string]string{"result": syncproto.AnswerConfirmed, "occurred": syncproto.AnswerUnknown, "stage": syncproto.AnswerCorrected}
	for field, answer := range want {
		if answers[field] != answer {
			t.Errorf("%s is answered %q, want %q", field, answers[field], answer)
		}
	}
	for _, f := range got.Fields {
		if f.Name == "stage" && f.Value != "issued" {
			t.Errorf("the answer's value was not written: %v", f.Value)
		}
	}
	if got.ID == uuid.Nil {
		t.Error("no record")
	}
}
