package server_test

import (
	"net"
	"net/url"
	"strings"
)

// listenAt listens on a port that was just given free.
func listenAt(address string) (net.Listener, error) { return net.Listen("tcp", address) }

// replaceServer points a joining URI at another server.
func replaceServer(uri, from, to string) string {
	return strings.Replace(uri, url.QueryEscape(from), url.QueryEscape(to), 1)
}
