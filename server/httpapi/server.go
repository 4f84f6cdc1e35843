// Package httpapi is the one package that knows HTTP: routes, limits, problem
// answers, the OpenAPI document, and the admin listener with its client. It
// decides nothing about the exchange and imports no store; what it needs stands
// in the interfaces of Options.
package httpapi

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"

	"thonsync/server/audit"
)

// Exchanger answers exchanges. Implementations must be safe for concurrent use.
type Exchanger interface {
	// Exchange answers one encoded request. On a *syncproto.Error with
	// CodeOldKey the answer holds the encoded key notice; on any other error it
	// is nil.
	Exchange(ctx context.Context, request []byte) (answer []byte, err error)
	// Keys gives the encoded current key notice.
	Keys(ctx context.Context) ([]byte, error)
}

// Mount serves part of the site from a net/http handler: the console, the phone
// app. The handler learns from CallerOf and AddressOf who asks, and checks the
// CSRF token of forms itself.
type Mount struct {
	Prefix  string // such as /console
	Permit  Permit // who may use it; the zero value lets nobody
	Handler http.Handler
}

// Limits bound what peers may take.
type Limits struct {
	Body         int           // bytes of a request body
	Concurrency  int           // exchanges worked on at once
	Queue        int           // exchanges that wait
	PerIP        int           // connections from one address
	Connections  int           // connections from all together; 0 for 1,024
	ReadTimeout  time.Duration // for a whole request to arrive
	WriteTimeout time.Duration
	IdleTimeout  time.Duration
	WorkTimeout  time.Duration // for one request to be worked on
}

// Options are what New needs.
type Options struct {
	Exchange Exchanger
	Status   StatusReporter
	Reports  Reporter // nil for none
	Access   Access
	Audit    AuditReader   // nil for none
	Devices  DeviceKeeper  // nil for none
	Accounts AccountKeeper // nil for none
	Requests RequestKeeper // nil for none
	Working  Worker        // nil for none
	// Reorganise reorganises the units; nil at a point.
	Reorganise Reorganiser
	// Health finds what is wrong; nil for none.
	Conflicts ConflictKeeper // nil for none
	Health    HealthKeeper
	// Registers compares records with registers; nil at a point.
	Registers Registrar
	// Links finds records about the same citizen; nil at a point.
	Links Linker
	// Outward serves other systems; nil for none.
	Outward Outward
	// Foreign is told who asks for what is not there or not his; nil for nobody.
	Foreign audit.Writer
	Mounts  []Mount
	// Events begins watching what changes; nil where nothing is told.
	Events  func() Watcher
	Metrics *prometheus.Registry
	Version Version
	Limits  Limits
	Proxies []string // whose X-Forwarded headers are believed
	Log     *slog.Logger
	// Spread gives a random number below n; it spreads Retry-After. Nil for the
	// standard library's.
	Spread func(n int64) int64
}

// Server serves HTTP. It is safe for concurrent use.
type Server struct {
	app    *fiber.App
	api    huma.API
	opts   Options
	log    *slog.Logger
	spread func(int64) int64
	gate   *gate
	meter  *meter
	base   context.Context
	cancel context.CancelFunc

	streams  chan struct{} // holds a value for each open event stream
	stopping chan struct{} // closed when Shutdown begins

	mu      sync.Mutex
	ln      net.Listener
	stopped bool
}

// maxConnections bounds open connections of all addresses together where Limits
// says nothing. Each costs up to 50 KB while a body trickles in.
const maxConnections = 1024

func (l Limits) connections() int {
	if l.Connections > 0 {
		return l.Connections
	}
	return maxConnections
}

