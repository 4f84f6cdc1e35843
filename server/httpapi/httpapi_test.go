package httpapi_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/server/accounts"
	"thonsync/server/httpapi"
	"thonsync/syncproto"
)

// exchanger answers with what the test says.
type exchanger struct {
	exchange func(ctx context.Context, request []byte) ([]byte, error)
}

func (e exchanger) Exchange(ctx context.Context, b []byte) ([]byte, error) { return e.exchange(ctx, b) }
func (e exchanger) Keys(context.Context) ([]byte, error)                   { return []byte("notice"), nil }

type status struct{ ready error }

func (s status) Ready(context.Context) error { return s.ready }
func (s status) Status(context.Context) (httpapi.Status, error) {
	return httpapi.Status{Role: "point", Changes: 7}, nil
}

type access string

func (a access) Token(_ context.Context, token string) (accounts.Caller, error) {
	if token != string(a) {
		return accounts.Caller{}, accounts.ErrSignIn
	}
	return accounts.Machine(), nil
}

// Session takes "role unit unit" for a token.
func (a access) Session(_ context.Context, token string) (accounts.Caller, error) {
	f := strings.Split(token, ".")
	if !slices.Contains(accounts.Roles(), accounts.Role(f[0])) {
		return accounts.Caller{}, accounts.ErrSignIn
	}
	return accounts.Caller{Account: uuid.NewSHA1(uuid.Nil, []byte(token)), Name: "name", Role: accounts.Role(f[0]), Units: f[1:], CSRF: "csrf-token", Pending: slices.Contains(f, "pending")}, nil
}

func (a access) Within(unit string, units []string) bool { return slices.Contains(units, unit) }
func (a access) Whole(units []string) bool               { return slices.Contains(units, "whole") }

func limits() httpapi.Limits {
	return httpapi.Limits{Body: 4096, Concurrency: 2, Queue: 1, PerIP: 64, ReadTimeout: time.Minute, WriteTimeout: time.Minute, IdleTimeout: time.Minute, WorkTimeout: time.Minute}
}

