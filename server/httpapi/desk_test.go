package httpapi

import (
	"context"

	"github.com/google/uuid"

	"thonsync/server/accounts"
)

// The stand has one device, in the unit that every request of the walk names.

func (*stand) Devices(context.Context, DeviceQuery) ([]*Device, error) {
	return []*Device{{Unit: "list:1"}}, nil
}
func (*stand) FindDevice(context.Context, string) (*DeviceDetail, error) {
	return &DeviceDetail{Device: Device{Unit: "list:1"}}, nil
}
func (*stand) RevokeDevice(context.Context, DeviceOrder) (*DeviceRuled, error) {
	return &DeviceRuled{}, nil
}
func (*stand) ReleaseDevice(context.Context, DeviceOrder) (*DeviceRuled, error) {
	return &DeviceRuled{}, nil
}

func (*stand) ListAccounts(context.Context) ([]accounts.Account, error) { return nil, nil }
func (*stand) AddAccount(context.Context, NewAccount) (AccountLink, error) {
	return AccountLink{}, nil
}
func (*stand) ResetAccount(context.Context, uuid.UUID) (AccountLink, error) {
	return AccountLink{}, nil
}
func (*stand) SetAccountRole(context.Context, uuid.UUID, AccountRole) error { return nil }
func (*stand) SetAccountDisabled(context.Context, uuid.UUID, bool) error    { return nil }

func (*stand) Requests(context.Context, bool) ([]RequestView, error)      { return nil, nil }
func (*stand) Request(context.Context, string) (v RequestView, err error) { return v, err }
func (*stand) OpenRequest(context.Context, RequestNew) (v RequestView, err error) {
	return v, err
}
func (*stand) StepRequest(context.Context, string, RequestAct) (v RequestView, err error) {
	return v, err
}
func (*stand) EraseRequest(context.Context, string, int) (v RequestErased, err error) {
	return v, err
}
func (*stand) CorrectRequest(context.Context, string, uuid.UUID, map[string]string) (v RequestView, err error) {
	return v, err
}
func (*stand) AnswerRequest(context.Context, string, string, string) (v RequestView, err error) {
	return v, err
}
func (*stand) SheetOf(context.Context, string, string) ([]byte, error) { return []byte("x"), nil }
