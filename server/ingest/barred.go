package ingest

import (
	"maps"
	"slices"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// revokedNow is what is read outside the writer: which devices are revoked, by
// which ruling.
type revokedNow map[syncproto.OriginID]*syncproto.Ruling

// publishRevoked makes what the writer knows readable for everybody.
func (s *Service) publishRevoked() {
	now := make(revokedNow, len(s.rulings.revoked))
	for id, rv := range s.rulings.revoked {
		if rv.newest != nil {
			now[id] = rv.newest
		}
	}
	s.revoked.Store(&now)
}

// Revoked gives the newest ruling that revoked a device, nil if there is none,
// as of the last commit.
func (s *Service) Revoked(id syncproto.OriginID) *syncproto.Ruling { return (*s.revoked.Load())[id] }

// AllRevoked gives the newest ruling for each revoked device.
func (s *Service) AllRevoked() map[syncproto.OriginID]*syncproto.Ruling {
	return maps.Clone(*s.revoked.Load())
}

// Bar is why a device is not served. The zero value means that it is.
type Bar struct {
	Ruling  *syncproto.Ruling // of the centre
	Blocked bool              // by this point alone
}

// Closed tells whether the device is not served.
func (b Bar) Closed() bool { return b.Ruling != nil || b.Blocked }

// Barred tells why a device with these credentials is not to be served: its own
// revocation, that of the key that vouches for it, or that of the point that
// took it in, unless that point's log holds its device record from before; or a
// block of this point.
func (s *Service) Barred(r store.Reader, id syncproto.OriginID, chain []string) (Bar, error) {
	ruling, err := s.revocationOf(r, id, chain)
	bar := Bar{Ruling: ruling}
	for _, sub := range append([]syncproto.OriginID{id}, credential.Subjects(chain)...) {
		_, yes := s.Blocked(sub)
		bar.Blocked = bar.Blocked || yes
	}
	return bar, err
}

func (s *Service) revocationOf(r store.Reader, id syncproto.OriginID, chain []string) (*syncproto.Ruling, error) {
	if len(*s.revoked.Load()) == 0 {
		return nil, nil
	}
	for i, sub := range append([]syncproto.OriginID{id}, credential.Subjects(chain)...) {
		ruling := s.Revoked(sub)
		if ruling == nil {
			continue
		}
		if i == 0 || sub == id || !issuedBy(chain, sub) {
			return ruling, nil
		}
		stands, err := enrolled(r, id, chain)
		if err != nil || !stands {
			return ruling, err
		}
	}
	return nil, nil
}

// issuedBy tells whether sub stands in a chain as the issuer at its end, and not
// as an old key that hands over.
func issuedBy(chain []string, sub syncproto.OriginID) bool {
	subjects := credential.Subjects(chain)
	n := len(subjects)
	return n > 1 && subjects[n-1] == sub && !(n == 2 && credential.IsHandover(chain))
}

// enrolled tells whether an acting device record names the origin, or the old
// key that vouches for it: what a point issues counts once it stands in its log.
func enrolled(r store.Reader, id syncproto.OriginID, chain []string) (bool, error) {
	ids := []syncproto.OriginID{id}
	if subjects := credential.Subjects(chain); credential.IsHandover(chain) && len(subjects) > 1 {
		ids = append(ids, subjects[1])
	}
	o, _, err := r.Origin(id)
	if err != nil {
		return false, err
	}
	found := false
	for _, unit := range o.Units {
		err := r.EachRecord(store.RecordQuery{Collection: syncproto.CollectionDevice, Unit: unit, ExistsOnly: true}, func(rec store.Record) error {
			row, err := Shown(&rec)
			found = found || err == nil && slices.Contains(ids, row.Value(syncproto.DeviceOrigin).UUID())
			return err
		})
		if err != nil || found {
			return found, err
		}
	}
	return false, nil
}
