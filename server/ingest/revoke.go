package ingest

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// revocation is what the rulings say of one revoked device.
type revocation struct {
	first    uint64              // number of the first ruling that revoked it
	sinceMS  int64               // when that was
	newest   *syncproto.Ruling   // whose cut counts
	released []syncproto.CutHead // heads up to which work was let go all the same
}

// aboutDevice notes a ruling about a device.
func (rs *rulings) aboutDevice(r *syncproto.Ruling) {
	rv := rs.revoked[r.Target.Origin]
	if rv == nil {
		rv = &revocation{}
		rs.revoked[r.Target.Origin] = rv
	}
	if r.Kind == syncproto.RulingRelease {
		rv.released = append(rv.released, r.Cut...)
		return
	}
	if rv.first == 0 || r.Number < rv.first {
		rv.first, rv.sinceMS = r.Number, r.IssuedMS
	}
	if rv.newest == nil || r.Number >= rv.newest.Number {
		rv.newest = r
	}
}

// revocation finds what is said of a device, nil unless it is revoked.
func (rs *rulings) revocation(id syncproto.OriginID) *revocation {
	if rv := rs.revoked[id]; rv != nil && rv.newest != nil {
		return rv
	}
	return nil
}

// concern tells whether a revocation can matter to what an origin writes: its
// own, that of the key it rests on, or that of the point that took it in.
func (rs *rulings) concern(o *store.Origin) bool {
	if len(rs.revoked) == 0 {
		return false
	}
	return rs.revocation(o.ID) != nil || slices.ContainsFunc(credential.Subjects(o.Credentials), func(id syncproto.OriginID) bool { return rs.revocation(id) != nil })
}

// needsRelease is what later work of a revoked device waits for.
func needsRelease(id syncproto.OriginID) string { return "release:" + id.String() }

// needsDevice is what the work of a device waits for whose point was revoked.
func needsDevice(id syncproto.OriginID) string { return "device:" + id.String() }

// beaconGrace is how much later than a revocation a beacon may be before it
// proves that a change was: transactions gather for a moment, clocks are set.
const beaconGrace = time.Minute

// revokedLater tells whether a change is held because its device, or the point
// that took the device in, was revoked.
func (ses *session) revokedLater(o *store.Origin, e *Entry) (*syncproto.Finding, error) {
	rs := ses.s.rulings
	if !rs.concern(o) || rs.released(e.ID()) {
		return nil, nil
	}
	if rv := rs.revocation(o.ID); rv != nil {
		covered, err := ses.beforeCut(o, rv, e)
		if err != nil || !covered {
			return &syncproto.Finding{Reason: syncproto.ReasonRevoked, Needs: needsRelease(o.ID)}, err
		}
	}
	for _, sub := range credential.Subjects(o.Credentials) {
		if sub == o.ID || rs.revocation(sub) == nil || !ses.s.atCentre() {
			continue
		}
		if issuedBy(o.Credentials, sub) {
			stands, err := enrolled(ses.tx, o.ID, o.Credentials)
			if err != nil || stands {
				return nil, err
			}
		}
		return &syncproto.Finding{Reason: syncproto.ReasonRevoked, Needs: needsDevice(o.ID)}, nil
	}
	return nil, nil
}

// beforeCut tells whether a change lies before the cut or was released with all
// others. A beacon that the centre gave out after it had revoked the device
// proves that the change is later, whatever a point has signed.
func (ses *session) beforeCut(o *store.Origin, rv *revocation, e *Entry) (bool, error) {
	t, err := ses.topology(o.ID)
	if err != nil {
		return false, err
	}
	branch := e.branch
	if !e.placed {
		if branch, err = ses.branchOf(o, t, e); err != nil {
			return false, err
		}
	}
	branch = t.home(branch, e.Change.Seq)
	c, err := ses.coverOf(o, rv)
	if err != nil || c.released.covers(branch, e.Change.Seq) {
		return err == nil, err
	}
	late := ses.s.atCentre() && e.EarliestMS > rv.sinceMS+beaconGrace.Milliseconds()
	return !late && c.cut.covers(branch, e.Change.Seq), nil
}

