package server

import (
	"context"

	"github.com/google/uuid"

	"thonsync/server/audit"
	"thonsync/server/reconcile/registers"
	"thonsync/syncproto"
)

// registrar serves registers over the JSON API.
type registrar struct {
	n *Node
	s *registers.Service
}

// Registers lists registers.
func (r registrar) Registers(ctx context.Context, unit string) ([]registers.RegisterView, error) {
	return r.s.List(ctx, unit)
}

// Register gives one.
func (r registrar) Register(ctx context.Context, id, unit string) (registers.RegisterView, error) {
	return r.s.Get(ctx, id, unit)
}

// RegisterTeams sums up by team.
func (r registrar) RegisterTeams(ctx context.Context, id, unit string) ([]registers.RegisterTeam, error) {
	return r.s.Teams(ctx, id, unit)
}

// RegisterFindings lists findings.
func (r registrar) RegisterFindings(ctx context.Context, id string, q registers.FindingQuery) ([]registers.RegisterFinding, uuid.UUID, error) {
	return r.s.Findings(ctx, id, q)
}

// RegisterRows lists rows.
func (r registrar) RegisterRows(ctx context.Context, id string, q registers.RowQuery) ([]registers.RegisterRow, string, error) {
	return r.s.Rows(ctx, id, q)
}

// RegisterRow shows who a row is about.
func (r registrar) RegisterRow(ctx context.Context, id, row, actor string) (registers.RegisterRow, error) {
	return r.s.Row(ctx, id, row, func(unit string) error {
		return r.n.audit.Write(ctx, audit.Event{Actor: actor, Action: audit.View, Object: "register row", Unit: unit, Count: 1})
	})
}

// RegisterProfiles lists profiles.
func (r registrar) RegisterProfiles(ctx context.Context) ([]registers.RegisterProfile, error) {
	return r.s.Profiles(ctx)
}

// SaveRegisterProfile keeps a profile.
func (r registrar) SaveRegisterProfile(ctx context.Context, p registers.RegisterProfile) error {
	return r.s.SaveProfile(ctx, p)
}

// DropRegisterProfile forgets one.
func (r registrar) DropRegisterProfile(ctx context.Context, name string) error {
	return r.s.DropProfile(ctx, name)
}

// BeginUpload makes room for a file.
func (r registrar) BeginUpload(_ context.Context, owner string, size int) (registers.RegisterUpload, error) {
	return r.s.Begin(owner, size)
}

// UploadPart adds a part.
func (r registrar) UploadPart(_ context.Context, owner string, id uuid.UUID, offset int, part []byte) (registers.RegisterUpload, error) {
	return r.s.Part(owner, id, offset, part)
}

// UploadStatus tells how far a file is.
func (r registrar) UploadStatus(_ context.Context, owner string, id uuid.UUID) (registers.RegisterUpload, error) {
	return r.s.Status(owner, id)
}

// PreviewUpload shows how a file is understood.
func (r registrar) PreviewUpload(ctx context.Context, owner string, id uuid.UUID, src registers.FileSource) (*registers.FilePreview, error) {
	p, err := r.s.PreviewUpload(ctx, owner, id, src)
	if err != nil {
		return nil, err
	}
	return p, r.n.audit.Write(ctx, audit.Event{Actor: owner, Action: audit.View, Object: "register preview", Count: len(p.Samples)})
}

// ImportUpload takes a file in, beside the request.
func (r registrar) ImportUpload(ctx context.Context, owner string, id uuid.UUID, src registers.FileSource, dry bool) (registers.RegisterUpload, error) {
	if !dry {
		if err := r.n.noteRegister(ctx, owner, "register", "import"); err != nil {
			return registers.RegisterUpload{}, err
		}
	}
	return r.s.Start(owner, id, src, dry, r.n.beside)
}

// UploadBadRows gives the rows left out as a file.
func (r registrar) UploadBadRows(ctx context.Context, owner string, id uuid.UUID, format string) ([]byte, error) {
	b, err := r.s.BadRowsOf(owner, id, format, "")
	if err != nil {
		return nil, err
	}
	return b, r.n.audit.Write(ctx, audit.Event{Actor: owner, Action: audit.Export, Object: "register rows left out"})
}

// UndoRegister takes an import back or forgets a register.
func (r registrar) UndoRegister(ctx context.Context, id string, imported uuid.UUID, actor string) error {
	if id == "" {
		return syncproto.Errorf(syncproto.CodeNotFound, "there is no such register")
	}
	return r.n.removeRegister(ctx, RegisterUndone{Name: id, Import: imported}, actor)
}
