package e2e

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"thonsync/clientlib"
	"thonsync/server"
	"thonsync/server/config"
	"thonsync/server/imports"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
	"thonsync/testdata/fieldwork"
)

// imported brings a file into the centre.
func (w *world) imported(what imports.What, file []byte) {
	w.t.Helper()
	res, err := imports.Run(w.t.Context(), w.centre.node, what, file, imports.Options{})
	w.must(err)
	if len(res.Bad) > 0 {
		w.t.Fatalf("%s: %+v", what, res)
	}
}

// told gives the exceptions of the centre's newest receipt for a rogue's own
// changes, by the first change; none for nil.
func (w *world) told(r *rogue, head syncproto.Heads) map[uint64]syncproto.Exception {
	w.t.Helper()
	a, err := r.exchange(&syncproto.Request{Heads: []syncproto.OriginHeads{{Origin: r.origin(), Heads: head}}})
	w.must(err)
	var newest *syncproto.Receipt
	for _, b := range a.Receipts {
		rc, err := syncproto.DecodeReceipt(b)
		w.must(err)
		if rc.Issuer != w.centre.node.Origin() || rc.Mark != syncproto.MarkReceived {
			continue
		}
		_, err = w.centre.node.Centre().VerifyReceipt(rc)
		w.must(err)
		if rc.Open == head.Open && rc.Last == head.Seq {
			newest = rc
		}
	}
	if newest == nil {
		w.t.Fatal("no receipt of the centre for the newest change")
	}
	out := map[uint64]syncproto.Exception{}
	for _, e := range newest.Exceptions {
		out[e.First] = e
	}
	return out
}

// A kind or a unit that the centre does not know holds back only the work that
// needs it. When the definition comes, that work counts, and the phone hears.
func TestWorkWaitsForItsDefinition(t *testing.T) {
	w := newWorld(t)
	point := w.point()
	code, err := point.node.NewCode(t.Context(), server.CodeRequest{Role: credential.RolePhone, Team: w.team})
	w.must(err)
	r := joinRogue(t, point.url, code.Code, w.team)
	village := w.prov.Teams[0].Village
	plain := r.talks(r.key, syncproto.Genesis(r.origin()), "TT", fieldwork.UnitKey(village), 1)
	kindless := r.talks(r.key, plain.After, "NEW", fieldwork.UnitKey(village), 1)
	unitless := r.talks(r.key, kindless.After, "TT", "late:1", 1)
	a, err := r.exchange(&syncproto.Request{Segments: [][]byte{plain.Encode(), kindless.Encode(), unitless.Encode()}})
	w.must(err)
	if len(a.Problems) > 0 {
		t.Fatalf("problems %+v", a.Problems)
	}
	w.must(point.node.Relay().Sync(t.Context()))
	got := w.told(r, unitless.After)
	if len(got) != 2 || got[2].Reason != syncproto.ReasonUnknownKind || got[3].Reason != syncproto.ReasonUnknownUnit || got[2].Outcome != syncproto.OutcomeQuarantined {
		t.Errorf("before the definitions: %+v", got)
	}
	if n := len(w.activities()); n != 1 {
		t.Errorf("%d records before the definitions, want the one that needs none", n)
	}

	w.imported(imports.Kinds, []byte(`[{"code":"NEW","name_vi":"Việc mới","name_en":"New","person":false,"results":[{"value":"held"}],"fields":[]}]`))
	w.imported(imports.Units, []byte("list,code,level,type,name,parent_list,parent_code\nlate,1,village,Xóm,Thử Mới,"+village.List+","+village.Code+"\n"))
	w.must(point.node.Relay().Sync(t.Context()))
	if got := w.told(r, unitless.After); len(got) > 0 {
		t.Errorf("after the definitions: %+v", got)
	}
	if n := len(w.activities()); n != 3 {
		t.Errorf("%d records after the definitions, want 3", n)
	}
	w.checkLedger(w.centre.node.Store())
}

// Bad segments beside good ones in one exchange: each bad one is named with its
// code, and the good ones land.
func TestBadSegmentsBesideGoodOnes(t *testing.T) {
	w := newWorld(t)
	code, err := w.centre.node.NewCode(t.Context(), server.CodeRequest{Role: credential.RolePhone, Team: w.team})
	w.must(err)
	r := joinRogue(t, w.centre.url, code.Code, w.team)
	_, strange, err := ed25519.GenerateKey(nil)
	w.must(err)
	unit := fieldwork.UnitKey(w.prov.Teams[0].Village)
	first := r.talks(r.key, syncproto.Genesis(r.origin()), "TT", unit, 2)
	second := r.talks(r.key, first.After, "TT", unit, 3)
	stranger := *r
	stranger.key = strange
	flipped := slices.Clone(second.Encode())
	flipped[len(flipped)/2] ^= 1
	list := [][]byte{
		append(slices.Clone(first.Encode()), make([]byte, syncproto.MaxSegmentBytes)...),
		first.Encode(),
		second.Encode()[:200],
		r.talks(strange, first.After, "TT", unit, 1).Encode(),
		stranger.talks(strange, syncproto.Genesis(stranger.origin()), "TT", unit, 1).Encode(),
		flipped,
		second.Encode(),
	}
	want := map[int]syncproto.Code{
		0: syncproto.CodeTooLarge, 2: syncproto.CodeMalformed, 3: syncproto.CodeSignature, 4: syncproto.CodeUnknownPeer, 5: syncproto.CodeSignature,
	}
	a, err := r.exchange(&syncproto.Request{Segments: list})
	w.must(err)
	for _, p := range a.Problems {
		if want[p.Index] != p.Code {
			t.Errorf("segment %d: %s (%s), want %q", p.Index, p.Code, p.Message, want[p.Index])
		}
		delete(want, p.Index)
	}
	if len(want) > 0 {
		t.Errorf("not named: %v", want)
	}
	if len(a.Heads) != 1 || a.Heads[0].Seq != 5 {
		t.Errorf("heads %+v: want the five changes of the good segments", a.Heads)
	}
	if n := len(w.activities()); n != 5 {
		t.Errorf("%d records at the centre, want 5", n)
	}
	w.checkLedger(w.centre.node.Store())
}

