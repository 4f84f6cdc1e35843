package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/google/uuid"

	"thonsync/server/accounts"
	"thonsync/server/audit"
	"thonsync/syncproto"
)

// Keys of values that a request carries.
const (
	localRequestID = "request-id"
	localCode      = "code"
	localBody      = "body-bytes"
	localCaller    = "caller" // accounts.Caller of whoever has signed in
	headerID       = "X-Request-Id"
)

type requestIDKey struct{}

// RequestID gives the id of the request that ctx belongs to, or "".
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

func requestID(c *fiber.Ctx) string {
	id, _ := c.Locals(localRequestID).(string)
	return id
}

// observe gives every request an id, a deadline, a log line and its numbers,
// and turns a panic into a plain fault. It comes first.
func (s *Server) observe(c *fiber.Ctx) (err error) {
	start := time.Now()
	id := uuid.NewString()
	c.Locals(localRequestID, id)
	c.Set(headerID, id)
	ctx := context.WithValue(s.base, requestIDKey{}, id)
	if d := s.opts.Limits.WorkTimeout; d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d)
		defer cancel()
	}
	c.SetUserContext(ctx)
	defer func() {
		if p := recover(); p != nil {
			s.log.ErrorContext(ctx, "handler panicked", "request_id", id, "panic", panicText(p), "stack", string(debug.Stack()))
			err = s.writeProblem(c, syncproto.Errorf(syncproto.CodeInternal, "panic"))
		}
		s.finish(c, start)
	}()
	if err := c.Next(); err != nil {
		return s.writeProblem(c, err)
	}
	return nil
}

// panicText names a panic without values that a caller may have put into it.
func panicText(p any) string {
	if err, ok := p.(interface{ RuntimeError() }); ok {
		return fmt.Sprint(err)
	}
	return fmt.Sprintf("%T", p)
}

func (s *Server) finish(c *fiber.Ctx, start time.Time) {
	status, took := c.Response().StatusCode(), time.Since(start)
	if status == http.StatusNotFound {
		s.noteForeign(c)
	}
	s.meter.request(c.Route().Path, c.Method(), status, took)
	level := slog.LevelDebug
	if isExchange(c) || status >= 400 {
		level = slog.LevelInfo
	}
	s.log.LogAttrs(c.UserContext(), level, "request", append(attrs(c, status, nil),
		slog.Duration("took", took), slog.Int("bytes_in", bodyBytes(c)), slog.Int("bytes_out", sentBytes(c)))...)
}

// sentBytes gives the length of an answer; 0 for a stream, which only begins now.
func sentBytes(c *fiber.Ctx) int {
	if c.Response().IsBodyStream() {
		return 0
	}
	return len(c.Response().Body())
}

// noteForeign writes down who asked for something that is not there or not his:
// which of the two is told apart nowhere, so neither is it here. The answer goes
// out after it.
func (s *Server) noteForeign(c *fiber.Ctx) {
	caller, ok := c.Locals(localCaller).(accounts.Caller)
	if !ok || s.opts.Foreign == nil {
		return
	}
	ctx := c.UserContext()
	e := audit.Event{Actor: caller.Actor(), Action: audit.Foreign, Object: c.Route().Path, Unit: c.Query("unit"), Result: audit.Refused, Request: requestID(c)}
	err := s.opts.Foreign.Note(ctx, e)
	if syncproto.CodeOf(err) == syncproto.CodeInvalidInput { // what was asked for is no unit
		e.Unit = ""
		err = s.opts.Foreign.Note(ctx, e)
	}
	if err != nil {
		s.log.ErrorContext(ctx, "a request for what is foreign could not be written down", "request_id", requestID(c), "code", syncproto.CodeOf(err), "error", err)
	}
}

// attrs describes a request for the log. Query strings and bodies stay out: they
// may hold what must not be logged.
func attrs(c *fiber.Ctx, status int, err error) []slog.Attr {
	out := []slog.Attr{
		slog.String("request_id", requestID(c)), slog.String("method", c.Method()),
		slog.String("route", c.Route().Path), slog.Int("status", status),
	}
	if code, ok := c.Locals(localCode).(string); ok {
		out = append(out, slog.String("code", code))
	}
	if err != nil {
		out = append(out, slog.String("error", err.Error()))
	}
	return out
}

func levelOf(code syncproto.Code) slog.Level {
	if code == syncproto.CodeInternal {
		return slog.LevelError
	}
	return slog.LevelWarn
}

func isExchange(c *fiber.Ctx) bool { return c.Path() == "/v1/exchange" }

// secureHeaders tells browsers to trust nothing that a page does not say.
// Handlers that serve pages with scripts set their own policy.
func (s *Server) secureHeaders(c *fiber.Ctx) error {
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	c.Set(fiber.HeaderXFrameOptions, "DENY")
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	return c.Next()
}

