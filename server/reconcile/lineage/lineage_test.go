package lineage_test

import (
	"io/fs"
	"strings"
	"testing"

	"thonsync/server/reconcile/lineage"
	"thonsync/syncproto/unittree"
	"thonsync/testdata/units"
)

func file(t *testing.T, name string) []byte {
	t.Helper()
	b, err := fs.ReadFile(units.Files(), name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func known() map[string]lineage.Known {
	out := map[string]lineage.Known{}
	for _, u := range units.Before() {
		k := lineage.Known{Level: u.Level}
		if u.Parent != (units.Ref{}) {
			k.Parent = u.Parent.List + ":" + u.Parent.Code
		}
		out[u.List+":"+u.Code] = k
	}
	return out
}

func TestTheRealReform(t *testing.T) {
	d, problems, err := lineage.Read(file(t, "units-gso-2025-07.csv"), file(t, "lineage.csv"))
	if err != nil || len(problems) > 0 {
		t.Fatalf("%v %+v", err, problems)
	}
	p, problems := d.Plan(known())
	if len(problems) > 0 {
		t.Fatalf("%+v", problems)
	}
	counts, targets := map[string]int{}, map[string]bool{}
	var split []string
	for i := range p.Moves {
		m := &p.Moves[i]
		counts[m.Level]++
		if m.Level != unittree.Commune {
			continue
		}
		for _, c := range m.Candidates() {
			targets[c] = true
		}
		if m.Split() {
			split = append(split, m.From[len("gso-2025-06:"):])
		} else if m.Whole() == "" {
			t.Errorf("%s goes nowhere", m.From)
		}
	}
	// 123 of the new communes were made of old ones of this province; the
	// resolution numbers 124 with the other half.
	if counts[unittree.Commune] != 193 || counts[unittree.District] != 11 || counts[unittree.Province] != 1 || p.Elsewhere != 0 {
		t.Errorf("moves by level: %v, %d elsewhere", counts, p.Elsewhere)
	}
	if strings.Join(split, " ") != "00688 00967 00988" {
		t.Errorf("split: %v", split)
	}
	if m := p.Move("gso-2025-06:02"); m == nil || m.Whole() != "gso-2025-07:08" {
		t.Errorf("the province: %+v", m)
	}
	if m := p.Move("gso-2025-06:026"); m == nil || len(m.Shares) != 0 || m.Split() {
		t.Errorf("a district, which is abolished: %+v", m)
	}
	if got := p.Predecessors("gso-2025-07:00991"); len(got) != 3 {
		t.Errorf("Bắc Mê was made of %+v", got)
	}
	for key := range targets {
		if len(p.Predecessors(key)) == 0 {
			t.Errorf("%s has no predecessor", key)
		}
	}
}

func TestMistakesInTheTables(t *testing.T) {
	const list = "list,code,level,type,name,parent,valid_from\nn,1,province,Tỉnh,Một,,2030-01-01\nn,10,commune,Xã,Mười,1,2030-01-01\nn,11,commune,Xã,Mười một,1,2030-01-01\n"
	const head = "from_list,from_code,to_list,to_code,extent\n"
	base := map[string]lineage.Known{"o:1": {Level: "province"}, "o:5": {Level: "commune", Parent: "o:1"}, "o:6": {Level: "commune", Parent: "o:1"}}
	for name, c := range map[string]struct{ units, rows, want string }{
		"good":             {list, head + "o,5,n,10,whole\no,6,n,11,unchanged\no,7,n,11,whole\n", ""},
		"twice as a whole": {list, head + "o,5,n,10,whole\no,5,n,11,whole\no,6,n,11,whole\n", "as a whole, and elsewhere"},
		"half a commune":   {list, head + "o,5,n,10,part\no,6,n,11,whole\n", "only a part"},
		"forgotten":        {list, head + "o,5,n,10,whole\n", "does not say where commune o:6 goes"},
		"unknown target":   {list, head + "o,5,n,99,whole\no,6,n,11,whole\n", "n:99 is no commune"},
		"to a province":    {list, head + "o,5,n,1,whole\no,6,n,11,whole\n", "n:1 is no commune"},
		"unknown extent":   {list, head + "o,5,n,10,most\no,6,n,11,whole\n", "unchanged, whole, part or remainder"},
		"two old lists":    {list, head + "o,5,n,10,whole\np,6,n,11,whole\n", "two old lists"},
		"no parent":        {strings.Replace(list, "Mười,1,", "Mười,7,", 1), head + "o,5,n,10,whole\no,6,n,11,whole\n", "is not in the table"},
		"a village":        {list + "n,12,village,Thôn,Hai,10,\n", head + "o,5,n,10,whole\no,6,n,11,whole\n", "villages keep their keys"},
		"not a date":       {strings.Replace(list, "2030-01-01", "next year", 1), head + "o,5,n,10,whole\no,6,n,11,whole\n", "not a date"},
		"one list":         {strings.ReplaceAll(list, "n,1", "o,1"), head + "o,5,o,10,whole\no,6,o,11,whole\n", "the same name"},
	} {
		d, problems, err := lineage.Read([]byte(c.units), []byte(c.rows))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		p, more := d.Plan(base)
		problems = append(problems, more...)
		var said []string
		for _, x := range problems {
			said = append(said, x.Rule)
		}
		all := strings.Join(said, "; ")
		if c.want == "" && (all != "" || p.Elsewhere != 1) || c.want != "" && !strings.Contains(all, c.want) {
			t.Errorf("%s: %q, %d elsewhere", name, all, p.Elsewhere)
		}
	}
	if _, _, err := lineage.Read([]byte("code,name\n1,x\n"), []byte(head)); err == nil || !strings.Contains(err.Error(), `"list"`) {
		t.Errorf("a table without a list version: %v", err)
	}
}

func TestAProvinceThatWasDividedHasNoSuccessor(t *testing.T) {
	const list = "list,code,level,type,name,parent\nn,1,province,Tỉnh,Một,\nn,2,province,Tỉnh,Hai,\nn,10,commune,Xã,Mười,1\nn,20,commune,Xã,Hai mươi,2\n"
	d, _, err := lineage.Read([]byte(list), []byte("from_list,from_code,to_list,to_code,extent\no,5,n,10,whole\no,6,n,20,whole\n"))
	if err != nil {
		t.Fatal(err)
	}
	p, _ := d.Plan(map[string]lineage.Known{"o:1": {Level: "province"}, "o:5": {Level: "commune", Parent: "o:1"}, "o:6": {Level: "commune", Parent: "o:1"}})
	if m := p.Move("o:1"); m == nil || len(m.Shares) != 0 {
		t.Errorf("%+v", m)
	}
}
