package imports_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thonsync/server"
	"thonsync/server/config"
	"thonsync/server/imports"
	"thonsync/server/ingest"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/testdata/fieldwork"
	"thonsync/testdata/province"
)

func centre(t *testing.T) *server.Node {
	t.Helper()
	cfg, err := config.Default()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Data = t.TempDir()
	n, err := server.Open(t.Context(), cfg, server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

func fileOf(what imports.What) string {
	if what == imports.Kinds || what == imports.Guides {
		return string(what) + ".json"
	}
	return string(what) + ".csv"
}

func importAll(t *testing.T, n *server.Node, dir string) map[imports.What]imports.Result {
	t.Helper()
	out := map[imports.What]imports.Result{}
	for _, what := range imports.All() {
		b, err := os.ReadFile(filepath.Join(dir, fileOf(what)))
		if err != nil {
			t.Fatal(err)
		}
		if out[what], err = imports.Run(t.Context(), n, what, b, imports.Options{}); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if bad := out[what].Bad; len(bad) > 0 {
			t.Fatalf("%s: row %d: %s", what, bad[0].Row, bad[0].Rule)
		}
	}
	return out
}

func count(t *testing.T, n *server.Node, collection uint32) (live int) {
	t.Helper()
	err := n.Store().View(t.Context(), func(r store.Reader) error {
		return r.EachRecord(store.RecordQuery{Collection: collection, ExistsOnly: true, WithoutHistory: true}, func(rec store.Record) error {
			if !rec.Void {
				live++
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return live
}

// TestWholeProvince imports the first province in full, twice.
func TestWholeProvince(t *testing.T) {
	n, dir := centre(t), t.TempDir()
	if err := fieldwork.WriteFiles(dir, province.Generate(1)); err != nil {
		t.Fatal(err)
	}
	first := importAll(t, n, dir)
	if got := count(t, n, syncproto.CollectionTeam); got != 2071 {
		t.Errorf("%d teams, want 2071", got)
	}
	if got := count(t, n, syncproto.CollectionMember); got != 12131 {
		t.Errorf("%d members, want 12131", got)
	}
	if got := count(t, n, syncproto.CollectionUnit); got != 1+11+193+2071 {
		t.Errorf("%d units", got)
	}
	for what, again := range importAll(t, n, dir) {
		if again.New+again.Changed+again.Missing != 0 || again.Same != first[what].New {
			t.Errorf("%s again: %+v, the first time %d were new", what, again, first[what].New)
		}
	}
}

const units = "list,code,level,type,name,parent_list,parent_code\n" +
	"l,02,province,Tỉnh,Hà Giang,,\nl,024,commune,Xã,Yên Định,l,02\nt,024-01,village,Thôn,Nà Xá,l,024\n"

// TestOfficialTables: the real tables of the first province land as they are.
func TestOfficialTables(t *testing.T) {
	n := centre(t)
	file, err := os.ReadFile("../../testdata/units/units-gso-2025-06.csv")
	if err != nil {
		t.Fatal(err)
	}
	res, err := imports.Run(t.Context(), n, imports.Units, file, imports.Options{})
	if err != nil || res.New != 205 || len(res.Bad) != 0 {
		t.Fatalf("%+v %v", res, err)
	}
	village := "list,code,level,type,name,parent\nthon-2025,00988-01,village,Thôn,Nà Xá,gso-2025-06:00988\n"
	res, err = imports.Run(t.Context(), n, imports.Units, []byte(village), imports.Options{VoidMissing: true})
	if err != nil || res.New != 1 || len(res.Bad) != 0 || res.Missing != 0 || res.Voided != 0 {
		t.Errorf("%+v %v", res, err)
	}
}

func TestBadRowsAndGoodRows(t *testing.T) {
	n := centre(t)
	file := "\ufeff" + strings.ReplaceAll(units, "\n", "\r\n") +
		"l,99,commune,Xã,Lạc,l,no-such\r\nl,,commune,Xã,Không mã,l,02\r\nl,98,village-ish,Xã,Sai cấp,l,02\r\nl,024,commune,Xã,Hai lần,l,02\r\n"
	res, err := imports.Run(t.Context(), n, imports.Units, []byte(file), imports.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if res.New != 3 || len(res.Bad) != 4 {
		t.Fatalf("%d new, bad %+v", res.New, res.Bad)
	}
	for i, row := range []int{5, 6, 7, 8} {
		if res.Bad[i].Row != row || res.Bad[i].Rule == "" {
			t.Errorf("bad row %+v, want row %d", res.Bad[i], row)
		}
		for _, value := range []string{"Lạc", "Không mã", "Sai cấp", "Hai lần"} {
			if strings.Contains(res.Bad[i].Rule, value) {
				t.Errorf("the rule of row %d tells the row's value", row)
			}
		}
	}
}

func TestChangeDryRunAndMissing(t *testing.T) {
	n := centre(t)
	units := units + "t,024-02,village,Thôn,Bản Sau,l,024\n"
	run := func(file string, o imports.Options) imports.Result {
		t.Helper()
		res, err := imports.Run(t.Context(), n, imports.Units, []byte(file), o)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	if res := run(units, imports.Options{DryRun: true}); res.New != 4 || count(t, n, syncproto.CollectionUnit) != 0 {
		t.Fatalf("dry run: %+v, and %d units are there", res, count(t, n, syncproto.CollectionUnit))
	}
	run(units, imports.Options{})
	renamed := strings.Replace(units, "Nà Xá", "Nà Xá Mới", 1)
	if res := run(renamed, imports.Options{}); res.Changed != 1 || res.Same != 3 {
		t.Fatalf("renamed: %+v", res)
	}
	if u, _ := n.Ingest().Definitions().Unit("t:024-01"); u.Name != "Nà Xá Mới" {
		t.Errorf("name is %q", u.Name)
	}
	short := renamed[:strings.Index(renamed, "t,024-02")]
	if res := run(short, imports.Options{}); res.Missing != 1 || res.Voided != 0 || count(t, n, syncproto.CollectionUnit) != 4 {
		t.Fatalf("missing: %+v", res)
	}
	head, _, _ := strings.Cut(units, "\n")
	for name, file := range map[string]string{"a row left out": short + "t,,village,Thôn,Hỏng,l,024\n", "an empty list": head + "\n"} {
		if res := run(file, imports.Options{VoidMissing: true}); res.Voided != 0 || res.Kept == "" || count(t, n, syncproto.CollectionUnit) != 4 {
			t.Fatalf("%s: %+v, %d live", name, res, count(t, n, syncproto.CollectionUnit))
		}
	}
	if res := run(short, imports.Options{VoidMissing: true}); res.Voided != 1 || count(t, n, syncproto.CollectionUnit) != 3 {
		t.Fatalf("voided: %+v, %d live", res, count(t, n, syncproto.CollectionUnit))
	}
}

// A file as a spreadsheet here saves it: semicolons, a byte order mark, sorted by
// name so that villages come before what is above them.
func TestSpreadsheetFile(t *testing.T) {
	n := centre(t)
	file := "\ufefflist;code;level;type;name;parent_list;parent_code;valid_to\r\nt;024-01;village;Thôn;Nà Xá, cũ;l;024;2027-06-30\r\n" +
		"l;024;commune;Xã;Yên Định;l;02;\r\nl;02;province;Tỉnh;Hà Giang;;;\r\n"
	res, err := imports.Run(t.Context(), n, imports.Units, []byte(file), imports.Options{})
	if err != nil || res.New != 3 || len(res.Bad) != 0 {
		t.Fatalf("%+v %v", res, err)
	}
	if u, _ := n.Ingest().Definitions().Unit("t:024-01"); u.Name != "Nà Xá, cũ" || u.Parent != "l:024" {
		t.Errorf("village %+v", u)
	}
}

// values gives the shown rows of the only record of a collection.
func values(t *testing.T, n *server.Node, collection uint32) (op, personal syncproto.Row) {
	t.Helper()
	err := n.Store().View(t.Context(), func(r store.Reader) error {
		return r.EachRecord(store.RecordQuery{Collection: collection, ExistsOnly: true}, func(rec store.Record) (err error) {
			if op, err = ingest.Shown(&rec); err == nil {
				personal, err = n.Ingest().Personal(r, &rec)
			}
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return op, personal
}

// An emptied cell clears the value; a column that is not there leaves it.
func TestEmptiedCellClears(t *testing.T) {
	n := centre(t)
	run := func(what imports.What, file string) imports.Result {
		t.Helper()
		res, err := imports.Run(t.Context(), n, what, []byte(file), imports.Options{})
		if err != nil || len(res.Bad) > 0 {
			t.Fatalf("%s: %+v %v", what, res, err)
		}
		return res
	}
	run(imports.Units, units)
	run(imports.Teams, "list,code,name,valid_to\nt,024-01,Tổ Thử,2027-01-01\n")
	run(imports.Members, "list,code,full_name,phone,role\nt,024-01,Người Thử,0912345678,lead\n")
	if res := run(imports.Members, "list,code,full_name\nt,024-01,Người Thử\n"); res.Same != 1 {
		t.Errorf("columns left out: %+v", res)
	}
	if res := run(imports.Members, "list,code,full_name,phone,role\nt,024-01,Người Thử,,lead\n"); res.Changed != 1 {
		t.Errorf("telephone emptied: %+v", res)
	}
	op, personal := values(t, n, syncproto.CollectionMember)
	if !personal.Value(syncproto.PersonPhone).IsNull() || personal.Value(syncproto.PersonFullName).Text() != "Người Thử" || op.Value(syncproto.MemberRole).Text() != "lead" {
		t.Errorf("after the telephone was emptied: role %s, phone still there %v", op.Value(syncproto.MemberRole).Text(), !personal.Value(syncproto.PersonPhone).IsNull())
	}
	if res := run(imports.Members, "list,code,full_name,phone,role\nt,024-01,Người Thử,,lead\n"); res.Same != 1 {
		t.Errorf("emptied, again: %+v", res)
	}
	run(imports.Teams, "list,code,name,valid_to\nt,024-01,Tổ Thử,\n")
	if op, _ := values(t, n, syncproto.CollectionTeam); !op.Value(syncproto.UnitValidTo).IsNull() {
		t.Error("the end of the team's time was emptied, and is still there")
	}
}

func TestNotReadable(t *testing.T) {
	n := centre(t)
	for name, c := range map[string]struct {
		what imports.What
		file string
	}{
		"not UTF-8":        {imports.Units, "list,code\xff"},
		"empty":            {imports.Units, ""},
		"column missing":   {imports.Units, "list,code,level\n"},
		"not a list":       {imports.Kinds, "{}"},
		"kinds before all": {imports.Kinds, "[]"},
		"unknown":          {imports.What("votes"), ""},
	} {
		if _, err := imports.Run(t.Context(), n, c.what, []byte(c.file), imports.Options{}); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
			t.Errorf("%s: %v", name, err)
		}
	}
}
