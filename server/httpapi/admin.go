package httpapi

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"thonsync/syncproto"
)

// Command is one thing that the command line asks of a running server. in and
// the result are JSON.
type Command func(ctx context.Context, in json.RawMessage) (any, error)

// Commands finds a command by its name; false if there is none.
type Commands func(name string) (Command, bool)

// Admin serves commands on loopback to whoever holds the token, which is to say
// to whoever may read the data folder.
type Admin struct{ srv *Server }

// maxAdminBody bounds one command: a whole bundle in base64 and some room.
const maxAdminBody = 2 * syncproto.MaxBundleBytes

// NewAdmin builds the admin server.
func NewAdmin(token string, commands Commands, log *slog.Logger) *Admin {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	base, cancel := context.WithCancel(context.Background())
	s := &Server{log: log, spread: randomSpread, meter: newMeter(nil, newGate(1, 0)), base: base, cancel: cancel}
	// No WorkTimeout: a backup or an import takes as long as it takes.
	s.opts.Limits = Limits{Body: maxAdminBody, PerIP: 64, ReadTimeout: time.Minute, IdleTimeout: time.Minute}
	s.app = newApp(s.opts.Limits, nil, s.writeProblem)
	needToken := func(c *fiber.Ctx) error {
		got, ok := strings.CutPrefix(c.Get(fiber.HeaderAuthorization), "Bearer ")
		if !ok || subtle.ConstantTimeCompare([]byte(got), []byte(token)) != 1 {
			return errSignIn
		}
		return c.Next()
	}
	s.app.Use(s.observe, refuseEncodings, needToken, s.readBody)
	s.app.Post("/admin/:name", func(c *fiber.Ctx) error {
		cmd, ok := commands(c.Params("name"))
		if !ok {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "the running server does not know this command: it may be older than this program")
		}
		out, err := cmd(c.UserContext(), bytes.Clone(c.BodyRaw()))
		if err != nil {
			return err
		}
		body, err := json.Marshal(out)
		if err != nil {
			return fmt.Errorf("encoding the result: %w", err)
		}
		c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
		return c.Send(body)
	})
	return &Admin{srv: s}
}

// Serve answers on ln until Shutdown.
func (a *Admin) Serve(ln net.Listener) error { return a.srv.Serve(ln, nil) }

// Shutdown lets commands under way finish until ctx is done, then ends them.
func (a *Admin) Shutdown(ctx context.Context) error { return a.srv.Shutdown(ctx) }

// AdminClient asks a running server for commands.
type AdminClient struct {
	address string
	token   string
	http    *http.Client
}

// NewAdminClient speaks to the admin listener at address, which must be a
// loopback address, so that the token never leaves the machine.
func NewAdminClient(address, token string) (*AdminClient, error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !at.Addr().IsLoopback() {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "admin address %q is not on this machine", address)
	}
	// A proxy from the environment must not see the token either.
	return &AdminClient{address: address, token: token, http: &http.Client{Transport: &http.Transport{Proxy: nil}}}, nil
}

// ErrNoServer means that nobody listens at the admin address.
var ErrNoServer = errors.New("no server answers on the admin address")

// Call runs a command and decodes its result into out, which may be nil. It
// fails with ErrNoServer if nobody listens, and with the server's error
// otherwise.
func (c *AdminClient) Call(ctx context.Context, name string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encoding the command: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.address+"/admin/"+name, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%w: %w", ErrNoServer, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAdminBody+1))
	if err != nil {
		return fmt.Errorf("the server stopped while it answered %s: %w", name, err)
	}
	if resp.StatusCode != http.StatusOK {
		return problemError(b, resp.StatusCode)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(b, out)
}

// problemError reads a problem answer back into an error.
func problemError(body []byte, status int) error {
	var p Problem
	if err := json.Unmarshal(body, &p); err != nil || p.Code == "" {
		return fmt.Errorf("the server answered with status %d and no problem", status)
	}
	if p.Status == http.StatusUnauthorized {
		return ErrNoServer // another program has taken the port meanwhile
	}
	msg := p.Detail
	if p.Code == syncproto.CodeInternal {
		msg = "the server met a fault; its log has the request " + p.RequestID
	}
	return &syncproto.Error{Code: p.Code, Message: msg}
}
