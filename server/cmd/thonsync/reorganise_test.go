package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thonsync/server"
	"thonsync/server/reconcile/reorganise"
	"thonsync/testdata/units"
)

// The real reform is planned, applied, worked on and undone by the command line,
// on a data folder that no server has open.
func TestReorganisationByCommandLine(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "centre")
	readyKeys(t, data)
	in := func(args ...string) []string { return append([]string{"--data", data}, args...) }
	file := func(name string) string {
		b, err := fs.ReadFile(units.Files(), name)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	villages := filepath.Join(dir, "villages.csv")
	rows := "list,code,level,type,name,parent\nthon-2025,00988-01,village,Thôn,Nà Xá,gso-2025-06:00988\nthon-2025,00997-01,village,Thôn,Bản Thử,gso-2025-06:00997\n"
	if err := os.WriteFile(villages, []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	thonsync(t, nil, "", in("import", "units", file("units-gso-2025-06.csv"))...).ok(t)
	thonsync(t, nil, "", in("import", "units", villages)...).ok(t)
	list, lineage, out := file("units-gso-2025-07.csv"), file("lineage.csv"), filepath.Join(dir, "touched.xlsx")

	dry := decode[server.ReorganisePlanned](t, thonsync(t, nil, "", in("--json", "reorganise", "plan", list, lineage, "--dry-run", "--all", "--out", out)...))
	if !dry.DryRun || dry.Plan.Split != 3 || len(dry.Touched) != 207 {
		t.Errorf("dry run: %+v, %d touched", dry.Plan, len(dry.Touched))
	}
	if b, err := os.ReadFile(out); err != nil || !bytes.HasPrefix(b, []byte("PK")) {
		t.Errorf("the spreadsheet: %v", err)
	}
	if r := thonsync(t, nil, "", in("reorganise", "plan", list, lineage, "--dry-run", "--out", filepath.Join(dir, "x.pdf"))...); r.code == exitOK || !strings.Contains(r.err, ".csv or .xlsx") {
		t.Errorf("a file of no known form: %d %s", r.code, r.err)
	}
	if r := thonsync(t, nil, "", in("reorganise", "list")...).ok(t); strings.Contains(r.out, "gso") {
		t.Errorf("a dry run was kept: %s", r.out)
	}
	if r := thonsync(t, nil, "", in("reorganise", "plan", lineage, list)...); r.code == exitOK || !strings.Contains(r.err, `lacks the column`) {
		t.Errorf("the tables in the wrong order: %d %s", r.code, r.err)
	}
	id := decode[server.ReorganisePlanned](t, thonsync(t, nil, "", in("--json", "reorganise", "plan", list, lineage, "--name", "1/7/2025")...)).Plan.ID.String()
	if r := thonsync(t, nil, "", in("reorganise", "undo", id)...); r.code == exitOK || !strings.Contains(r.err, "was not applied") {
		t.Errorf("undoing a plan: %d %s", r.code, r.err)
	}
	if r := thonsync(t, nil, "", in("reorganise", "apply", id)...).ok(t); !strings.Contains(r.out, "1 villages, teams and points") {
		t.Errorf("apply: %s", r.out)
	}
	queue := decode[[]reorganise.ToBePlaced](t, thonsync(t, nil, "", in("--json", "reorganise", "queue", id)...))
	if len(queue) != 1 || queue[0].Subject != "thon-2025:00988-01" || len(queue[0].Candidates) != 2 {
		t.Fatalf("queue: %+v", queue)
	}
	if r := thonsync(t, nil, "", in("reorganise", "place", id, queue[0].Subject)...); r.code == exitOK || !strings.Contains(r.err, "SUBJECT=LIST:CODE") {
		t.Errorf("place without a unit: %d %s", r.code, r.err)
	}
	thonsync(t, nil, "", in("reorganise", "place", id, queue[0].Subject+"=gso-2025-07:00994")...).ok(t)
	if r := thonsync(t, nil, "", in("reorganise", "show", id, "--kind", "village")...).ok(t); !strings.Contains(r.out, "Xã Minh Ngọc") || !strings.Contains(r.out, "Xã Bắc Mê") || !strings.Contains(r.out, "complete") {
		t.Errorf("show: %s", r.out)
	}
	if r := thonsync(t, nil, "", in("audit", "list", "--action", "units-reorganised")...).ok(t); strings.Count(r.out, id) != 4 || strings.Count(r.out, "refused") != 1 {
		t.Errorf("access log: %s", r.out)
	}
	undone := decode[reorganise.Reversal](t, thonsync(t, nil, "", in("--json", "reorganise", "undo", id)...))
	if undone.Plan.State != reorganise.Reversed || undone.Restored != 206 || len(undone.Left) > 0 {
		t.Errorf("undone: %+v", undone)
	}
	second := decode[server.ReorganisePlanned](t, thonsync(t, nil, "", in("--json", "reorganise", "plan", list, lineage)...)).Plan.ID.String()
	thonsync(t, nil, "", in("reorganise", "drop", second)...).ok(t)
	if r := thonsync(t, nil, "", in("reorganise", "apply", second)...); r.code == exitOK || !strings.Contains(r.err, "no reorganisation") {
		t.Errorf("a plan that was dropped: %d %s", r.code, r.err)
	}
	thonsync(t, nil, "", in("verify")...).ok(t)
}
