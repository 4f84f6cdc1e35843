package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"thonsync/syncproto"
)

// StatusReporter tells how the server is.
type StatusReporter interface {
	// Ready gives an error that says what is missing while the server cannot
	// take exchanges.
	Ready(ctx context.Context) error
	// Status gives the present state. It must be cheap: it is polled.
	Status(ctx context.Context) (Status, error)
}

// Version names the program and the protocol it speaks.
type Version struct {
	Program  string        `json:"version" doc:"version of the program"`
	Commit   string        `json:"commit,omitempty"`
	Role     string        `json:"role" enum:"centre,point"`
	Protocol ProtocolRange `json:"protocol"`
}

// ProtocolRange bounds the protocol versions spoken here.
type ProtocolRange struct {
	Min int `json:"min"`
	Max int `json:"max"`
}

// Status is the state of a server. Times are Unix milliseconds by its own
// clock, 0 for never.
type Status struct {
	Role        string          `json:"role" enum:"centre,point"`
	Origin      string          `json:"origin" doc:"the server's own origin"`
	Centre      string          `json:"centre" doc:"fingerprint of the centre's key"`
	NowMS       int64           `json:"now_ms"`
	StartedMS   int64           `json:"started_ms"`
	Origins     int             `json:"origins" doc:"origins known here"`
	Phones      int             `json:"phones"`
	Points      int             `json:"points"`
	Outcomes    []OutcomeStatus `json:"outcomes" doc:"changes by outcome; empty at a point"`
	Changes     uint64          `json:"changes" doc:"changes held"`
	Missing     uint64          `json:"missing" doc:"changes that are known to exist and have not arrived"`
	Forks       []ForkStatus    `json:"forks,omitempty" doc:"devices whose copies wrote on under one key, at most 100"`
	EnrolAgain  int             `json:"enrol_again" doc:"devices that began a new key and have not been enrolled since: their work is held"`
	Issuing     *IssuingStatus  `json:"issuing,omitempty" doc:"points only"`
	Upstream    *UpstreamStatus `json:"upstream,omitempty" doc:"points only"`
	Backup      *BackupStatus   `json:"backup,omitempty" doc:"where backups are made"`
	Requests    *RequestStatus  `json:"requests,omitempty" doc:"citizens' requests and breaches; centre only"`
	Counters    []CounterStatus `json:"counters,omitempty" doc:"what else is counted, such as kinds of bad input"`
	ExchangeKey uint64          `json:"exchange_key" doc:"serial of the exchange key"`
}

// IssuingStatus is what a point may still do about taking phones in.
type IssuingStatus struct {
	Issued    int   `json:"phones_issued"`
	Allowed   int   `json:"phones_allowed" doc:"counted from the first; 0 for no limit"`
	Left      int   `json:"phones_left" doc:"0 also where there is no limit"`
	ExpiresMS int64 `json:"expires_ms" doc:"0 for no end"`
	DaysLeft  int   `json:"days_left"`
}

// ForkStatus is a device that was cloned or put back to an old copy. All of its
// branches are kept; every copy has to be enrolled again.
type ForkStatus struct {
	Origin   string `json:"origin"`
	Commune  string `json:"commune,omitempty"`
	Branches int    `json:"branches"`
	Changes  uint64 `json:"changes" doc:"on branches other than the first"`
}

// OutcomeStatus counts changes of one outcome.
type OutcomeStatus struct {
	Outcome string `json:"outcome"`
	Reason  string `json:"reason,omitempty"`
	Changes uint64 `json:"changes"`
}

// CounterStatus is one counter.
type CounterStatus struct {
	Name  string `json:"name"`
	Value int64  `json:"value"`
}

