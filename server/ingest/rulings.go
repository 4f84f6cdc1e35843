package ingest

import (
	"bytes"
	"context"
	"errors"

	"github.com/google/uuid"

	"thonsync/server/feed"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/merge"
)

// rulings holds the centre's decisions in memory: they are few, and every merge
// asks for them.
type rulings struct {
	last    uint64
	on      map[merge.ID][]rulingOn // by number
	erased  map[uuid.UUID]bool      // records
	revoked map[syncproto.OriginID]*revocation
}

type rulingOn struct {
	number uint64
	kind   syncproto.RulingKind
	grant  bool
}

func loadRulings(r store.Reader) (*rulings, error) {
	all := &rulings{
		on: make(map[merge.ID][]rulingOn), erased: make(map[uuid.UUID]bool), revoked: make(map[syncproto.OriginID]*revocation),
	}
	const step = 1000
	for {
		list, err := r.Rulings(all.last, step)
		if err != nil {
			return nil, err
		}
		for _, row := range list {
			ruling, err := syncproto.DecodeRuling(row.Data)
			if err != nil {
				return nil, err
			}
			all.add(ruling)
			all.last = max(all.last, row.Number)
		}
		if len(list) < step {
			return all, nil
		}
	}
}

func (rs *rulings) add(r *syncproto.Ruling) {
	rs.last = max(rs.last, r.Number)
	switch {
	case r.Kind == syncproto.RulingErase:
		rs.erased[r.Record] = true
		return
	case r.OfDevice():
		rs.aboutDevice(r)
		return
	}
	id := merge.ID(r.Target)
	rs.on[id] = append(rs.on[id], rulingOn{r.Number, r.Kind, r.Grant})
}

// holds gives what merging needs to know of a change.
func (rs *rulings) holds(id merge.ID) []merge.Ruling {
	var out []merge.Ruling
	for _, r := range rs.on[id] {
		switch r.kind {
		case syncproto.RulingHold:
			out = append(out, merge.Ruling{Change: id, Number: r.number, Act: merge.Hold})
		case syncproto.RulingRelease:
			out = append(out, merge.Ruling{Change: id, Number: r.number, Act: merge.Release})
		}
	}
	return out
}

// held tells whether the change is held.
func (rs *rulings) held(id merge.ID) bool {
	var best merge.Ruling
	for _, r := range rs.holds(id) {
		if r.Number >= best.Number {
			best = r
		}
	}
	return best.Act == merge.Hold
}

// released tells whether a person let the change go.
func (rs *rulings) released(id merge.ID) bool {
	rulings := rs.holds(id)
	return len(rulings) > 0 && !rs.held(id)
}

// authority tells what the newest ruling on a change's authority says.
func (rs *rulings) authority(id merge.ID) (granted, ruledOn bool) {
	var number uint64
	for _, r := range rs.on[id] {
		if r.kind == syncproto.RulingAuthority && r.number >= number {
			number, granted, ruledOn = r.number, r.grant, true
		}
	}
	return granted, ruledOn
}

// ruledOn tells whether there is any ruling on a change.
func (rs *rulings) ruledOn(id merge.ID) bool { return len(rs.on) > 0 && len(rs.on[id]) > 0 }

// Rule makes a ruling: it fills in number, time and signature, applies it and
// appends it to its feed. Centre only.
func (s *Service) Rule(ctx context.Context, r syncproto.Ruling) (syncproto.Ruling, error) {
	if !s.atCentre() {
		return r, syncproto.Errorf(syncproto.CodeInvalidInput, "only the centre makes rulings: ask the province")
	}
	if err := checkRuling(&r); err != nil {
		return r, err
	}
	var made syncproto.Ruling
	err := s.submit(ctx, func(ses *session) error {
		made = r
		return ses.rule(&made)
	})
	if err == nil && r.Kind == syncproto.RulingErase {
		err = s.Purge(ctx)
	}
	return made, err
}

