package httpapi

import (
	"context"

	"github.com/google/uuid"

	"thonsync/server/reconcile/reorganise"
)

// reorganiser stands for a service that has nothing to reorganise.
type reorganiser struct{}

func (reorganiser) Reorganisations(context.Context) ([]reorganise.Reorganisation, error) {
	return nil, nil
}
func (reorganiser) Reorganisation(context.Context, uuid.UUID) (v reorganise.Reorganisation, err error) {
	return v, err
}
func (reorganiser) PlanReorganisation(context.Context, reorganise.Proposal) (d reorganise.PlanResult, err error) {
	return d, err
}
func (reorganiser) TouchedBy(context.Context, uuid.UUID, reorganise.TouchedQuery) ([]reorganise.Touched, string, error) {
	return nil, "", nil
}
func (reorganiser) TouchedFile(context.Context, uuid.UUID, string, string) ([]byte, error) {
	return []byte("x"), nil
}
func (reorganiser) QueueOf(context.Context, uuid.UUID, reorganise.Queue) ([]reorganise.ToBePlaced, string, error) {
	return nil, "", nil
}
func (reorganiser) ApplyReorganisation(context.Context, uuid.UUID, string) (v reorganise.Reorganisation, err error) {
	return v, err
}
func (reorganiser) Place(context.Context, uuid.UUID, string, []reorganise.Placement, string) (v reorganise.Reorganisation, err error) {
	return v, err
}
func (reorganiser) UndoReorganisation(context.Context, uuid.UUID, string) (u reorganise.Reversal, err error) {
	return u, err
}
func (reorganiser) DropReorganisation(context.Context, uuid.UUID) error { return nil }
