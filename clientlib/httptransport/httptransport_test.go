package httptransport_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"thonsync/clientlib"
	"thonsync/clientlib/clienttest"
	"thonsync/clientlib/httptransport"
	"thonsync/syncproto"
)

// serve exposes a test server over HTTP as a real one does.
func serve(t *testing.T, s *clienttest.Server) *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+httptransport.PathKeys, func(w http.ResponseWriter, _ *http.Request) { w.Write(s.Notice()) })
	mux.HandleFunc("POST "+httptransport.PathExchange, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		answer, notice, err := s.Handle(body)
		var problem *clientlib.ServerError
		switch {
		case errors.As(err, &problem):
			w.Header().Set("Content-Type", httptransport.MediaProblem)
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusServiceUnavailable)
			io.WriteString(w, `{"code":"`+string(problem.Err.Code)+`","title":"t","detail":"wait"}`)
		case err != nil:
			w.WriteHeader(http.StatusInternalServerError)
		case notice != nil:
			w.Header().Set("Content-Type", httptransport.MediaKeys)
			w.WriteHeader(http.StatusConflict)
			w.Write(notice)
		default:
			w.Write(answer)
		}
	})
	h := httptest.NewServer(mux)
	t.Cleanup(h.Close)
	return h
}

func TestSyncOverHTTP(t *testing.T) {
	w := clienttest.NewWorld(t, 1)
	h := serve(t, w.Centre)
	w.Centre.URL = h.URL
	opts := w.Options("a")
	opts.Transport = httptransport.New(0)
	ctx := context.Background()
	d, err := clientlib.Open(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	member := syncproto.WelcomeMember{ID: clienttest.Member("a"), Name: "Người Thử"}
	if _, err := d.Join(ctx, w.Centre.Invite(clienttest.Grant{Unit: clienttest.Unit, Members: []syncproto.WelcomeMember{member}}), "phone"); err != nil {
		t.Fatal(err)
	}
	if err := d.SelectPerson(ctx, member.ID, ""); err != nil {
		t.Fatal(err)
	}
	w.Sync(d)
	w.Card(d, 1)
	w.Centre.RotateExchange()
	if r := w.Sync(d); r.Waiting != 0 {
		t.Fatalf("after a change of key: %+v", r)
	}
	w.Centre.Busy(time.Second)
	r, err := d.Sync(ctx)
	if syncproto.CodeOf(err) != syncproto.CodeOverload || r.RetryAfter < 7*time.Second {
		t.Fatalf("busy server: %v, retry after %v", err, r.RetryAfter)
	}
}

func TestWhatIsNotTheServer(t *testing.T) {
	cases := map[string]struct {
		handler http.HandlerFunc
		want    syncproto.Code
	}{
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://portal.invalid/", http.StatusFound)
		}, syncproto.CodeUpstream},
		"html":      {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500); io.WriteString(w, "<html>") }, syncproto.CodeUpstream},
		"proxy 503": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, syncproto.CodeOverload},
		"too much": {func(w http.ResponseWriter, _ *http.Request) {
			w.Write(make([]byte, syncproto.MaxMessageBytes+1))
		}, syncproto.CodeTooLarge},
		"no notice": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(409) }, syncproto.CodeUpstream},
		"cut": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.Write([]byte("short"))
		}, syncproto.CodeUpstream},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			h := httptest.NewServer(c.handler)
			defer h.Close()
			tr := httptransport.New(5 * time.Second)
			defer tr.Close()
			if _, err := tr.Exchange(context.Background(), h.URL, []byte("x")); syncproto.CodeOf(err) != c.want {
				t.Errorf("exchange: %v, want %s", err, c.want)
			}
			if name == "no notice" || name == "too much" {
				return
			}
			if _, err := tr.Keys(context.Background(), h.URL); syncproto.CodeOf(err) != c.want {
				t.Errorf("keys: %v, want %s", err, c.want)
			}
		})
	}
	if _, err := httptransport.New(0).Keys(context.Background(), "http://127.0.0.1:1"); syncproto.CodeOf(err) != syncproto.CodeUpstream {
		t.Errorf("nobody listens: %v", err)
	}
}
