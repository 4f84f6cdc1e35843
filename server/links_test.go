package server_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/server"
	"thonsync/server/audit"
	"thonsync/server/reconcile/links"
	"thonsync/syncproto"
)

// helpBy records help for an invented citizen on any phone.
func (c *citizens) helpBy(d *clientlib.Device, fields map[string]string) uuid.UUID {
	c.t.Helper()
	all := map[string]string{"consent": "given", "consent_how": "spoken"}
	for k, v := range fields {
		all[k] = v
	}
	made, err := d.Record(c.t.Context(), clientlib.RecordInput{Kind: "HELP", Result: "done", Fields: all})
	if err != nil {
		c.t.Fatal(err)
	}
	return made.ID
}

// pairOf makes a pair that has to be suggested, of two villages of one commune.
func (c *citizens) pairOf() (a, b uuid.UUID) {
	c.t.Helper()
	second := c.world.phone(c.centre, c.teamA2)
	a = c.helpBy(c.phone, map[string]string{"full_name": citizenName, "id_number": citizenNumber, "birth_date": "07/04/1990", "sex": "female", "phone": "0912345678"})
	b = c.helpBy(second, map[string]string{"full_name": "Vang Thi Thu Nghiem", "birth_date": "07/04/1990", "sex": "female", "phone": "0912345678"})
	c.exchange(c.phone)
	c.exchange(second)
	do(c.t, c.centre, server.LinkScanCommand, server.LinkScan{})
	return a, b
}

// TestPairsAreDecidedAndWrittenDown: who looks at a pair stands in the access log
// before it is shown, and so does who decides; a list names nobody.
func TestPairsAreDecidedAndWrittenDown(t *testing.T) {
	c := newCitizens(t)
	a, b := c.pairOf()
	list := do(t, c.centre, server.LinkList, links.Query{State: links.Suggested})
	if len(list.Items) != 1 || list.Counts[links.Suggested] != 1 {
		t.Fatalf("%+v", list)
	}
	if log := c.file("access.jsonl"); strings.Contains(log, `"action":"view"`) {
		t.Error("a list counts as a view")
	}
	detail := do(t, c.centre, server.LinkShow, server.PairQuery{A: a, B: b, Unit: communeA})
	if len(detail.Persons) != 5 || detail.Persons[0].Field != "full_name" {
		t.Errorf("%+v", detail.Persons)
	}
	if log := c.file("access.jsonl"); !strings.Contains(log, a.String()) || !strings.Contains(log, `"action":"view"`) || strings.Contains(log, citizenNumber) {
		t.Errorf("access log: %s", log)
	}
	out := do(t, c.centre, server.LinkDecide, server.LinkOrder{PairQuery: server.PairQuery{A: a, B: b}, Act: "link", Reason: links.ReasonCard})
	if out.Pair.State != links.Linked || len(out.Pair.Events) != 1 || out.Pair.Events[0].Actor != audit.Console {
		t.Errorf("%+v", out.Pair)
	}
	if h := do(t, c.centre, server.LinkHelped, server.UnitQuery{Unit: communeA}); h != (links.Helped{Activities: 2, Persons: 1}) {
		t.Errorf("counted %+v", h)
	}
	detail = do(t, c.centre, server.LinkShow, server.PairQuery{A: a, B: b})
	if detail.Survivor == "" || len(detail.Persons[0].Together) != 2 {
		t.Errorf("%+v", detail)
	}
	if log := c.file("access.jsonl"); !strings.Contains(log, string(audit.PairDecided)) || !strings.Contains(log, `"result":"link"`) {
		t.Errorf("access log: %s", log)
	}
	wantInvalid(t, c.centre, server.LinkDecide, server.LinkOrder{PairQuery: server.PairQuery{A: a, B: b}, Act: "merge"})
}

// TestPairsOfOthersAreAsAbsent: where one record lies outside the unit, the pair
// can neither be seen nor decided, and the answer is that for no pair at all.
func TestPairsOfOthersAreAsAbsent(t *testing.T) {
	c := newCitizens(t)
	a, b := c.pairOf()
	_, absent := server.LinkShow.Do(t.Context(), c.centre.Node, server.PairQuery{A: uuid.UUID{1}, B: uuid.UUID{2}, Unit: villageA1})
	for _, unit := range []string{villageA1, villageA2, communeB} {
		q := server.PairQuery{A: a, B: b, Unit: unit}
		if _, err := server.LinkShow.Do(t.Context(), c.centre.Node, q); syncproto.CodeOf(err) != syncproto.CodeScope || syncproto.CodeOf(absent) != syncproto.CodeScope {
			t.Errorf("%s shows it: %v (absent: %v)", unit, err, absent)
		}
		if _, err := server.LinkDecide.Do(t.Context(), c.centre.Node, server.LinkOrder{PairQuery: q, Act: "link"}); syncproto.CodeOf(err) != syncproto.CodeScope {
			t.Errorf("%s decides it: %v", unit, err)
		}
		if l := do(t, c.centre, server.LinkList, links.Query{Unit: unit}); len(l.Items) != 0 || l.Counts != nil {
			t.Errorf("%s lists it: %+v", unit, l)
		}
	}
	if log := c.file("access.jsonl"); strings.Contains(log, `"action":"view"`) {
		t.Error("a view was written down that was none")
	}
	p := c.point(communeA)
	if _, err := server.LinkList.Do(t.Context(), p.Node, links.Query{}); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
		t.Errorf("a point lists pairs: %v", err)
	}
}

// TestPairsOutlastARestore: decisions made before a backup are there after it, the
// index still opens, and an erasure after the backup leaves no pair behind.
func TestPairsOutlastARestore(t *testing.T) {
	c := newCitizens(t)
	a, b := c.pairOf()
	do(t, c.centre, server.LinkDecide, server.LinkOrder{PairQuery: server.PairQuery{A: a, B: b}, Act: "link"})
	made := do(t, c.centre, server.BackupCommand, server.None{})
	restored := func() *server.Node {
		cfg := c.centre.cfg
		cfg.Data, cfg.BackupFolder = filepath.Join(t.TempDir(), "new"), ""
		if err := server.Restore(t.Context(), cfg, c.options(), made.File); err != nil {
			t.Fatal(err)
		}
		n, err := server.Open(t.Context(), cfg, c.options())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { n.Close() })
		return n
	}
	n := restored()
	v, err := server.LinkShow.Do(t.Context(), n, server.PairQuery{A: a, B: b})
	if err != nil || v.State != links.Linked || len(v.Evidence) == 0 {
		t.Errorf("%+v, %v", v, err)
	}
	if did, err := server.LinkScanCommand.Do(t.Context(), n, server.LinkScan{Rebuild: true}); err != nil || did.Compared != 2 || did.Suggested+did.Linked+did.Reopened != 0 {
		t.Errorf("made anew: %+v, %v", did, err)
	}
	if _, err := c.centre.Rule(t.Context(), syncproto.Ruling{Kind: syncproto.RulingErase, Record: a}); err != nil {
		t.Fatal(err)
	}
	// The backup is older than the erasure; the orders beside it are not.
	again := restored()
	l, err := server.LinkList.Do(t.Context(), again, links.Query{})
	if err != nil || len(l.Items) != 0 {
		t.Errorf("after an erasure the restored centre has %+v, %v", l, err)
	}
}