// New builds the server; Serve starts it.
func New(o Options) *Server {
	s := &Server{opts: o, log: o.Log, spread: o.Spread, streams: make(chan struct{}, maxStreams), stopping: make(chan struct{})}
	if s.spread == nil {
		s.spread = randomSpread
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.base, s.cancel = context.WithCancel(context.Background())
	s.gate = newGate(o.Limits.Concurrency, o.Limits.Queue)
	s.meter = newMeter(o.Metrics, s.gate)
	s.app = newApp(o.Limits, o.Proxies, s.writeProblem)
	s.app.Use(s.observe, s.secureHeaders, refuseAmbiguous, refuseEncodings, s.readBody)
	s.api = humafiber.New(s.app, apiConfig(o.Version))
	s.api.UseMiddleware(s.guardAPI)
	s.routes()
	return s
}

// newApp makes a Fiber app with every default that is unsafe replaced.
func newApp(l Limits, proxies []string, onError fiber.ErrorHandler) *fiber.App {
	cfg := fiber.Config{
		AppName: "thonsync", DisableStartupMessage: true,
		Immutable: true, // strings outlive the request; fasthttp reuses its buffers
		BodyLimit: l.Body,
		// readBody reads and limits bodies; see there.
		StreamRequestBody: true,
		Concurrency:       maxConnections + 64, // the listener makes room before this is reached
		ReadTimeout:       l.ReadTimeout, WriteTimeout: l.WriteTimeout, IdleTimeout: l.IdleTimeout,
		ReadBufferSize: 6 << 10, // largest header; every connection has one
		ErrorHandler:   onError,
		// Without the check any client could claim any address.
		EnableTrustedProxyCheck: true, TrustedProxies: proxies, EnableIPValidation: true,
		DisablePreParseMultipartForm: true,
	}
	if len(proxies) > 0 {
		cfg.ProxyHeader = fiber.HeaderXForwardedFor
	}
	app := fiber.New(cfg)
	app.Server().CloseOnShutdown = true
	app.Server().NoDefaultServerHeader = true
	return app
}

func (s *Server) routes() {
	s.route(fiber.MethodOptions, "/v1/exchange", allowPages)
	s.route(fiber.MethodOptions, "/v1/keys", allowPages)
	s.route(fiber.MethodPost, "/v1/exchange", allowPages, s.exchange)
	s.route(fiber.MethodGet, "/v1/keys", allowPages, s.keys)
	s.route(fiber.MethodGet, "/healthz", s.healthz)
	s.route(fiber.MethodGet, "/readyz", s.readyz)
	s.route(fiber.MethodGet, "/metrics", s.metrics())
	s.registerVersion()
	s.registerStatus()
	s.registerAccount()
	if s.opts.Audit != nil {
		s.registerAudit()
	}
	if s.opts.Accounts != nil {
		s.registerAccounts()
	}
	if s.opts.Requests != nil {
		s.registerRequests()
	}
	if s.opts.Devices != nil {
		s.registerDevices()
	}
	if s.opts.Reports != nil {
		s.registerReports()
	}
	if s.opts.Working != nil {
		s.registerWorking()
	}
	if s.opts.Registers != nil {
		s.registerRegisters()
	}
	if s.opts.Links != nil {
		s.registerLinks()
	}
	if s.opts.Reorganise != nil {
		s.registerReorganise()
	}
	if s.opts.Conflicts != nil {
		s.registerConflicts()
	}
	if s.opts.Health != nil {
		s.registerHealth()
	}
	if s.opts.Events != nil {
		s.route(fiber.MethodGet, "/v1/events", s.events)
		describeEvents(s.api.OpenAPI())
	}
	if s.opts.Outward != nil {
		s.registerOutward()
		s.registerWebhooks()
	}
	describeExchange(s.api.OpenAPI())
	s.route(fiber.MethodGet, "/openapi.json", s.openAPI)
	s.route(fiber.MethodGet, "/docs", s.docs)
	rooted := false
	for _, m := range s.opts.Mounts {
		rooted = rooted || m.Prefix == "/"
		s.mount(m)
	}
	if !rooted {
		s.route(fiber.MethodGet, "/", s.frontPage)
	}
}

// Serve answers on ln until Shutdown; tlsConfig may be nil. It returns nil
// after Shutdown.
func (s *Server) Serve(ln net.Listener, tlsConfig *tls.Config) error {
	ln = newCrowd(ln, s.opts.Limits.PerIP, s.opts.Limits.connections(), s.opts.Proxies)
	if !s.begin(ln) {
		return nil
	}
	if tlsConfig != nil {
		ln = tls.NewListener(ln, tlsConfig)
	}
	err := s.app.Listener(ln)
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// begin notes the listener; it closes it and gives false after Shutdown, which
// may come before Fiber has begun to listen.
func (s *Server) begin(ln net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		_ = ln.Close() // nobody was answered on it
		return false
	}
	s.ln = ln
	return true
}

// end closes the listener, and any that comes later.
func (s *Server) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped && s.stopping != nil {
		close(s.stopping)
	}
	s.stopped = true
	if s.ln != nil {
		_ = s.ln.Close() // Fiber closes it, too
	}
}

// Shutdown stops listening, ends waiting exchanges with an overload answer and
// lets those under way finish until ctx is done.
func (s *Server) Shutdown(ctx context.Context) error {
	s.end()
	if s.gate != nil {
		s.gate.close()
	}
	err := s.app.ShutdownWithContext(ctx)
	s.cancel()
	if err != nil {
		return err
	}
	return ctx.Err()
}

// Document gives the OpenAPI document as JSON.
func (s *Server) Document() ([]byte, error) { return s.api.OpenAPI().MarshalJSON() }

// Test lets tests call the server without a socket.
func (s *Server) Test(r *http.Request) (*http.Response, error) { return s.app.Test(r, -1) }
