package links_test

import (
	"bytes"
	"context"
	"os"
	"slices"
	"testing"

	"github.com/google/uuid"

	"thonsync/server/reconcile/linkage"
	"thonsync/server/reconcile/links"
	"thonsync/server/reconcile/links/linkstest"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/testdata/province"
)

// mai is an invented citizen.
func mai() province.Sighting {
	return province.Sighting{Name: "Vàng Thị Mỷ", Sex: "female", Number: "002161004321", Phone: "0912345678", Birth: province.Date{Y: 1961, M: 4, D: 7}}
}

func number(t *testing.T, s string) syncproto.IDNumber {
	t.Helper()
	n, err := syncproto.ParseIDNumber(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func numbered(t *testing.T, w *linkstest.World, n string) []uuid.UUID {
	t.Helper()
	got, err := w.Links.Numbered(context.Background(), []syncproto.IDNumber{number(t, n)})
	if err != nil {
		t.Fatal(err)
	}
	return got[0]
}

// TestNumbersAreFound: a number is found the moment its record is there, and
// under the corrected value once it was corrected.
func TestNumbersAreFound(t *testing.T) {
	w := linkstest.Open(t, province.Small(1, 2, 3))
	p := w.Phone(0)
	m := mai()
	first := p.Helped(linkstest.Fields(&m)...)
	p.Send()
	if got := numbered(t, w, m.Number); !slices.Equal(got, []uuid.UUID{first}) {
		t.Errorf("found %v, want %s", got, first)
	}
	p.Correct(first, syncproto.Field{Num: syncproto.PersonIDNumber, Value: syncproto.TextValue("002161009999")})
	p.Send()
	if got := numbered(t, w, m.Number); len(got) != 0 {
		t.Errorf("found under the old number: %v", got)
	}
	if got := numbered(t, w, "002 161 009 999"); !slices.Equal(got, []uuid.UUID{first}) {
		t.Errorf("found %v under the new number", got)
	}
	if err := w.Links.Rebuild(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := numbered(t, w, "002161009999"); !slices.Equal(got, []uuid.UUID{first}) {
		t.Errorf("found %v after the index was made anew", got)
	}
}

// TestMatchExplains: a row of a list finds its record with other spelling, and
// says why; a name alone finds nobody.
func TestMatchExplains(t *testing.T) {
	w := linkstest.Open(t, province.Small(1, 2, 3))
	p, far := w.Phone(0), w.Phone(len(w.Province.Villages)-1)
	m := mai()
	near, away := p.Helped(linkstest.Fields(&m)...), far.Helped(linkstest.Fields(&m)...)
	p.Send()
	far.Send()
	got, err := w.Links.Match(context.Background(), []links.Asked{
		{Name: "vang thi my", Birth: syncproto.Date{Year: 1961, Month: 4, Day: 7}, Sex: "female", Unit: p.Village},
		{Name: "Vàng Thị Mỷ", Unit: p.Village},
		{Number: number(t, m.Number)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got[0]) != 1 || got[0][0].Record != near || got[0][0].Verdict != linkage.Suggest || got[0][0].Evidence[linkage.FieldName].Level != linkage.LevelMarks {
		t.Errorf("without marks: %+v", got[0])
	}
	if len(got[1]) != 0 {
		t.Errorf("a name alone found %+v", got[1])
	}
	if len(got[2]) != 2 || !slices.ContainsFunc(got[2], func(m links.Match) bool { return m.Record == away }) {
		t.Errorf("by number alone: %+v", got[2])
	}
}

// TestErasedIsNotInTheIndex: the transaction that erases a record empties the
// index of it, whether it was read into the index already or still waits.
func TestErasedIsNotInTheIndex(t *testing.T) {
	w := linkstest.Open(t, province.Small(1, 2, 3))
	ctx := context.Background()
	p := w.Phone(0)
	m := mai()
	indexed := p.Helped(linkstest.Fields(&m)...)
	p.Send()
	if got := numbered(t, w, m.Number); len(got) != 1 {
		t.Fatalf("found %v", got)
	}
	waiting := p.Helped(linkstest.Fields(&m)...)
	p.Send()
	var sealed []byte
	view(t, w, func(r store.Reader) error {
		held, _, err := r.Person(indexed)
		sealed = held.Sealed
		return err
	})
	for _, id := range []uuid.UUID{indexed, waiting} {
		if _, err := w.Ingest.Rule(ctx, syncproto.Ruling{Kind: syncproto.RulingErase, Record: id}); err != nil {
			t.Fatal(err)
		}
		view(t, w, func(r store.Reader) error {
			if _, there, err := r.Person(id); there || err != nil {
				t.Errorf("the index still has an erased record (%v)", err)
			}
			return nil
		})
	}
	if got := numbered(t, w, m.Number); len(got) != 0 {
		t.Errorf("an erased record was found: %v", got)
	}
	hash := w.Links.NumberHash(number(t, m.Number))
	for _, path := range []string{w.Path, w.Path + "-wal"} {
		b, err := os.ReadFile(path)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for what, value := range map[string][]byte{"the sealed row": sealed, "the hash of the number": hash[:]} {
			if bytes.Contains(b, value) {
				t.Errorf("%s holds %s", path, what)
			}
		}
	}
}

// TestTheFileAloneTellsNobody: neither a name nor a number nor an unkeyed hash of
// one is in the database file.
func TestTheFileAloneTellsNobody(t *testing.T) {
	w := linkstest.Open(t, province.Small(1, 2, 3))
	p := w.Phone(0)
	m := mai()
	p.Helped(linkstest.Fields(&m)...)
	p.Send()
	if got := numbered(t, w, m.Number); len(got) != 1 {
		t.Fatalf("found %v", got)
	}
	hash := w.Links.NumberHash(number(t, m.Number))
	found := false
	for _, path := range []string{w.Path, w.Path + "-wal"} {
		b, err := os.ReadFile(path)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for _, v := range []string{m.Name, m.Number, m.Phone, "Thị Mỷ"} {
			if bytes.Contains(b, []byte(v)) {
				t.Errorf("%s holds a value in the clear", path)
			}
		}
		found = found || bytes.Contains(b, hash[:])
	}
	if !found {
		t.Error("the keyed hash is not there either: nothing was looked at")
	}
}

func view(t *testing.T, w *linkstest.World, f func(store.Reader) error) {
	t.Helper()
	if err := w.Store.View(context.Background(), f); err != nil {
		t.Fatal(err)
	}
}
