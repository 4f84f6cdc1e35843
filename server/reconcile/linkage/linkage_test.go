package linkage_test

import (
	"testing"

	"thonsync/server/reconcile/linkage"
	"thonsync/server/reconcile/linkage/linkagetest"
	"thonsync/syncproto"
	"thonsync/testdata/province"
)

// TestLabelledPopulation: on populations that the threshold was not chosen on,
// what is suggested is right in 99 of 100 cases, nine of ten true pairs are
// found, and nothing that was linked without a person is wrong.
func TestLabelledPopulation(t *testing.T) {
	seeds := []uint64{2, 3}
	if testing.Short() {
		seeds = seeds[:1]
	}
	for _, seed := range seeds {
		q := linkagetest.Measure(province.Small(seed, 10, 10), seed, 5_000, province.DefaultErrorRates())
		t.Logf("seed %d: precision %.4f, recall %.4f (baseline %.4f, %.4f), linked %d of %d, wrongly %d", seed,
			q.Precision(), q.Recall(), q.BaselinePrecision(), q.BaselineRecall(), q.LinkedRight, q.SameNumber, q.Linked-q.LinkedRight)
		if q.Precision() < 0.99 || q.Recall() < 0.90 {
			t.Errorf("seed %d: precision %.4f, recall %.4f", seed, q.Precision(), q.Recall())
		}
		if q.Linked != q.LinkedRight || q.LinkedShare() < 0.9 {
			t.Errorf("seed %d: %d of %d pairs with one number linked, %d wrongly", seed, q.LinkedRight, q.SameNumber, q.Linked-q.LinkedRight)
		}
		if q.BaselineRecall() >= q.Recall() {
			t.Errorf("seed %d: the baseline finds as much", seed)
		}
	}
}

func made(change func(*linkage.Person)) linkage.Person {
	p := linkage.Person{
		Name: "Vàng Thị Mỷ", Sex: "female", Birth: syncproto.Date{Year: 1961, Month: 4, Day: 7},
		Village: "v:1", Commune: "c:1", Number: linkage.Hash{1}, Phone: linkage.Hash{2},
	}
	if change != nil {
		change(&p)
	}
	p.Prepare()
	return p
}

// TestWhatPairsSay names the verdict and the level of the field in question.
func TestWhatPairsSay(t *testing.T) {
	none := linkage.Hash{}
	p := province.Small(1, 1, 10)
	commune := linkagetest.People(p, p.Population(1, 500, province.DefaultErrorRates()))
	for i := range commune {
		commune[i].Commune = "c:1"
	}
	names := linkage.CountNames(commune)
	for name, c := range map[string]struct {
		change  func(*linkage.Person)
		field   linkage.Field
		level   linkage.Level
		verdict linkage.Verdict
	}{
		"the same":               {nil, linkage.FieldName, linkage.LevelSame, linkage.Link},
		"one number, other name": {func(p *linkage.Person) { p.Name = "Trần Văn Hùng" }, linkage.FieldName, linkage.LevelDiffers, linkage.Suggest},
		"no marks":               {func(p *linkage.Person) { p.Name, p.Number = "vang thi my", none }, linkage.FieldName, linkage.LevelMarks, linkage.Suggest},
		"typing marks left":      {func(p *linkage.Person) { p.Name, p.Number = "Vangf Thị Mỷ", none }, linkage.FieldName, linkage.LevelMarks, linkage.Suggest},
		"one letter":             {func(p *linkage.Person) { p.Name, p.Number = "Vàng Thị Mỷa", none }, linkage.FieldName, linkage.LevelNear, linkage.Suggest},
		"middle name left out":   {func(p *linkage.Person) { p.Name, p.Number = "Vàng Mỷ", none }, linkage.FieldName, linkage.LevelNear, linkage.Suggest},
		"day and month":          {func(p *linkage.Person) { p.Birth.Month, p.Birth.Day, p.Number = 7, 4, none }, linkage.FieldBirth, linkage.LevelNear, linkage.Suggest},
		"only the year":          {func(p *linkage.Person) { p.Birth, p.Number = syncproto.Date{Year: 1961}, none }, linkage.FieldBirth, linkage.LevelPartly, linkage.Suggest},
		"first of January":       {func(p *linkage.Person) { p.Birth.Month, p.Birth.Day, p.Number = 1, 1, none }, linkage.FieldBirth, linkage.LevelPartly, linkage.Suggest},
		"a name alone": {func(p *linkage.Person) { p.Number, p.Phone, p.Birth = none, none, syncproto.Date{} },
			linkage.FieldBirth, linkage.LevelMissing, linkage.Apart},
		"name and place, other birth": {func(p *linkage.Person) { p.Number, p.Phone, p.Birth.Year = none, none, 1990 },
			linkage.FieldBirth, linkage.LevelDiffers, linkage.Apart},
		"mother and daughter on one phone": {func(p *linkage.Person) {
			p.Name, p.Number, p.Birth = "Giàng Thị Dở", none, syncproto.Date{Year: 1985, Month: 2, Day: 3}
		},
			linkage.FieldPhone, linkage.LevelSame, linkage.Apart},
	} {
		a, b := made(nil), made(c.change)
		cmp := linkage.Compare(&a, &b, names)
		if got := cmp.Evidence[c.field].Level; got != c.level {
			t.Errorf("%s: %v is %v, want %v", name, c.field, got, c.level)
		}
		if got := linkage.Judge(&cmp); got != c.verdict {
			t.Errorf("%s: verdict %v at %.1f bits, want %v: %+v", name, got, cmp.Bits, c.verdict, cmp.Evidence)
		}
	}
}

// TestPairsOfAList: each pair comes once, whatever it shares, in a fixed order.
func TestPairsOfAList(t *testing.T) {
	list := []linkage.Person{made(nil), made(func(p *linkage.Person) {
		p.Name, p.Number, p.Phone, p.Birth = "Lù Văn Tú", linkage.Hash{9}, linkage.Hash{8}, syncproto.Date{Year: 1950}
	}), made(nil)}
	got := linkage.Pairs(list, linkage.CountNames(list))
	if len(got) != 1 || got[0].A != 0 || got[0].B != 2 || got[0].Verdict != linkage.Link {
		t.Errorf("pairs %+v", got)
	}
}
