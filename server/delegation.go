package server

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"thonsync/server/ingest"
	"thonsync/server/ownlog"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// delegation is what the centre lets this server issue, and how much of it is
// used up. The centre has no bounds.
type delegation struct {
	credential.Grant
	chain  []string
	issued int // phones that this point's own log names
}

// left tells how many phones may still be taken in; bounded is false where there
// is no limit.
func (d *delegation) left() (n int, bounded bool) {
	return max(0, d.Number-d.issued), d.Number > 0
}

// delegation reads what this server may issue. A point's comes with its newest
// credential, which the centre renews through the exchange or by file.
func (n *Node) delegation(ctx context.Context) (*delegation, error) {
	d := &delegation{Grant: n.grant, chain: n.member.Credentials}
	if n.role != credential.RolePoint {
		return d, nil
	}
	err := n.store.View(ctx, func(r store.Reader) error {
		own, ok, err := r.Origin(n.self())
		if err != nil || !ok {
			return err
		}
		g, err := credential.Verify(own.Credentials, n.trust.Centre(), n.ingest.Definitions().Within)
		if err != nil {
			return err
		}
		d.Grant, d.chain = g, own.Credentials
		d.issued, err = countIssuedBy(r, n.self())
		return err
	})
	return d, err
}

// countIssuedBy counts the devices that an origin's own log names.
func countIssuedBy(r store.Reader, issuer syncproto.OriginID) (int, error) {
	devices := make(map[syncproto.OriginID]bool)
	err := EachDevice(r, func(rec *store.Record, row syncproto.Row) error {
		if rec.Origin == issuer {
			devices[row.Value(syncproto.DeviceOrigin).UUID()] = true
		}
		return nil
	})
	return len(devices), err
}

// EachDevice calls f for all device records with what they show.
func EachDevice(r store.Reader, f func(rec *store.Record, row syncproto.Row) error) error {
	return r.EachRecord(store.RecordQuery{Collection: syncproto.CollectionDevice, ExistsOnly: true}, func(rec store.Record) error {
		row, err := ingest.Shown(&rec)
		if err != nil {
			return err
		}
		return f(&rec, row)
	})
}

// earliestNow is the time by this machine's clock, but not before the newest
// time that the centre has signed: setting a clock back gains no right.
func (n *Node) earliestNow() time.Time {
	now := n.opts.Now()
	if b := time.UnixMilli(n.ingest.Beacon().MS); b.After(now) {
		return b
	}
	return now
}

// mayIssue tells whether this server may take in devices of a role now, and what
// lets it. The end of the right stops issuing and nothing else.
func (n *Node) mayIssue(ctx context.Context, role credential.Role) (*delegation, error) {
	if role != credential.RolePhone && role != credential.RolePoint {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "role %q: a code is for a phone or a point", role)
	}
	d, err := n.delegation(ctx)
	if err != nil || n.role != credential.RolePoint {
		return d, err
	}
	if role != credential.RolePhone {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "a point takes in phones only: make the code for a point at the centre")
	}
	if !d.Expiry.IsZero() && n.earliestNow().After(d.Expiry) {
		return nil, syncproto.Errorf(syncproto.CodeCredential, "this point's right to take phones in has ended: at the centre run `thonsync point renew %s`, then let this point exchange; what it carries is not affected", n.self())
	}
	if left, bounded := d.left(); bounded && left == 0 {
		return nil, syncproto.Errorf(syncproto.CodeCredential, "this point has taken in all of the %d phones that it may: at the centre run `thonsync point renew %s`, then let this point exchange; what it carries is not affected", d.Number, n.self())
	}
	return d, n.mayWriteOwn()
}

// introduce makes a new device's key known here, before its first exchange.
func (n *Node) introduce(ctx context.Context, key ed25519.PublicKey, chain []string) error {
	c := syncproto.OriginCredential{Origin: syncproto.OriginOf(key), Credentials: chain}
	_, err := n.ingest.Submit(ctx, ingest.Batch{Via: n.self(), Credentials: []syncproto.OriginCredential{c}})
	return err
}

