package clientlib

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
)

// Question is what the centre asked about a record. Asks and Answer are words of
// syncproto.AskChoices and AnswerChoices.
type Question struct {
	ID      uuid.UUID
	Record  uuid.UUID
	Field   string // name of the field; syncproto.RetractionField for the retraction
	Asks    string
	AskedMS int64  // the centre's clock, Unix ms
	Answer  string // "" while nobody has answered
	Settled bool   // somebody decided: no answer is needed any more
}

// Open reports whether an answer is wanted.
func (q *Question) Open() bool { return q.Answer == "" && !q.Settled }

// asked reports whether something about the record waits for an answer.
func (r *Record) asked() bool {
	return slices.ContainsFunc(r.Questions, func(q Question) bool { return q.Open() })
}

const queryQuestions = `SELECT id, operational, created_ms FROM record
WHERE collection = $1 AND flags & $2 = $3 AND ($4 = '' OR lookup = $4) ORDER BY id`

// questions reads what was asked about one record, about all for uuid.Nil.
func questions(ctx context.Context, q changelog.Querier, record uuid.UUID) ([]Question, error) {
	lookup := ""
	if record != uuid.Nil {
		lookup = record.String()
	}
	rows, err := q.QueryContext(ctx, queryQuestions, syncproto.CollectionQuestion, int64(flagExists|flagVoid), int64(flagExists), lookup)
	if err != nil {
		return nil, fmt.Errorf("reading questions: %w", err)
	}
	defer rows.Close()
	var out []Question
	for rows.Next() {
		var asked Question
		var id, operational []byte
		if err := rows.Scan(&id, &operational, &asked.AskedMS); err != nil {
			return nil, fmt.Errorf("reading questions: %w", err)
		}
		row, err := syncproto.DecodeRow(operational)
		if err != nil {
			continue // doctor names it; the record is shown all the same
		}
		copy(asked.ID[:], id)
		asked.Record, asked.Field = row.Value(syncproto.QuestionRecord).UUID(), row.Value(syncproto.QuestionField).Text()
		asked.Asks, asked.Answer = row.Value(syncproto.QuestionAsks).Text(), row.Value(syncproto.QuestionAnswer).Text()
		asked.Settled = row.Value(syncproto.QuestionState).Text() == syncproto.StateSettled
		out = append(out, asked)
	}
	return out, rows.Err()
}

// addQuestions adds what was asked about a record.
func (d *Device) addQuestions(ctx context.Context, q changelog.Querier, r *Record) (err error) {
	if r.Questions, err = questions(ctx, q, r.ID); err == nil && r.asked() && r.Custody.Stage != StageAskedBack {
		r.Custody.Stage, r.Custody.Reason = StageAskedBack, ReasonQuestion
	}
	return err
}

// openQuestions counts the questions about records of this device that wait for
// an answer.
func openQuestions(ctx context.Context, q changelog.Querier) (n int, err error) {
	all, err := questions(ctx, q, uuid.Nil)
	if err != nil {
		return 0, err
	}
	for i := range all {
		if !all[i].Open() {
			continue
		}
		var here int
		err := q.QueryRowContext(ctx, `SELECT COUNT(*) FROM record WHERE collection = $1 AND id = $2 AND flags & $3`,
			syncproto.CollectionActivity, all[i].Record[:], flagExists).Scan(&here)
		if err != nil {
			return 0, fmt.Errorf("counting questions: %w", err)
		}
		n += here
	}
	return n, nil
}

// AnswerInput answers a question: exactly one of Confirm, Unknown, Retract and
// Value.
type AnswerInput struct {
	Person  uuid.UUID // author; uuid.Nil for the current person
	Confirm bool      // the shown value is right
	Unknown bool      // the team does not know either
	Retract string    // the reason for which the record is retracted
	Value   *string   // another value of the field, as in a form
}

