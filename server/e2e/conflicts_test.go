package e2e

import (
	"testing"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/server/audit"
	"thonsync/server/reconcile/conflicts"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// contest has two phones write one field of one record without knowing of each
// other, and gives the record and the field.
func (w *world) contest(a, b *device) (id uuid.UUID, field string) {
	w.t.Helper()
	ctx := w.t.Context()
	for range 20 {
		a.work(1)
		id = a.made[len(a.made)-1]
		rec, err := a.Get(ctx, id)
		w.must(err)
		kind, err := a.Kind(ctx, rec.Kind)
		w.must(err)
		if len(kind.Results) >= 3 {
			a.sync()
			b.sync()
			_, err = b.Get(ctx, id)
			w.must(err)
			var other []string
			for _, o := range kind.Results {
				if o.Value != rec.Result {
					other = append(other, o.Value)
				}
			}
			for i, d := range []*device{a, b} {
				_, err := d.Edit(ctx, id, clientlib.EditInput{Person: d.joined.Welcome.Members[i%len(d.joined.Welcome.Members)].ID, Result: other[i]})
				w.must(err)
			}
			return id, "result"
		}
	}
	w.t.Fatal("no kind has three results")
	return id, ""
}

var operator = conflicts.Viewer{Actor: audit.Console, Personal: true}

// one gives the only conflict of a record at the centre.
func (w *world) one(id uuid.UUID) conflicts.Conflict {
	w.t.Helper()
	shown, err := w.centre.node.Conflicts().Show(w.t.Context(), operator, id)
	w.must(err)
	if len(shown.Conflicts) != 1 {
		w.t.Fatalf("%d conflicts, want 1: %+v", len(shown.Conflicts), shown.Conflicts)
	}
	return shown.Conflicts[0]
}

func (d *device) result(id uuid.UUID) (string, bool) {
	d.w.t.Helper()
	rec, err := d.Get(d.w.t.Context(), id)
	d.w.must(err)
	return rec.Result, rec.Conflict
}

// What two phones wrote unseen is contested at the centre; settled there, both
// phones show the value; undone, both values stand again; settled anew, all agree.
func TestConflictIsSettledAndUndone(t *testing.T) {
	w := newWorld(t)
	ctx, service := t.Context(), w.centre.node.Conflicts()
	a, b := w.phone(w.centre, 1), w.phone(w.centre, 2)
	id, field := w.contest(a, b)
	a.sync()
	b.sync()
	a.sync()
	c := w.one(id)
	if c.Field != field || len(c.Values) != 2 || c.Hidden {
		t.Fatalf("%+v", c)
	}
	for _, v := range c.Values {
		if by := v.By[0]; by.EarliestMS == 0 || by.LatestMS < by.EarliestMS || by.Phone != "phone" || by.PhoneMS == 0 {
			t.Errorf("who and when: %+v", by)
		}
	}
	if _, err := service.Settle(ctx, operator, conflicts.SettleChoice{Record: id, Field: field, Standing: "other", Value: 1}); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
		t.Errorf("settled what nobody saw: %v", err)
	}
	lost := 2 // the value that is not shown wins, so that the settling shows
	choice := conflicts.SettleChoice{Record: id, Field: field, Standing: c.Standing, Value: lost}
	done, err := service.Settle(ctx, operator, choice)
	if err != nil || len(done.Settlements) != 1 {
		t.Fatalf("%+v %v", done, err)
	}
	again, err := service.Settle(ctx, operator, choice)
	if err != nil || !again.Already || again.Settlements[0].ID != done.Settlements[0].ID {
		t.Errorf("settling again: %+v %v", again, err)
	}
	w.agree(id, c.Values[lost-1].Text, false, a, b)
	w.checkLedger(w.centre.node.Store())

	undone, err := service.Undo(ctx, operator, done.Settlements[0].ID)
	if err != nil || len(undone.Settlements) != 1 {
		t.Fatalf("%+v %v", undone, err)
	}
	reopened := w.one(id)
	if reopened.Standing != c.Standing {
		t.Errorf("other values stand after undoing: %+v, before: %+v", reopened.Values, c.Values)
	}
	w.agree(id, c.Values[0].Text, true, a, b)
	if twice, err := service.Undo(ctx, operator, done.Settlements[0].ID); err != nil || !twice.Already {
		t.Errorf("undoing again: %+v %v", twice, err)
	}
	if done, err = service.Settle(ctx, operator, choice); err != nil || done.Already {
		t.Fatalf("settling anew: %+v %v", done, err)
	}
	w.agree(id, c.Values[lost-1].Text, false, a, b)
	_, err = a.Edit(ctx, id, clientlib.EditInput{Person: a.joined.Welcome.Members[0].ID, Result: c.Values[0].Text})
	w.must(err)
	a.sync()
	if _, err := service.Undo(ctx, operator, done.Settlements[0].ID); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
		t.Errorf("undone although somebody wrote since: %v", err)
	}
}

