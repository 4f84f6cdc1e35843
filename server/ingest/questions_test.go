package ingest

import (
	"testing"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// A phone answers questions of its units and does nothing else to one: it asks
// none and settles none. The centre may do all of it.
func TestPhoneOnlyAnswersQuestions(t *testing.T) {
	const home = "a:1"
	defs := newDefinitions()
	defs.units[home] = UnitInfo{Key: home, Level: levelVillage}
	defs.units["a:2"] = UnitInfo{Key: "a:2", Level: levelVillage}
	phone := &store.Origin{Role: credential.RolePhone, Units: []string{home}}
	centre := &store.Origin{Role: credential.RoleCentre}
	change := func(op syncproto.Op, fields ...syncproto.Field) *syncproto.Change {
		return &syncproto.Change{Header: syncproto.Header{Collection: syncproto.CollectionQuestion, Op: op}, Operational: syncproto.NewRow(fields...)}
	}
	answer := syncproto.Field{Num: syncproto.QuestionAnswer, Value: syncproto.TextValue(syncproto.AnswerConfirmed)}
	state := syncproto.Field{Num: syncproto.QuestionState, Value: syncproto.TextValue(syncproto.StateSettled)}
	asked := []syncproto.Field{
		{Num: syncproto.FieldUnit, Value: syncproto.TextValue(home)}, {Num: syncproto.QuestionRecord, Value: syncproto.UUIDValue(uuid.UUID{1})},
	}
	for _, tt := range []struct {
		name  string
		o     *store.Origin
		c     *syncproto.Change
		home  string
		might bool
	}{
		{"phone answers", phone, change(syncproto.OpSet, answer), home, true},
		{"phone answers elsewhere", phone, change(syncproto.OpSet, answer), "a:2", false},
		{"phone asks", phone, change(syncproto.OpCreate, asked...), home, false},
		{"phone settles", phone, change(syncproto.OpSet, state), home, false},
		{"phone answers and settles", phone, change(syncproto.OpSet, answer, state), home, false},
		{"phone retracts", phone, change(syncproto.OpVoid), home, false},
		{"centre asks", centre, change(syncproto.OpCreate, asked...), home, true},
		{"centre settles", centre, change(syncproto.OpSet, state), home, true},
	} {
		if f := authorise(ByGrant{}, tt.o, tt.c, tt.home, defs); (f == nil) != tt.might {
			t.Errorf("%s: %+v", tt.name, f)
		}
	}
}
