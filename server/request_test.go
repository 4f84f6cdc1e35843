package server_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/server"
	"thonsync/server/audit"
	"thonsync/server/requests"
	"thonsync/syncproto"
)

const kindHelp = `{"code":"HELP","name_vi":"Giúp đỡ","name_en":"Help","person":true,"basis":"consent","consent_text":3,
"purpose_vi":"Giúp người dân làm thủ tục","purpose_en":"Helping people with formalities","keep_days":10,
"results":[{"value":"done","label_vi":"Xong","label_en":"Done"}],"fields":[]}`

// citizens is a world in which people are helped with their consent.
type citizens struct {
	*world
	phone *clientlib.Device
}

func newCitizens(t *testing.T) *citizens {
	c := &citizens{world: newWorld(t)}
	c.write(create(syncproto.CollectionKind, syncproto.Row{
		text(syncproto.FieldUnit, province), text(syncproto.KindCode, "HELP"), text(syncproto.KindNameVI, "Giúp đỡ"),
		text(syncproto.KindNameEN, "Help"), text(syncproto.KindDefinition, kindHelp),
	}))
	c.phone = c.world.phone(c.centre, c.teamA1)
	return c
}

// help records help for an invented citizen.
func (c *citizens) help(name, number string) uuid.UUID {
	c.t.Helper()
	made, err := c.phone.Record(c.t.Context(), clientlib.RecordInput{Kind: "HELP", Result: "done", Fields: map[string]string{
		"full_name": name, "id_number": number, "phone": "0912345678", "consent": "given", "consent_how": "spoken",
	}})
	if err != nil {
		c.t.Fatal(err)
	}
	return made.ID
}

func do[In, Out any](t *testing.T, n *running, c server.Command[In, Out], in In) Out {
	t.Helper()
	out, err := c.Do(t.Context(), n.Node, in)
	if err != nil {
		t.Fatalf("%s: %v", c.Name, err)
	}
	return out
}

func wantInvalid[In, Out any](t *testing.T, n *running, c server.Command[In, Out], in In) {
	t.Helper()
	if _, err := c.Do(t.Context(), n.Node, in); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
		t.Errorf("%s %+v: %v, want a refusal", c.Name, in, err)
	}
}

// lines gives a file of the centre's data folder.
func (c *citizens) file(name string) string {
	c.t.Helper()
	b, err := os.ReadFile(filepath.Join(c.centre.cfg.Data, name))
	if err != nil {
		c.t.Fatal(err)
	}
	return string(b)
}

const (
	citizenName   = "Vàng Thị Thử Nghiệm"
	citizenNumber = "002190123456"
)

