package server

import (
	"context"

	"github.com/google/uuid"

	"thonsync/server/httpapi"
	"thonsync/server/requests"
)

// desk works on citizens' requests for the JSON API; what it is made of serves
// the command line, too.
type desk struct{ *Node }

// OpenRequest takes a request up.
func (d desk) OpenRequest(ctx context.Context, in RequestNew) (RequestView, error) {
	return d.openRequest(ctx, in)
}

// StepRequest notes what a person did.
func (d desk) StepRequest(ctx context.Context, number string, in httpapi.RequestAct) (RequestView, error) {
	step := requests.Step{Act: in.Act, Records: in.Records, Reason: in.Reason, Export: in.Export, Outcome: in.Outcome}
	return d.noteStep(ctx, RequestStep{Number: number, Step: step})
}

// EraseRequest erases the records of a request. It does not look all files
// through: on a large store that takes longer than a request may.
func (d desk) EraseRequest(ctx context.Context, number string, records int) (httpapi.RequestErased, error) {
	e, err := d.eraseRequest(ctx, RequestErase{Number: number, Records: records})
	return httpapi.RequestErased{Request: e.Request, Rulings: append([]uint64{}, e.Rulings...)}, err
}

// CorrectRequest corrects fields of one record.
func (d desk) CorrectRequest(ctx context.Context, number string, record uuid.UUID, fields map[string]string) (RequestView, error) {
	return d.correctRequest(ctx, RequestCorrect{Number: number, Record: record, Fields: fields})
}

// AnswerRequest notes that a request was carried out otherwise.
func (d desk) AnswerRequest(ctx context.Context, number, how, reason string) (RequestView, error) {
	return d.answerRequest(ctx, RequestAnswered{Number: number, How: how, Reason: reason})
}

// SheetOf gives the page with all values of a citizen's records.
func (d desk) SheetOf(ctx context.Context, number, lang string) ([]byte, error) {
	s, err := d.sheet(ctx, RequestSheet{Number: number, Lang: lang})
	return s.HTML, err
}
