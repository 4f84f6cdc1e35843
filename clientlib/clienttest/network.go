package clienttest

import (
	"context"
	"errors"
	"sync"

	"thonsync/clientlib"
)

// ErrCut is what a device sees of a connection that broke.
var ErrCut = errors.New("connection reset")

// Network connects devices with servers by URL. It implements
// clientlib.Transport and is safe for concurrent use.
type Network struct {
	mu      sync.Mutex
	servers map[string]*Server
	down    map[string]bool
	// fault is asked for every exchange with both bodies; it may change them.
	fault Fault
}

// Fault disturbs exchanges. Request runs before the server sees the body;
// Answer runs on what the server replied. An error breaks the connection there.
type Fault interface {
	Request(body []byte) ([]byte, error)
	Answer(body []byte) ([]byte, error)
}

// NewNetwork connects servers.
func NewNetwork(servers ...*Server) *Network {
	n := &Network{servers: map[string]*Server{}, down: map[string]bool{}}
	for _, s := range servers {
		n.servers[s.URL] = s
	}
	return n
}

// Add connects a further server.
func (n *Network) Add(s *Server) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.servers[s.URL] = s
}

// Down makes a server unreachable, or reachable again.
func (n *Network) Down(s *Server, down bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down[s.URL] = down
}

// Disturb sets what disturbs exchanges; nil for nothing.
func (n *Network) Disturb(f Fault) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fault = f
}

func (n *Network) find(url string) (*Server, Fault, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.servers[url]
	if s == nil || n.down[url] {
		return nil, nil, errors.New("no route to host")
	}
	return s, n.fault, nil
}

// Exchange implements clientlib.Transport.
func (n *Network) Exchange(ctx context.Context, url string, body []byte) (clientlib.Reply, error) {
	s, fault, err := n.find(url)
	if err != nil {
		return clientlib.Reply{}, err
	}
	if err := ctx.Err(); err != nil {
		return clientlib.Reply{}, err
	}
	if fault != nil {
		if body, err = fault.Request(body); err != nil {
			return clientlib.Reply{}, err
		}
	}
	answer, notice, err := s.Handle(body)
	if err != nil {
		return clientlib.Reply{}, err
	}
	if notice != nil {
		return clientlib.Reply{Notice: notice}, nil
	}
	if fault != nil {
		if answer, err = fault.Answer(answer); err != nil {
			return clientlib.Reply{}, err
		}
	}
	return clientlib.Reply{Answer: answer}, nil
}

// Keys implements clientlib.Transport.
func (n *Network) Keys(ctx context.Context, url string) ([]byte, error) {
	s, _, err := n.find(url)
	if err != nil {
		return nil, err
	}
	return s.Notice(), ctx.Err()
}

// CutAt breaks the next exchange after At bytes of request and answer counted
// together, once. Whole says that the truncated answer arrives without an error,
// as from a proxy that hides the cut.
type CutAt struct {
	At    int
	Whole bool
	Done  bool // the cut has happened
	seen  int
}

// Request implements Fault.
func (c *CutAt) Request(body []byte) ([]byte, error) {
	if c.Done {
		return body, nil
	}
	if c.At < len(body) {
		c.Done = true
		return nil, ErrCut
	}
	c.seen = len(body)
	return body, nil
}

// Answer implements Fault.
func (c *CutAt) Answer(body []byte) ([]byte, error) {
	if c.Done {
		return body, nil
	}
	if at := c.At - c.seen; at < len(body) {
		c.Done = true
		if c.Whole {
			return body[:at], nil
		}
		return nil, ErrCut
	}
	return body, nil
}

// FlipAt changes one byte of the answer, each time.
type FlipAt struct{ At int }

// Request implements Fault.
func (f FlipAt) Request(body []byte) ([]byte, error) { return body, nil }

// Answer implements Fault.
func (f FlipAt) Answer(body []byte) ([]byte, error) {
	out := append([]byte(nil), body...)
	out[f.At%len(out)] ^= 0x40
	return out, nil
}

// Portal answers every exchange with a page of its own, as a captive portal
// does.
type Portal struct{}

// Request implements Fault.
func (Portal) Request(body []byte) ([]byte, error) { return body, nil }

// Answer implements Fault.
func (Portal) Answer([]byte) ([]byte, error) { return []byte("<html>Please log in</html>"), nil }
