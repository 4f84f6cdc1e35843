package province

import (
	"math/rand/v2"
	"time"
)

// Numbers of the common fields. Fields of one kind have numbers from 32.
const (
	NumUnit     = 1 // operational
	NumKind     = 2
	NumOccurred = 3
	NumTeam     = 4
	NumResult   = 5

	NumIDNumber  = 1 // personal
	NumFullName  = 2
	NumBirthDate = 3
	NumSex       = 4
	NumPhone     = 5
	NumAddress   = 6
	NumNote      = 7
)

// FieldValue is one field of an activity. Value is a string (text, choice, the
// unit as "list/code", the team as its UUID), an int64, a bool, a Date or a
// []string (choices, in the order of their options).
type FieldValue struct {
	Num   int
	Name  string
	Value any
}

// Activity is one entry that a member makes on a phone: a new activity, or an
// edit that sets some fields of an earlier one.
type Activity struct {
	// Index counts the entries of the generator from 0, EditOf is the Index of the
	// activity that this entry edits, -1 for a new one. An edit is always by the
	// same team, and never of an edit.
	Index, EditOf int
	// TeamIndex, AuthorIndex and PhoneIndex point into the Province.
	TeamIndex, AuthorIndex, PhoneIndex int
	// StampMS is the phone's wall time, Unix milliseconds. It grows from entry to
	// entry of one team.
	StampMS int64
	// Kind, Unit and Occurred are those of the activity, for an edit too.
	Kind     string
	Unit     UnitRef
	Occurred Date
	// Op and Personal are the fields of the two compartments in order of number. A
	// new activity sets unit, kind, occurred, team and result among others; an
	// edit has only what it changes.
	Op, Personal []FieldValue
}

// editPct is how many of 100 entries are edits.
const editPct = 8

// ActivityGen makes the activities of a province. The n-th entry of a team does
// not depend on how often other teams were asked, except for Index and EditOf.
// It must not be used by two goroutines at once.
type ActivityGen struct {
	province *Province
	seed     uint64
	startMS  int64
	next     int
	teams    []*teamState
	tables   *tables
	plans    *plans
	notes    *noteBook
}

// NewActivityGen makes a generator whose first entries are stamped on the first
// working days at or after start.
func NewActivityGen(p *Province, seed uint64, start time.Time) *ActivityGen {
	return &ActivityGen{
		province: p, seed: seed, startMS: start.UnixMilli(),
		teams:  make([]*teamState, len(p.Teams)),
		tables: loadTables(), plans: loadPlans(), notes: loadNotes(),
	}
}

// remembered is what a team may still edit of an activity.
type remembered struct {
	index         int
	plan          *kindPlan
	occurred      Date
	stage, result int
	count         int64
	who           *citizen // nil when the activity names nobody
}

// memory is how many activities and citizens a team can come back to.
const memory = 16

// teamState is where one team stands.
type teamState struct {
	rng     *rand.Rand
	clock   clock
	village int
	// unit and team are the boxed values of the common fields.
	unit, team any
	// phone and author of the session that goes on.
	phone, author int
	recent        []remembered
	recentAt      int
	citizens      []*citizen
	citizensAt    int
}

// state returns the team's state, made at the first call.
func (g *ActivityGen) state(team int) *teamState {
	if st := g.teams[team]; st != nil {
		return st
	}
	t := &g.province.Teams[team]
	rng := rand.New(rand.NewPCG(mix64(g.seed^streamActivity), mix64(uint64(team))))
	st := &teamState{
		rng: rng, village: team, unit: t.Village.String(), team: t.ID.String(),
		clock: newClock(rng, g.startMS, t.Commune.Code),
	}
	g.teams[team] = st
	return st
}

// mix64 spreads neighbouring seeds apart (the finaliser of SplitMix64), so that
// neighbouring teams do not begin alike.
func mix64(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Next makes the next entry of a team, an index into Province.Teams, on the phone
// that the team happens to use.
func (g *ActivityGen) Next(team int) Activity {
	st := g.state(team)
	if st.clock.advance(st.rng) {
		phones := g.province.Teams[team].Phones
		st.phone = phones[st.rng.IntN(len(phones))]
		st.author = -1
	}
	return g.entry(st, team)
}

// NextOn makes the next entry of the team that a phone belongs to, on that phone.
func (g *ActivityGen) NextOn(phone int) Activity {
	team := g.province.Phones[phone].Team
	st := g.state(team)
	if st.clock.advance(st.rng) || st.phone != phone {
		st.phone, st.author = phone, -1
	}
	return g.entry(st, team)
}

// entry makes the entry for which clock and phone are set.
func (g *ActivityGen) entry(st *teamState, team int) Activity {
	members := g.province.Phones[st.phone].Members
	// On a shared phone others take their turn within a session.
	if st.author < 0 || chance(st.rng, 25) {
		st.author = members[st.rng.IntN(len(members))]
	}
	a := Activity{
		Index: g.next, EditOf: -1,
		TeamIndex: team, AuthorIndex: st.author, PhoneIndex: st.phone,
		StampMS: st.clock.nowMS, Unit: g.province.Teams[team].Village,
	}
	g.next++
	if len(st.recent) > 0 && chance(st.rng, editPct) {
		g.edit(st, &a)
	} else {
		g.create(st, &a)
	}
	return a
}

// remember keeps an activity for later edits in place of the oldest.
func (st *teamState) remember(r remembered) {
	if len(st.recent) < memory {
		st.recent = append(st.recent, r)
		return
	}
	st.recent[st.recentAt] = r
	st.recentAt = (st.recentAt + 1) % memory
}

// meet keeps a citizen for later visits in place of the oldest.
func (st *teamState) meet(c *citizen) {
	if len(st.citizens) < memory {
		st.citizens = append(st.citizens, c)
		return
	}
	st.citizens[st.citizensAt] = c
	st.citizensAt = (st.citizensAt + 1) % memory
}
