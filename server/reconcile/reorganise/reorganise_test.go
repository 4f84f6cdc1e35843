package reorganise_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"thonsync/clientlib/httptransport"
	"thonsync/server"
	"thonsync/server/config"
	"thonsync/server/imports"
	"thonsync/server/ingest"
	"thonsync/server/ownlog"
	"thonsync/server/reconcile/reorganise"
	"thonsync/server/report"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/testdata/fieldwork"
	"thonsync/testdata/province"
	"thonsync/testdata/units"
)

const (
	oldList, newList = "gso-2025-06:", "gso-2025-07:"
	village          = "thon-2025:"
)

// centre is a centre that knows a province.
type centre struct {
	t    *testing.T
	node *server.Node
	svc  *reorganise.Service
	prov *province.Province
}

func newCentre(t *testing.T, p *province.Province) *centre {
	t.Helper()
	cfg, err := config.Default()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Data = t.TempDir()
	now := time.Now()
	n, err := server.Open(t.Context(), cfg, server.Options{Transport: httptransport.New(0), Now: func() time.Time { now = now.Add(time.Millisecond); return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	c := &centre{t: t, node: n, prov: p}
	if c.svc, err = n.Reorganise(); err != nil {
		t.Fatal(err)
	}
	files := t.TempDir()
	if err := fieldwork.WriteFiles(files, p); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{fieldwork.UnitsFile, fieldwork.KindsFile, fieldwork.TeamsFile} {
		b, err := os.ReadFile(filepath.Join(files, name))
		if err != nil {
			t.Fatal(err)
		}
		what, _, _ := strings.Cut(name, ".")
		res, err := imports.Run(t.Context(), n, imports.What(what), b, imports.Options{})
		if err != nil || len(res.Bad) > 0 {
			t.Fatalf("%s: %v %+v", name, err, res.Bad)
		}
	}
	return c
}

func table(t *testing.T, name string) []byte {
	t.Helper()
	b, err := fs.ReadFile(units.Files(), name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (c *centre) plan(dry bool) reorganise.PlanResult {
	c.t.Helper()
	d, err := c.svc.Plan(c.t.Context(), reorganise.Proposal{
		Name: "Sắp xếp đơn vị 1/7/2025", Units: table(c.t, "units-gso-2025-07.csv"), Lineage: table(c.t, "lineage.csv"), DryRun: dry,
	})
	if err != nil || len(d.Problems) > 0 {
		c.t.Fatalf("%v %+v", err, d.Problems)
	}
	return d
}

func (c *centre) apply(id uuid.UUID) reorganise.Reorganisation {
	c.t.Helper()
	v, err := c.svc.Apply(c.t.Context(), id)
	if err != nil {
		c.t.Fatal(err)
	}
	return v
}

func (c *centre) place(id uuid.UUID, list ...reorganise.Placement) reorganise.Reorganisation {
	c.t.Helper()
	v, err := c.svc.Place(c.t.Context(), id, "", list, "account-1")
	if err != nil {
		c.t.Fatal(err)
	}
	return v
}

func (c *centre) defs() *ingest.Definitions { return c.node.Ingest().Definitions() }

// unitRecords gives the shown values of the unit records that stand, by key,
// without those that are null and without what only says who touched them last.
func (c *centre) unitRecords() map[string]string {
	c.t.Helper()
	out := map[string]string{}
	err := c.node.Store().View(c.t.Context(), func(r store.Reader) error {
		return r.EachRecord(store.RecordQuery{Collection: syncproto.CollectionUnit, ExistsOnly: true}, func(rec store.Record) error {
			row, err := ingest.Shown(&rec)
			if err != nil || rec.Void {
				return err
			}
			var said []string
			for _, f := range row {
				if f.Value != syncproto.Null() {
					said = append(said, fmt.Sprintf("%d=%v", f.Num, f.Value))
				}
			}
			out[rec.Unit] = strings.Join(said, " ")
			return nil
		})
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

// totals counts teams and activities by the communes of a list; "" for those
// that nobody has placed.
func (c *centre) totals(list string) (by map[string]int, sum int) {
	c.t.Helper()
	by = map[string]int{}
	defs := c.defs()
	err := c.node.Store().View(c.t.Context(), func(r store.Reader) error {
		for _, coll := range []uint32{syncproto.CollectionTeam, syncproto.CollectionActivity} {
			err := r.EachRecord(store.RecordQuery{Collection: coll, ExistsOnly: true, WithoutHistory: true}, func(rec store.Record) error {
				key, _ := defs.Resolve(rec.Unit, list)
				by[key]++
				sum++
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return by, sum
}

// work has an activity recorded in each of the units.
func (c *centre) work(units ...string) {
	c.t.Helper()
	drafts := make([]ownlog.Draft, len(units))
	for i, u := range units {
		drafts[i] = ownlog.Draft{
			Header: syncproto.Header{Collection: syncproto.CollectionActivity, Op: syncproto.OpCreate},
			Operational: syncproto.NewRow(
				syncproto.Field{Num: syncproto.FieldUnit, Value: syncproto.TextValue(u)}, syncproto.Field{Num: syncproto.ActivityKind, Value: syncproto.TextValue("TT")},
				syncproto.Field{Num: syncproto.ActivityOccurred, Value: syncproto.DateValue(syncproto.Date{Year: 2025, Month: 6, Day: 1 + i%28})},
			),
		}
	}
	if _, err := c.node.WriteOwn(c.t.Context(), drafts); err != nil {
		c.t.Fatal(err)
	}
}

func number(counts []reorganise.TouchedCount, kind, action string) int {
	for _, x := range counts {
		if x.Kind == kind && x.Action == action {
			return x.Number
		}
	}
	return 0
}

// TestTheWholeProvince carries the real reform out on 193 communes and 2,071
// villages, places what was split, and undoes all of it.
func TestTheWholeProvince(t *testing.T) {
	c := newCentre(t, province.Generate(1))
	var villages []string
	for _, v := range c.prov.Villages {
		villages = append(villages, fieldwork.UnitKey(v.Ref))
	}
	c.work(villages...)
	recordsBefore := c.unitRecords()
	before, sum := c.totals("gso-2025-06")
	if sum != 2*province.VillageCount || len(before) != 193 {
		t.Fatalf("%d things in %d communes", sum, len(before))
	}
	dry := c.plan(true)
	if v := dry.Plan; v.Split != 3 || v.Ended != 205 || v.Made != 125 || v.ToPlace == 0 {
		t.Errorf("the dry run says %+v", v)
	}
	inSplit := 0
	for _, v := range c.prov.Villages {
		if slices.Contains([]string{"00688", "00967", "00988"}, v.Parent.Code) {
			inSplit++
		}
	}
	if got := number(dry.Counts, "team", "place"); got != inSplit || number(dry.Counts, "team", "follows") != province.TeamCount-inSplit || number(dry.Counts, "village", "place") != inSplit {
		t.Errorf("%d villages lie in split communes, the dry run counts %+v", inSplit, dry.Counts)
	}
	if list, err := c.svc.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("a dry run was kept: %+v, %v", list, err)
	}

	id := c.plan(false).Plan.ID
	if v := c.apply(id); v.State != reorganise.Applied || v.ToPlace != inSplit {
		t.Errorf("after applying: %+v", v)
	}
	// By either list everything is counted; what is not placed counts, too.
	byOld, oldSum := c.totals("gso-2025-06")
	byNew, newSum := c.totals("gso-2025-07")
	if diff := cmp.Diff(before, byOld); diff != "" || oldSum != sum || newSum != sum || byNew[""] != 2*inSplit {
		t.Errorf("by the old list %d, by the new %d of %d, not placed %d of %d: %s", oldSum, newSum, sum, byNew[""], 2*inSplit, diff)
	}

	c.checkReports("after applying", province.VillageCount, inSplit, len(byNew))
	items, _, err := c.svc.Queue(t.Context(), id, reorganise.Queue{Open: true})
	if err != nil || len(items) != inSplit {
		t.Fatalf("%d in the queue, %v", len(items), err)
	}
	var list []reorganise.Placement
	for i, it := range items {
		if len(it.Candidates) != 2 || it.Team == "" || it.Kind != reorganise.KindVillage {
			t.Errorf("%+v", it)
		}
		list = append(list, reorganise.Placement{Subject: it.Subject, To: it.Candidates[i%2].Unit})
	}
	if v := c.place(id, list[0]); v.State != reorganise.Partly || v.Placed != 1 {
		t.Errorf("after the first: %+v", v)
	}
	if v := c.place(id, list...); v.State != reorganise.Complete || v.Placed != inSplit {
		t.Errorf("after all: %+v", v)
	}
	byOld, oldSum = c.totals("gso-2025-06")
	byNew, newSum = c.totals("gso-2025-07")
	if diff := cmp.Diff(before, byOld); diff != "" || oldSum != sum || newSum != sum || byNew[""] != 0 {
		t.Errorf("after placing: %d and %d of %d, not placed %d: %s", oldSum, newSum, sum, byNew[""], diff)
	}
	c.checkNewList(byNew, list)
	c.checkReports("after placing", province.VillageCount, 0, len(byNew))

	// What is recorded meanwhile, under old units and new ones, survives the undoing.
	c.work(village+"00988-01", oldList+"00988", newList+"00991")
	undone, err := c.svc.Undo(t.Context(), id)
	if err != nil || undone.Plan.State != reorganise.Reversed || len(undone.Left)+len(undone.Orphans) > 0 {
		t.Fatalf("%+v, %v", undone, err)
	}
	if diff := cmp.Diff(recordsBefore, c.unitRecords()); diff != "" {
		t.Errorf("unit records are not as they were: %s", diff)
	}
	after, sumAfter := c.totals("gso-2025-06")
	before[oldList+"00988"] += 2
	before[""]++ // what was recorded under a commune that was three
	if diff := cmp.Diff(before, after); diff != "" || sumAfter != sum+3 {
		t.Errorf("after undoing: %d of %d: %s", sumAfter, sum+3, diff)
	}
}

// reports makes the coverage and the activities by a list and gives what the
// communes add up to, and what stands under "not placed yet".
func (c *centre) reports(list string) (teams, activities, open int, communes map[string]bool) {
	c.t.Helper()
	f, err := c.node.ReportService().Figures(c.t.Context(), report.Query{List: list, From: "2024-01-01", To: "2030-12-31"})
	if err != nil {
		c.t.Fatal(err)
	}
	communes = map[string]bool{}
	for _, s := range f.Sums() {
		list, code, _ := syncproto.SplitUnitKey(s.Unit)
		if list == units.ListVillages || len(code) != 5 && code != "?" {
			continue
		}
		teams += s.Teams
		if communes[s.Unit] = true; code == "?" {
			open = s.Teams
		}
	}
	for _, n := range f.Cells {
		activities += n.Activities
	}
	return teams, activities, open, communes
}

// checkReports compares the reports by both lists.
func (c *centre) checkReports(when string, wantActivities, wantOpen, wantNew int) {
	c.t.Helper()
	oldTeams, oldActivities, _, oldCommunes := c.reports("gso-2025-06")
	newTeams, newActivities, open, newCommunes := c.reports("gso-2025-07")
	byDefault, _, _, defaultCommunes := c.reports("")
	if oldTeams != province.TeamCount || newTeams != oldTeams || byDefault != oldTeams || oldActivities != wantActivities || newActivities != wantActivities {
		c.t.Errorf("%s: teams %d by the old list, %d by the new, %d by default; activities %d and %d, want %d", when, oldTeams, newTeams, byDefault, oldActivities, newActivities, wantActivities)
	}
	if open != wantOpen || len(oldCommunes) != 193 || len(newCommunes) != wantNew || len(defaultCommunes) != wantNew {
		c.t.Errorf("%s: %d teams not placed, want %d; %d old communes, %d new, want %d", when, open, wantOpen, len(oldCommunes), len(newCommunes), wantNew)
	}
}

// checkNewList adds up by hand what each new commune must have.
func (c *centre) checkNewList(got map[string]int, placed []reorganise.Placement) {
	c.t.Helper()
	to := map[string]string{}
	for _, r := range units.Lineage() {
		if r.Extent == "whole" || r.Extent == "unchanged" {
			to[r.From.Code] = newList + r.To.Code
		}
	}
	want := map[string]int{}
	for _, v := range c.prov.Villages {
		commune := to[v.Parent.Code]
		for _, p := range placed {
			if p.Subject == fieldwork.UnitKey(v.Ref) {
				commune = p.To
			}
		}
		want[commune] += 2 // its team and its activity
	}
	if diff := cmp.Diff(want, got); diff != "" {
		c.t.Errorf("by the new list: %s", diff)
	}
}
