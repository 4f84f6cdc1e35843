package ingest

import (
	"context"
	"encoding/binary"
	"maps"
	"slices"

	"github.com/google/uuid"

	"thonsync/server/feed"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// publish puts changes that now act, and that others have to hear of, into
// their feeds: all reference data, and what the centre itself corrects.
func (ses *session) publish(f *file) error {
	if !ses.s.atCentre() {
		return nil
	}
	left, err := ses.followRecord(f)
	if err != nil {
		return err
	}
	for i := range f.entries {
		e := &f.entries[i]
		if !e.Acts || e.fed {
			continue
		}
		due, err := ses.due(e)
		if err != nil {
			return err
		}
		if !due {
			continue
		}
		e.fed = true
		if err := ses.noteIssued(e); err != nil {
			return err
		}
		for _, name := range append(left, ses.feedOf(f.rec.Collection, f.rec.Unit)) {
			if err := ses.feedItem(name, tell(f.rec.ID, e)); err != nil {
				return err
			}
		}
	}
	return nil
}

// tell gives the feed entry about a change.
func tell(record uuid.UUID, e *Entry) []byte {
	return feed.ChangeEntry(&syncproto.FeedChange{
		Origin: e.Change.Origin, Seq: e.Change.Seq, Open: e.Open, Record: record, Header: e.Change.Header, Operational: e.Change.Operational,
	})
}

// due tells whether a change belongs into a feed.
func (ses *session) due(e *Entry) (bool, error) {
	coll, ok := syncproto.CollectionOf(e.Change.Header.Collection)
	if !ok || coll.CentreOnly {
		return ok, nil
	}
	o, err := ses.origin(e.Change.Origin)
	return o != nil && o.Role == credential.RoleCentre, err
}

// feedOf names the feed of a record: what everybody needs is common, what one
// commune needs goes to that commune.
func (ses *session) feedOf(collection uint32, unit string) string {
	switch collection {
	case syncproto.CollectionKind, syncproto.CollectionGuide, syncproto.CollectionCriteria:
		return syncproto.CommonFeed
	case syncproto.CollectionUnit:
		if u, ok := ses.defs.Unit(unit); ok && u.Level != levelVillage {
			return syncproto.CommonFeed
		}
		// Who reads the feed that a village leaves must hear that it left; the feed
		// it comes to gets everything of it when the transaction ends.
		if from := ses.leaving(unit); from != "" {
			return from
		}
	}
	if name := ses.defs.Commune(unit); name != "" {
		return name
	}
	return syncproto.CommonFeed
}

// feedItem appends an entry; pages are cut when the transaction ends.
func (ses *session) feedItem(name string, data []byte) error {
	epoch, err := ses.epoch()
	if err != nil {
		return err
	}
	ses.fed[name] = true
	return feed.Append(ses.tx, name, epoch, data)
}

// metaSuccession is the key under which the store keeps how many successions of
// the centre's key its feeds have told.
const metaSuccession = "succession"

// untold gives the successions that the feeds have not told yet.
func (s *Service) untold(r store.Reader) ([]syncproto.Succession, error) {
	line := s.cfg.Trust.Centre().Line()
	v, _, err := r.Meta(metaSuccession)
	told, _ := binary.Uvarint(append(v, 0))
	if err != nil || told+1 >= uint64(len(line)) {
		return nil, err
	}
	return line[told+1:], nil
}

// RecoveredSince tells whether the recovery key has named a successor that the
// feeds have not told yet: then a new history must begin before Announce, because
// others may have followed a thief.
func (s *Service) RecoveredSince(ctx context.Context) (recovered bool, err error) {
	err = s.cfg.Store.View(ctx, func(r store.Reader) error {
		untold, err := s.untold(r)
		recovered = slices.ContainsFunc(untold, func(sn syncproto.Succession) bool { return sn.By == syncproto.ByRecovery })
		return err
	})
	return recovered, err
}

// Announce puts every succession of the centre's key that the feeds have not
// told yet into all of them: from there on only the new key may sign. A feed that
// begins later needs none. Centre only.
func (s *Service) Announce(ctx context.Context) error {
	return s.submit(ctx, func(ses *session) error {
		untold, err := s.untold(ses.tx)
		if err != nil || len(untold) == 0 {
			return err
		}
		heads, err := ses.tx.Feeds()
		if err != nil {
			return err
		}
		for _, sn := range untold {
			for _, h := range heads {
				if err := ses.feedItem(h.Feed, feed.SuccessionEntry(&sn)); err != nil {
					return err
				}
			}
		}
		return ses.tx.SetMeta(metaSuccession, binary.AppendUvarint(nil, untold[len(untold)-1].Number))
	})
}

// MetaEpoch is the key under which the store keeps the epoch of its feeds. A
// centre that was restored writes a new one there.
const MetaEpoch = "epoch"

// epoch reads the epoch, and begins one in a new store.
func (ses *session) epoch() (syncproto.Epoch, error) {
	v, ok, err := ses.tx.Meta(MetaEpoch)
	if err != nil || ok {
		return uuid.UUID(append(v, make([]byte, 16)...)[:16]), err
	}
	epoch, err := syncproto.NewEpoch(ses.nowMS, uuid.Nil, ses.s.cfg.Random)
	if err != nil {
		return epoch, err
	}
	return epoch, ses.tx.SetMeta(MetaEpoch, epoch[:])
}

// cutPages cuts pages of all feeds that were written to. When the epoch has
// changed, all feeds are cut anew.
func (ses *session) cutPages() error {
	if !ses.s.atCentre() {
		return nil
	}
	epoch, err := ses.epoch()
	if err != nil {
		return err
	}
	if ses.s.cutEpoch != epoch {
		heads, err := ses.tx.Feeds()
		if err != nil {
			return err
		}
		for _, h := range heads {
			if h.Epoch != epoch {
				ses.fed[h.Feed] = true
			}
		}
	}
	key, centre := ses.s.cfg.Trust.Both()
	for _, name := range slices.Sorted(maps.Keys(ses.fed)) {
		if err := feed.Cut(ses.tx, name, epoch, key, centre.Number()); err != nil {
			return err
		}
	}
	ses.cutIn = epoch
	return nil
}