// start serves on a real socket and gives the base URL.
func start(t *testing.T, o httpapi.Options) (string, *httpapi.Server) {
	t.Helper()
	if o.Exchange == nil {
		o.Exchange = exchanger{func(_ context.Context, b []byte) ([]byte, error) { return append([]byte("re:"), b...), nil }}
	}
	if o.Status == nil {
		o.Status = status{}
	}
	if o.Access == nil {
		o.Access = access("secret")
	}
	if o.Limits == (httpapi.Limits{}) {
		o.Limits = limits()
	}
	o.Version = httpapi.Version{Program: "1.2.3", Role: "point", Protocol: httpapi.ProtocolRange{Min: 1, Max: 1}}
	s := httpapi.New(o)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(ln, nil) }()
	t.Cleanup(func() {
		_ = s.Shutdown(context.Background())
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return "http://" + ln.Addr().String(), s
}

// client keeps no answer waiting for ever; tests never wait for its time-out.
var client = &http.Client{Transport: &http.Transport{ResponseHeaderTimeout: 2 * time.Minute}}

type reply struct {
	status int
	header http.Header
	body   []byte
	prob   httpapi.Problem
}

func do(t *testing.T, method, url string, body []byte, header ...string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := client.Transport.RoundTrip(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer resp.Body.Close()
	r := reply{status: resp.StatusCode, header: resp.Header}
	if r.body, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json") {
		if err := json.Unmarshal(r.body, &r.prob); err != nil {
			t.Fatalf("problem does not parse: %v: %s", err, r.body)
		}
	}
	return r
}

func (r reply) wantProblem(t *testing.T, status int, code syncproto.Code) {
	t.Helper()
	if r.status != status || r.prob.Code != code || r.prob.Status != status {
		t.Fatalf("got status %d, code %q: %s; want %d, %q", r.status, r.prob.Code, r.body, status, code)
	}
	if r.prob.Title == "" || r.prob.Type != "urn:thonsync:error:"+string(code) {
		t.Errorf("title %q, type %q", r.prob.Title, r.prob.Type)
	}
}

func TestExchangeCarriesBytesAsTheyAre(t *testing.T) {
	base, _ := start(t, httpapi.Options{})
	body := []byte{0, 1, 2, 0xff, '\r', '\n'}
	r := do(t, "POST", base+"/v1/exchange", body)
	if r.status != 200 || !bytes.Equal(r.body, append([]byte("re:"), body...)) {
		t.Fatalf("status %d, body %q", r.status, r.body)
	}
	if got := r.header.Get("Content-Type"); got != httpapi.TypeExchange {
		t.Errorf("content type %q", got)
	}
	if r.header.Get("Content-Encoding") != "" || r.header.Get("X-Request-Id") == "" {
		t.Errorf("headers %v", r.header)
	}
}

func TestOldKeyIsAnsweredWithTheNotice(t *testing.T) {
	base, _ := start(t, httpapi.Options{Exchange: exchanger{func(context.Context, []byte) ([]byte, error) {
		return []byte("new keys"), syncproto.Errorf(syncproto.CodeOldKey, "old")
	}}})
	r := do(t, "POST", base+"/v1/exchange", []byte("x"))
	if r.status != 409 || r.header.Get("Content-Type") != httpapi.TypeKeys || string(r.body) != "new keys" {
		t.Fatalf("%d %v %q", r.status, r.header, r.body)
	}
}

// Every code of the protocol has a status that is not 500, except the one that
// means a fault of the program.
func TestErrorsBecomeProblems(t *testing.T) {
	var err error
	base, _ := start(t, httpapi.Options{Exchange: exchanger{func(context.Context, []byte) ([]byte, error) { return nil, err }}})
	for _, c := range []struct {
		code   syncproto.Code
		status int
	}{
		{syncproto.CodeMalformed, 400}, {syncproto.CodeTooLarge, 413}, {syncproto.CodeVersion, 426}, {syncproto.CodeSignature, 403},
		{syncproto.CodeUnknownPeer, 403}, {syncproto.CodeCredential, 403}, {syncproto.CodeCodeSpent, 403}, {syncproto.CodeScope, 404},
		{syncproto.CodeOverload, 503}, {syncproto.CodeDiskFull, 507}, {syncproto.CodeNewerSchema, 503}, {syncproto.CodeReplay, 409},
		{syncproto.CodeUnreadable, 422}, {syncproto.CodeForeignKey, 403},
	} {
		err = fmt.Errorf("somewhere deep: %w", syncproto.Wrap(c.code, errors.New("SELECT 012345678901"), "say %s", c.code))
		r := do(t, "POST", base+"/v1/exchange", []byte("x"))
		r.wantProblem(t, c.status, c.code)
		if bytes.Contains(r.body, []byte("SELECT")) || bytes.Contains(r.body, []byte("deep")) {
			t.Errorf("%s: the cause leaks: %s", c.code, r.body)
		}
		if r.prob.Detail != "say "+string(c.code) || r.prob.RequestID == "" {
			t.Errorf("%s: detail %q, id %q", c.code, r.prob.Detail, r.prob.RequestID)
		}
		if (r.header.Get("Retry-After") != "") != (c.status == 503 || c.status == 507) {
			t.Errorf("%s: Retry-After %q", c.code, r.header.Get("Retry-After"))
		}
		if c.code == syncproto.CodeVersion && len(r.prob.Versions) != 1 {
			t.Errorf("versions %v", r.prob.Versions)
		}
	}
}

func TestRawErrorsNeverLeak(t *testing.T) {
	for name, f := range map[string]func(context.Context, []byte) ([]byte, error){
		"plain": func(context.Context, []byte) ([]byte, error) { return nil, errors.New("UNIQUE failed: 012345678901") },
		"internal": func(context.Context, []byte) ([]byte, error) {
			return nil, syncproto.Errorf(syncproto.CodeInternal, "at 012345678901")
		},
		"panic": func(context.Context, []byte) ([]byte, error) { panic("012345678901") },
		"nil map": func(context.Context, []byte) ([]byte, error) {
			m := map[string]int(nil)
			delete(m, "a")
			return []byte{}[:len(m)-1], nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			base, _ := start(t, httpapi.Options{Exchange: exchanger{f}})
			r := do(t, "POST", base+"/v1/exchange", []byte("x"))
			r.wantProblem(t, 500, syncproto.CodeInternal)
			if bytes.Contains(r.body, []byte("0123")) {
				t.Errorf("leaked: %s", r.body)
			}
			// The process lives.
			if r := do(t, "GET", base+"/healthz", nil); r.status != 200 {
				t.Errorf("healthz afterwards: %d", r.status)
			}
		})
	}
}

