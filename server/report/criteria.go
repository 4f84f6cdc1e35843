package report

import (
	_ "embed"
	"encoding/json"

	"thonsync/syncproto"
)

// Criteria say when a team works. They are data: the province changes them
// without a new program, and every report names the version it used.
type Criteria struct {
	ID               string `json:"id"`
	Version          int    `json:"version"`
	ValidFrom        string `json:"valid_from"` // YYYY-MM-DD
	PeriodDays       int    `json:"period_days"`
	MinActivities    int    `json:"min_activities"`
	MinKinds         int    `json:"min_kinds"`
	MinActiveMembers int    `json:"min_active_members"`
	// MaxDaysSinceSync is how long before the end of the period, or before today,
	// a phone may have been heard of last for its team's figures to be complete.
	MaxDaysSinceSync int `json:"max_days_since_sync"`
}

//go:embed criteria_default.json
var defaultCriteria []byte

// DefaultCriteria gives the criteria that come with the program.
func DefaultCriteria() Criteria {
	c, err := ParseCriteria(defaultCriteria)
	if err != nil {
		panic(err) // a test reads them
	}
	return c
}

// ParseCriteria reads criteria and refuses those that mean nothing.
func ParseCriteria(b []byte) (Criteria, error) {
	var c Criteria
	if err := json.Unmarshal(b, &c); err != nil {
		return c, syncproto.Wrap(syncproto.CodeInvalidInput, err, "criteria are not valid JSON")
	}
	if _, err := syncproto.ParseDate(c.ValidFrom); err != nil || c.ID == "" || c.Version < 1 {
		return c, syncproto.Errorf(syncproto.CodeInvalidInput, "criteria need id, version (from 1) and valid_from (YYYY-MM-DD)")
	}
	if c.PeriodDays < 1 || c.MaxDaysSinceSync < 1 || c.MinActivities < 0 || c.MinKinds < 0 || c.MinActiveMembers < 0 {
		return c, syncproto.Errorf(syncproto.CodeInvalidInput, "criteria %s: period_days and max_days_since_sync must be at least 1, the others not negative", c.ID)
	}
	return c, nil
}

// Verdict is what the criteria say of a team.
type Verdict string

// The verdicts. A team without signal is not a bad team: unknown is a verdict
// of its own.
const (
	Working    Verdict = "working"
	NotWorking Verdict = "not-working"
	NotKnown   Verdict = "not-known"
)

// Failing is a criterion that a team does not meet.
type Failing struct {
	Criterion string `json:"criterion"` // activities, kinds or active-members
	Have      int    `json:"have"`
	Need      int    `json:"need"`
}

// Why a verdict is not-known.
const (
	NoPhone    = "no-phone"   // no phone of the team has joined
	NotHeard   = "not-heard"  // no phone was heard of in time
	Incomplete = "incomplete" // criteria are not met, but work may be missing
)

// What makes data incomplete.
const (
	QuietPhone  = "quiet-phone" // some of the phones were not heard of in time
	NamedGap    = "gap"         // changes are known to exist and have not arrived
	StillOn     = "waiting"     // phones said that they had changes to send
	Quarantined = "quarantined" // changes are kept apart until something is settled
)

// Judgement is a verdict with its reasons.
type Judgement struct {
	Verdict Verdict   `json:"verdict"`
	Failing []Failing `json:"failing"`
	Why     string    `json:"why,omitempty"`    // of not-known
	Causes  []string  `json:"causes,omitempty"` // of incomplete
}

// Judge applies the criteria to a team's figures. A team that meets them works,
// however incomplete its data are; one that does not is called not working only
// if nothing of its work can be missing.
func (c *Criteria) Judge(t *Team) Judgement {
	j := Judgement{Verdict: Working, Failing: []Failing{}}
	for _, f := range []Failing{
		{"activities", t.Activities, c.MinActivities},
		{"kinds", t.Kinds, c.MinKinds},
		{"active-members", t.ActiveMembers, c.MinActiveMembers},
	} {
		if f.Have < f.Need {
			j.Failing = append(j.Failing, f)
		}
	}
	if len(j.Failing) == 0 {
		return j
	}
	j.Verdict = NotKnown
	switch {
	case t.Phones == 0:
		j.Why = NoPhone
		return j
	case t.PhonesHeard == 0:
		j.Why = NotHeard
		return j
	}
	for _, x := range []struct {
		cause string
		holds bool
	}{
		{QuietPhone, t.PhonesHeard < t.Phones},
		{NamedGap, t.Missing > 0},
		{StillOn, t.Waiting > 0},
		{Quarantined, t.Quarantined > 0},
	} {
		if x.holds {
			j.Causes = append(j.Causes, x.cause)
		}
	}
	if j.Why = Incomplete; len(j.Causes) == 0 {
		j.Verdict, j.Why = NotWorking, ""
	}
	return j
}
