package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"thonsync/server/requests"
)

// RequestKeeper works on what citizens ask for about their data; centre only.
// Implementations must be safe for concurrent use, and write into the access log
// under the caller of ctx before they show personal values. A number that is none
// gives CodeNotFound or CodeScope.
type RequestKeeper interface {
	// Requests lists requests, the most pressing first; closed ones, too, with all.
	Requests(ctx context.Context, all bool) ([]RequestView, error)
	Request(ctx context.Context, number string) (RequestView, error)
	OpenRequest(ctx context.Context, in RequestNew) (RequestView, error)
	// StepRequest notes what a person did.
	StepRequest(ctx context.Context, number string, in RequestAct) (RequestView, error)
	// EraseRequest erases the records of a request, which must be as many as said.
	EraseRequest(ctx context.Context, number string, records int) (RequestErased, error)
	// CorrectRequest corrects fields of one record, by name.
	CorrectRequest(ctx context.Context, number string, record uuid.UUID, fields map[string]string) (RequestView, error)
	// AnswerRequest notes that a request was carried out otherwise.
	AnswerRequest(ctx context.Context, number, how, reason string) (RequestView, error)
	// SheetOf gives the page with all values of a citizen's records, as HTML.
	SheetOf(ctx context.Context, number, lang string) ([]byte, error)
}

// RequestNew is a request to be taken up.
type RequestNew struct {
	Kind       requests.Kind `json:"kind"`
	Channel    string        `json:"channel"`
	ReceivedMS int64         `json:"received_ms,omitempty"` // 0 for now
	Records    []uuid.UUID   `json:"records,omitempty"`
	IDNumber   string        `json:"id_number,omitempty"` // finds further records; never kept
	Shared     bool          `json:"shared,omitempty"`
	Device     uuid.UUID     `json:"device,omitzero"` // of a breach: origin of the lost device
}

// RequestView is a request as people see it.
type RequestView struct {
	Number       string          `json:"number"`
	Kind         requests.Kind   `json:"kind"`
	Channel      string          `json:"channel"`
	ReceivedMS   int64           `json:"received_ms"`
	AnswerByMS   int64           `json:"answer_by_ms,omitempty"`
	DoneByMS     int64           `json:"done_by_ms"`
	Open         bool            `json:"open"`
	Overdue      bool            `json:"overdue"`
	Acknowledged bool            `json:"acknowledged"`
	Extended     bool            `json:"extended"`
	Answered     bool            `json:"answered"`
	How          string          `json:"how,omitempty"`
	Outcome      string          `json:"outcome,omitempty"`
	Device       uuid.UUID       `json:"device,omitzero"`
	Records      []RequestRecord `json:"records"`
	Listed       int             `json:"listed"`     // rows of registers about the citizen
	Recipients   []Recipient     `json:"recipients"` // who got personal values of these records
	// BackupsUntilMS is when the last backup with what was erased becomes
	// unreadable; 0 where none can be read.
	BackupsUntilMS int64           `json:"backups_until_ms,omitempty"`
	LookedMS       int64           `json:"looked_ms,omitempty"`
	Found          int             `json:"found"`
	Steps          []requests.Step `json:"steps,omitempty"`
	Same           []string        `json:"same,omitempty"` // other requests of the same citizen
}

// RequestRecord is a record that a request is about, without personal values.
type RequestRecord struct {
	ID       uuid.UUID `json:"id"`
	Known    bool      `json:"known"`
	What     string    `json:"what"` // activity or member
	Kind     string    `json:"kind,omitempty"`
	Unit     string    `json:"unit,omitempty"`
	Occurred string    `json:"occurred,omitempty"`
	Erased   bool      `json:"erased"`
	Void     bool      `json:"void"`
}

// Recipient is somebody who got personal values in an export.
type Recipient struct {
	Export uuid.UUID `json:"export"`
	Name   string    `json:"name"`
	AtMS   int64     `json:"at_ms"`
	Told   bool      `json:"told"`
}

// RequestErased is what an erasure did.
type RequestErased struct {
	Request RequestView `json:"request"`
	Rulings []uint64    `json:"rulings"`
}

// RequestAct is what a person did for a request.
type RequestAct struct {
	Act     requests.Act `json:"act" enum:"linked,unlinked,acknowledged,extended,told,closed"`
	Records []uuid.UUID  `json:"records,omitempty" maxItems:"1000"`
	Reason  string       `json:"reason,omitempty" maxLength:"32"`
	Export  uuid.UUID    `json:"export,omitzero"`
	Outcome string       `json:"outcome,omitempty" enum:"done,refused,taken-back"`
}

// RequestList is the queue, with the words that steps may use.
type RequestList struct {
	Requests []RequestView   `json:"requests"`
	Kinds    []requests.Kind `json:"kinds"`
	Channels []string        `json:"channels"`
	Reasons  []string        `json:"reasons"`
}

// RequestPath names a request in a path. It is exported because huma reads
// embedded parameters of exported types only.
type RequestPath struct {
	Number string `path:"number" maxLength:"16"`
}

