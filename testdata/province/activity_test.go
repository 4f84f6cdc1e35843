package province

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"thonsync/testdata/units"
)

var testStart = time.Date(2025, 3, 3, 0, 0, 0, 0, time.UTC)

// stream makes n entries of a small province, team after team in turn.
func stream(seed uint64, n int) (*Province, []Activity) {
	p := Small(seed, 12, 5)
	g := NewActivityGen(p, seed, testStart)
	out := make([]Activity, n)
	for i := range out {
		out[i] = g.Next(i % len(p.Teams))
	}
	return p, out
}

func TestSameSeedSameActivities(t *testing.T) {
	_, a := stream(1, 3000)
	_, b := stream(1, 3000)
	if !reflect.DeepEqual(a, b) {
		t.Error("two generators with seed 1 differ")
	}
	_, c := stream(2, 3000)
	if reflect.DeepEqual(a, c) {
		t.Error("seeds 1 and 2 give the same activities")
	}
}

// The hash is frozen so that a seed printed by some test today means the same
// province tomorrow and on every machine. Who changes a table or a draw on
// purpose puts the new hash here.
func TestOutputIsFrozen(t *testing.T) {
	const want = "a88fb90e70db44d15a33f4a585f5ef6ba24658c297dc16690b13251b5c0d00ea"
	h := sha256.New()
	enc := json.NewEncoder(h)
	p, activities := stream(1, 5000)
	if err := enc.Encode([]any{Generate(1), p, activities}); err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		t.Errorf("output of seed 1 has hash %s, frozen is %s", got, want)
	}
}

func TestTeamsDoNotDisturbEachOther(t *testing.T) {
	p := Small(3, 3, 2)
	alone, among := NewActivityGen(p, 3, testStart), NewActivityGen(p, 3, testStart)
	for i := range 500 {
		among.Next(0)
		for range i % 3 {
			among.Next(2)
		}
		a, b := alone.Next(1), among.Next(1)
		if (a.EditOf < 0) != (b.EditOf < 0) {
			t.Fatalf("entry %d: one is an edit and the other is not", i)
		}
		a.Index, a.EditOf, b.Index, b.EditOf = 0, 0, 0, 0
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("entry %d of team 1 depends on other teams", i)
		}
	}
}

func TestStampsAdvanceThroughWorkingHours(t *testing.T) {
	p, activities := stream(4, 20000)
	last := make([]int64, len(p.Teams))
	for _, a := range activities {
		at := time.UnixMilli(a.StampMS).UTC().Add(7 * time.Hour)
		if a.StampMS <= last[a.TeamIndex] || a.StampMS < testStart.UnixMilli() {
			t.Fatalf("entry %d: stamp does not follow the one before", a.Index)
		}
		last[a.TeamIndex] = a.StampMS
		if h := at.Hour(); h < 7 || h > 21 {
			t.Errorf("entry %d is made at %s", a.Index, at.Format("15:04"))
		}
		if day := (Date{at.Year(), int(at.Month()), at.Day()}); a.Occurred.String() > day.String() {
			t.Errorf("entry %d occurred on %s, after its stamp %s", a.Index, a.Occurred, day)
		}
	}
}

func TestMarketDaysAreTheBusiest(t *testing.T) {
	p, activities := stream(5, 30000)
	var onMarket, other int
	for _, a := range activities {
		market := marketDay(p.Teams[a.TeamIndex].Commune.Code)
		if int(time.UnixMilli(a.StampMS).UTC().Add(7*time.Hour).Weekday()) == market {
			onMarket++
		} else {
			other++
		}
	}
	if onMarket < other {
		t.Errorf("%d entries on market days, %d on the six other days", onMarket, other)
	}
}

func TestAuthorsSharePhones(t *testing.T) {
	p, activities := stream(6, 20000)
	authors := map[int]map[int]bool{}
	for _, a := range activities {
		if !slices.Contains(p.Phones[a.PhoneIndex].Members, a.AuthorIndex) || p.Phones[a.PhoneIndex].Team != a.TeamIndex {
			t.Fatalf("entry %d: author %d does not use phone %d of team %d", a.Index, a.AuthorIndex, a.PhoneIndex, a.TeamIndex)
		}
		if authors[a.PhoneIndex] == nil {
			authors[a.PhoneIndex] = map[int]bool{}
		}
		authors[a.PhoneIndex][a.AuthorIndex] = true
	}
	several := 0
	for _, who := range authors {
		if len(who) > 1 {
			several++
		}
	}
	if several == 0 || several == len(authors) {
		t.Errorf("%d of %d phones have several authors", several, len(authors))
	}
}

func TestNextOnUsesThatPhone(t *testing.T) {
	p := Small(7, 2, 3)
	g := NewActivityGen(p, 7, testStart)
	last := make([]int64, len(p.Teams))
	for i := range 2000 {
		phone := i * 7 % len(p.Phones)
		a := g.NextOn(phone)
		if a.PhoneIndex != phone || a.TeamIndex != p.Phones[phone].Team || !slices.Contains(p.Phones[phone].Members, a.AuthorIndex) {
			t.Fatalf("entry on phone %d: phone %d, team %d, author %d", phone, a.PhoneIndex, a.TeamIndex, a.AuthorIndex)
		}
		if a.StampMS <= last[a.TeamIndex] {
			t.Fatalf("entry on phone %d is not after the team's last", phone)
		}
		last[a.TeamIndex] = a.StampMS
	}
}

