package server_test

import (
	"image"
	"image/color"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	goqr "github.com/piglig/go-qr"

	"thonsync/clientlib"
	"thonsync/server"
	"thonsync/server/accounts"
	"thonsync/server/answer"
	"thonsync/server/audit"
	"thonsync/syncproto"
)

var (
	optionValue = regexp.MustCompile(`<option value="([0-9a-f-]+)">([^<]*)`)
	bigText     = regexp.MustCompile(`<p class="big">([^<]+)</p>`)
	svgSide     = regexp.MustCompile(`viewBox="0 0 (\d+)`)
	svgModule   = regexp.MustCompile(`M(\d+) (\d+)h1v1h-1z`)
)

// scan reads the QR code of a page as a camera would.
func (b *browser) scan() string {
	b.t.Helper()
	m := svgSide.FindStringSubmatch(b.body)
	if m == nil {
		b.t.Fatalf("no QR code on the page:\n%s", b.body)
	}
	side, err := strconv.Atoi(m[1])
	if err != nil {
		b.t.Fatal(err)
	}
	const px = 5
	img := image.NewGray(image.Rect(0, 0, side*px, side*px))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	for _, at := range svgModule.FindAllStringSubmatch(b.body, -1) {
		x, _ := strconv.Atoi(at[1])
		y, _ := strconv.Atoi(at[2])
		for dy := range px {
			for dx := range px {
				img.SetGray(x*px+dx, y*px+dy, color.Gray{})
			}
		}
	}
	text, err := goqr.Decode(img)
	if err != nil {
		b.t.Fatal(err)
	}
	return text
}

func (b *browser) big() string {
	b.t.Helper()
	m := bigText.FindStringSubmatch(b.body)
	if m == nil {
		b.t.Fatalf("nothing to compare on the page:\n%s", b.body)
	}
	return m[1]
}

// newCode has a page make a code for a team and gives where it is shown.
func (b *browser) newCode(team string) string {
	b.t.Helper()
	b.post("/enrol", "/enrol", "team", team)
	at := b.header.Get("Location")
	if b.status != 303 || !strings.HasPrefix(at, "/enrol/code?name=") {
		b.t.Fatalf("status %d, led to %q: %s", b.status, at, b.body)
	}
	return at
}

func digitsOf(at string) string { u, _ := url.Parse(at); return u.Query().Get("name") }

// An officer of a commune takes a phone in by the pages of a point without
// internet: choose, scan, compare, confirm.
func TestOfficerTakesAPhoneInByThePages(t *testing.T) {
	w := newWorld(t)
	p := w.point(communeA)
	p.line.cut.Store(true)
	b := w.add(p, "can-bo", accounts.Officer, communeA)
	b.get("/account").want(200, "/enrol")
	b.get("/enrol").want(200, "Nhận máy mới cho một tổ")
	teams := optionValue.FindAllStringSubmatch(b.body, -1)
	if len(teams) != 2 || !strings.Contains(teams[1][2], "Thôn Một, Xã An") {
		t.Fatalf("teams offered: %v", teams)
	}
	at := b.newCode(w.teamA1.String())
	b.get(at).want(200, "Đang đợi máy quét mã")
	uri := b.scan()
	if !strings.Contains(b.body, `http-equiv="refresh"`) || !strings.Contains(uri, url.QueryEscape(b.big())) {
		t.Errorf("the page does not follow the code: %s", b.body)
	}
	d := w.device()
	j, err := d.Join(t.Context(), uri, "Máy tổ Một")
	if syncproto.CodeOf(err) != syncproto.CodeCredential || !j.Waiting {
		t.Fatalf("before the officer says so: %+v, %v", j, err)
	}
	b.get(at+"&lang=en").want(200, "exactly these")
	if b.big() != j.Digits || strings.Contains(b.body, "refresh") || !strings.Contains(b.body, "Máy tổ Một") {
		t.Errorf("the phone shows %s, the page: %s", j.Digits, b.body)
	}
	b.post("/enrol/confirm", at, "name", digitsOf(at), "digits", j.Digits).wantAt(at)
	b.get(at).want(200, "Confirmed")
	if j, err = d.Join(t.Context(), uri, "Máy tổ Một"); err != nil || j.Welcome.Team != w.teamA1 {
		t.Fatalf("after: %+v, %v", j, err)
	}
	b.get(at).want(200, "The phone is in")
	w.exchange(d) // with the point alone
	if err := d.SelectPerson(t.Context(), w.member[w.teamA1], ""); err != nil {
		t.Fatal(err)
	}
	id := w.record(d)
	w.exchange(d)
	w.wantStage(d, id, clientlib.StageAtCommune)
	p.line.cut.Store(false)
	w.sync(p)
	w.exchange(d)
	w.wantStage(d, id, clientlib.StageAtCentre)
	entries, err := server.AuditList.Do(t.Context(), p.Node, server.AuditQuery{Last: 50})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[audit.Action]int{}
	for _, e := range entries {
		if e.Object == w.teamA1.String() && e.Unit == villageA1 && e.Actor != audit.Console {
			seen[e.Action]++
		}
	}
	if seen[audit.CodeMade] != 1 || seen[audit.CodeConfirmed] != 1 {
		t.Errorf("access log: %v in %+v", seen, entries)
	}
}