func TestCompressedBodiesAreRefused(t *testing.T) {
	called := false
	base, _ := start(t, httpapi.Options{Exchange: exchanger{func(context.Context, []byte) ([]byte, error) { called = true; return nil, nil }}})
	for _, enc := range []string{"gzip", "br", "deflate", "zstd", "gzip, identity"} {
		r := do(t, "POST", base+"/v1/exchange", []byte("\x1f\x8b"), "Content-Encoding", enc)
		r.wantProblem(t, 415, "content-encoding")
	}
	if called {
		t.Error("a compressed body reached the exchange")
	}
	// Also where the framework itself would decompress.
	do(t, "GET", base+"/v1/status", []byte("\x1f\x8b"), "Content-Encoding", "gzip").wantProblem(t, 415, "content-encoding")
}

func TestBodyLimit(t *testing.T) {
	called := false
	base, _ := start(t, httpapi.Options{Exchange: exchanger{func(context.Context, []byte) ([]byte, error) { called = true; return []byte("x"), nil }}})
	if r := do(t, "POST", base+"/v1/exchange", make([]byte, 4096)); r.status != 200 {
		t.Errorf("at the limit: %d", r.status)
	}
	called = false
	// The server may close while we still write; both are a refusal.
	req, err := http.NewRequestWithContext(t.Context(), "POST", base+"/v1/exchange", bytes.NewReader(make([]byte, 1<<20)))
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := client.Transport.RoundTrip(req); err == nil {
		defer resp.Body.Close()
		if resp.StatusCode != 413 {
			t.Errorf("over the limit: %d", resp.StatusCode)
		}
	}
	if called {
		t.Error("a body over the limit reached the exchange")
	}
}

func TestOverloadAnswersEarly(t *testing.T) {
	enter, leave := make(chan struct{}), make(chan struct{})
	l := limits()
	l.Concurrency, l.Queue = 1, 0
	base, _ := start(t, httpapi.Options{
		Limits: l, Spread: func(int64) int64 { return 0 },
		Exchange: exchanger{func(context.Context, []byte) ([]byte, error) {
			enter <- struct{}{}
			<-leave
			return []byte("done"), nil
		}},
	})
	first := make(chan reply, 1)
	go func() { first <- do(t, "POST", base+"/v1/exchange", nil) }()
	<-enter
	refused := do(t, "POST", base+"/v1/exchange", nil)
	refused.wantProblem(t, 503, syncproto.CodeOverload)
	if refused.header.Get("Retry-After") != "4" || !refused.prob.Retryable {
		t.Errorf("Retry-After %q, %s", refused.header.Get("Retry-After"), refused.body)
	}
	// The rest of the server answers meanwhile.
	if r := do(t, "GET", base+"/healthz", nil); r.status != 200 {
		t.Errorf("healthz: %d", r.status)
	}
	close(leave)
	if r := <-first; r.status != 200 {
		t.Errorf("the one that was in: %d", r.status)
	}
}

func TestSlowClientIsCutOff(t *testing.T) {
	l := limits()
	l.ReadTimeout = 50 * time.Millisecond
	base, _ := start(t, httpapi.Options{Limits: l})
	c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "POST /v1/exchange HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
	// The answer or the end comes without another byte from us; the deadline
	// only ends a failing test.
	if err := c.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err == nil && !strings.Contains(line, " 408 ") {
		t.Errorf("answered %q", line)
	}
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		t.Error("the server waits for ever")
	}
	if r := do(t, "POST", base+"/v1/exchange", nil); r.status != 200 {
		t.Errorf("another client meanwhile: %d", r.status)
	}
}

