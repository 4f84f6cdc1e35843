package ingest

import (
	"context"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// metaWithdrawn lists the records whose citizen took consent back and for which
// no request is open yet: 16 octets each.
const metaWithdrawn = "withdrawn"

// noteWithdrawal remembers, in the transaction that takes the change in, that a
// citizen took consent back. Noting it again does no harm: whoever opens the
// requests knows which there are.
func (ses *session) noteWithdrawal(rec *store.Record, shown syncproto.Row) error {
	if !ses.s.atCentre() || rec.Collection != syncproto.CollectionActivity || rec.Erased ||
		shown.Value(syncproto.ActivityConsent).Text() != syncproto.ConsentWithdrawn {
		return nil
	}
	b, _, err := ses.tx.Meta(metaWithdrawn)
	if err != nil {
		return err
	}
	for i := 0; i+16 <= len(b); i += 16 {
		if uuid.UUID(b[i:i+16]) == rec.ID {
			return nil
		}
	}
	return ses.tx.SetMeta(metaWithdrawn, append(b, rec.ID[:]...))
}

// Withdrawn lists the records whose citizen took consent back since Handled was
// last told of them.
func (s *Service) Withdrawn(ctx context.Context) (out []uuid.UUID, err error) {
	err = s.cfg.Store.View(ctx, func(r store.Reader) error {
		b, _, err := r.Meta(metaWithdrawn)
		for i := 0; i+16 <= len(b); i += 16 {
			out = append(out, uuid.UUID(b[i:i+16]))
		}
		return err
	})
	return out, err
}

// Handled takes records off the list that Withdrawn gives.
func (s *Service) Handled(ctx context.Context, ids []uuid.UUID) error {
	if len(ids) == 0 {
		return nil
	}
	done := make(map[uuid.UUID]bool, len(ids))
	for _, id := range ids {
		done[id] = true
	}
	return s.submit(ctx, func(ses *session) error {
		b, _, err := ses.tx.Meta(metaWithdrawn)
		if err != nil {
			return err
		}
		var left []byte
		for i := 0; i+16 <= len(b); i += 16 {
			if !done[uuid.UUID(b[i:i+16])] {
				left = append(left, b[i:i+16]...)
			}
		}
		return ses.tx.SetMeta(metaWithdrawn, left)
	})
}