// TestRequestToErase leads a citizen's request to its end: found by the identity
// number in a value that is not shown any more, erased by rulings, everybody who
// got the data named, backups ended by the due date, and nothing of it in any
// file, the log of requests least of all.
func TestRequestToErase(t *testing.T) {
	c := newCitizens(t)
	mine, wrong, other := c.help(citizenName, citizenNumber), c.help(citizenName, citizenNumber), c.help("Lò Văn Khác", "002090654321")
	if _, err := c.phone.Edit(t.Context(), wrong, clientlib.EditInput{Fields: map[string]string{"id_number": "002190123457"}}); err != nil {
		t.Fatal(err)
	}
	c.exchange(c.phone)
	made := do(t, c.centre, server.BackupCommand, server.None{})
	if _, err := server.Export(t.Context(), c.centre.cfg, c.options(), server.ExportRequest{What: server.ExportActivities, Format: "csv", Recipient: "District office"}, &bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	// It came in ten days ago, so half of its time is over: a backup key that goes
	// by its age alone would outlive it.
	came := c.clock.now().Add(-10 * 24 * time.Hour)
	v := do(t, c.centre, server.RequestOpen, server.RequestNew{Kind: requests.Erase, Channel: "office", ReceivedMS: came.UnixMilli(), IDNumber: "002 190 123 456"})
	if len(v.Records) != 2 || v.AnswerByMS == 0 || !v.Overdue || len(v.Recipients) != 1 {
		t.Fatalf("%+v", v)
	}
	again := do(t, c.centre, server.RequestOpen, server.RequestNew{Kind: requests.See, Channel: "phone", IDNumber: citizenNumber})
	if len(again.Same) != 1 || again.Same[0] != v.Number {
		t.Errorf("the same citizen's requests %v, want %s", again.Same, v.Number)
	}
	wantInvalid(t, c.centre, server.RequestEraseCommand, server.RequestErase{Number: v.Number, Records: 1})
	wantInvalid(t, c.centre, server.RequestEraseCommand, server.RequestErase{Number: again.Number, Records: 2})
	out := do(t, c.centre, server.RequestEraseCommand, server.RequestErase{Number: v.Number, Records: 2, Look: true})
	if len(out.Rulings) != 2 || len(out.Left) != 0 || out.Looked.Databases == 0 || out.Looked.Rows == 0 {
		t.Errorf("%+v, looked %+v", out, out.Looked)
	}
	for _, id := range []uuid.UUID{mine, wrong} {
		if rec := c.stored(c.centre, id); !rec.Erased {
			t.Errorf("record %s is not erased", id)
		}
	}
	if rec := c.stored(c.centre, other); rec.Erased {
		t.Error("another citizen's record was erased")
	}
	if due := time.UnixMilli(out.Request.DoneByMS); out.Request.BackupsUntilMS > due.UnixMilli() {
		t.Errorf("backups can be read until %v, the law wants it done by %v", time.UnixMilli(out.Request.BackupsUntilMS), due)
	}
	closing := server.RequestStep{Number: v.Number, Step: requests.Step{Act: requests.Closed, Outcome: requests.Done}}
	wantInvalid(t, c.centre, server.RequestNote, closing) // the district office was not told
	do(t, c.centre, server.RequestNote, server.RequestStep{Number: v.Number, Step: requests.Step{Act: requests.Told, Export: out.Request.Recipients[0].Export}})
	if v := do(t, c.centre, server.RequestNote, closing); v.Open {
		t.Errorf("%+v", v)
	}
	found := do(t, c.centre, server.RequestVerify, server.RequestLook{Number: v.Number, Values: []string{citizenName, citizenNumber}, Backups: true})
	if len(found.Findings) == 0 || found.Archives == 0 {
		t.Errorf("the backup can still be read and nothing was found: %+v", found)
	}
	c.clock.advance(11 * 24 * time.Hour)
	if err := c.centre.DestroyPeriods(t.Context()); err != nil {
		t.Fatal(err)
	}
	found = do(t, c.centre, server.RequestVerify, server.RequestLook{Number: v.Number, Values: []string{citizenName, citizenNumber}, Backups: true})
	if len(found.Findings) != 0 {
		t.Errorf("after the keys were destroyed: %+v", found.Findings)
	}
	if _, err := os.Stat(made.File); !os.IsNotExist(err) {
		t.Errorf("a backup that nobody can read is kept: %v", err)
	}
	for _, s := range []string{citizenName, citizenNumber, "190123456"} {
		if strings.Contains(c.file("requests.jsonl"), s) {
			t.Error("the log of requests holds what it is about")
		}
	}
}

// TestRequestToSee gives the citizen a sheet with all that is kept and why, and
// writes down before that it was shown.
func TestRequestToSee(t *testing.T) {
	c := newCitizens(t)
	id := c.help(citizenName, citizenNumber)
	c.exchange(c.phone)
	v := do(t, c.centre, server.RequestOpen, server.RequestNew{Kind: requests.See, Channel: "office", IDNumber: citizenNumber})
	for lang, want := range map[string][]string{
		"vi": {citizenName, citizenNumber, "0912345678", "Giúp người dân làm thủ tục", "Sự đồng ý của người dân: đã đồng ý bằng lời", "Thôn Một", "10 ngày"},
		"en": {citizenName, "Helping people with formalities", "The citizen&#39;s consent: given spoken", "Nobody else"},
	} {
		s := do(t, c.centre, server.RequestSheetCommand, server.RequestSheet{Number: v.Number, Lang: lang})
		for _, w := range want {
			if !bytes.Contains(s.HTML, []byte(w)) {
				t.Errorf("the %s sheet lacks %q", lang, w)
			}
		}
		if !s.Request.Answered {
			t.Error("the request is not carried out by the sheet")
		}
	}
	log := do(t, c.centre, server.AuditList, server.AuditQuery{Action: string(audit.Answer)})
	if len(log) != 2 || !strings.Contains(log[0].Object, id.String()) || !strings.Contains(log[0].Object, v.Number) {
		t.Errorf("access log %+v", log)
	}
	erase := do(t, c.centre, server.RequestOpen, server.RequestNew{Kind: requests.Erase, Channel: "office", Records: []uuid.UUID{id}})
	wantInvalid(t, c.centre, server.RequestSheetCommand, server.RequestSheet{Number: erase.Number})
}

// TestRequestToCorrect corrects a record by a change of the centre that replaces
// what the phone wrote, so that no conflict is left.
func TestRequestToCorrect(t *testing.T) {
	c := newCitizens(t)
	id := c.help("Vàng Thị Sai", citizenNumber)
	c.exchange(c.phone)
	v := do(t, c.centre, server.RequestOpen, server.RequestNew{Kind: requests.Correct, Channel: "letter", Records: []uuid.UUID{id}})
	wrong := server.RequestCorrect{Number: v.Number, Record: id, Fields: map[string]string{"id_number": "12"}}
	if _, err := server.RequestCorrectCommand.Do(t.Context(), c.centre.Node, wrong); syncproto.CodeOf(err) != syncproto.CodeInvalidInput || strings.Contains(err.Error(), "12 ") && !strings.Contains(err.Error(), "digits") {
		t.Errorf("a number of two digits: %v", err)
	}
	v = do(t, c.centre, server.RequestCorrectCommand, server.RequestCorrect{Number: v.Number, Record: id, Fields: map[string]string{"full_name": citizenName}})
	if !v.Answered || v.How != requests.ByChange {
		t.Errorf("%+v", v)
	}
	if rec := c.stored(c.centre, id); rec.Conflict || rec.Changes != 2 {
		t.Errorf("the record has %d changes, conflict %v", rec.Changes, rec.Conflict)
	}
	see := do(t, c.centre, server.RequestOpen, server.RequestNew{Kind: requests.See, Channel: "office", Records: []uuid.UUID{id}})
	if s := do(t, c.centre, server.RequestSheetCommand, server.RequestSheet{Number: see.Number}); !bytes.Contains(s.HTML, []byte(citizenName)) || bytes.Contains(s.HTML, []byte("Vàng Thị Sai")) {
		t.Error("the correction is not what is shown")
	}
}

// TestWithdrawnConsentOpensARequest records consent and its withdrawal as changes
// on a phone; the withdrawal reaches the queue by itself, once.
func TestWithdrawnConsentOpensARequest(t *testing.T) {
	c := newCitizens(t)
	id := c.help(citizenName, citizenNumber)
	c.exchange(c.phone)
	if _, err := c.phone.Edit(t.Context(), id, clientlib.EditInput{Fields: map[string]string{"consent": "withdrawn", "consent_how": "signed"}}); err != nil {
		t.Fatal(err)
	}
	c.exchange(c.phone)
	for range 2 {
		if err := c.centre.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	list := do(t, c.centre, server.RequestList, server.RequestQuery{})
	if len(list) != 1 || list[0].Kind != requests.Withdraw || list[0].Channel != "automatic" || len(list[0].Records) != 1 || list[0].Records[0].ID != id {
		t.Fatalf("%+v", list)
	}
	out := do(t, c.centre, server.RequestEraseCommand, server.RequestErase{Number: list[0].Number, Records: 1, Look: true})
	if len(out.Left) > 0 || !out.Request.Answered {
		t.Errorf("%+v", out)
	}
	if _, err := c.phone.Record(t.Context(), clientlib.RecordInput{Kind: "HELP", Result: "done", Fields: map[string]string{"full_name": citizenName}}); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
		t.Errorf("recorded without consent: %v", err)
	}
}

// TestLostPhoneIsABreach lists whose data a lost phone held, within 72 hours, and
// is told by status and doctor once they are over.
func TestLostPhoneIsABreach(t *testing.T) {
	c := newCitizens(t)
	id := c.help("=HYPERLINK(1)", citizenNumber)
	c.exchange(c.phone)
	elsewhere := c.world.phone(c.centre, c.teamB1)
	c.exchange(elsewhere)
	v := do(t, c.centre, server.RequestOpen, server.RequestNew{Kind: requests.Breach, Channel: "team", Device: c.phone.Origin()})
	if len(v.Records) != 1 || v.Records[0].ID != id || v.DoneByMS-v.ReceivedMS != 72*time.Hour.Milliseconds() {
		t.Fatalf("%+v", v)
	}
	if other := do(t, c.centre, server.RequestOpen, server.RequestNew{Kind: requests.Breach, Channel: "team", Device: elsewhere.Origin()}); len(other.Records) != 0 {
		t.Errorf("a phone that held nobody's data: %+v", other.Records)
	} else {
		do(t, c.centre, server.RequestNote, server.RequestStep{Number: other.Number, Step: requests.Step{Act: requests.Closed, Outcome: requests.Taken}})
	}
	p := do(t, c.centre, server.RequestPeople, server.RequestNumber{Number: v.Number})
	if p.Rows != 1 || !bytes.Contains(p.CSV, []byte("'=HYPERLINK(1)")) || !bytes.Contains(p.CSV, []byte("0912345678")) {
		t.Errorf("%d rows:\n%s", p.Rows, p.CSV)
	}
	overdue := func() (status int, doctor bool) {
		st, err := c.centre.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		checks, err := c.centre.Doctor(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range checks {
			doctor = doctor || k.Name == "requests" && !k.OK
		}
		return st.Requests.Overdue, doctor
	}
	if n, bad := overdue(); n != 0 || bad {
		t.Errorf("overdue at once: %d, %v", n, bad)
	}
	c.clock.advance(72*time.Hour + time.Second)
	if n, bad := overdue(); n != 1 || !bad {
		t.Errorf("after 72 hours: %d overdue, doctor complains %v", n, bad)
	}
	if v = do(t, c.centre, server.RequestAnswer, server.RequestAnswered{Number: v.Number, How: requests.ByNotice}); !v.Answered {
		t.Errorf("%+v", v)
	}
	if n, bad := overdue(); n != 0 || bad {
		t.Errorf("after the notice: %d, %v", n, bad)
	}
}

// TestMemberIsErasedEverywhere erases a member's name from the centre's store and
// own log and from the phone, which goes on working under the member's id.
func TestMemberIsErasedEverywhere(t *testing.T) {
	c := newCitizens(t)
	name := syncproto.NewRow(syncproto.Field{Num: syncproto.PersonFullName, Value: syncproto.TextValue(citizenName)})
	draft := create(syncproto.CollectionMember, syncproto.Row{
		text(syncproto.FieldUnit, villageA2), {Num: syncproto.MemberTeam, Value: syncproto.UUIDValue(c.teamA2)}, text(syncproto.MemberRole, "leader"),
	})
	draft.Personal = name
	member := c.write(draft)[0]
	d := c.world.phone(c.centre, c.teamA2)
	if err := d.AddPerson(t.Context(), member, citizenName); err != nil {
		t.Fatal(err)
	}
	v := do(t, c.centre, server.RequestOpen, server.RequestNew{Kind: requests.Erase, Channel: "office", Records: []uuid.UUID{member}})
	out := do(t, c.centre, server.RequestEraseCommand, server.RequestErase{Number: v.Number, Records: 1, Look: true})
	if len(out.Left) > 0 || out.Looked.Databases != 2 {
		t.Errorf("left at the centre: %+v", out.Looked)
	}
	c.exchange(d)
	people, err := d.People(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range people {
		if p.ID == member && p.Name != "" {
			t.Error("the phone still shows the name")
		}
	}
	if v, err := c.centre.Verify(t.Context()); err != nil || len(v.Damage) > 0 {
		t.Errorf("%v, %v", v.Damage, err)
	}
}

// TestRequestsOutlastARestore restores a backup that is older than a request, on
// a machine where nothing else is left, and finds the request and its erasure.
func TestRequestsOutlastARestore(t *testing.T) {
	c := newCitizens(t)
	id := c.help(citizenName, citizenNumber)
	c.exchange(c.phone)
	made := do(t, c.centre, server.BackupCommand, server.None{})
	v := do(t, c.centre, server.RequestOpen, server.RequestNew{Kind: requests.Erase, Channel: "office", IDNumber: citizenNumber})
	do(t, c.centre, server.RequestEraseCommand, server.RequestErase{Number: v.Number, Records: 1})
	cfg := c.centre.cfg
	cfg.Data, cfg.BackupFolder = filepath.Join(t.TempDir(), "new"), ""
	if err := server.Restore(t.Context(), cfg, c.options(), made.File); err != nil {
		t.Fatal(err)
	}
	n, err := server.Open(t.Context(), cfg, c.options())
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	back, err := server.RequestShow.Do(t.Context(), n, server.RequestNumber{Number: v.Number})
	if err != nil || !back.Answered || len(back.Records) != 1 || !back.Records[0].Erased || back.Records[0].ID != id {
		t.Errorf("%+v, %v", back, err)
	}
	again, err := server.RequestOpen.Do(t.Context(), n, server.RequestNew{Kind: requests.See, Channel: "office", IDNumber: citizenNumber})
	if err != nil || len(again.Same) != 1 || len(again.Records) != 0 {
		t.Errorf("%+v, %v", again, err)
	}
	if b, err := json.Marshal(again); err != nil || bytes.Contains(b, []byte(citizenNumber)) {
		t.Errorf("the answer repeats the number: %v", err)
	}
}

// TestPhoneDropsAfterTheKindsDays has a phone drop what is personal so many days
// after the safe mark as the kind's definition from the centre says, by the
// centre's signed time: the phone's own clock stays where it was.
func TestPhoneDropsAfterTheKindsDays(t *testing.T) {
	c := newCitizens(t)
	id := c.help(citizenName, citizenNumber)
	c.exchange(c.phone)
	do(t, c.centre, server.BackupCommand, server.None{})
	for _, x := range []struct {
		after   time.Duration
		dropped int
	}{{0, 0}, {9 * 24 * time.Hour, 0}, {25 * time.Hour, 1}} {
		c.clock.advance(x.after)
		r, err := c.phone.Sync(t.Context())
		if err != nil || r.Dropped != x.dropped {
			t.Errorf("%v later: %d changes dropped, want %d; %v", x.after, r.Dropped, x.dropped, err)
		}
	}
	rec, err := c.phone.Get(t.Context(), id)
	if err != nil || rec.IDTail != "456" || !rec.Partial {
		t.Errorf("%+v, %v", rec, err)
	}
	if sheet := do(t, c.centre, server.RequestOpen, server.RequestNew{Kind: requests.See, Channel: "office", IDNumber: citizenNumber}); len(sheet.Records) != 1 {
		t.Error("the centre let it go with the phone")
	}
}
