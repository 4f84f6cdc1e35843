package server

import (
	"context"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib/changelog"
	"thonsync/server/answer"
	"thonsync/server/keys"
	"thonsync/server/ownlog"
	"thonsync/server/relay"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// WriteOwn writes changes into the server's own log; they are taken in by its
// own ingest before it returns. Write many at once: it is one transaction.
func (n *Node) WriteOwn(ctx context.Context, drafts []ownlog.Draft) ([]changelog.Entry, error) {
	if err := n.mayWriteOwn(); err != nil {
		return nil, err
	}
	entries, err := n.own.Append(ctx, drafts)
	if n.relay != nil && err == nil {
		n.relay.Wake()
	}
	return entries, err
}

// Member is somebody who will use a new phone. The name stays in memory.
type Member struct {
	ID   uuid.UUID `json:"id"`
	Name string    `json:"name,omitempty"`
}

// CodeRequest asks for a joining code.
type CodeRequest struct {
	Role    credential.Role `json:"role"`
	Units   []string        `json:"units,omitempty"`
	Team    uuid.UUID       `json:"team"`
	Members []Member        `json:"members,omitempty"`
	Valid   time.Duration   `json:"valid"`            // of a point's right to take phones in
	Phones  int             `json:"phones,omitempty"` // that a point may take in; 0 for no limit
	// Replaces is the phone or point that the new one stands in for: a phone gets
	// its team, a point its units, and the old point is revoked once the new one has
	// joined.
	Replaces uuid.UUID `json:"replaces"`
	Confirm  bool      `json:"confirm"`
	Host     string    `json:"host,omitempty"` // how others call this machine
}

// NewCode is a joining code as the officer needs it.
type NewCode struct {
	Code    string   `json:"code"`
	URI     string   `json:"uri"`
	Units   []string `json:"units"`
	Seconds int      `json:"valid_seconds"`
}

// NewCode makes a joining code for a phone of a team or for a point.
func (n *Node) NewCode(ctx context.Context, q CodeRequest) (NewCode, error) {
	if q.Replaces != uuid.Nil {
		if err := n.takeOver(ctx, &q); err != nil {
			return NewCode{}, err
		}
	}
	d, err := n.mayIssue(ctx, q.Role)
	if err != nil {
		return NewCode{}, err
	}
	spec := answer.CodeSpec{Role: q.Role, Units: q.Units, Team: q.Team, Valid: q.Valid, Number: q.Phones, Confirm: q.Confirm, Replaces: q.Replaces}
	for _, m := range q.Members {
		spec.Members = append(spec.Members, syncproto.WelcomeMember{ID: m.ID, Name: m.Name})
	}
	if err := n.completeSpec(ctx, &spec); err != nil {
		return NewCode{}, err
	}
	defs := n.ingest.Definitions()
	for _, u := range spec.Units {
		if !defs.UnitKnown(u) {
			return NewCode{}, syncproto.Errorf(syncproto.CodeInvalidInput, "unit %s is not known here: import the units first, or let this point exchange once", u)
		}
		if n.role == credential.RolePoint && !defs.Within(u, d.Units) {
			return NewCode{}, syncproto.Errorf(syncproto.CodeScope, "unit %s is not one of this point's", u)
		}
	}
	code, err := n.codes.New(spec)
	if err != nil {
		return NewCode{}, err
	}
	inv := relay.Invitation{Server: n.cfg.ServerURL(q.Host), Centre: keys.Fingerprint(n.trust.Centre().Key()), Code: code}
	return NewCode{Code: code, URI: inv.URI(), Units: spec.Units, Seconds: int(answer.CodeLife / time.Second)}, nil
}

// completeSpec fills in units and members of a phone from its team's records.
func (n *Node) completeSpec(ctx context.Context, s *answer.CodeSpec) error {
	if s.Role == credential.RolePoint {
		if len(s.Units) == 0 {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "a point needs at least one --unit")
		}
		return nil
	}
	if s.Team == uuid.Nil {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "a phone needs a --team")
	}
	return n.store.View(ctx, func(r store.Reader) error {
		team, ok, err := r.Record(s.Team)
		if err != nil {
			return err
		}
		if !ok || team.Collection != syncproto.CollectionTeam {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "team %s is not known here: import the teams first, or let this point exchange once", s.Team)
		}
		if len(s.Units) == 0 {
			s.Units = []string{team.Unit}
		}
		if len(s.Members) > 0 {
			return nil
		}
		q := store.RecordQuery{Collection: syncproto.CollectionMember, ExistsOnly: true, Unit: team.Unit}
		return r.EachRecord(q, func(m store.Record) error {
			if m.Team != s.Team || m.Void {
				return nil
			}
			// Only the centre can read the name; a point's officer gives it.
			personal, err := n.ingest.Personal(r, &m)
			if err != nil {
				return err
			}
			s.Members = append(s.Members, syncproto.WelcomeMember{ID: m.ID, Name: personal.Value(syncproto.PersonFullName).Text()})
			return nil
		})
	})
}

