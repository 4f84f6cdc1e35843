package clienttest

import (
	"github.com/google/uuid"

	"thonsync/syncproto"
)

// pageItems is how many entries one page takes, small so that tests see many.
const pageItems = 20

// feed is a list of signed pages; the last entries wait for their page.
type feed struct {
	pages [][]byte
	after []syncproto.Checkpoint
	next  []syncproto.FeedItem
}

func (s *Server) publish(name string, it syncproto.FeedItem) {
	f := s.feeds[name]
	if f == nil {
		f = &feed{}
		s.feeds[name] = f
	}
	f.next = append(f.next, it)
	if len(f.next) == pageItems {
		s.cutPage(name, f)
	}
}

func (s *Server) cutPage(name string, f *feed) {
	p := &syncproto.Page{Feed: name, Epoch: s.epoch, Items: f.next}
	if n := len(f.after); n > 0 {
		p.From, p.Prev = f.after[n-1].Position, f.after[n-1].Page
	}
	p.To = p.From + uint64(len(f.next))
	if err := p.Sign(s.key); err != nil {
		panic(err) // twenty items fit a page
	}
	f.pages, f.after, f.next = append(f.pages, p.Encode()), append(f.after, p.After()), nil
}

// pagesAfter gives the pages of a feed past a checkpoint, all of them where the
// checkpoint is unknown here.
func (s *Server) pagesAfter(name string, list []syncproto.Checkpoint) [][]byte {
	f := s.feeds[name]
	if f == nil {
		return nil
	}
	if len(f.next) > 0 && s.chain == nil {
		s.cutPage(name, f)
	}
	for _, c := range list {
		if c.Feed != name {
			continue
		}
		for i, a := range f.after {
			if a == c {
				return f.pages[i+1:]
			}
		}
	}
	return f.pages
}

// Define makes a record of reference data in the centre's own log and publishes
// it in the common feed.
func (s *Server) Define(collection uint32, operational syncproto.Row) uuid.UUID {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := syncproto.Header{Schema: syncproto.Schema, Collection: collection, Op: syncproto.OpCreate, StampMS: s.clock.NowMS(), Nonce: s.bytes(syncproto.NonceBytes)}
	id := s.centre.ID()
	s.own = s.own.Next(id, syncproto.AppendRow(nil, h.Row()), syncproto.AppendRow(nil, operational), syncproto.Hash{})
	record := syncproto.RecordID(h.StampMS, s.own.Open)
	s.publish(syncproto.CommonFeed, syncproto.FeedItem{Change: &syncproto.FeedChange{Origin: id, Seq: s.own.Seq, Open: s.own.Open.Prefix(),
		Record: record, Header: h, Operational: operational}})
	return record
}

// DefineKind publishes a kind from its JSON definition.
func (s *Server) DefineKind(code, definition string) uuid.UUID {
	return s.Define(syncproto.CollectionKind, syncproto.NewRow(
		syncproto.Field{Num: syncproto.FieldUnit, Value: syncproto.TextValue("test:0")},
		syncproto.Field{Num: syncproto.KindCode, Value: syncproto.TextValue(code)},
		syncproto.Field{Num: syncproto.KindDefinition, Value: syncproto.TextValue(definition)}))
}

// DefineUnit publishes a unit.
func (s *Server) DefineUnit(list, code, parent, name string) uuid.UUID {
	row := []syncproto.Field{
		{Num: syncproto.FieldUnit, Value: syncproto.TextValue(syncproto.UnitKey(list, code))},
		{Num: syncproto.UnitList, Value: syncproto.TextValue(list)}, {Num: syncproto.UnitCode, Value: syncproto.TextValue(code)},
		{Num: syncproto.UnitName, Value: syncproto.TextValue(name)},
	}
	if parent != "" {
		row = append(row, syncproto.Field{Num: syncproto.UnitParent, Value: syncproto.TextValue(parent)})
	}
	return s.Define(syncproto.CollectionUnit, syncproto.NewRow(row...))
}

// Rule numbers, signs and publishes a ruling in the common feed, and gives it.
func (s *Server) Rule(r syncproto.Ruling) syncproto.Ruling {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rulings++
	r.Number, r.IssuedMS = s.rulings, s.clock.NowMS()
	r.Sign(s.key)
	s.publish(syncproto.CommonFeed, syncproto.FeedItem{Ruling: &r})
	return r
}

// Tell answers a device from now on with receipts and this ruling only, as a
// server answers one that was revoked.
func (s *Server) Tell(id syncproto.OriginID, ruling []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.revoked == nil {
		s.revoked = make(map[syncproto.OriginID][]byte)
	}
	s.revoked[id] = ruling
}

// Publish puts an item into a feed as it is.
func (s *Server) Publish(name string, it syncproto.FeedItem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.publish(name, it)
}

// NewEpoch starts all feeds anew with the entries they had, as a restored centre
// does.
func (s *Server) NewEpoch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch = s.nextEpoch()
	old := s.feeds
	s.feeds = map[string]*feed{}
	for name, f := range old {
		for _, b := range f.pages {
			p, err := s.centre.DecodePage(b)
			if err != nil {
				panic(err) // the centre's own page
			}
			for _, it := range p.Items {
				s.publish(name, it)
			}
		}
		for _, it := range f.next {
			s.publish(name, it)
		}
	}
}

// HideFeeds takes a point's pages away, as if it had not met the centre yet.
func (s *Server) HideFeeds() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.feeds = map[string]*feed{}
}
