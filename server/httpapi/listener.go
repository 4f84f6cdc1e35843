package httpapi

import (
	"container/list"
	"net"
	"net/netip"
	"sync"
)

// crowd bounds the connections from one address and from all together. Where a
// bound is reached the connection that has been open longest gives way to the
// new one: an exchange is short, and whoever holds connections open to keep
// others out loses them first, even from behind a hotspot's one address. An
// honest client that is cut so repeats its exchange, which is always safe.
// fasthttp's own bound refuses the newcomer and puts closed connections back
// into a pool while they may still be read from.
type crowd struct {
	net.Listener
	perAddress, total int
	free              []netip.Prefix // proxies, which stand for many
	shut              func() error   // closes once

	mu     sync.Mutex
	all    *list.List // of *member, longest open first
	byAddr map[netip.Addr]*list.List
}

// member is one open connection.
type member struct {
	net.Conn
	crowd    *crowd
	from     netip.Addr
	exempt   bool // from the bound of its address
	inAll    *list.Element
	inAddr   *list.Element
	leftOnce sync.Once
}

func newCrowd(ln net.Listener, perAddress, total int, proxies []string) *crowd {
	l := &crowd{
		Listener: ln, perAddress: perAddress, total: total, shut: sync.OnceValue(ln.Close),
		all: list.New(), byAddr: make(map[netip.Addr]*list.List),
	}
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
func (l *crowd) Close() error { return l.shut() }

// Accept gives the next connection.
func (l *crowd) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	m := &member{Conn: c, crowd: l}
	if at, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		m.from = at.AddrPort().Addr().Unmap()
	}
	m.exempt = l.isFree(m.from)
	for _, old := range l.enter(m) {
		_ = old.Close() // whoever serves it sees an end like any other
	}
	return m, nil
}

func (l *crowd) isFree(a netip.Addr) bool {
	for _, p := range l.free {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// enter adds m and gives those that have to make room for it.
func (l *crowd) enter(m *member) (out []*member) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !m.exempt {
		same := l.byAddr[m.from]
		if same == nil {
			same = list.New()
			l.byAddr[m.from] = same
		}
		m.inAddr = same.PushBack(m)
		if same.Len() > l.perAddress {
			out = append(out, same.Front().Value.(*member))
		}
	}
	m.inAll = l.all.PushBack(m)
	for _, old := range out {
		l.remove(old)
	}
	if l.all.Len() > l.total {
		old := l.all.Front().Value.(*member)
		l.remove(old)
		out = append(out, old)
	}
	return out
}

// remove takes m out of both lists; l.mu is held. A second call changes nothing.
func (l *crowd) remove(m *member) {
	if m.inAll == nil {
		return
	}
	l.all.Remove(m.inAll)
	m.inAll = nil
	if m.inAddr == nil {
		return
	}
	same := l.byAddr[m.from]
	same.Remove(m.inAddr)
	if same.Len() == 0 {
		delete(l.byAddr, m.from)
	}
}

// Close closes the connection and gives its place free.
func (m *member) Close() error {
	m.leftOnce.Do(func() {
		m.crowd.mu.Lock()
		defer m.crowd.mu.Unlock()
		m.crowd.remove(m)
	})
	return m.Conn.Close()
}
