package tally

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// Reader is what counting anew reads.
type Reader interface {
	EachRecord(q store.RecordQuery, f func(store.Record) error) error
	Origins(q store.OriginQuery) ([]store.Origin, error)
	EachRun(f func(store.Run) error) error
	Segments(q store.SegmentQuery) ([]store.Segment, error)
	store.TallyReader
}

// Garbled tells whether an error means that everything has to be counted anew.
func Garbled(err error) bool { return errors.Is(err, errGarbled) }

// Floor is when the centre's first key was made, 0 if that is not known. Phones
// pin that key before they record anything, so nothing is older.
func Floor(r interface {
	Origins(q store.OriginQuery) ([]store.Origin, error)
}) (ms int64, err error) {
	origins, err := r.Origins(store.OriginQuery{Role: credential.RoleCentre})
	for i := range origins {
		if at := origins[i].SinceMS; at > 0 && (ms == 0 || at < ms) {
			ms = at
		}
	}
	return ms, err
}

// Recount counts everything from the records, runs and segments. Memory grows
// with teams and months, not with activities.
func Recount(r Reader, name func(*store.Record) (string, error)) (*Count, error) {
	c := &Count{}
	var err error
	if c.FloorMS, err = Floor(r); err != nil {
		return nil, err
	}
	for _, collection := range [...]uint32{syncproto.CollectionTeam, syncproto.CollectionMember, syncproto.CollectionTraining, syncproto.CollectionActivity} {
		q := store.RecordQuery{Collection: collection, WithoutHistory: collection != syncproto.CollectionTeam}
		if err := r.EachRecord(q, func(rec store.Record) error { return c.Added(&rec, name) }); err != nil {
			return nil, err
		}
	}
	last := map[syncproto.OriginID]uint64{}
	if err := r.EachRun(func(run store.Run) error {
		last[run.Origin] = max(last[run.Origin], run.Last.Seq)
		return nil
	}); err != nil {
		return nil, err
	}
	for origin, seq := range last {
		segments, err := r.Segments(store.SegmentQuery{Origin: origin, From: seq, To: seq, HeadersOnly: true})
		if err != nil {
			return nil, err
		}
		for i := range segments {
			c.Arrived(origin, seq, segments[i].ArrivedMS)
		}
	}
	return c, nil
}

// Compare tells where what is stored differs from c, which was counted from
// nothing; at most limit differences.
func (c *Count) Compare(r store.TallyReader, limit int) (differences []string, err error) {
	say := func(format string, args ...any) {
		if len(differences) < limit {
			differences = append(differences, fmt.Sprintf(format, args...))
		}
	}
	seen := map[key]bool{}
	err = r.EachTally(store.TallyQuery{}, func(row store.Tally) error {
		k := key{row.Month, row.Team, row.Unit}
		seen[k] = true
		want, err := c.encoded(k)
		if err != nil || !bytes.Equal(want, row.Data) {
			say("team %s in %s, month %d-%02d: another count than the records'", k.team, k.unit, k.month/12, k.month%12+1)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for k := range c.sheets {
		if want, err := c.encoded(k); err != nil || want != nil && !seen[k] {
			say("team %s in %s, month %d-%02d: not counted", k.team, k.unit, k.month/12, k.month%12+1)
		}
	}
	if err := c.compareTeams(r, say); err != nil {
		return nil, err
	}
	if err := c.compareArrivals(r, say); err != nil {
		return nil, err
	}
	slices.Sort(differences)
	return differences, nil
}

func (c *Count) encoded(k key) ([]byte, error) {
	s := c.sheets[k]
	if s == nil {
		return nil, nil
	}
	return s.encode()
}

// team gives a team as it should be stored.
func (c *Count) team(id uuid.UUID) store.TeamTally {
	t := c.teams[id]
	t.Team, t.Members, t.Trained = id, c.members[id].members, c.members[id].trained
	return t
}

func (c *Count) compareTeams(r store.TallyReader, say func(string, ...any)) error {
	stored, err := r.TeamTallies()
	if err != nil {
		return err
	}
	seen := map[uuid.UUID]bool{}
	for _, t := range stored {
		seen[t.Team] = true
		if t != c.team(t.Team) {
			say("team %s: another unit, name or number of members than the records'", t.Team)
		}
	}
	for id := range c.teams {
		if !seen[id] {
			say("team %s: not counted", id)
		}
	}
	for id, n := range c.members {
		if n != (crew{}) && !seen[id] {
			say("team %s: members not counted", id)
		}
	}
	return nil
}

func (c *Count) compareArrivals(r store.TallyReader, say func(string, ...any)) error {
	stored, err := r.Arrivals()
	if err != nil {
		return err
	}
	for _, a := range stored {
		if a != c.arrivals[a.Origin] {
			say("origin %s: another last arrival than the log's", a.Origin)
		}
	}
	if len(stored) < len(c.arrivals) {
		say("last arrivals of %d origins are not noted", len(c.arrivals)-len(stored))
	}
	return nil
}
