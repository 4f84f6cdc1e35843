package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"thonsync/server/reconcile/registers"
)

// Registrar keeps registers and compares records with them. Implementations must
// be safe for concurrent use, and write down who does or sees what before it
// happens. unit "" stands for everywhere.
type Registrar interface {
	Registers(ctx context.Context, unit string) ([]registers.RegisterView, error)
	Register(ctx context.Context, id, unit string) (registers.RegisterView, error)
	RegisterTeams(ctx context.Context, id, unit string) ([]registers.RegisterTeam, error)
	RegisterFindings(ctx context.Context, id string, q registers.FindingQuery) (items []registers.RegisterFinding, next uuid.UUID, err error)
	RegisterRows(ctx context.Context, id string, q registers.RowQuery) (items []registers.RegisterRow, next string, err error)
	// RegisterRow shows who a row is about.
	RegisterRow(ctx context.Context, id, row, actor string) (registers.RegisterRow, error)
	RegisterProfiles(ctx context.Context) ([]registers.RegisterProfile, error)
	SaveRegisterProfile(ctx context.Context, p registers.RegisterProfile) error
	DropRegisterProfile(ctx context.Context, name string) error
	BeginUpload(ctx context.Context, owner string, size int) (registers.RegisterUpload, error)
	UploadPart(ctx context.Context, owner string, id uuid.UUID, offset int, part []byte) (registers.RegisterUpload, error)
	UploadStatus(ctx context.Context, owner string, id uuid.UUID) (registers.RegisterUpload, error)
	PreviewUpload(ctx context.Context, owner string, id uuid.UUID, src registers.FileSource) (*registers.FilePreview, error)
	ImportUpload(ctx context.Context, owner string, id uuid.UUID, src registers.FileSource, dry bool) (registers.RegisterUpload, error)
	// UploadBadRows gives the rows that were left out as a file.
	UploadBadRows(ctx context.Context, owner string, id uuid.UUID, format string) ([]byte, error)
	// UndoRegister takes an import back, or forgets a register where imported is
	// uuid.Nil.
	UndoRegister(ctx context.Context, id string, imported uuid.UUID, actor string) error
}

type registersInput struct {
	Unit string `query:"unit" maxLength:"128" doc:"only what lies in this unit, list:code"`
}

type registersOutput struct{ Body []registers.RegisterView }

// RegisterPath names a register. It is exported because huma reads embedded
// parameters of exported types only.
type RegisterPath struct {
	ID   uuid.UUID `path:"id" doc:"the register"`
	Unit string    `query:"unit" maxLength:"128" doc:"only what lies in this unit, list:code"`
}

type registerOutput struct{ Body registers.RegisterView }

type registerTeamsOutput struct{ Body []registers.RegisterTeam }

type registerFindingsInput struct {
	RegisterPath
	Verdict string    `query:"verdict" enum:"confirmed,unconfirmed,contradicted,not_covered" doc:"only this verdict"`
	Team    uuid.UUID `query:"team" doc:"only of this team"`
	Cursor  uuid.UUID `query:"cursor" doc:"next of the page before"`
	Limit   int       `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type registerFindingsOutput struct {
	Body struct {
		Items []registers.RegisterFinding `json:"items"`
		Next  *uuid.UUID                  `json:"next,omitempty" doc:"cursor of the next page; absent at the end"`
	}
}

type registerRowsInput struct {
	RegisterPath
	State  string `query:"state" enum:"found,only,gone" doc:"found in records, only in the register, or gone from it"`
	Cursor string `query:"cursor" maxLength:"32" doc:"next of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type registerRowsOutput struct {
	Body struct {
		Items []registers.RegisterRow `json:"items"`
		Next  string                  `json:"next,omitempty" doc:"cursor of the next page; absent at the end"`
	}
}

type registerRowInput struct {
	RegisterPath
	Row string `path:"row" maxLength:"32"`
}

type registerRowOutput struct{ Body registers.RegisterRow }

type registerProfilesOutput struct{ Body []registers.RegisterProfile }

type registerProfileInput struct{ Body registers.RegisterProfile }

type registerProfileName struct {
	Body struct {
		Name string `json:"name" maxLength:"200"`
	}
}

type uploadInput struct {
	Body struct {
		Size int `json:"size" minimum:"1" doc:"octets of the file"`
	}
}

// UploadPath names an upload.
type UploadPath struct {
	ID uuid.UUID `path:"id" doc:"the upload"`
}

type uploadPartInput struct {
	UploadPath
	Body struct {
		Offset int    `json:"offset" minimum:"0" doc:"where in the file the part begins"`
		Data   []byte `json:"data" maxLength:"700000" doc:"at most 512 KB of the file, base64"`
	}
}

