package server_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/server/imports"
	"thonsync/server/ownlog"
	"thonsync/server/reconcile/reorganise"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// The next list of the invented province. Codes are used again: 20 is what was 20
// and 40 with a part of 10, and 10 is the rest of 10.
const (
	communeC  = list + ":40"
	villageC1 = list + ":401"
	nextList  = "test-2026"
	newB      = nextList + ":20"
	newA      = nextList + ":10"
)

const nextUnits = `list,code,level,type,name,parent,valid_from
test-2026,1,province,Tỉnh,Mới,,2026-07-01
test-2026,20,commune,Xã,Bình Minh,1,2026-07-01
test-2026,10,commune,Xã,An Hoà,1,2026-07-01
`

const nextLineage = `from_list,from_code,to_list,to_code,extent
test-2025,10,test-2026,20,part
test-2025,10,test-2026,10,remainder
test-2025,20,test-2026,20,whole
test-2025,40,test-2026,20,whole
`

// reformed is a world whose units can be reorganised.
type reformed struct {
	*world
	svc    *reorganise.Service
	teamC1 uuid.UUID
	id     uuid.UUID
}

func newReformed(t *testing.T) *reformed {
	t.Helper()
	w := &reformed{world: newWorld(t)}
	w.write(unitDraft(communeC, "commune", "Xã Cao", province), unitDraft(villageC1, "village", "Thôn Bốn", communeC))
	w.teamC1 = w.write(create(syncproto.CollectionTeam, syncproto.Row{text(syncproto.FieldUnit, villageC1), text(syncproto.TeamName, "Tổ 4")}))[0]
	w.member[w.teamC1] = w.write(create(syncproto.CollectionMember, syncproto.Row{
		text(syncproto.FieldUnit, villageC1), {Num: syncproto.MemberTeam, Value: syncproto.UUIDValue(w.teamC1)}, text(syncproto.MemberRole, "leader"),
	}))[0]
	var err error
	if w.svc, err = w.centre.Reorganise(); err != nil {
		t.Fatal(err)
	}
	return w
}

// reform plans and applies.
func (w *reformed) reform() {
	w.t.Helper()
	d, err := w.svc.Plan(w.t.Context(), reorganise.Proposal{Name: "2026", Units: []byte(nextUnits), Lineage: []byte(nextLineage)})
	if err != nil || len(d.Problems) > 0 {
		w.t.Fatalf("%v %+v", err, d.Problems)
	}
	w.id = d.Plan.ID
	if _, err := w.svc.Apply(w.t.Context(), w.id); err != nil {
		w.t.Fatal(err)
	}
}

func (w *reformed) place(subject, to string) {
	w.t.Helper()
	if _, err := w.svc.Place(w.t.Context(), w.id, "", []reorganise.Placement{{Subject: subject, To: to}}, "officer"); err != nil {
		w.t.Fatal(err)
	}
}

func (w *reformed) undo() {
	w.t.Helper()
	if _, err := w.svc.Undo(w.t.Context(), w.id); err != nil {
		w.t.Fatal(err)
	}
}

