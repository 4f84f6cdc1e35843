package syncproto

import (
	"strings"
	"testing"

	"github.com/google/uuid"
)

// anyUnit knows every unit and no kind.
type anyUnit struct{}

func (anyUnit) Kind(string) (*Kind, bool) { return nil, false }
func (anyUnit) UnitKnown(string) bool     { return true }

// A question travels where everybody who carries it reads it, so it can hold words
// of short lists only.
func TestQuestionHoldsNoFreeText(t *testing.T) {
	ask := func(num uint32, text string) *Change {
		row := Row{
			{FieldUnit, TextValue("a:1")},
			{QuestionRecord, UUIDValue(uuid.UUID{1})},
			{QuestionField, TextValue("full_name")},
			{QuestionAsks, TextValue(AskWhich)},
		}
		for i := range row {
			if row[i].Num == num {
				row[i].Value = TextValue(text)
				return &Change{Header: Header{Collection: CollectionQuestion, Op: OpCreate}, Operational: row}
			}
		}
		return &Change{Header: Header{Collection: CollectionQuestion, Op: OpCreate}, Operational: NewRow(append(row, Field{num, TextValue(text)})...)}
	}
	for _, tt := range []struct {
		num  uint32
		text string
		want Reason
	}{
		{QuestionAsks, AskRight, ""}, {QuestionAnswer, AnswerUnknown, ""}, {QuestionState, StateSettled, ""}, {QuestionField, RetractionField, ""},
		{QuestionAsks, "is Vàng Thị Thử ill", ReasonBadValue}, {QuestionAnswer, "she moved", ReasonBadValue}, {QuestionState, "open", ReasonBadValue},
		{QuestionField, "Vàng", ReasonBadValue}, {QuestionField, "two words", ReasonBadValue}, {QuestionField, "", ReasonBadValue},
		{QuestionField, strings.Repeat("a", maxFieldWord+1), ReasonBadValue},
	} {
		got := Reason("")
		if f := Judge(ask(tt.num, tt.text), "", anyUnit{}); f != nil {
			got = f.Reason
		}
		if got != tt.want {
			t.Errorf("field %d %q: %q, want %q", tt.num, tt.text, got, tt.want)
		}
	}
	empty := ask(QuestionAsks, AskWhich)
	empty.Operational = empty.Operational[:1]
	if f := Judge(empty, "", anyUnit{}); f == nil || f.Reason != ReasonBadFrame {
		t.Errorf("a question about nothing: %+v", f)
	}
	newer := ask(QuestionAsks, "of the future")
	newer.Header.Schema = Schema + 1
	if f := Judge(newer, "", anyUnit{}); f == nil || f.Needs != "schema" {
		t.Errorf("a newer program's question: %+v", f)
	}
}