type uploadOutput struct{ Body registers.RegisterUpload }

type uploadSourceInput struct {
	UploadPath
	Body registers.FileSource
}

type uploadImportInput struct {
	UploadPath
	Body struct {
		registers.FileSource
		DryRun bool `json:"dry_run,omitempty" doc:"say what it would do, and do nothing"`
	}
}

type previewOutput struct{ Body registers.FilePreview }

type uploadBadInput struct {
	UploadPath
	Format string `path:"format" enum:"csv,xlsx"`
}

type registerUndoInput struct {
	ID   uuid.UUID `path:"id" doc:"the register"`
	Body struct {
		Import uuid.UUID `json:"import,omitzero" doc:"the import to take back, the newest first; absent to forget the register"`
	}
}

const registersPath = "/v1/registers"

type operator func(id, method, path, summary, more string) huma.Operation

func (s *Server) registerRegisters() {
	op := operator(func(id, method, path, summary, more string) huma.Operation {
		return declare(huma.Operation{OperationID: id, Method: method, Path: registersPath + path, Tags: []string{"registers"}, Summary: summary, Description: more})
	})
	// Fixed addresses come before those with a register's id.
	s.registerUploads(op)
	s.registerProfiles(op)
	s.registerRegisterLists(op)
}

func (s *Server) registerUploads(op operator) {
	r := s.opts.Registers
	huma.Register(s.api, op("register-upload", http.MethodPost, "/uploads", "Begin to send a register's file",
		"It comes in parts, waits in memory for an hour, and belongs to the account that sends it."),
		func(ctx context.Context, in *uploadInput) (*uploadOutput, error) {
			u, err := r.BeginUpload(ctx, actorOf(ctx), in.Body.Size)
			return answerOr(s, ctx, &uploadOutput{u}, err)
		})
	huma.Register(s.api, op("register-upload-part", http.MethodPost, "/uploads/{id}/parts", "Send the next part of a file", "Sending a part again does no harm."),
		func(ctx context.Context, in *uploadPartInput) (*uploadOutput, error) {
			u, err := r.UploadPart(ctx, actorOf(ctx), in.ID, in.Body.Offset, in.Body.Data)
			return answerOr(s, ctx, &uploadOutput{u}, err)
		})
	huma.Register(s.api, op("register-upload-status", http.MethodGet, "/uploads/{id}", "How far a file has come, and what an import has done", ""),
		func(ctx context.Context, in *UploadPath) (*uploadOutput, error) {
			u, err := r.UploadStatus(ctx, actorOf(ctx), in.ID)
			return answerOr(s, ctx, &uploadOutput{u}, err)
		})
	huma.Register(s.api, op("register-preview", http.MethodPost, "/uploads/{id}/preview", "How a file is understood",
		"Shows the first rows with personal fields; that is in the access log before. Nothing changes."),
		func(ctx context.Context, in *uploadSourceInput) (*previewOutput, error) {
			p, err := r.PreviewUpload(ctx, actorOf(ctx), in.ID, in.Body)
			if err != nil {
				return nil, s.hide(ctx, err)
			}
			return &previewOutput{*p}, nil
		})
	huma.Register(s.api, op("register-import", http.MethodPost, "/uploads/{id}/import", "Take a file in, or say what that would do",
		"It goes on in the background: ask for the upload to see how far it is. Repeating an import changes nothing."),
		func(ctx context.Context, in *uploadImportInput) (*uploadOutput, error) {
			u, err := r.ImportUpload(ctx, actorOf(ctx), in.ID, in.Body.FileSource, in.Body.DryRun)
			return answerOr(s, ctx, &uploadOutput{u}, err)
		})
	huma.Register(s.api, op("register-bad-rows", http.MethodGet, "/uploads/{id}/bad/{format}", "The rows that were left out, each with its reason, as a file",
		"Holds personal fields; that is in the access log before."),
		func(ctx context.Context, in *uploadBadInput) (*fileOutput, error) {
			b, err := r.UploadBadRows(ctx, actorOf(ctx), in.ID, in.Format)
			return answerOr(s, ctx, &fileOutput{ContentType: fileTypes[in.Format], Disposition: "attachment; filename=left-out." + in.Format, Body: b}, err)
		})
}