// knows tells whether a device knows a unit by this name.
func (w *reformed) knows(d *clientlib.Device, unit string) string {
	w.t.Helper()
	names, err := d.Names(w.t.Context(), []string{unit}, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return names.Units[unit]
}

// feeds lists the feeds of communes that a server holds pages of.
func (w *reformed) feeds(at *running) string {
	w.t.Helper()
	var names []string
	err := at.Store().View(w.t.Context(), func(r store.Reader) error {
		heads, err := r.Feeds()
		for _, h := range heads {
			if h.Feed != syncproto.CommonFeed && h.Position > 0 {
				names = append(names, h.Feed)
			}
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.Join(names, " ")
}

// TestAPhoneThatNeverHeardOfAReorganisation delivers what it recorded meanwhile
// under the old unit, and heals at its next exchange without anybody touching it.
func TestAPhoneThatNeverHeardOfAReorganisation(t *testing.T) {
	w := newReformed(t)
	point := w.point(communeA)
	phone, mate := w.phone(point, w.teamA1), w.phone(point, w.teamA1)
	old := w.record(phone)
	w.reform()
	w.place(villageA1, newB)
	w.exchange(phone) // at a point that has not heard of it either
	w.wantStage(phone, old, clientlib.StageAtCommune)
	w.sync(point)
	w.exchange(phone)
	w.wantStage(phone, old, clientlib.StageAtCentre)
	rec, ok := w.recordAtCentre(old)
	if !ok || rec.Unit != villageA1 || !rec.Exists {
		t.Errorf("at the centre: %+v, %v", rec, ok)
	}
	if got, _ := w.centre.Ingest().Definitions().Resolve(rec.Unit, nextList); got != newB {
		t.Errorf("by the new list it lies in %q", got)
	}
	if got := w.knows(phone, newB); got != "Xã Bình Minh" {
		t.Errorf("the phone calls the new commune %q", got)
	}
	// It goes on, and learns of its team what stands in the new commune's feed only.
	w.write(ownSet(syncproto.CollectionTeam, w.teamA1, text(syncproto.TeamName, "Tổ Bình Minh")))
	if err := phone.SetServers(t.Context(), []string{w.centre.url}); err != nil {
		t.Fatal(err)
	}
	next := w.record(phone)
	w.exchange(phone)
	w.wantStage(phone, next, clientlib.StageAtCentre)
	names, err := phone.Names(t.Context(), nil, []uuid.UUID{w.teamA1})
	if err != nil || names.Teams[w.teamA1] != "Tổ Bình Minh" {
		t.Errorf("the phone calls its team %q, %v", names.Teams[w.teamA1], err)
	}
	// A colleague whose phone the old commune's point took in is still one.
	if err := mate.SetServers(t.Context(), []string{w.centre.url}); err != nil {
		t.Fatal(err)
	}
	w.exchange(mate)
	mates := w.record(mate)
	w.exchange(mate)
	w.exchange(phone)
	if r, err := phone.Get(t.Context(), mates); err != nil || r.Own {
		t.Errorf("a colleague's work: %+v, %v", r, err)
	}
	// Of the village that stayed it learns nothing new.
	w.write(ownSet(syncproto.CollectionTeam, w.teamA2, text(syncproto.TeamName, "Tổ ở lại")))
	w.exchange(phone)
	if names, err := phone.Names(t.Context(), nil, []uuid.UUID{w.teamA2}); err != nil || names.Teams[w.teamA2] == "Tổ ở lại" {
		t.Errorf("the phone reads on in the feed that its village left: %v", err)
	}
}

// TestThePointOfAMergedCommune serves all of what its commune became, and its
// phones go on; before and after an undoing it does not.
func TestThePointOfAMergedCommune(t *testing.T) {
	w := newReformed(t)
	point := w.point(communeB)
	own := w.phone(point, w.teamB1)
	other := w.phone(w.centre, w.teamC1)
	if err := other.SetServers(t.Context(), []string{point.url}); err != nil {
		t.Fatal(err)
	}
	refused := func(when string) {
		t.Helper()
		if _, err := other.Sync(t.Context()); syncproto.CodeOf(err) != syncproto.CodeScope {
			t.Errorf("%s a phone of another commune is answered: %v", when, err)
		}
	}
	refused("before")
	id := w.record(other)
	w.reform()
	w.sync(point)
	w.sync(point)
	w.exchange(other)
	mine := w.record(own)
	w.exchange(own)
	w.sync(point)
	w.exchange(other)
	w.exchange(own)
	w.wantStage(other, id, clientlib.StageAtCentre)
	w.wantStage(own, mine, clientlib.StageAtCentre)
	if got := w.feeds(point); !strings.Contains(got, communeC) || strings.Contains(got, communeA) {
		t.Errorf("the point holds the feeds %s", got)
	}
	w.undo()
	w.sync(point)
	refused("after undoing")
	w.exchange(own)
}

// TestThePointOfASplitCommune gains nothing of the communes that the parts went
// to until a person places it, and keeps serving its own villages throughout.
func TestThePointOfASplitCommune(t *testing.T) {
	w := newReformed(t)
	point := w.point(communeA)
	stays, moves := w.phone(point, w.teamA2), w.phone(point, w.teamA1)
	foreign := w.phone(w.centre, w.teamB1)
	if err := foreign.SetServers(t.Context(), []string{point.url}); err != nil {
		t.Fatal(err)
	}
	w.reform()
	w.place(villageA1, newB)
	w.place(villageA2, newA)
	w.sync(point)
	if _, err := foreign.Sync(t.Context()); syncproto.CodeOf(err) != syncproto.CodeScope {
		t.Errorf("a phone of the commune that a part went to is answered: %v", err)
	}
	if got := w.feeds(point); strings.Contains(got, nextList) || strings.Contains(got, communeB) {
		t.Errorf("the point reads %s", got)
	}
	items, _, err := w.svc.Queue(t.Context(), w.id, reorganise.Queue{Open: true})
	if err != nil || len(items) != 1 || items[0].Kind != reorganise.KindPoint {
		t.Fatalf("left to place: %+v, %v", items, err)
	}
	w.place(items[0].Subject, newB)
	w.sync(point) // gets its later credential
	w.sync(point) // shows it
	if got := w.feeds(point); !strings.Contains(got, newB) || !strings.Contains(got, communeB) || strings.Contains(got, newA) {
		t.Errorf("after it was placed the point reads %s", got)
	}
	w.exchange(foreign)
	for _, d := range []*clientlib.Device{stays, moves} {
		id := w.record(d)
		w.exchange(d)
		w.sync(point)
		w.exchange(d)
		w.wantStage(d, id, clientlib.StageAtCentre)
	}
	w.undo()
	points, err := w.centre.Points(t.Context())
	if err != nil || len(points) != 1 || strings.Join(points[0].Units, " ") != communeA {
		t.Errorf("after undoing: %+v, %v", points, err)
	}
}

func TestPlacingIsCheckedAndTakenBack(t *testing.T) {
	w := newReformed(t)
	w.reform()
	for _, c := range []struct {
		subject, to string
		code        syncproto.Code
	}{
		{villageB1, newB, syncproto.CodeScope},            // it was not split
		{villageA1, communeB, syncproto.CodeInvalidInput}, // not where a part went
		{"test-2025:999", newB, syncproto.CodeScope},
	} {
		if _, err := w.svc.Place(t.Context(), w.id, "", []reorganise.Placement{{Subject: c.subject, To: c.to}}, "officer"); syncproto.CodeOf(err) != c.code {
			t.Errorf("placing %s in %s: %v", c.subject, c.to, err)
		}
	}
	// Whoever is bound to a unit neither sees nor places what another commune had.
	for unit, want := range map[string]int{communeA: 2, communeB: 0, newB: 0, province: 2} {
		items, _, err := w.svc.Queue(t.Context(), w.id, reorganise.Queue{Unit: unit})
		if err != nil || len(items) != want {
			t.Errorf("in %s %d things are to be placed, want %d: %v", unit, len(items), want, err)
		}
	}
	if _, err := w.svc.Place(t.Context(), w.id, communeB, []reorganise.Placement{{Subject: villageA1, To: newB}}, "officer"); syncproto.CodeOf(err) != syncproto.CodeScope {
		t.Errorf("an officer of another commune places: %v", err)
	}
	defs := func() string { return w.centre.Ingest().Definitions().Commune(villageA1) }
	w.place(villageA1, newB)
	w.place(villageA1, newA) // on second thoughts
	if got := defs(); got != newA {
		t.Errorf("it lies in %s", got)
	}
	w.place(villageA1, "")
	if got := defs(); got != communeA {
		t.Errorf("taken back it lies in %s", got)
	}
	if v, err := w.svc.Get(t.Context(), w.id); err != nil || v.State != reorganise.Applied || v.Placed != 0 {
		t.Errorf("%+v, %v", v, err)
	}
	w.place(villageA1, newB)
	w.undo()
	w.undo()
	if got := defs(); got != communeA {
		t.Errorf("undone it lies in %s", got)
	}
	// The same tables again.
	w.reform()
	w.place(villageA1, newB)
	if got := defs(); got != newB {
		t.Errorf("planned anew it lies in %s", got)
	}
	if _, err := w.svc.Plan(t.Context(), reorganise.Proposal{Units: []byte(nextUnits), Lineage: []byte(nextLineage)}); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
		t.Errorf("ending a list twice: %v", err)
	}
	w.undo()
	if got := defs(); got != communeA {
		t.Errorf("undone again it lies in %s", got)
	}
	w.newUnitsAre(true)
}

// newUnitsAre checks whether the units of the new list are retracted.
func (w *reformed) newUnitsAre(void bool) {
	w.t.Helper()
	err := w.centre.Store().View(w.t.Context(), func(r store.Reader) error {
		n := 0
		err := r.EachRecord(store.RecordQuery{Collection: syncproto.CollectionUnit, ExistsOnly: true}, func(rec store.Record) error {
			if strings.HasPrefix(rec.Unit, nextList) {
				n++
				if rec.Void != void {
					w.t.Errorf("unit %s: void %v", rec.Unit, rec.Void)
				}
			}
			return nil
		})
		if n != 3 {
			w.t.Errorf("%d units of the new list", n)
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func ownSet(collection uint32, record uuid.UUID, fields ...syncproto.Field) (d ownlog.Draft) {
	d.Header = syncproto.Header{Collection: collection, Op: syncproto.OpSet, Record: record}
	d.Operational = fields
	return d
}

func (w *reformed) recordAtCentre(id uuid.UUID) (rec store.Record, ok bool) {
	w.t.Helper()
	err := w.centre.Store().View(w.t.Context(), func(r store.Reader) (err error) {
		rec, ok, err = r.Record(id)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return rec, ok
}

func TestATeamOfAWholeCommuneIsPlaced(t *testing.T) {
	w := newReformed(t)
	team := w.write(create(syncproto.CollectionTeam, syncproto.Row{text(syncproto.FieldUnit, communeA), text(syncproto.TeamName, "Tổ của xã")}))[0]
	w.reform()
	w.place("team:"+team.String(), newB)
	if rec, _ := w.recordAtCentre(team); rec.Unit != newB {
		t.Errorf("the team is at %s", rec.Unit)
	}
	w.place("team:"+team.String(), newA)
	w.undo()
	if rec, _ := w.recordAtCentre(team); rec.Unit != communeA {
		t.Errorf("undone the team is at %s", rec.Unit)
	}
}

// TestAnOldListDoesNotUndoAPlacement: the file of the villages from before is
// imported again.
func TestAnOldListDoesNotUndoAPlacement(t *testing.T) {
	w := newReformed(t)
	w.reform()
	w.place(villageA1, newB)
	file := "list,code,level,type,name,parent\n" +
		"test-2025,101,village,Thôn,Thôn Một mới,10\n" + // placed since; its name is corrected
		"test-2025,201,village,Xã,Thôn Ba,40\n" // moved by the file to a commune that it never was in
	res, err := imports.Run(t.Context(), w.centre, imports.Units, []byte(file), imports.Options{})
	if err != nil || res.Changed != 2 || len(res.Bad) > 0 {
		t.Fatalf("%+v, %v", res, err)
	}
	defs := w.centre.Ingest().Definitions()
	u, _ := defs.Unit(villageA1)
	if u.Parent != newB || u.Name != "Thôn Một mới" {
		t.Errorf("the placed village: %+v", u)
	}
	if got := defs.Commune(villageB1); got != communeC {
		t.Errorf("the other lies in %s", got)
	}
	if res, err = imports.Run(t.Context(), w.centre, imports.Units, []byte(file), imports.Options{}); err != nil || res.Same != 2 {
		t.Errorf("again: %+v, %v", res, err)
	}
}
