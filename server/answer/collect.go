package answer

import (
	"context"
	"slices"

	"thonsync/server/feed"
	"thonsync/server/ingest"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
	"thonsync/syncproto/exchange"
)

// collector gathers one answer from one snapshot.
type collector struct {
	svc    *Service
	asker  *asker
	ask    *syncproto.Ask
	r      store.Reader
	budget *exchange.Budget
	ans    *syncproto.Answer
	cache  map[syncproto.OriginID]*store.Origin // nil for origins out of scope
	looked int
	// foreign are the origins that the asker named and may not know.
	foreign []syncproto.OriginID
}

// collect fills the answer in the order of importance: what became of the
// asker's work, then what it waits for, then what colleagues did.
func (s *Service) collect(ctx context.Context, a *asker, ask *syncproto.Ask, budget int, took ingest.Result) (*syncproto.Answer, error) {
	seal, _, err := s.cfg.Seal()
	if err != nil {
		return nil, err
	}
	ans := &syncproto.Answer{
		NowMS: s.cfg.Now().UnixMilli(), Beacon: s.cfg.Ingest.Beacon(), SealKey: seal.Key, Problems: took.Problems,
		Receipts: took.Receipts[:min(len(took.Receipts), maxAgain)],
	}
	if a.later != nil {
		ans.Credentials = append(ans.Credentials, syncproto.OriginCredential{Origin: a.Device, Credentials: a.later})
	}
	c := &collector{svc: s, asker: a, ask: ask, ans: ans, budget: exchange.NewBudget(budget), cache: make(map[syncproto.OriginID]*store.Origin)}
	err = s.cfg.Store.View(ctx, func(r store.Reader) error {
		c.r = r
		for _, step := range c.steps(took) {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	})
	s.noteForeign(ctx, a, c.foreign)
	return ans, err
}

// steps are what an answer is made of. Who is barred may upload and learns what
// became of it, and why it gets nothing else.
func (c *collector) steps(took ingest.Result) []func() error {
	heads := func() error { return c.heads(took.Heads) }
	if c.asker.bar.Closed() {
		return []func() error{heads, c.receipts, c.bar}
	}
	return []func() error{heads, c.receipts, c.pages, c.colleagues}
}

// bar tells the asker of the ruling about it.
func (c *collector) bar() error {
	if r := c.asker.bar.Ruling; r != nil {
		c.ans.Rulings = append(c.ans.Rulings, r.Encode())
	}
	return nil
}

// origin gives an origin if the asker may know it, else nil.
func (c *collector) origin(id syncproto.OriginID) (*store.Origin, error) {
	if o, ok := c.cache[id]; ok {
		return o, nil
	}
	o, ok, err := c.r.Origin(id)
	if err != nil {
		return nil, err
	}
	if !ok || !c.asker.mayKnow(&o) {
		c.cache[id] = nil
		return nil, nil
	}
	c.cache[id] = &o
	return &o, nil
}

// named is origin for what the asker names. That an origin is foreign is not
// remembered: or else fewer statements would run later for one that is there
// than for one that is not.
func (c *collector) named(id syncproto.OriginID) (*store.Origin, error) {
	o, err := c.origin(id)
	if o == nil {
		delete(c.cache, id)
	}
	return o, err
}

// maxHeads bounds the heads of one answer, maxLooked how many of them are looked
// up in segments.
const (
	maxHeads  = 2048
	maxLooked = 256
)

// heads tells how far each origin has got here that the request named: the ends
// of its branches below which nothing is missing, and those of the named
// positions that are held. An origin that is unknown or out of scope gets none,
// except the asker itself, which then starts at the genesis.
func (c *collector) heads(took []syncproto.OriginHeads) error {
	named := make(map[syncproto.OriginID][]syncproto.Heads)
	ids := []syncproto.OriginID{c.asker.Device}
	for _, h := range took {
		ids = append(ids, h.Origin)
	}
	for _, h := range c.ask.Heads {
		ids = append(ids, h.Origin)
		named[h.Origin] = append(named[h.Origin], h.Heads)
	}
	done := make(map[syncproto.OriginID]bool)
	for _, id := range ids {
		if done[id] {
			continue
		}
		done[id] = true
		if err := c.headsOf(id, named[id]); err != nil {
			return err
		}
	}
	return nil
}

func (c *collector) headsOf(id syncproto.OriginID, named []syncproto.Heads) error {
	o, err := c.named(id)
	switch {
	case err != nil:
		return err
	case o == nil && id == c.asker.Device:
		c.putHead(id, syncproto.Genesis(id))
		return nil
	case o == nil:
		c.foreign = append(c.foreign, id)
		return nil
	}
	lines, err := ingest.OpenLines(c.r, o)
	if err != nil {
		return err
	}
	ends := lines.Ends()
	if len(ends) == 0 {
		ends = []syncproto.Heads{syncproto.Genesis(id)}
	}
	for _, h := range ends {
		c.putHead(id, h)
	}
	for _, h := range named {
		if c.looked == maxLooked || h.Seq == 0 || slices.ContainsFunc(ends, h.Equal) {
			continue
		}
		c.looked++
		held, err := lines.Holds(h)
		if err != nil {
			return err
		}
		if held {
			c.putHead(id, h)
		}
	}
	return nil
}

func (c *collector) putHead(id syncproto.OriginID, h syncproto.Heads) {
	if len(c.ans.Heads) < maxHeads {
		c.ans.Heads = append(c.ans.Heads, syncproto.OriginHeads{Origin: id, Heads: h})
	}
}

// receiptBatch is how many receipts are looked at in one query.
const receiptBatch = 256

// maxReceiptsLooked bounds the work for one answer.
const maxReceiptsLooked = 8192

// receipts adds receipts past the asker's checkpoint: of the asker and of the
// origins that it may know.
func (c *collector) receipts() error {
	pos := c.receiptPosition()
	full := false
	for looked := 0; !full; looked += receiptBatch {
		list, err := c.r.Receipts(c.receiptQuery(pos))
		if err != nil {
			return err
		}
		if len(list) == 0 {
			break
		}
		if looked >= maxReceiptsLooked {
			full = true
			break
		}
		for _, r := range list {
			o, err := c.origin(r.Origin)
			if err != nil {
				return err
			}
			if o != nil && !c.budget.Take(len(r.Data)) || len(c.ans.Receipts) == maxReceipts {
				full = true
				break
			}
			if pos = r.Position; o != nil {
				c.ans.Receipts = append(c.ans.Receipts, r.Data)
			}
		}
	}
	if !full {
		last, err := c.r.ReceiptPosition()
		if err != nil {
			return err
		}
		pos = max(pos, last)
	}
	c.ans.More = c.ans.More || full
	c.ans.Checkpoints = append(c.ans.Checkpoints, syncproto.Checkpoint{Feed: syncproto.ReceiptFeed, Epoch: c.svc.cfg.Epoch(), Position: pos})
	return nil
}

// maxReceipts is below the limit of a message; maxAgain bounds those of them for
// what was sent again, which nobody asked for.
const (
	maxReceipts = 4000
	maxAgain    = 256
)

// receiptQuery narrows the log to what can concern the asker.
func (c *collector) receiptQuery(after uint64) store.ReceiptQuery {
	q := store.ReceiptQuery{After: after, Limit: receiptBatch}
	if c.asker.Role != credential.RolePhone {
		return q
	}
	q.Origins = []syncproto.OriginID{c.asker.Device}
	for _, h := range c.ask.Heads {
		// Foreign ones are left out here already, so that no row of theirs is read.
		if h.Origin != c.asker.Device && c.cache[h.Origin] != nil {
			q.Origins = append(q.Origins, h.Origin)
		}
	}
	return q
}

// receiptPosition reads the asker's checkpoint. One of another epoch counts a
// history that this server no longer has, so all receipts go again.
func (c *collector) receiptPosition() uint64 {
	for _, cp := range c.ask.Checkpoints {
		if cp.Feed == syncproto.ReceiptFeed && cp.Epoch == c.svc.cfg.Epoch() {
			return cp.Position
		}
	}
	return 0
}

// pages adds feed pages past the asker's checkpoints.
func (c *collector) pages() error {
	names, err := c.asker.feeds(c.r)
	if err != nil {
		return err
	}
	for _, name := range names {
		after := syncproto.Checkpoint{Feed: name}
		if i := slices.IndexFunc(c.ask.Checkpoints, func(cp syncproto.Checkpoint) bool { return cp.Feed == name }); i >= 0 {
			after = c.ask.Checkpoints[i]
		}
		slice, err := feed.Pages(c.r, after, c.budget.Take)
		if err != nil {
			return err
		}
		c.ans.Pages = append(c.ans.Pages, slice.Pages...)
		c.ans.More = c.ans.More || slice.More
	}
	return nil
}

// colleagues adds the open part of segments of the asker's team that it lacks,
// so that a team sees its own work, also at a point without internet. Feeds hold
// only what the centre writes.
func (c *collector) colleagues() error {
	if c.asker.Role != credential.RolePhone {
		return nil
	}
	list, err := c.r.Origins(store.OriginQuery{Team: c.asker.Team, Role: credential.RolePhone})
	if err != nil {
		return err
	}
	for i := range list {
		o := &list[i]
		if !c.asker.mayKnow(o) {
			continue
		}
		if full, err := c.colleague(o); err != nil || full {
			c.ans.More = c.ans.More || full
			return err
		}
	}
	return nil
}

// colleague adds one origin's segments that the asker has not named; full says
// that the budget ended. Of the asker's own origins these are what it lost, or
// what a copy of it wrote: the proof of a fork.
func (c *collector) colleague(o *store.Origin) (full bool, err error) {
	var named []syncproto.Heads
	for _, h := range c.ask.Heads {
		if h.Origin == o.ID {
			named = append(named, h.Heads)
		}
	}
	if len(named) == 0 && o.ID == c.asker.Device {
		return false, nil // it does not say what it holds of its own
	}
	lines, err := ingest.OpenLines(c.r, o)
	if err != nil {
		return false, err
	}
	list, err := lines.Missing(named)
	if err != nil {
		return false, err
	}
	introduced := false
	for _, head := range list {
		row, ok, err := c.r.Segment(head.ID)
		if err != nil || !ok {
			return false, err
		}
		seg, err := syncproto.ParseSegment(row.Data)
		if err != nil {
			return false, err
		}
		data := seg.EncodeOpen()
		if !c.budget.Take(len(data)) {
			return true, nil
		}
		c.ans.Segments = append(c.ans.Segments, data)
		if !introduced && o.ID != c.asker.Device {
			introduced = true
			c.ans.Credentials = append(c.ans.Credentials, syncproto.OriginCredential{Origin: o.ID, Credentials: o.Credentials})
		}
	}
	return false, nil
}
