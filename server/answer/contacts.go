package answer

import (
	"cmp"
	"context"
	"sync"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// contacts gathers signs of life until Flush writes them. They are for people
// who look after devices; losing some seconds of them loses nothing, and a
// durable write for each exchange would cost more than all reading.
type contacts struct {
	mu      sync.Mutex
	latest  map[syncproto.OriginID]contact
	refused map[syncproto.Code]int64
}

type contact struct {
	store.Contact
	read   uint64
	passed bool // a point told of it
}

func (c *contacts) add(k store.Contact, read uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.latest == nil {
		c.latest = make(map[syncproto.OriginID]contact)
	}
	c.latest[k.Origin] = contact{k, read, false}
}

// pass notes what a point says, unless something later is known.
func (c *contacts) pass(k store.Contact) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.latest == nil {
		c.latest = make(map[syncproto.OriginID]contact)
	}
	if old, ok := c.latest[k.Origin]; ok && (!old.passed || old.AtMS >= k.AtMS) {
		return
	}
	c.latest[k.Origin] = contact{k, 0, true}
}

func (c *contacts) refuse(code syncproto.Code) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refused == nil {
		c.refused = make(map[syncproto.Code]int64)
	}
	c.refused[code]++
}

func (c *contacts) take() (map[syncproto.OriginID]contact, map[syncproto.Code]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l, r := c.latest, c.refused
	c.latest, c.refused = nil, nil
	return l, r
}

// Flush writes the signs of life since the last Flush. Call it now and then and
// before closing.
func (s *Service) Flush(ctx context.Context) error {
	latest, refused := s.contacts.take()
	if len(latest) == 0 && len(refused) == 0 {
		return nil
	}
	return s.cfg.Store.Update(ctx, func(tx store.Tx) error {
		for id, k := range latest {
			o, ok, err := tx.Origin(id)
			if err != nil {
				return err
			}
			if !ok || k.passed && o.LastContactMS >= k.AtMS {
				continue
			}
			if k.passed { // the offset is that of the clocks here, which the point did not compare
				k.ClockOffsetMS = o.ClockOffsetMS
			}
			if err := tx.Contact(k.Contact); err != nil {
				return err
			}
			if k.read == 0 {
				continue
			}
			if err := tx.SetReceiptsRead(id, k.read); err != nil {
				return err
			}
		}
		for code, n := range refused {
			if _, err := tx.AddCounter("refused:"+string(code), n); err != nil {
				return err
			}
		}
		return nil
	})
}

// receiptsRead gives the position of the receipts log that the asker says it
// has read in this epoch.
func (s *Service) receiptsRead(o *syncproto.Opened) uint64 {
	for _, cp := range o.Checkpoints {
		if cp.Feed == syncproto.ReceiptFeed && cp.Epoch == s.cfg.Epoch() {
			return cp.Position
		}
	}
	return 0
}

// passedOn takes what a point says of who was there. A list that cannot be used
// costs nothing else of the exchange.
func (s *Service) passedOn(ctx context.Context, a *asker, o *syncproto.Opened) {
	if a.Role != credential.RolePoint || s.cfg.Role != credential.RoleCentre {
		return
	}
	offset := int64(0)
	if o.ClockMS != 0 {
		offset = s.clockOffset(o.ClockMS)
	}
	for _, b := range o.Contacts {
		if err := s.takeContacts(ctx, b, offset); err != nil {
			s.cfg.Log.WarnContext(ctx, "contacts from a point set aside", "origin", o.Origin, "code", syncproto.CodeOf(err), "error", err)
		}
	}
}

// TakeContacts takes a point's contacts that came by file. Only the centre does,
// and only of what lies in the units of the point that signed.
func (s *Service) TakeContacts(ctx context.Context, b []byte) error {
	return s.takeContacts(ctx, b, 0)
}

// takeContacts checks and notes contacts. offset is the point's clock minus the
// own, 0 where it is not known: then the one of the last exchange counts.
func (s *Service) takeContacts(ctx context.Context, b []byte, offset int64) error {
	c, err := syncproto.DecodeContacts(b)
	if err != nil {
		return err
	}
	now := s.cfg.Now().UnixMilli()
	return s.cfg.Store.View(ctx, func(r store.Reader) error {
		issuer, ok, err := r.Origin(c.Issuer)
		if err != nil {
			return err
		}
		if !ok || issuer.Role != credential.RolePoint {
			return syncproto.Errorf(syncproto.CodeUnknownPeer, "contacts of origin %s, which is no point known here", c.Issuer)
		}
		if err := c.Verify(issuer.Key); err != nil {
			return err
		}
		if bar, err := s.cfg.Ingest.Barred(r, c.Issuer, issuer.Credentials); err != nil || bar.Closed() {
			return cmp.Or(err, error(syncproto.Errorf(syncproto.CodeCredential, "contacts of point %s, which was revoked", c.Issuer)))
		}
		if offset == 0 {
			offset = issuer.ClockOffsetMS
		}
		defs := s.cfg.Ingest.Definitions()
		for _, k := range c.List {
			o, ok, err := r.Origin(k.Origin)
			if err != nil {
				return err
			}
			if !ok || o.Role != credential.RolePhone || !overlaps(defs, o.Units, issuer.Units) {
				continue
			}
			s.contacts.pass(store.Contact{Origin: k.Origin, AtMS: min(k.AtMS-offset, now), Via: c.Issuer, Waiting: k.Waiting})
		}
		return nil
	})
}
