package tally

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// key names a sheet.
type key struct {
	month int
	team  uuid.UUID
	unit  string
}

// Count gathers what one transaction changes and writes each tally once.
// FloorMS is a time before which nothing was made; see When. It is used by one
// goroutine.
type Count struct {
	FloorMS int64

	sheets   map[key]*Sheet
	last     key // the sheet used last: a phone's records mostly share one
	lastOne  *Sheet
	members  map[uuid.UUID]crew
	teams    map[uuid.UUID]store.TeamTally
	arrivals map[syncproto.OriginID]store.Arrival
}

// Added counts a record that is new. name gives the name of a team; it is asked
// for teams only.
func (c *Count) Added(rec *store.Record, name func(*store.Record) (string, error)) error {
	return c.count(rec, 1, name)
}

// Changed counts a record that was another before; was is nil for a new one.
func (c *Count) Changed(was, rec *store.Record, name func(*store.Record) (string, error)) error {
	if was != nil {
		if err := c.count(was, -1, nil); err != nil {
			return err
		}
	}
	return c.count(rec, 1, name)
}

func (c *Count) count(rec *store.Record, n int32, name func(*store.Record) (string, error)) error {
	switch rec.Collection {
	case syncproto.CollectionActivity:
		day, straddles := When(rec, c.FloorMS)
		month, at := day.Split()
		c.sheet(key{month, rec.Team, rec.Unit}).add(rec, at, straddles, n)
	case syncproto.CollectionMember:
		c.addCrew(rec, crew{members: int(n)})
	case syncproto.CollectionTraining:
		c.addCrew(rec, crew{trained: int(n)})
	case syncproto.CollectionTeam:
		if n < 0 {
			return nil // what replaces it says all
		}
		t := store.TeamTally{Team: rec.ID, Unit: rec.Unit, Standing: rec.Exists && !rec.Void}
		var err error
		if t.Name, err = name(rec); err != nil {
			return err
		}
		if c.teams == nil {
			c.teams = map[uuid.UUID]store.TeamTally{}
		}
		c.teams[t.Team] = t
	}
	return nil
}

// crew is what is counted of a team's people.
type crew struct{ members, trained int }

func (c *Count) addCrew(rec *store.Record, n crew) {
	if !rec.Exists || rec.Void || rec.Team == uuid.Nil {
		return
	}
	if c.members == nil {
		c.members = map[uuid.UUID]crew{}
	}
	old := c.members[rec.Team]
	c.members[rec.Team] = crew{old.members + n.members, old.trained + n.trained}
}

func (c *Count) sheet(k key) *Sheet {
	if c.lastOne != nil && c.last == k {
		return c.lastOne
	}
	if c.sheets == nil {
		c.sheets = map[key]*Sheet{}
	}
	s := c.sheets[k]
	if s == nil {
		s = newSheet()
		c.sheets[k] = s
	}
	c.last, c.lastOne = k, s
	return s
}

// Arrived notes that changes of an origin up to last arrived.
func (c *Count) Arrived(origin syncproto.OriginID, last uint64, atMS int64) {
	if c.arrivals == nil {
		c.arrivals = map[syncproto.OriginID]store.Arrival{}
	}
	old, ok := c.arrivals[origin]
	if !ok || last > old.Last || last == old.Last && atMS < old.FirstMS {
		c.arrivals[origin] = store.Arrival{Origin: origin, Last: last, FirstMS: atMS}
	}
}

// Empty tells whether nothing was counted.
func (c *Count) Empty() bool {
	return len(c.sheets)+len(c.members)+len(c.teams)+len(c.arrivals) == 0
}

// Write adds what was gathered to what is stored. It fails with an error that
// Garbled recognises if the two do not fit: then everything has to be counted
// anew.
func (c *Count) Write(tx interface {
	store.TallyReader
	store.TallyWriter
}) error {
	for _, k := range slices.SortedFunc(maps.Keys(c.sheets), key.compare) {
		data, err := tx.TallyOf(k.month, k.team, k.unit)
		if err != nil {
			return err
		}
		s := c.sheets[k]
		if err := s.merge(data); err != nil {
			return err
		}
		now, err := s.encode()
		if err != nil {
			return err
		}
		if bytes.Equal(now, data) {
			continue
		}
		if err := tx.PutTally(store.Tally{Month: k.month, Team: k.team, Unit: k.unit, Data: now}); err != nil {
			return err
		}
	}
	return c.writeRest(tx)
}

func (c *Count) writeRest(tx store.TallyWriter) error {
	for _, t := range c.teams {
		if err := tx.PutTeamTally(t); err != nil {
			return err
		}
	}
	for team, n := range c.members {
		if n == (crew{}) {
			continue
		}
		if err := tx.AddMembers(team, n.members, n.trained); err != nil {
			return err
		}
	}
	for _, a := range c.arrivals {
		if err := tx.PutArrival(a); err != nil {
			return err
		}
	}
	return nil
}

func (k key) compare(o key) int {
	return cmp.Or(cmp.Compare(k.month, o.month), bytes.Compare(k.team[:], o.team[:]), strings.Compare(k.unit, o.unit))
}