// A centre whose disk is full says so and takes nothing; what is there stays
// readable, phones keep their work, and it arrives once there is room.
func TestFullDiskAtTheCentre(t *testing.T) {
	w := newWorld(t)
	d := w.phone(w.centre, 1)
	d.work(5)
	d.sync()
	before := len(w.activities())
	w.centre = w.restart(w.centre, server.Options{StorePages: 1}) // no page more than there are
	d.work(300)
	r, err := d.Sync(t.Context())
	if syncproto.CodeOf(err) != syncproto.CodeDiskFull || r.RetryAfter <= 0 {
		t.Fatalf("sync with a full centre: %v, %+v", err, r)
	}
	if n := len(w.activities()); n != before {
		t.Errorf("%d records at the full centre, %d were there", n, before)
	}
	if s, err := server.VerifyCommand.Do(t.Context(), w.centre.node, server.None{}); err != nil || len(s.Damage) > 0 {
		t.Errorf("verify on a full disk: %+v %v", s, err)
	}
	if s := d.stages(); s[clientlib.StageOnPhone] < 300 {
		t.Errorf("stages %v: want at least 300 still on the phone", s)
	}
	w.centre = w.restart(w.centre, server.Options{})
	d.sync()
	if n := len(w.activities()); n != before+300 {
		t.Errorf("%d records after there was room, want %d", n, before+300)
	}
	w.checkLedger(w.centre.node.Store())
}

// A second process on one database ends at once and says why.
func TestSecondProcessOnOneDatabase(t *testing.T) {
	w := newWorld(t)
	d := w.phone(w.centre, 1)
	for role, data := range map[string]string{"serve": w.centre.cfg.Data, "phone": d.path} {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), roleEnv+"="+role, dataEnv+"="+data, listenEnv+"=127.0.0.1:0", upEnv+"=")
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "another") || strings.Contains(string(out), "up\n") {
			t.Errorf("a second %s: %v\n%s", role, err, out)
		}
	}
	d.work(1)
	d.sync()
	if len(w.activities()) != 1 {
		t.Error("the first processes were disturbed")
	}
}

// A busy server turns away early, says when to come back, and loses nothing.
func TestOverloadSaysWhenToComeBack(t *testing.T) {
	w := newWorld(t)
	a, b := w.phone(w.centre, 1), w.phone(w.centre, 2)
	w.centre = w.restart(w.centre, server.Options{}, func(c *config.Config) { c.Concurrency, c.Queue = 1, 0 })
	a.work(3)
	b.work(2)
	held, release := make(chan struct{}), make(chan struct{})
	writer, sent := make(chan error, 1), make(chan error, 1)
	go func() { // the store's one writer is busy
		writer <- w.centre.node.Store().Update(context.Background(), func(store.Tx) error {
			close(held)
			<-release
			return nil
		})
	}()
	<-held
	go func() {
		for { // the empty exchanges below may have the place just then
			if _, err := a.Sync(context.Background()); syncproto.CodeOf(err) != syncproto.CodeOverload {
				sent <- err
				return
			}
		}
	}()
	code, pause := "", ""
	for code != string(syncproto.CodeOverload) { // until the first phone has the only place
		code, pause = postNothing(t, w.centre.url)
	}
	if n, err := strconv.Atoi(pause); err != nil || n < 1 {
		t.Errorf("Retry-After is %q", pause)
	}
	r, err := b.Sync(t.Context())
	if syncproto.CodeOf(err) != syncproto.CodeOverload || r.RetryAfter <= 0 || r.Waiting == 0 && b.stages()[clientlib.StageOnPhone] != 2 {
		t.Errorf("sync with a busy server: %v, %+v", err, r)
	}
	close(release)
	w.must(<-writer)
	w.must(<-sent)
	b.sync()
	if n := len(w.activities()); n != 5 {
		t.Errorf("%d records, want 5", n)
	}
}

// postNothing posts an empty exchange and gives code and Retry-After.
func postNothing(t *testing.T, url string) (code, pause string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/exchange", bytes.NewReader([]byte("x")))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Timeout: time.Minute}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var p struct{ Code string }
	if err := json.Unmarshal(b, &p); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return p.Code, resp.Header.Get("Retry-After")
}