// refuseEncodings turns compressed bodies away on every route. Bodies do not
// compress, and a decoder between wire and limit is how a small body becomes a
// large one.
func refuseEncodings(c *fiber.Ctx) error {
	if e := c.Get(fiber.HeaderContentEncoding); e != "" && !strings.EqualFold(e, "identity") {
		return &Problem{Code: codeEncoding, Status: http.StatusUnsupportedMediaType,
			Detail: "Content-Encoding is not accepted: send the body as it is"}
	}
	return c.Next()
}

// allowPages lets a page that was loaded elsewhere, from the centre's https
// address, call this server on a hotspot (CORS and local network access). No
// cookies are involved and the messages protect themselves.
func allowPages(c *fiber.Ctx) error {
	c.Set(fiber.HeaderAccessControlAllowOrigin, "*")
	c.Set(fiber.HeaderAccessControlExposeHeaders, fiber.HeaderRetryAfter+", "+headerID)
	if c.Method() != fiber.MethodOptions {
		return c.Next()
	}
	c.Set(fiber.HeaderAccessControlAllowMethods, "GET, POST, OPTIONS")
	c.Set(fiber.HeaderAccessControlAllowHeaders, fiber.HeaderContentType)
	c.Set("Access-Control-Allow-Private-Network", "true")
	c.Set(fiber.HeaderAccessControlMaxAge, "86400")
	return c.SendStatus(http.StatusNoContent)
}

// mount serves a net/http handler. Pages with code or accounts are served only
// where the browser can be sure who sent them: over TLS, or to this machine
// itself.
func (s *Server) mount(m Mount) {
	h := adaptor.HTTPHandler(m.Handler)
	guarded := func(c *fiber.Ctx) error {
		if !c.Secure() && !fromThisMachine(c) {
			if c.Path() == "/" {
				return s.frontPage(c)
			}
			return &Problem{Code: syncproto.CodeScope, Status: http.StatusNotFound,
				Detail: "Pages are served only over https or on this machine itself"}
		}
		if err := s.enterMount(c, m.Permit); err != nil {
			return s.turnAway(c, err)
		}
		// A handler adds its headers to these; a browser would obey both policies.
		policies := takeHeaders(c, fiber.HeaderContentSecurityPolicy, fiber.HeaderReferrerPolicy, fiber.HeaderCacheControl)
		err := h(c)
		for name, value := range policies {
			if len(c.Response().Header.Peek(name)) == 0 && value != "" {
				c.Set(name, value)
			}
		}
		return err
	}
	if m.Prefix == "/" {
		s.app.Get("/*", guarded)
		return
	}
	s.app.All(m.Prefix, guarded)
	s.app.All(m.Prefix+"/*", guarded)
}

// enterMount lets a request into a mount and tells the handler who sends it and
// from where. On open mounts whoever has signed in is known, too.
func (s *Server) enterMount(c *fiber.Ctx, p Permit) error {
	caller, err := s.identify(c.UserContext(), c.Get(fiber.HeaderAuthorization), c.Cookies(SessionCookie))
	if err == nil {
		c.Locals(localCaller, caller)
	}
	if err == nil && !p.Open {
		// Forms carry their token in a field, which the handler checks.
		err = s.admits(p, &caller, fiber.MethodGet, "")
	}
	if err != nil && !(p.Open && errors.Is(err, errSignIn)) {
		return err
	}
	if err == nil {
		c.Context().SetUserValue(callerKey{}, caller)
	}
	if !p.Open {
		c.Set(fiber.HeaderCacheControl, "no-store")
	}
	c.Context().SetUserValue(addressKey{}, c.IP())
	return nil
}

// turnAway sends people who open a page to where they can sign in.
func (s *Server) turnAway(c *fiber.Ctx, err error) error {
	if c.Method() != fiber.MethodGet || !strings.Contains(c.Get(fiber.HeaderAccept), "text/html") {
		return err
	}
	switch {
	case errors.Is(err, errSignIn):
		return c.Redirect(signInPage(c), http.StatusSeeOther)
	case errors.Is(err, errFactor):
		return c.Redirect(AccountPath, http.StatusSeeOther)
	}
	return err
}

func takeHeaders(c *fiber.Ctx, names ...string) map[string]string {
	out := make(map[string]string)
	for _, name := range names {
		out[name] = string(c.Response().Header.Peek(name))
		c.Response().Header.Del(name)
	}
	return out
}

// fromThisMachine reports whether the request came over loopback and was meant
// for it. The Host is looked at too, since a page elsewhere can have its name
// point at 127.0.0.1.
func fromThisMachine(c *fiber.Ctx) bool {
	ip := c.Context().RemoteIP()
	if ip == nil || !ip.IsLoopback() {
		return false
	}
	host := c.Hostname()
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	at := net.ParseIP(host)
	return host == "localhost" || at != nil && at.IsLoopback()
}