// Digits that differ void the code; another officer's code is not there; a form
// from elsewhere does nothing.
func TestEnrolmentPagesAreGuarded(t *testing.T) {
	w := newWorld(t)
	a := w.add(w.centre, "xa-an", accounts.Officer, communeA)
	other := w.add(w.centre, "xa-binh", accounts.Officer, communeB)
	auditor := w.add(w.centre, "kiem-tra", accounts.Auditor)
	w.browser(w.centre).get("/enrol").wantAt("/signin?next=%2Fenrol")
	auditor.get("/enrol")
	if auditor.status == 200 {
		t.Error("an auditor takes phones in")
	}
	other.get("/enrol").want(200, "Thôn Ba")
	if strings.Contains(other.body, w.teamA1.String()) {
		t.Error("a team of another commune is offered")
	}
	other.post("/enrol", "/enrol", "team", w.teamA1.String()).want(404, "Không có mã này")

	at := a.newCode(w.teamA1.String())
	uri := a.get(at).scan()
	other.get(at).want(404, "Không có mã này")
	d := w.device()
	if j, _ := d.Join(t.Context(), uri, "Phone"); !j.Waiting {
		t.Fatalf("%+v", j)
	}
	name := digitsOf(at)
	st := func() answer.CodeState {
		list, err := server.CodeList.Do(t.Context(), w.centre.Node, server.None{})
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		return list[0]
	}
	shown := st().Digits
	other.post("/enrol/confirm", "/enrol", "name", name, "digits", shown).want(404, "Không có mã này")
	a.post("/enrol/confirm", "", "name", name, "digits", shown).want(403, "Trang đã cũ") // without its token
	a.get(at)
	token := csrfField.FindStringSubmatch(a.body)[1]
	a.do("POST", "/enrol/confirm", url.Values{"csrf": {token}, "name": {name}, "digits": {shown}}, "Sec-Fetch-Site", "cross-site").want(403, "Trang đã cũ")
	if s := st(); s.State != "waiting" {
		t.Fatalf("a form from elsewhere acted: %+v", s)
	}
	a.post("/enrol/refuse", at, "name", name).wantAt(at)
	a.get(at).want(200, "Mã đã bị hủy")
	if _, err := d.Join(t.Context(), uri, "Phone"); syncproto.CodeOf(err) != syncproto.CodeCodeSpent {
		t.Errorf("the voided code still works: %v", err)
	}
	w.clock.advance(answer.CodeLife)
	a.get(at).want(200, "Mã đã hết hạn")
	a.get("/enrol").want(200, "Nhận máy mới")
	a.get(at).want(404, "Không có mã này") // forgotten with the list
}
