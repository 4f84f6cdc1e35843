package server

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"thonsync/server/ingest"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

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

	record uuid.UUID
	issuer syncproto.OriginID
	void   bool
}

// States of a device.
const (
	DeviceActive  = "active"
	DeviceRevoked = "revoked" // by the centre
	DeviceBlocked = "blocked" // by this point, which asks the centre to revoke it
	DeviceRetired = "retired" // its record was retracted
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
			Asked: row.Value(syncproto.DeviceAsked).Text(), record: rec.ID, issuer: row.Value(syncproto.DeviceIssuer).UUID(), void: rec.Void,
		}
		if old != nil && (v.void || !old.void && old.Asked != "") {
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
			v.account(&accounts[i])
		}
	}
	return nil
}

func (v *Device) account(l *ingest.BranchLedger) {
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
	case v.void:
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

// DeviceQuery narrows a list of devices. Zero fields do not narrow.
type DeviceQuery struct {
	Unit  string `json:"unit,omitempty"` // with all units below it
	State string `json:"state,omitempty"`
	// Held asks for those with work that waits for a release, Asked for those
	// whose revocation a point asks for.
	Held  bool `json:"held,omitempty"`
	Asked bool `json:"asked,omitempty"`
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
	out := &DeviceDetail{Device: *v, Issuer: v.issuer, Branches: []DeviceBranch{}, Seen: []DeviceSeen{}, Cut: []DeviceCut{}, HeldWork: []DeviceHeld{}}
	accounts, err := ingest.Ledger(r, v.Origin)
	if err != nil {
		return nil, err
	}
	for _, l := range accounts {
		b := DeviceBranch{Branch: l.Branch, Head: l.Head, Unbroken: l.Contiguous.Seq, Missing: []DeviceGap{}, Outcomes: []DeviceOutcome{}}
		for _, g := range l.Gaps {
			b.Missing = append(b.Missing, DeviceGap{g.First, g.Last})
		}
		for _, c := range l.Counts {
			b.Outcomes = append(b.Outcomes, DeviceOutcome{c.Outcome.String(), c.Reason, c.Changes})
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
			out.Cut = append(out.Cut, DeviceCut{h.Seq, hexOf(h.Open[:])})
		}
	}
	return out, nil
}

var opWords = map[syncproto.Op]string{syncproto.OpCreate: "create", syncproto.OpSet: "set", syncproto.OpVoid: "void"}

func (d *directory) heldWork(r store.Reader, out *DeviceDetail) error {
	list, err := d.n.ingest.HeldWork(r, out.Origin, maxHeldShown)
	for _, h := range list {
		out.HeldWork = append(out.HeldWork, DeviceHeld{h.Branch, h.Seq, h.StampMS, opWords[h.Op], h.Kind, h.Record})
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
		s := DeviceSeen{w.Issuer, d.label(w.Issuer), w.Last, w.IssuedMS}
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