// TestLongestOpenConnectionGivesWay: whoever fills the places of an address
// keeps nobody out, and loses what has been open longest.
func TestLongestOpenConnectionGivesWay(t *testing.T) {
	l := limits()
	l.PerIP = 2
	base, _ := start(t, httpapi.Options{Limits: l})
	dial := func() net.Conn {
		c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	answers := func(c net.Conn) bool {
		if _, err := fmt.Fprint(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			return false
		}
		_, err := bufio.NewReader(c).ReadString('\n')
		return err == nil
	}
	first, second := dial(), dial()
	if !answers(first) || !answers(second) {
		t.Fatal("a connection within the bound is not answered")
	}
	third := dial()
	if !answers(third) {
		t.Error("a newcomer is kept out")
	}
	if answers(first) {
		t.Error("the connection that was open longest is still answered")
	}
	if !answers(second) {
		t.Error("more than one connection gave way")
	}
}

// TestSilentBodiesCostNoMemory: what a client announces costs nothing until it
// has arrived.
func TestSilentBodiesCostNoMemory(t *testing.T) {
	const clients, announced = 200, 1 << 20
	l := limits()
	l.Body, l.PerIP = announced, clients+10
	base, _ := start(t, httpapi.Options{Limits: l})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range clients {
		c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		fmt.Fprintf(c, "POST /v1/exchange HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", announced)
		// The server asks for the body, so it has read the head.
		if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(line, "100") {
			t.Fatalf("%q %v", line, err)
		}
		if _, err := c.Write(make([]byte, 9000)); err != nil {
			t.Fatal(err)
		}
	}
	if r := do(t, "POST", base+"/v1/exchange", make([]byte, announced)); r.status != 200 {
		t.Errorf("a whole body meanwhile: %d", r.status)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > clients*announced/4 {
		t.Errorf("%d silent clients made the server allocate %d MB", clients, grown>>20)
	}
}

func TestTruncatedBodyIsNotTaken(t *testing.T) {
	called := make(chan struct{}, 1)
	l := limits()
	l.Body = 1 << 20
	base, s := start(t, httpapi.Options{Limits: l, Exchange: exchanger{func(context.Context, []byte) ([]byte, error) { called <- struct{}{}; return nil, nil }}})
	c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "POST /v1/exchange HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n%s", strings.Repeat("a", 10000))
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	_, _ = io.ReadAll(c) // an answer or an end
	c.Close()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-called:
		t.Error("a body that ended early reached the exchange")
	default:
	}
}

// TestSmuggledRequestsAreRefused: what two servers in a row could read as
// different requests is answered with a fault and ends the connection.
func TestSmuggledRequestsAreRefused(t *testing.T) {
	base, _ := start(t, httpapi.Options{})
	hidden := "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n"
	for name, head := range map[string]string{
		"two lengths":          "Content-Length: 4\r\nContent-Length: 5\r\n",
		"length and chunks":    "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
		"two hosts":            "Host: y\r\nContent-Length: 4\r\n",
		"signed length":        "Content-Length: +4\r\n",
		"unknown coding":       "Transfer-Encoding: xchunked\r\n",
		"space before colon":   "Content-Length : 4\r\n",
		"folded header":        "X: a\r\n b\r\nContent-Length : 4\r\n",
		"chunked in old HTTP":  "Transfer-Encoding: gzip, chunked\r\n",
		"bare line feed":       "X: a\nContent-Length: 4\r\n",
		"length with a comma":  "Content-Length: 4, 4\r\n",
		"header without colon": "Content-Length\r\nContent-Length: 4\r\n",
	} {
		c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "POST /v1/exchange HTTP/1.1\r\nHost: x\r\n%s\r\n0\r\n\r\n%s", head, hidden)
		if err := c.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		all, _ := io.ReadAll(c) // a reset counts as an end
		c.Close()
		if n := strings.Count(string(all), "HTTP/1.1 "); n > 1 || strings.Contains(string(all), " 200 ") {
			t.Errorf("%s: %d answers: %.300q", name, n, all)
		}
	}
}