// takeOver fills a request for a replacement in from the phone or point that it
// stands in for.
func (n *Node) takeOver(ctx context.Context, q *CodeRequest) error {
	if q.Role == credential.RolePoint {
		return n.replacePoint(ctx, q)
	}
	found := false
	err := n.store.View(ctx, func(r store.Reader) error {
		return EachDevice(r, func(rec *store.Record, row syncproto.Row) error {
			if row.Value(syncproto.DeviceOrigin).UUID() != q.Replaces && rec.ID != q.Replaces || row.Value(syncproto.DeviceRole).Text() != string(credential.RolePhone) {
				return nil
			}
			found = true
			q.Replaces, q.Team = row.Value(syncproto.DeviceOrigin).UUID(), rec.Team
			if len(q.Units) == 0 {
				q.Units = []string{rec.Unit}
			}
			return nil
		})
	})
	if err == nil && !found {
		err = syncproto.Errorf(syncproto.CodeInvalidInput, "no phone %s is known here: `thonsync status` lists them", q.Replaces)
	}
	return err
}

// PointRenewal asks for a point's right to take phones in to be renewed.
type PointRenewal struct {
	Point  uuid.UUID     `json:"point"`           // its origin
	Units  []string      `json:"units,omitempty"` // nil for those it has
	Valid  time.Duration `json:"valid"`           // from now on; 0 for no end
	Phones int           `json:"phones"`          // further ones; 0 for no limit
}

// PointState is a point as the centre knows it. Times are Unix ms, 0 for none.
type PointState struct {
	Origin    uuid.UUID `json:"origin"`
	Label     string    `json:"label"`
	Units     []string  `json:"units"`
	ExpiresMS int64     `json:"expires_ms"`
	Phones    int       `json:"phones_allowed"` // counted from the first; 0 for no limit
	Counted   int       `json:"phones_counted"`
	Surplus   int       `json:"phones_surplus"` // whose work waits for a renewal
	ContactMS int64     `json:"last_contact_ms"`
}

// Points lists the points that are known here. Centre only.
func (n *Node) Points(ctx context.Context) ([]PointState, error) {
	var out []PointState
	err := n.store.View(ctx, func(r store.Reader) error {
		labels := make(map[syncproto.OriginID]string)
		err := EachDevice(r, func(_ *store.Record, row syncproto.Row) error {
			labels[row.Value(syncproto.DeviceOrigin).UUID()] = row.Value(syncproto.DeviceLabel).Text()
			return nil
		})
		if err != nil {
			return err
		}
		origins, err := r.Origins(store.OriginQuery{Role: credential.RolePoint})
		for i := range origins {
			st, err := n.pointState(r, &origins[i])
			if err != nil {
				return err
			}
			st.Label = labels[st.Origin]
			out = append(out, st)
		}
		return err
	})
	return out, err
}

func (n *Node) pointState(r store.Reader, o *store.Origin) (PointState, error) {
	g, err := credential.Verify(o.Credentials, n.trust.Centre(), n.ingest.Definitions().Within)
	if err != nil {
		return PointState{}, err
	}
	st := PointState{Origin: o.ID, Units: g.Units, Phones: g.Number, ContactMS: o.LastContactMS}
	if !g.Expiry.IsZero() {
		st.ExpiresMS = g.Expiry.UnixMilli()
	}
	list, err := r.Issued(o.ID)
	for _, i := range list {
		switch i.State {
		case store.IssuedCounted:
			st.Counted++
		case store.IssuedSurplus:
			st.Surplus++
		}
	}
	return st, err
}

// RenewPoint gives a point a later credential, for more phones or a longer time.
// The point gets it with its next exchange or answer file; surplus phones are
// let go here at once. Centre only.
func (n *Node) RenewPoint(ctx context.Context, q PointRenewal) (PointState, error) {
	var st PointState
	if n.role != credential.RoleCentre {
		return st, syncproto.Errorf(syncproto.CodeInvalidInput, "only the centre renews points: ask the province")
	}
	if q.Valid < 0 || q.Phones < 0 {
		return st, syncproto.Errorf(syncproto.CodeInvalidInput, "a renewal needs a time and a number of phones that are not below zero")
	}
	g, counted, err := n.delegated(ctx, q.Point)
	if err != nil {
		return st, err
	}
	defs := n.ingest.Definitions()
	for _, u := range q.Units {
		if !defs.UnitKnown(u) {
			return st, syncproto.Errorf(syncproto.CodeInvalidInput, "unit %s is not known here: import the units first", u)
		}
	}
	if len(q.Units) > 0 {
		g.Units = q.Units
	}
	g.Expiry, g.Number = time.Time{}, 0
	if q.Valid > 0 {
		g.Expiry = n.laterThan(&g).Add(q.Valid)
	}
	if q.Phones > 0 {
		g.Number = counted + q.Phones
	}
	return n.reissue(ctx, g)
}