// AnswerQuestion answers a question in one transaction: it writes the value anew,
// or another, or retracts the record, and marks the question answered. Confirming
// writes the value once more, so that everybody sees that it was meant after all
// others, and settles what this device knows to be contested. CodeNotFound if the
// question is not here.
func (d *Device) AnswerQuestion(ctx context.Context, id uuid.UUID, in AnswerInput) ([]Warning, error) {
	var warnings []Warning
	err := d.change(ctx, func(ctx context.Context, q changelog.Querier) error {
		all, err := questions(ctx, q, uuid.Nil)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(all, func(x Question) bool { return x.ID == id })
		if at < 0 {
			return syncproto.Errorf(syncproto.CodeNotFound, "question %s is not on this device", id)
		}
		asked := &all[at]
		if asked.Settled {
			return oneError("question", ruleSettled)
		}
		answer := syncproto.AnswerUnknown
		switch {
		case in.Value != nil:
			answer = syncproto.AnswerCorrected
			warnings, err = d.edit(ctx, q, asked.Record, EditInput{Person: in.Person, Fields: map[string]string{asked.Field: *in.Value}})
		case in.Retract != "":
			answer = syncproto.AnswerRetracted
			err = d.void(ctx, q, asked.Record, in.Person, in.Retract, "")
		case in.Confirm:
			answer = syncproto.AnswerConfirmed
			err = d.confirm(ctx, q, asked, in.Person)
		case !in.Unknown:
			err = oneError("answer", ruleNothing)
		}
		if err != nil {
			return err
		}
		return d.mark(ctx, q, asked.ID, in.Person, answer)
	})
	if err != nil {
		return nil, err
	}
	return warnings, nil
}

// mark writes the answer into the question.
func (d *Device) mark(ctx context.Context, q changelog.Querier, id, person uuid.UUID, answer string) error {
	a, err := d.readActed(ctx, q)
	if err != nil {
		return err
	}
	author, err := a.author(ctx, q, person)
	if err != nil {
		return err
	}
	g, err := d.gather(ctx, q, id)
	if err != nil {
		return err
	}
	s := g.state()
	row := syncproto.NewRow(syncproto.Field{Num: syncproto.QuestionAnswer, Value: syncproto.TextValue(answer)})
	h := d.header(a, author, syncproto.OpSet, id)
	h.Collection = syncproto.CollectionQuestion
	h.Refs[syncproto.Operational] = d.foreign(g, s.Targets(syncproto.Operational, syncproto.QuestionAnswer), syncproto.MaxRefs)
	if _, err := d.append(ctx, q, "", h, row, nil); err != nil {
		return err
	}
	return d.rebuild(ctx, q, id)
}

// confirm writes what is shown once more. What this device no longer has, because
// it was dropped, it cannot confirm by value: the mark alone says it then. A
// retraction is confirmed as not meant: the record stays.
func (d *Device) confirm(ctx context.Context, q changelog.Querier, asked *Question, person uuid.UUID) error {
	a, g, s, author, err := d.startEdit(ctx, q, asked.Record, person)
	if err != nil {
		return err
	}
	code := s.Row(syncproto.Operational).Value(syncproto.ActivityKind).Text()
	name := asked.Field
	if name == syncproto.RetractionField {
		name = fieldOccurred
	}
	var rows [2]syncproto.Row
	for comp := range rows {
		for _, f := range s.Row(syncproto.Compartment(comp)) {
			if fieldName(d.kinds[code], syncproto.Compartment(comp), f.Num) == name {
				rows[comp] = syncproto.Row{f}
			}
		}
	}
	if len(rows[0])+len(rows[1]) == 0 {
		return nil
	}
	h := d.header(a, author, syncproto.OpSet, asked.Record)
	h.Refs = d.references(g, s, rows[0], rows[1])
	if _, err := d.append(ctx, q, code, h, rows[0], rows[1]); err != nil {
		return err
	}
	return d.rebuild(ctx, q, asked.Record)
}
