package syncproto

import "slices"

// RetractionField stands in a question, and wherever fields are named, for the
// retraction of a record.
const RetractionField = "void"

// What a question asks. It is a choice, because free text is always personal and
// a question travels where everybody who carries it can read it.
const (
	AskWhich    = "which"    // several values were written: which one is right
	AskRight    = "right"    // is the value right as it stands
	AskHappened = "happened" // did it happen at all, or should it be retracted
)

// How a team answers.
const (
	AnswerConfirmed = "confirmed" // the value is right
	AnswerCorrected = "corrected" // another value was written
	AnswerRetracted = "retracted" // the record was retracted
	AnswerUnknown   = "unknown"   // the team does not know either
)

// StateSettled is the state of a question about a field that somebody settled.
const StateSettled = "settled"

// AskChoices and AnswerChoices list the values.
var (
	AskChoices    = []string{AskWhich, AskRight, AskHappened}
	AnswerChoices = []string{AnswerConfirmed, AnswerCorrected, AnswerRetracted, AnswerUnknown}
)

// AnswersOnly reports whether a change of a question does nothing but answer it,
// which is all that a phone may do to one.
func AnswersOnly(c *Change) bool {
	return c.Header.Op == OpSet && len(c.Operational) == 1 && c.Operational[0].Num == QuestionAnswer && len(c.Personal) == 0
}

// judgeQuestion keeps everything but words of a short list out of a question.
func judgeQuestion(c *Change) *Finding {
	for _, choice := range [...]struct {
		num    uint32
		values []string
	}{{QuestionAsks, AskChoices}, {QuestionAnswer, AnswerChoices}, {QuestionState, []string{StateSettled}}} {
		v, ok := c.Operational.Get(choice.num)
		if !ok || v.IsNull() || slices.Contains(choice.values, v.Text()) {
			continue
		}
		if needs := needSchema(c); needs != "" {
			return &Finding{ReasonUnknownField, needs}
		}
		return &Finding{Reason: ReasonBadValue}
	}
	if v, ok := c.Operational.Get(QuestionField); ok && !namesField(v.Text()) {
		return &Finding{Reason: ReasonBadValue}
	}
	if c.Header.Op == OpCreate && (c.Operational.Value(QuestionRecord).IsNull() || c.Operational.Value(QuestionAsks).IsNull()) {
		return &Finding{Reason: ReasonBadFrame}
	}
	return nil
}

// maxFieldWord bounds a field's name in a question.
const maxFieldWord = 64

// namesField reports whether s can be the name of a field.
func namesField(s string) bool {
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= maxFieldWord
}
