package ingest

import (
	"context"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// HeldChange is a change of a revoked device that waits for a release, as far
// as it is operational.
type HeldChange struct {
	Branch     uint32
	Seq        uint64
	Open       [syncproto.RefOpenBytes]byte
	StampMS    int64 // by the device's clock
	Collection uint32
	Op         syncproto.Op
	Record     uuid.UUID
	Kind       string // of an activity, where the change says it
}

// HeldWork lists the changes of a device that are held because it was revoked,
// by branch and number; at most limit.
func (s *Service) HeldWork(r store.Reader, id syncproto.OriginID, limit int) ([]HeldChange, error) {
	o, ok, err := r.Origin(id)
	if err != nil || !ok {
		return nil, err
	}
	ses := newSession(s, readOnly{Reader: r})
	var out []HeldChange
	lines, err := r.Waiting(needsRelease(id), 0)
	if err != nil {
		return nil, err
	}
	for _, l := range lines {
		err := ses.heldOf(&o, l, func(h HeldChange) {
			if len(out) < limit {
				out = append(out, h)
			}
		})
		if err != nil || len(out) == limit {
			return out, err
		}
	}
	return out, nil
}

// heldOf calls f for the changes of a ledger line.
func (ses *session) heldOf(o *store.Origin, l store.Outcome, f func(HeldChange)) error {
	t, err := ses.topology(o.ID)
	if err != nil {
		return err
	}
	for seq := l.First; seq <= l.Last; seq++ {
		run := t.run(l.Branch, seq)
		if run == nil {
			continue
		}
		at, err := ses.stateAt(o, t, run, seq)
		if err != nil {
			return err
		}
		err = ses.lookup().covering(o, seq, func(u *unpacked) bool {
			c := &u.changes[seq-u.row.First]
			if c.Open != at.open {
				return false
			}
			f(HeldChange{
				Branch: l.Branch, Seq: seq, Open: c.Open.Prefix(), StampMS: c.Header.StampMS, Collection: c.Header.Collection, Op: c.Header.Op,
				Record: recordOf(c), Kind: c.Operational.Value(syncproto.ActivityKind).Text(),
			})
			return true
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ReleaseChange lets one change of a revoked device go, on whatever branch it is
// held. Centre only.
func (s *Service) ReleaseChange(ctx context.Context, id syncproto.OriginID, seq uint64, reason syncproto.Reason) (made []syncproto.Ruling, err error) {
	var refs []syncproto.Ref
	var unit string
	err = s.cfg.Store.View(ctx, func(r store.Reader) error {
		held, err := s.HeldWork(r, id, 1<<20)
		for _, h := range held {
			if h.Seq == seq {
				refs = append(refs, syncproto.Ref{Origin: id, Seq: seq, Open: h.Open})
			}
		}
		if ruling := s.Revoked(id); ruling != nil {
			unit = ruling.Unit
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(refs) == 0 {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "change %d of device %s is not held: see `thonsync device show`", seq, id)
	}
	for _, ref := range refs {
		r, err := s.Rule(ctx, syncproto.Ruling{Kind: syncproto.RulingRelease, Target: ref, Unit: unit, Reason: reason})
		if err != nil {
			return made, err
		}
		made = append(made, r)
	}
	return made, nil
}
