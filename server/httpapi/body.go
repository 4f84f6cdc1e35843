package httpapi

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"thonsync/syncproto"
)

// errBodySize is told before anything of the body beyond the limit is read.
var errBodySize = syncproto.Errorf(syncproto.CodeTooLarge, "the request's body is over this server's limit: send it in smaller parts")

// prefetch is how much of a body is there when readBody begins, and firstBuffer
// what it gets before more has arrived.
const (
	prefetch    = 512
	firstBuffer = 1 << 10
)

// readBody reads the body as it arrives, so that memory goes with what a client
// has sent and not with what it says it will send: fasthttp by itself allocates
// the announced length at once, and 5,000 clients that announce a megabyte and
// then fall silent would cost five gigabytes. Handlers find the whole body in
// BodyRaw. The listener's read timeout covers the reading.
func (s *Server) readBody(c *fiber.Ctx) error {
	r := c.Request()
	if !r.IsBodyStream() {
		return c.Next()
	}
	limit, announced := s.opts.Limits.Body, r.Header.ContentLength()
	if announced > limit {
		return refuseBody(c)
	}
	var b bytes.Buffer
	b.Grow(min(firstBuffer, max(announced, 0)+bytes.MinRead))
	n, err := b.ReadFrom(io.LimitReader(r.BodyStream(), int64(limit)+1))
	if n > int64(limit) {
		return refuseBody(c)
	}
	if err == nil && announced >= 0 && n != int64(announced) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		c.Context().SetConnectionClose()
		return bodyFault(err)
	}
	r.SetBodyRaw(b.Bytes())
	c.Locals(localBody, b.Len())
	return c.Next()
}

// bodyBytes gives how much of a body was taken in. BodyRaw would read the rest
// of one that was refused, without a limit.
func bodyBytes(c *fiber.Ctx) int {
	n, _ := c.Locals(localBody).(int)
	return n
}

// refuseBody ends the connection, too: what is left of the body will not be read.
func refuseBody(c *fiber.Ctx) error {
	c.Context().SetConnectionClose()
	return errBodySize
}

func bodyFault(err error) error {
	var slow net.Error
	if errors.As(err, &slow) && slow.Timeout() {
		return &Problem{Code: codeTimeout, Status: http.StatusRequestTimeout, Detail: "The body came too slowly: send it in smaller parts"}
	}
	return syncproto.Errorf(syncproto.CodeMalformed, "the request's body ended before its announced length or is badly framed: send it again")
}

// refuseAmbiguous turns away heads that a proxy in front could read as another
// request: a bare line feed inside (RFC 9112 section 2.2 lets a server accept
// one) and a length beside chunks (section 6.1). fasthttp itself refuses two
// lengths, two hosts and malformed names.
func refuseAmbiguous(c *fiber.Ctx) error {
	raw := c.Request().Header.RawHeaders()
	length, chunked := false, false
	for line := range bytes.Lines(raw) {
		if !bytes.HasSuffix(line, []byte("\r\n")) && bytes.HasSuffix(line, []byte("\n")) {
			return refuseHead(c)
		}
		name, _, _ := bytes.Cut(line, []byte(":"))
		length = length || bytes.EqualFold(name, []byte(fiber.HeaderContentLength))
		chunked = chunked || bytes.EqualFold(name, []byte(fiber.HeaderTransferEncoding))
	}
	if length && chunked {
		return refuseHead(c)
	}
	return c.Next()
}

func refuseHead(c *fiber.Ctx) error {
	c.Context().SetConnectionClose()
	return syncproto.Errorf(syncproto.CodeMalformed, "the request's head can be read in two ways: send one length and end lines with CR LF")
}
