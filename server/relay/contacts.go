package relay

import (
	"cmp"
	"crypto/ed25519"
	"slices"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// contactBatch is how many contacts one message tells of, a few more where
// several are of one moment.
const contactBatch = 256

// contacts gives the signed contacts later than after, oldest first, and the
// time of the last of them. There is nothing to say if it is nil.
func contacts(rd store.Reader, key ed25519.PrivateKey, after, nowMS int64) (*syncproto.Contacts, int64, error) {
	if after > nowMS { // the clock was set back since
		after = 0
	}
	self := syncproto.OriginOf(key.Public().(ed25519.PublicKey))
	all, err := rd.Origins(store.OriginQuery{})
	if err != nil {
		return nil, after, err
	}
	all = slices.DeleteFunc(all, func(o store.Origin) bool { return o.LastContactMS <= after || o.ID == self })
	slices.SortFunc(all, func(a, b store.Origin) int { return cmp.Compare(a.LastContactMS, b.LastContactMS) })
	c := &syncproto.Contacts{IssuedMS: nowMS}
	for i := range all {
		o := &all[i]
		if len(c.List) >= contactBatch && o.LastContactMS != after || len(c.List) == syncproto.MaxContacts {
			break
		}
		c.List = append(c.List, syncproto.Contact{Origin: o.ID, AtMS: o.LastContactMS, Waiting: o.Waiting})
		after = o.LastContactMS
	}
	if len(c.List) == 0 {
		return nil, after, nil
	}
	c.Sign(key)
	return c, after, nil
}

// planContacts tells upstream who was here, once it is told of all their work:
// a phone that has just been here and whose work is still on its way must not
// look as if it had none. Phones that have not written anything yet are
// introduced.
func (r *Relay) planContacts(rd store.Reader, p *plan) error {
	if p.left {
		return nil
	}
	c, last, err := contacts(rd, r.cfg.Trust.Key(), p.before.Contacted, r.cfg.Now().UnixMilli())
	if err != nil || c == nil {
		return err
	}
	introduced := make(map[syncproto.OriginID]bool)
	for _, e := range p.req.Extra {
		introduced[e.Origin] = true
	}
	for _, k := range c.List {
		if known, _ := r.asker.Known(k.Origin); known.Seq > 0 || introduced[k.Origin] {
			continue
		}
		if err := r.introduce(rd, p, k.Origin); err != nil {
			return err
		}
	}
	p.req.Contacts = [][]byte{c.Encode()}
	p.after.Contacted = last
	p.left = len(c.List) >= contactBatch
	return nil
}
