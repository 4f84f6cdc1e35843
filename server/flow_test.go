package server_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/server"
	"thonsync/server/answer"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// The whole way: phone, point, centre, and back.
func TestWorkTravelsUpAndReceiptsDown(t *testing.T) {
	w := newWorld(t)
	p := w.point(communeA)
	d := w.phone(p, w.teamA1)
	id := w.record(d)
	w.wantStage(d, id, clientlib.StageOnPhone)
	p.line.cut.Store(true)
	w.exchange(d)
	w.wantStage(d, id, clientlib.StageAtCommune)
	p.line.cut.Store(false)
	w.sync(p)
	w.wantStage(d, id, clientlib.StageAtCommune) // nobody has told the phone yet
	w.exchange(d)
	w.wantStage(d, id, clientlib.StageAtCentre)
	rec := w.stored(w.centre, id)
	if !rec.Exists || rec.Unit != villageA1 || rec.Result != "held" {
		t.Errorf("record at the centre: %+v", rec)
	}
	st, err := p.Status(t.Context())
	if err != nil || st.Upstream.Backlog != 0 || st.Upstream.LastSuccessMS == 0 {
		t.Errorf("point's status: %+v %v", st.Upstream, err)
	}
}

func (w *world) stored(at *running, id uuid.UUID) (rec store.Record) {
	w.t.Helper()
	err := at.Store().View(w.t.Context(), func(r store.Reader) error {
		var ok bool
		var err error
		if rec, ok, err = r.Record(id); err == nil && !ok {
			err = errors.New("no such record")
		}
		return err
	})
	if err != nil {
		w.t.Fatalf("record %s: %v", id, err)
	}
	return rec
}

