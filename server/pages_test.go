package server_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"thonsync/server"
	"thonsync/server/accounts"
	"thonsync/server/audit"
	"thonsync/server/httpapi"
	"thonsync/server/requests"
	"thonsync/syncproto"
)

// browser keeps cookies as browsers do on localhost, where they take Secure ones.
type browser struct {
	t       *testing.T
	base    string
	cookies map[string]string
	status  int
	header  http.Header
	body    string
}

func (w *world) browser(at *running) *browser {
	return &browser{t: w.t, base: at.url, cookies: map[string]string{}}
}

func (b *browser) do(method, path string, form url.Values, header ...string) *browser {
	b.t.Helper()
	path = strings.TrimPrefix(path, b.base)
	if u, err := url.Parse(path); err == nil && u.Host != "" {
		path = u.RequestURI() // links name the machine as localhost
	}
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i < len(header); i += 2 {
		if req.Header.Set(header[i], header[i+1]); header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	for name, value := range b.cookies {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	resp, err := (&http.Transport{}).RoundTrip(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	b.status, b.header, b.body = resp.StatusCode, resp.Header, string(body)
	for _, c := range resp.Cookies() {
		if strings.HasPrefix(c.Name, "__Host-") && (!c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "") {
			b.t.Errorf("cookie %s may be read or sent elsewhere: %+v", c.Name, c)
		}
		if b.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	written := strings.ReplaceAll(b.body, `<script type="module" src="/console/a/`, "") // the console's own file
	if strings.Contains(strings.ToLower(written), "<script") || len(b.header.Values("Content-Security-Policy")) > 1 {
		b.t.Errorf("%s %s: a script, or two policies: %v", method, path, b.header)
	}
	return b
}

func (b *browser) get(path string, header ...string) *browser {
	b.t.Helper()
	return b.do("GET", path, nil, header...)
}

var csrfField = regexp.MustCompile(`name="csrf" value="([0-9a-f]+)"`)

// post sends a form as the page at from would.
func (b *browser) post(path, from string, fields ...string) *browser {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	if from != "" {
		if m := csrfField.FindStringSubmatch(b.get(from).body); m != nil {
			form.Set("csrf", m[1])
		}
	}
	return b.do("POST", path, form)
}

func (b *browser) want(status int, text string) *browser {
	b.t.Helper()
	if b.status != status || !strings.Contains(b.body, text) {
		b.t.Fatalf("status %d, want %d with %q: %s", b.status, status, text, b.body)
	}
	return b
}

func (b *browser) wantAt(location string) {
	b.t.Helper()
	if got := b.header.Get("Location"); b.status != http.StatusSeeOther || got != location {
		b.t.Fatalf("status %d, led to %q, want %q: %s", b.status, got, location, b.body)
	}
}

const passphrase = "bốn từ rời nhau"

// add makes an account at a server and gives a browser that is signed in.
func (w *world) add(at *running, name string, role accounts.Role, units ...string) *browser {
	w.t.Helper()
	link, err := server.AccountAdd.Run(w.t.Context(), at.cfg, w.options(), server.AccountChange{Name: name, Role: role, Units: units})
	if err != nil {
		w.t.Fatal(err)
	}
	b := w.browser(at)
	u, err := url.Parse(link.URL)
	if err != nil {
		w.t.Fatal(err)
	}
	b.post("/welcome", "", "code", u.Query().Get("code"), "password", passphrase, "again", passphrase).wantAt("/account")
	return b
}

// The first start: a link on the console, a name and a password, the second
// factor, signing out and in again, all without a script.
func TestFirstRunAndAccountInABrowser(t *testing.T) {
	w := newWorld(t)
	link, err := w.centre.FirstRun(t.Context())
	if err != nil || !strings.HasPrefix(link, "http://localhost:") {
		t.Fatal(link, err)
	}
	b := w.browser(w.centre)
	b.get("/").want(200, `href="/console"`)
	if b.get("/", "Host", "192.168.1.1:8017").want(200, "tỉnh"); strings.Contains(b.body, "/signin") {
		t.Error("people are led to sign in over plain HTTP")
	}
	for _, path := range []string{"/signin", "/welcome", "/account"} {
		b.get(path, "Host", "192.168.1.1:8017").want(404, "https")
	}
	b.get(link).want(200, "Tài khoản đầu tiên")
	b.get(link+"&lang=en").want(200, "The first account")
	delete(b.cookies, "thonsync-lang")
	u, _ := url.Parse(link)
	code := u.Query().Get("code")
	b.post("/welcome", "", "code", code, "name", "lan", "password", "matkhau123456", "again", "matkhau123456").want(422, "rất dễ đoán")
	b.post("/welcome", "", "code", code, "name", "lan", "password", passphrase, "again", "x").want(422, "không giống nhau")
	b.post("/welcome", "", "code", code, "name", "lan", "password", passphrase, "again", passphrase).wantAt("/account")
	b.get(link).want(422, "đã dùng rồi")
	first := b.cookies[httpapi.SessionCookie]

	// The second factor.
	b.get("/account").want(200, "cán bộ tỉnh")
	b.get("/account/factor").want(200, "<svg")
	// Officers compare this with a clock on the wall.
	b.want(200, w.clock.now().In(requests.Zone).Format("15:04:05 02/01/2006"))
	secret := regexp.MustCompile(`<code>([A-Z2-7 ]+)</code>`).FindStringSubmatch(b.body)[1]
	secret = strings.ReplaceAll(secret, " ", "")
	b.post("/account/factor", "/account", "code", "000000").want(422, "Mã không đúng")
	now, err := totp.GenerateCode(secret, w.clock.now())
	if err != nil {
		t.Fatal(err)
	}
	b.post("/account/factor", "/account", "code", now).want(200, "Mã dự phòng")
	recovery := regexp.MustCompile(`<code>([A-Z2-7]{5}-[A-Z2-7]{5})</code>`).FindAllStringSubmatch(b.body, -1)
	if len(recovery) != 10 || b.cookies[httpapi.SessionCookie] == first {
		t.Fatalf("%d recovery codes; the session is the old one: %v", len(recovery), b.cookies[httpapi.SessionCookie] == first)
	}
	b.post("/account/signout", "/account").wantAt("/signin")
	b.get("/account").wantAt("/signin?next=%2Faccount")

	b.get("/signin").want(200, "Đăng nhập")
	b.post("/signin", "", "name", "lan", "password", passphrase, "code", now).want(422, "không đúng") // the code was used
	b.post("/signin", "", "name", " LAN ", "password", passphrase, "code", recovery[0][1], "next", "//evil.example").wantAt("/account?said=recovered")
	b.post("/account/password", "/account", "present", passphrase, "password", "một mật khẩu khác hẳn", "again", "một mật khẩu khác hẳn").wantAt("/account?said=password")
	b.post("/account/factor/off", "/account", "code", recovery[1][1]).wantAt("/account?said=off")
	b.get("/accesslog").want(200, "đăng nhập không được")
	b.want(200, "nguyên vẹn").want(200, "lan")
	if strings.Contains(b.body, "127.0.0.1") {
		t.Error("the access log shows an address")
	}
	b.post("/account/signout/everywhere", "/account").wantAt("/signin")
}

// Forms are taken from this server's own pages only.
func TestFormsFromElsewhereAreRefused(t *testing.T) {
	w := newWorld(t)
	b := w.add(w.centre, "lan", accounts.Province)
	session := b.cookies[httpapi.SessionCookie]
	form := url.Values{"csrf": {"00"}}
	b.do("POST", "/account/signout/everywhere", form).want(403, "")
	b.do("POST", "/account/signout/everywhere", url.Values{}).want(403, "")
	token := csrfField.FindStringSubmatch(b.get("/account").body)[1]
	other := w.add(w.centre, "minh", accounts.Province)
	other.do("POST", "/account/signout/everywhere", url.Values{"csrf": {token}}).want(403, "")
	for _, h := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "", "Origin", "https://evil.example"}} {
		b.do("POST", "/account/signout/everywhere", url.Values{"csrf": {token}}, h...).want(403, "")
		b.do("POST", "/signin", url.Values{"name": {"minh"}, "password": {passphrase}}, h...).want(403, "")
	}
	if b.cookies[httpapi.SessionCookie] != session {
		t.Error("a form from elsewhere changed the session")
	}
	b.get("/account").want(200, "lan")
	b.do("POST", "/signin", url.Values{"password": {strings.Repeat("x", 1<<17)}}).want(403, "") // no form is so large
}

// walkers are signed in at one server.
func (w *world) walkers(at *running, own, foreign string) map[string]*browser {
	return map[string]*browser{
		"nobody":   w.browser(at),
		"province": w.add(at, "tinh", accounts.Province),
		"own":      w.add(at, "xa-an", accounts.Officer, own),
		"foreign":  w.add(at, "xa-binh", accounts.Officer, foreign),
		"auditor":  w.add(at, "kiem-tra", accounts.Auditor),
	}
}

// Every page that a server mounts is opened by everybody; one that is not named
// here, or lets somebody else see it, fails.
func TestEveryPageForEveryRole(t *testing.T) {
	w := newWorld(t)
	see := map[string][]string{
		"/signin":                                {"nobody", "province", "own", "foreign", "auditor"},
		"/welcome":                               {}, // without a code nobody
		"/account":                               {"province", "own", "foreign", "auditor"},
		"/accesslog":                             {"province", "auditor"},
		"/console":                               {"province", "own", "foreign", "auditor"}, // the page alone: it holds no data
		"/enrol":                                 {"province", "own", "foreign"},            // each his own teams
		server.MonthlyPath:                       {"province", "own", "foreign"},            // each his own unit
		server.MonthlyPath + "?unit=" + communeA: {"province", "own"},
		"/v1/status":                             {"province"},
		"/v1/reports/teams?unit=" + communeA:     {"province", "own"},
		"/v1/reports/teams?unit=" + villageA1:    {"province", "own"},
		"/v1/reports/custody/csv?unit=" + communeA: {"province", "own"},
		"/v1/audit":   {"province", "auditor"},
		"/v1/account": {"province", "own", "foreign", "auditor"},
		"/metrics":    {"province"},
	}
	for _, m := range server.Pages(w.centre.Node) {
		if _, named := see[m.Prefix]; !named {
			t.Errorf("page %s is not named in this test", m.Prefix)
		}
	}
	for name, b := range w.walkers(w.centre, communeA, communeB) {
		for path, who := range see {
			b.get(path)
			if want := slices.Contains(who, name); (b.status == 200) != want {
				t.Errorf("%s opens %s: %d, want %v", name, path, b.status, want)
			}
			if name == "foreign" && (strings.Contains(b.body, "Xã An") || strings.Contains(b.body, communeA)) && b.status == 200 {
				t.Errorf("%s shows another commune: %s", path, b.body)
			}
		}
	}
}

// At a point without internet an officer signs in, sees the commune, and nobody
// else's officer does.
func TestOfficerAtAPointWithoutInternet(t *testing.T) {
	w := newWorld(t)
	p := w.point(communeA)
	p.line.cut.Store(true)
	link, err := p.FirstRun(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(link)
	b := w.browser(p)
	b.post("/welcome", "", "code", u.Query().Get("code"), "name", "xa-an", "password", passphrase, "again", passphrase).wantAt("/account")
	b.get("/account").want(200, communeA)
	b.get("/v1/status").want(200, `"role":"point"`)
	b.get("/v1/reports/teams").want(200, "Thôn")
	b.get("/v1/reports/teams?unit="+communeB).want(404, "not-found")
	if strings.Contains(b.get("/v1/account").body, `"role":"province"`) {
		t.Error("the first account of a point is a province operator's")
	}
}

// A disabled account is out at the next request, and commands say what they did.
func TestAccountsByCommand(t *testing.T) {
	w := newWorld(t)
	b := w.add(w.centre, "lan", accounts.Officer, communeA)
	run := func(c server.Command[server.AccountChange, server.None], in server.AccountChange) {
		t.Helper()
		if _, err := c.Run(t.Context(), w.centre.cfg, w.options(), in); err != nil {
			t.Fatal(err)
		}
	}
	run(server.AccountRole, server.AccountChange{Name: "lan", Role: accounts.Officer, Units: []string{communeB}})
	b.post("/signin", "", "name", "lan", "password", passphrase).wantAt("/console")
	b.get("/v1/reports/teams?unit="+communeA).want(404, "")
	run(server.AccountDisable, server.AccountChange{Name: "lan"})
	b.get("/v1/reports/teams").want(401, "sign-in")
	if c := w.doctor("accounts"); c.OK || c.Fix == "" {
		t.Errorf("nobody can sign in: %+v", c)
	}
	run(server.AccountEnable, server.AccountChange{Name: "lan"})
	if c := w.doctor("accounts"); !c.OK {
		t.Errorf("%+v", c)
	}
	b.post("/signin", "", "name", "lan", "password", passphrase).wantAt("/console")
	run(server.AccountRole, server.AccountChange{Name: "lan", Role: accounts.Province})
	if c := w.doctor("accounts"); c.OK || !strings.Contains(c.Detail, "second factor") {
		t.Errorf("a province operator with a password alone: %+v", c)
	}
	if _, err := server.AccountAdd.Run(t.Context(), w.centre.cfg, w.options(), server.AccountChange{Name: "x-y", Role: accounts.Officer, Units: []string{"nowhere:1"}}); syncproto.CodeOf(err) != syncproto.CodeInvalidInput {
		t.Errorf("an officer of a unit that is not known: %v", err)
	}
	list, err := server.AuditList.Run(t.Context(), w.centre.cfg, w.options(), server.AuditQuery{Actor: audit.Console})
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(list)
	for _, a := range []audit.Action{audit.Added, audit.RoleChanged, audit.Disabled, audit.Enabled} {
		if !bytes.Contains(text, []byte(a)) {
			t.Errorf("%s is not in the log: %s", a, text)
		}
	}
}

// A restored server knows the accounts of its backup, and nobody is signed in.
func TestRestoredServerHasItsAccounts(t *testing.T) {
	w := newWorld(t)
	b := w.add(w.centre, "lan", accounts.Province)
	b.get("/account").want(200, "lan")
	made := w.backup()
	w.centre.stop()
	ln := listen(t)
	cfg := testConfig(filepath.Join(t.TempDir(), "restored"), ln.Addr().String())
	cfg.BackupFolder, cfg.BackupKeys = w.centre.cfg.BackupFolder, w.centre.cfg.BackupKeys
	if err := server.Restore(t.Context(), cfg, w.options(), made.File); err != nil {
		t.Fatal(err)
	}
	w.centre = serve(t, cfg, w.options(), ln)
	b.base = w.centre.url
	b.get("/account").wantAt("/signin?next=%2Faccount")
	b.post("/signin", "", "name", "lan", "password", passphrase).wantAt("/console")
	w.clock.advance(2 * time.Hour) // testConfig lets sessions idle for one
	b.get("/account").wantAt("/signin?next=%2Faccount")
}

// doctor gives the centre's finding of a name.
func (w *world) doctor(name string) server.Check {
	w.t.Helper()
	list, err := w.centre.Doctor(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range list {
		if c.Name == name {
			return c
		}
	}
	w.t.Fatalf("doctor does not look at %s", name)
	return server.Check{}
}

// A program gets in with the token of the data folder and with no other.
func TestOnlyTheTokenOfTheFolderOpens(t *testing.T) {
	w := newWorld(t)
	token, err := w.centre.APIToken()
	if err != nil {
		t.Fatal(err)
	}
	b := w.browser(w.centre)
	for name, header := range map[string]string{
		"another": "Bearer " + strings.Repeat("a", len(token)), "a longer one": "Bearer " + token + "a", "a shorter one": "Bearer " + token[:len(token)-1],
		"none": "Bearer ", "no scheme": token, "Basic": "Basic " + token,
	} {
		if b.get("/v1/status", "Authorization", header); b.status != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, b.status)
		}
	}
	b.get("/v1/status", "Authorization", "Bearer "+token).want(200, "")
}
