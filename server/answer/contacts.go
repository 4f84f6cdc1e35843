package answer

import (
	"context"
	"sync"

	"thonsync/server/store"
	"thonsync/syncproto"
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
	read uint64
}

func (c *contacts) add(k store.Contact, read uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.latest == nil {
		c.latest = make(map[syncproto.OriginID]contact)
	}
	c.latest[k.Origin] = contact{k, read}
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
			if _, ok, err := tx.Origin(id); err != nil || !ok {
				if err != nil {
					return err
				}
				continue
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
		if cp.Feed == syncproto.ReceiptFeed && cp.Epoch == s.cfg.Epoch {
			return cp.Position
		}
	}
	return 0
}