// A device that joined is a record that travels to the centre.
func TestJoinedDevicesAreRecords(t *testing.T) {
	w := newWorld(t)
	p := w.point(communeA)
	w.phone(p, w.teamA1)
	w.sync(p)
	byUnit := map[string]int{}
	err := w.centre.Store().View(t.Context(), func(r store.Reader) error {
		return r.EachRecord(store.RecordQuery{Collection: syncproto.CollectionDevice, ExistsOnly: true}, func(rec store.Record) error {
			byUnit[rec.Unit]++
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if byUnit[communeA] != 1 || byUnit[villageA1] != 1 || len(byUnit) != 2 {
		t.Errorf("device records by unit: %v, want the point's and the phone's", byUnit)
	}
	st, err := w.centre.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range st.Outcomes {
		if o.Outcome != "accepted" {
			t.Errorf("%d changes %s (%s)", o.Changes, o.Outcome, o.Reason)
		}
	}
}

// A phone that exchanges with the centre directly needs no point.
func TestPhoneAtTheCentre(t *testing.T) {
	w := newWorld(t)
	d := w.phone(w.centre, w.teamA1)
	id := w.record(d)
	w.exchange(d)
	w.wantStage(d, id, clientlib.StageAtCentre)
}

// Colleagues of one team see each other's work at a point without internet;
// another team does not.
func TestColleaguesSeeTheirTeamOnly(t *testing.T) {
	w := newWorld(t)
	p := w.point(communeA)
	one, two, other := w.phone(p, w.teamA1), w.phone(p, w.teamA1), w.phone(p, w.teamA2)
	id := w.record(one)
	w.exchange(one)
	w.exchange(two)
	w.exchange(other)
	if r, err := two.Get(t.Context(), id); err != nil || r.Own || !r.Provisional {
		t.Errorf("colleague sees %+v, %v", r, err)
	}
	if _, err := other.Get(t.Context(), id); !errors.Is(err, &syncproto.Error{Code: syncproto.CodeNotFound}) {
		t.Errorf("another team sees it: %v", err)
	}
}

// A phone of another commune is turned away in words that tell nothing, and
// keeps its work.
func TestForeignPhoneAtAPoint(t *testing.T) {
	w := newWorld(t)
	pa := w.point(communeA)
	d := w.phone(w.centre, w.teamB1)
	id := w.record(d)
	if err := d.SetServers(t.Context(), []string{pa.url}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Sync(t.Context()); syncproto.CodeOf(err) != syncproto.CodeScope {
		t.Fatalf("foreign phone: %v", err)
	}
	w.wantStage(d, id, clientlib.StageOnPhone)
	if err := d.SetServers(t.Context(), []string{w.centre.url}); err != nil {
		t.Fatal(err)
	}
	w.exchange(d)
	w.wantStage(d, id, clientlib.StageAtCentre)
}

func TestPointIssuesForItsUnitsOnly(t *testing.T) {
	w := newWorld(t)
	p := w.point(communeA)
	for name, c := range map[string]struct {
		q    server.CodeRequest
		code syncproto.Code
	}{
		"team elsewhere":  {server.CodeRequest{Role: credential.RolePhone, Team: w.teamB1}, syncproto.CodeInvalidInput},
		"unit elsewhere":  {server.CodeRequest{Role: credential.RolePhone, Team: w.teamA1, Units: []string{communeB}}, syncproto.CodeScope},
		"a point":         {server.CodeRequest{Role: credential.RolePoint, Units: []string{communeA}}, syncproto.CodeInvalidInput},
		"the centre":      {server.CodeRequest{Role: credential.RoleCentre, Units: []string{communeA}}, syncproto.CodeInvalidInput},
		"unknown team":    {server.CodeRequest{Role: credential.RolePhone, Team: uuid.New()}, syncproto.CodeInvalidInput},
		"phone, no team":  {server.CodeRequest{Role: credential.RolePhone}, syncproto.CodeInvalidInput},
		"no such unit":    {server.CodeRequest{Role: credential.RolePhone, Team: w.teamA1, Units: []string{list + ":999"}}, syncproto.CodeInvalidInput},
		"the whole above": {server.CodeRequest{Role: credential.RolePhone, Team: w.teamA1, Units: []string{province}}, syncproto.CodeScope},
	} {
		if _, err := p.NewCode(t.Context(), c.q); syncproto.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	// Its right to issue ends; what it carries is not affected.
	d := w.phone(p, w.teamA1)
	id := w.record(d)
	w.clock.advance(48 * time.Hour)
	if _, err := p.NewCode(t.Context(), server.CodeRequest{Role: credential.RolePhone, Team: w.teamA1}); syncproto.CodeOf(err) != syncproto.CodeCredential {
		t.Errorf("after its end: %v", err)
	}
	w.exchange(d)
	w.sync(p)
	w.exchange(d)
	w.wantStage(d, id, clientlib.StageAtCentre)
}

// The exchange key changes by age, and a phone with the old one gets through.
func TestOldKeyIsReplacedOnTheWay(t *testing.T) {
	w := newWorld(t)
	d := w.phone(w.centre, w.teamA1)
	id := w.record(d)
	before, err := w.centre.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.clock.advance(8 * 24 * time.Hour)
	after, err := w.centre.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	old, err := syncproto.DecodeKeyNotice(before)
	if err != nil {
		t.Fatal(err)
	}
	next, err := syncproto.DecodeKeyNotice(after)
	if err != nil {
		t.Fatal(err)
	}
	if next.Serial <= old.Serial || string(next.Exchange) == string(old.Exchange) {
		t.Fatalf("serial %d then %d", old.Serial, next.Serial)
	}
	w.exchange(d)
	w.wantStage(d, id, clientlib.StageAtCentre)
}

func TestPointFollowsTheCentresNewKey(t *testing.T) {
	w := newWorld(t)
	p := w.point(communeA)
	d := w.phone(p, w.teamA1)
	id := w.record(d)
	w.clock.advance(8 * 24 * time.Hour)
	w.exchange(d)
	w.sync(p)
	w.exchange(d)
	w.wantStage(d, id, clientlib.StageAtCentre)
}

// A code works once; the officer can hold the device back until the digits
// agree.
func TestJoiningCodes(t *testing.T) {
	w := newWorld(t)
	ask := server.CodeRequest{Role: credential.RolePhone, Team: w.teamA1}
	code, err := w.centre.NewCode(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.device().Join(t.Context(), code.URI, "A"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.device().Join(t.Context(), code.URI, "B"); syncproto.CodeOf(err) != syncproto.CodeCodeSpent {
		t.Errorf("a second phone: %v", err)
	}
	if code, err = w.centre.NewCode(t.Context(), ask); err != nil {
		t.Fatal(err)
	}
	w.clock.advance(answer.CodeLife)
	if _, err := w.device().Join(t.Context(), code.URI, "C"); syncproto.CodeOf(err) != syncproto.CodeCodeSpent {
		t.Errorf("after ten minutes: %v", err)
	}
}

func TestConfirmedPoint(t *testing.T) {
	w := newWorld(t)
	code, err := w.centre.NewCode(t.Context(), server.CodeRequest{Role: credential.RolePoint, Units: []string{communeA}, Confirm: true})
	if err != nil {
		t.Fatal(err)
	}
	digits := make(chan string, 1)
	// The answer to the question with which the digits appear may already know of
	// the confirmation; then the point does not wait, and nobody reads this.
	again := make(chan time.Time, 1)
	opts := w.options()
	opts.Digits = func(d string) { digits <- d }
	opts.After = func(time.Duration) <-chan time.Time { return again }
	joined := make(chan error, 1)
	cfg := testConfig(t.TempDir(), "127.0.0.1:1")
	go func() { joined <- server.JoinUpstream(t.Context(), cfg, opts, code.URI, "mini-PC") }()
	shown := <-digits
	name := code.Code[:4]
	st, err := server.CodeWatch.Run(t.Context(), w.centre.cfg, w.options(), answer.CodeState{Name: name, State: "open"})
	if err != nil || st.State != "waiting" || st.Digits != shown || st.Label != "mini-PC" {
		t.Fatalf("the officer sees %+v (%v), the point shows %s", st, err, shown)
	}
	if _, err := server.CodeConfirm.Run(t.Context(), w.centre.cfg, w.options(), server.Confirmation{Name: name, Digits: shown}); err != nil {
		t.Fatal(err)
	}
	again <- time.Now()
	if err := <-joined; err != nil {
		t.Errorf("after confirmation: %v", err)
	}
}

// Whoever answers at the address with another centre's key learns nothing of
// the code.
func TestCodeIsNotShownToAnotherCentre(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	code, err := w.centre.NewCode(t.Context(), server.CodeRequest{Role: credential.RolePoint, Units: []string{communeA}})
	if err != nil {
		t.Fatal(err)
	}
	uri := replaceServer(code.URI, w.centre.url, other.centre.url)
	err = server.JoinUpstream(t.Context(), testConfig(t.TempDir(), "127.0.0.1:1"), w.options(), uri, "")
	if syncproto.CodeOf(err) != syncproto.CodeForeignKey {
		t.Errorf("joined elsewhere: %v", err)
	}
}

// A point that is down for the phone's whole life loses nothing: the phone
// keeps all until the centre has it.
func TestPointRestartsWithItsBacklog(t *testing.T) {
	w := newWorld(t)
	p := w.point(communeA)
	d := w.phone(p, w.teamA1)
	id := w.record(d)
	w.centre.stop()
	w.exchange(d)
	w.wantStage(d, id, clientlib.StageAtCommune)
	if err := p.Relay().Sync(t.Context()); err == nil {
		t.Fatal("exchange with a centre that is down")
	}
	st, err := p.Status(t.Context())
	if err != nil || st.Upstream.Failures == 0 || st.Upstream.LastError == "" || st.Upstream.Backlog == 0 {
		t.Errorf("status hides the failure: %+v %v", st.Upstream, err)
	}
	p.stop()
	w.centre = w.restart(w.centre)
	p = w.restart(p)
	w.sync(p)
	w.exchange(d)
	w.wantStage(d, id, clientlib.StageAtCentre)
}

// restart serves a stopped node again at the same address.
func (w *world) restart(r *running) *running {
	w.t.Helper()
	ln, err := listenAt(r.cfg.Listen)
	if err != nil {
		w.t.Fatal(err)
	}
	return serve(w.t, r.cfg, w.options(), ln)
}

// A server that is gone costs the phone nothing.
func TestStoppedServerAnswersNothing(t *testing.T) {
	w := newWorld(t)
	d := w.phone(w.centre, w.teamA1)
	id := w.record(d)
	w.centre.stop()
	if _, err := d.Sync(t.Context()); syncproto.CodeOf(err) != syncproto.CodeUpstream {
		t.Errorf("Sync: %v", err)
	}
	w.wantStage(d, id, clientlib.StageOnPhone)
}
