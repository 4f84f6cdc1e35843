package keys

import (
	"crypto/ed25519"
	"sync/atomic"

	"thonsync/syncproto"
)

// Trust is what a running server signs with and whom it believes. Both may
// change while it runs, together and at once for all who share it. It is safe
// for concurrent use.
type Trust struct{ now atomic.Pointer[moment] }

type moment struct {
	key    ed25519.PrivateKey
	centre *syncproto.Centre
}

// NewTrust begins with the server's own key and the centre's line of keys.
func NewTrust(key ed25519.PrivateKey, centre *syncproto.Centre) *Trust {
	t := &Trust{}
	t.Adopt(key, centre)
	return t
}

// Key gives the key that signs now.
func (t *Trust) Key() ed25519.PrivateKey { return t.now.Load().key }

// Public gives the public half of Key.
func (t *Trust) Public() ed25519.PublicKey { return t.Key().Public().(ed25519.PublicKey) }

// Centre gives the line of the centre's keys as known now.
func (t *Trust) Centre() *syncproto.Centre { return t.now.Load().centre }

// Both gives key and line of one moment.
func (t *Trust) Both() (ed25519.PrivateKey, *syncproto.Centre) {
	m := t.now.Load()
	return m.key, m.centre
}

// Adopt goes over to a key and a line.
func (t *Trust) Adopt(key ed25519.PrivateKey, centre *syncproto.Centre) {
	t.now.Store(&moment{key, centre})
}

// Follow goes over to a longer line, at a point.
func (t *Trust) Follow(centre *syncproto.Centre) { t.Adopt(t.Key(), centre) }