func TestWorkTimeoutReachesTheHandler(t *testing.T) {
	l := limits()
	l.WorkTimeout = time.Millisecond
	base, _ := start(t, httpapi.Options{Limits: l, Exchange: exchanger{func(ctx context.Context, _ []byte) ([]byte, error) {
		<-ctx.Done()
		return nil, syncproto.Errorf(syncproto.CodeOverload, "took too long")
	}}})
	do(t, "POST", base+"/v1/exchange", nil).wantProblem(t, 503, syncproto.CodeOverload)
}

func TestShutdownDrains(t *testing.T) {
	enter, leave := make(chan struct{}), make(chan struct{})
	base, s := start(t, httpapi.Options{Exchange: exchanger{func(context.Context, []byte) ([]byte, error) {
		enter <- struct{}{}
		<-leave
		return []byte("kept"), nil
	}}})
	got := make(chan reply, 1)
	go func() { got <- do(t, "POST", base+"/v1/exchange", nil) }()
	<-enter
	stopped := make(chan error, 1)
	go func() { stopped <- s.Shutdown(context.Background()) }()
	select {
	case err := <-stopped:
		t.Fatalf("stopped with a request under way: %v", err)
	default:
	}
	close(leave)
	if r := <-got; r.status != 200 || string(r.body) != "kept" {
		t.Errorf("the request under way got %d %q", r.status, r.body)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://")); err == nil {
		c.Close()
		t.Error("still listening")
	}
}

// A signal may come while the server is only starting.
func TestShutdownBeforeServe(t *testing.T) {
	s := httpapi.New(httpapi.Options{Limits: limits(), Status: status{}})
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(ln, nil); err != nil {
		t.Errorf("Serve: %v", err)
	}
	if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is left open: %v", err)
	}
}

func TestStatusNeedsTheToken(t *testing.T) {
	base, _ := start(t, httpapi.Options{})
	for _, path := range []string{"/v1/status", "/metrics"} {
		do(t, "GET", base+path, nil).wantProblem(t, 401, "sign-in")
		do(t, "GET", base+path, nil, "Authorization", "Bearer wrong").wantProblem(t, 401, "sign-in")
		if r := do(t, "GET", base+path, nil, "Authorization", "Bearer secret"); r.status != 200 {
			t.Errorf("%s with the token: %d %s", path, r.status, r.body)
		}
	}
	r := do(t, "GET", base+"/v1/status", nil, "Authorization", "Bearer secret")
	var st httpapi.Status
	if err := json.Unmarshal(r.body, &st); err != nil || st.Changes != 7 {
		t.Errorf("status %s: %v", r.body, err)
	}
	if r := do(t, "GET", base+"/metrics", nil, "Authorization", "Bearer secret"); !bytes.Contains(r.body, []byte("thonsync_http_requests_total")) {
		t.Errorf("metrics: %s", r.body)
	}
}

func TestReadiness(t *testing.T) {
	base, _ := start(t, httpapi.Options{Status: status{ready: syncproto.Errorf(syncproto.CodeDiskFull, "full")}})
	do(t, "GET", base+"/readyz", nil).wantProblem(t, 507, syncproto.CodeDiskFull)
	if r := do(t, "GET", base+"/healthz", nil); r.status != 200 {
		t.Errorf("healthz: %d", r.status)
	}
}

func TestTitlesFollowTheLanguage(t *testing.T) {
	base, _ := start(t, httpapi.Options{})
	vi := do(t, "GET", base+"/nowhere", nil)
	vi.wantProblem(t, 404, syncproto.CodeScope)
	en := do(t, "GET", base+"/nowhere", nil, "Accept-Language", "en-GB,vi;q=0.5")
	if vi.prob.Title != "Không tìm thấy" || en.prob.Title != "Not found" {
		t.Errorf("titles %q and %q", vi.prob.Title, en.prob.Title)
	}
	do(t, "PUT", base+"/v1/exchange", nil).wantProblem(t, 405, "method-not-allowed")
}

