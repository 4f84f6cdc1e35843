package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/clientlib/httptransport"
	"thonsync/server"
	"thonsync/server/answer"
	"thonsync/server/ingest"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// copyStore copies a closed phone's files.
func copyStore(t *testing.T, from, to string) {
	t.Helper()
	for _, suffix := range []string{"", ".key", "-wal"} {
		b, err := os.ReadFile(from + suffix)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to+suffix, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// reopen opens the phone's store again, from another path if one is given.
func (d *device) reopen(path string) *device {
	d.w.t.Helper()
	again := *d
	again.byGen, again.made = maps.Clone(d.byGen), slices.Clone(d.made)
	if path != "" {
		again.path = path
	}
	var err error
	again.Device, err = clientlib.Open(d.w.t.Context(), clientlib.Options{Path: again.path, Transport: httptransport.New(0)})
	d.w.must(err)
	d.w.t.Cleanup(func() { _ = again.Close() }) // closing twice is fine
	return &again
}

// at has the phone exchange with one site only, from now on.
func (d *device) at(s *site) clientlib.Report {
	d.w.t.Helper()
	d.w.must(d.SetServers(d.w.t.Context(), []string{s.url}))
	return d.sync()
}

// outcomes counts the changes of an origin by outcome and reason.
func (w *world) outcomes(id syncproto.OriginID) map[string]uint64 {
	w.t.Helper()
	out := map[string]uint64{}
	w.must(w.centre.node.Store().View(w.t.Context(), func(r store.Reader) error {
		counts, err := r.OutcomeCounts(&id)
		for _, c := range counts {
			out[c.Outcome.String()+" "+string(c.Reason)] += c.Changes
		}
		return err
	}))
	return out
}

// balanced holds that of every branch of an origin head = outcomes + gaps, and
// that there are no gaps.
func (w *world) balanced(id syncproto.OriginID) {
	w.t.Helper()
	w.must(w.centre.node.Store().View(w.t.Context(), func(r store.Reader) error {
		accounts, err := ingest.Ledger(r, id)
		for _, l := range accounts {
			if !l.Balanced() || l.Missing() > 0 {
				w.t.Errorf("origin %s branch %d: head %d, %d outcomes, gaps %v", id, l.Branch, l.Head, l.Changes, l.Gaps)
			}
		}
		return err
	}))
}

// A phone's database is copied and both copies live on, each at its own point,
// recording different people. Whichever branch reaches the centre first, every
// record of both is there and says what its phone wrote. Both copies learn that
// they are not alone and go on under new keys, whose work is held until an
// officer enrols each again, and then counts like any other.
func TestClonedPhoneDeliversByTwoPoints(t *testing.T) {
	for name, secondFirst := range map[string]bool{"first copy first": false, "second copy first": true} {
		t.Run(name, func(t *testing.T) { cloned(t, secondFirst) })
	}
}

func cloned(t *testing.T, secondFirst bool) {
	w := newWorld(t)
	ctx := t.Context()
	p1, p2 := w.point(), w.point()
	d := w.phone(w.centre, 5)
	d.work(3)
	d.sync()
	old := d.Origin()
	w.must(d.Close())
	copyPath := filepath.Join(t.TempDir(), "copy.db")
	copyStore(t, d.path, copyPath)
	one, two := d.reopen(""), d.reopen(copyPath)
	one.work(4)
	two.work(5)
	one.at(p1)
	two.at(p2)
	order := []*site{p1, p2}
	if secondFirst {
		slices.Reverse(order)
	}
	for _, p := range order {
		w.must(p.node.Relay().Sync(ctx))
	}
	if n := len(w.activities()); n != 3+4+5 {
		t.Errorf("%d records at the centre, want those of both branches: 12; %v", n, w.outcomes(old))
	}
	w.balanced(old)
	w.asWritten(one.made[3:], one)
	w.asWritten(two.made[3:], two)
	w.forkShown(old)

	// Both meet the centre and are shown what the other has signed.
	for name, copied := range map[string]*device{"first": one, "second": two} {
		if r := copied.at(w.centre); !r.NewOrigin || copied.Origin() == old {
			t.Fatalf("the %s copy goes on under the old key: %+v", name, r)
		}
		if st, err := copied.Status(ctx); err != nil || st.Restored != 1 || !st.EnrolAgain {
			t.Errorf("the %s copy's status: %+v, %v", name, st, err)
		}
	}
	// Their new work goes by points and is held.
	one.work(6)
	two.work(2)
	changes := map[*device]uint64{one: w.held(one, p1), two: w.held(two, p2)}
	if n := len(w.activities()); n != 12 {
		t.Errorf("%d records act while held, want 12", n)
	}
	w.enrolAgain(one, p1)
	w.enrolAgain(two, p2)
	have := w.activities()
	for copied, n := range changes {
		got := w.outcomes(copied.Origin())
		if got["held handover"] != 0 || got["accepted "] <= n {
			t.Errorf("after enrolment: %v, %d changes were held", got, n)
		}
		for _, id := range copied.made {
			if !have[id] {
				t.Errorf("record %s is not at the centre", id)
			}
		}
		w.balanced(copied.Origin())
		copied.at(w.centre)
		if c := copied.custody(copied.made[len(copied.made)-2]); c.Stage != clientlib.StageAtCentre {
			t.Errorf("the phone is told %s (%s %s) of a record that was released", c.Stage, c.Outcome, c.Reason)
		}
		if st, err := copied.Status(ctx); err != nil || st.EnrolAgain || st.Waiting != 0 {
			t.Errorf("a phone that was enrolled again: %+v, %v", st, err)
		}
	}
	if len(have) != 12+6+2+2 {
		t.Errorf("%d records, want 22", len(have))
	}
	w.balanced(old)
	w.asWritten(one.made[3:], one)
	w.asWritten(two.made[3:], two)
	v, err := w.centre.node.Verify(ctx)
	if err != nil || len(v.Damage) > 0 {
		t.Errorf("verify: %v %v", v.Damage, err)
	}
}

// enrolAgain has an officer take a phone's new origin in at a point, and its work
// go up.
func (w *world) enrolAgain(d *device, p *site) {
	w.t.Helper()
	code, err := p.node.NewCode(w.t.Context(), server.CodeRequest{Role: credential.RolePhone, Team: w.team})
	w.must(err)
	_, err = d.Join(w.t.Context(), code.URI, "phone")
	w.must(err)
	d.work(1)
	d.at(p)
	w.must(p.node.Relay().Sync(w.t.Context()))
}

// asWritten holds that the centre shows of records what a phone wrote, personal
// values included: nobody's are mixed with another's.
func (w *world) asWritten(records []uuid.UUID, d *device) {
	w.t.Helper()
	people := 0
	for _, id := range records {
		here, err := d.Get(w.t.Context(), id)
		w.must(err)
		var personal syncproto.Row
		for _, f := range here.Fields {
			if f.Compartment == syncproto.Personal {
				personal = append(personal, syncproto.Field{Num: f.Num, Value: f.Value})
			}
		}
		var there syncproto.Row
		w.must(w.centre.node.Store().View(w.t.Context(), func(r store.Reader) error {
			rec, ok, err := r.Record(id)
			if err != nil || !ok {
				return err
			}
			if rec.Result != here.Result || rec.Unit != here.Unit || rec.Kind != here.Kind {
				w.t.Errorf("record %s: %s %s %s at the centre, %s %s %s on its phone", id, rec.Unit, rec.Kind, rec.Result, here.Unit, here.Kind, here.Result)
			}
			there, err = w.centre.node.Ingest().Personal(r, &rec)
			return err
		}))
		if string(syncproto.AppendRow(nil, there)) != string(syncproto.AppendRow(nil, syncproto.NewRow(personal...))) {
			w.t.Errorf("record %s holds other personal values than its phone wrote", id)
		}
		if len(there) > 0 {
			people++
		}
	}
	if people == 0 {
		w.t.Error("nobody was recorded: the check proves nothing")
	}
}

// forkShown holds that the centre's status names the device that forked, and that
// the report of custody counts the second branch.
func (w *world) forkShown(id syncproto.OriginID) {
	w.t.Helper()
	st, err := w.centre.node.Status(w.t.Context())
	w.must(err)
	if len(st.Forks) != 1 || st.Forks[0].Origin != id.String() || st.Forks[0].Branches != 2 || st.Forks[0].Changes == 0 {
		w.t.Errorf("status shows the forks %+v", st.Forks)
	}
}

func (d *device) custody(id uuid.UUID) clientlib.Custody {
	d.w.t.Helper()
	c, err := d.Custody(d.w.t.Context(), id)
	d.w.must(err)
	return c
}

// held delivers a renamed phone's work by a point and has all of it held, which
// the phone is told. It gives the number of its changes.
func (w *world) held(d *device, p *site) uint64 {
	w.t.Helper()
	d.at(p)
	w.must(p.node.Relay().Sync(w.t.Context()))
	d.at(p)
	got := w.outcomes(d.Origin())
	if len(got) != 1 || got["held handover"] == 0 {
		w.t.Errorf("new origin's outcomes: %v, want all held", got)
	}
	w.balanced(d.Origin())
	c := d.custody(d.made[len(d.made)-1])
	if c.Stage != clientlib.StageAskedBack || c.Reason != syncproto.ReasonHandover {
		w.t.Errorf("the phone is told %s (%s %s), want asked back: handover", c.Stage, c.Outcome, c.Reason)
	}
	return got["held handover"]
}

// Officer and phone see the same six digits, and the phone is not in before the
// officer says so.
func TestBothSidesShowEqualDigits(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	for name, at := range map[string]*site{"centre": w.centre, "point": w.point()} {
		code, err := at.node.NewCode(ctx, server.CodeRequest{Role: credential.RolePhone, Team: w.team, Confirm: true})
		w.must(err)
		d, err := clientlib.Open(ctx, clientlib.Options{Path: filepath.Join(t.TempDir(), "field.db"), Transport: httptransport.New(0)})
		w.must(err)
		t.Cleanup(func() { _ = d.Close() })
		waiting, err := d.Join(ctx, code.URI, "phone")
		if syncproto.CodeOf(err) != syncproto.CodeCredential || !waiting.Waiting || len(waiting.Digits) != 6 {
			t.Fatalf("%s: before confirmation: %+v, %v", name, waiting, err)
		}
		st, err := server.CodeWatch.Do(ctx, at.node, answer.CodeState{Name: code.Code[:4], State: "open"})
		w.must(err)
		if st.State != "waiting" || st.Digits != waiting.Digits {
			t.Errorf("%s: the officer sees %s (%s), the phone %s", name, st.Digits, st.State, waiting.Digits)
		}
		_, err = server.CodeConfirm.Do(ctx, at.node, server.Confirmation{Name: code.Code[:4], Digits: waiting.Digits})
		w.must(err)
		joined, err := d.Join(ctx, code.URI, "phone")
		w.must(err)
		if joined.Waiting || joined.Digits != waiting.Digits || joined.Welcome.Team != w.team {
			t.Errorf("%s: joined %+v", name, joined)
		}
		_, err = d.Sync(ctx)
		w.must(err)
	}
}