// Reapply puts a ruling into force that was made before and that this store does
// not hold, as after a restore: under its own number, unless that has been given
// to another since. Centre only.
func (s *Service) Reapply(ctx context.Context, r syncproto.Ruling) error {
	if err := s.cfg.Trust.Centre().VerifyRuling(&r); err != nil || !s.atCentre() {
		return errors.Join(err, syncproto.Errorf(syncproto.CodeInvalidInput, "ruling %d cannot be put into force here", r.Number))
	}
	return s.submit(ctx, func(ses *session) error {
		again := r
		have, taken, err := ses.tx.Ruling(r.Number)
		switch {
		case err != nil, taken && bytes.Equal(have.Data, r.Encode()):
			return err
		case taken:
			err = ses.rule(&again)
		default:
			if err = ses.applyRuling(&again); err == nil {
				err = ses.feedRuling(&again)
			}
		}
		if err != nil {
			return err
		}
		return ses.reviewCut(again.Target.Origin)
	})
}

func checkRuling(r *syncproto.Ruling) error {
	switch {
	case r.OfDevice():
		return syncproto.Errorf(syncproto.CodeInvalidInput, "a ruling about a device is made by revoking or releasing the device")
	case r.Kind < syncproto.RulingHold || r.Kind > syncproto.RulingAuthority:
		return syncproto.Errorf(syncproto.CodeInvalidInput, "ruling of unknown kind %d", r.Kind)
	case r.Kind == syncproto.RulingErase && r.Record == uuid.Nil:
		return syncproto.Errorf(syncproto.CodeInvalidInput, "an erasure needs a record")
	case r.Kind != syncproto.RulingErase && r.Target.Seq == 0:
		return syncproto.Errorf(syncproto.CodeInvalidInput, "a ruling on a change needs its origin, number and hash")
	}
	return nil
}

func (ses *session) rule(r *syncproto.Ruling) error {
	last, err := ses.tx.LastRuling()
	if err != nil {
		return err
	}
	r.Number, r.IssuedMS = last+1, ses.nowMS
	r.Sign(ses.s.cfg.Trust.Key())
	if err := ses.applyRuling(r); err != nil {
		return err
	}
	ses.made = append(ses.made, r)
	return ses.feedRuling(r)
}

// feedRuling puts a ruling into the feed it belongs to.
func (ses *session) feedRuling(r *syncproto.Ruling) error {
	name := ses.defs.Commune(r.Unit)
	if name == "" {
		name = syncproto.CommonFeed
	}
	return ses.feedItem(name, feed.RulingEntry(r))
}

// applyRuling stores a ruling and lets it act, whether or not what it is about
// has arrived.
func (ses *session) applyRuling(r *syncproto.Ruling) error {
	err := ses.tx.PutRuling(store.Ruling{Number: r.Number, Data: r.Encode(), Kind: r.Kind, Target: r.Target, Record: r.Record})
	if err != nil {
		return err
	}
	ses.ruled = true
	ses.s.rulings.add(r)
	if r.Kind == syncproto.RulingErase {
		return ses.eraseRecord(r.Record)
	}
	if r.OfDevice() {
		return ses.applyDeviceRuling(r)
	}
	o, err := ses.origin(r.Target.Origin)
	if err != nil || o == nil {
		return err
	}
	record, found, err := ses.recordOfChange(o, r.Target)
	if err != nil || !found {
		return err
	}
	return ses.update(record, nil, true)
}

// recordOfChange finds the record of a change that is held.
func (ses *session) recordOfChange(o *store.Origin, ref syncproto.Ref) (id uuid.UUID, found bool, err error) {
	rows, err := ses.tx.Segments(store.SegmentQuery{Origin: o.ID, From: ref.Seq, To: ref.Seq, HeadersOnly: true})
	if err != nil {
		return id, false, err
	}
	for _, row := range rows {
		u, err := ses.unpacked(row.ID, o.Key)
		if err != nil {
			return id, false, err
		}
		if c := &u.changes[ref.Seq-row.First]; c.Open.Prefix() == ref.Open {
			return recordOf(c), true, nil
		}
	}
	return id, false, nil
}