func (s *Server) registerProfiles(op operator) {
	r := s.opts.Registers
	huma.Register(s.api, op("register-profiles", http.MethodGet, "/profiles", "Saved ways of reading files", ""),
		func(ctx context.Context, _ *empty) (*registerProfilesOutput, error) {
			list, err := r.RegisterProfiles(ctx)
			return answerOr(s, ctx, &registerProfilesOutput{list}, err)
		})
	huma.Register(s.api, op("register-profile-save", http.MethodPost, "/profiles", "Keep a way of reading files under its name", ""),
		func(ctx context.Context, in *registerProfileInput) (*empty, error) {
			return answerOr(s, ctx, &empty{}, r.SaveRegisterProfile(ctx, in.Body))
		})
	huma.Register(s.api, op("register-profile-drop", http.MethodPost, "/profiles/drop", "Forget a way of reading files", ""),
		func(ctx context.Context, in *registerProfileName) (*empty, error) {
			return answerOr(s, ctx, &empty{}, r.DropRegisterProfile(ctx, in.Body.Name))
		})
}

func (s *Server) registerRegisterLists(op operator) {
	r := s.opts.Registers
	huma.Register(s.api, op("registers", http.MethodGet, "", "Registers with their sums", "An officer sees the sums of the units of the account."),
		func(ctx context.Context, in *registersInput) (*registersOutput, error) {
			unit, err := s.unitFor(ctx, in.Unit)
			if err != nil {
				return nil, s.hide(ctx, err)
			}
			list, err := r.Registers(ctx, unit)
			return answerOr(s, ctx, &registersOutput{list}, err)
		})
	huma.Register(s.api, op("register", http.MethodGet, "/{id}", "One register with its sums and imports", ""),
		func(ctx context.Context, in *RegisterPath) (*registerOutput, error) {
			unit, err := s.unitFor(ctx, in.Unit)
			if err != nil {
				return nil, s.hide(ctx, err)
			}
			v, err := r.Register(ctx, in.ID.String(), unit)
			return answerOr(s, ctx, &registerOutput{v}, err)
		})
	huma.Register(s.api, op("register-teams", http.MethodGet, "/{id}/teams", "What a register says of each team", ""),
		func(ctx context.Context, in *RegisterPath) (*registerTeamsOutput, error) {
			unit, err := s.unitFor(ctx, in.Unit)
			if err != nil {
				return nil, s.hide(ctx, err)
			}
			list, err := r.RegisterTeams(ctx, in.ID.String(), unit)
			return answerOr(s, ctx, &registerTeamsOutput{list}, err)
		})
	huma.Register(s.api, op("register-findings", http.MethodGet, "/{id}/findings", "What a register says of activities", "Names nobody."),
		func(ctx context.Context, in *registerFindingsInput) (*registerFindingsOutput, error) {
			unit, err := s.unitFor(ctx, in.Unit)
			if err != nil {
				return nil, s.hide(ctx, err)
			}
			out := &registerFindingsOutput{}
			items, next, err := r.RegisterFindings(ctx, in.ID.String(), registers.FindingQuery{Verdict: in.Verdict, Unit: unit, Team: in.Team, After: in.Cursor, Limit: in.Limit})
			if out.Body.Items = items; next != uuid.Nil {
				out.Body.Next = &next
			}
			return answerOr(s, ctx, out, err)
		})
	huma.Register(s.api, op("register-rows", http.MethodGet, "/{id}/rows", "Rows of a register", "Names nobody."),
		func(ctx context.Context, in *registerRowsInput) (*registerRowsOutput, error) {
			unit, err := s.unitFor(ctx, in.Unit)
			if err != nil {
				return nil, s.hide(ctx, err)
			}
			out := &registerRowsOutput{}
			out.Body.Items, out.Body.Next, err = r.RegisterRows(ctx, in.ID.String(), registers.RowQuery{State: in.State, Unit: unit, After: in.Cursor, Limit: in.Limit})
			return answerOr(s, ctx, out, err)
		})
	huma.Register(s.api, op("register-row", http.MethodGet, "/{id}/rows/{row}", "One row with whom it is about", "Shows personal fields; that is in the access log before."),
		func(ctx context.Context, in *registerRowInput) (*registerRowOutput, error) {
			v, err := r.RegisterRow(ctx, in.ID.String(), in.Row, actorOf(ctx))
			return answerOr(s, ctx, &registerRowOutput{v}, err)
		})
	huma.Register(s.api, op("register-undo", http.MethodPost, "/{id}/undo", "Take an import back, or forget a register", "Rows and findings are as they were before."),
		func(ctx context.Context, in *registerUndoInput) (*empty, error) {
			return answerOr(s, ctx, &empty{}, r.UndoRegister(ctx, in.ID.String(), in.Body.Import, actorOf(ctx)))
		})
}
