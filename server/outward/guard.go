package outward

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// errPrivate says that an address leads to where a webhook must not: whoever may
// make one could otherwise reach through this server what only it can reach.
var errPrivate = errors.New("the address is in a private network")

// reserved are ranges beyond those that netip names itself: carriers' shared
// addresses, this network, benchmarks, protocol assignments, ways that hold an
// IPv4 address in an IPv6 one, and those kept for later.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("2001::/32"),
}

// public tells whether an address is one that anybody on the internet could call.
func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() {
		return false
	}
	for _, p := range reserved {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// guardedTransport looks at the address that is really called, after the name was
// looked up: a name may mean one address now and another a moment later.
func guardedTransport(private bool) *http.Transport {
	d := &net.Dialer{Timeout: 5 * time.Second}
	if !private {
		d.Control = func(_, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil || !public(at.Addr()) {
				return errPrivate
			}
			return nil
		}
	}
	return &http.Transport{
		DialContext: d.DialContext, TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: sendTimeout,
		MaxResponseHeaderBytes: 64 << 10, MaxIdleConns: 4, IdleConnTimeout: 30 * time.Second, DisableCompression: true,
	}
}

// failure says what went wrong, without addresses.
func failure(err error) string {
	switch {
	case errors.Is(err, errPrivate):
		return "the address is in a private network: allow it with --webhook-private if that is meant"
	case os.IsTimeout(err):
		return "no answer in time"
	}
	return "nobody could be reached there"
}