func TestPagesHoldNoCode(t *testing.T) {
	base, _ := start(t, httpapi.Options{})
	for _, path := range []string{"/", "/docs"} {
		r := do(t, "GET", base+path, nil)
		if r.status != 200 || bytes.Contains(bytes.ToLower(r.body), []byte("<script")) || bytes.Contains(r.body, []byte("://")) {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
		if csp := r.header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") {
			t.Errorf("%s: policy %q", path, csp)
		}
	}
	if r := do(t, "GET", base+"/", nil); !bytes.Contains(r.body, []byte("Điểm nhận dữ liệu của xã")) {
		t.Errorf("front page: %s", r.body)
	}
}

func TestOpenAPINamesEveryRoute(t *testing.T) {
	base, _ := start(t, httpapi.Options{Reports: reports{}})
	r := do(t, "GET", base+"/openapi.json", nil)
	var doc struct {
		OpenAPI string                    `json:"openapi"`
		Paths   map[string]map[string]any `json:"paths"`
	}
	if err := json.Unmarshal(r.body, &doc); err != nil || !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Fatalf("document: %v, version %q", err, doc.OpenAPI)
	}
	for path, method := range map[string]string{
		"/v1/exchange": "post", "/v1/keys": "get", "/v1/status": "get", "/version": "get",
		"/v1/reports": "get", "/v1/reports/{name}": "get", "/v1/reports/{name}/{format}": "get",
	} {
		if doc.Paths[path][method] == nil {
			t.Errorf("%s %s is missing", method, path)
		}
	}
	docs := do(t, "GET", base+"/docs", nil)
	if !bytes.Contains(docs.body, []byte("POST /v1/exchange")) {
		t.Errorf("docs page: %s", docs.body)
	}
}

type reports struct{}

func (reports) Reports() []httpapi.ReportInfo { return []httpapi.ReportInfo{{Name: "silent-teams"}} }
func (reports) Report(_ context.Context, q httpapi.ReportQuery) (*httpapi.ReportTable, error) {
	if q.Name != "silent-teams" {
		return nil, syncproto.Errorf(syncproto.CodeNotFound, "no such report")
	}
	return &httpapi.ReportTable{Name: q.Name, Rows: [][]any{{"a", 1}}}, nil
}
func (reports) Export(_ context.Context, q httpapi.ReportQuery, format string, w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s as %s of %s", q.Name, format, q.Unit)
	return err
}

func TestReports(t *testing.T) {
	base, _ := start(t, httpapi.Options{Reports: reports{}})
	auth := []string{"Authorization", "Bearer secret"}
	do(t, "GET", base+"/v1/reports/silent-teams", nil).wantProblem(t, 401, "sign-in")
	if r := do(t, "GET", base+"/v1/reports/silent-teams", nil, auth...); r.status != 200 || !bytes.Contains(r.body, []byte(`[["a",1]]`)) {
		t.Errorf("report: %d %s", r.status, r.body)
	}
	do(t, "GET", base+"/v1/reports/other", nil, auth...).wantProblem(t, 404, syncproto.CodeNotFound)
	do(t, "GET", base+"/v1/reports/silent-teams?from=yesterday", nil, auth...).wantProblem(t, 422, syncproto.CodeInvalidInput)
	do(t, "GET", base+"/v1/reports/silent-teams?month=2026-13", nil, auth...).wantProblem(t, 422, syncproto.CodeInvalidInput)
	r := do(t, "GET", base+"/v1/reports/silent-teams/csv?unit=list:1", nil, auth...)
	if r.status != 200 || string(r.body) != "silent-teams as csv of list:1" || !strings.HasPrefix(r.header.Get("Content-Type"), "text/csv") {
		t.Errorf("file: %d %q %v", r.status, r.body, r.header)
	}
	do(t, "GET", base+"/v1/reports/silent-teams/exe", nil, auth...).wantProblem(t, 422, syncproto.CodeInvalidInput)
}