func TestEditsReferBack(t *testing.T) {
	_, activities := stream(8, 20000)
	edits := 0
	values := map[int]map[string]any{}
	for i, a := range activities {
		if a.Index != i {
			t.Fatalf("entry %d has index %d", i, a.Index)
		}
		if a.EditOf < 0 {
			values[i] = fieldsOf(a)
			continue
		}
		edits++
		of := activities[a.EditOf]
		if a.EditOf >= i || of.EditOf != -1 || of.TeamIndex != a.TeamIndex || of.Kind != a.Kind || of.Occurred != a.Occurred {
			t.Fatalf("edit %d of %d does not fit: %s of %s", i, a.EditOf, a.Kind, of.Kind)
		}
		if len(a.Op)+len(a.Personal) == 0 {
			t.Errorf("edit %d changes nothing", i)
		}
		for name, v := range fieldsOf(a) {
			if (name == "op.result" || name == "op.stage") && values[a.EditOf][name] == v {
				t.Errorf("edit %d sets %s to what it is", i, name)
			}
			values[a.EditOf][name] = v
		}
		if v := values[a.EditOf]; v["op.women_count"] != nil && v["op.audience_count"] != nil &&
			v["op.women_count"].(int64) > v["op.audience_count"].(int64) {
			t.Errorf("after edit %d there are more women than people", i)
		}
	}
	if pct := edits * 1000 / len(activities); pct < 65 || pct > 95 {
		t.Errorf("%d of 1,000 entries are edits, want about 80", pct)
	}
}

// fieldsOf gives the fields of an entry by compartment and name.
func fieldsOf(a Activity) map[string]any {
	m := map[string]any{}
	for _, f := range a.Op {
		m["op."+f.Name] = f.Value
	}
	for _, f := range a.Personal {
		m["personal."+f.Name] = f.Value
	}
	return m
}

func TestEveryIdentityNumberAgrees(t *testing.T) {
	_, activities := stream(9, 30000)
	ids, complete := 0, map[bool]int{}
	for _, a := range activities {
		if a.EditOf >= 0 {
			if born, ok := fieldsOf(a)["personal.birth_date"].(Date); ok {
				of := fieldsOf(activities[a.EditOf])
				if id, ok := of["personal.id_number"].(string); ok {
					checkIdentityNumber(t, id, of["personal.sex"].(string), born.Y)
				}
			}
			continue
		}
		f := fieldsOf(a)
		id, ok := f["personal.id_number"].(string)
		if !ok {
			continue
		}
		ids++
		born, _ := f["personal.birth_date"].(Date)
		complete[born.M != 0]++
		checkIdentityNumber(t, id, f["personal.sex"].(string), born.Y)
	}
	if ids < 10000 || complete[false] < ids/20 || complete[false] > ids/3 {
		t.Errorf("%d numbers, %d without a complete birth date", ids, complete[false])
	}
}

func TestNotesAreVaried(t *testing.T) {
	_, activities := stream(10, 40000)
	created, notes, words, texts := 0, 0, map[string]bool{}, map[string]bool{}
	for _, a := range activities {
		if a.EditOf >= 0 {
			continue
		}
		created++
		if note, ok := fieldsOf(a)["personal.note"].(string); ok {
			notes++
			texts[note] = true
			for _, w := range strings.Fields(note) {
				words[w] = true
			}
			if strings.ContainsAny(note, "{}\x00") || note == "" {
				t.Fatalf("entry %d: a placeholder is left in the note", a.Index)
			}
		}
	}
	if pct := notes * 1000 / created; pct < 105 || pct > 135 {
		t.Errorf("%d of 1,000 activities have a note, want about 120", pct)
	}
	if len(words) < 500 || len(texts) < notes*6/10 {
		t.Errorf("%d words, %d different texts in %d notes", len(words), len(texts), notes)
	}
}

func TestActivityTextIsNFC(t *testing.T) {
	_, activities := stream(11, 5000)
	b, err := json.Marshal(activities)
	if err != nil {
		t.Fatal(err)
	}
	if !norm.NFC.IsNormal(b) {
		t.Error("the activities hold text that is not NFC")
	}
}

func TestKindsComeByWeight(t *testing.T) {
	_, activities := stream(12, 40000)
	count, created, total := map[string]int{}, 0, 0
	for _, w := range kindWeights {
		total += w
	}
	for _, a := range activities {
		if a.EditOf < 0 {
			count[a.Kind]++
			created++
		}
	}
	for _, k := range units.Kinds() {
		got, want := count[k.Code]*1000/created, kindWeights[k.Code]*1000/total
		if d := got - want; d < -8 || d > 8 {
			t.Errorf("kind %s: %d of 1,000, want %d", k.Code, got, want)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	p := Generate(1)
	g := NewActivityGen(p, 1, testStart)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		g.Next(i % len(p.Teams))
	}
}
