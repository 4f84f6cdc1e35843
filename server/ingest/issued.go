package ingest

import (
	"bytes"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// What a point issues counts once the point's own log names it, up to the
// number and the time that the centre gave the point. The rest waits, and goes
// on when the log arrives or the centre gives more. Devices are counted in the
// order of the point's log and only as far as that log is held without a gap, so
// that no order of arrival decides who is one too many.

// needsListing is what the changes of a device wait for that does not count yet.
func needsListing(device syncproto.OriginID) string { return "issued:" + device.String() }

// countsAtOnce tells whether a device counts without its issuer's log: only
// phones of points do not. What rests on a handover is held for that reason.
func countsAtOnce(g *credential.Grant, chain []string) bool {
	return g.Role != credential.RolePhone || len(chain) < 2 || g.Provisional()
}

// unlisted tells why the changes of an origin do not count yet, nil if they do.
func (ses *session) unlisted(o *store.Origin) (*syncproto.Finding, error) {
	if o.Listed || !ses.s.atCentre() && o.Role != credential.RoleCentre {
		return nil, nil
	}
	said, err := ses.tx.IssuedDevice(o.ID)
	if err != nil {
		return nil, err
	}
	reason := syncproto.ReasonUnlisted
	if slices.ContainsFunc(said, func(i store.Issued) bool { return i.State == store.IssuedSurplus }) {
		reason = syncproto.ReasonSurplus
	}
	return &syncproto.Finding{Reason: reason, Needs: needsListing(o.ID)}, nil
}

// setListed fills in whether an origin that is new or shows new credentials
// counts.
func (ses *session) setListed(o *store.Origin, g *grant) error {
	if ses.s.aged(g) {
		named, err := ses.centreNames(o)
		o.Listed = named
		return err
	}
	if o.Listed = countsAtOnce(&g.Grant, g.chain); o.Listed || !ses.s.atCentre() {
		return nil
	}
	said, err := ses.tx.IssuedDevice(o.ID)
	o.Listed = slices.ContainsFunc(said, func(i store.Issued) bool { return i.State == store.IssuedCounted && i.Issuer == g.Issuer })
	return err
}

// aged tells whether the centre itself would have issued a credential that is new
// here, under a key that it has replaced since. Whoever has stolen that key can
// make such credentials and give them any date, so the centre's own log must name
// the device. A point does not have that log; there only somebody who claims to be
// the centre has to wait.
func (s *Service) aged(g *grant) bool {
	return len(g.chain) == 1 && g.KeyNumber < s.cfg.Trust.Centre().Number() && (s.atCentre() || g.Role == credential.RoleCentre)
}

// centreNames tells whether a device record that the centre wrote names an origin
// with its role.
func (ses *session) centreNames(o *store.Origin) (found bool, err error) {
	for _, unit := range o.Units {
		q := store.RecordQuery{Collection: syncproto.CollectionDevice, Unit: unit, ExistsOnly: true}
		err := ses.tx.EachRecord(q, func(rec store.Record) error {
			entries, err := DecodeHistory(rec.History)
			for i := range entries {
				if named, err := ses.namedIn(&entries[i], o); err != nil || named {
					found = named
					return err
				}
			}
			return err
		})
		if err != nil || found {
			return found, err
		}
	}
	return false, nil
}

// namedIn tells whether a change is the centre's word for a device.
func (ses *session) namedIn(e *Entry, o *store.Origin) (bool, error) {
	row := e.Change.Operational
	if !e.Acts || row.Value(syncproto.DeviceOrigin).UUID() != o.ID || row.Value(syncproto.DeviceRole).Text() != string(o.Role) {
		return false, nil
	}
	by, err := ses.origin(e.Change.Origin)
	return by != nil && by.Role == credential.RoleCentre, err
}

// nameAged lets a device go whose credential is under a replaced key, now that the
// centre's log names it.
func (ses *session) nameAged(device syncproto.OriginID, role string) error {
	o, err := ses.origin(device)
	if err != nil || o == nil || o.Listed || len(o.Credentials) != 1 || string(o.Role) != role {
		return err
	}
	next := *o
	next.Listed = true
	delete(ses.origins, device)
	ses.arrived = append(ses.arrived, needsListing(device))
	return ses.putOrigin(next)
}

// noteIssued notes a device record that begins to act, if the centre or a point
// wrote it.
func (ses *session) noteIssued(e *Entry) error {
	if e.Change.Header.Collection != syncproto.CollectionDevice || e.Change.Header.Op != syncproto.OpCreate {
		return nil
	}
	o, err := ses.origin(e.Change.Origin)
	if err != nil || o == nil {
		return err
	}
	device := e.Change.Operational.Value(syncproto.DeviceOrigin).UUID()
	if o.Role == credential.RoleCentre {
		return ses.nameAged(device, e.Change.Operational.Value(syncproto.DeviceRole).Text())
	}
	if o.Role != credential.RolePoint {
		return nil
	}
	said, err := ses.tx.IssuedDevice(device)
	if err != nil {
		return err
	}
	// A device that is taken in twice counts once, at its first place.
	i := store.Issued{Issuer: o.ID, Device: device, Seq: e.Change.Seq, EarliestMS: e.EarliestMS}
	for _, have := range said {
		if have.Issuer == o.ID && (have.State == store.IssuedCounted || have.Seq < i.Seq) {
			return nil
		}
	}
	ses.issuers[o.ID] = true
	return ses.tx.PutIssued(i)
}

// countIssued counts the devices of all points whose log or delegation changed
// in this transaction, and tells whether any of them counts now that did not.
func (ses *session) countIssued() (changed bool, err error) {
	if !ses.s.atCentre() {
		return false, nil
	}
	for id := range ses.touched {
		if o, err := ses.origin(id); err != nil {
			return false, err
		} else if o != nil && o.Role == credential.RolePoint {
			ses.issuers[id] = true
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(ses.issuers), func(a, b syncproto.OriginID) int { return bytes.Compare(a[:], b[:]) }) {
		some, err := ses.countOf(id)
		if err != nil {
			return false, err
		}
		changed = changed || some
	}
	clear(ses.issuers)
	return changed, nil
}

// countOf counts the devices of one issuer.
func (ses *session) countOf(id syncproto.OriginID) (changed bool, err error) {
	list, err := ses.tx.Issued(id)
	if err != nil || len(list) == 0 {
		return false, err
	}
	issuer, err := ses.origin(id)
	if err != nil || issuer == nil {
		return false, err
	}
	g, err := credential.Verify(issuer.Credentials, ses.s.cfg.Trust.Centre(), ses.defs.Within)
	if err != nil {
		return false, err
	}
	topo, err := ses.topology(id)
	if err != nil {
		return false, err
	}
	counted := 0
	for _, i := range list {
		if i.State == store.IssuedCounted {
			counted++
		}
	}
	for _, i := range list {
		if i.State == store.IssuedCounted || i.Seq > topo.unbroken() {
			continue
		}
		state := store.IssuedSurplus
		if (g.Number == 0 || counted < g.Number) && (g.Expiry.IsZero() || !time.UnixMilli(i.EarliestMS).After(g.Expiry)) {
			state = store.IssuedCounted
			counted++
		}
		if state == i.State {
			continue
		}
		i.State, changed = state, true
		if err := ses.settleIssued(i); err != nil {
			return false, err
		}
	}
	return changed, nil
}

// unbroken gives the last change up to which no change is missing on any branch.
func (t topology) unbroken() (end uint64) {
	for _, r := range t.runs {
		if r.First == r.After+1 && (r.Branch == 0 || r.Linked) {
			end = max(end, r.Last.Seq)
		}
	}
	return end
}

// settleIssued writes how a device counts and lets its changes go, or be told
// why not.
func (ses *session) settleIssued(i store.Issued) error {
	if err := ses.tx.PutIssued(i); err != nil {
		return err
	}
	ses.arrived = append(ses.arrived, needsListing(i.Device))
	o, err := ses.origin(i.Device)
	if err != nil || o == nil || i.State != store.IssuedCounted {
		return err
	}
	if ses.issuerOf(o) != i.Issuer {
		return nil // another issuer's credential stands here; this word does not vouch for it
	}
	next := *o
	next.Listed = true
	delete(ses.origins, i.Device)
	return ses.putOrigin(next)
}

// issuerOf gives who issued the credential that an origin shows, uuid.Nil where
// that does not hold now.
func (ses *session) issuerOf(o *store.Origin) syncproto.OriginID {
	g, err := credential.VerifyDevice(o.Credentials, ses.s.cfg.Trust.Centre(), ses.defs.Within)
	if err != nil {
		return uuid.Nil
	}
	return g.Issuer
}
