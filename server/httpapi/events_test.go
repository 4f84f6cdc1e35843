package httpapi

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"thonsync/server/console/events"
)

// listenEvents opens an event stream on a real connection.
func listenEvents(t *testing.T, address string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/v1/events", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer secret")
	resp, err := (&http.Transport{}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func serveEvents(t *testing.T, hub *events.Hub) (*Server, string) {
	t.Helper()
	d := &stand{}
	s := New(Options{
		Exchange: d, Status: d, Access: d, Events: func() Watcher { return hub.Watch() }, Version: Version{Role: "centre"},
		Limits: Limits{Body: 4096, Concurrency: 2, Queue: 2, PerIP: 8},
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(ln, nil) }()
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return s, ln.Addr().String()
}

// An open page hears of a change by the name of the part alone, and a server
// that stops ends the stream instead of waiting for the page.
func TestEventsReachAPageAndEndWithTheServer(t *testing.T) {
	var hub events.Hub
	s, address := serveEvents(t, &hub)
	resp := listenEvents(t, address) //nolint:bodyclose // listenEvents closes it when the test ends
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || got != "text/event-stream" {
		t.Fatalf("%d %s", resp.StatusCode, got)
	}
	lines := bufio.NewScanner(resp.Body)
	if !lines.Scan() || lines.Text() != "retry: 3000" {
		t.Fatalf("begins with %q", lines.Text())
	}
	hub.Publish("records", "conflicts")
	var heard string
	for heard == "" && lines.Scan() {
		heard, _ = strings.CutPrefix(lines.Text(), "data: ")
		if !strings.HasPrefix(lines.Text(), "data: ") {
			heard = ""
		}
	}
	if heard != "conflicts records" {
		t.Fatalf("heard %q", heard)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatalf("the stream held the server back: %v", err)
	}
	ended := false
	for !ended { // which must come
		ended = !lines.Scan()
	}
	if err := lines.Err(); err != nil {
		t.Errorf("the stream broke: %v", err)
	}
}

// No more pages are kept up to date than there is room for.
func TestEventStreamsAreBounded(t *testing.T) {
	s, _ := newStand(t)
	for range maxStreams {
		s.streams <- struct{}{}
	}
	if got := ask(t, s, "GET", "/v1/events", "Authorization", "Bearer secret").StatusCode; got != http.StatusServiceUnavailable {
		t.Errorf("one too many was answered %d", got)
	}
	<-s.streams
	if got := ask(t, s, "GET", "/v1/events", "Authorization", "Bearer secret").StatusCode; got != http.StatusOK {
		t.Errorf("with room again: %d", got)
	}
}

// A page on which nothing happens does not hold a server back that stops.
func TestIdleEventStreamEndsWithTheServer(t *testing.T) {
	s, address := serveEvents(t, &events.Hub{})
	lines := bufio.NewScanner(listenEvents(t, address).Body) //nolint:bodyclose // listenEvents closes it when the test ends
	if !lines.Scan() || lines.Text() != "retry: 3000" {
		t.Fatalf("begins with %q", lines.Text())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // less than a heartbeat
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("the stream held the server back: %v", err)
	}
}
