package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"thonsync/server/accounts"
	"thonsync/server/audit"
)

// AuditReader reads the access log. Implementations must be safe for concurrent
// use and write down that it was read.
type AuditReader interface {
	// Entries lists entries, oldest first.
	Entries(ctx context.Context, reader string, q audit.Query) ([]audit.Entry, error)
	// Verdict proves the log.
	Verdict(ctx context.Context) (*audit.Verdict, error)
}

// OwnAccount is who sends the request.
type OwnAccount struct {
	ID     string        `json:"id,omitempty" doc:"empty for a program that holds the API token"`
	Name   string        `json:"name,omitempty"`
	Role   accounts.Role `json:"role" enum:"province,officer,auditor"`
	Units  []string      `json:"units"`
	Factor bool          `json:"second_factor"`
	Must   bool          `json:"must_set_second_factor" doc:"nothing else is answered until it is set"`
	CSRF   string        `json:"csrf,omitempty" doc:"for the header X-CSRF-Token of requests that change something"`
}

type accountOutput struct{ Body OwnAccount }

func (s *Server) registerAccount() {
	huma.Register(s.api, declare(huma.Operation{
		OperationID: "account", Method: http.MethodGet, Path: "/v1/account", Tags: []string{"account"},
		Summary: "Who sends this request",
	}), func(ctx context.Context, _ *empty) (*accountOutput, error) {
		c, ok := CallerOf(ctx)
		if !ok {
			return nil, errSignIn
		}
		out := OwnAccount{Name: c.Name, Role: c.Role, Units: append([]string{}, c.Units...), Factor: c.Factor, Must: c.Pending, CSRF: c.CSRF}
		if c.Name != "" {
			out.ID = c.Account.String()
		}
		return &accountOutput{out}, nil
	})
}

type auditInput struct {
	After  uint64 `query:"after" doc:"only entries with a higher number"`
	Last   int    `query:"last" minimum:"1" maximum:"10000" default:"100" doc:"the last so many"`
	Actor  string `query:"actor" maxLength:"64"`
	Action string `query:"action" maxLength:"32"`
}

type auditOutput struct{ Body []audit.Entry }

type verdictOutput struct{ Body *audit.Verdict }

func (s *Server) registerAudit() {
	huma.Register(s.api, declare(huma.Operation{
		OperationID: "audit", Method: http.MethodGet, Path: "/v1/audit", Tags: []string{"audit"},
		Summary: "The access log", Description: "That it was read is written down, too.",
	}), func(ctx context.Context, in *auditInput) (*auditOutput, error) {
		c, _ := CallerOf(ctx)
		list, err := s.opts.Audit.Entries(ctx, c.Actor(), audit.Query{After: in.After, Last: in.Last, Actor: in.Actor, Action: audit.Action(in.Action)})
		if err != nil {
			return nil, s.hide(ctx, err)
		}
		return &auditOutput{list}, nil
	})
	huma.Register(s.api, declare(huma.Operation{
		OperationID: "audit-verdict", Method: http.MethodGet, Path: "/v1/audit/verdict", Tags: []string{"audit"},
		Summary: "Whether every entry of the access log is in its place",
	}), func(ctx context.Context, _ *empty) (*verdictOutput, error) {
		v, err := s.opts.Audit.Verdict(ctx)
		if err != nil {
			return nil, s.hide(ctx, err)
		}
		return &verdictOutput{v}, nil
	})
}
