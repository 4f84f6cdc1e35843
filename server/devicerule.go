package server

import (
	"context"
	"regexp"

	"github.com/google/uuid"

	"thonsync/server/audit"
	"thonsync/server/ingest"
	"thonsync/server/ownlog"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// reasons are codes, so that nothing about a person gets into a ruling, which
// goes to many and stays for ever.
var reasonForm = regexp.MustCompile(`^[a-z][a-z-]{0,31}$`)

func checkReason(r syncproto.Reason) error {
	if r == "" || reasonForm.MatchString(string(r)) {
		return nil
	}
	return syncproto.Errorf(syncproto.CodeInvalidInput, "a reason is a short word such as lost, stolen, broken or left: letters and hyphens, no names")
}

// RevokeDevice revokes a device at the centre. A point stops serving it at once
// and asks the centre: only the centre revokes.
func (n *Node) RevokeDevice(ctx context.Context, in DeviceOrder) (*DeviceRuled, error) {
	if err := checkReason(in.Reason); err != nil {
		return nil, err
	}
	d, err := n.FindDevice(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	if d.Origin == n.self() {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "this is the point's own key: revoke the point at the centre")
	}
	out := &DeviceRuled{Rulings: []uint64{}, Before: d.State == DeviceRevoked}
	action := audit.DeviceRevoked
	if n.role == credential.RoleCentre {
		r, err := n.ingest.Revoke(ctx, d.Origin, in.Reason)
		if err := n.keepOrders(ctx, err); err != nil {
			return nil, err
		}
		out.Rulings = append(out.Rulings, r.Number)
	} else {
		if err := n.askToRevoke(ctx, d, in.Reason); err != nil {
			return nil, err
		}
		out.Asked, action = true, audit.DeviceBlocked
	}
	return n.ruledOn(ctx, out, action, d)
}

// ReleaseDevice lets work of a revoked device go, all or one change; at a point
// it ends the point's own block.
func (n *Node) ReleaseDevice(ctx context.Context, in DeviceOrder) (*DeviceRuled, error) {
	if err := checkReason(in.Reason); err != nil {
		return nil, err
	}
	d, err := n.FindDevice(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	out := &DeviceRuled{Rulings: []uint64{}}
	switch {
	case n.role == credential.RolePoint && d.State == DeviceBlocked:
		if err := n.ingest.Unblock(ctx, d.Origin); err != nil {
			return nil, err
		}
		if err := n.noteAsked(ctx, d, ""); err != nil {
			return nil, err
		}
	case n.role == credential.RolePoint:
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "only the centre releases the work of a revoked device: ask the province")
	case in.Change > 0:
		made, err := n.ingest.ReleaseChange(ctx, d.Origin, in.Change, in.Reason)
		for _, r := range made {
			out.Rulings = append(out.Rulings, r.Number)
		}
		if err := n.keepOrders(ctx, err); err != nil {
			return nil, err
		}
	default:
		r, err := n.ingest.ReleaseDevice(ctx, d.Origin, in.Reason)
		if err := n.keepOrders(ctx, err); err != nil {
			return nil, err
		}
		out.Rulings = append(out.Rulings, r.Number)
	}
	return n.ruledOn(ctx, out, audit.DeviceReleased, d)
}

// keepOrders writes rulings to the orders file and to its copy beside the backups,
// unless making them failed: a lost disk must not bring a revoked device back.
func (n *Node) keepOrders(ctx context.Context, err error) error {
	if err != nil {
		return err
	}
	return n.syncOrders(ctx)
}

// ruledOn writes what was done into the access log and shows the device anew.
func (n *Node) ruledOn(ctx context.Context, out *DeviceRuled, action audit.Action, d *DeviceDetail) (*DeviceRuled, error) {
	if err := n.audit.Write(ctx, audit.Event{Actor: actor(ctx), Action: action, Object: d.Origin.String()}); err != nil {
		return nil, err
	}
	var err error
	out.Device, err = n.FindDevice(ctx, d.Origin.String())
	return out, err
}

// askToRevoke blocks a device here and writes the request into the point's own
// log, which goes up like all work.
func (n *Node) askToRevoke(ctx context.Context, d *DeviceDetail, reason syncproto.Reason) error {
	if d.State == DeviceRevoked {
		return nil
	}
	if err := n.ingest.Block(ctx, d.Origin); err != nil {
		return err
	}
	if reason == "" {
		reason = "asked"
	}
	return n.noteAsked(ctx, d, string(reason))
}

// noteAsked sets or, with an empty text, takes back the request in the device's
// record. A device whose record is not here is only blocked.
func (n *Node) noteAsked(ctx context.Context, d *DeviceDetail, text string) error {
	if d.Record == uuid.Nil || d.Asked == text {
		return nil
	}
	refs, err := n.askedBefore(ctx, d)
	if err != nil {
		return err
	}
	_, err = n.WriteOwn(ctx, []ownlog.Draft{{
		Header:      syncproto.Header{Collection: syncproto.CollectionDevice, Op: syncproto.OpSet, Record: d.Record, Refs: [2][]syncproto.Ref{refs, nil}},
		Operational: syncproto.Row{{Num: syncproto.DeviceAsked, Value: syncproto.TextValue(text)}},
	}})
	return err
}

// askedBefore names the standing requests of others, which this one supersedes.
func (n *Node) askedBefore(ctx context.Context, d *DeviceDetail) (refs []syncproto.Ref, err error) {
	err = n.store.View(ctx, func(r store.Reader) error {
		rec, ok, err := r.Record(d.Record)
		if err != nil || !ok {
			return err
		}
		entries, err := ingest.DecodeHistory(rec.History)
		for i := range entries {
			e := &entries[i]
			if _, set := e.Change.Operational.Get(syncproto.DeviceAsked); set && e.Acts && e.Change.Origin != n.self() {
				refs = append(refs, syncproto.Ref(e.ID()))
			}
		}
		return err
	})
	return refs, err
}

// DeviceReplaced is a revoked device and the code for the one that takes its
// place.
type DeviceReplaced struct {
	Old  *DeviceRuled `json:"old"`
	Code NewCode      `json:"code"`
}

// ReplaceDevice revokes a phone and makes a joining code for another of the same
// team, which gets the team's history.
func (n *Node) ReplaceDevice(ctx context.Context, in DeviceOrder, host string) (*DeviceReplaced, error) {
	d, err := n.FindDevice(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	if d.Role != string(credential.RolePhone) {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "only a phone is replaced so: revoke the point, then make a code for another with `thonsync code new --role point`")
	}
	in.Name = d.Origin.String()
	old, err := n.RevokeDevice(ctx, in)
	if err != nil {
		return nil, err
	}
	code, err := n.codeFor(ctx, CodeRequest{Role: credential.RolePhone, Replaces: d.Origin, Confirm: true, Host: host})
	return &DeviceReplaced{old, code}, err
}

// The commands about devices.
var (
	DeviceList = Register(Command[DeviceQuery, []*Device]{
		Name: "device.list",
		Do:   func(ctx context.Context, n *Node, in DeviceQuery) ([]*Device, error) { return n.Devices(ctx, in) },
	})
	DeviceShow = Register(Command[DeviceOrder, *DeviceDetail]{
		Name: "device.show",
		Do: func(ctx context.Context, n *Node, in DeviceOrder) (*DeviceDetail, error) {
			return n.FindDevice(ctx, in.Name)
		},
	})
	DeviceRevoke = Register(Command[DeviceOrder, *DeviceRuled]{
		Name: "device.revoke",
		Do: func(ctx context.Context, n *Node, in DeviceOrder) (*DeviceRuled, error) {
			return n.RevokeDevice(ctx, in)
		},
	})
	DeviceRelease = Register(Command[DeviceOrder, *DeviceRuled]{
		Name: "device.release",
		Do: func(ctx context.Context, n *Node, in DeviceOrder) (*DeviceRuled, error) {
			return n.ReleaseDevice(ctx, in)
		},
	})
	DeviceReplace = Register(Command[DeviceReplacement, *DeviceReplaced]{
		Name: "device.replace", Live: true,
		Do: func(ctx context.Context, n *Node, in DeviceReplacement) (*DeviceReplaced, error) {
			return n.ReplaceDevice(ctx, in.DeviceOrder, in.Host)
		},
	})
)

// DeviceReplacement asks for a device to be replaced. Host is how others call
// this machine, for the joining code.
type DeviceReplacement struct {
	DeviceOrder
	Host string `json:"host,omitempty"`
}
