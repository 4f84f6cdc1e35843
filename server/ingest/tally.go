package ingest

import (
	"context"
	"encoding/binary"

	"thonsync/server/store"
	"thonsync/server/tally"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// metaTally is the key under which the store keeps how its tallies were counted:
// the version of the rule and the floor, as varints.
const metaTally = "tally"

// tallyRule is the version of the rule by which tallies are counted; a higher
// one has them counted anew at the next start.
const tallyRule = 1

func tallyMark(floorMS int64) []byte {
	return binary.AppendVarint(binary.AppendVarint(nil, tallyRule), floorMS)
}

// openTallies makes sure that the tallies are there and counted by this
// program's rule.
func (s *Service) openTallies(ctx context.Context) error {
	counted := false
	err := s.cfg.Store.View(ctx, func(r store.Reader) error {
		floor, err := tally.Floor(r)
		if err != nil {
			return err
		}
		mark, _, err := r.Meta(metaTally)
		s.floorMS.Store(floor)
		counted = string(mark) == string(tallyMark(floor))
		return err
	})
	if err != nil || counted {
		return err
	}
	return s.cfg.Store.Update(ctx, func(tx store.Tx) error {
		floor, err := recount(tx)
		s.floorMS.Store(floor)
		return err
	})
}

// recount counts everything anew and gives the floor that holds for it.
func recount(tx store.Tx) (floorMS int64, err error) {
	c, err := tally.Recount(tx, teamName)
	if err != nil {
		return 0, err
	}
	floorMS = c.FloorMS
	if err := tx.DropTallies(); err != nil {
		return 0, err
	}
	if err := c.Write(tx); err != nil {
		return 0, err
	}
	return floorMS, tx.SetMeta(metaTally, tallyMark(floorMS))
}

// Recount counts the tallies anew from the records. It holds up the intake
// meanwhile: some ten seconds for a million activities.
func (s *Service) Recount(ctx context.Context) error {
	return s.submit(ctx, func(ses *session) error {
		ses.recount = true
		return nil
	})
}

// CheckTallies counts everything anew on one snapshot and tells where the
// tallies differ from it; at most limit differences.
func CheckTallies(ctx context.Context, s store.Store, limit int) (differences []string, err error) {
	err = s.View(ctx, func(r store.Reader) error {
		c, err := tally.Recount(r, teamName)
		if err != nil {
			return err
		}
		mark, _, err := r.Meta(metaTally)
		if err != nil {
			return err
		}
		if string(mark) != string(tallyMark(c.FloorMS)) {
			differences = append(differences, "counted by another rule or from another first day than now")
		}
		found, err := c.Compare(r, limit)
		differences = append(differences, found...)
		return err
	})
	return differences, err
}

// teamName gives the name of a team's record.
func teamName(rec *store.Record) (string, error) {
	row, err := Shown(rec)
	return row.Value(syncproto.TeamName).Text(), err
}

// putRecord writes a record and counts it.
func (ses *session) putRecord(f *file) error {
	if err := ses.tx.PutRecord(&f.rec); err != nil {
		return err
	}
	was := &f.was
	if !f.stored {
		was = nil
	}
	if err := ses.tally.Changed(was, &f.rec, teamName); err != nil {
		return err
	}
	f.was, f.stored = f.rec, true
	return nil
}

// putOrigin writes an origin. The floor of the tallies may change with the
// centre's.
func (ses *session) putOrigin(o store.Origin) error {
	ses.centrePut = ses.centrePut || o.Role == credential.RoleCentre
	return ses.tx.PutOrigin(o)
}

// writeTallies writes what was counted. Tallies that do not fit what is counted
// are counted anew: they must never keep work out.
func (ses *session) writeTallies() error {
	if ses.centrePut {
		floor, err := tally.Floor(ses.tx)
		if err != nil {
			return err
		}
		ses.recount = ses.recount || floor != ses.tally.FloorMS
	}
	if !ses.recount {
		err := ses.tally.Write(ses.tx)
		if !tally.Garbled(err) {
			return err
		}
	}
	var err error
	ses.tally.FloorMS, err = recount(ses.tx)
	return err
}
