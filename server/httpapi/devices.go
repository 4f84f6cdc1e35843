package httpapi

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"thonsync/server/accounts"
	"thonsync/syncproto"
)

// DeviceKeeper knows phones and points and rules on them. Implementations must be
// safe for concurrent use and write orders into the access log under the caller
// of ctx.
type DeviceKeeper interface {
	// Devices lists them by unit, label and id.
	Devices(ctx context.Context, q DeviceQuery) ([]*Device, error)
	// FindDevice finds one by its id or by what people call it; CodeScope if none fits.
	FindDevice(ctx context.Context, name string) (*DeviceDetail, error)
	// RevokeDevice revokes one at the centre, and asks for it at a point.
	RevokeDevice(ctx context.Context, o DeviceOrder) (*DeviceRuled, error)
	// ReleaseDevice lets held work go, or ends a point's own block.
	ReleaseDevice(ctx context.Context, o DeviceOrder) (*DeviceRuled, error)
}

// Device is a phone or a point as its record, its credentials and its account
// show it. Times are Unix ms by this server's clock, 0 for never.
type Device struct {
	Origin        syncproto.OriginID `json:"origin"`
	Role          string             `json:"role"`
	Label         string             `json:"label"`
	Unit          string             `json:"unit"`
	UnitName      string             `json:"unit_name"`
	Team          uuid.UUID          `json:"team"`
	TeamName      string             `json:"team_name"`
	State         string             `json:"state"`
	Reason        syncproto.Reason   `json:"reason,omitempty"` // of the revocation
	RevokedMS     int64              `json:"revoked_ms"`       // when the newest ruling on it was made
	Asked         string             `json:"asked,omitempty"`  // why a point asks for its revocation
	Changes       uint64             `json:"changes"`          // that are here
	Missing       uint64             `json:"missing"`          // known of and not here
	Held          uint64             `json:"held"`             // kept until a person releases them
	Waiting       int                `json:"waiting"`          // that it still had to send at its last contact
	LastContactMS int64              `json:"last_contact_ms"`
	LastPoint     syncproto.OriginID `json:"last_point"` // where that was; zero for here
	LastPointName string             `json:"last_point_name"`

	// What only the server itself looks at.
	Record     uuid.UUID          `json:"-"`
	IssuedBy   syncproto.OriginID `json:"-"`
	RecordVoid bool               `json:"-"`
}

// States of a device.
const (
	DeviceActive  = "active"
	DeviceRevoked = "revoked" // by the centre
	DeviceBlocked = "blocked" // by this point, which asks the centre to revoke it
	DeviceRetired = "retired" // its record was retracted
)

// DeviceQuery narrows a list of devices. Zero fields do not narrow.
type DeviceQuery struct {
	Unit  string `json:"unit,omitempty"` // with all units below it
	State string `json:"state,omitempty"`
	// Held asks for those with work that waits for a release, Asked for those
	// whose revocation a point asks for.
	Held  bool `json:"held,omitempty"`
	Asked bool `json:"asked,omitempty"`
}

// DeviceBranch is the account of one branch of a device's log.
type DeviceBranch struct {
	Branch   uint32          `json:"branch"`
	Head     uint64          `json:"head"`     // highest change heard of, by anybody
	Unbroken uint64          `json:"unbroken"` // up to which nothing is missing
	Missing  []DeviceGap     `json:"missing"`
	Outcomes []DeviceOutcome `json:"outcomes"`
}

// DeviceGap is a run of changes that were never received here.
type DeviceGap struct {
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}

// DeviceOutcome counts changes.
type DeviceOutcome struct {
	Outcome string           `json:"outcome"`
	Reason  syncproto.Reason `json:"reason,omitempty"`
	Changes uint64           `json:"changes"`
}

// DeviceSeen says up to which change a point has receipted a device's work.
type DeviceSeen struct {
	Point     syncproto.OriginID `json:"point"`
	PointName string             `json:"point_name"`
	Last      uint64             `json:"last"`
	AtMS      int64              `json:"at_ms"` // point's clock
}

// DeviceCut is one head of the cut of a revoked device.
type DeviceCut struct {
	Seq  uint64 `json:"seq"`
	Open string `json:"open"` // leading octets of the open hash, hex
}

// DeviceDetail is all that is known of one device.
type DeviceDetail struct {
	Device
	Issuer   syncproto.OriginID `json:"issuer"`
	Branches []DeviceBranch     `json:"branches"`
	Seen     []DeviceSeen       `json:"seen"`
	Cut      []DeviceCut        `json:"cut"`
	HeldWork []DeviceHeld       `json:"held_work"` // the first of what waits for a release
}

// DeviceHeld is a change that waits for a release.
type DeviceHeld struct {
	Branch  uint32    `json:"branch"`
	Seq     uint64    `json:"seq"`
	StampMS int64     `json:"stamp_ms"` // by the device's clock
	Op      string    `json:"op"`
	Kind    string    `json:"kind,omitempty"`
	Record  uuid.UUID `json:"record"`
}

// DeviceOrder names a device and says why.
type DeviceOrder struct {
	Name   string           `json:"name"`
	Reason syncproto.Reason `json:"reason"`
	// Change asks to release this change alone; 0 for all that is held.
	Change uint64 `json:"change,omitempty"`
}