// UpstreamStatus is how a point stands with the server above it.
type UpstreamStatus struct {
	URL           string         `json:"url"`
	LastSuccessMS int64          `json:"last_success_ms" doc:"end of the last exchange that left nothing behind"`
	LastAnswerMS  int64          `json:"last_answer_ms" doc:"last answer of any kind"`
	Backlog       uint64         `json:"backlog" doc:"changes that upstream has not receipted"`
	Failures      int            `json:"failures" doc:"failed exchanges in a row"`
	LastError     string         `json:"last_error,omitempty"`
	LastErrorCode syncproto.Code `json:"last_error_code,omitempty"`
	NextMS        int64          `json:"next_ms" doc:"when the next exchange is due at the latest"`
	ClockOffsetMS int64          `json:"clock_offset_ms" doc:"this server's clock minus upstream's"`
}

// RequestStatus is how the queue of requests stands.
type RequestStatus struct {
	Open      int   `json:"open"`
	Overdue   int   `json:"overdue" doc:"past a date that the law sets"`
	NextDueMS int64 `json:"next_due_ms,omitempty" doc:"next date by which one is to be carried out"`
}

// BackupStatus is how backups stand.
type BackupStatus struct {
	LastVerifiedMS int64  `json:"last_verified_ms" doc:"newest backup that was restored in a drill"`
	LastError      string `json:"last_error,omitempty"`
	Kept           int    `json:"kept"`
}

func apiConfig(v Version) huma.Config {
	c := huma.DefaultConfig("Thonsync", v.Program)
	// Own routes serve the document and a page without foreign scripts.
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	c.CreateHooks = nil
	c.Transformers = append(c.Transformers, finishProblem)
	c.Info.Description = "What a point or centre offers besides the sync protocol. Errors are RFC 9457 problems; act on code."
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token":   {Type: "http", Scheme: "bearer", Description: "The token in the file keys/api-token of the data folder; stands for a province operator"},
		"session": {Type: "apiKey", In: "cookie", Name: SessionCookie, Description: "The session of somebody who signed in on the page " + SignInPath},
	}
	return c
}

// finishProblem makes problems that huma writes like those of other routes.
func finishProblem(ctx huma.Context, _ string, v any) (any, error) {
	p, ok := v.(*Problem)
	if !ok {
		return v, nil
	}
	done := *p
	p = done.complete()
	p.translate(ctx.Header("Accept-Language"))
	p.RequestID = RequestID(ctx.Context())
	return p, nil
}

func init() { huma.NewError = humaError }

type empty struct{}

type versionOutput struct{ Body Version }

func (s *Server) registerVersion() {
	huma.Register(s.api, declare(huma.Operation{
		OperationID: "version", Method: http.MethodGet, Path: "/version", Tags: []string{"server"},
		Summary: "Program and protocol versions",
	}), func(context.Context, *empty) (*versionOutput, error) {
		return &versionOutput{s.opts.Version}, nil
	})
}

type statusOutput struct{ Body Status }

func (s *Server) registerStatus() {
	huma.Register(s.api, declare(huma.Operation{
		OperationID: "status", Method: http.MethodGet, Path: "/v1/status", Tags: []string{"server"},
		Summary: "Present state of the server",
	}), func(ctx context.Context, _ *empty) (*statusOutput, error) {
		st, err := s.opts.Status.Status(ctx)
		if err != nil {
			return nil, s.hide(ctx, err)
		}
		return &statusOutput{st}, nil
	})
}

// hide logs the cause of a fault that huma is about to answer and leaves only
// what may be told.
func (s *Server) hide(ctx context.Context, err error) error {
	p := newProblem(err)
	if p.Status >= 500 {
		s.log.ErrorContext(ctx, "request failed", "request_id", RequestID(ctx), "code", p.Code, "error", err)
	}
	return p
}

// healthz says that the process lives.
func (s *Server) healthz(c *fiber.Ctx) error { return c.SendString("ok\n") }

// readyz says that exchanges can be taken.
func (s *Server) readyz(c *fiber.Ctx) error {
	if err := s.opts.Status.Ready(c.UserContext()); err != nil {
		return err
	}
	return c.SendString("ready\n")
}
