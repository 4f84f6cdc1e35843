package imports

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/google/uuid"

	"thonsync/server/report"
	"thonsync/syncproto"
)

// Measures of targets besides the codes of kinds.
const (
	measureAll     = "activities"
	measureWorking = "working"
)

// targetRow reads what a unit is to reach in a period.
func targetRow(b *rowBuilder, l *line, key string, ref *reference) {
	if !ref.unitKnown(key) {
		b.fail("code", "the unit is not known: import the units first")
	}
	measure := l.get("measure")
	if _, ok := ref.defs.Kind(measure); !ok && measure != measureAll && measure != measureWorking {
		b.fail("measure", "the cell must be the code of a kind, %s or %s", measureAll, measureWorking)
	}
	b.text(syncproto.TargetMeasure, "measure", measure, true)
	n, err := strconv.ParseInt(l.get("value"), 10, 32)
	if err != nil || n < 0 || measure == measureWorking && n > 100 {
		b.fail("value", "the cell must be a whole number, not negative; of working teams at most 100 (percent)")
	}
	b.row = append(b.row, syncproto.Field{Num: syncproto.TargetValue, Value: syncproto.IntValue(n)})
	if l.get("valid_from") == "" || l.get("valid_to") < l.get("valid_from") {
		b.fail("valid_to", "first and last day are both needed, in this order, as YYYY-MM-DD")
	}
}

// trainingRow reads that one member attended one class.
func trainingRow(b *rowBuilder, l *line, key string, ref *reference) {
	team, ok := ref.teams[key]
	if !ok {
		b.fail("code", "the unit has no team: import the teams first")
	}
	member, ok := ref.people[key+"\x00"+l.get("full_name")]
	switch {
	case !ok:
		b.fail("full_name", "the team has no member of this name: import the members first")
	case member == uuid.Nil:
		b.fail("full_name", "several members of the team have this name: a person must say which")
	}
	b.row = append(b.row, syncproto.Field{Num: syncproto.TrainingTeam, Value: syncproto.UUIDValue(team)},
		syncproto.Field{Num: syncproto.TrainingMember, Value: syncproto.UUIDValue(member)})
	b.text(syncproto.TrainingClass, "class", l.get("class"), true)
	if l.get("held") == "" {
		b.fail("held", "the cell is empty: write the day of the class as YYYY-MM-DD")
	}
	b.date(syncproto.TrainingHeld, "held", l.get("held"))
}

// criteriaRow reads criteria; those that begin on the same day replace each
// other.
func criteriaRow(b *rowBuilder, raw []byte) {
	c, err := report.ParseCriteria(raw)
	if err != nil {
		b.fail("", "%s", err)
		return
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		b.fail("", "the entry is not valid JSON")
		return
	}
	b.text(syncproto.CriteriaID, "id", c.ID, true)
	b.row = append(b.row, syncproto.Field{Num: syncproto.CriteriaVersion, Value: syncproto.IntValue(int64(c.Version))})
	b.text(syncproto.CriteriaDefinition, "", compact.String(), true)
	b.date(syncproto.UnitValidFrom, "valid_from", c.ValidFrom)
}
