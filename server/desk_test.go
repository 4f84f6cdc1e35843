package server_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"thonsync/clientlib"
	"thonsync/server/accounts"
	"thonsync/server/audit"
	"thonsync/server/httpapi"
	"thonsync/server/requests"
)

// api sends a request of the JSON API as the console would, and reads the answer
// into out.
func (b *browser) api(method, path, body string, out any) int {
	b.t.Helper()
	var own httpapi.OwnAccount
	send := func(method, path, body, csrf string, out any) int {
		req, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, strings.NewReader(body))
		if err != nil {
			b.t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-CSRF-Token", csrf)
		for name, value := range b.cookies {
			req.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		resp, err := (&http.Transport{}).RoundTrip(req)
		if err != nil {
			b.t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			b.t.Fatal(err)
		}
		b.body = string(text)
		if out != nil && resp.StatusCode < 300 {
			if err := json.Unmarshal(text, out); err != nil {
				b.t.Fatalf("%s %s: %v: %s", method, path, err, text)
			}
		}
		return resp.StatusCode
	}
	if method != http.MethodGet {
		send(http.MethodGet, "/v1/account", "", "", &own)
	}
	return send(method, path, body, own.CSRF, out)
}

// wantAPI is api for an answer with the status.
func (b *browser) wantAPI(status int, method, path, body string, out any) {
	b.t.Helper()
	if got := b.api(method, path, body, out); got != status {
		b.t.Fatalf("%s %s: %d, want %d: %s", method, path, got, status, b.body)
	}
}

// byWhom tells whether the access log holds an action of a browser's account.
func (w *world) byWhom(b *browser, action audit.Action) bool {
	w.t.Helper()
	var own httpapi.OwnAccount
	b.wantAPI(200, "GET", "/v1/account", "", &own)
	var list []audit.Entry
	b.wantAPI(200, "GET", "/v1/audit?action="+string(action), "", &list)
	for _, e := range list {
		if e.Actor == "account:"+own.ID || strings.Contains(e.Actor, own.ID) {
			return true
		}
	}
	return false
}

// An officer revokes a phone of his units over the API and sees no other; the
// access log names him.
func TestDevicesByTheAPI(t *testing.T) {
	w := newWorld(t)
	mine, other := w.phone(w.centre, w.teamA1), w.phone(w.centre, w.teamB1)
	for _, d := range []*clientlib.Device{mine, other} {
		w.record(d)
		w.exchange(d)
	}
	officer, operator := w.add(w.centre, "lan", accounts.Officer, communeA), w.add(w.centre, "minh", accounts.Province)
	var list httpapi.DeviceList
	officer.wantAPI(200, "GET", "/v1/devices", "", &list)
	if len(list.Devices) != 1 || list.Total != 1 || list.Devices[0].Origin != mine.Origin() || list.Devices[0].Changes == 0 {
		t.Fatalf("%+v", list)
	}
	officer.wantAPI(404, "GET", "/v1/devices/"+other.Origin().String(), "", nil)
	foreign := officer.body
	officer.wantAPI(404, "GET", "/v1/devices/01920000-0000-7000-8000-000000000001", "", nil)
	if strings.Contains(foreign, "01920000") != strings.Contains(officer.body, "01920000") {
		t.Errorf("foreign: %s absent: %s", foreign, officer.body)
	}
	officer.wantAPI(404, "POST", "/v1/devices/"+other.Origin().String()+"/revoke", `{"reason":"lost"}`, nil)
	var ruled httpapi.DeviceRuled
	officer.wantAPI(200, "POST", "/v1/devices/"+mine.Origin().String()+"/revoke", `{"reason":"lost"}`, &ruled)
	if ruled.Device.State != httpapi.DeviceRevoked || ruled.Device.Reason != "lost" || ruled.Before {
		t.Errorf("%+v", ruled)
	}
	operator.wantAPI(200, "POST", "/v1/devices/"+other.Origin().String()+"/revoke", `{}`, nil)
	if !w.byWhom(operator, audit.DeviceRevoked) {
		t.Error("the access log does not name who revoked")
	}
	var first, second httpapi.DeviceList
	operator.wantAPI(200, "GET", "/v1/devices?limit=1", "", &first)
	operator.wantAPI(200, "GET", "/v1/devices?limit=1&after="+first.After, "", &second)
	if first.Total != 2 || len(second.Devices) != 1 || second.Devices[0].Origin == first.Devices[0].Origin || second.After != "" {
		t.Errorf("pages: %+v, %+v", first, second)
	}
}

// A province operator makes an account, shuts it out and lets it in again, by
// its id.
func TestAccountsByTheAPI(t *testing.T) {
	w := newWorld(t)
	operator, officer := w.add(w.centre, "minh", accounts.Province), w.add(w.centre, "lan", accounts.Officer, communeA)
	officer.wantAPI(404, "GET", "/v1/accounts", "", nil)
	var link httpapi.AccountLink
	operator.wantAPI(200, "POST", "/v1/accounts", `{"name":"hoa","role":"officer","units":["`+communeB+`"]}`, &link)
	if !strings.Contains(link.URL, "code=") || link.Hours == 0 {
		t.Errorf("%+v", link)
	}
	operator.wantAPI(422, "POST", "/v1/accounts", `{"name":"hoa","role":"chief"}`, nil)
	operator.wantAPI(422, "POST", "/v1/accounts", `{"name":"hue","role":"officer","units":["no:1"]}`, nil)
	var list []accounts.Account
	operator.wantAPI(200, "GET", "/v1/accounts", "", &list)
	var lan accounts.Account
	for _, a := range list {
		if a.Name == "lan" {
			lan = a
		}
	}
	if len(list) != 3 || lan.Role != accounts.Officer {
		t.Fatalf("%+v", list)
	}
	operator.wantAPI(204, "PUT", "/v1/accounts/"+lan.ID.String()+"/disabled", `{"disabled":true}`, nil)
	if officer.api("GET", "/v1/account", "", nil) != 401 {
		t.Error("a disabled account is answered")
	}
	operator.wantAPI(204, "PUT", "/v1/accounts/"+lan.ID.String()+"/disabled", `{"disabled":false}`, nil)
	operator.wantAPI(204, "PUT", "/v1/accounts/"+lan.ID.String()+"/role", `{"role":"auditor"}`, nil)
	operator.wantAPI(200, "POST", "/v1/accounts/"+lan.ID.String()+"/reset", ``, &link)
	operator.wantAPI(404, "POST", "/v1/accounts/01920000-0000-7000-8000-000000000001/reset", ``, nil)
	if !w.byWhom(operator, audit.Disabled) {
		t.Error("the access log does not name who shut the account out")
	}
}

// A citizen's request goes from its opening to its end over the API; only the
// province sees it.
func TestRequestsByTheAPI(t *testing.T) {
	w := newWorld(t)
	d := w.phone(w.centre, w.teamA1)
	id := w.record(d)
	w.exchange(d)
	operator, officer := w.add(w.centre, "minh", accounts.Province), w.add(w.centre, "lan", accounts.Officer, communeA)
	officer.wantAPI(404, "GET", "/v1/requests", "", nil)
	var r httpapi.RequestView
	operator.wantAPI(200, "POST", "/v1/requests", `{"kind":"erase","channel":"office","records":["`+id.String()+`"]}`, &r)
	path := "/v1/requests/" + r.Number
	operator.wantAPI(200, "POST", path+"/steps", `{"act":"acknowledged"}`, &r)
	operator.wantAPI(422, "POST", path+"/erase", `{"records":2}`, nil)
	var gone httpapi.RequestErased
	operator.wantAPI(200, "POST", path+"/erase", `{"records":1}`, &gone)
	if len(gone.Rulings) == 0 || !gone.Request.Answered {
		t.Errorf("%+v", gone)
	}
	operator.wantAPI(200, "POST", path+"/steps", `{"act":"closed","outcome":"done"}`, &r)
	if r.Open || r.Outcome != requests.Done {
		t.Errorf("%+v", r)
	}
	var list httpapi.RequestList
	operator.wantAPI(200, "GET", "/v1/requests?all=true", "", &list)
	if len(list.Requests) != 1 || len(list.Kinds) == 0 {
		t.Errorf("%+v", list)
	}
	operator.wantAPI(404, "GET", "/v1/requests/2020-0001", "", nil)
}