// MovePoint gives a point a later credential for other units; until when and how
// many phones it may take in stays. Centre only.
func (n *Node) MovePoint(ctx context.Context, point uuid.UUID, units []string) error {
	g, _, err := n.delegated(ctx, point)
	if err != nil || slices.Equal(g.Units, units) {
		return err
	}
	g.Units = units
	_, err = n.reissue(ctx, g)
	return err
}

// laterThan gives now, or a second after a grant was issued: a credential tells
// seconds, and the later one must be later.
func (n *Node) laterThan(g *credential.Grant) time.Time {
	now := n.opts.Now()
	if !now.Truncate(time.Second).After(g.Issued) {
		now = g.Issued.Add(time.Second)
	}
	return now
}

// reissue issues a point's credential anew, later than the one it has, and notes
// it in the point's record.
func (n *Node) reissue(ctx context.Context, g credential.Grant) (st PointState, err error) {
	g.Issued = n.laterThan(&g)
	token, err := credential.Issue(g, n.trust.Key())
	if err != nil {
		return st, err
	}
	if err := n.introduce(ctx, g.Key, []string{token}); err != nil {
		return st, err
	}
	if err := n.noteRenewal(ctx, &g); err != nil {
		return st, err
	}
	err = n.store.View(ctx, func(r store.Reader) error {
		o, _, err := r.Origin(g.Device)
		if err == nil {
			st, err = n.pointState(r, &o)
		}
		return err
	})
	return st, err
}

// delegated reads what a point may issue now, and how many of its phones count.
func (n *Node) delegated(ctx context.Context, point uuid.UUID) (g credential.Grant, counted int, err error) {
	err = n.store.View(ctx, func(r store.Reader) error {
		o, ok, err := r.Origin(point)
		if err != nil {
			return err
		}
		if n.ingest.Revoked(point) != nil {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "point %s is revoked: have its machine join again with a new code", point)
		}
		if !ok || o.Role != credential.RolePoint {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "no point %s is known here: `thonsync point list` shows them", point)
		}
		if g, err = credential.Verify(o.Credentials, n.trust.Centre(), n.ingest.Definitions().Within); err != nil {
			return err
		}
		list, err := r.Issued(point)
		for _, i := range list {
			if i.State == store.IssuedCounted {
				counted++
			}
		}
		return err
	})
	return g, counted, err
}

// noteRenewal writes until when a point may issue into the point's record, where
// the centre's log keeps it for good.
func (n *Node) noteRenewal(ctx context.Context, g *credential.Grant) error {
	var drafts []ownlog.Draft
	err := n.store.View(ctx, func(r store.Reader) error {
		return EachDevice(r, func(rec *store.Record, row syncproto.Row) error {
			if row.Value(syncproto.DeviceOrigin).UUID() != g.Device {
				return nil
			}
			until := syncproto.Value{}
			if !g.Expiry.IsZero() {
				until = syncproto.DateValue(syncproto.Date{Year: g.Expiry.Year(), Month: int(g.Expiry.Month()), Day: g.Expiry.Day()})
			}
			drafts = append(drafts, ownlog.Draft{
				Header:      syncproto.Header{Collection: syncproto.CollectionDevice, Op: syncproto.OpSet, Record: rec.ID},
				Operational: syncproto.Row{{Num: syncproto.UnitValidTo, Value: until}},
			})
			return nil
		})
	})
	if err != nil || len(drafts) == 0 {
		return err
	}
	_, err = n.WriteOwn(ctx, drafts)
	return err
}

// checkPoints names points whose phones wait, or whose right to take phones in
// soon ends: they may be far away and reached by file only.
func (n *Node) checkPoints(ctx context.Context) (Check, error) {
	points, err := n.Points(ctx)
	if err != nil {
		return Check{}, err
	}
	var waits, ends []string
	soon := n.opts.Now().Add(issueDays * 24 * time.Hour).UnixMilli()
	for _, p := range points {
		switch {
		case n.ingest.Revoked(p.Origin) != nil:
		case p.Surplus > 0:
			waits = append(waits, p.Origin.String())
		case p.Phones > 0 && p.Phones-p.Counted < issueLeft || p.ExpiresMS > 0 && p.ExpiresMS < soon:
			ends = append(ends, p.Origin.String())
		}
	}
	c := Check{Name: "points", OK: len(waits)+len(ends) == 0, Detail: fmt.Sprintf("%d points, all may take phones in", len(points))}
	if !c.OK {
		c.Detail = fmt.Sprintf("%d points took in more phones than they may, whose work waits; the right of %d ends soon: %s", len(waits), len(ends), strings.Join(append(waits, ends...), ", "))
		c.Fix = "`thonsync point list` shows them, `thonsync point renew POINT` gives more"
	}
	return c, nil
}