// cover is what a revocation covers of an origin's held changes.
type cover struct{ cut, released reach }

// coverOf works out what a revocation covers, once for each state of the log.
func (ses *session) coverOf(o *store.Origin, rv *revocation) (cover, error) {
	if c, ok := ses.covers[o.ID]; ok {
		return c, nil
	}
	var c cover
	var err error
	if c.cut, err = ses.reachOf(o, rv.newest.Cut); err != nil {
		return c, err
	}
	c.released, err = ses.reachOf(o, rv.released)
	ses.covers[o.ID] = c
	return c, err
}

// applyDeviceRuling lets a ruling about a device act on what is held of it.
func (ses *session) applyDeviceRuling(r *syncproto.Ruling) error {
	id := r.Target.Origin
	delete(ses.covers, id)
	ses.arrived = append(ses.arrived, needsRelease(id))
	o, err := ses.origin(id)
	if err != nil || o == nil || r.Kind != syncproto.RulingRevoke {
		return err
	}
	rv := ses.s.rulings.revocation(id)
	c, err := ses.coverOf(o, rv)
	if err != nil {
		return err
	}
	from := uint64(0)
	for _, s := range c.cut {
		if s.last < s.run.Last.Seq && (from == 0 || s.last+1 < from) {
			from = s.last + 1
		}
	}
	if from > 0 {
		ses.stale = append(ses.stale, staleRun{origin: id, from: from, rejudge: true})
	}
	if o.Role == credential.RolePoint {
		return ses.reviewIssued(id)
	}
	return nil
}

// reviewIssued looks again at the phones that a revoked point has taken in.
func (ses *session) reviewIssued(point syncproto.OriginID) error {
	all, err := ses.tx.Origins(store.OriginQuery{Role: credential.RolePhone})
	if err != nil {
		return err
	}
	for i := range all {
		if issuedBy(all[i].Credentials, point) {
			ses.stale = append(ses.stale, staleRun{origin: all[i].ID, from: 1, rejudge: true})
		}
	}
	return nil
}

// recut follows the arrival of changes of a revoked device: points may have
// receipted them before they knew of the revocation, and what is now known of
// the branches may change what the cut covers. before is nil for others.
func (ses *session) recut(o *store.Origin, before *cover) error {
	if before == nil {
		return nil
	}
	if err := ses.extendCut(o); err != nil {
		return err
	}
	rv := ses.s.rulings.revocation(o.ID)
	now, err := ses.coverOf(o, rv)
	if err != nil {
		return err
	}
	if !now.cut.same(before.cut) || !now.released.same(before.released) {
		ses.stale = append(ses.stale, staleRun{origin: o.ID, from: 1, rejudge: true})
	}
	return nil
}

// coverBefore gives what a revocation covers at this moment, nil for devices
// that are not revoked.
func (ses *session) coverBefore(o *store.Origin) (*cover, error) {
	rv := ses.s.rulings.revocation(o.ID)
	if rv == nil {
		return nil, nil
	}
	c, err := ses.coverOf(o, rv)
	return &c, err
}

// extendCut rules again, with a larger cut, where points have receipted held
// changes before the revocation was known to them. Centre only.
func (ses *session) extendCut(o *store.Origin) error {
	rv := ses.s.rulings.revocation(o.ID)
	if rv == nil || !ses.s.atCentre() {
		return nil
	}
	list, err := ses.tx.Witnesses(o.ID, 0)
	if err != nil {
		return err
	}
	c, err := ses.coverOf(o, rv)
	if err != nil {
		return err
	}
	cut := slices.Clone(rv.newest.Cut)
	for i := range list {
		h, run, err := ses.witnessedHead(o, rv, &list[i])
		if err != nil {
			return err
		}
		if run == nil || c.cut.covers(run.Branch, h.Seq) || len(cut) == syncproto.MaxCut || slices.Contains(cut, h) {
			continue
		}
		cut = append(cut, h)
	}
	if len(cut) == len(rv.newest.Cut) {
		return nil
	}
	r := &syncproto.Ruling{Kind: syncproto.RulingRevoke, Target: syncproto.Ref{Origin: o.ID}, Unit: rv.newest.Unit, Reason: rv.newest.Reason, Cut: cut}
	return ses.rule(r)
}

