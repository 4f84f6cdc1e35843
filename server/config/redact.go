package config

import "net/url"

// withoutPassword gives a database address that may be shown and logged.
func withoutPassword(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "(not an address)"
	}
	if q := u.Query(); q.Has("password") {
		q.Set("password", "xxxxx")
		u.RawQuery = q.Encode()
	}
	return u.Redacted()
}
