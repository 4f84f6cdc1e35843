package server

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"thonsync/server/httpapi"
	"thonsync/server/ingest"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// What is shown of devices; documented with the JSON API.
//
//nolint:revive // one comment for all of them
type (
	Device        = httpapi.Device
	DeviceQuery   = httpapi.DeviceQuery
	DeviceDetail  = httpapi.DeviceDetail
	DeviceRuled   = httpapi.DeviceRuled
	DeviceOrder   = httpapi.DeviceOrder
	DeviceBranch  = httpapi.DeviceBranch
	DeviceGap     = httpapi.DeviceGap
	DeviceOutcome = httpapi.DeviceOutcome
	DeviceSeen    = httpapi.DeviceSeen
	DeviceCut     = httpapi.DeviceCut
	DeviceHeld    = httpapi.DeviceHeld
)

// States of a device.
const (
	DeviceActive  = httpapi.DeviceActive
	DeviceRevoked = httpapi.DeviceRevoked
	DeviceBlocked = httpapi.DeviceBlocked
	DeviceRetired = httpapi.DeviceRetired
)

// directory is what is known of devices and of what is named beside them.
type directory struct {
	n       *Node
	devices map[syncproto.OriginID]*Device
	teams   map[uuid.UUID]string
}

// readDevices reads all devices with their accounts.
func (n *Node) readDevices(r store.Reader) (*directory, error) {
	d := &directory{n: n, devices: make(map[syncproto.OriginID]*Device), teams: make(map[uuid.UUID]string)}
	for _, step := range []func(store.Reader) error{d.readTeams, d.readRecords, d.readOrigins} {
		if err := step(r); err != nil {
			return nil, err
		}
	}
	defs := n.ingest.Definitions()
	for _, v := range d.devices {
		u, _ := defs.Unit(v.Unit)
		v.UnitName, v.TeamName = u.Name, d.teams[v.Team]
		v.LastPointName = d.label(v.LastPoint)
		d.state(v)
	}
	return d, nil
}

func (d *directory) readTeams(r store.Reader) error {
	return r.EachRecord(store.RecordQuery{Collection: syncproto.CollectionTeam, ExistsOnly: true}, func(rec store.Record) error {
		row, err := ingest.Shown(&rec)
		d.teams[rec.ID] = row.Value(syncproto.TeamName).Text()
		return err
	})
}

func (d *directory) readRecords(r store.Reader) error {
	return r.EachRecord(store.RecordQuery{Collection: syncproto.CollectionDevice, ExistsOnly: true}, func(rec store.Record) error {
		row, err := ingest.Shown(&rec)
		if err != nil {
			return err
		}
		id := row.Value(syncproto.DeviceOrigin).UUID()
		old := d.devices[id] // a phone that was enrolled again has several records
		v := &Device{
			Origin: id, Role: row.Value(syncproto.DeviceRole).Text(), Label: row.Value(syncproto.DeviceLabel).Text(), Unit: rec.Unit, Team: rec.Team,
			Asked: row.Value(syncproto.DeviceAsked).Text(), Record: rec.ID, IssuedBy: row.Value(syncproto.DeviceIssuer).UUID(), RecordVoid: rec.Void,
		}
		if old != nil && (v.RecordVoid || !old.RecordVoid && old.Asked != "") {
			v = old
		}
		d.devices[id] = v
		return nil
	})
}

// readOrigins adds what was heard of devices, also of those without a record.
func (d *directory) readOrigins(r store.Reader) error {
	all, err := r.Origins(store.OriginQuery{})
	if err != nil {
		return err
	}
	for i := range all {
		o := &all[i]
		if o.Role == credential.RoleCentre {
			continue
		}
		v := d.devices[o.ID]
		if v == nil {
			v = &Device{Origin: o.ID, Role: string(o.Role), Label: o.Label, Team: o.Team}
			if len(o.Units) > 0 {
				v.Unit = o.Units[0]
			}
			d.devices[o.ID] = v
		}
		v.Waiting, v.LastContactMS, v.LastPoint = o.Waiting, o.LastContactMS, o.LastVia
		accounts, err := ingest.Ledger(r, o.ID)
		if err != nil {
			return err
		}
		for i := range accounts {
			account(v, &accounts[i])
		}
	}
	return nil
}

// account adds the account of one branch.
func account(v *Device, l *ingest.BranchLedger) {
	v.Changes += l.Changes
	v.Missing += l.Missing()
	for _, c := range l.Counts {
		if c.Outcome == syncproto.OutcomeHeld {
			v.Held += c.Changes
		}
	}
}

func (d *directory) label(id syncproto.OriginID) string {
	if v := d.devices[id]; v != nil {
		return v.Label
	}
	return ""
}

