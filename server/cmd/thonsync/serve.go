package main

import (
	"errors"
	"net"
	"net/url"
	"os"

	"thonsync/server"
	"thonsync/server/enrol"
	"thonsync/server/keys"
	"thonsync/syncproto/credential"
)

type serveCmd struct {
	Join  string `help:"Joining code (thonsync:join?...) that makes this data folder a point's, once." placeholder:"CODE"`
	Label string `help:"What the officer at the centre sees while this point joins." placeholder:"TEXT"`
}

// Run serves until it is told to stop.
func (c *serveCmd) Run(a *app) error {
	opts := a.options()
	var n *server.Node
	opts.Ready = func(address string) { // not before: what it tells to type must work
		c.greet(a, n, address)
		if a.ready != nil {
			a.ready(address)
		}
	}
	if c.Join != "" {
		if err := c.join(a, opts); err != nil {
			return err
		}
	}
	var err error
	if n, err = server.Open(a.ctx, a.cfg, opts); err != nil {
		return err
	}
	l, err := n.Listen()
	if err != nil {
		return errors.Join(err, n.Close())
	}
	return errors.Join(n.Serve(a.ctx, l), n.Close())
}

// join has this folder taken in. One that has joined is served as it is, so
// that the flag may stay in a unit file.
func (c *serveCmd) join(a *app, opts server.Options) error {
	folder, err := keys.Open(server.KeysFolder(a.cfg.Data), opts.RandomOrDefault())
	if err != nil {
		return err
	}
	_, joined, err := folder.Membership()
	if err != nil {
		return err
	}
	if joined {
		a.log.Warn("this point has joined already: --join is ignored")
		return nil
	}
	label := c.Label
	if label == "" {
		label, _ = os.Hostname() // an empty label is fine
	}
	return server.JoinUpstream(a.ctx, a.cfg, opts, c.Join, label)
}

// greet says what runs where and what to type next.
func (c *serveCmd) greet(a *app, n *server.Node, address string) {
	host, _ := os.Hostname() // falls back to the listen address
	if host == "" {
		host = "localhost"
	}
	fp := keys.Fingerprint(n.Centre().Key())
	if n.Role() == credential.RolePoint {
		up, err := url.Parse(n.Upstream())
		if err == nil {
			a.say("Point. Upstream %s, centre %s.", up.Redacted(), fp)
		}
	} else {
		a.say("Centre %s.", fp)
	}
	cfg := a.cfg
	cfg.Listen = address // the port that was given, where the setting left it open
	a.say("Listening on %s, reachable as %s.", address, cfg.ServerURL(host))
	switch first, err := n.FirstRun(a.ctx); {
	case err != nil:
		a.log.Error("no link for the first account could be made", "error", err)
	case first != "":
		a.say("Nobody can sign in yet. The first account is made here, once, within an hour:")
		a.say("  %s", first)
	}
	if _, port, err := net.SplitHostPort(address); err == nil && !cfg.TLS() {
		a.say("Take a phone in:   http://localhost:%s%s in a browser on this machine", port, enrol.Path)
	}
	a.say("Take a device in:  thonsync --data %s code new --help", a.cfg.Data)
	a.say("Look after it:     thonsync --data %s doctor", a.cfg.Data)
}