// agree syncs phones and holds what they show of a record.
func (w *world) agree(id uuid.UUID, want string, contested bool, phones ...*device) {
	w.t.Helper()
	for i, d := range phones {
		d.sync()
		if got, conflict := d.result(id); got != want || conflict != contested {
			w.t.Errorf("phone %d shows %q, contested %v; want %q, %v", i, got, conflict, want, contested)
		}
	}
}

// The centre asks, the phone shows what was asked, the team answers by confirming
// and the queue shows the answer.
func TestTeamIsAskedBackAndAnswers(t *testing.T) {
	w := newWorld(t)
	ctx, service := t.Context(), w.centre.node.Conflicts()
	a, b := w.phone(w.centre, 1), w.phone(w.centre, 2)
	id, field := w.contest(a, b)
	a.sync()
	b.sync()
	asked, err := service.Ask(ctx, operator, conflicts.TeamQuestion{Record: id, Field: field, Asks: syncproto.AskWhich})
	w.must(err)
	if same, err := service.Ask(ctx, operator, conflicts.TeamQuestion{Record: id, Field: field, Asks: syncproto.AskWhich}); err != nil || same.ID != asked.ID {
		t.Errorf("asked twice: %v %v", same.ID, err)
	}
	a.sync()
	rec, err := a.Get(ctx, id)
	w.must(err)
	if len(rec.Questions) != 1 || !rec.Questions[0].Open() || rec.Questions[0].Field != field || rec.Custody.Stage != clientlib.StageAskedBack {
		t.Fatalf("%+v %+v", rec.Questions, rec.Custody)
	}
	st, err := a.Status(ctx)
	w.must(err)
	if st.Questions != 1 {
		t.Errorf("status counts %d questions", st.Questions)
	}
	_, err = a.AnswerQuestion(ctx, asked.ID, clientlib.AnswerInput{Person: a.joined.Welcome.Members[0].ID, Confirm: true})
	w.must(err)
	want, _ := a.result(id)
	a.sync()
	shown, err := service.Show(ctx, operator, id)
	w.must(err)
	if len(shown.Questions) != 1 || len(shown.Questions[0].Answers) != 1 || shown.Questions[0].Answers[0].Answer != syncproto.AnswerConfirmed {
		t.Fatalf("%+v", shown.Questions)
	}
	if len(shown.Conflicts) != 0 {
		t.Errorf("what the team confirmed is still contested: %+v", shown.Conflicts)
	}
	w.agree(id, want, false, a, b)
	w.checkLedger(w.centre.node.Store())
}

// A phone can answer questions and nothing else: it asks none.
func TestPhoneCannotAsk(t *testing.T) {
	w := newWorld(t)
	a := w.phone(w.centre, 1)
	a.work(1)
	a.sync()
	_, err := w.centre.node.Conflicts().Ask(t.Context(), operator, conflicts.TeamQuestion{Record: a.made[0], Field: "result", Asks: syncproto.AskRight})
	w.must(err)
	a.sync()
	for _, asks := range []string{"anything a person could type", "", "which one"} {
		if _, err := w.centre.node.Conflicts().Ask(t.Context(), operator, conflicts.TeamQuestion{Record: a.made[0], Field: "result", Asks: asks}); err == nil {
			t.Errorf("asked %q", asks)
		}
	}
	n := 0
	w.each(syncproto.CollectionQuestion, func(store.Record) { n++ })
	if n != 1 {
		t.Errorf("%d questions, want 1", n)
	}
}

