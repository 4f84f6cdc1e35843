package server

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"thonsync/server/httpapi"
	"thonsync/server/keys"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// Listeners are where Serve answers. Admin must be on loopback.
type Listeners struct {
	Public net.Listener
	Admin  net.Listener
}

// Listen opens the listeners that the settings name; the admin one takes any
// free port. Call it before Serve, not beside it.
func (n *Node) Listen() (Listeners, error) {
	var lc net.ListenConfig
	pub, err := lc.Listen(context.Background(), "tcp", n.cfg.Listen)
	if err != nil {
		return Listeners{}, fmt.Errorf("listening on %s: %w: choose another --listen or stop the other program", n.cfg.Listen, err)
	}
	admin, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return Listeners{}, errors.Join(fmt.Errorf("listening for commands: %w", err), pub.Close())
	}
	n.cfg.Listen = pub.Addr().String() // joining codes name the real port
	return Listeners{pub, admin}, nil
}

// adminFile tells the command line how to reach a running server.
type adminFile struct {
	Address string `json:"address"`
	Token   string `json:"token"`
	PID     int    `json:"pid"`
}

// Serve answers until ctx is done, then stops in order: no new connections,
// requests under way finish, background work ends. Close the node afterwards.
func (n *Node) Serve(ctx context.Context, l Listeners) error {
	tlsConfig, err := n.tlsConfig()
	if err != nil {
		return errors.Join(err, l.Public.Close(), l.Admin.Close())
	}
	token, err := n.announce(l.Admin.Addr().String())
	if err != nil {
		return errors.Join(err, l.Public.Close(), l.Admin.Close())
	}
	defer func() { _ = os.Remove(n.path(adminName)) }() // a leftover only costs a failed dial
	public, err := n.publicServer()
	if err != nil {
		return errors.Join(err, l.Public.Close(), l.Admin.Close())
	}
	admin := httpapi.NewAdmin(token, n.command, n.log)

	failed := make(chan error, 2)
	var servers, work sync.WaitGroup
	servers.Go(func() { failed <- public.Serve(l.Public, tlsConfig) })
	servers.Go(func() { failed <- admin.Serve(l.Admin) })
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	n.startWork(background, &work)
	n.serving.Store(l.Public.Addr().String())
	if n.opts.Ready != nil {
		n.opts.Ready(l.Public.Addr().String())
	}
	n.log.Info("serving", "role", n.role, "address", l.Public.Addr().String(), "origin", n.self(), "tls", tlsConfig != nil)

	select {
	case <-ctx.Done():
		err = nil
	case err = <-failed:
	}
	n.log.Info("stopping", "drain", n.cfg.DrainTimeout)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), n.cfg.DrainTimeout)
	defer cancel()
	err = errors.Join(err, public.Shutdown(drain), admin.Shutdown(drain))
	stop()
	work.Wait()
	servers.Wait()
	return err
}

// announce writes the admin file and gives its fresh token.
func (n *Node) announce(address string) (string, error) {
	raw := make([]byte, 32)
	if _, err := rand.Read(raw); err != nil {
		return "", fmt.Errorf("no randomness for the admin token: %w", err)
	}
	f := adminFile{Address: address, Token: hex.EncodeToString(raw), PID: os.Getpid()}
	b, err := json.Marshal(f)
	if err != nil {
		return "", err
	}
	return f.Token, keys.WriteFile(n.path(adminName), b)
}

