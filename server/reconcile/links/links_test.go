package links_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"

	"thonsync/server/reconcile/links"
	"thonsync/server/reconcile/links/linkstest"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/testdata/province"
)

func text(num uint32, s string) syncproto.Field {
	return syncproto.Field{Num: num, Value: syncproto.TextValue(s)}
}

// two gives a world with two records of one citizen by two phones, the second
// without number and marks: a pair to be suggested.
func two(t *testing.T) (w *linkstest.World, p, q *linkstest.Phone, a, b uuid.UUID) {
	t.Helper()
	w = linkstest.Open(t, province.Small(1, 2, 3))
	p, q = w.Phone(0), w.Phone(0)
	m := mai()
	a = p.Helped(linkstest.Fields(&m)...)
	m.Name, m.Number = "Vang Thi My", ""
	b = q.Helped(linkstest.Fields(&m)...)
	p.Send()
	q.Send()
	return w, p, q, a, b
}

func scan(t *testing.T, w *linkstest.World) links.Scanned {
	t.Helper()
	did, err := w.Links.Scan(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return did
}

func states(t *testing.T, w *linkstest.World) map[string]int {
	t.Helper()
	l, err := w.Links.List(context.Background(), links.Query{})
	if err != nil {
		t.Fatal(err)
	}
	return l.Counts
}

// TestSuggestedNotLinked: without the same number a person decides; scanning
// again changes nothing.
func TestSuggestedNotLinked(t *testing.T) {
	w, _, _, a, b := two(t)
	if did := scan(t, w); did.Suggested != 1 || did.Linked != 0 || did.Compared != 2 {
		t.Errorf("scan: %+v", did)
	}
	if did := scan(t, w); did != (links.Scanned{}) {
		t.Errorf("second scan: %+v", did)
	}
	v, err := w.Links.Pair(context.Background(), b, a)
	if err != nil || v.State != links.Suggested || v.Exact || v.Bits < 2 {
		t.Fatalf("%+v, %v", v, err)
	}
	sum, levels := v.Prior, map[string]string{}
	for _, e := range v.Evidence {
		sum += e.Bits
		levels[e.Field] = e.Level
	}
	if sum < v.Bits-0.05 || sum > v.Bits+0.05 {
		t.Errorf("the fields add up to %.2f, the pair to %.2f", sum, v.Bits)
	}
	if levels["full_name"] != "marks" || levels["id_number"] != "missing" || levels["phone"] != "same" {
		t.Errorf("levels %v", levels)
	}
}

// TestSameNumberLinksAlone, and not where the names differ.
func TestSameNumberLinksAlone(t *testing.T) {
	w := linkstest.Open(t, province.Small(1, 2, 3))
	p, far := w.Phone(0), w.Phone(len(w.Province.Villages)-1)
	m := mai()
	p.Helped(linkstest.Fields(&m)...)
	far.Helped(linkstest.Fields(&m)...)
	other := m
	other.Name, other.Birth = "Trần Văn Hùng", province.Date{Y: 1990, M: 3, D: 2}
	p.Helped(linkstest.Fields(&other)...)
	p.Send()
	far.Send()
	if did := scan(t, w); did.Linked != 1 || did.Suggested != 2 {
		t.Errorf("scan: %+v", did)
	}
	l, err := w.Links.List(context.Background(), links.Query{State: links.Linked})
	if err != nil || len(l.Items) != 1 || !l.Items[0].Exact {
		t.Fatalf("%+v, %v", l, err)
	}
	// Taken back, it stays so.
	d := links.Decision{A: l.Items[0].A.Record, B: l.Items[0].B.Record, Reason: links.ReasonSlip, Actor: "x"}
	if _, err := w.Links.Undo(context.Background(), d); err != nil {
		t.Fatal(err)
	}
	if err := w.Links.Rebuild(context.Background()); err != nil {
		t.Fatal(err)
	}
	if did := scan(t, w); did.Linked != 0 {
		t.Errorf("linked again after it was undone: %+v", did)
	}
}

// TestNoChainToTheContradicted: a third record that agrees with both must not
// join two that contradict each other without a person.
func TestNoChainToTheContradicted(t *testing.T) {
	w := linkstest.Open(t, province.Small(1, 2, 3))
	p := w.Phone(0)
	m := mai()
	p.Helped(linkstest.Fields(&m)...)
	other := m
	other.Name = "Giàng Mí Sính"
	p.Helped(linkstest.Fields(&other)...)
	p.Helped(text(syncproto.PersonIDNumber, m.Number))
	p.Send()
	if did := scan(t, w); did.Linked != 1 || did.Suggested != 2 {
		t.Errorf("scan: %+v, want one link and two questions", did)
	}
}

// dump hashes every table but the link log.
func dump(t *testing.T, w *linkstest.World) map[string]string {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+w.Path+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	names := column(t, db, `SELECT name FROM sqlite_master WHERE type='table' AND name<>'link_events' AND name<>'sqlite_sequence'`)
	out := make(map[string]string)
	for _, name := range names {
		h := sha256.New()
		rows, err := db.Query(`SELECT * FROM "` + name + `"`)
		if err != nil {
			t.Fatal(err)
		}
		cols, _ := rows.Columns()
		lines := []string{}
		for rows.Next() {
			row, at := make([]any, len(cols)), make([]any, len(cols))
			for i := range row {
				at[i] = &row[i]
			}
			if err := rows.Scan(at...); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, fmt.Sprintf("%#v", row))
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		_ = rows.Close()
		slices.Sort(lines)
		fmt.Fprint(h, lines)
		out[name] = fmt.Sprintf("%d rows, %x", len(lines), h.Sum(nil))
	}
	return out
}

func column(t *testing.T, db *sql.DB, q string) (out []string) {
	t.Helper()
	rows, err := db.Query(q)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestLinkThenUndoLeavesEverything byte for byte as before, the link log aside.
func TestLinkThenUndoLeavesEverything(t *testing.T) {
	w, _, _, a, b := two(t)
	ctx := context.Background()
	scan(t, w)
	before := dump(t, w)
	if len(before) < 10 {
		t.Fatalf("only %d tables were looked at", len(before))
	}
	d := links.Decision{A: b, B: a, Reason: links.ReasonAsked, Actor: "an"}
	if v, err := w.Links.Confirm(ctx, d); err != nil || v.State != links.Linked || len(v.Group) != 2 {
		t.Fatalf("%+v, %v", v, err)
	}
	linked := dump(t, w)
	for name := range before {
		if (linked[name] != before[name]) != (name == "pairs") {
			t.Errorf("table %s after linking: %s, before %s", name, linked[name], before[name])
		}
	}
	v, err := w.Links.Undo(ctx, d)
	if err != nil || v.State != links.Suggested {
		t.Fatalf("%+v, %v", v, err)
	}
	after := dump(t, w)
	for name := range before {
		if after[name] != before[name] {
			t.Errorf("table %s: %s, before %s", name, after[name], before[name])
		}
	}
	if len(v.Events) != 2 || v.Events[0].Act != store.LinkUndone || v.Events[1].Actor != "an" || v.Events[1].Reason != links.ReasonAsked || v.Events[1].AtMS != linkstest.StartMS {
		t.Errorf("events %+v", v.Events)
	}
}

func shown(t *testing.T, w *linkstest.World, record uuid.UUID, num uint32) string {
	t.Helper()
	v, err := w.Links.Together(context.Background(), record)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range v.Values {
		if s.Num == num {
			return s.Value.Text()
		}
	}
	return ""
}

// TestLateEditsLandOnTheSurvivor, whichever record they are made to; undoing
// gives each record back its own.
func TestLateEditsLandOnTheSurvivor(t *testing.T) {
	w, p, q, a, b := two(t)
	ctx := context.Background()
	scan(t, w)
	d := links.Decision{A: a, B: b, Actor: "an"}
	if _, err := w.Links.Confirm(ctx, d); err != nil {
		t.Fatal(err)
	}
	v, err := w.Links.Together(ctx, b)
	if err != nil || len(v.Records) != 2 || v.Survivor != v.Records[0] {
		t.Fatalf("%+v, %v", v, err)
	}
	if got := shown(t, w, b, syncproto.PersonIDNumber); got != mai().Number {
		t.Error("what only one record says is not in the survivor's view")
	}
	for i, edit := range []struct {
		phone  *linkstest.Phone
		record uuid.UUID
	}{{q, b}, {p, a}, {q, b}} {
		address := fmt.Sprintf("Nhà %d", i)
		for range 3 * (i + 1) { // later than all before, by the writer's clock
			edit.phone.Correct(edit.record, text(syncproto.PersonAddress, address))
		}
		edit.phone.Send()
		if got := shown(t, w, v.Survivor, syncproto.PersonAddress); got != address {
			t.Errorf("after edit %d the survivor shows %q", i, got)
		}
	}
	if _, err := w.Links.Undo(ctx, d); err != nil {
		t.Fatal(err)
	}
	if got := shown(t, w, a, syncproto.PersonAddress); got != "Nhà 1" {
		t.Errorf("after undoing, one record shows %q", got)
	}
	if got := shown(t, w, b, syncproto.PersonIDNumber); got != "" {
		t.Error("after undoing, a record still has the other's number")
	}
}

// TestApartStays: what was said not to be one person is not suggested again, and
// no chain of links joins it.
func TestApartStays(t *testing.T) {
	w, p, _, a, b := two(t)
	ctx := context.Background()
	m := mai()
	m.Number = ""
	c := p.Helped(linkstest.Fields(&m)...)
	p.Send()
	scan(t, w)
	if _, err := w.Links.Reject(ctx, links.Decision{A: a, B: b, Reason: links.ReasonFamily, Actor: "an"}); err != nil {
		t.Fatal(err)
	}
	if err := w.Links.Rebuild(ctx); err != nil {
		t.Fatal(err)
	}
	scan(t, w)
	if n := states(t, w); n[links.Apart] != 1 || n[links.Suggested] != 2 {
		t.Errorf("states %v", n)
	}
	if _, err := w.Links.Confirm(ctx, links.Decision{A: a, B: c, Actor: "an"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Links.Confirm(ctx, links.Decision{A: c, B: b, Actor: "an"}); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
		t.Errorf("a chain joined what is apart: %v", err)
	}
	if _, err := w.Links.Undo(ctx, links.Decision{A: a, B: b, Actor: "an"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Links.Confirm(ctx, links.Decision{A: c, B: b, Actor: "an"}); err != nil {
		t.Errorf("taken back, and still: %v", err)
	}
	if _, err := w.Links.Reject(ctx, links.Decision{A: a, B: b, Actor: "an"}); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
		t.Errorf("linked by a third record and said to be apart: %v", err)
	}
	if h, err := w.Links.Helped(ctx, p.Village); err != nil || h != (links.Helped{Activities: 3, Persons: 1}) {
		t.Errorf("counted %+v, %v", h, err)
	}
}

// TestErasedLeavesTheLink: the other records keep theirs, the erased one is in no
// pair, and a new record of the citizen is compared afresh.
func TestErasedLeavesTheLink(t *testing.T) {
	w, p, _, a, b := two(t)
	ctx := context.Background()
	scan(t, w)
	if _, err := w.Links.Confirm(ctx, links.Decision{A: a, B: b, Actor: "an"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Ingest.Rule(ctx, syncproto.Ruling{Kind: syncproto.RulingErase, Record: a}); err != nil {
		t.Fatal(err)
	}
	if n := states(t, w); n[links.Linked]+n[links.Suggested] != 0 {
		t.Errorf("states %v", n)
	}
	v, err := w.Links.Together(ctx, b)
	if err != nil || len(v.Records) != 1 || v.Survivor != b {
		t.Errorf("%+v, %v", v, err)
	}
	if _, err := w.Links.Confirm(ctx, links.Decision{A: a, B: b, Actor: "an"}); syncproto.CodeOf(err) != syncproto.CodeScope {
		t.Errorf("linking an erased record: %v", err)
	}
	m := mai()
	again := p.Helped(linkstest.Fields(&m)...)
	p.Send()
	if did := scan(t, w); did.Suggested != 1 || did.Linked != 0 {
		t.Errorf("recorded anew: %+v", did)
	}
	if _, err := w.Links.Pair(ctx, again, b); err != nil {
		t.Error(err)
	}
}

// TestCorrectedNumberReopens: a link that only the number made ends when the
// number is corrected; one that a person made stays.
func TestCorrectedNumberReopens(t *testing.T) {
	for _, byPerson := range []bool{false, true} {
		w := linkstest.Open(t, province.Small(1, 2, 3))
		ctx := context.Background()
		p, q := w.Phone(0), w.Phone(0)
		m := mai()
		a, b := p.Helped(linkstest.Fields(&m)...), q.Helped(linkstest.Fields(&m)...)
		p.Send()
		q.Send()
		scan(t, w)
		d := links.Decision{A: a, B: b, Actor: "an"}
		if byPerson {
			for _, f := range []func(context.Context, links.Decision) (links.PairView, error){w.Links.Undo, w.Links.Confirm} {
				if _, err := f(ctx, d); err != nil {
					t.Fatal(err)
				}
			}
		}
		q.Correct(b, text(syncproto.PersonIDNumber, "002161009999"))
		q.Send()
		did := scan(t, w)
		want, reopened := links.Suggested, 1
		if byPerson {
			want, reopened = links.Linked, 0
		}
		v, err := w.Links.Pair(ctx, a, b)
		if err != nil || v.State != want || did.Reopened != reopened {
			t.Errorf("by a person %v: %+v, %v; scan %+v", byPerson, v, err, did)
		}
	}
}

// TestDecisionsOutlastARestart.
func TestDecisionsOutlastARestart(t *testing.T) {
	w, _, _, a, b := two(t)
	ctx := context.Background()
	scan(t, w)
	if _, err := w.Links.Confirm(ctx, links.Decision{A: a, B: b, Actor: "an"}); err != nil {
		t.Fatal(err)
	}
	w.Reopen()
	if did := scan(t, w); did != (links.Scanned{}) {
		t.Errorf("scan after a restart: %+v", did)
	}
	if v, err := w.Links.Pair(ctx, a, b); err != nil || v.State != links.Linked {
		t.Errorf("%+v, %v", v, err)
	}
}

// TestBadDecisions are turned away and change nothing.
func TestBadDecisions(t *testing.T) {
	w, _, _, a, b := two(t)
	ctx := context.Background()
	for name, c := range map[string]struct {
		d    links.Decision
		code syncproto.Code
	}{
		"itself":      {links.Decision{A: a, B: a}, syncproto.CodeInvalidInput},
		"a reason":    {links.Decision{A: a, B: b, Reason: "Vàng Thị Mỷ"}, syncproto.CodeInvalidInput},
		"the unknown": {links.Decision{A: a, B: uuid.UUID{1}}, syncproto.CodeScope},
	} {
		for _, f := range []func(context.Context, links.Decision) (links.PairView, error){w.Links.Confirm, w.Links.Reject} {
			if _, err := f(ctx, c.d); syncproto.CodeOf(err) != c.code {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if n := states(t, w); n[links.Linked]+n[links.Apart] != 0 {
		t.Errorf("states %v", n)
	}
}

// TestAlikeLinksTheSameSort of pair and no other, page by page.
func TestAlikeLinksTheSameSort(t *testing.T) {
	w := linkstest.Open(t, province.Small(1, 2, 3))
	ctx := context.Background()
	p := w.Phone(0)
	var first [2]uuid.UUID
	for i := range 3 {
		m := mai()
		m.Number = fmt.Sprintf("0021610043%02d", i)
		m.Phone, m.Birth.D = fmt.Sprintf("09123456%02d", i), 1+i
		a := p.Helped(linkstest.Fields(&m)...)
		m.Name = "Trần Văn Hùng" // contradicts
		if i == 2 {
			m.Phone = ""
		}
		b := p.Helped(linkstest.Fields(&m)...)
		if i == 0 {
			first = [2]uuid.UUID{a, b}
		}
	}
	p.Send()
	scan(t, w)
	n, err := w.Links.Alike(ctx, links.Decision{A: first[0], B: first[1], Reason: links.ReasonCard, Actor: "an"}, nil)
	if err != nil || n != 2 {
		t.Errorf("linked %d alike, %v; want the two whose telephone is the same", n, err)
	}
	page, err := w.Links.List(ctx, links.Query{Limit: 2})
	if err != nil || len(page.Items) != 2 || page.Next == "" {
		t.Fatalf("%d on the page, next %q, %v", len(page.Items), page.Next, err)
	}
	seen := len(page.Items)
	for page.Next != "" {
		if page, err = w.Links.List(ctx, links.Query{Limit: 2, Cursor: page.Next}); err != nil {
			t.Fatal(err)
		}
		seen += len(page.Items)
	}
	total := 0
	for _, k := range states(t, w) {
		total += k
	}
	if seen != total {
		t.Errorf("%d on all pages, %d pairs", seen, total)
	}
}
