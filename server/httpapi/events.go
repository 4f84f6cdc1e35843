package httpapi

import (
	"bufio"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"thonsync/syncproto"
)

// Watcher hears which parts have changed.
type Watcher interface {
	// Changed gives a channel that holds a value when there is news, and is
	// closed when there will be none any more.
	Changed() <-chan struct{}
	// Take gives the names of the parts that changed since the last call.
	Take() []string
	// Stop ends watching.
	Stop()
}

const (
	maxStreams = 128              // open event streams; a stream costs a connection and a goroutine
	heartbeat  = 15 * time.Second // below what proxies take for a dead connection
	newsPause  = time.Second      // at most one event a second and stream
)

// events streams server-sent events: names of parts that have changed. The
// stream ends at Shutdown; browsers come back by themselves.
func (s *Server) events(c *fiber.Ctx) error {
	select {
	case s.streams <- struct{}{}:
	default:
		return syncproto.Errorf(syncproto.CodeOverload, "too many pages are being kept up to date: load the page again when you want to see what is new")
	}
	c.Set(fiber.HeaderContentType, "text/event-stream")
	c.Set("X-Accel-Buffering", "no") // nginx would hold events back
	conn, patience := c.Context().Conn(), s.opts.Limits.WriteTimeout
	w := s.opts.Events()
	c.Context().SetBodyStreamWriter(func(out *bufio.Writer) {
		defer func() { <-s.streams }()
		defer w.Stop()
		s.stream(out, w, func() {
			if patience > 0 {
				_ = conn.SetWriteDeadline(time.Now().Add(patience)) // the write after it shows whether the peer is there
			}
		})
	})
	return nil
}

// stream writes events until the peer is gone or the server stops.
func (s *Server) stream(out *bufio.Writer, w Watcher, extend func()) {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	send := func(text string) bool {
		extend()
		_, err := out.WriteString(text)
		return err == nil && out.Flush() == nil
	}
	for ok := send("retry: 3000\n\n"); ok; {
		select {
		case <-s.stopping:
			return
		case <-beat.C:
			ok = send(": alive\n\n")
		case _, more := <-w.Changed():
			ok = more && send("data: "+strings.Join(w.Take(), " ")+"\n\n") && s.pause(newsPause)
		}
	}
}

// pause waits; false when the server stops.
func (s *Server) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-s.stopping:
		return false
	case <-t.C:
		return true
	}
}

func describeEvents(doc *huma.OpenAPI) {
	op := declare(huma.Operation{
		OperationID: "events", Method: http.MethodGet, Path: "/v1/events", Tags: []string{"server"},
		Summary: "Which parts have changed, as server-sent events",
		Description: "The data of an event are names of parts, such as records, separated by blanks. An event holds nothing that was recorded: " +
			"read what you show again.",
		Responses: map[string]*huma.Response{
			"200": {Description: "Events until the server stops", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: "string"}}}},
		},
	})
	doc.AddOperation(&op)
}
