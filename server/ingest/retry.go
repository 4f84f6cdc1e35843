package ingest

import (
	"context"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// RetryKey opens again what is sealed to a key that is at hand now. Centre
// only.
func (s *Service) RetryKey(ctx context.Context, id syncproto.KeyID) error {
	var raws [][]byte
	err := s.cfg.Store.View(ctx, func(r store.Reader) error {
		lines, err := r.Waiting(needsKey(id), 0)
		if err != nil {
			return err
		}
		for _, l := range lines {
			rows, err := r.Segments(store.SegmentQuery{Origin: l.Origin, From: l.First, To: l.Last})
			if err != nil {
				return err
			}
			for _, row := range rows {
				if row.Sealed {
					raws = append(raws, row.Data)
				}
			}
		}
		return nil
	})
	if err != nil || len(raws) == 0 {
		return err
	}
	res, err := s.Submit(ctx, Batch{Via: s.id, Segments: raws})
	if err == nil && len(res.Problems) > 0 {
		p := res.Problems[0]
		return syncproto.Errorf(p.Code, "a stored segment could not be taken in again: %s", p.Message)
	}
	return err
}