// At a point only operational fields are contested, and nothing is settled there;
// who has other units finds nothing.
func TestPointAndForeignersSettleNothing(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	point := w.point()
	a, b := w.phone(point, 1), w.phone(point, 2)
	w.must(point.node.Relay().Sync(ctx))
	id, field := w.contest(a, b)
	a.sync()
	b.sync()
	w.must(point.node.Relay().Sync(ctx))
	c := w.one(id)
	at := point.node.Conflicts()
	list, err := at.List(ctx, conflicts.Viewer{Actor: audit.Console, Units: []string{w.commune}}, conflicts.Query{})
	w.must(err)
	if len(list.Conflicts) != 1 || list.Conflicts[0].Compartment != "operational" {
		t.Errorf("the point shows %+v", list.Conflicts)
	}
	choice := conflicts.SettleChoice{Record: id, Field: field, Standing: c.Standing, Value: 1}
	if _, err := at.Settle(ctx, operator, choice); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
		t.Errorf("settled at a point: %v", err)
	}
	foreign := conflicts.Viewer{Actor: "officer", Units: []string{"gso-2025-07:99999"}}
	service := w.centre.node.Conflicts()
	_, err = service.Settle(ctx, foreign, choice)
	_, shown := service.Show(ctx, foreign, id)
	_, asked := service.Ask(ctx, foreign, conflicts.TeamQuestion{Record: id, Field: field, Asks: syncproto.AskWhich})
	for _, err := range []error{err, shown, asked} {
		if syncproto.CodeOf(err) != syncproto.CodeScope {
			t.Errorf("a foreign record answers %v", err)
		}
	}
	page, err := service.List(ctx, foreign, conflicts.Query{})
	if err != nil || len(page.Conflicts) != 0 {
		t.Errorf("a foreigner sees %d conflicts: %v", len(page.Conflicts), err)
	}
}

// A contested name is shown and settled by the province's operator alone, and the
// access log has it first; an officer sees that there is one, and no value.
func TestPersonalConflictIsTheProvinces(t *testing.T) {
	w := newWorld(t)
	ctx, service := t.Context(), w.centre.node.Conflicts()
	a, b := w.phone(w.centre, 1), w.phone(w.centre, 2)
	id, _ := w.contest(a, b)
	names := [2]string{"Vang Thi Thu", "Vàng Thị Thử"}
	for i, d := range []*device{a, b} {
		_, err := d.Edit(ctx, id, clientlib.EditInput{Person: d.joined.Welcome.Members[0].ID, Fields: map[string]string{"full_name": names[i]}})
		w.must(err)
		d.sync()
	}
	find := func(v conflicts.Viewer) conflicts.Conflict {
		shown, err := service.Show(ctx, v, id)
		w.must(err)
		for _, c := range shown.Conflicts {
			if c.Field == "full_name" {
				return c
			}
		}
		t.Fatalf("no contested name: %+v", shown)
		return conflicts.Conflict{}
	}
	officer := conflicts.Viewer{Actor: "officer", Units: []string{w.commune}}
	c := find(officer)
	for _, v := range c.Values {
		if v.Text != "" || !c.Hidden {
			t.Errorf("an officer sees %q", v.Text)
		}
	}
	choice := conflicts.SettleChoice{Record: id, Field: "full_name", Standing: c.Standing, Value: 1}
	if _, err := service.Settle(ctx, officer, choice); syncproto.CodeOf(err) != syncproto.CodeScope {
		t.Errorf("an officer settles a name: %v", err)
	}
	views := func() int {
		list, err := w.centre.node.Audit().(*audit.Log).List(audit.Query{Action: audit.View})
		w.must(err)
		return len(list)
	}
	before := views()
	c = find(operator)
	if views() != before+1 {
		t.Error("that names were shown is not in the access log")
	}
	if c.Reason != conflicts.ReasonFuller || c.Values[c.Suggested-1].Text != names[1] {
		t.Errorf("suggested %d because %q of %+v", c.Suggested, c.Reason, c.Values)
	}
	choice.Value = c.Suggested
	_, err := service.Settle(ctx, operator, choice)
	w.must(err)
	shown, err := service.Show(ctx, operator, id)
	w.must(err)
	for _, c := range shown.Conflicts {
		if c.Field == "full_name" {
			t.Errorf("still contested: %+v", c.Values)
		}
	}
}
