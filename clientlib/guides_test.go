package clientlib_test

import (
	"testing"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/clientlib/clienttest"
	"thonsync/syncproto"
)

const visitKind = `{"code":"RS","name_vi":"Rà soát hộ","name_en":"Household review","person":true,"name_optional":true,
"results":[{"value":"done"},{"value":"absent"}],"fields":[{"num":32,"name":"consent","type":"choice","required":true,"options":[{"value":"yes"},{"value":"no"}]}]}`

// A household that did not agree is visited all the same, and counted.
func TestKindWithoutARequiredName(t *testing.T) {
	w := clienttest.NewWorld(t, 1)
	w.Centre.DefineKind("RS", visitKind)
	d := w.Device("a", w.Centre)
	made, err := d.Record(t.Context(), clientlib.RecordInput{Kind: "RS", Fields: map[string]string{"result": "done", "consent": "no"}})
	if err != nil {
		t.Fatalf("without a name: %v", err)
	}
	if _, err := d.Edit(t.Context(), made.ID, clientlib.EditInput{Fields: map[string]string{"full_name": "Người Thử"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Edit(t.Context(), made.ID, clientlib.EditInput{Fields: map[string]string{"full_name": ""}}); err != nil {
		t.Errorf("clearing the name: %v", err)
	}
	w.Sync(d)
	rec, err := d.Get(t.Context(), made.ID)
	if err != nil || rec.Custody.Stage != clientlib.StageAtCentre {
		t.Errorf("after sending: %v %v", rec.Custody.Stage, err)
	}
}

func TestNamesOfPlaces(t *testing.T) {
	w := clienttest.NewWorld(t, 1)
	team := w.Centre.Define(syncproto.CollectionTeam, syncproto.NewRow(
		syncproto.Field{Num: syncproto.FieldUnit, Value: syncproto.TextValue(clienttest.Unit)},
		syncproto.Field{Num: syncproto.TeamName, Value: syncproto.TextValue("Tổ Thử")}))
	d := w.Device("a", w.Centre)
	n, err := d.Names(t.Context(), []string{clienttest.Unit, "test:none", ""}, []uuid.UUID{team, {9}})
	if err != nil || len(n.Units) != 1 || n.Units[clienttest.Unit] != "Thôn Thử" || len(n.Teams) != 1 || n.Teams[team] != "Tổ Thử" {
		t.Errorf("names %+v, %v", n, err)
	}
}
