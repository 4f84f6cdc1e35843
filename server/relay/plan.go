package relay

import (
	"context"
	"errors"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// plan is what one request carries and what follows from an answer to it.
type plan struct {
	req    *syncproto.Request
	before state
	after  state // once upstream has answered
	left   bool  // segments or witnesses are left to send
	sent   []store.Segment
}

// Bounds of one request besides the chunk.
const (
	planSegments  = 256
	planWitnesses = 512
	planHeads     = 64
)

// errEnough ends a walk over segments; it never leaves this package.
var errEnough = errors.New("enough")

// makePlan gathers a request from one snapshot.
func (r *Relay) makePlan(ctx context.Context) (*plan, error) {
	p := &plan{req: &syncproto.Request{
		Origin: r.self(), Credentials: r.cfg.Credentials, ClockMS: r.cfg.Now().UnixMilli(),
		Budget: r.asker.Chunk(),
	}}
	err := r.cfg.Store.View(ctx, func(rd store.Reader) error {
		var err error
		if p.before, err = loadState(rd); err != nil {
			return err
		}
		// The centre may have given this point a later credential than it joined
		// with; it came in like those of others.
		if own, ok, err := rd.Origin(r.self()); err != nil {
			return err
		} else if ok && len(own.Credentials) > 0 {
			p.req.Credentials = own.Credentials
		}
		p.after = p.before
		if err := r.loadKnown(rd); err != nil {
			return err
		}
		for _, step := range []func(store.Reader, *plan) error{r.planSegments, r.planWitnesses, r.planContacts, r.planHeads, r.planCheckpoints} {
			if err := step(rd, p); err != nil {
				return err
			}
		}
		return nil
	})
	return p, err
}

// loadKnown tells the asker at its start what the centre has receipted, so that
// a restarted point does not send everything again.
func (r *Relay) loadKnown(rd store.Reader) error {
	if r.loaded {
		return nil
	}
	have, err := receipted(rd, r.cfg.Trust.Centre().ID())
	if err != nil {
		return err
	}
	for k, c := range have {
		if c.heads.Seq > 0 {
			r.asker.Remember(k.origin, c.heads)
		}
	}
	r.loaded = true
	return nil
}

// planSegments takes stored segments in the order of arrival, all branches, as
// they came. Those that a receipt of the centre covers are passed over, unless it
// could not open them: then this may be the copy that a phone sealed again. Its
// heads do not count here: they would leave this point without the receipt.
// Credentials go along for origins that upstream has not shown to know.
func (r *Relay) planSegments(rd store.Reader, p *plan) error {
	room := r.asker.Chunk()
	introduced := make(map[syncproto.OriginID]bool)
	centre := r.cfg.Trust.Centre().ID()
	have, err := receipted(rd, centre)
	if err != nil {
		return err
	}
	err = rd.EachSegment(p.before.Sent, func(s store.Segment) error {
		if s.Origin == centre || have[branchKey{s.Origin, s.Branch}].has(&s) {
			p.after.Sent = s.ID
			return nil
		}
		if len(p.sent) > 0 && (len(s.Data) > room || len(p.sent) == planSegments) {
			p.left = true
			return errEnough
		}
		room -= len(s.Data)
		p.sent = append(p.sent, s)
		p.req.Segments = append(p.req.Segments, s.Data)
		p.after.Sent = s.ID
		if known, _ := r.asker.Known(s.Origin); known.Seq == 0 && !introduced[s.Origin] {
			introduced[s.Origin] = true
			return r.introduce(rd, p, s.Origin)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	if err := r.introduceEnrolled(rd, p, have, introduced); err != nil {
		return err
	}
	backlog, err := backlogIn(rd, centre, have, r.asker.Known)
	for _, s := range p.sent {
		backlog -= min(backlog, s.Last-s.First+1)
	}
	p.req.Waiting = int(min(backlog, 1<<31-1))
	return err
}

// introduceEnrolled sends the credentials of origins whose work the centre holds
// because it has seen only a handover, once there are better ones here.
func (r *Relay) introduceEnrolled(rd store.Reader, p *plan, have map[branchKey]custody, introduced map[syncproto.OriginID]bool) error {
	for k, c := range have {
		if !c.enrol || introduced[k.origin] || len(p.req.Extra) >= planSegments {
			continue
		}
		o, ok, err := rd.Origin(k.origin)
		if err != nil {
			return err
		}
		if !ok || credential.IsHandover(o.Credentials) {
			continue
		}
		introduced[k.origin] = true
		if err := r.introduce(rd, p, k.origin); err != nil {
			return err
		}
	}
	return nil
}

func (r *Relay) introduce(rd store.Reader, p *plan, id syncproto.OriginID) error {
	o, ok, err := rd.Origin(id)
	if err != nil || !ok || len(o.Credentials) == 0 {
		return err
	}
	p.req.Extra = append(p.req.Extra, syncproto.OriginCredential{Origin: id, Credentials: o.Credentials})
	return nil
}

// planWitnesses adds own receipts: they prove when changes had reached the
// commune.
func (r *Relay) planWitnesses(rd store.Reader, p *plan) error {
	list, err := rd.Receipts(store.ReceiptQuery{After: p.before.Witnessed, Limit: planWitnesses})
	if err != nil {
		return err
	}
	for _, rc := range list {
		if rc.Issuer == r.self() {
			p.req.Receipts = append(p.req.Receipts, rc.Data)
		}
		p.after.Witnessed = rc.Position
	}
	p.left = p.left || len(list) == planWitnesses
	return nil
}

// planHeads compares heads: of the own log, of what is sent, and of a slice of
// all other origins that moves with every request, so that a centre that lost
// something is noticed even when there is nothing to send.
func (r *Relay) planHeads(rd store.Reader, p *plan) error {
	seen := make(map[syncproto.OriginID]bool)
	add := func(id syncproto.OriginID) error {
		if seen[id] {
			return nil
		}
		seen[id] = true
		runs, err := rd.Runs(id)
		if err != nil {
			return err
		}
		for _, run := range runs {
			p.req.Heads = append(p.req.Heads, syncproto.OriginHeads{Origin: id, Heads: run.Last})
		}
		return nil
	}
	if err := add(r.self()); err != nil {
		return err
	}
	for _, s := range p.sent {
		if err := add(s.Origin); err != nil {
			return err
		}
	}
	if p.left {
		return nil
	}
	all, err := rd.Origins(store.OriginQuery{})
	if err != nil || len(all) == 0 {
		return err
	}
	for i := range min(planHeads, len(all)) {
		if err := add(all[(r.turnNo+i)%len(all)].ID); err != nil {
			return err
		}
	}
	r.turnNo = (r.turnNo + planHeads) % len(all)
	return nil
}

// planCheckpoints tells how far each feed was read. Pages are stored as they
// are, so a feed's state here is the checkpoint.
func (r *Relay) planCheckpoints(rd store.Reader, p *plan) error {
	heads, err := rd.Feeds()
	if err != nil {
		return err
	}
	for _, h := range heads {
		p.req.Checkpoints = append(p.req.Checkpoints, syncproto.Checkpoint{Feed: h.Feed, Epoch: h.Epoch, Position: h.Cut, Page: h.Page})
	}
	p.req.Checkpoints = append(p.req.Checkpoints, syncproto.Checkpoint{
		Feed: syncproto.ReceiptFeed, Epoch: p.before.Epoch, Position: p.before.Receipts,
	})
	return nil
}

func (r *Relay) self() syncproto.OriginID {
	return syncproto.OriginOf(r.cfg.Trust.Public())
}
