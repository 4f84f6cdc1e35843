package httpapi

import (
	"context"

	"github.com/google/uuid"

	"thonsync/server/reconcile/registers"
)

// registrar stands for a service without registers.
type registrar struct{}

func (registrar) Registers(context.Context, string) ([]registers.RegisterView, error) {
	return nil, nil
}
func (registrar) Register(context.Context, string, string) (v registers.RegisterView, err error) {
	return v, err
}
func (registrar) RegisterTeams(context.Context, string, string) ([]registers.RegisterTeam, error) {
	return nil, nil
}
func (registrar) RegisterFindings(context.Context, string, registers.FindingQuery) ([]registers.RegisterFinding, uuid.UUID, error) {
	return nil, uuid.Nil, nil
}
func (registrar) RegisterRows(context.Context, string, registers.RowQuery) ([]registers.RegisterRow, string, error) {
	return nil, "", nil
}
func (registrar) RegisterRow(context.Context, string, string, string) (v registers.RegisterRow, err error) {
	return v, err
}
func (registrar) RegisterProfiles(context.Context) ([]registers.RegisterProfile, error) {
	return nil, nil
}
func (registrar) SaveRegisterProfile(context.Context, registers.RegisterProfile) error { return nil }
func (registrar) DropRegisterProfile(context.Context, string) error                    { return nil }
func (registrar) BeginUpload(context.Context, string, int) (v registers.RegisterUpload, err error) {
	return v, err
}
func (registrar) UploadPart(context.Context, string, uuid.UUID, int, []byte) (v registers.RegisterUpload, err error) {
	return v, err
}
func (registrar) UploadStatus(context.Context, string, uuid.UUID) (v registers.RegisterUpload, err error) {
	return v, err
}
func (registrar) PreviewUpload(context.Context, string, uuid.UUID, registers.FileSource) (*registers.FilePreview, error) {
	return &registers.FilePreview{}, nil
}
func (registrar) ImportUpload(context.Context, string, uuid.UUID, registers.FileSource, bool) (v registers.RegisterUpload, err error) {
	return v, err
}
func (registrar) UploadBadRows(context.Context, string, uuid.UUID, string) ([]byte, error) {
	return []byte("x"), nil
}
func (registrar) UndoRegister(context.Context, string, uuid.UUID, string) error { return nil }