// welcome makes a device of a used code: its credential, and its record in this
// server's own log, by which the centre learns of it.
func (n *Node) welcome(ctx context.Context, d answer.NewDevice) (*syncproto.Welcome, error) {
	n.issuing.Lock() // counting and writing belong together
	defer n.issuing.Unlock()
	own, err := n.mayIssue(ctx, d.Role)
	if err != nil {
		return nil, err
	}
	now := n.opts.Now()
	g := credential.Grant{Key: d.Key, Role: d.Role, Units: d.Units, Team: d.Team, Issued: now, Number: d.Number}
	if d.Valid > 0 {
		g.Expiry = now.Add(d.Valid)
	}
	token, err := credential.Issue(g, n.trust.Key())
	if err != nil {
		return nil, err
	}
	chain := append([]string{token}, own.chain...)
	if _, err := n.WriteOwn(ctx, []ownlog.Draft{deviceDraft(d, n.self(), now)}); err != nil {
		return nil, err
	}
	if err := n.introduce(ctx, d.Key, chain); err != nil {
		return nil, err
	}
	if d.Replaces != uuid.Nil && d.Role == credential.RolePoint {
		if err := n.retirePoint(ctx, d.Replaces); err != nil {
			return nil, err
		}
	}
	n.log.InfoContext(ctx, "device joined", "origin", syncproto.OriginOf(d.Key), "role", d.Role, "units", d.Units)
	return &syncproto.Welcome{Credentials: chain, Role: string(d.Role), Unit: d.Units[0], Team: d.Team, Members: d.Members}, nil
}

// deviceDraft is the record of a new device.
func deviceDraft(d answer.NewDevice, issuer syncproto.OriginID, now time.Time) ownlog.Draft {
	row := syncproto.Row{{Num: syncproto.FieldUnit, Value: syncproto.TextValue(d.Units[0])}}
	if d.Team != uuid.Nil {
		row = append(row, syncproto.Field{Num: syncproto.DeviceTeam, Value: syncproto.UUIDValue(d.Team)})
	}
	row = append(row,
		syncproto.Field{Num: syncproto.DeviceRole, Value: syncproto.TextValue(string(d.Role))},
		syncproto.Field{Num: syncproto.DeviceOrigin, Value: syncproto.UUIDValue(syncproto.OriginOf(d.Key))},
		syncproto.Field{Num: syncproto.DeviceIssuer, Value: syncproto.UUIDValue(issuer)})
	if d.Label != "" {
		row = append(row, syncproto.Field{Num: syncproto.DeviceLabel, Value: syncproto.TextValue(d.Label)})
	}
	if d.Replaces != uuid.Nil {
		row = append(row, syncproto.Field{Num: syncproto.DeviceReplaces, Value: syncproto.UUIDValue(d.Replaces)})
	}
	day := syncproto.Date{Year: now.Year(), Month: int(now.Month()), Day: now.Day()}
	row = append(row, syncproto.Field{Num: syncproto.UnitValidFrom, Value: syncproto.DateValue(day)})
	return ownlog.Draft{
		Header:      syncproto.Header{Collection: syncproto.CollectionDevice, Op: syncproto.OpCreate},
		Operational: row,
	}
}