// DialAdmin gives a client to the server that runs on the data folder. It fails
// with httpapi.ErrNoServer if none has announced itself.
func DialAdmin(data string) (*httpapi.AdminClient, error) {
	n := &Node{}
	n.cfg.Data = data
	b, err := os.ReadFile(n.path(adminName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, httpapi.ErrNoServer
	}
	var f adminFile
	if err == nil {
		err = json.Unmarshal(b, &f)
	}
	if err != nil {
		return nil, fmt.Errorf("reading how to reach the server: %w", err)
	}
	return httpapi.NewAdminClient(f.Address, f.Token)
}

func (n *Node) publicServer() (*httpapi.Server, error) {
	token, err := n.keys.APIToken()
	if err != nil {
		return nil, err
	}
	access := &gatekeeper{n: n, token: token}
	c := n.cfg
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), n.gauges())
	o := httpapi.Options{
		Exchange: n, Status: n, Access: access, Audit: access, Devices: n, Accounts: n, Foreign: n.audit, Metrics: registry, Version: n.version(),
		Events:  func() httpapi.Watcher { return n.events.Watch() },
		Proxies: c.TrustedProxies, Log: n.log,
		Limits: httpapi.Limits{
			Body: c.BodyLimit, Concurrency: c.Concurrency, Queue: c.Queue, PerIP: c.MaxPerIP, Connections: c.MaxConnections,
			ReadTimeout: c.ReadTimeout, WriteTimeout: c.WriteTimeout, IdleTimeout: c.IdleTimeout, WorkTimeout: c.WorkTimeout,
		},
	}
	if n.opts.Reports != nil {
		o.Reports = n.opts.Reports(n)
	}
	o.Working = n.worker()
	if n.links != nil {
		o.Links = linker{n}
		o.Registers = registrar{n, n.registers}
	}
	if n.reorganise != nil {
		o.Reorganise = reorganiser{n, n.reorganise}
	}
	if n.requests != nil {
		o.Requests = desk{n}
	}
	o.Health, o.Outward = healthKeeper{n}, outsider{n}
	o.Conflicts = n.conflicts
	if n.opts.Mounts != nil {
		o.Mounts = n.opts.Mounts(n)
	}
	return httpapi.New(o), nil
}

func (n *Node) version() httpapi.Version {
	return httpapi.Version{
		Program: n.opts.Version, Commit: n.opts.Commit, Role: string(n.role),
		Protocol: httpapi.ProtocolRange{Min: syncproto.Version, Max: syncproto.Version},
	}
}

// Exchange answers one encoded request, and wakes the relay if it may have
// brought something.
func (n *Node) Exchange(ctx context.Context, request []byte) ([]byte, error) {
	answer, err := n.answer.Exchange(ctx, request)
	if err == nil && n.relay != nil {
		n.relay.Wake()
	}
	return answer, err
}

// Keys gives the encoded key notice.
func (n *Node) Keys(ctx context.Context) ([]byte, error) { return n.answer.Keys(ctx) }

// tidyEvery is how often signs of life are written and keys looked after.
const tidyEvery = 15 * time.Second

// Tidy does what is due now and then. A serving node does so by itself.
func (n *Node) Tidy(ctx context.Context) error {
	err := errors.Join(n.answer.Flush(ctx), n.accts.Tidy(ctx), n.audit.Tidy(ctx), n.ingest.Purge(ctx))
	if n.role == credential.RoleCentre {
		err = errors.Join(err, n.keepSeals(ctx), n.syncOrders(ctx), n.openWithdrawals(ctx), n.tidyRegisters(ctx))
	}
	return err
}

// startWork starts what runs beside requests.
func (n *Node) startWork(ctx context.Context, g *sync.WaitGroup) {
	if n.relay != nil {
		g.Go(func() { n.relay.Run(ctx) })
	}
	g.Go(func() { n.every(ctx, tidyEvery, "tidying", n.Tidy) })
	g.Go(func() { n.every(ctx, watchEvery, "watching", n.Watch) })
	g.Go(func() { n.every(ctx, deliverEvery, "telling webhooks", n.DeliverHooks) })
	if n.links != nil {
		g.Go(func() { n.every(ctx, tidyEvery, "comparing records", n.compareRecords) })
	}
	if n.backup != nil {
		g.Go(func() { n.every(ctx, time.Hour, "destroying backup keys", n.DestroyPeriods) })
	}
	if n.backup != nil && n.cfg.BackupEvery > 0 {
		g.Go(func() { n.runBackups(ctx) })
	}
}

// every runs f at intervals until ctx is done.
func (n *Node) every(ctx context.Context, d time.Duration, what string, f func(context.Context) error) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.opts.After(d):
		}
		if err := f(ctx); err != nil && ctx.Err() == nil {
			n.log.ErrorContext(ctx, what+" failed", "error", err)
		}
	}
}

var _ httpapi.Exchanger = (*Node)(nil)

// tlsConfig gives the TLS settings; nil where a proxy speaks TLS, or nobody.
func (n *Node) tlsConfig() (*tls.Config, error) {
	switch c := n.cfg; {
	case c.TLSCert != "":
		return certificateFiles(c.TLSCert, c.TLSKey)
	case len(c.ACMEDomains) > 0:
		return acme(c.ACMEDomains, c.ACMEEmail, n.path("acme")), nil
	}
	return nil, nil
}
