package ingest

import (
	"context"
	"encoding/binary"
	"maps"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// blockedAt is what is read outside the writer: which devices this point has
// stopped serving by itself, and when, Unix ms.
type blockedAt map[syncproto.OriginID]int64

const (
	metaBlocked  = "blocked"
	blockedBytes = 16 + 8
)

// Block has a point stop serving a device at once, without waiting for the
// centre: it still takes and carries what the device brings, but signs no
// receipt for what comes from now on, so that the block stands as evidence until
// the centre has ruled. Points only.
func (s *Service) Block(ctx context.Context, id syncproto.OriginID) error {
	return s.setBlock(ctx, id, true)
}

// Unblock serves a device again that Block had stopped serving.
func (s *Service) Unblock(ctx context.Context, id syncproto.OriginID) error {
	return s.setBlock(ctx, id, false)
}

// Blocked tells since when a device is blocked here, Unix ms.
func (s *Service) Blocked(id syncproto.OriginID) (sinceMS int64, yes bool) {
	sinceMS, yes = (*s.blocked.Load())[id]
	return sinceMS, yes
}

func (s *Service) setBlock(ctx context.Context, id syncproto.OriginID, on bool) error {
	if s.atCentre() {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "a block is a point's own; the centre revokes: use device revoke")
	}
	return s.submit(ctx, func(ses *session) error {
		next := maps.Clone(*s.blocked.Load())
		if _, is := next[id]; is == on {
			return nil
		}
		if delete(next, id); on {
			next[id] = ses.nowMS
		}
		var b []byte
		for origin, ms := range next {
			b = binary.BigEndian.AppendUint64(append(b, origin[:]...), uint64(ms))
		}
		if err := ses.tx.SetMeta(metaBlocked, b); err != nil {
			return err
		}
		ses.blocked = &next
		ses.touched[id] = true // served again, it gets the receipts it is owed
		return nil
	})
}

func (s *Service) loadBlocked(r store.Reader) error {
	b, _, err := r.Meta(metaBlocked)
	if err != nil {
		return err
	}
	out := make(blockedAt)
	for ; len(b) >= blockedBytes; b = b[blockedBytes:] {
		out[uuid.UUID(b[:16])] = int64(binary.BigEndian.Uint64(b[16:]))
	}
	s.blocked.Store(&out)
	return nil
}

// isBlocked tells whether a device is blocked as of this transaction.
func (ses *session) isBlocked(id syncproto.OriginID) bool {
	now := ses.blocked
	if now == nil {
		now = ses.s.blocked.Load()
	}
	_, yes := (*now)[id]
	return yes
}
