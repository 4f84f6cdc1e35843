package clientlib

import (
	"context"
	"crypto/rand"
	"database/sql"
	"io"
	mrand "math/rand/v2"
	"sync"
	"time"

	"thonsync/syncproto"
)

// Clock tells the device's own wall time. It may be wrong; nothing but display
// and stamps relies on it.
type Clock interface {
	// NowMS gives Unix milliseconds, UTC.
	NowMS() int64
}

// Opener opens the database at path with exactly one connection, exclusive
// locking, write-ahead logging, synchronous=FULL, foreign keys, secure_delete
// and immediate transactions. Pragmas must be set on the connection before any
// other statement, locking_mode first. An error with SQLite's code 5 (busy)
// means that another process holds the database.
type Opener func(ctx context.Context, path string) (*sql.DB, error)

// Transport carries exchanges to a server. Implementations must be safe for
// concurrent use and bound both time and the size of what they read.
type Transport interface {
	// Exchange sends an encoded request to the server with the given base URL.
	// It fails with a *ServerError where the server answered with a problem, and
	// with any other error where no answer came.
	Exchange(ctx context.Context, server string, body []byte) (Reply, error)
	// Keys fetches the server's current key notice.
	Keys(ctx context.Context, server string) ([]byte, error)
}

// Reply is what a server sent back: exactly one of Answer and Notice is set.
// Notice says that the request was for a key that the server no longer uses.
type Reply struct {
	Answer []byte
	Notice []byte
}

// ServerError is a problem that a server answered with.
type ServerError struct {
	Err        *syncproto.Error
	RetryAfter time.Duration // 0 where the server named none
}

// Error gives the problem's code and message.
func (e *ServerError) Error() string { return e.Err.Error() }

// Unwrap gives the problem.
func (e *ServerError) Unwrap() error { return e.Err }

// KeyStore keeps the device's 32-byte secret, under which personal fields and
// signing keys are encrypted. Implement it over the platform's key store where
// there is one.
type KeyStore interface {
	// Load gives the secret, or found == false if none was stored yet.
	Load(ctx context.Context) (secret [32]byte, found bool, err error)
	// Store keeps the secret durably; it is called once per store.
	Store(ctx context.Context, secret [32]byte) error
}

// Options tell how to open a device. Path is required; the rest has defaults,
// except that Sync and Join need a Transport.
type Options struct {
	Path      string      // database file
	Open      Opener      // default: modernc.org/sqlite, except in a browser
	Keys      KeyStore    // default: a key file at Path + ".key"
	Clock     Clock       // default: the system's
	Rand      io.Reader   // cryptographic randomness; default: crypto/rand
	Jitter    *mrand.Rand // spreads retries; default: seeded from Rand
	Transport Transport
	// Uptime is the time since the machine started; it must not follow the wall
	// clock, and should go on while the machine sleeps. It times the pauses after
	// wrong PINs. Default: the system's.
	Uptime func() time.Duration
}

// sharedReader lets several goroutines read from one source.
type sharedReader struct {
	mu sync.Mutex
	r  io.Reader
}

func (s *sharedReader) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.r.Read(p)
}

type systemClock struct{}

func (systemClock) NowMS() int64 { return time.Now().UnixMilli() }

func (o *Options) withDefaults() error {
	if o.Path == "" {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "no database path was given: name a file to keep the device's data in")
	}
	if o.Open == nil {
		o.Open = defaultOpener
	}
	if o.Keys == nil {
		o.Keys = FileKeyStore(o.Path + ".key")
	}
	if o.Clock == nil {
		o.Clock = systemClock{}
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Uptime == nil {
		o.Uptime = uptime
	}
	o.Rand = &sharedReader{r: o.Rand}
	if o.Jitter == nil {
		var seed [32]byte
		if _, err := io.ReadFull(o.Rand, seed[:]); err != nil {
			return syncproto.Wrap(syncproto.CodeInternal, err, "no randomness to start with")
		}
		o.Jitter = mrand.New(mrand.NewChaCha8(seed))
	}
	return nil
}
