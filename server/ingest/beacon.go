package ingest

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// A time beacon is the centre's time with a tag that only the centre can make,
// so a change that carries one was written at that time or later. beaconStepMS
// keeps phones from carrying a new one in every change for nothing.
const (
	beaconStepMS = 60_000
	domainBeacon = "thonsync/1/beacon\x00"
	metaBeacon   = "beacon"
)

// Beacon gives the centre's time beacon for now; at a point the newest that it
// heard of.
func (s *Service) Beacon() syncproto.BeaconMark {
	if !s.atCentre() {
		if b := s.beacon.Load(); b != nil {
			return *b
		}
		return syncproto.BeaconMark{}
	}
	ms := s.cfg.Now().UnixMilli() / beaconStepMS * beaconStepMS
	return syncproto.BeaconMark{MS: ms, Tag: s.beaconTag(ms)}
}

func (s *Service) beaconTag(ms int64) (tag [8]byte) {
	m := hmac.New(sha256.New, s.cfg.BeaconSecret)
	m.Write([]byte(domainBeacon))
	m.Write(binary.BigEndian.AppendUint64(nil, uint64(ms)))
	copy(tag[:], m.Sum(nil))
	return tag
}

// ValidBeacon tells whether this centre made a beacon. A point cannot tell.
func (s *Service) ValidBeacon(b syncproto.BeaconMark) bool {
	if !s.atCentre() || b == (syncproto.BeaconMark{}) {
		return false
	}
	tag := s.beaconTag(b.MS)
	return subtle.ConstantTimeCompare(tag[:], b.Tag[:]) == 1
}

// beaconChecker remembers the last answer: neighbours mostly carry one beacon.
type beaconChecker struct {
	s     *Service
	last  syncproto.BeaconMark
	valid bool
}

func (c *beaconChecker) check(b syncproto.BeaconMark) bool {
	if b != c.last {
		c.last, c.valid = b, c.s.ValidBeacon(b)
	}
	return c.valid
}

const beaconBytes = 16

func (s *Service) loadBeacon(r store.Reader) error {
	v, ok, err := r.Meta(metaBeacon)
	if err != nil || !ok || len(v) != beaconBytes {
		return err
	}
	b := &syncproto.BeaconMark{MS: int64(binary.BigEndian.Uint64(v))}
	copy(b.Tag[:], v[8:])
	s.beacon.Store(b)
	return nil
}

// hear keeps a newer beacon that a point got from upstream.
func (ses *session) hear(b syncproto.BeaconMark) error {
	old := ses.s.beacon.Load()
	if ses.s.atCentre() || b == (syncproto.BeaconMark{}) || old != nil && old.MS >= b.MS {
		return nil
	}
	v := binary.BigEndian.AppendUint64(nil, uint64(b.MS))
	if err := ses.tx.SetMeta(metaBeacon, append(v, b.Tag[:]...)); err != nil {
		return err
	}
	// Should the transaction fail, the beacon is still true.
	ses.s.beacon.Store(&b)
	return nil
}