func TestInstalledPagesMayCall(t *testing.T) {
	base, _ := start(t, httpapi.Options{})
	r := do(t, "OPTIONS", base+"/v1/exchange", nil, "Origin", "https://sync.example.org", "Access-Control-Request-Method", "POST", "Access-Control-Request-Private-Network", "true")
	if r.status != 204 || r.header.Get("Access-Control-Allow-Origin") != "*" || r.header.Get("Access-Control-Allow-Private-Network") != "true" {
		t.Errorf("preflight: %d %v", r.status, r.header)
	}
	if r := do(t, "POST", base+"/v1/exchange", nil, "Origin", "https://sync.example.org"); r.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("call: %v", r.header)
	}
	// Nothing else is open to foreign pages.
	if r := do(t, "GET", base+"/v1/status", nil, "Origin", "https://evil.example", "Authorization", "Bearer secret"); r.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("status: %v", r.header)
	}
}

// Code is served over TLS or to this machine, never over plain HTTP, also not
// to a page elsewhere whose name points here.
func TestMountsAreNotServedOverPlainHTTP(t *testing.T) {
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<script>"+r.URL.Path) })
	base, _ := start(t, httpapi.Options{Mounts: []httpapi.Mount{{Prefix: "/", Permit: httpapi.Anybody, Handler: app}, {Prefix: "/console", Permit: httpapi.Anybody, Handler: app}}})
	for _, path := range []string{"/app.js", "/console", "/console/x"} {
		do(t, "GET", base+path, nil, "Host", "192.168.1.1:8017").wantProblem(t, 404, syncproto.CodeScope)
		do(t, "GET", base+path, nil, "Host", "rebound.example").wantProblem(t, 404, syncproto.CodeScope)
		// A claimed proxy header from an untrusted peer changes nothing.
		do(t, "GET", base+path, nil, "Host", "rebound.example", "X-Forwarded-Proto", "https").wantProblem(t, 404, syncproto.CodeScope)
		if r := do(t, "GET", base+path, nil); r.status != 200 || string(r.body) != "<script>"+path {
			t.Errorf("%s on this machine: %d %q", path, r.status, r.body)
		}
	}
	if r := do(t, "GET", base+"/", nil, "Host", "192.168.1.1:8017"); r.status != 200 || bytes.Contains(r.body, []byte("<script>")) {
		t.Errorf("front page over plain HTTP: %d %s", r.status, r.body)
	}
	if r := do(t, "GET", base+"/v1/keys", nil, "Host", "192.168.1.1:8017"); string(r.body) != "notice" {
		t.Errorf("keys beside a mount on /: %d %q", r.status, r.body)
	}
}

func TestAdmin(t *testing.T) {
	type in struct{ A int }
	a := httpapi.NewAdmin("token", func(name string) (httpapi.Command, bool) {
		return func(_ context.Context, raw json.RawMessage) (any, error) {
			var v in
			if err := json.Unmarshal(raw, &v); err != nil {
				return nil, err
			}
			if v.A == 0 {
				return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "no A")
			}
			return in{v.A + 1}, nil
		}, name == "add"
	}, nil)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = a.Serve(ln) }()
	client, err := httpapi.NewAdminClient(ln.Addr().String(), "token")
	if err != nil {
		t.Fatal(err)
	}
	var out in
	if err := client.Call(t.Context(), "add", in{1}, &out); err != nil || out.A != 2 {
		t.Errorf("add: %v %v", out, err)
	}
	if err := client.Call(t.Context(), "add", in{}, nil); !errors.Is(err, &syncproto.Error{Code: syncproto.CodeInvalidInput}) {
		t.Errorf("refused command: %v", err)
	}
	if err := client.Call(t.Context(), "other", in{}, nil); !errors.Is(err, &syncproto.Error{Code: syncproto.CodeInvalidInput}) {
		t.Errorf("unknown command: %v", err)
	}
	wrong, err := httpapi.NewAdminClient(ln.Addr().String(), "guess")
	if err != nil {
		t.Fatal(err)
	}
	if err := wrong.Call(t.Context(), "add", in{1}, nil); !errors.Is(err, httpapi.ErrNoServer) {
		t.Errorf("wrong token: %v", err)
	}
	if err := a.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := client.Call(t.Context(), "add", in{1}, nil); !errors.Is(err, httpapi.ErrNoServer) {
		t.Errorf("after shutdown: %v", err)
	}
	if _, err := httpapi.NewAdminClient("192.168.1.1:80", "token"); err == nil {
		t.Error("the token may leave the machine")
	}
}
