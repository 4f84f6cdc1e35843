package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"thonsync/server/accounts"
)

// AccountKeeper looks after who may sign in here. Implementations must be safe for
// concurrent use and write every change into the access log under the caller of
// ctx. An id that is none gives CodeScope.
type AccountKeeper interface {
	ListAccounts(ctx context.Context) ([]accounts.Account, error)
	// AddAccount makes an account; its owner sets the password by the link.
	AddAccount(ctx context.Context, a NewAccount) (AccountLink, error)
	// ResetAccount takes password and second factor away and gives a new link.
	ResetAccount(ctx context.Context, id uuid.UUID) (AccountLink, error)
	SetAccountRole(ctx context.Context, id uuid.UUID, r AccountRole) error
	SetAccountDisabled(ctx context.Context, id uuid.UUID, disabled bool) error
}

// AccountRole is what an account may do, and where.
type AccountRole struct {
	Role  accounts.Role `json:"role" enum:"province,officer,auditor"`
	Units []string      `json:"units,omitempty" maxItems:"100" doc:"of an officer, as list:code"`
}

// NewAccount is an account to be made.
type NewAccount struct {
	Name string `json:"name" maxLength:"32" doc:"to sign in with: small letters without marks, digits, dots or hyphens"`
	AccountRole
}

// AccountLink is a one-time link for the owner of an account. It is shown once.
type AccountLink struct {
	Name  string `json:"name"`
	URL   string `json:"url"`
	Hours int    `json:"valid_hours"`
}

type (
	accountListOutput struct{ Body []accounts.Account }
	accountLinkOutput struct{ Body AccountLink }
	accountNewInput   struct{ Body NewAccount }
	accountInput      struct {
		ID string `path:"id" format:"uuid"`
	}
	accountRoleInput struct {
		ID   string `path:"id" format:"uuid"`
		Body AccountRole
	}
	accountStateInput struct {
		ID   string `path:"id" format:"uuid"`
		Body struct {
			Disabled bool `json:"disabled"`
		}
	}
)

func (s *Server) registerAccounts() {
	tags := []string{"accounts"}
	keeper := s.opts.Accounts
	huma.Register(s.api, declare(huma.Operation{
		OperationID: "accounts", Method: http.MethodGet, Path: "/v1/accounts", Tags: tags, Summary: "Who may sign in here",
	}), func(ctx context.Context, _ *empty) (*accountListOutput, error) {
		list, err := keeper.ListAccounts(ctx)
		if err != nil {
			return nil, s.hide(ctx, err)
		}
		return &accountListOutput{append([]accounts.Account{}, list...)}, nil
	})
	huma.Register(s.api, declare(huma.Operation{
		OperationID: "account-add", Method: http.MethodPost, Path: "/v1/accounts", Tags: tags,
		Summary: "Make an account", Description: "Its owner sets the password by the link, which is shown once.",
	}), func(ctx context.Context, in *accountNewInput) (*accountLinkOutput, error) {
		return s.accountLink(keeper.AddAccount(ctx, in.Body))
	})
	huma.Register(s.api, declare(huma.Operation{
		OperationID: "account-reset", Method: http.MethodPost, Path: "/v1/accounts/{id}/reset", Tags: tags,
		Summary: "Take password and second factor away", Description: "Sessions end. The owner sets a new password by the link, which is shown once.",
	}), func(ctx context.Context, in *accountInput) (*accountLinkOutput, error) {
		id, err := uuid.Parse(in.ID)
		if err != nil {
			return nil, s.hide(ctx, errHidden)
		}
		return s.accountLink(keeper.ResetAccount(ctx, id))
	})
	huma.Register(s.api, declare(huma.Operation{
		OperationID: "account-role", Method: http.MethodPut, Path: "/v1/accounts/{id}/role", Tags: tags,
		Summary: "Change role and units",
	}), func(ctx context.Context, in *accountRoleInput) (*empty, error) {
		return s.accountChange(ctx, in.ID, func(id uuid.UUID) error { return keeper.SetAccountRole(ctx, id, in.Body) })
	})
	huma.Register(s.api, declare(huma.Operation{
		OperationID: "account-disabled", Method: http.MethodPut, Path: "/v1/accounts/{id}/disabled", Tags: tags,
		Summary: "Shut an account out, or let it in again",
	}), func(ctx context.Context, in *accountStateInput) (*empty, error) {
		return s.accountChange(ctx, in.ID, func(id uuid.UUID) error { return keeper.SetAccountDisabled(ctx, id, in.Body.Disabled) })
	})
}

func (s *Server) accountLink(l AccountLink, err error) (*accountLinkOutput, error) {
	if err != nil {
		return nil, s.hide(s.base, err)
	}
	return &accountLinkOutput{l}, nil
}

func (s *Server) accountChange(ctx context.Context, id string, f func(uuid.UUID) error) (*empty, error) {
	account, err := uuid.Parse(id)
	if err != nil {
		return nil, s.hide(ctx, errHidden)
	}
	if err := f(account); err != nil {
		return nil, s.hide(ctx, err)
	}
	return &empty{}, nil
}
