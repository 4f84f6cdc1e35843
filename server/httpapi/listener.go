package httpapi

import (
	"net"
	"net/netip"
	"sync"
)

// perIP bounds the connections from one address. fasthttp's own bound puts
// closed connections back into a pool while they may still be read from.
type perIP struct {
	net.Listener
	limit int
	free  []netip.Prefix // proxies, which stand for many
	shut  func() error   // closes once
	mu    sync.Mutex
	open  map[netip.Addr]int
}

func limitPerIP(ln net.Listener, limit int, proxies []string) net.Listener {
	l := &perIP{Listener: ln, limit: limit, open: make(map[netip.Addr]int), shut: sync.OnceValue(ln.Close)}
	for _, p := range proxies {
		if a, err := netip.ParseAddr(p); err == nil {
			l.free = append(l.free, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
		} else if n, err := netip.ParsePrefix(p); err == nil {
			l.free = append(l.free, n)
		}
	}
	return l
}

// Close closes the listener; a second call changes nothing and gives the same
// result. fasthttp gives up draining if closing fails.
func (l *perIP) Close() error { return l.shut() }

// Accept gives the next connection that is within its address's bound and
// closes those that are not.
func (l *perIP) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		var from netip.Addr // none for connections without an address, which share one bound
		if at, ok := c.RemoteAddr().(*net.TCPAddr); ok {
			from = at.AddrPort().Addr().Unmap()
		}
		if l.isFree(from) {
			return c, nil
		}
		if l.take(from) {
			return &countedConn{Conn: c, leave: sync.OnceFunc(func() { l.leave(from) })}, nil
		}
		_ = c.Close() // nothing was said on it
	}
}

func (l *perIP) isFree(a netip.Addr) bool {
	for _, p := range l.free {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func (l *perIP) take(a netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[a] >= l.limit {
		return false
	}
	l.open[a]++
	return true
}

func (l *perIP) leave(a netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[a]--; l.open[a] <= 0 {
		delete(l.open, a)
	}
}

type countedConn struct {
	net.Conn
	leave func()
}

// Close closes the connection and gives its place free.
func (c *countedConn) Close() error {
	c.leave()
	return c.Conn.Close()
}