func (d *directory) state(v *Device) {
	ruling := d.n.ingest.Revoked(v.Origin)
	_, blocked := d.n.ingest.Blocked(v.Origin)
	switch v.State = DeviceActive; {
	case ruling != nil:
		v.State, v.Reason, v.RevokedMS = DeviceRevoked, ruling.Reason, ruling.IssuedMS
	case blocked:
		v.State = DeviceBlocked
	case v.RecordVoid:
		v.State = DeviceRetired
	}
}

// sorted lists devices that pass, by unit, label and id.
func (d *directory) sorted(pass func(*Device) bool) []*Device {
	var out []*Device
	for _, v := range d.devices {
		if pass(v) {
			out = append(out, v)
		}
	}
	slices.SortFunc(out, func(a, b *Device) int {
		return cmp.Or(cmp.Compare(a.Unit, b.Unit), cmp.Compare(a.Label, b.Label), strings.Compare(a.Origin.String(), b.Origin.String()))
	})
	return out
}

// Devices lists phones and points.
func (n *Node) Devices(ctx context.Context, q DeviceQuery) (list []*Device, err error) {
	defs := n.ingest.Definitions()
	err = n.store.View(ctx, func(r store.Reader) error {
		d, err := n.readDevices(r)
		if err != nil {
			return err
		}
		list = d.sorted(func(v *Device) bool {
			return (q.Unit == "" || defs.Within(v.Unit, []string{q.Unit})) && (q.State == "" || v.State == q.State) &&
				(!q.Held || v.Held > 0) && (!q.Asked || v.Asked != "" && v.State == DeviceActive)
		})
		return nil
	})
	return list, err
}

// maxHeldShown bounds the list of held changes.
const maxHeldShown = 200

// FindDevice finds a device by its label, the name of its team, the beginning of
// its id or, at the centre, the name of a member of its team. It fails where
// none or several fit, naming them.
func (n *Node) FindDevice(ctx context.Context, name string) (out *DeviceDetail, err error) {
	err = n.store.View(ctx, func(r store.Reader) error {
		d, err := n.readDevices(r)
		if err != nil {
			return err
		}
		v, err := d.find(r, name)
		if err != nil {
			return err
		}
		out, err = d.detail(r, v)
		return err
	})
	return out, err
}

// detail adds the accounts branch by branch.
func (d *directory) detail(r store.Reader, v *Device) (*DeviceDetail, error) {
	out := &DeviceDetail{Device: *v, Issuer: v.IssuedBy, Branches: []DeviceBranch{}, Seen: []DeviceSeen{}, Cut: []DeviceCut{}, HeldWork: []DeviceHeld{}}
	accounts, err := ingest.Ledger(r, v.Origin)
	if err != nil {
		return nil, err
	}
	for _, l := range accounts {
		b := DeviceBranch{Branch: l.Branch, Head: l.Head, Unbroken: l.Contiguous.Seq, Missing: []DeviceGap{}, Outcomes: []DeviceOutcome{}}
		for _, g := range l.Gaps {
			b.Missing = append(b.Missing, DeviceGap{First: g.First, Last: g.Last})
		}
		for _, c := range l.Counts {
			b.Outcomes = append(b.Outcomes, DeviceOutcome{Outcome: c.Outcome.String(), Reason: c.Reason, Changes: c.Changes})
		}
		out.Branches = append(out.Branches, b)
	}
	if err := d.seen(r, out); err != nil {
		return nil, err
	}
	if err := d.heldWork(r, out); err != nil {
		return nil, err
	}
	if ruling := d.n.ingest.Revoked(v.Origin); ruling != nil {
		for _, h := range ruling.Cut {
			out.Cut = append(out.Cut, DeviceCut{Seq: h.Seq, Open: hexOf(h.Open[:])})
		}
	}
	return out, nil
}

var opWords = map[syncproto.Op]string{syncproto.OpCreate: "create", syncproto.OpSet: "set", syncproto.OpVoid: "void"}

func (d *directory) heldWork(r store.Reader, out *DeviceDetail) error {
	list, err := d.n.ingest.HeldWork(r, out.Origin, maxHeldShown)
	for _, h := range list {
		out.HeldWork = append(out.HeldWork, DeviceHeld{
			Branch: h.Branch, Seq: h.Seq, StampMS: h.StampMS, Op: opWords[h.Op], Kind: h.Kind, Record: h.Record,
		})
	}
	return err
}

// seen lists the furthest receipt of each point.
func (d *directory) seen(r store.Reader, out *DeviceDetail) error {
	list, err := r.Witnesses(out.Origin, 0)
	if err != nil {
		return err
	}
	at := make(map[syncproto.OriginID]int)
	for _, w := range list {
		s := DeviceSeen{Point: w.Issuer, PointName: d.label(w.Issuer), Last: w.Last, AtMS: w.IssuedMS}
		i, known := at[w.Issuer]
		switch {
		case !known:
			at[w.Issuer] = len(out.Seen)
			out.Seen = append(out.Seen, s)
		case w.Last > out.Seen[i].Last:
			out.Seen[i] = s
		}
	}
	return nil
}