// DeviceRuled is what became of an order.
type DeviceRuled struct {
	Device *DeviceDetail `json:"device"`
	// Rulings are the numbers of the rulings made; none where only the centre can.
	Rulings []uint64 `json:"rulings"`
	// Asked says that this is a point: it has stopped serving the device and asks
	// the centre to revoke it.
	Asked bool `json:"asked"`
	// Before says that the device was revoked already; nothing is ruled anew.
	Before bool `json:"before"`
}

// DeviceListInput is what a request for a list says.
type DeviceListInput struct {
	Unit  string `query:"unit" maxLength:"128" doc:"unit as list:code, with all below it"`
	State string `query:"state" enum:"active,revoked,blocked,retired"`
	Held  bool   `query:"held" doc:"only those with work that waits for a release"`
	Asked bool   `query:"asked" doc:"only those whose revocation a point asks for"`
	After string `query:"after" maxLength:"36" doc:"origin of the last device of the page before"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"200"`
}

// DeviceList is one page of devices.
type DeviceList struct {
	Devices []*Device `json:"devices"`
	Total   int       `json:"total" doc:"devices of all pages"`
	After   string    `json:"after,omitempty" doc:"for the next page; absent on the last"`
}

type (
	deviceListOutput struct{ Body DeviceList }
	deviceInput      struct {
		Origin string `path:"origin" format:"uuid"`
	}
	deviceOrderInput struct {
		Origin string `path:"origin" format:"uuid"`
		Body   struct {
			Reason string `json:"reason,omitempty" maxLength:"32" doc:"a short word such as lost, stolen, broken or left"`
			Change uint64 `json:"change,omitempty" doc:"release this change alone"`
		}
	}
	deviceOutput      struct{ Body *DeviceDetail }
	deviceRuledOutput struct{ Body *DeviceRuled }
)

func (s *Server) registerDevices() {
	tags := []string{"devices"}
	huma.Register(s.api, declare(huma.Operation{
		OperationID: "devices", Method: http.MethodGet, Path: "/v1/devices", Tags: tags,
		Summary: "Phones and points", Description: "An officer sees those of the account's units.",
	}), s.deviceList)
	huma.Register(s.api, declare(huma.Operation{
		OperationID: "device", Method: http.MethodGet, Path: "/v1/devices/{origin}", Tags: tags,
		Summary: "All that is known of one device",
	}), func(ctx context.Context, in *deviceInput) (*deviceOutput, error) {
		d, err := s.device(ctx, in.Origin)
		if err != nil {
			return nil, s.hide(ctx, err)
		}
		return &deviceOutput{d}, nil
	})
	order := func(id, summary, description string, do func(context.Context, DeviceOrder) (*DeviceRuled, error)) {
		huma.Register(s.api, declare(huma.Operation{
			OperationID: "device-" + id, Method: http.MethodPost, Path: "/v1/devices/{origin}/" + id, Tags: tags,
			Summary: summary, Description: description,
		}), func(ctx context.Context, in *deviceOrderInput) (*deviceRuledOutput, error) {
			d, err := s.device(ctx, in.Origin)
			if err != nil {
				return nil, s.hide(ctx, err)
			}
			r, err := do(ctx, DeviceOrder{Name: d.Origin.String(), Reason: syncproto.Reason(in.Body.Reason), Change: in.Body.Change})
			if err != nil {
				return nil, s.hide(ctx, err)
			}
			return &deviceRuledOutput{r}, nil
		})
	}
	order("revoke", "Revoke a device", "At a point: stop serving it, and ask the centre. What it brings later is held, never lost.", s.opts.Devices.RevokeDevice)
	order("release", "Let held work of a revoked device go", "At a point: end the point's own block.", s.opts.Devices.ReleaseDevice)
}

// device finds a device in the caller's units.
func (s *Server) device(ctx context.Context, origin string) (*DeviceDetail, error) {
	id, err := uuid.Parse(origin)
	if err != nil {
		return nil, errHidden
	}
	d, err := s.opts.Devices.FindDevice(ctx, id.String())
	if err != nil {
		return nil, err
	}
	return d, s.own(ctx, d.Unit)
}

// own gives errHidden for a unit that does not lie in the caller's.
func (s *Server) own(ctx context.Context, unit string) error {
	c, ok := CallerOf(ctx)
	if !ok {
		return errSignIn
	}
	if c.Role == accounts.Officer && !s.opts.Access.Within(unit, c.Units) {
		return errHidden
	}
	return nil
}

func (s *Server) deviceList(ctx context.Context, in *DeviceListInput) (*deviceListOutput, error) {
	unit, err := s.unitFor(ctx, in.Unit)
	if err != nil {
		return nil, s.hide(ctx, err)
	}
	list, err := s.opts.Devices.Devices(ctx, DeviceQuery{Unit: unit, State: in.State, Held: in.Held, Asked: in.Asked})
	if err != nil {
		return nil, s.hide(ctx, err)
	}
	out := DeviceList{Devices: []*Device{}, Total: len(list)}
	if in.After != "" {
		// A device that is gone since ends the list: the reader begins anew.
		i := slices.IndexFunc(list, func(d *Device) bool { return d.Origin.String() == in.After })
		list = list[max(0, i+1):]
		if i < 0 {
			list = nil
		}
	}
	if len(list) > in.Limit {
		list = list[:in.Limit]
		out.After = list[in.Limit-1].Origin.String()
	}
	out.Devices = append(out.Devices, list...)
	return &deviceListOutput{out}, nil
}