// reviewCut looks for receipts that extend the cut of a device and were here
// before its revocation.
func (ses *session) reviewCut(id syncproto.OriginID) error {
	o, err := ses.origin(id)
	if err != nil || o == nil {
		return err
	}
	return ses.extendCut(o)
}

// witnessedHead gives the head that a point's receipt adds to a cut and the run
// that holds it; no run if it adds none. The receipt counts if the point had not
// taken the revocation in when it signed, if it serves the device's units, and
// if it is not revoked itself: then nobody knows when it signed.
func (ses *session) witnessedHead(o *store.Origin, rv *revocation, w *store.Witness) (syncproto.CutHead, *store.Run, error) {
	var h syncproto.CutHead
	rc, err := syncproto.DecodeReceipt(w.Data)
	if err != nil || rc.Ruled >= rv.first || ses.s.rulings.revocation(w.Issuer) != nil {
		return h, nil, err
	}
	point, err := ses.origin(w.Issuer)
	if err != nil || point == nil || !slices.ContainsFunc(o.Units, func(u string) bool { return ses.defs.Within(u, point.Units) }) {
		return h, nil, err
	}
	run, ok, err := ses.holding(o.ID, syncproto.Heads{Seq: rc.Last, Open: rc.Open, Closed: rc.Closed})
	if err != nil || !ok {
		return h, nil, err
	}
	return syncproto.CutHead{Seq: rc.Last, Open: rc.Open.Prefix()}, run, nil
}

// Revoke revokes a device: its cut is what is known of it now. A device that is
// not known here can be revoked, too; then all its work is held. Centre only.
func (s *Service) Revoke(ctx context.Context, id syncproto.OriginID, reason syncproto.Reason) (syncproto.Ruling, error) {
	return s.ruleOnDevice(ctx, syncproto.Ruling{Kind: syncproto.RulingRevoke, Target: syncproto.Ref{Origin: id}, Reason: reason})
}

// ReleaseDevice lets go of all work of a revoked device that is held until now.
// Centre only.
func (s *Service) ReleaseDevice(ctx context.Context, id syncproto.OriginID, reason syncproto.Reason) (syncproto.Ruling, error) {
	return s.ruleOnDevice(ctx, syncproto.Ruling{Kind: syncproto.RulingRelease, Target: syncproto.Ref{Origin: id}, Reason: reason})
}

func (s *Service) ruleOnDevice(ctx context.Context, r syncproto.Ruling) (syncproto.Ruling, error) {
	if !s.atCentre() {
		return r, syncproto.Errorf(syncproto.CodeInvalidInput, "only the centre makes rulings: ask the province")
	}
	if r.Target.Origin == uuid.Nil || r.Target.Origin == s.id {
		return r, syncproto.Errorf(syncproto.CodeInvalidInput, "a revocation needs the origin of a phone or a point")
	}
	var made syncproto.Ruling
	err := s.submit(ctx, func(ses *session) error {
		made = r
		return ses.ruleOnDevice(&made)
	})
	return made, err
}

// ruleOnDevice fills in cut and feed and rules. A device that is revoked already
// stays so with the cut it has.
func (ses *session) ruleOnDevice(r *syncproto.Ruling) error {
	id := r.Target.Origin
	rv := ses.s.rulings.revocation(id)
	if r.Kind == syncproto.RulingRelease && rv == nil {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "device %s is not revoked: there is nothing of it to release", id)
	}
	if r.Kind == syncproto.RulingRevoke && rv != nil {
		*r = *rv.newest
		return nil
	}
	o, err := ses.origin(id)
	if err != nil {
		return err
	}
	if o != nil && o.Role == credential.RolePhone && len(o.Units) > 0 {
		r.Unit = o.Units[0] // points concern everybody: the common feed
	}
	t, err := ses.topology(id)
	if err != nil {
		return err
	}
	r.Cut = endsOf(t)
	return ses.rule(r)
}