type (
	requestListInput struct {
		All bool `query:"all" doc:"closed ones, too"`
	}
	requestListOutput struct{ Body RequestList }
	requestNewInput   struct{ Body RequestNew }
	requestOutput     struct{ Body RequestView }
	requestActInput   struct {
		RequestPath
		Body RequestAct
	}
	requestEraseInput struct {
		RequestPath
		Body struct {
			Records int `json:"records" minimum:"1" doc:"how many are linked, as a check against a slip"`
		}
	}
	requestErasedOutput struct{ Body RequestErased }
	requestCorrectInput struct {
		RequestPath
		Body struct {
			Record uuid.UUID         `json:"record"`
			Fields map[string]string `json:"fields" doc:"values by the field's name, as in a form"`
		}
	}
	requestAnswerInput struct {
		RequestPath
		Body struct {
			How    string `json:"how" enum:"notice,retention"`
			Reason string `json:"reason,omitempty" maxLength:"32"`
		}
	}
	requestSheetInput struct {
		RequestPath
		Body struct {
			Lang string `json:"lang,omitempty" enum:"vi,en"`
		}
	}
	sheetOutput struct {
		ContentType string `header:"Content-Type"`
		Body        []byte
	}
)

func (s *Server) registerRequests() {
	k := s.opts.Requests
	huma.Register(s.api, requestOperation(http.MethodGet, "requests", "/v1/requests", "What citizens ask for about their data, the most pressing first"),
		func(ctx context.Context, in *requestListInput) (*requestListOutput, error) {
			list, err := k.Requests(ctx, in.All)
			if err != nil {
				return nil, s.hide(ctx, err)
			}
			return &requestListOutput{RequestList{Requests: append([]RequestView{}, list...), Kinds: requests.Kinds(), Channels: requests.Channels, Reasons: requests.Reasons}}, nil
		})
	huma.Register(s.api, requestOperation(http.MethodPost, "request-new", "/v1/requests", "Take a request up; an identity number finds the citizen's records and is not kept"),
		func(ctx context.Context, in *requestNewInput) (*requestOutput, error) {
			return s.requestView(k.OpenRequest(ctx, in.Body))
		})
	huma.Register(s.api, requestOperation(http.MethodGet, "request", "/v1/requests/{number}", "One request with all its steps"),
		func(ctx context.Context, in *RequestPath) (*requestOutput, error) {
			return s.requestView(k.Request(ctx, in.Number))
		})
	huma.Register(s.api, requestOperation(http.MethodPost, "request-step", "/v1/requests/{number}/steps", "Note what was done"),
		func(ctx context.Context, in *requestActInput) (*requestOutput, error) {
			return s.requestView(k.StepRequest(ctx, in.Number, in.Body))
		})
	huma.Register(s.api, requestOperation(http.MethodPost, "request-correct", "/v1/requests/{number}/correct", "Correct fields of a record"),
		func(ctx context.Context, in *requestCorrectInput) (*requestOutput, error) {
			return s.requestView(k.CorrectRequest(ctx, in.Number, in.Body.Record, in.Body.Fields))
		})
	huma.Register(s.api, requestOperation(http.MethodPost, "request-answer", "/v1/requests/{number}/answer", "Note that a request was carried out by a notice, or that data is kept on another basis"),
		func(ctx context.Context, in *requestAnswerInput) (*requestOutput, error) {
			return s.requestView(k.AnswerRequest(ctx, in.Number, in.Body.How, in.Body.Reason))
		})
	huma.Register(s.api, requestOperation(http.MethodPost, "request-erase", "/v1/requests/{number}/erase", "Erase the records of a request, everywhere; to have all files looked through afterwards, which may take long, use thonsync request verify"),
		func(ctx context.Context, in *requestEraseInput) (*requestErasedOutput, error) {
			out, err := k.EraseRequest(ctx, in.Number, in.Body.Records)
			if err != nil {
				return nil, s.hide(ctx, err)
			}
			return &requestErasedOutput{out}, nil
		})
	huma.Register(s.api, requestOperation(http.MethodPost, "request-sheet", "/v1/requests/{number}/sheet", "Make the page with all values of a citizen's records"),
		func(ctx context.Context, in *requestSheetInput) (*sheetOutput, error) {
			page, err := k.SheetOf(ctx, in.Number, in.Body.Lang)
			if err != nil {
				return nil, s.hide(ctx, err)
			}
			return &sheetOutput{ContentType: "text/html; charset=utf-8", Body: page}, nil
		})
}

func requestOperation(method, id, path, summary string) huma.Operation {
	return declare(huma.Operation{OperationID: id, Method: method, Path: path, Tags: []string{"requests"}, Summary: summary})
}

func (s *Server) requestView(v RequestView, err error) (*requestOutput, error) {
	if err != nil {
		return nil, s.hide(s.base, err)
	}
	return &requestOutput{v}, nil
}
